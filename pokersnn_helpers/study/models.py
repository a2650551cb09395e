"""The networks that are compared, and the features that ordinary classifiers get.

Each network fits any sensor: frames (T, B, polarities, height, width) in, dense or sparse, and
values (T, B, classes) out. ``Model`` says with which arguments they are made.
"""

import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from torch import nn

from ..checks import check_numbers, check_sensor_size
from ..fast import FastSNN, FrameLinear
from ..fast.layered import LayerThenSNN as LayerThenSNN  # one of those that are compared
from ..fast.layered import delay_copies
from ..frames import to_frames
from ..networks import WHOLE, FrameNetwork
from ..pokerdvs import POKERDVS_SENSOR_SIZE
from ..recordings import Recordings
from ..snn import build_network


class Model(FrameNetwork):
    """What the networks have in common; each makes its layers in ``build``.

    Args:
        sensor_size: Width, height and polarities of the sensor.
        output_size: Outputs, one per class.
        dt: Duration of a time step in s.
        options: What ``build`` takes besides the number of inputs and of outputs.
    """

    takes_sparse = True

    def __init__(
        self,
        sensor_size: tuple[int, int, int] = POKERDVS_SENSOR_SIZE,
        output_size: int = 4,
        dt: float = 0.001,
        **options: Any,
    ):
        super().__init__()
        check_numbers(Integral, output_size=output_size)
        check_numbers(Real, dt=dt)
        self.sensor_size, self.dt = check_sensor_size(sensor_size), dt
        self.input_size = math.prod(self.sensor_size)
        self.build(self.input_size, output_size, **options)

    def build(self, inputs: int, outputs: int) -> None:
        """Make the layers."""


class SummedImage(Model):
    """Look at the image that is the sum of all frames, log(1 + count) per pixel and polarity."""

    body: Any  # images (B, polarities, height, width) in, values (B, classes) out
    cumulative = False  # a sum at every time step, that of the frames up to it

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return values (T, B, classes); (1, B, classes) for one sum."""
        self.check(frames)
        if self.cumulative:
            summed = (frames.to_dense() if frames.is_sparse else frames).cumsum(0)
        else:
            summed = torch.sparse.sum(frames, 0).to_dense() if frames.is_sparse else frames.sum(0)
            summed = summed[None]
        return self.body(torch.log1p(summed).flatten(0, 1)).unflatten(0, summed.shape[:2])


class MLP(SummedImage):
    """A multilayer perceptron with one hidden layer, or none (a linear model).

    Example:
        >>> MLP()(torch.ones(20, 8, 2, 35, 35)).shape  # one answer, to the sum
        torch.Size([1, 8, 4])
    """

    def build(
        self, inputs: int, outputs: int, hidden_size: int = 100, cumulative: bool = False
    ) -> None:
        """Make the layers."""
        self.cumulative, self.dt = cumulative, self.dt if cumulative else None
        hidden = [nn.Linear(inputs, hidden_size), nn.ReLU()] if hidden_size else []
        self.body = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(hidden_size or inputs, outputs))


class CNN(SummedImage):
    """A small convolutional network: two layers, and then one weight per place and class.

    With ``pooled``, places don't matter: it is one per maximum, and one per mean, over all of them.

    Example:
        >>> CNN()(torch.ones(20, 8, 2, 35, 35)).shape
        torch.Size([1, 8, 4])
    """

    def build(self, inputs: int, outputs: int, channels: int = 16, pooled: bool = False) -> None:
        """Make the layers."""
        self.dt = None
        width, height, polarities = self.sensor_size
        places = 2 if pooled else math.ceil(width / 4) * math.ceil(height / 4)
        self.body = nn.Sequential(
            nn.Conv2d(polarities, channels, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1),
            nn.ReLU(),
            _Pooled() if pooled else nn.Flatten(),
            nn.Linear(2 * channels * places, outputs),
        )


class _Pooled(nn.Module):
    def forward(self, found: torch.Tensor) -> torch.Tensor:
        return torch.cat([found.amax((2, 3)), found.mean((2, 3))], dim=1)


class FrameMLP(Model):
    """Look at each frame alone: decoded by maxima, the order of the frames doesn't matter.

    Example:
        >>> FrameMLP()(torch.ones(20, 8, 2, 35, 35)).shape
        torch.Size([20, 8, 4])
    """

    def build(
        self, inputs: int, outputs: int, hidden_size: int = 100, dropout: float = 0.3
    ) -> None:
        """Make the layers."""
        self.inputs, self.dropout = FrameLinear(inputs, hidden_size), nn.Dropout(dropout)
        self.readout = nn.Linear(hidden_size, outputs)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return values (T, B, classes)."""
        self.check(frames)
        return self.readout(self.dropout(torch.relu(self.inputs(frames))))


class GRU(FrameNetwork):
    """Read frames one after the other with gated recurrent units.

    Args:
        input_size: Inputs per time step: polarities times pixels.
        output_size: Outputs, one per class.
        dt: Duration of a time step in s.
        hidden_size: Units.

    Example:
        >>> GRU(hidden_size=32)(torch.ones(20, 8, 2, 35, 35)).shape
        torch.Size([20, 8, 4])
    """

    takes_sparse = True

    causal = True

    causal = True

    def __init__(
        self,
        input_size: int = math.prod(POKERDVS_SENSOR_SIZE),
        output_size: int = 4,
        dt: float = 0.001,
        hidden_size: int = 64,
    ):
        super().__init__()
        sizes = {"input_size": input_size, "output_size": output_size, "hidden_size": hidden_size}
        check_numbers(Integral, **sizes)
        check_numbers(Real, dt=dt)
        self.input_size, self.dt = input_size, dt
        self.inputs = FrameLinear(input_size, hidden_size)
        self.units = nn.GRU(hidden_size, hidden_size)
        self.readout = nn.Linear(hidden_size, output_size)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return values (T, B, classes)."""
        self.check(frames)
        states, _ = self.units(torch.relu(self.inputs(frames)))
        return self.readout(states)


class MotionDetector(FrameNetwork):
    """Look for moving edges everywhere, and give what is found to the book's network.

    A convolution over space and the last 8 ms, in frames of 2 ms without polarity: at each place it
    compares now with some milliseconds ago, as a motion detector does (Hassenstein and Reichardt
    1956, doi:10.1515/znb-1956-9-1004). What a filter finds is averaged over 3 × 3 regions.

    Args:
        output_size: Outputs, one per class.
        late: By how many time steps the copies of the frames come late that the filters see.

    Example:
        >>> MotionDetector()(torch.ones(20, 8, 2, 35, 35)).shape
        torch.Size([20, 8, 6])
    """

    dt = 0.002
    takes_sparse = True

    causal = True

    def __init__(self, output_size: int = 6, late: Sequence[int] = (0, 1, 2, 3, 4)):
        super().__init__()
        self.late = late
        self.filters = nn.Conv2d(len(late), 16, 7, stride=2, bias=False)
        self.filters.to(memory_format=torch.channels_last)  # twice as fast on a CPU
        neurons: dict[str, Any] = {"hidden_size": 20, "tau_mem": 0.005, "tau_syn": 0.002}
        sizes: dict[str, Any] = {"sensor_size": (3, 3, 16), "output_size": output_size}
        self.snn = build_network(FastSNN, time_window=2000, **sizes, **neurons)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return voltages (T, B, classes)."""
        self.check(frames)
        seen = delay_copies(frames.to_dense().sum(2, keepdim=True), self.late)
        found = torch.relu(self.filters(seen.flatten(0, 1)))
        regions = nn.functional.adaptive_avg_pool2d(found, 3)
        return self.snn(regions.unflatten(0, seen.shape[:2]))


def summed_image(recordings: Recordings) -> np.ndarray:
    """Return log(1 + events) per pixel and polarity, of shape (recordings, inputs).

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> summed_image(some).shape
        (2, 2450)
    """
    size = recordings.sensor_size
    sums = [to_frames(events, WHOLE, size).flatten() for events in recordings.events]
    return np.log1p(np.stack(sums))


def median_place(recordings: Recordings) -> np.ndarray:
    """Return the median column and row of each recording's events.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> median_place(some).shape
        (2, 2)
    """
    return np.array([[np.median(each["x"]), np.median(each["y"])] for each in recordings.events])


def count_and_duration(recordings: Recordings) -> np.ndarray:
    """Return the logarithms of each recording's events and of its duration.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> count_and_duration(some).shape
        (2, 2)
    """
    return np.log1p([[len(each), each["t"][-1] - each["t"][0]] for each in recordings.events])


def motion_correlations(recordings: Recordings, time_window: float = 1000) -> np.ndarray:
    """Return how the frames of each recording move on, in 3 × 3 regions.

    Each frame is multiplied with those one and two steps later, shifted by up to two pixels each
    way, as a field of correlation-type motion detectors does (Hassenstein and Reichardt 1956,
    doi:10.1515/znb-1956-9-1004). Of a region's products, each shift has its share.

    Args:
        recordings: Events of either polarity count alike.
        time_window: Width of a time bin in µs.

    Returns:
        Shares (recordings, 2 steps × 25 shifts × 9 regions), 0 to 1.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> motion_correlations(some).shape
        (2, 450)
    """
    found = []
    for events in recordings.events:
        frames, shares = to_frames(events, time_window, recordings.sensor_size).sum(1), []
        frames = nn.functional.pad(frames, (0, 0, 0, 0, 0, max(0, 3 - len(frames))))
        around, (height, width) = nn.functional.pad(frames, (2, 2, 2, 2)), frames.shape[1:]
        for steps in (1, 2):
            later = [around[steps:, y : y + height, x : x + width] for y, x in np.ndindex(5, 5)]
            products = torch.stack([(frames[:-steps] * each).sum(0) for each in later])
            regions = nn.functional.adaptive_avg_pool2d(products, 3)
            shares.append(regions / regions.sum(0).clamp_min(1e-9))
        found.append(torch.cat(shares).flatten().numpy())
    return np.stack(found)
