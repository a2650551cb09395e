"""Many recordings in one file: written whole or not at all, read one by one, by any process."""

import pickle
import resource

import h5py
import numpy as np
import pytest
import torch
from joblib import parallel_config
from test_folders import fill

from pokersnn_helpers import (
    FastSNN,
    load_folder,
    make_loader,
    stratified_folds,
    train_classifier,
)
from pokersnn_helpers.commands import main as commands
from pokersnn_helpers.commands.recordings import read_folder
from pokersnn_helpers.commands.train import TrainOptions, load
from pokersnn_helpers.own import stored as stored_module
from pokersnn_helpers.own.stored import StoredRecordings, store_recordings
from pokersnn_helpers.simulation import dataset, simulate_cards


@pytest.fixture(scope="module")
def cards(simulated):
    return simulated.test


def store(recordings, path):
    return store_recordings(path, recordings, recordings.classes, recordings.sensor_size)


def altered(stored, name, change):
    """A copy of a file under another name, since HDF5 keeps files open, with a change in it."""
    (path := stored.path.with_name(name)).write_bytes(stored.path.read_bytes())
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def earlier(file):
    """Let a file be one of an earlier version."""
    del file["checksums"], file["groups"], file.attrs["recorded_size"]


@pytest.fixture
def stored(cards, tmp_path):
    return store(cards, tmp_path / "cards.h5")


def assert_same(found, expected):
    for (events, target), (others, other) in zip(found, expected, strict=True):
        assert np.array_equal(events, others) and events.dtype == others.dtype
        assert target == other


def test_recordings_come_back_with_times_from_their_first_event(cards, tmp_path):
    path, pairs = tmp_path / "cards.h5", [*cards]
    pairs[0][0]["t"] += 10**12
    found = store_recordings(path, pairs, cards.classes, cards.sensor_size)
    assert_same(found, cards)
    assert (found.classes, found.sensor_size) == (cards.classes, cards.sensor_size)
    assert found.targets == cards.targets and len(found.events) == len(cards)
    assert path.stat().st_size < 40_000 * len(cards)
    assert [each.name for each in tmp_path.iterdir()] == ["cards.h5"]


def test_some_of_them_are_chosen_without_reading(stored, cards):
    some = stored.subset([3, -1, 3])
    assert_same(some, cards.subset([3, -1, 3]))
    assert_same(some.subset(np.array([2, 0])), cards.subset([3, 3]))
    assert np.array_equal(some.events[-2], cards.events[-1])
    with pytest.raises(IndexError, match="index 20 is out of bounds"):
        stored.subset([20])
    assert len(stored.subset([])) == 0
    assert_same((some + cards.subset([0])), cards.subset([3, -1, 3, 0]))
    assert type(stratified_folds(stored, 2)[0].train) is StoredRecordings
    found = [each.tobytes() for each in stored.events[::-9]]
    assert found == [each.tobytes() for each in cards.events[::-9]]


def test_another_process_opens_the_file_itself(stored, cards):
    sent = pickle.dumps(stored.subset([1, 0]))
    assert len(sent) < 1000
    assert_same(pickle.loads(sent), cards.subset([1, 0]))


def test_training_reads_them_anew_and_ends_with_the_same_weights(stored, cards):
    ends = []
    for recordings in (stored, cards):
        classifier, _ = train_classifier(recordings, network=FastSNN, epochs=1, device="cpu")
        ends.append(classifier.state_dict())
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
    for recordings, kept in ((stored, 0), (cards, len(cards))):
        loader = make_loader(recordings, sparse=True)
        frames = [frames for frames, _ in loader]
        assert sum(float(batch.sum()) for batch in frames) == sum(map(len, cards.events))
        assert len(loader.dataset._kept) == kept


@pytest.mark.parametrize("part", [slice(0), slice(1000), slice(-1), slice(1, None)])
def test_file_that_is_cut_off_or_another_is_named(part, stored, tmp_path):
    bad = tmp_path / "bad.h5"
    bad.write_bytes(stored.path.read_bytes()[part])
    said = r"bad\.h5 is cut off, damaged or no .*copy the file again"
    with pytest.raises(ValueError, match=said):
        StoredRecordings(bad)
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.h5"):
        StoredRecordings(tmp_path / "none.h5")


def test_any_flipped_bit_is_noticed_or_harmless(stored, cards, tmp_path):
    data, errors = stored.path.read_bytes(), []
    for place in np.random.default_rng(0).integers(len(data), size=50):
        bad = tmp_path / f"{place}.h5"  # HDF5 keeps files open
        bad.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        try:
            assert_same(StoredRecordings(bad), cards)
        except ValueError as error:
            errors.append(str(error))
            assert bad.name in errors[-1] and "copy the file again" in errors[-1]
    assert len(errors) > 30 and any(".h5: recording 7: " in each for each in errors)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: file["events"].__setitem__(np.s_[:50], 0), "0: its bytes aren't those that"),
        (lambda file: file.__delitem__("ends"), "damaged or no file of recordings"),
        (lambda file: file["ends"].resize(19, 0), "don't fit its events"),
        (lambda file: file["ends"].__setitem__(0, 0), "don't fit its events"),
        (lambda file: file["targets"].resize(19, 0), "don't fit its recordings"),
        (lambda file: file["targets"].__setitem__(0, 4), "don't fit its recordings"),
        (lambda file: file.attrs.__setitem__("classes", 3), "no file of recordings"),
    ],
)
def test_file_of_another_form_is_named(change, message, stored):
    """Zeros pass the checksum of HDF5."""
    bad = altered(stored, "bad.h5", change)
    with pytest.raises(ValueError, match=rf"bad\.h5.*{message}.*copy the file again"):
        list(StoredRecordings(bad).events)


def test_groups_are_stored_and_earlier_files_have_none(cards, tmp_path):
    groups = [*"aabb", *range(16)]
    pairs, about = [*cards], (cards.classes, cards.sensor_size)
    found = store_recordings(tmp_path / "a.h5", pairs, *about, groups)
    assert found.groups == groups and found.subset([4, 1]).groups == [0, "a"]
    without = StoredRecordings(altered(found, "earlier.h5", earlier))
    assert_same(without, cards)
    assert without.groups == [None] * 20
    for wrong in ([], groups[1:], [*groups, 1], [None, *groups[1:]]):
        with pytest.raises(ValueError, match=r"groups(\[0\] is None| has shape)"):
            store_recordings(tmp_path / "b.h5", pairs, *about, wrong)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.h5", "earlier.h5"]


def test_file_that_changes_while_it_is_read_is_noticed(stored, cards, tmp_path):
    other = store(cards.subset(range(19, -1, -1)), tmp_path / "other.h5").path.read_bytes()
    sent = pickle.dumps(stored)
    new = tmp_path / "new.h5"  # under a name that HDF5 in this process hasn't read
    new.write_bytes(other)
    new.replace(stored.path)
    for use in (lambda: pickle.loads(sent), lambda: stored.subset([0])):
        with pytest.raises(ValueError, match=r"cards\.h5 has changed since it was opened"):
            use()
    again = StoredRecordings(altered(stored, "again.h5", lambda file: None))
    with again.path.open("r+b") as file:
        file.write(store(cards, tmp_path / "cards again.h5").path.read_bytes())
    with pytest.raises(ValueError, match=r"again\.h5: recording \d+: .*copy the file again"):
        list(again.events)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.99])
def test_full_disk_is_named_and_nothing_is_left(share, stored, cards, tmp_path):
    whole, limits = stored.path.stat().st_size, resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(share * whole), limits[1]))
    try:
        with pytest.raises(OSError, match=r"File too large: .*new\.h5"):
            store(cards, tmp_path / "new.h5")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [each.name for each in tmp_path.iterdir()] == ["cards.h5"]


def test_what_the_disk_did_not_keep_is_noticed(cards, tmp_path, monkeypatch):
    real = stored_module._write
    monkeypatch.setattr(stored_module, "_write", lambda *given: real(*given)[::-1])
    with pytest.raises(OSError, match=r"didn't keep what was written: .*new\.h5"):
        store(cards, tmp_path / "new.h5")


def test_a_folder_becomes_a_file_that_is_trained_on_by_its_groups(tmp_path, capsys, monkeypatch):
    folder, path = fill(tmp_path / "own"), str(tmp_path / "own.h5")
    parts = ["--window-ms", "8", "--size", "32x32"]
    commands.main(["store", str(folder), "--out", path, *parts])
    assert "48 recordings of 32 × 32 pixels: left, middle, right, in 4 groups" in (
        capsys.readouterr().out
    )
    own = load_folder(folder, window_ms=8, size=(32, 32))
    assert_same(StoredRecordings(path), own.recordings)
    for options in ({"data": path}, {"data": str(folder), "size": "32x32", "window_ms": 8}):
        test = load(TrainOptions(**options)).test
        assert len(test) == 12
    found = read_folder(path)
    assert (found.groups, found.sensor_size) == (own.groups, own.sensor_size)


def test_nothing_is_overwritten_or_left_behind(stored, cards, tmp_path):
    before = stored.path.read_bytes()
    with pytest.raises(FileExistsError, match=r"cards\.h5 exists and isn't overwritten"):
        store(cards, stored.path)
    assert stored.path.read_bytes() == before

    def interrupted():
        yield cards[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store_recordings(tmp_path / "new.h5", interrupted(), cards.classes, cards.sensor_size)
    assert [each.name for each in tmp_path.iterdir()] == ["cards.h5"]


@pytest.mark.parametrize(
    ("change", "target", "message"),
    [
        ({"t": 2**32}, 0, "recording 0 exceeds 2"),
        ({"x": 2**16}, 0, "recording 0 exceeds 2"),
        ({"p": 2}, 0, "recording 0: field p is 2"),
        ({}, 4, "target 0 is 4"),
        ({}, None, "there are no recordings to store"),
    ],
)
def test_what_does_not_fit_is_named(change, target, message, cards, tmp_path):
    events = cards[0][0]
    for field, value in change.items():
        events[field][-1] = value
    recordings = [] if target is None else [(events, target)]
    with pytest.raises(ValueError, match=message):
        store_recordings(tmp_path / "a.h5", recordings, cards.classes, (2**17, 35, 2))
    assert not any(tmp_path.iterdir())


def test_cards_depend_on_seed_and_number_alone(monkeypatch):
    monkeypatch.setattr(dataset, "BLOCK", 2)
    alone = list(simulate_cards(3, seed=1))
    with parallel_config("threading"):
        assert_same(list(simulate_cards(5, seed=1, processes=2))[:3], alone)
    assert not np.array_equal(next(simulate_cards(1, seed=2))[0], alone[0][0])
    too_many = {"cards": 10**20}, {"cards": 4, "processes": 100_000}
    for wrong in ({"cards": 0}, {"cards": 4, "processes": 0}, {"cards": 4, "seed": -1}, *too_many):
        with pytest.raises(ValueError, match=r"is (0|-1|100+); choose"):
            simulate_cards(**wrong)


def test_commands_simulate_and_train(tmp_path, capsys, monkeypatch):
    path = str(tmp_path / "cards.h5")
    commands.main(["simulate", "--cards", "16", "--processes", "1", "--out", path])
    assert "16 recordings of 35 × 35 pixels" in capsys.readouterr().out
    assert_same(StoredRecordings(path).subset(range(2)), list(simulate_cards(2)))
    train = ["train", "--network", "fast", "--device", "cpu", "--epochs", "1", "--data", path]
    commands.main(train)
    assert "12 to train on, 4 to test on" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"cards\.h5 is a file .* leave out window_ms"):
        commands.main([*train, "--window-ms", "3"])


def test_every_fourth_of_a_class_tests(cards, tmp_path):
    path = tmp_path / "cards.h5"
    split = load(TrainOptions(data=str(store(cards, path).path)))
    assert split.test.targets == [0, 1, 2, 3] and split.test.numbers.tolist() == [3, 8, 13, 18]
    parts = split.train, split.validation, split.test
    assert sorted(number for part in parts for number in part.numbers) == list(range(20))
    few = store(cards.subset([0]), tmp_path / "few.h5")
    with pytest.raises(ValueError, match="a class has a single group"):
        load(TrainOptions(data=str(few.path)))
