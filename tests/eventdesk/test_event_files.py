"""Files of every format, written by the tests themselves, and those that can't be used."""

import io
import os
import struct
import sys
import zipfile
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.pool import ThreadPool

import h5py
import numpy as np
import pytest

from eventdesk import read_events
from eventdesk.files import event_files
from eventdesk.files.event_files import find_restarts, read_class, read_event_file, read_unchecked
from pokersnn_helpers import EVENT_DTYPE
from pokersnn_helpers.events.recordings import make_events
from tests.camera_bytes import aedat

try:
    import faery
except ImportError:
    faery = None
needs_faery = pytest.mark.skipif(faery is None, reason="faery isn't installed (extra: camera)")
SIZE = (64, 48)


def some_events(count=50, start=0):
    numbers = np.arange(count)
    return make_events(start + 70 * numbers, numbers % SIZE[0], numbers % SIZE[1], numbers % 2)


EVENTS = some_events()
LATER = some_events(start=5)
FIELDS = {field: LATER[field] for field in "txyp"}


def csv(events, order="txyp", separator=","):
    rows = [order, *([str(value) for value in event] for event in events[[*order]])]
    return "".join(separator.join(row) + "\n" for row in rows).encode()


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def hdf5(place="", **arrays):
    file = io.BytesIO()
    with h5py.File(file, "w") as content:
        for name, array in arrays.items():
            content[place + name] = array
    return file.getvalue()


def headless(events, order="txyp"):
    return csv(events, order).partition(b"\n")[2]


def columns(events, order="txyp"):
    return np.stack([events[name] for name in order], axis=1)


NAMED = LATER.astype([("timestamp", ">i8"), ("x", ">i2"), ("y", "<u2"), ("on", "?")])


def in_seconds(events):
    """As UZH's data sets have them."""
    rows = [f"{1e-6 * t:.9f} {x} {y} {p}\n" for t, x, y, p in events.tolist()]
    return "".join(rows).encode()


def by_faery(path, events, **options):
    array = events.astype(faery.EVENTS_DTYPE)
    faery.events_stream_from_array(array, dimensions=SIZE).to_file(path, **options)


PLAIN = {
    "structured.npy": npy(LATER),
    "columns.npy": npy(columns(LATER)),
    "named.npy": npy(NAMED),
    "signs.npy": npy(columns(LATER) * [1, 1, 1, 2] - [0, 0, 0, 1]),
    "arrays.npz": npz(**FIELDS),
    "one.npz": npz(events=LATER),
    "mixed.csv": csv(LATER, "pytx"),
    "spaced.csv": csv(LATER, separator=", "),
    "WINDOWS.CSV": b"\xef\xbb\xbf" + csv(LATER).replace(b"\n", b"\r\n"),
    "empty_lines.csv": b"\n# a\n\n" + csv(LATER).replace(b"\n", b"\n\n"),
    "tabs.csv": csv(LATER, separator="\t"),
    "names.csv": csv(LATER).replace(b"t,x,y,p", b'# Timestamp,"X",Y,polarity'),
    "savetxt.csv": csv(LATER, separator=" ").replace(b"t x", b"# t x"),
    "all_ends.csv": csv(LATER).replace(b"\n", b",\n"),
    "bool.csv": csv(LATER).replace(b",0\n", b",False\n").replace(b",1\n", b",True\n"),
    "headless.csv": headless(LATER),
    "prophesee.csv": headless(LATER, "xypt"),
    "uzh.txt": in_seconds(LATER),
    "structured.h5": hdf5(events=LATER),
    "columns.hdf5": hdf5(events=columns(LATER)),
    "group.h5": hdf5("events/", **FIELDS, label=LATER["x"], offset=np.zeros(1)),
    "two.aedat": aedat(LATER),
    "jaer.dat": aedat(LATER),
}


@pytest.mark.parametrize("name", PLAIN)
def test_file_is_read_with_times_from_0(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(PLAIN[name])
    events, sensor_size, _ = read_event_file(path)
    assert events.dtype == EVENT_DTYPE
    assert np.array_equal(events, EVENTS)
    assert read_unchecked(path).events["t"][0] == 5
    assert sensor_size == ((128, 128, 2) if name in ("two.aedat", "jaer.dat") else None)


def test_a_csv_says_its_sensor_and_other_columns_stay(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("# class: up!\n# sensor_size: 64, 48, 1\nt,x,y,p,label\n5,3,4,1,7\n")
    file = read_unchecked(path)
    assert file.sensor_size == (64, 48, 1)
    assert file.events[["t", "label"]].tolist() == [(5, 7)]


@needs_faery
@pytest.mark.parametrize(
    "name", ["aedat4", "aedat", "es", "evt2.raw", "evt3.raw", "dat1.dat", "dat2.dat"]
)
def test_file_of_a_camera_is_read_with_its_sensor(name, tmp_path):
    version, _, suffix = name.rpartition(".")
    path = tmp_path / f"a.{suffix}"
    by_faery(path, EVENTS, **{"version": version} if version else {})
    events, sensor_size, _ = read_event_file(path)
    assert np.array_equal(events, EVENTS)
    assert sensor_size == (*SIZE, 2)


DAVIS = b"#!AER-DAT2.0\r\n" + struct.pack(">II", 1 << 31, 5)
EVT3_WORDS = struct.pack("<4H", 0x8000, 0, 0x2000, 0x2040)  # events at x = 0 and 64
EVT3 = b"% evt 3.0\n% geometry 64x48\n" + EVT3_WORDS
WILD = some_events(8)
WILD["t"][7] = 2**40
CHIP = b"#!AER-DAT2.0\r\n# AEChip: ch.unizh.CochleaAMS1c\r\n"
DAMAGED_ZIP = npz(events=EVENTS).replace(EVENTS.tobytes(), bytes(EVENTS.nbytes))
BAD = {  # name of the file: what it holds, and what the error says besides the name
    "empty.csv": (b"", "holds .*, not t, x, y, p; call them"),
    "damaged.npz": (DAMAGED_ZIP, "it is damaged, .*; copy it again"),
    "image.npy": (npy(np.zeros((35, 35))), r"shape is \(35, 35\), not \(events, 4\)"),
    "none.npy": (npy(columns(EVENTS[:0])), r"shape \(0,\); expected \(events,\), with some events"),
    "last.npy": (npy(columns(EVENTS, "pxyt")), "no names, and don't seem to be t, x, y, p; name"),
    "backwards.npy": (npy(columns(EVENTS)[::-1]), "t is 3360 at event 1; sort by time"),
    "polarities.npy": (
        npy(columns(EVENTS) - [0, 0, 0, 1]),
        "p is -1 at event 0; .*ON is 1 and OFF is 0",
    ),
    "page.bin": ("<html>Grüße: nicht da</html>\n".encode(), "holds text in place of events; copy"),
    "page.raw": (b"<html>not found</html>\n", "begins with b'<html>"),
    "page.dat": (b"% Version 2\n\0\x08<html>not there</html>", "holds text in place of events"),
    "milliseconds.csv": (b"0.5,3,4,1\n0.8,5,6,0\n", "t is 0.5 at event 0; .* seconds by 1e6"),
    "portions.npy": (npy(LATER) + npy(LATER), "goes on after its array, .* portions; join them"),
    "text.npy": (npy(NAMED.astype([("t", "U5"), *NAMED.dtype.descr[1:]])), "of <U5; give numbers"),
    "two.csv": (b"ts,timestamp,x,y,p\n0,5,3,4,1\n", "ts and timestamp may both be t; rename one"),
    "chip.aedat": (aedat(EVENTS, CHIP), "AEChip: ch.unizh.CochleaAMS1c is unknown; export it"),
    "page.npy": (b"<!DOCTYPE html>\n<title>404</title>", "begins with b'<!DOCTYPE ht', not with"),
    "objects.npz": (npz(t=np.array([None])), "objects of Python, not numbers alone; copy it"),
    "anew.npy": (npy(np.tile(some_events(200), 2)), "t is 0 at event 200; .* its clock began anew"),
    "decimals.csv": (csv(EVENTS, separator=";").replace(b"70;", b"70,0;"), "line 3: t is 70,0"),
    "cut.aedat": (aedat(EVENTS)[:-3], "within an event; copy it again, or cut off 5 bytes"),
    "davis.aedat": (DAVIS, "addresses aren't those of a DVS128; export it"),
    "evt4.raw": (b"% evt 4.0\n% end\n" + bytes(8), "is EVT 4.0, not 2, 2.1 or 3; export"),
    "boxes.dat": (b"% Version 2\n\x28\x18" + bytes(48), r"type \[40, 24\], no events; name"),
    "outside.raw": (EVT3, "x is 64 at event 1; .*sensor_size"),
    "wild.npy": (npy(WILD), "t is 1099511627776 at event 7; more than an hour after"),
    "zeros.aedat": (bytes(600), "holds no events, or zeros in their place; copy"),
    "negative.raw": (EVT3.replace(b"64x48", b"-5x10"), "a side of its sensor is -5; choose"),
    "half.npz": (npz(**FIELDS, sensor_size=[64.5, 48]), r"sensor_size is \(64\.5, 48\.0, 2\)"),
    "index.csv": (b"t,x,y,p\n0,0,3,4,1\n1,9,5,6,0\n2,9,5,6,0\n", "no table.*names all columns"),
    "film.mp4": (b"\0\0\0\x18ftyp", "ends in '.mp4'; export it to one of .npy, .npz, .csv"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_file_is_refused_with_its_name_the_place_and_what_to_do(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(BAD[name][0])
    with pytest.raises(ValueError, match=rf"(?s){name}.*{BAD[name][1]}"):
        read_events(path)


@pytest.mark.parametrize(("falls_to", "restarts"), [(45, [100]), (55, [])])
@pytest.mark.parametrize("start", [0, 7000])
def test_a_clock_began_anew_where_time_falls_by_more_than_half(falls_to, restarts, start):
    ran = np.arange(100)  # to 99
    times = start + np.array([*ran, *(falls_to + ran)])
    assert find_restarts(times).nonzero()[0].tolist() == restarts


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("empty", ["", "  "])
def test_a_wrong_cell_is_named_by_the_line_that_an_editor_shows(empty, header, tmp_path):
    lines = ["# class: up", *["t,x,y,p"] * header, "0,0,0,1", empty, empty, "5,1,here,0", "7,1,1,1"]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    where = f"line {lines.index('5,1,here,0') + 1}: {'y' if header else 'column 3'} is here; write"
    with pytest.raises(ValueError, match=where):
        read_events(tmp_path / "a.csv")


def test_times_that_float32_rounds_are_said(tmp_path):
    events = some_events().astype([(field, "f4" if field == "t" else "i8") for field in "txyp"])
    path = tmp_path / "a.npy"
    np.save(path, events)
    read_events(path)  # without a warning
    events["t"] += 1.5e9
    np.save(path, events)
    said = (
        r"a\.npy: its times are float32, which rounds them to multiples of 128; save them as int64"
    )
    with pytest.warns(UserWarning, match=said):
        read_events(path)


def test_paths_that_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe.npy")
    for path in (tmp_path, tmp_path / "pipe.npy"):
        with pytest.raises(ValueError, match=f"{path} is no regular file; name one"):
            read_events(path)
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.npy; name one"):
        read_events(tmp_path / "none.npy")
    with pytest.raises(TypeError):
        read_events(None)


@pytest.mark.parametrize("suffix", [".npy", ".csv", ".txt"])
def test_columns_in_tonics_order_are_recognised_and_it_is_said(suffix, tmp_path):
    rising = some_events()  # so are x and t, and each could be the time
    path = tmp_path / f"a{suffix}"
    path.write_bytes(npy(columns(rising, "xytp")) if suffix == ".npy" else headless(rising, "xytp"))
    with pytest.warns(UserWarning, match="seem to be x, y, t, p, in Tonic's order; name them"):
        assert np.array_equal(read_events(path), rising)


def test_columns_without_names_that_fit_two_orders_are_said_to(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("0,1,4,1\n2,3,5,0\n9,8,6,1\n")
    with pytest.warns(UserWarning, match="taken for t, x, y, p, but may be x, y, t, p; name them"):
        assert read_events(path)["y"].tolist() == [4, 5, 6]


def test_an_archive_with_two_arrays_of_one_name_is_refused(tmp_path):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        for name in ("t", "x", "y", "p", "t"):
            archive.writestr(f"{name}.npy", npy(np.zeros(3, int)))
    with pytest.raises(ValueError, match=r"it holds t\.npy more than once; save it again"):
        read_events(path)


def test_a_comment_may_be_longer_than_a_header(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"# " + 2500 * b"ab" + b"\n# class: up\n" + csv(EVENTS))
    assert np.array_equal(read_events(path), EVENTS)
    assert read_class(path) == "up"


def test_a_compression_that_is_not_installed_is_named_with_what_brings_it(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        settings.set_chunk((4,))
        settings.set_filter(32001, h5py.h5z.FLAG_OPTIONAL)  # Blosc's number
        space = h5py.h5s.create_simple((4,))
        group = file.create_group("events")
        h5py.h5d.create(group.id, b"t", h5py.h5t.NATIVE_INT64, space, dcpl=settings)
        group.update({name: np.zeros(4, int) for name in "xyp"})
    if h5py.h5z.filter_avail(32001):
        pytest.skip("Blosc is installed")
    with pytest.raises(ValueError, match=r"t is compressed by filter 32001 .* hdf5plugin"):
        read_events(path)


@pytest.mark.parametrize("name", ["up", b"up", ["up"], [b"up"]])
def test_the_class_of_an_archive_may_be_bytes_or_a_list_of_one(name, tmp_path):
    np.savez(tmp_path / "a.npz", **{"class": name})
    assert read_class(tmp_path / "a.npz") == "up"


def test_comments_before_a_table_may_repeat_and_need_no_name(tmp_path):
    path = tmp_path / "a.csv"
    for table in (headless(EVENTS), b"# class: up\n# class: up\n" + csv(EVENTS)):
        path.write_bytes(b"# on Monday\n" + table)
        assert np.array_equal(read_events(path), EVENTS)
    assert read_class(path) == "up"


FAERY = """
import os
import numpy as np

class events_stream_from_file:
    def __init__(self, path, file_type):
        if "bad" in path:
            {happens}
    def to_array(self):
        return np.ones(3, [(field, int) for field in "txyp"])
    def dimensions(self):
        return 64, 48
"""


@pytest.mark.parametrize(
    "happens", ["os.abort()", "bytearray(2**36)", "while True: pass", "raise OSError"]
)
def test_what_faery_does_to_its_process_is_an_error_and_the_next_file_is_read(
    happens, tmp_path, monkeypatch
):
    (tmp_path / "faery.py").write_text(FAERY.format(happens=happens))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "faery", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # for the child
    monkeypatch.setattr(event_files, "FAERY", event_files.Faery())
    for name in ("bad.es", "good.es"):
        (tmp_path / name).write_bytes(b"Event Stream" + bytes(8))
    with pytest.raises(ValueError, match=r"bad\.es: the file is damaged: .*; copy it again"):
        read_events(tmp_path / "bad.es")
    assert len(read_events(tmp_path / "good.es")) == 3


@needs_faery
def test_no_code_that_lies_beside_recordings_runs(tmp_path, monkeypatch):
    for name in ("faery", "json", "pickle", "resource", "numpy"):
        (tmp_path / f"{name}.py").write_text("open('ran', 'w')")
    by_faery(tmp_path / "a.es", EVENTS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    monkeypatch.setattr(event_files, "FAERY", event_files.Faery())
    assert len(read_events("a.es")) == len(EVENTS)
    assert not (tmp_path / "ran").exists()


@needs_faery
def test_threads_and_forks_that_read_by_faery_dont_wait_for_each_other(tmp_path):
    path = tmp_path / "a.es"
    by_faery(path, EVENTS)
    with ThreadPool(3) as pool:
        assert {len(events) for events in pool.map(read_events, [path] * 9)} == {len(EVENTS)}
    child = get_context("fork").Process(target=read_events, args=(path,))
    child.start()
    child.join()
    assert child.exitcode == 0
    assert len(read_events(path)) == len(EVENTS)


@needs_faery
def test_an_es_file_that_ends_within_an_event_or_is_of_another_type_is_refused(tmp_path):
    path = tmp_path / "a.es"
    by_faery(path, EVENTS)
    content = path.read_bytes()
    path.write_bytes(content[:-5])
    assert len(read_events(path)) == len(EVENTS) - 1
    cut = "it ends within an event; copy it again"
    for other, reason in (
        (content[:-1], cut),
        (content[:-4], cut),
        (content[:12] + bytes([2, 0, 0, 4, 64, 0, 48, 0, 5, 1, 2, 3]), 'unsupported type "color"'),
    ):
        path.write_bytes(other)
        with pytest.raises(ValueError, match=rf"a\.es: .*{reason}"):
            read_events(path)


def test_what_is_packed_small_is_refused_by_what_it_unpacks_to(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(event_files, "check_memory", asked.append)
    np.savez_compressed(tmp_path / "a.npz", np.zeros(10**5, EVENT_DTYPE))
    read_events(tmp_path / "a.npz")
    assert max(asked) > 3 * 32 * 10**5


def test_missing_package_is_named_with_the_command_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "faery", None)
    (tmp_path / "a.es").write_bytes(b"Event Stream")
    with pytest.raises(ModuleNotFoundError, match=r"a\.es needs faery: pip install faery"):
        read_events(tmp_path / "a.es")


@needs_faery
def test_damaged_files_are_read_or_refused_in_words(tmp_path):
    damaged = import_module("tests.damaged")  # which imports this module
    happened, longest = damaged.attack(tmp_path, 100, seed=0)
    assert happened["refused"] > 50
    assert longest < 30  # s, on a busy machine
