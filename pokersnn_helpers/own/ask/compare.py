"""Do recordings need time? Models with and without a memory on them, as they are and changed."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from copy import deepcopy
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from ...checks import check_range
from ...fast.detector import detector
from ...networks import WHOLE
from ...recipe import AUGMENTS, choose_recipe
from ...recordings import Recordings, check_recordings, fold_indices
from ...study import models, perturbations
from ...study.protocol import (
    FeatureEstimator,
    Features,
    NetworkEstimator,
    PerturbedEstimator,
    in_parallel,
    logistic_regression,
)
from ..look.inspection import find_hot_pixels
from .verdict import (
    CANNOT_TELL,
    CONTROLS,
    FEATURES,
    FINER,
    FRAME,
    MARGIN,
    NETWORKS,
    NOTHING,
    PLAIN,
    RATE,
    REVERSED,
    SHUFFLED,
    SUM_ENOUGH,
    UNIFORM,
    Correct,
    accuracy_table,
    judge,
)

CHANGES: dict[str, Callable[[Recordings], Recordings]] = {
    PLAIN: lambda recordings: recordings,
    UNIFORM: perturbations.uniform_time,
    SHUFFLED: perturbations.shuffled_time,
}
STEPS = 300  # of training; networks of the sum, which are fast, get twice as many
MIN_EPOCHS = 15
FOLDS = 3  # or as many as a class has groups
FINER_BINS = 5  # times as many, before the sum or nothing is said
MAX_EVENTS = 10_000  # of a recording, on average; more cost time and memory, and so do pixels
MAX_PIXELS = 64  # along a side
MAX_TIME_WINDOW = 125_000  # µs: the detector's delays, up to eight bins, may last a second


class Comparison(NamedTuple):
    """What ``compare`` found.

    Attributes:
        table: A row per model: mean accuracy (0 to 1) on recordings as they are, with the ends of
            its 95 % interval, and of changed ones. With ``times drawn anew`` only the sum is left,
            with ``time shuffled`` the rate beside it; models have learned from recordings that were
            changed in the same way, NaN where that would say nothing more. ``time reversed`` is
            asked of what has learned from recordings as they are. The first seven rows see what may
            be a shortcut: the median place of the first tenth of the events or of any tenth, the
            number of events and the duration, hot pixels, and the sums of the first tenth, of any,
            and of the last.
        verdict: ``"the sum is enough"``, ``"a single frame is enough"``, ``"the rate over time is
            enough"``, ``"needs the order of events"``, ``"needs both"``, ``"has a shortcut"``,
            ``"these models found nothing"`` or ``"can't tell"``.
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
    folds: int | None = None,
    processes: int = 1,
) -> Comparison:
    """Find out whether recordings need time, by models that see the order and others that don't.

    The verdict names the least that comes within five points of the best model: the sum of all
    events, by three models and by the best of the others with times drawn anew; the rate over time
    without any place; each frame alone; or what happens before what. Both are needed where neither
    the sum nor what hardly sees the places is enough, but each tells something. Where the sum is
    enough, nothing is found or it can't be told, the better network with a memory first looks once
    in bins five times finer, unless some model gets 95 % right already. A shortcut is what gets
    more than half of the best model's lead over guessing from the start, from the end, from count
    and duration, or from hot pixels; a start or an end also has to say twice as much as any other
    tenth. Models see at most 64 pixels along a side and 10,000 events of a recording, on average;
    of more, the same share of each recording is drawn.

    Args:
        recordings: All of them, at least ``folds`` groups of each class.
        groups: Who or when, for each recording; a group stays in one fold.
        epochs: Passes of each network over its training recordings. Default: as many as make 300
            steps. Networks of the sum, which are fast, get twice as many.
        time_window: Width of a time bin in µs. Default: as ``choose_recipe``.
        augment: How frames are changed in training, a name of ``AUGMENTS``. Default: as
            ``choose_recipe``.
        folds: How many. Default: 3, or 2 where a class has no more groups.
        processes: How many models train at the same time. The result doesn't depend on it.

    Raises:
        ValueError: There are fewer than two classes or too few groups, or a number can't be used.
        RuntimeError: A process that trained was ended from outside.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> cards = load_pokerdvs(source="simulated").test
        >>> comparison = compare(cards, range(20), folds=2, epochs=1)
        >>> comparison.table.loc["the sum", ["as they are", "low", "high"]].shape
        (3,)
    """
    check_recordings(recordings)
    if len(set(recordings.targets)) < 2:
        raise ValueError(f"{recordings} are of one class; give recordings of two or more")
    folds = folds or min(FOLDS, _fewest_groups(recordings, groups))
    split = fold_indices(recordings, folds, groups)
    smaller = _smaller(recordings)
    learned = smaller.subset(split[0][0])
    recipe = _recipe(learned, epochs, time_window, augment)
    bins = recipe["time_window"]
    usual = choose_recipe(learned).time_window
    estimators = make_models(recipe, usual)
    job = partial(_answers, recordings=smaller)
    correct: Correct = {name: {} for name in estimators}
    # The last models train for longest. Started first, none of them keeps a process waiting.
    plain = [(name, PLAIN) for name in reversed(estimators)]
    _train(correct, plain, estimators, job, split, processes)
    verdict, _ = judge(correct, recordings.targets, groups, bins)
    if verdict not in (SUM_ENOUGH, NOTHING):
        network = _best(correct, (FRAME, *NETWORKS))
        changed = [(name, change) for name in (network, *FEATURES) for change in CONTROLS]
        _train(correct, changed, estimators, job, split, processes)
        verdict, _ = judge(correct, recordings.targets, groups, bins)
    best = correct[_best(correct, correct)][PLAIN].mean()
    if verdict in (SUM_ENOUGH, NOTHING, CANNOT_TELL) and best < 1 - MARGIN:
        network = _best(correct, NETWORKS)
        narrow = make_models(recipe | {"time_window": bins / FINER_BINS}, usual)
        finer = {network + FINER: narrow[network]}
        _train(correct, [(network + FINER, PLAIN)], finer, job, split, processes)
    verdict, sentences = judge(correct, recordings.targets, groups, bins)
    return Comparison(accuracy_table(correct, groups), verdict, sentences)


def _fewest_groups(recordings: Recordings, groups: Sequence[Any]) -> int:
    """Return how many groups the class with the fewest has, at least two."""
    counts = pd.Series([*groups]).groupby(recordings.targets).nunique()
    if counts.min() < 2:
        raise ValueError(
            f"all recordings of {recordings.classes[counts.idxmin()]} are of one group; record "
            "another person or session, since what was learned is asked of groups that weren't "
            "there"
        )
    return counts.min()


def _train(
    correct: Correct,
    wanted: Sequence[tuple[str, str]],
    estimators: Mapping[str, Any],
    job: Callable[..., dict[str, np.ndarray]],
    split: Sequence[tuple[np.ndarray, np.ndarray]],
    processes: int,
) -> None:
    """Add to ``correct`` what models classify correctly that learn from changed recordings."""
    jobs = {}
    for name, change in wanted:
        for fold, (learned, held_out) in enumerate(split):
            estimator = estimators[name]
            jobs[name, change, fold] = partial(
                job, estimator, change, learned=learned, held_out=held_out
            )
    with closing(in_parallel(jobs, processes, "comparing")) as results:
        for (name, _, fold), by_change in results:
            _, held_out = split[fold]
            for change, right in by_change.items():
                unknown = np.full(sum(len(others) for _, others in split), np.nan)
                correct.setdefault(name, {}).setdefault(change, unknown)[held_out] = right


def _best(correct: Correct, names: Iterable[str]) -> str:
    return max(names, key=lambda name: correct[name][PLAIN].mean())


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
    correlations = partial(models.motion_correlations, time_window=time_window)
    place = _quadratic(models.median_place)
    return {
        "first events' place": PerturbedEstimator(place, perturbations.first_tenth),
        "any events' place": PerturbedEstimator(place, perturbations.any_tenth),
        "count and duration": _quadratic(models.count_and_duration),
        "hot pixels": logistic_regression(hot_pixel_image),
        "first tenth": PerturbedEstimator(summed, perturbations.first_tenth),
        "any tenth": PerturbedEstimator(summed, perturbations.any_tenth),
        "last tenth": PerturbedEstimator(summed, perturbations.last_tenth),
        "the sum": summed,
        "trees of the sum": _trees(models.summed_image),
        "CNN of the sum": NetworkEstimator(partial(models.CNN, pooled=True), **of_the_sum),
        RATE: _trees(partial(models.rate_over_time, time_window=time_window / FINER_BINS)),
        FRAME: NetworkEstimator(models.FrameMLP, **recipe),
        "motion correlations": logistic_regression(correlations),
        "regions over time": _trees(partial(models.regions_over_time, time_window=time_window)),
        "everything together": _trees(
            partial(models.sum_rate_and_regions, time_window=time_window)
        ),
        "GRU": NetworkEstimator(models.GRU, clip_norm=1.0, **recipe),
        "SNN": NetworkEstimator(detector(time_window, usual), **recipe),
    }


def _trees(features: Features) -> FeatureEstimator:
    """Return randomised trees, which find combinations of features in few recordings."""
    return FeatureEstimator(ExtraTreesClassifier(150, random_state=0), features)


def hot_pixel_image(recordings: Recordings) -> np.ndarray:
    """Return 1 for each pixel that is hot in a recording, 0 for others, (recordings, pixels).

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> hot_pixel_image(load_pokerdvs(source="simulated").test).shape
        (20, 1225)
    """
    width, height, _ = recordings.sensor_size
    images = np.zeros((len(recordings), height * width))
    for image, events in zip(images, recordings.events, strict=True):
        x, y = find_hot_pixels(events).T
        image[y * width + x] = 1
    return images


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
