"""What models with and without a memory say about recordings, by what they classify correctly."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import t as student

from ...checks import check_groups
from ...study.protocol import bootstrap_interval

PLAIN = "as they are"
UNIFORM = "times drawn anew"
SHUFFLED = "time shuffled"
REVERSED = "time reversed"
# Of recordings that were changed so, models learn what is left: the sum, and the rate beside it.
CONTROLS = (UNIFORM, SHUFFLED)
# What models see: the sum of all events, the rate over time without places, or the order of frames.
SUMS = ("the sum", "trees of the sum", "CNN of the sum")
RATE = "the rate alone"
FRAME = "each frame alone"
FEATURES = ("motion correlations", "regions over time", "everything together")
NETWORKS = ("GRU", "SNN")
FINER = " in finer bins"
GUESS = "the most frequent class"
TIMED = (RATE, FRAME, *FEATURES, *NETWORKS)
# Each part may show the class: then a start or an end is no shortcut.
ANYWHERE = {
    "first events' place": "any events' place",
    "first tenth": "any tenth",
    "last tenth": "any tenth",
}
# What may give the class away by itself, and what to look at then.
SHORTCUTS = {
    "first events' place": "how your recordings start",
    "first tenth": "how your recordings start",
    "last tenth": "how they end",
    "count and duration": "whether those of all classes are equally long",
    "hot pixels": "the camera's hot pixels, which the command clean leaves out",
}
MARGIN = 0.05  # what is as good as the best, in accuracy
WIDEST = 0.15  # the end of an interval up to which that can be said

SUM_ENOUGH = "the sum is enough"
FRAME_ENOUGH = "a single frame is enough"
RATE_ENOUGH = "the rate over time is enough"
NEEDS_ORDER = "needs the order of events"
NEEDS_BOTH = "needs both"
HAS_SHORTCUT = "has a shortcut"
NOTHING = "these models found nothing"
CANNOT_TELL = "can't tell"
REASONS = {
    SUM_ENOUGH: "A model of the sum is within {margin:.0f} points of the best: a network with a "
    "memory is worth its trouble only for an early answer.",
    FRAME_ENOUGH: "Each frame alone is within {margin:.0f} points of the best: time matters, but "
    "no memory is needed.",
    RATE_ENOUGH: "How many events there are when is within {margin:.0f} points of the best, "
    "wherever they are: time matters, and places needn't be told apart.",
    NEEDS_ORDER: "Neither the sum nor the rate nor a frame is enough: what happens before what "
    "tells the classes apart, so a memory is needed.",
    NEEDS_BOTH: "The sum tells some recordings apart and the time others: use a network that has "
    "a memory and sees the places, too.",
    NOTHING: "Look at {best}, the best of them, record more, or see whether the classes differ "
    "at all.",
    CANNOT_TELL: "What differs may be chance: record more, in more groups, or choose finer bins "
    "by time_window. {decidable}",
}
SHORTCUT = " But that may be a shortcut. Correct by themselves: {alone}. So check {advice}."
BEST = (
    "The best of {models} models, {best}, classifies {accuracy:.0%} of {recordings} unseen "
    "recordings correctly; the most frequent class is right in {guess:.0%}."
)
COMPARED = (
    "In bins of {ms:g} ms, the best of the sum, {summed}, reaches {of_sum:.0%}, the rate alone "
    "{of_rate:.0%}, each frame alone {of_frame:.0%}; {timed} differs from the sum by {lead}."
)

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
    return table.reindex(columns=[PLAIN, "low", "high", *CONTROLS, REVERSED])


def judge(
    correct: Correct, targets: Sequence[int], groups: Sequence[Any], time_window: float
) -> tuple[str, tuple[str, ...]]:
    """Say what the best of all models needs: the least that comes within ``MARGIN`` of it.

    Args:
        correct: By model and change. ``CONTROLS`` may be missing, and finer bins.
        targets: The class of each recording.
        groups: The group of each recording.
        time_window: Width of the time bins in µs.

    Returns:
        The verdict, and three sentences that say why.
    """
    judged = _Judged(correct, np.asarray(targets), groups)
    accuracy = judged.accuracy
    best = judged.best(correct)
    timed = judged.best(judged.timed)
    summed = judged.best(judged.summed)
    rival = judged.best([*judged.timed, *SUMS])
    least = judged.least(rival)
    shortcuts = judged.shortcuts(best)
    if least == RATE_ENOUGH:  # which starts and ends differ in, too
        weak = [part for part in ANYWHERE if not judged.enough(rival, [part])]
        shortcuts = [name for name in shortcuts if name not in weak]
    in_time = least not in (SUM_ENOUGH, NOTHING, CANNOT_TELL)
    of_camera = least == SUM_ENOUGH and "hot pixels" in shortcuts
    nothing_else = judged.lead(best, rival)[1] > 0
    of_time = shortcuts and (in_time or nothing_else)
    verdict = HAS_SHORTCUT if of_camera or of_time else least
    ms = time_window / (5000 if timed.endswith(FINER) else 1000)
    alone = [f"{name} {accuracy[name]:.0%}" for name in shortcuts]
    words = {
        "models": len(correct),
        "best": best,
        "accuracy": accuracy[best],
        "recordings": len(targets),
        "guess": accuracy[GUESS],
        "ms": ms,
        "summed": summed,
        "of_sum": accuracy[summed],
        "of_rate": accuracy[RATE],
        "of_frame": accuracy[FRAME],
        "timed": timed,
        "lead": _points(judged.lead(timed, summed)),
        "margin": 100 * MARGIN,
        "decidable": decidable(groups),
        "alone": ", ".join(alone),
        "advice": " and ".join(dict.fromkeys(SHORTCUTS[name] for name in shortcuts)),
    }
    third = REASONS[least] + (SHORTCUT if shortcuts else "")
    first, second, third = (sentence.format(**words) for sentence in (BEST, COMPARED, third))
    return verdict, (first, second, third)


class _Judged:
    """Comparisons of what models classified correctly."""

    def __init__(self, correct: Correct, targets: np.ndarray, groups: Sequence[Any]):
        self.groups = groups
        self.models = len(correct)
        self.classes = len(set(targets.tolist()))
        untimed = {*SUMS, *SHORTCUTS, *ANYWHERE.values()}
        self.timed = [name for name in correct if name not in untimed]
        self.right = {name: by_change[PLAIN] for name, by_change in correct.items()}
        self.right[GUESS] = targets == np.bincount(targets).argmax()
        for name in self.timed:
            for change, right in correct[name].items():
                if change != PLAIN:
                    self.right[f"{name}, {change}"] = right
        self.accuracy = pd.Series({name: right.mean() for name, right in self.right.items()})
        self.summed = [*SUMS, *self.changed(UNIFORM)]

    def changed(self, change: str) -> list[str]:
        """Name the models that saw changed recordings."""
        return [name for name in self.right if name.endswith(change)]

    def best(self, names: Iterable[str]) -> str:
        """Return the name of the most accurate one."""
        return self.accuracy[[*names]].idxmax()

    def lead(self, first: str, second: str) -> Lead:
        """Return by how much a model is better than another, the first being the best of many."""
        models = self.models if second == GUESS else len(self.timed)
        return lead_interval(self.right[first], self.right[second], self.groups, models)

    def enough(self, rival: str, names: Sequence[str]) -> bool | None:
        """Say whether the best of some models is within the margin; None: it's unknown."""
        more, low, high = self.lead(rival, self.best(names))
        if more <= MARGIN and high <= WIDEST:
            return True
        return False if low > 0 and more > MARGIN else None

    def least(self, rival: str) -> str:
        """Return the verdict, whatever shortcuts there are, of the best model beside them."""
        more, low, high = self.lead(rival, GUESS)
        if low <= 0:
            much = more >= (1 - self.accuracy[GUESS]) / 2
            return CANNOT_TELL if much or high - more > 0.5 else NOTHING
        of_sum = self.enough(rival, self.summed)
        if of_sum:
            return NEEDS_BOTH if self.is_turned() else SUM_ENOUGH
        of_time = [name == rival or self.enough(rival, [name]) for name in (RATE, FRAME)]
        if of_sum is False and True in of_time:
            return FRAME_ENOUGH if of_time.index(True) else RATE_ENOUGH
        if None in (of_sum, *of_time):
            return CANNOT_TELL
        shuffled = self.changed(SHUFFLED)
        of_both = self.sum_tells_some(rival) or (shuffled and self.enough(rival, shuffled))
        return NEEDS_BOTH if of_both else NEEDS_ORDER

    def is_turned(self) -> bool:
        """Say whether reversed recordings look like another class, and the sum leaves errors."""
        below = [self.lead(GUESS, name)[1] for name in self.changed(REVERSED)]
        return max(below, default=0) > 0 and self.accuracy[self.summed].max() <= 1 - 2 * MARGIN

    def sum_tells_some(self, rival: str) -> bool:
        """Say whether the sum tells a part, which models that hardly see it don't know."""
        more, low, _ = self.lead(self.best(self.summed), GUESS)
        room = self.accuracy[rival] - self.accuracy[GUESS]
        # Of more than two classes, regions also tell which of them are touched.
        without_places = FEATURES[:1] if self.classes > 2 else FEATURES[:2]
        return low > 0 and more >= room / 4 and self.enough(rival, without_places) is False

    def shortcuts(self, best: str) -> list[str]:
        """Name what gets more than half of the best model's lead by itself.

        A start or an end has to say at least twice as much as any other tenth: else each part shows
        the class.
        """
        names = []
        for name in SHORTCUTS:
            more, low, _ = self.lead(name, GUESS)
            elsewhere = ANYWHERE.get(name, GUESS)
            above_others = self.lead(name, elsewhere)[1]
            least = max(self.lead(best, GUESS)[0] / 2, 2 * self.lead(elsewhere, GUESS)[0])
            if min(low, above_others) > 0 and more > least:
                names.append(name)
        return names


def _points(lead: Lead) -> str:
    percent = [100 * share for share in lead]
    return "{:+.0f} points ({:+.0f} to {:+.0f})".format(*percent)


def lead_interval(
    first: np.ndarray, second: np.ndarray, groups: Sequence[Any], models: int = 1
) -> Lead:
    """Return how much more accurate the best of some models is than another, and an interval.

    It is that of Student's t for groups of recordings, as wide as the interval of a single model is
    at 100 − 5 / ``models`` % (Bonferroni), since the best of several is ahead by chance more often.
    Unlike a bootstrap, it holds its level with few groups, too, and with groups of unequal size:
    a group's deviation counts more the larger the group is, and degrees of freedom are fewer (CR2
    and Satterthwaite's: Pustejovsky and Tipton 2018, doi:10.1080/07350015.2016.1247004). Where all
    groups say the same, it is the exact one for n recordings without an exception (Clopper and
    Pearson 1934).

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
    numbers = check_groups(groups, number)
    by_group = np.bincount(numbers, difference - mean)
    tail = 0.025 / models
    if len(by_group) == 1 or np.allclose(by_group, 0):
        width = 1 - tail ** (1 / number)
    else:
        sizes = np.bincount(numbers)
        error = math.sqrt((by_group**2 / (1 - sizes / number)).sum()) / number
        width = student.ppf(1 - tail, _degrees_of_freedom(sizes)) * error
    mean, low, high = np.clip([mean, mean - width, mean + width], -1, 1).tolist()
    return mean, low, high


def _degrees_of_freedom(sizes: np.ndarray) -> float:
    """Return Satterthwaite's, of a mean over groups: one less than there are if all are equal."""
    shares = sizes / sizes.sum()
    adjusted = shares * sizes / (1 - shares).clip(1e-9)
    of_pairs = adjusted.sum() ** 2 - (adjusted**2).sum()
    return sizes.sum() ** 2 / ((sizes**2).sum() + of_pairs)


def decidable(groups: Sequence[Any]) -> str:
    """Say which differences in accuracy these groups can show, before anything is trained.

    The least is half the width of ``lead_interval``, of the best of five models, if two models
    disagree on a quarter of the recordings, and their difference varies by 15 points among groups.

    Args:
        groups: The group of each recording.

    Example:
        >>> decidable(["anna", "ben", "carl", "dora"] * 30)
        "Groups: 4, so differences below 51 points can't be told."
    """
    sizes = np.bincount(check_groups(groups, len(groups)))
    shares = sizes / sizes.sum()
    error = math.sqrt((shares**2 * (0.15**2 + 0.25 / sizes)).sum())
    points = 100 * error * student.ppf(1 - 0.025 / 5, _degrees_of_freedom(sizes))
    differences = f"differences below {points:.0f} points" if points < 100 else "differences"
    return f"Groups: {len(sizes)}, so {differences} can't be told."
