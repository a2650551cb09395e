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


def keep(chapter, cache):
    """Put a chapter into a cache, as a build does that has executed it."""
    bundle = CacheBundleIn(nbformat.read(chapter, as_version=4), str(chapter))
    cache.cache_notebook_bundle(bundle, check_validity=False)


# ---- What a build has executed ----


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a chapter, a package, another package's version and an archive."""
    write_chapter(tmp_path / "chapter.ipynb", "1")
    for place in ("helpers/__init__.py", "some-1.0.dist-info/METADATA", "data/pips_test.tar.gz"):
        (tmp_path / place).parent.mkdir()
        (tmp_path / place).touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(executed, "PACKAGES", ["helpers"])
    monkeypatch.setenv("POKERSNN_DATA", str(tmp_path / "data"))
    return tmp_path


CHANGES = {
    "its source": lambda folder: write_chapter(folder / "chapter.ipynb", "2"),
    "a helper": lambda folder: (folder / "helpers/__init__.py").write_text("a = 1"),
    "a new helper": lambda folder: (folder / "helpers/new.py").touch(),
    "a version": lambda folder: (folder / "some-1.0.dist-info").rename(
        folder / "some-1.1.dist-info"
    ),
    "an archive": lambda folder: (folder / "data/pips_test.tar.gz").write_text("whole"),
    "the data folder": lambda folder: os.environ.update(POKERSNN_DATA=str(folder)),
    "no build": lambda folder: shutil.rmtree(folder / "cache"),
}
NO_CHANGES = {
    "nothing": lambda folder: None,
    "its prose": lambda folder: write_chapter(folder / "chapter.ipynb", "1", prose="new"),
    "a new package": lambda folder: (folder / "other-1.0.dist-info").mkdir(),
    "compiled helpers": lambda folder: (folder / "helpers/__pycache__").mkdir(),
}


@pytest.mark.parametrize("change", CHANGES | NO_CHANGES)
def test_a_chapter_is_executed_again_once_something_has_changed(project, change):
    chapter, cache = project / "chapter.ipynb", project / "cache"
    keep(chapter, executed.open_cache(cache))
    assert executed.executed_at(chapter, cache).startswith("20")
    (CHANGES | NO_CHANGES)[change](project)
    for _ in range(2):
        assert (executed.executed_at(chapter, cache) == "") == (change in CHANGES)
        executed.open_cache(cache)  # as a build does, so that it executes the same chapters


# ---- The build ----

NOTE = """
import os
with open("log", "a") as log:
    print("{name}", os.environ.get("OMP_NUM_THREADS"), file=log)
"""


def test_a_build_executes_chapters_once_in_silence_and_one_that_measures_alone(
    tmp_path, monkeypatch, capfd
):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    book = tmp_path / "book"
    write_chapter(book / "a.ipynb", NOTE.format(name="alone"), executed_alone=True)
    write_chapter(book / "b.ipynb", NOTE.format(name="other"))
    write_chapter(book / "c.ipynb", NOTE.format(name="fails") + "1 / 0")
    config = SimpleNamespace(
        execution_mode="cache", execution_cache_path=str(tmp_path / "cache"), execution_timeout=60
    )
    app = SimpleNamespace(srcdir=tmp_path, env=SimpleNamespace(mystnb_config=config))
    execute_chapters(app)
    *together, last = (book / "log").read_text().splitlines()
    assert (sorted(together), last) == (["fails 1", "other 1"], "alone None")
    assert capfd.readouterr().err == ""
    execute_chapters(app)
    assert (book / "log").read_text().splitlines()[3:] == ["fails 1"]


# ---- The tests ----


def test_pytest_runs_the_chapters_that_no_build_has_executed(tmp_path):
    for place in ("conftest.py", "_ext/executed.py"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / place, tmp_path / place)
    done = write_chapter(tmp_path / "book" / "done.ipynb", "assert False")
    write_chapter(tmp_path / "book" / "changed.ipynb", "assert False, 'changed'")
    keep(done, executed.open_cache(tmp_path / "_build" / ".jupyter_cache"))
    command = [sys.executable, "-m", "pytest", "-rfs", "--nbval-lax", "-p", "no:cacheprovider", "."]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True).stdout
    assert "FAILED book/changed.ipynb" in shown
    assert "SKIPPED [1] book/done.ipynb: executed by the build of 20" in shown
    assert "1 failed, 1 skipped" in shown
