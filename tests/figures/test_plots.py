"""What the plots draw: of any sensor, any network and any classes, and of nothing."""

import subprocess
import sys
from collections import namedtuple
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.colors import to_hex

from pokersnn_helpers import SNN, Classifier, record_states
from pokersnn_helpers.events.recordings import make_events
from pokersnn_helpers.figures import dynamics as networks
from pokersnn_helpers.figures import events as recordings
from pokersnn_helpers.figures import results
from pokersnn_helpers.figures.colours import ACCENT, CLASS_COLOURS, GREY
from pokersnn_helpers.figures.labels import label_ends
from pokersnn_helpers.figures.memories import MEASURED, Memory, draw_memory, plot_memories
from pokersnn_helpers.system.norse_cells import LIFFeedForwardState, LIFState, LIState
from pokersnn_helpers.training.fit import History


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def texts(labels):
    return [label.get_text() for label in labels]


@pytest.mark.slow
def test_events_are_drawn_without_pytorch_and_pandas():
    code = """if True:
        import sys
        import numpy as np
        from pokersnn_helpers import EVENT_DTYPE
        from pokersnn_helpers.figures.animations import animate_frames
        from pokersnn_helpers.figures.events import plot_event_cloud, plot_frames
        plot_event_cloud(np.zeros(4, EVENT_DTYPE), "x")
        plot_frames(np.ones((2, 2, 5, 5)), ["a", "b"])
        animate_frames(np.ones((2, 2, 5, 5)), 1000, "x")
        assert not {"torch", "pandas"} & {*sys.modules}"""
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- Recordings ----


def test_frames_show_on_minus_off_on_one_scale():
    frame = torch.zeros(2, 35, 35)
    off, on = frame
    on[4, 3] = 5
    off[20, 10] = 2
    frames = [frame, frame / 5]
    with pytest.raises(ValueError, match="2 frames have 1 titles; give one for each"):
        recordings.plot_frames(frames, ["a"])
    fig = recordings.plot_frames(frames, ["a", "b"])
    image, fainter = (ax.images[0] for ax in fig.axes[:2])
    assert np.array_equal(image.get_array(), on - off)
    assert image.get_clim() == fainter.get_clim() == (-5, 5)


def test_one_polarity_is_neither_on_nor_off():
    frames = 7 * torch.ones(1, 1, 5, 5)
    ax, _ = recordings.plot_frames(frames, ["a"], columns=1).axes
    assert ax.images[0].get_array()[4, 4] == 7
    assert ax.images[0].get_clim() == (0, 7)
    cloud = recordings.plot_event_cloud(make_events(range(4), 0, 0, 0), "x", (6, 5, 1))
    assert texts(cloud.legends[0].get_texts()) == ["all: 4"]


def test_cloud_tells_on_from_off_in_a_box_of_the_sensors_size():
    events = make_events(range(5), 0, 0, [1, 1, 1, 0, 0])
    (axes,) = recordings.plot_event_cloud(events, "a club", sensor_size=(64, 48, 2)).axes
    assert [len(points.get_offsets()) for points in axes.collections] == [3, 2]
    assert (axes.get_ylim(), axes.get_zlim()) == ((0, 64), (48, 0))


# ---- Networks ----


CLASSES = ["a", "b", "c", "d"]
Eyes = namedtuple("Eyes", "left right")
State = namedtuple("State", "eyes steps readout")  # steps are no layer's
EVENTS = torch.ones(6, 3, 2, 4, 4)


def recorded():
    """Return what an own network recorded in 6 steps of 3 recordings: one layer has no spikes."""
    left = LIFFeedForwardState(*torch.rand(2, 6, 3, 22))
    spikes, *others = torch.rand(3, 6, 3, 22)
    right = LIFState(spikes.round(), *others)
    return State(Eyes(left, right), torch.zeros(6, 3), LIState(*torch.rand(2, 6, 3, 2)))


def test_dynamics_of_any_network_show_the_states_that_its_layers_have():
    recording = recorded()
    left, right = recording.eyes
    fig = networks.plot_dynamics(recording, 0.001, ["left", "right"], frames=EVENTS)
    titles = [ax.get_title() for ax in fig.axes]
    assert titles[0] == "input: 192 events"
    assert titles[3] == f"eyes.right spikes: {int(right.z[:, 0].sum())}"
    assert len(titles) == 7
    for ax, values in zip(fig.axes[1:3], (left.i, left.v), strict=True):
        drawn = [line.get_ydata() for line in ax.lines]
        assert np.array_equal(drawn, values[:, 0, :20].T)
        assert [*ax.lines[0].get_xdata()] == [1, 2, 3, 4, 5, 6]  # ends of steps, in ms


def test_dynamics_of_a_lone_readout_are_its_voltages_at_the_ends_of_time_steps():
    recording = recorded().readout
    _, ax = networks.plot_dynamics(recording, 0.002, ["left", "right"], frames=EVENTS).axes
    voltages = recording.v[:, 0, 0]
    assert np.array_equal(ax.lines[0].get_data(), [[2, 4, 6, 8, 10, 12], voltages])
    assert ax.lines[1].get_ydata() == voltages.max()  # the peak that decode reads


@pytest.mark.parametrize("recording", [None, (torch.ones(6, 3),)])
def test_dynamics_say_how_a_network_records(recording):
    message = f"of type {type(recording).__name__} without .*record_states.*z, i or v"
    with pytest.raises(TypeError, match=message):
        networks.plot_dynamics(recording, 0.001, ["a"], frames=EVENTS)


def test_a_step_in_milliseconds_is_warned_of_before_the_axis_is_drawn():
    with pytest.warns(UserWarning, match="dt is 1 s; for 1 ms write 0.001"):
        networks.plot_dynamics(recorded(), 1, ["left", "right"], frames=EVENTS)


@pytest.mark.parametrize("neuron", [7, 57])
def test_dynamics_follow_the_neuron_given(neuron):
    """Of the book's network, which falls silent."""
    snn = SNN()
    frames = torch.poisson(torch.full((6, 2, 2, 35, 35), 0.05))
    frames[4:] = 0
    recording = record_states(snn, frames)
    fig = networks.plot_dynamics(recording, 0.001, CLASSES, frames=frames, neuron=neuron)
    _, raster, currents, voltages, _ = fig.axes
    hidden = recording.lif0
    (mark,) = raster.lines
    assert list(mark.get_ydata()) == [neuron + 0.5]
    for ax, values in ((currents, hidden.i), (voltages, hidden.v)):
        (line,) = [line for line in ax.lines if line.get_color() == ACCENT]
        assert np.array_equal(line.get_ydata(), values[:, 0, neuron])


def test_raster_has_a_cell_per_spike_and_sorts_neurons_by_their_vote():
    spikes = torch.eye(5)
    votes = torch.tensor([1, 0, 3, 1, 0])
    ax = plt.gca()
    networks.draw_raster(ax, spikes, 0.002, votes, list(CLASS_COLOURS), marked=3)
    image = ax.images[0]
    order = [1, 4, 0, 3, 2]
    assert np.array_equal(image.get_array(), spikes.T[order])
    assert image.get_extent() == [0, 10, 5, 0]  # a spike's cell is its time step, in ms
    assert list(ax.lines[0].get_ydata()) == [3.5]
    heights = {text.get_text(): text.get_position()[1] for text in ax.texts}
    assert heights == {"club": 1, "heart": 3, "spade": 4.5}


def test_neuron_shows_its_threshold_and_marks_inputs_and_spikes_at_their_times():
    times = np.arange(3)
    inputs = np.array([0.0, 0.5, 2])
    fig = networks.plot_neuron(
        times, times, 2 * times, threshold=0.3, spikes=times == 1, inputs=inputs
    )
    for ax, marks in zip(fig.axes, (inputs, [1]), strict=True):
        _, threshold, marked = ax.lines
        assert set(threshold.get_ydata()) == {0.3}
        assert np.array_equal(marked.get_xdata(), marks)


def test_answer_of_any_sensor_is_drawn():
    snn = SNN(64 * 48 * 2, hidden_size=5, output_size=2, v_th=100)
    classifier = Classifier(snn, classes=("left", "right"), sensor_size=(64, 48, 2))
    events = make_events(range(8), 63, 47, 0)
    left, _, readout = networks.plot_answer(classifier, events).axes
    image = left.images[0].get_array()
    assert image.shape == (48, 64)
    assert image[-1, -1] == -8
    assert readout.get_title() == "no answer"  # without a spike all classes are equal


def test_answer_is_named_and_neurons_stand_by_the_class_they_vote_for():
    snn = SNN(hidden_size=3, output_size=2)
    snn.lif0.input_weights.data.fill_(1)
    snn.linear.weight.data[:] = torch.tensor([[0, 0, 1], [1, 1, 1]])
    events = make_events(500 * np.arange(50), 0, 0, 0)
    classifier = Classifier(snn, classes=("a", "b"))
    _, raster, readout = networks.plot_answer(classifier, events).axes
    assert readout.get_title() == "the answer: a b"
    assert texts(raster.texts) == ["b"]  # the third neuron favours no class


def test_templates_show_where_events_speak_for_a_class_and_against_it():
    """The two neurons carry one pixel each, to class 1 and to class 0."""
    snn = SNN(6 * 5 * 2, hidden_size=2, output_size=2)
    weights = snn.lif0.input_weights.data.zero_().view(2, 2, 5, 6)
    weights[0, 1, 2, 4] = weights[1, 0, 3, 1] = 1
    snn.linear.weight.data = 1 - torch.eye(2)
    axes = networks.plot_templates(snn, ["left", "right"], (6, 5, 2)).axes
    images = np.array([ax.images[0].get_array() for ax in axes])
    assert images[:, 2, 4].tolist() == [-0.5, 0.5, 0, 0]  # ON events, then OFF events
    assert images[:, 3, 1].tolist() == [0, 0, 0.5, -0.5]


# ---- Results ----


def test_intervals_are_drawn_by_name_and_marked_by_name():
    values = {"a": (5, 0, 8), "b": (7, 1, 9)}
    ax = results.plot_intervals(values, "points", ["b"]).axes[0]
    assert texts(ax.get_yticklabels()) == ["a", "b"]
    spans = [lines.get_segments()[0][:, 0].tolist() for lines in ax.collections]
    assert spans == [[0, 8], [1, 9]]
    assert [dot.get_color() == ACCENT for dot in ax.lines[:2]] == [False, True]


def test_a_history_is_drawn_by_epoch_with_the_one_that_is_kept():
    validation, test = ([3, 2, 2.5], [0.1, 0.6, 0.5]), ([9], [0])  # of the epoch that is kept
    history = History([2, 1, 0.5], [0.2, 0.4, 0.9], *validation, *test, kept_epoch=2)
    fig = results.plot_history({"mine": history, "without": History([1], [1])})
    loss, accuracy = ([line.get_xydata().T.tolist() for line in ax.lines] for ax in fig.axes)
    assert loss[:3] == [[[1, 2, 3], [2, 1, 0.5]], [[1, 2, 3], [3, 2, 2.5]], [[2], [2]]]
    assert accuracy[2] == [[2], [0.6]]


# ---- Labels ----


def place_names(ax):
    """Return the box of each name, and the height at which each line ends, in pixels."""
    label_ends(ax)
    ax.figure.draw_without_rendering()
    boxes = {name.get_text(): name.get_window_extent() for name in ax.texts}
    ends = {
        line.get_label(): line.get_transform().transform(line.get_xydata()[-1])[1]
        for line in ax.lines
    }
    return boxes, ends


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_lines_are_named_beside_their_ends_in_their_colours(scale):
    """Of axes that share their heights, of a line that ends early and of a dashed one."""
    fig, (ax, _) = plt.subplots(1, 2, sharey=True, layout="constrained")
    ax.set(yscale=scale, ylim=(1, 1000))
    ax.plot([0, 1], [3, 900], "--", label="high")
    ax.plot([0, 0.5], [900, 250], ":", label="early")
    ax.plot([0, 1], [900, 3], label="low")
    boxes, ends = place_names(ax)
    assert list(boxes) == ["high", "early", "low"]
    for name, box in boxes.items():
        assert abs((box.y0 + box.y1) / 2 - ends[name]) < box.height / 2
        assert ax.bbox.x1 < box.x0 < box.x1 < fig.axes[1].bbox.x0
    assert [text.get_color() for text in ax.texts] == [line.get_color() for line in ax.lines]


def test_names_of_lines_that_end_together_are_apart_in_the_order_of_the_ends():
    _, ax = plt.subplots(layout="constrained")
    ends = {"bottom": 0, "third": 98.8, "first": 99.1, "second": 99, "fourth": 98.8, "far": 50}
    for name, end in ends.items():
        ax.plot([0, 1], [0, end], label=name)
    ax.plot([0, 1], [1, np.nan], label="broken")
    boxes, _ = place_names(ax)
    from_below = sorted(boxes, key=lambda name: boxes[name].y0)
    rising = ["bottom", "broken", "far", "third", "fourth", "second", "first"]
    assert from_below == rising
    assert all(boxes[low].y1 < boxes[high].y0 + 0.1 for low, high in pairwise(rising))
    assert ax.bbox.y0 < boxes["bottom"].y0 + 0.1
    assert boxes["first"].y1 < ax.bbox.y1 + 0.1
    assert boxes["first"].y0 - boxes["third"].y1 < 2.1 * boxes["third"].height  # side by side


# ---- What can't be drawn ----


def test_classes_of_another_network_are_refused():
    with pytest.raises(ValueError, match="classes is"):
        networks.plot_templates(SNN(60, 5, 2), CLASSES, (6, 5, 2))
    with pytest.raises(ValueError, match="classes is"):
        networks.draw_readout(None, torch.ones(6, 2), 0.001, CLASSES)


# ---- Pictures of networks ----


@pytest.mark.parametrize("places", [0, 1, 3])
@pytest.mark.parametrize(("keeps", "marker"), [("LIF", "o"), ("GRU", "s"), ("", "s")])
def test_memory_has_a_unit_of_its_kind_at_each_place_or_a_few_behind_weights_per_pixel(
    places, keeps, marker
):
    _, ax = plt.subplots()
    draw_memory(ax, Memory(places=places, keeps=keeps), 0, 0)
    units = ax.lines[-1]
    assert units.get_marker() == marker
    assert len(set(zip(*units.get_data(), strict=True))) == (places**2 or 4)
    assert units.get_color() == (ACCENT if keeps else GREY)


def test_row_of_a_memory_shows_its_own_result():
    shares = pd.DataFrame({model: (row, 0, 100) for row, model in enumerate(MEASURED)}).T
    _, shown = plot_memories(shares[::-1], "correct (%)").axes
    dots = [(*line.get_xdata(), *line.get_ydata()) for line in shown.lines]
    assert dots == [(row, row) for row in range(len(MEASURED))]


def test_below_an_answer_s_voltages_is_the_class_whose_voltage_was_the_highest_until_then():
    left, right = [0.1, 0.2, 0.9, 0.0], [0.3, 0.1, 0.0, 0.5]
    voltages = torch.tensor([left, right]).T
    figure = results.plot_answers([("left", 1.0, voltages)], ["left", "right"], 100_000)
    (ax,) = figure.axes
    of_left, of_right = (line.get_color() for line in ax.lines)
    (band,) = ax.collections
    shades = [to_hex(colour) for colour in band.get_facecolors()]
    assert shades == [of_right, of_right, of_left, of_left]
    np.testing.assert_allclose(band.get_offsets()[:, 0], [0.7, 0.8, 0.9, 1.0])
    assert ax.texts[0].get_color() == of_left
