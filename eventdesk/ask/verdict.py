"""What models say about recordings: three questions, each answered by a difference in accuracy.

(a) Can any model tell the classes apart? An exact test against guessing says so. (b) Is a model
without the order of events as good as the best? (c) Is something trivial as good? Both ask whether
a model is non-inferior: whether the best is ahead of it by no more than a margin, with the interval
of the difference. ``judge`` answers them in a ``Row`` per model, of which ``Judgement`` draws the
conclusion.

A ``Candidate`` is a model that takes part: it says what it sees, and its ``make`` returns of the
settings of a fold an estimator, as ``study.estimators`` has them.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd
from numpy import ndarray
from pandas import DataFrame
from scipy.stats import binomtest

from ..evidence.differences import Difference, paired_difference

MARGIN = 0.10  # by which the best may be ahead of a model that is as good, at most, in accuracy
LEVEL = 0.01  # of the test against guessing, for all models together
NEARLY_ALL = 0.95  # is right: what gets that is enough, and nothing is left to find
# Folds learn from partly the same recordings, so that their answers are lucky together: the
# variance of answers to noise was up to so many times that of independent ones. Without it, 11 of
# 200 sets of noise were told apart, and with it at most 2 (``test_folds_that_share_recordings``).
SHARED = 5 / 3


class Answer(Enum):
    """An answer to a question."""

    YES = "yes"
    NO = "no"
    CANT_TELL = "can't tell"
    ANY_PART = "as any part"  # a start or an end is as good, and so is any other part: no shortcut
    NOT_ASKED = ""


class Sees(Enum):
    """What a model sees of a recording."""

    TRIVIAL = "something trivial"
    CONTROL = "a part from anywhere, which a start or an end is held against"
    IMAGE = "the event-count image"
    RATE = "the event rate over time"
    FRAMES = "single frames"
    IMAGE_AND_RATE = "the event-count image and the event rate"
    ORDER = "the order of events, by hand-made features"
    MEMORY = "the order of events, by a memory"


class Verdict(Enum):
    """What the recordings need."""

    SHORTCUT = "a shortcut is enough"
    IMAGE = "the event-count image is enough"
    RATE = "the event rate over time is enough"
    FRAMES = "single frames are enough"
    IMAGE_AND_RATE = "the event-count image and the event rate are enough"
    ORDER = "the order of events is needed"
    NOTHING = "no model tells the classes apart"
    CANT_TELL = "can't tell"


ENOUGH = {  # the verdict where a model that sees no more is as good as the best
    Sees.IMAGE: Verdict.IMAGE,
    Sees.RATE: Verdict.RATE,
    Sees.FRAMES: Verdict.FRAMES,
    Sees.IMAGE_AND_RATE: Verdict.IMAGE_AND_RATE,
}
QUESTIONS = {Sees.TRIVIAL: "c", **dict.fromkeys(ENOUGH, "b")}


@dataclass(frozen=True, eq=False)
class Candidate:
    """What is compared.

    Attributes:
        name: Printed in tables.
        sees: What it sees of a recording.
        make: Makes an estimator, as in ``study.estimators``, of settings.
        check: What to look at where this model, which is trivial, is as good as the best.
        control: Sees the same of any part of a recording. A start or an end is a shortcut only if
            its control tells less than half as much above guessing.
        spikes: Whether it is a spiking network.
        as_recorded: Whether it sees recordings with their own times.
    """

    name: str
    sees: Sees
    make: Callable[[Any], Any]
    check: str = ""
    control: "Candidate | None" = None
    spikes: bool = False
    as_recorded: bool = True

    @property
    def deployable(self) -> bool:
        """Whether it can be handed over: it isn't trivial, and sees recordings as they are."""
        return self.as_recorded and self.sees not in (Sees.TRIVIAL, Sees.CONTROL)


Correct = Mapping[Candidate, ndarray]  # whether each recording is classified correctly


@dataclass(frozen=True)
class Row:
    """What is said about a model: a row of the table.

    Attributes:
        model: The model.
        share: Of the recordings that it classifies correctly, with its 95 % interval.
        behind: By how much the best model is more accurate; 0 for itself.
        as_good: Whether it is non-inferior to the best. A model that agrees with the best on all
            recordings, as the best itself, is, unless they are too few.
        silent: Whether it gave no answer to any recording, as a network that never spikes.
    """

    model: Candidate
    share: Difference
    behind: Difference
    as_good: Answer
    silent: bool


@dataclass(eq=False)
class Judgement:
    """The answers, and what they are drawn from.

    Attributes:
        correct: Whether each recording is classified correctly, (recordings,), by model.
        targets: The class of each recording.
        groups: The number of each recording's group, from 0.
        silent: Models that gave no answer at all.
        within: Whether it holds for new recordings in these groups alone, since there are too few
            groups to say it of new ones.
        guess: The share of the most frequent class.
        margin: By how much the best may be ahead of a model that is as good, in accuracy.
        apart: Whether any model tells the classes apart, question (a).
        p_value: Of the exact test, with Bonferroni's correction.
        rivals: How many models the best one is the best of.
        rows: One a model.
        best: The row of the best model.
        sizes: How many recordings each group has.
        verdict: The conclusion.
        enough: The rows of what is enough, as the verdict says, if anything is.
    """

    correct: Correct
    targets: Sequence[int]
    groups: ndarray
    silent: Collection[Candidate] = ()
    within: bool = False

    def __post_init__(self) -> None:
        correct = self.correct
        self.sizes = np.bincount(self.groups)
        self.guess = float(np.bincount(self.targets).max() / len(self.groups))
        self.margin = margin_above(self.guess)
        units = np.arange(len(self.groups)) if self.within else self.groups
        self.apart, self.p_value = tell_apart(correct.values(), self.targets, units)
        rivals = [model for model in correct if model.sees is not Sees.CONTROL]
        self.rivals = len(rivals)
        # Of equally good ones, one that isn't trivial comes first.
        best = max(rivals, key=lambda one: (correct[one].mean(), one.sees is not Sees.TRIVIAL))
        models = [model for sees in Sees for model in correct if model.sees is sees]
        self.rows = [self._row(model, best) for model in models]
        self.best = self.rows[models.index(best)]
        self.verdict, self.enough = self._conclude()

    def _row(self, model: Candidate, best: Candidate) -> Row:
        """Return what is said about a model."""
        nothing = np.zeros(1)
        share = paired_difference(self.correct[model], nothing, self.groups, within=self.within)
        share = share._replace(low=max(0.0, share.low))
        behind = self._ahead(best, model)
        as_good = self._as_good(model, behind) if model.sees in QUESTIONS else Answer.NOT_ASKED
        if model is best:
            behind = Difference(0.0, 0.0, 0.0)
        return Row(model, share, behind, as_good, model in self.silent)

    def _ahead(self, better: Candidate, model: Candidate) -> Difference:
        """Return by how much a model is more accurate than another."""
        first, second = self.correct[better], self.correct[model]
        return paired_difference(first, second, self.groups, self.rivals, self.within)

    def _as_good(self, model: Candidate, behind: Difference) -> Answer:
        """Say whether a model is non-inferior, and where it has a control, for its own reason."""
        answer = non_inferior(behind, self.margin)
        if answer is Answer.NO or not model.control:
            return answer
        more = self._ahead(model, model.control)
        half = (self.correct[model].mean() - self.guess) / 2
        if more.low > 0 and more.mean > half:  # twice as much above guessing as any part
            return answer
        return Answer.ANY_PART if more.high < half or more.mean <= 0 else Answer.CANT_TELL

    def _conclude(self) -> tuple[Verdict, list[Row]]:
        """Return the conclusion, the first that is true, and what is as good as the best."""
        if self.apart is not Answer.YES:
            return Verdict.NOTHING if self.apart is Answer.NO else Verdict.CANT_TELL, []
        shortcuts = self.shortcuts()
        if shortcuts:
            return Verdict.SHORTCUT, shortcuts
        rows = self.without_order()
        answers = [row.as_good for row in rows]
        # The image, which is simplest, is claimed first: so it may not be in doubt.
        if Answer.YES in answers and answers[0] is not Answer.CANT_TELL:
            first = rows[answers.index(Answer.YES)]
            return ENOUGH[first.model.sees], [first]
        return Verdict.CANT_TELL if Answer.CANT_TELL in answers else Verdict.ORDER, []

    def seeing(self, sees: Sees) -> list[Row]:
        """Return the rows of models that see this, the best first."""
        rows = [row for row in self.rows if row.model.sees is sees]
        return sorted(rows, key=lambda row: -row.share.mean)

    def shortcuts(self, as_good: Answer = Answer.YES) -> list[Row]:
        """Return the rows of trivial models that are as good as the best, or may be."""
        return [row for row in self.seeing(Sees.TRIVIAL) if row.as_good is as_good]

    def without_order(self) -> list[Row]:
        """Return the best row of each kind of model that doesn't see the order."""
        return [self.seeing(sees)[0] for sees in ENOUGH]

    def table(self) -> DataFrame:
        """Return a row per model, shares from 0 to 1."""
        return DataFrame(
            {
                "question": QUESTIONS.get(row.model.sees, ""),
                "model": row.model.name,
                "sees": row.model.sees.value,
                "correct": row.share.mean,
                "low": row.share.low,
                "high": row.share.high,
                "behind": row.behind.mean,
                "behind, low": row.behind.low,
                "behind, high": row.behind.high,
                "as good": row.as_good.value,
                "silent": row.silent,
            }
            for row in self.rows
        )


def judge(
    correct: Correct,
    targets: Sequence[int],
    groups: ndarray,
    silent: Collection[Candidate] = (),
) -> Judgement:
    """Answer the three questions for new groups, or, where that can't be told, within these.

    Args:
        correct: Whether each recording is classified correctly, (recordings,), by model.
        targets: The class of each recording.
        groups: The number of each recording's group, from 0, as ``Evidence.group_numbers``.
        silent: Models that gave no answer at all.

    Example:
        >>> models = [Candidate(sees.value, sees, make=dict) for sees in Sees]
        >>> correct = dict.fromkeys(models, np.arange(100) % 10 > 0)  # 90 of 100
        >>> judged = judge(correct, targets=np.arange(100) % 2, groups=np.arange(100))
        >>> judged.verdict.value
        'a shortcut is enough'
    """
    judgement = Judgement(correct, targets, groups, silent)
    if judgement.verdict is Verdict.CANT_TELL and len(judgement.sizes) < len(groups):
        within = Judgement(correct, targets, groups, silent, within=True)
        if within.verdict is not Verdict.CANT_TELL:
            return within
    return judgement


def tell_apart(
    answers: Iterable[ndarray], targets: Sequence[int], groups: ndarray
) -> tuple[Answer, float]:
    """Say whether the best of some models does better than guessing the most frequent class.

    The test is binomial and exact, with Bonferroni's correction for the number of models. Networks
    of different folds learn from partly the same recordings and may be lucky together: where there
    is nothing to tell, the variance of the share that is right is up to 5/3 of that of independent
    answers (Nadeau and Bengio, "Inference for the generalization error", Machine Learning, 2003),
    so that only 3 recordings of 5 are counted. Where a group holds several recordings, all of one
    class, what it is of may tell its class, so that groups are counted, and not recordings. "No"
    means that no model is likely to come half of the way from guessing to 100 %: that the upper end
    of the exact interval of the best lies below.

    Args:
        answers: Whether each recording is classified correctly, (recordings,), by each model.
        targets: The class of each recording.
        groups: The number of each recording's group, from 0.

    Returns:
        The answer, and the corrected p value.

    Example:
        >>> right = np.arange(100) < 80
        >>> tell_apart([right], np.arange(100) % 2, np.arange(100))[0]
        <Answer.YES: 'yes'>
    """
    guess = np.bincount(targets).max() / len(targets)
    by_group = pd.Series(targets).groupby(groups)
    confounded = ((by_group.nunique() == 1) & (by_group.size() > 1)).any()
    units = groups if confounded else np.arange(len(targets))
    rates = [pd.Series(right, dtype=float).groupby(units).mean().sum() for right in answers]
    number = units.max() + 1
    independent = int(number / SHARED)
    test = binomtest(int(max(rates) / SHARED + 1e-9), independent, guess, alternative="greater")
    p_value = min(1, test.pvalue * len(rates))
    highest = binomtest(test.k, independent).proportion_ci().high
    if p_value < LEVEL:
        return Answer.YES, p_value
    return (Answer.NO if highest < (1 + guess) / 2 else Answer.CANT_TELL), p_value


def margin_above(guess: float) -> float:
    """Return the margin: a fifth of what is to be gained above guessing, at most ``MARGIN``.

    Where nine recordings of ten are of one class, the most trivial model is only 10 points behind
    one that is always right.

    Args:
        guess: The share of the most frequent class.

    Example:
        >>> round(margin_above(0.25), 2), round(margin_above(0.5), 2), round(margin_above(0.9), 2)
        (0.1, 0.1, 0.02)
    """
    return min(MARGIN, (1 - guess) / 5)


def non_inferior(behind: Difference, margin: float = MARGIN) -> Answer:
    """Say whether a model that is so far behind is as good: by the margin at most.

    Yes: the upper end of the interval is within the margin. No: it is further behind, and the lower
    end is above 0.

    Args:
        behind: By how much the best model is more accurate.
        margin: In accuracy.

    Example:
        >>> non_inferior(Difference(0.02, -0.03, 0.07)), non_inferior(Difference(0.3, 0.2, 0.4))
        (<Answer.YES: 'yes'>, <Answer.NO: 'no'>)
    """
    if behind.high <= margin:
        return Answer.YES
    if behind.low > 0 and behind.mean > margin:
        return Answer.NO
    return Answer.CANT_TELL
