"""What ``inspect`` finds odd, and from where on."""

import numpy as np
import pytest

from pokersnn_helpers import EVENT_DTYPE
from pokersnn_helpers.own.inspection import find_hot_pixels, inspect_file


def events(t, x=0, on=None):
    """Events at some times and columns, so many of which are ON; default: half of them."""
    made = np.zeros(len(t), EVENT_DTYPE)
    made["t"], made["x"], made["p"] = t, x, np.arange(len(t)) < (on or len(t) / 2)
    return made


def gap(longest, duration):
    return events([*range(longest, duration, 1000), 0, duration][::-1])


def clock(tick):
    return events(tick * np.arange(100), range(100))


def burst(size):
    return events([0] * size + [*range(1, 102)])


def scene(*hot):
    """A hand that turns round in a second of 64 x 64 pixels, and hot pixels: x, y and events."""
    rng = np.random.default_rng(0)
    t, y = np.sort(rng.integers(0, 10**6, 60_000)), rng.integers(10, 50, 60_000)
    x = (30 + 25 * np.sin(6 * np.pi * t / 1e6) + rng.integers(0, 5, len(t))).astype(int)
    columns = np.stack([t, x, y])
    for *place, number in hot:
        own = [rng.integers(0, 10**6, number), *(np.full(number, each) for each in place)]
        columns = np.append(columns, own, axis=1)
    t, x, y = columns[:, np.argsort(columns[0], kind="stable")]
    made = events(t, x)
    made["y"], made["p"] = y, y % 2
    return made


def inspected(made, tmp_path):
    np.save(tmp_path / "a.npy", made)
    return inspect_file(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("said", "usual", "odd"),
    [
        ("nothing for", gap(10_000, 60_000), gap(10_001, 60_000)),
        ("nothing for", gap(20_000, 200_000), gap(20_001, 200_000)),
        ("% are ON", events(range(10), on=9), events(range(11), on=10)),
        ("% are ON", events(range(10), on=1), events(range(11), on=1)),
        ("can hardly be in µs; multiply ms", events([0, 200]), events([0, 199])),
        ("1 events, all at the same time", events([7, 8]), events([7])),
        ("run backwards at event 1 (from 9 to 5", events([9, 9]), events([9, 5])),
        ("steps are 0.1 ms", clock(99), clock(100)),
        ("101 of 202 events come at once", burst(100), burst(101)),
    ],
)
def test_advice_begins_beyond_each_threshold(said, usual, odd, tmp_path):
    for each, expected in ((usual, False), (odd, True)):
        advice = inspected(each, tmp_path).advice
        assert (said in " ".join(advice)) == expected, advice


def test_more_pixels_than_a_camera_has_are_refused(tmp_path):
    assert inspected(events([0, 9], 2**21 - 1), tmp_path).image.shape == (1, 2**21)
    with pytest.raises(ValueError, match=r"a\.npy: its events take 2097153 × 1 pixels, more"):
        inspected(events([0, 9], 2**21), tmp_path)


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_an_overflow_is_no_disorder(bits, tmp_path):
    made = scene()
    made["t"] = (made["t"] + 2**bits - 500) % 2**bits
    found = inspected(made, tmp_path)
    (advice,) = (each for each in found.advice if "sensor" not in each)
    n = int(np.flatnonzero(np.diff(made["t"]) < 0)[0]) + 1
    assert advice.startswith(f"a counter of {bits} bits overflowed at event {n} (from ")
    assert advice.endswith(f"; add 2**{bits} µs from there on")
    assert found.numbers["duration (ms)"] == pytest.approx(1000, rel=1e-3)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    ("factor", "remedy"),
    [(1e-3, "multiply ms by 1000"), (1e-6, "multiply seconds by 1e6"), (1e3, "divide ns by 1000")],
)
def test_units_are_told_by_rate_and_resolution(factor, remedy, whole, tmp_path):
    made = scene()
    made["t"] *= 1 if factor == 1e-3 else 6
    columns = np.stack([made[field].astype(float) for field in "txyp"], axis=1)
    columns[:, 0] *= factor
    columns[:, 0] += 1.7e15 * factor * (not whole)  # since 1970
    found = inspected(np.floor(columns) if whole else columns, tmp_path)
    assert [each.endswith(remedy) for each in found.advice if "sensor" not in each] == [True]


def test_hot_pixels_fire_all_the_time_and_a_hand_that_turns_round_does_not(tmp_path):
    found = inspected(scene(), tmp_path)
    assert ["sensor" in each for each in found.advice] == [True] and not len(found.hot_pixels)
    places = [[40, 12], [56, 20], [30, 30], [3, 5], [60, 60]]
    rates = zip(places, (2000, 300, 150, 40, 20), strict=True)
    found = inspected(scene(*([*place, rate] for place, rate in rates)), tmp_path)
    assert found.hot_pixels.tolist() == places
    assert found.advice[0].startswith("hot pixels, 5 in all, (40, 12), (56, 20), (30, 30), (3, 5),")
    together = [[9, 60], [9, 61], [10, 60], [10, 61]]
    assert sorted(find_hot_pixels(scene(*([*each, 50] for each in together))).tolist()) == together


def test_half_of_the_pixels_may_be_hot(tmp_path):
    places = np.argwhere(np.random.default_rng(1).random((64, 64)) < 0.5)
    found = inspected(scene(*([*each, 100] for each in places)), tmp_path)
    assert "pixels are hot; look at the camera's thresholds, and record" in found.advice[0]
    assert 0.9 < len(found.hot_pixels) / len(places) <= 1.05
