"""Ordinary layers before the book's network: what they find in a frame is what it gets."""

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from pokersnn_helpers.events.frames import check_frames
from pokersnn_helpers.events.recordings import POKERDVS_SENSOR_SIZE
from pokersnn_helpers.fast import loops
from pokersnn_helpers.fast.fast_snn import FastSNN, as_matrix, to_rows, transposed
from pokersnn_helpers.fast.rows import Rows
from pokersnn_helpers.networks.initial_network import build_network
from pokersnn_helpers.networks.spiking_network import plain_number, width_of_steps
from pokersnn_helpers.system.checks import SensorSize, check_numbers, check_range, check_sensor_size

DELAY_RATE = 8  # delays that are learned move so many times as fast as weights


class FrameLinear(nn.Linear):
    """A linear layer for frames: (T, B, polarities, height, width) in, (T, B, outputs) out.

    On the CPU compiled loops add up the weights of the inputs that aren't 0, always in the same
    order, so that training, testing and a stream give the same bits. Gradients with respect to
    frames exist for dense frames only.

    Example:
        >>> FrameLinear(2 * 35 * 35, 100)(torch.ones(20, 8, 2, 35, 35)).shape
        torch.Size([20, 8, 100])
    """

    def forward(self, frames: Tensor) -> Tensor:
        """Multiply what isn't 0 in the frames: few counts are."""
        frames = frames.to(self.weight.dtype)
        if frames.device.type == "cpu" and not frames.requires_grad:
            outputs = _Sums.apply(self.weight, self.bias, to_rows(frames))
        else:
            outputs = super().forward(as_matrix(frames))
        return outputs.unflatten(0, frames.shape[:2])


def sums(rows: Rows, weights: ndarray, bias: ndarray) -> ndarray:
    """Multiply rows of inputs by weights (inputs, outputs), and add a bias."""
    total = np.empty((len(rows.indptr) - 1, len(bias)), weights.dtype)
    loops.add_inputs(rows, weights, bias, total)
    return total


class _Sums(torch.autograd.Function):
    """``sums`` with gradients with respect to weights (outputs, inputs) and bias."""

    @staticmethod
    def forward(ctx, weight, bias, rows):
        ctx.rows = rows
        ctx.inputs = weight.shape[1]
        return torch.from_numpy(sums(rows, transposed(weight).numpy(), bias.numpy()))

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        grad_weight_t = grad.new_zeros(ctx.inputs, grad.shape[1])
        loops.add_input_gradients(ctx.rows, grad.contiguous().numpy(), grad_weight_t.numpy())
        return transposed(grad_weight_t), grad.sum(0), None


class LayerThenSNN(nn.Module):
    """A layer with ReLU that sees each frame, and the book's network behind it.

    Delayed copies of the layer's output let a neuron compare the present with some milliseconds
    ago, as a motion detector does (Hassenstein and Reichardt 1956, doi:10.1515/znb-1956-9-1004).

    Args:
        sensor_size: Width, height and polarities of the sensor.
        output_size: Outputs, one per class.
        dt: Duration of a time step in s.
        features: Units of the layer.
        dropout: The share of these units that is silent in a training step.
        delays: The delays of the copies in s, each a whole number of time steps.
        learn_delays: Whether each unit of each copy learns a delay of its own, which begins there.
            Between two time steps it weighs both. With Adam, delays move by eight times as many
            time steps as weights move by ones; one that would fall below 0 stays there.
        surrogate_slope: Slope of the surrogate, as for ``SNN``. Default: ``build_network`` chooses.
        hidden_size: Hidden neurons of the ``SNN``.
        v_th: Their threshold.
        time_constants: Those of ``SNN``, by name, in s.

    Raises:
        ValueError: A number is out of range, or a delay is no whole number of time steps.

    Example:
        >>> LayerThenSNN(delays=(0, 0.004), hidden_size=20)(torch.ones(20, 8, 2, 35, 35)).shape
        torch.Size([20, 8, 4])
    """

    takes_sparse = True
    causal = True
    time_constants = FastSNN.time_constants

    def __init__(
        self,
        sensor_size: SensorSize = POKERDVS_SENSOR_SIZE,
        output_size: int = 4,
        dt: float = 0.001,
        features: int = 100,
        dropout: float = 0.3,
        delays: Sequence[float] = (0,),
        learn_delays: bool = False,
        surrogate_slope: float | None = None,
        hidden_size: int = 100,
        v_th: float = 0.3,
        **time_constants: float,
    ):
        super().__init__()
        check_numbers(Integral, features=features)
        check_numbers(Real, dt=dt)
        self.sensor_size = check_sensor_size(sensor_size)
        self.dt = plain_number(dt)
        self.arguments = {
            "sensor_size": self.sensor_size,
            "output_size": output_size,
            "dt": self.dt,
            "features": features,
            "dropout": dropout,
            "delays": tuple(delays),
            "learn_delays": learn_delays,
            "surrogate_slope": surrogate_slope,
            "hidden_size": hidden_size,
            "v_th": v_th,
            **time_constants,
        }
        self.input_size = math.prod(self.sensor_size)
        self.steps = [_whole_steps(f"delays[{n}]", delay, dt) for n, delay in enumerate(delays)]
        self.late = None  # in time steps, divided by DELAY_RATE
        if learn_delays:
            steps = torch.tensor(self.steps).repeat_interleave(features)
            self.late = nn.Parameter(steps / DELAY_RATE)
        self.inputs = FrameLinear(self.input_size, features)
        self.dropout = nn.Dropout(dropout)
        self.snn = build_network(
            FastSNN,
            sensor_size=(features * len(delays), 1, 1),
            output_size=output_size,
            time_window=width_of_steps(self.dt),
            surrogate_slope=surrogate_slope,
            hidden_size=hidden_size,
            v_th=v_th,
            **time_constants,
        )

    @torch.no_grad()
    def scale_input_weights(self, factor: float) -> None:
        """Multiply the weights of the layer."""
        self.inputs.weight *= factor

    def forward(self, frames: Tensor) -> Tensor:
        """Return voltages (T, B, classes)."""
        check_frames(frames, self.inputs.weight, self.input_size)
        features = self.dropout(torch.relu(self.inputs(frames)))
        return self.snn(self.copies(features)[..., None, None])

    def steps_late(self) -> Any:
        """Return the delays in time steps: of the copies, or if they are learned of each unit."""
        if self.late is None:
            return self.steps
        late = DELAY_RATE * self.late
        return late * (late >= 0)  # clamp has no gradient at 0, where a delay may begin

    def copies(self, features: Tensor) -> Tensor:
        """Put late copies of features (T, B, features) side by side."""
        late = self.steps_late()
        if self.late is None:
            return delay_copies(features, late)
        return delay_each(features.repeat(1, 1, len(self.steps)), late)

    def resume(self, frames: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Go on, as ``networks`` says; the state holds the features that come late."""
        if state is None:
            weights = transposed(self.inputs.weight).numpy()
            bias = self.inputs.bias.detach().clone().numpy()
            past = np.zeros((math.ceil(max(self.steps_late())), len(bias)), bias.dtype)
            state = weights, bias, past, None
        weights, bias, past, inner = state
        new = np.maximum(sums(to_rows(frames), weights, bias), 0)
        features = np.concatenate([past, new])
        inputs = self.copies(torch.from_numpy(features)[:, None])[len(past) :]
        voltages, inner = self.snn.resume(inputs, inner)
        return voltages, (weights, bias, features[len(new) :], inner)


def _whole_steps(name: str, delay: float, dt: float) -> int:
    """Return how many time steps a delay lasts."""
    check_range(0, 1, **{f"{name}, in s,": delay})
    steps = round(delay / dt)
    if not math.isclose(steps * dt, delay, rel_tol=1e-6):
        raise ValueError(f"{name} is {delay:g} s; choose a multiple of dt, {dt:g} s")
    return steps


def delay_copies(features: Tensor, steps: Sequence[int]) -> Tensor:
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


def delay_each(features: Tensor, late: Tensor) -> Tensor:
    """Delay each of the features (T, B, features), by time steps that needn't be whole.

    Example:
        >>> delay_each(torch.tensor([[[4.0]], [[8.0]], [[0.0]]]), torch.tensor([0.25])).flatten()
        tensor([3., 7., 2.])
    """
    whole = late.detach().floor().long()
    longest = int(whole.max()) + 1
    past = nn.functional.pad(features, (0, 0, 0, 0, longest, 0))
    now = torch.arange(longest, len(past), device=late.device)
    before = (now[:, None, None] - whole).expand_as(features)
    return torch.lerp(past.gather(0, before), past.gather(0, before - 1), late - whole)
