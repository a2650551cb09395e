"""Run chapters as a reader does who has the package and no clone of the repository.

Usage: python tools/chapters_outside.py [NUMBER ...]

Every chapter, or those of the given numbers, is copied to an empty folder and run there. The
command fails when a cell raises, and when anything but a progress bar reaches stderr: Colab shows
it to the reader. A chapter may say that its recordings are simulated.
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
        lines = [line for line in re.split(r"[\r\n]+", text) if line and not BAR.fullmatch(line)]
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


def main(numbers: list[str]) -> int:
    chapters = {str(int(path.name[:2])): path for path in sorted(BOOK.glob("[0-9][0-9]_*.ipynb"))}
    for number in numbers:
        if number not in chapters:
            sys.exit(f"no chapter has the number {number}; there are 1 to {len(chapters)}")
    os.environ["POKERSNN_STRICT"] = "1"  # what a chapter says and doesn't find is an error
    failed = 0
    for number in numbers or chapters:
        start = time.monotonic()
        problems = run(chapters[number])
        took = f"{chapters[number].name}: {time.monotonic() - start:.0f} s"
        print(took, *problems, sep="\n", flush=True)
        failed += bool(problems)
    return failed


if __name__ == "__main__":
    failed = main(sys.argv[1:])
    if failed:
        sys.exit(f"{failed} of the chapters failed or warned")
