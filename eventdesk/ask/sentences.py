"""The answers of ``verdict`` in words; and before any training, which of them can be given."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import t as student

from ..evidence.differences import degrees_of_freedom
from .verdict import NEARLY_ALL, Answer, Judgement, Row, Sees, Verdict

MORE = "record more, in more groups"
REASONS = {
    Verdict.IMAGE: "a network with a memory is worth its trouble only for an early answer",
    Verdict.RATE: "time matters, and places needn't be told apart",
    Verdict.FRAMES: "time matters, but no memory is needed",
    Verdict.IMAGE_AND_RATE: "time matters, but the order of events doesn't",
    Verdict.NOTHING: "record more, or see whether the classes differ at all",
    Verdict.CANT_TELL: f"what differs may be chance; {MORE}",
}
UNDECIDED = (Verdict.NOTHING, Verdict.CANT_TELL)


def in_words(judged: Judgement) -> tuple[str, ...]:
    """Return the headline with its reason, and the answers to the three questions.

    Example:
        >>> from eventdesk.ask.verdict import Candidate, judge
        >>> models = [Candidate(sees.value, sees, make=dict) for sees in Sees]
        >>> correct = dict.fromkeys(models, np.arange(100) % 10 > 0)  # 90 of 100
        >>> judged = judge(correct, targets=np.arange(100) % 2, groups=np.arange(100))
        >>> len(in_words(judged))
        4
    """
    best = judged.best
    first = f"{_claim(judged)}: {_reason(judged)}{_spikes(judged)}"
    if judged.within:
        first = f"within these groups, which are too few to say it of new ones, {first}"
    p_value = "< 0.001" if judged.p_value < 0.001 else f"= {judged.p_value:.2g}"
    apart = (
        f"(a) Can any model tell the classes apart? {judged.apart.value}. Guessing is right in "
        f"{judged.guess:.0%} (exact test, of 3 in 5 since folds share recordings, corrected for "
        f"{len(judged.rows)} models: p {p_value})."
    )
    kinds = (f"{row.model.sees.value} {row.as_good.value}" for row in judged.without_order())
    order = f"(b) Is a model without the order as good as {best.model.name}? {', '.join(kinds)}."
    shortcut = "no"
    sure = _names(judged.shortcuts())
    may_be = _names(judged.shortcuts(Answer.CANT_TELL))
    if sure:
        shortcut = f"yes: {sure}"
    elif may_be:
        shortcut = f"can't tell of {may_be}"
    return first, apart, order, f"(c) Is something trivial as good? {shortcut}."


def _names(rows: list[Row]) -> str:
    return ", ".join(row.model.name for row in rows)


def _percent(row: Row) -> str:
    return f"{row.model.name} {'silent' if row.silent else f'{row.share.mean:.0%}'}"


def _claim(judged: Judgement) -> str:
    """Return the verdict, or less: a model that isn't nearly always right isn't called enough."""
    verdict = judged.verdict
    claim = verdict.value
    if judged.enough:
        row = judged.enough[0]
        wrong = 1 - row.share.mean
        what = "a shortcut" if verdict is Verdict.SHORTCUT else row.model.sees.value
        if row.share.mean < NEARLY_ALL:
            claim = (
                f"nothing tried is better than {what} by more than {100 * judged.margin:.2g} "
                f"points, and {wrong:.0%} stay wrong"
            )
    may_be = judged.shortcuts(Answer.CANT_TELL)
    if may_be and verdict not in (*UNDECIDED, Verdict.SHORTCUT):
        claim += f", unless a shortcut is enough, which can't be told of {_names(may_be)}"
    return claim


def _reason(judged: Judgement) -> str:
    verdict = judged.verdict
    if verdict is Verdict.ORDER:
        return _why_order(judged)
    enough = ", ".join(map(_percent, judged.enough))
    best = f"the best model, {_percent(judged.best)}"
    reason = f"{enough}; {best}" if enough else best
    if verdict is Verdict.SHORTCUT:
        checks = " and ".join(dict.fromkeys(row.model.check for row in judged.enough))
        return f"{reason}. Check {checks}."
    if verdict is Verdict.CANT_TELL and judged.apart is Answer.YES:
        return f"{reason}; the classes differ, but what tells them apart can't be told; {MORE}."
    return f"{reason}; {REASONS[verdict]}."


def _why_order(judged: Judgement) -> str:
    """Say how well models with a memory do, or that only hand-made features found the order."""
    trivial = judged.seeing(Sees.TRIVIAL)
    best_without = max([*judged.without_order(), *trivial], key=lambda row: row.share.mean)
    without = f"without it, {_percent(best_without)} at best"
    memory, *others = judged.seeing(Sees.MEMORY)
    if memory.behind.mean <= judged.margin:
        return f"{without}; with a memory, {_percent(memory)}."
    networks = ", ".join(map(_percent, (memory, *others)))
    return (
        f"{without}. Hand-made features found it, {_percent(judged.best)}; networks with a memory "
        f"didn't, {networks}: train them for longer, or on more recordings."
    )


def _spikes(judged: Judgement) -> str:
    """Say whether the best model needs spikes, where there is something to tell apart."""
    spiking = [row for row in judged.rows if row.model.spikes]
    if judged.apart is not Answer.YES or not spiking:
        return ""
    if judged.best.model.spikes:
        return f" The best model, {judged.best.model.name}, is a spiking network."
    row = max(spiking, key=lambda row: row.share.mean)
    return (
        f" The best model, {judged.best.model.name}, needs no spikes; with them, {_percent(row)}."
    )


def decidable(groups: Sequence[Any]) -> str:
    """Say which differences in accuracy these groups can show, before anything is trained.

    The smallest is half the width of the interval of ``paired_difference`` for the best of five
    models, if two models disagree on a quarter of the recordings and their difference varies by 15
    points among groups.

    Args:
        groups: The group of each recording.

    Example:
        >>> decidable(["anna", "ben", "carl", "dora"] * 30)
        "Groups: 4, so of new ones differences below 51 points can't be told."
    """
    _, sizes = np.unique(np.asarray(groups), return_counts=True)
    shares = sizes / sizes.sum()
    error = np.sqrt((shares**2 * (0.15**2 + 0.25 / sizes)).sum())
    points = 100 * error * student.ppf(1 - 0.025 / 5, degrees_of_freedom(sizes))
    differences = f"differences below {points:.0f} points" if points < 100 else "differences"
    number = f"Groups: {len(sizes)}, so of new ones {differences} can't be told."
    if len(sizes) == len(groups):
        number += " Each recording is its own: nothing is said of new people or sessions."
    return number
