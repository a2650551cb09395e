"""The network's two passes through time as compiled loops, for the CPU.

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
from functools import cache, partial, reduce
from threading import RLock
from typing import NamedTuple

import numpy as np
import torch
from threadpoolctl import ThreadpoolController

from ..checks import check_indices
from ..compiling import compiled
from ..devices import usable_cores

IN_CACHE = 2**18  # weights, of 4 bytes, that a core's cache holds
FOR_TWO = 2**16  # steps of neurons: for fewer it takes longer to call another thread


class LIFConstants(NamedTuple):
    """What a time step multiplies by and compares with."""

    dt_over_tau_mem: float  # share that the hidden neurons' voltages lose per step
    dt_over_tau_syn: float  # share that their synaptic currents lose
    v_th: float  # their threshold
    readout_dt_over_tau_mem: float  # share that the readout's voltages lose
    readout_dt_over_tau_syn: float  # share that its synaptic currents lose
    surrogate_slope: float  # height of the surrogate for the threshold's derivative


class Trace(NamedTuple):
    """What the neurons did in every step."""

    v_decayed: torch.Tensor  # voltages of the hidden neurons before the reset, (T, B, H)
    i: torch.Tensor  # their synaptic currents, of the same shape; no steps unless recorded
    voltages: torch.Tensor  # of the readout, (T, B, outputs)
    i_out: torch.Tensor  # its synaptic currents, of the same shape; no steps unless recorded


def to_csr(frames: torch.Tensor) -> list[np.ndarray]:
    """List what isn't 0 in frames (T, B, ...), sparse in any order, as compressed sparse rows.

    Returns:
        ``indptr`` (T * B + 1,), ``indices`` (N,) and ``data`` (N,): of step t and recording b,
        inputs and counts number ``indptr[t * B + b]`` to before ``indptr[t * B + b + 1]``.
    """
    if not frames.is_sparse:
        return listed(*_arrays(frames.flatten(2).flatten(0, 1)))
    row, column, count = _arrays(*rows_and_columns(frames), frames._values())
    if (np.diff(row) < 0).any():
        order = row.argsort(kind="stable")
        row, column, count = row[order], column[order], count[order]
    indptr = np.bincount(row + 1, minlength=frames.shape[:2].numel() + 1).cumsum()
    return [indptr, column.astype(np.int32), count.copy()]  # frames may change until ``backward``


def rows_and_columns(frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return of each event of sparse frames the row, a step of a recording, and the input."""
    check_indices(frames)
    step, recording, *place = frames._indices()
    column = torch.zeros_like(step)
    for index, size in zip(place, frames.shape[2:], strict=True):
        column = column * size + index
    return step * frames.shape[1] + recording, column


def listed(matrix: np.ndarray) -> list[np.ndarray]:
    """List what isn't 0 in a matrix, as ``to_csr`` does."""
    rows, width = matrix.shape
    places = np.flatnonzero(matrix != 0)
    indptr = np.searchsorted(places, width * np.arange(rows + 1))
    return [indptr, (places % width).astype(np.int32), matrix.ravel()[places]]


def forward(frames, weights, constants, record, keep=True):
    """Do what ``cuda.forward`` does, and take the same."""
    steps, batch = frames.shape[:2]
    state = at_rest(batch, weights, constants)
    active = frames._nnz() if frames.is_sparse else int(frames.count_nonzero())
    if keep and _is_dense(active, frames.numel()):
        if frames.is_sparse:
            check_indices(frames)
        flat = frames.to_dense().flatten(2).flatten(0, 1)
        with _one_blas_thread(), np.errstate(all="ignore"):
            currents = np.matmul(*_arrays(flat, weights[0].t()))
        csr, state = _row_by_row(currents), state._replace(w_in_t=currents)
        inputs = [flat]
    else:
        csr = to_csr(frames)
        inputs = [*map(torch.from_numpy, csr)]
    return inputs, run(steps, csr, state, record, keep)[0]


def _row_by_row(matrix: np.ndarray) -> list[np.ndarray]:
    """Return inputs that no step of a recording shares with another."""
    rows = np.arange(len(matrix) + 1)
    return [rows, rows[:-1].astype(np.int32), np.ones(len(matrix), matrix.dtype)]


class State(NamedTuple):
    """Where a run through time has come to, and what it goes on with."""

    w_in_t: np.ndarray  # what an input sends to each hidden neuron, a copy, (inputs, H)
    w_spikes_t: np.ndarray  # what a spike sends to hidden neurons and readout, (H, H + outputs)
    constants: tuple[np.floating, ...]  # as numbers of the weights' type
    # Hidden currents, hidden voltages, currents on their way from the last spikes, and the
    # readout's currents and voltages, side by side: (B, 3 H + 3 outputs).
    neurons: np.ndarray


def at_rest(batch: int, weights: Sequence[torch.Tensor], constants: LIFConstants) -> State:
    """Return the state before the first step; arguments are those of ``cuda.forward``."""
    w_in, w_rec, w_out = weights
    w_in_t, w_spikes_t = (transposed(each).numpy() for each in (w_in, torch.cat([w_rec, w_out])))
    neurons = np.zeros((batch, 3 * sum(w_out.shape)), w_in_t.dtype)
    return State(w_in_t, w_spikes_t, _typed(constants, w_in_t.dtype), neurons)


def run(steps, csr, state, record=False, keep=False):
    """Step on from a state, which stays as it is; return the new one, too.

    Hidden neurons' voltages are kept for ``backward`` if asked for, else those of a step only, and
    then BLAS multiplies nothing: it rounds by how many recordings there are.
    """
    neurons = state.neurons.copy()
    batch, hidden = len(neurons), len(state.w_spikes_t)
    outputs = state.w_spikes_t.shape[1] - hidden
    kept = steps if record else 0
    sizes = (steps if keep else 1, hidden), (kept, hidden), (steps, outputs), (kept, outputs)
    trace = [np.empty((time, batch, size), neurons.dtype) for time, size in sizes]
    together = keep and state.w_spikes_t.size > IN_CACHE
    with _one_blas_thread() if together else nullcontext():
        step_through = partial(_forward, *csr, *state[:3], together, neurons, *trace)
        _side_by_side(_halves(batch, steps * batch * hidden), step_through)
    return Trace(*map(torch.from_numpy, trace)), state._replace(neurons=neurons)


def backward(grad_voltages, inputs, v_decayed, weights, constants, needs_input_grad):
    """Do what ``cuda.backward`` does, and take the same."""
    steps, batch, hidden = v_decayed.shape
    w_in, w_rec, w_out = weights
    w_spikes, dense = torch.cat([w_rec, w_out]), len(inputs) == 1
    halves, dtype = _halves(batch, v_decayed.numel()), v_decayed.numpy().dtype
    csr = listed(np.empty((steps * batch, 0), dtype)) if dense else _arrays(*inputs)
    grad_i = np.zeros((steps if dense or needs_input_grad else 0, batch, hidden), dtype)
    grad_w_in_t, grad_w_spikes_t = (
        [np.zeros(each.shape[::-1], dtype) for _ in halves] for each in (w_in, w_spikes)
    )
    arrays = [*_arrays(grad_voltages.contiguous(), v_decayed), *csr, *_arrays(w_spikes)]

    def go_back(begin: int, end: int) -> None:
        sums = grad_w_in_t[begin > 0], grad_w_spikes_t[begin > 0]
        _backward(*arrays, _typed(constants, dtype), grad_i, *sums, begin, end)

    with _one_blas_thread(), np.errstate(all="ignore"):  # ``fit`` looks for what isn't finite
        _side_by_side(halves, go_back)
        if dense:
            grad_w_in_t = [np.matmul(inputs[0].t().numpy(), grad_i.reshape(-1, hidden))]
        totals = [reduce(np.add, parts) for parts in (grad_w_in_t, grad_w_spikes_t)]
    grad_w_in, grad_w_spikes = (transposed(torch.from_numpy(total)) for total in totals)
    return grad_w_in, *grad_w_spikes.split([hidden, len(w_out)]), torch.from_numpy(grad_i)


def _halves(batch: int, neuron_steps: int) -> list[tuple[int, int]]:
    """Return begin and end of what is computed apart, on one thread as on two."""
    half = (batch + 1) // 2 if neuron_steps > FOR_TWO else batch
    return [(0, half), (half, batch)] if half < batch else [(0, batch)]


def _side_by_side(halves: list[tuple[int, int]], work: Callable[[int, int], None]) -> None:
    """Call with begin and end of each half, on two threads where they may run.

    ``OMP_NUM_THREADS=1``, which ``torchrun`` sets, keeps to one thread.
    """
    if len(halves) == 1 or os.environ.get("OMP_NUM_THREADS") == "1" or usable_cores() == 1:
        for half in halves:
            work(*half)
    else:
        with ThreadPoolExecutor(1) as other_thread:
            second = other_thread.submit(work, *halves[1])
            work(*halves[0])
        second.result()


@cache
def _blas() -> ThreadpoolController:
    import scipy.linalg.cython_blas  # noqa: F401 - Numba's, which is found once it is loaded

    return ThreadpoolController().select(user_api="blas")


_blas_lock = RLock()  # the process has one number of threads for all of its threads


@contextmanager
def _one_blas_thread() -> Iterator[None]:
    with _blas_lock, _blas().limit(limits=1):
        yield


def _arrays(*tensors: torch.Tensor) -> list[np.ndarray]:
    return [tensor.detach().numpy() for tensor in tensors]


def transposed(matrix: torch.Tensor) -> torch.Tensor:
    """Return a copy whose rows lie one after the other in memory."""
    return matrix.detach().t().clone(memory_format=torch.contiguous_format)


def _typed(constants: LIFConstants, dtype: np.dtype) -> tuple[np.floating, ...]:
    """Give constants, and a 1, this type: else Numba would compute in double precision."""
    return tuple(np.array([*constants, 1], dtype))


@compiled
def gather_add(total, weights, rows, factors, first, last):
    """Add rows ``rows[first:last]`` of the weights, each times its factor."""
    k = first
    while k + 4 <= last:  # four at once: the total is loaded less often
        w0, w1 = weights[rows[k]], weights[rows[k + 1]]
        w2, w3 = weights[rows[k + 2]], weights[rows[k + 3]]
        f0, f1, f2, f3 = factors[k], factors[k + 1], factors[k + 2], factors[k + 3]
        for h in range(len(total)):
            total[h] = total[h] + f0 * w0[h] + f1 * w1[h] + f2 * w2[h] + f3 * w3[h]
        k += 4
    while k < last:
        w0, f0 = weights[rows[k]], factors[k]
        for h in range(len(total)):
            total[h] += f0 * w0[h]
        k += 1


@compiled
def scatter_add(totals, rows, factors, first, last, added):
    """Add a vector, times its factor, to each of the rows ``rows[first:last]``."""
    for k in range(first, last):
        total, factor = totals[rows[k]], factors[k]
        for h in range(len(total)):
            total[h] += factor * added[h]


@compiled
def _is_dense(active, possible):
    """Say whether BLAS multiplies all of a matrix faster than loops what isn't 0 in it."""
    return active > 0.3 * possible


@compiled
def _list_spikes(voltages, v_th, spiking):
    """Write the numbers of the neurons above threshold to ``spiking``; return how many they are."""
    spikes = 0
    for h in range(len(voltages)):
        spiking[spikes] = h  # written over unless it spikes: faster than a branch
        spikes += voltages[h] > v_th
    return spikes


@partial(compiled, contract=False)
def _forward(
    indptr, indices, data, w_in_t, w_spikes_t, constants, together,
    neurons, v_decayed, i_kept, voltages, i_out_kept, begin, end,
):  # fmt: skip
    """Step through time with the recordings from ``begin`` to before ``end``.

    A row of weights is what one input or neuron sends to all that follow.

    Recordings take turns, each for all steps, or they go through time ``together``: for weights
    that exceed the cache, so that BLAS can multiply the spikes of a step, if they are many.
    """
    steps, batch, outputs = voltages.shape
    hidden, dtype = len(w_spikes_t), voltages.dtype
    a, s, v_th, a_out, s_out, _, one = constants
    v_at, spikes_at, i_out_at = hidden, 2 * hidden, 3 * hidden + outputs
    v_out_at = i_out_at + outputs
    from_inputs, ones = np.empty(hidden, dtype), np.ones(hidden, dtype)
    size = end - begin if together else 1
    spiking, z = np.empty((size, hidden + 1), np.int64), np.zeros((size, hidden), dtype)
    spikes, from_spikes = np.empty(size, np.int64), np.empty((size, hidden + outputs), dtype)
    for first in range(begin, end, max(size, 1)):
        for k in range(size):
            from_spikes[k] = neurons[first + k, spikes_at:i_out_at]
        for t in range(steps):
            for k in range(size):
                b = first + k
                row, i, v = t * batch + b, neurons[b, :v_at], neurons[b, v_at:spikes_at]
                from_inputs[:] = 0
                gather_add(from_inputs, w_in_t, indices, data, indptr[row], indptr[row + 1])
                v_t, from_last = v_decayed[t if len(v_decayed) > 1 else 0, b], from_spikes[k]
                for h in range(hidden):
                    i[h] = (i[h] + from_inputs[h]) + from_last[h]  # as Norse rounds
                    v_t[h] = v[h] + a * (i[h] - v[h])
                    i[h] -= s * i[h]
                    v[h] = v_t[h] if v_t[h] <= v_th else one - one
                spikes[k] = _list_spikes(v_t, v_th, spiking[k])
            # To the readout now, to the hidden neurons in the next step.
            if together and _is_dense(spikes.sum(), z.size):
                for k in range(size):
                    z[k] = v_decayed[t, first + k] > v_th
                np.dot(z, w_spikes_t, from_spikes)
            else:
                from_spikes[:] = 0
                for k in range(size):
                    gather_add(from_spikes[k], w_spikes_t, spiking[k], ones, 0, spikes[k])
            for k in range(size):
                b = first + k
                i_out, v_out = neurons[b, i_out_at:v_out_at], neurons[b, v_out_at:]
                for o in range(outputs):
                    i_out[o] += from_spikes[k, hidden + o]
                    v_out[o] += a_out * (i_out[o] - v_out[o])
                    i_out[o] -= s_out * i_out[o]
                    voltages[t, b, o] = v_out[o]
                if len(i_kept) > 0:
                    i_kept[t, b] = neurons[b, :v_at]
                    i_out_kept[t, b] = i_out
        for k in range(size):
            neurons[first + k, spikes_at:i_out_at] = from_spikes[k]


@compiled
def _backward(
    grad_voltages, v_decayed, indptr, indices, data, w_spikes, constants,
    grad_i_kept, grad_w_in_t, grad_w_spikes_t, begin, end,
):  # fmt: skip
    """Step back through time with the recordings from ``begin`` to before ``end``.

    The weights are as they are, their gradients transposed. A name that begins with g stands for
    the gradient of the loss with respect to what follows: to the hidden neurons' voltages before
    the reset, to currents before they decay.
    """
    steps, batch, hidden = v_decayed.shape
    outputs, dtype = grad_voltages.shape[2], v_decayed.dtype
    a, s, v_th, a_out, s_out, slope, one = constants
    size = end - begin
    g_z, g_v = np.empty((size, hidden), dtype), np.zeros((size, hidden), dtype)
    g_v_out = np.zeros((size, outputs), dtype)
    g_i = np.zeros((size, hidden + outputs), dtype)  # hidden neurons, then readout
    has_gradient, active = np.zeros(size, np.bool_), np.empty(size, np.int64)
    spiking, ones = np.empty(hidden + 1, np.int64), np.ones(hidden, dtype)
    together = w_spikes.size > IN_CACHE and size > 0
    rows = size * max(1, 256 // size) if together else 0  # of what is added at once
    z, sent = np.empty((rows, hidden), dtype), np.empty((rows, hidden + outputs), dtype)
    row_count = spike_count = 0
    for t in range(steps - 1, -1, -1):
        recordings = 0  # nothing is to be done after the last step that the loss depends on
        for b in range(size):
            for o in range(outputs):
                has_gradient[b] |= grad_voltages[t, begin + b, o] != 0
                g_v_out[b, o] += grad_voltages[t, begin + b, o] - a_out * g_v_out[b, o]
                g_i[b, hidden + o] += a_out * g_v_out[b, o] - s_out * g_i[b, hidden + o]
            active[recordings] = b
            recordings += has_gradient[b]
        # A spike drives the readout now and the hidden neurons a step later.
        np.dot(g_i, w_spikes, g_z)
        for b in active[:recordings]:
            row, v_t = t * batch + begin + b, v_decayed[t, begin + b]
            gz, gv, gi = g_z[b], g_v[b], g_i[b]
            spikes = _list_spikes(v_t, v_th, spiking)
            if together:
                z[row_count], sent[row_count] = (v_t > v_th), gi
                row_count += 1
                spike_count += spikes
            else:
                scatter_add(grad_w_spikes_t, spiking, ones, 0, spikes, gi)
            for h in range(hidden):
                x = v_t[h] - v_th
                width = one + abs(x)
                carried = gv[h] - a * gv[h] if x <= 0 else one - one
                gv[h] = carried + slope * gz[h] / (width * width)
                gi[h] += a * gv[h] - s * gi[h]
            scatter_add(grad_w_in_t, indices, data, indptr[row], indptr[row + 1], gi[:hidden])
            if len(grad_i_kept) > 0:
                grad_i_kept[t, begin + b] = gi[:hidden]
        if together and (row_count + size > rows or t == 0):
            _add_products(grad_w_spikes_t, z[:row_count], sent[:row_count], spike_count)
            row_count = spike_count = 0


@compiled
def _add_products(total, z, sent, spikes):
    """Add the product of spikes, transposed, and what they get: for each, a row to a row."""
    if _is_dense(spikes, z.size):
        total += np.dot(z.T, sent)
        return
    spiking, ones = np.empty(z.shape[1] + 1, np.int64), np.ones(z.shape[1], z.dtype)
    for row in range(len(z)):
        scatter_add(total, spiking, ones, 0, _list_spikes(z[row], 0 * ones[0], spiking), sent[row])
