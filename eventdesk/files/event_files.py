"""Read event recordings from files, of NumPy, of text and of event cameras.

A reader of a format takes a file that is open to be read, a regular one that fits into the memory,
and returns an ``EventFile``: a structured array with t, x, y and p as they stand in the file,
in its order and types, with whatever else the file says of each event; the sides of the sensor, if
the file says them; and what it says of itself, by name. If the file can't be used, the reader says
why in a ``ValueError`` without the file's name, which ``read_unchecked`` adds; ``check_file`` looks
at times and pixels, for all formats alike. To add a format, write such a reader and a line of
``FORMATS``.
"""

import io
import json
import os
import pickle
import re
import sys
import threading
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from types import MappingProxyType
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy import ndarray

from pokersnn_helpers.events.recordings import make_events
from pokersnn_helpers.system.checks import (
    check_events,
    check_range,
    check_sensor_size,
    errors_in,
    refuse_values,
)
from pokersnn_helpers.system.reading import check_hdf5, check_memory, open_input
from pokersnn_helpers.system.warn import warn
from pokersnn_helpers.system.writing import StrPath

from . import faery_child
from .camera_files import Decoded, read_aedat, read_bin, read_dat, read_raw

ANY_SENSOR = (2**30, 2**30, 2)  # where a file doesn't say its own: pixels are numbered in 63 bits
MAX_SIDE = 2**15  # pixels: more than any camera has
MAX_GAP = 3_600_000_000  # µs between events: longer ones come from wild time stamps
RESTARTS = 0.01  # of the events, at most: where more fall far back, they are unsorted
FIELD_NAMES = {  # by the names that files have for them
    "t": "t",
    "ts": "t",
    "time": "t",
    "timestamp": "t",
    "timestamps": "t",
    "x": "x",
    "y": "y",
    "p": "p",
    "pol": "p",
    "polarity": "p",
    "polarities": "p",
    "on": "p",
}
COMMENT = re.compile(r"# *(\w+): *(.*?) *\n")  # in a CSV before its header, as "# class: up!"
NUMBERS = re.compile(r"\s*([-+.\de]+[,;\s]+){3,}([-+.\de]+\s*)?")  # a line of four or more
ORDERS = ("txyp", "xypt", "xytp")  # of columns without names
MAX_LINE = 1000  # letters: longer ones are no header


class EventFile(NamedTuple):
    """The events of a file, and the size of its sensor.

    Attributes:
        events: Structured array with fields t (µs), x, y and p.
        sensor_size: Width, height and polarities of the sensor; None if the file doesn't say.
        about: What else the file says of itself, by name, such as its class.

    Example:
        >>> from pokersnn_helpers import EVENT_DTYPE
        >>> EventFile(np.zeros(3, EVENT_DTYPE), sensor_size=(346, 260, 2)).sensor_size
        (346, 260, 2)
    """

    events: ndarray
    sensor_size: Any = None
    about: Any = MappingProxyType({})


class Format(NamedTuple):
    """A kind of file, which its suffix names."""

    start: bytes  # how it begins
    memory: int  # times its size that its events take at most: a word of two bytes can be an event
    read: Callable[[BinaryIO], EventFile]


def read_events(path: StrPath) -> ndarray:
    r"""Read the events of a file of any kind that ``read_event_file`` can read.

    It raises the same errors as ``read_event_file``.

    Returns:
        Structured array with fields t (µs, the first at 0), x, y and p (1 ON, 0 OFF).

    Example:
        >>> text = "x,y,p,t\n3,4,1,1000\n5,4,0,1250\n"
        >>> _ = Path("two.csv").write_text(text)
        >>> read_events("two.csv")["t"]
        array([  0, 250])
    """
    return read_event_file(path).events


def read_event_file(path: StrPath) -> EventFile:
    r"""Read a file with events, and check them.

    Args:
        path: The file, whose suffix says of which kind it is:

            - ``.npy``: a structured array, or columns t, x, y and p
            - ``.npz``: such an array, or arrays t, x, y and p
            - ``.h5`` and ``.hdf5``: either of these under the name events, and no links
            - ``.csv`` and ``.txt``: numbers, separated by commas, semicolons, tabs or spaces, under
              a header with t, x, y and p, or without one where the numbers tell which is which
              (times with fractions are then in s)
            - ``.aedat``: AEDAT 1 to 3 of a DVS128 or a DAVIS, or AEDAT 4
            - ``.raw`` and ``.dat``: files of Prophesee, EVT 2 to 3
            - ``.bin``: files like those of N-MNIST
            - ``.aedat4`` and ``.es``: files that the package faery reads (``pip install faery``)

            Fields may also be called timestamp, polarity and the like.

    Returns:
        The events, whose times count from the first one, and the sensor. Polarities of 1 and −1
        become 1 and 0.

    Raises:
        FileNotFoundError: There is no such file.
        ModuleNotFoundError: Only faery can read the file, and it isn't installed.
        ValueError: The file holds something else, no events, or events out of order, of another
            sensor or more than an hour apart, or is damaged or too large for the memory. The
            message names the file and the place, and says what to do.

    Example:
        >>> _ = Path("one.csv").write_text("x,y,p,t\n3,4,1,1000\n")
        >>> read_event_file("one.csv").sensor_size is None  # a table of numbers doesn't say it
        True
    """
    return check_file(read_unchecked(path), path)


def check_file(file: EventFile, path: StrPath) -> EventFile:
    """Check the times and pixels of a file, as ``read_event_file`` describes."""
    events = check_events(file.events, file.sensor_size or ANY_SENSOR, path)
    t = events["t"]
    too_late = np.diff(t, prepend=t[0]) > MAX_GAP
    remedy = "more than an hour after the one before; leave it out, or cut the recording there"
    refuse_values(too_late, t, f"{path}: field t", remedy)
    t -= t[0]
    return file._replace(events=events)


def read_unchecked(path: StrPath) -> EventFile:
    """Read a file as ``read_event_file`` does, but leave times, order and pixels as they are.

    Whatever else the file says of each event, such as a label, is a further field.
    """
    with open_input(path) as file, errors_in(path):
        try:
            events, size, about = _format(file).read(file)
        except (ValueError, ImportError) as error:
            if "allow_pickle" in str(error):  # NumPy's advice is to run what the file holds
                raise ValueError(
                    "it is damaged, or holds objects of Python, not numbers alone; copy it again, "
                    "or save an array of numbers"
                ) from error
            raise
        except Exception as error:  # what else is raised depends on where a file is damaged
            raise ValueError(
                f"it is damaged, or too large for the memory: {error}; copy it again, or cut it "
                "into parts"
            ) from error
        if size:
            for side in size:
                check_range(1, MAX_SIDE, **{"a side of its sensor": side})
            size = check_sensor_size((*size, 2)[:3])
    _warn_of_rounded(events["t"], path)
    polarities = events["p"]
    if polarities.dtype.kind in "if" and (abs(polarities) == 1).all():
        events["p"] = polarities > 0
    return EventFile(events, size or None, about)


def _warn_of_rounded(times: ndarray, path: StrPath) -> None:
    """Warn of times in a type that holds fewer digits than they have."""
    if times.dtype.kind == "f" and times.dtype.itemsize < 8 and len(times):
        step = np.spacing(np.abs(times).max())
        if step > 1:
            warn(
                f"{path}: its times are {times.dtype}, which rounds them to multiples of {step:g}; "
                "save them as int64"
            )


def find_restarts(times: ndarray) -> ndarray:
    """Say at which events a clock began anew: there, time falls by more than half of its run.

    Where it falls so at more than one event in a hundred, the events are unsorted, and the clock
    never began anew.

    Example:
        >>> find_restarts(np.array([*range(100), *range(100)])).nonzero()
        (array([100]),)
    """
    times = times.astype(float)
    steps = np.diff(times, prepend=times[:1])
    had_run = times - steps - times[:1]
    restarts = (steps < 0) & (-2 * steps > had_run)
    return restarts & (restarts.sum() <= RESTARTS * len(times))


def may_hold_events(path: Path) -> bool:
    """Say whether a file is of a known format; as ``.txt``, only one that is a table of events."""
    suffix = path.suffix.lower()
    if suffix == ".txt":
        with open_input(path) as file:
            start = _first_lines(file)
        return bool(NUMBERS.fullmatch(start.line)) or not _missing(start.names)
    return suffix in FORMATS


def read_class(path: Path) -> str | None:
    r"""Return the class that a file names: in a CSV's comment, or in an .npz's array "class".

    Example:
        >>> _ = Path("up.csv").write_text("# class: up!\nt,x,y,p\n0,3,5,1\n")
        >>> read_class(Path("up.csv"))
        'up!'
    """
    match path.suffix.lower():
        case ".csv" | ".txt":
            with open_input(path) as file:
                return _first_lines(file).comments.get("class")
        case ".npz":
            with suppress(Exception), open_input(path) as file:
                name = np.load(file, allow_pickle=False)["class"]
                if name.size == 1:
                    told = name.item()
                    return told.decode() if isinstance(told, bytes) else str(told)
    return None


def _format(file: BinaryIO) -> Format:
    """Return the format that a file's suffix names; refuse other content, and too large a file."""
    start = file.read(16)
    file.seek(0)
    suffix = Path(file.name).suffix.lower()
    if start.startswith(b"#!AER-DAT") and suffix in (".aedat", ".dat"):  # of DV, and of jAER
        suffix = ".aedat4" if start.startswith(b"#!AER-DAT4") else ".aedat"
    if suffix not in FORMATS:
        raise ValueError(f"it ends in {suffix!r}; export it to one of {', '.join(FORMATS)}")
    found = FORMATS[suffix]
    if not start.startswith(found.start):
        raise ValueError(
            f"it begins with {start[:12]!r}, not with {found.start!r}; give it the suffix of its "
            "format, or copy it again"
        )
    check_memory(found.memory * os.fstat(file.fileno()).st_size)
    return found


def _read_npy(file: BinaryIO) -> EventFile:
    """Read an array, as the files of POKER-DVS are."""
    array = np.lib.format.read_array(file, allow_pickle=False)
    if file.read(1):
        raise ValueError(
            "it goes on after its array, as if it were saved in portions; join them by "
            "np.concatenate, or copy it again"
        )
    return _of_arrays({"an array": array})


def _read_npz(file: BinaryIO) -> EventFile:
    loaded = np.load(file, allow_pickle=False)
    check_memory(3 * sum(member.file_size for member in loaded.zip.infolist()))
    names = loaded.zip.namelist()
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"it holds {', '.join(twice)} more than once; save it again")
    return _of_arrays(dict(loaded))


def _read_hdf5(file: BinaryIO) -> EventFile:
    """Read what an HDF5 file calls events: an array as in NumPy's files, or arrays in a group."""
    import h5py

    with h5py.File(file) as content:
        check_hdf5(content)
        events = content.get("events", {})
        group = {"events": events} if isinstance(events, h5py.Dataset) else events
        columns = {name: data for name, data in group.items() if isinstance(data, h5py.Dataset)}
        for data in columns.values():
            check_filters(data)
        check_memory(3 * sum(data.nbytes for data in columns.values()))
        return _of_arrays({name: data[()] for name, data in columns.items()})


def check_filters(data: Any) -> None:
    """Refuse an array of HDF5 whose compression isn't installed, such as Blosc's of DSEC."""
    import h5py

    with suppress(ImportError):
        import hdf5plugin  # noqa: F401, which registers what it brings
    settings = data.id.get_create_plist()
    for position in range(settings.get_nfilters()):
        number, _, _, name = settings.get_filter(position)
        if not h5py.h5z.filter_avail(number):
            called = name.decode() or "no name"
            raise ValueError(
                f"{data.name} is compressed by filter {number} ({called}), which isn't installed; "
                "pip install hdf5plugin brings Blosc and others"
            )


def _of_arrays(arrays: dict[str, ndarray]) -> EventFile:
    """Find the events among arrays, which are t, x, y and p, or a table of these.

    A table is structured, or of shape (events, 4). ``sensor_size`` and other arrays may stand
    beside.
    """
    tables = [name for name, array in arrays.items() if array.dtype.names or array.ndim == 2]
    if len(tables) == 1 and "t" not in map(_field, arrays):
        table = arrays.pop(tables[0])
        arrays.update(_columns(table))
    sensor = arrays.pop("sensor_size", np.empty(0))
    return _to_events(arrays, sensor.tolist(), {})


def _columns(array: ndarray) -> dict[str, ndarray]:
    """Return the fields of an array, or four columns by their names."""
    if array.dtype.names:
        return {name: array[name] for name in array.dtype.names}
    if array.shape[1:] != (4,):
        raise ValueError(f"its shape is {array.shape}, not (events, 4); give columns t, x, y, p")
    return dict(zip(_order(array), array.T, strict=True))


def _order(array: ndarray) -> str:
    """Return the order of four columns without names, such as "txyp", by what they hold.

    Times are sorted and rise the most; pixels are whole; polarities are 0, 1 or −1. Where times
    aren't sorted, the columns are taken for t, x, y and p.
    """
    first = array[:100_000]
    orders = [order for order in ORDERS if _fits(dict(zip(order, first.T, strict=True)))]
    if not orders and not _may_be_polarities(first[:, 3]):
        raise ValueError("its columns have no names, and don't seem to be t, x, y, p; name them")
    rise = (first[-1:] - first[:1].astype(float)).sum(axis=0)  # 0 without events
    order = max(orders, key=lambda order: rise[order.index("t")], default="txyp")
    others = [", ".join(other) for other in orders if other != order]
    if others and len(first) > 1 and order != "xytp":
        warn(
            f"columns without names are taken for {', '.join(order)}, but may be "
            f"{' or '.join(others)}; name them"
        )
    if order == "xytp":
        warn(
            "columns without names seem to be x, y, t, p, in Tonic's order; name them, if they are "
            "others"
        )
    return order


def _fits(columns: dict[str, ndarray]) -> bool:
    """Say whether columns may hold events, sorted by time."""
    is_sorted = (columns["t"][1:] >= columns["t"][:-1]).all()
    pixels = np.stack([columns["x"], columns["y"]])
    has_pixels = ((pixels % 1 == 0) & (pixels >= 0) & (pixels < MAX_SIDE)).all()
    return bool(is_sorted and has_pixels and _may_be_polarities(columns["p"]))


def _may_be_polarities(column: ndarray) -> bool:
    return bool(np.isin(column, (-1, 0, 1)).all())


class FirstLines(NamedTuple):
    """How a text with a table begins.

    Attributes:
        comments: What the first lines, if they begin with "#", say, by name.
        line: The line after these: a header, or the first numbers.
        separator: What stands between columns, as a regular expression.
        names: The names of the columns; none without a header.
        first: The number of the line in which the table's numbers begin, from 0.
    """

    comments: dict[str, str]
    line: str
    separator: str
    names: list[str]
    first: int


def _first_lines(file: BinaryIO) -> FirstLines:
    """Read how a text begins, and go back. Its header may be the last comment, as of savetxt."""
    comments = []
    lines = _text(file)
    while (line := lines.readline(MAX_LINE)).startswith("#") or line.isspace():
        comments.append(line)
        while len(line) == MAX_LINE and not line.endswith("\n"):  # a long comment goes on
            line = lines.readline(MAX_LINE)
    lines.detach()  # or else the file would be closed with it
    file.seek(0)
    separator = next((sign for sign in ",;\t" if sign in line), r"\s+")
    is_header = not re.match(r"[-+.]?\d", line)
    header = line if is_header else "".join(comments[-1:])
    names = re.split(separator, header.strip("# \r\n"))
    if not is_header and _missing(names):
        names = []
    said = dict(COMMENT.findall("".join(comments)))
    return FirstLines(said, line, separator, names, len(comments) + is_header)


def _text(file: BinaryIO) -> io.TextIOWrapper:
    return io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace")


def _read_csv(file: BinaryIO) -> EventFile:
    """Read a table; its columns are told by their names, or else by their numbers."""
    start = _first_lines(file)
    table = _read_table(file, start)
    if start.names:
        fields = _fields(table)
    else:
        fields = {f"column {number}": name for number, name in enumerate(table, 1)}
    if len(fields) != 4:
        raise ValueError(f"it has {len(fields)} columns without a header; write one")
    for field, name in fields.items():
        table[name] = _numbers(file, start, field, table[name])
    if not start.names:
        table.columns = [*_order(table.to_numpy())]
        microseconds = 1e6 * table["t"]
        if is_whole(microseconds) and not is_whole(1e-3 * microseconds):  # they are in s
            table["t"] = microseconds.round()
    about = start.comments
    sides = re.findall(r"-?\d+", about.pop("sensor_size", ""))
    return _to_events(table, tuple(map(int, sides)), about)


def _read_table(file: BinaryIO, start: FirstLines) -> Any:
    """Read a table without its empty columns."""
    import pandas as pd  # which takes a second to import

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # of more values than names
            table = pd.read_csv(
                file,
                sep=start.separator,
                names=start.names or None,
                skiprows=start.first,
                header=None,
                index_col=False,
                skipinitialspace=True,
            )
    except Exception as error:  # what pandas raises depends on what it finds
        raise ValueError(f"no table: {error}; write a header that names all columns") from error
    return table.dropna(axis="columns", how="all") if len(table) else table


def _numbers(file: BinaryIO, start: FirstLines, what: str, column: Any) -> Any:
    """Return a column as numbers, or say in which line there is none."""
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce")
    is_wrong = numbers.isna()
    if is_wrong.any():
        row = int(is_wrong.argmax())
        file.seek(0)
        lines = enumerate(_text(file), 1)  # of which pandas leaves out those that are empty
        filled = [line for line, text in lines if line > start.first and text.strip(" \r\n")]
        raise ValueError(
            f"line {filled[row]}: {what} is {column[row]}; write a number, or leave the line out"
        )
    return numbers


def is_whole(times: ndarray) -> bool:
    """Say whether times are whole numbers, but for what a float of seconds since 1970 loses.

    Example:
        >>> is_whole(np.array([0.1, 0.9, 2])), is_whole(np.array([0.5]))
        (True, False)
    """
    return np.allclose(times, np.rint(times), rtol=0, atol=0.25)


def _field(name: str) -> str | None:
    """Return which of t, x, y and p a column's name stands for, if any."""
    return FIELD_NAMES.get(name.strip("\"' #").lower())


def _fields(columns: Any) -> dict[str, str]:
    """Return the names of the columns that hold t, x, y and p."""
    names: dict[str, str] = {}
    for name in columns:
        field = _field(name)
        if field in names:
            raise ValueError(f"{names[field]} and {name} may both be {field}; rename one of them")
        if field:
            names[field] = name
    missing = _missing(columns)
    if missing:
        raise ValueError(
            f"it holds {', '.join(columns) or 'nothing'}, not {', '.join(missing)}; call them t, "
            "x, y and p, in CSV in the first line"
        )
    return names


def _missing(names: Iterable[str]) -> list[str]:
    """Return which of t, x, y and p none of these names stands for."""
    known = {*map(_field, names)}
    return [field for field in "txyp" if field not in known]


def _to_events(columns: Any, sensor_size: Any, about: dict[str, Any]) -> EventFile:
    """Put t, x, y and p into a structured array, with all other arrays of the same length.

    They keep their types. Arrays of another length say something about the file, not the events.
    """
    arrays = {name: np.asarray(column) for name, column in columns.items()}
    events = {field: arrays.pop(name) for field, name in _fields(columns).items()}
    for field, array in events.items():
        if array.dtype.kind not in "biuf" or array.ndim != 1:
            raise ValueError(f"{field} is an array {array.shape} of {array.dtype}; give numbers")
    for name, array in arrays.items():
        if array.shape == events["t"].shape:
            events[name] = array
        else:
            about[name] = array
    table = np.rec.fromarrays(list(events.values()), names=list(events))  # type: ignore[call-overload]
    return EventFile(table, sensor_size, about)


def _of_bytes(decode: Callable[[bytes], Decoded]) -> Callable[[BinaryIO], EventFile]:
    """Return a reader of a file that ``decode`` decodes."""
    return lambda file: EventFile(*decode(file.read()))


def _read_es(file: BinaryIO) -> EventFile:
    from .word_loops import es_ends_within_an_event

    events = _read_by_faery(file)
    if es_ends_within_an_event(np.frombuffer(file.read(), np.uint8)):
        raise ValueError("it ends within an event; copy it again, or export it")
    return events


def _read_by_faery(file: BinaryIO) -> EventFile:
    path = Path(file.name).absolute()
    if find_spec("faery") is None:
        raise ModuleNotFoundError(f"{file.name} needs faery: pip install faery")
    file_type = "es" if path.suffix.lower() == ".es" else "aedat"
    request = json.dumps([file_type, str(path)])
    child = FAERY.child()
    try:
        child.stdin.write(request.encode() + b"\n")
        child.stdin.flush()
        answer = pickle.load(child.stdout)
    except BaseException as error:  # it has ended, or Ctrl-C comes within its answer
        child.kill()
        child.wait()
        if not isinstance(error, Exception):
            raise
        answer = "faery fails, or takes too much time or memory"
    if isinstance(answer, str):
        if "unsupported type" in answer:
            raise ValueError(f"{answer}; export its changes of light (DVS) alone")
        raise ValueError(f"the file is damaged: {answer}; copy it again, or export it")
    events, size = answer
    return EventFile(make_events(*(events[field] for field in "txyp")), size)


class Faery(threading.local):
    """A process for each thread, which reads by faery: with a lock, a fork could wait for ever."""

    process: Any = None
    parent = 0  # the process that started it: a fork needs its own

    def child(self) -> Any:
        """Return the process that reads files for this thread, and ends with it."""
        if self.parent == os.getpid() and self.process.poll() is None:
            return self.process
        self.parent = os.getpid()
        self.process = Popen(
            # By its file and with -P, so that no folder of recordings is where Python looks first.
            [sys.executable, "-P", faery_child.__file__],
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            cwd=Path(faery_child.__file__).parent,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C is for this one
        )
        return self.process


FAERY = Faery()


FORMATS = {
    ".npy": Format(b"\x93NUMPY", 3, _read_npy),
    ".npz": Format(b"PK", 3, _read_npz),
    ".csv": Format(b"", 10, _read_csv),
    ".txt": Format(b"", 10, _read_csv),
    ".h5": Format(b"\x89HDF", 3, _read_hdf5),
    ".hdf5": Format(b"\x89HDF", 3, _read_hdf5),
    ".aedat": Format(b"", 12, _of_bytes(read_aedat)),
    ".raw": Format(b"%", 20, _of_bytes(read_raw)),
    ".dat": Format(b"%", 12, _of_bytes(read_dat)),
    ".bin": Format(b"", 20, _of_bytes(read_bin)),
    ".aedat4": Format(b"#!AER-DAT4", 12, _read_by_faery),
    ".es": Format(b"Event Stream", 20, _read_es),
}
