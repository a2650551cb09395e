"""Ordinary models to compare a spiking network with, and the protocol that all of them go through.

A model is a function ``train(data, seed)``: it learns from ``data.train`` and returns a function
that tells the classes of other recordings, as an array of indices.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from .frames import augment, make_loader, to_frames
from .recipe import train_classifier
from .recordings import Recordings, Split, fold_indices, recording_statistics
from .training import evaluate, fit

Predict = Callable[[Recordings], np.ndarray]
Train = Callable[[Split, int], Predict]


class SummedImage(nn.Module):
    """Classify the image that is the sum of all frames, log(1 + count) per pixel and polarity.

    Args:
        body: Images of shape (B, polarities, height, width) in, one value per class out.
    """

    def __init__(self, body: nn.Module):
        super().__init__()
        self.body = body

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return log-probabilities of shape (B, classes) for frames of shape (T, B, ...)."""
        summed = torch.sparse.sum(frames, 0).to_dense() if frames.is_sparse else frames.sum(0)
        return torch.log_softmax(self.body(torch.log1p(summed)), dim=1)


def perceptron(recordings: Recordings, hidden: int = 100) -> SummedImage:
    """Make a multilayer perceptron with one hidden layer of rectified linear units."""
    inputs = math.prod(recordings.sensor_size)
    layers = nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, len(recordings.classes))
    return SummedImage(nn.Sequential(nn.Flatten(), *layers))


def convolutional(recordings: Recordings, channels: int = 16) -> SummedImage:
    """Make a small convolutional network: two layers, and then one weight per place and class."""
    polarities, classes = recordings.sensor_size[2], len(recordings.classes)
    return SummedImage(
        nn.Sequential(
            nn.Conv2d(polarities, channels, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.LazyLinear(classes),
        )
    )


class GatedRecurrent(nn.Module):
    """Read frames one after the other with gated recurrent units (GRU), and decode as the SNN does.

    Args:
        recordings: Say how large frames are and how many classes there are.
        hidden: Units.
    """

    def __init__(self, recordings: Recordings, hidden: int = 64):
        super().__init__()
        self.inputs = nn.Linear(math.prod(recordings.sensor_size), hidden)
        self.units = nn.GRU(hidden, hidden)
        self.readout = nn.Linear(hidden, len(recordings.classes))

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return log-probabilities of shape (B, classes) for frames of shape (T, B, ...)."""
        dense = frames.to_dense() if frames.is_sparse else frames
        states, _ = self.units(torch.relu(self.inputs(dense.flatten(2))))
        return torch.log_softmax(self.readout(states).max(dim=0).values, dim=1)


def by_gradient(
    make: Callable[[Recordings], nn.Module],
    *,
    epochs: int = 60,
    learning_rate: float = 0.001,
    clip_norm: float | None = None,
    time_window: float = 1000,
) -> Train:
    """Train a PyTorch model with the recipe's augmentation, batches and averaged weights.

    Args:
        make: Makes the model, which takes frames and returns log-probabilities.
        epochs: As for ``fit``.
        learning_rate: Of Adam.
        clip_norm: As for ``fit``.
        time_window: Width of a time bin in µs.
    """

    def train(data: Split, seed: int) -> Predict:
        torch.manual_seed(seed)
        model = make(data.train)
        loader = make_loader(data.train, 32, time_window, sparse=True, shuffle=True)
        model(next(iter(make_loader(data.train, 2, time_window)))[0])  # lazy layers see a batch
        optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
        fit(
            model, loader, epochs=epochs, optimizer=optimizer, clip_norm=clip_norm,
            ema_decay=0.95, augment=augment, device="cpu",
        )  # fmt: skip
        return _predict_with(model, time_window)

    return train


def spiking(**options: Any) -> Train:
    """Train a network by the book's recipe; options are those of ``train_classifier``."""

    def train(data: Split, seed: int) -> Predict:
        classifier, _ = train_classifier(data, seed, "cpu", **options)
        return _predict_with(classifier, options.get("time_window", 1000))

    return train


def _predict_with(model: nn.Module, time_window: float) -> Predict:
    def predict(recordings: Recordings) -> np.ndarray:
        loader = make_loader(recordings, 64, time_window, sparse=True)
        return evaluate(model, loader, "cpu").predicted.numpy()

    return predict


def on_features(model: Any, features: Callable[[Recordings], np.ndarray]) -> Train:
    """Train a classifier of scikit-learn on numbers that are computed from each recording."""

    def train(data: Split, seed: int) -> Predict:
        model.fit(features(data.train), data.train.targets)
        return lambda recordings: model.predict(features(recordings))

    return train


def summed_image(recordings: Recordings) -> np.ndarray:
    """Return log(1 + events) per pixel and polarity, of shape (recordings, inputs)."""
    size = recordings.sensor_size
    sums = [to_frames(events, 1e9, size).flatten() for events in recordings.events]
    return np.log1p(np.stack(sums))


def five_numbers(recordings: Recordings) -> np.ndarray:
    """Return events, duration, rate, ON share and active pixels of each recording."""
    return recording_statistics(recordings).drop(columns="class").to_numpy()


def logistic_regression(features: Callable[[Recordings], np.ndarray]) -> Train:
    """Train a logistic regression on standardised numbers."""
    regression = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    return on_features(regression, features)


def nearest_neighbour(features: Callable[[Recordings], np.ndarray]) -> Train:
    """Answer with the class of the most similar training recording."""
    return on_features(KNeighborsClassifier(1), features)


def cross_validate(
    train: Train,
    recordings: Recordings,
    groups: Sequence[int],
    folds: int = 3,
    seed: int = 0,
    change: Callable[[Recordings], Recordings] | None = None,
) -> np.ndarray:
    """Classify each recording with a model that has seen none of its group.

    Args:
        train: The model.
        recordings: All of them.
        groups: A number for each recording; a group stays in one fold.
        folds: How many.
        seed: Of the folds, and of the model.
        change: Applied to the recordings of the held-out fold before they are classified.

    Returns:
        Whether each recording was classified correctly, of shape (recordings,).
    """
    correct = np.zeros(len(recordings), dtype=bool)
    for learned, held_out in fold_indices(recordings, folds, groups, seed):
        fold = Split(recordings.subset(learned), recordings.subset(held_out))
        predict = train(fold, seed)
        correct[held_out] = predict(change(fold.test) if change else fold.test) == fold.test.targets
    return correct


def bootstrap_interval(
    correct: np.ndarray, groups: Sequence[int], repeats: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Return a 95 % interval for the accuracy, if groups of recordings were drawn anew.

    The recordings of a group aren't independent, so whole groups are drawn, with replacement
    (cluster bootstrap: Davison and Hinkley 1997, section 3.8).

    Args:
        correct: Whether each recording was classified correctly, of shape (recordings,), or
            (seeds, recordings), which are averaged.
        groups: The group of each recording.
        repeats: How often to draw.
        seed: Fixes what is drawn.
    """
    rates = np.asarray(correct, dtype=float).reshape(-1, len(groups)).mean(axis=0)
    _, numbers = np.unique(groups, return_inverse=True)
    sums, sizes = np.bincount(numbers, rates), np.bincount(numbers)
    drawn = np.random.default_rng(seed).integers(len(sizes), size=(repeats, len(sizes)))
    accuracies = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(accuracies, [0.025, 0.975])
    return float(low), float(high)
