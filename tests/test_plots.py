"""What the plots draw: of any sensor, any network and any classes, and of nothing."""

import subprocess
import sys
from collections import namedtuple
from itertools import islice, pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from norse.torch.functional.leaky_integrator import LIState
from norse.torch.functional.lif import LIFFeedForwardState, LIFState

from pokersnn_helpers import EVENT_DTYPE, SNN, Classifier
from pokersnn_helpers.figures import networks, recordings, results
from pokersnn_helpers.figures.animations import animate_frames
from pokersnn_helpers.figures.colours import ACCENT, CLASS_COLOURS, class_colours
from pokersnn_helpers.figures.labels import label_ends


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_events_are_drawn_without_pytorch_and_pandas():
    code = """if True:
        import sys
        import numpy as np
        from pokersnn_helpers import EVENT_DTYPE
        from pokersnn_helpers.figures.animations import animate_frames
        from pokersnn_helpers.figures.recordings import plot_event_cloud, plot_frames
        plot_event_cloud(np.zeros(4, EVENT_DTYPE), "x")
        plot_frames(np.ones((2, 2, 5, 5)), ["a", "b"])
        animate_frames(np.ones((2, 2, 5, 5)), 1000, "x")
        assert not {"torch", "pandas"} & {*sys.modules}"""
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- Recordings ----


def test_frames_show_on_minus_off_on_one_scale():
    frame = torch.zeros(2, 35, 35)
    frame[1, 4, 3], frame[0, 20, 10] = 5, 2
    fig = recordings.plot_frames([frame, frame / 5], ["a", "b"])
    first, second = (ax.images[0] for ax in fig.axes[:2])
    assert first.get_array()[4, 3] == 5 and first.get_array()[20, 10] == -2
    assert first.get_clim() == second.get_clim() == (-5, 5)
    assert [ax.get_title() for ax in fig.axes[:2]] == ["a", "b"]
    with pytest.raises(ValueError, match="shorter"):
        recordings.plot_frames([frame, frame], ["a"])


@pytest.mark.parametrize(("height", "width"), [(35, 35), (260, 346), (480, 640)])
def test_frames_of_any_sensor_fill_their_panels(height, width):
    fig = recordings.plot_frames([torch.ones(2, height, width)] * 6, list("abcdef"), columns=3)
    fig.canvas.draw()
    box = fig.axes[0].images[0].get_window_extent()
    drawn, tall = box.width / fig.dpi, box.height / fig.dpi  # inches
    assert drawn > 1.3 and tall == pytest.approx(drawn * height / width, rel=0.01)
    assert fig.get_figheight() < 2 * tall + 1.2


def test_one_polarity_is_neither_on_nor_off():
    frame = 7 * torch.eye(5)[None]
    ax, bar = recordings.plot_frames([frame], ["a"], columns=1).axes
    assert ax.images[0].get_array()[4, 4] == 7 and ax.images[0].get_clim() == (0, 7)
    assert bar.get_ylabel() == "events per pixel"
    cloud = recordings.plot_event_cloud(np.zeros(4, EVENT_DTYPE), "x", (6, 5, 1))
    assert [text.get_text() for text in cloud.legends[0].get_texts()] == ["all: 4"]


def test_cloud_tells_on_from_off_in_a_box_of_the_sensors_size():
    events = np.zeros(5, EVENT_DTYPE)
    events["p"][:3] = 1
    axes = recordings.plot_event_cloud(events, "a club", sensor_size=(64, 48, 2)).axes[0]
    on, off = axes.collections
    assert (len(on.get_offsets()), len(off.get_offsets())) == (3, 2)
    assert not np.array_equal(on.get_facecolor()[0], off.get_facecolor()[0])
    assert axes.get_ylim() == (0, 64) and axes.get_zlim() == (48, 0)


def test_distributions_draw_every_recording_by_class_in_order():
    table = pd.DataFrame({"class": [*"babc"], "events": [1, 2, 3, 5]})
    axes = recordings.plot_distributions(table, ["events"]).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == [*"bac"]
    assert [line.get_ydata().tolist() for line in axes.lines] == [[1, 3], [2], [5]]


# ---- Networks ----


Eyes = namedtuple("Eyes", "left right")
State = namedtuple("State", "eyes steps readout")  # steps are no layer's


def own():
    """Return what an own network recorded in 6 steps of 3 recordings: one layer has no spikes."""
    values = iter(torch.rand(6, 6, 3, 12))
    left, right = LIFFeedForwardState(next(values), next(values)), LIFState(*islice(values, 3))
    readout = next(values)[..., :2]
    return State(Eyes(left, right), torch.zeros(6, 3), LIState(v=readout, i=readout))


def test_dynamics_of_any_network_show_the_states_that_its_layers_have():
    recording = own()
    left, right = recording.eyes
    fig = networks.plot_dynamics(recording, 0.001, ["left", "right"], sample=1, neurons=5)
    assert [ax.get_title() for ax in fig.axes] == [
        "5 eyes.left neurons: synaptic currents",
        "5 eyes.left neurons: membrane voltages",
        f"eyes.right spikes: {int(right.z[:, 1].sum())}",
        "5 eyes.right neurons: synaptic currents",
        "5 eyes.right neurons: membrane voltages, after the reset",
        "readout: membrane voltages",
    ]
    for ax, values in zip(fig.axes[:2], (left.i, left.v), strict=True):
        drawn = [line.get_ydata() for line in ax.lines]
        np.testing.assert_allclose(drawn, values[:, 1, :5].T)
    assert fig.axes[1].lines[0].get_xdata().tolist() == [1, 2, 3, 4, 5, 6]  # ends of steps, in ms
    assert [ax.get_xlabel() for ax in fig.axes] == [""] * 5 + ["time (ms)"]


def test_dynamics_of_a_lone_readout_are_its_voltages_but_not_of_a_state_without_names():
    recording, classes = own().readout, ["left", "right"]
    (ax,) = networks.plot_dynamics(recording, 0.001, classes, sample=2).axes
    assert ax.lines[0].get_ydata().tolist() == recording.v[:, 2, 0].tolist()
    dots = [line.get_ydata()[0] for line in ax.lines if line.get_marker() == "o"]
    assert dots == recording.v[:, 2].amax(dim=0).tolist()  # what decode reads
    with pytest.raises(TypeError, match=r"^nothing was recorded; set network\.record = True"):
        networks.plot_dynamics(None, 0.001, classes)
    with pytest.raises(TypeError, match=r"^recording is of type tuple; .* a\sNamedTuple"):
        networks.plot_dynamics(tuple(recording), 0.001, classes)


def test_dynamics_begin_with_the_input_and_follow_the_busiest_of_the_drawn_neurons():
    torch.manual_seed(0)
    snn, frames = SNN(), torch.poisson(torch.full((6, 2, 2, 35, 35), 0.05))
    frames[4:] = 0
    snn.record = True
    with torch.no_grad():
        snn(frames)
    hidden = snn.recording.lif0
    fig = networks.plot_dynamics(snn.recording, 0.001, [*"abcd"], sample=1, frames=frames)
    bars, raster, currents, voltages, _ = fig.axes
    heights = [bar.get_height() for bar in bars.containers[0]]
    assert heights == frames[:, 1].sum(dim=(1, 2, 3)).tolist()
    for ax in fig.axes:  # the silence is shaded
        shade = ax.patches[-1]
        assert (shade.get_x(), shade.get_width()) == (4, 2)
        assert shade.get_zorder() < min(child.zorder for child in [*ax.images, *ax.lines, ax.xaxis])
    busiest = int(hidden.z[:, 1, :20].sum(dim=0).argmax())
    assert raster.lines[0].get_ydata()[0] == busiest + 0.5
    assert raster.get_title() == f"hidden spikes: {int(hidden.z[:, 1].sum())}"
    for ax, values in ((currents, hidden.i), (voltages, hidden.v)):
        (accent,) = (line for line in ax.lines if line.get_color() == ACCENT)
        np.testing.assert_allclose(accent.get_ydata(), values[:, 1, busiest])


def test_raster_has_a_cell_per_spike_and_sorts_neurons_by_their_vote():
    spikes, votes = torch.eye(5), torch.tensor([1, 0, 3, 1, 0])
    networks.draw_raster(ax := plt.gca(), spikes[:, :3], dt=0.002)
    assert np.array_equal(ax.images[0].get_array(), spikes[:, :3].T)
    assert ax.images[0].get_extent() == [0, 10, 3, 0]  # a spike's cell is its time step, in ms
    assert ax.get_title() == "3 spikes"
    _, ax = plt.subplots()
    networks.draw_raster(ax, spikes, 0.001, votes, [*CLASS_COLOURS], marked=3)
    assert np.array_equal(ax.images[0].get_array(), spikes.T[[1, 4, 0, 3, 2]])
    assert ax.lines[0].get_ydata()[0] == 3.5
    strips = [strip.get_segments()[0][:, 1].tolist() for strip in ax.collections]
    assert strips == [[0, 2], [2, 4], [4, 5]]
    labels = {text.get_text(): (text.get_position()[1], text.get_color()) for text in ax.texts}
    places = {"club": 1, "heart": 3, "spade": 4.5}
    assert labels == {name: (place, CLASS_COLOURS[name]) for name, place in places.items()}
    with pytest.raises(ValueError, match="votes go up to 3; classes has 2 names"):
        networks.draw_raster(ax, spikes, 0.001, votes, ["left", "right"])


def test_neuron_shows_its_threshold_and_marks_inputs_and_spikes_at_their_times():
    times, ones = np.arange(3), np.ones(3)
    inputs, spikes = np.array([0.0, 0.5, 2]), np.array([0.0, 1, 0])
    fig = networks.plot_neuron(times, ones, 2 * ones, 0.3, spikes, inputs)
    for ax, level in zip(fig.axes, (1, 2), strict=True):
        assert [line.get_ydata()[0] for line in ax.lines[:2]] == [level, 0.3]
    assert [ax.lines[2].get_xdata().tolist() for ax in fig.axes] == [[0, 0.5, 2], [1]]
    titles = [ax.get_title() for ax in fig.axes]
    assert titles == ["synaptic current (3 input events)", "membrane voltage (1 spike)"]


def test_answer_of_any_sensor_is_drawn():
    snn = SNN(64 * 48 * 2, hidden_size=5, output_size=2)
    classifier = Classifier(snn, classes=("left", "right"), sensor_size=(64, 48, 2))
    events = np.full(8, np.array((0, 63, 47, 1), EVENT_DTYPE))
    left, raster, _ = networks.plot_answer(classifier, events).axes
    image = left.images[0].get_array()
    assert image.shape == (48, 64) and image[-1, -1] == image.sum() == 8
    assert raster.texts and not snn.record


@pytest.mark.parametrize(("weight", "title"), [(0, "no answer"), (1, "the answer: a right")])
def test_silence_is_no_answer(weight, title):
    snn = SNN(hidden_size=3, output_size=2)
    with torch.no_grad():
        snn.lif0.input_weights.fill_(weight)
        snn.lif0.recurrent_weights.zero_()
        snn.linear.weight.copy_(torch.tensor([[0.0], [weight]]).expand(2, 3))
    events = np.zeros(50, EVENT_DTYPE)
    events["t"] = 500 * np.arange(50)
    fig = networks.plot_answer(Classifier(snn, classes=("left", "right")), events)
    assert fig.axes[2].get_title() == title
    assert bool(fig.axes[1].texts) == bool(weight)  # neurons that favour no class vote for none


def test_templates_show_where_events_speak_for_a_class_and_against_it():
    """The two neurons carry one pixel each, to class 1 and to class 0."""
    snn = SNN(6 * 5 * 2, hidden_size=2, output_size=2)
    with torch.no_grad():
        snn.lif0.input_weights.zero_().view(2, 2, 5, 6)[[0, 1], [1, 0], [2, 3], [4, 1]] = 1
        snn.linear.weight.copy_(torch.eye(2).flip(0))
    fig = networks.plot_templates(snn, ["left", "right"], (6, 5, 2))
    on_left, on_right, off_left, off_right = images = [ax.images[0].get_array() for ax in fig.axes]
    assert on_right[2, 4] == 0.5 and on_left[2, 4] == -0.5
    assert off_left[3, 1] == 0.5 and off_right[3, 1] == -0.5
    assert all(np.count_nonzero(image) == 1 for image in images)
    assert [ax.get_title() for ax in fig.axes] == ["left", "right", "", ""]
    assert [ax.get_ylabel() for ax in fig.axes] == ["ON events", "", "OFF events", ""]


# ---- Results ----


def test_intervals_are_drawn_by_name_and_some_are_marked():
    fig = results.plot_intervals({"a": (50, 40, 55), "b": (70, 60, 90)}, "%", ["b"], line=25)
    ax = fig.axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    ends = [tuple(lines.get_segments()[0][:, 0]) for lines in ax.collections]
    assert ends == [(40, 55), (60, 90)]
    dots = {line.get_xdata()[0]: line.get_color() for line in ax.lines if line.get_marker() == "o"}
    assert dots.keys() == {50, 70} and dots[70] == ACCENT != dots[50]
    ax = results.plot_intervals({"a": (5, 0, 9), "b": (7, 1, 9)}, "points", line=0).axes[0]
    dots = {line.get_xdata()[0]: line.get_color() for line in ax.lines if line.get_marker() == "o"}
    assert dots[7] == ACCENT != dots[5]


def test_curves_have_a_panel_per_change_and_a_line_of_its_own_look_per_model():
    models = [f"the long name of model {number}" for number in range(20)]
    points = [(axis, at, model) for axis in "xyz" for at in (0, 1) for model in models]
    ends = {"interval low": 0.8, "interval high": 0.95}
    table = pd.DataFrame(points, columns=["axis", "at", "model"]).assign(mean=0.9, **ends)
    fig = results.plot_curves(table, "%")
    panels = [ax for ax in fig.axes if ax.lines]
    assert [ax.get_title() for ax in panels] == ["x", "y", "z"]
    for ax in panels:
        assert [line.get_label() for line in ax.lines] == models
        assert list(ax.lines[0].get_xdata()) == [0, 1]
        looks = {(each.get_color(), each.get_linestyle(), each.get_marker()) for each in ax.lines}
        assert len(looks) == 20
    fig.canvas.draw()
    (legend,) = fig.legends
    assert [text.get_text() for text in legend.get_texts()] == models
    box = legend.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= fig.bbox.x1


# ---- Labels and colours ----


def test_labels_stand_at_the_ends_of_their_lines_and_never_overlap(recwarn):
    fig, ax = plt.subplots(figsize=(6, 2), layout="constrained")
    for name, end in [("far", 90.0), ("second", 99.0), ("third", 99.1), ("first", 98.9)]:
        ax.plot([0, 1], [95, end], label=name)
    ax.plot([0, 1], [90, 90], color="grey")
    label_ends(ax)
    places = {text.get_text(): text.get_position()[1] for text in ax.texts}
    assert list(places) == ["far", "second", "third", "first"]
    assert places["far"] == pytest.approx(90, abs=0.01)
    assert np.mean([places[name] for name in ("first", "second", "third")]) == pytest.approx(99)
    assert [text.get_color() for text in ax.texts] == [line.get_color() for line in ax.lines[:4]]
    fig.canvas.draw()
    boxes = sorted((text.get_window_extent() for text in ax.texts), key=lambda box: box.y0)
    assert all(low.y1 <= high.y0 + 4 for low, high in pairwise(boxes))
    assert max(box.x1 for box in boxes) <= fig.bbox.x1
    assert not [str(each.message) for each in recwarn if "constrained" in str(each.message)]


def test_colours_of_the_suits_are_fixed_and_others_differ_from_them():
    with plt.style.context("pokersnn_helpers.figures.book"):
        assert plt.rcParams["axes.spines.top"] is False
        chosen = class_colours(["left", "spade", "right", "club"])
    assert chosen["spade"] == CLASS_COLOURS["spade"]
    assert chosen["club"] == CLASS_COLOURS["club"]
    assert len(set(chosen.values())) == 4
    assert len(class_colours([str(number) for number in range(30)])) == 30


# ---- What can't be drawn ----


@pytest.mark.parametrize(
    "case",
    [
        ("the sensor has 3", recordings.plot_frames, [torch.zeros(3, 5, 6)], ["a"]),
        ("time_window is nan", animate_frames, torch.ones(2, 2, 4, 4), np.nan, "x"),
        ("classes is", networks.plot_templates, SNN(60, 5, 2), [*"abc"], (6, 5, 2)),
        ("classes is", networks.draw_readout, None, torch.ones(6, 2), 0.001, ["a"]),
    ],
)
def test_what_can_not_be_drawn_is_named(case):
    message, draw, *arguments = case
    with pytest.raises(ValueError, match=f"^{message}"):
        draw(*arguments)
