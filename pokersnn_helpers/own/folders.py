"""Load a folder of recordings: a folder per class, and in it who or when, as everyone has them."""

import hashlib
import math
import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from ..checks import check_events, check_numbers, check_range, check_sensor_size, errors_in
from ..recordings import PackedRecording, Recordings
from .event_files import FORMATS, read_event_file

LARGEST = 128  # pixels along a side, unless a size is given
PARTS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval"}


class Folder(NamedTuple):
    r"""Recordings of a folder, and where each comes from.

    Attributes:
        recordings: All of them, their classes in alphabetical order, but "2" before "10".
        groups: Of each recording the first folder below its class, or else its file without the
            suffix. With ``stratified_folds(recordings, folds, groups)`` no group is in two folds.
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
    sensor_size: tuple[int, int, int]


def load_folder(
    path: str | PathLike[str],
    *,
    sensor_size: tuple[int, int, int] | None = None,
    size: tuple[int, int] | None = None,
    window_ms: float | None = None,
) -> Folder:
    r"""Load all recordings below a folder, such as ``waving/anna/monday.raw``.

    In memory an event takes about 8 bytes; ``store_folder`` writes more than fit to one file.

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
            ``_``, or a link leads nowhere or to what is read anyway; or names differ in nothing
            but capitals; or two files of different classes or groups hold the same. (Names that
            begin with a dot are hidden.)

    Example:
        >>> for name, x in (("left", 3), ("right", 60)):
        ...     Path("moves", name).mkdir(parents=True)
        ...     _ = Path("moves", name, "1.csv").write_text(f"t,x,y,p\n0,{x},5,1\n")
        >>> load_folder("moves", sensor_size=(64, 64, 2)).recordings
        2 recordings of 64 × 64 pixels: left, right
    """
    folder = FolderReader(path, sensor_size, size, window_ms)
    progress = tqdm(folder.files, "reading", unit="file", delay=2)
    held = {}
    for file in progress:
        events = folder.read(file)
        held[file] = PackedRecording.pack(events, smallest_sensor(events))
    parts = folder.parts(lambda file: held.pop(file).unpack())
    rows = [(PackedRecording.pack(part, folder.new_size), *about) for part, *about in parts]
    packed, targets, groups, files = map(list, zip(*rows, strict=True))
    recordings = Recordings(packed, targets, folder.classes, folder.new_size)
    return Folder(recordings, groups, files, folder.sensor_size)


class FolderReader:
    """Reads the files of a folder one by one; its arguments are those of ``load_folder``.

    Attributes:
        files: Those of recordings.
        classes: Their names, in the order of ``Folder``.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        sensor_size: tuple[int, int, int] | None = None,
        size: tuple[int, int] | None = None,
        window_ms: float | None = None,
    ):
        self.path, self.size, self.window_ms = Path(path).expanduser(), size, window_ms
        self.files = class_files(self.path)
        self.classes = _classes(self.path, self.files)
        _warn_of_copies(self.path, self.files)
        self._said = {check_sensor_size(sensor_size): "sensor_size"} if sensor_size else {}
        self._extent = np.ones(2, int)  # of all events that were read

    def read(self, file: Path) -> np.ndarray:
        """Return the events of a file, and note of what sensor they are."""
        events, sensor_size = read_event_file(file)
        if sensor_size:
            self._said.setdefault(sensor_size, str(file))
        if len(self._said) > 1:
            said = ", ".join(f"{each} by {by}" for each, by in reversed(self._said.items()))
            raise ValueError(f"different sensors are said: {said}; put them into different folders")
        self._extent = np.maximum(self._extent, [1 + events[axis].max() for axis in "xy"])
        return events

    def find_sensor(self) -> None:
        """Read files until one says the sensor, or else all of them."""
        for file in tqdm(self.files, "looking for the sensor", unit="file", delay=2):
            if self._said:
                break
            self.read(file)

    @property
    def sensor_size(self) -> tuple[int, int, int]:
        """The sensor that is given or that a file says, or the smallest that holds all events."""
        return next(iter(self._said), (*self._extent.tolist(), 2))

    @property
    def new_size(self) -> tuple[int, int, int]:
        """What recordings are brought to."""
        return (*(self.size or network_size(self.sensor_size)), self.sensor_size[2])

    def parts(
        self, read: Callable[[Path], np.ndarray]
    ) -> Iterator[tuple[np.ndarray, int, str, Path]]:
        """Yield the parts of each recording, with class, group and file."""
        for file in tqdm(self.files, "preparing", unit="file", delay=2):
            name, group = _class_and_group(self.path, file)
            events = read(file)
            with errors_in(str(file)):
                parts = cut(resize(events, self.sensor_size, self.new_size[:2]), self.window_ms)
            for part in parts:
                yield part, self.classes.index(name), group, file


def smallest_sensor(events: np.ndarray) -> tuple[int, int, int]:
    """Return width, height and polarities of the smallest sensor that holds all events."""
    width, height, polarities = (int(events[field].max()) + 1 for field in "xyp")
    return width, height, polarities


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
        if old == new:  # in blocks of a pixel
            continue
        resized[field] = (resized[field] - (old - block * new) // 2) // block
        resized = resized[(resized[field] >= 0) & (resized[field] < new)]
    return resized


def class_files(path: Path) -> list[Path]:
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
        warnings.warn(f"{such}, are no recordings of a class, or links to one", stacklevel=4)
    if not files:
        known = ", ".join(FORMATS)
        raise FileNotFoundError(f"no recordings in {path}; put {known} into a folder per class")
    return files


def recording_files(path: Path) -> list[Path]:
    """Return the files anywhere below a folder that end as recordings do, in alphabetical order."""
    if files := [file for file in sorted(_walk(path)[0]) if file.suffix.lower() in FORMATS]:
        return files
    raise FileNotFoundError(f"no recordings in {path}; name one with {', '.join(FORMATS)}")


def _walk(path: Path) -> tuple[list[Path], list[Path]]:
    """Return all files below a folder, each once, and links to what is found without them.

    Hidden ones are left out. Links come last, so that what they lead to keeps its own name.
    """
    found: dict[str, Path] = {}
    again, links = [], [path]
    for link in links:  # more of them are found on the way
        below = [link]
        for each in below:
            if found.setdefault(os.path.realpath(each), each) is not each:
                again.append(each)
            elif each.is_dir():
                for one in sorted(each.glob("[!.]*")):
                    (links if one.is_symlink() else below).append(one)
    return [each for each in found.values() if not each.is_dir()], again


def _class_and_group(path: Path, file: Path) -> tuple[str, str]:
    name, *below = file.relative_to(path).parts
    return name, below[0] if len(below) > 1 else f"{name}/{file.stem}"


def _classes(path: Path, files: list[Path]) -> list[str]:
    """Return the names of classes in natural order, and warn of names that are nearly the same."""
    names, groups = map(set, zip(*(_class_and_group(path, file) for file in files), strict=True))
    if len(parts := {each for each in names if each.lower() in PARTS}) > 1 or parts == names:
        found = ", ".join(sorted(parts))
        raise ValueError(f"the folders in {path} are {found}, not classes; load each, for a Split")
    for each in (names, groups):
        for one, other in pairwise(sorted(each, key=lambda name: (name.lower(), name))):
            if one.lower() == other.lower():
                warnings.warn(f"{one} and {other} in {path}: are they the same?", stacklevel=5)
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
        warnings.warn(f"{such}; leave them out, or a test knows them from training", stacklevel=5)


def cut(events: np.ndarray, window_ms: float | None) -> list[np.ndarray]:
    """Cut a recording into parts of about the same duration; those without events are no parts."""
    if len(events) == 0:
        raise ValueError("no event lies in the middle of the sensor; choose another size")
    parts = [events]
    if window_ms is not None:
        check_range(0.001, 2**40, window_ms=window_ms)
        windows = (events["t"] - events["t"][0]) / (1000 * window_ms)
        last = max(1, round(windows[-1])) - 1  # which is longer or shorter than the others
        number = np.minimum(np.floor(windows), last)
        parts = np.split(events, np.flatnonzero(np.diff(number)) + 1)
    for part in parts:
        part["t"] -= part["t"][0]
    return parts
