"""Run chapters as a reader does who has the package and no clone of the repository.

Usage: python tools/chapters_outside.py [NAME ...]

Every notebook, or those whose names begin so, is copied to an empty folder and run there. The
command fails when a cell raises, and when anything but a progress bar reaches stderr: Colab shows
it to the reader. A chapter may say that its recordings are simulated, or that it compiles.
"""

import os
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

BOOK = Path(__file__).resolve().parents[1] / "book"
BAR = re.compile(r".*\d+%\|.*\| .*")  # tqdm's
COMPILING = re.compile("compiling loops, once on this computer: .*")
SIMULATED = re.compile(
    r"[^\n]*: the real POKER-DVS recordings could not be loaded, so these are simulated\."
    r".*?\n  \w+ = load_pokerdvs(131)?\(\)\n",
    re.DOTALL,
)


def warnings_of(notebook: nbformat.NotebookNode) -> list[str]:
    """Return what stands on stderr beside progress bars, each with the cell that it is of."""
    warnings = []
    for cell in notebook.cells:
        streams = [out.text for out in cell.get("outputs", []) if out.get("name") == "stderr"]
        text = SIMULATED.sub("", "".join(streams))
        lines = [line for line in re.split(r"[\r\n]+", COMPILING.sub("", text)) if line.strip()]
        lines = [line for line in lines if not BAR.fullmatch(line)]
        if lines:
            warnings.append("\n".join([f"cell {cell.id} writes to stderr:", *lines]))
    return warnings


def run(chapter: Path) -> list[str]:
    """Run a chapter in an empty folder and return what went wrong."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as log:
        notebook = nbformat.read(shutil.copy(chapter, folder), as_version=4)
        resources = {"metadata": {"path": folder}}
        client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources)
        try:
            client.execute(stderr=log)  # the kernel's own; that of its cells is in the notebook
        except CellExecutionError as error:
            return [str(error), *warnings_of(notebook)]
        except (TimeoutError, RuntimeError) as error:  # the kernel died, or a cell takes too long
            log.seek(0)
            return [str(error), log.read()[-2000:].decode(errors="replace")]
    return warnings_of(notebook)


def main(names: list[str]) -> int:
    chapters = []
    for name in names:
        found = sorted(BOOK.glob(f"{name}*.ipynb"))
        if not found:
            sys.exit(f"no notebook of {BOOK} begins with {name}")
        chapters += found
    os.environ["POKERSNN_STRICT"] = "1"  # what a chapter says and doesn't find is an error
    failed = 0
    for chapter in chapters:
        start = time.monotonic()
        problems = run(chapter)
        took = f"{chapter.name}: {time.monotonic() - start:.0f} s"
        print(took, *problems, sep="\n", flush=True)
        failed += bool(problems)
    return failed


if __name__ == "__main__":
    failed = main(sys.argv[1:] or [""])
    if failed:
        sys.exit(f"{failed} of the chapters failed or warned")
