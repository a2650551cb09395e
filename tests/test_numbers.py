"""Each number of a stored measurement that a page quotes is the number that was measured.

A quoted number is followed by a comment that no page shows, in chapters as in other pages::

    The CNN gets 93%<!-- accuracy["CNN", "mean"] --> right.

A measurement is a name, or a name and a table (``latency.curves``). In brackets stand the row, by
its words and amounts from left to right, and the column. A number that stands alone needs none
(``simulation.c2st_accuracy``). Python may do the rest. The number has to
be right in all digits that are written; zeros at the end of 1,000 and more may be rounded ones.
"""

import math
import re
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path

import nbformat
import pytest
from nbformat import v4
from pandas.api.types import is_numeric_dtype

from pokersnn_helpers.study.measured import FOLDER, measured, names, read, source_of

BOOK = Path(__file__).parents[1] / "book"
PAGES = sorted([*BOOK.glob("*.ipynb"), *BOOK.glob("*.md")])
QUOTED = re.compile(r"([−-]?\d[\d,]*(?:\.\d+)?)([^\d<]{0,25})<!--\s*(.+?)\s*-->")
COMMENT = re.compile(r"<!--\s*(.+?)\s*-->")
# Percentages that no stored measurement has: of a method, of others, of the page's own run.
OTHERS = {
    "04_inspecting_the_dynamics": {"37"},
    "05_training": {"83"},
    "06_when_time_decides": {"30"},
    "07_does_it_need_spikes": {"30", "70", "95", "98", "100"},
    "08_sooner_and_sparser": {"80"},
    "09_how_an_event_camera_sees": {"5", "50", "95"},
    "10_your_own_recordings": {"95"},
    "12_elsewhere": {"5.7", "6.4", "10"},
    "appendix": {"13", "30", "50", "98.3"},
    "for_teachers": {"95"},
    "what_you_can_claim": {"50", "99.2"},
}
AMOUNTS = ("amount", "at", "threshold", "penalty", "pruned", "bins_us", "seed")


class Table:
    """The rows of a measurement, by what they are about."""

    def __init__(self, name, table="rows"):
        self.name, self.table = name, table

    def __getattr__(self, table):
        value = read(self.name)["result"][table]
        return Table(self.name, table) if isinstance(value, list) else value

    def __getitem__(self, key):
        *row, column = key
        some = measured(self.name, self.table)
        words = [name for name in some if not is_numeric_dtype(some[name])]
        keys = [name for name in some if name in words or name in AMOUNTS]
        for name, value in zip(keys, row, strict=False):
            some = some[some[name] == value]
        assert len(some) == 1, f"{self.name}{key} names {len(some)} rows; keys are {keys}"
        return some[column].iloc[0]


def texts(path):
    """Return the texts of a page, captions included."""
    cells = [] if path.suffix == ".md" else nbformat.read(path, as_version=4).cells
    return cells_of(path) + [text for cell in cells for text in strings(cell.metadata)]


def cells_of(path):
    """Return the texts of a page without its captions."""
    if path.suffix == ".md":
        return [path.read_text(encoding="utf-8")]
    cells = nbformat.read(path, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "markdown"]


def strings(value):
    """Return all texts in a nested structure."""
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value
    return [text for part in parts for text in strings(part)] if isinstance(value, Iterable) else []


def quoted(text):
    """Yield what is written, what stands behind it and the expression, for each quoted number."""
    return [match.groups() for match in QUOTED.finditer(text)]


def unquoted(text):
    """Return the percentages in a text that no comment follows; not those in code and addresses."""
    text = re.sub(r"(?s)```.*?```|`[^`]*`|\]\([^)]*\)", " ", QUOTED.sub(" ", text))
    return re.findall(r"(\d+(?:\.\d+)?)\s?%", text)


def value_of(expression):
    tables = {name: Table(name) for name in names()}
    functions = {"abs": abs, "max": max, "min": min, "round": round}
    return eval(expression, {"__builtins__": functions}, tables)


def says(written, unit, value):
    """Say whether a number, as it is written, is this value."""
    number = written.replace("−", "-").replace(",", "")
    if unit.lstrip().startswith("%"):
        value = 100 * value
    decimals, digits = len(number.partition(".")[2]), number.lstrip("-")
    zeros = len(digits) - len(digits.rstrip("0")) if "," in written and not decimals else 0
    step = 10.0 ** (min(zeros, len(digits) - 2) - decimals)
    return math.isfinite(value) and abs(float(number) - value) <= step / 2 * (1 + 1e-9)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_quoted_numbers_are_those_measured(path):
    for text in texts(path):
        numbers = quoted(text)
        assert len(numbers) == len(COMMENT.findall(text)), f"a comment without a number in {text}"
        for written, unit, expression in numbers:
            value = value_of(expression)
            assert says(written, unit, value), f"{written}{unit}: {expression} is {value}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_percentages_beside_quoted_ones_are_quoted_too(path):
    prose = [text for text in cells_of(path) if "## Questions" not in text]
    if any(map(quoted, prose)):
        alone = {found for text in prose for found in unquoted(text)}
        assert alone <= OTHERS.get(path.stem, set()), "quote them, or list them in OTHERS"


def test_wrong_and_missing_comments_are_noticed_in_text_and_captions(tmp_path):
    right = 'The CNN gets 94%<!-- accuracy["CNN", "mean"] --> right.'
    wrong = right.replace("94", "93")
    for text, caption in ((right, wrong), (wrong, right), (right, right)):
        figure = {"mystnb": {"figure": {"caption": caption}}}
        cells = [v4.new_markdown_cell(text), v4.new_code_cell("1", metadata=figure)]
        nbformat.write(v4.new_notebook(cells=cells), tmp_path / "a.ipynb")
        with nullcontext() if text == caption else pytest.raises(AssertionError, match="93%"):
            test_quoted_numbers_are_those_measured(tmp_path / "a.ipynb")
    (tmp_path / "b.md").write_text(f"{right} The GRU gets 98%, `50%` [94%](x%2093%).")
    with pytest.raises(AssertionError, match="quote them"):
        test_percentages_beside_quoted_ones_are_quoted_too(tmp_path / "b.md")
    assert unquoted((tmp_path / "b.md").read_text()) == ["98", "94"]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_captions_name_the_command_and_the_date(path):
    sources = [source_of(name) for name in names()]
    for text in texts(path):
        for said in re.findall(r"Measured on [^.]*\.", text):
            assert said in sources, f"{said} isn't said by any stored measurement"


@pytest.mark.parametrize("name", names())
def test_stored_measurement_says_where_it_comes_from(name):
    document = read(name)
    assert document["command"].startswith(f"python -m benchmarks {name}")
    assert re.fullmatch(r"[0-9a-f]{7,40}", document["commit"])
    assert document["setting"]["data"] == "real"
    assert any(isinstance(value, list) and value for value in document["result"].values())
    assert "/" not in document["command"]
    assert (FOLDER / f"{name}.json").read_bytes().endswith(b"}\n")


@pytest.mark.parametrize(
    ("written", "unit", "value", "right"),
    [
        ("93", "%", 0.934, True),
        ("93", "%", 0.936, False),
        ("−3.4", " points", -3.44, True),
        ("3.4", " points", -3.4, False),
        ("190,000", " additions", 192_820, True),
        ("193,000", " additions", 192_400, False),
        ("0", " of them", 0.0, True),
        ("100", "%", 0.96, False),
        ("4.5", " ms", 4.0, False),
        ("3,000", " fewer", 3_040, True),
        ("−3,000", " additions", -3_400, False),
    ],
)
def test_a_wrong_digit_is_noticed(written, unit, value, right):
    assert says(written, unit, value) is right
