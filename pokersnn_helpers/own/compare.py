"""Do recordings need time? Models with and without a memory on them, as they are and changed."""

import math
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from joblib import Memory
from scipy.stats import t as student
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from ..checks import check_groups, check_numbers, check_range
from ..networks import WHOLE
from ..recipe import AUGMENTS, choose_recipe
from ..recordings import Recordings, check_recordings, fold_indices
from ..study import models, perturbations, protocol
from .detector import detector

Correct = dict[str, dict[str, np.ndarray]]  # of each model and change, as ``bootstrap_interval``
CHANGES: dict[str, Callable[[Recordings], Recordings] | None] = {
    "as they are": None,
    "time shuffled": perturbations.shuffled_time,
    "polarities merged": perturbations.merge_polarities,
}
# What no order of events changes, and what it may change.
UNTIMED = ("the sum", "MLP of the sum", "CNN of the sum", "count and duration")
TIMED = ("each frame alone", "motion correlations", "GRU", "SNN")
# Models that needn't learn from changed recordings: they would see the same, or take long.
UNCHANGED = {
    "time shuffled": UNTIMED,
    "polarities merged": (*UNTIMED[1:3], *TIMED[:3]),
}
# What may give the class away by itself, and what to look at then.
SHORTCUTS = {
    "first events' place": "how your recordings start",
    "first tenth": "how your recordings start",
    "last tenth": "how they end",
    "count and duration": "whether those of all classes are equally long",
}
VERDICTS = {  # and what is said of each
    "nothing to be learned": "Nothing was learned from these recordings: record more, in more "
    "groups, or look whether the classes differ at all.",
    "doesn't need time": "These recordings don't need time: the sum is enough, and a network with "
    "a memory is worth its trouble only for an early answer.",
    "can't tell": "That may be chance, or networks with a memory need more to learn from: record "
    "more groups before you decide on a memory.",
    "has a shortcut": "That {shortcut}",
    "a frame is enough": "Each frame alone reaches {frame:.0%}: time matters, but no memory is "
    "needed.",
    "needs time": "These recordings need time: each frame alone reaches {frame:.0%}, and {timed} "
    "{shuffled:.0%} with time shuffled.",
}
STEPS = 300  # of training; networks of the sum, which are fast, get twice as many
EVENTS, PIXELS = 10_000, 64  # of a recording, on average, and a side; more cost time and memory
WIDEST = 125_000  # µs: the detector's delays, up to eight bins, may last a second


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
    seeds: Sequence[int] = (0,),
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
        seeds: Each fixes the folds and the initial weights of a run.
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
    check_numbers(Integral, processes=processes)
    if len(set(recordings.targets)) < 2:
        raise ValueError(f"{recordings} are of one class; give recordings of two or more")
    splits = [fold_indices(recordings, folds, groups, seed) for seed in seeds]
    some, learned = _smaller(recordings), splits[0][0][0]
    recipe = _recipe(some.subset(learned), epochs, time_window, augment)
    compared, correct = _models(**recipe), Correct()
    plan = [
        (name, change, row, fold)
        for name in compared
        for change in CHANGES
        for row in range(len(splits))
        for fold in range(folds)
        if name not in UNCHANGED.get(change, ())
    ][::-1]  # the last models train for longest; started first, none keeps a process waiting
    networks = sum(isinstance(compared[name], protocol.NetworkEstimator) for name, *_ in plan)
    answers = Memory(keep, verbose=0).cache(_answers)  # without a folder, nothing is kept
    jobs = [
        partial(answers, compared[name], change, some, *splits[row][fold], seeds[row])
        for name, change, row, fold in plan
    ]
    try:
        if say:
            say(_cost(some.subset(learned), recipe, networks, processes))
        for number, found in protocol.in_parallel(jobs, processes, "comparing"):
            name, _, row, fold = plan[number]
            for asked, right in found.items():
                unknown = np.full((len(splits), len(recordings)), np.nan)
                whole = correct.setdefault(name, {}).setdefault(asked, unknown)
                whole[row, splits[row][fold][1]] = right
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_so_far(correct, len(plan))) from None
    correct = {name: correct[name] for name in compared}  # in order, and not as they came
    for name in UNTIMED:  # which would see the same again
        correct[name]["time shuffled"] = correct[name]["as they are"]
    if keep:
        answers.clear(warn=False)
    return Comparison(_table(correct, groups), *_judge(correct, recordings.targets, groups))


def _smaller(recordings: Recordings) -> Recordings:
    """Draw the same share of each recording's events, and bring them to at most 64 pixels."""
    share = EVENTS * len(recordings) / sum(len(each) for each in recordings.events)
    width, height, polarities = recordings.sensor_size
    block, rng = math.ceil(max(width, height) / PIXELS), np.random.default_rng(0)
    if block == 1 and share >= 1:
        return recordings
    some = []
    for events in recordings.events:
        drawn = rng.random(len(events)) < share
        drawn[[0, -1]] = True  # it begins and ends when it did
        part = events[drawn]
        some.append(perturbations.replaced(part, x=part["x"] // block, y=part["y"] // block))
    size = (math.ceil(width / block), math.ceil(height / block), polarities)
    return Recordings(some, recordings.targets, recordings.classes, size)


def _recipe(
    recordings: Recordings, epochs: int | None, time_window: float | None, augment: str | None
) -> dict[str, Any]:
    """Return what each network learns by: as ``train``, but in fewer steps."""
    recipe = choose_recipe(recordings)
    width = recipe.time_window if time_window is None else time_window
    check_range(1, WIDEST, time_window=width)
    if (name := augment or recipe.augment) not in AUGMENTS:
        raise ValueError(f"augment is {augment!r}; choose none, shift or mirror")
    few = max(15, math.ceil(STEPS * recipe.batch_size / len(recordings)))
    said = {"time_window": width, "usual": recipe.time_window}
    said["epochs"] = few if epochs is None else epochs
    return recipe._asdict() | said | {"augment": AUGMENTS[name]}


def _answers(
    model: Any,
    change: str,
    recordings: Recordings,
    learned: np.ndarray,
    held_out: np.ndarray,
    seed: int,
) -> dict[str, np.ndarray]:
    """Train on changed recordings, and say which of the others are classified correctly."""
    apply, asked = CHANGES[change], recordings.subset(held_out)
    trained = deepcopy(model)  # others begin with the same one
    trained = protocol.PerturbedEstimator(trained, apply) if apply else trained
    trained.fit(recordings.subset(learned), seed)
    found = {change: trained.predict(asked) == asked.targets}
    if apply is None:
        backwards = trained.predict(perturbations.reversed_time(asked))
        found["time reversed"] = backwards == asked.targets
    return found


def _cost(recordings: Recordings, recipe: dict[str, Any], networks: int, processes: int) -> str:
    """Train a network for an epoch, twice, and say how long all of them will take."""
    trial, times = _models(**recipe | {"epochs": 1})["SNN"], []
    for _ in protocol.in_parallel(3 * [partial(trial.fit, recordings)]):
        times.append(time.perf_counter())
    width, epochs = recipe["time_window"], recipe["epochs"]
    minutes = math.ceil((times[2] - times[1]) * epochs * networks / processes / 60)
    # PyTorch, more of it with CUDA, and what a process has of events and of weights.
    events, inputs = sum(len(each) for each in recordings.events), math.prod(recordings.sensor_size)
    own = (0.8 if torch.version.cuda else 0.4) + 1e-7 * events + 3e-6 * inputs
    words = f"{networks} networks, {epochs} epochs each, bins of {width:g} µs: about {minutes} "
    words += f"minutes with processes={processes}, {0.3 + processes * own:.1f} GB"
    smaller = f"time_window={2 * width:g}, a smaller size, fewer epochs"
    return words + (f"; less with {smaller}" if minutes > 10 else "")


def _so_far(correct: Correct, jobs: int) -> str:
    """Say what is known of the models that have been trained without each fold."""
    known = [
        f"{name}, {change}: {right.mean():.0%} correct"
        for name, by_change in correct.items()
        for change, right in by_change.items()
        if not np.isnan(right).any()
    ]
    return "\n".join([*known, f"stopped before all {jobs} models were trained"])


def _models(epochs: int, time_window: float, usual: float, **recipe: Any) -> dict[str, Any]:
    of_the_sum = recipe | {"time_window": WHOLE, "clip_norm": None, "learning_rate": 0.003}
    of_the_sum["epochs"] = 2 * epochs
    by_frame = recipe | {"time_window": time_window, "epochs": epochs}
    place, length = map(_quadratic, (models.median_place, models.count_and_duration))
    summed = protocol.logistic_regression(models.summed_image, C=10)
    moving = partial(models.motion_correlations, time_window=time_window)
    return {
        "first events' place": protocol.PerturbedEstimator(place, perturbations.first_tenth),
        "count and duration": length,
        "first tenth": protocol.PerturbedEstimator(summed, perturbations.first_tenth),
        "last tenth": protocol.PerturbedEstimator(summed, perturbations.last_tenth),
        "the sum": summed,
        "MLP of the sum": protocol.NetworkEstimator(models.MLP, **of_the_sum),
        "CNN of the sum": protocol.NetworkEstimator(partial(models.CNN, pooled=True), **of_the_sum),
        "each frame alone": protocol.NetworkEstimator(models.FrameMLP, **by_frame),
        "motion correlations": protocol.logistic_regression(moving),
        "GRU": protocol.NetworkEstimator(models.GRU, **by_frame | {"clip_norm": 1.0}),
        "SNN": protocol.NetworkEstimator(detector(time_window, usual), **by_frame),
    }


def _table(correct: Correct, groups: Sequence[Any]) -> pd.DataFrame:
    rows = {}
    asked = [*CHANGES, "time reversed"]
    for name, answers in correct.items():
        by_change = {change: answers[change] for change in asked if change in answers}
        low, high = protocol.bootstrap_interval(by_change["as they are"], groups)
        means = {change: float(each.mean()) for change, each in by_change.items()}
        rows[name] = {"as they are": means.pop("as they are"), "low": low, "high": high, **means}
    return pd.DataFrame.from_dict(rows, orient="index")


def _judge(
    correct: Correct, targets: Sequence[int], groups: Sequence[Any]
) -> tuple[str, tuple[str, ...]]:
    """Compare the best of what no order of events changes with the best of what sees it."""
    plain = {name: each["as they are"] for name, each in correct.items()}
    means = {name: float(each.mean()) for name, each in plain.items()}
    guess = np.asarray(targets) == np.bincount(targets).argmax()
    unordered = {name: plain[name] for name in UNTIMED[:3]}
    unordered |= {f"{name} with shuffled times": correct[name]["time shuffled"] for name in TIMED}
    best, timed = (max(names, key=means.__getitem__) for names in (means, TIMED))
    summed = max(unordered, key=lambda name: unordered[name].mean())
    without = float(unordered[summed].mean())
    over_guess = lead_interval(plain[best], guess, groups, len(means))
    over_sum = lead_interval(plain[timed], unordered[summed], groups, len(TIMED))
    first = (
        f"The best of {len(means)} models, {best}, classifies {means[best]:.0%} of {len(targets)} "
        f"unseen recordings correctly; the most frequent class is right in {guess.mean():.0%}."
    )
    second = (
        f"Without any order of events, the best, {summed}, reaches {without:.0%}; {timed} "
        f"differs from it by {_points(*over_sum)}."
    )
    frame, shuffled = means["each frame alone"], correct[timed]["time shuffled"].mean()
    found = _shortcuts(correct, guess, means[best], groups)
    alone = ", ".join(f"{name} {means[name]:.0%}" for name in found)
    advice = " and ".join(dict.fromkeys(SHORTCUTS[name] for name in found))
    shortcut = f"may be a shortcut. Correct by themselves: {alone}. So check {advice}."
    more, low, high = over_sum
    if over_guess[1] <= 0:
        verdict = "nothing to be learned"
        second = f"The difference of {_points(*over_guess)} may be chance."
    elif low <= 0:
        as_good = high >= 0 and (high < 0.05 or more <= 0)  # behind, they have learned too little
        enough = as_good or without > 0.95
        verdict = "doesn't need time" if enough else "can't tell"
    elif found:
        verdict = "has a shortcut"
    else:
        verdict = "a frame is enough" if frame > 0.95 * means[timed] else "needs time"
    third = VERDICTS[verdict].format(shortcut=shortcut, frame=frame, timed=timed, shuffled=shuffled)
    if found and verdict in ("doesn't need time", "can't tell"):
        third += f" What the sum shows {shortcut}"
    return verdict, (first, second, third)


def lead_interval(
    first: np.ndarray, second: np.ndarray, groups: Sequence[Any], models: int = 1
) -> tuple[float, float, float]:
    """Return how much more accurate the best of some models is than another, and an interval.

    It is that of Student's t for groups of recordings, as wide as the interval of a single model is
    at 100 − 5 / ``models`` % (Bonferroni), since the best of several is ahead by chance more often.
    Unlike a bootstrap, it holds its level with few groups, too. Where all groups say the same, it
    is the exact one for n recordings without an exception (Clopper and Pearson 1934).

    Args:
        first: As ``correct`` of ``bootstrap_interval``.
        second: The same recordings, classified by the other model.
        groups: The group of each recording.
        models: How many the first one is the best of.

    Example:
        >>> better, worse = np.arange(100) < 90, np.arange(100) < 80
        >>> [round(each, 2) for each in lead_interval(better, worse, range(100), models=3)]
        [0.1, 0.03, 0.17]
    """
    difference = np.mean(np.atleast_2d(first), axis=0) - np.mean(np.atleast_2d(second), axis=0)
    numbers, tail = check_groups(groups, len(difference)), 0.025 / models
    mean, count = float(difference.mean()), int(numbers.max()) + 1
    apart = np.bincount(numbers, difference - mean)  # by group, of recordings together
    width = 1 - tail ** (1 / len(difference))
    if count > 1 and not np.allclose(apart, 0):
        error = math.sqrt(count / (count - 1) * float(apart @ apart)) / len(difference)
        width = float(student.ppf(1 - tail, count - 1)) * error
    return mean, max(-1.0, mean - width), min(1.0, mean + width)


def _points(difference: float, low: float, high: float) -> str:
    return f"{100 * difference:+.0f} points ({100 * low:+.0f} to {100 * high:+.0f})"


def _shortcuts(
    correct: Correct, guess: np.ndarray, best: float, groups: Sequence[Any]
) -> list[str]:
    """Name the rows of ``SHORTCUTS`` that get more than half of the best model's lead."""
    found = []
    for name in SHORTCUTS:
        alone, shuffled = correct[name]["as they are"], correct[name]["time shuffled"]
        # Of a tenth, shuffled: any tenth. Count and duration are the same.
        less = [guess] if name in UNTIMED else [guess, shuffled]
        leads = [lead_interval(alone, each, groups, len(SHORTCUTS))[1] for each in less]
        if min(leads) > 0 and alone.mean() - guess.mean() > (best - guess.mean()) / 2:
            found.append(name)
    return found


def _quadratic(features: protocol.Features) -> protocol.FeatureEstimator:
    """Return a logistic regression on features, their squares and their products."""
    regression = LogisticRegression(C=10, max_iter=2000)
    squares = make_pipeline(StandardScaler(), PolynomialFeatures(2), StandardScaler(), regression)
    return protocol.FeatureEstimator(squares, features)
