import base64
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from pokersnn_helpers import EVENT_DTYPE, Recordings, Split
from pokersnn_helpers.figures.interactive import (
    NEURON_SLIDERS,
    interactive_event_cloud,
    interactive_neuron,
    run_neuron,
)
from pokersnn_helpers.figures.plots import plot_event_cloud


def content(figure):
    found = re.search(r'<script type="application/json">(.*)</script>', figure._repr_html_())
    return json.loads(found[1])


def test_cloud_carries_the_events_of_the_first_recordings_of_each_class(simulated):
    carried = content(interactive_event_cloud(simulated, recordings=2))
    assert carried["sensor_size"] == [35, 35, 2]
    assert list(carried["recordings"]) == list(simulated.classes)
    for target, name in enumerate(simulated.classes):
        expected = [events for events, label in simulated.test if label == target][:2]
        assert len(carried["recordings"][name]) == 2
        for packed, events in zip(carried["recordings"][name], expected, strict=True):
            for polarity, part in enumerate(("OFF", "ON")):
                for field in "txy":
                    values = np.frombuffer(base64.b64decode(packed[part][field]), "<u2")
                    np.testing.assert_array_equal(values, events[events["p"] == polarity][field])


@pytest.mark.parametrize("source", ["real", "own"])
def test_cloud_refuses_what_is_not_simulated(simulated, source):
    with pytest.raises(ValueError, match=rf"'{source}'.*may not be redistributed.*simulated"):
        interactive_event_cloud(simulated._replace(source=source))


def test_cloud_refuses_times_that_it_would_cut(simulated):
    late = simulated.test[0][0].copy()
    late["t"][-1] = 70_000
    test = Recordings([late], [3], simulated.classes, simulated.sensor_size)
    with pytest.raises(ValueError, match=r"70000 µs; the page takes 65,535"):
        interactive_event_cloud(simulated._replace(test=test))


def test_cloud_of_another_camera_keeps_its_pixels():
    events = np.array([(0, 639, 479, 1), (5, 0, 300, 0)], EVENT_DTYPE)
    recordings = Recordings([events], [0], ("left",), (640, 480, 2))
    carried = content(interactive_event_cloud(Split(recordings, recordings, "simulated")))
    assert carried["sensor_size"] == [640, 480, 2]
    on, off = (carried["recordings"]["left"][0][part] for part in ("ON", "OFF"))
    assert np.frombuffer(base64.b64decode(on["x"]), "<u2").tolist() == [639]
    assert np.frombuffer(base64.b64decode(off["y"]), "<u2").tolist() == [300]


@pytest.mark.parametrize("make", [interactive_event_cloud, interactive_neuron])
def test_picture_stands_beside_the_data_with_an_alternative_text(make, simulated):
    figure = make(simulated) if make is interactive_event_cloud else make()
    html = figure._repr_html_()
    assert re.search(r'<img alt="[^"]{80,}"', html)
    picture = Image.open(io.BytesIO(figure._repr_png_()))
    assert picture.width > 600 and len(picture.getcolors()) > 5
    assert base64.b64encode(figure._repr_png_()).decode() in html


def test_neuron_starts_where_its_sliders_do():
    neuron = content(interactive_neuron(seed=1))
    assert set(neuron["sliders"]) == {"tau_mem", "tau_syn", "v_th", "rate"}
    for _, _, lowest, highest, step, start in neuron["sliders"].values():
        assert lowest < start < highest
        assert (start - lowest) / step == pytest.approx(round((start - lowest) / step))


def test_neuron_has_input_to_the_end_at_the_highest_rate():
    neuron = content(interactive_neuron())
    duration = neuron["steps"] * neuron["dt"]
    assert neuron["arrivals"][-1] / NEURON_SLIDERS["rate"][3] > duration


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
