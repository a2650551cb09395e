"""Look at many recordings at once: what there is of each class, and what is odd in how many."""

from collections.abc import Iterable
from itertools import chain
from os import PathLike
from os.path import commonpath
from pathlib import Path

import numpy as np
from tqdm import tqdm

from .folders import recording_files
from .inspection import Inspection, inspect_file

NOTHING = Inspection({}, np.empty(0), np.empty((0, 0)), np.empty((0, 2)), [])


def inspect_files(paths: Iterable[str | PathLike[str]]) -> dict[Path, Inspection]:
    r"""Inspect files, and all files below folders, by ``inspect_file``.

    Returns:
        What is in each file, without images. What is wrong with one that can't be read is its only
        advice, and it has no numbers.

    Raises:
        FileNotFoundError: There are no recordings in a folder.
        ValueError: None of the files can be read.

    Example:
        >>> _ = Path("a.csv").write_text("t,x,y,p\n0,0,0,1\n"), Path("b.csv").write_text("t\n")
        >>> inspect_files(["a.csv", "b.csv"])[Path("b.csv")].advice
        ['it holds t, not x, y, p; call them t, x, y and p, in CSV in the first line']
    """
    places = [recording_files(path) if path.is_dir() else [path] for path in map(Path, paths)]
    found: dict[Path, Inspection] = {}
    for file in tqdm([*chain(*places)], "reading", unit="file", delay=2):
        try:
            found[file] = inspect_file(file)._replace(image=NOTHING.image)
        except (ValueError, OSError, ModuleNotFoundError) as error:
            reason = str(error).removeprefix(f"{file}: ")
            found[file] = NOTHING._replace(advice=[reason])
    if not any(each.numbers for each in found.values()):
        raise ValueError(f"no file can be read: {file}: {reason}")
    return found


def overview(found: dict[Path, Inspection]) -> list[str]:
    r"""Say in lines what many files hold: a table, and then what is odd.

    Classes are the folders in the folder that holds everything. What is odd, and has the same
    remedy, in many files is one line, which names the first.

    Example:
        >>> for name in ("left", "right"):
        ...     Path("moves", name).mkdir(parents=True)
        ...     _ = Path("moves", name, "1.csv").write_text("t,x,y,p\n0,0,0,1\n2000,0,0,0\n")
        >>> overview(inspect_files(["moves"]))[0]
        '2 files'
    """
    import pandas as pd  # which takes a second to import

    read = {file.absolute(): each.numbers for file, each in found.items() if each.numbers}
    root = commonpath([file.parent for file in read])
    classes = np.array([(*file.relative_to(root).parts[:-1], "")[0] for file in read])
    numbers = pd.DataFrame([*read.values()])[["events", "duration (ms)"]]
    table = numbers.groupby(classes).agg(["count", "median", "min", "max"])
    odd: dict[str, list[str]] = {}
    for file, each in found.items():
        for sentence in each.advice:
            odd.setdefault(sentence.rpartition("; ")[2], []).append(f"{file}: {sentence}")
    remarks = (f"- {len(those)} files, such as {those[0]}" for those in odd.values())
    return [f"{len(found)} files", *table.to_string().splitlines(), *remarks]
