"""The same network, faster: sparse input and a backward pass through time written by hand."""

from typing import Any

import torch
from norse.torch import LICell, LIFRecurrentCell
from norse.torch.functional.leaky_integrator import LIState
from norse.torch.functional.lif import LIFState

from ..checks import check_frames
from ..snn import SNN, SNNState
from . import cpu, cuda
from .types import LIFConstants

LAYERS = {"lif0": LIFRecurrentCell, "linear": torch.nn.Linear, "readout": LICell}
PARAMETERS = {"v_leak": 0, "v_reset": 0, "method": "super", "alpha": 1}
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


class FastSNN(SNN):
    """``SNN`` with the same arguments, weights, results and gradients, computed faster.

    Differences are those of rounding. On the CPU two compiled loops do the work, the first call of
    which takes some seconds; elsewhere it is done by PyTorch operations. A second core, if there is
    one, computes half of a large batch, which is of use while PyTorch has one thread, as in
    ``fit``. The bits are the same; ``OMP_NUM_THREADS=1`` keeps to one core.

    Frames may be sparse tensors, as ``make_loaders(..., sparse=True)`` makes them. Only then can
    time bins be much finer than 0.1 ms. Gradients with respect to the frames reach dense ones only,
    and there are no second derivatives.

    What isn't written out in the backends, such as layers that a subclass adds, is refused.

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
            TypeError: The frames aren't a dense or COO tensor of a floating-point type; the weights
                are of half precision; or the network has other layers, another ``step`` or
                hooks.
            ValueError: As for ``SNN``; or sparse frames have an index outside their shape; or a
                parameter of the neurons is one that only ``SNN`` computes.
        """
        check_frames(frames, self.linear.weight, self.input_size)  # the backends look at indices
        _check_network(self, frames.shape[2:].numel())
        weights = self._weights()
        frames = frames.to(weights[0].dtype)
        learns = torch.is_grad_enabled() and any(x.requires_grad for x in (frames, *weights))
        if not learns and not self.record:
            self.recording = None
            _, trace = _backend(frames).forward(frames, weights, self._constants(), False, False)
            return trace.voltages
        voltages, *states = _BPTT.apply(frames, *weights, self._constants(), self.record)
        self.recording = self._recorded(voltages.detach(), *states) if self.record else None
        return voltages

    def resume(self, frames: Any, state: Any = None) -> tuple[torch.Tensor, Any]:
        """Go on, as ``FrameNetwork`` says, on the CPU, with the weights of the first call."""
        csr = frames if isinstance(frames, list) else cpu.to_csr(frames)
        if state is None:
            _check_network(self, self.lif0.input_weights.shape[1])
            state = cpu.at_rest(1, self._weights(), self._constants())
        trace, state = cpu.run(len(csr[0]) - 1, csr, state)
        return trace.voltages, state

    def _weights(self) -> tuple[torch.Tensor, ...]:
        return self.lif0.input_weights, self.lif0.recurrent_weights, self.linear.weight

    def _constants(self) -> LIFConstants:
        hidden, readout = self.lif0, self.readout
        return LIFConstants(
            dt_over_tau_mem=float(hidden.dt * hidden.p.tau_mem_inv),
            dt_over_tau_syn=float(hidden.dt * hidden.p.tau_syn_inv),
            v_th=float(hidden.p.v_th),
            readout_dt_over_tau_mem=float(readout.dt * readout.p.tau_mem_inv),
            readout_dt_over_tau_syn=float(readout.dt * readout.p.tau_syn_inv),
            surrogate_slope=self.surrogate_slope,
        )

    def _recorded(
        self, voltages: torch.Tensor, v_decayed: torch.Tensor, i: torch.Tensor, i_out: torch.Tensor
    ) -> SNNState:
        z = (v_decayed > self._constants().v_th).to(v_decayed.dtype)
        return SNNState(LIFState(z, (1 - z) * v_decayed, i), LIState(voltages, i_out))


def _backend(frames: torch.Tensor) -> Any:
    return cpu if frames.device.type == "cpu" else cuda


def _check_network(snn: SNN, inputs: int) -> None:
    """Refuse what only ``SNN`` computes: the backends would leave it out without a word.

    Compiled loops don't look at shapes, so they are compared here.
    """

    def unfit(name: str, found: object, expected: object) -> str:
        return f"{name} is {found}, but FastSNN computes {expected} only; use SNN"

    layers = dict(snn.named_children())
    kinds = {name: type(layer) for name, layer in layers.items()}
    if kinds != LAYERS:
        found, expected = (
            ", ".join(f"{name}: {kind.__name__}" for name, kind in each.items())
            for each in (kinds, LAYERS)
        )
        raise TypeError(unfit("the network", f"({found})", f"({expected})"))
    hidden, outputs = len(snn.lif0.input_weights), len(snn.linear.weight)
    for name, weights, shape in (
        ("lif0.input_weights", snn.lif0.input_weights, (hidden, inputs)),
        ("lif0.recurrent_weights", snn.lif0.recurrent_weights, (hidden, hidden)),
        ("linear.weight", snn.linear.weight, (outputs, hidden)),
    ):
        if weights.shape != shape:
            raise ValueError(f"{name} has shape {tuple(weights.shape)}; these frames need {shape}")
    if snn.linear.bias is not None:
        raise TypeError(unfit("linear.bias", snn.linear.bias.tolist(), "None"))
    if getattr(snn.step, "__func__", None) is not SNN.step:
        raise TypeError(unfit("step", getattr(snn.step, "__qualname__", snn.step), "SNN.step"))
    for name, layer in layers.items():
        for kind in HOOKS:
            if hooks := list(getattr(layer, kind).values()):
                raise TypeError(unfit(f"{name}.{kind}", hooks, "layers without hooks"))
    for name in ("lif0", "readout"):
        for parameter, value in layers[name].p._asdict().items():
            path = f"{name}.p.{parameter}"
            if isinstance(value, torch.Tensor) and (value.numel() != 1 or value.requires_grad):
                found = f"of shape {tuple(value.shape)}, requires_grad={value.requires_grad}"
                raise ValueError(unfit(path, found, "one fixed number for all neurons"))
            if parameter in PARAMETERS and value != (expected := PARAMETERS[parameter]):
                raise ValueError(unfit(path, value, repr(expected)))


class _BPTT(torch.autograd.Function):
    """Backpropagation through time: frames and weights in, readout voltages and states out.

    The states have no gradient.
    """

    @staticmethod
    def forward(
        ctx: Any,
        frames: torch.Tensor,
        w_in: torch.Tensor,
        w_rec: torch.Tensor,
        w_out: torch.Tensor,
        constants: LIFConstants,
        record: bool,
    ) -> tuple[torch.Tensor, ...]:
        ctx.backend = _backend(frames)
        ctx.constants, ctx.shape = constants, frames.shape
        weights = [w_in, w_rec, w_out]
        inputs, trace = ctx.backend.forward(frames, weights, constants, record)
        # The inputs may be the frames themselves: saved so, a change of them is noticed.
        ctx.save_for_backward(trace.v_decayed, *weights, *inputs)
        states = (trace.v_decayed, trace.i, trace.i_out)
        ctx.mark_non_differentiable(*states)
        return trace.voltages, *states

    @staticmethod
    def backward(ctx: Any, grad_voltages: torch.Tensor, *_: Any) -> tuple[torch.Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError("FastSNN has no second derivatives (create_graph=True); use SNN")
        v_decayed, w_in, w_rec, w_out, *inputs = ctx.saved_tensors
        needs_input_grad = ctx.needs_input_grad[0]
        grads = ctx.backend.backward(
            grad_voltages, inputs, v_decayed, [w_in, w_rec, w_out], ctx.constants, needs_input_grad
        )
        grad_frames = (grads.i @ w_in).reshape(ctx.shape) if needs_input_grad else None
        return grad_frames, grads.w_in, grads.w_rec, grads.w_out, None, None
