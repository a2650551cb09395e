"""The network's two passes through time, and a layer's, as loops that Numba compiles.

``hidden_step`` and ``readout_step`` are the equations of ``SNN``, and beside each stands the step
back, line by line with the derivative that belongs to it. ``forward`` and ``backward`` go through
time with them.

Names are those of the equations: ``i`` are synaptic currents, ``u`` membrane voltages before the
reset and ``v`` after it, ``z`` spikes, ``a`` and ``s`` the shares of voltages and currents that are
lost per step. ``h`` numbers hidden neurons, ``o`` those of the readout, ``t`` time steps, ``b``
recordings. A name that begins with ``grad`` is the gradient of the loss with respect to the rest
of it; that of a current is with respect to the current before it decays.

Numba keeps machine code on disk. It compiles a function anew when the function's own file has
changed, whatever has become of what it calls: so all loops that call one another are in this file.
"""

from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from ..system.compiling import compiled


class Constants(NamedTuple):
    """What a time step multiplies by and compares with."""

    a: Any  # dt / tau_mem: the share that each hidden neuron's voltage loses per step, (H,)
    s: Any  # dt / tau_syn: the share that its synaptic current loses, (H,)
    v_th: float  # their threshold
    a_out: float  # dt / readout_tau_mem: the share that the readout's voltages lose
    s_out: float  # dt / readout_tau_syn: the share that its synaptic currents lose
    surrogate_slope: float  # height of the surrogate for the threshold's derivative


class Neurons(NamedTuple):
    """What the neurons are between two time steps."""

    v: ndarray  # hidden neurons' voltages after the reset, (B, H)
    i: ndarray  # their currents, (B, H)
    sent: ndarray  # what the last spikes send to hidden neurons and readout, (B, H + outputs)
    v_out: ndarray  # the readout's voltages, (B, outputs)
    i_out: ndarray  # its currents, (B, outputs)


class State(NamedTuple):
    """Where a run through time has come to, and what it goes on with."""

    w_in: ndarray  # a row is what an input sends to the hidden neurons, (inputs, H)
    w_spikes: ndarray  # and one of these what a spike sends to all, (H, H + outputs)
    constants: Constants  # as numbers of the weights' type
    neurons: Neurons


class Trace(NamedTuple):
    """What the neurons did in every step: arrays for loops, else tensors."""

    u: Any  # voltages of the hidden neurons before the reset, (T, B, H); one step unless kept
    i: Any  # their synaptic currents, of the same shape; no steps unless recorded
    voltages: Any  # of the readout, (T, B, outputs)
    i_out: Any  # its synaptic currents, of the same shape; no steps unless recorded


class Gradients(NamedTuple):
    """Of the loss with respect to voltages, which are given, and to the rest, which is added."""

    voltages: ndarray  # of the readout, (T, B, outputs)
    i: ndarray  # of the hidden currents, (T, B, H); no steps unless they are kept
    w_in: ndarray  # of the shape that ``State`` has, (inputs, H)
    w_spikes: ndarray  # the same, (H, H + outputs)
    a: ndarray  # the same, times a, (H,); none unless it is learned
    s: ndarray  # the same of s, times a


# ---- One time step of a recording, and the step back ----


@partial(compiled, contract=False)
def hidden_step(from_inputs, sent, i, v, u, constants):
    """Step the hidden neurons, to which events and the last spikes send what is given."""
    for h in range(len(v)):
        i[h] = (i[h] + from_inputs[h]) + sent[h]  # as Norse rounds
        u[h] = v[h] + constants.a[h] * (i[h] - v[h])
        i[h] -= constants.s[h] * i[h]
        v[h] = u[h]
        if not u[h] <= constants.v_th:  # z = 1
            v[h] = 0


@compiled
def hidden_step_back(grad_z, grad_i, grad_u, u, constants):
    """Step back from the gradients that the following step has left."""
    one = u.dtype.type(1)  # a plain 1 would be computed with in double precision
    for h in range(len(u)):
        above = u[h] - constants.v_th
        width = one + abs(above)
        if not above <= 0:  # v = (1 - z) u: dv / du = 1 - z
            grad_u[h] = 0
        grad_u[h] -= constants.a[h] * grad_u[h]  # u = v + a (i - v): du / dv = 1 - a
        # z = (u > v_th): dz / du is replaced by surrogate_slope / (1 + |u - v_th|)**2
        grad_u[h] += constants.surrogate_slope * grad_z[h] / (width * width)
        # i = i - s i: di / di = 1 - s; and du / di = a
        grad_i[h] += constants.a[h] * grad_u[h] - constants.s[h] * grad_i[h]


@partial(compiled, contract=False)
def readout_step(sent, i_out, v_out, constants):
    """Step the readout, to which the spikes of the same step send what is given."""
    for o in range(len(v_out)):
        i_out[o] += sent[o]
        v_out[o] += constants.a_out * (i_out[o] - v_out[o])
        i_out[o] -= constants.s_out * i_out[o]


@compiled
def readout_step_back(grad_voltage, grad_i_out, grad_v_out, constants):
    """Step back from the loss; return whether it depends on this step's voltages."""
    depends = False
    for o in range(len(grad_v_out)):
        depends |= grad_voltage[o] != 0
        # v_out = v_out + a_out (i_out - v_out): dv_out / dv_out = 1 - a_out
        grad_v_out[o] += grad_voltage[o] - constants.a_out * grad_v_out[o]
        # i_out = i_out - s_out i_out: di_out / di_out = 1 - s_out; and dv_out / di_out = a_out
        grad_i_out[o] += constants.a_out * grad_v_out[o] - constants.s_out * grad_i_out[o]
    return depends


# ---- What events and spikes send: sums over few rows of weights ----


@compiled
def copy(target, values):
    """Write the first of these values: for ``target[:] = values`` Numba compiles for seconds."""
    for h in range(len(target)):
        target[h] = values[h]


@compiled
def eight(values, k):
    """Return eight values from number k on, as a tuple, which needs no memory."""
    return (
        values[k],
        values[k + 1],
        values[k + 2],
        values[k + 3],
        values[k + 4],
        values[k + 5],
        values[k + 6],
        values[k + 7],
    )


@compiled
def send(total, weights, numbers, counts, begin, end):
    """Add what inputs or spikes send: their rows of the weights, each times its count.

    ``numbers`` and ``counts`` list them, from ``begin`` to before ``end``. Eight rows are added at
    once, since the total is loaded and stored less often then; one by one would give the same bits.
    A row's number is made unsigned: else Numba asks at each access whether it counts from the end.
    """
    k = begin
    while k + 8 <= end:
        rows = eight(numbers, k)
        times = eight(counts, k)
        for h in range(len(total)):
            so_far = total[h]
            for n in range(8):
                so_far += times[n] * weights[np.uint64(rows[n]), h]
            total[h] = so_far
        k += 8
    for n in range(k, end):
        row = np.uint64(numbers[n])
        for h in range(len(total)):
            total[h] += counts[n] * weights[row, h]


@compiled
def learn(totals, numbers, counts, begin, end, added):
    """Add a vector, times their counts, to the totals of inputs or spikes."""
    for k in range(begin, end):
        n = np.uint64(numbers[k])
        c = counts[k]
        for h in range(totals.shape[1]):
            totals[n, h] += c * added[h]


@compiled
def list_spikes(v, v_th, spiking):
    """Write the numbers of the neurons above threshold to ``spiking``; return how many they are."""
    spikes = 0
    for h in range(len(v)):
        spiking[spikes] = h  # written over unless it spikes: faster than a branch
        spikes += v[h] > v_th
    return spikes


# The currents of a step aren't kept, but follow from voltages: a (i - v) = u - v, and so
# a i = u - v + a v. Sums are of a times the derivative, and divided by a in the end.


@compiled
def learn_s(total, grad_i, u, v, constants):
    """Add what i = i - s i gives, from the gradient of the current after it has decayed."""
    for h in range(len(total)):
        total[h] -= grad_i[h] * (u[h] - v[h] + constants.a[h] * v[h])  # di / ds = -i


@compiled
def learn_a(total, grad_u, u, v):
    """Add what u = v + a (i - v) gives."""
    for h in range(len(total)):
        total[h] += grad_u[h] * (u[h] - v[h])  # du / da = i - v


@compiled
def after_reset(v, u, v_th):
    """Write voltages after the reset, from those before it."""
    for h in range(len(u)):
        v[h] = u[h] if u[h] <= v_th else 0


# ---- Through time ----


@partial(compiled, contract=False)
def forward(rows, currents, state, trace, begin, end):
    """Step through time with the recordings from ``begin`` to before ``end``, one by one.

    Args:
        rows: The inputs; none where BLAS has multiplied them.
        currents: What it gave: what hidden neurons get from inputs, (T * B, H); else no rows.
        state: Where to begin. Its neurons change.
        trace: Where to write what the neurons do: ``Trace`` of arrays.
        begin: First recording.
        end: That after the last.
    """
    indptr, inputs, counts = rows
    w_in, w_spikes, constants, neurons = state
    steps, batch, _ = trace.voltages.shape
    hidden = len(w_spikes)
    from_inputs = np.empty(hidden, w_in.dtype)
    spiking = np.empty(hidden + 1, np.int32)  # numbers of the neurons that spike
    ones = np.ones(hidden, w_in.dtype)  # how often each does
    for b in range(begin, end):
        i = neurons.i[b]
        sent = neurons.sent[b]
        i_out = neurons.i_out[b]
        v_out = neurons.v_out[b]
        for t in range(steps):
            u = trace.u[min(t, len(trace.u) - 1), b]
            row = t * batch + b
            from_inputs[:] = 0
            if len(currents) > 0:
                copy(from_inputs, currents[row])
            send(from_inputs, w_in, inputs, counts, indptr[row], indptr[row + 1])
            hidden_step(from_inputs, sent, i, neurons.v[b], u, constants)
            # Spikes go to the readout now, to the hidden neurons in the next step.
            spikes = list_spikes(u, constants.v_th, spiking)
            sent[:] = 0
            send(sent, w_spikes, spiking, ones, 0, spikes)
            readout_step(sent[hidden:], i_out, v_out, constants)
            copy(trace.voltages[t, b], v_out)
            if len(trace.i) > 0:
                copy(trace.i[t, b], i)
                copy(trace.i_out[t, b], i_out)


@compiled
def backward(u, rows, w_spikes, constants, gradients, begin, end):
    """Step back through time with the recordings from ``begin`` to before ``end``.

    Args:
        u: Hidden neurons' voltages before the reset, (T, B, H).
        rows: The inputs; none where BLAS will multiply them.
        w_spikes: What hidden neurons send, as PyTorch has it: (H + outputs, H).
        constants: Numbers of the weights' type.
        gradients: ``Gradients``, to which this adds.
        begin: First recording.
        end: That after the last.
    """
    indptr, inputs, counts = rows
    steps, batch, hidden = u.shape
    outputs = gradients.voltages.shape[2]
    size = end - begin
    grad_z = np.empty((size, hidden), u.dtype)
    grad_u = np.zeros((size, hidden), u.dtype)
    grad_v_out = np.zeros((size, outputs), u.dtype)
    # Of hidden neurons and readout side by side, as what spikes send to them.
    grad_i = np.zeros((size, hidden + outputs), u.dtype)
    has_gradient = np.zeros(size, np.bool_)
    spiking = np.empty(hidden + 1, np.int32)
    ones = np.ones(hidden, u.dtype)
    learns_taus = len(gradients.a) > 0
    v = np.zeros(hidden, u.dtype)
    for t in range(steps - 1, -1, -1):
        for k in range(size):
            grad_voltage = gradients.voltages[t, begin + k]
            grad_i_out = grad_i[k, hidden:]
            has_gradient[k] |= readout_step_back(grad_voltage, grad_i_out, grad_v_out[k], constants)
        # A spike goes to the readout in this step: di_out / dz = w_out,
        # and to the hidden neurons in the next: di / dz = w_rec.
        np.dot(grad_i, w_spikes, grad_z)
        for k in range(size):
            if not has_gradient[k]:  # after the last step that the loss depends on
                continue
            b = begin + k
            spikes = list_spikes(u[t, b], constants.v_th, spiking)
            learn(gradients.w_spikes, spiking, ones, 0, spikes, grad_i[k])  # di / dw = z
            if learns_taus:
                if t > 0:
                    after_reset(v, u[t - 1, b], constants.v_th)
                else:
                    v[:] = 0
                learn_s(gradients.s, grad_i[k], u[t, b], v, constants)
            hidden_step_back(grad_z[k], grad_i[k], grad_u[k], u[t, b], constants)
            if learns_taus:
                learn_a(gradients.a, grad_u[k], u[t, b], v)
            row = t * batch + b
            learn(
                gradients.w_in, inputs, counts, indptr[row], indptr[row + 1], grad_i[k]
            )  # di / dw = x
            if len(gradients.i) > 0:
                copy(gradients.i[t, b], grad_i[k])


# ---- A layer: an ordinary one, which sees the same rows ----
# Each sum has the same order, however many rows there are.


@partial(compiled, contract=False)
def add_inputs(rows, weights, bias, total):
    """Add what each row of inputs sends by weights (inputs, outputs), and a bias."""
    indptr, inputs, counts = rows
    total[:] = 0
    for row in range(len(total)):
        send(total[row], weights, inputs, counts, indptr[row], indptr[row + 1])
        for o in range(len(bias)):
            total[row, o] += bias[o]


@compiled
def add_input_gradients(rows, grad, grad_weights):
    """Add for each row of inputs its gradient (rows, outputs) to that of the weights."""
    indptr, inputs, counts = rows
    for row in range(len(grad)):
        learn(grad_weights, inputs, counts, indptr[row], indptr[row + 1], grad[row])
