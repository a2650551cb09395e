"""Turn events into batches of frames: one image a polarity and a time bin."""

import copy

import numpy as np
import torch
from tonic import MemoryCachedDataset
from tonic.collation import PadTensors
from tonic.datasets import POKERDVS
from torch.utils.data import DataLoader

from .data import PokerDVS


def to_frames(events: np.ndarray, time_window: float = 1000) -> torch.Tensor:
    """Count the events of one recording by time bin, polarity and pixel.

    Args:
        events: Structured array with fields t (µs), x, y and p.
        time_window: Width of a time bin in µs. The last bin, which the recording fills only in
            part, is kept.

    Returns:
        Counts of shape (T, 2, 35, 35) and type float32: time bin, polarity (0 = OFF, 1 = ON),
        y, x.

    Raises:
        ValueError: There are no events, or ``time_window`` isn't positive.
    """
    return to_sparse_frames(events, time_window).to_dense()


def to_sparse_frames(events: np.ndarray, time_window: float = 1000) -> torch.Tensor:
    """Count events as ``to_frames`` does, and keep the counts that aren't 0 only.

    Memory then grows with the number of events, not with that of the time bins.

    Args:
        events: As for ``to_frames``.
        time_window: As for ``to_frames``.

    Returns:
        A sparse (COO) tensor of shape (T, 2, 35, 35) and type float32.

    Raises:
        ValueError: There are no events, or ``time_window`` isn't positive.
    """
    if time_window <= 0:
        raise ValueError(f"time_window is {time_window} µs; it must be greater than 0")
    if len(events) == 0:
        raise ValueError("the recording holds no events, so there is nothing to make frames of")
    bins = np.floor((events["t"] - events["t"][0]) / time_window).astype(np.int64)
    width, height, polarities = POKERDVS.sensor_size
    shape = (int(bins[-1]) + 1, polarities, height, width)
    places = np.ravel_multi_index((bins, *(events[axis] for axis in "pyx")), shape)
    places, counts = np.unique(places, return_counts=True)
    return torch.sparse_coo_tensor(
        np.stack(np.unravel_index(places, shape)),
        counts.astype(np.float32),
        shape,
        check_invariants=False,
        is_coalesced=True,
    )


def make_loaders(
    data: PokerDVS, batch_size: int, time_window: float = 1000, sparse: bool = False
) -> tuple[DataLoader, DataLoader]:
    """Make the loaders of the train and the test batches.

    Frames are made when a recording is first asked for and kept in memory from then on. The train
    loader shuffles with PyTorch's global random numbers, so ``torch.manual_seed`` fixes the order.

    Args:
        data: What ``load_pokerdvs`` returns.
        batch_size: Recordings a batch.
        time_window: Width of a time bin in µs.
        sparse: Make sparse (COO) tensors, which ``FastSNN`` takes and which stay small however
            narrow the time bins are.

    Returns:
        Train and test loader. A batch is ``(frames, targets)``: float32 of shape
        (T, B, 2, 35, 35), shorter recordings padded with silence at the end, and int64 of shape
        (B,).

    Raises:
        ValueError: ``time_window`` isn't positive, or a recording is empty.
    """
    if time_window <= 0:
        raise ValueError(f"time_window is {time_window} µs; it must be greater than 0")

    def loader(recordings: POKERDVS, shuffle: bool) -> DataLoader:
        recordings = copy.copy(recordings)  # the caller's own keep giving raw events
        count = to_sparse_frames if sparse else to_frames
        recordings.transform = lambda events: count(events, time_window)
        return DataLoader(
            MemoryCachedDataset(recordings),
            batch_size=batch_size,
            shuffle=shuffle,
            # Every loader draws a random number when it starts; this keeps the test loader's from
            # changing what training does.
            generator=None if shuffle else torch.Generator(),
            collate_fn=_pad_sparse if sparse else PadTensors(batch_first=False),
        )

    return loader(data.train, shuffle=True), loader(data.test, shuffle=False)


def _pad_sparse(items: list[tuple[torch.Tensor, int]]) -> tuple[torch.Tensor, torch.Tensor]:
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


def augment(frames: torch.Tensor) -> torch.Tensor:
    """Mirror about half of the recordings left to right, and shift each by up to a pixel.

    All four suits look the same in a mirror, and no suit changes when its pip moves a little.

    Args:
        frames: Counts of shape (T, B, polarity, y, x), dense or sparse (COO).

    Returns:
        A changed copy of the same shape and kind.
    """
    batch = frames.shape[1]
    mirrored = torch.rand(batch) < 0.5
    shifts = torch.randint(-1, 2, (batch, 2))  # pixels along y and x
    if frames.is_sparse:
        return _move_events(frames, mirrored, shifts)
    changed = []
    for recording, mirror, shift in zip(frames.unbind(1), mirrored, shifts, strict=True):
        recording = recording.flip(-1) if mirror else recording
        changed.append(recording.roll(shift.tolist(), dims=(-2, -1)))
    return torch.stack(changed, dim=1)


def _move_events(
    frames: torch.Tensor, mirrored: torch.Tensor, shifts: torch.Tensor
) -> torch.Tensor:
    """Do what ``augment`` does to the events of a sparse tensor."""
    step, recording, polarity, y, x = frames._indices()
    height, width = frames.shape[-2:]
    x = torch.where(mirrored[recording], width - 1 - x, x)
    y_shift, x_shift = shifts[recording].unbind(1)
    moved = [step, recording, polarity, (y + y_shift) % height, (x + x_shift) % width]
    return torch.sparse_coo_tensor(
        torch.stack(moved), frames._values(), frames.shape, check_invariants=False
    )
