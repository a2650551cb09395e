"""Every example in a docstring runs and prints what stands there."""

import ast
import doctest
import importlib
import inspect
import re
from functools import cache
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest

import eventdesk
import pokersnn_helpers.simulation
from eventdesk.ask import compare

PACKAGES = ("pokersnn_helpers", "eventdesk")
ROOT = Path(__file__).parents[1]
PAGES = "\n".join(page.read_text("utf-8") for page in (ROOT / "book/reference").glob("*.md"))
MODULE = r"(?m)^\.\. automodule:: (\S+)\n   :members: ((?:.+\n)+?)```"
ON_THE_PAGE = {name: re.findall(r"\w+", members) for name, members in re.findall(MODULE, PAGES)}
LISTED = {name for names in ON_THE_PAGE.values() for name in names}
SOURCES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
    if path.stem != "__main__"
}


def examples(module):
    found = importlib.import_module(module)
    return doctest.DocTestFinder(exclude_empty=True).find(found, module)


@pytest.fixture(scope="module")
def examples_made_once(simulated, everything):
    """Many examples take the same simulated recordings, and three compare models on them."""
    made = {"load_pokerdvs": simulated, "load_pokerdvs131": everything}
    with pytest.MonkeyPatch.context() as patch:
        for name, recordings in made.items():
            patch.setattr(pokersnn_helpers, name, lambda source, found=recordings: found)
        passes = everything.recordings, everything.table
        patch.setattr(pokersnn_helpers.simulation, "simulate_passes", lambda: passes)
        patch.setattr(compare, "compare", cache(compare.compare))
        yield


@pytest.mark.parametrize("module", SOURCES)
def test_examples_print_what_they_say(module, tmp_path, monkeypatch, examples_made_once):
    monkeypatch.chdir(tmp_path)  # where an example may write a file
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    with plt.rc_context():  # an example may choose the book's style, which other tests don't
        for example in examples(module):
            runner.run(example)
            plt.close("all")
    assert runner.summarize(verbose=False).failed == 0


def imported_names(code):
    """Return the classes and functions of the package that some code imports."""
    without_magic = re.sub("(?m)^ *%.*$", "", code)
    for node in ast.walk(ast.parse(without_magic)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGES):
            module = importlib.import_module(node.module)
            for alias in node.names:
                imported = getattr(module, alias.name)
                if isinstance(imported, type) or inspect.isroutine(imported):
                    yield alias.name


def test_the_reference_has_what_the_package_exports_and_the_pages_import():
    codes = [
        f"from {package.__name__} import {', '.join(package.__all__)}"
        for package in (pokersnn_helpers, eventdesk)
    ]
    for page in (ROOT / "README.md", *(ROOT / "book").rglob("*.md")):
        codes += re.findall(r"(?s)```python\n(.*?)```", page.read_text("utf-8"))
    for chapter in (ROOT / "book").glob("*.ipynb"):
        cells = nbformat.read(chapter, as_version=4).cells
        codes += [cell.source for cell in cells if cell.cell_type == "code"]
    names = {name for code in codes if "import" in code for name in imported_names(code)}
    assert names <= LISTED, "add them to a page in book/reference"
