import math
import pickle

import numpy as np
import pytest
import torch
from random_events import random_events

import pokersnn_helpers
from benchmarks.comparison import recording_statistics
from pokersnn_helpers import (
    EVENT_DTYPE,
    Recordings,
    Split,
    first_of_each_class,
    stratified_folds,
    train_classifier,
)
from pokersnn_helpers.events.recordings import density_and_ms, make_events
from pokersnn_helpers.training.evaluation import Evaluation

SENSOR = (64, 48, 2)
CLASSES = ("left", "right", "up")


def events_of(seed, n=50):
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(0, 5000, n))
    return random_events(times, SENSOR, rng)


def recordings_of(n, classes=CLASSES):
    events = [events_of(seed) for seed in range(n)]
    return Recordings(events, np.arange(n) % len(classes), classes, SENSOR)


def contents(recordings):
    return [events.tobytes() for events in recordings.events]


def test_any_numeric_types_and_order_of_fields_are_taken():
    """Tonic's readers give x, y, t, p, with small integers and booleans."""
    events = events_of(0)
    tonics = events[list("xytp")].astype([("x", "i2"), ("y", "i2"), ("t", "f8"), ("p", "?")])
    assert contents(Recordings([tonics], [0], ["a"], SENSOR)) == [events.tobytes()]


OUTSIDE = np.array([(0, 0, 0, 0), (9, 64, 0, 0)], EVENT_DTYPE)


@pytest.mark.parametrize(
    ("events", "error", "message"),
    [
        (OUTSIDE, ValueError, r"field x is 64 at event 1; expected whole numbers from 0 to 63"),
        (np.ma.array(events_of(0), mask=True), ValueError, "field t is -- at event 0"),
        (events_of(0)[:0], ValueError, r" has shape \(0,\)"),
        (np.zeros((5, 4)), TypeError, " is of type ndarray without numeric field t, x, y, p;"),
        (events_of(0)[["t", "x", "y"]], TypeError, " is of type ndarray without numeric field p;"),
    ],
)
def test_what_are_no_events_is_named(events, error, message):
    """What may stand in a field: ``test_properties_data``."""
    with pytest.raises(error, match=f"^recording 1:? ?{message}"):
        Recordings([events_of(0), events], [0, 0], ["a"], SENSOR)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sensor_size", (35, 35)),
        ("targets", [0]),
        ("targets", [0, 3]),
        ("classes", "ab"),
        ("classes", ("a", "a")),
    ],
)
def test_sensor_targets_and_classes_have_to_fit(name, value):
    arguments = {"targets": [0, 0], "classes": ("a", "b"), "sensor_size": SENSOR}
    with pytest.raises(ValueError, match=name):
        Recordings([events_of(0)] * 2, **arguments | {name: value})


def test_targets_become_numbers_of_python():
    recordings = Recordings([events_of(0)] * 2, torch.tensor([1, 0]), ("a", "b"), SENSOR)
    assert recordings.targets == [1, 0]
    assert type(recordings.targets[0]) is int


def test_events_stay_as_they_are():
    """Frames of them are counted later: a change in place would go unnoticed."""
    recordings = recordings_of(1)
    events, _ = recordings[0]
    events["t"] += 1  # of a copy
    for events in (recordings.events[0], *recordings.events[:1]):
        with pytest.raises(ValueError, match="read-only"):
            events["t"] += 1
    assert contents(recordings) == [events_of(0).tobytes()]


def test_events_are_kept_in_a_fourth_of_the_memory_whatever_they_hold():
    extreme = np.array([(t, 1279, 719, 1) for t in (-(2**53), 2**53)], EVENT_DTYPE)
    usual = events_of(0, n=3000)
    recordings = Recordings([extreme, usual], [0, 0], ["a"], (1280, 720, 2))
    assert contents(recordings) == [extreme.tobytes(), usual.tobytes()]
    assert len(pickle.dumps(recordings.subset([1]))) < 9 * len(usual)


def test_subset_and_sum_keep_events_and_targets():
    recordings = recordings_of(12)
    first = recordings.subset([2, 0])
    both = first + recordings[3:]
    assert contents(first) == contents(recordings)[2::-2]
    assert contents(both) == contents(first) + contents(recordings)[3:]
    assert both.targets == [2, 0, *recordings.targets[3:]]
    assert first.subset([False, True]).targets == [0]  # a mask
    with pytest.raises(ValueError, match="differ in sensor or classes"):
        first + recordings_of(12, classes=("a", "b"))


def test_statistics_count_what_is_there():
    events = make_events((5, 1000, 4005), (1, 1, 2), 0, (0, 0, 1))
    recordings = Recordings([events, events[:1]], [0, 1], ("a", "b"), SENSOR)
    table = recording_statistics(Split(recordings, recordings.subset([1])))
    of_b = ["b", 1, 0, 1000, 0, 1]
    assert table.to_numpy().tolist() == [
        ["a", 3, 4, 0.75, pytest.approx(1 / 3), 2, "train"],
        [*of_b, "train"],
        [*of_b, "test"],
    ]


def test_first_of_each_class_has_the_classes_in_order():
    recordings = recordings_of(6).subset([5, 4, 3, 2])  # classes 2, 1, 0, 2
    first = first_of_each_class(recordings)
    assert [target for _, target in first] == [0, 1, 2]
    assert np.array_equal(first[2][0], events_of(5))


def test_no_recordings_are_counted_as_none_or_refused():
    nothing = recordings_of(0)
    assert recording_statistics(Split(nothing, recordings_of(1)))["set"].tolist() == ["test"]
    assert first_of_each_class(nothing) == []
    assert density_and_ms(nothing) == (1, 1)
    unheard = Evaluation(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))
    assert math.isnan(unheard.accuracy)
    with pytest.raises(ValueError, match="there are no recordings; give at least one"):
        train_classifier(nothing)
    with pytest.raises(ValueError, match="a class has 0 groups, and folds need 2"):
        stratified_folds(nothing)


def test_how_long_recordings_are_is_seen_in_all_classes_that_come_one_by_one(monkeypatch):
    monkeypatch.setattr(pokersnn_helpers.events.recordings, "SAMPLE", 4)
    short, long = (make_events((0, duration), 0, 0, 0) for duration in (1000, 100_000))  # µs
    recordings = Recordings(4 * [short] + 4 * [long], 4 * [0] + 4 * [1], ("a", "b"), SENSOR)
    _, median_ms = density_and_ms(recordings)
    assert median_ms == (2 + 101) / 2


SIXES = [number // 6 * 3 + number % 3 for number in range(24)]  # two of each class in each six


@pytest.mark.parametrize("groups", [range(24), SIXES])
def test_folds_share_out_recordings_and_keep_groups_together(groups):
    recordings = recordings_of(24)
    numbers = {content: number for number, content in enumerate(contents(recordings))}
    tested = []
    for fold in stratified_folds(recordings, 4, groups):
        train, test = (
            [numbers[each] for each in contents(part)] for part in (fold.train, fold.test)
        )
        assert sorted(train + test) == list(range(24))
        assert sorted(fold.test.targets) == [0, 0, 1, 1, 2, 2]
        assert not {groups[number] for number in test} & {groups[number] for number in train}
        tested += test
    assert sorted(tested) == list(range(24))


def test_seed_decides_the_folds():
    first, again, other = (
        [contents(fold.test) for fold in stratified_folds(recordings_of(24), seed=seed)]
        for seed in (0, 0, 1)
    )
    assert first == again != other


@pytest.mark.parametrize(
    ("folds", "groups", "message"),
    [
        (5, None, "folds is 5; choose from 2 to 4"),
        (3, 2 * [*range(6)], "folds is 3; choose from 2 to 2"),
        (2, [1, 2], r"groups has shape \(2,\); expected \(12,\)"),
        (2, [*range(11), None], r"groups\[11\] is None"),
    ],
)
def test_impossible_folds_are_refused(folds, groups, message):
    with pytest.raises(ValueError, match=message):
        stratified_folds(recordings_of(12), folds, groups)


def test_fold_without_a_class_to_train_on_is_refused():
    recordings = recordings_of(3).subset([0, 2, 2, 0, 1, 1, 0, 1, 1, 2, 2, 1, 1])
    groups = [2, 5, 1, 2, 0, 2, 5, 3, 2, 5, 3, 5, 0]
    with pytest.raises(ValueError, match="would leave nothing of"):
        for seed in range(20):
            stratified_folds(recordings, 2, groups, seed)


@pytest.mark.parametrize("use", [first_of_each_class, recording_statistics, stratified_folds])
def test_what_is_no_recordings_is_named(use):
    with pytest.raises(TypeError, match=r"(recordings|data) is of type list; give Recordings"):
        use([events_of(0)])
