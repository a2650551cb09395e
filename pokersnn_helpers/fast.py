"""The same network, faster: sparse input and a backward pass through time written by hand."""

import torch
from norse.torch.functional.leaky_integrator import LIState
from norse.torch.functional.lif import LIFState
from torch.autograd.function import once_differentiable

from . import loops, steps
from .snn import SNN, SNNState, check_frames


class FastSNN(SNN):
    """``SNN`` with the same arguments, weights, results and gradients, computed faster.

    Differences are those of rounding. On the CPU two compiled loops do the work, the first call of
    which takes some seconds; elsewhere it is done by PyTorch operations.

    Frames may be sparse tensors, as ``make_loaders(..., sparse=True)`` makes them. Only then can
    time bins be much finer than 0.1 ms. Gradients with respect to the frames reach dense ones only.
    """

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Step the network through time, from rest.

        Args:
            frames: Event counts of shape (T, B, ...), floating point, dense or sparse (COO); the
                axes after time and batch hold ``input_size`` inputs.

        Returns:
            Voltages of the readout, of shape (T, B, output_size).

        Raises:
            TypeError: The frames aren't of a floating-point type.
            ValueError: There is no time step, or not ``input_size`` inputs.
        """
        check_frames(frames, self.arguments["input_size"])
        weights = (self.lif0.input_weights, self.lif0.recurrent_weights, self.linear.weight)
        frames = frames.to(weights[0].dtype)
        voltages, *states = _ThroughTime.apply(frames, *weights, self._constants(), self.record)
        self.recording = self._recorded(voltages.detach(), *states) if self.record else None
        return voltages

    def _constants(self) -> steps.Constants:
        hidden, readout = self.lif0, self.readout
        return steps.Constants(
            v_decay=float(hidden.dt * hidden.p.tau_mem_inv),
            i_decay=float(hidden.dt * hidden.p.tau_syn_inv),
            v_th=float(hidden.p.v_th),
            v_out_decay=float(readout.dt * readout.p.tau_mem_inv),
            i_out_decay=float(readout.dt * readout.p.tau_syn_inv),
            slope=self.arguments["surrogate_slope"],
        )

    def _recorded(
        self, voltages: torch.Tensor, v_decayed: torch.Tensor, i: torch.Tensor, i_out: torch.Tensor
    ) -> SNNState:
        z = (v_decayed > self._constants().v_th).to(v_decayed.dtype)
        return SNNState(LIFState(z, (1 - z) * v_decayed, i), LIState(voltages, i_out))


class _ThroughTime(torch.autograd.Function):
    """Frames and weights in, readout voltages out; the states that it returns have no gradient."""

    @staticmethod
    def forward(ctx, frames, w_in, w_rec, w_out, constants, record):
        ctx.engine = loops if frames.device.type == "cpu" else steps
        ctx.constants, ctx.shape = constants, frames.shape
        weights = [w_in, w_rec, w_out]
        ctx.inputs, states = ctx.engine.forward(frames, weights, constants, record)
        others = (states.v_decayed, states.i, states.i_out)
        ctx.save_for_backward(states.v_decayed, *weights)
        ctx.mark_non_differentiable(*others)
        return states.voltages, *others

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_voltages, *_):
        v_decayed, *weights = ctx.saved_tensors
        keep = ctx.needs_input_grad[0]
        grads = ctx.engine.backward(
            grad_voltages, ctx.inputs, v_decayed, weights, ctx.constants, keep
        )
        grad_frames = (grads.i @ weights[0]).reshape(ctx.shape) if keep else None
        return grad_frames, grads.w_in, grads.w_rec, grads.w_out, None, None
