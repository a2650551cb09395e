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
    """Step through time from rest; return the inputs for ``backward``, and what neurons did.

    Frames (T, B, ...), dense or sparse, are of the weights' type: input weights (H, inputs),
    recurrent weights (H, H), readout weights (outputs, H). ``record`` keeps the synaptic currents,
    ``keep`` what ``backward`` needs, the hidden neurons' voltages, which stay anyway here.
    """
    inputs, w_in = as_matrix(frames), weights[0]
    currents = (inputs @ w_in.t()).unflatten(0, frames.shape[:2])  # all time steps in one product
    trace = Trace(*_in_blocks(_step_on, constants, [currents], weights[1:]))
    kept = len(currents) if record else 0
    return (inputs,), trace._replace(i=trace.i[:kept], i_out=trace.i_out[:kept])


def backward(grad_voltages, inputs, v_decayed, weights, constants, needs_input_grad):
    """Step back through time, from the gradient with respect to the readout's voltages.

    Returns:
        Gradients with respect to the input, the recurrent and the readout's weights, and to the
        hidden currents before they decay, (T, B, H), of which no step is left unless needed.
    """
    courses = [grad_voltages, v_decayed]
    _, grad_i, _, grad_i_out = _in_blocks(_step_back, constants, courses, weights[1:], back=True)
    (frames,) = inputs
    spikes = (v_decayed > constants.v_th).to(v_decayed.dtype)
    grad_w_in = (frames.t() @ grad_i.flatten(0, 1)).t()
    grad_w_rec = grad_i[1:].flatten(0, 1).t() @ spikes[:-1].flatten(0, 1)
    grad_w_out = grad_i_out.flatten(0, 1).t() @ spikes.flatten(0, 1)
    return grad_w_in, grad_w_rec, grad_w_out, grad_i if needs_input_grad else grad_i[:0]


def _in_blocks(steps, constants, courses, weights, back=False):
    """Go through time, or back, from rest; return what each step leaves behind.

    Courses are what goes into each step, (T, B, ...), weights the recurrent and the readout's.
    """
    outputs, hidden = weights[1].shape
    batch = courses[0].shape[1]
    state = [weights[0].new_zeros(batch, size) for size in (hidden, hidden, outputs, outputs)]
    firsts, blocks = range(0, len(courses[0]), STEPS), []
    with _lock, torch.cuda.device_of(weights[0]):  # where a graph is captured and started
        for first in firsts[::-1] if back else firsts:
            some = [each[first : first + STEPS] for each in courses]
            some = [pad(each, (0, 0, 0, 0, 0, STEPS - len(each))) for each in some]
            blocks.append(_run(steps, constants, [*some, *weights, *state]))
            state = [each[0 if back else -1] for each in blocks[-1]]
    ordered = blocks[::-1] if back else blocks
    return [torch.cat(each)[: len(courses[0])] for each in zip(*ordered, strict=True)]


def _step_on(c, currents, w_rec, w_out, v_decayed, i, v, i_out):
    """Return voltages before the reset, currents, and those of the readout, after each step."""
    after = []
    z = (v_decayed > c.v_th).to(i.dtype)
    for current in currents:
        i = torch.addmm(i + current, z, w_rec.t())
        v_decayed = torch.lerp((1 - z) * v_decayed, i, c.dt_over_tau_mem)
        i = i - c.dt_over_tau_syn * i
        z = (v_decayed > c.v_th).to(i.dtype)
        i_out = torch.addmm(i_out, z, w_out.t())
        v = torch.lerp(v, i_out, c.readout_dt_over_tau_mem)
        i_out = i_out - c.readout_dt_over_tau_syn * i_out
        after.append((v_decayed, i, v, i_out))
    return [torch.stack(each) for each in zip(*after, strict=True)]


def _step_back(c, grad_voltages, v_decayed, w_rec, w_out, grad_v, grad_i, grad_v_out, grad_i_out):
    """Return the gradients with respect to what ``_step_on`` returns, the currents undecayed."""
    surrogate = c.surrogate_slope * (1 + (v_decayed - c.v_th).abs()).pow(-2)
    stayed = (v_decayed <= c.v_th).to(surrogate.dtype)  # the reset lets nothing through
    carried, before = stayed * (1 - c.dt_over_tau_mem), []
    for k in reversed(range(len(v_decayed))):
        grad_v_out = (1 - c.readout_dt_over_tau_mem) * grad_v_out + grad_voltages[k]
        grad_i_out = (1 - c.readout_dt_over_tau_syn) * grad_i_out
        grad_i_out = grad_i_out + c.readout_dt_over_tau_mem * grad_v_out
        grad_z = torch.addmm(grad_i_out @ w_out, grad_i, w_rec)
        grad_v = carried[k] * grad_v + surrogate[k] * grad_z
        grad_i = (1 - c.dt_over_tau_syn) * grad_i + c.dt_over_tau_mem * grad_v
        before.append((grad_v, grad_i, grad_v_out, grad_i_out))
    return [torch.stack(each) for each in zip(*before[::-1], strict=True)]


def _run(steps, constants, tensors):
    """Compute a block; on a GPU by a graph, whose results stand where those of the next will."""
    device, shapes = tensors[0].device, [each.shape for each in tensors]
    if device.type != "cuda":
        return steps(constants, *tensors)
    graph = _graph(steps, constants, device, tensors[0].dtype, *shapes)
    return [each.clone() for each in graph(*tensors)]


@lru_cache(maxsize=8)  # each has its own memory
def _graph(steps, constants, device, dtype, *shapes):
    samples = tuple(torch.zeros(shape, dtype=dtype, device=device) for shape in shapes)
    return torch.cuda.make_graphed_callables(partial(steps, constants), samples)


_lock = Lock()  # threads share the graphs
