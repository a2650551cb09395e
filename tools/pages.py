"""Print how long each page of the course is, and how much of its code a reader sees.

Words are those of Markdown cells, without code, formulas and addresses. Minutes are those of a
newcomer who reads a page up to the solution of its first exercise: 200 words a minute, 10 s for a
line of code that is shown, 30 s for a figure, 90 s for one with sliders, and 4 minutes for the
exercise. What stands behind the first exercise is for those who want more. *Stated* are the minutes
in the page's box, which are these, rounded; those of a page without code were taken by hand. Lines
of code are counted without blank ones, and without what a page only has for its tests, its
installation and its solutions: shown, folded (a click opens them) and removed (from the page; a
notebook folds them).
"""

import json
import re
from collections import Counter
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
SHOWN = "shown"
FOLDED = "folded"
REMOVED = "removed"
COLUMNS = ("words", "minutes", "stated", SHOWN, FOLDED, REMOVED)
ASIDE = re.compile(
    r"# @title (Install|Solution|A check of|Network that you have typed)|# Exercise \d+: your code"
)
FIGURE = re.compile(r"\b(plot_\w+|subplots|show_drawing|animate_frames)\(")
FIGURE_TO_MOVE = re.compile(r"\binteractive_\w+\(")


def course() -> list[Path]:
    """Return the pages of the course, in their order."""
    text = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    part = text.partition("caption: The course")[2].partition("- caption:")[0]
    stems = re.findall(r"file: (\S+)", part)
    return [next(ROOT.glob(f"{stem}.*")) for stem in stems]


def numbered_chapters() -> list[str]:
    """Name the chapters that have a number, in the order of their numbers."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    parts = [part for part in toc["parts"] if part.get("numbered")]
    return [chapter["file"] for part in parts for chapter in part["chapters"]]


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


def stated_minutes(text: str) -> int:
    """Return the minutes in a page's box."""
    return int(re.search(r"\*\*Time:\*\* (\d+) minutes", text)[1])


def size(path: Path) -> Counter[str]:
    """Count words, minutes and lines of a page; of one without code, only what it shows at once."""
    text = path.read_text(encoding="utf-8")
    counts = Counter(stated=stated_minutes(text))
    if path.suffix == ".md":
        counts["words"] = words(re.sub(r"(?s):::\{dropdown\}.*?\n:::", " ", text))
        counts["minutes"] = counts["stated"]
        return counts
    seconds, reads_on = 0.0, True
    for cell in json.loads(text)["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            counts["words"] += words(source)
            seconds += reads_on * words(source) / 200 * 60
            continue
        reads_on = reads_on and "# @title Solution 1\n" not in source
        if ASIDE.match(source):
            continue
        seen = visibility(cell["metadata"].get("tags", []))
        lines = sum(bool(line.strip()) for line in source.splitlines())
        counts[seen] += lines
        if reads_on:
            seconds += 10 * lines * (seen == SHOWN)
            seconds += 90 * len(FIGURE_TO_MOVE.findall(source)) + 30 * bool(FIGURE.search(source))
    seconds += 240 * ("Exercise 1" in text)
    counts["minutes"] = round(seconds / 60)
    return counts


def print_pages() -> None:
    """Print a line for each page of the course, and one for all."""
    print(f"{'':28}", *(f"{name:>8}" for name in COLUMNS), "shown (%)")
    pages = {path.stem: size(path) for path in course()}
    pages["all"] = sum(pages.values(), Counter())
    for page, counts in pages.items():
        lines = counts[SHOWN] + counts[FOLDED] + counts[REMOVED]
        share = f"{100 * counts[SHOWN] / lines:9.0f}" if lines else ""
        print(f"{page:28}", *(f"{counts[column]:8}" for column in COLUMNS), share)


if __name__ == "__main__":
    print_pages()
