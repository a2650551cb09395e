"""The panel: rules and small models that a network has to beat, each of a few lines.

Each is an estimator, as in ``evidence.estimators``, which learns from the recordings that a network
learns from, and is asked about the same; ``until`` of ``evidence.perturbations`` cuts these, to ask
for an answer at any time. One rule learns nothing: ``FourShifts`` answers left, right, up or down.
"""

import functools
import operator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy import ndarray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from torch import Tensor

from eventdesk.evidence.estimators import (
    FeatureEstimator,
    NetworkEstimator,
    logistic_regression,
)
from eventdesk.evidence.perturbations import until
from eventdesk.models.features import shift_correlation
from eventdesk.models.ordinary import CNN, summed_image
from pokersnn_helpers import Recordings, to_frames
from pokersnn_helpers.system.checks import SensorSize

EARLY_MS = (4, 6, 8)  # when an answer is asked for, besides the end
BINS = 50  # of ``events_over_time``
PARTS = 10  # of ``centroid_course``
RULE = "four shifts, untrained"
WAYS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}  # right and down


def centroid_drift(recordings: Recordings) -> ndarray:
    """Return the slopes of the events' columns and rows over time, in pixels per ms.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> centroid_drift(load_pokerdvs(source="simulated").test).shape
        (20, 2)
    """
    drifts = []
    for events in recordings.events:
        ms = (events["t"] - events["t"].mean()) / 1000
        squares = ms @ ms or 1
        drifts.append([ms @ events["x"] / squares, ms @ events["y"] / squares])
    return np.array(drifts)


def events_over_time(recordings: Recordings, time_window: float = 1000) -> ndarray:
    """Return log(1 + events) in each of the first 50 time bins, (recordings, bins).

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> events_over_time(load_pokerdvs(source="simulated").test).shape
        (20, 50)
    """
    edges = time_window * np.arange(BINS + 1)
    return np.log1p([np.histogram(events["t"], edges)[0] for events in recordings.events])


def polarity_centroids(recordings: Recordings) -> ndarray:
    """Return the mean column of OFF and of ON events, and their mean row; 0 where there are none.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> polarity_centroids(load_pokerdvs(source="simulated").test).shape
        (20, 4)
    """
    centroids = []
    for events in recordings.events:
        counts = np.bincount(events["p"], minlength=2).clip(1)
        sums = [np.bincount(events["p"], events[axis], 2) for axis in "xy"]
        centroids.append((sums / counts).flatten())
    return np.stack(centroids)


def centroid_course(recordings: Recordings) -> ndarray:
    """Return the mean place of each tenth of the events, from the mean place of all, in pixels.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> centroid_course(load_pokerdvs(source="simulated").test).shape
        (20, 20)
    """
    courses = []
    for events in recordings.events:
        places = np.stack([events["x"], events["y"]], axis=1) - [
            events["x"].mean(),
            events["y"].mean(),
        ]
        tenth = np.arange(len(places)) * PARTS // len(places)
        numbers = np.maximum.accumulate(np.searchsorted(tenth, np.arange(PARTS)))
        sums = np.add.reduceat(places, numbers.clip(max=len(places) - 1))
        courses.append((sums / np.diff(numbers, append=len(places)).clip(1)[:, None]).flatten())
    return np.stack(courses)


@dataclass
class FourShifts:
    """Answers left, right, up or down, as frames shifted by a pixel match the next; learns nothing.

    Attributes:
        time_window: Width of a time bin in µs.

    Example:
        >>> from pokersnn_helpers.simulation.motions import film_motions
        >>> films = film_motions(12)
        >>> ways = films.subset([n for n, way in enumerate(films.targets) if way < 4])
        >>> FourShifts().fit(ways).predict(ways).shape
        (8,)
    """

    time_window: float = 1000

    def fit(self, recordings: Recordings, seed: int = 0) -> "FourShifts":
        """Learn nothing."""
        return self

    def predict(self, recordings: Recordings) -> ndarray:
        """Return the index of the class, of those called left, right, up and down."""
        leads = [self.leads(events, recordings.sensor_size) for events in recordings.events]
        names = np.array(list(WAYS))[np.argmax(leads, axis=1)]
        return np.array([recordings.classes.index(name) for name in names])

    def leads(self, events: ndarray, sensor_size: SensorSize) -> ndarray:
        """Return by how much each way's match exceeds that of its opposite, (4,)."""
        frames = to_frames(events, self.time_window, sensor_size).sum(1)  # without polarity
        now, later = frames[:-1], frames[1:]
        shifted = [now.roll(way, (2, 1)) for way in WAYS.values()]
        matches = np.array([float((each * later).sum()) for each in shifted])
        return matches - matches[[1, 0, 3, 2]]


@dataclass
class SoFar:
    """Lets an estimator also learn from the first 4, 6 and 8 ms of each recording.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> drift = SoFar(logistic_regression(centroid_drift)).fit(data.train)
        >>> drift.predict(until(data.test, ms=4)).shape
        (20,)
    """

    estimator: Any

    def fit(self, recordings: Recordings, seed: int = 0) -> "SoFar":
        """Train the estimator on recordings and on their beginnings."""
        beginnings = [until(recordings, ms) for ms in EARLY_MS]
        self.estimator.fit(functools.reduce(operator.add, beginnings, recordings), seed)
        return self

    def predict(self, recordings: Recordings) -> ndarray:
        """Return indices of classes."""
        return self.estimator.predict(recordings)


@dataclass
class FrameAverage:
    """Trains a classifier of scikit-learn on single frames, and averages what it says of each.

    Attributes:
        model: A classifier with ``predict_log_proba``.
        time_window: Width of a time bin in µs.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> FrameAverage(LogisticRegression(max_iter=500)).fit(data.train).predict(data.test).shape
        (20,)
    """

    model: Any
    time_window: float = 1000

    def fit(self, recordings: Recordings, seed: int = 0) -> "FrameAverage":
        """Train the model anew, on the frames of all recordings."""
        frames, numbers = self.frames(recordings)
        self.model = clone(self.model).set_params(random_state=seed)
        self.model.fit(frames, np.take(recordings.targets, numbers))
        return self

    def predict(self, recordings: Recordings) -> ndarray:
        """Return indices of classes."""
        frames, numbers = self.frames(recordings)
        said = np.zeros((len(recordings), len(self.model.classes_)))
        np.add.at(said, numbers, self.model.predict_log_proba(frames))
        return self.model.classes_[said.argmax(axis=1)]

    def frames(self, recordings: Recordings) -> tuple[ndarray, ndarray]:
        """Return log(1 + events) of each frame, and the number of its recording."""
        size = recordings.sensor_size
        frames = [to_frames(events, self.time_window, size) for events in recordings.events]
        numbers = np.repeat(np.arange(len(frames)), [len(each) for each in frames])
        return torch.cat(frames).flatten(1).log1p().numpy(), numbers


class FrameCNN(CNN):
    """``CNN`` of each frame alone, whose answers are averaged.

    Example:
        >>> FrameCNN()(torch.ones(20, 8, 2, 35, 35)).shape
        torch.Size([1, 8, 4])
    """

    adds_up = False

    def forward(self, frames: Tensor) -> Tensor:
        """Return values (1, B, classes)."""
        images = torch.log1p(frames.to_dense())
        answers = self.body(images.flatten(0, 1)).log_softmax(1)
        return answers.unflatten(0, images.shape[:2]).mean(0, keepdim=True)


def panel(time_window: float = 1000) -> dict[str, Any]:
    """Return the panel by name, the cheapest first.

    Args:
        time_window: Width of a time bin in µs.

    Example:
        >>> next(iter(panel()))
        'drift of the centroid'
    """
    rate = partial(events_over_time, time_window=time_window)
    shifts = partial(shift_correlation, time_window=time_window)
    hidden = partial(MLPClassifier, 100, tol=0.01, n_iter_no_change=3)
    network: dict[str, Any] = {"time_window": time_window, "epochs": 40, "learning_rate": 0.003}
    return {
        "drift of the centroid": SoFar(logistic_regression(centroid_drift)),
        "ON and OFF centroids": SoFar(logistic_regression(polarity_centroids)),
        "counts over time": SoFar(logistic_regression(rate)),
        "nearest course": SoFar(FeatureEstimator(KNeighborsClassifier(1), centroid_course)),
        "LR on the sum": logistic_regression(summed_image, C=10),
        "LR on the sum so far": SoFar(logistic_regression(summed_image, C=10)),
        "shift correlation": SoFar(logistic_regression(shifts)),
        "LR on single frames": FrameAverage(
            LogisticRegression(tol=0.001, max_iter=500), time_window
        ),
        "MLP on the sum so far": SoFar(FeatureEstimator(hidden(), summed_image)),
        "MLP on single frames": FrameAverage(hidden(), time_window),
        "CNN on single frames": NetworkEstimator(
            partial(FrameCNN, channels=8), clip_norm=None, **network
        ),
    }
