"""Ordinary layers before the book's network: what they find in a frame is what it gets."""

import math
from collections.abc import Sequence
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.autograd.function import once_differentiable

from ..checks import check_numbers, check_range, check_sensor_size
from ..compiling import compiled
from ..networks import FrameNetwork
from ..pokerdvs import POKERDVS_SENSOR_SIZE
from ..snn import build_network
from . import cpu, cuda
from .cpu import gather_add, scatter_add, transposed
from .network import FastSNN


class FrameLinear(nn.Linear):
    """A linear layer for frames: (T, B, polarities, height, width) in, (T, B, outputs) out.

    On the CPU compiled loops add the weights of the inputs that aren't 0, in the same order in
    training, afterwards and in a stream. Gradients with respect to frames reach dense ones only.

    Example:
        >>> FrameLinear(2 * 35 * 35, 100)(torch.ones(20, 8, 2, 35, 35)).shape
        torch.Size([20, 8, 100])
    """

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Multiply what isn't 0 in the frames: few counts are."""
        frames = frames.to(self.weight.dtype)
        if frames.device.type == "cpu" and not frames.requires_grad:
            found = _Sums.apply(self.weight, self.bias, cpu.to_csr(frames))
        elif frames.is_sparse:
            found = torch.sparse.mm(cuda.flat(frames), self.weight.t()) + self.bias
        else:
            return super().forward(frames.flatten(2))
        return found.unflatten(0, frames.shape[:2])


def sums(csr: list[np.ndarray], weights: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Multiply rows of inputs, as ``to_csr`` lists them, by weights; return (rows, outputs)."""
    found = np.empty((len(csr[0]) - 1, len(bias)), weights.dtype)
    _add_inputs(*csr, weights, bias, found)
    return found


class _Sums(torch.autograd.Function):
    """``sums`` with gradients with respect to weights (outputs, inputs) and bias."""

    @staticmethod
    def forward(ctx, weight, bias, csr):
        ctx.csr, ctx.inputs = csr, weight.shape[1]
        return torch.from_numpy(sums(csr, transposed(weight).numpy(), bias.numpy()))

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        grad_weight_t = grad.new_zeros(ctx.inputs, grad.shape[1])
        _add_gradients(*ctx.csr, grad.contiguous().numpy(), grad_weight_t.numpy())
        return transposed(grad_weight_t), grad.sum(0), None


@partial(compiled, contract=False)
def _add_inputs(indptr, indices, counts, weights, bias, found):
    for row in range(len(found)):
        found[row] = 0
        gather_add(found[row], weights, indices, counts, indptr[row], indptr[row + 1])
        found[row] += bias


@compiled
def _add_gradients(indptr, indices, counts, grad, grad_weights):
    for row in range(len(grad)):
        scatter_add(grad_weights, indices, counts, indptr[row], indptr[row + 1], grad[row])


class LayerThenSNN(FrameNetwork):
    """Look at each frame with an ordinary layer, and give what it finds to the book's network.

    Delayed copies of what it finds let a neuron compare now with some milliseconds ago, as a motion
    detector does (Hassenstein and Reichardt 1956, doi:10.1515/znb-1956-9-1004).

    Args:
        sensor_size: Width, height and polarities of the sensor.
        output_size: Outputs, one per class.
        dt: Duration of a time step in s.
        features: Units of the layer.
        dropout: The share of them that is silent in a training step.
        delays: Of the copies, in s.
        surrogate_slope: As of ``SNN``. Default: ``build_network`` chooses it.
        neurons: The hidden neurons and the time constants of ``SNN``.

    Example:
        >>> LayerThenSNN(delays=(0, 0.004), hidden_size=20)(torch.ones(20, 8, 2, 35, 35)).shape
        torch.Size([20, 8, 4])
    """

    takes_sparse = True
    causal = True

    def __init__(
        self,
        sensor_size: tuple[int, int, int] = POKERDVS_SENSOR_SIZE,
        output_size: int = 4,
        dt: float = 0.001,
        features: int = 100,
        dropout: float = 0.3,
        delays: Sequence[float] = (0,),
        surrogate_slope: float | None = None,
        **neurons: Any,
    ):
        super().__init__()
        check_numbers(Integral, features=features)
        check_numbers(Real, dt=dt)
        check_range(0, 1, **{f"delays[{n}], in s,": delay for n, delay in enumerate(delays)})
        self.sensor_size, self.dt = check_sensor_size(sensor_size), dt
        self.input_size = math.prod(self.sensor_size)
        self.steps = [round(delay / dt) for delay in delays]
        self.inputs, self.dropout = FrameLinear(self.input_size, features), nn.Dropout(dropout)
        sizes: dict[str, Any] = {"sensor_size": (features * len(delays), 1, 1)}
        sizes |= {"output_size": output_size, "time_window": self.time_window}
        if surrogate_slope is not None:
            neurons["surrogate_slope"] = surrogate_slope
        self.snn = build_network(FastSNN, **sizes, **neurons)

    @torch.no_grad()
    def scale_input_weights(self, factor: float) -> None:
        """Multiply the weights of the layer."""
        self.inputs.weight *= factor

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return voltages (T, B, classes)."""
        self.check(frames)
        features = self.dropout(torch.relu(self.inputs(frames)))
        return self.snn(delay_copies(features, self.steps)[..., None, None])

    def resume(self, frames: Any, state: Any = None) -> tuple[torch.Tensor, Any]:
        """Go on, as ``FrameNetwork`` says; the state holds the features that come late."""
        if state is None:
            bias = self.inputs.bias.numpy(force=True).copy()
            late = np.zeros((max(self.steps), len(bias)), bias.dtype)
            state = transposed(self.inputs.weight).numpy(), bias, late, None
        weights, bias, late, inner = state
        features = np.concatenate([late, np.maximum(sums(cpu.to_csr(frames), weights, bias), 0)])
        first, last = len(late), len(features)
        copies = [features[first - step : last - step] for step in self.steps]
        inputs = torch.from_numpy(np.concatenate(copies, axis=1))[:, None, :, None, None]
        voltages, inner = self.snn.resume(inputs, inner)
        return voltages, (weights, bias, features[last - first :], inner)


def delay_copies(features: torch.Tensor, steps: Sequence[int]) -> torch.Tensor:
    """Put copies of features (T, B, features, ...) side by side, each late by so many time steps.

    Example:
        >>> delay_copies(torch.tensor([[[1.0]], [[2.0]], [[3.0]]]), (0, 1))[:, 0]
        tensor([[1., 0.],
                [2., 1.],
                [3., 2.]])
    """
    silence = torch.zeros_like(features)
    late = [torch.cat([silence[:step], features])[: len(features)] for step in steps]
    return torch.cat(late, dim=2)
