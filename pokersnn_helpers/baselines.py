"""Ordinary models to compare a spiking network with, and the protocol that all of them go through.

A model is a function ``train(data, seed)``: it learns from ``data.train`` and returns a function
that tells the classes of other recordings, as an array of indices. ``MODELS`` holds those that
chapter 6 compares. ``cross_validate`` trains models without each fold in turn.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from .changes import merged_polarities
from .checks import check_indices
from .fast import FastSNN
from .frames import augment, make_loader, to_frames
from .recipe import build_network, train_classifier
from .recordings import Recordings, Split, fold_indices, recording_statistics
from .snn import SNN, Classifier
from .training import evaluate, fit

WHOLE = 1e9  # µs: a time bin that holds a whole recording

Predict = Callable[[Recordings], np.ndarray]
Train = Callable[[Split, int], Predict]


@dataclass(frozen=True)
class NetworkPredictor:
    """Tells the classes of recordings with a trained network, by bins of ``time_window`` µs."""

    model: nn.Module
    time_window: float

    def __call__(self, recordings: Recordings) -> np.ndarray:
        """Return indices of classes."""
        loader = make_loader(recordings, 64, self.time_window, sparse=True)
        return evaluate(self.model, loader, "cpu").predicted.numpy()


@dataclass(frozen=True)
class FeaturesPredictor:
    """Tells the classes of recordings with a trained model of scikit-learn."""

    model: Any
    features: Callable[[Recordings], np.ndarray]

    def __call__(self, recordings: Recordings) -> np.ndarray:
        """Return indices of classes."""
        return self.model.predict(self.features(recordings))


class SummedImage(nn.Module):
    """Look at the image that is the sum of all frames, log(1 + count) per pixel and polarity.

    Args:
        body: Images of shape (B, polarities, height, width) in, one value per class out.
        so_far: Look at a sum at every time step, that of the frames up to it.
    """

    def __init__(self, body: nn.Module, so_far: bool = False):
        super().__init__()
        self.body = body
        self.so_far = so_far

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return values (T, B, classes) for frames (T, B, ...); (1, B, classes) for one sum."""
        if self.so_far:
            dense = frames.to_dense() if frames.is_sparse else frames
            summed = dense.cumsum(0)
        else:
            summed = torch.sparse.sum(frames, 0).to_dense() if frames.is_sparse else frames.sum(0)
            summed = summed[None]
        return self.body(torch.log1p(summed).flatten(0, 1)).unflatten(0, summed.shape[:2])


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


class FrameLinear(nn.Linear):
    """A linear layer for frames: (T, B, polarities, height, width) in, (T, B, outputs) out."""

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Multiply what isn't 0 in the frames: few counts are."""
        frames = frames if frames.is_sparse else frames.to_sparse()
        outputs = torch.sparse.mm(_rows(frames), self.weight.t()) + self.bias
        return outputs.unflatten(0, frames.shape[:2])


def _rows(frames: torch.Tensor) -> torch.Tensor:
    """Return sparse frames (T, B, polarities, height, width) as a matrix (T · B, inputs)."""
    check_indices(frames)
    time, recording, polarity, y, x = frames._indices()
    steps, batch, polarities, height, width = frames.shape
    places = torch.stack([time * batch + recording, (polarity * height + y) * width + x])
    shape = (steps * batch, polarities * height * width)
    return torch.sparse_coo_tensor(places, frames._values(), shape, check_invariants=False)


class GatedRecurrent(nn.Module):
    """Read frames one after the other with gated recurrent units (GRU).

    Args:
        recordings: Say how large frames are and how many classes there are.
        hidden: Units.
    """

    def __init__(self, recordings: Recordings, hidden: int = 64):
        super().__init__()
        self.inputs = FrameLinear(math.prod(recordings.sensor_size), hidden)
        self.units = nn.GRU(hidden, hidden)
        self.readout = nn.Linear(hidden, len(recordings.classes))

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return values (T, B, classes) for frames of shape (T, B, ...)."""
        states, _ = self.units(torch.relu(self.inputs(frames)))
        return self.readout(states)


class FramePerceptron(nn.Module):
    """Look at each frame alone, without a memory of others.

    Decoded by maxima, what it says doesn't depend on the order of the frames.

    Args:
        recordings: Say how large frames are and how many classes there are.
        hidden: Rectified linear units.
        dropout: Share of the hidden units that is silent in a training step.
    """

    def __init__(self, recordings: Recordings, hidden: int = 100, dropout: float = 0.3):
        super().__init__()
        self.inputs = FrameLinear(math.prod(recordings.sensor_size), hidden)
        self.dropout = nn.Dropout(dropout)
        self.readout = nn.Linear(hidden, len(recordings.classes))

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return values (T, B, classes) for frames of shape (T, B, ...)."""
        hidden = torch.relu(self.inputs(frames))
        return self.readout(self.dropout(hidden))


class HybridSNN(nn.Module):
    """Look at each frame with an ordinary layer, and give what it finds to the book's network.

    Args:
        recordings: Say how large frames are and how many classes there are.
        features: Rectified linear units of the ordinary layer.
        hidden: Spiking neurons.
        dropout: Share of the rectified linear units that is silent in a training step.
        time_window: Width of a time bin in µs.
        neurons: Time constants, as for ``SNN``.
    """

    def __init__(
        self,
        recordings: Recordings,
        features: int = 100,
        hidden: int = 100,
        dropout: float = 0.3,
        time_window: float = 1000,
        **neurons: Any,
    ):
        super().__init__()
        self.inputs = FrameLinear(math.prod(recordings.sensor_size), features)
        self.dropout = nn.Dropout(dropout)
        self.snn = build_network(
            FastSNN,
            time_window=time_window,
            sensor_size=(features, 1, 1),
            hidden_size=hidden,
            output_size=len(recordings.classes),
            **neurons,
        )

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return values (T, B, classes) for frames of shape (T, B, ...)."""
        found = self.dropout(torch.relu(self.inputs(frames)))
        return self.snn(found[..., None, None])


class ConvolutionalSNN(nn.Module):
    """Convolve each frame, and give what comes out to the book's network.

    Args:
        recordings: Say how large frames are and how many classes there are.
        channels: Of the convolution.
    """

    def __init__(self, recordings: Recordings, channels: int = 8):
        super().__init__()
        width, height, polarities = recordings.sensor_size
        self.convolution = nn.Conv2d(polarities, channels, 7, stride=4)
        size = ((width - 3) // 4, (height - 3) // 4, channels)
        self.snn = build_network(FastSNN, sensor_size=size, output_size=len(recordings.classes))

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return values (T, B, classes) for frames of shape (T, B, ...)."""
        dense = frames.to_dense() if frames.is_sparse else frames
        maps = torch.relu(self.convolution(dense.flatten(0, 1)))
        return self.snn(maps.unflatten(0, dense.shape[:2]))


def without_recurrence() -> SNN:
    """Make the recipe's network with recurrent weights that are 0 and stay 0."""
    snn = build_network(FastSNN)
    with torch.no_grad():
        snn.lif0.recurrent_weights.zero_()
    snn.lif0.recurrent_weights.requires_grad_(False)
    return snn


def by_gradient(
    make: Callable[[Recordings], nn.Module],
    *,
    epochs: int = 60,
    learning_rate: float = 0.001,
    clip_norm: float | None = None,
    time_window: float = 1000,
    augment: Callable[[torch.Tensor], torch.Tensor] | None = augment,
    classifier: Callable[..., Classifier] = Classifier,
) -> Train:
    """Train a PyTorch model with the recipe's augmentation, batches and averaged weights.

    Args:
        make: Makes the model: frames (T, B, ...) in, values (T, B, classes) out.
        epochs: As for ``fit``.
        learning_rate: Of Adam.
        clip_norm: As for ``fit``.
        time_window: Width of a time bin in µs.
        augment: As for ``fit``.
        classifier: What is trained when the model is given to it, its classes and its sensor.
    """

    def train(data: Split, seed: int) -> Predict:
        torch.manual_seed(seed)
        model = _about(data.train, classifier, make(data.train))
        loader = make_loader(data.train, 32, time_window, sparse=True, shuffle=True)
        model(next(iter(make_loader(data.train, 2, time_window)))[0])  # lazy layers see a batch
        optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
        fit(
            model, loader, epochs=epochs, optimizer=optimizer, clip_norm=clip_norm,
            ema_decay=0.95, augment=augment, device="cpu",
        )  # fmt: skip
        return NetworkPredictor(model, time_window)

    return train


def _about(
    recordings: Recordings, classifier: Callable[..., Classifier], network: nn.Module
) -> Classifier:
    # Not inside train: cloudpickle would take its mention of classes for the module torch.classes.
    return classifier(network, classes=recordings.classes, sensor_size=recordings.sensor_size)


def spiking(network: Any = FastSNN, **options: Any) -> Train:
    """Train a network by the book's recipe; options are those of ``train_classifier``."""

    def train(data: Split, seed: int) -> Predict:
        watched = Split(data.train, data.test.subset([0]))  # nobody looks, so one is enough
        classifier, _ = train_classifier(watched, seed, "cpu", network=network, **options)
        return NetworkPredictor(classifier, options.get("time_window", 1000))

    return train


def on_features(model: Any, features: Callable[[Recordings], np.ndarray]) -> Train:
    """Train a classifier of scikit-learn on numbers that are computed from each recording."""

    def train(data: Split, seed: int) -> Predict:
        trained = clone(model).fit(features(data.train), data.train.targets)
        return FeaturesPredictor(trained, features)

    return train


def summed_image(recordings: Recordings) -> np.ndarray:
    """Return log(1 + events) per pixel and polarity, of shape (recordings, inputs)."""
    size = recordings.sensor_size
    sums = [to_frames(events, WHOLE, size).flatten() for events in recordings.events]
    return np.log1p(np.stack(sums))


def five_numbers(recordings: Recordings) -> np.ndarray:
    """Return events, duration, rate, ON share and active pixels of each recording."""
    return recording_statistics(recordings).drop(columns="class").to_numpy()


def rate_profile(recordings: Recordings, parts: int = 10) -> np.ndarray:
    """Return the share of a recording's events in each of its parts, which are equally long."""
    return np.stack(
        [np.bincount(_part(events, parts), minlength=parts) / len(events)
         for events in recordings.events]
    )  # fmt: skip


def on_profile(recordings: Recordings, parts: int = 10) -> np.ndarray:
    """Return the share of ON events in each part of a recording; a part without events has 0.5."""
    profiles = []
    for events in recordings.events:
        part = _part(events, parts)
        on, all_events = np.bincount(part, events["p"], parts), np.bincount(part, minlength=parts)
        profiles.append(np.divide(on, all_events, np.full(parts, 0.5), where=all_events > 0))
    return np.stack(profiles)


def _part(events: np.ndarray, parts: int) -> np.ndarray:
    """Return the part of the recording that each event falls in, from 0."""
    time = events["t"] - events["t"][0]
    return np.minimum((time + 0.5) * parts // (time[-1] + 1), parts - 1).astype(int)


def on_changed(train: Train, change: Callable[[Recordings], Recordings]) -> Train:
    """Change what a model learns from, and what it is asked about, in the same way."""

    def train_on_changed(data: Split, seed: int) -> Predict:
        predict = train(Split(change(data.train), change(data.test)), seed)
        return lambda recordings: predict(change(recordings))

    return train_on_changed


def frame_by_frame(
    make: Callable[[Recordings], nn.Module], *, learning_rate: float = 0.002
) -> Train:
    """Train a network whose first layer looks at each frame alone, on merged polarities."""
    train = by_gradient(make, clip_norm=0.3, learning_rate=learning_rate)
    return on_changed(train, merged_polarities)


def most_frequent() -> Train:
    """Answer with the class that is most frequent among the training recordings."""
    return on_features(DummyClassifier(strategy="most_frequent"), five_numbers)


def logistic_regression(features: Callable[[Recordings], np.ndarray], C: float = 1.0) -> Train:
    """Train a logistic regression on standardised numbers; ``C`` is that of scikit-learn."""
    regression = make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=2000))
    return on_features(regression, features)


def regression_network(regression: Any) -> SummedImage:
    """Make the network that says what a trained logistic regression on ``summed_image`` says.

    Standardisation becomes a part of its weights, so a pixel without events still counts 0.
    """
    scaler, model = regression[0], regression[-1]
    weight = model.coef_ / scaler.scale_
    linear = nn.Linear(*weight.T.shape)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(weight))
        linear.bias.copy_(torch.from_numpy(model.intercept_ - weight @ scaler.mean_))
    return SummedImage(nn.Sequential(nn.Flatten(), linear))


def nearest_neighbour(features: Callable[[Recordings], np.ndarray], neighbours: int = 1) -> Train:
    """Answer with the class of the most similar training recording, or recordings."""
    return on_features(KNeighborsClassifier(neighbours), features)


# The settings were chosen by ``python -m benchmarks trials``, the recipe's own in chapter 5.
MODELS: dict[str, Train] = {
    "most frequent suit": most_frequent(),
    "five numbers": logistic_regression(five_numbers),
    "nearest neighbour": nearest_neighbour(summed_image),
    "logistic regression": logistic_regression(summed_image, C=10),
    "MLP": by_gradient(perceptron, time_window=WHOLE),
    "CNN": by_gradient(convolutional, learning_rate=0.003, time_window=WHOLE),
    "GRU": by_gradient(GatedRecurrent, clip_norm=1.0),
    "SNN, plain loop": spiking(
        epochs=10, learning_rate=0.002, clip_norm=None, ema_decay=0.0, augment=None
    ),
    "SNN, book's recipe": spiking(),
    "SNN, no recurrence": spiking(without_recurrence),
    "MLP on each frame": frame_by_frame(FramePerceptron),
    "SNN behind a layer": frame_by_frame(HybridSNN),
}


@dataclass(frozen=True)
class Trained:
    """A model that was trained without each fold in turn, once per seed.

    Attributes:
        runs: For each seed and fold, what predicts, and the indices of the recordings held out.
    """

    runs: list[list[tuple[Predict, np.ndarray]]]

    def correct(self, recordings: Recordings) -> np.ndarray:
        """Say which recordings were classified correctly, each by the model that hasn't seen it.

        Args:
            recordings: Those of ``cross_validate``, or the same after a change.

        Returns:
            Of shape (seeds, recordings), bool.
        """
        correct = np.zeros((len(self.runs), len(recordings)), dtype=bool)
        for row, folds in zip(correct, self.runs, strict=True):
            for predict, held_out in folds:
                some = recordings.subset(held_out)
                row[held_out] = predict(some) == some.targets
        return correct


def cross_validate(
    models: Mapping[str, Train],
    recordings: Recordings,
    groups: Sequence[int],
    *,
    folds: int = 3,
    seeds: Sequence[int] = (0,),
    processes: int = 1,
) -> dict[str, Trained]:
    """Train every model without each fold in turn.

    Args:
        models: By name.
        recordings: All of them.
        groups: A number for each recording; a group stays in one fold.
        folds: How many.
        seeds: Each fixes the folds and the initial weights of a run.
        processes: How many train at the same time. The result doesn't depend on it.
    """
    splits = [fold_indices(recordings, folds, groups, seed) for seed in seeds]
    jobs = [
        delayed(train)(Split(recordings.subset(learned), recordings.subset(held_out)), seed)
        for train in models.values()
        for seed, split in zip(seeds, splits, strict=True)
        for learned, held_out in split
    ]
    # The last models train for longest. Started first, none of them keeps a process waiting.
    predictors = iter(Parallel(processes, batch_size=1)(jobs[::-1])[::-1])
    return {
        name: Trained([[(next(predictors), held_out) for _, held_out in split] for split in splits])
        for name in models
    }


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


def accuracy_table(
    trained: Mapping[str, Trained], recordings: Recordings, groups: Sequence[int]
) -> pd.DataFrame:
    """Return how accurate models are on recordings that they haven't seen, from 0 to 1.

    Args:
        trained: What ``cross_validate`` returns.
        recordings: As for ``Trained.correct``.
        groups: As for ``bootstrap_interval``.

    Returns:
        A row per model: the mean over the seeds, the lowest and the highest of them, the lower and
        the upper end of ``bootstrap_interval``, and the mean over the seeds for each class.
    """
    rows, targets = {}, np.asarray(recordings.targets)
    for name, model in trained.items():
        correct = model.correct(recordings)
        by_seed = correct.mean(axis=1)
        low, high = bootstrap_interval(correct, groups)
        rows[name] = {
            "mean": by_seed.mean(), "lowest": by_seed.min(), "highest": by_seed.max(),
            "interval low": low, "interval high": high,
        }  # fmt: skip
        for number, class_name in enumerate(recordings.classes):
            rows[name][class_name] = correct[:, targets == number].mean()
    return pd.DataFrame.from_dict(rows, orient="index")
