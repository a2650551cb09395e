"""Look at many recordings at once: what there is of each class, and what is odd in how many."""

from collections.abc import Iterable
from os.path import commonpath
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pokersnn_helpers.system.writing import StrPath

from ..files.folders import find_files
from .copies import find_copies
from .inspection import Inspection, inspect_file

UNREADABLE = np.empty((0, 2))


def inspect_files(paths: Iterable[StrPath]) -> dict[Path, Inspection]:
    r"""Inspect files, and all files below folders, by ``inspect_file``, and find copies.

    Returns:
        What was found in each file, without images. A file that can't be read has no numbers, and
        its only advice says what is wrong with it.

    Raises:
        FileNotFoundError: There are no recordings in a folder.
        ValueError: None of the files can be read.

    Example:
        >>> _ = Path("a.csv").write_text("t,x,y,p\n0,0,0,1\n"), Path("b.csv").write_text("t\n")
        >>> inspect_files(["a.csv", "b.csv"])[Path("b.csv")].advice
        ['it holds t, not x, y, p; call them t, x, y and p, in CSV in the first line']
    """
    files = [file for path in paths for file in find_files(Path(path))]
    inspections = {}
    for file in tqdm(files, "reading", unit="file", delay=2):
        try:
            inspections[file] = inspect_file(file)._replace(image=UNREADABLE)
        except (ValueError, OSError, ModuleNotFoundError) as error:
            reason = str(error).removeprefix(f"{file}: ")
            nothing = UNREADABLE
            inspections[file] = Inspection({}, nothing, nothing, nothing, [reason], nothing)
    readable = [file for file, inspection in inspections.items() if inspection.numbers]
    if not readable:
        raise ValueError(f"no file can be read: {file}: {reason}")
    pairs = find_copies(np.stack([inspections[file].signature for file in readable]))
    for copy, first in {other: one for one, other in reversed(pairs.tolist())}.items():
        inspections[readable[copy]].advice.append(
            f"it shares its events with {readable[first]}, perhaps with jitter, or fewer of them; "
            "keep one of the two"
        )
    return inspections


def overview(inspections: dict[Path, Inspection]) -> list[str]:
    r"""Say in lines what many files hold: a table, and then what is odd.

    Classes are the folders in the folder that holds everything. If the same is odd in many files,
    with the same remedy, there is a single line for all of them, which names the first file.

    Example:
        >>> for name in ("left", "right"):
        ...     Path("moves", name).mkdir(parents=True)
        ...     _ = Path("moves", name, "1.csv").write_text("t,x,y,p\n0,0,0,1\n2000,0,0,0\n")
        >>> overview(inspect_files(["moves"]))[0]
        '2 files'
    """
    import pandas as pd  # which takes a second to import

    rows = {
        file.absolute(): inspection.numbers
        for file, inspection in inspections.items()
        if inspection.numbers
    }
    root = commonpath([file.parent for file in rows])
    folders = [file.parent.relative_to(root) for file in rows]
    classes = ["".join(folder.parts[:1]) for folder in folders]
    numbers = pd.DataFrame(rows.values())[["events", "duration (ms)"]]
    table = numbers.groupby(np.array(classes)).agg(["count", "median", "min", "max"])
    lines = [f"{len(inspections)} files", *table.to_string().splitlines()]
    class_of = dict(zip(rows, classes, strict=True))
    odd = [
        (class_of.get(file.absolute(), ""), sentence.split("; ")[-1], f"{file}: {sentence}")
        for file, inspection in inspections.items()
        for sentence in inspection.advice
    ]
    advice = pd.DataFrame(odd, columns=["class", "remedy", "line"])
    for _, alike in advice.groupby("remedy", sort=False):
        concerned = alike["class"].nunique()
        lines.append(
            f"- {len(alike)} files in {concerned} of {len(table)} folders, such as "
            f"{alike['line'].iloc[0]}"
        )
    return lines
