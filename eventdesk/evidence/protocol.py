"""The protocol that all models go through: who may learn from, choose by and test on what.

``Evidence`` holds recordings and the group of each, and hands them out in trials: each says what
to learn from, what to choose by and, once, what to test on. No group is in two of these parts. To
compare a network of your own with a simple model::

    models = {"sum": logistic_regression(summed_image), "mine": NetworkEstimator(MyNetwork)}
    trained = cross_validate(models, recordings, groups)
    accuracy_interval(trained["mine"].correct(recordings), groups)
"""

from collections.abc import Callable, Mapping, Sequence
from copy import copy, deepcopy
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy import ndarray

from pokersnn_helpers.events.recordings import Recordings, check_recordings, fold_indices
from pokersnn_helpers.system.checks import check_groups, check_type, suggests_names

from .estimators import as_estimator
from .parallel import in_parallel


class Evidence:
    """Recordings, and for each the group that it was recorded in, such as a person or a session.

    Args:
        recordings: The recordings.
        groups: The group of each recording. Default: each is a group of its own, whose name is a
            digest of its events, so that copies of a recording are of one group.

    Attributes:
        recordings: As given.
        groups: As given, (recordings,).
        group_numbers: The number of each recording's group, from 0 in the order of their names.
        numbers: The number of each recording in this evidence, or in that which it is a part of.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> from .estimators import logistic_regression
        >>> from ..models.ordinary import summed_image
        >>> evidence = Evidence(load_pokerdvs(source="simulated").train)
        >>> trial = evidence.folds(3)[0]
        >>> sums = logistic_regression(summed_image).fit(trial.learn.recordings)
        >>> numbers, correct = trial.correct(sums.predict)
        >>> correct.shape
        (16,)
    """

    def __init__(self, recordings: Recordings, groups: Sequence[Any] | ndarray | None = None):
        check_recordings(recordings)
        self.recordings = recordings
        self.groups: Any = np.asarray(_digests(recordings) if groups is None else groups)
        self.group_numbers = check_groups(self.groups.tolist(), len(recordings))
        self.numbers = np.arange(len(recordings))

    def subset(self, indices: Sequence[int] | ndarray) -> "Evidence":
        """Return a part, as ``Recordings.subset`` does."""
        chosen = np.asarray(indices, dtype=int)
        part = copy(self)
        part.recordings = self.recordings.subset(chosen)
        part.groups = self.groups[chosen]
        part.group_numbers = np.unique(self.group_numbers[chosen], return_inverse=True)[1]
        part.numbers = self.numbers[chosen]
        return part

    def folds(self, folds: int = 3, seed: int = 0) -> list["Trial"]:
        """Return a trial per fold, in which that fold tests; as ``stratified_folds`` divides."""
        return [
            Trial(self.subset(learned), self.subset(held_out))
            for learned, held_out in fold_indices(self.recordings, folds, self.group_numbers, seed)
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

    def _hold_out(self, folds: int) -> tuple[ndarray, ndarray]:
        """Choose what is left and what is held out: of folds, the one that holds most classes."""
        folds = min(folds, self.groups_per_class())
        targets = np.asarray(self.recordings.targets)
        if len(np.unique(self.groups)) < len(self.groups):
            pairs = fold_indices(self.recordings, folds, self.group_numbers)
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
        for (use, part), (other_use, other) in combinations(parts.items(), 2):
            shared = {*part.groups} & {*other.groups} if part and other else set()
            if shared:
                raise ValueError(
                    f"group {min(shared)} is among what to {use} and among what to {other_use}; "
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

    def correct(self, predict: Callable[[Recordings], Any]) -> tuple[ndarray, ndarray]:
        """Say which of the recordings to test on are classified correctly, for the only time.

        The function isn't told their classes, so it can't choose by them among settings or epochs.

        Args:
            predict: Returns the index of a class for each recording, or (answers, recordings).

        Returns:
            The numbers of the recordings, and whether the answers to them are correct, as booleans
            of the shape that the function returns.

        Raises:
            ValueError: The function doesn't return an answer for each recording.
        """
        tested = self.test(lambda tested: tested)
        recordings = tested.recordings
        unlabelled = copy(recordings)
        unlabelled.targets = [0] * len(recordings)
        predicted = np.asarray(predict(unlabelled))
        if predicted.shape[-1:] != tested.numbers.shape:
            raise ValueError(
                f"{predict!r} predicted an array of shape {predicted.shape}; return an answer for "
                f"each of {len(recordings)} recordings"
            )
        return tested.numbers, predicted == recordings.targets

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
        >>> from .estimators import logistic_regression
        >>> from ..models.ordinary import summed_image
        >>> data = load_pokerdvs(source="simulated")
        >>> models = {"sum": logistic_regression(summed_image)}
        >>> trained = cross_validate(models, data.train, range(48), seeds=(0, 1))
        >>> trained["sum"].correct(data.train).shape
        (2, 48)
    """

    runs: list[list[tuple[Any, ndarray]]]

    def correct(self, recordings: Recordings) -> ndarray:
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


@suggests_names
def cross_validate(
    models: Mapping[Any, Any],
    recordings: Recordings,
    groups: Sequence[int],
    *,
    folds: int = 3,
    seeds: Sequence[int] = (0,),
    processes: int = 1,
) -> dict[Any, CrossValidated]:
    """Train copies of every estimator without each fold in turn.

    Args:
        models: The estimators to train, by name; those of scikit-learn see the summed image.
        recordings: All recordings, which are divided into folds.
        groups: A number for each recording. The recordings of a group stay in one fold.
        folds: The number of folds.
        seeds: There is one run per seed, which determines its folds and initial weights.
        processes: How many models train at the same time. The result doesn't depend on it.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs131
        >>> from .estimators import logistic_regression
        >>> from ..models.ordinary import summed_image
        >>> everything = load_pokerdvs131(source="simulated")
        >>> models, groups = {"sum": logistic_regression(summed_image)}, everything.table["pass"]
        >>> trained = cross_validate(models, everything.recordings, groups)
        >>> trained["sum"].correct(everything.recordings).shape  # seeds, recordings
        (1, 131)
    """
    check_type(models, Mapping, "models is", 'them by name, as {"mine": model}')
    evidence = Evidence(recordings, groups)
    trials = [trial for seed in seeds for trial in evidence.folds(folds, seed)]
    seed_of_trial = [seed for seed in seeds for _ in range(folds)]
    estimators = {name: as_estimator(model) for name, model in models.items()}
    trained = dict(in_parallel(jobs_of(_fit, estimators, trials, seed_of_trial), processes))
    firsts = range(0, len(trials), folds)
    return {
        name: CrossValidated(
            [[trained[name, first + fold] for fold in range(folds)] for first in firsts]
        )
        for name in models
    }


def jobs_of(
    work: Callable[..., Any],
    models: Mapping[Any, Any],
    trials: Sequence[Trial],
    seeds: Sequence[int],
) -> dict[tuple[Any, int], Callable[[], Any]]:
    """Return what ``in_parallel`` works through, by the name of a model and the number of a trial.

    Args:
        work: It is called with a model, a trial and its seed.
        models: The models by name. The last ones, which train for longest, are started first, so
            that none of them keeps a process waiting in the end.
        trials: What models learn from and are tested on.
        seeds: One for each trial.
    """
    return {
        (name, number): partial(work, model, copy(trial), seed)
        for name, model in reversed(list(models.items()))
        for number, (trial, seed) in enumerate(zip(trials, seeds, strict=True))
    }


def _fit(estimator: Any, trial: Trial, seed: int) -> tuple[Any, ndarray]:
    """Return a copy of an estimator that has learned, and which recordings it hasn't seen."""
    trained = deepcopy(estimator).fit(trial.learn.recordings, seed)
    return trained, trial.test(lambda held_out: held_out.numbers)
