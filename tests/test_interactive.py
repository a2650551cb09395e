import base64
import io
import json
import math
import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from norse.torch.functional.lif import LIFFeedForwardState, LIFParameters, lif_feed_forward_step
from PIL import Image

from pokersnn_helpers import EVENT_DTYPE, Classifier, Recordings, Split, build_network
from pokersnn_helpers.figures import colours
from pokersnn_helpers.figures.interactive import (
    MORE_SWITCHES,
    InteractiveFigure,
    initial_values,
    interactive_card,
    interactive_event_cloud,
    interactive_motion,
)
from pokersnn_helpers.figures.interactive_detector import (
    DETECTOR_SLIDERS,
    DIRECTIONS,
    interactive_detector,
    run_detector,
)
from pokersnn_helpers.figures.interactive_neuron import (
    NEURON_SLIDERS,
    STAIRCASE_DURATION,
    STAIRCASE_INPUT,
    STAIRCASE_SLIDERS,
    STAIRCASE_TARGET,
    STAIRCASE_TAU,
    STAIRCASE_THRESHOLD,
    interactive_neuron,
    interactive_staircase,
    random_arrivals,
    run_neuron,
    run_staircase,
)
from pokersnn_helpers.figures.interactive_pixel import (
    PIXEL_DT,
    PIXEL_SLIDERS,
    interactive_pixel,
    run_pixel,
)
from pokersnn_helpers.figures.recordings import plot_event_cloud
from pokersnn_helpers.simulation import EventCamera
from pokersnn_helpers.simulation.motions import film_motions

ROOT = Path(__file__).parents[1]
CSS = (ROOT / "book/_static/book.css").read_text(encoding="utf-8")


def content(figure):
    found = re.search(r'<script type="application/json">(.*)</script>', figure._repr_html_())
    return json.loads(found[1])


def test_cloud_carries_the_events_of_the_first_recordings_of_each_class(simulated):
    carried = content(interactive_event_cloud(simulated))
    assert carried["sensor_size"] == [35, 35, 2]
    assert list(carried["recordings"]) == list(simulated.classes)
    for target, name in enumerate(simulated.classes):
        expected = [events for events, label in simulated.test if label == target][:3]
        assert len(carried["recordings"][name]) == len(expected) > 0
        for packed, events in zip(carried["recordings"][name], expected, strict=True):
            for polarity, part in enumerate(("OFF", "ON")):
                for field in "txy":
                    values = np.frombuffer(base64.b64decode(packed[part][field]), "<u2")
                    np.testing.assert_array_equal(values, events[events["p"] == polarity][field])


@pytest.mark.parametrize("source", ["real", "own"])
def test_cloud_refuses_what_is_not_simulated(simulated, source):
    with pytest.raises(ValueError, match=rf"'{source}'.*may not be redistributed.*simulated"):
        interactive_event_cloud(simulated._replace(source=source))


def test_card_shows_an_answer_and_names_switches_that_the_script_knows(simulated):
    figure = interactive_card(Classifier(build_network()), simulated.test[0][0])
    assert content(figure) == {"switches": MORE_SWITCHES}
    script = (ROOT / "book/_static/interactive/card/show.js").read_text(encoding="utf-8")
    assert all(f'changes.has("{name}")' in script for name in MORE_SWITCHES)
    assert Image.open(io.BytesIO(figure._repr_png_())).width > 600


def test_motion_shows_a_film_and_the_page_needs_no_more():
    figure = interactive_motion(film_motions(1, seed=0).events[0])
    assert figure.kind == "motion" and content(figure) == {}
    assert "events of a sixth of a film" in figure.alt
    assert Image.open(io.BytesIO(figure._repr_png_())).width > 600


def test_cloud_refuses_times_that_it_would_cut(simulated):
    late = simulated.test[0][0].copy()
    late["t"][-1] = 70_000
    test = Recordings([late], [3], simulated.classes, simulated.sensor_size)
    with pytest.raises(ValueError, match=r"70000 µs; the page takes 65,535"):
        interactive_event_cloud(simulated._replace(test=test))


def test_cloud_offers_only_classes_that_have_a_recording(simulated):
    test = Recordings([simulated.test[0][0]], [1], simulated.classes, simulated.sensor_size)
    figure = interactive_event_cloud(simulated._replace(test=test))
    assert list(content(figure)["recordings"]) == ["heart"]
    assert "a simulated heart" in figure.alt


def test_cloud_of_another_camera_keeps_its_pixels():
    events = np.array([(0, 639, 479, 1), (5, 0, 300, 0)], EVENT_DTYPE)
    recordings = Recordings([events], [0], ("left",), (640, 480, 2))
    carried = content(interactive_event_cloud(Split(recordings, recordings, "simulated")))
    assert carried["sensor_size"] == [640, 480, 2]
    on, off = (carried["recordings"]["left"][0][part] for part in ("ON", "OFF"))
    assert np.frombuffer(base64.b64decode(on["x"]), "<u2").tolist() == [639]
    assert np.frombuffer(base64.b64decode(off["y"]), "<u2").tolist() == [300]


@pytest.mark.parametrize(
    "make",
    [
        *(interactive_event_cloud, interactive_pixel, interactive_neuron, interactive_staircase),
        interactive_detector,
    ],
)
def test_picture_stands_beside_the_data_with_an_alternative_text(make, simulated):
    figure = make(simulated) if make is interactive_event_cloud else make()
    html = figure._repr_html_()
    assert re.search(r'<img alt="[^"]{80,}"', html)
    picture = Image.open(io.BytesIO(figure._repr_png_()))
    assert picture.width > 600 and len(picture.getcolors()) > 5
    assert base64.b64encode(figure._repr_png_()).decode() in html


@pytest.mark.parametrize(
    "sliders", [PIXEL_SLIDERS, NEURON_SLIDERS, STAIRCASE_SLIDERS, DETECTOR_SLIDERS]
)
def test_sliders_start_on_one_of_their_steps(sliders):
    for slider in sliders.values():
        assert slider.lowest <= slider.start <= slider.highest and slider.lowest < slider.highest
        for end in (slider.start, slider.highest):
            steps = (end - slider.lowest) / slider.step
            assert steps == pytest.approx(round(steps))


@pytest.mark.parametrize(
    ("make", "sliders"),
    [
        (interactive_pixel, PIXEL_SLIDERS),
        (interactive_neuron, NEURON_SLIDERS),
        (interactive_staircase, STAIRCASE_SLIDERS),
        (interactive_detector, DETECTOR_SLIDERS),
    ],
)
def test_page_gets_the_sliders(make, sliders):
    carried = content(make())["sliders"]
    assert {name: tuple(slider.values()) for name, slider in carried.items()} == sliders


def test_page_has_the_colours_of_the_other_figures():
    light, dark = re.findall(r"\{([^{}]*--interactive-text:[^{}]*)\}", CSS)
    changed = {"text": colours.TEXT, "grey": colours.GREY, "grid": colours.GRID}
    changed |= {"shade": colours.SHADE, "accent": colours.ACCENT}
    others = {"ON": colours.ON, "OFF": colours.OFF} | colours.CLASS_COLOURS
    for name, colour in (changed | others).items():
        assert f"--interactive-{name}: {colour};" in light
        assert (f"--interactive-{name}: {colours.DARK.get(colour)};" in dark) == (name in changed)


# ---- The pixel ----

PIXEL_START = initial_values(PIXEL_SLIDERS)


class Middle(np.random.Generator):
    """Lets a camera's pixels start with their reference at the light."""

    def random(self, size=None, dtype=float):
        return np.full(size, 0.5, dtype)


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("name", [None, *PIXEL_SLIDERS])
def test_pixel_sends_the_events_of_an_event_camera(name, linear):
    """The camera's level falls and rises a hair further: else rounding decides on events."""
    ends = [getattr(PIXEL_SLIDERS[name], end) for end in ("lowest", "highest")] if name else [None]
    for end in ends:
        values = PIXEL_START | ({name: PIXEL_SLIDERS[name].value(end)} if name else {})
        trace = run_pixel(**values, linear=linear)
        threshold = values["threshold"]
        further = np.where(
            trace.times < 10, 1e-4 * (trace.level - trace.level[0]), 1e-3 * threshold
        )
        level = trace.level + further
        camera = EventCamera(threshold, threshold)
        events = camera.record(level.reshape(-1, 1, 1), 1000 * PIXEL_DT, Middle(np.random.PCG64(0)))
        assert events["p"].tolist() == trace.polarities.tolist()
        late = np.abs(events["t"] / 1000 - trace.event_times)  # those after a hair come sooner
        assert (late > 2e-3).sum() <= 2 and late.max(initial=0) < 0.1


def test_pixel_counts_as_its_formula_at_every_stand_of_the_sliders():
    contrasts, thresholds = np.arange(1.5, 20.1, 0.5), np.arange(0.1, 0.61, 0.05).round(2)
    for linear, contrast, threshold in product([False, True], contrasts, thresholds):
        values = {"contrast": contrast, "threshold": threshold, "daylight": 1.0}
        polarities = run_pixel(**values, speed=0.6, linear=linear).polarities
        edge = 1 - 1 / contrast if linear else math.log(contrast)  # change of the level
        expected = int(edge / threshold + 1e-6)
        assert polarities.tolist() == [0] * expected + [1] * expected, values


def test_daylight_changes_the_events_of_a_linear_pixel_only():
    def events(daylight, linear):
        trace = run_pixel(**PIXEL_START | {"daylight": daylight}, linear=linear)
        return trace.event_times.round(6).tolist(), trace.polarities.tolist()

    assert events(0.1, linear=False) == events(1, linear=False) == events(10, linear=False)
    assert len(events(0.1, linear=True)[0]) < len(events(1, linear=True)[0])
    assert len(events(1, linear=True)[0]) < len(events(10, linear=True)[0])


def test_speed_changes_the_times_and_not_the_number_of_events():
    slow, fast = (run_pixel(**PIXEL_START | {"speed": speed}, linear=False) for speed in (0.4, 4))
    assert slow.polarities.tolist() == fast.polarities.tolist()
    assert np.ptp(slow.event_times) == pytest.approx(10 * np.ptp(fast.event_times), rel=0.02)


def test_reference_stays_within_a_threshold_of_the_level():
    trace = run_pixel(**PIXEL_START, linear=False)
    assert np.abs(trace.reference - trace.level).max() < PIXEL_START["threshold"]


# ---- The neuron ----


def test_neuron_has_input_to_the_end_at_the_highest_rate():
    neuron = content(interactive_neuron())
    duration = neuron["steps"] * neuron["dt"]
    assert random_arrivals(neuron["seed"])[-1] / NEURON_SLIDERS["rate"].highest > duration


def test_random_arrivals_are_exponential_and_differ_by_seed():
    waits = np.concatenate([np.diff(random_arrivals(seed), prepend=0) for seed in range(20)])
    assert waits.mean() == pytest.approx(1, abs=0.05)
    assert waits.std() == pytest.approx(1, abs=0.05)
    assert (waits > 1).mean() == pytest.approx(np.exp(-1), abs=0.02)
    assert len(set(waits)) == len(waits)


def test_neuron_obeys_its_equations():
    """Without a spike, one event of weight w gives v = w (t/τ) exp(-t/τ), up to Euler's error."""
    spikes, voltage, current = run_neuron(
        np.array([0.0]), tau_mem=10, tau_syn=10, v_th=1, rate=1000
    )
    times = np.arange(1, len(voltage) + 1) / 10  # ms
    assert spikes.sum() == 0
    np.testing.assert_allclose(current, 0.05 * np.exp(-times / 10), atol=5e-4)
    np.testing.assert_allclose(voltage, 0.05 * times / 10 * np.exp(-times / 10), atol=5e-4)


def test_neuron_without_input_is_silent():
    assert not run_neuron(np.array([1.0, 2.0]), tau_mem=10, tau_syn=10, v_th=0.3, rate=0).any()


# ---- The motion detector ----


def spikes_of_detector(**values):
    start = initial_values(DETECTOR_SLIDERS) | values
    return [int(run_detector(**start, direction=way)[0].sum()) for way in DIRECTIONS]


def test_detector_spikes_for_one_direction_if_its_delay_is_that_of_the_edge():
    for speed in (0.2, 0.25, 0.5):
        assert spikes_of_detector(delay=1 / speed, speed=speed) == [1, 0]


def test_detector_without_delay_or_with_long_time_constants_cannot_tell():
    assert spikes_of_detector(delay=0) == [0, 0]
    assert spikes_of_detector(delay=0, speed=1) == [1, 1]
    counts = spikes_of_detector(tau=20)
    assert counts[0] == counts[1] > 0


# ---- The staircase ----


def norse_staircase(weights, dt):
    """Spikes, and the gradient of their sum by Norse, whose surrogate has beta 1."""
    weight = torch.tensor(weights, dtype=torch.float64, requires_grad=True)
    rate = torch.tensor(1000 / STAIRCASE_TAU, dtype=torch.float64)
    threshold = torch.tensor(STAIRCASE_THRESHOLD, dtype=torch.float64)
    zero = torch.tensor(0.0, dtype=torch.float64)
    parameters = LIFParameters(rate, rate, zero, threshold, zero, "super", torch.tensor(1.0))
    state = LIFFeedForwardState(v=0 * weight, i=0 * weight)
    inputs = {int(time / dt) for time in STAIRCASE_INPUT}
    total = 0
    for step in range(int(STAIRCASE_DURATION / dt)):
        spikes, state = lif_feed_forward_step(
            weight * (step in inputs), state, parameters, dt / 1000
        )
        total = total + spikes
    total.sum().backward()
    return total.detach().numpy(), weight.grad.numpy()


WEIGHTS = np.linspace(0, 0.4, 21) + 1e-5  # none right on an edge of a stair


@pytest.mark.parametrize("dt", [0.1, 0.3, 1])
def test_staircase_is_that_of_norse(dt):
    staircase = run_staircase(WEIGHTS, beta=1, dt=dt)
    spikes, gradient = norse_staircase(WEIGHTS, dt)
    assert staircase.spikes.tolist() == spikes.tolist()
    difference = spikes - STAIRCASE_TARGET
    assert staircase.loss.tolist() == (difference**2).tolist()
    np.testing.assert_allclose(staircase.gradient, 2 * difference * gradient, rtol=1e-9)


def test_spikes_depend_on_the_weight_and_not_on_the_surrogate():
    counts = [run_staircase(WEIGHTS, beta, dt=1).spikes.tolist() for beta in (1, 10, 100)]
    assert counts[0] == counts[1] == counts[2]
    assert set(counts[0]) >= set(range(9)) and counts[0] == sorted(counts[0])


def test_surrogate_gradient_points_to_the_target_and_fades_with_steepness():
    for beta, dt in product((1, 10, 100), (0.1, 0.3, 1)):
        staircase = run_staircase(WEIGHTS, beta, dt)
        sign = np.sign(staircase.spikes - STAIRCASE_TARGET)
        assert (np.sign(staircase.gradient) == sign).all()
    flat, steep = (run_staircase(np.array([0.05]), beta, dt=1).gradient for beta in (1, 100))
    assert abs(flat) > 50 * abs(steep) > 0


# ---- The image of the cloud ----


def test_cloud_picture_tells_on_from_off(simulated):
    events = simulated.test[0][0]
    axes = plot_event_cloud(events, title="a club").axes[0]
    on, off = axes.collections
    assert len(on.get_offsets()) == (events["p"] == 1).sum()
    assert len(off.get_offsets()) == (events["p"] == 0).sum()
    assert not np.array_equal(on.get_facecolor()[0], off.get_facecolor()[0])
    assert axes.get_xlabel() == "time (ms)" and "pixel" in axes.get_ylabel() + axes.get_zlabel()
    assert axes.get_ylim() == (0, 35) and axes.get_zlim() == (35, 0)


def test_cloud_picture_has_the_size_of_the_sensor(simulated):
    axes = plot_event_cloud(simulated.test[0][0], "a club", sensor_size=(64, 48, 2)).axes[0]
    assert axes.get_ylim() == (0, 64) and axes.get_zlim() == (48, 0)


def test_no_name_ends_the_json_block():
    name = "</script><!--"
    figure = InteractiveFigure("pixel", {name: 1}, b"", "a figure")
    assert content(figure) == {name: 1}
    assert figure._repr_html_().count("</script>") == 1 and "<!--" not in figure._repr_html_()
