"""What the interactive figures carry to the page, and the Python that its scripts repeat."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pokersnn_helpers import EVENT_DTYPE, Classifier, Recordings, Split, build_network
from pokersnn_helpers.figures import colours
from pokersnn_helpers.figures import interactive_sliders as sliding
from pokersnn_helpers.figures.interactive import (
    MORE_SWITCHES,
    InteractiveFigure,
    initial_values,
    interactive_card,
    interactive_event_cloud,
    interactive_motion,
)
from pokersnn_helpers.simulation import EventCamera
from pokersnn_helpers.simulation.motions import film_motions
from pokersnn_helpers.system.norse_cells import (
    LIFFeedForwardState,
    LIFParameters,
    lif_feed_forward_step,
)

STATIC = Path(__file__).parents[1] / "book" / "_static"


def content(figure):
    found = re.search(r'<script type="application/json">(.*)</script>', figure._repr_html_())
    return json.loads(found[1])


# ---- Every figure ----

FIGURES = {
    "event-cloud": interactive_event_cloud,
    "card": lambda data: interactive_card(Classifier(build_network()), data.test.events[0]),
    "motion": lambda data: interactive_motion(film_motions(1, seed=0).events[0]),
    "pixel": lambda data: sliding.interactive_pixel(),
    "neuron": lambda data: sliding.interactive_neuron(),
    "staircase": lambda data: sliding.interactive_staircase(),
    "detector": lambda data: sliding.interactive_detector(),
}
SLIDERS = {
    "pixel": sliding.PIXEL_SLIDERS,
    "neuron": sliding.NEURON_SLIDERS,
    "staircase": sliding.STAIRCASE_SLIDERS,
    "detector": sliding.DETECTOR_SLIDERS,
}


@pytest.mark.parametrize("kind", FIGURES)
def test_image_stands_beside_the_data_with_an_alternative_text(kind, simulated):
    figure = FIGURES[kind](simulated)
    html = figure._repr_html_()
    assert f'data-kind="{kind}"' in html
    assert re.search(r'<img alt="[^"]{80,}"', html)
    png = figure._repr_png_()
    assert base64.b64encode(png).decode() in html
    image = Image.open(io.BytesIO(png))
    assert image.width > 600
    assert len(image.getcolors()) > 5
    carried = content(figure).get("sliders", {})
    assert carried.keys() == SLIDERS.get(kind, {}).keys()
    for name, slider in carried.items():
        assert slider == vars(SLIDERS[kind][name])


def test_each_switch_of_the_card_is_known_to_its_script(simulated):
    assert content(FIGURES["card"](simulated)) == {"switches": MORE_SWITCHES}
    script = (STATIC / "interactive/card/show.js").read_text(encoding="utf-8")
    assert all(f'changes.has("{name}")' in script for name in MORE_SWITCHES)


def test_page_has_the_colours_of_the_other_figures():
    css = (STATIC / "book.css").read_text(encoding="utf-8")
    light, dark = re.findall(r"\{([^{}]*--interactive-text:[^{}]*)\}", css)
    for name in ("TEXT", "GREY", "GRID", "SHADE", "ACCENT"):
        colour = getattr(colours, name)
        variable = f"--interactive-{name.lower()}"
        assert f"{variable}: {colour};" in light
        assert f"{variable}: {colours.DARK[colour]};" in dark
    same = {"ON": colours.ON, "OFF": colours.OFF} | colours.CLASS_COLOURS
    for name, colour in same.items():
        assert f"--interactive-{name}: {colour};" in light
        assert f"--interactive-{name}:" not in dark


def test_no_name_ends_the_json_block():
    name = "</script><!--"
    figure = InteractiveFigure("pixel", {name: 1}, b"", "a figure")
    assert content(figure) == {name: 1}
    html = figure._repr_html_()
    assert html.count("</script>") == 1
    assert "<!--" not in html


# ---- The cloud ----


def cloud_of(*events, targets, source="simulated"):
    test = Recordings([*events], targets, ("a", "b", "c"), (640, 480, 2))
    return interactive_event_cloud(Split(test, test, source))


def test_cloud_carries_the_first_recordings_of_each_class_that_has_some():
    rows = [
        (0, 639, 479, 1),
        (5, 0, 300, 0),
        (65_535, 3, 4, 1),
    ]
    events = np.array(rows, EVENT_DTYPE)
    others = 4 * [events[1:]]
    figure = cloud_of(events, *others, targets=[0, 1, 1, 1, 1])
    carried = content(figure)
    assert carried["sensor_size"] == [640, 480, 2]
    assert "a simulated b" in figure.alt
    recordings = carried["recordings"]
    assert [*recordings] == ["a", "b"]
    assert len(recordings["a"]) == 1
    assert len(recordings["b"]) == 3
    for name, polarity in (("OFF", 0), ("ON", 1)):
        expected = events[events["p"] == polarity]
        for field, packed in recordings["a"][0][name].items():
            little_endian = expected[field].astype("<u2").tobytes()
            assert base64.b64decode(packed) == little_endian


def test_cloud_refuses_what_is_not_simulated_and_times_that_it_would_cut():
    events = np.array([(65_536, 0, 0, 1)], EVENT_DTYPE)
    with pytest.raises(ValueError, match=r"'own'.*may not be redistributed.*simulated"):
        cloud_of(events, targets=[0], source="own")
    with pytest.raises(ValueError, match=r"65536 µs; the page takes 65,535"):
        cloud_of(events, targets=[0])


# ---- The pixel ----


class Middle(np.random.Generator):
    """Lets a camera's pixels start with their reference at the light."""

    def random(self, size=None, dtype=float):
        return np.full(size, 0.5, dtype)


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("end", ["lowest", "highest"])
@pytest.mark.parametrize("name", sliding.PIXEL_SLIDERS)
def test_pixel_sends_the_events_of_an_event_camera(name, end, linear):
    """The camera's level falls and rises a hair further: else rounding decides on events."""
    slider = sliding.PIXEL_SLIDERS[name]
    values = initial_values(sliding.PIXEL_SLIDERS)
    values[name] = slider.value(getattr(slider, end))
    threshold = values["threshold"]
    trace = sliding.run_pixel(**values, linear=linear)
    difference = np.abs(trace.reference - trace.level)
    assert difference.max() < 1.001 * threshold
    falls = 1e-4 * (trace.level - trace.level[0])
    hair = np.where(trace.times < 10, falls, 1e-3 * threshold)
    level = trace.level + hair
    camera = EventCamera(threshold, threshold)
    interval = 1000 * sliding.PIXEL.dt
    rng = Middle(np.random.PCG64(0))
    events = camera.record(level.reshape(-1, 1, 1), interval, rng)
    assert events["p"].tolist() == trace.polarities.tolist()
    delays = np.abs(events["t"] / 1000 - trace.event_times)  # those after a hair come sooner
    assert (delays > 2e-3).sum() <= 2
    assert delays.max(initial=0) < 0.1


# ---- The neuron ----


def test_neuron_obeys_its_equations_and_is_silent_without_input():
    """One event of weight w gives i = w exp(-t/5) and v = (exp(-t/20) - exp(-t/5)) w/3 in ms."""
    constants = {"tau_mem": 20, "tau_syn": 5}
    arrivals = np.array([20.0])  # ms, at 1 event/s
    spikes, voltage, current = sliding.run_neuron(arrivals, **constants, v_th=1, rate=1000)
    ms = np.arange(1, 801) / 10
    syn = np.exp(-ms / 5)
    mem = np.exp(-ms / 20)
    assert spikes.sum() == current[:200].sum() == 0
    assert current[200:] == pytest.approx(0.05 * syn, abs=1e-3)
    assert voltage[200:] == pytest.approx(0.05 / 3 * (mem - syn), abs=5e-4)
    spikes, voltage, _ = sliding.run_neuron(arrivals, **constants, v_th=0.007, rate=1000)
    assert spikes.sum() == 1
    assert voltage.max() < 0.007
    assert voltage[spikes > 0] == 0
    assert not sliding.run_neuron(arrivals, **constants, v_th=1, rate=0).any()


# ---- The motion detector ----


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"delay": 5, "speed": 0.2}, [1, 0]),
        ({"delay": 2, "speed": 0.5}, [1, 0]),
        ({"delay": 0}, [0, 0]),
        ({"delay": 0, "speed": 1}, [1, 1]),
        ({"tau": 20}, [1, 1]),
    ],
)
def test_detector_tells_directions_where_its_delay_is_that_of_the_edge(values, expected):
    values = initial_values(sliding.DETECTOR_SLIDERS) | values
    for direction, count in zip(("right", "left"), expected, strict=True):
        spikes, *_ = sliding.run_detector(**values, direction=direction)
        assert spikes.sum() == count


# ---- The staircase ----


def norse_staircase(weights, dt):
    """Spikes, and the gradient of their sum by Norse, whose surrogate has beta 1."""
    weight = torch.tensor(weights, dtype=torch.float64, requires_grad=True)
    rate = torch.tensor(1000 / sliding.STAIRCASE.tau, dtype=torch.float64)
    threshold = torch.tensor(sliding.STAIRCASE.threshold, dtype=torch.float64)
    parameters = LIFParameters(rate, rate, v_th=threshold, alpha=torch.tensor(1.0))
    state = LIFFeedForwardState(v=0 * weight, i=0 * weight)
    total = 0
    inputs = {int(time / dt) for time in sliding.STAIRCASE.input}
    for step in range(int(sliding.STAIRCASE.duration / dt)):
        jump = weight * (step in inputs)
        spikes, state = lif_feed_forward_step(jump, state, parameters, dt / 1000)
        total = total + spikes
    total.sum().backward()
    return total.detach().numpy(), weight.grad.numpy()


WEIGHTS = np.linspace(0, 0.4, 21) + 1e-5  # none right on an edge of a stair


@pytest.mark.parametrize("dt", [0.1, 0.3, 1])
def test_staircase_is_that_of_norse_and_its_gradient_points_to_the_target(dt):
    staircase = sliding.run_staircase(WEIGHTS, beta=1, dt=dt)
    spikes, gradient = norse_staircase(WEIGHTS, dt)
    assert staircase.spikes.tolist() == spikes.tolist()
    difference = spikes - sliding.STAIRCASE.target
    assert staircase.loss.tolist() == (difference**2).tolist()
    np.testing.assert_allclose(staircase.gradient, 2 * difference * gradient, rtol=1e-9)
    for beta in (1, 10, 100):
        steeper = sliding.run_staircase(WEIGHTS, beta, dt)
        assert steeper.spikes.tolist() == spikes.tolist()
        assert np.sign(steeper.gradient).tolist() == np.sign(difference).tolist()
