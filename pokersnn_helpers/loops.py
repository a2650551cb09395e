"""The network's two passes through time as compiled loops, for the CPU.

Events and spikes are rare, so a product with them is a sum over the few rows of a weight matrix
that they pick. Slopes are not rare: going back, they are multiplied by BLAS. The loops run on one
thread, so that every sum has one order; ``torchrun`` puts more cores to use.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numba
import numpy as np
import torch

from .steps import Constants, Gradients, States


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
    _count(*_arrays(flat, starts))
    starts = starts.cumsum(0)
    inputs = Inputs(starts, torch.empty(starts[-1], dtype=torch.int32), flat.new_empty(starts[-1]))
    _list(*_arrays(flat, *inputs))
    return inputs


def forward(
    frames: torch.Tensor, weights: list[torch.Tensor], constants: Constants, record: bool
) -> tuple[Inputs, States]:
    """Do what ``steps.forward`` does."""
    inputs = list_inputs(frames)
    steps, batch = frames.shape[:2]
    w_in, w_rec, w_out = weights
    outputs, hidden = w_out.shape
    kept = steps if record else 0
    states = States(
        v_decayed=w_in.new_empty(steps, batch, hidden),
        i=w_in.new_empty(kept, batch, hidden),
        voltages=w_in.new_empty(steps, batch, outputs),
        i_out=w_in.new_empty(kept, batch, outputs),
    )
    of_inputs, of_spikes = w_in.t().contiguous(), torch.cat([w_rec, w_out]).t().contiguous()
    _forward(*_arrays(*inputs, of_inputs, of_spikes), _typed(constants, w_in), *_arrays(*states))
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
    w_in, w_rec, w_out = weights
    of_spikes = torch.cat([w_rec, w_out])
    grad_inputs = w_in.new_zeros(w_in.shape[::-1])
    grad_spikes = w_in.new_zeros(of_spikes.shape[::-1])
    grad_i = w_in.new_zeros(steps if keep else 0, batch, hidden)
    _backward(
        *_arrays(grad_voltages.contiguous(), v_decayed, *inputs, of_spikes),
        _typed(constants, w_in),
        *_arrays(grad_i, grad_inputs, grad_spikes),
    )
    grad_rec, grad_out = grad_spikes.t().split([hidden, len(w_out)])
    return Gradients(grad_inputs.t(), grad_rec, grad_out, grad_i)


def _arrays(*tensors: torch.Tensor) -> list[np.ndarray]:
    return [tensor.detach().numpy() for tensor in tensors]


def _typed(constants: Constants, like: torch.Tensor) -> tuple[np.floating, ...]:
    """Give constants the type of the tensors: else Numba would compute in double precision."""
    return tuple(like.new_tensor([*constants, 1.0]).numpy())


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
def _count(frames, starts):
    for row in range(len(frames)):
        count = 0
        for value in frames[row]:
            count += value != 0
        starts[row + 1] = count


@_compiled
def _list(frames, starts, columns, values):
    rows, width = frames.shape
    for row in range(rows):
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
    starts, columns, values, of_inputs, of_spikes, constants,
    v_decayed, i_kept, voltages, i_out_kept,
):  # fmt: skip
    """Step through time. A row of weights is what one input or neuron sends to all that follow."""
    steps, batch, hidden = v_decayed.shape
    outputs = voltages.shape[2]
    a, s, v_th, a_out, s_out, _, one = constants
    i, v = np.empty(hidden, v_decayed.dtype), np.empty(hidden, v_decayed.dtype)
    i_out, v_out = np.empty(outputs, v_decayed.dtype), np.empty(outputs, v_decayed.dtype)
    from_inputs, from_spikes = np.empty_like(i), np.empty(hidden + outputs, v_decayed.dtype)
    spiking, ones = np.empty(hidden + 1, np.int64), np.ones(hidden, v_decayed.dtype)
    for b in range(batch):
        i[:], v[:], i_out[:], v_out[:], from_spikes[:] = 0, 0, 0, 0, 0
        for t in range(steps):
            row = t * batch + b
            from_inputs[:] = 0
            _add_rows(from_inputs, of_inputs, columns, values, starts[row], starts[row + 1])
            now = v_decayed[t, b]
            for h in range(hidden):
                i[h] = (i[h] + from_inputs[h]) + from_spikes[h]  # in Norse's order, to round alike
                now[h] = v[h] + a * (i[h] - v[h])
                i[h] -= s * i[h]
                v[h] = now[h] if now[h] <= v_th else one - one
            spikes = _list_spikes(now, v_th, spiking)
            from_spikes[:] = 0  # to the readout now, to the hidden neurons in the next step
            _add_rows(from_spikes, of_spikes, spiking, ones, 0, spikes)
            for o in range(outputs):
                i_out[o] += from_spikes[hidden + o]
                v_out[o] += a_out * (i_out[o] - v_out[o])
                i_out[o] -= s_out * i_out[o]
                voltages[t, b, o] = v_out[o]
            if len(i_kept) > 0:
                i_kept[t, b] = i
                i_out_kept[t, b] = i_out


@_compiled
def _backward(
    grad_voltages, v_decayed, starts, columns, values, of_spikes, constants,
    grad_i_kept, grad_inputs, grad_spikes,
):  # fmt: skip
    """Step back through time.

    The weights are as they are, their gradients transposed. A name that begins with g stands for
    the slope of the loss with respect to what follows; current and voltage are those before they
    decay.
    """
    steps, batch, hidden = v_decayed.shape
    outputs, dtype = grad_voltages.shape[2], v_decayed.dtype
    a, s, v_th, a_out, s_out, slope, one = constants
    g_z, g_v = np.empty((batch, hidden), dtype), np.zeros((batch, hidden), dtype)
    g_v_out = np.zeros((batch, outputs), dtype)
    g_i = np.zeros((batch, hidden + outputs), dtype)  # hidden neurons, then readout
    begun, active = np.zeros(batch, np.bool_), np.empty(batch, np.int64)
    spiking, ones = np.empty(hidden + 1, np.int64), np.ones(hidden, dtype)
    for t in range(steps - 1, -1, -1):
        recordings = 0  # nothing is to be done after the last step that the loss depends on
        for b in range(batch):
            for o in range(outputs):
                begun[b] |= grad_voltages[t, b, o] != 0
                g_v_out[b, o] += grad_voltages[t, b, o] - a_out * g_v_out[b, o]
                g_i[b, hidden + o] += a_out * g_v_out[b, o] - s_out * g_i[b, hidden + o]
            active[recordings] = b
            recordings += begun[b]
        # A spike drives the readout now and the hidden neurons a step later.
        np.dot(g_i, of_spikes, g_z)
        for b in active[:recordings]:
            row, now, gz, gv, gi = t * batch + b, v_decayed[t, b], g_z[b], g_v[b], g_i[b]
            spikes = _list_spikes(now, v_th, spiking)
            _add_to_rows(grad_spikes, spiking, ones, 0, spikes, gi)
            for h in range(hidden):
                x = now[h] - v_th
                width = one + abs(x)
                carried = gv[h] - a * gv[h] if x <= 0 else one - one
                gv[h] = carried + slope * gz[h] / (width * width)
                gi[h] += a * gv[h] - s * gi[h]
            _add_to_rows(grad_inputs, columns, values, starts[row], starts[row + 1], gi[:hidden])
            if len(grad_i_kept) > 0:
                grad_i_kept[t, b] = gi[:hidden]
