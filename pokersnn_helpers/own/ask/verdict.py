"""What models say about recordings: three questions, each answered by a difference in accuracy.

(a) Can any model tell the classes apart? An exact test against guessing says so. (b) Is a model
without the order of events as good as the best? (c) Is something trivial as good? Both ask whether
a model is non-inferior: whether the best is ahead of it by no more than a margin, with the interval
of the difference. ``judge`` answers them, and ``headline`` draws the conclusion.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from scipy.stats import t as student

from ...checks import check_groups
from ...study.intervals import Difference, degrees_of_freedom, paired_difference

MARGIN = 0.10  # by which the best may be ahead of a model that is as good, at most, in accuracy
LEVEL = 0.01  # of the test against guessing, for all models together
SHARED = 5 / 3  # variance of answers of folds, which share recordings, by that of independent ones


class Answer(Enum):
    """An answer to a question."""

    YES = "yes"
    NO = "no"
    CANT_TELL = "can't tell"


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


WITHOUT_ORDER = (Sees.IMAGE, Sees.RATE, Sees.FRAMES, Sees.IMAGE_AND_RATE)
QUESTIONS = {Sees.TRIVIAL: "c", **dict.fromkeys(WITHOUT_ORDER, "b")}


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


@dataclass(frozen=True, eq=False)
class Model:
    """What is compared.

    Attributes:
        name: Printed in tables.
        sees: What it sees of a recording.
        make: Makes an estimator, as in ``study.estimators``, of settings.
        check: What to look at where this model, which is trivial, is as good as the best.
        control: Sees the same of any part of a recording. A start or an end is a shortcut only if
            its control tells less than half as much above guessing.
    """

    name: str
    sees: Sees
    make: Callable[[Any], Any]
    check: str = ""
    control: "Model | None" = None


Correct = Mapping[Model, np.ndarray]  # whether each recording is classified correctly


@dataclass(frozen=True)
class Row:
    """What is said about a model: a row of the table.

    Attributes:
        model: The model.
        share: Of the recordings that it classifies correctly, with its 95 % interval.
        behind: By how much the best model is more accurate.
        as_good: Whether it is non-inferior to the best; None where nobody asks.
    """

    model: Model
    share: Difference
    behind: Difference
    as_good: Answer | None


@dataclass(frozen=True)
class Judgement:
    """The answers, and what they are drawn from.

    Attributes:
        verdict: The conclusion.
        within: Whether it holds for new recordings in these groups alone, since there are too few
            groups to say it of new ones.
        rows: One a model.
        best: The row of the best model.
        apart: Whether any model tells the classes apart, question (a).
        p_value: Of the exact test, with Bonferroni's correction.
        guess: The share of the most frequent class.
        rivals: How many models the best one is the best of.
    """

    verdict: Verdict
    within: bool
    rows: tuple[Row, ...]
    best: Row
    apart: Answer
    p_value: float
    guess: float
    rivals: int

    @property
    def margin(self) -> float:
        """By how much the best may be ahead of a model that is as good, in accuracy."""
        return margin_above(self.guess)

    def seeing(self, *sees: Sees) -> list[Row]:
        """Return the rows of models that see this, the best first."""
        rows = [row for row in self.rows if row.model.sees in sees]
        return sorted(rows, key=lambda row: -row.share.mean)

    def table(self) -> pd.DataFrame:
        """Return a row per model, shares from 0 to 1."""
        return pd.DataFrame(
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
                "as good": row.as_good.value if row.as_good else "",
            }
            for row in self.rows
        )


def judge(correct: Correct, targets: Sequence[int], groups: Sequence[Any]) -> Judgement:
    """Answer the three questions for new groups, or, where that can't be told, within these.

    Args:
        correct: Whether each recording is classified correctly, (recordings,), by model.
        targets: The class of each recording.
        groups: The group of each recording.

    Example:
        >>> models = [Model(sees.value, sees, make=dict) for sees in Sees]
        >>> correct = dict.fromkeys(models, np.arange(100) % 10 > 0)  # 90 of 100
        >>> judged = judge(correct, targets=np.arange(100) % 2, groups=range(100))
        >>> judged.verdict.value
        'a shortcut is enough'
    """
    judgement = _judge(correct, targets, groups, within=False)
    if judgement.verdict is Verdict.CANT_TELL and len(set(groups)) < len(groups):
        within = _judge(correct, targets, groups, within=True)
        if within.verdict is not Verdict.CANT_TELL:
            return within
    return judgement


def _judge(
    correct: Correct, targets: Sequence[int], groups: Sequence[Any], within: bool
) -> Judgement:
    guess = np.bincount(targets).max() / len(targets)
    apart, p_value = tell_apart(correct.values(), targets, range(len(groups)) if within else groups)
    accuracy = {model: right.mean() for model, right in correct.items()}
    rivals = [model for model in correct if model.sees is not Sees.CONTROL]
    # Of equally good ones, one that isn't trivial.
    best = max(rivals, key=lambda model: (accuracy[model], model.sees is not Sees.TRIVIAL))

    def behind(model: Model, ahead: Model) -> Difference:
        return paired_difference(correct[ahead], correct[model], groups, len(rivals), within)

    rows = []
    for model, right in sorted(correct.items(), key=lambda item: [*Sees].index(item[0].sees)):
        as_good = None
        if model.sees in QUESTIONS:
            as_good = non_inferior(behind(model, best), margin_above(guess))
        if model.control and as_good is not Answer.NO:
            lost = behind(model.control, model)
            if lost.low <= 0 or lost.mean <= (accuracy[model] - guess) / 2:
                as_good = Answer.NO
        share = paired_difference(right, np.zeros(len(right)), groups, within=within)
        rows.append(Row(model, share, behind(model, best), as_good))
    (of_best,) = (row for row in rows if row.model is best)
    judged = Judgement(
        Verdict.CANT_TELL, within, tuple(rows), of_best, apart, p_value, guess, len(rivals)
    )
    return replace(judged, verdict=headline(judged))


def headline(judged: Judgement) -> Verdict:
    """Draw the conclusion: the first of these that is true.

    Example:
        >>> models = [Model(sees.value, sees, make=dict) for sees in Sees]
        >>> correct = dict.fromkeys(models, np.arange(100) % 10 > 0)  # 90 of 100
        >>> judged = judge(correct, targets=np.arange(100) % 2, groups=range(100))
        >>> headline(judged) is judged.verdict
        True
    """
    if judged.apart is not Answer.YES:
        return Verdict.NOTHING if judged.apart is Answer.NO else Verdict.CANT_TELL
    if any(row.as_good is Answer.YES for row in judged.seeing(Sees.TRIVIAL)):
        return Verdict.SHORTCUT
    image, *others = (judged.seeing(sees)[0] for sees in WITHOUT_ORDER)
    if image.as_good is not Answer.NO:
        return Verdict.IMAGE if image.as_good is Answer.YES else Verdict.CANT_TELL
    for row in others:
        if row.as_good is Answer.YES:
            return Verdict[row.model.sees.name]
    unsure = any(row.as_good is Answer.CANT_TELL for row in others)
    return Verdict.CANT_TELL if unsure else Verdict.ORDER


def tell_apart(
    answers: Iterable[np.ndarray], targets: Sequence[int], groups: Sequence[Any]
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
        groups: The group of each recording.

    Returns:
        The answer, and the corrected p value.

    Example:
        >>> right = np.arange(100) < 80
        >>> tell_apart([right], np.arange(100) % 2, range(100))[0]
        <Answer.YES: 'yes'>
    """
    guess = np.bincount(targets).max() / len(targets)
    by_group = pd.Series(targets).groupby(check_groups(groups, len(targets)))
    confounded = ((by_group.nunique() == 1) & (by_group.size() > 1)).any()
    units = check_groups(groups, len(targets)) if confounded else np.arange(len(targets))
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


# ---- In words ----


REASONS = {
    Verdict.IMAGE: "a network with a memory is worth its trouble only for an early answer",
    Verdict.RATE: "time matters, and places needn't be told apart",
    Verdict.FRAMES: "time matters, but no memory is needed",
    Verdict.IMAGE_AND_RATE: "time matters, but the order of events doesn't",
    Verdict.NOTHING: "record more, or see whether the classes differ at all",
    Verdict.CANT_TELL: "what differs may be chance; record more, in more groups",
}


def in_words(judged: Judgement) -> tuple[str, ...]:
    """Return the headline with its reason, and the answers to the three questions.

    Example:
        >>> models = [Model(sees.value, sees, make=dict) for sees in Sees]
        >>> correct = dict.fromkeys(models, np.arange(100) % 10 > 0)  # 90 of 100
        >>> judged = judge(correct, targets=np.arange(100) % 2, groups=range(100))
        >>> len(in_words(judged))
        4
    """
    best = judged.best
    first = f"{judged.verdict.value}: {_reason(judged)}"
    if judged.within:
        first = f"within these groups, which are too few to say it of new ones, {first}"
    p_value = "< 0.001" if judged.p_value < 0.001 else f"= {judged.p_value:.2g}"
    apart = (
        f"(a) Can any model tell the classes apart? {judged.apart.value}. Guessing is right in "
        f"{judged.guess:.0%} (exact test, of 3 in 5 since folds share recordings, corrected for "
        f"{len(judged.rows)} models: p {p_value})."
    )
    families = [judged.seeing(sees)[0] for sees in WITHOUT_ORDER]
    without = ", ".join(f"{row.model.sees.value} {_answer(row)}" for row in families)
    order = f"(b) Is a model without the order as good as {best.model.name}? {without}."
    trivial = judged.seeing(Sees.TRIVIAL)
    alike = [row.model.name for row in trivial if row.as_good is Answer.YES]
    unsure = [row.model.name for row in trivial if row.as_good is Answer.CANT_TELL]
    said = "no"
    if alike:
        said = f"yes: {', '.join(alike)}"
    elif unsure:
        said = f"can't tell of {', '.join(unsure)}"
    return first, apart, order, f"(c) Is something trivial as good? {said}."


def _answer(row: Row) -> str:
    return row.as_good.value if row.as_good else ""


def _percent(row: Row) -> str:
    return f"{row.model.name} {row.share.mean:.0%}"


def _reason(judged: Judgement) -> str:
    best = f"the best model, {_percent(judged.best)}"
    if judged.verdict is Verdict.ORDER:
        return _why_order(judged)
    if judged.verdict is Verdict.SHORTCUT:
        alike = [row for row in judged.seeing(Sees.TRIVIAL) if row.as_good is Answer.YES]
        checks = " and ".join(dict.fromkeys(row.model.check for row in alike))
        return f"{', '.join(map(_percent, alike))}; {best}. Check {checks}."
    if judged.verdict in (Verdict.NOTHING, Verdict.CANT_TELL):
        return f"{best}; {REASONS[judged.verdict]}."
    enough = _percent(judged.seeing(Sees[judged.verdict.name])[0])
    return f"{enough}; {best}; {REASONS[judged.verdict]}."


def _why_order(judged: Judgement) -> str:
    """Say which model with a memory reaches what, or that only hand-made features found it."""
    without = f"without it, {_percent(judged.seeing(*WITHOUT_ORDER)[0])} at best"
    memory, *others = judged.seeing(Sees.MEMORY)
    if memory.behind.mean <= judged.margin:
        return f"{without}; with a memory, which is needed, {_percent(memory)}."
    networks = ", ".join(map(_percent, (memory, *others)))
    return (
        f"{without}. Hand-made features found it, {_percent(judged.best)}; networks with a memory "
        f"didn't, {networks}: train them for longer, or on more recordings."
    )


def decidable(groups: Sequence[Any]) -> str:
    """Say which differences in accuracy these groups can show, before anything is trained.

    The least is half the width of ``paired_difference``, of the best of five models, if two models
    disagree on a quarter of the recordings, and their difference varies by 15 points among groups.

    Args:
        groups: The group of each recording.

    Example:
        >>> decidable(["anna", "ben", "carl", "dora"] * 30)
        "Groups: 4, so of new ones differences below 51 points can't be told."
    """
    sizes = np.bincount(check_groups(groups, len(groups)))
    shares = sizes / sizes.sum()
    error = np.sqrt((shares**2 * (0.15**2 + 0.25 / sizes)).sum())
    points = 100 * error * student.ppf(1 - 0.025 / 5, degrees_of_freedom(sizes))
    differences = f"differences below {points:.0f} points" if points < 100 else "differences"
    number = f"Groups: {len(sizes)}, so of new ones {differences} can't be told."
    if len(sizes) == len(groups):
        number += " Each recording is its own: nothing is said of new people or sessions."
    return number
