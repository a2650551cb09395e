import re
from dataclasses import replace

import numpy as np
import pytest

from pokersnn_helpers.simulation import EventCamera

IDEAL = EventCamera(on_threshold=0.2, off_threshold=0.2)


def film(camera, light, frame_interval=100, seed=0):
    """Film log intensities of shape (T, y, x)."""
    return camera.record(light, frame_interval, np.random.default_rng(seed))


def many_pixels(light, count=400):
    """Show the same to each of many pixels, which lie side by side."""
    return np.tile(np.asarray(light, dtype=float).reshape(-1, 1, 1), (1, 1, count))


def times_by_pixel(events):
    return {x: events["t"][events["x"] == x] for x in np.unique(events["x"])}


@pytest.mark.parametrize(("change", "polarity", "counts"), [(1.0, 1, {3, 4, 5}), (-1.0, 0, {2, 3})])
def test_an_edge_makes_as_many_events_as_it_is_thresholds_deep(change, polarity, counts):
    events = film(replace(IDEAL, off_threshold=0.4), many_pixels(np.linspace(0, change, 40)))
    assert set(events["p"]) == {polarity}
    # 1.0 / 0.2 or 1.0 / 0.4, but a pixel may begin anywhere between the two thresholds.
    assert set(np.bincount(events["x"])) == counts


def test_a_seed_fixes_the_events():
    light = np.random.default_rng(1).normal(0, 0.5, (30, 5, 7))
    camera = replace(IDEAL, mismatch=0.3, timestamp_jitter_us=50, noise_rate_hz=100)
    events, same, other = (film(camera, light, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(events, same) and not np.array_equal(events, other)


def test_mismatch_of_both_thresholds_is_independent():
    """Without any mismatch there would be no correlation to compute."""
    rise, camera = np.linspace(0, 3, 40), replace(IDEAL, mismatch=0.3)
    on, off = (
        np.bincount(film(camera, many_pixels(light))["x"], minlength=400) for light in (rise, -rise)
    )
    assert abs(np.corrcoef(on, off)[0, 1]) < 0.2


def test_mismatch_leaves_no_threshold_below_0_3_of_the_typical_one():
    events = film(replace(IDEAL, mismatch=1), many_pixels(np.linspace(0, 1.2, 40)))
    assert np.bincount(events["x"]).max() == 20  # 1.2 / (0.3 · 0.2)


def test_response_is_slower_in_the_dark():
    """The last events of a fall come in the dark, those of a rise in the light."""
    dims, brightens = many_pixels([0] + 100 * [-1]), many_pixels([-1] + 100 * [0])
    slow = replace(IDEAL, tau_bright=300, tau_dark=1200)
    assert film(slow, dims)["t"][-1] > 1.5 * film(slow, brightens)["t"][-1]


@pytest.mark.parametrize("frame_interval", [10, 100])
def test_photoreceptor_is_a_low_pass_filter_at_any_frame_interval(frame_interval):
    """After its time constant it has come 1 - 1/e of the way, however far apart frames are."""
    camera = replace(IDEAL, tau_bright=100, tau_dark=100)
    light = many_pixels([0] + 100 // frame_interval * [-1], count=4000)
    events = film(camera, light, frame_interval)
    # Pixels began anywhere between the thresholds, on average half of one away.
    way = 0.2 * (len(events) / 4000 + 0.5)
    assert way == pytest.approx(1 - np.exp(-1), abs=0.01)


def test_photoreceptor_is_as_fast_as_its_light_lets_it_and_not_as_the_scene():
    """At the first frame it still has the light of before, so darkness doesn't slow it yet."""
    falls = many_pixels([0, -1])
    even, slower = (replace(IDEAL, tau_bright=100, tau_dark=tau) for tau in (100, 1e6))
    np.testing.assert_array_equal(film(slower, falls), film(even, falls))


@pytest.mark.parametrize("frame_interval", [20, 100, 1000])
def test_no_interval_of_a_pixel_is_shorter_than_the_refractory_period(frame_interval):
    light = many_pixels(np.random.default_rng(0).normal(0, 2, 40), count=10)
    events = film(replace(IDEAL, refractory_period_us=72), light, frame_interval)
    intervals = [np.diff(times) for times in times_by_pixel(events).values()]
    assert np.concatenate(intervals).min() == 72


def test_events_come_when_crossed_but_a_refractory_period_after_the_one_before():
    """t(n) = max(c(n), t(n−1) + R), where the c(n) are those of a camera without a period."""
    rises = np.random.default_rng(0).exponential(0.4, 40) * (np.arange(40) % 4 == 0)
    light = many_pixels(np.cumsum([0, *rises, *[0] * 40]), count=20)  # at last, all can be sent
    crossed = times_by_pixel(film(IDEAL, light))
    sent = times_by_pixel(film(replace(IDEAL, refractory_period_us=72), light))
    waited = 0
    for x, times in crossed.items():
        expected = [times[0]]
        for crossing in times[1:]:
            expected.append(max(crossing, expected[-1] + 72))
        assert np.abs(sent[x] - expected).max() <= 1  # times are whole µs
        waited += (sent[x] > times + 1).sum()
    assert 0.2 < waited / sum(map(len, crossed.values())) < 0.8  # both cases occur


def test_what_changes_while_a_pixel_is_refractory_is_lost():
    light = many_pixels([0, -1] + 30 * [-1])  # five thresholds at once
    events = film(replace(IDEAL, refractory_period_us=1000), light)
    assert set(np.bincount(events["x"])) == {1}


def test_jitter_delays_time_stamps_by_up_to_its_size():
    light = many_pixels(np.linspace(0, -1, 40))
    exact, late = (film(replace(IDEAL, timestamp_jitter_us=j), light)["t"] for j in (0, 60))
    assert late.mean() - exact.mean() == pytest.approx(30, abs=2)
    assert np.all(late >= exact) and np.all(late <= exact + 60)


def test_ties_give_neighbours_in_time_the_same_time_stamp():
    light = many_pixels(np.linspace(0, -1, 40))
    apart, together = (film(replace(IDEAL, tie_probability=p), light)["t"] for p in (0, 1))
    assert len(apart) == len(together) and np.all(np.diff(together) >= 0)
    assert np.mean(np.diff(together) == 0) > 1.2 * np.mean(np.diff(apart) == 0)


def test_noise_comes_at_its_rate_at_any_time_in_any_row_and_column_with_both_polarities():
    still = np.zeros((1001, 12, 20))  # 0.1 s of 240 pixels
    events = film(replace(IDEAL, noise_rate_hz=500), still)
    assert len(events) == pytest.approx(12_000, rel=0.05)
    for values, parts in ((events["t"] // 10_000, 10), (events["y"], 12), (events["x"], 20)):
        assert np.bincount(values) == pytest.approx([12_000 / parts] * parts, rel=0.25)
    assert events["p"].mean() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("frame_interval", [100, 500])
def test_leak_makes_on_events_at_its_rate(frame_interval):
    still = np.zeros((1 + 100_000 // frame_interval, 20, 20))
    camera = replace(IDEAL, leak_rate=4)  # a threshold of 0.2 every 50 ms
    events = film(camera, still, frame_interval)
    assert set(events["p"]) == {1}
    later = events[events["t"] >= 50_000]  # a pixel's first event may take longer
    assert len(later) == pytest.approx(400, rel=0.1)


def test_frames_may_share_one_buffer():
    def frames():
        buffer = np.zeros((1, 400), dtype=np.float32)
        for level in np.linspace(0, -1, 40):
            buffer[:] = level
            yield buffer

    assert np.array_equal(film(IDEAL, frames()), film(IDEAL, many_pixels(np.linspace(0, -1, 40))))


@pytest.mark.parametrize(
    ("name", "value"),
    [("off_threshold", 1e-12), ("noise_rate_hz", -1), ("tie_probability", 1.1), ("tau_dark", 1e30)],
)
def test_impossible_camera_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=re.escape(f"{name} is {value!r}; choose a number from")):
        EventCamera(**{name: value})


@pytest.mark.parametrize(
    ("frames", "interval", "message"),
    [
        ([], 100, r"log_frames have shape \(0,\); expected \(frames, y, x\)"),
        ([np.zeros((0, 3))], 100, r"log_frames have shape \(1, 0, 3\)"),
        ([np.full((2, 3), np.nan)], 100, "log_frames aren't finite"),
        ([np.zeros((2, 2))], 0, "frame_interval is 0; choose a number from 0.001"),
    ],
)
def test_what_cannot_be_filmed_is_named(frames, interval, message):
    with pytest.raises(ValueError, match=message):
        IDEAL.record(frames, interval, np.random.default_rng(0))
