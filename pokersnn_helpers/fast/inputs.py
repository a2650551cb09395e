"""Frames (T, B, ...), dense or sparse, as matrices (T * B, inputs)."""

import math

import numpy as np
import torch

from ..checks import check_indices
from . import loops
from .loops import Rows


def to_rows(frames: torch.Tensor) -> Rows:
    """List what isn't 0 in frames on the CPU, for compiled loops.

    Raises:
        TypeError: Frames are sparse along some axes.
        RuntimeError: Sparse frames have an index outside their shape.

    Example:
        >>> rows = to_rows(torch.tensor([[[0, 0, 7.0]], [[0, 0, 0]], [[8, 9, 0]]]))
        >>> rows.indptr, rows.inputs, rows.counts
        (array([0, 1, 1, 3]), array([2, 0, 1], dtype=int32), array([7., 8., 9.], dtype=float32))
    """
    if not frames.is_sparse:
        matrix = as_matrix(frames).numpy()
        places = np.flatnonzero(matrix != 0)
        row, inputs = np.divmod(places, matrix.shape[1])
        indptr = np.searchsorted(row, np.arange(len(matrix) + 1))
        return Rows(indptr, inputs.astype(np.int32), matrix.take(places))
    if frames.dense_dim() > 0:
        check_indices(frames)
    indices, values = frames._indices().numpy(), frames._values().numpy()
    rows, inside = loops.sparse_rows(indices, values, tuple(frames.shape))
    if not inside:
        check_indices(frames)
    return rows


def as_matrix(frames: torch.Tensor) -> torch.Tensor:
    """Return frames as a matrix that is dense or sparse as they are, for BLAS and GPUs."""
    frames = frames.detach()
    if not frames.is_sparse:
        return frames.flatten(2).flatten(0, 1)
    check_indices(frames)
    steps, batch, *sizes = frames.shape
    step, recording, *places = frames._indices()
    row = step * batch + recording
    column = torch.zeros_like(row)
    for place, size in zip(places, sizes, strict=True):
        column = column * size + place
    indices = torch.stack([row, column])
    shape = steps * batch, math.prod(sizes)
    matrix = torch.sparse_coo_tensor(indices, frames._values(), shape, check_invariants=False)
    return matrix.coalesce()
