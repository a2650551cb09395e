"""Keep what was measured for the book's pages, and measure it again."""

import json
import math
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from joblib import Memory

from pokersnn_helpers import load_pokerdvs131
from pokersnn_helpers.page.measured import MEASUREMENTS
from pokersnn_helpers.system.writing import atomic_write

from . import Row
from .timing import finite, setting

DIGITS = 6
ROOT = Path(__file__).resolve().parents[1]
# Numbers that are compared: those with an interval or a range in other columns, and those without.
BETWEEN = {"mean": "", "points": "", "change, points": "change, "}  # what begins their names
NEAR = (
    "effective_macs",
    "effective_acs",
    "held_out_accuracy",
    "differ",
)
UNSTEADY = ("version", "raised", "chosen", "where")  # words that change with libraries and draws
AMOUNTS = ("units", "at", "penalty", "pruned", "bins_us", "seed")


def write(name: str, options: list[str], result: Row, commit: str) -> None:
    """Write a result to the package, with all that it depends on.

    Args:
        name: Of the benchmark.
        options: What stood behind the name on the command line.
        result: What it returned.
        commit: What ``clean_commit`` returned before the measurement.
    """
    document = {
        "command": " ".join(["python -m benchmarks", name, *options]),
        "commit": commit,
        "date": date.today().isoformat(),
        "setting": setting(),
        "result": finite(result, DIGITS),
    }
    with atomic_write(MEASUREMENTS / f"{name}.json") as file:
        file.write((json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())


def clean_commit() -> str:
    """Return the commit that is measured.

    Raises:
        SystemExit: Something that is measured, or measures, isn't committed; or recordings are
            simulated.
    """
    require_real()
    code = ["pokersnn_helpers", "eventdesk", "benchmarks", f":!{MEASUREMENTS.relative_to(ROOT)}"]
    changed = git("status", "--porcelain", "--", *code)
    if changed:
        raise SystemExit(f"commit first, so that the measurement names its code:\n{changed}")
    return git("rev-parse", "--short=10", "HEAD")


def resumed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that keeps what it returns, by commit, so that a stopped run goes on."""
    try:
        commit = clean_commit()
    except SystemExit:
        return function  # what has changed might return something else
    return Memory(ROOT / "_build" / "measured" / commit, verbose=0).cache(function)


def require_real() -> None:
    """Stop where the 68 recordings or the 131 are simulated."""
    if not setting()["data"] == load_pokerdvs131().source == "real":
        raise SystemExit("the recordings are simulated; what pages show is measured on real ones")


def git(*arguments: str) -> str:
    """Return what a command of Git prints."""
    command = ["git", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout[:-1]


def outside(stored: Row, result: Row) -> list[str]:
    """Return the stored means that lie outside the interval of a new result, in words.

    Where a row has none, it is the range of its seeds, and as much again on either side, at least
    2 % of the mean: of few seeds the range alone often misses the mean of others. Numbers without
    either, such as counted operations, may differ by a tenth. What isn't measured any more is
    named, too.
    """
    new = finite(result, DIGITS)
    differences = []
    for table in stored.keys() | new.keys():
        old_rows = {_key(row): row for row in _rows(stored, table)}
        new_rows = {_key(row): row for row in _rows(new, table)}
        for key in old_rows.keys() - new_rows.keys():
            differences.append(f"{table}, {key} isn't measured any more")
        for key, row in new_rows.items():
            old_row = old_rows.get(key, {})
            for column, (low, high) in _intervals(row).items():
                before = old_row.get(column, math.nan)
                if not low <= before <= high:
                    place = f"{table}, {key}, {column}"
                    differences.append(f"{place}: {before}, now {low:.4g} to {high:.4g}")
    return sorted(differences)


def _rows(result: Row, table: str) -> list[Row]:
    """Return the rows of a table; a single number is one, too."""
    value = result.get(table, [])
    if not isinstance(value, list):
        return [{table: value}]
    return [row for row in value if isinstance(row, dict)]


def _intervals(row: Row) -> dict[str, tuple[float, float]]:
    """Return the columns of a row that are compared, and from where to where each may lie."""
    intervals = {}
    for name in NEAR:
        if row.get(name) is not None:
            intervals[name] = (0.9 * row[name], 1.1 * row[name])
    if "mean" in row and "lowest" in row:
        low = row["lowest"]
        high = row["highest"]
        more = max(high - low, 0.02 * max(row["mean"], 0.5))  # a share of 0 may become 0.01
        intervals["mean"] = (low - more, high + more)
    for name, start in BETWEEN.items():
        if name in row and f"{start}interval low" in row:
            intervals[name] = (row[f"{start}interval low"], row[f"{start}interval high"])
    return intervals


def _key(row: Row) -> tuple[Any, ...]:
    """Return what a row is about: its words, and the amounts of a change or a setting."""
    key = []
    for name, value in row.items():
        if name in AMOUNTS or (isinstance(value, str) and name not in UNSTEADY):
            key.append(value)
    return tuple(key)
