"""Load a folder of recordings: a folder for each class, and in it one for each person or session.

``find_recordings`` finds the files, with their classes and groups; ``load_folder`` also reads them.
"""

import math
import os
import re
import reprlib
from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from tqdm import tqdm

from pokersnn_helpers.events.recordings import PackedRecording, Recordings
from pokersnn_helpers.system.checks import (
    SensorSize,
    check_events,
    check_numbers,
    check_range,
    check_sensor_size,
    errors_in,
    suggests_names,
)
from pokersnn_helpers.system.names import look, plain_name
from pokersnn_helpers.system.warn import warn
from pokersnn_helpers.system.writing import StrPath

from .camera_files import Size
from .event_files import (
    FORMATS,
    MAX_SIDE,
    may_hold_events,
    read_class,
    read_event_file,
)

MAX_NETWORK_SIDE = 64  # pixels, unless a size is given
USUAL_SHARE = 0.99  # of all events: what lies twice as far out as they need is wild
MUCH_LONGER = 100  # times the median duration: a batch of 32 would be all but empty
SPLITS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval"}


class RecordingFile(NamedTuple):
    """A file that ``find_recordings`` found.

    Attributes:
        path: Where it is.
        class_name: The class that it belongs to.
        group: Who or when; see ``Folder``.

    Example:
        >>> RecordingFile(Path("up/anna/1.csv"), "up", "anna").group
        'anna'
    """

    path: Path
    class_name: str
    group: str


class Folder(NamedTuple):
    r"""The recordings of a folder, and the file that each comes from.

    Attributes:
        recordings: All recordings. Their classes are in alphabetical order, but "2" comes before
            "10".
        groups: The group of each recording, which is the first folder below its class, or else its
            file without the suffix. ``stratified_folds(recordings, folds, groups)`` keeps each
            group in one fold.
        files: The file of each recording.
        sensor_size: Width, height and polarities of the sensor, before any change of size.

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

    def __repr__(self) -> str:
        groups = list(dict.fromkeys(self.groups))
        return (
            f"{self.recordings!r}\ngroups: {len(groups)}, {reprlib.repr(groups)}\n"
            f"files: {len(self.files)}, the first of them {self.files[0]}"
        )


@suggests_names
def load_folder(
    path: StrPath,
    *,
    sensor_size: SensorSize | None = None,
    size: Size | None = None,
    window_ms: float | None = None,
    group_by: str | None = None,
) -> Folder:
    r"""Load all recordings below a folder, such as ``waving/anna/monday.raw``.

    An event needs about 8 bytes of memory. If you have more recordings than fit there, use Tonic's
    data sets that are cached on the disk, ``tonic.DiskCachedDataset``.

    Args:
        path: A folder that holds a folder per class, with files that ``read_event_file`` can read.
            Where a CSV file says its class, in a line such as ``# class: up!``, or a ``.npz`` file
            in an array ``class``, that is the name of the class.
        sensor_size: Width, height and polarities of the sensor, for files that don't say them.
            Default: the smallest sensor that holds all events, but for a few that lie far outside:
            those beyond twice the width or height that 99 % of all events need are left out.
        size: Width and height to which ``resize`` brings the recordings. Default: they keep theirs,
            up to 64 pixels along a side.
        window_ms: Duration in ms of parts into which each recording is cut. Default: recordings
            stay whole.
        group_by: What in the path of a file below its class names its group, as a regular
            expression: ``r"user(\d+)"`` for files such as ``user07_lamp.aedat``. Its first pair of
            parentheses is the group. Default: the first folder below the class, or else the file.

    Raises:
        FileNotFoundError: There is no such folder, or there are no classes or no recordings in it.
        ValueError: A file can't be read, files are of different sensors, those of a folder say
            different classes, or ``group_by`` finds nothing in the path of a file.

    Warns:
        UserWarning: Files are left out that hold no recordings, whose names begin with ``_``, or
            that a link leads to again; names look alike; the folder may be that of a class, with
            people in it; files of different classes or groups hold the same; events far outside
            are left out; or a recording lasts much longer than others. Hidden files are skipped.

    Example:
        >>> for name, x in (("left", 3), ("right", 60)):
        ...     Path("moves", name).mkdir(parents=True)
        ...     _ = Path("moves", name, "1.csv").write_text(f"t,x,y,p\n0,{x},5,1\n")
        >>> load_folder("moves", sensor_size=(64, 64, 2)).recordings
        2 recordings of 64 × 64 pixels: left, right
    """
    files = find_recordings(path, group_by)
    if window_ms is not None:
        check_range(0.001, 2**40, window_ms=window_ms)
    recorded, sensor_size = _read_files(files, sensor_size)
    _warn_of_copies(files, recorded)
    if window_ms is None:
        _warn_of_a_long_one(files, recorded)
    size = size or network_size(sensor_size)
    return _to_folder(files, recorded, sensor_size, size, window_ms)


def _to_folder(
    files: list[RecordingFile],
    recorded: list[PackedRecording],
    sensor_size: SensorSize,
    size: Size,
    window_ms: float | None,
) -> Folder:
    """Resize what files hold, and cut it into parts; this empties ``recorded`` to free memory."""
    classes = sorted({file.class_name for file in files}, key=_natural)
    parts = []
    origins = []
    for file in files:
        events = recorded.pop(0).unpack()
        with errors_in(file.path):
            of_file = resized_parts(events, sensor_size, size, window_ms)
        parts += of_file
        origins += [file] * len(of_file)
    paths, targets, groups = map(list, zip(*origins, strict=True))
    recordings = Recordings(parts, targets, classes, (*size, sensor_size[2]))
    return Folder(recordings, groups, paths, sensor_size)


def find_recordings(path: StrPath, group_by: str | None = None) -> list[RecordingFile]:
    r"""Find the recordings that ``load_folder`` reads, with their classes and groups.

    Args:
        path: As for ``load_folder``.
        group_by: As for ``load_folder``.

    Returns:
        The files in alphabetical order.

    Raises:
        FileNotFoundError: There is no such folder, or there are no classes or no recordings in it.
        ValueError: Files of a folder say different classes, its folders are splits of a data set
            instead of classes, or ``group_by`` finds nothing in the path of a file.

    Warns:
        UserWarning: Some files are left out, names look alike, or the folder may be a class's.

    Example:
        >>> Path("signs/up").mkdir(parents=True)
        >>> _ = Path("signs/up/anna_1.csv").write_text("t,x,y,p\n0,3,5,1\n")
        >>> [(file.class_name, file.group) for file in find_recordings("signs", r"[a-z]+")]
        [('up', 'anna')]
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}; name one with a folder per class")
    paths, left_out = _walk(folder)
    if paths and all(path.parent == folder for path in paths):
        raise FileNotFoundError(
            f"{folder} holds recordings, as {paths[0].name}, and no folder per class; name the "
            f"folder above it, {folder.absolute().parent}, or put them into a folder per class"
        )
    in_classes = {}
    for file in paths:
        below = file.relative_to(folder).parts
        if len(below) == 1 or any(part.startswith("_") for part in below):
            left_out.append(file)
        else:
            in_classes[file] = below
    _say_left_out(folder, [*in_classes], left_out)
    classes = _class_names(folder, in_classes)
    files = []
    for file, (folder_name, *rest) in in_classes.items():
        class_name = classes[folder_name]
        if group_by:
            group = _group_in("/".join(rest), group_by)
        else:
            group = rest[0] if len(rest) > 1 else f"{class_name}/{plain_name(file.stem)}"
        files.append(RecordingFile(file, class_name, _visible(group, file)))
    _warn_of_similar_names(folder, {file.class_name for file in files})
    _warn_of_similar_names(folder, {file.group for file in files})
    _warn_if_people_are_classes(folder, {file.parent for file in in_classes})
    return files


def _visible(name: str, file: Path) -> str:
    """Return the plain form of a name; refuse a name of which nothing is seen."""
    plain = plain_name(name)
    if not plain:
        raise ValueError(f"{file} belongs to {name!a}, of which nothing is seen; rename that")
    return plain


def _group_in(path: str, pattern: str) -> str:
    """Return what a regular expression finds in a path: its first group, or else all of it."""
    try:
        found = re.search(pattern, plain_name(path))
    except (re.error, TypeError) as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
    group: str | None = found and found[found.re.groups and 1]
    if not group:
        raise ValueError(
            f"{pattern!r} finds no group in {path}; write what all files have, and within "
            "parentheses, if there are some, what names the group"
        )
    return group


def find_files(path: Path) -> list[Path]:
    """Return a file, or all recordings anywhere below a folder, in alphabetical order.

    A warning says what is left out.
    """
    if not path.is_dir():
        return [path]
    files, left_out = _walk(path)
    _say_left_out(path, files, left_out)
    return files


def _say_left_out(folder: Path, files: list[Path], left_out: list[Path]) -> None:
    """Warn of what is left out of a folder, and refuse it if nothing else is in it."""
    if left_out:
        warn(
            f"{len(left_out)} files below {folder}, such as {min(left_out)}, are left out: they "
            "are no recordings, or links to one"
        )
    if not files:
        raise FileNotFoundError(
            f"no recordings in folders of {folder}; put {', '.join(FORMATS)} into a folder per "
            "class, and name the folder of these"
        )


def _walk(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the recordings below a folder, each once, and the paths that are left out.

    Hidden files are skipped. Links come last, so that what they lead to keeps its own name.
    """
    recordings = []
    left_out = []
    visited: set[str] = set()
    waiting = deque([folder])
    while waiting:
        path = waiting.popleft()
        real_path = os.path.realpath(path)
        children = _entries(path) if path.is_dir() else []
        if real_path not in visited and children:
            for child in children:
                if child.is_symlink():
                    waiting.append(child)
                else:
                    waiting.appendleft(child)
        elif real_path not in visited and path.is_file() and may_hold_events(path):
            recordings.append(path)
        else:
            left_out.append(path)
        visited.add(real_path)
    return sorted(recordings), left_out


def _entries(folder: Path) -> list[Path]:
    """Return what lies in a folder and isn't hidden; unlike ``glob``, refuse one without access."""
    return sorted(child for child in folder.iterdir() if not child.name.startswith("."))


def _class_names(folder: Path, files: dict[Path, tuple[str, ...]]) -> dict[str, str]:
    """Return the class of each folder, by name: what its files say, or else its own name."""
    said: dict[str, str] = {}
    for file, (folder_name, *_) in files.items():
        class_name = read_class(file) or ""
        if class_name != said.setdefault(folder_name, class_name):
            raise ValueError(
                f"{file} is of class {class_name or folder_name}, others beside it of "
                f"{said[folder_name] or folder_name}"
            )
    splits = [name for name in sorted(said) if not said[name] and name.lower() in SPLITS]
    if len(splits) > 1 or len(splits) == len(said):
        raise ValueError(
            f"the folders in {folder} are {', '.join(splits)}, not classes; load each, for a Split"
        )
    return {name: _visible(said[name] or name, folder / name) for name in said}


def _warn_of_similar_names(folder: Path, names: set[str]) -> None:
    """Warn of names that look alike: the same person could be in training and in the test."""
    for first, second in pairwise(sorted(sorted(names), key=look)):
        if look(first) == look(second):
            warn(f"{first} and {second} in {folder}: are they the same? Then give them one name")


def _warn_if_people_are_classes(folder: Path, below: set[Path]) -> None:
    """Warn of a folder that seems to be a class: the folders beside it hold the same people."""
    in_groups = any(path.parent != folder for path in below)
    folder = folder.absolute()
    beside = [path for path in folder.parent.glob("[!._]*/") if path != folder]
    is_split = SPLITS & {path.name.lower() for path in (folder, *beside)}
    if in_groups or is_split or folder.parent == Path.cwd():
        return  # beside another data set, such as the one that it was cleaned from
    names = sorted(path.name for path in below)
    shared = [name for name in names if all((path / name).is_dir() for path in beside)]
    if beside and shared:
        warn(
            f"the folders beside {folder.name} hold {', '.join(shared)}, too: are these people, "
            f"and is {folder.name} a class? Then name the folder above it, {folder.parent}"
        )


def _read_files(
    files: list[RecordingFile], sensor_size: SensorSize | None
) -> tuple[list[PackedRecording], SensorSize]:
    """Read files and find the size of their sensor; warn of events outside.

    ``sensor_size`` is the size that a reader gave, if any.
    """
    if sensor_size is not None:
        sensor_size = check_sensor_size(sensor_size)
    recorded = []
    said = []
    for file in tqdm(files, "reading", unit="file", delay=2):
        events, own_size, _ = read_event_file(file.path)
        recorded.append(PackedRecording.pack(events))
        said.append(own_size)
    known = _agreed_sensor(files, said, sensor_size)
    sensor_size = known or _usual_sensor(recorded)
    sides = np.array([packed.sensor_size for packed in recorded])
    is_outside = (sides > sensor_size).any(axis=1)
    if is_outside.any():
        number = is_outside.argmax()
        example = f"{files[number].path} has events on {recorded[number].sensor_size} pixels"
        if known:
            raise ValueError(f"{example}, and the sensor is {known}; name its sensor")
        width, height, _ = sensor_size
        warn(
            f"{is_outside.sum()} files have events far outside {width} × {height} pixels, where "
            f"nearly all are: {example}. They are left out; give the sensor's size if they are "
            "right"
        )
    return recorded, sensor_size


def _agreed_sensor(
    files: list[RecordingFile], said: list[SensorSize | None], given: SensorSize | None
) -> SensorSize | None:
    """Return the sensor size that files say, on which all have to agree, or else the given one."""
    known = [size for size in (given, *said) if size]
    for file, size in zip(files, said, strict=True):
        if size and size[:2] != known[0][:2]:
            raise ValueError(
                f"{file.path} is of sensor {size}, others of {known[0]}; put recordings of "
                "different sensors into different folders"
            )
    return max(filter(None, said), default=given)


def _usual_sensor(recorded: list[PackedRecording]) -> SensorSize:
    """Return the size of the smallest sensor that holds all events but wild ones.

    Wild events lie beyond 64 pixels, and twice as far out as 99 % of all events; or twice as far
    out as 99 % of the events in any file. So a single event of a class isn't wild where no other
    recording shows anything.
    """
    counts = np.zeros((2, MAX_SIDE + 1), np.int64)  # events in each column and each row
    needed = [1, 1]  # by any file
    for packed in recorded:
        events = packed.unpack()
        for axis, field in enumerate("xy"):
            of_file = np.bincount(events[field].clip(max=MAX_SIDE), minlength=MAX_SIDE + 1)
            counts[axis] += of_file
            needed[axis] = max(needed[axis], _usual_side(of_file, 1))
    of_all = [_usual_side(axis, MAX_NETWORK_SIDE) for axis in counts]
    width, height = map(min, needed, of_all)
    return width, height, 2


def _usual_side(counts: ndarray, least: int) -> int:
    """Return how many pixels along a side hold all events but wild ones.

    Events on the first pixels, of which there are ``least``, are never wild.
    """
    share = counts.cumsum() / counts.sum()
    needed = int(np.searchsorted(share, USUAL_SHARE)) + 1
    near = counts[: max(least, 2 * needed)]
    return int(np.flatnonzero(near)[-1]) + 1


def _warn_of_a_long_one(files: list[RecordingFile], recorded: list[PackedRecording]) -> None:
    """Warn of a recording so long that the others in its batch would be filled up with silence."""
    seconds = np.array([packed.t[-1] / 1e6 for packed in recorded])
    longest = seconds.argmax()
    median = np.median(seconds)
    if seconds[longest] > MUCH_LONGER * max(median, 1e-3):
        warn(
            f"{files[longest].path} lasts {seconds[longest]:.4g} s, the median is {median:.4g} s: "
            "training may take more time and memory than there is; cut all into parts by "
            "window_ms (--window-ms), or leave it out"
        )


def _warn_of_copies(files: list[RecordingFile], recorded: list[PackedRecording]) -> None:
    """Warn of files that hold the same recording in different classes or groups."""
    originals: dict[int, RecordingFile] = {}
    copies = []
    for file, packed in zip(files, recorded, strict=True):
        content = packed.sensor_size, packed.t.tobytes(), packed.pixels.tobytes()
        original = originals.setdefault(hash(content), file)
        if file[1:] != original[1:]:
            copies.append(f"{file.path} holds the same as {original.path}")
    if copies:
        warn(
            f"{len(copies)} files are copies: {copies[0]}; leave them out, or a test knows them "
            "from training"
        )


def _natural(name: str) -> tuple[str, str]:
    """Return a key that sorts "2" before "10"."""
    return re.sub(r"\d+", lambda number: number[0].zfill(20), name), name


def network_size(sensor_size: SensorSize) -> Size:
    """Return the width and height that ``load_folder`` brings recordings of a sensor to."""
    width, height, _ = sensor_size
    block = math.ceil(max(width, height) / MAX_NETWORK_SIDE)
    return max(1, width // block), max(1, height // block)


def in_pixels(size: Sequence[int]) -> str:
    """Return width and height as the command line writes them, such as 346x260.

    Example:
        >>> in_pixels((346, 260, 2))
        '346x260'
    """
    return f"{size[0]}x{size[1]}"


def resize(events: ndarray, sensor_size: SensorSize, size: Size) -> ndarray:
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


def _resize(events: ndarray, sensor_size: SensorSize, size: Size) -> ndarray:
    """Resize checked events, which this overwrites."""
    width, height, _ = sensor_size
    if np.shape(size) != (2,):
        raise ValueError(f"size is {size!r}; choose a width and a height, as (16, 16)")
    new_width, new_height = size
    check_numbers(Integral, width=new_width, height=new_height)
    block = min(width // new_width, height // new_height)
    if block < 1:
        raise ValueError(
            f"the sensor has {width} × {height} pixels, fewer than {new_width} × {new_height}; "
            "choose a smaller size"
        )
    for field, old, new in (("x", width, new_width), ("y", height, new_height)):
        left_out = (old - block * new) // 2  # pixels before the first block
        events[field] = (events[field] - left_out) // block
        is_inside = (events[field] >= 0) & (events[field] < new)
        events = events[is_inside]
    return events


def thin(events: ndarray, share: float, rng: np.random.Generator | None = None) -> ndarray:
    """Draw a share of a recording's events, with the first and the last, so it lasts as long.

    Args:
        events: Structured array of events.
        share: From 0 to 1; 1 draws all events.
        rng: The random generator that draws. Default: one that always draws the same.

    Example:
        >>> from pokersnn_helpers import EVENT_DTYPE
        >>> len(thin(np.zeros(1000, EVENT_DTYPE), 0.1))
        91
    """
    drawn = (rng or np.random.default_rng(0)).random(len(events)) < share
    drawn[[0, -1]] = True
    return events[drawn]


def resized_parts(
    events: ndarray, sensor_size: SensorSize, size: Size, window_ms: float | None
) -> list[PackedRecording]:
    """Resize checked events, which this overwrites, and pack them in parts of equal duration.

    The last part is shorter or longer, by up to a half. Parts without events are left out.
    Without ``window_ms`` there is one part.
    """
    events = _resize(events, sensor_size, size)
    if len(events) == 0:
        raise ValueError(
            "no event lies in the middle of the sensor; choose another size, or say the sensor's"
        )
    ends: Any = []
    if window_ms is not None:
        windows = (events["t"] - events["t"][0]) / (1000 * window_ms)
        last = max(1, round(windows[-1])) - 1  # which is longer or shorter than the others
        number = np.minimum(np.floor(windows), last)
        ends = np.flatnonzero(np.diff(number)) + 1
    new_sensor = (*size, sensor_size[2])
    parts = np.split(events, ends)
    return [PackedRecording.pack(part, new_sensor)._replace(start=0) for part in parts]
