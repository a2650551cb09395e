"""Read event recordings from files, of NumPy, of text and of event cameras."""

import json
import os
import pickle
import re
import sys
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from threading import Lock
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ..checks import check_events, check_sensor_size, errors_in
from .camera_files import Found, make_events, read_aedat, read_bin, read_dat, read_raw

ANY_SENSOR = (2**31, 2**31, 2)  # where a file doesn't say its own
WIDEST = 2**15  # pixels: more than any camera has
PAUSE = 3_600_000_000  # µs between events, of which the longer ones come from wild time stamps
NAMES = {  # that files have for the fields
    "t": ("t", "ts", "time", "timestamp", "timestamps"),
    "x": ("x",),
    "y": ("y",),
    "p": ("p", "pol", "polarity", "polarities", "on"),
}


class EventFile(NamedTuple):
    """What a file holds.

    Attributes:
        events: Structured array with fields t (µs), x, y and p.
        sensor_size: Width, height and polarities of the sensor; None where the file doesn't say.

    Example:
        >>> from pokersnn_helpers import EVENT_DTYPE
        >>> EventFile(np.zeros(3, EVENT_DTYPE), sensor_size=(346, 260, 2)).sensor_size
        (346, 260, 2)
    """

    events: np.ndarray
    sensor_size: tuple[int, int, int] | None


def read_events(path: str | PathLike[str]) -> np.ndarray:
    r"""Read the events of a file; ``read_event_file`` says which files, and raises the same.

    Returns:
        Structured array with fields t (µs, the first at 0), x, y and p (1 ON, 0 OFF).

    Example:
        >>> text = "x,y,p,t\n3,4,1,1000\n5,4,0,1250\n"
        >>> _ = Path("two.csv").write_text(text)
        >>> read_events("two.csv")["t"]
        array([  0, 250])
    """
    return read_event_file(path).events


def read_event_file(path: str | PathLike[str]) -> EventFile:
    r"""Read a file with events, and check them.

    Args:
        path: Its suffix says what it is. ``.npy``: a structured array, or columns t, x, y and p.
            ``.npz``: such an array, or arrays t, x, y and p. ``.csv``: a header with t, x, y and p,
            and then numbers, separated by commas, semicolons, tabs or spaces. ``.aedat``: AEDAT 1
            to 3 of a DVS128 or a DAVIS, or AEDAT 4. ``.raw`` and ``.dat``: of Prophesee, EVT 2 to
            3. ``.bin``: as of N-MNIST. ``.aedat4`` and ``.es`` need the package faery. Fields may
            also be called timestamp, polarity and the like.

    Returns:
        Events, whose times count from the first, and the sensor. Polarities of 1 and −1 become 1
        and 0.

    Raises:
        FileNotFoundError: There is no such file.
        ModuleNotFoundError: It needs faery, which isn't installed.
        TypeError: The path is no text and no ``Path``.
        ValueError: It holds something else, no events, or events out of order, of another sensor or
            more than an hour apart, or is damaged or too large for the memory; the message names
            the file, the place and what to do.

    Example:
        >>> _ = Path("one.csv").write_text("x,y,p,t\n3,4,1,1000\n")
        >>> read_event_file("one.csv").sensor_size is None  # a table of numbers doesn't say it
        True
    """
    file = read_unchecked(path)
    try:
        events = check_events(file.events, file.sensor_size or ANY_SENSOR, str(path))
    except TypeError as error:
        raise ValueError(str(error)) from error
    if len(wild := np.flatnonzero(np.diff(events["t"]) > PAUSE) + 1):
        found = f"{path}: field t is {events['t'][wild[0]]} at event {wild[0]}"
        reason = "more than an hour after the event before"
        raise ValueError(f"{found}, {reason}; leave it out, or cut the recording there")
    events["t"] -= events["t"][0]
    return file._replace(events=events)


def read_unchecked(path: str | PathLike[str]) -> EventFile:
    """Read a file as ``read_event_file`` does, but leave times, order and pixels as they are."""
    if not isinstance(path, (str, PathLike)):
        raise TypeError(f"path is {path!r:.80}; give the name of a file, as text or a Path")
    if not (path := Path(path)).is_file():
        raise FileNotFoundError(f"there is no file {path}; name one that exists")
    with errors_in(str(path)):
        with path.open("rb") as file:
            start = file.read(16)
        suffix = path.suffix.lower()
        if start.startswith(b"#!AER-DAT") and suffix in (".aedat", ".dat"):  # of DV, and of jAER
            suffix = ".aedat4" if start.startswith(b"#!AER-DAT4") else ".aedat"
        if suffix not in FORMATS:
            raise ValueError(f"it ends in {suffix!r}; export it to one of {', '.join(FORMATS)}")
        if not start:
            raise ValueError("it is empty, 0 bytes; record or copy it again")
        expected, memory, read = FORMATS[suffix]
        if not start.startswith(expected):
            found = f"it begins with {start[:12]!r}, not with {expected!r}"
            raise ValueError(f"{found}; give it the suffix of its format, or record it again")
        _check_memory(path.stat().st_size, memory)
        try:
            events, sensor_size = read(path)
        except (ValueError, OSError, ImportError):
            raise
        except Exception as error:  # what else is raised depends on where a file is damaged
            wrong = f"it is damaged, or too large for the memory: {error}"
            raise ValueError(f"{wrong}; copy it again, or cut it into parts") from error
        if sensor_size and not all(0 < side <= WIDEST for side in sensor_size[:2]):
            said = f"it says that its sensor has {sensor_size[0]} × {sensor_size[1]} pixels"
            raise ValueError(f"{said}, no camera's; mend its header, or record it again")
        if events["p"].dtype.kind in "if" and (abs(events["p"]) == 1).all():
            events["p"] = events["p"] > 0
    return EventFile(events, sensor_size)


def _check_memory(size: int, times: int) -> None:
    """Refuse a file whose events take more memory than is free, where the system says it."""
    about = Path("/proc/meminfo")  # on Linux
    said = re.search(r"MemAvailable: *(\d+)", about.read_text() if about.exists() else "")
    if said and times * size > (free := 1024 * int(said[1])):
        needs = f"its {size / 1e9:.4g} GB need about {times * size / 1e9:.4g} GB of memory"
        raise ValueError(f"{needs}, and {free / 1e9:.4g} are free; cut the recording into parts")


def read_numpy(file: Path | BinaryIO) -> Found:
    """Read a file of NumPy, ``.npy`` or ``.npz``.

    It holds one array, structured or of shape (events, 4) with columns t, x, y and p, as the files
    of POKER-DVS do; or arrays with these names, and perhaps ``sensor_size``. Anything else is a
    ``ValueError``.
    """
    try:
        found = np.load(file, allow_pickle=False)
        arrays = {"": found}
        if not isinstance(found, np.ndarray):
            _check_memory(sum(each.file_size for each in found.zip.infolist()), 3)
            arrays = {name: np.asarray(found[name]) for name in found}  # files of any kind
    except Exception as error:  # what NumPy raises depends on where a file is damaged
        raise ValueError(f"no NumPy file of numbers: {error}; write it anew, as int64") from error
    said = arrays.pop("sensor_size", None)
    sensor = None if said is None else check_sensor_size((*np.ravel(said)[:2].tolist(), 2))
    if len(arrays) == 1:
        (array,) = arrays.values()
        names = array.dtype.names
        arrays = {name: array[name] for name in names} if names else _columns(array)
    return _side_by_side(arrays), sensor


def _columns(array: np.ndarray) -> dict[str, np.ndarray]:
    if array.shape[1:] != (4,):
        raise ValueError(f"its shape is {array.shape}, not (events, 4); give columns t, x, y, p")
    if array.dtype.kind in "iuf" and len(array):
        rising: Any = (array[1:] >= array[:-1]).all(axis=0)
        times = int(np.ptp(array.astype(float), axis=0).argmax())  # what else counts so far?
        if rising[times] and not rising[0]:
            raise ValueError(f"the times seem to be in column {times}; put t, x, y, p in order")
    return dict(zip("txyp", array.T, strict=True))


def _csv(path: Path) -> Found:
    import pandas as pd  # which takes a second to import

    with path.open(encoding="utf-8-sig", errors="replace") as file:
        header = file.readline(1000).lstrip("#").strip(" \r\n")  # savetxt's begins with "# "
    separator = next((each for each in ",;\t" if each in header), r"\s+")
    names = re.split(separator, header)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # of more values than names
            table = pd.read_csv(
                path, sep=separator, names=names, skiprows=1, index_col=False, skipinitialspace=True
            )
    except Exception as error:  # what pandas raises depends on what it finds
        raise ValueError(f"no table: {error}; write a header that names all columns") from error
    texts = _fields(table)
    numbers = pd.DataFrame({name: pd.to_numeric(texts[name], errors="coerce") for name in texts})
    for row, column in np.argwhere(numbers.isna().to_numpy())[:1]:
        name = numbers.columns[column]
        found = f"line {row + 2}: {name} is {texts[name].iloc[row]}"
        raise ValueError(f"{found}; write a number, or leave the line out")
    return _side_by_side(numbers), None


def _fields(found: Any) -> dict[str, Any]:
    """Return what a file holds as t, x, y and p, by any of their usual names."""
    lower = {name.strip("\"' #").lower(): name for name in found}
    names = {field: next(filter(lower.get, usual), "") for field, usual in NAMES.items()}
    if missing := [field for field, name in names.items() if not name]:
        held = f"{', '.join(found) or 'nothing'}, not {', '.join(missing)}"
        raise ValueError(f"it holds {held}; call them t, x, y and p, in CSV in the first line")
    return {field: found[lower[name]] for field, name in names.items()}


def _side_by_side(found: Any) -> np.ndarray:
    """Put arrays, by name, into a structured one."""
    arrays = _fields(found)
    shapes = {name: array.shape for name, array in arrays.items()}
    if len(set(shapes.values())) > 1 or len(shapes["t"]) != 1:
        raise ValueError(f"it has arrays of shapes {shapes}; all four need one value per event")
    dtype = [(name, array.dtype) for name, array in arrays.items()]
    return np.rec.fromarrays([*arrays.values()], dtype)


def _by_faery(kind: str, path: Path) -> Found:
    if find_spec("faery") is None:
        raise ModuleNotFoundError(f"{path} needs faery: pip install faery")
    with ONE_AT_A_TIME:
        child = _faery_child()
        try:
            child.stdin.write(json.dumps([kind, str(path.absolute())]).encode() + b"\n")
            child.stdin.flush()
            answer = pickle.load(child.stdout)
        except BaseException as error:  # it has ended, or Ctrl-C comes within its answer
            child.kill()
            status = child.wait()
            if not isinstance(error, (EOFError, OSError, pickle.UnpicklingError)):
                raise
            answer = f"faery fails, or takes too much time or memory (status {status})"
    if isinstance(answer, str):
        raise ValueError(f"the file is damaged: {answer}; copy it again, or export it")
    found, size = answer
    return make_events(*(found[name] for name in "txyp")), (*size, 2)


def _faery_child() -> Any:
    """Return the process that reads files for this one, and ends with it."""
    child = CHILDREN.get(os.getpid())
    if child is None or child.poll() is not None:
        paths = os.pathsep.join(str(Path(each).absolute()) for each in sys.path)
        own = os.environ | {"PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1"}
        pipes: Any = {"stdin": PIPE, "stdout": PIPE, "stderr": DEVNULL}
        words = [sys.executable, "-m", f"{__package__}.faery_child"]
        child = Popen(words, env=own, start_new_session=True, **pipes)  # Ctrl-C is for this one
        CHILDREN[os.getpid()] = child
    return child


CHILDREN: dict[int, Any] = {}  # by the number of the process whose child it is: forks have theirs
ONE_AT_A_TIME = Lock()  # asks a child
# By suffix: how a file begins, how many times its size its events take in memory, and a reader.
FORMATS: dict[str, tuple[bytes, int, Callable[[Path], Found]]] = {
    ".npy": (b"", 3, read_numpy),
    ".npz": (b"", 3, read_numpy),
    ".csv": (b"", 10, _csv),
    ".aedat": (b"", 12, lambda path: read_aedat(path.read_bytes())),
    ".raw": (b"%", 20, lambda path: read_raw(path.read_bytes())),
    ".dat": (b"%", 12, lambda path: read_dat(path.read_bytes())),
    ".bin": (b"", 20, lambda path: read_bin(path.read_bytes())),
    ".aedat4": (b"#!AER-DAT4", 12, lambda path: _by_faery("aedat", path)),
    ".es": (b"Event Stream", 20, lambda path: _by_faery("es", path)),
}
