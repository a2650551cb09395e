"""Files of every format, written by the tests themselves, and forty that can't be used."""

import io
import struct
import sys

import numpy as np
import pytest

from pokersnn_helpers import EVENT_DTYPE, read_events
from pokersnn_helpers.own.event_files import SUFFIXES, read_event_file, read_unchecked

try:
    import faery
except ImportError:
    faery = None
needs_faery = pytest.mark.skipif(faery is None, reason="faery isn't installed (extra: camera)")
SIZE = (64, 48)


def some_events(count=50, start=0):
    events = np.zeros(count, EVENT_DTYPE)
    events["t"] = start + 70 * np.arange(count)
    events["x"], events["y"] = np.arange(count) % SIZE[0], np.arange(count) % SIZE[1]
    events["p"] = np.arange(count) % 2
    return events


def csv(events, order="txyp", separator=","):
    rows = [separator.join(order)]
    rows += [separator.join(str(event[name]) for name in order) for event in events]
    return ("\n".join(rows) + "\n").encode()


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def columns(events):
    return {name: events[name] for name in "txyp"}


def pixels():
    return {name: some_events()[name] for name in "xy"}


def structured(*fields):
    """An array with some fields, of the first letters of which its values are those of events."""
    array = np.zeros(50, list(fields))
    for name in array.dtype.names:
        array[name] = some_events(start=5)["p" if name == "on" else name[0]]
    return npy(array)


def aedat(events, header=b"#!AER-DAT2.0\r\n"):
    words = [struct.pack(">II", y << 8 | x << 1 | (1 - p), t) for t, x, y, p in map(tuple, events)]
    return header + b"".join(words)


def nmnist(events):
    return b"".join(
        bytes([x, y, p << 7 | t >> 16, t >> 8 & 255, t & 255]) for t, x, y, p in map(tuple, events)
    )


def by_faery(path, events, **options):
    array = np.zeros(len(events), faery.EVENTS_DTYPE)
    for name, own in zip("txyp", array.dtype.names, strict=True):
        array[own] = events[name]
    faery.events_stream_from_array(array, dimensions=SIZE).to_file(path, **options)


PLAIN = {
    "structured.npy": npy(some_events(start=5)),
    "columns.npy": npy(np.stack([some_events(start=5)[name] for name in "txyp"], 1)),
    "tonic.npy": structured(("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "?")),
    "prophesee.npy": structured(("y", "<u2"), ("x", "<u2"), ("p", "<i2"), ("t", "<i8")),
    "dv.npy": structured(("timestamp", ">i8"), ("x", ">i2"), ("y", ">i2"), ("polarity", "i1")),
    "faery.npy": structured(("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("on", "?")),
    "arrays.npz": npz(**columns(some_events(start=5))),
    "one.npz": npz(events=some_events(start=5)),
    "ordered.csv": csv(some_events(start=5)),
    "mixed.csv": csv(some_events(start=5), "pytx"),
    "spaced.csv": csv(some_events(start=5), separator=", "),
    "windows.csv": csv(some_events(start=5)).replace(b"\n", b"\r\n"),
    "UPPER.CSV": csv(some_events(start=5)),
    "semicolons.csv": csv(some_events(start=5), separator=";"),
    "tabs.csv": csv(some_events(start=5), separator="\t"),
    "aligned.csv": csv(some_events(start=5), separator="   "),
    "names.csv": csv(some_events(start=5)).replace(b"t,x,y,p", b"# Timestamp,X,Y,polarity"),
    "bool.csv": csv(some_events(start=5))
    .replace(b",0\n", b",False\n")
    .replace(b",1\n", b",True\n"),
    "names.npz": npz(timestamps=some_events(start=5)["t"], pol=some_events()["p"], **pixels()),
    "two.aedat": aedat(some_events(start=5)),
    "digit.bin": nmnist(some_events(start=5)),
}


@pytest.mark.parametrize("name", PLAIN)
def test_file_is_read_with_times_from_0(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(PLAIN[name])
    events = read_events(path)
    assert events.dtype == EVENT_DTYPE
    assert np.array_equal(events, some_events())
    assert read_unchecked(path).events["t"][0] == 5
    assert read_event_file(path).sensor_size == ((128, 128, 2) if "aedat" in name else None)


@needs_faery
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.aedat4", {}),
        ("a.aedat", {}),
        ("a.es", {}),
        ("evt2.raw", {"version": "evt2"}),
        ("evt3.raw", {"version": "evt3"}),
        ("one.dat", {"version": "dat1"}),
        ("two.dat", {"version": "dat2"}),
    ],
)
def test_file_of_a_camera_is_read_with_its_sensor(name, options, tmp_path):
    by_faery(tmp_path / name, some_events(), **options)
    events, sensor_size = read_event_file(tmp_path / name)
    assert np.array_equal(events, some_events())
    assert sensor_size == (*SIZE, 2)


@needs_faery
def test_a_raw_file_that_does_not_say_its_sensor(tmp_path):
    by_faery(tmp_path / "a.raw", some_events(), version="evt3")
    body = (tmp_path / "a.raw").read_bytes().split(b"% t0 0\n")[1]
    (tmp_path / "a.raw").write_bytes(b"% evt 3.0\n" + body)
    assert read_event_file(tmp_path / "a.raw").sensor_size is None


def test_polarities_of_one_and_minus_one(tmp_path):
    arrays = columns(some_events())
    path = tmp_path / "a.npz"
    path.write_bytes(npz(**{**arrays, "p": 2 * arrays["p"] - 1}))
    assert np.array_equal(read_events(path), some_events())


def changed(**fields):
    """Events with one value changed, as ``x=(place, value)``."""
    events = some_events().astype([(name, float) for name in "txyp"])
    for name, (place, value) in fields.items():
        events[name][place] = value
    return events


EVENTS = some_events()
BACKWARDS = EVENTS[[1, 0, *range(2, 50)]]
EVT3 = b"% evt 3.0\n% geometry 64x48\n"
BAD = {  # name of the file: what it holds, and what the error says besides the name
    "empty.npy": (b"", "empty, 0 bytes; record or copy"),
    "empty.csv": (b"", "empty, 0 bytes"),
    "empty.raw": (b"", "empty, 0 bytes"),
    "text.npy": (b"these aren't events at all", "no NumPy file.*; write it anew with np.save"),
    "cut.npy": (npy(EVENTS)[:-7], "no NumPy file.*; write it anew"),
    "cut_header.npy": (npy(EVENTS)[:20], "no NumPy file.*; write it anew"),
    "objects.npy": (npy(np.array([{}, 3])), "no NumPy file.*; write it anew"),
    "image.npy": (npy(np.zeros((35, 35))), r"shape \(35, 35\); expected \(events, 4\)"),
    "number.npy": (npy(np.array(3.0)), r"shape \(\); expected"),
    "archive.npy": (npz(events=EVENTS), "archive of arrays; name it .npz"),
    "none.npy": (npy(EVENTS[:0]), r"shape \(0,\); expected \(events,\), with some events"),
    "fields.npy": (npy(np.zeros(3, [("t", int), ("x", int)])), "holds t, x, not y, p; call the"),
    "gesture.npy": (
        npy(np.stack([some_events()[name][:: -1 if name == "x" else 1] for name in "xypt"], 1)),
        "times seem to be in column 3, not in column 0; save the columns in the order t",
    ),
    "texts.npy": (npy(np.full((3, 4), "a")), "without numeric field"),
    "seconds.npy": (npy(changed(t=(3, 0.0021))), "t is 0.0021 at event 3; expected whole.*1e6"),
    "nan.npy": (npy(changed(x=(4, np.nan))), "field x is nan at event 4; expected whole numbers"),
    "backwards.npy": (npy(BACKWARDS), "t is 0 at event 1; sort by time"),
    "negative.npy": (npy(changed(y=(9, -2))), "field y is -2.0 at event 9"),
    "polarity.npy": (npy(changed(p=(8, 7))), "field p is 7.0 at event 8"),
    "polarities.npz": (npz(**columns(changed(p=(8, -1)))), "p holds −1 and other values.*; write"),
    "single.npz": (npy(EVENTS), "single array; name it .npy"),
    "names.npz": (npz(a=EVENTS["t"], b=EVENTS["x"]), "holds a, b, not t, x, y, p; call the times"),
    "lengths.npz": (npz(**{**columns(EVENTS), "x": np.zeros(3)}), "shapes.*one value per event"),
    "cut.npz": (npz(**columns(EVENTS))[:-30], "no NumPy file.*; write it anew"),
    "damaged.npz": (
        npz(**columns(EVENTS)).replace(EVENTS["x"].tobytes(), bytes(400)),
        "damaged: .*; write it anew",
    ),
    "header.csv": (
        csv(EVENTS).replace(b"t,x,y,p\n", b""),
        "holds 0, .*, not t, x.*in its first line",
    ),
    "missing.csv": (csv(EVENTS, "txy"), "holds t, x, y, not p; call the times"),
    "decimals.csv": (csv(EVENTS, separator=";").replace(b"70;", b"70,0;"), "line 3: t is 70,0"),
    "word.csv": (csv(EVENTS).replace(b"70,1,1,1", b"70,one,1,1"), "line 3: x is one; write a"),
    "cut.csv": (csv(EVENTS)[:-4], "line 51: . is nan; write a number, or leave the line out"),
    "only_header.csv": (b"t,x,y,p\n", r"shape \(0,\); expected \(events,\), with some events"),
    "more.csv": (csv(EVENTS).replace(b"140,2", b"140,2,2,2"), "no table.*line 4"),
    "binary.csv": (bytes(range(256)) * 4, "no table of text"),
    "backwards.csv": (csv(BACKWARDS), "t is 0 at event 1; sort by time"),
    "cut.aedat": (aedat(EVENTS)[:-3], "within an event.*; copy it again, or cut off the last 5"),
    "five.aedat": (aedat(EVENTS, b"#!AER-DAT5.1\r\n"), "version 5.1, not 1 to 3; convert it"),
    "cut3.aedat": (b"#!AER-DAT3.1\r\n#!END-HEADER\r\n\1", "within the packet at byte 28; copy"),
    "davis.aedat": (
        b"#!AER-DAT2.0\r\n" + struct.pack(">II", 1 << 31, 5),
        "event 0 has the address 0x80000000.*; export it",
    ),
    "no_events.aedat": (b"#!AER-DAT2.0\r\n", r"shape \(0,\); expected"),
    "cut.bin": (nmnist(EVENTS)[:-2], "within an event: 3 bytes are left.*; copy it again"),
    "cut2.raw": (b"% evt 2.0\n% end\n" + bytes(7), "3 bytes are left.*; copy it again"),
    "cut21.raw": (b"% evt 2.1\n% end\n" + bytes(13), "5 bytes are left.*; copy it again"),
    "cut3.raw": (EVT3 + bytes(7), "1 bytes are left.*; copy it again"),
    "header.raw": (EVT3, r"shape \(0,\); expected"),
    "evt4.raw": (b"% evt 4.0\n% end\n" + bytes(8), "version of EVT 4.0, not 2, 2.1 or 3; export"),
    "foreign.raw": (b"RIFF this is a sound", "begins with b'RIFF.*; give it the suffix"),
    "foreign.dat": (b"RIFF this is a sound", "begins with b'RIFF.*; give it the suffix"),
    "boxes.dat": (b"% Version 2\n\x28\x18" + bytes(48), r"type and size are \[40, 24\].*; look"),
    "cut.dat": (b"% Version 2\n\x0c\x08" + bytes(13), "5 bytes are left.*; copy it again"),
    "outside.raw": (EVT3 + bytes([0, 0x80, 0, 0, 64, 0x20]), "x is 64 at event 0; sensor_size"),
    "film.mp4": (b"\0\0\0\x18ftyp", "ends in '.mp4'; expected one of .npy.*Export it"),
    "recording": (npy(EVENTS), "ends in 'no suffix'; expected one of"),
    "prophesee.hdf5": (b"\x89HDF\r\n", "ends in '.hdf5'; expected one of"),
}
BAD_FOR_FAERY = {
    "foreign.aedat4": (b"PK\3\4 a zip archive", "begins with.*not with b'#!AER-DAT4'"),
    "foreign.es": (b"Events, of a fair", "begins with.*not with b'Event Stream'"),
    "cut.aedat4": (b"#!AER-DAT4.0\r\n\xb4\x02", "can't be read: .*; record or copy"),
    "cut.es": (b"Event Stream\x02\x00", "can't be read: .*; record or copy"),
}


def test_there_are_forty_kinds_of_bad_input():
    assert len(BAD) >= 40


@pytest.mark.parametrize("name", BAD)
def test_bad_file_is_refused_with_its_name_the_place_and_what_to_do(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(BAD[name][0])
    refused = pytest.raises(ValueError, match=rf"(?s){name}.*{BAD[name][1]}")
    with refused:
        read_events(path)


@needs_faery
@pytest.mark.parametrize("name", BAD_FOR_FAERY)
def test_bad_file_of_a_camera_is_refused(name, tmp_path):
    test_bad_file = tmp_path / name
    test_bad_file.write_bytes(BAD_FOR_FAERY[name][0])
    with pytest.raises(ValueError, match=rf"(?s){name}.*{BAD_FOR_FAERY[name][1]}"):
        read_events(test_bad_file)


@needs_faery
@pytest.mark.parametrize("suffix", [".aedat4", ".es", ".raw", ".dat"])
def test_cut_file_of_a_camera_is_refused_or_ends_earlier(suffix, tmp_path):
    path = tmp_path / f"cut{suffix}"
    by_faery(path, EVENTS)
    content = path.read_bytes()
    for length in range(len(content) // 2, len(content), 37):
        path.write_bytes(content[:length])
        try:
            events = read_events(path)
        except ValueError as error:
            assert path.name in str(error)
        else:
            assert np.array_equal(events, EVENTS[: len(events)])


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*none.npy; name one"):
        read_events(tmp_path / "none.npy")
    with pytest.raises(ValueError, match="not a regular file"):
        read_events(tmp_path)


def test_missing_package_is_named_with_the_command_that_installs_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "faery", None)
    for suffix, start in ((".es", b"Event Stream"), (".aedat4", b"#!AER-DAT4.0")):
        (tmp_path / f"a{suffix}").write_bytes(start)
        with pytest.raises(ModuleNotFoundError, match=rf"a{suffix} needs .*: pip install faery"):
            read_events(tmp_path / f"a{suffix}")


def test_every_suffix_is_tried_here():
    tried = {name.rpartition(".")[2].lower() for name in [*PLAIN, *BAD, *BAD_FOR_FAERY]}
    assert {suffix[1:] for suffix in SUFFIXES} <= tried


def test_headers_of_savetxt_and_separators_at_the_ends_of_lines(tmp_path):
    events = some_events()
    columns = np.stack([events[name] for name in "txyp"], axis=1)
    path = tmp_path / "a.csv"
    for header, separator in (("t x y p", " "), ("t,x,y,p", ",")):
        np.savetxt(path, columns, header=header, delimiter=separator, fmt="%d")
        np.testing.assert_array_equal(read_events(path), events)
    path.write_bytes(csv(events).replace(b"\n", b",\n").replace(b"p,", b"p", 1))
    np.testing.assert_array_equal(read_events(path), events)


def test_lines_that_have_more_values_than_names_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("t,x,y,p\n100,3,4,1,0\n200,5,6,0,1\n")
    with pytest.raises(ValueError, match=r"a\.csv: its lines have more values than .* names"):
        read_events(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("t,T,x,y,p\n100,3,4,1,0\n")
    with pytest.raises(ValueError, match=r"b\.csv has names that differ in upper and lower case"):
        read_events(tmp_path / "b.csv")


def test_column_of_times_is_found_in_small_integers_too(tmp_path):
    t = np.linspace(-30_000, 32_000, 50).astype(np.int16)
    columns = np.stack([t, np.arange(50) % 7, np.arange(50) % 5, np.arange(50) % 2], axis=1)
    np.save(tmp_path / "a.npy", columns[:, [1, 2, 0, 3]].astype(np.int16))
    with pytest.raises(ValueError, match=r"the times seem to be in column 2, not in column 0"):
        read_events(tmp_path / "a.npy")
