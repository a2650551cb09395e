"""What isn't 0 in a batch of frames, as compressed rows, which the loops read."""

from typing import NamedTuple

import numpy as np
from numpy import ndarray

from ..system.compiling import compiled


class Rows(NamedTuple):
    """What isn't 0 in frames (T, B, ...), as the compressed rows of a matrix (T * B, inputs).

    Row ``t * B + b`` is step t of recording b: numbers ``indptr[row]`` to before
    ``indptr[row + 1]`` of the two others.
    """

    indptr: ndarray  # (T * B + 1,)
    inputs: ndarray  # (N,)
    counts: ndarray  # events at these inputs, (N,)


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
