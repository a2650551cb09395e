"""Change the chapters as a curious reader does, run all, and print what came back.

Usage: python tools/curious.py [NAME ...]

Each notebook of ``tools/curious.txt``, or those whose names begin so, is executed once as it is.
Then a copy of that process makes a change and executes the cells that depend on it, for at most two
minutes. The table says how each ended: ``ran``; ``said``, where the page or a package warned of it;
``refused``, with an error in a package's words; ``own line``, with an error of Python's, NumPy's or
PyTorch's in a line of the page; or ``bare``, with theirs beneath a package. The command fails when
an error is bare, or says nothing, as an ``AssertionError`` may.
"""

import ast
import io
import multiprocessing
import os
import re
import signal
import sys
import tempfile
import traceback
import warnings
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import matplotlib
import nbformat
from IPython.core.interactiveshell import InteractiveShell

LIMIT = 120  # s for a change
PACKAGES = ("pokersnn_helpers", "eventdesk")
ROOT = Path(__file__).resolve().parents[1]
CHANGES = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8")
COPY = multiprocessing.get_context("fork")


class Cell(NamedTuple):
    """A code cell, with the names that it reads and those that it makes or changes."""

    source: str
    reads: set[str]
    makes: set[str]

    @classmethod
    def of(cls, source: str) -> "Cell":
        try:
            tree = ast.parse(re.sub(r"(?m)^( *)%.*{(\w+)}.*$|^( *)%.+$", r"\1\3\2 or 0", source))
        except SyntaxError:
            return cls(source, set(), set())
        reads, makes = set(), set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                (reads if isinstance(node.ctx, ast.Load) else makes).add(node.id)
            elif isinstance(node, ast.ClassDef | ast.FunctionDef):
                makes.add(node.name)
            elif isinstance(node, ast.alias):
                makes.add((node.asname or node.name).partition(".")[0])
            elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(
                node.value, ast.Name
            ):
                changed = isinstance(node.ctx, ast.Store) or getattr(node, "attr", "") == "append"
                makes.update({node.value.id} if changed else ())
        return cls(source, reads, makes)


def to_run(cells: list[Cell], changed: int) -> list[int]:
    """Return the cells to execute again: what depends on a changed one, and what that needs."""

    def maker(name: str, before: int) -> int | None:
        makers = [number for number in range(before) if name in cells[number].makes]
        return makers[-1] if makers else None

    with_files = [number for number, cell in enumerate(cells) if "%run" in cell.source]
    if changed <= max(with_files, default=-1):
        return list(range(len(cells)))
    again = {changed}
    while True:
        more = set()
        for number, cell in enumerate(cells):
            made_by = {name: maker(name, number) for name in cell.reads}
            if again & set(made_by.values()):
                more.add(number)
            if number in again:  # names that another cell has made anew since
                more |= {m for name, m in made_by.items() if maker(name, len(cells)) != m} - {None}
        if more <= again:
            return sorted(again)
        again |= more


def run(shell: InteractiveShell, source: str) -> tuple[str, BaseException | None]:
    """Execute a cell; return what it said beside its results, and the error that it ended with."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        result = shell.run_cell(source)
    error = result.error_before_exec or result.error_in_exec
    said = re.findall(r"This page expects .+", out.getvalue())
    said += [line for line in re.split(r"[\r\n]+", err.getvalue()) if "Warning: " in line]
    return " ".join(said), error


def run_again(shell: InteractiveShell, cells: list[Cell], changed: int, answer: Connection) -> None:
    """Execute a changed cell and what depends on it; send how that ended, and what was said."""
    remarks = []
    signal.alarm(LIMIT)  # which ends this process
    for number in to_run(cells, changed):
        said, error = run(shell, cells[number].source)
        remarks += [said] if said else []
        if error is not None:
            notes = " ".join(getattr(error, "__notes__", []))
            answer.send((origin_of(error), f"{type(error).__name__}: {error} {notes}".strip()))
            return
    answer.send(("said", remarks[0]) if remarks else ("ran", ""))


def origin_of(error: BaseException) -> str:
    """Say whose words an error has: a package's, or others', raised by a cell or beneath."""
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    own = [any(f"/{name}/" in file for name in PACKAGES) for file in files]
    if own and own[-1]:
        return "refused"
    return "bare" if any(own) else "own line"


def try_change(shell: InteractiveShell, cells: list[Cell], change: str) -> tuple[str, str]:
    """Make a change in a copy of this process; return how it ended, and what was said."""
    old, new = (part.strip().replace("\\n", "\n") for part in change.split(" → "))
    changed = next(number for number, cell in enumerate(cells) if old in cell.source)
    cell = Cell.of(cells[changed].source.replace(old, new))
    cells = [*cells[:changed], cell, *cells[changed + 1 :]]
    answer, theirs = COPY.Pipe(duplex=False)
    process = COPY.Process(target=run_again, args=(shell, cells, changed, theirs))
    process.start()
    theirs.close()
    try:
        return answer.recv()
    except EOFError:
        return "ran", f"and was stopped after {LIMIT} s"
    finally:
        process.join()


def try_notebook(name: str, changes: list[str]) -> None:
    """Print a row for each change of a notebook; exit with how many errors said nothing."""
    path = ROOT / "book" / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cells = [Cell.of(cell.source) for cell in notebook.cells if cell.cell_type == "code"]
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    matplotlib.use("Agg")
    os.chdir(tempfile.mkdtemp())
    for cell in cells:
        _, error = run(shell, cell.source)
        if error is not None:
            sys.exit(f"{path.name} fails as it is: {error!r}")
    bare = 0
    for change in changes:
        how, said = try_change(shell, cells, change)
        print(f"{name} | {change} | {how} | {' '.join(said.split())[:300]}", flush=True)
        bare += how == "bare" or said.endswith(("AssertionError:", "Error:"))
    sys.exit(bare)


def main(names: list[str]) -> None:
    """Try all changes of all notebooks, each notebook in a process of its own."""
    failed = 0
    for name, changes in re.findall(r"(?ms)^# (\S+)\n(.*?)(?=^# |\Z)", CHANGES):
        if names and not any(name.startswith(each) for each in names):
            continue
        process = COPY.Process(target=try_notebook, args=(name, changes.splitlines()))
        process.start()
        process.join()
        failed += process.exitcode != 0
    if failed:
        sys.exit(f"in {failed} notebooks, a change ended in an error that says nothing")


if __name__ == "__main__":
    os.environ["TQDM_DISABLE"] = "1"
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads would be missing in a copy
    main(sys.argv[1:])
