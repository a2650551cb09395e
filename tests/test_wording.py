"""A lint of turns of phrase that an editor has crossed out, in everything that a reader reads."""

import re
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
COUNTED = "(events|spikes|frames|recordings|samples|steps|epochs|bytes|values)"
UNIT = "(ms|µs|second|millisecond|microsecond|bin|step|frame|pixel|epoch|batch|recording|minute)"
ACTS = "(comes|shows|says|explains|looks|measures|tells|takes|compares|trains|builds|draws|has)"
CROSSED_OUT = {  # a pattern, an example of it, and what to write
    rf"\b{COUNTED} an? {UNIT}\b": ("48 frames a recording", "per"),
    r"\ban? (ms|µs)\b": ("4 events a ms", "per ms"),
    r"\bnamed right": ("18 named right", "classified correctly"),
    r"\b(of|on) (its|their) own\b": ("a module of its own", "another turn of phrase"),
    r"\bat hand\b": ("the data at hand", "another turn of phrase"),
    r"\bprevail": ("where ON events prevail", "more ON than OFF"),
    r"\b(a matter of|shows) luck\b": ("this shows luck", "reports luck"),
    r"\bnumber of its class\b": ("number of its class", "class index"),
    r"\b0\.\d+ times as (fast|slow)\b": ("0.5 times as fast", "per cent slower"),
    r"\bexact gradient": ("exact gradients", "computed without error"),
    r"\b(most|many) tutorials\b": ("most tutorials", "name them"),
    # A chapter's title isn't an actor.
    rf"\[(?!chapter)[^]]+\]\([^)]*\d\d_\w+\.\w+\) {ACTS}\b": ("[A](05_a.ipynb) shows", "chapter 5"),
}
GOOD = "30 times a second; events per ms; a 1 ms bin; recordings of your own; film your own"


def text_of(path):
    """Return the text of a file, of a notebook with its captions and alternative texts."""
    if path.suffix != ".ipynb":
        return path.read_text(encoding="utf-8")
    return "\n".join(
        "\n".join([cell.source, *re.findall(r"'(?:caption|alt)': (.+)", str(dict(cell.metadata)))])
        for cell in nbformat.read(path, as_version=4).cells
    )


def crossed_out(text):
    """Yield what is crossed out in a text, where it stands, and what to write instead."""
    text = re.sub(r"\s+", " ", text.replace("&nbsp;", " "))  # a phrase may go over a line's end
    for pattern, (_, better) in CROSSED_OUT.items():
        for match in re.finditer(pattern, text, re.IGNORECASE):
            yield f"{text[max(0, match.start() - 40) : match.end() + 20]!r}: {better}"


def test_texts_have_no_phrase_that_was_crossed_out():
    paths = [ROOT / "README.md", *BOOK.glob("*.ipynb"), *BOOK.rglob("*.md")]
    paths += [*(ROOT / "pokersnn_helpers").rglob("*.py"), *(BOOK / "_static").glob("*.js")]
    assert [(path.name, each) for path in paths for each in crossed_out(text_of(path))] == []


def test_patterns_find_what_they_are_for_and_leave_good_phrases_alone():
    assert all(any(crossed_out(example)) for example, _ in CROSSED_OUT.values())
    assert list(crossed_out(GOOD)) == []
