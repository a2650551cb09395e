"""Turn events into batches of frames: one image per polarity and time bin."""

import math
from collections.abc import Sequence
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
import torch
from scipy.sparse import coo_array
from torch import Tensor
from torch.nn.functional import pad
from torch.utils.data import DataLoader, Dataset

from ..system.checks import (
    SensorSize,
    check_events,
    check_numbers,
    check_tensor,
    check_time_window,
    check_type,
    suggests_names,
)
from ..system.reading import check_memory
from .recordings import (
    POKERDVS_SENSOR_SIZE,
    PackedRecording,
    Recordings,
    Split,
    check_recordings,
)

MAX_ROWS = 2**31  # time steps times recordings of a batch, where the system says no free memory
ROW_BYTES = 32  # of the tables with an entry for each of them, while events are counted


@suggests_names
def to_frames(
    events: np.ndarray,
    time_window: float = 1000,
    sensor_size: SensorSize = POKERDVS_SENSOR_SIZE,
) -> Tensor:
    """Count the events of one recording by time bin, polarity and pixel.

    Args:
        events: Structured array with fields t (µs), x, y and p, which ``check_events`` accepts.
        time_window: Width of a time bin in µs. The last bin is kept even if the recording ends
            within it.
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
        ValueError: ``time_window`` is less than 1, or ``check_events`` refuses the events.
    """
    check_time_window(time_window)
    recording = PackedRecording.pack(check_events(events, sensor_size), sensor_size)
    frames = count_batch([recording], time_window, sensor_size, sparse=False)
    return frames[:, 0]


def count_batch(
    recordings: Sequence[PackedRecording],
    time_window: float,
    sensor_size: SensorSize,
    sparse: bool = True,
) -> Tensor:
    """Count the events of recordings into frames (T, B, polarities, height, width)."""
    longest = max(int(recording.t[-1]) for recording in recordings)
    n_rows = longest / time_window * len(recordings)
    if n_rows > MAX_ROWS:
        raise ValueError(f"time_window is {time_window} µs, too short for {longest} µs of events")
    check_memory(ROW_BYTES * n_rows, f"{n_rows:.3g} time bins of {time_window:g} µs")
    shape = (math.floor(longest / time_window) + 1, len(recordings), *sensor_size[::-1])
    if not sparse:
        check_memory(
            4 * math.prod(shape), f"{len(recordings)} recordings in bins of {time_window:g} µs"
        )
    steps = np.concatenate([recording.t / float(time_window) for recording in recordings])
    numbers = np.repeat(np.arange(len(recordings)), [len(each.t) for each in recordings])
    pixels = np.concatenate([recording.pixels for recording in recordings])
    return count_events(steps.astype(np.int64), numbers, pixels, shape, sparse)


def count_events(
    steps: np.ndarray,
    recordings: np.ndarray | int,
    pixels: np.ndarray,
    shape: tuple[int, ...],
    sparse: bool,
) -> Tensor:
    """Count events into frames.

    Args:
        steps: The time step of each event.
        recordings: The number of its recording.
        pixels: Its polarity and pixel, as ``PackedRecording`` numbers them.
        shape: Of the frames, (T, B, polarities, height, width).
        sparse: Whether to make a sparse tensor, whose indices are in order.
    """
    n_steps, batch, _, height, width = shape
    rows = steps * batch + recordings
    ones = np.ones(len(pixels), np.float32)
    events = coo_array((ones, (rows, pixels)), shape=(n_steps * batch, math.prod(shape[2:])))
    # Two counting sorts, first by pixel, take less time than to sort each row. They are to add
    # nothing up, which would sort.
    events.has_canonical_format = True
    counts = events.tocsc().tocsr()
    counts.sum_duplicates()
    if not sparse:
        return torch.from_numpy(counts.toarray()).reshape(shape)
    counted = counts.tocoo()
    step, recording = np.divmod(counted.row, batch)
    line, x = np.divmod(counted.col, width)
    polarity, y = np.divmod(line, height)
    indices = np.stack([step, recording, polarity, y, x], dtype=np.int64)
    return sparse_tensor(torch.from_numpy(indices), torch.from_numpy(counted.data), shape)


def sparse_tensor(
    indices: Tensor, values: Tensor, shape: Sequence[int], in_order: bool = True
) -> Tensor:
    """Return a sparse tensor of indices that are right already, and different."""
    # PyTorch 2.11 warns of memory errors where nobody has said whether to check them again.
    with torch.sparse.check_sparse_tensor_invariants(False):
        return torch.sparse_coo_tensor(indices, values, tuple(shape), is_coalesced=in_order)


class FrameDataset(Dataset[tuple[Tensor, int]]):
    """Frames of recordings, counted when they are asked for.

    Args:
        recordings: The recordings to make frames of.
        time_window: Width of a time bin in µs.
        sparse: Whether to make sparse (COO) tensors.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> frames, target = FrameDataset(load_pokerdvs(source="simulated").test)[0]
        >>> tuple(frames.shape[1:]), target
        ((2, 35, 35), 0)
    """

    def __init__(self, recordings: Recordings, time_window: float = 1000, sparse: bool = False):
        check_time_window(time_window)
        check_recordings(recordings)
        if len(recordings) == 0:
            raise ValueError("there are no recordings; give at least one")
        self.recordings = recordings
        self.time_window = time_window
        self.sparse = sparse

    def __len__(self) -> int:
        return len(self.recordings)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        batch, _ = self.__getitems__([index])
        frames = batch[:, 0]
        return frames.coalesce() if self.sparse else frames, self.recordings.targets[index]

    def __getitems__(self, indices: list[int]) -> tuple[Tensor, Tensor]:
        """Return a batch, for a loader: frames (T, B, ...), padded with silence, and targets."""
        packed = [self.recordings.events.packed[index] for index in indices]
        frames = count_batch(packed, self.time_window, self.recordings.sensor_size, self.sparse)
        targets = torch.tensor([self.recordings.targets[index] for index in indices])
        return frames, targets


@suggests_names
def make_loader(
    recordings: Recordings,
    *,
    batch_size: int = 32,
    time_window: float = 1000,
    sparse: bool = False,
    shuffle: bool = False,
) -> DataLoader[Any]:
    """Make a loader of batches of frames.

    Args:
        recordings: The recordings to make frames of.
        batch_size: Recordings per batch.
        time_window: Width of a time bin in µs.
        sparse: Whether to make sparse (COO) tensors, which stay small however narrow the time
            bins are.
        shuffle: Whether to draw a new order in every epoch, with PyTorch's global random numbers.

    Returns:
        A loader of ``(frames, targets)``: float32 of shape (T, B, polarities, height, width),
        shorter recordings padded with silence at the end, and int64 of shape (B,).

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> frames, targets = next(iter(make_loader(load_pokerdvs(source="simulated").train)))
        >>> frames.shape[1:], targets.shape
        (torch.Size([32, 2, 35, 35]), torch.Size([32]))
    """
    check_numbers(Integral, batch_size=batch_size)
    return DataLoader(
        FrameDataset(recordings, time_window, sparse),
        batch_size=batch_size,
        shuffle=shuffle,
        # Every loader draws a random number when it starts. A generator for it alone keeps a loader
        # that doesn't shuffle from changing what training does.
        generator=None if shuffle else torch.Generator(),
        collate_fn=tuple,  # ``FrameDataset`` gives whole batches
    )


@suggests_names
def make_loaders(
    data: Split, *, batch_size: int = 32, time_window: float = 1000, sparse: bool = False
) -> tuple[DataLoader[Any], DataLoader[Any]]:
    """Make two loaders: of training batches, which are shuffled, and of test batches.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> [len(loader) for loader in make_loaders(data, batch_size=24)]  # batches
        [2, 1]
    """
    check_type(data, Split, "data is", "a Split, or use make_loader(recordings)")
    load = partial(make_loader, batch_size=batch_size, time_window=time_window, sparse=sparse)
    return load(data.train, shuffle=True), load(data.test)


def augment(frames: Tensor, mirror: bool = True) -> Tensor:
    """Mirror about half of the recordings left to right, and shift each by up to a pixel.

    All four suits look the same in a mirror, and no suit changes when its pip moves a little. What
    a shift pushes out at one edge of the sensor comes in again at the opposite edge.

    Args:
        frames: Counts of shape (T, B, polarities, height, width), dense or sparse (COO).
        mirror: Whether to mirror. Turn it off if a mirror changes the class, as it turns left
            into right.

    Returns:
        A changed copy of the same shape and kind.

    Raises:
        TypeError: The frames are no tensor, or sparse along some axes.
        RuntimeError: Sparse frames have an index outside their shape.

    Example:
        >>> augment(torch.ones(20, 8, 2, 35, 35)).shape
        torch.Size([20, 8, 2, 35, 35])
    """
    check_tensor(frames)
    if not frames.is_sparse:
        return augment(frames.to_sparse(), mirror).to_dense()
    check_indices(frames)
    batch, _, height, width = frames.shape[1:]
    mirrored = (torch.rand(batch) < 0.5) & mirror
    down, right = torch.randint(-1, 2, (batch, 2)).t()  # pixels
    # Where each row and column of each recording goes, (B, height) and (B, width).
    new_rows = (torch.arange(height) + down[:, None]) % height
    columns = torch.arange(width).expand(batch, width)
    new_columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    new_columns = (new_columns + right[:, None]) % width
    indices, counts = indices_and_counts(frames)
    step, recording, polarity, y, x = indices
    new_y = new_rows.to(y.device)[recording, y]
    new_x = new_columns.to(x.device)[recording, x]
    moved = torch.stack([step, recording, polarity, new_y, new_x])
    return sparse_tensor(moved, counts, frames.shape, in_order=False)


def indices_and_counts(frames: Tensor) -> tuple[Tensor, Tensor]:
    """Return the indices of sparse frames, (5, N), and their counts, (N,), in any order.

    PyTorch's public ``indices()`` would ask to sort them first, at every step of training.
    """
    if frames.dense_dim() > 0:
        raise TypeError("frames are sparse along some axes; give frames.to_dense().to_sparse()")
    return frames._indices(), frames._values()


def with_steps(frames: Tensor, steps: int) -> Tensor:
    """Cut frames, or append silence, so that they have so many time steps."""
    if steps == len(frames):
        return frames
    if not frames.is_sparse:
        return pad(frames, (0, 0) * (frames.ndim - 1) + (0, steps - len(frames)))
    indices, counts = indices_and_counts(frames)
    if steps < len(frames):
        early = indices[0] < steps
        indices = indices[:, early]
        counts = counts[early]
    shape = (steps, *frames.shape[1:])
    return sparse_tensor(indices, counts, shape, in_order=frames.is_coalesced())


def last_steps(frames: Tensor) -> Tensor:
    """Return how many time steps each recording has up to its last event, (B,)."""
    if frames.is_sparse:
        indices, counts = indices_and_counts(frames)
        recording = indices[1]
        time = torch.where(counts != 0, indices[0], -1)
    else:
        time, recording = frames.flatten(2).any(2).nonzero().t()
    steps = time.new_zeros(frames.shape[1])
    steps.scatter_reduce_(0, recording, time + 1, "amax")
    if (steps > len(frames)).any():
        check_indices(frames)  # says which is outside
    return steps


def check_frames(frames: Tensor, weights: Tensor, input_size: int | None) -> None:
    """Refuse what isn't a batch of frames for a network, as ``SpikingNetwork.forward`` says.

    Args:
        frames: Of shape (T, B, ...), dense or sparse.
        weights: Some of the network's.
        input_size: Inputs per time step; None for any number.
    """
    check_tensor(frames)
    known = frames.layout in (torch.strided, torch.sparse_coo)
    if not known or not frames.is_floating_point():
        raise TypeError(
            f"frames are {frames.layout} of {frames.dtype}; convert them with frames.float() and "
            ".to_dense()"
        )
    shape = tuple(frames.shape)
    if len(shape) < 3 or shape[0] == 0 or input_size not in (None, math.prod(shape[2:])):
        inputs = f", with {input_size} inputs per time step" if input_size else ""
        raise ValueError(
            f"frames have shape {shape}; expected (time, batch, polarity, y, x){inputs} and at "
            "least one step"
        )
    if weights.dtype not in (torch.float32, torch.float64):  # Norse begins in single precision
        raise TypeError(f"the weights are of type {weights.dtype}; convert them with snn.float()")
    check_finite_frames(frames.to(weights.dtype))


def check_finite_frames(frames: Tensor) -> None:
    """Refuse NaN and infinity: a voltage that is NaN never spikes, so the readout hides it."""
    values = (frames._values() if frames.is_sparse else frames).detach()
    if math.isfinite(values.sum()):
        return
    wrong = ~values.isfinite()
    if wrong.any():  # else their sum alone is too large
        places = frames._indices()[:, wrong].t() if frames.is_sparse else wrong.nonzero()
        found = f"{values[wrong][0].item()} at index {tuple(places[0].tolist())}"
        raise ValueError(f"frames hold {found}; they must be finite numbers")


def check_indices(frames: Tensor) -> None:
    """Refuse sparse frames with an index outside their shape, or with dense axes."""
    indices, counts = indices_and_counts(frames)
    if len(counts):  # PyTorch's own check takes twice as long, so it is asked only what is wrong
        lowest, highest = indices.aminmax(dim=1)
        if lowest.min() >= 0 and (highest < highest.new_tensor(frames.shape)).all():
            return
    torch.sparse_coo_tensor(indices, counts, frames.shape, check_invariants=True)
