"""The network's two passes through time as PyTorch operations, for GPUs.

On a GPU a step is a dozen tiny kernels, and starting them costs more than running them. So several
steps are captured once as a CUDA graph, which is then started as a whole. ``network`` uses this
only where it gives what the loops for the CPU give.
"""

from functools import lru_cache, partial
from threading import Lock

import torch
from torch.nn.functional import pad

from .inputs import as_matrix
from .loops import Trace

STEPS = 32  # time steps per block; a GPU runs a block at one command


def forward(frames, weights, constants, record, keep=True):
    """Step through time from rest.

    Args:
        frames: (T, B, ...), dense or sparse, of the weights' type.
        weights: Of inputs (H, inputs), recurrent (H, H) and of the readout (outputs, H).
        constants: ``Constants``.
        record: Keep the synaptic currents. Here they stay anyway, and so do the next.
        keep: Keep what ``backward`` needs, the hidden neurons' voltages.

    Returns:
        The inputs for ``backward``, and what the neurons did.
    """
    inputs = as_matrix(frames)
    currents = inputs @ weights[0].t()  # all time steps in one product
    currents = currents.unflatten(0, frames.shape[:2])
    after = in_blocks(step_on, constants, [currents], weights[1:])
    return [inputs], Trace(*after)


def backward(grad_voltages, inputs, v_decayed, weights, constants, needs_input_grad):
    """Step back through time, from the gradient with respect to the readout's voltages.

    Returns:
        Gradients with respect to the input, the recurrent and the readout's weights, and to the
        hidden currents before they decay, (T, B, H), of which no step is left unless needed.
    """
    backwards = [grad_voltages.flip(0), v_decayed.flip(0)]
    _, grad_i, _, grad_i_out = in_blocks(step_back, constants, backwards, weights[1:])
    grad_i = grad_i.flip(0)
    grad_i_out = grad_i_out.flip(0)
    spikes = spikes_at(v_decayed, constants.v_th)
    grad_w_in_t = inputs[0].t() @ grad_i.flatten(0, 1)  # a sparse matrix comes first
    # A spike sends to hidden neurons a step later, to the readout at once.
    grad_w_rec = summed_products(grad_i[1:], spikes[:-1])
    grad_w_out = summed_products(grad_i_out, spikes)
    if not needs_input_grad:
        grad_i = grad_i[:0]
    return grad_w_in_t.t(), grad_w_rec, grad_w_out, grad_i


def summed_products(grads, spikes):
    """Return the sum over time and recordings of each gradient times each neuron's spikes."""
    grads = grads.flatten(0, 1)
    spikes = spikes.flatten(0, 1)
    return grads.t() @ spikes


def spikes_at(v_decayed, v_th):
    """Return 1 for each neuron above threshold, else 0."""
    above = v_decayed > v_th
    return above.to(v_decayed.dtype)


def in_blocks(steps, constants, courses, weights):
    """Go through time from rest; return what each step leaves behind.

    Courses are what goes into each step, (T, B, ...), weights the recurrent and the readout's.
    """
    n_steps, batch = courses[0].shape[:2]
    outputs, hidden = weights[1].shape
    at_rest = weights[0].new_zeros(batch, hidden)
    at_rest_out = weights[0].new_zeros(batch, outputs)
    state = [at_rest, at_rest, at_rest_out, at_rest_out]
    missing = -n_steps % STEPS  # steps until the last block is full
    silence = (0, 0, 0, 0, 0, missing)
    pieces = [pad(course, silence).split(STEPS) for course in courses]
    blocks = []
    with lock, torch.cuda.device_of(weights[0]):  # where a graph is captured and started
        for piece in zip(*pieces, strict=True):
            block = run(steps, constants, [*piece, *weights, *state])
            state = [values[-1] for values in block]
            blocks.append(block)
    results = zip(*blocks, strict=True)
    return [torch.cat(values)[:n_steps] for values in results]


def step_on(constants, currents, w_rec, w_out, v_decayed, i, v_out, i_out):
    """Return voltages before the reset, currents, and those of the readout, after each step."""
    a, s, v_th, a_out, s_out, _ = constants
    after = []
    z = spikes_at(v_decayed, v_th)
    for current in currents:
        # Currents jump, voltages follow them unless they were reset, and currents decay.
        i = i + current
        i = torch.addmm(i, z, w_rec.t())
        v = (1 - z) * v_decayed
        v_decayed = torch.lerp(v, i, a)
        i = i - s * i
        # Spikes go to the readout, which does the same, and never spikes.
        z = spikes_at(v_decayed, v_th)
        i_out = torch.addmm(i_out, z, w_out.t())
        v_out = torch.lerp(v_out, i_out, a_out)
        i_out = i_out - s_out * i_out
        after.append((v_decayed, i, v_out, i_out))
    return stacked(after)


def step_back(
    constants, grad_voltages, v_decayed, w_rec, w_out, grad_v, grad_i, grad_v_out, grad_i_out
):
    """Return the gradients with respect to what ``step_on`` returns, the currents undecayed.

    Time runs backwards, from the last step to the first.
    """
    a, s, v_th, a_out, s_out, slope = constants
    distance = (v_decayed - v_th).abs()
    width = 1 + distance
    surrogate = slope * width.pow(-2)
    stayed = v_decayed <= v_th  # the reset lets nothing through
    carried = (1 - a) * stayed.to(v_decayed.dtype)
    before = []
    for k in range(len(v_decayed)):
        # The readout: its voltage, and the current that drives it.
        grad_v_out = (1 - a_out) * grad_v_out
        grad_v_out = grad_v_out + grad_voltages[k]
        grad_i_out = (1 - s_out) * grad_i_out
        grad_i_out = grad_i_out + a_out * grad_v_out
        # Spikes went to the readout in this step, to the hidden neurons in the next.
        grad_z = grad_i_out @ w_out
        grad_z = torch.addmm(grad_z, grad_i, w_rec)
        grad_v = carried[k] * grad_v
        grad_v = grad_v + surrogate[k] * grad_z
        grad_i = (1 - s) * grad_i
        grad_i = grad_i + a * grad_v
        before.append((grad_v, grad_i, grad_v_out, grad_i_out))
    return stacked(before)


def stacked(states):
    """Return each tensor of the states with the time in front."""
    return [torch.stack(values) for values in zip(*states, strict=True)]


def run(steps, constants, tensors):
    """Compute a block; on a GPU by a graph, whose results stand where those of the next will."""
    first = tensors[0]
    if first.device.type != "cuda":
        return steps(constants, *tensors)
    shapes = [tensor.shape for tensor in tensors]
    graph = captured(steps, constants, first.device, first.dtype, *shapes)
    return [result.clone() for result in graph(*tensors)]


@lru_cache(maxsize=8)  # each has its own memory
def captured(steps, constants, device, dtype, *shapes):
    """Capture a block as a CUDA graph."""
    block = partial(steps, constants)
    zeros = partial(torch.zeros, dtype=dtype, device=device)
    samples = tuple(zeros(shape) for shape in shapes)
    return torch.cuda.make_graphed_callables(block, samples)


lock = Lock()  # threads share the graphs
