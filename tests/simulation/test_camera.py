import re
from dataclasses import replace
from itertools import accumulate

import numpy as np
import pytest

from pokersnn_helpers.simulation import EventCamera

RISE = np.linspace(0, 1, 40)


def film(light, frame_interval=100, seed=0, **options):
    """Film log intensities of shape (T, y, x) by a camera that is ideal but for the options."""
    camera = replace(EventCamera(on_threshold=0.2, off_threshold=0.2), **options)
    return camera.record(light, frame_interval, np.random.default_rng(seed))


def many_pixels(light, count=400):
    """Show the same to each of many pixels, which lie side by side."""
    light = np.reshape(light, (-1, 1, 1))
    return np.tile(light, (1, 1, count))


def times_by_pixel(events):
    pixels = np.unique(events["x"])
    return [events["t"][events["x"] == x] for x in pixels]


@pytest.mark.parametrize(("change", "polarity", "counts"), [(1, 1, {3, 4, 5}), (-1, 0, {2, 3})])
def test_an_edge_makes_as_many_events_as_it_is_thresholds_deep(change, polarity, counts):
    events = film(many_pixels(change * RISE), off_threshold=0.4)
    assert set(events["p"]) == {polarity}
    # 1.0 / 0.2 or 1.0 / 0.4, but a pixel may begin anywhere between the two thresholds.
    assert set(np.bincount(events["x"])) == counts


def test_mismatch_leaves_no_threshold_below_0_3_of_the_typical_one():
    events = film(many_pixels(1.2 * RISE), mismatch=1)
    assert np.bincount(events["x"]).max() == 20  # 1.2 / (0.3 · 0.2)


def test_response_is_slower_in_the_dark():
    """The last events of a fall come in the dark, those of a rise in the light."""
    taus = {"tau_bright": 300, "tau_dark": 1200}
    bright = many_pixels(np.zeros(101))
    bright[0] = -1
    brightens = film(bright, **taus)["t"]
    dims = film(-1 - bright, **taus)["t"]
    assert dims[-1] > 1.5 * brightens[-1]


@pytest.mark.parametrize("frame_interval", [10, 100])
def test_photoreceptor_is_a_low_pass_filter_at_any_frame_interval(frame_interval):
    """After its time constant it has come 1 - 1/e of the way, however far apart frames are."""
    light = many_pixels([0] + 100 // frame_interval * [-1], count=4000)
    events = film(light, frame_interval, tau_bright=100, tau_dark=100)
    # Pixels began anywhere between the thresholds, on average half of one away.
    way = 0.2 * (len(events) / 4000 + 0.5)
    assert way == pytest.approx(1 - np.exp(-1), abs=0.01)


def test_photoreceptor_is_as_fast_as_its_light_lets_it_and_not_as_the_scene():
    """At the first frame it still has the light of before, so darkness doesn't slow it yet."""
    falls = many_pixels([0, -1])
    even = film(falls, tau_bright=100, tau_dark=100)
    slower = film(falls, tau_bright=100, tau_dark=1e6)
    np.testing.assert_array_equal(slower, even)


def test_events_come_when_crossed_but_a_refractory_period_after_the_one_before():
    """t(n) = max(c(n), t(n−1) + R), where the c(n) are those of a camera without a period."""
    rises = np.zeros(81)  # at last, all can be sent
    rng = np.random.default_rng(0)
    rises[1:41:4] = rng.exponential(0.4, 10)
    light = many_pixels(np.cumsum(rises), count=20)
    crossed = times_by_pixel(film(light))
    sent = times_by_pixel(film(light, refractory_period_us=72))
    waited = []
    for crossings, times in zip(crossed, sent, strict=True):
        expected = [*accumulate(crossings, lambda before, crossing: max(crossing, before + 72))]
        assert np.abs(times - expected).max() <= 1  # times are whole µs
        waited.extend(times > crossings + 1)
    assert 0.2 < np.mean(waited) < 0.8  # both cases occur


def test_what_changes_while_a_pixel_is_refractory_is_lost():
    light = many_pixels([0] + 31 * [-1])  # five thresholds at once
    events = film(light, refractory_period_us=1000)
    assert set(np.bincount(events["x"])) == {1}


def test_jitter_delays_time_stamps_by_up_to_its_size():
    light = many_pixels(-RISE)
    delays = film(light, timestamp_jitter_us=60)["t"] - film(light)["t"]  # in order of time
    assert delays.mean() == pytest.approx(30, abs=2)
    assert delays.min() >= 0
    assert delays.max() <= 60


def test_ties_give_neighbours_in_time_the_same_time_stamp():
    light = many_pixels(-RISE)
    apart, together = (np.diff(film(light, tie_probability=share)["t"]) for share in (0, 1))
    assert len(apart) == len(together)
    assert together.min() == 0
    assert np.mean(together == 0) > 1.2 * np.mean(apart == 0)


def test_noise_comes_at_its_rate_at_any_time_in_any_row_and_column_with_both_polarities():
    still = np.zeros((1001, 12, 20))  # 0.1 s of 240 pixels
    events = film(still, noise_rate_hz=500)
    assert len(events) == pytest.approx(12_000, rel=0.05)
    events["t"] //= 10_000
    for field, parts in {"t": 10, "y": 12, "x": 20}.items():
        counts = np.bincount(events[field], minlength=parts)
        assert counts == pytest.approx(12_000 / parts, rel=0.25)
    assert events["p"].mean() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("frame_interval", [100, 500])
def test_leak_makes_on_events_at_its_rate(frame_interval):
    frames = 1 + 100_000 // frame_interval
    still = np.zeros((frames, 20, 20))
    events = film(still, frame_interval, leak_rate=4)  # a threshold of 0.2 every 50 ms
    assert set(events["p"]) == {1}
    later = events["t"] >= 50_000  # a pixel's first event may take longer
    assert later.sum() == pytest.approx(400, rel=0.1)


def test_frames_may_share_one_buffer():
    def frames():
        buffer = np.zeros((1, 400))
        for level in RISE:
            buffer[:] = level
            yield buffer

    expected = film(many_pixels(RISE))
    assert np.array_equal(film(frames()), expected)


IMPOSSIBLE = {"off_threshold": 1e-12, "noise_rate_hz": -1, "tie_probability": 1.1, "tau_dark": 1e30}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_impossible_camera_is_refused_by_name(name):
    message = re.escape(f"{name} is {IMPOSSIBLE[name]!r}; choose a number from")
    with pytest.raises(ValueError, match=message):
        EventCamera(**{name: IMPOSSIBLE[name]})


@pytest.mark.parametrize(
    ("frames", "interval", "message"),
    [
        ([], 100, r"log_frames have shape \(0,\); expected \(frames, y, x\)"),
        (np.full((1, 2, 3), np.nan), 100, "log_frames aren't finite"),
        (np.zeros((1, 2, 2)), 0, "frame_interval is 0; choose a number from 0.001"),
    ],
)
def test_what_cannot_be_filmed_is_named(frames, interval, message):
    with pytest.raises(ValueError, match=message):
        film(frames, interval)
