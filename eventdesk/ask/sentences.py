"""What ``verdict`` answers, in words, and before any training what can be answered at all."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import t as student

from pokersnn_helpers.checks import check_groups
from pokersnn_helpers.study.intervals import degrees_of_freedom

from .verdict import WITHOUT_ORDER, Answer, Judgement, Row, Sees, Verdict

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
        >>> from eventdesk.ask.verdict import Candidate, judge
        >>> models = [Candidate(sees.value, sees, make=dict) for sees in Sees]
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
    without = ", ".join(f"{row.model.sees.value} {row.answer}" for row in families)
    order = f"(b) Is a model without the order as good as {best.model.name}? {without}."
    shortcut = "no"
    if judged.shortcuts():
        shortcut = f"yes: {_names(judged.shortcuts())}"
    elif judged.shortcuts(Answer.CANT_TELL):
        shortcut = f"can't tell of {_names(judged.shortcuts(Answer.CANT_TELL))}"
    return first, apart, order, f"(c) Is something trivial as good? {shortcut}."


def _names(rows: list[Row]) -> str:
    return ", ".join(row.model.name for row in rows)


def _percent(row: Row) -> str:
    return f"{row.model.name} {row.share.mean:.0%}"


def _reason(judged: Judgement) -> str:
    best = f"the best model, {_percent(judged.best)}"
    if judged.verdict is Verdict.ORDER:
        return _why_order(judged)
    if judged.verdict is Verdict.SHORTCUT:
        alike = judged.shortcuts()
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
        return f"{without}; with a memory, {_percent(memory)}."
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
