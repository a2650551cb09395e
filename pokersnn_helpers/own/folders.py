"""Load a folder of recordings: a folder per class, and in it who or when, as everyone has them."""

import hashlib
import math
import os
import re
import warnings
from collections import deque
from collections.abc import Sequence
from itertools import pairwise
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
PARTS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval"}


class Folder(NamedTuple):
    r"""Recordings of a folder, and where each comes from.

    Attributes:
        recordings: All of them, their classes in alphabetical order, but "2" before "10".
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
            ``_``, or a link leads nowhere or to what is read anyway; or a folder holds no
            recordings; or names differ in nothing but capitals; or two files of different classes
            or groups hold the same. (Names that begin with a dot are hidden.)

    Example:
        >>> for name, x in (("left", 3), ("right", 60)):
        ...     Path("moves", name).mkdir(parents=True)
        ...     _ = Path("moves", name, "1.csv").write_text(f"t,x,y,p\n0,{x},5,1\n")
        >>> load_folder("moves", sensor_size=(64, 64, 2)).recordings
        2 recordings of 64 × 64 pixels: left, right
    """
    path = Path(path).expanduser()
    files = _files(path)
    classes = _classes(path, files)
    _warn_of_copies(path, files)
    found = [read_event_file(file) for file in tqdm(files, "reading", unit="file", delay=2)]
    sensor = _common_sensor(found, files, sensor_size)
    size = size or network_size(sensor)
    rows = []
    for file in files:
        events, _ = found.pop(0)  # and its memory is free
        name, group = _class_and_group(path, file)
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
    found, left_out = _walk(path)
    for file in sorted(found):
        usual = file.suffix.lower() in FORMATS and file.is_file() and file.parent != path
        hidden = any(part.startswith("_") for part in file.relative_to(path).parts)
        (files if usual and not hidden else left_out).append(file)
    if left_out:
        such = f"{len(left_out)} files below {path}, such as {min(left_out)}"
        warnings.warn(f"{such}, are no recordings of a class, or links to one", stacklevel=3)
    if not files:
        known = ", ".join(FORMATS)
        raise FileNotFoundError(f"no recordings in {path}; put {known} into a folder per class")
    used = {path / file.relative_to(path).parts[0] for file in files}
    if empty := sorted({each for each in path.glob("[!._]*") if each.is_dir()} - used):
        warnings.warn(f"{empty[0]} holds no recordings, so it is no class", stacklevel=3)
    return files


def _walk(path: Path) -> tuple[list[Path], list[Path]]:
    """Return all files below a folder, each once, and links to what is found without them.

    Hidden ones are left out, and so are links that lead back up. Links come last.
    """
    waiting, top = deque([path]), Path(os.path.realpath(path))
    seen: set[Path] = set()
    files: list[Path] = []
    again: list[Path] = []
    while waiting:  # folders and links
        each = waiting.popleft()
        real = Path(os.path.realpath(each))
        if real in seen or (real.parent in seen - {top} and not each.is_dir()):
            again += [each] * (not Path(os.path.realpath(each.parent)).is_relative_to(real))
        elif not each.is_dir():
            files.append(each)
        else:
            for below in sorted(each.glob("[!.]*")):
                plain = waiting.appendleft if below.is_dir() else files.append
                (waiting.append if below.is_symlink() else plain)(below)
        seen.add(real)
    return files, again


def _class_and_group(path: Path, file: Path) -> tuple[str, str]:
    name, *below = file.relative_to(path).parts
    return name, below[0] if len(below) > 1 else f"{name}/{file.stem}"


def _classes(path: Path, files: list[Path]) -> list[str]:
    """Return the names of classes in natural order, and warn of names that are nearly the same."""
    names, groups = map(set, zip(*(_class_and_group(path, file) for file in files), strict=True))
    if len(parts := {each for each in names if each.lower() in PARTS}) > 1 or parts == names:
        found = ", ".join(sorted(parts))
        raise ValueError(f"the folders in {path} are {found}, not classes; load each, for a Split")
    people = {each for each in groups if "/" not in each}
    for each in (names, people):
        for one, other in pairwise(sorted(sorted(each), key=str.lower)):
            if one.lower() == other.lower():
                warnings.warn(f"{one} and {other} in {path}: are they the same?", stacklevel=3)
    return sorted(names, key=lambda name: (re.sub(r"\d+", lambda n: n[0].zfill(20), name), name))


def _warn_of_copies(path: Path, files: list[Path]) -> None:
    """Warn of files that hold the same, but are of different classes or groups."""
    first: dict[tuple[int, bytes], Path] = {}
    copies = []
    for file in files:
        with file.open("rb") as opened:
            start = hashlib.blake2b(opened.read(2**20)).digest()
        other = first.setdefault((file.stat().st_size, start), file)
        if other != file and _class_and_group(path, file) != _class_and_group(path, other):
            copies.append(f"{file} holds the same as {other}")
    if copies:
        such = f"{len(copies)} files are copies: {copies[0]}"
        warnings.warn(f"{such}; leave them out, or a test knows them from training", stacklevel=3)


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
