"""Turns of phrase that an editor has crossed out, in everything that a reader reads."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
TITLES = [
    nbformat.read(path, as_version=4).cells[0].source.splitlines()[0].removeprefix("# ")
    for path in sorted(BOOK.glob("*.ipynb"))
]
COUNTED = "events|spikes|frames|recordings|samples|steps|epochs|bytes|values"
UNIT = "ms|µs|second|millisecond|microsecond|bin|step|frame|pixel|epoch|batch|recording|minute"
CROSSED_OUT = {
    rf"\b({COUNTED}) an? ({UNIT})\b": "per",
    r"\ban? (ms|µs)\b": "per ms",
    r"\bnamed right": "classified correctly",
    r"\b(of|on) (its|their) own\b": "another turn of phrase",
    r"\bat hand\b": "another turn of phrase",
    r"\bcan't be had\b": "isn't available",
    r"\bprevail": "more ON than OFF",
    r"\b(read it up|look things up)\b": "learn it, reference",
    r"\bAllow about\b": "takes about",
    r"\bput numbers on (it|this)\b": "quantify",
    r"\bask the installed\b": "check what the installed version does",
    r"\bspeaks? up\b": "emits an event",
    r"\b(a matter of|shows) luck\b": "reports luck",
    r"\bcamera for people\b": "ordinary camera",
    r"\bcalmer steps\b": "gradient clipping",
    r"\bmore varied recordings\b": "data augmentation",
    r"\bnumbers as chances\b": "calibrated probabilities",
    r"\bnumber of its class\b": "class index",
    r"\b0\.\d+ times as (fast|slow)\b": "per cent slower",
    r"\bexact gradient": "computed without error",
    r"\b(most|many) tutorials\b": "name them",
    r"\bslopes? that goe?s? back\b": "backpropagated gradients",
    r"\bknow nothing about spikes\b": "no background is assumed",
    rf"\[({'|'.join(map(re.escape, TITLES))})\]\([^)]+\) "
    r"(comes|shows|says|explains|looks|measures|tells|takes|compares|trains|builds|draws|has)\b": (
        "a chapter's title isn't an actor: say 'chapter 5'"
    ),
}
READ = [
    *sorted(BOOK.glob("*.ipynb")),
    *sorted(BOOK.glob("*.md")),
    ROOT / "README.md",
    *sorted((ROOT / "pokersnn_helpers").rglob("*.py")),
    *sorted((BOOK / "_static").glob("*.js")),
]


@pytest.mark.parametrize("path", READ, ids=lambda path: str(path.relative_to(ROOT)))
def test_text_has_no_phrase_that_was_crossed_out(path):
    if path.suffix == ".ipynb":
        notebook = nbformat.read(path, as_version=4)
        text = "\n".join(cell.source + captions(cell) for cell in notebook.cells)
    else:
        text = path.read_text(encoding="utf-8")
    text = re.sub(r"\s+", " ", text.replace("&nbsp;", " "))  # a phrase may go over a line's end
    found = [
        f"{text[max(0, match.start() - 40) : match.end() + 20]!r}: {better}"
        for pattern, better in CROSSED_OUT.items()
        for match in re.finditer(pattern, text, re.IGNORECASE)
    ]
    assert not found, "\n".join(found)


def captions(cell):
    """Return a cell's captions and alternative texts, which stand in its metadata."""
    return " ".join(re.findall(r"'(?:caption|alt)': (.+)", str(dict(cell.metadata))))


@pytest.mark.parametrize(
    "phrase",
    [
        *("4 events a ms", "spikes a second", "48 frames a recording", "18 named right"),
        *("where ON events prevail", "a module of its own", "[Training](05_training.ipynb) shows"),
    ],
)
def test_patterns_find_what_they_are_for(phrase):
    if TITLES[4] != "Training" and "[Training]" in phrase:
        phrase = f"[{TITLES[4]}](05_training.ipynb) shows"
    assert any(re.search(pattern, phrase, re.IGNORECASE) for pattern in CROSSED_OUT)


@pytest.mark.parametrize(
    "phrase",
    ["30 times a second", "events per ms", "a 1 ms bin", "recordings of your own", "film your own"],
)
def test_patterns_leave_good_phrases_alone(phrase):
    assert not any(re.search(pattern, phrase, re.IGNORECASE) for pattern in CROSSED_OUT)
