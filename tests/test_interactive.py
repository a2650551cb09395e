import base64
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pokersnn_helpers.interactive import NEURON_SLIDERS, live_event_cloud, live_neuron, run_neuron
from pokersnn_helpers.plots import plot_event_cloud


def content(figure):
    found = re.search(r'<script type="application/json">(.*)</script>', figure._repr_html_())
    return json.loads(found[1])


def unpack(text, kind):
    return np.frombuffer(base64.b64decode(text), kind)


def test_cloud_carries_the_events_of_the_first_recordings_of_each_suit(standin):
    recordings = content(live_event_cloud(standin, recordings=2))
    assert list(recordings) == list(standin.classes)
    for target, suit in enumerate(standin.classes):
        expected = [events for events, label in standin.test if label == target][:2]
        assert len(recordings[suit]) == 2
        for packed, events in zip(recordings[suit], expected, strict=True):
            for name, polarity in (("OFF", 0), ("ON", 1)):
                some = events[events["p"] == polarity]
                np.testing.assert_array_equal(unpack(packed[name]["t"], "<u2"), some["t"])
                np.testing.assert_array_equal(unpack(packed[name]["x"], "u1"), some["x"])
                np.testing.assert_array_equal(unpack(packed[name]["y"], "u1"), some["y"])


def test_cloud_refuses_real_recordings(standin):
    with pytest.raises(ValueError, match=r"'real'.*may not be redistributed.*standin"):
        live_event_cloud(replace(standin, source="real"))


def test_cloud_refuses_times_that_it_would_cut(standin):
    late = standin.test[0][0].copy()
    late["t"][-1] = 70_000
    with pytest.raises(ValueError, match=r"70000 µs; the page takes 65,535"):
        live_event_cloud(replace(standin, test=[(late, 3)]))


@pytest.mark.parametrize("make", [live_event_cloud, live_neuron])
def test_picture_stands_beside_the_data_with_an_alternative_text(make, standin):
    figure = make(standin) if make is live_event_cloud else make()
    html = figure._repr_html_()
    assert re.search(r'<img alt="[^"]{80,}"', html)
    picture = Image.open(io.BytesIO(figure._repr_png_()))
    assert picture.width > 600 and len(picture.getcolors()) > 5
    assert base64.b64encode(figure._repr_png_()).decode() in html


def test_neuron_starts_where_its_sliders_do():
    neuron = content(live_neuron(seed=1))
    assert set(neuron["sliders"]) == {"tau_mem", "tau_syn", "v_th", "rate"}
    for _, _, lowest, highest, step, start in neuron["sliders"].values():
        assert lowest < start < highest
        assert (start - lowest) / step == pytest.approx(round((start - lowest) / step))


def test_neuron_has_input_to_the_end_at_the_highest_rate():
    neuron = content(live_neuron())
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


def test_cloud_picture_tells_on_from_off(standin):
    events = standin.test[0][0]
    axes = plot_event_cloud(events, title="a club").axes[0]
    on, off = axes.collections
    assert len(on.get_offsets()) == (events["p"] == 1).sum()
    assert len(off.get_offsets()) == (events["p"] == 0).sum()
    assert not np.array_equal(on.get_facecolor()[0], off.get_facecolor()[0])
    assert axes.get_xlabel() == "time (ms)" and "pixel" in axes.get_ylabel() + axes.get_zlabel()
