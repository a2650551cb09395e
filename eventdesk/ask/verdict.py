"""What models say about recordings: three questions, each answered by a difference in accuracy.

(a) Can any model tell the classes apart? An exact test against guessing says so. (b) Is a model
without the order of events as good as the best? (c) Is something trivial as good? Questions (b) and
(c) ask whether a model is non-inferior: whether the whole interval of the difference to the best
lies within a margin. ``judge`` answers with a ``Judgement``: a ``Row`` for each model, and the
conclusion.

A ``Candidate`` is a model that takes part: it says what it sees, and its ``make`` turns the
settings of a fold into an estimator, as in ``evidence.estimators``.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy import ndarray
from scipy.stats import binomtest

from ..evidence.differences import Difference, paired_difference

MARGIN = 0.10  # accuracy by which the best may be ahead, at most, of a model that is as good
LEVEL = 0.01  # of the test against guessing, for all models together
NEARLY_ALL = 0.95  # accuracy from which on nothing is left to find
# Networks of different folds learn from partly the same recordings and are lucky together: the
# variance of their answers to noise was up to 5/3 of that of independent answers. Without this
# factor, 11 of 200 sets of noise were told apart, with it at most 2
# (``test_folds_that_share_recordings``).
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
    """A model that takes part in the comparison.

    Attributes:
        name: The name that tables print.
        sees: What it sees of a recording.
        make: Turns the settings of a fold into an estimator, as in ``evidence.estimators``.
        check: What to look at in the recordings if this trivial model is as good as the best.
        control: A model that sees the same of any part of a recording. A start or an end is a
            shortcut only if its control tells less than half as much above guessing.
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
        """Whether the model can be handed over: it isn't trivial, and sees real times."""
        return self.as_recorded and self.sees not in (Sees.TRIVIAL, Sees.CONTROL)


Correct = Mapping[Candidate, ndarray]  # whether each recording is classified correctly


@dataclass(frozen=True)
class Row:
    """What is said about a model: a row of the table.

    Attributes:
        model: The model.
        share: The share of the recordings that it classifies correctly, with its 95 % interval.
        behind: By how much the best model is more accurate; 0 for the best model itself.
        as_good: Whether it is non-inferior to the best. The best itself is, and so is a model that
            agrees with it on all recordings, unless the recordings are too few.
        silent: Whether it gave no answer to any recording, as a network that never spikes.
    """

    model: Candidate
    share: Difference
    behind: Difference
    as_good: Answer
    silent: bool


@dataclass(frozen=True, eq=False)
class Judgement:
    """The answers to the three questions, the numbers behind them, and the conclusion.

    Attributes:
        apart: Whether any model tells the classes apart, question (a).
        p_value: The p value of the exact test against guessing, with Bonferroni's correction.
        rows: A row for each model, in the order of ``Sees``.
        best: The row of the best model.
        rivals: The number of models among which the best one is the best.
        guess: The share of the most frequent class.
        margin: By how much the best may be ahead of a model that is as good, in accuracy.
        sizes: The number of recordings in each group.
        within: Whether the answers hold for new recordings in these groups alone, since there are
            too few groups to say anything about new ones.
    """

    apart: Answer
    p_value: float
    rows: list[Row]
    best: Row
    rivals: int
    guess: float
    margin: float
    sizes: ndarray
    within: bool

    @property
    def verdict(self) -> Verdict:
        """The conclusion: what the recordings need."""
        if self.apart is not Answer.YES:
            return Verdict.NOTHING if self.apart is Answer.NO else Verdict.CANT_TELL
        if self.shortcuts():
            return Verdict.SHORTCUT
        if self.enough:
            return ENOUGH[self.enough[0].model.sees]
        answers = [row.as_good for row in self.without_order()]
        return Verdict.CANT_TELL if Answer.CANT_TELL in answers else Verdict.ORDER

    @property
    def enough(self) -> list[Row]:
        """The rows of the models that are enough: all shortcuts, or else the simplest model."""
        if self.apart is not Answer.YES:
            return []
        if self.shortcuts():
            return self.shortcuts()
        rows = self.without_order()
        # The image, which is simplest, is claimed first: so it may not be in doubt.
        if rows[0].as_good is Answer.CANT_TELL:
            return []
        return [row for row in rows if row.as_good is Answer.YES][:1]

    def seeing(self, sees: Sees) -> list[Row]:
        """Return the rows of the models that see this, the best first."""
        rows = [row for row in self.rows if row.model.sees is sees]
        return sorted(rows, key=lambda row: -row.share.mean)

    def shortcuts(self, as_good: Answer = Answer.YES) -> list[Row]:
        """Return the rows of the trivial models that are as good as the best, or may be."""
        return [row for row in self.seeing(Sees.TRIVIAL) if row.as_good is as_good]

    def without_order(self) -> list[Row]:
        """Return the best row of each kind of model that doesn't see the order."""
        return [self.seeing(sees)[0] for sees in ENOUGH]


def judge(
    correct: Correct,
    targets: Sequence[int],
    groups: ndarray,
    silent: Collection[Candidate] = (),
    originals: Sequence[int] | ndarray | None = None,
) -> Judgement:
    """Answer the three questions for new groups, or, where that can't be told, within these.

    Copies of a recording say no more than one of them, so they count once, by their mean.

    Args:
        correct: Whether each recording is classified correctly, (recordings,), by model.
        targets: The class of each recording.
        groups: The number of each recording's group, from 0, as ``Evidence.group_numbers``.
        silent: Models that gave no answer at all.
        originals: The number of what each recording is a copy of. Default: there are no copies.

    Example:
        >>> models = [Candidate(sees.value, sees, make=dict) for sees in Sees]
        >>> correct = dict.fromkeys(models, np.arange(100) % 10 > 0)  # 90 of 100
        >>> judged = judge(correct, targets=np.arange(100) % 2, groups=np.arange(100))
        >>> judged.verdict.value
        'a shortcut is enough'
    """
    if originals is not None:
        correct, targets, groups = _count_once(correct, targets, groups, originals)
    judgement = judge_groups(correct, targets, groups, silent)
    if judgement.verdict is Verdict.CANT_TELL and len(judgement.sizes) < len(groups):
        within = judge_groups(correct, targets, groups, silent, within=True)
        if within.verdict is not Verdict.CANT_TELL:
            return within
    return judgement


def _count_once(
    correct: Correct, targets: Sequence[int], groups: ndarray, originals: Sequence[int] | ndarray
) -> tuple[Correct, Sequence[int], ndarray]:
    """Return what ``judge`` takes for one recording of each original and class."""
    labels = np.stack([originals, targets])
    _, firsts, units = np.unique(labels, axis=1, return_index=True, return_inverse=True)
    copies = np.bincount(units)
    shares = {model: np.bincount(units, right) / copies for model, right in correct.items()}
    return shares, np.asarray(targets)[firsts].tolist(), groups[firsts]


def judge_groups(
    correct: Correct,
    targets: Sequence[int],
    groups: ndarray,
    silent: Collection[Candidate] = (),
    within: bool = False,
) -> Judgement:
    """Answer the three questions for new groups, or for new recordings within these groups.

    The other arguments are those of ``judge``.
    """
    guess = float(np.bincount(targets).max() / len(groups))
    margin = margin_above(guess)
    units = _within_units(targets, groups) if within else groups
    apart, p_value = tell_apart(correct.values(), targets, units)
    rivals = [model for model in correct if model.sees is not Sees.CONTROL]
    # Of equally good ones, one that isn't trivial comes first.
    best = max(rivals, key=lambda one: (correct[one].mean(), one.sees is not Sees.TRIVIAL))
    ahead = partial(paired_difference, groups=groups, models=len(rivals), within=within)
    rows = {}
    for model in [model for sees in Sees for model in correct if model.sees is sees]:
        right = correct[model]
        share = paired_difference(right, np.zeros(1), groups, within=within)
        behind = ahead(correct[best], right)
        as_good = Answer.NOT_ASKED
        if model.sees in QUESTIONS:
            as_good = non_inferior(behind, margin)
        if model.control and as_good is not Answer.NO:
            more = ahead(right, correct[model.control])
            as_good = _unless_any_part_is(as_good, more, right.mean() - guess)
        rows[model] = Row(
            model,
            share=share._replace(low=max(0.0, share.low)),
            behind=Difference(0.0, 0.0, 0.0) if model is best else behind,
            as_good=as_good,
            silent=model in silent,
        )
    return Judgement(
        apart=apart,
        p_value=p_value,
        rows=list(rows.values()),
        best=rows[best],
        rivals=len(rivals),
        guess=guess,
        margin=margin,
        sizes=np.bincount(groups),
        within=within,
    )


def _within_units(targets: Sequence[int], groups: ndarray) -> ndarray:
    """Return the number of what counts once within groups: a recording, or a group of one class.

    Of a group of one class, a model that knows the group alone is right about all or about none.
    """
    classes = pd.Series(targets).groupby(groups).nunique().to_numpy()
    alone = groups.max() + 1 + np.arange(len(groups))
    units = np.where(classes[groups] == 1, groups, alone)
    return np.unique(units, return_inverse=True)[1]


def _unless_any_part_is(as_good: Answer, more: Difference, above_guessing: float) -> Answer:
    """Return the answer about a start or an end, which stands unless any part tells half as much.

    Args:
        as_good: The answer so far.
        more: By how much the model is more accurate than its control, which sees any part.
        above_guessing: By how much the model is more accurate than guessing.
    """
    half = above_guessing / 2
    if more.low > 0 and more.mean > half:
        return as_good
    return Answer.ANY_PART if more.high < half or more.mean <= 0 else Answer.CANT_TELL


def tell_apart(
    answers: Iterable[ndarray], targets: Sequence[int], groups: ndarray
) -> tuple[Answer, float]:
    """Say whether the best of some models does better than guessing the most frequent class.

    The test is binomial and exact, with Bonferroni's correction for the number of models. Networks
    of different folds learn from partly the same recordings and may be lucky together: where there
    is nothing to tell, the variance of the share that is right is up to 5/3 of that of independent
    answers (Nadeau and Bengio, "Inference for the generalization error", Machine Learning, 2003),
    so that only 3 recordings of 5 are counted. Where a group holds several recordings, all of one
    class, a model may recognise the group in place of the class, so that groups are counted, and
    not recordings. "No" means that no model is likely to come half of the way from guessing to
    100 %: the upper end of the exact interval of the best lies below that.

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
    if highest < (1 + guess) / 2:
        return Answer.NO, p_value
    return Answer.CANT_TELL, p_value


def margin_above(guess: float) -> float:
    """Return the margin: a fifth of what a model can gain above guessing, at most ``MARGIN``.

    Where nine recordings of ten are of one class, guessing is only 10 points behind a model that is
    always right.

    Args:
        guess: The share of the most frequent class.

    Example:
        >>> round(margin_above(0.25), 2), round(margin_above(0.5), 2), round(margin_above(0.9), 2)
        (0.1, 0.1, 0.02)
    """
    return min(MARGIN, (1 - guess) / 5)


def non_inferior(behind: Difference, margin: float) -> Answer:
    """Say whether a model is as good as the best: behind it by no more than a margin.

    Yes: the upper end of the interval is within the margin. No: the mean is outside of it, and the
    lower end is above 0.

    Args:
        behind: By how much the best model is more accurate.
        margin: The largest difference that doesn't matter, in accuracy.

    Example:
        >>> non_inferior(Difference(0.02, -0.03, 0.07), margin=0.1)
        <Answer.YES: 'yes'>
    """
    if behind.high <= margin:
        return Answer.YES
    if behind.low > 0 and behind.mean > margin:
        return Answer.NO
    return Answer.CANT_TELL
