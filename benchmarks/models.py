"""The models of chapter 7 by name, and those of their parts that nothing else needs."""

from typing import Any

import numpy as np
import torch
from sklearn.dummy import DummyClassifier
from torch import nn

from pokersnn_helpers import FastSNN, Recordings, build_network, recording_statistics
from pokersnn_helpers.snn import WHOLE
from pokersnn_helpers.study.models import (
    CNN,
    GRU,
    MLP,
    FrameMLP,
    LayerThenSNN,
    Model,
    part_of,
    summed_image,
)
from pokersnn_helpers.study.perturbations import merge_polarities
from pokersnn_helpers.study.protocol import (
    BY_FRAME,
    FeatureEstimator,
    NetworkEstimator,
    PerturbedEstimator,
    logistic_regression,
    nearest_neighbour,
)


class FeedforwardSNN(FastSNN):
    """The book's network with recurrent weights that are 0 and stay 0."""

    def __init__(self, **arguments: Any):
        super().__init__(**arguments)
        with torch.no_grad():
            self.lif0.recurrent_weights.zero_()
        self.lif0.recurrent_weights.requires_grad_(False)


class ConvolutionalSNN(Model):
    """Convolve each frame, and give what comes out to the book's network."""

    def build(self, inputs: int, outputs: int, channels: int = 8) -> None:
        """Make the layers."""
        width, height, polarities = self.sensor_size
        self.convolution = nn.Conv2d(polarities, channels, 7, stride=4)
        self.snn = build_network(
            FastSNN,
            time_window=self.time_window,
            sensor_size=((width - 3) // 4, (height - 3) // 4, channels),
            output_size=outputs,
        )

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return voltages (T, B, classes)."""
        self.check(frames)
        dense = frames.to_dense() if frames.is_sparse else frames
        maps = torch.relu(self.convolution(dense.flatten(0, 1)))
        return self.snn(maps.unflatten(0, dense.shape[:2]))


def global_features(recordings: Recordings) -> np.ndarray:
    """Return events, duration, rate, ON share and active pixels of each recording."""
    return recording_statistics(recordings).drop(columns="class").to_numpy()


def rate_profile(recordings: Recordings, parts: int = 10) -> np.ndarray:
    """Return the share of a recording's events in each of its parts, which are equally long."""
    counts = [np.bincount(part_of(events, parts), minlength=parts) for events in recordings.events]
    return np.stack([each / each.sum() for each in counts])


# Chosen by ``python -m benchmarks trials``, the recipe's own numbers in chapter 5.
SNN, HYBRID = "SNN, book's recipe", "SNN behind a layer"
MODELS: dict[str, Any] = {
    "most frequent suit": FeatureEstimator(DummyClassifier(), global_features),
    "global features": logistic_regression(global_features),
    "nearest neighbour": nearest_neighbour(summed_image),
    "logistic regression": logistic_regression(summed_image, C=10),
    "MLP": NetworkEstimator(MLP, clip_norm=None, time_window=WHOLE),
    "CNN": NetworkEstimator(CNN, clip_norm=None, learning_rate=0.003, time_window=WHOLE),
    "GRU": NetworkEstimator(GRU, clip_norm=1.0),
    "SNN, plain loop": NetworkEstimator(
        epochs=10, learning_rate=0.002, clip_norm=None, ema_decay=0, augment=None
    ),
    SNN: NetworkEstimator(),
    "SNN, no recurrence": NetworkEstimator(FeedforwardSNN),
    "MLP on each frame": PerturbedEstimator(
        NetworkEstimator(FrameMLP, **BY_FRAME), merge_polarities
    ),
    HYBRID: PerturbedEstimator(NetworkEstimator(LayerThenSNN, **BY_FRAME), merge_polarities),
    "SNN, convolution": NetworkEstimator(ConvolutionalSNN),
}
