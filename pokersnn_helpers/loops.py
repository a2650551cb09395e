"""The network's two passes through time as compiled loops, for the CPU.

Events and spikes are rare, so a product with them is a sum over the few rows of a weight matrix
that they pick. Every sum has one order, so that no result depends on the number of threads.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numba
import numpy as np
import torch

from .steps import Constants, Gradients, States

# Gradients are summed over parts of this many recordings, whatever the number of threads, and the
# sums are added up at the end.
PART = 16


class Inputs(NamedTuple):
    """The inputs other than 0 of a batch, grouped by time step and recording.

    Those of step t and recording b are numbers ``starts[t * B + b]`` to ``starts[t * B + b + 1]``.

    Attributes:
        starts: Of shape (T * B + 1,).
        columns: Which input it is, of shape (N,).
        values: How many events, of shape (N,).
    """

    starts: torch.Tensor
    columns: torch.Tensor
    values: torch.Tensor


def list_inputs(frames: torch.Tensor) -> Inputs:
    """List the inputs other than 0.

    Args:
        frames: Event counts of shape (T, B, ...), dense or sparse (COO, in any order).
    """
    rows = frames.shape[0] * frames.shape[1]
    starts = torch.zeros(rows + 1, dtype=torch.int64)
    if frames.is_sparse:
        indices, counts = frames._indices(), frames._values()
        inputs = Inputs(starts, torch.empty(len(counts), dtype=torch.int32), counts.clone())
        _group(*_arrays(indices, counts), np.array(frames.shape), *_arrays(*inputs))
        return inputs
    flat = frames.flatten(2).flatten(0, 1).contiguous()
    _split(_count, rows, flat, starts)
    starts = starts.cumsum(0)
    inputs = Inputs(starts, torch.empty(starts[-1], dtype=torch.int32), flat.new_empty(starts[-1]))
    _split(_list, rows, flat, *inputs)
    return inputs


def forward(
    frames: torch.Tensor, weights: list[torch.Tensor], constants: Constants, record: bool
) -> tuple[Inputs, States]:
    """Do what ``steps.forward`` does."""
    inputs = list_inputs(frames)
    steps, batch = frames.shape[:2]
    outputs, hidden = weights[2].shape
    kept = steps if record else 0
    states = States(
        v_decayed=weights[0].new_empty(steps, batch, hidden),
        i=weights[0].new_empty(kept, batch, hidden),
        voltages=weights[0].new_empty(steps, batch, outputs),
        i_out=weights[0].new_empty(kept, batch, outputs),
    )
    transposed = [w.t().contiguous() for w in weights]
    typed = _typed(constants, weights[0])
    _split(_forward, batch, *inputs, *transposed, typed, *states)
    return inputs, states


def backward(
    grad_voltages: torch.Tensor,
    inputs: Inputs,
    v_decayed: torch.Tensor,
    weights: list[torch.Tensor],
    constants: Constants,
    keep: bool,
) -> Gradients:
    """Do what ``steps.backward`` does."""
    steps, batch, hidden = v_decayed.shape
    _, w_rec, w_out = (w.contiguous() for w in weights)
    count = -(-batch // PART)
    parts = [w.new_zeros(count, *reversed(w.shape)) for w in weights]
    grad_i = v_decayed.new_zeros(steps if keep else 0, batch, hidden)
    typed = _typed(constants, v_decayed)
    shared = grad_voltages.contiguous(), v_decayed, *inputs, w_rec, w_out, typed, grad_i
    arguments = [(*(grads[part] for grads in parts), part * PART) for part in range(count)]
    _in_threads(_backward, shared, arguments)
    return Gradients(*(part.sum(0).t() for part in parts), grad_i)


def _arrays(*tensors: torch.Tensor) -> list[np.ndarray]:
    return [t.detach().numpy() if isinstance(t, torch.Tensor) else t for t in tensors]


def _typed(constants: Constants, like: torch.Tensor) -> tuple[np.floating, ...]:
    """Give constants the type of the tensors: else Numba would compute in double precision."""
    return tuple(_arrays(like.new_tensor([*constants, 1.0]))[0])


def _in_threads(loop: Callable, shared: tuple, arguments: list[tuple]) -> None:
    """Run a loop once for each of the arguments, on as many threads as PyTorch would take."""
    shared = _arrays(*shared)
    calls = [(*shared, *_arrays(*each)) for each in arguments]
    threads = min(len(calls), torch.get_num_threads())
    if threads <= 1:
        for call in calls:
            loop(*call)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda call: loop(*call), calls))


def _split(loop: Callable, size: int, *shared: torch.Tensor) -> None:
    """Share ``size`` items, which don't depend on each other, among the threads."""
    count = torch.get_num_threads()
    edges = [size * part // count for part in range(count + 1)]
    _in_threads(loop, shared, list(pairwise(edges)))


def _compiled(function: Callable, contract: bool = True) -> Callable:
    """Compile at the first call, and keep the machine code on disk where that is possible.

    With ``contract``, a product and a sum may be rounded once instead of twice.
    """
    options = {
        "nogil": True,
        "error_model": "numpy",
        "fastmath": {"contract"} if contract else False,
    }
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder for it can be written to
        return numba.njit(**options)(function)


@_compiled
def _group(indices, counts, shape, starts, columns, values):
    """Sort events by time step and recording: count them, and put each in its place."""
    batch, events = shape[1], indices.shape[1]
    for n in range(events):
        starts[indices[0, n] * batch + indices[1, n]] += 1
    for row in range(1, len(starts)):
        starts[row] += starts[row - 1]
    for n in range(events - 1, -1, -1):
        row = indices[0, n] * batch + indices[1, n]
        column = 0
        for axis in range(2, len(shape)):
            column = column * shape[axis] + indices[axis, n]
        starts[row] -= 1
        columns[starts[row]] = column
        values[starts[row]] = counts[n]


@_compiled
def _count(frames, starts, first, last):
    for row in range(first, last):
        count = 0
        for value in frames[row]:
            count += value != 0
        starts[row + 1] = count


@_compiled
def _list(frames, starts, columns, values, first, last):
    width = frames.shape[1]
    for row in range(first, last):
        place, column = starts[row], 0
        while place < starts[row + 1]:
            end = min(column + 16, width)
            found = False  # in most stretches there is nothing: look at 16 inputs at once
            for k in range(column, end):
                found |= frames[row, k] != 0
            if found:
                for k in range(column, end):
                    if frames[row, k] != 0:
                        columns[place], values[place] = k, frames[row, k]
                        place += 1
            column = end


@_compiled
def _add_rows(total, weights, rows, factors, first, last):
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


@_compiled
def _add_to_rows(totals, rows, factors, first, last, added):
    """Add a vector, times its factor, to each of the rows ``rows[first:last]``."""
    for k in range(first, last):
        total, factor = totals[rows[k]], factors[k]
        for h in range(len(total)):
            total[h] += factor * added[h]


@_compiled
def _list_spikes(voltages, v_th, spiking):
    """Write the numbers of the neurons above threshold to ``spiking``; return how many they are."""
    spikes = 0
    for h in range(len(voltages)):
        spiking[spikes] = h  # written over unless it spikes: faster than a branch
        spikes += voltages[h] > v_th
    return spikes


@partial(_compiled, contract=False)
def _forward(
    starts, columns, values, w_in, w_rec, w_out, constants,
    v_decayed, i_kept, voltages, i_out_kept, first, last,
):  # fmt: skip
    """Step recordings ``first`` to ``last`` through time. The weights are transposed."""
    steps, batch, hidden = v_decayed.shape
    outputs = voltages.shape[2]
    a, s, v_th, a_out, s_out, _, one = constants
    i, v = np.empty(hidden, v_decayed.dtype), np.empty(hidden, v_decayed.dtype)
    i_out, v_out = np.empty(outputs, v_decayed.dtype), np.empty(outputs, v_decayed.dtype)
    from_inputs, from_spikes, to_readout = np.empty_like(i), np.empty_like(i), np.empty_like(i_out)
    spiking, ones = np.empty(hidden + 1, np.int64), np.ones(hidden, v_decayed.dtype)
    for b in range(first, last):
        i[:], v[:], i_out[:], v_out[:] = 0, 0, 0, 0
        spikes = 0
        for t in range(steps):
            row = t * batch + b
            from_inputs[:], from_spikes[:] = 0, 0
            _add_rows(from_inputs, w_in, columns, values, starts[row], starts[row + 1])
            _add_rows(from_spikes, w_rec, spiking, ones, 0, spikes)
            now = v_decayed[t, b]
            for h in range(hidden):
                i[h] = (i[h] + from_inputs[h]) + from_spikes[h]  # in Norse's order, to round alike
                now[h] = v[h] + a * (i[h] - v[h])
                i[h] -= s * i[h]
                v[h] = now[h] if now[h] <= v_th else one - one
            spikes = _list_spikes(now, v_th, spiking)
            to_readout[:] = 0
            _add_rows(to_readout, w_out, spiking, ones, 0, spikes)
            for o in range(outputs):
                i_out[o] += to_readout[o]
                v_out[o] += a_out * (i_out[o] - v_out[o])
                i_out[o] -= s_out * i_out[o]
                voltages[t, b, o] = v_out[o]
            if len(i_kept) > 0:
                i_kept[t, b] = i
                i_out_kept[t, b] = i_out


@_compiled
def _backward(
    grad_voltages, v_decayed, starts, columns, values, w_rec, w_out, constants,
    grad_i_kept, grad_in, grad_rec, grad_out, first,
):  # fmt: skip
    """Step the part of the batch that begins with recording ``first`` back through time.

    The weights are as they are, their gradients transposed. A name that begins with g stands for
    the slope of the loss with respect to what follows; current and voltage are those before they
    decay.
    """
    steps, batch, hidden = v_decayed.shape
    size, outputs, dtype = min(PART, batch - first), grad_voltages.shape[2], v_decayed.dtype
    a, s, v_th, a_out, s_out, slope, one = constants
    g_z, g_v, g_i = (
        np.empty((size, hidden), dtype), np.zeros((size, hidden), dtype),
        np.zeros((size, hidden), dtype),
    )  # fmt: skip
    g_v_out, g_i_out = np.zeros((size, outputs), dtype), np.zeros((size, outputs), dtype)
    begun, active = np.zeros(size, np.bool_), np.empty(size, np.int64)
    spiking, every = np.empty(hidden + 1, np.int64), np.arange(outputs)
    ones = np.ones(hidden, dtype)
    for t in range(steps - 1, -1, -1):
        recordings = 0  # nothing is to be done after the last step that the loss depends on
        for n in range(size):
            if not begun[n]:
                for o in range(outputs):
                    begun[n] |= grad_voltages[t, first + n, o] != 0
            active[recordings] = n
            recordings += begun[n]
        for n in active[:recordings]:
            g_z[n] = 0
            for o in range(outputs):
                g_v_out[n, o] += grad_voltages[t, first + n, o] - a_out * g_v_out[n, o]
                g_i_out[n, o] += a_out * g_v_out[n, o] - s_out * g_i_out[n, o]
            _add_rows(g_z[n], w_out, every, g_i_out[n], 0, outputs)
        _add_product(g_z, g_i, w_rec, active[:recordings])  # of the currents a step later
        for n in active[:recordings]:
            row = t * batch + first + n
            now, gz, gv, gi = v_decayed[t, first + n], g_z[n], g_v[n], g_i[n]
            spikes = _list_spikes(now, v_th, spiking)
            _add_to_rows(grad_rec, spiking, ones, 0, spikes, gi)  # gi is that of a step later
            _add_to_rows(grad_out, spiking, ones, 0, spikes, g_i_out[n])
            for h in range(hidden):
                x = now[h] - v_th
                width = one + abs(x)
                carried = gv[h] - a * gv[h] if x <= 0 else one - one
                gv[h] = carried + slope * gz[h] / (width * width)
                gi[h] += a * gv[h] - s * gi[h]
            _add_to_rows(grad_in, columns, values, starts[row], starts[row + 1], gi)
            if len(grad_i_kept) > 0:
                grad_i_kept[t, first + n] = gi


@_compiled
def _add_product(totals, factors, weights, rows):
    """Add the matrix product of factors and weights to totals, in some of the rows."""
    hidden, j = weights.shape[0], 0
    while j + 8 <= hidden:  # eight rows of weights are read once for all recordings
        w0, w1, w2, w3 = weights[j], weights[j + 1], weights[j + 2], weights[j + 3]
        w4, w5, w6, w7 = weights[j + 4], weights[j + 5], weights[j + 6], weights[j + 7]
        for n in rows:
            total, f = totals[n], factors[n, j : j + 8]
            f0, f1, f2, f3, f4, f5, f6, f7 = f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7]
            for h in range(len(total)):
                first_half = total[h] + f0 * w0[h] + f1 * w1[h] + f2 * w2[h] + f3 * w3[h]
                total[h] = first_half + f4 * w4[h] + f5 * w5[h] + f6 * w6[h] + f7 * w7[h]
        j += 8
    while j < hidden:
        for n in rows:
            for h in range(weights.shape[1]):
                totals[n, h] += factors[n, j] * weights[j, h]
        j += 1
