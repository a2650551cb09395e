"""Do recordings need time? Models with and without a memory on them, as they are and changed."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from ..recordings import Recordings, check_recordings
from ..snn import WHOLE
from ..study import models, perturbations, protocol
from .recipe import AUGMENTS, detector

Correct = dict[str, dict[str, np.ndarray]]  # of each model and change, as ``bootstrap_interval``
CHANGES: dict[str, Callable[[Recordings], Recordings] | None] = {
    "as they are": None,
    "time shuffled": perturbations.shuffled_time,
    "polarities merged": perturbations.merge_polarities,
}
# What no order of events changes.
UNTIMED = ("the sum", "MLP of the sum", "CNN of the sum", "count and duration")
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
    "can't tell": "That may be chance: record more groups before you decide on a memory.",
    "has a shortcut": "That {shortcut}",
    "a frame is enough": "Each frame alone gets {frame:.0%}: time matters, but no memory is "
    "needed.",
    "needs time": "These recordings need time: each frame alone gets {frame:.0%}, and {timed} gets "
    "{shuffled:.0%} with time shuffled.",
}


class Comparison(NamedTuple):
    """What ``compare`` found.

    Attributes:
        table: A row per model: mean accuracy (0 to 1) on recordings as they are, with the ends of
            its 95 % interval, and on changed ones; ``time reversed`` is asked of models that have
            learned from recordings as they are, the others have learned from changed ones. The
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
    epochs: int = 60,
    time_window: float = 1000,
    **options: Any,
) -> Comparison:
    """Find out whether recordings need time, by models that have a memory and others that haven't.

    They need time where the best of three models that see frames is better than the best of three
    on the sum. A shortcut is what gets more than half of the best model's lead over guessing from
    the start, from the end, or from count and duration; a start or an end also has to say more than
    a tenth of the events that is drawn at random.

    Args:
        recordings: All of them, at least ``folds`` groups of each class.
        groups: Who or when, for each recording; a group stays in one fold.
        epochs: Passes of each network over its training recordings.
        time_window: Width of a time bin in µs. Delays and time constants are in proportion to it.
        options: ``folds``, ``seeds`` and ``processes``, as for ``cross_validate``.

    Raises:
        ValueError: There are fewer than two classes, or too few groups.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> cards = load_pokerdvs(source="simulated").test
        >>> compare(cards, range(20), folds=2, epochs=1).table.shape
        (10, 6)
    """
    check_recordings(recordings)
    if len(set(recordings.targets)) < 2:
        raise ValueError(f"{recordings} are of one class; give recordings of two or more")
    compared = _models(epochs, time_window)
    changed = {
        (name, change): protocol.PerturbedEstimator(model, apply) if apply else model
        for change, apply in CHANGES.items()
        for name, model in compared.items()
        if change != "time shuffled" or name not in UNTIMED
    }
    trained = protocol.cross_validate(changed, recordings, groups, progress="comparing", **options)
    backwards, correct = perturbations.reversed_time(recordings), Correct()
    for (name, change), each in trained.items():
        correct.setdefault(name, {})[change] = each.correct(recordings)
        if change == "as they are":
            correct[name]["time reversed"] = each.correct(backwards)
    for name in UNTIMED:  # which would see the same again
        correct[name]["time shuffled"] = correct[name]["as they are"]
    return Comparison(_table(correct, groups), *_judge(correct, recordings.targets, groups))


def _models(epochs: int, time_window: float) -> dict[str, Any]:
    # Nothing is mirrored: what is true of suits needn't be true of these.
    recipe: dict[str, Any] = {"augment": AUGMENTS["shift"], "epochs": epochs}
    of_the_sum = recipe | {"time_window": WHOLE, "clip_norm": None}
    recipe["time_window"] = time_window
    by_frame = recipe | protocol.BY_FRAME
    place, length = map(_quadratic, (models.median_place, models.count_and_duration))
    summed = protocol.logistic_regression(models.summed_image, C=10)
    return {
        "first events' place": protocol.PerturbedEstimator(place, perturbations.first_tenth),
        "count and duration": length,
        "first tenth": protocol.PerturbedEstimator(summed, perturbations.first_tenth),
        "last tenth": protocol.PerturbedEstimator(summed, perturbations.last_tenth),
        "the sum": summed,
        "MLP of the sum": protocol.NetworkEstimator(models.MLP, **of_the_sum),
        "CNN of the sum": protocol.NetworkEstimator(models.CNN, **of_the_sum),
        "each frame alone": protocol.NetworkEstimator(models.FrameMLP, **by_frame),
        "GRU": protocol.NetworkEstimator(models.GRU, clip_norm=1.0, **recipe),
        "SNN": protocol.NetworkEstimator(detector(time_window), **by_frame),
    }


def _table(correct: Correct, groups: Sequence[Any]) -> pd.DataFrame:
    rows = {}
    for name, by_change in correct.items():
        low, high = protocol.bootstrap_interval(by_change["as they are"], groups)
        means = {change: float(each.mean()) for change, each in by_change.items()}
        rows[name] = {"as they are": means.pop("as they are"), "low": low, "high": high, **means}
    return pd.DataFrame.from_dict(rows, orient="index")


def _judge(
    correct: Correct, targets: Sequence[int], groups: Sequence[Any]
) -> tuple[str, tuple[str, ...]]:
    """Compare what no order of events changes, the sum, with the best of what sees frames."""
    plain = {name: each["as they are"] for name, each in correct.items()}
    means = {name: float(each.mean()) for name, each in plain.items()}
    guess = np.asarray(targets) == np.bincount(targets).argmax()
    others = [name for name in means if name not in UNTIMED]
    best, summed, timed = (
        max(names, key=means.__getitem__) for names in (means, UNTIMED[:3], others)
    )
    over_guess = protocol.difference_interval(plain[best], guess, groups, len(means))
    over_sum = protocol.difference_interval(plain[timed], plain[summed], groups, len(others))
    first = (
        f"The best of {len(means)} models, {best}, gets {means[best]:.0%} of {len(targets)} "
        f"recordings that it hasn't seen, and always the same answer {guess.mean():.0%}."
    )
    second = (
        f"The sum over time gets {means[summed]:.0%}; the difference of {timed} from it is "
        f"{_points(*over_sum)}."
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
        enough = high < 0.05 or means[summed] > 0.95 or more <= 0
        verdict = "doesn't need time" if enough else "can't tell"
    elif found:
        verdict = "has a shortcut"
    else:
        verdict = "a frame is enough" if frame > 0.95 * means[timed] else "needs time"
    third = VERDICTS[verdict].format(shortcut=shortcut, frame=frame, timed=timed, shuffled=shuffled)
    if found and verdict in ("doesn't need time", "can't tell"):
        third += f" What the sum shows {shortcut}"
    return verdict, (first, second, third)


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
        leads = [
            protocol.difference_interval(alone, each, groups, len(SHORTCUTS))[1] for each in less
        ]
        if min(leads) > 0 and alone.mean() - guess.mean() > (best - guess.mean()) / 2:
            found.append(name)
    return found


def _quadratic(features: protocol.Features) -> protocol.FeatureEstimator:
    """Return a logistic regression on features, their squares and their products."""
    regression = LogisticRegression(C=10, max_iter=2000)
    squares = make_pipeline(StandardScaler(), PolynomialFeatures(2), StandardScaler(), regression)
    return protocol.FeatureEstimator(squares, features)
