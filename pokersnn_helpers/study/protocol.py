"""The protocol that all models go through: estimators, folds that keep groups apart, intervals.

An estimator has two methods, as in scikit-learn: ``fit(recordings, seed)`` learns and returns the
estimator, and ``predict(recordings)`` returns an index of a class for each recording, or -1 for no
answer. To compare a network of your own with a simple model::

    models = {"sum": logistic_regression(summed_image), "mine": NetworkEstimator(MyNetwork)}
    trained = cross_validate(models, recordings, groups)
    bootstrap_interval(trained["mine"].correct(recordings), groups)
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Any
from unittest.mock import patch

import numpy as np
from joblib.externals.loky import get_reusable_executor
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from tqdm import tqdm, trange

from .. import training
from ..checks import check_groups, check_numbers
from ..classifier import Classifier
from ..fast import FastSNN
from ..frames import make_loader
from ..networks import FrameNetwork
from ..recordings import Recordings, fold_indices
from ..training import History, evaluate, train_classifier

Features = Callable[[Recordings], np.ndarray]
Perturbation = Callable[[Recordings], Recordings]
BY_FRAME = {"learning_rate": 0.002}  # of networks with an ordinary layer; ``benchmarks trials``


class NetworkEstimator:
    """Trains a network on the CPU by the book's recipe, or with what is changed in it.

    Args:
        network: As for ``train_classifier``.
        recipe: What to change: further arguments of ``train_classifier``.

    Attributes:
        classifier: The trained classifier.
        history: Loss and accuracy of its training.

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
        self.make, self.recipe = network, recipe

    @property
    def network(self) -> Any:
        """The trained network."""
        return self.classifier.snn

    def fit(self, recordings: Recordings, seed: int = 0) -> "NetworkEstimator":
        """Train a new network; the seed fixes all that is random."""
        self.classifier, self.history = train_classifier(
            recordings, seed, "cpu", network=self.make, **self.recipe
        )
        return self

    def predict(self, recordings: Recordings) -> np.ndarray:
        """Return indices of classes, -1 for no answer."""
        sparse, width = self.network.takes_sparse, self.network.time_window
        loader = make_loader(recordings, 64, width, sparse=sparse)
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
    """Changes what an estimator learns from, and what it is asked about, in the same way.

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
    """Return a logistic regression on standardised features; ``C`` is that of scikit-learn.

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
    """An estimator that was trained without each fold in turn, once per seed.

    Attributes:
        runs: For each seed and fold, the estimator, and the indices of the recordings held out.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> from pokersnn_helpers.study.models import summed_image
        >>> data = load_pokerdvs(source="simulated")
        >>> models = {"sum": logistic_regression(summed_image)}
        >>> found = cross_validate(models, data.train, range(48), seeds=(0, 1))
        >>> found["sum"].correct(data.train).shape
        (2, 48)
    """

    runs: list[list[tuple[Any, np.ndarray]]]

    def correct(self, recordings: Recordings) -> np.ndarray:
        """Say which recordings were classified correctly, each by an estimator without it.

        Args:
            recordings: Those of ``cross_validate``, or the same after a change.

        Returns:
            Of shape (seeds, recordings), bool.

        Raises:
            ValueError: These are more or fewer recordings than those of ``cross_validate``, or
                an estimator doesn't predict one class for each.
        """
        correct = np.zeros((len(self.runs), len(recordings)), dtype=bool)
        for row, folds in zip(correct, self.runs, strict=True):
            asked = sum(len(held_out) for _, held_out in folds)
            if asked != len(recordings):  # not as if others had been asked about
                raise ValueError(
                    f"recordings are {len(recordings)}, but the folds hold out {asked}"
                )
            for estimator, held_out in folds:
                some = recordings.subset(held_out)
                predicted = np.asarray(estimator.predict(some))
                if predicted.shape != held_out.shape or predicted.dtype.kind not in "iu":
                    answer = f"{estimator!r} predicted {predicted.dtype} of shape {predicted.shape}"
                    raise ValueError(f"{answer}; return an index of a class for each recording")
                row[held_out] = predicted == some.targets
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
        models: By name.
        recordings: All of them.
        groups: A number for each recording; a group stays in one fold.
        folds: How many.
        seeds: Each fixes the folds and the initial weights of a run.
        processes: How many train at the same time. The result doesn't depend on it.
        progress: What a progress bar is called. Default: there is none.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs131
        >>> from pokersnn_helpers.study.models import summed_image
        >>> everything = load_pokerdvs131(source="simulated")
        >>> models, groups = {"sum": logistic_regression(summed_image)}, everything.table["pass"]
        >>> trained = cross_validate(models, everything.recordings, groups)
        >>> trained["sum"].correct(everything.recordings).shape  # seeds, recordings
        (1, 131)
    """
    if len(seeds) == 0:
        raise ValueError("seeds is empty; give at least one")
    splits = [fold_indices(recordings, folds, groups, seed) for seed in seeds]
    jobs = [
        partial(_fit, estimator, recordings, learned, seed)
        for estimator in models.values()
        for seed, split in zip(seeds, splits, strict=True)
        for learned, _ in split
    ]
    # The last models train for longest. Started first, none of them keeps a process waiting.
    found = dict(in_parallel(jobs[::-1], processes, progress))
    trained = (found[number] for number in reversed(range(len(jobs))))
    return {
        name: CrossValidated(
            [[(next(trained), held_out) for _, held_out in split] for split in splits]
        )
        for name in models
    }


def _fit(estimator: Any, recordings: Recordings, learned: np.ndarray, seed: int) -> Any:
    return deepcopy(estimator).fit(recordings.subset(learned), seed)


def in_parallel(
    jobs: Sequence[Callable[[], Any]], processes: int = 1, progress: str | None = None
) -> Iterator[tuple[int, Any]]:
    """Yield the number of each job and what it returned, as soon as it is done.

    This process is one of them, since another one takes half a gigabyte before it does anything.
    It begins with the last job, and the others begin with the first.

    Args:
        jobs: Functions that can be pickled.
        processes: How many work at the same time.
        progress: What a progress bar is called. Default: there is none.

    Raises:
        ValueError: ``processes`` isn't a whole number greater than 0.

    Example:
        >>> dict(in_parallel([lambda: "a", lambda: "b"]))
        {1: 'b', 0: 'a'}
    """
    check_numbers(Integral, processes=processes)
    left, futures, others = dict(enumerate(jobs)), {}, min(processes, len(jobs)) - 1
    if others:
        alone = {"TQDM_DISABLE": "1", "OMP_NUM_THREADS": "1"}
        executor = get_reusable_executor(others, timeout=10, env=alone)  # s, once idle
        futures = {number: executor.submit(job) for number, job in left.items()}
    hidden = {} if progress else {"disable": True}  # disable=False would overrule TQDM_DISABLE
    try:
        with tqdm(desc=progress, total=len(jobs), unit="model", **hidden) as bar:
            while left:
                number = next((n for n in left if others and futures[n].done()), None)
                if number is None:
                    free = (n for n in reversed(left) if not others or futures[n].cancel())
                    if (number := next(free, None)) is not None:
                        found = _here(jobs[number])
                    else:  # the others are at work on all that is left
                        wait([futures[n] for n in left], return_when=FIRST_COMPLETED)
                        continue
                else:
                    found = futures[number].result()
                del left[number]
                bar.update()
                yield number, found
    except BaseException:
        if others:
            executor.shutdown(kill_workers=True)
        raise


def _here(job: Callable[[], Any]) -> Any:
    """Work as another process would: on one thread, and without a progress bar."""
    with threadpool_limits(1), patch.object(training, "trange", partial(trange, disable=True)):
        return job()


def bootstrap_interval(correct: np.ndarray, groups: Sequence[int]) -> tuple[float, float]:
    """Return a 95 % interval for the accuracy, if groups of recordings were drawn anew.

    The recordings of a group aren't independent, so whole groups are drawn, with replacement
    (cluster bootstrap: Davison and Hinkley 1997, section 3.8). Without any error, or only errors,
    that would leave no width. Then the bound is the exact one for n groups without an exception,
    1 - 0.025^(1/n) away (Clopper and Pearson 1934), which is wider than after a single error.

    Args:
        correct: Whether each recording was classified correctly, of shape (recordings,), or
            (seeds, recordings), which are averaged.
        groups: The group of each recording.

    Raises:
        ValueError: There isn't a group for each recording.

    Example:
        >>> low, high = bootstrap_interval(np.ones(131, dtype=bool), np.arange(131) % 26)
        >>> round(low, 3), high
        (0.868, 1.0)
    """
    return _interval(correct, groups, lowest=0)


def difference_interval(
    first: np.ndarray, second: np.ndarray, groups: Sequence[int]
) -> tuple[float, float, float]:
    """Return how much more accurate a model is than another, and the ends of a 95 % interval.

    With the models exchanged, all three change their sign.

    Args:
        first: As ``correct`` of ``bootstrap_interval``.
        second: The same recordings, classified by the other model.
        groups: As for ``bootstrap_interval``.

    Example:
        >>> better, worse = np.arange(100) < 90, np.arange(100) < 80
        >>> [round(float(each), 2) for each in difference_interval(better, worse, np.arange(100))]
        [0.1, 0.05, 0.16]
    """
    difference = np.mean(np.atleast_2d(first), axis=0) - np.mean(np.atleast_2d(second), axis=0)
    return float(difference.mean()), *_interval(difference, groups, -1)


def _interval(correct: np.ndarray, groups: Sequence[int], lowest: float) -> tuple[float, float]:
    """Draw groups anew; the ends lie from ``lowest`` to 1."""
    rates = np.asarray(correct)
    numeric = rates.dtype.kind in "biuf" and (np.abs(rates * 1.0) <= 1).all()
    if rates.ndim not in (1, 2) or rates.size == 0 or not numeric:
        about = f"correct has shape {rates.shape} and type {rates.dtype}"
        raise ValueError(
            f"{about}; give truth values or shares, (recordings,) or (seeds, recordings)"
        )
    rates = rates.reshape(-1, rates.shape[-1]).mean(axis=0)
    numbers = check_groups(groups, len(rates))
    sums, sizes = np.bincount(numbers, rates), np.bincount(numbers)
    alike = (rates == rates[0]).all() and rates[0] in (-1, 0, 1)
    if alike or len(sizes) == 1:  # from one group alone, hardly anything follows
        width = 1 - 0.025 ** (1 / len(sizes))
        ends = rates.mean() + np.array([-width, width])
    else:
        drawn = np.random.default_rng(0).integers(len(sizes), size=(2000, len(sizes)))
        accuracies = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
        ends = np.quantile(accuracies, [0.025, 0.975])
    low, high = ends.clip(lowest, 1).tolist()
    return low, high
