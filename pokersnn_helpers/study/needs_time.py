"""Do recordings need time? Models with and without a memory on them, as they are and changed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from ..frames import augment
from ..recordings import Recordings, check_recordings
from .models import GRU, FrameMLP, LayerThenSNN, summed_image
from .perturbations import merge_polarities, reversed_time, shuffled_time
from .protocol import (
    BY_FRAME,
    NetworkEstimator,
    bootstrap_interval,
    cross_validate,
    difference_interval,
    logistic_regression,
)

# A Reichardt detector's: copies delayed by a few ms, and neurons that forget quickly.
DETECTOR: dict[str, Any] = {"delays": (0, 0.004, 0.008), "tau_mem": 0.005, "tau_syn": 0.002}
CHANGES: dict[str, Callable[[Recordings], Recordings]] = {
    "as they are": lambda recordings: recordings,
    "time shuffled": shuffled_time,
    "polarities merged": merge_polarities,
}


@dataclass(frozen=True)
class Comparison:
    """What ``compare`` found.

    Attributes:
        table: A row per model: mean accuracy (0 to 1) on recordings as they are, with the ends of
            its 95 % interval, and on changed ones; ``time reversed`` is asked of models that have
            learned from recordings as they are, the others have learned from changed ones.
        verdict: ``"needs time"``, ``"doesn't need time"``, ``"nothing to be learned"`` or
            ``"can't tell"``.
        sentences: Why, in three sentences.

    Example:
        >>> Comparison(pd.DataFrame(), verdict="can't tell", sentences="Too few groups.").verdict
        "can't tell"
    """

    table: pd.DataFrame
    verdict: str
    sentences: str


def compare(
    recordings: Recordings,
    groups: Sequence[Any],
    *,
    folds: int = 3,
    seeds: Sequence[int] = (0,),
    processes: int = 1,
    epochs: int = 60,
) -> Comparison:
    """Find out whether recordings need time, by models that have a memory and others that haven't.

    Args:
        recordings: All of them, at least ``folds`` groups of each class.
        groups: Who or when, for each recording; a group stays in one fold.
        folds: As for ``cross_validate``.
        seeds: As for ``cross_validate``.
        processes: As for ``cross_validate``.
        epochs: Passes of each network over its training recordings.

    Raises:
        ValueError: There are fewer than two classes, or too few groups.

    Example:
        >>> from pokersnn_helpers.simulation.motions import film_motions
        >>> compare(film_motions(18), range(18), epochs=1).table.shape
        (4, 6)
    """
    check_recordings(recordings)
    if len(set(recordings.targets)) < 2:
        raise ValueError(f"{recordings} are of one class; give recordings of two or more")
    # Nothing is mirrored: what is true of suits needn't be true of these.
    recipe: dict[str, Any] = {"augment": partial(augment, mirror=False), "epochs": epochs}
    models = {
        "the sum": logistic_regression(summed_image, C=10),
        "each frame alone": NetworkEstimator(FrameMLP, **recipe, **BY_FRAME),
        "GRU": NetworkEstimator(GRU, clip_norm=1.0, **recipe),
        "SNN": NetworkEstimator(partial(LayerThenSNN, **DETECTOR), **recipe, **BY_FRAME),
    }
    correct: dict[str, dict[str, np.ndarray]] = {name: {} for name in models}
    steps = tqdm(total=len(models) * len(CHANGES), desc="comparing", unit="model")
    for change, apply in CHANGES.items():
        changed = apply(recordings)
        for name, model in models.items():
            trained = cross_validate(
                {name: model}, changed, groups, folds=folds, seeds=seeds, processes=processes
            )[name]
            correct[name][change] = trained.correct(changed)
            if change == "as they are":
                correct[name]["time reversed"] = trained.correct(reversed_time(recordings))
            steps.update()
    steps.close()
    table = _table(correct, groups)
    verdict, sentences = _judge(correct, recordings, groups)
    return Comparison(table, verdict, sentences)


def _table(correct: dict[str, dict[str, np.ndarray]], groups: Sequence[Any]) -> pd.DataFrame:
    rows = {}
    for name, by_change in correct.items():
        low, high = bootstrap_interval(by_change["as they are"], groups)
        means = {change: float(each.mean()) for change, each in by_change.items()}
        rows[name] = {"as they are": means.pop("as they are"), "low": low, "high": high, **means}
    return pd.DataFrame.from_dict(rows, orient="index")


def _judge(
    correct: dict[str, dict[str, np.ndarray]], recordings: Recordings, groups: Sequence[Any]
) -> tuple[str, str]:
    """Compare what no order of events changes, the sum, with the best of what sees frames."""
    as_they_are = {name: each["as they are"] for name, each in correct.items()}
    means = {name: each.mean() for name, each in as_they_are.items()}
    targets = np.asarray(recordings.targets)
    guess = targets == np.bincount(targets).argmax()
    best = max(means, key=lambda name: means[name])
    first = (
        f"The best of four models, {best}, gets {means[best]:.0%} of {len(targets)} recordings "
        f"that it hasn't seen, and always the same answer {guess.mean():.0%}."
    )
    more, low, high = difference_interval(as_they_are[best], guess, groups)
    if low <= 0:
        return "nothing to be learned", (
            f"{first} The difference of {100 * more:+.0f} points ({100 * low:+.0f} to "
            f"{100 * high:+.0f}) may be chance. Nothing was learned from these recordings: record "
            "more, in more groups, or look whether the classes differ at all."
        )
    timed = max((name for name in means if name != "the sum"), key=lambda name: means[name])
    more, low, high = difference_interval(as_they_are[timed], as_they_are["the sum"], groups)
    second = (
        f"The sum over time gets {means['the sum']:.0%}, and {timed} {100 * more:+.0f} points to "
        f"that ({100 * low:+.0f} to {100 * high:+.0f})."
    )
    if low > 0:
        alone = means["each frame alone"] / means[timed]
        which = "the order of the frames tells more" if alone < 0.95 else "a single frame may do"
        return "needs time", (
            f"{first} {second} These recordings need time: {which}, as each frame alone gets "
            f"{means['each frame alone']:.0%} and with time shuffled {timed} "
            f"{correct[timed]['time shuffled'].mean():.0%}."
        )
    if high < 0.05 or means["the sum"] > 0.95 or more <= 0:
        return "doesn't need time", (
            f"{first} {second} These recordings don't need time: the sum is enough, and a network "
            "with a memory is worth its trouble only for an early answer."
        )
    return "can't tell", (
        f"{first} {second} That may be chance: record more groups before you decide on a network "
        "with a memory."
    )
