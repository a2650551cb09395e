import copy
import pickle

import numpy as np
import pytest
import torch
from tonic import CachedDataset, MemoryCachedDataset
from tonic.collation import PadTensors
from tonic.io import make_structured_array
from tonic.transforms import Compose, Denoise, ToFrame
from torch.utils.data import DataLoader

from pokersnn_helpers import (
    EVENT_DTYPE,
    Recordings,
    Split,
    first_of_each_class,
    make_loader,
    recording_statistics,
    stratified_folds,
)
from pokersnn_helpers.checks import check_events

SENSOR = (64, 48, 2)


def some_events(seed=0, n=50, sensor_size=SENSOR):
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(0, 5000, n))
    return make_structured_array(
        times, *(rng.integers(0, size, n) for size in sensor_size), dtype=EVENT_DTYPE
    )


def some_recordings(n=12, classes=("left", "right", "up")):
    targets = [number % len(classes) for number in range(n)]
    return Recordings([some_events(seed) for seed in range(n)], targets, classes, SENSOR)


def changed(field, place, value, dtype=np.int64):
    events = some_events().astype([(name, dtype if name == field else np.int64) for name in "txyp"])
    events[field][place] = value
    return events


def test_items_are_events_and_targets():
    recordings = some_recordings()
    events, target = recordings[4]
    assert events.dtype == EVENT_DTYPE and np.array_equal(events, some_events(4))
    assert (target, len(recordings)) == (1, 12)
    assert [target for _, target in recordings] == recordings.targets


def test_any_numeric_types_and_order_of_fields_are_taken():
    """Tonic's readers give x, y, t, p, with small integers and booleans."""
    own = some_events()
    dtype = np.dtype([("x", np.int16), ("y", np.int16), ("t", np.float64), ("p", bool)])
    tonics = make_structured_array(*(own[field] for field in "xytp"), dtype=dtype)
    assert np.array_equal(Recordings([tonics], [0], ("a",), SENSOR)[0][0], own)


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (changed("x", 7, 64), r"recording 1: field x is 64 at event 7; .* allows 0 to 63"),
        (changed("y", 0, 48), r"field y is 48 at event 0; .* 0 to 47"),
        (changed("p", 3, -1), r"field p is -1 at event 3; .* 0 to 1"),
        (changed("t", 0, 9000), r"field t is \d+ at event 1; sort by time"),
        (changed("t", 49, np.nan, float), r"field t is nan at event 49; expected whole numbers"),
        (changed("x", 5, 1.5, float), r"field x is 1\.5 at event 5; expected whole numbers"),
        (changed("t", 49, 2**63 + 5, np.uint64), r"field t is 9223372036854775813 at event 49"),
        (changed("t", 49, 2**53 + 1), r"field t is 9007199254740993 .*; expected µs within"),
        (changed("t", 0, -(2**63)), r"field t is -9223372036854775808 at event 0; expected µs"),
        (some_events()[:0], r"recording 1 has shape \(0,\)"),
        (some_events().reshape(5, 10), r"recording 1 has shape \(5, 10\)"),
    ],
)
def test_value_out_of_place_is_named(events, message):
    with pytest.raises(ValueError, match=message):
        Recordings([some_events(), events], [0, 0], ("a",), SENSOR)


@pytest.mark.parametrize(
    ("events", "message"),
    [
        (np.zeros((5, 4), int), r"of type ndarray without numeric field t, x, y, p; make an array"),
        ([1, 2], r"of type list without numeric field"),
        (some_events()[["t", "x", "y"]], r"without numeric field p;"),
        (changed("t", 0, 0, "m8[ms]"), r"without numeric field t;"),  # would count as µs
        (changed("x", 0, 0, bool), r"without numeric field x;"),
    ],
)
def test_what_is_not_a_structured_array_of_numbers_is_named(events, message):
    with pytest.raises(TypeError, match=message):
        check_events(events, SENSOR)


def test_masked_value_is_named():
    events = np.ma.MaskedArray(some_events())
    events["x"][3] = np.ma.masked
    with pytest.raises(ValueError, match="field x is -- at event 3; expected whole numbers"):
        check_events(events, SENSOR)


@pytest.mark.parametrize("size", [None, (35, 35), (35.0, 35, 2), (0, 35, 2)])
def test_impossible_sensor_is_named(size):
    for give in (lambda: check_events(some_events(), size), lambda: Recordings([], [], (), size)):
        with pytest.raises(ValueError, match=r"sensor_size is .*; expected \(width, height, pol"):
            give()


@pytest.mark.parametrize("targets", [[0], [0, 3], [0, -1], [0, 0.5]])
def test_targets_have_to_fit(targets):
    with pytest.raises(ValueError, match="targets"):
        Recordings([some_events(), some_events()], targets, ("a", "b"), SENSOR)


@pytest.mark.parametrize("targets", [np.array([1, 0], np.uint8), torch.tensor([1, 0]), [1.0, 0]])
def test_targets_may_be_of_any_type_that_holds_whole_numbers(targets):
    recordings = Recordings([some_events(), some_events()], targets, ("a", "b"), SENSOR)
    assert recordings.targets == [1, 0] and {type(target) for target in recordings.targets} == {int}


@pytest.mark.parametrize("classes", ["ab", ("a", "a"), (0, 1)])
def test_classes_are_different_names(classes):
    with pytest.raises(ValueError, match="expected a tuple of different names"):
        Recordings([some_events()], [0], classes, SENSOR)


def test_events_stay_as_they_are():
    """Frames of them are kept: a change in place would go unnoticed."""
    recordings = Recordings([some_events()], [0], ("a",), SENSOR)
    recordings[0][0]["t"] += 1  # of a copy
    with pytest.raises(ValueError, match="read-only"):
        recordings.events[0]["t"] += 1
    assert np.array_equal(recordings[0][0], some_events())


def test_tonics_frames_padding_and_transforms_work_on_them():
    recordings = some_recordings()
    transform = Compose([Denoise(filter_time=10_000), ToFrame(SENSOR, time_window=1000)])
    frames = MemoryCachedDataset(recordings, transform=lambda events: transform(events))
    loader = DataLoader(frames, batch_size=12, collate_fn=PadTensors(batch_first=False))
    frames, targets = next(iter(loader))
    assert frames.shape[1:] == (12, 2, 48, 64)
    assert targets.tolist() == recordings.targets


def test_tonics_caches_keep_them(tmp_path):
    recordings = some_recordings()
    for cached in (
        MemoryCachedDataset(recordings),
        CachedDataset(recordings, cache_path=str(tmp_path)),
    ):
        for _ in range(2):
            events, target = cached[5]
            assert np.array_equal(events, recordings[5][0]) and target == recordings[5][1]


def test_they_can_be_copied_and_sent_to_other_processes():
    recordings = some_recordings()
    for other in (copy.deepcopy(recordings), pickle.loads(pickle.dumps(recordings))):
        assert np.array_equal(other[3][0], recordings[3][0])
    loader = make_loader(recordings, batch_size=6)
    assert pickle.loads(pickle.dumps(loader.dataset))[0][1] == 0


def test_subset_and_sum_keep_events_and_targets():
    recordings = some_recordings()
    first, rest = recordings.subset([2, 0]), recordings.subset(range(3, 12))
    assert first.targets == [2, 0] and np.array_equal(first[0][0], recordings[2][0])
    both = first + rest
    assert both.targets == [2, 0, *recordings.targets[3:]] and len(both) == 11
    assert len(first) == 2 and len(first.subset([])) == 0 and first.subset([-1]).targets == [0]
    with pytest.raises(TypeError, match=r"indices are bool .* of a mask its flatnonzero"):
        recordings.subset([True] + 11 * [False])
    with pytest.raises(ValueError, match="differ in sensor or classes"):
        first + some_recordings(classes=("a", "b"))


def test_split_of_own_recordings_says_nothing_of_simulation():
    recordings = some_recordings()
    data = Split(recordings.subset(range(8)), recordings.subset(range(8, 12)))
    assert repr(data) == "own recordings: 8 to train on, 4 to test on"
    assert "imulated" not in data._repr_html_() and "POKER" not in data._repr_html_()
    assert (data.classes, data.sensor_size) == (("left", "right", "up"), SENSOR)


def test_statistics_count_what_is_there(simulated):
    table = recording_statistics(simulated)
    events, target = simulated.test[0]
    row = table[table["set"] == "test"].iloc[0]
    assert len(table) == 68
    assert row["class"] == simulated.classes[target]
    assert row["events"] == len(events)
    assert row["duration (ms)"] == pytest.approx((events["t"][-1] - events["t"][0]) / 1000)
    assert row["active pixels"] == len(
        {(x, y) for x, y in zip(events["x"], events["y"], strict=True)}
    )


def test_statistics_of_a_single_moment_are_finite_but_the_rate():
    recordings = Recordings([some_events(n=1)], [0], ("a",), SENSOR)
    row = recording_statistics(recordings).iloc[0]
    assert (row["events"], row["duration (ms)"], row["rate (events/ms)"]) == (1, 0, np.inf)


def test_first_of_each_class_has_the_classes_in_order():
    recordings = some_recordings().subset([5, 4, 3, 2])  # classes 2, 1, 0, 2
    found = first_of_each_class(recordings)
    assert [target for _, target in found] == [0, 1, 2]
    assert np.array_equal(found[2][0], some_events(5))


@pytest.mark.parametrize("seed", [0, 1])
def test_folds_share_out_every_recording_once(simulated, seed):
    folds = stratified_folds(simulated.train, folds=4, seed=seed)
    tested = [events.tobytes() for fold in folds for events in fold.test.events]
    assert sorted(tested) == sorted(events.tobytes() for events in simulated.train.events)
    for fold in folds:
        assert [fold.test.targets.count(target) for target in range(4)] == [3] * 4
        held_back = {events.tobytes() for events in fold.test.events}
        assert held_back.isdisjoint(events.tobytes() for events in fold.train.events)
        assert len(fold.train) + len(fold.test) == 48


def test_folds_keep_groups_together():
    recordings = some_recordings(24)
    groups = [number // 6 * 3 + number % 3 for number in range(24)]  # two of a class per group
    names = {
        events.tobytes(): group for events, group in zip(recordings.events, groups, strict=True)
    }
    folds = stratified_folds(recordings, folds=4, groups=groups)
    parts = [{names[events.tobytes()] for events in fold.test.events} for fold in folds]
    assert sorted(group for part in parts for group in part) == sorted(set(groups))
    with pytest.raises(ValueError, match="folds is 5; choose from 2 to 4"):
        stratified_folds(recordings, folds=5, groups=groups)


def test_seed_decides_the_folds(simulated):
    first, again, other = (
        [fold.test.events[0].tobytes() for fold in stratified_folds(simulated.train, seed=seed)]
        for seed in (0, 0, 1)
    )
    assert first == again != other


@pytest.mark.parametrize("folds", [1, 13, 2.5, "4"])
def test_impossible_folds_are_refused(simulated, folds):
    with pytest.raises(ValueError, match=f"folds is {folds!r}; choose from 2 to 12"):
        stratified_folds(simulated.train, folds)
    with pytest.raises(ValueError, match=r"groups has shape \(2,\); expected \(48,\)"):
        stratified_folds(simulated.train, 4, groups=[1, 2])
    with pytest.raises(ValueError, match="choose from 2 to 0"):
        stratified_folds(simulated.train.subset([]))


@pytest.mark.parametrize(
    ("indices", "error", "message"),
    [
        ([12], ValueError, "indices hold 12, but there are 12 recordings"),
        ([0, -13], ValueError, "indices hold -13"),
        ([1.5], TypeError, "indices are float64"),
        ("01", TypeError, "indices are <U1"),
        ([[0], [1]], TypeError, r"indices are int64 of shape \(2, 1\)"),
    ],
)
def test_indices_that_name_no_recording_are_refused(indices, error, message):
    with pytest.raises(error, match=message):
        some_recordings().subset(indices)


@pytest.mark.parametrize("seed", [-1, 2**32, 0.5, True])
def test_seed_that_is_no_whole_number_is_named(seed):
    with pytest.raises(ValueError, match="seed is "):
        stratified_folds(some_recordings(), 2, seed=seed)


@pytest.mark.parametrize("missing", [None, np.nan])
def test_recording_without_a_group_is_named(missing):
    groups = [*range(11), missing]
    with pytest.raises(ValueError, match=r"groups\[11\] is (nan|None)"):
        stratified_folds(some_recordings(), 2, groups)


@pytest.mark.parametrize("use", [first_of_each_class, recording_statistics, stratified_folds])
def test_what_is_no_recordings_is_named(use):
    with pytest.raises(TypeError, match=r"(recordings|data) is of type list; give Recordings"):
        use([some_events()])
    with pytest.raises(TypeError, match="other is of type list"):
        some_recordings().__add__([some_events()])


def test_fold_without_a_class_to_train_on_is_refused():
    recordings = some_recordings(13).subset([0, 2, 2, 0, 1, 1, 0, 1, 1, 2, 2, 1, 1])
    groups = [2, 5, 1, 2, 0, 2, 5, 3, 2, 5, 3, 5, 0]
    refused = 0
    for seed in range(20):
        try:
            folds = stratified_folds(recordings, 2, groups, seed)
        except ValueError as error:
            assert "would leave nothing of" in str(error)
            refused += 1
        else:
            assert all(len(set(fold.train.targets)) == 3 for fold in folds)
    assert refused
