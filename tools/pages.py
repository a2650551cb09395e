"""Print how long each page is, and how much of its code a reader sees.

Usage: python tools/pages.py

Words are those of Markdown cells, without code, formulas and addresses; minutes are at 200 words
per minute and 5 s per line of code that is shown. Lines of code are counted without blank ones:
shown, folded (a click opens them) and removed (on the page only; a notebook has them all).
"""

import re
from pathlib import Path

import nbformat
import pandas as pd

BOOK = Path(__file__).resolve().parents[1] / "book"
SHOWN, FOLDED, REMOVED = "shown", "folded", "removed"


def words(markdown: str) -> int:
    """Count the words of a text that someone reads: no code, formulas, comments or addresses."""
    text = re.sub(r"(?s)```.*?```|\$\$.*?\$\$|<!--.*?-->|<[^>]+>", " ", markdown)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    return len(re.findall(r"[^\W_]+(?:[’'.,-][^\W_]+)*", text))


def visibility(tags: list[str]) -> str:
    """Say what a reader sees of the code of a cell with these tags."""
    if {"remove-input", "remove-cell"} & set(tags):
        return REMOVED
    return FOLDED if {"hide-input", "hide-cell"} & set(tags) else SHOWN


def measure(path: Path) -> dict[str, float]:
    """Count words and lines of a chapter."""
    counts = dict.fromkeys(("words", "minutes", SHOWN, FOLDED, REMOVED), 0)
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            counts["words"] += words(cell.source)
        elif cell.cell_type == "code":
            lines = sum(bool(line.strip()) for line in cell.source.splitlines())
            counts[visibility(cell.metadata.get("tags", []))] += lines
    counts["minutes"] = round(counts["words"] / 200 + counts[SHOWN] * 5 / 60)
    return counts


def main() -> None:
    """Print the table, with a row for all chapters."""
    chapters = {path.stem: measure(path) for path in sorted(BOOK.glob("[0-9]*.ipynb"))}
    table = pd.DataFrame(chapters).T
    table.loc["all"] = table.sum()
    table["shown (%)"] = (100 * table[SHOWN] / table[[SHOWN, FOLDED, REMOVED]].sum(axis=1)).round()
    print(table.astype(int).to_string())


if __name__ == "__main__":
    main()
