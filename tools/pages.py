"""Print how long each page is, how much of its code a reader sees, and how much code there is.

Usage: python tools/pages.py [--limits]

Words are those of Markdown cells, without code, formulas and addresses; minutes are at 200 words
per minute and 5 s per line of code that is shown. Lines of code are counted without blank ones:
shown, folded (a click opens them) and removed (on the page only; a notebook has them all). Names
are those that a chapter imports from the package and uses in code that is shown.

Then the code itself, as ``sizes.py`` counts it. With --limits, it fails where there is more of
something than there may be.
"""

import ast
import json
import math
import re
import sys
from collections import Counter
from pathlib import Path

from sizes import Size, javascript_size, python_size, total_size

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "pokersnn_helpers"
TOOLS = ("benchmarks", "tools", "_ext")
WHOLES = {PACKAGE.name: "the package", "tests": "the tests"}
WHOLES |= dict.fromkeys(TOOLS, "benchmarks, tools and _ext")
MODULES = {path.stem for path in PACKAGE.rglob("*.py")}
LIMITS = {
    "words of a chapter": 1_800,
    "minutes of a chapter": 15,
    "names of a chapter": 8,
    "words of all chapters": 18_000,
    "names of all chapters": 60,
    "lines of chapters that aren't shown (%)": 45,
    "names that the package exports": 30,
    "nodes of the package": 42_950,
    "nodes on a line of the package": 5.7,
    "nodes on a line of its densest module": 6.8,
    "nodes of the core": 9_800,
    "nodes on a line of the core": 5.6,
    "nodes of the tests": 72_200,
    "nodes on a line of the tests": 6.2,
    "nodes of benchmarks, tools and _ext": 32_800,
    "nodes on a line of benchmarks, tools and _ext": 6.0,
    "lines of the pages' own JavaScript": 3_630,
    "lines of its longest function": 80,
}
SHOWN = "shown"
FOLDED = "folded"
REMOVED = "removed"
COLUMNS = ("words", "minutes", "names", SHOWN, FOLDED, REMOVED)


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


def chapter_size(path: Path) -> tuple[Counter[str], set[str]]:
    """Count words and lines of a chapter, and collect the names of the package that it shows."""
    counts: Counter[str] = Counter()
    shown: list[ast.AST] = []
    imported: set[str] = set()
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            counts["words"] += words(source)
            continue
        seen = visibility(cell["metadata"].get("tags", []))
        counts[seen] += sum(bool(line.strip()) for line in source.splitlines())
        nodes = list(ast.walk(ast.parse(re.sub("(?m)^ *%.*$", "", source))))
        if seen == SHOWN:
            shown += nodes
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and node.module.startswith(PACKAGE.name):
                imported.update(name.asname or name.name for name in node.names)
    names: set[str] = set()
    for node in shown:
        if isinstance(node, ast.Name) and node.id in imported:
            names.add(node.id)
        # Perhaps the name belongs to a module that was imported.
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in imported & MODULES:
            names.add(node.attr)
    counts["minutes"] = round(counts["words"] / 200 + counts[SHOWN] * 5 / 60)
    counts["names"] = len(names)
    return counts, names


def print_chapters() -> dict[str, float]:
    """Print the chapters in a table; return the amounts that have a limit."""
    print(f"{'':32}", *(f"{name:>8}" for name in COLUMNS), "shown (%)")
    chapters: dict[str, Counter[str]] = {}
    names: set[str] = set()
    for path in sorted(ROOT.glob("book/[0-9]*.ipynb")):
        chapters[path.stem], shown = chapter_size(path)
        names |= shown
    total = sum(chapters.values(), Counter())
    total["names"] = len(names)
    for chapter, counts in [*chapters.items(), ("all", total)]:
        share = 100 * counts[SHOWN] / (counts[SHOWN] + counts[FOLDED] + counts[REMOVED])
        print(f"{chapter:32}", *(f"{counts[column]:8}" for column in COLUMNS), f"{share:9.0f}")
    amounts: dict[str, float] = {
        "words of all chapters": total["words"],
        "names of all chapters": len(names),
        "lines of chapters that aren't shown (%)": math.ceil(100 - share),
    }
    for column in ("words", "minutes", "names"):
        amounts[f"{column} of a chapter"] = max(counts[column] for counts in chapters.values())
    return amounts


def print_size(name: str, sizes: list[Size]) -> Size:
    """Print lines, nodes and nodes on a line of some modules, and return lines and nodes."""
    size = total_size(sizes)
    print(f"{name:48} {size.lines:6} lines {size.nodes:7} nodes {size.density:6.2f} a line")
    return size


def print_python() -> dict[str, float]:
    """Print how much Python there is, module by module; return the amounts that have a limit."""
    folders: dict[Path, list[Size]] = {}
    amounts: dict[str, float] = {"nodes on a line of its densest module": 0}
    for part in (PACKAGE.name, "tests", *TOOLS):
        for path in sorted((ROOT / part).rglob("*.py")):
            size = print_size(str(path.relative_to(ROOT)), [python_size(path)])
            folders.setdefault(path.parent.relative_to(ROOT), []).append(size)
            if part == PACKAGE.name and size.lines >= 20:  # else a word decides
                densest = max(size.density, amounts["nodes on a line of its densest module"])
                amounts["nodes on a line of its densest module"] = densest
    wholes: dict[str, list[Size]] = {whole: [] for whole in WHOLES.values()}
    wholes["the core"] = folders[Path(PACKAGE.name)]
    for folder, sizes in folders.items():
        wholes[WHOLES[folder.parts[0]]] += [print_size(f"{folder}/", sizes)]
    for whole, sizes in wholes.items():
        size = print_size(whole, sizes)
        amounts[f"nodes of {whole}"] = size.nodes
        amounts[f"nodes on a line of {whole}"] = size.density
    return amounts


def print_javascript() -> dict[str, float]:
    """Print how much JavaScript there is, script by script; return the amounts with a limit."""
    total = 0
    longest = 0
    for path in sorted((ROOT / "book" / "_static").rglob("*.js")):
        if "vendor" in path.parts or path.name == "data.js":
            continue
        lines, of_function = javascript_size(path)
        print(f"{path.relative_to(ROOT)!s:64} {lines:6} lines, {of_function:4} of a function")
        total += lines
        longest = max(longest, of_function)
    return {"lines of the pages' own JavaScript": total, "lines of its longest function": longest}


def exported_names() -> int:
    """Count the names that the package exports."""
    stub = (PACKAGE / "__init__.pyi").read_text(encoding="utf-8")
    return len(ast.literal_eval(re.search(r"(?ms)^__all__ = (\[.*?\])", stub)[1]))


def main(options: list[str]) -> None:
    """Print the tables, and compare the sums with their limits."""
    amounts = print_chapters() | print_python() | print_javascript()
    amounts["names that the package exports"] = exported_names()
    exceeded = []
    for what, limit in LIMITS.items():
        amount = amounts[what]
        print(f"{what:48} {amount:8.5g}, at most {limit}")
        if amount > limit:
            exceeded.append(what)
    if "--limits" in options and exceeded:
        sys.exit(f"more than there may be: {', '.join(exceeded)}")


if __name__ == "__main__":
    main(sys.argv[1:])
