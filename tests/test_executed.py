"""A build executes chapters once, and the tests execute only what no build has."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

pytest.importorskip("jupyter_cache")
pytest.importorskip("sphinx")

import executed
import reached
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from parallel import execute_chapters

ROOT = Path(__file__).parents[1]


def write_chapter(path, source, prose="", **metadata):
    cells = [nbformat.v4.new_markdown_cell(prose), nbformat.v4.new_code_cell(source)]
    kernel = {"name": "python3", "display_name": "Python 3"}
    chapter = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel, **metadata})
    path.parent.mkdir(exist_ok=True)
    nbformat.write(chapter, path)
    return path


def keep(chapter, folder, **others):
    """Put a chapter into a cache, as a build does that has executed it, or with other code."""
    notebook = nbformat.read(chapter, as_version=4)
    data = {"executed_with": executed.surroundings_of(notebook) | others}
    bundle = CacheBundleIn(notebook, str(chapter), data=data)
    get_cache(folder).cache_notebook_bundle(bundle, check_validity=False)


# ---- What a build has executed ----


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a chapter, a package, another package's version and an archive."""
    write_chapter(tmp_path / "chapter.ipynb", "import helpers")
    for place in ("helpers/__init__.py", "some-1.0.dist-info/METADATA", "data/pips_test.tar.gz"):
        (tmp_path / place).parent.mkdir()
        (tmp_path / place).touch()
    monkeypatch.syspath_prepend(tmp_path)
    for module in (executed, reached):
        monkeypatch.setattr(module, "PACKAGES", ["helpers"])
    monkeypatch.setenv("POKERSNN_DATA", str(tmp_path / "data"))
    return tmp_path


def compiled(folder):
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "loop.nbc").touch()


CHANGES = {
    "its source": lambda folder: write_chapter(folder / "chapter.ipynb", "import helpers, os"),
    "a helper": lambda folder: (folder / "helpers/__init__.py").write_text("a = 1"),
    "a helper's data": lambda folder: (folder / "helpers/new.json").touch(),
    "a version": lambda folder: (folder / "some-1.0.dist-info").rename(
        folder / "some-1.1.dist-info"
    ),
    "an archive": lambda folder: (folder / "data/pips_test.tar.gz").write_text("whole"),
    "the data folder": lambda folder: os.environ.update(POKERSNN_DATA=str(folder)),
    "no build": lambda folder: shutil.rmtree(folder / "cache"),
}
NO_CHANGES = {
    "nothing": lambda folder: None,
    "its prose": lambda folder: write_chapter(
        folder / "chapter.ipynb", "import helpers", prose="new"
    ),
    "a docstring": lambda folder: (folder / "helpers/__init__.py").write_text('"""Helps."""'),
    "a helper that it doesn't reach": lambda folder: (folder / "helpers/new.py").touch(),
    "a new package": lambda folder: (folder / "other-1.0.dist-info").mkdir(),
    "a compiled helper": lambda folder: compiled(folder / "helpers"),
    "another time of an archive": lambda folder: os.utime(folder / "data/pips_test.tar.gz", (0, 0)),
}


@pytest.mark.parametrize("change", CHANGES | NO_CHANGES)
def test_a_chapter_is_executed_again_once_something_has_changed(project, change):
    chapter, cache = project / "chapter.ipynb", project / "cache"
    keep(chapter, cache)
    assert executed.executed_at(chapter, cache).startswith("20")
    (CHANGES | NO_CHANGES)[change](project)
    assert (executed.executed_at(chapter, cache) == "") == (change in CHANGES)


def test_what_mystnb_has_executed_with_unknown_packages_is_executed_again(project):
    notebook = nbformat.read(project / "chapter.ipynb", as_version=4)
    bundle = CacheBundleIn(notebook, "chapter.ipynb", data={"execution_seconds": 1})
    get_cache(project / "cache").cache_notebook_bundle(bundle, check_validity=False)
    assert executed.executed_at(project / "chapter.ipynb", project / "cache") == ""


# ---- The code that a chapter reaches ----

MODULES = {
    "__init__.py": "import lazy_loader",
    "__init__.pyi": "from .asked import Asked",
    "__main__.py": "import_module('.' + 'command', __package__)",
    "command.py": "",
    "asked.py": "from . import imported",
    "imported.py": "def f():\n    from .folder.late import g",
    "folder/__init__.py": "",
    "folder/late.py": "from ..saved import NAMES",
    "saved.py": "NAMES = {'name': 'named:Thing'}",
    "named.py": "class Thing:\n    pass",
    "other.py": "from .asked import Asked",
}
WITH_THE_PACKAGE = {"__init__.py", "__main__.py", "command.py"}
BY_ASKED = WITH_THE_PACKAGE | {
    "asked.py",
    "imported.py",
    "folder/__init__.py",
    "folder/late.py",
    "saved.py",
    "named.py",
}
ALL = {place for place in MODULES if place.endswith(".py")}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import numpy; text = 'of helpers'", set()),
        ("from helpers.named import Thing", WITH_THE_PACKAGE | {"named.py"}),
        ("if 1:\n    %run -m helpers.named {options}", WITH_THE_PACKAGE | {"named.py"}),
        ("from helpers import Asked", BY_ASKED),
        ("import helpers\nhelpers.Asked()", BY_ASKED),
        ("import helpers as short\nshort.Asked()", BY_ASKED),
        ("from helpers import *", BY_ASKED),
        ("from helpers.other import Asked", ALL),
        ("helpers?", ALL),
    ],
)
def test_a_changed_function_executes_the_chapters_that_reach_it_and_no_others(
    project, source, expected
):
    helpers = project / "helpers"
    (helpers / "folder").mkdir()
    for place, text in MODULES.items():
        (helpers / place).write_text(text)
    before = reached.code_reached(source)
    found = set()
    for place in ALL:
        (helpers / place).write_text(f"{MODULES[place]}\ndef new(): pass")
        if reached.code_reached(source) != before:
            found.add(place)
        (helpers / place).write_text(MODULES[place])
    assert found == expected


@pytest.mark.parametrize(
    ("source", "is_executed"),
    [
        ("from helpers import f\ndef own(): pass\ngetsource(own)", False),
        ("from helpers import f\nhelp(f)", True),
        ("from helpers import f\nprint(f.__doc__)", True),
    ],
)
def test_a_changed_docstring_executes_only_a_chapter_that_shows_some(project, source, is_executed):
    module = project / "helpers/__init__.py"
    module.write_text('def f():\n    """Help."""\n    return 1')
    before = reached.code_reached(source)
    module.write_text('def f():\n    """Help more."""\n    return 1  # and a comment')
    assert (reached.code_reached(source) != before) == is_executed


# ---- The build ----

NOTE = """
import os
with open("log", "a") as log:
    print("{name}", os.environ.get("OMP_NUM_THREADS"), file=log)
"""


def app_in(folder):
    """Return what a build gives its extensions: a book in this folder, and where its cache is."""
    config = SimpleNamespace(
        execution_mode="cache", execution_cache_path=str(folder / "cache"), execution_timeout=60
    )
    return SimpleNamespace(srcdir=folder, env=SimpleNamespace(mystnb_config=config))


def test_a_build_executes_chapters_once_without_warnings_and_one_that_measures_alone(
    tmp_path, monkeypatch, capfd
):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    book = tmp_path / "book"
    write_chapter(book / "a.ipynb", NOTE.format(name="alone"), executed_alone=True)
    write_chapter(book / "b.ipynb", NOTE.format(name="other"))
    write_chapter(book / "c.ipynb", NOTE.format(name="fails") + "1 / 0")
    app = app_in(tmp_path)
    execute_chapters(app)
    *together, last = (book / "log").read_text().splitlines()
    assert (sorted(together), last) == (["fails 1", "other 1"], "alone None")
    # A kernel that ends may log an error of its socket.
    assert "WARNING" not in capfd.readouterr().err
    execute_chapters(app)
    assert (book / "log").read_text().splitlines()[3:] == ["fails 1"]


def test_a_chapter_that_fails_now_has_no_result_of_other_code(tmp_path):
    chapter = write_chapter(tmp_path / "book" / "a.ipynb", "1 / 0")
    keep(chapter, tmp_path / "cache", code="")
    execute_chapters(app_in(tmp_path))
    assert get_cache(tmp_path / "cache").list_cache_records() == []


# ---- The tests ----


def test_pytest_runs_the_chapters_that_no_build_has_executed(tmp_path):
    for place in ("conftest.py", "_ext/executed.py", "_ext/reached.py"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / place, tmp_path / place)
    done = write_chapter(tmp_path / "book" / "done.ipynb", "assert False")
    write_chapter(tmp_path / "book" / "changed.ipynb", "assert False, 'changed'")
    keep(done, tmp_path / "_build" / ".jupyter_cache")
    command = [sys.executable, "-m", "pytest", "-rfs", "--nbval-lax", "-p", "no:cacheprovider", "."]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout
    assert "FAILED book/changed.ipynb" in shown
    assert "SKIPPED [1] book/done.ipynb: executed by the build of 20" in shown
    assert "1 failed, 1 skipped" in shown
