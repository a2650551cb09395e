"""Every example in a docstring runs and prints what stands there."""

import ast
import doctest
import importlib
import inspect
import re
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
from test_layout import FILES

import pokersnn_helpers

PACKAGE = "pokersnn_helpers"
PAGE = (Path(__file__).parents[1] / "book" / "reference.md").read_text(encoding="utf-8")
MODULE = re.compile(
    rf"^\.\. automodule:: {PACKAGE}\.(\S+)\n   :members: ((?:.+\n)+?)```", re.MULTILINE
)
FENCED = r"(?s)```python\n(.*?)```"
PUBLIC = {
    f"{module}.{name}"
    for module, names in MODULE.findall(PAGE)
    for name in re.findall(r"\w+", names)
}


def examples(name):
    module = importlib.import_module(f"{PACKAGE}.{name}".rstrip("."))
    return doctest.DocTestFinder(exclude_empty=True).find(module, PACKAGE)


@pytest.fixture(scope="module", autouse=True)
def simulated_once(simulated, everything):
    """Many examples take the same simulated recordings, which take seconds to make."""
    made = {"load_pokerdvs": simulated, "load_pokerdvs131": everything}
    with pytest.MonkeyPatch.context() as patch:
        for name, recordings in made.items():
            patch.setattr(pokersnn_helpers, name, lambda source, found=recordings: found)
        passes = everything.recordings, everything.table
        patch.setattr(pokersnn_helpers.pokerdvs, "simulate_passes", lambda: passes)
        yield


@pytest.mark.parametrize("name", sorted(FILES))
def test_examples_print_what_they_say(name, tmp_path, monkeypatch):
    if name == "__main__":
        return
    monkeypatch.chdir(tmp_path)  # where an example may write a file
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    with plt.rc_context():  # an example may choose the book's style, which other tests don't
        for example in examples(name):
            runner.run(example)
            plt.close("all")
    assert runner.summarize(verbose=False).failed == 0


def test_every_public_name_has_an_example():
    found = {
        f"{module}.{example.name.removeprefix(f'{PACKAGE}.')}"
        for module in {name.rpartition(".")[0] for name in PUBLIC}
        for example in examples(module)
        if example.examples
    }
    assert len(PUBLIC) > 100 and sorted(PUBLIC - found) == []


def defined(thing):
    """Say whether this is a class or a function, and not a constant or a module."""
    return isinstance(thing, type) or inspect.isroutine(thing)


def imported(code):
    for node in ast.walk(ast.parse(re.sub("(?m)^ *%.*$", "", code))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE):
            yield from ((node.module, each.name) for each in node.names)


def test_the_reference_has_what_the_package_exports_and_the_pages_import():
    root = Path(__file__).parents[1]
    pages = [root / "README.md", *(root / "book").glob("*.md")]
    codes = [block for page in pages for block in re.findall(FENCED, page.read_text("utf-8"))]
    for chapter in (root / "book").glob("*.ipynb"):
        cells = nbformat.read(chapter, as_version=4).cells
        codes += [cell.source for cell in cells if cell.cell_type == "code"]
    names = {(PACKAGE, name) for name in pokersnn_helpers.__all__}
    names |= {each for code in codes if f"from {PACKAGE}" in code for each in imported(code)}
    listed = {name.rpartition(".")[2] for name in PUBLIC}
    missing = [
        f"{module}.{name}"
        for module, name in sorted(names)
        if name not in listed and defined(getattr(importlib.import_module(module), name))
    ]
    assert not missing, "add them to book/reference.md"
