"""Turn events into batches of frames: one image per polarity and time bin."""

from collections.abc import Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.functional import pad
from torch.utils.data import DataLoader, Dataset

from .checks import check_events, check_indices, check_numbers, check_sensor_size
from .compiling import compiled
from .pokerdvs import POKERDVS_SENSOR_SIZE
from .recordings import Packed, PackedEvents, Recordings, Split, smallest

# Sparse frames are made of events that were checked. PyTorch 2.11 warns of memory errors where
# nobody has said whether to check them again, even when a call says so itself.
if not torch.sparse.check_sparse_tensor_invariants.is_enabled():
    torch.sparse.check_sparse_tensor_invariants.disable()


def to_frames(
    events: np.ndarray,
    time_window: float = 1000,
    sensor_size: tuple[int, int, int] = POKERDVS_SENSOR_SIZE,
) -> torch.Tensor:
    """Count the events of one recording by time bin, polarity and pixel.

    Args:
        events: What ``check_events`` accepts.
        time_window: Width of a time bin in µs. The last bin is kept, full or not.
        sensor_size: Width, height and polarities of the sensor.

    Returns:
        Counts of shape (T, polarities, height, width), float32. Polarity 0 is OFF, 1 is ON.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> events, target = load_pokerdvs(source="simulated").train[0]
        >>> to_frames(events, time_window=100_000).shape
        torch.Size([1, 2, 35, 35])

    Raises:
        TypeError: ``events`` isn't a structured array.
        ValueError: ``time_window`` isn't positive, or ``check_events`` refuses the events.
    """
    return to_sparse_frames(events, time_window, sensor_size).to_dense()


def to_sparse_frames(
    events: np.ndarray,
    time_window: float = 1000,
    sensor_size: tuple[int, int, int] = POKERDVS_SENSOR_SIZE,
) -> torch.Tensor:
    """Count events as ``to_frames`` does, into a sparse (COO) tensor of the same shape.

    Memory then grows with the number of events, not with that of the time bins.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> events, target = load_pokerdvs(source="simulated").train[0]
        >>> to_sparse_frames(events, time_window=1).is_sparse  # bins of 1 µs
        True
    """
    checked = check_events(events, sensor_size)
    return _only(_sparse_batch([_count(checked, time_window, sensor_size)], sensor_size))


class _Counts(NamedTuple):
    """Frames of a recording, in order of time, in whole numbers of any type."""

    steps: np.ndarray  # time steps with events, (S,)
    sizes: np.ndarray  # how many inputs have some in each, (S,)
    places: np.ndarray  # which, step after step: polarity by row by column, (N,)
    counts: np.ndarray  # how many events they have, (N,)


def _count(events: np.ndarray, time_window: float, sensor_size: tuple[int, int, int]) -> _Counts:
    check_numbers(Real, time_window=time_window)
    since = events["t"] - events["t"][0]
    width, height, polarities = check_sensor_size(sensor_size)
    inputs = width * height * polarities
    if int(since[-1]) * inputs > 2**53 * time_window:  # exact as a float
        raise ValueError(f"time_window is {time_window} µs, too short for {since[-1]} µs of events")
    bins = np.floor(since / float(time_window)).astype(np.int64)
    places = ((bins * polarities + events["p"]) * height + events["y"]) * width + events["x"]
    places, counts = np.unique(places, return_counts=True)
    steps, sizes = np.unique(places // inputs, return_counts=True)
    return _Counts(steps, sizes, places % inputs, counts)


class FrameDataset(Dataset[tuple[torch.Tensor, int]]):
    """Frames of recordings, counted when asked for, and kept where recordings are in memory."""

    def __init__(self, recordings: Recordings, time_window: float = 1000, sparse: bool = False):
        check_numbers(Real, time_window=time_window)
        if not isinstance(recordings, Recordings) or len(recordings) == 0:
            raise ValueError(f"recordings is {recordings!r}; give Recordings, at least one")
        self.recordings = recordings
        self.time_window = time_window
        self.sparse = sparse
        self._kept: dict[int, tuple[Packed, _Counts]] = {}

    def __len__(self) -> int:
        return len(self.recordings)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        frames, _ = self.__getitems__([index])
        return _only(frames), self.recordings.targets[index]

    def __getitems__(self, indices: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a batch, for a loader: frames (T, B, ...), padded with silence, and targets."""
        counts = [self._counts(index) for index in indices]
        frames = _sparse_batch(counts, self.recordings.sensor_size)
        targets = torch.tensor([self.recordings.targets[index] for index in indices])
        return frames if self.sparse else frames.to_dense(), targets

    def _counts(self, index: int) -> _Counts:
        events, sensor_size = self.recordings.events, self.recordings.sensor_size
        packed = events.packed[index] if isinstance(events, PackedEvents) else None
        if packed and index in self._kept and self._kept[index][0] is packed:  # not replaced
            return self._kept[index][1]
        counts = _Counts(*map(smallest, _count(events[index], self.time_window, sensor_size)))
        if packed:  # else they are in a file, being too many
            self._kept[index] = packed, counts
        return counts


def make_loader(
    recordings: Recordings,
    batch_size: int = 32,
    time_window: float = 1000,
    *,
    sparse: bool = False,
    shuffle: bool = False,
) -> DataLoader[Any]:
    """Make a loader of batches of frames.

    Args:
        recordings: What to make frames of.
        batch_size: Recordings per batch.
        time_window: Width of a time bin in µs.
        sparse: Make sparse (COO) tensors, which stay small however narrow the time bins are.
        shuffle: Draw the order anew in every epoch, with PyTorch's global random numbers.

    Returns:
        A loader of ``(frames, targets)``: float32 of shape (T, B, polarities, height, width),
        shorter recordings padded with silence at the end, and int64 of shape (B,).

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> frames, targets = next(iter(make_loader(load_pokerdvs(source="simulated").train)))
        >>> frames.shape[1:], targets.shape
        (torch.Size([32, 2, 35, 35]), torch.Size([32]))
    """
    return DataLoader(
        FrameDataset(recordings, time_window, sparse),
        batch_size=batch_size,
        shuffle=shuffle,
        # Every loader draws a random number when it starts. A generator for it alone keeps a loader
        # that doesn't shuffle from changing what training does.
        generator=None if shuffle else torch.Generator(),
        collate_fn=tuple,  # ``FrameDataset`` gives whole batches
    )


def make_loaders(
    data: Split, batch_size: int = 32, time_window: float = 1000, *, sparse: bool = False
) -> tuple[DataLoader[Any], DataLoader[Any]]:
    """Make the loaders of the train batches, which are shuffled, and of the test batches.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> [len(loader) for loader in make_loaders(data, batch_size=24)]  # batches
        [2, 1]
    """
    if not isinstance(data, Split):
        raise TypeError(f"data is {data!r}; give a Split, or use make_loader")
    return (
        make_loader(data.train, batch_size, time_window, sparse=sparse, shuffle=True),
        make_loader(data.test, batch_size, time_window, sparse=sparse),
    )


def _only(frames: torch.Tensor) -> torch.Tensor:
    """Return the frames of a batch's only recording."""
    frames = frames[:, 0]
    return frames._coalesced_(True) if frames.is_sparse else frames


def _sparse_batch(counts: Sequence[_Counts], sensor_size: tuple[int, int, int]) -> torch.Tensor:
    steps, sizes, places, values = map(np.concatenate, zip(*counts, strict=True))
    steps, sizes = steps.astype(np.int64), sizes.astype(np.int64)
    recording = np.repeat(np.arange(len(counts)), [len(each.steps) for each in counts])
    begins = sizes.cumsum() - sizes
    indices, ordered = np.empty((5, len(values)), np.int64), np.empty(len(values), np.float32)
    order = steps.argsort(kind="stable")  # by step, and then by recording
    parts = steps[order], recording[order], begins[order], sizes[order]
    found = places.astype(np.uint32), values.astype(np.float32)
    _fill(*parts, *found, *map(np.uint32, sensor_size[:2]), indices, ordered)
    shape = (int(indices[0, -1]) + 1, len(counts), *sensor_size[::-1])
    tensors = torch.from_numpy(indices), torch.from_numpy(ordered)
    return torch.sparse_coo_tensor(*tensors, shape, check_invariants=False, is_coalesced=True)


@compiled
def _fill(steps, recording, begins, sizes, places, counts, width, height, indices, ordered):
    """Write the counts of each step of each recording, one after the other."""
    n = 0
    for part in range(len(steps)):
        for k in range(begins[part], begins[part] + sizes[part]):
            row = np.uint32(places[k] // width)
            polarity = np.uint32(row // height)
            indices[0, n], indices[1, n], indices[2, n] = steps[part], recording[part], polarity
            indices[3, n], indices[4, n] = row - polarity * height, places[k] - row * width
            ordered[n] = counts[k]
            n += 1


def augment(frames: torch.Tensor, mirror: bool = True) -> torch.Tensor:
    """Mirror about half of the recordings left to right, and shift each by up to a pixel.

    All four suits look the same in a mirror, and no suit changes when its pip moves a little. What
    a shift pushes out at one edge of the sensor comes in again at the opposite edge.

    Args:
        frames: Counts of shape (T, B, polarities, height, width), dense or sparse (COO).
        mirror: Off where a mirror changes the class, as it makes left of right.

    Returns:
        A changed copy of the same shape and kind.

    Example:
        >>> augment(torch.ones(20, 8, 2, 35, 35)).shape
        torch.Size([20, 8, 2, 35, 35])
    """
    batch, _, height, width = frames.shape[1:]
    mirrored = (torch.rand(batch) < 0.5) & mirror
    shifts = torch.randint(-1, 2, (batch, 2))  # pixels along y and x
    if frames.is_sparse:
        check_indices(frames)  # one outside the sensor would come in again at the opposite edge
        step, recording, polarity, y, x = frames._indices()
        rows = (torch.arange(height) + shifts[:, :1]) % height  # where each of them goes, (B, y)
        columns = torch.arange(width).expand(batch, width)
        columns = torch.where(mirrored[:, None], columns.flip(1), columns)
        columns = (columns + shifts[:, 1:]) % width
        y, x = rows.to(y.device)[recording, y], columns.to(x.device)[recording, x]
        places, counts = torch.stack([step, recording, polarity, y, x]), frames._values()
        return torch.sparse_coo_tensor(places, counts, frames.shape, check_invariants=False)
    changed = torch.empty_like(frames)
    for number, (turned, shift) in enumerate(zip(mirrored, shifts.tolist(), strict=True)):
        recording = frames[:, number].flip(-1) if turned else frames[:, number]
        changed[:, number] = recording.roll(shift, dims=(-2, -1))
    return changed


def with_steps(frames: torch.Tensor, steps: int) -> torch.Tensor:
    """Cut frames, or append silence, so that they have so many time steps."""
    if steps == len(frames):
        return frames
    if not frames.is_sparse:
        return pad(frames, (0, 0) * (frames.ndim - 1) + (0, steps - len(frames)))
    kept = slice(None) if steps > len(frames) else frames._indices()[0] < steps
    parts = frames._indices()[:, kept], frames._values()[kept], (steps, *frames.shape[1:])
    coalesced = frames.is_coalesced()
    return torch.sparse_coo_tensor(*parts, check_invariants=False, is_coalesced=coalesced)
