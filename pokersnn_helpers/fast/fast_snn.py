"""The same network, faster: sparse input and a backward pass through time written by hand."""

from typing import Any

import torch

from ..checks import check_frames
from ..snn import SNN, SNNState
from ..system.norse_cells import LICell, LIFRecurrentCell, LIFState, LIState
from . import cpu
from .loops import Constants, Trace

DEVICE = "cpu"  # of the loops
LAYERS = {"lif0": LIFRecurrentCell, "linear": torch.nn.Linear, "readout": LICell}
PARAMETERS = {"v_leak": 0, "v_reset": 0, "method": "super", "alpha": 1}
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


class FastSNN(SNN):
    """``SNN`` with the same arguments, weights, results and gradients, computed faster.

    The results differ from those of ``SNN`` by rounding only. On the CPU two compiled loops do the
    work; their first call takes some seconds. If there is a second core, it computes half of each
    large batch, which helps as long as PyTorch uses one thread, as in ``fit``. This doesn't change
    a bit of the result, and ``OMP_NUM_THREADS=1`` turns it off. On a GPU it is computed as ``SNN``
    is, from dense frames, and no faster.

    Frames may be sparse tensors, as ``make_loaders(..., sparse=True)`` makes them. Time bins much
    narrower than 0.1 ms are possible only with these. On the CPU, gradients with respect to the
    frames exist for dense frames only, and there are no second derivatives.

    The loops compute this network and no other, so a subclass that adds layers raises an error.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs, make_loader
        >>> loader = make_loader(load_pokerdvs(source="simulated").test, 20, 100, sparse=True)
        >>> frames, targets = next(iter(loader))
        >>> FastSNN(dt=0.0001)(frames).shape[1:]
        torch.Size([20, 4])
    """

    takes_sparse = True

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Step the network through time, from rest.

        Args:
            frames: Event counts of shape (T, B, polarities, height, width), floating point, dense
                or sparse (COO).

        Returns:
            Voltages of the readout, of shape (T, B, output_size).

        Raises:
            TypeError: The frames aren't a dense or COO tensor of a floating-point type, or the
                weights are of half precision.
            ValueError: As for ``SNN``; or the network has layers, a ``step``, hooks or parameters
                that only ``SNN`` computes.
            RuntimeError: Sparse frames have an index outside their shape.
        """
        check_frames(frames, self.linear.weight, self.input_size)  # the loops look at indices
        check_network(self, frames.shape[2:].numel())
        if frames.device.type != DEVICE:
            return super().forward(cpu.to_dense(frames))
        weights = self._weights()
        constants = self._constants()
        frames = frames.to(weights[0].dtype)
        needs_grad = [tensor.requires_grad for tensor in (frames, *weights)]
        learns = torch.is_grad_enabled() and any(needs_grad)
        if learns or self.record:
            trace = Trace(*_BPTT.apply(frames, *weights, constants, self.record))
        else:
            _, trace = cpu.forward(frames, weights, constants)
        self.recording = self._recorded(trace) if self.record else None
        return trace.voltages

    def resume(self, frames: Any, state: Any = None) -> tuple[torch.Tensor, Any]:
        """Go on, as ``FrameNetwork`` says, on the CPU, with the weights of the first call.

        Frames (T, B, ...) of the weights' type go on with B recordings.
        """
        steps, batch = frames.shape[:2]
        if state is None:
            check_network(self, frames.shape[2:].numel())
            state = cpu.at_rest(batch, self._weights(), self._constants())
        before = len(state.neurons.v)
        if batch != before:
            raise ValueError(f"frames hold {batch} recordings; go on with the {before} of before")
        trace, state = cpu.run(steps, cpu.to_rows(frames), state)
        return trace.voltages, state

    def _weights(self) -> tuple[torch.Tensor, ...]:
        return self.lif0.input_weights, self.lif0.recurrent_weights, self.linear.weight

    def _constants(self) -> Constants:
        a, s = shares_lost(self.lif0)
        a_out, s_out = shares_lost(self.readout)
        v_th = float(self.lif0.p.v_th)
        return Constants(a, s, v_th, a_out, s_out, self.surrogate_slope)

    def _recorded(self, trace: Trace) -> SNNState:
        z = (trace.u > self.lif0.p.v_th).to(trace.u.dtype)
        v = (1 - z) * trace.u
        hidden = LIFState(z, v, trace.i)
        readout = LIState(trace.voltages.detach(), trace.i_out)
        return SNNState(hidden, readout)


def shares_lost(cell: Any) -> tuple[float, float]:
    """Return the shares of their voltages and of their currents that neurons lose in a step."""
    a = cell.dt * cell.p.tau_mem_inv
    s = cell.dt * cell.p.tau_syn_inv
    return float(a), float(s)


def check_network(snn: Any, inputs: int) -> None:
    """Refuse what only ``SNN`` computes: the loops would leave it out without a word.

    Compiled loops don't look at shapes, so they are compared here.
    """
    layers = dict(snn.named_children())
    kinds = {name: type(layer) for name, layer in layers.items()}
    need("the network", kinds, LAYERS)
    step = getattr(snn.step, "__func__", snn.step)
    need("step", step, SNN.step)
    need("linear.bias", snn.linear.bias, None)
    outputs, hidden = snn.linear.weight.shape
    shapes = [tuple(weights.shape) for weights in snn._weights()]
    expected = [(hidden, inputs), (hidden, hidden), (outputs, hidden)]
    need("the weights' shapes", shapes, expected)
    for name, layer in layers.items():
        for kind in HOOKS:
            hooks = getattr(layer, kind)
            need(f"hooks of {name}", list(hooks.values()), [])
    for name in ("lif0", "readout"):
        for parameter, value in layers[name].p._asdict().items():
            path = f"{name}.p.{parameter}"
            if isinstance(value, torch.Tensor):
                need(f"the size of {path}", value.numel(), 1)
                need(f"{path}.requires_grad", value.requires_grad, False)
            if parameter in PARAMETERS:
                need(path, value, PARAMETERS[parameter])


def need(name: str, value: Any, expected: Any) -> None:
    """Refuse another value than the loops rely on."""
    if value != expected:
        raise ValueError(f"{name} is {value}, but FastSNN needs {expected}; use SNN")


class _BPTT(torch.autograd.Function):
    """Backpropagation through time: frames and weights in, a ``Trace`` out.

    Only the readout's voltages have a gradient.
    """

    @staticmethod
    def forward(ctx, frames, w_in, w_rec, w_out, constants, record):
        weights = [w_in, w_rec, w_out]
        inputs, trace = cpu.forward(frames, weights, constants, record, keep=True)
        ctx.constants = constants
        ctx.shape = frames.shape
        # The inputs may be the frames themselves: saved so, a change of them is noticed.
        ctx.save_for_backward(trace.u, *weights, *inputs)
        ctx.mark_non_differentiable(trace.u, trace.i, trace.i_out)
        ctx.set_materialize_grads(False)
        return trace

    @staticmethod
    def backward(ctx, _grad_u, _grad_i, grad_voltages, _grad_i_out):
        if torch.is_grad_enabled():
            raise RuntimeError("FastSNN has no second derivatives (create_graph=True); use SNN")
        u, w_in, w_rec, w_out, *inputs = ctx.saved_tensors
        weights = [w_in, w_rec, w_out]
        needs_frames = ctx.needs_input_grad[0]
        *grads, grad_i = cpu.backward(
            grad_voltages, inputs, u, weights, ctx.constants, needs_frames
        )
        grad_frames = None
        if needs_frames:
            grad_frames = grad_i @ w_in
            grad_frames = grad_frames.reshape(ctx.shape)
        return grad_frames, *grads, None, None
