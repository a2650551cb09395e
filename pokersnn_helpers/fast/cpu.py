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
from contextlib import contextmanager
from functools import cache, partial
from threading import RLock
from typing import Any, NamedTuple

import numpy as np
import torch
from threadpoolctl import ThreadpoolController

from ..system.devices import usable_cores
from . import loops
from .inputs import as_matrix, to_rows
from .loops import Constants, Neurons, Rows, Trace

MIN_DENSE = 0.3  # share of inputs that aren't 0, above which BLAS multiplies all of them faster
MIN_FOR_TWO = 2**16  # steps of neurons: for fewer it takes longer to call another thread


class State(NamedTuple):
    """Where a run through time has come to, and what it goes on with."""

    weights: tuple[np.ndarray, np.ndarray]  # copies, as ``loops.forward`` takes them
    constants: Constants  # as numbers of the weights' type
    neurons: Neurons


def forward(frames, weights, constants, record, keep=True):
    """Do what ``cuda.forward`` does, and take the same."""
    steps, batch = frames.shape[:2]
    state = at_rest(batch, weights, constants)
    active = frames._nnz() if frames.is_sparse else int(frames.count_nonzero())
    # BLAS rounds by how many recordings there are: it is for training alone.
    if keep and active > MIN_DENSE * frames.numel():
        matrix = as_matrix(frames).to_dense()
        with one_blas_thread(), np.errstate(all="ignore"):
            currents = np.matmul(matrix.numpy(), weights[0].detach().t().numpy())
        trace, _ = run(steps, no_rows(frames), state, currents, record, keep)
        return [matrix], trace
    rows = to_rows(frames)
    trace, _ = run(steps, rows, state, None, record, keep)
    return [torch.from_numpy(array) for array in rows], trace


def backward(grad_voltages, inputs, v_decayed, weights, constants, needs_input_grad):
    """Do what ``cuda.backward`` does, and take the same."""
    steps, batch, hidden = v_decayed.shape
    w_in, w_rec, w_out = weights
    w_spikes = torch.cat([w_rec, w_out])
    by_blas = len(inputs) == 1
    rows = no_rows(v_decayed) if by_blas else Rows(*[tensor.numpy() for tensor in inputs])
    kept = steps if by_blas or needs_input_grad else 0
    grad_i = v_decayed.new_zeros(kept, batch, hidden).numpy()
    voltages = v_decayed.numpy()
    dtype = voltages.dtype
    go_back = partial(
        loops.backward,
        grad_voltages.contiguous().numpy(),
        voltages,
        rows,
        w_spikes.numpy(),
        of_type(dtype, constants),
        grad_i,
    )

    def gradients(begin: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        grad_w_in = np.zeros(w_in.shape[::-1], dtype)
        grad_w_spikes = np.zeros(w_spikes.shape[::-1], dtype)
        go_back(grad_w_in, grad_w_spikes, begin, end)
        return grad_w_in, grad_w_spikes

    with one_blas_thread(), np.errstate(all="ignore"):  # ``fit`` looks for what isn't finite
        (grad_w_in, grad_w_spikes), *others = side_by_side(batch, v_decayed.numel(), gradients)
        for other_w_in, other_w_spikes in others:
            grad_w_in += other_w_in
            grad_w_spikes += other_w_spikes
        if by_blas:
            grad_w_in = np.matmul(inputs[0].t().numpy(), grad_i.reshape(-1, hidden))
    grad_w_spikes = transposed(torch.from_numpy(grad_w_spikes))
    grad_w_rec, grad_w_out = grad_w_spikes.split([hidden, len(w_out)])
    grad_w_in = transposed(torch.from_numpy(grad_w_in))
    return grad_w_in, grad_w_rec, grad_w_out, torch.from_numpy(grad_i)


def no_rows(frames: torch.Tensor) -> Rows:
    """Return rows without inputs: BLAS multiplies those of these frames."""
    steps, batch = frames.shape[:2]
    return to_rows(torch.empty(steps, batch, 0, dtype=frames.dtype))


def at_rest(batch: int, weights: Sequence[torch.Tensor], constants: Constants) -> State:
    """Return the state before the first step; arguments are those of ``cuda.forward``."""
    w_in, w_rec, w_out = weights
    outputs, hidden = w_out.shape
    w_in_t = transposed(w_in).numpy()
    w_spikes_t = transposed(torch.cat([w_rec, w_out])).numpy()
    dtype = w_in_t.dtype
    sizes = hidden, hidden, hidden + outputs, outputs, outputs
    neurons = Neurons(*[np.zeros((batch, size), dtype) for size in sizes])
    return State((w_in_t, w_spikes_t), of_type(dtype, constants), neurons)


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
        v_decayed=np.empty((steps if keep else 1, batch, hidden), dtype),
        i=np.empty((recorded, batch, hidden), dtype),
        voltages=np.empty((steps, batch, outputs), dtype),
        i_out=np.empty((recorded, batch, outputs), dtype),
    )
    if currents is None:
        currents = np.empty((0, hidden), dtype)
    weights, constants, _ = state
    go_on = partial(loops.forward, rows, currents, weights, constants, neurons, trace)
    side_by_side(batch, steps * batch * hidden, go_on)
    return Trace(*map(torch.from_numpy, trace)), state._replace(neurons=neurons)


def side_by_side(batch: int, neuron_steps: int, work: Callable[[int, int], Any]) -> list[Any]:
    """Call with begin and end of each half of a batch, on two threads where they may run.

    ``OMP_NUM_THREADS=1``, which ``torchrun`` sets, keeps to one thread.
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
