"""Load a folder of recordings: a folder per class, and in it who or when, as everyone has them."""

import math
import os
import re
import warnings
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
    read_comments,
    read_event_file,
    smallest_sensor,
)

MAX_SIDE = 128  # pixels, unless a size is given
Origin = tuple[Path, str, str]  # file, class and group
SPLITS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval"}


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
    folder = Path(path).expanduser()
    if window_ms is not None:
        check_range(0.001, 2**40, window_ms=window_ms)
    if sensor_size is not None:
        sensor_size = check_sensor_size(sensor_size)
    files = class_files(folder)
    names = class_names(folder, files)
    origins = [(file, *class_and_group(folder, file, names)) for file in files]
    classes = _classes(folder, origins)
    recorded, sensor_size = _read_files(files, sensor_size)
    _warn_of_copies(recorded, origins)
    size = size or network_size(sensor_size)
    new_sensor = (*size, sensor_size[2])
    parts = []
    targets = []
    groups = []
    part_files = []
    for file, class_name, group in tqdm(origins, "preparing", unit="file", delay=2):
        events = recorded.pop(0).unpack()
        with errors_in(str(file)):
            resized = resize(events, sensor_size, size)
            windows = cut(resized, window_ms)
        for window in windows:
            parts.append(PackedRecording.pack(window, new_sensor))
            targets.append(classes.index(class_name))
            groups.append(group)
            part_files.append(file)
    recordings = Recordings(parts, targets, classes, new_sensor)
    return Folder(recordings, groups, part_files, sensor_size)


def _read_files(
    files: list[Path], sensor_size: SensorSize | None
) -> tuple[list[PackedRecording], SensorSize]:
    """Read files; their sensor is the given one, or as they say, or the smallest that holds all."""
    recorded = []
    for file in tqdm(files, "reading", unit="file", delay=2):
        events, own_size = read_event_file(file)
        if own_size and sensor_size and own_size[:2] != sensor_size[:2]:
            raise ValueError(
                f"{file} is of sensor {own_size}, others of {sensor_size}; put recordings of "
                "different sensors into different folders"
            )
        sensor_size = own_size or sensor_size
        recorded.append(PackedRecording.pack(events, smallest_sensor(events)))
    if sensor_size is None:
        sides = [packed.sensor_size for packed in recorded]
        width, height, _ = np.max(sides, axis=0).tolist()
        sensor_size = (width, height, 2)
        _warn_of_a_wild_event(files, recorded)
    return recorded, sensor_size


def _warn_of_a_wild_event(files: list[Path], recorded: list[PackedRecording]) -> None:
    """Warn of the file that makes the sensor large, and all recordings coarse, if others don't."""
    sides = np.array([max(packed.sensor_size) for packed in recorded])
    widest = sides.argmax()
    if sides[widest] > max(MAX_SIDE, 2 * np.median(sides)):
        events = recorded[widest].unpack()
        event = np.maximum(events["x"], events["y"]).argmax()
        warnings.warn(
            f"{files[widest]}: event {event} is {events[event]}, far from where others are, and so "
            "all recordings lose pixels; leave it out, or give the sensor's size",
            stacklevel=4,
        )


def network_size(sensor_size: SensorSize) -> tuple[int, int]:
    """Return the width and height that ``load_folder`` brings recordings of a sensor to."""
    width, height, _ = sensor_size
    block = math.ceil(max(width, height) / MAX_SIDE)
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
    resized = check_events(events, sensor_size)
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
            resized[field] = (resized[field] - left_out) // block
            inside = (resized[field] >= 0) & (resized[field] < new)
            resized = resized[inside]
    return resized


def class_files(path: Path) -> list[Path]:
    """Return the files of recordings below the folders of classes, in alphabetical order."""
    if not path.is_dir():
        raise FileNotFoundError(f"there is no folder {path}; name one with a folder per class")
    files, left_out = _walk(path)
    in_classes = []
    for file in files:
        below = file.relative_to(path).parts
        is_left_out = any(part.startswith("_") for part in below)
        if is_left_out or len(below) == 1:
            left_out.append(file)
        else:
            in_classes.append(file)
    if left_out:
        warnings.warn(
            f"{len(left_out)} files below {path}, such as {min(left_out)}, are no recordings of a "
            "class, or links to one",
            stacklevel=3,
        )
    _refuse_none(path, in_classes)
    return in_classes


def recording_files(path: Path) -> list[Path]:
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
    by_place: dict[str, Path] = {}
    left_out = []
    links = [folder]
    for link in links:  # more of them are found on the way
        below = [link]
        for path in below:  # and so are more paths
            first = by_place.setdefault(os.path.realpath(path), path)
            if first is not path:
                left_out.append(path)
            elif path.is_dir():
                for child in sorted(path.glob("[!.]*")):
                    (links if child.is_symlink() else below).append(child)
    files = []
    for path in sorted(by_place.values()):
        if path.is_file() and may_hold_events(path):
            files.append(path)
        elif not path.is_dir() or not any(path.iterdir()):
            left_out.append(path)
    return files, left_out


def class_names(folder: Path, files: list[Path]) -> dict[str, str]:
    """Return the class of each folder: its own name, or what the files in it say.

    Raises:
        ValueError: Files of a folder say different classes.
    """
    names: dict[str, str] = {}
    for file in files:
        folder_name = file.relative_to(folder).parts[0]
        class_name = read_comments(file).get("class") or folder_name
        first = names.setdefault(folder_name, class_name)
        if class_name != first:
            raise ValueError(f"{file} is of class {class_name}, others beside it of {first}")
    return names


def class_and_group(folder: Path, file: Path, names: dict[str, str]) -> tuple[str, str]:
    """Return the class and the group of a file below a folder, by ``class_names``."""
    folder_name, *below = file.relative_to(folder).parts
    class_name = names[folder_name]
    if len(below) > 1:
        return class_name, below[0]
    return class_name, f"{class_name}/{file.stem}"


def _classes(folder: Path, origins: list[Origin]) -> list[str]:
    """Return the names of classes in natural order, and warn of names that are nearly the same."""
    _, *names = zip(*origins, strict=True)
    classes, groups = map(set, names)
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
            warnings.warn(f"{first} and {second} in {folder}: are they the same?", stacklevel=3)
    return sorted(classes, key=_natural)


def _natural(name: str) -> tuple[str, str]:
    """Return what sorts "2" before "10"."""
    return re.sub(r"\d+", lambda number: number[0].zfill(20), name), name


def _warn_of_copies(recorded: list[PackedRecording], origins: list[Origin]) -> None:
    """Warn of files that hold the same, but are of different classes or groups."""
    originals: dict[int, Origin] = {}
    copies = []
    for packed, origin in zip(recorded, origins, strict=True):
        content = packed.sensor_size, packed.t.tobytes(), packed.pixels.tobytes()
        original = originals.setdefault(hash(content), origin)
        if origin[1:] != original[1:]:
            copies.append(f"{origin[0]} holds the same as {original[0]}")
    if copies:
        warnings.warn(
            f"{len(copies)} files are copies: {copies[0]}; leave them out, or a test knows them "
            "from training",
            stacklevel=3,
        )


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
