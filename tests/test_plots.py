from itertools import pairwise
from types import SimpleNamespace
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from norse.torch import LICell, LIFCell, LIFRecurrentCell
from norse.torch.functional.leaky_integrator import LIState
from norse.torch.functional.lif import LIFFeedForwardState

from pokersnn_helpers import (
    EVENT_DTYPE,
    SNN,
    Classifier,
    FastSNN,
    SpikingNetwork,
    recording_statistics,
)
from pokersnn_helpers.figures.animations import animate_frames
from pokersnn_helpers.figures.colours import ACCENT, CLASS_COLOURS, class_colours
from pokersnn_helpers.figures.labels import add_class_legend, label_ends
from pokersnn_helpers.figures.networks import (
    draw_raster,
    draw_readout,
    plot_answer,
    plot_dynamics,
    plot_network,
    plot_neuron,
    plot_templates,
    plot_votes,
)
from pokersnn_helpers.figures.recordings import (
    plot_closeness,
    plot_distributions,
    plot_event_cloud,
    plot_frames,
    plot_passes,
)
from pokersnn_helpers.figures.results import (
    plot_confusion,
    plot_curves,
    plot_history,
    plot_intervals,
)
from pokersnn_helpers.training import Evaluation, History


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_book_style_is_found():
    with plt.style.context("pokersnn_helpers.figures.book"):
        assert plt.rcParams["axes.spines.top"] is False


def test_frames_show_on_minus_off_on_one_scale():
    frame = torch.zeros(2, 35, 35)
    frame[1, 4, 3], frame[0, 20, 10] = 5, 2
    fig = plot_frames([frame, frame / 5], ["a", "b"])
    first, second = (ax.images[0] for ax in fig.axes[:2])
    assert first.get_array()[4, 3] == 5 and first.get_array()[20, 10] == -2
    assert first.get_clim() == second.get_clim() == (-5, 5)
    assert [ax.get_title() for ax in fig.axes[:2]] == ["a", "b"]


def shown(ax, fig):
    """Return the size of a panel's picture in inches, as it is drawn."""
    fig.canvas.draw()
    box = ax.images[0].get_window_extent()
    return box.width / fig.dpi, box.height / fig.dpi


@pytest.mark.parametrize(("height", "width"), [(35, 35), (260, 346), (480, 640)])
def test_frames_of_any_sensor_fill_their_panels(height, width):
    fig = plot_frames([torch.ones(2, height, width)] * 6, list("abcdef"), columns=3)
    drawn, tall = shown(fig.axes[0], fig)
    assert drawn > 1.3 and tall == pytest.approx(drawn * height / width, rel=0.01)
    assert fig.get_figheight() < 2 * tall + 1.2


def test_every_frame_needs_a_title():
    with pytest.raises(ValueError, match="shorter"):
        plot_frames([torch.zeros(2, 5, 5)] * 2, ["a"])


def test_colours_of_the_suits_are_fixed_and_others_differ_from_them():
    with plt.style.context("pokersnn_helpers.figures.book"):
        chosen = class_colours(["left", "spade", "right", "club"])
    assert chosen["spade"] == CLASS_COLOURS["spade"]
    assert chosen["club"] == CLASS_COLOURS["club"]
    assert len(set(chosen.values())) == 4
    assert len(class_colours([str(number) for number in range(30)])) == 30


def test_distributions_draw_a_dot_for_every_recording(simulated):
    table = recording_statistics(simulated)
    fig = plot_distributions(table, ["events"])
    drawn = np.concatenate([line.get_ydata() for line in fig.axes[0].lines])
    assert sorted(drawn) == sorted(table["events"])


@pytest.mark.parametrize(("order", "expected"), [(None, "bac"), (["c", "b", "a"], "cba")])
def test_distributions_of_any_classes_stand_in_their_order(order, expected):
    table = pd.DataFrame({"class": list("babc"), "events": [1, 2, 3, 5]})
    if order:
        table["class"] = pd.Categorical(table["class"], order)
    axes = plot_distributions(table, ["events"]).axes[0]
    assert "".join(label.get_text() for label in axes.get_xticklabels()) == expected
    values = {"a": [2], "b": [1, 3], "c": [5]}
    assert [line.get_ydata().tolist() for line in axes.lines] == [values[name] for name in expected]


class Layers(NamedTuple):
    first: Any
    second: Any
    readout: Any


class Own(SpikingNetwork):
    """A layer of images, which records no spikes, and a recurrent one."""

    def __init__(self):
        super().__init__()
        self.convolution = torch.nn.Conv2d(2, 3, 5)
        self.first, self.second = LIFCell(), LIFRecurrentCell(12, 12)
        self.linear = torch.nn.Linear(12, 2)
        self.readout = LICell()

    def step(self, frame, state):
        first, second, readout = state or (None, None, None)
        spikes, first = self.first(self.convolution(frame), first)
        spikes, second = self.second(spikes.flatten(1), second)
        voltage, readout = self.readout(self.linear(spikes), readout)
        return voltage, Layers(first, second, readout)


def run(network, *size):
    network.record = True
    with torch.no_grad():
        network(torch.poisson(torch.full((6, 3, 2, *size), 0.5)))
    return network.recording


def test_dynamics_of_any_network_show_the_states_that_its_layers_have():
    recording = run(Own(), 6, 6)
    fig = plot_dynamics(recording, 0.001, ["left", "right"], sample=1, neurons=5)
    titles = [ax.get_title() for ax in fig.axes]
    assert titles[-1].startswith("readout") and len(titles) == 6
    assert all("first" in title for title in titles[:2])
    assert [title.split()[0] for title in titles[2:3]] == ["second"]
    assert ["spikes" in titles[2], "currents" in titles[3], "voltages" in titles[4]] == [True] * 3
    assert "5 first neurons" in titles[1]
    drawn = [line.get_ydata() for line in fig.axes[1].lines]
    np.testing.assert_allclose(drawn, recording.first.v[:, 1].flatten(1)[:, :5].T)
    assert [ax.get_xlabel() for ax in fig.axes] == [""] * 5 + ["time (ms)"]


class Group(NamedTuple):
    left: Any
    right: Any


class Grouped(NamedTuple):
    eyes: Group
    steps: torch.Tensor  # no layer's
    readout: Any


def test_legend_of_many_long_names_stays_inside_the_figure():
    names = [f"right arm clockwise {number}" for number in range(11)]
    fig, ax = plt.subplots(layout="constrained")
    draw_readout(ax, torch.randn(4, 11), 0.001, names)
    add_class_legend(fig, ax)
    fig.canvas.draw()
    box = fig.legends[0].get_window_extent()
    assert box.x0 >= 0 and box.x1 <= fig.bbox.x1
    assert len(fig.legends[0].get_texts()) == 11


def test_dynamics_of_layers_in_groups_are_found():
    hidden = LIFFeedForwardState(*torch.ones(2, 4, 2, 7))
    recording = Grouped(Group(hidden, hidden), torch.zeros(4, 2), LIState(*torch.zeros(2, 4, 2, 3)))
    fig = plot_dynamics(recording, 0.001, ["a", "b", "c"])
    titles = " ".join(ax.get_title() for ax in fig.axes)
    assert "7 eyes.left neurons" in titles and "7 eyes.right neurons" in titles


def test_dynamics_of_a_lone_readout_are_its_voltages():
    class Lone(SpikingNetwork):
        def __init__(self):
            super().__init__()
            self.readout = LICell()

        def step(self, frame, state):
            return self.readout(frame.flatten(1), state)

    recording = run(Lone(), 1, 1)
    (ax,) = plot_dynamics(recording, 0.001, ["left", "right"], sample=2).axes
    assert ax.lines[0].get_ydata().tolist() == recording.v[:, 2, 0].tolist()
    assert ax.get_xlabel() == "time (ms)"


def test_dynamics_say_that_nothing_was_recorded():
    with pytest.raises(TypeError, match=r"NoneType; set network\.record = True"):
        plot_dynamics(SNN().recording, 0.001, ["left", "right"])


def recorded(silence=0, classes="abcd"):
    """Run a network that spikes, and return it with its frames and the names of its classes."""
    torch.manual_seed(0)
    snn = SNN(output_size=len(classes))
    snn.record = True
    frames = torch.poisson(torch.full((6, 2, 2, 35, 35), 0.05))
    frames[len(frames) - silence :] = 0
    with torch.no_grad():
        snn(frames)
    return snn, frames, list(classes)


def test_dynamics_put_the_first_step_at_1_ms():
    snn, _, classes = recorded()
    fig = plot_dynamics(snn.recording, dt=0.001, classes=classes, sample=1)
    spikes, currents, voltages, _ = fig.axes
    assert currents.lines[0].get_xdata().tolist() == [1, 2, 3, 4, 5, 6]
    assert np.allclose(currents.lines[0].get_ydata(), snn.recording.lif0.i[:, 1, 0])
    assert np.allclose(voltages.lines[0].get_ydata(), snn.recording.lif0.v[:, 1, 0])
    assert spikes.get_title() == f"hidden spikes: {int(snn.recording.lif0.z[:, 1].sum())}"


def test_dynamics_begin_with_the_input_and_shade_the_silence_after_it():
    snn, frames, classes = recorded(silence=2)
    fig = plot_dynamics(snn.recording, 0.001, classes, sample=1, frames=frames)
    assert len(fig.axes) == 5
    bars = [bar.get_height() for bar in fig.axes[0].containers[0]]
    assert bars == frames[:, 1].sum(dim=(1, 2, 3)).tolist() and bars[-2:] == [0, 0]
    for ax in fig.axes:
        shade = ax.patches[-1]
        assert (shade.get_x(), shade.get_width()) == (4, 2)
        assert shade.get_zorder() < min(child.zorder for child in [*ax.images, *ax.lines, ax.xaxis])


def test_dynamics_follow_the_busiest_of_the_drawn_neurons():
    snn, _, classes = recorded()
    spikes = snn.recording.lif0.z[:, 1]
    busiest = int(spikes[:, :20].sum(dim=0).argmax())
    fig = plot_dynamics(snn.recording, 0.001, classes, sample=1)
    for ax, field in zip(fig.axes[1:3], "iv", strict=True):
        (accent,) = (line for line in ax.lines if line.get_color() == ACCENT)
        np.testing.assert_allclose(
            accent.get_ydata(), getattr(snn.recording.lif0, field)[:, 1, busiest]
        )
    (mark,) = fig.axes[0].lines
    assert mark.get_ydata()[0] == busiest + 0.5


def test_raster_fills_a_cell_for_every_spike():
    spikes = torch.zeros(5, 3)
    spikes[1, 2] = spikes[4, 0] = 1
    _, ax = plt.subplots()
    draw_raster(ax, spikes, dt=0.002)
    (image,) = ax.images
    assert np.array_equal(image.get_array(), spikes.T)
    assert image.get_extent() == [0, 10, 3, 0]  # a spike's cell is its time step, in ms
    assert ax.get_title() == "2 spikes"


def test_raster_sorts_neurons_by_their_vote_and_marks_the_groups():
    spikes = torch.eye(5)
    votes = torch.tensor([1, 0, 3, 1, 0])
    _, ax = plt.subplots()
    names = ["club", "heart", "diamond", "spade"]
    draw_raster(ax, spikes, 0.001, votes, names, marked=3)
    assert np.array_equal(ax.images[0].get_array(), spikes.T[[1, 4, 0, 3, 2]])
    (mark,) = ax.lines
    assert mark.get_ydata()[0] == 3.5
    strips = [strip.get_segments()[0][:, 1].tolist() for strip in ax.collections]
    assert strips == [[0, 2], [2, 4], [4, 5]]
    labels = {text.get_text(): (text.get_position()[1], text.get_color()) for text in ax.texts}
    assert labels == {
        "club": (1, CLASS_COLOURS["club"]),
        "heart": (3, CLASS_COLOURS["heart"]),
        "spade": (4.5, CLASS_COLOURS["spade"]),
    }


def test_labels_stand_at_the_ends_of_their_lines_and_never_overlap():
    fig, ax = plt.subplots(figsize=(6, 2), layout="constrained")
    for name, end in [("far", 0.0), ("second", 9.0), ("third", 9.1), ("first", 8.9)]:
        ax.plot([0, 1], [5, end], label=name)
    ax.plot([0, 1], [0, 0], color="grey")
    label_ends(ax)
    places = {text.get_text(): text.get_position()[1] for text in ax.texts}
    assert list(places) == ["far", "second", "third", "first"]
    assert places["far"] == pytest.approx(0, abs=0.01)
    assert np.mean([places[name] for name in ("first", "second", "third")]) == pytest.approx(9)
    assert [text.get_color() for text in ax.texts] == [line.get_color() for line in ax.lines[:4]]
    fig.canvas.draw()
    boxes = sorted((text.get_window_extent() for text in ax.texts), key=lambda box: box.y0)
    assert all(low.y1 <= high.y0 + 4 for low, high in pairwise(boxes))
    assert max(box.x1 for box in boxes) <= fig.bbox.x1


def test_readout_dots_mark_what_decode_reads():
    voltages = torch.randn(9, 4)
    _, ax = plt.subplots()
    draw_readout(ax, voltages, 0.001, ["club", "heart", "diamond", "spade"])
    dots = [line.get_ydata()[0] for line in ax.lines if line.get_marker() == "o"]
    assert np.allclose(dots, voltages.max(dim=0).values)


def test_neuron_shows_its_threshold():
    fig = plot_neuron(np.arange(3), np.zeros(3), np.zeros(3), threshold=0.3)
    for ax in fig.axes:
        assert any(np.allclose(line.get_ydata(), 0.3) for line in ax.lines)


def test_neuron_marks_inputs_and_spikes_at_their_times():
    inputs, spikes = np.array([0.0, 0.5, 2]), np.array([0.0, 1, 0])
    fig = plot_neuron(np.arange(3), np.ones(3), np.ones(3), spikes=spikes, inputs=inputs)
    marks = [ax.lines[-1].get_xdata().tolist() for ax in fig.axes]
    assert marks == [[0, 0.5, 2], [1]]
    titles = [ax.get_title() for ax in fig.axes]
    assert titles == ["synaptic current (3 input events)", "membrane voltage (1 spike)"]


def test_history_is_drawn_in_percent_and_without_a_test_curve_if_there_is_none():
    history = History(loss=[2, 1], accuracy=[0.5, 0.75])
    fig = plot_history(history)
    assert fig.axes[1].lines[0].get_ydata().tolist() == [50, 75]
    assert [len(ax.lines) for ax in fig.axes] == [1, 1]


def test_confusion_has_true_classes_in_rows():
    log_probabilities = torch.eye(4)[[1, 1, 3]]
    evaluation = Evaluation(log_probabilities, targets=torch.tensor([0, 1, 3]))
    fig = plot_confusion(evaluation, ["club", "heart", "diamond", "spade"])
    counts = fig.axes[0].images[0].get_array()
    assert counts[0, 1] == 1 and counts[1, 1] == 1 and counts[3, 3] == 1 and counts.sum() == 3
    assert fig.axes[0].get_xlabel() == "predicted class"
    assert fig.axes[0].get_ylabel() == "true class"


def test_history_names_both_curves():
    history = History([2, 1], [0.5, 0.75], [3, 2], [0.25, 0.5])
    fig = plot_history(history)
    assert [line.get_label() for line in fig.axes[0].lines] == ["training", "held out"]
    assert fig.axes[1].lines[1].get_ydata().tolist() == [25, 50]
    assert [text.get_text() for text in fig.axes[1].get_legend().texts] == ["training", "held out"]


def test_closeness_has_a_row_per_statistic_and_a_dot_per_class():
    index = pd.MultiIndex.from_product([("club", "spade"), ("events", "interval (ms)")])
    values = {"ratio": [1, 1.2, 0.9, np.nan], "overlap": [1, 0.2, 0, 0.7]}
    table = pd.DataFrame(values, index.set_names(["class", "statistic"]))
    ratio, overlap = plot_closeness(table).axes
    assert [tick.get_text() for tick in ratio.get_yticklabels()] == ["events", "interval"]
    assert [line.get_xdata().tolist() for line in overlap.lines] == [[1, 0.2], [0, 0.7]]
    club, spade = ratio.lines
    assert club.get_xdata().tolist() == [1, 1.2] and spade.get_xdata()[0] == 0.9
    assert club.get_ydata()[0] < spade.get_ydata()[0]  # beside each other
    assert club.get_color() != spade.get_color()


def wired(sensor_size=(6, 5, 2)):
    """Return a network whose first two neurons carry one pixel each to class 1 and class 0."""
    width, height, _ = sensor_size
    snn = SNN(width * height * 2, hidden_size=3, output_size=2)
    with torch.no_grad():
        snn.lif0.input_weights.zero_()
        snn.linear.weight.zero_()
        snn.lif0.input_weights[0, 1 * width * height + 2 * width + 4] = 1  # ON at x = 4, y = 2
        snn.lif0.input_weights[1, 3 * width + 1] = 1  # OFF at x = 1, y = 3
        snn.linear.weight[1, 0] = snn.linear.weight[0, 1] = 1
        snn.linear.weight[0, 2] = 0.5
    return snn


def test_templates_show_where_events_speak_for_a_class_and_against_it():
    fig = plot_templates(wired(), ["left", "right"], (6, 5, 2))
    on_left, on_right, off_left, off_right = (ax.images[0].get_array() for ax in fig.axes)
    assert on_right[2, 4] == 0.5 and on_left[2, 4] == -0.5
    assert off_left[3, 1] == 0.5 and off_right[3, 1] == -0.5
    assert all(np.count_nonzero(image) == 1 for image in (on_left, on_right, off_left, off_right))
    assert [ax.get_title() for ax in fig.axes] == ["left", "right", "", ""]
    assert [ax.get_ylabel() for ax in fig.axes] == ["ON events", "", "OFF events", ""]


def test_votes_sort_neurons_by_class_and_by_weight():
    snn = wired()
    spikes = torch.arange(6.0).reshape(2, 3)
    fig = plot_votes(snn, spikes, ["left", "right"])
    weights, counts = (ax.images[0].get_array() for ax in fig.axes[:2])
    order = [1, 2, 0]  # two for the first class, the larger weight first
    assert np.array_equal(weights, snn.linear.weight.detach()[:, order])
    assert np.array_equal(counts, spikes[:, order])
    assert [ax.collections[0].get_segments()[0][0, 0] for ax in fig.axes[:2]] == [1.5, 1.5]


def words(fig):
    return "\n".join(text.get_text() for text in fig.axes[0].texts)


@pytest.mark.parametrize("network", [SNN, FastSNN])
def test_network_is_drawn_with_its_sizes(network):
    text = words(plot_network(network(hidden_size=30, output_size=3)))
    for size in ("2,450 counts", "30 LIF neurons", "30 × 30", "3 × 30", "3 leaky integrators"):
        assert size in text


def test_other_network_is_drawn_as_a_chain_of_its_layers():
    text = words(plot_network(Own()))
    for layer in ("convolution: Conv2d, 153 parameters", "linear: Linear, 26 parameters"):
        assert layer in text
    assert text.index("convolution") < text.index("first") < text.index("readout")


def test_intervals_are_drawn_by_name_and_some_are_marked():
    fig = plot_intervals({"a": (50, 40, 55), "b": (70, 60, 90)}, "%", ["b"], line=25)
    ax = fig.axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    ends = [tuple(lines.get_segments()[0][:, 0]) for lines in ax.collections]
    assert ends == [(40, 55), (60, 90)]
    dots = {line.get_xdata()[0]: line.get_color() for line in ax.lines if line.get_marker() == "o"}
    assert dots.keys() == {50, 70} and dots[70] == ACCENT != dots[50]


def test_curves_have_a_panel_per_change_and_a_line_per_model():
    points = [(change, amount, model, 90, 80, 95)
              for change in "xyz" for amount in (0, 1, 2) for model in ("SNN", "CNN")]  # fmt: skip
    columns = ["change", "amount", "model", "value", "low", "high"]
    fig = plot_curves(pd.DataFrame(points, columns=columns), "%")
    panels = [ax for ax in fig.axes if ax.lines]
    assert [ax.get_title(loc="left") or ax.get_title() for ax in panels] == ["x", "y", "z"]
    for ax in panels:
        assert [line.get_label() for line in ax.lines] == ["SNN", "CNN"]
        assert list(ax.lines[0].get_xdata()) == [0, 1, 2]
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["SNN", "CNN"]


def test_passes_have_a_bar_each_and_every_recording_a_mark():
    table = pd.DataFrame(
        {
            "class": ["club", "club", "club", "heart"],
            "pass": [0, 0, 1, 2],
            "start (ms)": [100.0, 101, 150, 10],
            "end (ms)": [110.0, 112, 170, 20],
            "tonic": ["pips_train/cl/1.npy", "pips_test/cl/2.npy", "", ""],
        }
    )
    ax = plot_passes(table).axes[0]
    assert [bar.get_width() for bar in ax.patches] == [12, 20, 10]
    marks = {}
    for line in ax.lines:
        marks[line.get_marker()] = marks.get(line.get_marker(), 0) + len(line.get_xdata())
    assert marks == {"o": 1, "D": 1, "x": 2}
    assert {text.get_text() for text in ax.texts} == {"club", "heart"}


# ---- Any sensor, any classes, and nothing at all ----


def two_classes(snn, sensor_size=(35, 35, 2)):
    return Classifier(snn, classes=("left", "right"), sensor_size=sensor_size)


@pytest.mark.parametrize("sensor_size", [(64, 48, 2), (6, 5, 1)])
def test_answer_of_any_sensor_is_drawn(sensor_size):
    width, height, number = sensor_size
    snn = SNN(width * height * number, hidden_size=5, output_size=2)
    events = np.zeros(8, EVENT_DTYPE)
    events["x"], events["y"], events["p"] = width - 1, height - 1, number - 1
    fig = plot_answer(two_classes(snn, sensor_size), events)
    (image,) = fig.axes[0].images
    assert image.get_array().shape == (height, width)
    assert image.get_array()[-1, -1] == 8 and image.get_array().sum() == 8


@pytest.mark.parametrize(("weight", "title"), [(0, "no answer"), (1, "the answer: a right")])
def test_silence_is_no_answer(weight, title):
    snn = SNN(2 * 35 * 35, hidden_size=3, output_size=2)
    with torch.no_grad():
        snn.lif0.input_weights.fill_(weight)
        snn.lif0.recurrent_weights.zero_()
        snn.linear.weight.copy_(torch.tensor([[0.0], [1.0]]).expand(2, 3))
    events = np.zeros(50, EVENT_DTYPE)
    events["t"] = 500 * np.arange(50)
    fig = plot_answer(two_classes(snn), events)
    assert fig.axes[2].get_title() == title


def test_frames_of_one_polarity_show_their_counts():
    frame = torch.zeros(1, 5, 6)
    frame[0, 4, 3] = 7
    fig = plot_frames([frame, frame], ["a", "b"], columns=2)
    first, second, bar = fig.axes
    assert first.images[0].get_array()[4, 3] == 7 and second.images[0].get_clim() == (0, 7)
    assert bar.get_ylabel() == "events per pixel"


def test_templates_of_one_polarity_are_one_row():
    snn = SNN(6 * 5, hidden_size=3, output_size=2)
    axes = plot_templates(snn, ["left", "right"], (6, 5, 1)).axes
    assert [ax.get_ylabel() for ax in axes] == ["all events", ""]
    assert [ax.images[0].get_array().shape for ax in axes] == [(5, 6)] * 2


def test_event_cloud_of_one_polarity_is_neither_on_nor_off():
    fig = plot_event_cloud(np.zeros(4, EVENT_DTYPE), "x", (6, 5, 1))
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["all: 4"]


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plot_frames([torch.zeros(3, 5, 6)], ["a"]),
        lambda: plot_templates(SNN(90, output_size=2), ["left", "right"], (6, 5, 3)),
        lambda: plot_event_cloud(np.zeros(4, EVENT_DTYPE), "x", (6, 5, 3)),
        lambda: animate_frames(torch.zeros(4, 3, 5, 6), 1000, "x"),
    ],
)
def test_three_polarities_are_refused_by_name(draw):
    with pytest.raises(ValueError, match="the sensor has 3 polarities"):
        draw()


def test_templates_name_a_sensor_that_is_not_the_networks():
    with pytest.raises(
        ValueError, match=r"sensor_size is \(64, 64, 2\); the network has 60 inputs"
    ):
        plot_templates(wired(), ["left", "right"], (64, 64, 2))


def test_any_number_of_models_has_a_curve_and_a_look_each():
    models = [f"model {number}" for number in range(20)]
    table = pd.DataFrame({"model": models, "change": "x", "amount": 1, "value": 2})
    fig = plot_curves(table.assign(low=1, high=3), "%")
    lines = fig.axes[0].lines
    assert [line.get_label() for line in lines] == models
    looks = {(line.get_color(), line.get_linestyle(), line.get_marker()) for line in lines}
    assert len(looks) == 20
    fig.canvas.draw()
    box = fig.legends[0].get_window_extent()
    assert box.x0 >= 0 and box.x1 <= fig.bbox.x1


def answers(predicted, targets, classes=2):
    """What ``evaluate`` returns, reduced to what ``plot_confusion`` reads."""
    shape = (len(targets), classes)
    predicted, targets = torch.tensor(predicted), torch.tensor(targets)
    return SimpleNamespace(log_probabilities=np.zeros(shape), predicted=predicted, targets=targets)


def test_confusion_counts_silence_in_a_column_of_its_own():
    fig = plot_confusion(answers([0, -1, -1, 1], [0, 0, 1, 1]), ["left", "right"])
    assert fig.axes[0].images[0].get_array().tolist() == [[1, 0, 1], [0, 1, 1]]
    ticks = [tick.get_text() for tick in fig.axes[0].get_xticklabels()]
    assert ticks == ["left", "right", "no answer"]


def test_neurons_that_favour_no_class_vote_for_none():
    snn = wired()
    with torch.no_grad():
        snn.linear.weight[:, 2] = 0  # it was the second vote for class 0
    voteless = SNN(hidden_size=3, output_size=2)
    torch.nn.init.zeros_(voteless.linear.weight)
    events = np.zeros(8, EVENT_DTYPE)
    raster = plot_answer(two_classes(voteless), events).axes[1]
    assert not raster.texts and not raster.collections
    fig = plot_votes(snn, torch.zeros(2, 3), ["left", "right"])
    assert np.array_equal(
        fig.axes[0].images[0].get_array(), snn.linear.weight.detach()[:, [2, 1, 0]]
    )
    assert fig.axes[0].collections[0].get_segments()[0][0, 0] == 0.5


NOTHING = pd.DataFrame({name: [] for name in ("class", "events", "change", "model", "pass")})


@pytest.mark.parametrize(
    ("name", "draw"),
    [
        ("frames", lambda: plot_frames([], [])),
        ("table", lambda: plot_distributions(NOTHING, ["events"])),
        ("columns", lambda: plot_distributions(pd.DataFrame({"class": ["a"]}), [])),
        ("table", lambda: plot_passes(NOTHING)),
        ("table", lambda: plot_closeness(NOTHING.set_index(["class", "events"]))),
        ("table", lambda: plot_curves(NOTHING, "%")),
        ("history", lambda: plot_history(History())),
        ("values", lambda: plot_intervals({}, "%")),
        ("network", lambda: plot_network(SpikingNetwork())),
    ],
)
def test_nothing_to_draw_is_said_by_name(name, draw):
    with pytest.raises(ValueError, match=f"^{name} is empty"):
        draw()


@pytest.mark.parametrize("classes", [["left"], ["left", "left"], ["left", "middle", "right"]])
@pytest.mark.parametrize(
    "draw",
    [
        lambda classes: plot_confusion(answers([0, 1], [0, 1]), classes),
        lambda classes: plot_templates(wired(), classes, (6, 5, 2)),
        lambda classes: plot_votes(wired(), torch.zeros(2, 3), classes),
        lambda classes: plot_dynamics(run(Own(), 6, 6), 0.001, classes),
    ],
)
def test_other_numbers_of_classes_are_refused(draw, classes):
    with pytest.raises(ValueError, match=r"classes is \['left'.*expected 2 different names"):
        draw(classes)


def test_votes_for_classes_without_a_name_are_refused():
    with pytest.raises(ValueError, match="votes go up to 2; classes has 2 names"):
        draw_raster(plt.gca(), torch.eye(3), 0.001, torch.tensor([0, 1, 2]), ["left", "right"])


def test_labels_of_lines_far_above_zero_leave_the_axes_their_place(recwarn):
    fig, ax = plt.subplots(figsize=(6, 3), layout="constrained")
    ax.plot([90, 99], label="high")
    label_ends(ax)
    fig.draw_without_rendering()
    assert not [str(each.message) for each in recwarn if "constrained" in str(each.message)]
