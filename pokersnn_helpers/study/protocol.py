"""The protocol that all models go through: evidence, estimators, and intervals.

``Evidence`` holds recordings and the group of each, and hands them out in trials: each says what
to learn from, what to choose by and, once, what to test on. No group is in two of these parts.

An estimator has two methods, as in scikit-learn: ``fit(recordings, seed)`` learns and returns the
estimator, and ``predict(recordings)`` returns an index of a class for each recording, or -1 for no
answer. To compare a network of your own with a simple model::

    models = {"sum": logistic_regression(summed_image), "mine": NetworkEstimator(MyNetwork)}
    trained = cross_validate(models, recordings, groups)
    bootstrap_interval(trained["mine"].correct(recordings), groups)
"""

import math
import multiprocessing
import os
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from copy import copy, deepcopy
from dataclasses import asdict, dataclass
from functools import cache, partial
from hashlib import blake2b
from itertools import combinations
from numbers import Integral
from threading import Thread
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, parallel_config
from scipy.stats import t as student
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


class Evidence:
    """Recordings, and for each the group that it was recorded in, such as a person or a session.

    Args:
        recordings: The recordings.
        groups: The group of each recording. Default: each is a group of its own, whose name is a
            digest of its events, so that copies of a recording are of one group.
        numbers: The number of each recording in the evidence that this is a part of. Default: it is
            no part.

    Attributes:
        recordings: As given.
        groups: As given, (recordings,).
        numbers: As given, (recordings,).

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> from pokersnn_helpers.study.models import summed_image
        >>> evidence = Evidence(load_pokerdvs(source="simulated").train)
        >>> trial = evidence.folds(3)[0]
        >>> sums = logistic_regression(summed_image).fit(trial.learn.recordings)
        >>> trial.test(lambda held_out: sums.predict(held_out.recordings)).shape
        (16,)
    """

    def __init__(
        self,
        recordings: Recordings,
        groups: Sequence[Any] | np.ndarray | None = None,
        numbers: np.ndarray | None = None,
    ):
        self.recordings = recordings
        self.groups: Any = np.asarray(_digests(recordings) if groups is None else groups)
        self.numbers = np.arange(len(recordings)) if numbers is None else numbers
        check_groups(self.groups.tolist(), len(recordings))

    def subset(self, indices: Sequence[int] | np.ndarray) -> "Evidence":
        """Return a part, as ``Recordings.subset`` does."""
        chosen = np.asarray(indices, dtype=int)
        recordings = self.recordings.subset(chosen)
        return Evidence(recordings, self.groups[chosen], self.numbers[chosen])

    def folds(self, folds: int = 3, seed: int = 0) -> list["Trial"]:
        """Return a trial per fold, in which that fold tests; as ``stratified_folds`` divides."""
        return [
            Trial(self.subset(learned), self.subset(held_out))
            for learned, held_out in fold_indices(self.recordings, folds, self.groups, seed)
        ]

    def without(self, *groups: Any) -> "Trial":
        """Return the trial in which these groups test, and all others are learned from."""
        tested = np.isin(self.groups, groups)
        return Trial(self.subset(np.flatnonzero(~tested)), self.subset(np.flatnonzero(tested)))

    def hold_out(self, folds: int = 4) -> "Trial":
        """Return a trial in which about one of so many groups of each class tests.

        Where a class has as many groups left, one of so many of these is there to choose by.
        """
        rest, tested = map(self.subset, self._hold_out(folds))
        if rest.groups_per_class() < folds:
            return Trial(rest, tested)
        learned, chosen_by = map(rest.subset, rest._hold_out(folds))
        return Trial(learned, tested, chosen_by)

    def groups_per_class(self) -> int:
        """Return how many groups the class has that has the fewest."""
        return pd.Series(self.groups).groupby(self.recordings.targets).nunique().min()

    def _hold_out(self, folds: int) -> tuple[np.ndarray, np.ndarray]:
        """Choose what is left and what is held out: of folds, the one that holds most classes."""
        folds = min(folds, self.groups_per_class())
        targets = np.asarray(self.recordings.targets)
        if len(np.unique(self.groups)) < len(self.groups):
            pairs = fold_indices(self.recordings, folds, self.groups)
            return max(pairs, key=lambda pair: len(set(targets[pair[1]])))  # the first, if all do
        # Without groups one in so many will do: folds of 20,000 take a minute.
        number = pd.Series(targets).groupby(targets).cumcount()
        held_out = number % folds == folds - 1
        return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _digests(recordings: Recordings) -> list[str]:
    return [blake2b(events.tobytes(), digest_size=8).hexdigest() for events in recordings.events]


class Trial:
    """What may be learned from and chosen by, and a test that is looked at once, at the end.

    Args:
        learn: What models learn from.
        test: What they are tested on.
        choose: What settings, epochs and thresholds may be chosen by, besides inner folds of
            ``learn``. Default: nothing.

    Raises:
        ValueError: A group is in two of these parts.
        RuntimeError: Something is learned or chosen, or the test looked at, after the test.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> trial = Evidence(load_pokerdvs(source="simulated").train).hold_out()
        >>> len(trial.learn.recordings), len(trial.choose.recordings)
        (28, 8)
        >>> trial.test(lambda held_out: len(held_out.recordings))
        12
    """

    def __init__(self, learn: Evidence, test: Evidence, choose: Evidence | None = None):
        self._learn = learn
        self._choose = choose
        self._test = test
        self._tested = False
        parts = {"learn from": learn, "choose by": choose, "test on": test}
        given = [(use, part) for use, part in parts.items() if part]
        for (use, part), (other_use, other) in combinations(given, 2):
            shared = np.intersect1d(part.groups, other.groups)
            if len(shared):
                raise ValueError(
                    f"group {shared[0]} is among what to {use} and among what to {other_use}; "
                    "each group may be in one of them"
                )

    @property
    def learn(self) -> Evidence:
        """What to learn from; its inner folds may be chosen by."""
        self._check_untested()
        return self._learn

    @property
    def choose(self) -> Evidence | None:
        """What to choose by, if there is something beside inner folds."""
        self._check_untested()
        return self._choose

    def test(self, ask: Callable[[Evidence], Any]) -> Any:
        """Return what a function returns of the recordings to test on, for the only time.

        What has been learned and chosen is frozen: nothing more is handed out afterwards. All that
        is asked, of changed copies of these recordings, too, is asked by this one function.
        """
        self._check_untested()
        self._tested = True
        return ask(self._test)

    def _check_untested(self) -> None:
        if self._tested:
            raise RuntimeError(
                "this trial's test has been looked at; learn and choose before, and ask all in one "
                "call of test"
            )


@dataclass(frozen=True)
class CrossValidated:
    """The copies of an estimator that were trained without each fold in turn, once per seed.

    Attributes:
        runs: For each seed and fold, the trained copy and the indices of the recordings that it
            hasn't seen. Its trial is over, so nothing more is chosen by them.

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
    evidence = Evidence(recordings, groups)
    trials = [evidence.folds(folds, seed) for seed in seeds]
    # The last models train for longest. Started first, none of them keeps a process waiting.
    jobs = {
        (name, run, fold): partial(_fit, estimator, copy(trial), seeds[run])
        for name, estimator in reversed(list(models.items()))
        for run, of_seed in enumerate(trials)
        for fold, trial in enumerate(of_seed)
    }
    trained = dict(in_parallel(jobs, processes, progress))
    return {
        name: CrossValidated(
            [[trained[name, run, fold] for fold in range(folds)] for run in range(len(seeds))]
        )
        for name in models
    }


def _fit(estimator: Any, trial: Trial, seed: int) -> tuple[Any, np.ndarray]:
    """Return a copy of an estimator that has learned, and which recordings it hasn't seen."""
    trained = deepcopy(estimator).fit(trial.learn.recordings, seed)
    return trained, trial.test(lambda held_out: held_out.numbers)


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
    hidden = {} if progress else {"disable": True}  # disable=False would overrule TQDM_DISABLE
    results = _by_processes(jobs, workers) if workers > 1 and _locks() else _one_by_one(jobs)
    yield from tqdm(results, progress, len(jobs), unit="model", **hidden)


def _locks() -> bool:
    """Say whether processes can share locks here, and warn if they can't."""
    try:
        multiprocessing.Lock()
    except (ImportError, OSError) as error:
        warnings.warn(
            f"processes can't share memory here ({error}), so one does all of the work; "
            "a container may need /dev/shm",
            stacklevel=4,
        )
        return False
    return True


def _one_by_one(jobs: Mapping[Any, Callable[[], Any]]) -> Iterator[tuple[Any, Any]]:
    for name, job in jobs.items():
        with threadpool_limits(1), progress_hidden():
            result = job()
        yield name, result


def _by_processes(jobs: Mapping[Any, Callable[[], Any]], workers: int) -> Iterator[tuple[Any, Any]]:
    with parallel_config("loky", inner_max_num_threads=1):
        # Large arrays are copied, since memory that processes share may be small.
        parallel = Parallel(workers, return_as="generator_unordered", max_nbytes=None)
    work = delayed(_work)
    try:
        yield from parallel(work(name, job, os.getpid()) for name, job in jobs.items())
    except BrokenExecutor:
        raise RuntimeError(
            "a process that trained was ended from outside, most likely since memory ran out; "
            "close other programs, or choose fewer processes"
        ) from None


def _work(name: Any, job: Callable[[], Any], parent: int) -> tuple[Any, Any]:
    """Work in a process that ends with its parent, on one thread and without a progress bar."""
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
    (cluster bootstrap: Davison and Hinkley 1997, section 3.8). Where all groups agree, as when all
    answers are correct, this interval would have no width. It then ends at the exact bound for n
    groups without an exception, 1 - 0.025^(1/n) away (Clopper and Pearson 1934), which is wider
    than the interval after a single error.

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
    if np.allclose(
        sums / sizes, rates.mean()
    ):  # also one group, from which hardly anything follows
        width = 1 - 0.025 ** (1 / count)
        ends = rates.mean() + np.array([-width, width])
    else:
        drawn = np.random.default_rng(0).integers(count, size=(2000, count))
        accuracies = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
        ends = np.quantile(accuracies, [0.025, 0.975])
    low, high = ends.clip(lowest, 1).tolist()
    return low, high


class Difference(NamedTuple):
    """By how much a model is more accurate than another.

    Attributes:
        mean: From -1 to 1.
        low: The lower end of its interval.
        high: The upper end.

    Example:
        >>> Difference(mean=0.1, low=-0.02, high=0.22).low < 0
        True
    """

    mean: float
    low: float
    high: float


def paired_difference(
    first: np.ndarray,
    second: np.ndarray,
    groups: Sequence[Any],
    models: int = 1,
    within: bool = False,
) -> Difference:
    """Return by how much a model, the best of some, is more accurate than another, and an interval.

    It is that of Student's t for groups of recordings, as wide as the interval of a single model is
    at 100 − 5 / ``models`` % (Bonferroni), since the best of several is ahead by chance more often.
    Unlike a bootstrap, it holds its level with few groups, too, and with groups of unequal size:
    a group's deviation counts more the larger the group is, and degrees of freedom are fewer (CR2
    and Satterthwaite's: Pustejovsky and Tipton 2018, doi:10.1080/07350015.2016.1247004). Groups
    that agree by chance aren't certainty: the error is at least that of independent recordings, and
    the interval at least as wide as the exact one for n recordings without an exception (Clopper
    and Pearson 1934), or, where the difference is the same for all of them, for n groups.

    Args:
        first: Whether each recording was classified correctly, (recordings,).
        second: The same recordings, classified by the other model.
        groups: The group of each recording.
        models: How many the first one is the best of.
        within: Ask about other recordings of these groups, and not about new groups.

    Example:
        >>> better, worse = np.arange(100) < 90, np.arange(100) < 80
        >>> [round(share, 2) for share in paired_difference(better, worse, range(100), models=3)]
        [0.1, 0.03, 0.17]
    """
    difference = np.subtract(first, second, dtype=float)
    recordings = len(difference)
    numbers = check_groups(groups, recordings)
    sizes = np.bincount(numbers)
    mean = difference.mean()
    deviations = difference - mean
    error = math.sqrt((deviations**2).sum()) / recordings
    if within:
        of_groups = np.bincount(numbers, difference) / sizes
        unbiased = (sizes / (sizes - 1).clip(1))[numbers]
        error = math.sqrt((unbiased * (difference - of_groups[numbers]) ** 2).sum()) / recordings
        units, freedom = recordings, float(recordings - len(sizes))
    else:
        by_group = np.bincount(numbers, deviations)
        weights = (1 - sizes / recordings).clip(1e-9)
        error = max(error, math.sqrt((by_group**2 / weights).sum()) / recordings)
        units, freedom = len(sizes), degrees_of_freedom(sizes)
    tail = 0.025 / models
    width = 1 - tail ** (1 / (recordings if error else units))
    if error:
        width = max(width, student.ppf(1 - tail, freedom) * error) if freedom > 0 else 1.0
    mean, low, high = np.clip([mean, mean - width, mean + width], -1, 1).tolist()
    return Difference(mean, low, high)


def degrees_of_freedom(sizes: np.ndarray) -> float:
    """Return Satterthwaite's, of a mean over groups: one less than there are if all are equal.

    Args:
        sizes: How many recordings each group has.

    Example:
        >>> degrees_of_freedom(np.array([4, 4, 4]))
        2.0
    """
    if len(sizes) == 1:
        return 0.0
    shares = sizes / sizes.sum()
    adjusted = shares * sizes / (1 - shares).clip(1e-9)
    of_pairs = adjusted.sum() ** 2 - (adjusted**2).sum()
    return float(sizes.sum() ** 2 / ((sizes**2).sum() + of_pairs))
