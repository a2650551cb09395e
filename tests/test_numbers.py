"""Each number of a stored measurement that a page quotes is the number that was measured.

A quoted number is followed by a comment that no page shows, in chapters as in other pages::

    The CNN gets 93%<!-- accuracy["CNN", "mean"] --> right.

A measurement is a name, or a name and a table (``latency.curves``). In brackets stand the row, by
its words and amounts from left to right, and the column. A number that stands alone needs none
(``simulation.c2st_accuracy``). Python may do the rest. The number has to
be right in all digits that are written; zeros at the end of 1,000 and more may be rounded ones.
"""

import json
import math
import re
from pathlib import Path

import nbformat
import pytest
from pandas.api.types import is_numeric_dtype

from pokersnn_helpers.study.measured import FOLDER, measured, names, read, source_of

BOOK = Path(__file__).parents[1] / "book"
PAGES = sorted([*BOOK.glob("*.ipynb"), *BOOK.glob("*.md")])
QUOTED = re.compile(r"([−-]?\d[\d,]*(?:\.\d+)?)([^\d<]{0,25})<!--\s*(.+?)\s*-->")
COMMENT = re.compile(r"<!--\s*(.+?)\s*-->")
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
    if path.suffix == ".md":
        return [path.read_text(encoding="utf-8")]
    cells = nbformat.read(path, as_version=4).cells
    captions = [json.dumps(cell.metadata, ensure_ascii=False) for cell in cells]
    return [cell.source for cell in cells if cell.cell_type == "markdown"] + captions


def quoted(text):
    """Yield what is written, what stands behind it and the expression, for each quoted number."""
    return [match.groups() for match in QUOTED.finditer(text)]


def value_of(expression):
    tables = {name: Table(name) for name in names()}
    functions = {"abs": abs, "max": max, "min": min, "round": round}
    return eval(expression, {"__builtins__": functions}, tables)


def says(written, unit, value):
    """Say whether a number, as it is written, is this value."""
    number = written.replace("−", "-").replace(",", "")
    if unit.lstrip().startswith("%"):
        value = 100 * value
    decimals = len(number.partition(".")[2])
    zeros = len(number) - len(number.rstrip("0")) if "," in written and not decimals else 0
    step = 10.0 ** (min(zeros, len(number) - 2) - decimals)
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
    ],
)
def test_a_wrong_digit_is_noticed(written, unit, value, right):
    assert says(written, unit, value) is right
