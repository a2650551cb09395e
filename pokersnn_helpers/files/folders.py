"""Load a folder of recordings: a folder per class, and in it who or when, as everyone has them.

``find_recordings`` says which files there are, of which classes and groups; ``read_recordings``
reads them; ``load_folder`` does both.
"""

import math
import os
import re
import warnings
from collections import deque
from itertools import pairwise
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from ..checks import check_events, check_numbers, check_range, check_sensor_size, errors_in
from ..recordings import PackedRecording, Recordings
from .event_files import (
    FORMATS,
    SensorSize,
    may_hold_events,
    read_class,
    read_event_file,
    smallest_sensor,
)

MAX_NETWORK_SIDE = 128  # pixels, unless a size is given
SPLITS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval"}


class RecordingFile(NamedTuple):
    """A file of a recording, the class that it belongs to, and who or when: its group."""

    path: Path
    class_name: str
    group: str


class Folder(NamedTuple):
    r"""The recordings of a folder, and the file that each comes from.

    Attributes:
        recordings: All recordings. Their classes are in alphabetical order, but with "2" before
            "10".
        groups: The group of each recording, which is the first folder below its class, or else its
            file without the suffix. ``stratified_folds(recordings, folds, groups)`` keeps each
            group in one fold.
        files: The file of each recording.
        sensor_size: Width, height and polarities of what recorded them, before any change of size.

    Example:
        >>> Path("waves/up/anna").mkdir(parents=True)
        >>> _ = Path("waves/up/anna/1.csv").write_text("t,x,y,p\n0,3,5,1\n")
        >>> load_folder("waves").groups
        ['anna']
    """

    recordings: Recordings
    groups: list[str]
    files: list[Path]
    sensor_size: SensorSize


def load_folder(
    path: str | PathLike[str],
    *,
    sensor_size: SensorSize | None = None,
    size: tuple[int, int] | None = None,
    window_ms: float | None = None,
) -> Folder:
    r"""Load all recordings below a folder, such as ``waving/anna/monday.raw``.

    An event needs about 8 bytes of memory. If you have more recordings than fit there, use Tonic's
    data sets that are cached on the disk, ``tonic.DiskCachedDataset``.

    Args:
        path: A folder that holds a folder per class, with files that ``read_event_file`` can read.
            Where a CSV file says its class, in a line such as ``# class: up!``, that is the name of
            the class.
        sensor_size: Width, height and polarities of the sensor, for files that don't say them.
            Default: the smallest sensor that holds all events.
        size: Width and height to which ``resize`` brings the recordings. Default: they keep theirs,
            up to 128 pixels along a side.
        window_ms: Duration in ms of parts into which each recording is cut. Default: recordings
            stay whole.

    Raises:
        FileNotFoundError: There is no such folder, or there are no classes or no recordings in it.
        ValueError: A file can't be read, files are of different sensors, or those of a folder say
            different classes.

    Warns:
        UserWarning: Some files are left out, since they aren't recordings, their names begin with
            ``_``, or a link leads nowhere or to what is read anyway; or a folder is empty;
            or names differ in nothing but capitals; or two files of different classes or groups
            hold the same; or an event far off costs all recordings pixels. (Names
            that begin with a dot are hidden.)

    Example:
        >>> for name, x in (("left", 3), ("right", 60)):
        ...     Path("moves", name).mkdir(parents=True)
        ...     _ = Path("moves", name, "1.csv").write_text(f"t,x,y,p\n0,{x},5,1\n")
        >>> load_folder("moves", sensor_size=(64, 64, 2)).recordings
        2 recordings of 64 × 64 pixels: left, right
    """
    files = find_recordings(path)
    return read_recordings(files, sensor_size=sensor_size, size=size, window_ms=window_ms)


def find_recordings(path: str | PathLike[str]) -> list[RecordingFile]:
    r"""Find the recordings that ``load_folder`` reads, with their classes and groups.

    Returns:
        The files in alphabetical order.

    Raises:
        FileNotFoundError: There is no such folder, or there are no classes or no recordings in it.
        ValueError: Files of a folder say different classes, or its folders are splits of a data
            set instead of classes.

    Warns:
        UserWarning: Some files are left out, or names differ in nothing but capitals.

    Example:
        >>> Path("signs/up/anna").mkdir(parents=True)
        >>> _ = Path("signs/up/anna/1.csv").write_text("t,x,y,p\n0,3,5,1\n")
        >>> [(file.class_name, file.group) for file in find_recordings("signs")]
        [('up', 'anna')]
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}; name one with a folder per class")
    paths, left_out = _walk(folder)
    in_classes = []
    for file in paths:
        below = file.relative_to(folder).parts
        if len(below) == 1 or any(part.startswith("_") for part in below):
            left_out.append(file)
        else:
            in_classes.append(file)
    if left_out:
        warnings.warn(
            f"{len(left_out)} files below {folder}, such as {min(left_out)}, are no recordings of "
            "a class, or links to one",
            stacklevel=3,
        )
    _refuse_none(folder, in_classes)
    classes = _class_names(folder, in_classes)
    files = []
    for file in in_classes:
        folder_name, *rest = file.relative_to(folder).parts
        class_name = classes[folder_name]
        group = rest[0] if len(rest) > 1 else f"{class_name}/{file.stem}"
        files.append(RecordingFile(file, class_name, group))
    _check_names(folder, files)
    return files


def find_files(path: Path) -> list[Path]:
    """Return a file, or all recordings anywhere below a folder, in alphabetical order."""
    if not path.is_dir():
        return [path]
    files, _ = _walk(path)
    _refuse_none(path, files)
    return files


def _refuse_none(path: Path, files: list[Path]) -> None:
    if not files:
        known = ", ".join(FORMATS)
        raise FileNotFoundError(f"no recordings in {path}; put {known} into a folder per class")


def _walk(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return recordings below a folder, each once, and what is none or is linked to again.

    Hidden ones are left out. Links come last, so that what they lead to keeps its own name.
    """
    recordings = []
    left_out = []
    visited: set[str] = set()
    waiting = deque([folder])
    while waiting:
        path = waiting.popleft()
        place = os.path.realpath(path)
        if place in visited:
            left_out.append(path)
        elif path.is_dir():
            for child in sorted(path.glob("[!.]*")):
                if child.is_symlink():
                    waiting.append(child)
                else:
                    waiting.appendleft(child)
            if not any(path.iterdir()):
                left_out.append(path)
        elif path.is_file() and may_hold_events(path):
            recordings.append(path)
        else:
            left_out.append(path)
        visited.add(place)
    return sorted(recordings), left_out


def _class_names(folder: Path, files: list[Path]) -> dict[str, str]:
    """Return the class of each folder: its own name, or what the files in it say."""
    classes: dict[str, str] = {}
    for file in files:
        folder_name = file.relative_to(folder).parts[0]
        class_name = read_class(file) or folder_name
        first = classes.setdefault(folder_name, class_name)
        if class_name != first:
            raise ValueError(f"{file} is of class {class_name}, others beside it of {first}")
    return classes


def _check_names(folder: Path, files: list[RecordingFile]) -> None:
    """Refuse splits in the place of classes, and warn of names that are nearly the same."""
    classes = {file.class_name for file in files}
    groups = {file.group for file in files}
    splits = {name for name in classes if name.lower() in SPLITS}
    if len(splits) > 1 or splits == classes:
        listed = ", ".join(sorted(splits))
        raise ValueError(
            f"the folders in {folder} are {listed}, not classes; load each, for a Split"
        )
    alphabetical = sorted(classes) + sorted(groups)
    alphabetical.sort(key=str.lower)
    for first, second in pairwise(alphabetical):
        if first.lower() == second.lower():
            warnings.warn(f"{first} and {second} in {folder}: are they the same?", stacklevel=4)


def read_recordings(
    files: list[RecordingFile],
    *,
    sensor_size: SensorSize | None = None,
    size: tuple[int, int] | None = None,
    window_ms: float | None = None,
) -> Folder:
    r"""Read what ``find_recordings`` found, as ``load_folder`` does.

    Args:
        files: What to read, perhaps not all that was found.
        sensor_size: As for ``load_folder``.
        size: As for ``load_folder``.
        window_ms: As for ``load_folder``.

    Raises:
        ValueError: A file can't be read, or files are of different sensors.

    Warns:
        UserWarning: Two files of different classes or groups hold the same, or an event far off
            costs all recordings pixels.

    Example:
        >>> for name in "ab":
        ...     Path("letters", name).mkdir(parents=True)
        ...     _ = Path("letters", name, "1.csv").write_text(f"t,x,y,p\n0,{ord(name)},5,1\n")
        >>> read_recordings(find_recordings("letters")[:1]).recordings
        1 recordings of 98 × 6 pixels: a
    """
    if window_ms is not None:
        check_range(0.001, 2**40, window_ms=window_ms)
    if sensor_size is not None:
        sensor_size = check_sensor_size(sensor_size)
    recorded, sensor_size = _read_files(files, sensor_size)
    _warn_of_copies(files, recorded)
    classes = sorted({file.class_name for file in files}, key=_natural)
    size = size or network_size(sensor_size)
    new_sensor = (*size, sensor_size[2])
    parts = []
    origins = []
    for file in tqdm(files, "preparing", unit="file", delay=2):
        events = recorded.pop(0).unpack()
        with errors_in(str(file.path)):
            resized = _resize(events, sensor_size, size)
            windows = cut(resized, window_ms)
        for window in windows:
            parts.append(PackedRecording.pack(window, new_sensor))
            origins.append(file)
    targets = [classes.index(file.class_name) for file in origins]
    recordings = Recordings(parts, targets, classes, new_sensor)
    groups = [file.group for file in origins]
    return Folder(recordings, groups, [file.path for file in origins], sensor_size)


def _read_files(
    files: list[RecordingFile], sensor_size: SensorSize | None
) -> tuple[list[PackedRecording], SensorSize]:
    """Read files; their sensor is the given one, or as they say, or the smallest that holds all."""
    recorded = []
    for file in tqdm(files, "reading", unit="file", delay=2):
        events, own_size = read_event_file(file.path)
        if own_size and sensor_size and own_size[:2] != sensor_size[:2]:
            raise ValueError(
                f"{file.path} is of sensor {own_size}, others of {sensor_size}; put recordings of "
                "different sensors into different folders"
            )
        sensor_size = own_size or sensor_size
        recorded.append(PackedRecording.pack(events, smallest_sensor(events)))
    sides = np.array([packed.sensor_size for packed in recorded])
    if sensor_size is None:
        width, height, _ = sides.max(axis=0).tolist()
        sensor_size = (width, height, 2)
        _warn_of_a_wild_event(files, recorded)
    too_large = (sides > sensor_size).any(axis=1)
    if too_large.any():
        number = int(too_large.argmax())
        raise ValueError(
            f"{files[number].path}: its events need {recorded[number].sensor_size} pixels and "
            f"polarities, and the sensor has {sensor_size}; name its sensor, or another folder"
        )
    return recorded, sensor_size


def _warn_of_a_wild_event(files: list[RecordingFile], recorded: list[PackedRecording]) -> None:
    """Warn of the file that makes the sensor large, and all recordings coarse, if others don't."""
    sides = np.array([max(packed.sensor_size) for packed in recorded])
    widest = int(sides.argmax())
    if sides[widest] > max(MAX_NETWORK_SIDE, 2 * np.median(sides)):
        events = recorded[widest].unpack()
        event = np.maximum(events["x"], events["y"]).argmax()
        warnings.warn(
            f"{files[widest].path}: event {event} is {events[event]}, far from where others are, "
            "and so all recordings lose pixels; leave it out, or give the sensor's size",
            stacklevel=5,
        )


def _warn_of_copies(files: list[RecordingFile], recorded: list[PackedRecording]) -> None:
    """Warn of files that hold the same, but are of different classes or groups."""
    originals: dict[int, RecordingFile] = {}
    copies = []
    for file, packed in zip(files, recorded, strict=True):
        content = packed.sensor_size, packed.t.tobytes(), packed.pixels.tobytes()
        original = originals.setdefault(hash(content), file)
        if file[1:] != original[1:]:
            copies.append(f"{file.path} holds the same as {original.path}")
    if copies:
        warnings.warn(
            f"{len(copies)} files are copies: {copies[0]}; leave them out, or a test knows them "
            "from training",
            stacklevel=4,
        )


def _natural(name: str) -> tuple[str, str]:
    """Return what sorts "2" before "10"."""
    return re.sub(r"\d+", lambda number: number[0].zfill(20), name), name


def network_size(sensor_size: SensorSize) -> tuple[int, int]:
    """Return the width and height that ``load_folder`` brings recordings of a sensor to."""
    width, height, _ = sensor_size
    block = math.ceil(max(width, height) / MAX_NETWORK_SIDE)
    return max(1, width // block), max(1, height // block)


def resize(events: np.ndarray, sensor_size: SensorSize, size: tuple[int, int]) -> np.ndarray:
    """Reduce the number of pixels: square blocks in the middle of the sensor become a pixel each.

    The blocks are as large as possible. For example, 346 × 260 pixels become 64 × 64 by blocks of
    4 × 4 pixels from the 256 × 256 in the middle, and 35 × 35 stay 35 × 35.

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
    return _resize(check_events(events, sensor_size), sensor_size, size)


def _resize(events: np.ndarray, sensor_size: SensorSize, size: tuple[int, int]) -> np.ndarray:
    """Resize events that were checked, in their place."""
    width, height, _ = sensor_size
    new_width, new_height = size
    check_numbers(Integral, width=new_width, height=new_height)
    block = min(width // new_width, height // new_height)
    if block < 1:
        raise ValueError(
            f"the sensor has {width} × {height} pixels, fewer than {new_width} × {new_height}; "
            "choose a smaller size"
        )
    for field, old, new in (("x", width, new_width), ("y", height, new_height)):
        if old != new:
            left_out = (old - block * new) // 2  # pixels before the first block
            events[field] = (events[field] - left_out) // block
            inside = (events[field] >= 0) & (events[field] < new)
            events = events[inside]
    return events


def cut(events: np.ndarray, window_ms: float | None) -> list[np.ndarray]:
    """Cut a recording into parts of about the same duration; those without events are no parts."""
    if len(events) == 0:
        raise ValueError(
            "no event lies in the middle of the sensor; choose another size, or say the sensor's"
        )
    parts = [events]
    if window_ms is not None:
        since = events["t"] - events["t"][0]
        windows = since / (1000 * window_ms)
        last = max(1, round(windows[-1])) - 1  # which is longer or shorter than the others
        number = np.minimum(np.floor(windows), last)
        ends = np.flatnonzero(np.diff(number)) + 1
        parts = np.split(events, ends)
    for part in parts:
        part["t"] -= part["t"][0]
    return parts
