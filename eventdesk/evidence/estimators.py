"""Estimators: networks and simple models that learn from recordings in the same way.

An estimator has two methods, as in scikit-learn: ``fit(recordings, seed)`` learns and returns the
estimator, and ``predict(recordings)`` returns an index of a class for each recording, or -1 for no
answer.
"""

import reprlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy import ndarray
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from pokersnn_helpers.events.frames import make_loader
from pokersnn_helpers.events.recordings import Recordings
from pokersnn_helpers.fast import FastSNN
from pokersnn_helpers.networks.classifier import Classifier
from pokersnn_helpers.system.reading import check_memory
from pokersnn_helpers.training.evaluation import evaluate
from pokersnn_helpers.training.fit import History
from pokersnn_helpers.training.recipe import Recipe
from pokersnn_helpers.training.train import divide_arguments, train_classifier

from ..models.ordinary import summed_image

Features = Callable[[Recordings], ndarray]
Perturbation = Callable[[Recordings], Recordings]
# What networks are trained by, whatever the recordings: stored measurements depend on it.
BOOK_RECIPE = asdict(Recipe())
del BOOK_RECIPE["network"], BOOK_RECIPE["surrogate_slope"]
HIDDEN_SIZE = 100  # of the desk's networks, where nothing else is said


class NetworkEstimator:
    """Trains a network on the CPU by the book's recipe, whatever the recordings.

    Args:
        network: The network to train, as for ``train_classifier``.
        recipe: Further arguments of ``train_classifier``, which replace those of the book's recipe
            (``BOOK_RECIPE``).

    Attributes:
        classifier: The trained classifier.
        history: Loss and accuracy during its training, by epoch.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> estimator = NetworkEstimator(epochs=2).fit(data.train, seed=0)
        >>> estimator.predict(data.test).shape
        (20,)
    """

    classifier: Classifier
    history: History

    def __init__(self, network: Callable[..., nn.Module] = FastSNN, **recipe: Any):
        divide_arguments(network, recipe)  # which refuses what it or training doesn't know
        self.make = network
        self.recipe = recipe

    @property
    def network(self) -> Any:
        """The trained network."""
        return self.classifier.snn

    def fit(self, recordings: Recordings, seed: int = 0) -> "NetworkEstimator":
        """Train a new network; the seed determines everything that is random."""
        recipe = BOOK_RECIPE | self.recipe
        self.classifier, self.history = train_classifier(
            recordings, seed=seed, device="cpu", network=self.make, **recipe
        )
        return self

    def predict(self, recordings: Recordings) -> ndarray:
        """Return the index of a class for each recording, or -1 where there is no answer."""
        classifier = self.classifier
        loader = make_loader(
            recordings,
            batch_size=64,
            time_window=classifier.time_window,
            sparse=classifier.takes_sparse,
        )
        return evaluate(classifier, loader, "cpu").predicted.numpy()


@dataclass
class FeatureEstimator:
    """Trains a classifier of scikit-learn on numbers that are computed from each recording.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> from ..models.ordinary import summed_image
        >>> data = load_pokerdvs(source="simulated")
        >>> sums = FeatureEstimator(LogisticRegression(max_iter=2000), summed_image).fit(data.train)
        >>> sums.predict(data.test).shape
        (20,)
    """

    model: Any
    features: Features

    def fit(self, recordings: Recordings, seed: int = 0) -> "FeatureEstimator":
        """Train the model anew; the seed determines what is random in it."""
        model = clone(self.model)
        if "random_state" in model.get_params():
            model.set_params(random_state=seed)
        self.model = model.fit(self.features(recordings), recordings.targets)
        return self

    def predict(self, recordings: Recordings) -> ndarray:
        """Return indices of classes."""
        return self.model.predict(self.features(recordings))


@dataclass
class PerturbedEstimator:
    """Changes recordings in the same way before an estimator learns from them or classifies them.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> from ..models.ordinary import summed_image
        >>> from .perturbations import merge_polarities
        >>> data = load_pokerdvs(source="simulated")
        >>> without = PerturbedEstimator(logistic_regression(summed_image), merge_polarities)
        >>> without.fit(data.train).predict(data.test).shape
        (20,)
    """

    estimator: Any
    perturb: Perturbation

    def fit(self, recordings: Recordings, seed: int = 0) -> "PerturbedEstimator":
        """Train the estimator on changed recordings."""
        self.estimator.fit(self.perturb(recordings), seed)
        return self

    def predict(self, recordings: Recordings) -> ndarray:
        """Return indices of classes."""
        return self.estimator.predict(self.perturb(recordings))


def as_estimator(model: Any) -> Any:
    """Return an estimator of a model: of a class of networks, too, and of scikit-learn's.

    A classifier of scikit-learn becomes an estimator that sees the summed image.
    """
    if isinstance(model, type) and issubclass(model, nn.Module):
        return NetworkEstimator(model)
    if isinstance(model, BaseEstimator):
        return FeatureEstimator(model, summed_image)
    if isinstance(model, type) or not hasattr(model, "fit"):
        raise TypeError(
            f"a model is {reprlib.repr(model)}; give an estimator, as NetworkEstimator(Network), "
            "the class of a network, or a classifier of scikit-learn that is made, as SVC()"
        )
    return model


def logistic_regression(features: Features, C: float = 1.0) -> FeatureEstimator:
    """Return a logistic regression on standardised features; ``C`` has scikit-learn's meaning.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> from ..models.ordinary import summed_image
        >>> data = load_pokerdvs(source="simulated")
        >>> logistic_regression(summed_image).fit(data.train).predict(data.test).shape
        (20,)
    """
    regression = make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=2000))
    return FeatureEstimator(regression, features)


def refuse_too_long(
    recordings: Recordings, time_window: float, batch_size: int, hidden_size: int | None = None
) -> None:
    """Refuse a recording that is so long that a batch with it doesn't fit into the memory.

    In a batch all are as long as the longest. For each neuron, step and recording of it, training
    keeps a number of 4 bytes at least: FastSNN needs 4.2 bytes in all, other networks more.

    Args:
        recordings: Those to train on or to ask about.
        time_window: Width of a time bin in µs.
        batch_size: Recordings per batch.
        hidden_size: Neurons of the network. Default: ``HIDDEN_SIZE``.

    Raises:
        ValueError: A batch with the longest recording needs more memory than is free.
    """
    durations = [float(events["t"][-1]) for events in recordings.events]
    longest = int(np.argmax(durations))
    steps = durations[longest] / time_window
    batch = min(batch_size, len(recordings))
    name = recordings.classes[recordings.targets[longest]]
    seconds = durations[longest] / 1e6
    check_memory(
        4 * batch * steps * (hidden_size or HIDDEN_SIZE),
        f"batches with recording {longest}, of {name}, which lasts {seconds:,.0f} s,",
        "cut recordings by --window-ms, or leave that one out",
    )
