import csv
import hashlib
import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

from pokersnn_helpers import load_pokerdvs131, pokerdvs, stratified_folds
from pokersnn_helpers.own.camera_files import read_aedat
from pokersnn_helpers.pokerdvs import card_passes
from pokersnn_helpers.simulation.dataset import PASSES

HEADER = b"#!AER-DAT2.0\r\n# recorded somewhere\r\n"


def aedat(events):
    """Write (t, x, y, p) as an AEDAT file."""
    pairs = [(x << 1 | y << 8 | 1 - p, t) for t, x, y, p in events]
    return HEADER + np.array(pairs, dtype=">u4").tobytes()


@pytest.fixture
def served(tmp_path, monkeypatch, serve):
    """An archive of six tiny recordings in the published form, which the loader takes for real."""
    pip = [(0, 3, 4, 1), (10, 5, 6, 0), (30, 34, 0, 1)]
    starts = {
        "xclub01": 500, "xclub02i": 520, "xclub03": 900, "xheart01": 0, "xdiamond01": 7,
        "xspade01": 9,
    }  # fmt: skip
    folder = tmp_path / "published"
    folder.mkdir()
    with tarfile.open(folder / pokerdvs.ARCHIVE_131, "w:gz") as tar:
        for name, start in starts.items():
            content = aedat([(start + t, x, y, p) for t, x, y, p in pip])
            member = tarfile.TarInfo(f"{name}.aedat")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    md5 = hashlib.md5((folder / pokerdvs.ARCHIVE_131).read_bytes()).hexdigest()
    array = io.BytesIO()
    np.save(array, np.array(pip, dtype=np.uint64))
    tonic = hashlib.md5(array.getvalue()).hexdigest()
    registry = {pokerdvs.ARCHIVE_131: md5, "pips_train/he/0.npy": tonic}
    monkeypatch.setattr(pokerdvs, "REGISTRY", registry)
    monkeypatch.setattr("pokersnn_helpers.pokerdvs.REGISTRY", registry)
    monkeypatch.setattr(pokerdvs, "SOURCES_131", (serve(folder),))
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache")
    monkeypatch.delenv("POKERSNN_DATA", raising=False)
    return folder


def test_archive_is_downloaded_verified_kept_and_read(served, tmp_path, monkeypatch):
    everything = load_pokerdvs131(source="real")
    assert repr(everything) == "real recordings: 6, from 5 card passes"
    table = everything.table
    assert table["file"].tolist()[:3] == ["xclub01.aedat", "xclub02i.aedat", "xclub03.aedat"]
    assert table["class"].tolist() == ["club"] * 3 + ["heart", "diamond", "spade"]
    assert everything.recordings.targets == [0, 0, 0, 1, 2, 3]
    assert table["upside down"].tolist() == [False, True, False, False, False, False]
    assert table["start (ms)"].tolist() == [0.5, 0.52, 0.9, 0, 0.007, 0.009]
    assert table["pass"].tolist() == [0, 0, 1, 2, 3, 4]
    assert set(table["tonic"]) == {"pips_train/he/0.npy"}  # all six have the same events
    for events in everything.recordings.events:
        assert events["t"].tolist() == [0, 10, 30] and events["x"].tolist() == [3, 5, 34]
        assert events["y"].tolist() == [4, 6, 0] and events["p"].tolist() == [1, 0, 1]
    monkeypatch.setattr(pokerdvs, "SOURCES_131", ())
    assert load_pokerdvs131(source="real").table.equals(table)  # from the cache
    assert (tmp_path / "cache" / "POKERDVS" / pokerdvs.ARCHIVE_131).is_file()


def test_damaged_archive_is_named_and_the_address_asked(served, tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / pokerdvs.ARCHIVE_131).write_bytes(b"damaged")
    assert load_pokerdvs131(tmp_path / "root", source="real").source == "real"


def test_missing_archive_tells_what_to_do(served, tmp_path, monkeypatch):
    monkeypatch.setattr(pokerdvs, "SOURCES_131", ("http://127.0.0.1:9/none/",))
    with pytest.raises(FileNotFoundError, match=r"get poker_dvs\.tar\.gz \(md5 .* put it into"):
        load_pokerdvs131(source="real")


def test_auto_falls_back_with_the_reason_and_a_banner(served, monkeypatch):
    monkeypatch.setattr(pokerdvs, "SOURCES_131", ())
    monkeypatch.setattr(
        "pokersnn_helpers.simulation.dataset.PASSES",
        {suit: [(2, 1)] * 2 for suit in PASSES},
    )
    with pytest.warns(UserWarning, match="could not be loaded"):
        everything = load_pokerdvs131()
    assert everything.source == "simulated" and len(everything.recordings) == 16
    assert "made with simulated events" in everything._repr_html_()
    folds = stratified_folds(everything.recordings, 2, everything.table["pass"])
    assert [len(fold.test) for fold in folds] == [8, 8]


def test_unknown_source_is_refused():
    with pytest.raises(ValueError, match="'fake'"):
        load_pokerdvs131(source="fake")


def test_aedat_that_ends_within_an_event_is_refused():
    with pytest.raises(ValueError, match="ends within an event"):
        read_aedat(aedat([(0, 1, 2, 1)])[:-3])


def test_aedat_without_events_is_empty():
    assert len(read_aedat(HEADER)[0]) == 0


@pytest.mark.parametrize(
    ("starts", "ends", "passes"),
    [
        ([0, 5, 20], [10, 12, 30], [0, 0, 1]),
        ([20, 0, 5], [30, 10, 12], [1, 0, 0]),  # in any order
        ([0, 1, 8], [10, 2, 9], [0, 0, 0]),  # the first outlasts the second
        ([0, 10], [10, 20], [0, 0]),  # touching isn't after
        ([3], [4], [0]),
    ],
)
def test_card_passes_chain_by_overlap(starts, ends, passes):
    assert card_passes(starts, ends).tolist() == passes


def test_simulated_passes_share_their_course(everything):
    """Within a pass durations differ less than between passes of a suit."""
    recordings, table = everything.recordings, everything.table
    assert len(recordings) == len(table) == 131 and table["pass"].nunique() == 26
    assert table.groupby("class")["upside down"].sum().to_dict() == {
        "club": 13, "diamond": 8, "heart": 0, "spade": 10,
    }  # fmt: skip
    durations = np.log([events["t"][-1] for events in recordings.events])
    spread = table.assign(duration=durations).groupby("class")["duration"].std()
    within = table.assign(duration=durations).groupby(["class", "pass"])["duration"].std()
    assert within.mean() < 0.8 * spread.mean()


@pytest.fixture(scope="module")
def real():
    try:
        return load_pokerdvs131(source="real")
    except FileNotFoundError:
        pytest.skip("the authors' archive can't be loaded here")


def test_real_recordings_are_those_described(real):
    table = real.table
    assert table.groupby("class").size().to_dict() == {
        "club": 30, "diamond": 43, "heart": 23, "spade": 35,
    }  # fmt: skip
    sizes = table.groupby(["class", "pass"])["upside down"].agg(["size", "sum"])
    for suit, passes in PASSES.items():
        assert [tuple(row) for row in sizes.loc[suit].to_numpy()] == passes


def test_tonics_recordings_are_found_among_them(real):
    tonic = real.table["tonic"][real.table["tonic"] != ""]
    recordings = [name for name in pokerdvs.REGISTRY if name.endswith(".npy")]
    assert sorted(tonic) == sorted(recordings)
    train = set(real.table["pass"][real.table["tonic"].str.startswith("pips_train")])
    test = set(real.table["pass"][real.table["tonic"].str.startswith("pips_test")])
    assert test <= train


def test_passes_agree_with_the_index(real):
    """Where somebody has put an index of the recordings beside them."""
    index = Path(os.environ.get("POKERSNN_DATA", "")) / "poker_dvs_index.csv"
    if not index.is_file():
        pytest.skip("there is no index beside the recordings")
    with index.open() as file:
        rows = {row["raw_file"]: row for row in csv.DictReader(file)}
    found = real.table.assign(group=[rows[name]["overlap_group"] for name in real.table["file"]])
    assert found.groupby("group")["pass"].nunique().eq(1).all()
    assert found.groupby("pass")["group"].nunique().eq(1).all()
    assert [rows[name]["tonic_npy"] for name in found["file"]] == found["tonic"].tolist()


def test_later_version_of_the_format_is_named():
    with pytest.raises(ValueError, match=r"AEDAT version 4\.0, not 1 to 3"):
        read_aedat(b"#!AER-DAT4.0\r\n" + bytes(8))


def test_address_that_begins_like_a_header_is_an_address():
    first = b"#\x01\x0a\x02" + (5).to_bytes(4, "big")
    with pytest.raises(ValueError, match="event 0 has the address 0x23010a02"):
        read_aedat(HEADER + first + first)
