"""Print how long each page is, how much of its code a reader sees, and how much code there is.

Usage: python tools/pages.py [--limits]

Words are those of Markdown cells, without code, formulas and addresses; minutes are at 200 words
per minute and 5 s per line of code that is shown. Lines of code are counted without blank ones:
shown, folded (a click opens them) and removed (on the page only; a notebook has them all). Names
are those that a chapter imports from the package and uses in code that is shown.

Then the lines of code of each module, without docstrings, comments and blank lines. With --limits,
it fails where a chapter, the chapters together, the package, its core, a module, the tests or the
tools hold more than they may.
"""

import ast
import io
import json
import math
import operator
import re
import sys
import tokenize
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "pokersnn_helpers"
MODULES = {path.stem for path in PACKAGE.rglob("*.py")}
LIMITS = {
    "words of a chapter": 1_800,
    "minutes of a chapter": 15,
    "names of a chapter": 8,
    "words of all chapters": 18_000,
    "names of all chapters": 60,
    "lines of chapters that aren't shown (%)": 45,
    "package": 6_256,
    "core: its flat modules": 1_564,  # without the one that starts the commands
    "longest module of the package": 310,
    "tests": 11_122,
    "benchmarks, tools and _ext": 4_215,
    "names that the package exports": 30,
}
SHOWN, FOLDED, REMOVED = "shown", "folded", "removed"
COLUMNS = ("words", "minutes", "names", SHOWN, FOLDED, REMOVED)
NOT_CODE = ("COMMENT", "NL", "NEWLINE", "INDENT", "DEDENT", "ENDMARKER")


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


def measure(path: Path) -> tuple[Counter[str], set[str]]:
    """Count words and lines of a chapter, and collect the names of the package that it shows."""
    counts: Counter[str] = Counter()
    shown: list[ast.AST] = []
    imported: set[str] = set()
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            counts["words"] += words(source)
        elif cell["cell_type"] == "code":
            seen = visibility(cell["metadata"].get("tags", []))
            counts[seen] += sum(bool(line.strip()) for line in source.splitlines())
            nodes = list(ast.walk(ast.parse(re.sub("(?m)^ *%.*$", "", source))))
            shown += nodes if seen == SHOWN else []
            imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
            some = [node for node in imports if (node.module or "").startswith(PACKAGE.name)]
            imported |= {name.asname or name.name for node in some for name in node.names}
    names = {node.id for node in shown if isinstance(node, ast.Name)} & imported
    owned = [node for node in shown if isinstance(node, ast.Attribute)]  # perhaps by a module
    names |= {node.attr for node in owned if ast.unparse(node.value) in imported & MODULES}
    counts["minutes"] = round(counts["words"] / 200 + counts[SHOWN] * 5 / 60)
    return counts + Counter(names=len(names)), names


def code_lines(path: Path) -> int:
    """Count lines of code, without docstrings, comments and blank lines."""
    source = path.read_text(encoding="utf-8")
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if tokenize.tok_name[token.type] not in NOT_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            lines.difference_update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return len(lines)


def main(options: list[str]) -> None:
    """Print the tables, and compare the sums with their limits."""
    print(f"{'':32}", *(f"{name:>8}" for name in COLUMNS), "shown (%)")
    found = {path.stem: measure(path) for path in sorted(ROOT.glob("book/[0-9]*.ipynb"))}
    chapters = {chapter: counts for chapter, (counts, _) in found.items()}
    all_names = len({name for _, names in found.values() for name in names})
    most = [max(counts[column] for counts in chapters.values()) for column in COLUMNS[:3]]
    total = sum(chapters.values(), Counter())
    total["names"] = all_names
    for chapter, counts in [*chapters.items(), ("all", total)]:
        share = 100 * counts[SHOWN] / (counts[SHOWN] + counts[FOLDED] + counts[REMOVED])
        print(f"{chapter:32}", *(f"{counts[each]:8}" for each in COLUMNS), f"{share:9.0f}")
    of_chapters = [*most, total["words"], all_names, math.ceil(100 - share)]
    modules: dict[str, list[int]] = {}
    for folder in (PACKAGE.name, "tests", "benchmarks", "tools", "_ext"):
        paths = sorted((ROOT / folder).rglob("*.py"))
        modules[folder] = [code_lines(path) for path in paths]
        for path, lines in zip(paths, modules[folder], strict=True):
            print(f"{path.relative_to(ROOT)!s:48} {lines:8}")
    package, tests, *tools = modules.values()
    core = [code_lines(path) for path in PACKAGE.glob("*.py") if path.stem != "__main__"]
    stub = (PACKAGE / "__init__.pyi").read_text(encoding="utf-8")
    names = ast.literal_eval(re.search(r"(?ms)^__all__ = (\[.*?\])", stub)[1])
    sums = [sum(package), sum(core), max(package), sum(tests), sum(map(sum, tools)), len(names)]
    sums = [*of_chapters, *sums]
    for (what, limit), amount in zip(LIMITS.items(), sums, strict=True):
        print(f"{what:48} {amount:8}, at most {limit}")
    if "--limits" in options and any(map(operator.gt, sums, LIMITS.values())):
        sys.exit("more than there may be: see the last lines")


if __name__ == "__main__":
    main(sys.argv[1:])
