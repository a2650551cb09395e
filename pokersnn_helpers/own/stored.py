"""Many recordings in one HDF5 file, each read when it is asked for: memory holds those in use."""

import errno
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np

from ..checks import check_classes, check_events, check_groups, check_sensor_size
from ..files import atomic_write
from ..recordings import Recordings
from .folders import FolderReader

# An event takes 9 bytes in the file, and in memory 32. Times count from a recording's first event.
STORED_DTYPE = np.dtype([("t", "<u4"), ("x", "<u2"), ("y", "<u2"), ("p", "u1")])
CHUNK = 4096  # events that share HDF5's checksum, which zeros pass
REMEDY = "copy the file again, or make it anew"
Pairs = Iterable[tuple[np.ndarray, int]]  # of events and a class
SensorSize = tuple[int, int, int]


class StoredRecordings(Recordings):
    """Recordings of a file that ``store_recordings`` wrote, read one by one and never kept.

    They are checked when they are read. Several processes may read the same file, which has to stay
    as it is.

    Args:
        path: The file.
        numbers: Which of its recordings, in this order. Default: all.
        digest: That which the file has to have. Default: any.

    Attributes:
        groups: Of each recording, a number or a name; each is None where the file says none.
        digest: A file with other recordings has another one.
        recorded_size: The sensor, before any change of size.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is cut off, damaged or another one. A damaged recording raises it when
            it is read.

    Example:
        >>> from pokersnn_helpers.simulation import simulate_cards
        >>> classes = ("club", "heart", "diamond", "spade")
        >>> made = store_recordings("four.h5", simulate_cards(4), classes, (35, 35, 2))
        >>> events, target = StoredRecordings("four.h5").subset([3, 2])[0]
        >>> target, events.dtype.names
        (3, ('t', 'x', 'y', 'p'))
    """

    def __init__(
        self,
        path: str | PathLike[str],
        numbers: Iterable[int] | None = None,
        digest: str | None = None,
    ):
        self.path = Path(path).absolute()
        if not self.path.is_file():
            raise FileNotFoundError(f"there is no file {path}; store_recordings writes one")
        try:
            file = h5py.File(self.path, locking=False)  # what changes meanwhile is noticed
            self.sensor_size = check_sensor_size(file.attrs["sensor_size"].tolist())
            recorded_size = file.attrs.get("recorded_size", self.sensor_size)
            self.recorded_size = check_sensor_size(recorded_size)
            self.classes = check_classes(json.loads(bytes(file.attrs["classes"])))
            ends, targets, rows = file["ends"][:], file["targets"][:], file["events"]
            sizes = np.diff(ends, prepend=0)
            groups = checksums = [None] * len(ends)
            if "groups" in file:
                groups = json.loads(bytes(file["groups"][:]))
            if "checksums" in file:  # those of earlier versions have none
                checksums = file["checksums"][:].tolist()
            if rows.shape != (sizes.sum(), STORED_DTYPE.itemsize) or sizes.min() < 1:
                raise ValueError("its recordings don't fit its events")
            known = np.isin(targets, range(len(self.classes))).all()
            if not known or not len(targets) == len(groups) == len(checksums) == len(ends):
                raise ValueError("its targets or groups don't fit its recordings or classes")
        except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path} is cut off, damaged or no file of recordings ({error}); {REMEDY}"
            ) from error
        about = [self.classes, self.sensor_size, ends.tolist(), targets.tolist(), groups, checksums]
        self.digest = hashlib.sha256(repr(about).encode()).hexdigest()
        if digest not in (None, self.digest):
            raise ValueError(f"{path} has changed since it was opened; begin again")
        self.numbers = np.arange(len(ends))[slice(None) if numbers is None else list(numbers)]
        self.targets = targets[self.numbers].tolist()
        self.groups = [groups[number] for number in self.numbers]
        self.checksums = [checksums[number] for number in self.numbers]
        places = np.stack([ends - sizes, ends], axis=1)[self.numbers]
        self.events = _Events(self, rows, places)

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process opens the file itself.
        return StoredRecordings, (self.path, self.numbers, self.digest)

    def subset(self, indices: Iterable[int]) -> "StoredRecordings":
        """Return some of the recordings, in the given order, without reading them."""
        return StoredRecordings(self.path, self.numbers[list(indices)], self.digest)


class _Events(Sequence[np.ndarray]):
    """Reads the events of a recording when they are asked for."""

    def __init__(self, recordings: StoredRecordings, rows: Any, places: np.ndarray):
        self.recordings, self.rows, self.places = recordings, rows, places

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[number] for number in range(len(self))[index]]
        recordings, (start, end) = self.recordings, self.places[index]
        try:
            rows, expected = self.rows[start:end], recordings.checksums[index]
            if expected not in (None, zlib.crc32(rows.tobytes(), recordings.targets[index])):
                raise ValueError("its bytes aren't those that were stored; was the file changed?")
            events = rows.view(STORED_DTYPE)[:, 0]
            return check_events(events, recordings.sensor_size, "its events")
        except (OSError, ValueError) as error:
            name = f"{recordings.path}: recording {recordings.numbers[index]}"
            raise ValueError(f"{name}: {error}; {REMEDY}") from error


def store_recordings(
    path: str | PathLike[str],
    recordings: Pairs,
    classes: Sequence[str],
    sensor_size: SensorSize,
    groups: Sequence[Any] | None = None,
    recorded_size: SensorSize | None = None,
) -> StoredRecordings:
    """Write recordings to one file as they come, so that they needn't fit in memory.

    The file gets its name when it is complete and has been read back.

    Args:
        path: A file that isn't there yet.
        recordings: Pairs of events, as ``check_events`` accepts them, and a class, such as
            ``Recordings`` yields. Times are stored from a recording's first event on.
        classes: Names of the classes.
        sensor_size: Width, height and polarities of the sensor.
        groups: A number or a name for each recording, as for ``stratified_folds``.
        recorded_size: The sensor before a change of size. Default: ``sensor_size``.

    Returns:
        The recordings in the file.

    Raises:
        FileExistsError: There is such a file.
        OSError: The folder can't be written to, or the disk is full.
        ValueError: Events, targets or classes are wrong, there are none, or numbers are too large:
            a recording lasts 2**32 µs (71 minutes) or more, or the sensor is wider than 2**16.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> test = load_pokerdvs(source="simulated").test
        >>> store_recordings("cards.h5", test, test.classes, test.sensor_size)
        20 recordings of 35 × 35 pixels: club, heart, diamond, spade
    """
    path, classes, sensor_size = _new(path), check_classes(classes), check_sensor_size(sensor_size)
    with atomic_write(path, overwrite=False) as temporary:
        sink = _Sink(temporary)
        try:
            with h5py.File(sink, "w", libver="latest") as file:
                file.attrs["sensor_size"] = sensor_size
                file.attrs["recorded_size"] = recorded_size or sensor_size
                file.attrs["classes"] = _text(classes)
                checksums = _write(file, recordings, len(classes), sensor_size, sink.check)
                if groups is not None:
                    check_groups(groups, len(checksums))
                    file.create_dataset("groups", data=_text(groups), chunks=True, fletcher32=True)
        finally:
            sink.check()  # what else is wrong may follow from it
        temporary.flush()
        os.fsync(temporary.fileno())
        if hasattr(os, "posix_fadvise"):  # what is read now comes from the disk
            os.posix_fadvise(temporary.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        try:
            stored = StoredRecordings(temporary.name)
            kept = stored.checksums == checksums and all(map(len, stored.events))  # reads each
        except ValueError:
            kept = False
        if not kept:
            raise OSError(errno.EIO, "The disk didn't keep what was written", str(path))
    return StoredRecordings(path)


def store_folder(
    path: str | PathLike[str], folder: str | PathLike[str], **options: Any
) -> StoredRecordings:
    r"""Write the recordings of a folder, and their groups, to one file, reading one at a time.

    Where no file says its sensor, all are read twice: first for the smallest that holds them.

    Args:
        path: As for ``store_recordings``.
        folder: As for ``load_folder``, and so are the options.
        options: ``sensor_size``, ``size`` and ``window_ms``.

    Raises:
        FileExistsError: There is such a file.
        OSError: The folder can't be written to, or the disk is full.
        ValueError: As for ``load_folder`` and ``store_recordings``.

    Example:
        >>> Path("waves/up/anna").mkdir(parents=True)
        >>> _ = Path("waves/up/anna/1.csv").write_text("t,x,y,p\n0,3,5,1\n")
        >>> store_folder("waves.h5", "waves").groups
        ['anna']
    """
    path, reader = _new(path), FolderReader(folder, **options)
    reader.find_sensor()
    groups: list[str] = []  # they are stored after the recordings

    def recordings() -> Pairs:
        for events, target, group, _ in reader.parts(reader.read):
            groups.append(group)
            yield events, target

    sizes = reader.new_size, groups, reader.sensor_size
    return store_recordings(path, recordings(), reader.classes, *sizes)


def _new(path: str | PathLike[str]) -> Path:
    if Path(path).exists():
        raise FileExistsError(f"{path} exists and isn't overwritten; name another file")
    return Path(path)


class _Sink:
    """A file that keeps its errors from HDF5, which would crash when it closes it."""

    def __init__(self, file: BinaryIO):
        self.file = file
        self.error: OSError | None = None

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            try:
                return getattr(self.file, name)(*arguments)
            except OSError as error:
                self.error = self.error or error
                return 0

        return call

    def check(self) -> None:
        """Raise the first error."""
        if self.error:
            raise self.error


def _write(
    file: Any, recordings: Pairs, classes: int, sensor_size: SensorSize, check: Callable[[], None]
) -> list[int]:
    """Write recordings, and return their checksums."""
    width = STORED_DTYPE.itemsize
    rows = file.create_dataset(
        "events", (0, width), "u1", maxshape=(None, width), chunks=(CHUNK, width), fletcher32=True
    )
    ends, targets, checksums = [0], [], []
    for number, (events, target) in enumerate(recordings):
        checked = check_events(events, sensor_size, f"recording {number}")
        if target not in range(classes):
            raise ValueError(f"target {number} is {target!r}; expected 0 to {classes - 1}")
        checked["t"] -= checked["t"][0]
        stored = checked.astype(STORED_DTYPE)
        if (stored.astype(checked.dtype) != checked).any():
            raise ValueError(f"recording {number} exceeds 2**32 µs or 2**16 pixels; cut it")
        ends.append(ends[-1] + len(stored))
        targets.append(int(target))
        rows.resize(ends[-1], axis=0)
        rows[ends[-2] :] = new = stored.view("u1").reshape(-1, width)
        checksums.append(zlib.crc32(new.tobytes(), targets[-1]))
        check()
    if not targets:
        raise ValueError("there are no recordings to store")
    for name, column in (("ends", ends[1:]), ("targets", targets), ("checksums", checksums)):
        file.create_dataset(name, data=column, chunks=True, fletcher32=True)
    return checksums


def _text(words: Sequence[Any]) -> np.ndarray:
    """Return words and numbers, NumPy's too, as bytes: HDF5 keeps no checksum of texts."""
    return np.frombuffer(json.dumps([*words], default=lambda each: each.item()).encode(), "u1")
