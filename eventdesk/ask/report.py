"""What ``compare`` found, printed in 80 columns, and as JSON."""

import json
import textwrap
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pokersnn_helpers.system.writing import atomic_write

from .compare import Comparison
from .verdict import QUESTIONS, Row

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
    "shortcut only if it tells twice as much above guessing, {guess:.0f} %, as any events or any "
    "tenth; it is as any part if it surely doesn't. silent: it never answers."
)


def printed(comparison: Comparison) -> str:
    """Return the table, what its columns mean, and the verdict.

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
    lines = [HEADING, *map(_line, judged.rows), ""]
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
    return f"{question:2} {row.model.name:25} {correct:16} {behind:19} {row.answer}".rstrip()


def content(comparison: Comparison) -> dict[str, Any]:
    """Return all that was found, and what it depends on, for JSON.

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
        "models": comparison.table.to_dict("records"),
        "recipe": comparison.recipe,
        "versions": {name: version(name) for name in PACKAGES},
    }


def write(comparison: Comparison, folder: Path) -> None:
    """Write ``content`` into a folder, as ``compare.json``.

    Raises:
        FileExistsError: It is there already.

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
