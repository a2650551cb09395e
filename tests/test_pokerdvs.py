import errno
import hashlib
import http.server
import io
import multiprocessing
import os
import shutil
import socket
import tarfile
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from tonic.datasets import POKERDVS

from pokersnn_helpers import load_pokerdvs, pokerdvs, recording_statistics
from pokersnn_helpers.simulation import simulate_pokerdvs


@pytest.fixture(scope="module")
def few():
    return simulate_pokerdvs(n_train=4, n_test=4)


@pytest.fixture
def quick(few, monkeypatch):
    """Simulate few recordings where the real ones can't be loaded."""
    monkeypatch.setattr(pokerdvs, "simulate_pokerdvs", lambda: few)


def put(published, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for archive in pokerdvs.ARCHIVES:
        shutil.copy(published / archive, folder)
    return folder


def unpack(published, folder):
    shutil.copytree(published / "tree", folder)
    return folder


def assert_whole(data):
    assert data.source == "real"
    assert [data.train.targets.count(target) for target in range(4)] == [12] * 4
    assert [data.test.targets.count(target) for target in range(4)] == [5] * 4


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def contents(data):
    return [events.tobytes() for part in (data.train, data.test) for events in part.events]


def test_archives_directly_in_root_are_found(published, tmp_path):
    put(published, tmp_path / "root")
    assert_whole(load_pokerdvs(tmp_path / "root", source="real"))


@pytest.mark.parametrize("folder", ["root", "root/POKERDVS"])
def test_unpacked_recordings_need_no_archive_and_stay_untouched(published, tmp_path, folder):
    unpack(published, tmp_path / folder)
    before = files_below(tmp_path / "root")
    assert_whole(load_pokerdvs(tmp_path / "root", source="real"))
    assert files_below(tmp_path / "root") == before


def test_archives_and_unpacked_recordings_give_the_same_in_the_same_order(published, tmp_path):
    put(published, tmp_path / "packed")
    unpack(published, tmp_path / "unpacked")
    packed, unpacked = (
        load_pokerdvs(tmp_path / name, source="real") for name in ("packed", "unpacked")
    )
    assert contents(packed) == contents(unpacked)
    assert packed.train.targets == unpacked.train.targets == sorted(packed.train.targets)


def test_recordings_are_those_of_the_files(published, tmp_path):
    put(published, tmp_path / "root")
    data = load_pokerdvs(tmp_path / "root", source="real")
    for part, recordings in (("pips_train", data.train), ("pips_test", data.test)):
        for target, folder in enumerate(POKERDVS.classes):
            files = sorted((published / "tree" / part / folder).glob("*.npy"))
            expected = sorted(np.load(file).astype(np.int64).tobytes() for file in files)
            found = [e.tobytes() for e, t in recordings if t == target]
            assert found == expected


def test_environment_variable_names_the_root(published, tmp_path, monkeypatch):
    put(published, tmp_path / "elsewhere" / "POKERDVS")
    monkeypatch.setenv("POKERSNN_DATA", str(tmp_path / "elsewhere"))
    assert_whole(load_pokerdvs(source="real"))


def test_read_only_root_is_a_source_only(published, tmp_path):
    root = put(published, tmp_path / "root" / "POKERDVS").parent
    before = files_below(root)
    root.chmod(0o555)
    try:
        assert_whole(load_pokerdvs(root, source="real"))
    finally:
        root.chmod(0o755)
    assert files_below(root) == before
    assert (tmp_path / "cache" / "POKERDVS" / "pips_test" / "sp" / "4.npy").is_file()


@pytest.mark.parametrize("folder", ["root", "root/POKERDVS"])
def test_tonics_own_class_reads_the_folder_after_loading(published, tmp_path, folder):
    put(published, tmp_path / folder)
    data = load_pokerdvs(tmp_path / "root", source="real")
    for train, part in ((True, data.train), (False, data.test)):
        tonics = POKERDVS(save_to=str(tmp_path / "root"), train=train)
        found = sorted((target, events.tobytes()) for events, target in tonics)
        assert found == sorted((target, events.tobytes()) for events, target in part)


def test_tonics_own_class_reads_the_cache_after_a_download(published, tmp_path, serve, monkeypatch):
    monkeypatch.setattr(pokerdvs, "SOURCES", (serve(published),))
    assert_whole(load_pokerdvs(source="real"))
    assert len(POKERDVS(save_to=str(tmp_path / "cache"), train=False)) == 20


def test_second_source_serves_when_the_first_fails(published, tmp_path, serve, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(pokerdvs, "SOURCES", (serve(tmp_path / "empty"), serve(published)))
    assert_whole(load_pokerdvs(tmp_path / "root", source="real"))
    names = {path.name for path in (tmp_path / "root" / "POKERDVS").iterdir()}
    assert names == {"pips_train.tar.gz", "pips_test.tar.gz", "pips_train", "pips_test"}


def test_download_with_another_hash_is_refused(published, tmp_path, serve, monkeypatch):
    (tmp_path / "wrong").mkdir()
    for archive in pokerdvs.ARCHIVES:
        (tmp_path / "wrong" / archive).write_bytes(b"something else")
    monkeypatch.setattr(pokerdvs, "SOURCES", (serve(tmp_path / "wrong"),))
    with pytest.raises(FileNotFoundError, match="does not match the known hash"):
        load_pokerdvs(tmp_path / "root", source="real")
    assert files_below(tmp_path / "root") == []


def test_silent_server_is_given_up(published, tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/"
        monkeypatch.setattr(pokerdvs, "SOURCES", (address,))
        monkeypatch.setattr(pokerdvs, "SILENCE_LIMIT", 0.2)
        with pytest.raises(FileNotFoundError, match=f"{address}.*timed out"):
            load_pokerdvs(tmp_path / "root", source="real")


@contextmanager
def endless_server(body, pause):
    """Serve an answer that never ends, in pieces."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(10**9))
            self.end_headers()
            with suppress(OSError):
                while not stopped.wait(pause):
                    self.wfile.write(body)

        def log_message(self, *args):
            pass

    stopped = threading.Event()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    stopped.set()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("body", "pause", "message"),
    [
        (b"x", 0.002, "TimeoutError: the download isn't done after 0.5 s"),
        (bytes(100_000), 0, "ValueError: the server sends more than 5000000 bytes"),
    ],
)
def test_download_without_an_end_is_given_up(
    published, tmp_path, monkeypatch, body, pause, message
):
    monkeypatch.setattr(pokerdvs, "DOWNLOAD_LIMIT", 0.5 if pause else 60)
    with endless_server(body, pause) as address:
        monkeypatch.setattr(pokerdvs, "SOURCES", (address,))
        with pytest.raises(FileNotFoundError, match=f"{address}: {message}"):
            load_pokerdvs(tmp_path / "root", source="real")


def test_truncated_archive_is_replaced_and_kept(published, tmp_path, serve, monkeypatch):
    folder = put(published, tmp_path / "root" / "POKERDVS")
    monkeypatch.setattr(pokerdvs, "SOURCES", (serve(published),))
    halves = [(published / "pips_train.tar.gz").read_bytes()[:size] for size in (500, 400)]
    for half in halves:  # a second one doesn't take the place of what was kept of the first
        shutil.rmtree(folder / "pips_train", ignore_errors=True)
        (folder / "pips_train.tar.gz").write_bytes(half)
        assert_whole(load_pokerdvs(tmp_path / "root", source="real"))
    kept = {path.read_bytes() for path in folder.glob("pips_train.tar.gz.*.replaced")}
    assert kept == set(halves)


def test_truncated_archive_without_network_is_named(published, tmp_path):
    folder = put(published, tmp_path / "root" / "POKERDVS")
    (folder / "pips_train.tar.gz").write_bytes(b"half")
    with pytest.raises(FileNotFoundError) as error:
        load_pokerdvs(tmp_path / "root", source="real")
    assert f"{folder}: ValueError: pips_train.tar.gz has md5" in str(error.value)
    assert "(4 bytes)" in str(error.value)
    assert (folder / "pips_train.tar.gz").read_bytes() == b"half"


@pytest.mark.parametrize("name", ["../outside.npy", "/tmp/outside.npy"])
def test_member_that_climbs_out_is_not_unpacked(published, tmp_path, monkeypatch, name):
    folder = put(published, tmp_path / "root" / "POKERDVS")
    with tarfile.open(folder / "pips_train.tar.gz", "w:gz") as tar:
        tar.add(published / "tree" / "pips_train", "pips_train")
        member = tarfile.TarInfo(name)
        member.size = 4
        tar.addfile(member, io.BytesIO(b"evil"))
    md5 = hashlib.md5((folder / "pips_train.tar.gz").read_bytes()).hexdigest()
    monkeypatch.setitem(pokerdvs.REGISTRY, "pips_train.tar.gz", md5)
    assert_whole(load_pokerdvs(tmp_path / "root", source="real"))
    assert not list(tmp_path.rglob("outside.npy"))


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        (tarfile.DIRTYPE, 0),
        (tarfile.FIFOTYPE, 0),
        (tarfile.CHRTYPE, 0),
        (tarfile.SYMTYPE, 0),  # to itself
        (tarfile.REGTYPE, 6_000_000),  # packed, it is small
    ],
)
def test_member_that_is_no_small_file_is_refused(published, tmp_path, monkeypatch, kind, size):
    folder = put(published, tmp_path / "root" / "POKERDVS")
    with tarfile.open(folder / "pips_train.tar.gz", "w:gz") as tar:
        member = tarfile.TarInfo("pips_train/cl/0.npy")
        member.type, member.size, member.linkname = kind, size, "0.npy"
        tar.addfile(member, io.BytesIO(bytes(size)))
    md5 = hashlib.md5((folder / "pips_train.tar.gz").read_bytes()).hexdigest()
    monkeypatch.setitem(pokerdvs.REGISTRY, "pips_train.tar.gz", md5)
    with pytest.raises(FileNotFoundError, match=r"pips_train/cl/0\.npy in pips_train.tar.gz is no"):
        load_pokerdvs(tmp_path / "root", source="real")


@pytest.mark.parametrize("content", [b"no archive", b"\x1f\x8b\x08\x00 cut", b""])
def test_archive_with_the_right_hash_that_is_none_is_named(
    published, tmp_path, monkeypatch, quick, content
):
    folder = put(published, tmp_path / "root" / "POKERDVS")
    (folder / "pips_train.tar.gz").write_bytes(content)
    monkeypatch.setitem(pokerdvs.REGISTRY, "pips_train.tar.gz", hashlib.md5(content).hexdigest())
    with pytest.raises(FileNotFoundError, match=r"(ReadError|EOFError|BadGzipFile|error)"):
        load_pokerdvs(tmp_path / "root", source="real")
    with pytest.warns(UserWarning, match="these are simulated"):
        assert load_pokerdvs(tmp_path / "root").source == "simulated"


def test_recordings_load_from_archives_where_nothing_can_be_written(
    published, tmp_path, monkeypatch
):
    put(published, tmp_path / "root" / "POKERDVS")

    @contextmanager
    def full_disk(*args):
        raise OSError(errno.ENOSPC, "No space left on device", *map(str, args))
        yield

    monkeypatch.setattr(pokerdvs, "atomic_write", full_disk)
    monkeypatch.setattr(tempfile, "TemporaryDirectory", full_disk)
    assert_whole(load_pokerdvs(tmp_path / "root", source="real"))
    unpack(published, tmp_path / "unpacked")
    assert_whole(load_pokerdvs(tmp_path / "unpacked", source="real"))
    with pytest.raises(FileNotFoundError, match=r"none/: .*No space left on device"):
        load_pokerdvs(tmp_path / "empty", source="real")


def in_child(target):
    child = multiprocessing.get_context("fork").Process(target=target, daemon=True)
    child.start()
    return child


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


@needs_fork
def test_process_killed_while_it_writes_is_recovered_from(published, tmp_path, serve, monkeypatch):
    monkeypatch.setattr(pokerdvs, "SOURCES", (serve(published),))

    def die_in_the_third_file():
        written = []
        os.fsync = lambda file: written.append(file) or (len(written) == 3 and os._exit(9))
        load_pokerdvs(tmp_path / "root", source="real")

    child = in_child(die_in_the_third_file)
    child.join(60)
    assert child.exitcode == 9
    left = files_below(tmp_path / "root")
    assert [Path(name).suffix for name in left] == [".lock", ".gz", ".tmp", ".npy"]
    assert_whole(load_pokerdvs(tmp_path / "root", source="real"))
    hidden = [path.name for path in (tmp_path / "root").rglob(".*")]
    assert hidden == []


@needs_fork
def test_eight_processes_fill_one_cache(published, tmp_path, serve, monkeypatch):
    monkeypatch.setattr(pokerdvs, "SOURCES", (serve(published),))

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


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(bytes(content))


def cut(path):
    np.save(path, np.load(path)[:3])


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [flip_a_bit, cut, empty])
def test_unpacked_recording_that_is_not_the_published_one_is_named(published, tmp_path, damage):
    folder = unpack(published, tmp_path / "root" / "POKERDVS")
    damage(folder / "pips_train" / "he" / "2.npy")
    with pytest.raises(FileNotFoundError, match=r"pips_train/he/2\.npy has md5 "):
        load_pokerdvs(tmp_path / "root", source="real")


def test_damaged_recording_beside_its_archive_is_not_read_and_kept(published, tmp_path):
    folder = put(published, tmp_path / "root" / "POKERDVS")
    before = load_pokerdvs(tmp_path / "root", source="real")
    flip_a_bit(folder / "pips_test" / "di" / "3.npy")
    damaged = (folder / "pips_test" / "di" / "3.npy").read_bytes()
    assert contents(load_pokerdvs(tmp_path / "root", source="real")) == contents(before)
    (kept,) = folder.rglob("3.npy.*.replaced")
    assert kept.read_bytes() == damaged


def test_simulated_recordings_in_the_real_ones_place_are_not_called_real(
    published, simulated, tmp_path
):
    """They have the names and the form of the real ones, but not their content."""
    folders = dict(enumerate(POKERDVS.classes))
    for part, recordings in (("pips_train", simulated.train), ("pips_test", simulated.test)):
        numbers = [0] * 4
        for events, target in recordings:
            path = tmp_path / "root" / part / folders[target] / f"{numbers[target]}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, np.stack([events[field] for field in "txyp"], axis=1))
            numbers[target] += 1
    with pytest.raises(FileNotFoundError, match=r"pips_train/cl/0\.npy has md5"):
        load_pokerdvs(tmp_path / "root", source="real")


def test_further_recordings_in_the_folder_are_not_loaded(published, tmp_path):
    folder = unpack(published, tmp_path / "root" / "POKERDVS")
    shutil.copy(folder / "pips_test" / "cl" / "0.npy", folder / "pips_test" / "cl" / "9.npy")
    assert_whole(load_pokerdvs(tmp_path / "root", source="real"))


def test_real_error_says_what_was_tried_and_what_to_do(published, tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        load_pokerdvs(tmp_path / "root", source="real")
    message = str(error.value)
    home = tmp_path / "root" / "POKERDVS"
    assert f"No such file or directory: '{home / 'pips_train.tar.gz'}'" in message
    assert f"No such file or directory: '{home / 'pips_train/cl/0.npy'}'" in message
    assert "http://127.0.0.1:9/none/: ConnectionError" in message
    assert f"put it into {home}" in message


def test_auto_falls_back_with_a_warning_that_says_why_and_a_banner(
    published, simulated, tmp_path, monkeypatch
):
    monkeypatch.setattr(pokerdvs, "simulate_pokerdvs", lambda: simulated)  # made already
    with pytest.warns(UserWarning, match=r"these are simulated\. FileNotFoundError: the rec"):
        data = load_pokerdvs(tmp_path / "root")
    assert data.source == "simulated"
    assert (len(data.train), len(data.test)) == (48, 20)
    assert "made with simulated events" in data._repr_html_()
    assert "simulated" in repr(data)


@pytest.mark.parametrize(
    ("root", "reason"),
    [
        ("x" * 300, "File name too long"),
        ("x/" * 3000, "File name too long"),
        ("~no-such-user", "the data folder is '~no-such-user'"),
        (7, "the data folder is 7"),
        (np.zeros(2), "the data folder is array"),
    ],
)
def test_auto_falls_back_whatever_the_reason_and_says_it(published, quick, root, reason):
    with pytest.warns(UserWarning, match=f"(?s)these are simulated.*{reason}"):
        assert load_pokerdvs(root).source == "simulated"
    with pytest.raises(FileNotFoundError, match=reason):
        load_pokerdvs(root, source="real")


@needs_fork
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read all")
@pytest.mark.parametrize("closed", ["above", "above/root/POKERDVS"])
def test_folder_that_may_not_be_read_leaves_the_cache(published, tmp_path, quick, closed):
    home = put(published, tmp_path / "above" / "root" / "POKERDVS")
    (tmp_path / closed).chmod(0o600)
    try:
        with pytest.warns(UserWarning, match=r"(?s)these are simulated.*Permission denied"):
            load_pokerdvs(home.parent)
        put(published, tmp_path / "cache" / "POKERDVS")
        assert_whole(load_pokerdvs(home.parent, source="real"))
    finally:
        (tmp_path / closed).chmod(0o700)


def test_cache_spares_the_download_for_a_new_folder(published, tmp_path):
    put(published, tmp_path / "cache" / "POKERDVS")
    assert_whole(load_pokerdvs(tmp_path / "root", source="real"))
    assert (tmp_path / "root" / "POKERDVS" / "pips_test.tar.gz").is_file()


@needs_fork
def test_pipe_in_the_place_of_a_file_is_neither_read_nor_replaced(published, tmp_path):
    """Reading it would wait for ever."""
    folder = unpack(published, tmp_path / "root" / "POKERDVS")
    pipes = [tmp_path / "pipe", folder / "pips_test.tar.gz"]
    for pipe in pipes:
        os.mkfifo(pipe)
    (folder / "pips_train.tar.gz").symlink_to(pipes[0])
    assert_whole(load_pokerdvs(tmp_path / "root", source="real"))
    put(published, tmp_path / "cache" / "POKERDVS")
    (folder / "pips_test" / "cl" / "0.npy").unlink()
    assert_whole(load_pokerdvs(tmp_path / "root", source="real"))
    assert all(pipe.is_fifo() for pipe in pipes)


def test_file_without_an_end_is_not_read(published, tmp_path, monkeypatch):
    folder = unpack(published, tmp_path / "root" / "POKERDVS")
    with (folder / "pips_train" / "cl" / "0.npy").open("r+b") as file:
        file.truncate(2**40)  # takes no room on the disk, but would in memory
    with pytest.raises(FileNotFoundError, match=r"cl/0\.npy is no regular file of up to 5000000 b"):
        load_pokerdvs(tmp_path / "root", source="real")


def test_real_recordings_carry_no_banner(published, tmp_path):
    put(published, tmp_path / "root")
    data = load_pokerdvs(tmp_path / "root")
    assert "simulated" not in data._repr_html_()


@pytest.mark.parametrize("source", ["fake", "synthetic"])
def test_unknown_source_is_refused(source):
    with pytest.raises(ValueError, match=f"'{source}'"):
        load_pokerdvs(source=source)


def test_classes_and_sensor_are_tonics(data):
    assert [name[:2] for name in data.classes] == POKERDVS.classes
    assert data.sensor_size == POKERDVS.sensor_size


def test_published_hashes_are_tonics():
    assert pokerdvs.REGISTRY["pips_train.tar.gz"] == POKERDVS.train_md5
    assert pokerdvs.REGISTRY["pips_test.tar.gz"] == POKERDVS.test_md5
    assert len(pokerdvs.REGISTRY) == 3 + 48 + 20


def test_real_recordings_are_those_described(data):
    if data.source != "real":
        pytest.skip("the real recordings are not at hand")
    table = recording_statistics(data)
    assert_whole(data)
    assert table["events"].sum() == 207_416
    assert table["duration (ms)"].min() > 4.6 and table["duration (ms)"].max() < 31.7
