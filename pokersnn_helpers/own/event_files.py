"""Read event recordings from files, of NumPy, of text and of event cameras."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import pandas as pd
from tonic.io import make_structured_array, read_mnist_file

from ..checks import EVENT_DTYPE, check_events, errors_in
from .camera_files import read_aedat, read_dat, read_raw

START = {".aedat4": b"#!AER-DAT4", ".es": b"Event Stream", ".raw": b"%", ".dat": b"%"}
BY_FAERY = (".aedat4", ".es")
DECODERS = {".aedat": read_aedat, ".raw": read_raw, ".dat": read_dat}
SUFFIXES = (".npy", ".npz", ".csv", ".bin", *DECODERS, *BY_FAERY)
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
        ValueError: It holds something else, no events, or events out of order or of another sensor;
            the message names the file, the place and what to do.

    Example:
        >>> _ = Path("one.csv").write_text("x,y,p,t\n3,4,1,1000\n")
        >>> read_event_file("one.csv").sensor_size is None  # a table of numbers doesn't say it
        True
    """
    events, sensor_size = read_unchecked(path)
    try:
        events = check_events(events, sensor_size or (2**31, 2**31, 2), str(path))
    except TypeError as error:
        raise ValueError(str(error)) from error
    events["t"] -= events["t"][0]
    return EventFile(events, sensor_size)


def read_unchecked(path: str | PathLike[str]) -> EventFile:
    """Read a file as ``read_event_file`` does, but leave times, order and pixels as they are."""
    path = Path(path)
    if not path.is_file():
        if path.exists():
            raise ValueError(f"{path} is not a regular file; name a file of events")
        raise FileNotFoundError(f"there is no file {path}; name one that exists")
    with path.open("rb") as file:
        start = file.read(16)
    if not start:
        raise ValueError(f"{path} is empty, 0 bytes; record or copy it again")
    suffix = path.suffix.lower()
    if suffix in (".aedat", ".dat") and start.startswith(b"#!AER-DAT"):
        suffix = ".aedat4" if start.startswith(START[".aedat4"]) else ".aedat"
    if suffix not in SUFFIXES:
        raise ValueError(
            f"{path} ends in {suffix or 'no suffix'!r}; expected one of {', '.join(SUFFIXES)}. "
            "Export it to one of them, for example as CSV with the header t,x,y,p"
        )
    if not start.startswith(expected := START.get(suffix, b"")):
        raise ValueError(
            f"{path} begins with {start[:12]!r}, not with {expected!r} as a {suffix} file "
            "does; give it the suffix of its format, or record it again"
        )
    if suffix in DECODERS:
        with errors_in(str(path)):
            return EventFile(*DECODERS[suffix](path.read_bytes()))
    readers: dict[str, Callable[[Path], EventFile]] = {
        ".npy": lambda path: EventFile(read_npy(path), None),
        ".npz": _npz,
        ".csv": _csv,
        ".bin": _bin,
        ".aedat4": _by_faery,
        ".es": _by_faery,
    }
    events, sensor_size = readers[suffix](path)
    names = events.dtype.names or ()
    if "p" in names and events["p"].dtype.kind in "if" and (events["p"] == -1).any():
        if not np.isin(events["p"], (-1, 1)).all():
            raise ValueError(f"{path}: field p holds −1 and other values than 1; write 1 and 0")
        events["p"] = events["p"] > 0
    return EventFile(events, sensor_size)


def read_npy(file: str | PathLike[str] | BinaryIO) -> np.ndarray:
    """Read a NumPy file of events, unchecked.

    It holds a structured array, or one of shape (events, 4) with columns t, x, y and p, as the
    files of POKER-DVS do; anything else is a ``ValueError``.
    """
    array = _load(file)
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{file} is an archive of arrays; name it .npz")
    return _with_fields(array, file)


def _load(file: str | PathLike[str] | BinaryIO) -> Any:
    try:
        return np.load(file, allow_pickle=False)
    except OSError:
        raise
    except Exception as error:  # what NumPy raises depends on where a file is damaged
        other = "not in NumPy's format .npy, or Python objects in it"
        raise ValueError(
            f"{file} is no NumPy file of numbers: {other if 'pickle' in str(error) else error}; "
            "write it anew with np.save, as array.astype(np.int64)"
        ) from error


def _with_fields(array: np.ndarray, file: object) -> np.ndarray:
    if array.dtype.names:
        return _events({name: array[name] for name in array.dtype.names}, file)
    if array.shape[1:] != (4,):
        raise ValueError(
            f"{file} has shape {array.shape}; expected (events, 4): t, x, y, p, or a structured "
            "array with these fields"
        )
    if array.dtype.kind in "iuf" and len(array):
        times = int(np.ptp(array.astype(float), axis=0).argmax())  # what else could count so far?
        rises = [(array[1:, each] >= array[:-1, each]).all() for each in (0, times)]
        if rises == [False, True]:
            raise ValueError(
                f"{file}: the times seem to be in column {times}, not in column 0; save the "
                "columns in the order t, x, y, p"
            )
    return _events(dict(zip("txyp", array.T, strict=True)), file)


def _npz(path: Path) -> EventFile:
    archive = _load(path)
    if isinstance(archive, np.ndarray):
        raise ValueError(f"{path} is a single array; name it .npy")
    try:
        arrays = {name: archive[name] for name in archive.files}
    except Exception as error:  # damaged bytes can raise anything
        raise ValueError(f"{path} is damaged: {error}; write it anew with np.savez") from error
    if len(arrays) == 1:
        return EventFile(_with_fields(next(iter(arrays.values())), path), None)
    return EventFile(_events(arrays, path), None)


def _csv(path: Path) -> EventFile:
    with path.open("rb") as file:
        first = file.readline(1000)
    separator = next((each for each in ",;\t" if each.encode() in first), r"\s+")
    read = partial(pd.read_csv, path, sep=separator, skipinitialspace=True)
    if (header := first.decode("utf-8-sig", "replace").lstrip()).startswith("#"):  # np.savetxt's
        names = re.split(separator, header.lstrip("# \t").rstrip())
        read = partial(read, names=names, skiprows=1)
    try:
        table = read()
        shifted = not table.index.equals(pd.RangeIndex(len(table)))
        if shifted and table.iloc[:, -1].isna().all():  # every line ends with a separator
            table, shifted = read(index_col=False), False
    except Exception as error:  # what pandas raises depends on what it finds
        raise ValueError(
            f"{path} is no table of text: {error}; write a header with t, x, y and p, and then a "
            "line for each event"
        ) from error
    if shifted:
        raise ValueError(
            f"{path}: its lines have more values than its first line has names; name every column"
        )
    columns = {}
    for name, column in _fields({str(name): table[name] for name in table}, path).items():
        columns[name] = pd.to_numeric(column, errors="coerce").to_numpy()
        if (wrong := np.isnan(columns[name])).any():
            place = int(wrong.argmax())
            raise ValueError(
                f"{path}, line {place + 2}: {name} is {column.iloc[place]}; write a number, or "
                "leave the line out"
            )
    return EventFile(_events(columns, path), None)


def _fields(found: Mapping[str, Any], file: object) -> dict[str, Any]:
    """Return what a file holds as t, x, y and p, by any of their usual names."""
    own = {name.strip(" #").lower(): name for name in found}
    if len(own) < len(found):
        raise ValueError(
            f"{file} has names that differ in upper and lower case only: {', '.join(found)}; "
            "leave one of them out"
        )
    names = {
        field: next((own[each] for each in usual if each in own), None)
        for field, usual in NAMES.items()
    }
    if missing := [field for field, name in names.items() if name is None]:
        raise ValueError(
            f"{file} holds {', '.join(found) or 'nothing'}, not {', '.join(missing)}; call the "
            "times in µs, pixels and polarities t, x, y and p, in a text file in its first line"
        )
    return {field: found[name] for field, name in names.items() if name is not None}


def _events(found: Mapping[str, np.ndarray], file: object) -> np.ndarray:
    """Put arrays side by side in a structured one."""
    arrays = _fields(found, file)
    shapes = {name: array.shape for name, array in arrays.items()}
    if len(set(shapes.values())) > 1 or len(shapes["t"]) != 1:
        raise ValueError(f"{file} has arrays of shapes {shapes}; all four need one value per event")
    events = np.empty(shapes["t"], [(name, array.dtype) for name, array in arrays.items()])
    for name, array in arrays.items():
        events[name] = array
    return events


def _bin(path: Path) -> EventFile:
    """Read 40 bits per event, as of N-MNIST and N-Caltech101."""
    if rest := path.stat().st_size % 5:
        raise ValueError(
            f"{path} ends within an event: {rest} bytes are left after the last of 5; copy it again"
        )
    order = np.dtype([(name, np.int64) for name in "xytp"])  # in which Tonic fills them
    return EventFile(read_mnist_file(str(path), order), None)


def _by_faery(path: Path) -> EventFile:
    try:
        import faery
    except ImportError as error:
        raise ModuleNotFoundError(
            f"{path} needs the package faery, which reads {', '.join(BY_FAERY)}: pip install faery"
        ) from error
    try:
        kind = "es" if path.suffix.lower() == ".es" else "aedat"
        stream = faery.events_stream_from_file(path, file_type=kind)
        found, size = stream.to_array(), stream.dimensions()
    except BaseException as error:  # damaged bytes can raise anything, Rust's panics too
        if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
            raise
        raise ValueError(
            f"{path} can't be read: {error}; record or copy it again, or export it as CSV"
        ) from error
    events = make_structured_array(*(found[name] for name in "txyp"), dtype=EVENT_DTYPE)
    return EventFile(events, (*size, 2))
