import errno
import hashlib
import io
import multiprocessing
import os
import shutil
import socket
import tarfile
from contextlib import contextmanager

import numpy as np
import pytest
from tonic.datasets import POKERDVS

from pokersnn_helpers import (
    archives,
    cross_validation_folds,
    describe,
    load_pokerdvs,
    one_of_each_suit,
)


def put(published, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for archive in archives.ARCHIVES:
        shutil.copy(published / archive.filename, folder)
    return folder


def assert_whole(data):
    assert data.source == "real"
    assert (len(data.train), len(data.test)) == (48, 20)
    assert type(data.train) is POKERDVS and type(data.test) is POKERDVS
    assert [data.train.targets.count(suit) for suit in range(4)] == [12] * 4
    assert [data.test.targets.count(suit) for suit in range(4)] == [5] * 4


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_archives_under_root_are_unpacked_there(published, tmp_path):
    put(published, tmp_path / "root" / "POKERDVS")
    assert_whole(load_pokerdvs(tmp_path / "root", source="real"))
    assert (tmp_path / "root" / "POKERDVS" / "pips_train" / "cl" / "11.npy").is_file()
    assert not (tmp_path / "cache").exists()


def test_archives_directly_in_root_are_found(published, tmp_path):
    put(published, tmp_path / "root")
    assert_whole(load_pokerdvs(tmp_path / "root", source="real"))


def test_unpacked_recordings_need_no_archive_and_stay_untouched(published, tmp_path):
    root = tmp_path / "root"
    shutil.copytree(published / "tree", root / "POKERDVS")
    before = files_below(root)
    assert_whole(load_pokerdvs(root, source="real"))
    assert files_below(root) == before


def test_environment_variable_names_the_root(published, tmp_path, monkeypatch):
    put(published, tmp_path / "elsewhere" / "POKERDVS")
    monkeypatch.setenv("POKERSNN_DATA", str(tmp_path / "elsewhere"))
    assert_whole(load_pokerdvs(source="real"))


def test_read_only_root_is_a_source_only(published, tmp_path):
    folder = put(published, tmp_path / "root" / "POKERDVS")
    before = files_below(folder)
    folder.chmod(0o555)
    try:
        assert_whole(load_pokerdvs(tmp_path / "root", source="real"))
    finally:
        folder.chmod(0o755)
    assert files_below(folder) == before
    assert (tmp_path / "cache" / "POKERDVS" / "pips_test" / "sp" / "4.npy").is_file()


def test_second_source_serves_when_the_first_fails(published, tmp_path, serve, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(archives, "SOURCES", (serve(tmp_path / "empty"), serve(published)))
    assert_whole(load_pokerdvs(tmp_path / "root", source="real"))
    names = {path.name for path in (tmp_path / "root" / "POKERDVS").iterdir()}
    assert names == {"pips_train.tar.gz", "pips_test.tar.gz", "pips_train", "pips_test"}


def test_download_with_another_hash_is_refused(published, tmp_path, serve, monkeypatch):
    (tmp_path / "wrong").mkdir()
    for archive in archives.ARCHIVES:
        (tmp_path / "wrong" / archive.filename).write_bytes(b"something else")
    monkeypatch.setattr(archives, "SOURCES", (serve(tmp_path / "wrong"),))
    with pytest.raises(FileNotFoundError, match="does not match the known hash"):
        load_pokerdvs(tmp_path / "root", source="real")
    assert files_below(tmp_path / "root") == []


def test_silent_server_is_given_up(published, tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        monkeypatch.setattr(archives, "SOURCES", (address,))
        monkeypatch.setattr(archives, "DOWNLOAD_TIMEOUT", 0.2)
        with pytest.raises(FileNotFoundError, match=f"{address}.*timed out"):
            load_pokerdvs(tmp_path / "root", source="real")


def test_truncated_archive_is_replaced_and_kept(published, tmp_path, serve, monkeypatch):
    folder = put(published, tmp_path / "root" / "POKERDVS")
    half = (published / "pips_train.tar.gz").read_bytes()[:500]
    (folder / "pips_train.tar.gz").write_bytes(half)
    monkeypatch.setattr(archives, "SOURCES", (serve(published),))
    assert_whole(load_pokerdvs(tmp_path / "root", source="real"))
    assert (folder / "pips_train.tar.gz.replaced").read_bytes() == half


def test_truncated_archive_without_network_is_named(published, tmp_path):
    folder = put(published, tmp_path / "root" / "POKERDVS")
    (folder / "pips_train.tar.gz").write_bytes(b"half")
    with pytest.raises(FileNotFoundError) as error:
        load_pokerdvs(tmp_path / "root", source="real")
    assert f"{folder / 'pips_train.tar.gz'}: its md5 is" in str(error.value)
    assert "(4 bytes)" in str(error.value)
    assert (folder / "pips_train.tar.gz").read_bytes() == b"half"


@pytest.mark.parametrize("name", ["../outside.npy", "/tmp/outside.npy"])
def test_member_that_climbs_out_stops_the_unpacking(published, tmp_path, monkeypatch, name):
    folder = put(published, tmp_path / "root" / "POKERDVS")
    with tarfile.open(folder / "pips_train.tar.gz", "w:gz") as tar:
        tar.add(published / "tree" / "pips_train", "pips_train")
        member = tarfile.TarInfo(name)
        member.size = 4
        tar.addfile(member, io.BytesIO(b"evil"))
    md5 = hashlib.md5((folder / "pips_train.tar.gz").read_bytes()).hexdigest()
    train, test = archives.ARCHIVES
    monkeypatch.setattr(archives, "ARCHIVES", (train._replace(md5=md5), test))
    with pytest.raises(FileNotFoundError, match="points outside"):
        load_pokerdvs(tmp_path / "root", source="real")
    assert not list(tmp_path.rglob("outside.npy"))
    assert not (folder / "pips_train").exists()


def test_full_disk_is_named_and_the_next_call_recovers(published, tmp_path, monkeypatch):
    put(published, tmp_path / "root" / "POKERDVS")
    written = []

    @contextmanager
    def disk_for_ten_files(path):
        if len(written) == 10:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        written.append(path)
        with atomic_write(path) as file:
            yield file

    atomic_write = archives.atomic_write
    with monkeypatch.context() as patch:
        patch.setattr(archives, "atomic_write", disk_for_ten_files)
        with pytest.raises(FileNotFoundError, match="No space left on device"):
            load_pokerdvs(tmp_path / "root", source="real")
    assert len(written) == 10
    assert_whole(load_pokerdvs(tmp_path / "root", source="real"))


def in_child(target):
    child = multiprocessing.get_context("fork").Process(target=target)
    child.start()
    return child


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@needs_fork
def test_process_killed_before_unpacking_is_recovered_from(published, tmp_path, serve, monkeypatch):
    monkeypatch.setattr(archives, "SOURCES", (serve(published),))

    def die_after_the_download():
        archives._unpack = lambda *args: os._exit(9)
        load_pokerdvs(tmp_path / "root", source="real")

    child = in_child(die_after_the_download)
    child.join(60)
    assert child.exitcode == 9
    assert files_below(tmp_path / "root") == ["POKERDVS/pips_train.tar.gz"]
    assert_whole(load_pokerdvs(tmp_path / "root", source="real"))


@needs_fork
def test_eight_processes_fill_one_cache(published, tmp_path, serve, monkeypatch):
    monkeypatch.setattr(archives, "SOURCES", (serve(published),))

    def load():
        assert_whole(load_pokerdvs(source="real"))
        os._exit(0)

    children = [in_child(load) for _ in range(8)]
    for child in children:
        child.join(120)
    assert [child.exitcode for child in children] == [0] * 8
    assert_whole(load_pokerdvs(source="real"))
    leftovers = [name for name in files_below(tmp_path / "cache") if name.endswith(".tmp")]
    assert leftovers == []


def test_damaged_recording_is_mended_from_the_archive_and_kept(published, tmp_path):
    folder = put(published, tmp_path / "root" / "POKERDVS")
    load_pokerdvs(tmp_path / "root", source="real")
    (folder / "pips_test" / "di" / "3.npy").write_bytes(b"")
    assert_whole(load_pokerdvs(tmp_path / "root", source="real"))
    assert (folder / "pips_test" / "di" / "3.npy.replaced").read_bytes() == b""


def test_empty_recording_is_named(published, tmp_path):
    root = tmp_path / "root"
    shutil.copytree(published / "tree", root / "POKERDVS")
    np.save(root / "POKERDVS" / "pips_train" / "he" / "2.npy", np.zeros((0, 4), np.uint64))
    with pytest.raises(FileNotFoundError, match=r"pips_train/he/2\.npy has shape \(0, 4\)"):
        load_pokerdvs(root, source="real")


def test_extra_recording_that_is_empty_is_named(published, tmp_path):
    folder = put(published, tmp_path / "root" / "POKERDVS")
    load_pokerdvs(tmp_path / "root", source="real")
    np.save(folder / "pips_test" / "cl" / "9.npy", np.zeros((0, 4), np.uint64))
    with pytest.raises(FileNotFoundError, match=r"pips_test/cl/9\.npy has shape \(0, 4\)"):
        load_pokerdvs(tmp_path / "root", source="real")


def test_real_error_says_what_was_tried_and_what_to_do(published, tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        load_pokerdvs(tmp_path / "root", source="real")
    message = str(error.value)
    assert "68 of 68 are missing" in message
    assert "archive pips_train.tar.gz: not in" in message
    assert "http://127.0.0.1:9/none/pips_train.tar.gz: ConnectionError" in message
    assert f"put both into {tmp_path / 'root' / 'POKERDVS'}" in message


def test_auto_falls_back_with_a_warning_and_a_banner(published, tmp_path):
    with pytest.warns(UserWarning, match="these are simulated"):
        data = load_pokerdvs(tmp_path / "root")
    assert data.source == "standin"
    assert (len(data.train), len(data.test)) == (48, 20)
    assert "simulated events, not with POKER-DVS" in data._repr_html_()
    assert "STAND-IN" in repr(data)


def test_real_recordings_carry_no_banner(published, tmp_path):
    put(published, tmp_path / "root")
    data = load_pokerdvs(tmp_path / "root")
    assert "simulated" not in data._repr_html_()


def test_unknown_source_is_refused():
    with pytest.raises(ValueError, match="'fake'"):
        load_pokerdvs(source="fake")


def test_order_does_not_depend_on_the_file_system(published, tmp_path, monkeypatch):
    root = put(published, tmp_path / "root")
    first = load_pokerdvs(root, source="real")
    walk = os.walk

    def reversed_walk(top, **kwargs):
        for path, folders, files in walk(top, **kwargs):
            folders.sort(reverse=folders == sorted(folders))
            yield path, folders, files

    monkeypatch.setattr(os, "walk", reversed_walk)
    second = load_pokerdvs(root, source="real")
    assert first.train.targets == second.train.targets == sorted(first.train.targets)
    for one, other in zip(first.train.data, second.train.data, strict=True):
        assert np.array_equal(one, other)


def test_classes_follow_tonic(data):
    assert [name[:2] for name in data.classes] == POKERDVS.classes


def test_real_recordings_are_those_described(data):
    if data.source != "real":
        pytest.skip("the real recordings are not at hand")
    table = describe(data)
    assert_whole(data)
    assert table["events"].sum() == 207_416
    assert table["duration (ms)"].min() > 4.6 and table["duration (ms)"].max() < 31.7


def test_describe_counts_what_is_there(standin):
    table = describe(standin)
    events, target = standin.test[0]
    row = table[table["set"] == "test"].iloc[0]
    assert len(table) == 68
    assert row["suit"] == standin.classes[target]
    assert row["events"] == len(events)
    assert row["duration (ms)"] == pytest.approx(events["t"][-1] / 1000)
    assert row["active pixels"] == len(
        {(x, y) for x, y in zip(events["x"], events["y"], strict=True)}
    )


def test_one_of_each_suit_has_the_suits_in_order(standin):
    assert [target for _, target in one_of_each_suit(standin)] == [0, 1, 2, 3]


def test_folds_share_out_every_training_recording_once(standin):
    folds = cross_validation_folds(standin, folds=4)
    tested = [recording.tobytes() for fold in folds for recording in fold.test.data]
    assert sorted(tested) == sorted(recording.tobytes() for recording in standin.train.data)
    for fold in folds:
        assert [fold.test.targets.count(suit) for suit in range(4)] == [3] * 4
        held_back = {recording.tobytes() for recording in fold.test.data}
        assert held_back.isdisjoint(recording.tobytes() for recording in fold.train.data)


@pytest.mark.parametrize("folds", [1, 13])
def test_impossible_folds_are_refused(standin, folds):
    with pytest.raises(ValueError, match=f"folds is {folds}"):
        cross_validation_folds(standin, folds)
