"""Load a folder of recordings: a folder per class, and in it who or when, as everyone has them."""

import math
import os
import warnings
from collections.abc import Iterator, Sequence
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from ..checks import check_events, check_numbers, check_range, check_sensor_size, errors_in
from ..recordings import Recordings
from .event_files import FORMATS, EventFile, read_event_file

LARGEST = 128  # pixels along a side, unless a size is given


class Folder(NamedTuple):
    r"""Recordings of a folder, and where each comes from.

    Attributes:
        recordings: All of them, their classes in alphabetical order.
        groups: Of each recording the first folder below its class, or else its file without the
            suffix. With ``stratified_folds(recordings, folds, groups)`` no group is in two folds.
        files: The file of each recording.

    Example:
        >>> Path("waves/up/anna").mkdir(parents=True)
        >>> _ = Path("waves/up/anna/1.csv").write_text("t,x,y,p\n0,3,5,1\n")
        >>> load_folder("waves").groups
        ['anna']
    """

    recordings: Recordings
    groups: list[str]
    files: list[Path]


def load_folder(
    path: str | PathLike[str],
    *,
    sensor_size: tuple[int, int, int] | None = None,
    size: tuple[int, int] | None = None,
    window_ms: float | None = None,
) -> Folder:
    r"""Load all recordings below a folder, such as ``waving/anna/monday.raw``.

    Args:
        path: It holds a folder per class. ``read_event_file`` says which files it reads.
        sensor_size: Width, height and polarities, for files that don't say them. Default: the
            smallest that holds all events.
        size: Width and height that the recordings are brought to, as ``resize`` does. Default: as
            they are, but at most 128 pixels along a side.
        window_ms: Cut each recording into parts of about this duration. Default: it stays whole.

    Raises:
        FileNotFoundError: There is no such folder, or there are no classes or no recordings in it.
        ValueError: A file can't be read, or files are of different sensors.

    Warns:
        UserWarning: Some files are left out, since they aren't recordings, their names begin with
            ``_``, or a link leads nowhere; or a folder holds no recordings. (Names that begin with
            a dot are hidden.)

    Example:
        >>> for name, x in (("left", 3), ("right", 60)):
        ...     Path("moves", name).mkdir(parents=True)
        ...     _ = Path("moves", name, "1.csv").write_text(f"t,x,y,p\n0,{x},5,1\n")
        >>> load_folder("moves", sensor_size=(64, 64, 2)).recordings
        2 recordings of 64 × 64 pixels: left, right
    """
    path = Path(path).expanduser()
    files = _files(path)
    classes = sorted({file.relative_to(path).parts[0] for file in files})
    if {name.lower() for name in classes} <= {"train", "test", "validation", "val"}:
        names = ", ".join(classes)
        raise ValueError(f"the folders in {path} are {names}, not classes; load each, for a Split")
    found = [read_event_file(file) for file in tqdm(files, "reading", unit="file", delay=2)]
    sensor = _common_sensor(found, files, sensor_size)
    size = size or network_size(sensor)
    rows = []
    for file in files:
        events, _ = found.pop(0)  # and its memory is free
        name, *below = file.relative_to(path).parts
        group = below[0] if len(below) > 1 else f"{name}/{file.stem}"
        with errors_in(str(file)):
            parts = _cut(resize(events, sensor, size), window_ms)
        rows += [(part, classes.index(name), group, file) for part in parts]
    cut, targets, groups, sources = map(list, zip(*rows, strict=True))
    return Folder(Recordings(cut, targets, classes, (*size, sensor[2])), groups, sources)


def _common_sensor(
    found: list[EventFile], files: list[Path], given: tuple[int, int, int] | None
) -> tuple[int, int, int]:
    """Return the sensor that is given or that files say, or the smallest that holds all events."""
    sensors: dict[Any, str] = {
        each.sensor_size: str(f) for each, f in zip(found, files, strict=True)
    }
    sensors |= {given and check_sensor_size(given): "sensor_size"}
    sensors.pop(None, None)
    if len(sensors) > 1:
        said = ", ".join(f"{sensor} by {source}" for sensor, source in sensors.items())
        raise ValueError(f"different sensors are said: {said}; put them into different folders")
    width, height = (1 + max(int(each.events[field].max()) for each in found) for field in "xy")
    return next(iter(sensors), (width, height, 2))


def network_size(sensor_size: Sequence[int]) -> tuple[int, int]:
    """Return the width and height that ``load_folder`` brings recordings of a sensor to."""
    width, height = sensor_size[:2]
    block = math.ceil(max(width, height) / LARGEST)
    return max(1, width // block), max(1, height // block)


def resize(
    events: np.ndarray, sensor_size: tuple[int, int, int], size: tuple[int, int]
) -> np.ndarray:
    """Bring events to fewer pixels: the middle of the sensor, in square blocks that become a pixel.

    Blocks are as large as they can be, so both sizes say what happens: 346 × 260 pixels become
    64 × 64 by blocks of 4 × 4 from the 256 × 256 in the middle, and 35 × 35 stay 35 × 35.

    Args:
        events: Structured array with fields t, x, y and p.
        sensor_size: Width, height and polarities that they come from.
        size: Width and height to bring them to.

    Returns:
        A copy, as ``check_events`` returns; events outside the blocks are left out.

    Raises:
        ValueError: The sensor has fewer pixels, or ``check_events`` refuses the events.

    Example:
        >>> from pokersnn_helpers import EVENT_DTYPE
        >>> events = np.zeros(2, EVENT_DTYPE)
        >>> events["x"], events["y"] = (0, 49), 100  # blocks of 4 x 4 pixels begin at x = 45
        >>> resize(events, (346, 260, 2), (64, 64))["x"]
        array([1])
    """
    (width, height, _), (new_width, new_height) = check_sensor_size(sensor_size), size
    check_numbers(Integral, width=new_width, height=new_height)
    block = min(width // new_width, height // new_height)
    if block < 1:
        sizes = f"{width} × {height} pixels, fewer than {new_width} × {new_height}"
        raise ValueError(f"the sensor has {sizes}; choose a smaller size")
    resized = check_events(events, sensor_size)
    for field, old, new in (("x", width, new_width), ("y", height, new_height)):
        resized[field] = (resized[field] - (old - block * new) // 2) // block
        resized = resized[(resized[field] >= 0) & (resized[field] < new)]
    return resized


def _files(path: Path) -> list[Path]:
    """Return the files of recordings below the folders of classes, in alphabetical order."""
    if not path.is_dir():
        raise FileNotFoundError(f"there is no folder {path}; name one with a folder per class")
    files: list[Path] = []
    left_out: list[Path] = []
    for file in sorted(_walk(path)):
        usual = file.suffix.lower() in FORMATS and file.is_file() and file.parent != path
        hidden = any(part.startswith("_") for part in file.relative_to(path).parts)
        (files if usual and not hidden else left_out).append(file)
    if left_out:
        such = f"{len(left_out)} files below {path}, such as {left_out[0]}"
        warnings.warn(f"{such}, are no recordings of a class; they are left out", stacklevel=3)
    if not files:
        known = ", ".join(FORMATS)
        raise FileNotFoundError(f"no recordings in {path}; put {known} into a folder per class")
    used = {path / file.relative_to(path).parts[0] for file in files}
    if empty := sorted({each for each in path.glob("[!._]*") if each.is_dir()} - used):
        warnings.warn(f"{empty[0]} holds no recordings, so it is no class", stacklevel=3)
    return files


def recording_files(path: Path) -> list[Path]:
    """Return the files anywhere below a folder that end as recordings do, in alphabetical order."""
    if files := [file for file in sorted(_walk(path)) if file.suffix.lower() in FORMATS]:
        return files
    raise FileNotFoundError(f"no recordings in {path}; name one with {', '.join(FORMATS)}")


def _walk(path: Path) -> Iterator[Path]:
    """Yield all files below a folder, but for hidden ones, and for links that lead back up."""
    for folder, below, names in os.walk(path, followlinks=True):
        above = {Path(folder).resolve(), *Path(folder).resolve().parents}
        below[:] = [each for each in below if Path(folder, each).resolve() not in above]
        below[:] = [each for each in below if not each.startswith(".")]
        yield from (Path(folder, each) for each in names if not each.startswith("."))


def _cut(events: np.ndarray, window_ms: float | None) -> list[np.ndarray]:
    """Cut a recording into parts of about the same duration; those without events are no parts."""
    if len(events) == 0:
        raise ValueError("no event lies in the middle of the sensor; choose another size")
    edges = np.empty(0, int)
    if window_ms is not None:
        check_range(0.001, 2**40, window_ms=window_ms)
        t = events["t"] - events["t"][0]
        count = max(1, round(int(t[-1]) / (1000 * window_ms)))
        edges = np.searchsorted(t, 1000 * window_ms * np.arange(1, count))
    parts = [part.copy() for part in np.split(events, edges) if len(part)]
    for part in parts:
        part["t"] -= part["t"][0]
    return parts
