"""What isn't 0 in a batch of frames, as compressed rows: counted from events, read by loops.

Few counts are more than 0. ``Rows`` lists them, and everything else is made of it: the tensors that
a loader gives, sparse or dense, and the sums of ``fast/loops.py``. It numbers places as
``PackedRecording`` numbers pixels; only a sparse tensor needs polarity, y and x of each.
"""

from typing import NamedTuple

import numpy as np
from numpy import ndarray

from .system.compiling import compiled


class Rows(NamedTuple):
    """What isn't 0 in frames (T, B, ...), as the compressed rows of a matrix (T * B, inputs).

    Row ``t * B + b`` is step t of recording b: numbers ``indptr[row]`` to before
    ``indptr[row + 1]`` of the two others.
    """

    indptr: ndarray  # (T * B + 1,)
    inputs: ndarray  # (N,)
    counts: ndarray  # events at these inputs, (N,)


class EventBatch(NamedTuple):
    """Events of some recordings, one recording after the other, as int64."""

    sizes: ndarray  # how many events each recording has, (B,)
    t: ndarray  # their times in µs from 0, (N,)
    pixels: ndarray  # polarity and pixel of each, as ``PackedRecording`` numbers them, (N,)


class TimeBins(NamedTuple):
    """The time steps to count in: no event is earlier, and none is later."""

    first: int
    number: int
    width: float  # in µs


# ---- Counted from events ----


@compiled
def count(events, bins, n_pixels):
    """Count events by time step, recording and pixel; return ``Rows``, in order of the pixels."""
    rows, row_sizes, pixel_sizes = _number_rows(events, bins, n_pixels)
    row_ends = np.cumsum(row_sizes)
    next_of_row = row_ends - row_sizes
    next_of_pixel = np.cumsum(pixel_sizes) - pixel_sizes
    pixels = _order_pixels(events.pixels, rows, next_of_pixel, next_of_row)
    return _count_equal(pixels, row_ends)


@compiled
def _number_rows(events, bins, n_pixels):
    """Number the rows, the time steps of all recordings; count the events of each row and pixel."""
    sizes, t, pixels = events
    n_recordings = len(sizes)
    rows = np.empty(len(t), np.int64)
    row_sizes = np.zeros(bins.number * n_recordings, np.int64)
    pixel_sizes = np.zeros(n_pixels, np.int64)
    event = 0
    for recording in range(n_recordings):
        for _ in range(sizes[recording]):
            step = np.int64(t[event] / bins.width) - bins.first
            row = step * n_recordings + recording
            rows[event] = row
            row_sizes[row] += 1
            pixel_sizes[pixels[event]] += 1
            event += 1
    return rows, row_sizes, pixel_sizes


@compiled
def _order_pixels(pixels, rows, next_of_pixel, next_of_row):
    """Order the pixels of all events by row, and in each row by their number: a radix sort."""
    by_pixel = np.empty(len(pixels), np.int64)
    for event in range(len(pixels)):
        pixel = pixels[event]
        by_pixel[next_of_pixel[pixel]] = event
        next_of_pixel[pixel] += 1
    ordered = np.empty(len(pixels), np.int32)
    for number in by_pixel:
        row = rows[number]
        ordered[next_of_row[row]] = pixels[number]
        next_of_row[row] += 1
    return ordered


@compiled
def _count_equal(pixels, row_ends):
    """Count in each row the events that have the same pixel."""
    rows = Rows(
        np.zeros(len(row_ends) + 1, np.int64),
        np.empty(len(pixels), np.int32),
        np.empty(len(pixels), np.float32),
    )
    n = 0
    begin = 0
    for row in range(len(row_ends)):
        for event in range(begin, row_ends[row]):
            pixel = pixels[event]
            if event > begin and pixel == pixels[event - 1]:
                rows.counts[n - 1] += 1
                continue
            rows.inputs[n] = pixel
            rows.counts[n] = 1
            n += 1
        begin = row_ends[row]
        rows.indptr[row + 1] = n
    return Rows(rows.indptr, rows.inputs[:n], rows.counts[:n])


# ---- As frames (T, B, polarities, height, width), and back ----


@compiled
def indices_of(rows, shape):
    """Return the indices in frames of this shape of what rows list, (5, N), in order."""
    _, batch, _, height, width = shape
    indices = np.empty((5, len(rows.inputs)), np.int64)
    for row in range(len(rows.indptr) - 1):
        step = row // batch
        for n in range(rows.indptr[row], rows.indptr[row + 1]):
            pixel = np.uint32(rows.inputs[n])  # divided faster than a signed or a longer number
            line = pixel // np.uint32(width)
            polarity = line // np.uint32(height)
            indices[0, n] = step
            indices[1, n] = row - step * batch
            indices[2, n] = polarity
            indices[3, n] = line - polarity * np.uint32(height)
            indices[4, n] = pixel - line * np.uint32(width)
    return indices


@compiled
def fill(dense, rows):
    """Write the counts into a matrix (T * B, inputs) of zeros."""
    for row in range(len(dense)):
        for n in range(rows.indptr[row], rows.indptr[row + 1]):
            dense[row, rows.inputs[n]] = rows.counts[n]


@compiled
def rows_of(indices, counts, shape):
    """Return ``Rows`` of sparse frames of this shape, if they list one row after the other.

    Returns:
        The rows, whether all indices are in the shape, and whether the rows are in order, as those
        of a loader are, augmented or not.
    """
    rows = Rows(
        np.empty(shape[0] * shape[1] + 1, np.int64), np.empty(len(counts), np.int32), counts.copy()
    )
    begun = 0  # rows
    for n in range(len(counts)):
        row, rows.inputs[n], inside = _place(indices, n, shape)
        if not inside or row < begun - 1:
            return rows, inside, False
        while begun <= row:
            rows.indptr[begun] = n
            begun += 1
    rows.indptr[begun:] = len(counts)
    return rows, True, True


@compiled
def _place(indices, n, shape):
    """Return row and input of a place in frames, and whether it is in them."""
    row = number = np.int64(0)
    signs = np.int64(0)  # negative if an index is outside: a branch for each would take longer
    for axis in range(len(shape)):
        index = indices[axis, n]
        signs |= index | (shape[axis] - 1 - index)
        number = number * shape[axis] + index
        if axis == 1:
            row = number
            number = np.int64(0)
    return row, number, signs >= 0
