"""Read event recordings from files, of NumPy, of text and of event cameras."""

import json
import os
import pickle
import re
import sys
import warnings
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from threading import Lock
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from pokersnn_helpers.checks import (
    SensorSize,
    check_events,
    check_memory,
    check_range,
    check_sensor_size,
    errors_in,
    refuse_values,
)
from pokersnn_helpers.recordings import make_events
from pokersnn_helpers.system.writing import StrPath

from .camera_files import (
    Decoded,
    read_aedat,
    read_bin,
    read_dat,
    read_raw,
)

ANY_SENSOR = (2**31, 2**31, 2)  # where a file doesn't say its own
MAX_SIDE = 2**15  # pixels: more than any camera has
MAX_GAP = 3_600_000_000  # µs between events: longer ones come from wild time stamps
# By suffix: how a file begins, and how many times its size its events take in memory.
FORMATS = {
    ".npy": (b"", 3),
    ".npz": (b"", 3),
    ".csv": (b"", 10),
    ".txt": (b"", 10),
    ".h5": (b"\x89HDF", 3),
    ".hdf5": (b"\x89HDF", 3),
    ".aedat": (b"", 12),
    ".raw": (b"%", 20),
    ".dat": (b"%", 12),
    ".bin": (b"", 20),
    ".aedat4": (b"#!AER-DAT4", 12),
    ".es": (b"Event Stream", 20),
}
CAMERA_READERS = {
    ".aedat": read_aedat,
    ".raw": read_raw,
    ".dat": read_dat,
    ".bin": read_bin,
}
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
ORDERS = ("txyp", "xypt", "xytp")  # of columns without names
# Events, what the file says of its sensor, and of itself.
Read = tuple[np.ndarray, tuple[int, ...] | None, Mapping[str, Any]]
FAERY_CHILDREN: dict[int, Any] = {}  # by the number of the process whose child it is: forks differ
FAERY_LOCK = Lock()  # one thread at a time asks a child


class EventFile(NamedTuple):
    """The events of a file, and the size of its sensor.

    Attributes:
        events: Structured array with fields t (µs), x, y and p.
        sensor_size: Width, height and polarities of the sensor; None if the file doesn't say.

    Example:
        >>> from pokersnn_helpers import EVENT_DTYPE
        >>> EventFile(np.zeros(3, EVENT_DTYPE), sensor_size=(346, 260, 2)).sensor_size
        (346, 260, 2)
    """

    events: np.ndarray
    sensor_size: SensorSize | None


class UncheckedFile(NamedTuple):
    """What a file holds, before its events are checked: all that it says of each, and of itself."""

    events: np.ndarray
    sensor_size: SensorSize | None
    about: Mapping[str, Any]  # by name, such as its class


def read_events(path: StrPath) -> np.ndarray:
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


def check_file(file: UncheckedFile, path: StrPath) -> EventFile:
    """Check what ``read_unchecked`` returned; returns and raises what ``read_event_file`` does."""
    events = check_events(file.events, file.sensor_size or ANY_SENSOR, str(path))
    t = events["t"]
    too_late = np.diff(t, prepend=t[0]) > MAX_GAP
    remedy = "more than an hour after the one before; leave it out, or cut the recording there"
    refuse_values(too_late, t, f"{path}: field t", remedy)
    t -= t[0]
    return EventFile(events, file.sensor_size)


def read_unchecked(path: StrPath) -> UncheckedFile:
    """Read a file as ``read_event_file`` does, but leave times, order and pixels as they are.

    Events have what else the file says of each, such as a label, as further fields.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}; name one that exists")
    if not path.is_file():
        raise FileNotFoundError(f"{path} is no regular file; name one with events")
    with errors_in(str(path)):
        suffix = _suffix(path)
        try:
            events, size, about = _decode(path, suffix)
        except (ValueError, ImportError):
            raise
        except Exception as error:  # what else is raised depends on where a file is damaged
            raise ValueError(
                f"it is damaged, or too large for the memory: {error}; copy it again, or cut it "
                "into parts"
            ) from error
        for side in size or ():
            check_range(1, MAX_SIDE, **{"a side of its sensor": side})
    polarities = events["p"]
    if polarities.dtype.kind in "if" and (abs(polarities) == 1).all():
        events["p"] = polarities > 0
    return UncheckedFile(events, check_sensor_size((*size, 2)[:3]) if size else None, about)


def may_hold_events(path: Path) -> bool:
    """Say whether a file is of a known format; as ``.txt``, only one that is a table of events."""
    suffix = path.suffix.lower()
    if suffix == ".txt":
        start = _first_lines(path)
        return start.line[:1].isdigit() or not _missing(start.names)
    return suffix in FORMATS


def read_class(path: Path) -> str | None:
    r"""Return the class that a file says: a CSV before its header, or the array "class" of an .npz.

    Example:
        >>> _ = Path("up.csv").write_text("# class: up!\nt,x,y,p\n0,3,5,1\n")
        >>> read_class(Path("up.csv"))
        'up!'
    """
    match path.suffix.lower():
        case ".csv" | ".txt":
            return _first_lines(path).comments.get("class")
        case ".npz":
            with suppress(Exception), np.load(path, allow_pickle=False) as arrays:
                if "class" in arrays and arrays["class"].ndim == 0:
                    return str(arrays["class"])
    return None


def smallest_sensor(events: np.ndarray) -> SensorSize:
    """Return width, height and polarities of the smallest sensor that holds all events."""
    width, height, polarities = (int(events[field].max()) + 1 for field in "xyp")
    return width, height, polarities


def _suffix(path: Path) -> str:
    """Return the suffix of a format that fits how the file begins, and that fits into memory."""
    with path.open("rb") as file:
        start = file.read(16)
    suffix = path.suffix.lower()
    if start.startswith(b"#!AER-DAT") and suffix in (".aedat", ".dat"):  # of DV, and of jAER
        suffix = ".aedat4" if start.startswith(b"#!AER-DAT4") else ".aedat"
    if suffix not in FORMATS:
        raise ValueError(f"it ends in {suffix!r}; export it to one of {', '.join(FORMATS)}")
    expected, memory = FORMATS[suffix]
    if not start.startswith(expected):
        raise ValueError(
            f"it begins with {start[:12]!r}, not with {expected!r}; give it the suffix of its "
            "format, or record it again"
        )
    check_memory(memory * path.stat().st_size)
    return suffix


def _decode(path: Path, suffix: str) -> Read:
    match suffix:
        case ".npy" | ".npz":
            return _read_numpy(path)
        case ".csv" | ".txt":
            return _read_csv(path)
        case ".h5" | ".hdf5":
            return _read_hdf5(path)
    if suffix in CAMERA_READERS:
        events, size = CAMERA_READERS[suffix](path.read_bytes())
    else:
        events, size = _read_by_faery(path, suffix)
    return events, size, {}


def _read_numpy(path: Path) -> Read:
    """Read a file of NumPy, ``.npy`` or ``.npz``.

    It holds one array, structured or of shape (events, 4) with columns t, x, y and p, as the files
    of POKER-DVS do; or arrays with these names, and perhaps ``sensor_size`` and others.
    """
    with path.open("rb") as file:
        loaded: Any = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            if file.read(1):
                raise ValueError(
                    "it goes on after its array, as if it were saved in portions; join them by "
                    "np.concatenate, or copy it again"
                )
            return _to_events(_columns(loaded))
        unzipped = sum(member.file_size for member in loaded.zip.infolist())
        check_memory(3 * unzipped)
        arrays = dict(loaded)
    tables = [name for name, array in arrays.items() if array.dtype.names or array.ndim == 2]
    if len(tables) == 1 and "t" not in map(_field, arrays):
        arrays |= _columns(arrays.pop(tables[0]))
    sensor = arrays.pop("sensor_size", np.empty(0))
    return _to_events(arrays, tuple(sensor.tolist()))


def _read_hdf5(path: Path) -> Read:
    """Read the events of an HDF5 file: an array as in NumPy's files, or arrays in a group."""
    import h5py  # which NIR needs, and no other file does

    with h5py.File(path) as file:
        events = _in_the_file(file, "events") if "events" in file else {}
        if isinstance(events, h5py.Dataset):
            check_memory(3 * events.nbytes)
            return _to_events(_columns(events[()]))
        contents = {name: _in_the_file(events, name) for name in events}
        columns = {name: data for name, data in contents.items() if isinstance(data, h5py.Dataset)}
        check_memory(3 * sum(column.nbytes for column in columns.values()))
        return _to_events({name: column[()] for name, column in columns.items()})


def _in_the_file(group: Any, name: str) -> Any:
    """Return what a group of an HDF5 file holds; what lies elsewhere may be anything, or a pipe."""
    import h5py

    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{name} is a link; copy what it leads to into the file")
    content = group[name]
    if isinstance(content, h5py.Dataset) and (content.is_virtual or content.external):
        raise ValueError(f"the numbers of {name} are in other files; copy them into this one")
    return content


def _columns(array: np.ndarray) -> dict[str, np.ndarray]:
    """Return the fields of an array, or four columns by their names."""
    if array.dtype.names:
        return {name: array[name] for name in array.dtype.names}
    if array.shape[1:] != (4,):
        raise ValueError(f"its shape is {array.shape}, not (events, 4); give columns t, x, y, p")
    return dict(zip(_order(array), array.T, strict=True))


def _order(array: np.ndarray) -> str:
    """Return in which order four columns without names are, by what they hold.

    Times are sorted and rise the most; pixels are whole; polarities are 0, 1 or −1. Where times
    aren't sorted, the columns are taken for t, x, y and p.
    """
    first = array[:100_000]
    orders = [order for order in ORDERS if _fits(dict(zip(order, first.T, strict=True)))]
    if not orders and not _may_be_polarities(first[:, 3]):
        raise ValueError("its columns have no names, and don't seem to be t, x, y, p; name them")
    rise = (first[-1:] - first[:1].astype(float)).sum(axis=0)  # 0 without events
    order = max(orders, key=lambda order: rise[order.index("t")], default=ORDERS[0])
    if order == "xytp":
        warnings.warn(
            "columns without names seem to be x, y, t, p, in Tonic's order; name them, if they are "
            "others",
            stacklevel=2,
        )
    return order


def _fits(columns: dict[str, np.ndarray]) -> bool:
    """Say whether columns may be of events, sorted by time."""
    is_sorted = (columns["t"][1:] >= columns["t"][:-1]).all()
    pixels = np.stack([columns["x"], columns["y"]])
    has_pixels = ((pixels % 1 == 0) & (pixels >= 0) & (pixels < MAX_SIDE)).all()
    return bool(is_sorted and has_pixels and _may_be_polarities(columns["p"]))


def _may_be_polarities(column: np.ndarray) -> bool:
    return bool(np.isin(column, (-1, 0, 1)).all())


class FirstLines(NamedTuple):
    """How a text with a table begins.

    Attributes:
        comments: What lines before it say that begin with "#", by name.
        line: The line after them: a header, or the first numbers.
        separator: What stands between columns.
        names: Those of the columns; none without a header.
        first: In which line numbers begin, from 0.
    """

    comments: dict[str, str]
    line: str
    separator: str
    names: list[str]
    first: int


def _first_lines(path: Path) -> FirstLines:
    """Read how a text begins. Its header may be the last comment, as savetxt writes it."""
    comments = []
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        while (line := file.readline(1000)).startswith("#"):
            comments.append(line)
    separator = next((sign for sign in ",;\t" if sign in line), r"\s+")
    is_header = not re.match(r"[-+.]?\d", line)
    header = line if is_header else "".join(comments[-1:])
    names = re.split(separator, header.strip("# \r\n"))
    if not is_header and _missing(names):
        names = []
    said = dict(COMMENT.findall("".join(comments)))
    return FirstLines(said, line, separator, names, len(comments) + is_header)


def _read_csv(path: Path) -> Read:
    """Read a table under a header, or without one where the numbers tell which is which."""
    about, _, separator, names, first = _first_lines(path)
    table, numbers = _read_table(path, sep=separator, names=names or None, skiprows=first)
    if not names:
        if table.shape[1] != 4:
            raise ValueError(f"it has {table.shape[1]} columns without a header; write one")
        table.columns = numbers.columns = [*_order(numbers.to_numpy())]
    for field, name in _fields(table).items():
        is_wrong = numbers[name].isna()
        if is_wrong.any():
            row = is_wrong.argmax()
            cell = f"line {row + first + 1}: {field} is {table[name][row]}"
            raise ValueError(f"{cell}; write a number, or leave the line out")
        table[name] = numbers[name]
    if not names:
        microseconds = 1e6 * table["t"]
        if is_whole(microseconds) and not is_whole(1e-3 * microseconds):
            table["t"] = microseconds.round()
    sides = re.findall(r"-?\d+", about.pop("sensor_size", ""))
    return _to_events(table, tuple(map(int, sides)), about)


def _read_table(path: Path, **options: Any) -> tuple[Any, Any]:
    """Read a table without its empty columns, and return it also as numbers, NaN for other text."""
    import pandas as pd  # which takes a second to import

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # of more values than names
            table = pd.read_csv(
                path, header=None, index_col=False, skipinitialspace=True, **options
            )
    except Exception as error:  # what pandas raises depends on what it finds
        raise ValueError(f"no table: {error}; write a header that names all columns") from error
    if len(table):
        table = table.dropna(axis="columns", how="all")
    return table, table.apply(pd.to_numeric, errors="coerce")


def is_whole(times: np.ndarray) -> bool:
    """Say whether times are whole numbers, but for what a float of seconds since 1970 loses.

    Example:
        >>> is_whole(np.array([0.1, 0.9, 2])), is_whole(np.array([0.5]))
        (True, False)
    """
    return np.allclose(times, np.rint(times), rtol=0, atol=0.25)


def _field(name: str) -> str | None:
    """Return which of t, x, y and p has a name in a file."""
    return FIELD_NAMES.get(name.strip("\"' #").lower())


def _fields(columns: Any) -> dict[str, str]:
    """Return by which of the usual names the columns t, x, y and p go."""
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
    """Return which of t, x, y and p no column goes by."""
    known = {*map(_field, names)}
    return [field for field in "txyp" if field not in known]


def _to_events(
    columns: Any, sensor_size: tuple[int, ...] = (), about: Mapping[str, Any] = MappingProxyType({})
) -> Read:
    """Put columns, and others that are as long, into a structured array, in their own types."""
    arrays = {name: np.asarray(column) for name, column in columns.items()}
    events = {}
    for field, name in _fields(columns).items():
        array = arrays.pop(name)
        if array.dtype.kind not in "biuf" or array.ndim != 1:
            raise ValueError(f"{field} is an array {array.shape} of {array.dtype}; give numbers")
        events[field] = array
    others = dict(about)
    for name, array in arrays.items():
        is_of_events = array.shape == events["t"].shape
        (events if is_of_events else others)[name] = array
    table = np.rec.fromarrays(list(events.values()), names=list(events))  # type: ignore[call-overload]
    return table, sensor_size, others


def _read_by_faery(path: Path, suffix: str) -> Decoded:
    if find_spec("faery") is None:
        raise ModuleNotFoundError(f"{path} needs faery: pip install faery")
    file_type = "es" if suffix == ".es" else "aedat"
    request = json.dumps([file_type, str(path.absolute())])
    with FAERY_LOCK:
        child = _faery_child()
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
    columns = [events[field] for field in "txyp"]
    return make_events(*columns), size


def _faery_child() -> Any:
    """Return the process that reads files for this one, and ends with it."""
    child = FAERY_CHILDREN.get(os.getpid())
    if child is None or child.poll() is not None:
        child = Popen(
            [sys.executable, "-m", f"{__package__}.faery_child"],
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C is for this one
        )
        FAERY_CHILDREN[os.getpid()] = child
    return child
