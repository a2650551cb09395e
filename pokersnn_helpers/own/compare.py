"""Do recordings need time? Models with and without a memory on them, as they are and changed."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from joblib import Memory
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from ..checks import check_range
from ..networks import WHOLE
from ..recipe import AUGMENTS, choose_recipe
from ..recordings import Recordings, check_recordings, fold_indices
from ..study import models, perturbations
from ..study.protocol import (
    FeatureEstimator,
    Features,
    NetworkEstimator,
    PerturbedEstimator,
    in_parallel,
    logistic_regression,
)
from .detector import detector
from .verdict import (
    MERGED,
    PLAIN,
    REVERSED,
    SHUFFLED,
    SUMS,
    TIMED,
    UNTIMED,
    Correct,
    accuracy_table,
    judge,
)

CHANGES: dict[str, Callable[[Recordings], Recordings]] = {
    PLAIN: lambda recordings: recordings,
    SHUFFLED: perturbations.shuffled_time,
    MERGED: perturbations.merge_polarities,
}
# Models that needn't learn from changed recordings: they would see the same, or take long.
UNCHANGED = {
    SHUFFLED: UNTIMED,
    MERGED: (*SUMS[1:], *TIMED[:3]),
}
STEPS = 300  # of training; networks of the sum, which are fast, get twice as many
MIN_EPOCHS = 15
MAX_EVENTS = 10_000  # of a recording, on average; more cost time and memory, and so do pixels
MAX_PIXELS = 64  # along a side
MAX_TIME_WINDOW = 125_000  # µs: the detector's delays, up to eight bins, may last a second


class Comparison(NamedTuple):
    """What ``compare`` found.

    Attributes:
        table: A row per model: mean accuracy (0 to 1) on recordings as they are, with the ends of
            its 95 % interval, and on changed ones; ``time reversed`` is asked of models that have
            learned from recordings as they are, the others have learned from changed ones. NaN
            where a model that takes long hasn't, for polarities. The
            first four rows see what may be a shortcut: the median place of the first tenth of the
            events, the number of events and the duration, and the sums of the first and of the last
            tenth of the events.
        verdict: ``"needs time"``, ``"a frame is enough"``, ``"doesn't need time"``, ``"has a
            shortcut"``, ``"nothing to be learned"`` or ``"can't tell"``.
        sentences: Why, three of them; the last names shortcuts.

    Example:
        >>> Comparison(pd.DataFrame(), verdict="can't tell", sentences=("Too few groups.",)).verdict
        "can't tell"
    """

    table: pd.DataFrame
    verdict: str
    sentences: tuple[str, ...]


def compare(
    recordings: Recordings,
    groups: Sequence[Any],
    *,
    epochs: int | None = None,
    time_window: float | None = None,
    augment: str | None = None,
    folds: int = 3,
    processes: int = 1,
    keep: Path | None = None,
    say: Callable[[str], object] | None = None,
) -> Comparison:
    """Find out whether recordings need time, by models that see the order and others that don't.

    They need time where the best of four models that see frames is better than the best of what no
    order of events changes: three models of the sum, and those four with time shuffled. A shortcut
    is what gets more than half of the best model's lead over guessing from the start, from the end,
    or from count and duration; a start or an end also has to say more than a tenth of the events
    that is drawn at random. Models see at most 64 pixels along a side and 10,000 events of a
    recording, on average; of more, the same share of each recording is drawn.

    Args:
        recordings: All of them, at least ``folds`` groups of each class.
        groups: Who or when, for each recording; a group stays in one fold.
        epochs: Passes of each network over its training recordings. Default: as many as make 300
            steps. Networks of the sum, which are fast, get twice as many.
        time_window: Width of a time bin in µs. Default: as ``choose_recipe``.
        augment: How frames are changed in training, a name of ``AUGMENTS``. Default: as
            ``choose_recipe``.
        folds: How many.
        processes: How many models train at the same time. The result doesn't depend on it.
        keep: A folder for what is done, from which the same call goes on after it was stopped; it
            is empty again once all is done. Default: nothing is kept.
        say: Is told, before it begins, how long it takes and how much memory; such as ``print``.
            Default: nobody asks.

    Raises:
        ValueError: There are fewer than two classes or too few groups, or a number can't be used.
        KeyboardInterrupt: It was stopped. The message says what is done.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> cards = load_pokerdvs(source="simulated").test
        >>> compare(cards, range(20), folds=2, epochs=1).table.shape
        (11, 6)
    """
    check_recordings(recordings)
    if len(set(recordings.targets)) < 2:
        raise ValueError(f"{recordings} are of one class; give recordings of two or more")
    split = fold_indices(recordings, folds, groups)
    smaller = _smaller(recordings)
    learned = smaller.subset(split[0][0])
    recipe = _recipe(learned, epochs, time_window, augment)
    estimators = make_models(recipe, usual=choose_recipe(learned).time_window)

    answers = Memory(keep, verbose=0).cache(_answers)  # without a folder, nothing is kept
    # The last models train for longest. Started first, none of them keeps a process waiting.
    jobs = {
        (name, change, fold): partial(answers, estimator, change, smaller, *split[fold])
        for name, estimator in reversed(estimators.items())
        for change in CHANGES
        for fold in range(folds)
        if name not in UNCHANGED.get(change, ())
    }
    correct: Correct = {name: {} for name in estimators}
    try:
        if say:
            networks = sum(isinstance(estimators[name], NetworkEstimator) for name, *_ in jobs)
            say(_cost(estimators["SNN"], learned, networks, processes))
        for (name, _, fold), by_change in in_parallel(jobs, processes, "comparing"):
            _, held_out = split[fold]
            for change, right in by_change.items():
                unknown = np.full(len(recordings), np.nan)
                correct[name].setdefault(change, unknown)[held_out] = right
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_so_far(correct, len(jobs))) from None
    for name in UNTIMED:  # which would see the same again
        correct[name][SHUFFLED] = correct[name][PLAIN]
    answers.clear(warn=False)
    return Comparison(accuracy_table(correct, groups), *judge(correct, recordings.targets, groups))


def _smaller(recordings: Recordings) -> Recordings:
    """Draw the same share of each recording's events, and bring them to at most 64 pixels."""
    width, height, polarities = recordings.sensor_size
    block = math.ceil(max(width, height) / MAX_PIXELS)
    share = MAX_EVENTS * len(recordings) / sum(map(len, recordings.events))
    rng = np.random.default_rng(0)

    def reduce(events: np.ndarray) -> np.ndarray:
        drawn = rng.random(len(events)) < share
        drawn[[0, -1]] = True  # it begins and ends when it did
        events = events[drawn]
        return perturbations.replaced(events, x=events["x"] // block, y=events["y"] // block)

    reduced = map(reduce, recordings.events)
    size = (math.ceil(width / block), math.ceil(height / block), polarities)
    return Recordings(reduced, recordings.targets, recordings.classes, size)


def _recipe(
    recordings: Recordings, epochs: int | None, time_window: float | None, augment: str | None
) -> dict[str, Any]:
    """Return what each network learns by: as ``train``, but in fewer steps."""
    chosen = choose_recipe(recordings, time_window=time_window, augment=augment)
    check_range(1, MAX_TIME_WINDOW, time_window=chosen.time_window)
    if chosen.augment not in AUGMENTS:
        raise ValueError(f"augment is {augment!r}; choose none, shift or mirror")
    if epochs is None:
        epochs = max(MIN_EPOCHS, math.ceil(STEPS * chosen.batch_size / len(recordings)))
    return {
        "time_window": chosen.time_window,
        "augment": chosen.augment,
        "epochs": epochs,
        "batch_size": chosen.batch_size,
        "learning_rate": chosen.learning_rate,
    }


def make_models(recipe: Mapping[str, Any], usual: float) -> dict[str, Any]:
    """Make what is compared, the fastest first.

    Args:
        recipe: Arguments of ``train_classifier``.
        usual: Width of the time bins, in µs, that ``choose_recipe`` chooses.
    """
    time_window = recipe["time_window"]
    of_the_sum = {
        **recipe,
        "time_window": WHOLE,
        "epochs": 2 * recipe["epochs"],
        "learning_rate": 0.003,
        "clip_norm": None,
    }
    summed = logistic_regression(models.summed_image, C=10)
    return {
        "first events' place": PerturbedEstimator(
            _quadratic(models.median_place), perturbations.first_tenth
        ),
        "count and duration": _quadratic(models.count_and_duration),
        "first tenth": PerturbedEstimator(summed, perturbations.first_tenth),
        "last tenth": PerturbedEstimator(summed, perturbations.last_tenth),
        "the sum": summed,
        "MLP of the sum": NetworkEstimator(models.MLP, **of_the_sum),
        "CNN of the sum": NetworkEstimator(partial(models.CNN, pooled=True), **of_the_sum),
        "each frame alone": NetworkEstimator(models.FrameMLP, **recipe),
        "motion correlations": logistic_regression(
            partial(models.motion_correlations, time_window=time_window)
        ),
        "GRU": NetworkEstimator(models.GRU, clip_norm=1.0, **recipe),
        "SNN": NetworkEstimator(detector(time_window, usual), **recipe),
    }


def _quadratic(features: Features) -> FeatureEstimator:
    """Return a logistic regression on features, their squares and their products."""
    regression = LogisticRegression(C=10, max_iter=2000)
    squares = make_pipeline(StandardScaler(), PolynomialFeatures(2), StandardScaler(), regression)
    return FeatureEstimator(squares, features)


def _answers(
    estimator: Any,
    change: str,
    recordings: Recordings,
    learned: np.ndarray,
    held_out: np.ndarray,
) -> dict[str, np.ndarray]:
    """Train on changed recordings, and say which of the others are classified correctly."""
    trained = PerturbedEstimator(deepcopy(estimator), CHANGES[change])  # others begin with it, too
    trained.fit(recordings.subset(learned))
    others = recordings.subset(held_out)
    correct = {change: trained.predict(others) == others.targets}
    if change == PLAIN:
        backwards = perturbations.reversed_time(others)
        correct[REVERSED] = trained.predict(backwards) == others.targets
    return correct


def _cost(snn: NetworkEstimator, recordings: Recordings, networks: int, processes: int) -> str:
    """Train a network for an epoch, twice, and say how long all of them will take."""
    width = snn.recipe["time_window"]
    epochs = snn.recipe["epochs"]
    trial = NetworkEstimator(snn.make, **snn.recipe | {"epochs": 1})
    runs = dict.fromkeys(range(3), partial(trial.fit, recordings))
    _, start, end = (time.perf_counter() for _ in in_parallel(runs))
    minutes = math.ceil((end - start) * epochs * networks / processes / 60)
    # PyTorch, more of it with CUDA, and what a process has of events and of weights.
    events = sum(map(len, recordings.events))
    inputs = math.prod(recordings.sensor_size)
    pytorch = 0.8 if torch.version.cuda else 0.4  # GB; this process has it, too
    gigabytes = 0.1 + pytorch + processes * (pytorch + 1e-7 * events + 3e-6 * inputs)
    cost = (
        f"{networks} networks, {epochs} epochs each, bins of {width:g} µs: about {minutes} minutes "
        f"with processes={processes}, {gigabytes:.1f} GB"
    )
    if minutes > 10:
        cost += f"; less with time_window={2 * width:g}, a smaller size, fewer epochs"
    return cost


def _so_far(correct: Correct, jobs: int) -> str:
    """Say what is known of the models that have been trained without each fold."""
    lines = [
        f"{name}, {change}: {right.mean():.0%} correct"
        for name, by_change in correct.items()
        for change, right in by_change.items()
        if not np.isnan(right).any()
    ]
    return "\n".join([*lines, f"stopped before all {jobs} models were trained"])
