"""What ``compare`` found, printed in 80 columns, and as JSON."""

import json
import textwrap
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student

from pokersnn_helpers.system.writing import atomic_write

from ..evidence.differences import degrees_of_freedom
from .compare import Comparison
from .verdict import QUESTIONS, Judgement, Row, Sees

WIDTH = 79
PACKAGES = ("pokersnn-helpers", "numpy", "scikit-learn", "torch")
HEADING = "   model                     correct          behind the best     as good?"
MEANING = (
    "correct: share of recordings whose group a model hadn't learned from, in %, with its 95 % "
    "interval. behind the best: by how many points {best} is better on the same recordings, with "
    "the interval of this paired difference, which allows for {models} models. as good?: yes if "
    "the interval's upper end is {margin:.2g} points at most; no if it is more than {margin:.2g} "
    "points behind and the lower end is above 0; else can't tell. The best itself is as good if "
    "the recordings are enough for a model that always agrees with it. A start or an end is a "
    "shortcut only if it tells twice as much above guessing, {guess:.0f} %, as other parts "
    "of recordings; it is as any part if it surely doesn't. silent: it never answers."
)


def printed(comparison: Comparison) -> str:
    """Return the table of models, what its columns mean, and the verdict.

    Models of other parts of recordings, with which starts and ends are compared, have rows in
    ``comparison.table`` alone.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> from eventdesk.ask.compare import compare
        >>> cards = load_pokerdvs(source="simulated").test
        >>> text = printed(compare(cards, range(20), folds=2, epochs=1))
        >>> max(map(len, text.splitlines())) < 80
        True
    """
    judged = comparison.judgement
    meaning = MEANING.format(
        best=judged.best.model.name,
        models=judged.rivals,
        margin=100 * judged.margin,
        guess=100 * judged.guess,
    )
    shown = [row for row in judged.rows if row.model.sees is not Sees.CONTROL]
    lines = [HEADING, *map(_line, shown), ""]
    for sentence in (meaning, "", *comparison.sentences):
        lines += textwrap.wrap(sentence, WIDTH) or [""]
    return "\n".join(lines)


def _line(row: Row) -> str:
    question = QUESTIONS.get(row.model.sees, "")
    correct = "{:4.0f} ({:.0f} to {:.0f})".format(*(100 * share for share in row.share))
    behind = "{:+4.0f} ({:+.0f} to {:+.0f})".format(*(100 * share for share in row.behind))
    if row.silent:
        correct = " silent"
    if row.behind.low == row.behind.high:
        behind = " the best"
    return f"{question:2} {row.model.name:25} {correct:16} {behind:19} {row.as_good.value}".rstrip()


def by_hand(judged: Judgement) -> str:
    """Say how the intervals of the table can be checked with a pocket calculator.

    Example:
        >>> import numpy as np
        >>> from eventdesk.ask.verdict import Candidate, Sees, judge
        >>> models = [Candidate(sees.value, sees, make=dict) for sees in Sees]
        >>> correct = dict.fromkeys(models, np.arange(100) % 10 > 0)  # 90 of 100
        >>> by_hand(judge(correct, np.arange(100) % 2, np.arange(100)))[:40]
        'An interval by hand, for 100 recordings '
    """
    number = int(judged.sizes.sum())
    freedom = degrees_of_freedom(judged.sizes)
    deviation = (
        "Add up in each group what each recording deviates from the mean, square the sum, and "
        "divide it by 1 - the share of all recordings that are in the group."
    )
    if judged.within:
        freedom = number - len(judged.sizes)
        deviation = (
            "Square what each recording deviates from the mean of its group, times the group's "
            "size by one less than it."
        )
    least = f"at least {np.sqrt(1 - 1 / number) / number:.3g}"
    if not judged.within:
        least += ", and at least what it is if each recording is a group (divide by 1 then)"
    tails = 0.025, 0.025 / judged.rivals
    times = [student.ppf(1 - tail, freedom) if freedom else np.inf for tail in tails]
    exact = [1 - tail ** (1 / number) for tail in tails]
    return (
        f"An interval by hand, for {number} recordings in {len(judged.sizes)} groups: count 1 for "
        f"each that is right (of a difference, 1 or -1 where one model alone is). {deviation} Add "
        f"all these up, take the root, divide by {number}; the error is that, {least}. The "
        f"interval reaches {times[0]:.3g} errors to each side, or {exact[0]:.3g} if that is more; "
        f"that of a difference {times[1]:.3g} errors, or {exact[1]:.3g} (Student's t of "
        f"{freedom:.3g} degrees of freedom, for {judged.rivals} models; shares end at 0 and 1)."
    )


def content(comparison: Comparison) -> dict[str, Any]:
    """Return the results of a comparison, its recipe and the versions of packages, for JSON.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> from eventdesk.ask.compare import compare
        >>> cards = load_pokerdvs(source="simulated").test
        >>> found = content(compare(cards, range(20), folds=2, epochs=1))
        >>> found["verdict"], found["margin"]
        ("can't tell", 0.1)
    """
    judged = comparison.judgement
    return {
        "verdict": comparison.verdict.value,
        "within these groups alone": judged.within,
        "sentences": comparison.sentences,
        "guess": judged.guess,
        "p value": judged.p_value,
        "margin": judged.margin,
        "by hand": by_hand(judged),
        "copies": comparison.copies.tolist(),
        "models": comparison.table.to_dict("records"),
        "recipe": comparison.recipe,
        "versions": {name: version(name) for name in PACKAGES},
    }


def write(comparison: Comparison, folder: Path) -> None:
    """Write ``content`` into a folder, as ``compare.json``.

    Raises:
        FileExistsError: The folder holds this file already.

    Example:
        >>> from tempfile import mkdtemp
        >>> from pokersnn_helpers import load_pokerdvs
        >>> from eventdesk.ask.compare import compare
        >>> cards = load_pokerdvs(source="simulated").test
        >>> folder = Path(mkdtemp())
        >>> write(compare(cards, range(20), folds=2, epochs=1), folder)
        >>> [path.name for path in folder.iterdir()]
        ['compare.json']
    """
    words = json.dumps(content(comparison), indent=1, ensure_ascii=False) + "\n"
    with atomic_write(folder / "compare.json", overwrite=False) as file:
        file.write(words.encode())
