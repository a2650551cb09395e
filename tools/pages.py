"""Print how long each chapter is, and how much of its code a reader sees: python tools/pages.py.

Words are those of Markdown cells, without code, formulas and addresses; minutes are at 200 words
per minute and 5 s per line of code that is shown. Lines of code are counted without blank ones:
shown, folded (a click opens them) and removed (from the page; a notebook folds them).
"""

import json
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHOWN = "shown"
FOLDED = "folded"
REMOVED = "removed"
COLUMNS = ("words", "minutes", SHOWN, FOLDED, REMOVED)


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


def chapter_size(path: Path) -> Counter[str]:
    """Count words, minutes and lines of a chapter."""
    counts: Counter[str] = Counter()
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            counts["words"] += words(source)
        else:
            seen = visibility(cell["metadata"].get("tags", []))
            counts[seen] += sum(bool(line.strip()) for line in source.splitlines())
    counts["minutes"] = round(counts["words"] / 200 + counts[SHOWN] * 5 / 60)
    return counts


def print_chapters() -> None:
    """Print a line for each chapter, and one for all."""
    print(f"{'':32}", *(f"{name:>8}" for name in COLUMNS), "shown (%)")
    chapters = {path.stem: chapter_size(path) for path in sorted(ROOT.glob("book/[0-9]*.ipynb"))}
    chapters["all"] = sum(chapters.values(), Counter())
    for chapter, counts in chapters.items():
        share = 100 * counts[SHOWN] / (counts[SHOWN] + counts[FOLDED] + counts[REMOVED])
        print(f"{chapter:32}", *(f"{counts[column]:8}" for column in COLUMNS), f"{share:9.0f}")


if __name__ == "__main__":
    print_chapters()
