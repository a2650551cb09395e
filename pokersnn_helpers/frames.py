"""Turn events into batches of frames: one image per polarity and time bin."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from tonic.collation import PadTensors
from torch.utils.data import DataLoader, Dataset

from .checks import check_events, check_indices, check_sensor_size, check_time_window
from .recordings import POKERDVS_SENSOR_SIZE, Recordings, Split

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
        MemoryError: There are too many time bins.
    """
    frames = to_sparse_frames(events, time_window, sensor_size)
    try:
        return frames.to_dense()
    except RuntimeError as error:
        raise MemoryError(
            f"frames of shape {tuple(frames.shape)} don't fit in memory; choose a wider time_window"
            f" than {time_window} µs, or sparse frames (to_sparse_frames, or sparse=True)"
        ) from error


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
    check_time_window(time_window)
    events = check_events(events, sensor_size)
    since = events["t"] - events["t"][0]
    sensor_size = check_sensor_size(sensor_size)
    if int(since[-1]) * math.prod(sensor_size) > 2**53 * time_window:  # exact as a float
        raise ValueError(f"time_window is {time_window} µs, too short for {since[-1]} µs of events")
    bins = np.floor(since / float(time_window)).astype(np.int64)
    shape = (int(bins[-1]) + 1, *sensor_size[::-1])
    places = np.ravel_multi_index((bins, *(events[field] for field in "pyx")), shape)
    places, counts = np.unique(places, return_counts=True)
    return torch.sparse_coo_tensor(
        torch.from_numpy(np.stack(np.unravel_index(places, shape))),
        torch.from_numpy(counts.astype(np.float32)),
        shape,
        check_invariants=False,
        is_coalesced=True,
    )


class FrameDataset(Dataset[tuple[torch.Tensor, int]]):
    """Frames of recordings, made when first asked for and kept in memory from then on."""

    def __init__(self, recordings: Recordings, time_window: float = 1000, sparse: bool = False):
        check_time_window(time_window)
        if not isinstance(recordings, Recordings) or len(recordings) == 0:
            raise ValueError(f"recordings is {recordings!r}; give Recordings, at least one")
        self.recordings = recordings
        self.time_window = time_window
        self.sparse = sparse
        self._kept: dict[int, tuple[torch.Tensor, int]] = {}

    def __len__(self) -> int:
        return len(self.recordings)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        frames, target = self._item(index)
        return frames.clone(), target  # who changes them changes a copy

    def __getitems__(self, indices: list[int]) -> list[tuple[torch.Tensor, int]]:
        """Return the items of a batch, for a loader, which copies them."""
        return [self._item(index) for index in indices]

    def _item(self, index: int) -> tuple[torch.Tensor, int]:
        if index not in self._kept:
            events, target = self.recordings[index]
            count = to_sparse_frames if self.sparse else to_frames
            frames = count(events, self.time_window, self.recordings.sensor_size)
            self._kept[index] = frames, target
        return self._kept[index]


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
        collate_fn=_pad_sparse if sparse else PadTensors(batch_first=False),
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


def _pad_sparse(items: Sequence[tuple[torch.Tensor, int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Do for sparse frames what Tonic's ``PadTensors(batch_first=False)`` does for dense ones."""
    recordings, targets = zip(*items, strict=True)
    sizes = torch.tensor([frames._nnz() for frames in recordings])
    indices = torch.cat([frames.indices() for frames in recordings], dim=1)
    numbers = torch.arange(len(items)).repeat_interleave(sizes)
    frames = torch.sparse_coo_tensor(
        torch.cat([indices[:1], numbers[None], indices[1:]]),
        torch.cat([frames.values() for frames in recordings]),
        (max(len(frames) for frames in recordings), len(items), *recordings[0].shape[1:]),
        check_invariants=False,
    )
    return frames, torch.tensor(targets)


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
    if not isinstance(frames, torch.Tensor) or frames.ndim != 5:
        raise ValueError(
            f"frames is {type(frames).__name__} of shape {tuple(np.shape(frames))}; expected a "
            "tensor of shape (time, batch, polarity, y, x)"
        )
    batch = frames.shape[1]
    mirrored = (torch.rand(batch) < 0.5) & mirror
    shifts = torch.randint(-1, 2, (batch, 2))  # pixels along y and x
    if frames.is_sparse:
        return _move_events(frames, mirrored, shifts)
    changed = torch.empty_like(frames)
    for number, (mirror, shift) in enumerate(zip(mirrored, shifts.tolist(), strict=True)):
        recording = frames[:, number].flip(-1) if mirror else frames[:, number]
        changed[:, number] = recording.roll(shift, dims=(-2, -1))
    return changed


def _move_events(
    frames: torch.Tensor, mirrored: torch.Tensor, shifts: torch.Tensor
) -> torch.Tensor:
    """Do what ``augment`` does to the events of a sparse tensor."""
    check_indices(frames)  # one outside the sensor would come in again at the opposite edge
    time, recording, polarity, y, x = frames._indices()
    height, width = frames.shape[-2:]
    x = torch.where(mirrored[recording], width - 1 - x, x)
    y_shift, x_shift = shifts[recording].unbind(1)
    moved = [time, recording, polarity, (y + y_shift) % height, (x + x_shift) % width]
    indices, counts = torch.stack(moved), frames._values()
    return torch.sparse_coo_tensor(indices, counts, frames.shape, check_invariants=False)
