"""Changes of recordings change what they say, and nothing else."""

import numpy as np
import pytest

from benchmarks.perturbations import (
    drop_events,
    forwards_and_backwards,
    one_frame,
    one_polarity,
    rotated,
    shifted,
    time_jitter,
    uniform_noise,
)
from pokersnn_helpers import EVENT_DTYPE, Recordings, to_frames
from pokersnn_helpers.study.perturbations import (
    apply,
    merge_polarities,
    reversed_time,
    shuffled_time,
)

SIZE = (5, 4, 2)


def recordings_of(*events, size=SIZE):
    arrays = [np.array(rows, dtype=EVENT_DTYPE) for rows in events]
    return Recordings(arrays, [0] * len(arrays), ("a",), size)


@pytest.fixture(scope="module")
def some(simulated):
    return simulated.train.subset(range(5))


def rows(recordings, number=0):
    return [tuple(map(int, event)) for event in recordings.events[number]]


ALL = {
    "shuffled": shuffled_time,
    "reversed": reversed_time,
    "merged": merge_polarities,
    "ON": one_polarity,
    "one frame": one_frame,
    "noise": lambda r, **k: uniform_noise(r, 50, **k),
    "dropped": lambda r, **k: drop_events(r, 50, **k),
    "jitter": lambda r, **k: time_jitter(r, 2, **k),
    "shifted": lambda r, **k: shifted(r, 2, **k),
    "rotated": lambda r: rotated(r, 30),
}


@pytest.mark.parametrize("change", ALL.values(), ids=ALL)
def test_given_recordings_and_classes_stay(change, some):
    before = [events.copy() for events in some.events]
    changed = change(some)
    assert all(map(np.array_equal, before, some.events))
    assert (changed.targets, changed.classes) == (some.targets, some.classes)
    assert any(not np.array_equal(a, b) for a, b in zip(before, changed.events, strict=True))


@pytest.mark.parametrize("name", ["shuffled", "noise", "dropped", "jitter", "shifted"])
def test_seed_fixes_what_is_drawn(name, some):
    first, again, other = (ALL[name](some, seed=seed) for seed in (1, 1, 2))
    assert all(map(np.array_equal, first.events, again.events))
    assert not all(map(np.array_equal, first.events, other.events))


def test_shuffled_time_keeps_the_sum_and_the_number_of_events_per_bin(some):
    for events, changed in zip(some.events, shuffled_time(some).events, strict=True):
        before, after = to_frames(events), to_frames(changed)
        assert np.array_equal(events["t"], changed["t"])
        assert (before.sum(0) == after.sum(0)).all()
        assert not (before == after).all()


def test_reversed_time_by_hand():
    changed = reversed_time(recordings_of([(10, 0, 0, 1), (12, 1, 0, 0), (20, 2, 0, 0)]))
    assert rows(changed) == [(10, 2, 0, 0), (18, 1, 0, 0), (20, 0, 0, 1)]


def test_forwards_and_backwards_are_two_classes_of_the_same_recordings(some):
    both = forwards_and_backwards(some)
    assert both.classes == ("forwards", "backwards")
    assert both.targets == [0] * 5 + [1] * 5
    assert np.array_equal(both.events[5], reversed_time(some).events[0])


def test_polarities():
    mixed = recordings_of([(0, 0, 0, 1), (1, 1, 1, 0)], [(0, 3, 3, 0)])
    assert rows(merge_polarities(mixed)) == [(0, 0, 0, 1), (1, 1, 1, 1)]
    assert rows(one_polarity(mixed)) == [(0, 0, 0, 1)]
    assert rows(one_polarity(mixed, 0)) == [(1, 1, 1, 0)]
    assert rows(one_polarity(mixed), 1) == [(0, 3, 3, 0)]  # no recording is empty


def test_one_frame_is_the_fullest_bin():
    changed = one_frame(
        recordings_of([(5, 0, 0, 1), (15, 1, 0, 1), (24, 2, 0, 1), (25, 3, 0, 1)]), 10
    )
    assert rows(changed) == [(15, 1, 0, 1), (24, 2, 0, 1)]  # bins begin with the first event


def test_events_are_added_and_dropped_at_the_rate_asked_for(some):
    before = sum(map(len, some.events))
    left = sum(map(len, drop_events(some, 80).events))
    assert left == pytest.approx(0.2 * before, rel=0.1)
    assert [len(events) for events in drop_events(some, 100).events] == [1] * 5
    noisy = sum(map(len, uniform_noise(some, 30).events))
    assert noisy == pytest.approx(1.3 * before, abs=5)


def test_jitter_has_its_deviation_and_keeps_the_sum(some):
    one_pixel_each = recordings_of([(100_000 * n, n % 5, n // 5 % 4, 0) for n in range(4000)])
    changed = time_jitter(one_pixel_each, 1).events[0]
    moved = changed["t"] - 100_000 * np.arange(4000)  # too little to change the order
    assert moved.std() == pytest.approx(1000, rel=0.1) and abs(moved.mean()) < 100
    for events, jittered in zip(some.events, time_jitter(some, 3).events, strict=True):
        assert (to_frames(events, 1e9) == to_frames(jittered, 1e9)).all()


def test_shift_is_by_so_many_pixels_and_loses_what_leaves():
    many = recordings_of(*[[(0, 0, 0, 1), (0, 2, 2, 1), (0, 4, 3, 1)]] * 50)
    found = {tuple(rows(shifted(many, 1), number)) for number in range(50)}
    assert found == {
        ((0, 1, 0, 1), (0, 3, 2, 1)),  # right
        ((0, 1, 2, 1), (0, 3, 3, 1)),  # left
        ((0, 0, 1, 1), (0, 2, 3, 1)),  # down
        ((0, 2, 1, 1), (0, 4, 2, 1)),  # up
    }


def test_rotation_by_hand():
    square = recordings_of([(0, 4, 0, 1), (1, 2, 2, 0), (2, 0, 1, 0)], size=(5, 5, 2))
    assert rows(rotated(square, 0)) == rows(square)
    assert rows(rotated(square, 90)) == [(0, 4, 4, 1), (1, 2, 2, 0), (2, 3, 0, 0)]  # clockwise
    assert rows(rotated(square, 180)) == [(0, 0, 4, 1), (1, 2, 2, 0), (2, 4, 3, 0)]
    assert rows(rotated(square, 45)) == [(1, 2, 2, 0), (2, 1, 0, 0)]  # the corner is lost


def test_events_of_one_time_keep_their_order():
    rng = np.random.default_rng(0)
    many = recordings_of([(n // 500, n % 5, n // 5 % 4, 1) for n in range(2000)])
    order = rng.permutation(2000)
    changed = apply(lambda events: events[order], many).events[0]
    expected = sorted(order.tolist(), key=lambda n: n // 500)
    assert np.array_equal(changed, many.events[0][expected])
