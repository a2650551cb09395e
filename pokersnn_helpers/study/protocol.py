"""The protocol that all models go through: estimators, folds that keep groups apart, intervals.

An estimator has two methods, as in scikit-learn: ``fit(recordings, seed)`` learns and returns the
estimator, and ``predict(recordings)`` returns an index of a class for each recording, or -1 for no
answer. To compare a network of your own with a simple model::

    models = {"sum": logistic_regression(summed_image), "mine": NetworkEstimator(MyNetwork)}
    trained = cross_validate(models, recordings, groups)
    bootstrap_interval(trained["mine"].correct(recordings), groups)
"""

import os
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from copy import deepcopy
from dataclasses import asdict, dataclass
from functools import cache, partial
from numbers import Integral
from threading import Thread
from typing import Any

import numpy as np
from joblib import Parallel, delayed, parallel_config
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from ..checks import check_groups, check_numbers
from ..classifier import Classifier
from ..fast import FastSNN
from ..frames import make_loader
from ..networks import FrameNetwork
from ..recipe import Recipe
from ..recordings import Recordings, fold_indices
from ..training import History, evaluate, progress_hidden, train_classifier

Features = Callable[[Recordings], np.ndarray]
Perturbation = Callable[[Recordings], Recordings]
# What networks are trained by, whatever the recordings: stored measurements depend on it.
BOOK_RECIPE = asdict(Recipe())
del BOOK_RECIPE["network"], BOOK_RECIPE["surrogate_slope"]


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

    def __init__(self, network: Callable[..., FrameNetwork] = FastSNN, **recipe: Any):
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
            recordings, seed, "cpu", network=self.make, **recipe
        )
        return self

    def predict(self, recordings: Recordings) -> np.ndarray:
        """Return the index of a class for each recording, or -1 where there is no answer."""
        network = self.network
        loader = make_loader(recordings, 64, network.time_window, sparse=network.takes_sparse)
        return evaluate(self.classifier, loader, "cpu").predicted.numpy()


@dataclass
class FeatureEstimator:
    """Trains a classifier of scikit-learn on numbers that are computed from each recording.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> from pokersnn_helpers.study.models import summed_image
        >>> data = load_pokerdvs(source="simulated")
        >>> sums = FeatureEstimator(LogisticRegression(max_iter=2000), summed_image).fit(data.train)
        >>> sums.predict(data.test).shape
        (20,)
    """

    model: Any
    features: Features

    def fit(self, recordings: Recordings, seed: int = 0) -> "FeatureEstimator":
        """Train the model anew; nothing in it is random."""
        self.model = clone(self.model).fit(self.features(recordings), recordings.targets)
        return self

    def predict(self, recordings: Recordings) -> np.ndarray:
        """Return indices of classes."""
        return self.model.predict(self.features(recordings))


@dataclass
class PerturbedEstimator:
    """Changes recordings in the same way before an estimator learns from them or classifies them.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> from pokersnn_helpers.study.models import summed_image
        >>> from pokersnn_helpers.study.perturbations import merge_polarities
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

    def predict(self, recordings: Recordings) -> np.ndarray:
        """Return indices of classes."""
        return self.estimator.predict(self.perturb(recordings))


def logistic_regression(features: Features, C: float = 1.0) -> FeatureEstimator:
    """Return a logistic regression on standardised features; ``C`` has scikit-learn's meaning.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> from pokersnn_helpers.study.models import summed_image
        >>> data = load_pokerdvs(source="simulated")
        >>> logistic_regression(summed_image).fit(data.train).predict(data.test).shape
        (20,)
    """
    regression = make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=2000))
    return FeatureEstimator(regression, features)


@dataclass(frozen=True)
class CrossValidated:
    """The copies of an estimator that were trained without each fold in turn, once per seed.

    Attributes:
        runs: For each seed and fold, the trained copy and the indices of the recordings that it
            hasn't seen.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> from pokersnn_helpers.study.models import summed_image
        >>> data = load_pokerdvs(source="simulated")
        >>> models = {"sum": logistic_regression(summed_image)}
        >>> trained = cross_validate(models, data.train, range(48), seeds=(0, 1))
        >>> trained["sum"].correct(data.train).shape
        (2, 48)
    """

    runs: list[list[tuple[Any, np.ndarray]]]

    def correct(self, recordings: Recordings) -> np.ndarray:
        """Say which recordings are classified correctly by the copy that hasn't seen them.

        Args:
            recordings: Those that ``cross_validate`` was given, or the same after a change.

        Returns:
            True for each correct answer, of shape (seeds, recordings).

        Raises:
            ValueError: These are more or fewer recordings than those of ``cross_validate``, or
                an estimator doesn't predict one class for each.
        """
        correct = np.zeros((len(self.runs), len(recordings)), dtype=bool)
        targets = np.array(recordings.targets)
        for row, folds in zip(correct, self.runs, strict=True):
            number = sum(len(held_out) for _, held_out in folds)
            if number != len(recordings):
                raise ValueError(
                    f"recordings are {len(recordings)}, but the folds hold out {number}"
                )
            for estimator, held_out in folds:
                predicted = np.asarray(estimator.predict(recordings.subset(held_out)))
                if predicted.shape != held_out.shape:
                    raise ValueError(
                        f"{estimator!r} predicted an array of shape {predicted.shape}; "
                        "return the index of a class for each recording"
                    )
                row[held_out] = predicted == targets[held_out]
        return correct


def cross_validate(
    models: Mapping[Any, Any],
    recordings: Recordings,
    groups: Sequence[int],
    *,
    folds: int = 3,
    seeds: Sequence[int] = (0,),
    processes: int = 1,
    progress: str | None = None,
) -> dict[Any, CrossValidated]:
    """Train copies of every estimator without each fold in turn.

    Args:
        models: The estimators to train, by name.
        recordings: All recordings, which are divided into folds.
        groups: A number for each recording. The recordings of a group stay in one fold.
        folds: The number of folds.
        seeds: There is one run per seed, which determines its folds and initial weights.
        processes: How many models train at the same time. The result doesn't depend on it.
        progress: The title of a progress bar. Default: there is no bar.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs131
        >>> from pokersnn_helpers.study.models import summed_image
        >>> everything = load_pokerdvs131(source="simulated")
        >>> models, groups = {"sum": logistic_regression(summed_image)}, everything.table["pass"]
        >>> trained = cross_validate(models, everything.recordings, groups)
        >>> trained["sum"].correct(everything.recordings).shape  # seeds, recordings
        (1, 131)
    """
    splits = [fold_indices(recordings, folds, groups, seed) for seed in seeds]
    # The last models train for longest. Started first, none of them keeps a process waiting.
    jobs = {
        (name, run, fold): partial(_fit, estimator, recordings.subset(learned), seeds[run])
        for name, estimator in reversed(list(models.items()))
        for run, split in enumerate(splits)
        for fold, (learned, _) in enumerate(split)
    }
    trained = dict(in_parallel(jobs, processes, progress))
    return {
        name: CrossValidated(
            [
                [(trained[name, run, fold], held_out) for fold, (_, held_out) in enumerate(split)]
                for run, split in enumerate(splits)
            ]
        )
        for name in models
    }


def _fit(estimator: Any, recordings: Recordings, seed: int) -> Any:
    return deepcopy(estimator).fit(recordings, seed)


def in_parallel(
    jobs: Mapping[Any, Callable[[], Any]], processes: int = 1, progress: str | None = None
) -> Generator[tuple[Any, Any]]:
    """Yield the name of each job and what it returned, as soon as it is done.

    Args:
        jobs: Functions that can be pickled, by name. They are started in this order.
        processes: How many jobs run at the same time, each on one thread.
        progress: The title of a progress bar. Default: there is no bar.

    Raises:
        ValueError: ``processes`` isn't a whole number greater than 0.
        RuntimeError: A process that worked was ended from outside.

    Example:
        >>> dict(in_parallel({"a": lambda: 1, "b": lambda: 2}))
        {'a': 1, 'b': 2}
    """
    check_numbers(Integral, processes=processes)
    workers = min(processes, len(jobs)) or 1
    with parallel_config("loky", inner_max_num_threads=1):
        # Large arrays are copied: a job is the same, for a cache too, in this process and others.
        parallel = Parallel(workers, return_as="generator_unordered", max_nbytes=None)
    work = delayed(_work)
    results = parallel(work(name, job, os.getpid()) for name, job in jobs.items())
    hidden = {} if progress else {"disable": True}  # disable=False would overrule TQDM_DISABLE
    try:
        yield from tqdm(results, progress, len(jobs), unit="model", **hidden)
    except BrokenExecutor:
        raise RuntimeError(
            "a process that trained was ended from outside, most likely since memory ran out; "
            "close other programs, or choose fewer processes"
        ) from None


def _work(name: Any, job: Callable[[], Any], parent: int) -> tuple[Any, Any]:
    """Work alike in any process: on one thread, and without a progress bar of its own."""
    if os.getpid() != parent:
        _end_with(parent)
    with threadpool_limits(1), progress_hidden():
        return name, job()


@cache
def _end_with(parent: int) -> None:
    """Let this process end when the one that began it has ended, in whatever way."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def bootstrap_interval(
    correct: np.ndarray, groups: Sequence[int], lowest: float = 0
) -> tuple[float, float]:
    """Return a 95 % interval for the accuracy, if groups of recordings were drawn anew.

    The recordings of a group aren't independent, so whole groups are drawn, with replacement
    (cluster bootstrap: Davison and Hinkley 1997, section 3.8). If all answers are correct, or all
    are wrong, this interval would have no width. It then ends at the exact bound for n groups
    without an exception, 1 - 0.025^(1/n) away (Clopper and Pearson 1934), which is wider than the
    interval after a single error.

    Args:
        correct: Whether each recording was classified correctly, of shape (recordings,) or
            (seeds, recordings), over which the mean is taken. For a difference between two
            models, by how much the first is better, from -1 to 1.
        groups: The group of each recording.
        lowest: The lowest possible value: 0 for an accuracy, -1 for a difference.

    Raises:
        ValueError: There isn't a group for each recording, or a number lies beyond -1 to 1.

    Example:
        >>> low, high = bootstrap_interval(np.ones(131, dtype=bool), np.arange(131) % 26)
        >>> round(low, 3), high
        (0.868, 1.0)
    """
    rates = np.atleast_2d(correct).mean(axis=0)
    if not (np.abs(rates) <= 1).all():
        raise ValueError("correct holds numbers beyond -1 to 1; give truth values or shares")
    numbers = check_groups(groups, len(rates))
    sums = np.bincount(numbers, rates)
    sizes = np.bincount(numbers)
    count = len(sizes)
    alike = rates[0] in (-1, 0, 1) and (rates == rates[0]).all()
    if alike or count == 1:  # from one group alone, hardly anything follows
        width = 1 - 0.025 ** (1 / count)
        ends = rates.mean() + np.array([-width, width])
    else:
        drawn = np.random.default_rng(0).integers(count, size=(2000, count))
        accuracies = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
        ends = np.quantile(accuracies, [0.025, 0.975])
    low, high = ends.clip(lowest, 1).tolist()
    return low, high
