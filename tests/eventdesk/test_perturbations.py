"""Changes of recordings change what they say, and nothing else."""

import numpy as np
import pytest
import torch

from eventdesk.evidence.perturbations import (
    apply,
    merge_polarities,
    reversed_time,
    shuffled_time,
)
from eventdesk.evidence.portions import any_tenth, first_tenth, last_tenth, uniform_time
from pokersnn_helpers import EVENT_DTYPE, Recordings, to_frames


def recordings_of(*films):
    arrays = [np.array(rows, dtype=EVENT_DTYPE) for rows in films]
    return Recordings(arrays, [0] * len(arrays), ("a",), (5, 4, 2))


def rows(recordings):
    return recordings.events[0].tolist()


CHANGES = {
    "shuffled": shuffled_time,
    "uniform": uniform_time,
    "any tenth": any_tenth,
    "reversed": reversed_time,
    "merged": merge_polarities,
    "first tenth": first_tenth,
    "last tenth": last_tenth,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_given_recordings_and_classes_stay_and_every_call_draws_the_same(change, some):
    before = [events.copy() for events in some.events]
    changed = change(some)
    assert all(map(np.array_equal, changed.events, change(some).events))
    assert all(map(np.array_equal, before, some.events))
    assert not all(map(np.array_equal, before, changed.events))
    assert (changed.targets, changed.classes) == (some.targets, some.classes)


def test_shuffled_time_keeps_the_sum_and_the_number_of_events_per_bin(some):
    changed = shuffled_time(some)
    for events, shuffled in zip(some.events, changed.events, strict=True):
        before, after = map(to_frames, (events, shuffled))
        assert np.array_equal(events["t"], shuffled["t"])
        assert torch.equal(before.sum(0), after.sum(0))
        assert not torch.equal(before, after)


def test_uniform_time_keeps_the_sum_alone():
    films = [[(n**power, n % 5, 0, 1) for n in range(400)] for power in (2, 1)]
    changed = uniform_time(recordings_of(*films))
    for events in changed.events:
        assert np.bincount(events["x"]).tolist() == [80] * 5
        counts, _ = np.histogram(events["t"], 4)
        assert counts == pytest.approx(100, abs=35)  # 200 of the squares lie in the first quarter
        assert np.ptp(events["t"]) == pytest.approx(399 * 400 / 2, rel=0.05)


def test_reversed_time_by_hand():
    events = [(10, 0, 0, 1), (12, 1, 0, 0), (20, 2, 0, 0)]
    backwards = [(10, 2, 0, 0), (18, 1, 0, 0), (20, 0, 0, 1)]
    assert rows(reversed_time(recordings_of(events))) == backwards


@pytest.mark.parametrize(("count", "tenth"), [(1, 1), (29, 2)])
def test_a_tenth_is_at_least_one_event(count, tenth):
    events = [(time, 0, 0, 1) for time in range(count)]
    recordings = recordings_of(events)
    assert rows(first_tenth(recordings)) == events[:tenth]
    first, *others = rows(any_tenth(recordings))
    assert [first, *others] == events[first[0] : first[0] + tenth]
    assert rows(last_tenth(recordings)) == events[count - tenth :]


def test_events_of_one_time_keep_their_order():
    events = [(number // 500, number % 5, 0, 1) for number in range(2000)]
    order = np.random.default_rng(0).permutation(2000)
    changed = apply(lambda events: events[order], recordings_of(events))
    expected = sorted(order.tolist(), key=lambda number: number // 500)
    assert rows(changed) == [events[number] for number in expected]
