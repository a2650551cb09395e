"""The models of chapter 7 by name, the settings tried for them, and what nothing else needs."""

from functools import partial
from typing import Any

import numpy as np
import torch
from sklearn.dummy import DummyClassifier
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from pokersnn_helpers import FastSNN, Recordings, build_network, recording_statistics
from pokersnn_helpers.networks import WHOLE, FrameNetwork
from pokersnn_helpers.study import models, protocol
from pokersnn_helpers.study.models import CNN, GRU, MLP, FrameMLP, LayerThenSNN, summed_image
from pokersnn_helpers.study.perturbations import merge_polarities
from pokersnn_helpers.study.protocol import NetworkEstimator, logistic_regression


class FeedforwardSNN(FastSNN):
    """The book's network with recurrent weights that are 0 and stay 0."""

    def __init__(self, **arguments: Any):
        super().__init__(**arguments)
        with torch.no_grad():
            self.lif0.recurrent_weights.zero_()
        self.lif0.recurrent_weights.requires_grad_(False)


class ConvolutionalSNN(models.Model):
    """Convolve each frame, and give what comes out to the book's network."""

    causal = True

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
    in_parts = [part_of(events, parts) for events in recordings.events]
    return np.stack([np.bincount(each, minlength=parts) / len(each) for each in in_parts])


def on_profile(recordings: Recordings, parts: int = 10) -> np.ndarray:
    """Return the share of ON events in each part of a recording; a part without events has 0.5."""
    profiles = []
    for events in recordings.events:
        part = part_of(events, parts)
        on, all_events = np.bincount(part, events["p"], parts), np.bincount(part, minlength=parts)
        profiles.append(np.divide(on, all_events, np.full(parts, 0.5), where=all_events > 0))
    return np.stack(profiles)


def part_of(events: np.ndarray, parts: int) -> np.ndarray:
    """Return the part of the recording that each event falls in, from 0."""
    time = events["t"] - events["t"][0]
    return np.minimum((time + 0.5) * parts // (time[-1] + 1), parts - 1).astype(int)


def nearest_neighbour(
    features: protocol.Features, neighbours: int = 1
) -> protocol.FeatureEstimator:
    """Return what answers with the class of the most similar training recording, or recordings."""
    return protocol.FeatureEstimator(KNeighborsClassifier(neighbours), features)


def merged(estimator: Any) -> protocol.PerturbedEstimator:
    """Return an estimator that sees no polarity."""
    return protocol.PerturbedEstimator(estimator, merge_polarities)


# Chosen by ``python -m benchmarks trials``, the recipe's own numbers in chapter 4.
BY_FRAME = {"learning_rate": 0.002}  # of networks with an ordinary layer
SNN, HYBRID = "SNN, book's recipe", "SNN behind a layer"
MODELS: dict[str, Any] = {
    "most frequent suit": protocol.FeatureEstimator(DummyClassifier(), global_features),
    "global features": logistic_regression(global_features),
    "nearest neighbour": nearest_neighbour(summed_image),
    "logistic regression": logistic_regression(summed_image, C=10),
    "MLP": NetworkEstimator(MLP, clip_norm=None, time_window=WHOLE),
    "CNN": NetworkEstimator(CNN, clip_norm=None, learning_rate=0.003, time_window=WHOLE),
    "GRU": NetworkEstimator(GRU, clip_norm=1.0),
    "SNN, plain loop": NetworkEstimator(
        epochs=10, learning_rate=0.002, clip_norm=None, ema_decay=0, augment="none"
    ),
    SNN: NetworkEstimator(),
    "SNN, no recurrence": NetworkEstimator(FeedforwardSNN),
    "MLP on each frame": merged(NetworkEstimator(FrameMLP, **BY_FRAME)),
    HYBRID: merged(NetworkEstimator(LayerThenSNN, **BY_FRAME)),
    "SNN, convolution": NetworkEstimator(ConvolutionalSNN),
}

PROFILE = "events by tenth of the recording"
DIRECTION = {
    "logistic regression on the sum": logistic_regression(summed_image),
    PROFILE: logistic_regression(rate_profile),
    "ON share by tenth": logistic_regression(on_profile),
    "GRU": MODELS["GRU"],
    SNN: MODELS[SNN],
}


def rates(*tried: float, network: Any, **recipe: Any) -> dict[str, Any]:
    """Return a network by learning rate."""
    return {
        f"rate {rate:g}": NetworkEstimator(network, learning_rate=rate, **recipe) for rate in tried
    }


def layer_trials(network: type[FrameNetwork]) -> dict[str, Any]:
    """Return three learning rates, with merged polarities and with both of them."""
    both = rates(0.002, 0.001, 0.004, network=network)
    return {f"merged, {name}": merged(each) for name, each in both.items()} | {
        f"both polarities, {name}": each for name, each in both.items()
    }


# Chapter 4 tries six settings beyond the plain loop, so each model that isn't its recipe gets six,
# too. The best is in MODELS, and of equals the first.
RATES = (0.001, 0.0003, 0.003)
OF_THE_SUM = {"time_window": WHOLE, "clip_norm": None}
TRIALS: dict[str, dict[str, Any]] = {
    "nearest neighbour": {
        f"{k} neighbours": nearest_neighbour(summed_image, k) for k in (1, 2, 3, 5, 7, 9)
    },
    "logistic regression": {
        f"C = {C:g}": logistic_regression(summed_image, C) for C in (0.001, 0.01, 0.1, 1, 10, 100)
    },
    "MLP": {
        **rates(*RATES, network=MLP, **OF_THE_SUM),  # 100 hidden neurons
        "30 hidden": NetworkEstimator(MLP, hidden_size=30, **OF_THE_SUM),
        "300 hidden": NetworkEstimator(MLP, hidden_size=300, **OF_THE_SUM),
        "clipped at 0.3": NetworkEstimator(MLP, time_window=WHOLE),
    },
    "CNN": {
        **rates(*RATES, network=CNN, **OF_THE_SUM),  # 16 channels
        "8 channels": NetworkEstimator(partial(CNN, channels=8), **OF_THE_SUM),
        "32 channels": NetworkEstimator(partial(CNN, channels=32), **OF_THE_SUM),
        "clipped at 0.3": NetworkEstimator(CNN, time_window=WHOLE),
    },
    "GRU": {
        **rates(*RATES, network=GRU, clip_norm=1.0),  # 64 units
        "32 units": NetworkEstimator(GRU, clip_norm=1.0, hidden_size=32),
        "128 units": NetworkEstimator(GRU, clip_norm=1.0, hidden_size=128),
        "bins of 2 ms": NetworkEstimator(GRU, clip_norm=1.0, time_window=2000),
    },
    "SNN, convolution": {
        **rates(*RATES, network=ConvolutionalSNN),  # 8 channels
        "4 channels": NetworkEstimator(partial(ConvolutionalSNN, channels=4)),
        "16 channels": NetworkEstimator(partial(ConvolutionalSNN, channels=16)),
        "not clipped": NetworkEstimator(ConvolutionalSNN, clip_norm=None),
    },
    "MLP on each frame": layer_trials(FrameMLP),
    HYBRID: layer_trials(LayerThenSNN),
}
