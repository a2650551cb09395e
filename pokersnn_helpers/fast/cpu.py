"""The network's two passes through time, by compiled loops on the CPU.

Events and spikes are rare, so a product with them is a sum over the few rows of a weight matrix
that they pick. Gradients are not rare: going back, they are multiplied by BLAS, on one thread.

The halves of a large batch are computed side by side where there are two cores, and each sums up
separate gradients. On one core it is halved, too, so that the order of a sum doesn't depend on
the number of threads.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from threading import RLock
from typing import Any

import numpy as np
import torch
from threadpoolctl import ThreadpoolController

from ..checks import check_indices
from ..system.devices import usable_cores
from . import loops
from .loops import Constants, Gradients, Neurons, Rows, State, Trace

MIN_DENSE = 0.3  # share of inputs that aren't 0, above which BLAS multiplies all of them faster
MIN_FOR_TWO = 2**16  # steps of neurons: for fewer it takes longer to call another thread


def forward(frames, weights, constants, record=False, keep=False):
    """Step through time from rest.

    Args:
        frames: (T, B, ...), dense or sparse, of the weights' type.
        weights: Of inputs (H, inputs), recurrent (H, H) and of the readout (outputs, H).
        constants: ``Constants``.
        record: Keep the synaptic currents.
        keep: Keep what ``backward`` needs, the hidden neurons' voltages.

    Returns:
        The inputs for ``backward``, and what the neurons did.

    Raises:
        TypeError: Frames are sparse along some axes.
        RuntimeError: Sparse frames have an index outside their shape.
    """
    steps, batch = frames.shape[:2]
    state = at_rest(batch, weights, constants)
    active = frames._nnz() if frames.is_sparse else int(frames.count_nonzero())
    # BLAS rounds by how many recordings there are: it is for training alone.
    if keep and active > MIN_DENSE * frames.numel():
        matrix = as_matrix(frames.detach())
        with one_blas_thread(), np.errstate(all="ignore"):
            currents = np.matmul(matrix.numpy(), weights[0].detach().t().numpy())
        trace, _ = run(steps, no_rows(frames), state, currents, record, keep)
        return [matrix], trace
    rows = to_rows(frames)
    trace, _ = run(steps, rows, state, record=record, keep=keep)
    return [torch.from_numpy(array) for array in rows], trace


def backward(grad_voltages, inputs, u, weights, constants, keep_grad_i):
    """Step back through time, from the gradient with respect to the readout's voltages.

    Args:
        grad_voltages: This gradient, (T, B, outputs).
        inputs: What ``forward`` returned.
        u: Voltages of its trace, (T, B, H).
        weights: As for ``forward``.
        constants: As for ``forward``.
        keep_grad_i: Return what a gradient with respect to frames needs.

    Returns:
        Gradients with respect to the input, the recurrent and the readout's weights, and to the
        hidden currents before they decay, (T, B, H), of which no step is left unless needed.
    """
    steps, batch, hidden = u.shape
    w_in, w_rec, w_out = weights
    w_spikes = torch.cat([w_rec, w_out])
    by_blas = len(inputs) == 1
    rows = no_rows(u)
    if not by_blas:
        rows = Rows(*[tensor.numpy() for tensor in inputs])
    kept = steps if by_blas or keep_grad_i else 0
    grad_i = u.new_zeros(kept, batch, hidden).numpy()
    dtype = grad_i.dtype
    run_back = partial(
        loops.backward,
        u.numpy(),
        rows,
        w_spikes.numpy(),
        of_type(dtype, constants),
    )

    def add_up(begin: int, end: int) -> Gradients:
        gradients = Gradients(
            grad_voltages.contiguous().numpy(),
            grad_i,
            np.zeros(w_in.shape[::-1], dtype),
            np.zeros(w_spikes.shape[::-1], dtype),
        )
        run_back(gradients, begin, end)
        return gradients

    with one_blas_thread(), np.errstate(all="ignore"):  # ``fit`` looks for what isn't finite
        first, *others = side_by_side(batch, u.numel(), add_up)
        grad_w_in = first.w_in
        grad_w_spikes = first.w_spikes
        for other in others:
            grad_w_in += other.w_in
            grad_w_spikes += other.w_spikes
        if by_blas:
            grad_w_in = np.matmul(inputs[0].t().numpy(), grad_i.reshape(-1, hidden))
    grad_w_spikes = transposed(torch.from_numpy(grad_w_spikes))
    grad_w_rec, grad_w_out = grad_w_spikes.split([hidden, len(w_out)])
    grad_w_in = transposed(torch.from_numpy(grad_w_in))
    return grad_w_in, grad_w_rec, grad_w_out, torch.from_numpy(grad_i)


def to_rows(frames: torch.Tensor) -> Rows:
    """List what isn't 0 in frames (T, B, ...) on the CPU, for compiled loops.

    Raises:
        TypeError: Frames are sparse along some axes.
        RuntimeError: Sparse frames have an index outside their shape.

    Example:
        >>> rows = to_rows(torch.tensor([[[0, 0, 7.0]], [[0, 0, 0]], [[8, 9, 0]]]))
        >>> rows.indptr, rows.inputs, rows.counts
        (array([0, 1, 1, 3]), array([2, 0, 1], dtype=int32), array([7., 8., 9.], dtype=float32))
    """
    if not frames.is_sparse:
        matrix = as_matrix(frames.detach()).numpy()
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
    """Return frames (T, B, ...) as a dense matrix (T * B, inputs)."""
    return to_dense(frames).flatten(2).flatten(0, 1)


def to_dense(frames: torch.Tensor) -> torch.Tensor:
    """Return frames as a dense tensor; PyTorch would write beyond its memory if an index is."""
    if frames.is_sparse:
        check_indices(frames)
    return frames.to_dense()


def no_rows(frames: torch.Tensor) -> Rows:
    """Return rows without inputs: BLAS multiplies those of these frames."""
    steps, batch = frames.shape[:2]
    return to_rows(torch.empty(steps, batch, 0, dtype=frames.dtype))


def at_rest(batch: int, weights: Sequence[torch.Tensor], constants: Constants) -> State:
    """Return the state before the first step; arguments are those of ``forward``."""
    w_in, w_rec, w_out = weights
    outputs, hidden = w_out.shape
    w_in_t = transposed(w_in).numpy()
    w_spikes_t = transposed(torch.cat([w_rec, w_out])).numpy()
    dtype = w_in_t.dtype
    sizes = hidden, hidden, hidden + outputs, outputs, outputs
    neurons = Neurons(*[np.zeros((batch, size), dtype) for size in sizes])
    return State(w_in_t, w_spikes_t, of_type(dtype, constants), neurons)


def run(steps, rows, state, currents=None, record=False, keep=False):
    """Step on from a state, which stays as it is.

    Args:
        steps: How many.
        rows: Their inputs.
        state: Where to begin.
        currents: As for ``loops.forward``.
        record: Keep synaptic currents.
        keep: Keep hidden neurons' voltages for ``backward``.

    Returns:
        What the neurons did, and the state after it.
    """
    neurons = Neurons(*[array.copy() for array in state.neurons])
    batch, hidden = neurons.v.shape
    outputs = neurons.v_out.shape[1]
    dtype = neurons.v.dtype
    recorded = steps if record else 0
    trace = Trace(
        u=np.empty((steps if keep else 1, batch, hidden), dtype),
        i=np.empty((recorded, batch, hidden), dtype),
        voltages=np.empty((steps, batch, outputs), dtype),
        i_out=np.empty((recorded, batch, outputs), dtype),
    )
    if currents is None:
        currents = np.empty((0, hidden), dtype)
    state = state._replace(neurons=neurons)
    go_on = partial(loops.forward, rows, currents, state, trace)
    side_by_side(batch, steps * batch * hidden, go_on)
    return Trace(*map(torch.from_numpy, trace)), state


def side_by_side(batch: int, neuron_steps: int, work: Callable[[int, int], Any]) -> list[Any]:
    """Call with begin and end of each half of a batch, on two threads where they may run.

    ``OMP_NUM_THREADS=1`` keeps to one thread.
    """
    half = (batch + 1) // 2
    if half == batch or neuron_steps <= MIN_FOR_TWO:
        return [work(0, batch)]
    if os.environ.get("OMP_NUM_THREADS") == "1" or usable_cores() == 1:
        return [work(0, half), work(half, batch)]
    second = other_thread(os.getpid()).submit(work, half, batch)
    return [work(0, half), second.result()]


@cache
def other_thread(process_id: int) -> ThreadPoolExecutor:
    """Return the second thread of a process; one that was forked has none yet."""
    return ThreadPoolExecutor(1)


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
