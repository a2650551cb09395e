"""What ``inspect`` finds odd, and from where on."""

import re
import tracemalloc
from itertools import product

import numpy as np
import pytest

from eventdesk.look.cleaning import remaining
from eventdesk.look.inspection import find_hot_pixels, inspect_file
from pokersnn_helpers.events.recordings import make_events


def at(t, x=0, on=None):
    """Events at some times and columns, so many of which are ON; default: half of them."""
    return make_events(t, x, 0, np.arange(len(t)) < (on or len(t) // 2))


def with_gap(gap, duration):
    return at([0, *range(gap, duration, 1000), duration])


def ticking(tick):
    return at(tick * np.arange(100), range(100))


def sparse(duration):
    """Two hundred times in µs, spread over so long."""
    times = np.random.default_rng(0).integers(1, duration, 198)
    return np.sort([0, *times, duration])


def burst(size):
    return at([0] * size + [*range(1, 102)])


def scene(*hot):
    """A hand that turns round in a second of 64 x 64 pixels, and hot pixels: x, y and events."""
    rng = np.random.default_rng(0)
    t = np.sort(rng.integers(0, 10**6, 60_000))
    y = rng.integers(10, 50, 60_000)
    middle = 30 + 25 * np.sin(6 * np.pi * t / 1e6)
    x = (middle + rng.integers(0, 5, 60_000)).astype(int)
    parts = [make_events(t, x, y, y % 2)]
    for column, row, count in hot:
        parts.append(make_events(rng.integers(0, 10**6, count), column, row, row % 2))
    events = np.concatenate(parts)
    events.sort(order="t", kind="stable")
    return events


@pytest.fixture
def inspect(tmp_path):
    """A function that saves events and inspects the file."""

    def save_and_inspect(events):
        np.save(tmp_path / "a.npy", events)
        return inspect_file(tmp_path / "a.npy")

    return save_and_inspect


@pytest.mark.parametrize(
    ("sentence", "usual", "odd"),
    [
        ("nothing for", with_gap(10_000, 60_000), with_gap(10_001, 60_000)),
        ("nothing for", with_gap(20_000, 200_000), with_gap(20_001, 200_000)),
        ("% are ON", at(range(10), on=9), at(range(11), on=10)),
        ("% are ON", at(range(10), on=1), at(range(11), on=1)),
        ("% are ON", at(range(50), on=50), at(range(50), on=49)),
        ("if their times are in ns, divide", at(sparse(600e6)), at(sparse(660e6))),
        ("if their times are in ns, divide", at(1000 * sparse(5000)), at(1000 * sparse(5500))),
        ("can hardly be in µs; multiply ms", at([0, 200]), at([0, 199])),
        ("1 events, all at the same time", at([7, 8]), at([7])),
        ("run backwards at event 1 (from 9 to 5", at([9, 9]), at([9, 5])),
        ("steps are 0.1 ms", ticking(99), ticking(100)),
        ("101 of 202 events come at once, at 0 ms", burst(100), burst(101)),
    ],
)
def test_advice_begins_beyond_each_threshold(sentence, usual, odd, inspect):
    assert sentence not in " ".join(inspect(usual).advice)
    assert sentence in " ".join(inspect(odd).advice)


def test_more_pixels_than_a_camera_has_are_refused(inspect):
    inspection = inspect(at([0, 9], 2**21 - 1))
    assert inspection.image.shape == (1, 2**21)
    with pytest.raises(ValueError, match=r"a\.npy: its events take 2097153 × 1 pixels, more"):
        inspect(at([0, 9], 2**21))


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_an_overflow_is_no_disorder(bits, inspect):
    events = scene()
    events["t"] = (events["t"] + 2**bits - 500) % 2**bits
    inspection = inspect(events)
    first = 1 + (np.diff(events["t"]) < 0).argmax()
    overflow, _ = inspection.advice
    assert overflow.startswith(f"a counter of {bits} bits overflowed at event {first} (from ")
    assert overflow.endswith(f"; add 2**{bits} µs from there on")
    assert inspection.numbers["duration (ms)"] == pytest.approx(1000, rel=1e-3)


@pytest.mark.parametrize("duration", [60_000, 100_000, 1_000_000, 16_000_000])
def test_events_in_no_order_are_no_overflow(duration, inspect):
    """Some fall by nearly what a counter holds; of 16 bits, none could hold the longer times."""
    for seed in range(5):
        t = np.random.default_rng(seed).integers(0, duration, 3000)
        first, *others = inspect(at(t)).advice
        assert first.startswith("times run backwards at event ")
        assert "overflowed" not in " ".join(others)


@pytest.mark.parametrize("start", [5, 1_000_000, 4_000_000_000])
def test_a_clock_that_begins_anew_leaves_no_gap(start, inspect):
    t = np.arange(0, 10**6, 1000)
    inspection = inspect(at([*(start + t), *t]))
    said = f"its clock begins anew at event 1000 (from {start + 999_000} to 0); cut"
    assert said in inspection.advice[0]
    assert inspection.numbers["longest gap (ms)"] == 1
    assert inspection.numbers["duration (ms)"] == 1998
    assert inspection.numbers["times that run backwards"] == 1


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    ("factor", "remedy"),
    [(1e-3, "multiply ms by 1000"), (1e-6, "multiply seconds by 1e6"), (1e3, "divide .* by 1000")],
)
def test_units_are_told_by_rate_and_resolution(factor, remedy, whole, inspect):
    table = np.array(scene().tolist(), float)
    table[:, 0] *= factor if factor == 1e-3 else 6 * factor
    if whole:
        table = np.floor(table)
    else:
        table[:, 0] += 1.7e15 * factor  # since 1970
    unit, _ = inspect(table).advice
    assert re.search(f"{remedy}$", unit)


def test_what_are_no_events_is_refused_in_words():
    events = scene()
    wrong = {
        "sort by time": events[::-1],
        r"has shape \(0,\)": events[:0],
        "field t is -- at event 0": np.ma.masked_array(events, mask=True),
    }
    for function, reason in product((find_hot_pixels, remaining), wrong):
        with pytest.raises(ValueError, match=reason):
            function(wrong[reason])


def test_hot_pixels_fire_all_the_time_and_a_hand_that_turns_round_does_not(inspect):
    (sensor,) = inspect(scene()).advice
    assert "sensor" in sensor
    hot = [(40, 12, 2000), (56, 20, 300), (30, 30, 150), (3, 5, 40), (60, 60, 20)]
    inspection = inspect(scene(*hot))
    assert inspection.hot_pixels.tolist() == [[x, y] for x, y, _ in hot]
    first, _ = inspection.advice
    assert first.startswith("hot pixels, 5 in all, (40, 12), (56, 20), (30, 30), (3, 5),")
    together = product((9, 10), (60, 61), [50])
    assert len(find_hot_pixels(scene(*together))) == 4
    crowd = product((9, 10, 11), (58, 59, 60), [50])  # each has eight rivals
    assert len(find_hot_pixels(scene(*crowd))) == 0


def test_hot_pixels_with_most_of_the_events_are_not_simply_left_out(inspect):
    for events, remedy in ((59_000, "leave them out by `clean`"), (61_000, "or record again")):
        first, _ = inspect(scene((60, 60, events))).advice
        assert first.endswith(remedy)


def test_a_camera_of_which_half_the_pixels_are_hot_is_told_in_one_line(inspect):
    is_hot = np.random.default_rng(1).random((64, 64)) < 0.5
    hot = [(x, y, 100) for y, x in np.argwhere(is_hot)]
    inspection = inspect(scene(*hot))
    number = inspection.numbers["hot pixels"]
    assert 0.9 < number / len(hot) < 1.05
    first, _ = inspection.advice
    assert first.startswith(f"{number} of 4096 pixels are hot; look at the camera's thresholds")


@pytest.mark.slow
def test_inspection_needs_little_more_memory_than_the_file(tmp_path):
    columns = [("t", "<i8"), ("x", "<u2"), ("y", "<u2"), ("p", "u1")]
    rng = np.random.default_rng(0)
    events = np.zeros(3_000_000, columns)
    events["t"] = np.sort(rng.integers(10**8, size=len(events)))
    events["x"], events["y"] = rng.integers(300, size=(2, len(events)))
    path = tmp_path / "long.npy"
    np.save(path, events)
    tracemalloc.start()
    inspect_file(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5.5 * path.stat().st_size
