"""Each number of a stored measurement that a page quotes is the number that was measured.

A quoted number is followed by a comment that no page shows, in chapters as in other pages::

    The CNN gets 93%<!-- accuracy["CNN", "mean"] --> right.

A measurement is a name, or a name and a table (``latency.curves``). In brackets stand the row, by
its words and amounts from left to right (None where it has none), and the column. A number that
stands alone needs none (``nested.mean``). Python may do the rest. The number has to
be right in all digits that are written; zeros at the end of 1,000 and more may be rounded ones.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path

import claims_figure
import nbformat
import pytest
from pandas.api.types import is_numeric_dtype

from benchmarks.store import AMOUNTS
from pokersnn_helpers.page.measured import MEASUREMENTS, measured, names, read

BOOK = Path(__file__).parents[2] / "book"
PAGES = sorted([*BOOK.glob("*.ipynb"), *BOOK.rglob("*.md")])
QUOTED = re.compile(r"([−-]?\d[\d,]*(?:\.\d+)?)([^\d<]{0,25})<!--\s*(.+?)\s*-->")
# Percentages that no stored measurement has: of a method, of others, of the page's own run.
OTHERS = {
    "index": {"95"},
    "training": {"83"},
    "does_it_need_spikes": {"95", "100"},
    "how_an_event_camera_sees": {"50"},
    "your_own_recordings": {"95"},
    "elsewhere": {"10"},
    "for_teachers": {"95"},
    "teach_it_yours": {"80"},
    "what_you_can_claim": {"95"},
}


@dataclass
class Table:
    """The rows of a measurement, by what they are about."""

    name: str
    table: str = "rows"

    def __getattr__(self, table):
        value = read(self.name)["result"][table]
        return Table(self.name, table) if isinstance(value, list) else value

    def __getitem__(self, key):
        *row, column = key
        rows = measured(self.name, self.table)
        keys = [name for name in rows if name in AMOUNTS or not is_numeric_dtype(rows[name])]
        for name, value in zip(keys, row, strict=False):
            rows = rows[rows[name].isna() if value is None else rows[name] == value]
        assert len(rows) == 1, f"{key} is of {len(rows)} rows; keys are {keys}"
        return rows[column].iloc[0]


def texts(path):
    """Return the texts of a page and the captions of its figures."""
    if path.suffix == ".md":
        return [path.read_text(encoding="utf-8")], []
    cells = nbformat.read(path, as_version=4).cells
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    figures = [cell.metadata.get("mystnb", {}).get("figure", {}) for cell in cells]
    return texts, [figure.get("caption", "") for figure in figures]


def unquoted(text):
    """Return percentages without such a comment; not those in code and addresses."""
    text = QUOTED.sub(" ", text)
    text = re.sub(r"(?s)```.*?```|`[^`]*`|\]\([^)]*\)", " ", text)
    return re.findall(r"(\d+(?:\.\d+)?)\s?%", text)


def value_of(expression):
    tables = {name: Table(name) for name in names()}
    functions = {"abs": abs, "max": max, "min": min, "round": round}
    return eval(expression, {"__builtins__": functions}, tables)


def says(written, unit, value):
    """Say whether a number, as it is written, is this value."""
    if unit.lstrip().startswith("%"):
        value = 100 * value
    number = written.replace("−", "-").replace(",", "")
    digits = number.lstrip("-")
    decimals = len(number.partition(".")[2])
    zeros = len(digits) - len(digits.rstrip("0")) if "," in written and not decimals else 0
    power = min(zeros, len(digits) - 2) - decimals
    tolerance = 10.0**power / 2 * (1 + 1e-9)
    return abs(float(number) - value) <= tolerance  # which NaN is not


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_quoted_numbers_are_those_measured(path):
    prose, captions = texts(path)
    for text in prose + captions:
        numbers = QUOTED.findall(text)
        assert len(numbers) == text.count("<!--"), f"a comment without a number in {text}"
        for written, unit, expression in numbers:
            value = value_of(expression)
            assert says(written, unit, value), f"{written}{unit}: {expression} is {value}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_percentages_beside_quoted_ones_are_quoted_too(path):
    prose = [text for text in texts(path)[0] if "**Question 1.**" not in text]
    if any(map(QUOTED.search, prose)):
        alone = unquoted("\n".join(prose))
        assert set(alone) <= OTHERS.get(path.stem, set()), "quote them, or list them in OTHERS"


@pytest.mark.parametrize("name", names())
def test_stored_measurement_says_where_it_comes_from(name):
    document = read(name)
    assert re.fullmatch(rf"python -m benchmarks {name}\b[^/]*", document["command"])
    assert re.fullmatch(r"[0-9a-f]{7,40}", document["commit"])
    assert document["setting"]["data"] == "real"
    assert any(isinstance(value, list) and value for value in document["result"].values())
    assert (MEASUREMENTS / f"{name}.json").read_bytes().endswith(b"}\n")


@pytest.mark.parametrize(
    ("written", "unit", "right", "wrong"),
    [
        ("93", "%", 0.934, 0.936),
        ("100", "%", 1.0, 0.96),
        ("−3.4", " points", -3.44, 3.4),
        ("−3,000", " additions", -3_040, -3_400),
        ("4.5", " ms", 4.5, math.nan),
    ],
)
def test_a_wrong_digit_is_noticed(written, unit, right, wrong):
    assert says(written, unit, right)
    assert not says(written, unit, wrong)


# ---- The ledger ----

CLAIM = re.compile(
    r"(?m)^(?:\d\.|-) \*\*(?P<claim>.+)\*\*\n\n"
    r" +(?P<found>.+)\n\n"
    r"(?: +\*The cheapest that does as well:\* (?P<cheapest>.+)\n\n)?"
    r" +\*It would be wrong if\* .+ \(`(?P<name>[\w./]+)`\)$"
)
LEDGER, OTHER_CLAIMS = (
    [*CLAIM.finditer((BOOK / page).read_text(encoding="utf-8"))]
    for page in ("what_you_can_claim.md", "measurements.md")
)
CLAIMS = LEDGER + OTHER_CLAIMS
PANEL_OF = {  # the panel's task, by the measurement that a row quotes first
    "accuracy": "cards",
    "nested": "cards",
    "bits": "cards",
    "latency": "cards",
    "motions": "films of dots",
    "compare": "gestures",
}
REGRESSIONS = {  # which the panel doesn't have: how each is called, and what it reaches
    "passes": (
        "LR on the sum",
        'variety["simulated", "LR on the sum", "32 upright others", "mean"]',
    ),
    "card": ("LR on the sum so far", 'card.rule["simulated", 6, "mean"]'),
}
MARGIN = 0.03  # in accuracy, set before there were results


def equivalent(low, high):
    """Say whether two models are equally accurate, by the interval of their difference.

    It is shown if the whole interval lies within the margin: two one-sided tests (Lakens 2017,
    doi:10.1177/1948550617697177) at 2.5 % each with a 95 % interval. None: they are too few to say.
    """
    if low > -MARGIN and high < MARGIN:
        return True
    return None if low <= 0 <= high else False


def as_good(expression):
    """Return the members of the panel within the margin of what is claimed, the cheapest first."""
    task = PANEL_OF[re.match(r"\w+", expression)[0]]
    at = re.search(r'"time \(ms\)", (\d+)', expression)
    time = f"{at[1]} ms" if at else "the end"
    rows = measured("panel").sort_values("operations")
    rows = rows[(rows["task"] == task) & (rows["time"] == time)]
    return rows[rows["mean"] >= value_of(expression) - MARGIN]["model"]


def test_the_ledger_has_six_claims_each_of_which_a_page_teaches():
    assert len(LEDGER) == 6
    assert all(re.search(r"\(\w+\.ipynb\)", claim["claim"]) for claim in LEDGER)


@pytest.mark.parametrize("claims", [LEDGER, OTHER_CLAIMS])
def test_every_claim_is_read(claims):
    assert len(claims) == claims[0].string.count("*It would be wrong if*") > 5


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim["name"])
def test_a_claim_names_each_simple_model_that_does_as_well_the_cheapest_first(claim):
    cheapest, name = claim["cheapest"], claim["name"]
    expression = QUOTED.search(claim["found"])
    if name in REGRESSIONS:
        words, regression = REGRESSIONS[name]
        as_well = value_of(regression) >= value_of(expression[3]) - MARGIN
        assert cheapest.startswith(words) is bool(as_well)
        return
    if name not in PANEL_OF:
        assert cheapest is None
        return
    members = list(as_good(expression[3]))
    cheapest = re.sub("<!--.*?-->", "", cheapest)
    assert all(member in cheapest for member in members), f"name {members}"
    assert cheapest.startswith(members[0] if members else "none"), members


def test_equal_is_said_of_models_whose_difference_lies_within_the_margin():
    said = 0
    undecided = re.findall(r"(?m)^- \*\*That the book's network equals.+", LEDGER[0].string)
    for row in [*map(re.Match.group, CLAIMS), *undecided]:
        claim = re.sub("<!--.*?-->", "", row)
        ends = re.findall(r'accuracy\.differences\[([^]]*), "interval low"\]', row)
        for pair in ends:
            low, high = (
                value_of(f'accuracy.differences[{pair}, "interval {end}"]') / 100
                for end in ("low", "high")
            )
            shown = equivalent(low, high)
            assert ("within 3 points" in claim) == (shown is True), pair
            assert ("too few" in claim) == (shown is None), pair
            said += 1
    assert said == 3


def test_the_figure_of_the_claims_shows_what_was_measured():
    svg = claims_figure.OUTPUT.read_text(encoding="utf-8")
    assert claims_figure.described(claims_figure.claims()) in svg


def test_no_model_that_was_asked_over_time_is_left_out_of_the_table_of_work():
    text = (BOOK / "measurements.md").read_text(encoding="utf-8")
    over_time = [name for name in measured("latency")["model"] if name.endswith("over time")]
    assert len(over_time) == 4
    for name in over_time:
        assert f'latency["{name}", "mean"] --> |' in text, name
        assert f'operations["{name}", 1000, "effective_uJ"] --> |' in text, name


def test_the_margin_is_the_one_that_was_set_before_the_results():
    said = [re.findall(r"within (\S+) points", path.read_text(encoding="utf-8")) for path in PAGES]
    assert set().union(*said) == {f"{100 * MARGIN:g}"}
