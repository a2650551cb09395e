"""Turn events into batches of frames: one image a polarity and a time bin."""

import copy

import numpy as np
import torch
from tonic import MemoryCachedDataset
from tonic.collation import PadTensors
from tonic.datasets import POKERDVS
from tonic.transforms import ToFrame
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
    if time_window <= 0:
        raise ValueError(f"time_window is {time_window} µs; it must be greater than 0")
    if len(events) == 0:
        raise ValueError("the recording holds no events, so there is nothing to make frames of")
    transform = ToFrame(POKERDVS.sensor_size, time_window=time_window, include_incomplete=True)
    return torch.from_numpy(transform(events).astype(np.float32))


def make_loaders(
    data: PokerDVS, batch_size: int, time_window: float = 1000
) -> tuple[DataLoader, DataLoader]:
    """Make the loaders of the train and the test batches.

    Frames are made when a recording is first asked for and kept in memory from then on. The train
    loader shuffles with PyTorch's global random numbers, so ``torch.manual_seed`` fixes the order.

    Args:
        data: What ``load_pokerdvs`` returns.
        batch_size: Recordings a batch.
        time_window: Width of a time bin in µs.

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
        recordings.transform = lambda events: to_frames(events, time_window)
        return DataLoader(
            MemoryCachedDataset(recordings),
            batch_size=batch_size,
            shuffle=shuffle,
            # Every loader draws a random number when it starts; this keeps the test loader's from
            # changing what training does.
            generator=None if shuffle else torch.Generator(),
            collate_fn=PadTensors(batch_first=False),
        )

    return loader(data.train, shuffle=True), loader(data.test, shuffle=False)
