"""Many recordings in one HDF5 file, each read when it is asked for: memory holds those in use."""

import json
from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..checks import check_classes, check_events, check_sensor_size
from ..files import atomic_write
from ..recordings import Recordings

# An event takes 9 bytes in the file, and in memory 32. Times count from a recording's first event.
STORED_DTYPE = np.dtype([("t", "<u4"), ("x", "<u2"), ("y", "<u2"), ("p", "u1")])
CHUNK = 4096  # events that share a checksum
REMEDY = "copy the file again, or make it anew"
Pairs = Iterable[tuple[np.ndarray, int]]  # of events and a class
SensorSize = tuple[int, int, int]


class StoredRecordings(Recordings):
    """Recordings of a file that ``store_recordings`` wrote, read one by one and never kept.

    They are checked when they are read. Several processes may read the same file.

    Args:
        path: The file.
        numbers: Which of its recordings, in this order. Default: all.

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

    events: Any

    def __init__(self, path: str | PathLike[str], numbers: Iterable[int] | None = None):
        self.path = Path(path).absolute()
        if not self.path.is_file():
            raise FileNotFoundError(f"there is no file {path}; store_recordings writes one")
        try:
            file = h5py.File(self.path)
            self.sensor_size = check_sensor_size(file.attrs["sensor_size"].tolist())
            self.classes = check_classes(json.loads(bytes(file.attrs["classes"])))
            ends, targets, rows = file["ends"][:], file["targets"][:], file["events"]
            sizes = np.diff(ends, prepend=0)
            if rows.shape != (sizes.sum(), STORED_DTYPE.itemsize) or sizes.min() < 1:
                raise ValueError("its recordings don't fit its events")
            if targets.shape != ends.shape or not np.isin(targets, range(len(self.classes))).all():
                raise ValueError("its targets don't fit its recordings")
        except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path} is cut off, damaged or no file of recordings ({error}); {REMEDY}"
            ) from error
        self.numbers = np.arange(len(ends))[slice(None) if numbers is None else list(numbers)]
        self.targets = targets[self.numbers].tolist()
        places = np.stack([ends - sizes, ends], axis=1)[self.numbers]
        self.events = _Events(self, rows, places)

    def __reduce__(self) -> tuple[Any, ...]:
        return StoredRecordings, (self.path, self.numbers)  # another process opens the file itself

    def subset(self, indices: Iterable[int]) -> "StoredRecordings":
        """Return some of the recordings, in the given order, without reading them."""
        return StoredRecordings(self.path, self.numbers[list(indices)])


class _Events(Sequence[np.ndarray]):
    """Reads the events of a recording when they are asked for."""

    def __init__(self, recordings: StoredRecordings, rows: Any, places: np.ndarray):
        self.recordings, self.rows, self.places = recordings, rows, places

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        start, end = self.places[index]
        try:
            events = self.rows[start:end].view(STORED_DTYPE)[:, 0]
            return check_events(events, self.recordings.sensor_size, "its events")
        except (OSError, ValueError) as error:
            name = f"{self.recordings.path}: recording {self.recordings.numbers[index]}"
            raise ValueError(f"{name}: {error}; {REMEDY}") from error


def store_recordings(
    path: str | PathLike[str], recordings: Pairs, classes: Sequence[str], sensor_size: SensorSize
) -> StoredRecordings:
    """Write recordings to one file as they come, so that they needn't fit in memory.

    The file gets its name when it is complete and has been read back.

    Args:
        path: A file that isn't there yet.
        recordings: Pairs of events, as ``check_events`` accepts them, and a class, such as
            ``Recordings`` yields. Times are stored from a recording's first event on.
        classes: Names of the classes.
        sensor_size: Width, height and polarities of the sensor.

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
    path, classes = Path(path), check_classes(classes)
    sensor_size = check_sensor_size(sensor_size)
    if path.exists():
        raise FileExistsError(f"{path} exists and isn't overwritten; name another file")
    with atomic_write(path, overwrite=False) as temporary:
        with h5py.File(temporary.name, "w", libver="latest") as file:
            file.attrs["sensor_size"] = sensor_size
            # As numbers: HDF5 keeps no checksum of texts.
            file.attrs["classes"] = np.frombuffer(json.dumps(classes).encode(), "u1")
            _write(file, recordings, len(classes), sensor_size)
        for _ in StoredRecordings(temporary.name).events:
            pass  # each is read, and its checksum compared
    return StoredRecordings(path)


def _write(file: Any, recordings: Pairs, classes: int, sensor_size: SensorSize) -> None:
    width = STORED_DTYPE.itemsize
    rows = file.create_dataset(
        "events", (0, width), "u1", maxshape=(None, width), chunks=(CHUNK, width), fletcher32=True
    )
    ends, targets = [0], []
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
        rows[ends[-2] :] = stored.view("u1").reshape(-1, width)
    if not targets:
        raise ValueError("there are no recordings to store")
    file.create_dataset("ends", data=ends[1:], chunks=True, fletcher32=True)
    file.create_dataset("targets", data=targets, chunks=True, fletcher32=True)
