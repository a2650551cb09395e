import pickle

import numpy as np
import pytest
import torch
from random_events import random_events

from pokersnn_helpers import (
    EVENT_DTYPE,
    Recordings,
    Split,
    first_of_each_class,
    recording_statistics,
    stratified_folds,
)

SENSOR = (64, 48, 2)
OUTSIDE = np.array([(0, 0, 0, 0), (9, 64, 0, 0)], EVENT_DTYPE)


def some_events(seed=0, n=50):
    rng = np.random.default_rng(seed)
    return random_events(np.sort(rng.integers(0, 5000, n)), SENSOR, rng)


def some_recordings(n=12, classes=("left", "right", "up")):
    targets = [number % len(classes) for number in range(n)]
    return Recordings([some_events(seed) for seed in range(n)], targets, classes, SENSOR)


def test_any_numeric_types_and_order_of_fields_are_taken():
    """Tonic's readers give x, y, t, p, with small integers and booleans."""
    own = some_events()
    tonics = own[list("xytp")].astype([("x", "i2"), ("y", "i2"), ("t", "f8"), ("p", "?")])
    assert np.array_equal(Recordings([tonics], [0], ("a",), SENSOR)[0][0], own)


@pytest.mark.parametrize(
    ("events", "error", "message"),
    [
        (OUTSIDE, ValueError, r"recording 1: field x is 64 at event 1; .* 0 to 63$"),
        (np.ma.array(some_events(), mask=True), ValueError, "field t is -- at event 0; expected w"),
        (some_events()[:0], ValueError, r"recording 1 has shape \(0,\)"),
        (some_events().reshape(5, 10), ValueError, r"recording 1 has shape \(5, 10\)"),
        (np.zeros((5, 4)), TypeError, "of type ndarray without numeric field t, x, y, p; make an"),
        (some_events()[["t", "x", "y"]], TypeError, "without numeric field p;"),
    ],
)
def test_what_are_no_events_is_named(events, error, message):
    """What may stand in a field: ``test_properties_data``."""
    with pytest.raises(error, match=message):
        Recordings([some_events(), events], [0, 0], ("a",), SENSOR)


WRONG = {
    "sensor_size": (None, (35, 35), (35.0, 35, 2), (0, 35, 2)),
    "targets": ([0], [0, 3], [0, -1], [0, 0.5]),
    "classes": ("ab", ("a", "a"), (0, 1)),
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, each) for name in WRONG for each in WRONG[name]]
)
def test_sensor_targets_and_classes_have_to_fit(name, value):
    right = {"targets": [0, 0], "classes": ("a", "b"), "sensor_size": SENSOR}
    with pytest.raises(ValueError, match=name):
        Recordings([some_events(), some_events()], **right | {name: value})


@pytest.mark.parametrize("targets", [np.array([1, 0], np.uint8), torch.tensor([1, 0]), [1.0, 0]])
def test_targets_may_be_of_any_type_that_holds_whole_numbers(targets):
    recordings = Recordings([some_events(), some_events()], targets, ("a", "b"), SENSOR)
    assert recordings.targets == [1, 0] and {type(target) for target in recordings.targets} == {int}


def test_events_stay_as_they_are():
    """Frames of them are kept: a change in place would go unnoticed."""
    recordings = Recordings([some_events()], [0], ("a",), SENSOR)
    recordings[0][0]["t"] += 1  # of a copy
    with pytest.raises(ValueError, match="read-only"):
        recordings.events[0]["t"] += 1
    assert np.array_equal(recordings[0][0], some_events())


WIDE = (1280, 720, 2)


@pytest.mark.parametrize("times", [(0, 5), (-(2**53), 2**53), (-9, -4), (2**52, 2**52 + 2**33)])
def test_events_are_kept_in_a_fourth_of_the_memory_whatever_they_hold(times):
    events = np.array([(t, *(side - 1 for side in WIDE)) for t in times], EVENT_DTYPE)
    usual = some_events(n=3000)
    recordings = Recordings([events, usual], [0, 0], ("a",), WIDE)
    assert [each.tobytes() for each in recordings.events] == [events.tobytes(), usual.tobytes()]
    assert len(pickle.dumps(recordings.subset([1]))) < 9 * len(usual)


def test_parts_share_events_and_assigned_ones_are_checked():
    recordings = some_recordings()
    both = recordings.subset([1]) + recordings.subset([0])
    shared = zip(both.events.packed, recordings.events.packed[1::-1], strict=True)
    assert all(one is other for one, other in shared)
    recordings.events[1] = some_events(7)[:4]
    assert [len(each) for each in recordings.events[:3]] == [50, 4, 50] and len(
        both.events[0]
    ) == 50
    with pytest.raises(ValueError, match="recording 1: field x is 64 at event 1"):
        recordings.events[1] = OUTSIDE


def test_subset_and_sum_keep_events_and_targets():
    recordings = some_recordings()
    first, rest = recordings.subset([2, 0]), recordings.subset(range(3, 12))
    assert first.targets == [2, 0] and np.array_equal(first[0][0], recordings[2][0])
    both = first + rest
    assert both.targets == [2, 0, *recordings.targets[3:]] and len(both) == 11
    assert len(first) == 2 and len(first.subset([])) == 0 and first.subset([-1]).targets == [0]
    assert first.subset([False, True]).targets == [0]  # a mask
    with pytest.raises(ValueError, match="differ in sensor or classes"):
        first + some_recordings(classes=("a", "b"))


def test_split_of_own_recordings_says_nothing_of_simulation():
    recordings = some_recordings()
    data = Split(recordings.subset(range(8)), recordings.subset(range(8, 12)))
    assert repr(data) == "own recordings: 8 to train on, 4 to test on"
    assert "imulated" not in data._repr_html_() and "POKER" not in data._repr_html_()
    assert (data.classes, data.sensor_size) == (("left", "right", "up"), SENSOR)


def test_statistics_count_what_is_there():
    recordings = some_recordings()
    table = recording_statistics(Split(recordings.subset(range(8)), recordings.subset([8, 9])))
    events, target = recordings[8]
    row = table[table["set"] == "test"].iloc[0]
    assert len(table) == 10
    assert row["class"] == recordings.classes[target]
    assert row["events"] == len(events)
    assert row["duration (ms)"] == pytest.approx((events["t"][-1] - events["t"][0]) / 1000)
    assert row["active pixels"] == len(set(zip(events["x"], events["y"], strict=True)))
    moment = Recordings([some_events(n=1)], [0], ("a",), SENSOR)
    row = recording_statistics(moment).iloc[0]
    assert (row["events"], row["duration (ms)"], row["rate (events/ms)"]) == (1, 0, np.inf)


def test_first_of_each_class_has_the_classes_in_order():
    recordings = some_recordings().subset([5, 4, 3, 2])  # classes 2, 1, 0, 2
    found = first_of_each_class(recordings)
    assert [target for _, target in found] == [0, 1, 2]
    assert np.array_equal(found[2][0], some_events(5))


@pytest.mark.parametrize("groups", [None, [number // 6 * 3 + number % 3 for number in range(24)]])
def test_folds_share_out_recordings_and_keep_groups_together(groups):
    recordings, tested = some_recordings(24), []
    numbers = {events.tobytes(): number for number, events in enumerate(recordings.events)}
    for fold in stratified_folds(recordings, 4, groups):
        parts = fold.train.events, fold.test.events
        train, test = ([numbers[events.tobytes()] for events in part] for part in parts)
        assert sorted(train + test) == list(range(24))
        assert sorted(fold.test.targets) == [0, 0, 1, 1, 2, 2]
        assert groups is None or {groups[n] for n in train}.isdisjoint(groups[n] for n in test)
        tested += test
    assert sorted(tested) == list(range(24))


def test_seed_decides_the_folds():
    first, again, other = (
        [fold.test.events[0].tobytes() for fold in stratified_folds(some_recordings(24), seed=seed)]
        for seed in (0, 0, 1)
    )
    assert first == again != other


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        *(({"folds": folds}, f"folds is {folds!r}; choose from 2 to 4") for folds in (1, 5, 2.5)),
        ({"folds": 3, "groups": 2 * [0, 1, 2, 3, 4, 5]}, "folds is 3; choose from 2 to 2"),
        ({"groups": [1, 2]}, r"groups has shape \(2,\); expected \(12,\)"),
        ({"groups": [*range(11), None]}, r"groups\[11\] is None"),
        ({"groups": [*range(11), np.nan]}, r"groups\[11\] is nan"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_impossible_folds_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        stratified_folds(some_recordings(), **arguments)


@pytest.mark.parametrize("use", [first_of_each_class, recording_statistics, stratified_folds])
def test_what_is_no_recordings_is_named(use):
    with pytest.raises(TypeError, match=r"(recordings|data) is of type list; give Recordings"):
        use([some_events()])
    with pytest.raises(TypeError, match="other is of type list"):
        some_recordings().__add__([some_events()])


def test_fold_without_a_class_to_train_on_is_refused():
    recordings = some_recordings(13).subset([0, 2, 2, 0, 1, 1, 0, 1, 1, 2, 2, 1, 1])
    groups = [2, 5, 1, 2, 0, 2, 5, 3, 2, 5, 3, 5, 0]
    with pytest.raises(ValueError, match="would leave nothing of"):
        for seed in range(20):
            stratified_folds(recordings, 2, groups, seed)
