"""The network's two passes through time, and a layer's, as loops that Numba compiles.

Numba keeps machine code on disk. It compiles a function anew when the function's own file has
changed, whatever has become of what it calls: so all loops that call one another are in this file.

``v`` are membrane voltages, ``i`` synaptic currents, ``z`` spikes; ``h`` numbers hidden neurons,
``o`` those of the readout, ``t`` time steps, ``b`` recordings.
"""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ..system.compiling import compiled


class Rows(NamedTuple):
    """What isn't 0 in frames (T, B, ...), as the compressed rows of a matrix (T * B, inputs).

    Row ``t * B + b`` is step t of recording b: numbers ``indptr[row]`` to before
    ``indptr[row + 1]`` of the two others.
    """

    indptr: np.ndarray  # (T * B + 1,)
    inputs: np.ndarray  # (N,)
    counts: np.ndarray  # events at these inputs, (N,)


class Constants(NamedTuple):
    """What a time step multiplies by and compares with."""

    dt_over_tau_mem: float  # share that the hidden neurons' voltages lose per step
    dt_over_tau_syn: float  # share that their synaptic currents lose
    v_th: float  # their threshold
    readout_dt_over_tau_mem: float  # share that the readout's voltages lose
    readout_dt_over_tau_syn: float  # share that its synaptic currents lose
    surrogate_slope: float  # height of the surrogate for the threshold's derivative


class Trace(NamedTuple):
    """What the neurons did in every step: arrays for loops, else tensors."""

    v_decayed: Any  # voltages of the hidden neurons before the reset, (T, B, H)
    i: Any  # their synaptic currents, of the same shape; no steps unless recorded
    voltages: Any  # of the readout, (T, B, outputs)
    i_out: Any  # its synaptic currents, of the same shape; no steps unless recorded


class Neurons(NamedTuple):
    """State of the neurons between two time steps."""

    v: np.ndarray  # hidden neurons' voltages after the reset, (B, H)
    i: np.ndarray  # their currents, (B, H)
    sent: np.ndarray  # what the last spikes send to hidden neurons and readout, (B, H + outputs)
    v_out: np.ndarray  # the readout's voltages, (B, outputs)
    i_out: np.ndarray  # its currents, (B, outputs)


@compiled
def sparse_rows(indices, values, shape):
    """Return the rows of sparse frames in any order, and whether all indices are in the shape."""
    steps, batch = shape[:2]
    rows = Rows(
        np.zeros(steps * batch + 1, np.int64), np.empty(len(values), np.int32), values.copy()
    )
    # How many there are in each row.
    for n in range(len(values)):
        for axis in range(len(shape)):
            if not 0 <= indices[axis, n] < shape[axis]:
                return rows, False
        row = indices[0, n] * batch + indices[1, n]
        rows.indptr[row + 1] += 1
    # Where each row begins.
    for row in range(steps * batch):
        rows.indptr[row + 1] += rows.indptr[row]
    # Each one in the next free place of its row.
    free = rows.indptr.copy()
    for n in range(len(values)):
        row = indices[0, n] * batch + indices[1, n]
        number = 0
        for axis in range(2, len(shape)):
            number = number * shape[axis] + indices[axis, n]
        rows.inputs[free[row]] = number
        rows.counts[free[row]] = values[n]
        free[row] += 1
    return rows, True


@compiled
def copy(target, values):
    """Write the first of these values: for ``target[:] = values`` Numba compiles for seconds."""
    for h in range(len(target)):
        target[h] = values[h]


@compiled
def gather_add(total, weights, rows, factors):
    """Add these rows of the weights, each times its factor."""
    k = 0
    while k + 4 <= len(rows):  # four at once: the total is loaded less often
        w0 = weights[rows[k]]
        w1 = weights[rows[k + 1]]
        w2 = weights[rows[k + 2]]
        w3 = weights[rows[k + 3]]
        f0 = factors[k]
        f1 = factors[k + 1]
        f2 = factors[k + 2]
        f3 = factors[k + 3]
        for h in range(len(total)):
            total[h] = total[h] + f0 * w0[h] + f1 * w1[h] + f2 * w2[h] + f3 * w3[h]
        k += 4
    while k < len(rows):
        w = weights[rows[k]]
        f = factors[k]
        for h in range(len(total)):
            total[h] += f * w[h]
        k += 1


@compiled
def scatter_add(totals, rows, factors, added):
    """Add a vector, times its factor, to each of these rows."""
    for k in range(len(rows)):
        total = totals[rows[k]]
        factor = factors[k]
        for h in range(len(total)):
            total[h] += factor * added[h]


@compiled
def gather_row(total, weights, rows, row):
    """Add what the inputs of a row send."""
    start = rows.indptr[row]
    stop = rows.indptr[row + 1]
    gather_add(total, weights, rows.inputs[start:stop], rows.counts[start:stop])


@compiled
def scatter_row(totals, rows, row, added):
    """Add a vector, times the counts, to the rows of the inputs of a row."""
    start = rows.indptr[row]
    stop = rows.indptr[row + 1]
    scatter_add(totals, rows.inputs[start:stop], rows.counts[start:stop], added)


@compiled
def list_spikes(v, v_th, spiking):
    """Write the numbers of the neurons above threshold to ``spiking``; return how many they are."""
    spikes = 0
    for h in range(len(v)):
        spiking[spikes] = h  # written over unless it spikes: faster than a branch
        spikes += v[h] > v_th
    return spikes


@partial(compiled, contract=False)
def forward(rows, currents, weights, constants, neurons, trace, begin, end):
    """Step through time with the recordings from ``begin`` to before ``end``, one by one.

    Args:
        rows: The inputs; none where BLAS has multiplied them.
        currents: What it gave: what hidden neurons get from inputs, (T * B, H); else no rows.
        weights: Of inputs (inputs, H) and of hidden neurons (H, H + outputs): a row of them is
            what one input or neuron sends to all that follow.
        constants: Numbers of the weights' type.
        neurons: Their state, which changes.
        trace: Where to write what the neurons do: ``Trace`` of arrays.
        begin: First recording.
        end: That after the last.
    """
    w_in, w_spikes = weights
    steps, batch, outputs = trace.voltages.shape
    hidden = len(w_spikes)
    a, s, v_th, a_out, s_out, _ = constants
    ones = np.ones(hidden, w_in.dtype)
    from_inputs = np.empty(hidden, w_in.dtype)
    spiking = np.empty(hidden + 1, np.int32)  # numbers of the neurons that spike
    for b in range(begin, end):
        i = neurons.i[b]
        v = neurons.v[b]
        sent = neurons.sent[b]
        i_out = neurons.i_out[b]
        v_out = neurons.v_out[b]
        for t in range(steps):
            v_t = trace.v_decayed[min(t, len(trace.v_decayed) - 1), b]
            # What the events of this step send.
            row = t * batch + b
            from_inputs[:] = 0
            if len(currents) > 0:
                copy(from_inputs, currents[row])
            gather_row(from_inputs, w_in, rows, row)
            for h in range(hidden):
                # Currents jump, voltages follow them, and currents decay.
                i[h] = (i[h] + from_inputs[h]) + sent[h]  # as Norse rounds
                v_t[h] = v[h] + a * (i[h] - v[h])
                i[h] -= s * i[h]
                # Who is above threshold spikes, and begins at 0 again.
                v[h] = v_t[h]
                if not v_t[h] <= v_th:
                    v[h] = 0
            # Spikes go to the readout now, to the hidden neurons in the next step.
            spikes = list_spikes(v_t, v_th, spiking)
            sent[:] = 0
            gather_add(sent, w_spikes, spiking[:spikes], ones)
            # The readout does the same, and never spikes.
            for o in range(outputs):
                i_out[o] += sent[hidden + o]
                v_out[o] += a_out * (i_out[o] - v_out[o])
                i_out[o] -= s_out * i_out[o]
            copy(trace.voltages[t, b], v_out)
            if len(trace.i) > 0:
                copy(trace.i[t, b], i)
                copy(trace.i_out[t, b], i_out)


@compiled
def backward(
    grad_voltages, v_decayed, rows, w_spikes, constants, grad_i_kept, grad_w_in, grad_w_spikes,
    begin, end,
):  # fmt: skip
    """Step back through time with the recordings from ``begin`` to before ``end``.

    A name that begins with ``grad`` stands for the gradient of the loss with respect to what
    follows: to voltages before the reset, to currents before they decay. Currents of hidden
    neurons and readout lie side by side, (H + outputs), as what spikes send to them.

    Args:
        grad_voltages: With respect to the readout's voltages, (T, B, outputs).
        v_decayed: Hidden neurons' voltages before the reset, (T, B, H).
        rows: The inputs; none where BLAS will multiply them.
        w_spikes: What hidden neurons send, as PyTorch has it: (H + outputs, H).
        constants: Numbers of the weights' type.
        grad_i_kept: Where to write those of the hidden currents, (T, B, H); no steps: nowhere.
        grad_w_in: Where to add, for weights as ``forward`` takes them, (inputs, H).
        grad_w_spikes: The same, (H, H + outputs).
        begin: First recording.
        end: That after the last.
    """
    steps, batch, hidden = v_decayed.shape
    outputs = grad_voltages.shape[2]
    dtype = v_decayed.dtype
    a, s, v_th, a_out, s_out, slope = constants
    size = end - begin
    grad_z = np.empty((size, hidden), dtype)
    grad_v = np.zeros((size, hidden), dtype)
    grad_v_out = np.zeros((size, outputs), dtype)
    grad_i = np.zeros((size, hidden + outputs), dtype)
    has_gradient = np.zeros(size, np.bool_)
    spiking = np.empty(hidden + 1, np.int32)
    ones = np.ones(hidden, dtype)
    one = ones[0]  # of the weights' type: a plain 1 would be computed with in double precision
    for t in range(steps - 1, -1, -1):
        # The readout: its voltage, and the current that drives it.
        for k in range(size):
            for o in range(outputs):
                grad = grad_voltages[t, begin + k, o]
                has_gradient[k] |= grad != 0
                grad_v_out[k, o] += grad - a_out * grad_v_out[k, o]
                i_out = hidden + o
                grad_i[k, i_out] += a_out * grad_v_out[k, o] - s_out * grad_i[k, i_out]
        # Spikes went to the readout in this step, to the hidden neurons in the next.
        np.dot(grad_i, w_spikes, grad_z)
        for k in range(size):
            if not has_gradient[k]:  # after the last step that the loss depends on
                continue
            b = begin + k
            v_t = v_decayed[t, b]
            g_v = grad_v[k]
            g_z = grad_z[k]
            g_i = grad_i[k]
            spikes = list_spikes(v_t, v_th, spiking)
            scatter_add(grad_w_spikes, spiking[:spikes], ones, g_i)
            for h in range(hidden):
                # The spike's surrogate derivative; a voltage that wasn't reset goes on.
                x = v_t[h] - v_th
                width = one + abs(x)
                if not x <= 0:
                    g_v[h] = 0
                g_v[h] = (g_v[h] - a * g_v[h]) + slope * g_z[h] / (width * width)
                # The current that drives the voltage, and decays.
                g_i[h] += a * g_v[h] - s * g_i[h]
            # What the events of this step sent.
            row = t * batch + b
            scatter_row(grad_w_in, rows, row, g_i[:hidden])
            if len(grad_i_kept) > 0:
                copy(grad_i_kept[t, b], g_i)


@partial(compiled, contract=False)
def add_inputs(rows, weights, bias, total):
    """Add what each row of inputs sends by weights (inputs, outputs), and a bias."""
    total[:] = 0
    for row in range(len(total)):
        gather_row(total[row], weights, rows, row)
        for o in range(len(bias)):
            total[row, o] += bias[o]


@compiled
def add_input_gradients(rows, grad, grad_weights):
    """Add for each row of inputs its gradient (rows, outputs) to that of the weights."""
    for row in range(len(grad)):
        scatter_row(grad_weights, rows, row, grad[row])
