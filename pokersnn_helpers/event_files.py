"""Read event recordings from files, of NumPy, of text and of event cameras."""

import re
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import pandas as pd
from numpy.lib.recfunctions import unstructured_to_structured

from .checks import EVENT_DTYPE, check_events

HEADER = re.compile(rb"(?:#[\t -~]*\r?\n)*")  # of text: a first address may begin with "#", too
EVT21 = re.compile(rb"(?:%[^\n]*\n)*% (?:evt 2\.1|format EVT21)")
BY_FAERY = (".aedat4", ".raw", ".dat", ".es")
SUFFIXES = (".npy", ".npz", ".csv", ".aedat", ".bin", *BY_FAERY)
UNKNOWN = 2**16 - 1  # the largest size that a file could state


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
            ``.npz``: such an array, or arrays t, x, y and p. ``.csv``: a header with t, x, y and p.
            ``.aedat``: AEDAT 1 and 2 of a 128 × 128 DVS, or AEDAT 4. ``.bin``: as of N-MNIST.
            ``.aedat4``, ``.raw`` and ``.dat`` of Prophesee, and ``.es`` need the package faery.

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
    if suffix == ".aedat" and start.startswith(b"#!AER-DAT4"):
        suffix = ".aedat4"
    if suffix not in SUFFIXES:
        raise ValueError(
            f"{path} ends in {suffix or 'no suffix'!r}; expected one of {', '.join(SUFFIXES)}. "
            "Export it to one of them, for example as CSV with the header t,x,y,p"
        )
    if suffix == ".raw" and re.match(EVT21, head := path.read_bytes()):
        return _evt21(path, head)
    if suffix in BY_FAERY:
        return _by_faery(path, suffix, start)
    readers: dict[str, Callable[[Path], EventFile]] = {
        ".npy": lambda path: EventFile(read_npy(path), None),
        ".npz": _npz,
        ".csv": _csv,
        ".aedat": _aedat,
        ".bin": _bin,
    }
    events, sensor_size = readers[suffix](path)
    names = events.dtype.names or ()
    if "p" in names and events["p"].dtype.kind in "if" and (events["p"] == -1).any():
        if not np.isin(events["p"], (-1, 1)).all():
            raise ValueError(f"{path}: field p holds −1 and other values than 1; write 1 and 0")
        events = events.copy()
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
        reason = "not in NumPy's format .npy" if "pickle" in str(error) else error
        raise ValueError(
            f"{file} is no NumPy file of numbers: {reason}; write it anew with np.save"
        ) from error


def _with_fields(array: np.ndarray, file: object) -> np.ndarray:
    if array.dtype.names:
        return array
    if array.shape[1:] != (4,):
        raise ValueError(
            f"{file} has shape {array.shape}; expected (events, 4): t, x, y, p, or a structured "
            "array with these fields"
        )
    return unstructured_to_structured(array, names=list("txyp"))


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
    if missing := [name for name in "txyp" if name not in arrays]:
        raise ValueError(
            f"{path} holds {', '.join(arrays) or 'nothing'}, not {', '.join(missing)}; write it "
            "with np.savez(path, t=t, x=x, y=y, p=p)"
        )
    return EventFile(_columns(arrays, path), None)


def _csv(path: Path) -> EventFile:
    try:
        table = pd.read_csv(path, skipinitialspace=True)
    except Exception as error:  # what pandas raises depends on what it finds
        raise ValueError(
            f"{path} is no table of text: {error}; write a header with t, x, y and p, and then a "
            "line for each event"
        ) from error
    if missing := [name for name in "txyp" if name not in table]:
        raise ValueError(
            f"{path}: the first line has {', '.join(map(str, table.columns))}, not "
            f"{', '.join(missing)}; write a header with t, x, y and p, separated by commas"
        )
    for name in "txyp":
        numbers = pd.to_numeric(table[name], errors="coerce")
        if (wrong := numbers.isna().to_numpy()).any():
            place = int(wrong.argmax())
            raise ValueError(
                f"{path}, line {place + 2}: {name} is {table[name][place]}; write a number, or "
                "leave the line out"
            )
        table[name] = numbers
    return EventFile(_columns({name: table[name].to_numpy() for name in "txyp"}, path), None)


def _columns(arrays: dict[str, np.ndarray], path: Path) -> np.ndarray:
    shapes = {name: arrays[name].shape for name in "txyp"}
    if len(set(shapes.values())) > 1 or len(shapes["t"]) != 1:
        raise ValueError(f"{path} has arrays of shapes {shapes}; all four need one value per event")
    events = np.empty(shapes["t"], [(name, arrays[name].dtype) for name in "txyp"])
    for name in "txyp":
        events[name] = arrays[name]
    return events


def _aedat(path: Path) -> EventFile:
    try:
        return EventFile(read_aedat(path.read_bytes()), (128, 128, 2))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def read_aedat(content: bytes) -> np.ndarray:
    """Read events of a 128 × 128 DVS from an AEDAT file of version 1 or 2.

    Lines that begin with "#" come first, and then an address and a time stamp in µs per event, as
    big-endian 32-bit numbers: https://docs.inivation.com/software/software-advanced-usage/file-formats/aedat-2.0.html

    Args:
        content: The whole file.

    Returns:
        Structured array with fields t (µs, as stamped), x, y and p.

    Raises:
        ValueError: The file is of a later version or of another camera, or ends within an event.
    """
    header = HEADER.match(content)[0]  # type: ignore[index]
    if version := re.match(rb"#!AER-DAT([^12].*)", header):
        raise ValueError(
            f"the file is of AEDAT version {version[1].decode().strip()}, not 1 or 2; convert it "
            "to AEDAT4 with DV, or to CSV"
        )
    content = content[len(header) :]
    if len(content) % 8:
        raise ValueError(
            f"the file ends within an event: {len(content)} bytes aren't 8 per event; copy it "
            f"again, or cut off the last {len(content) % 8} bytes"
        )
    address, stamp = np.frombuffer(content, dtype=">u4").reshape(-1, 2).T.astype(np.int64)
    if (foreign := address >= 2**16).any():
        place = int(foreign.argmax())
        raise ValueError(
            f"event {place} has the address {address[place]:#x}, which a 128 × 128 DVS doesn't; "
            "export it from jAER or DV as AEDAT4 or CSV"
        )
    events = np.empty(len(stamp), dtype=EVENT_DTYPE)
    events["t"] = stamp
    events["x"], events["y"] = address >> 1 & 0x7F, address >> 8 & 0x7F
    events["p"] = 1 - (address & 1)
    return events


def _bin(path: Path) -> EventFile:
    """Read 40 bits per event, as of N-MNIST and N-Caltech101."""
    from tonic.io import read_mnist_file

    if rest := path.stat().st_size % 5:
        raise ValueError(
            f"{path} ends within an event: {rest} bytes are left after the last of 5; copy it again"
        )
    order = np.dtype([(name, np.int64) for name in "xytp"])  # in which Tonic fills them
    return EventFile(read_mnist_file(str(path), order), None)


def _evt21(path: Path, content: bytes) -> EventFile:
    """Read 64-bit words, which faery 0.7 doesn't: up to 32 pixels of a row share time and polarity.

    https://docs.prophesee.ai/stable/data/encoding_formats/evt21.html
    """
    header = re.match(rb"(?:%(?! end)[^\n]*\n)*(?:% end\r?\n)?", content)[0]  # type: ignore[index]
    content = content[len(header) :]
    if rest := len(content) % 8:
        raise ValueError(
            f"{path} ends within an event: {rest} bytes are left after the last of 8; copy it again"
        )
    words = np.frombuffer(content, "<u8").astype(np.int64)
    kind = words >> 60 & 15
    highs = np.concatenate([[0], (words[kind == 8] >> 32 & 0xFFFFFFF) << 6])
    times = highs[np.cumsum(kind == 8)] + (words >> 54 & 63)
    row, bit = np.nonzero((kind <= 1)[:, None] & (words[:, None] >> np.arange(32) & 1 == 1))
    events = np.empty(len(row), EVENT_DTYPE)
    events["t"], events["p"] = times[row], kind[row]
    events["x"], events["y"] = (words[row] >> 43 & 0x7FF) + bit, words[row] >> 32 & 0x7FF
    width, height = (re.search(rb"%s[= ](\d+)" % name, header) for name in (b"width", b"height"))
    if pair := re.search(rb"geometry (\d+)x(\d+)", header):
        return EventFile(events, (int(pair[1]), int(pair[2]), 2))
    return EventFile(events, (int(width[1]), int(height[1]), 2) if width and height else None)


def _by_faery(path: Path, suffix: str, start: bytes) -> EventFile:
    try:
        import faery
    except ImportError as error:
        raise ModuleNotFoundError(
            f"{path} needs the package faery, which reads {', '.join(BY_FAERY)}: pip install faery"
        ) from error
    expected = {".aedat4": b"#!AER-DAT4", ".es": b"Event Stream", ".raw": b"%", ".dat": b"%"}
    if not start.startswith(expected[suffix]):
        raise ValueError(
            f"{path} begins with {start[:12]!r}, not with {expected[suffix]!r} as a {suffix} file "
            "does; give it the suffix of its format, or record it again"
        )
    kind = {".aedat4": "aedat", ".raw": "evt"}.get(suffix, suffix[1:])
    try:
        stream = faery.events_stream_from_file(
            path, dimensions_fallback=(UNKNOWN, UNKNOWN), file_type=kind
        )
        events, size = stream.to_array(), stream.dimensions()
    except BaseException as error:  # damaged bytes can raise anything, Rust's panics too
        if isinstance(error, (KeyboardInterrupt, SystemExit, MemoryError)):
            raise
        raise ValueError(
            f"{path} can't be read as {suffix}: {error}; record or copy it again, or export it as "
            "CSV"
        ) from error
    checked = np.empty(len(events), EVENT_DTYPE)
    for name in "txyp":
        checked[name] = events[name]
    return EventFile(checked, None if UNKNOWN in size else (*size, 2))
