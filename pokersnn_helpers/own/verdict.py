"""What models with and without a memory say about recordings, by what they classify correctly."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student

from ..checks import check_groups
from ..study.protocol import bootstrap_interval

PLAIN = "as they are"
SHUFFLED = "time shuffled"
MERGED = "polarities merged"
REVERSED = "time reversed"
# What no order of events changes, and what it may change.
SUMS = ("the sum", "MLP of the sum", "CNN of the sum")
UNTIMED = (*SUMS, "count and duration")
TIMED = ("each frame alone", "motion correlations", "GRU", "SNN")
# What may give the class away by itself, and what to look at then.
SHORTCUTS = {
    "first events' place": "how your recordings start",
    "first tenth": "how your recordings start",
    "last tenth": "how they end",
    "count and duration": "whether those of all classes are equally long",
}

BEST = (
    "The best of {models} models, {best}, classifies {accuracy:.0%} of {recordings} unseen "
    "recordings correctly; the most frequent class is right in {guess:.0%}."
)
UNORDERED = (
    "Without any order of events, the best, {untimed}, reaches {untimed_accuracy:.0%}; {timed} "
    "differs from it by {over_untimed}."
)
CHANCE = "The difference of {over_guess} may be chance."
SHORTCUT = "may be a shortcut. Correct by themselves: {alone}. So check {advice}."
VERDICTS = {  # and what is said of each
    "nothing to be learned": "Nothing was learned from these recordings: record more, in more "
    "groups, or look whether the classes differ at all.",
    "doesn't need time": "These recordings don't need time: the sum is enough, and a network with "
    "a memory is worth its trouble only for an early answer.",
    "can't tell": "That may be chance, or networks with a memory need more to learn from: record "
    "more groups before you decide on a memory.",
    "has a shortcut": f"That {SHORTCUT}",
    "a frame is enough": "Each frame alone reaches {frame:.0%}: time matters, but no memory is "
    "needed.",
    "needs time": "These recordings need time: each frame alone reaches {frame:.0%}, and {timed} "
    "{shuffled:.0%} with time shuffled.",
}

Correct = dict[str, dict[str, np.ndarray]]  # by model and change: whether each recording is correct
Lead = tuple[float, float, float]  # as ``lead_interval`` returns


def accuracy_table(correct: Correct, groups: Sequence[Any]) -> pd.DataFrame:
    """Return a row per model: mean accuracy as they are, its interval, and that of each change."""
    table = pd.DataFrame(
        {
            name: {change: right.mean() for change, right in by_change.items()}
            for name, by_change in correct.items()
        }
    ).T
    table[["low", "high"]] = [
        bootstrap_interval(by_change[PLAIN], groups) for by_change in correct.values()
    ]
    return table.reindex(columns=[PLAIN, "low", "high", SHUFFLED, MERGED, REVERSED])


def judge(
    correct: Correct, targets: Sequence[int], groups: Sequence[Any]
) -> tuple[str, tuple[str, ...]]:
    """Compare the best of what no order of events changes with the best of what sees it.

    Returns:
        The verdict, and three sentences that say why.
    """
    right = {name: by_change[PLAIN] for name, by_change in correct.items()}
    shuffled = {f"{name} with shuffled times": correct[name][SHUFFLED] for name in TIMED}
    right |= shuffled
    accuracy = pd.Series({name: answers.mean() for name, answers in right.items()})
    best = accuracy[[*correct]].idxmax()
    timed = accuracy[[*TIMED]].idxmax()
    untimed = accuracy[[*SUMS, *shuffled]].idxmax()

    guess = np.asarray(targets) == np.bincount(targets).argmax()
    over_guess = lead_interval(right[best], guess, groups, len(correct))
    over_untimed = lead_interval(right[timed], right[untimed], groups, len(TIMED))
    shortcuts = _shortcuts(correct, guess, accuracy[best], groups)
    verdict = _verdict(over_guess, over_untimed, accuracy[untimed])
    if verdict == "needs time" and shortcuts:
        verdict = "has a shortcut"
    elif verdict == "needs time" and accuracy["each frame alone"] > 0.95 * accuracy[timed]:
        verdict = "a frame is enough"

    second = CHANCE if verdict == "nothing to be learned" else UNORDERED
    third = VERDICTS[verdict]
    if shortcuts and verdict in ("doesn't need time", "can't tell"):
        third += f" What the sum shows {SHORTCUT}"
    sentences = "\n".join([BEST, second, third]).format(
        models=len(correct),
        best=best,
        accuracy=accuracy[best],
        recordings=len(targets),
        guess=guess.mean(),
        over_guess=_points(over_guess),
        untimed=untimed,
        untimed_accuracy=accuracy[untimed],
        timed=timed,
        over_untimed=_points(over_untimed),
        frame=accuracy["each frame alone"],
        shuffled=correct[timed][SHUFFLED].mean(),
        alone=", ".join(f"{name} {accuracy[name]:.0%}" for name in shortcuts),
        advice=" and ".join(dict.fromkeys(SHORTCUTS[name] for name in shortcuts)),
    )
    return verdict, tuple(sentences.split("\n"))


def _verdict(over_guess: Lead, over_untimed: Lead, untimed_accuracy: float) -> str:
    if over_guess[1] <= 0:
        return "nothing to be learned"
    more, low, high = over_untimed
    if low > 0:
        return "needs time"
    as_good = high >= 0 and (high < 0.05 or more <= 0)  # behind, they have learned too little
    return "doesn't need time" if as_good or untimed_accuracy > 0.95 else "can't tell"


def _shortcuts(
    correct: Correct, guess: np.ndarray, best: float, groups: Sequence[Any]
) -> list[str]:
    """Name the rows of ``SHORTCUTS`` that get more than half of the best model's lead."""
    shortcuts = []
    for name in SHORTCUTS:
        alone = correct[name][PLAIN]
        # Of a tenth, shuffled: any tenth. Count and duration are the same.
        rivals = [guess] if name in UNTIMED else [guess, correct[name][SHUFFLED]]
        lowest = min(lead_interval(alone, rival, groups, len(SHORTCUTS))[1] for rival in rivals)
        if lowest > 0 and alone.mean() - guess.mean() > (best - guess.mean()) / 2:
            shortcuts.append(name)
    return shortcuts


def _points(lead: Lead) -> str:
    percent = [100 * share for share in lead]
    return "{:+.0f} points ({:+.0f} to {:+.0f})".format(*percent)


def lead_interval(
    first: np.ndarray, second: np.ndarray, groups: Sequence[Any], models: int = 1
) -> Lead:
    """Return how much more accurate the best of some models is than another, and an interval.

    It is that of Student's t for groups of recordings, as wide as the interval of a single model is
    at 100 − 5 / ``models`` % (Bonferroni), since the best of several is ahead by chance more often.
    Unlike a bootstrap, it holds its level with few groups, too. Where all groups say the same, it
    is the exact one for n recordings without an exception (Clopper and Pearson 1934).

    Args:
        first: Whether each recording was classified correctly, (recordings,).
        second: The same recordings, classified by the other model.
        groups: The group of each recording.
        models: How many the first one is the best of.

    Example:
        >>> better, worse = np.arange(100) < 90, np.arange(100) < 80
        >>> [round(share, 2) for share in lead_interval(better, worse, range(100), models=3)]
        [0.1, 0.03, 0.17]
    """
    difference = np.subtract(first, second, dtype=float)
    number = len(difference)
    mean = difference.mean()
    by_group = np.bincount(check_groups(groups, number), difference - mean)
    count = len(by_group)
    tail = 0.025 / models
    if count == 1 or np.allclose(by_group, 0):
        width = 1 - tail ** (1 / number)
    else:
        error = math.sqrt(count / (count - 1) * (by_group @ by_group)) / number
        width = student.ppf(1 - tail, count - 1) * error
    mean, low, high = np.clip([mean, mean - width, mean + width], -1, 1).tolist()
    return mean, low, high
