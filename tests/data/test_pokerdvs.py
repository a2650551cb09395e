import io
import os
import re
import shutil
import socketserver
import tarfile
import time
from functools import partial

import numpy as np
import pandas as pd
import pytest
from archives import md5
from camera_bytes import aedat
from tonic.datasets import POKERDVS

from benchmarks.comparison import recording_statistics
from eventdesk.evidence.perturbations import replaced
from pokersnn_helpers import EVENT_DTYPE, load_pokerdvs, load_pokerdvs131
from pokersnn_helpers.data import pokerdvs_archives as archives
from pokersnn_helpers.data.pokerdvs import card_passes
from pokersnn_helpers.simulation.dataset import PASSES


@pytest.fixture
def sources(monkeypatch):
    """Return a function that lets every archive be looked for at some addresses."""

    def look_at(*addresses):
        monkeypatch.setattr(archives, "SOURCES", dict.fromkeys(archives.SOURCES, addresses))

    return look_at


@pytest.fixture
def load(tmp_path):
    """Return a function that loads the real recordings, for which it may write into ``root``."""
    return partial(load_pokerdvs, tmp_path / "root", source="real")


def put(published, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for archive in archives.ARCHIVES:
        shutil.copy(published / archive, folder)
    return folder


def assert_whole(data):
    assert data.source == "real"
    counts = [np.bincount(part.targets).tolist() for part in (data.train, data.test)]
    assert counts == [[12] * 4, [5] * 4]


def files_below(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("folder", ["root", "root/POKERDVS", "cache/POKERDVS"])
def test_recordings_are_those_of_the_archive_wherever_it_lies(published, tmp_path, folder, load):
    put(published, tmp_path / folder)
    data = load()
    assert_whole(data)
    assert "simulated" not in data._repr_html_()
    for part, recordings in (("pips_train", data.train), ("pips_test", data.test)):
        loaded = [events.tobytes() for events in recordings.events]
        expected = []
        for suit in POKERDVS.classes:
            files = (published / "tree" / part / suit).glob("*.npy")
            expected += sorted(np.load(file).astype(np.int64).tobytes() for file in files)
        assert loaded == expected


def test_environment_variable_names_the_root(published, tmp_path, monkeypatch):
    put(published, tmp_path / "elsewhere" / "POKERDVS")
    monkeypatch.setenv("POKERSNN_DATA", str(tmp_path / "elsewhere"))
    assert_whole(load_pokerdvs(source="real"))


def test_read_only_root_stays_as_it_is(published, tmp_path, serve, sources, monkeypatch, load):
    (tmp_path / "root").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: mode == os.F_OK)  # root may write anywhere
    sources(serve(published))
    assert_whole(load())
    assert files_below(tmp_path / "root") == []
    assert files_below(tmp_path / "cache/POKERDVS") == sorted(archives.ARCHIVES)


def test_what_was_downloaded_is_not_asked_for_again(published, tmp_path, serve, sources, load):
    (tmp_path / "empty").mkdir()
    sources(serve(tmp_path / "empty"), serve(published))
    assert_whole(load())
    assert files_below(tmp_path / "root/POKERDVS") == sorted(archives.ARCHIVES)
    sources()
    assert_whole(load())


def test_download_with_another_hash_is_refused(published, tmp_path, serve, sources, load):
    for archive in archives.ARCHIVES:
        (published / archive).write_bytes(b"something else")
    sources(serve(published))
    with pytest.raises(FileNotFoundError, match="does not match the known hash"):
        load()
    assert files_below(tmp_path / "root") == []


class Stalled(socketserver.StreamRequestHandler):
    """Sends half of what is asked for."""

    def handle(self):
        self.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
        time.sleep(0.5)


def test_download_that_stalls_leaves_nothing_and_the_next_address_is_asked(
    published, tmp_path, monkeypatch, sources, serve, run_server, load
):
    monkeypatch.setattr(archives, "SILENCE_LIMIT", 0.1)
    stalled = run_server(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Stalled))
    sources(stalled)
    with pytest.raises(FileNotFoundError, match=f"{stalled}: .*timed out"):
        load()
    assert files_below(tmp_path / "root") == []
    monkeypatch.setattr(archives, "SILENCE_LIMIT", 60)  # the good server may be slow
    sources(stalled, serve(published))
    assert_whole(load())


def test_what_is_no_archive_is_named_and_kept(published, tmp_path, serve, sources, load):
    folder = put(published, tmp_path / "root" / "POKERDVS")
    damaged = folder / "pips_train.tar.gz"
    damaged.write_bytes(b"half")
    with pytest.raises(FileNotFoundError, match=rf"{folder}: ValueError: md5 .* instead of .*: da"):
        load()
    sources(serve(published))
    assert_whole(load())
    assert damaged.read_bytes() == b"half"


def test_real_error_says_what_was_tried_and_what_to_do(published, tmp_path, load):
    home = tmp_path / "root" / "POKERDVS"
    tried = f"No such file or directory: '{home / 'pips_train.tar.gz'}'.*/none/: ConnectionError"
    with pytest.raises(FileNotFoundError, match=f"(?s){tried}.*put it into {home}"):
        load()


@pytest.mark.parametrize("load", [load_pokerdvs, load_pokerdvs131])
@pytest.mark.parametrize(
    ("root", "reason"), [("nowhere", "Max retries exceeded"), ("x" * 300, "File name too long")]
)
def test_auto_falls_back_and_says_why(
    published, simulated, everything, tmp_path, monkeypatch, load, root, reason
):
    passes = everything.recordings, everything.table
    monkeypatch.setattr("pokersnn_helpers.simulation.simulate_pokerdvs", lambda: simulated)
    monkeypatch.setattr("pokersnn_helpers.simulation.simulate_passes", lambda: passes)
    with pytest.warns(UserWarning, match="these are simulated") as warned:
        data = load(tmp_path / root)
    assert re.search(rf"tried: http://127.0.0.1:9/none/: .*{reason}", str(warned[0].message))
    assert repr(data).startswith("simulated recordings: ")
    assert "made with simulated events" in data._repr_html_()


@pytest.mark.parametrize("load", [load_pokerdvs, load_pokerdvs131])
def test_unknown_source_is_refused(load):
    with pytest.raises(ValueError, match="source is 'fake'"):
        load(source="fake")


def test_classes_sensor_and_hashes_are_tonics(data):
    assert [name[:2] for name in data.classes] == POKERDVS.classes
    assert data.sensor_size == POKERDVS.sensor_size
    assert archives.REGISTRY["pips_train.tar.gz"] == POKERDVS.train_md5
    assert archives.REGISTRY["pips_test.tar.gz"] == POKERDVS.test_md5
    assert len(archives.REGISTRY) == 3 + 48 + 20


def test_tonics_recordings_are_those_described(data):
    if data.source != "real":
        pytest.skip("the real recordings are not at hand")
    table = recording_statistics(data)
    assert_whole(data)
    assert table["events"].sum() == 207_416
    assert table["duration (ms)"].min() > 4.6 and table["duration (ms)"].max() < 31.7


# ---- All 131 ----


PIP = np.array([(0, 3, 4, 1), (10, 5, 6, 0), (30, 34, 0, 1)], EVENT_DTYPE)
STARTS = {
    "xclub01": 500,
    "xclub02i": 520,
    "xclub03": 900,
    "xheart01": 0,
    "xdiamond01": 7,
    "xspade01": 9,
}


def test_archive_is_downloaded_verified_kept_and_read(
    published, tmp_path, monkeypatch, serve, sources
):
    """An archive of six tiny recordings in the published form, which the loader takes for real."""
    folder = tmp_path / "served"
    folder.mkdir()
    archive = folder / archives.ARCHIVE_131
    with tarfile.open(archive, "w:gz") as tar:
        for name, start in STARTS.items():
            content = aedat(replaced(PIP, t=PIP["t"] + start))
            member = tarfile.TarInfo(f"{name}.aedat")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    np.save(folder / "0.npy", np.array(PIP.tolist(), np.uint64))
    registry = {
        archives.ARCHIVE_131: md5(archive),
        "pips_train/he/0.npy": md5(folder / "0.npy"),
    }
    monkeypatch.setattr(archives, "REGISTRY", registry)
    sources(serve(folder))
    everything = load_pokerdvs131(source="real")
    assert repr(everything) == "real recordings: 6, from 5 card passes"
    table = everything.table
    assert table["file"].tolist() == [f"{name}.aedat" for name in STARTS]
    assert everything.recordings.targets == [0, 0, 0, 1, 2, 3]
    assert [*table["upside down"].to_numpy().nonzero()[0]] == [1]
    assert table["start (ms)"].tolist() == [start / 1000 for start in STARTS.values()]
    assert table["pass"].tolist() == [0, 0, 1, 2, 3, 4]
    assert set(table["tonic"]) == {"pips_train/he/0.npy"}  # all six have the same events
    for events in everything.recordings.events:
        assert np.array_equal(events, PIP)
    sources()
    assert load_pokerdvs131(source="real").table.equals(table)  # from the cache
    assert (tmp_path / "cache" / "POKERDVS" / archives.ARCHIVE_131).is_file()


@pytest.mark.parametrize(
    ("starts", "ends", "passes"),
    [
        ([0, 5, 20], [10, 12, 30], [0, 0, 1]),
        ([0, 1, 8], [10, 2, 9], [0, 0, 0]),  # the first outlasts the second
        ([0, 10], [10, 20], [0, 0]),  # touching isn't after
        ([3], [4], [0]),
    ],
)
def test_card_passes_chain_by_overlap(starts, ends, passes):
    suit = pd.DataFrame({"start": starts, "end": ends})
    table = pd.concat([suit.assign(target=0), suit.assign(target=1)], ignore_index=True)
    others = [passes[-1] + 1 + number for number in passes]
    assert card_passes(table).tolist() == passes + others


def test_simulated_passes_share_their_course(everything):
    """Within a pass durations differ less than between passes of a suit."""
    durations = [np.log(events["t"][-1]) for events in everything.recordings.events]
    table = everything.table.assign(duration=durations)
    assert len(table) == 131
    assert table["pass"].nunique() == 26
    assert table["upside down"].sum() == 31
    spread = table.groupby("class")["duration"].std()
    within = table.groupby(["class", "pass"])["duration"].std()
    assert within.mean() < 0.8 * spread.mean()


@pytest.fixture(scope="module")
def real():
    try:
        return load_pokerdvs131(source="real")
    except FileNotFoundError:
        pytest.skip("the authors' archive can't be loaded here")


def test_real_recordings_are_those_described(real):
    sizes = real.table.groupby(["class", "pass"])["upside down"].agg(["size", "sum"])
    for suit, passes in PASSES.items():  # which simulations have, too
        assert [tuple(row) for row in sizes.loc[suit].to_numpy()] == passes


def test_tonics_recordings_are_found_among_them(real):
    tonic = real.table["tonic"]
    recordings = {name for name in archives.REGISTRY if name.endswith(".npy")}
    assert set(tonic[tonic != ""]) == recordings
    assert (tonic != "").sum() == 68
    train = set(real.table["pass"][tonic.str.startswith("pips_train")])
    test = set(real.table["pass"][tonic.str.startswith("pips_test")])
    assert test <= train


def test_a_pipe_in_the_place_of_an_archive_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / archives.ARCHIVES[0])
    with pytest.raises(ValueError, match="no regular file"):
        archives._read(tmp_path, archives.ARCHIVES[0], tmp_path)
