"""The networks that are compared, and the image that ordinary classifiers get.

Each network fits any sensor: frames (T, B, polarities, height, width) in, dense or sparse, and
values (T, B, classes) out. ``Model`` says with which arguments they are made.
"""

import math
from typing import Any

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor, nn

from pokersnn_helpers.events.recordings import POKERDVS_SENSOR_SIZE, Recordings
from pokersnn_helpers.system.checks import SensorSize, check_sensor_size

from .layered import FrameLinear


class Model(nn.Module):
    """What the networks have in common; each makes its layers in ``build``.

    Args:
        sensor_size: Width, height and polarities of the sensor.
        output_size: Outputs, one per class.
        dt: Duration of a time step in s.
        options: What ``build`` takes besides the number of inputs and of outputs.
    """

    takes_sparse = True
    adds_up = False  # all frames at first, so that their width doesn't matter

    def __init__(
        self,
        sensor_size: SensorSize = POKERDVS_SENSOR_SIZE,
        output_size: int = 4,
        dt: float = 0.001,
        **options: Any,
    ):
        super().__init__()
        self.sensor_size = check_sensor_size(sensor_size)
        self.dt = None if self.adds_up else dt
        self.arguments = {"sensor_size": sensor_size, "output_size": output_size, "dt": dt}
        self.arguments |= options
        self.build(math.prod(self.sensor_size), output_size, **options)

    def build(self, inputs: int, outputs: int) -> None:
        """Make the layers."""


class SummedImage(Model):
    """Look at the image that is the sum of all frames, log(1 + count) per pixel and polarity."""

    adds_up = True
    body: nn.Module  # images (B, polarities, height, width) in, values (B, classes) out

    def forward(self, frames: Tensor) -> Tensor:
        """Return values (1, B, classes)."""
        image = torch.sparse.sum(frames, 0).to_dense() if frames.is_sparse else frames.sum(0)
        return self.body(torch.log1p(image))[None]


class MLP(SummedImage):
    """A multilayer perceptron with one hidden layer.

    Example:
        >>> MLP()(torch.ones(20, 8, 2, 35, 35)).shape  # one answer, to the sum
        torch.Size([1, 8, 4])
    """

    def build(self, inputs: int, outputs: int, hidden_size: int = 100) -> None:
        """Make the layers."""
        self.body = nn.Sequential(
            nn.Flatten(),
            nn.Linear(inputs, hidden_size),
            nn.ReLU(),
            nn.Linear(hidden_size, outputs),
        )


class CNN(SummedImage):
    """A small convolutional network: two layers, and then one weight per place and class.

    With ``pooled``, places don't matter: the maximum and the mean of each map over all places have
    one weight per class each.

    Example:
        >>> CNN()(torch.ones(20, 8, 2, 35, 35)).shape
        torch.Size([1, 8, 4])
    """

    def build(self, inputs: int, outputs: int, channels: int = 16, pooled: bool = False) -> None:
        """Make the layers."""
        width, height, polarities = self.sensor_size
        places = 2 if pooled else math.ceil(width / 4) * math.ceil(height / 4)
        self.body = nn.Sequential(
            nn.Conv2d(polarities, channels, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1),
            nn.ReLU(),
            MaximumAndMean() if pooled else nn.Flatten(),
            nn.Linear(2 * channels * places, outputs),
        )


class MaximumAndMean(nn.Module):
    """Pool maps (B, channels, height, width) over all places, to (B, 2 × channels)."""

    def forward(self, maps: Tensor) -> Tensor:
        """Return the maximum and the mean of each map."""
        return torch.cat([maps.amax((2, 3)), maps.mean((2, 3))], dim=1)


class FrameMLP(Model):
    """An MLP that sees each frame alone.

    Since ``decode`` takes the maximum over time, the order of the frames doesn't matter to it.

    Example:
        >>> FrameMLP()(torch.ones(20, 8, 2, 35, 35)).shape
        torch.Size([20, 8, 4])
    """

    causal = True

    def build(
        self, inputs: int, outputs: int, hidden_size: int = 100, dropout: float = 0.3
    ) -> None:
        """Make the layers."""
        self.inputs = FrameLinear(inputs, hidden_size)
        self.dropout = nn.Dropout(dropout)
        self.readout = nn.Linear(hidden_size, outputs)

    def forward(self, frames: Tensor) -> Tensor:
        """Return values (T, B, classes)."""
        return self.readout(self.dropout(torch.relu(self.inputs(frames))))


class GRU(Model):
    """A layer with ReLU that sees each frame, then gated recurrent units and a readout.

    Example:
        >>> GRU(hidden_size=32)(torch.ones(20, 8, 2, 35, 35)).shape
        torch.Size([20, 8, 4])
    """

    causal = True

    def build(
        self, inputs: int, outputs: int, hidden_size: int = 64, features: int | None = None
    ) -> None:
        """Make the layers; that which sees a frame has ``features`` units, or ``hidden_size``."""
        features = features or hidden_size
        self.inputs = FrameLinear(inputs, features)
        self.units = nn.GRU(features, hidden_size)
        self.readout = nn.Linear(hidden_size, outputs)

    def forward(self, frames: Tensor) -> Tensor:
        """Return values (T, B, classes)."""
        states, _ = self.units(torch.relu(self.inputs(frames)))
        return self.readout(states)


class EventGRU(GRU):
    """A ``GRU`` that steps when events come; without, its units shrink by a factor that it learns.

    Example:
        >>> EventGRU(hidden_size=8)(torch.ones(20, 8, 2, 35, 35)).shape
        torch.Size([20, 8, 4])
    """

    def build(
        self, inputs: int, outputs: int, hidden_size: int = 8, features: int | None = None
    ) -> None:
        """Make the layers, as ``GRU`` does."""
        super().build(inputs, outputs, hidden_size, features)
        self.keep = nn.Parameter(torch.tensor(3.0))  # sigmoid: 0.95 per step

    def forward(self, frames: Tensor) -> Tensor:
        """Return voltages (T, B, classes)."""
        sent = torch.relu(self.inputs(frames))
        counts = torch.sparse.sum if frames.is_sparse else torch.sum
        events = counts(frames, (2, 3, 4))
        has_events = (events.to_dense() > 0)[..., None]
        units: Any = self.units
        weights = units.weight_ih_l0, units.weight_hh_l0, units.bias_ih_l0, units.bias_hh_l0
        h = sent.new_zeros(sent.shape[1], units.hidden_size)
        states = []
        for x, is_there in zip(sent, has_events, strict=True):
            h = torch.where(is_there, torch.gru_cell(x, h, *weights), self.keep.sigmoid() * h)
            states.append(h)
        return self.readout(torch.stack(states))


class LeakySum(Model):
    """A logistic regression on a sum of the events that decays from step to step.

    Example:
        >>> LeakySum()(torch.ones(20, 8, 2, 35, 35)).shape
        torch.Size([20, 8, 4])
    """

    causal = True

    def build(self, inputs: int, outputs: int) -> None:
        """Make the layer."""
        self.weights = FrameLinear(inputs, outputs)
        nn.init.zeros_(self.weights.weight)
        nn.init.zeros_(self.weights.bias).requires_grad_(False)  # would be summed up
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.keep = nn.Parameter(torch.tensor(2.2))  # sigmoid: 0.9 per step

    def forward(self, frames: Tensor) -> Tensor:
        """Return voltages (T, B, classes)."""
        total = torch.zeros(())
        sums = []
        for sent in self.weights(frames):
            total = self.keep.sigmoid() * total + sent
            sums.append(total)
        return torch.stack(sums) + self.bias


def summed_image(recordings: Recordings) -> ndarray:
    """Return log(1 + events) per pixel and polarity, of shape (recordings, inputs).

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> summed_image(some).shape
        (2, 2450)
    """
    images = [recording.image().flatten() for recording in recordings.events.packed]
    return np.log1p(np.stack(images), dtype=np.float32)
