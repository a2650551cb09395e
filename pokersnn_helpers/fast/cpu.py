"""The network's two passes through time on the CPU, by compiled loops.

Events and spikes are rare, so a product with them is a sum over the few rows of a weight matrix
that they pick. Gradients are not rare: going back, they are multiplied by BLAS, on one thread.

The halves of a large batch are computed side by side where there are two cores, and each sums up
separate gradients. On one core it is halved, too, so that the order of a sum doesn't depend on
the number of threads. ``torchrun`` puts more cores to use.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import cache
from threading import RLock
from typing import Any, NamedTuple

import numpy as np
import torch
from threadpoolctl import ThreadpoolController

from ..checks import check_indices
from ..devices import usable_cores
from . import loops
from .loops import Constants, Neurons, Rows

MIN_FOR_TWO = 2**16  # steps of neurons: for fewer it takes longer to call another thread


class Trace(NamedTuple):
    """What the neurons did in every step: tensors, or arrays where loops write them."""

    v_decayed: Any  # voltages of the hidden neurons before the reset, (T, B, H)
    i: Any  # their synaptic currents, of the same shape; no steps unless recorded
    voltages: Any  # of the readout, (T, B, outputs)
    i_out: Any  # its synaptic currents, of the same shape; no steps unless recorded


class State(NamedTuple):
    """Where a run through time has come to, and what it goes on with."""

    weights: tuple[np.ndarray, np.ndarray]  # copies, as ``loops.forward`` takes them
    constants: Constants  # as numbers of the weights' type
    neurons: Neurons


def to_rows(frames: torch.Tensor) -> Rows:
    """List what isn't 0 in frames (T, B, ...), dense or sparse in any order.

    Raises:
        TypeError: Frames are sparse along some axes.
        RuntimeError: Sparse frames have an index outside their shape.

    Example:
        >>> rows = to_rows(torch.tensor([[[0, 0, 7.0]], [[0, 0, 0]], [[8, 9, 0]]]))
        >>> rows.indptr, rows.inputs, rows.counts
        (array([0, 1, 1, 3]), array([2, 0, 1], dtype=int32), array([7., 8., 9.], dtype=float32))
    """
    if not frames.is_sparse:
        matrix = matrix_of(frames)
        places = np.flatnonzero(matrix != 0)
        indptr = np.searchsorted(places, matrix.shape[1] * np.arange(len(matrix) + 1))
        inputs = (places % matrix.shape[1]).astype(np.int32)
        return Rows(indptr, inputs, matrix.ravel()[places])
    if frames.dense_dim() > 0:
        check_indices(frames)
    indices = frames._indices().numpy()
    rows, inside = loops.sparse_rows(indices, frames._values().numpy(), tuple(frames.shape))
    if not inside:
        check_indices(frames)
    return rows


def matrix_of(frames: torch.Tensor) -> np.ndarray:
    """Return dense frames (T, B, ...) as a matrix (T * B, inputs)."""
    return frames.detach().flatten(2).flatten(0, 1).numpy()


def no_rows(count: int, dtype: np.dtype) -> Rows:
    """Return as many rows without anything in them."""
    return Rows(np.zeros(count + 1, np.int64), np.empty(0, np.int32), np.empty(0, dtype))


def forward(frames, weights, constants, record, keep=True):
    """Do what ``cuda.forward`` does, and take the same."""
    steps, batch = frames.shape[:2]
    state = at_rest(batch, weights, constants)
    active = frames._nnz() if frames.is_sparse else int(frames.count_nonzero())
    # BLAS rounds by how many recordings there are: it is for training alone.
    if keep and loops.is_dense(active, frames.numel()):
        if frames.is_sparse:
            check_indices(frames)
        matrix = matrix_of(frames.to_dense())
        with one_blas_thread(), np.errstate(all="ignore"):
            currents = np.matmul(matrix, weights[0].detach().t().numpy())
        rows = no_rows(steps * batch, currents.dtype)
        trace, _ = run(steps, rows, state, record, keep, currents)
        return [torch.from_numpy(matrix)], trace
    rows = to_rows(frames)
    trace, _ = run(steps, rows, state, record, keep)
    return [torch.from_numpy(array) for array in rows], trace


def backward(grad_voltages, inputs, v_decayed, weights, constants, needs_input_grad):
    """Do what ``cuda.backward`` does, and take the same."""
    steps, batch, hidden = v_decayed.shape
    w_in, w_rec, w_out = weights
    w_spikes = torch.cat([w_rec, w_out])
    dtype = w_spikes.numpy().dtype
    by_blas = len(inputs) == 1
    arrays = [array.numpy() for array in inputs]
    rows = no_rows(steps * batch, dtype) if by_blas else Rows(*arrays)
    halves = _halves(batch, v_decayed.numel())
    grad_w_in = [np.zeros(w_in.shape[::-1], dtype) for _ in halves]
    grad_w_spikes = [np.zeros(w_spikes.shape[::-1], dtype) for _ in halves]
    grad_i = np.zeros((steps if by_blas or needs_input_grad else 0, batch, hidden), dtype)
    fixed = [
        grad_voltages.contiguous().numpy(),
        v_decayed.numpy(),
        rows,
        w_spikes.numpy(),
        of_type(dtype, constants),
    ]

    def go_back(half: int, begin: int, end: int) -> None:
        loops.backward(*fixed, grad_w_in[half], grad_w_spikes[half], grad_i, begin, end)

    with one_blas_thread(), np.errstate(all="ignore"):  # ``fit`` looks for what isn't finite
        side_by_side(halves, go_back)
        grad_w_in_t = sum(grad_w_in[1:], grad_w_in[0])
        grad_w_spikes_t = sum(grad_w_spikes[1:], grad_w_spikes[0])
        if by_blas:
            grad_w_in_t = np.matmul(arrays[0].T, grad_i.reshape(-1, hidden))
    grad_w_in = transposed(torch.from_numpy(grad_w_in_t))
    grad_w_rec, grad_w_out = transposed(torch.from_numpy(grad_w_spikes_t)).split(
        [hidden, len(w_out)]
    )
    return grad_w_in, grad_w_rec, grad_w_out, torch.from_numpy(grad_i)


def at_rest(batch: int, weights: Sequence[torch.Tensor], constants: Constants) -> State:
    """Return the state before the first step; arguments are those of ``cuda.forward``."""
    w_in, w_rec, w_out = weights
    outputs, hidden = w_out.shape
    w_in_t = transposed(w_in).numpy()
    w_spikes_t = transposed(torch.cat([w_rec, w_out])).numpy()
    dtype = w_in_t.dtype
    sizes = Neurons(v=hidden, i=hidden, sent=hidden + outputs, v_out=outputs, i_out=outputs)
    neurons = Neurons(*[np.zeros((batch, size), dtype) for size in sizes])
    return State((w_in_t, w_spikes_t), of_type(dtype, constants), neurons)


def run(steps, rows, state, record=False, keep=False, currents=None):
    """Step on from a state, which stays as it is; return the trace and the new state.

    Args:
        steps: How many.
        rows: Their inputs.
        state: Where to begin.
        record: Keep synaptic currents.
        keep: Keep hidden neurons' voltages for ``backward``; else BLAS multiplies no spikes.
        currents: As for ``loops.forward``.
    """
    neurons = Neurons(*[array.copy() for array in state.neurons])
    batch, hidden = neurons.v.shape
    outputs = neurons.v_out.shape[1]
    dtype = neurons.v.dtype
    recorded = steps if record else 0
    trace = Trace(
        v_decayed=np.empty((steps if keep else 1, batch, hidden), dtype),
        i=np.empty((recorded, batch, hidden), dtype),
        voltages=np.empty((steps, batch, outputs), dtype),
        i_out=np.empty((recorded, batch, outputs), dtype),
    )
    if currents is None:
        currents = np.empty((0, hidden), dtype)
    together = keep and state.weights[1].size > loops.IN_CACHE

    def go_on(_: int, begin: int, end: int) -> None:
        fixed = rows, currents, state.weights, state.constants
        loops.forward(*fixed, neurons, trace, together, begin, end)

    with one_blas_thread() if together else nullcontext():
        side_by_side(_halves(batch, steps * batch * hidden), go_on)
    return Trace(*map(torch.from_numpy, trace)), state._replace(neurons=neurons)


def _halves(batch: int, neuron_steps: int) -> list[tuple[int, int]]:
    """Return begin and end of what is computed apart, on one thread as on two."""
    half = (batch + 1) // 2
    if neuron_steps <= MIN_FOR_TWO or half == batch:
        return [(0, batch)]
    return [(0, half), (half, batch)]


def side_by_side(halves: list[tuple[int, int]], work: Callable[[int, int, int], None]) -> None:
    """Call with number, begin and end of each half, on two threads where they may run.

    ``OMP_NUM_THREADS=1``, which ``torchrun`` sets, keeps to one thread.
    """
    calls = [(half, begin, end) for half, (begin, end) in enumerate(halves)]
    one_thread = os.environ.get("OMP_NUM_THREADS") == "1" or usable_cores() == 1
    if len(calls) == 1 or one_thread:
        for call in calls:
            work(*call)
        return
    with ThreadPoolExecutor(1) as other_thread:
        second = other_thread.submit(work, *calls[1])
        work(*calls[0])
    second.result()


@cache
def blas() -> ThreadpoolController:
    """Return what sets the number of threads of the BLAS that Numba calls."""
    import scipy.linalg.cython_blas  # noqa: F401 - it is found once it is loaded

    return ThreadpoolController().select(user_api="blas")


blas_lock = RLock()  # the process has one number of threads for all of its threads


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let BLAS compute on one thread; another thread that wants the same waits."""
    with blas_lock, blas().limit(limits=1):
        yield


def transposed(matrix: torch.Tensor) -> torch.Tensor:
    """Return a copy whose rows lie one after the other in memory."""
    return matrix.detach().t().clone(memory_format=torch.contiguous_format)


def of_type(dtype: np.dtype, constants: Constants) -> Constants:
    """Give constants this type: else Numba would compute in double precision."""
    return Constants(*np.array(constants, dtype))
