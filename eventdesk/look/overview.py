"""Look at many recordings at once: how many each class has, and in how many something is odd."""

from collections.abc import Iterable
from os.path import commonpath
from pathlib import Path

import numpy as np
from tqdm import tqdm

from pokersnn_helpers.system.writing import StrPath

from ..files.folders import find_files
from .copies import find_copies
from .inspection import Inspection, inspect_file


def inspect_files(paths: Iterable[StrPath]) -> tuple[dict[Path, Inspection], dict[Path, str]]:
    r"""Inspect files, and all files below folders, by ``inspect_file``, and find copies.

    Returns:
        The inspection of each file, without its image; and for each file that can't be read, the
        reason.

    Raises:
        FileNotFoundError: There are no recordings in a folder.
        ValueError: None of the files can be read.

    Example:
        >>> _ = Path("a.csv").write_text("t,x,y,p\n0,0,0,1\n"), Path("b.csv").write_text("t\n")
        >>> inspections, errors = inspect_files(["a.csv", "b.csv"])
        >>> errors[Path("b.csv")]
        'it holds t, not x, y, p; call them t, x, y and p, in CSV in the first line'
    """
    inspections = {}
    errors = {}
    files = [file for path in paths for file in find_files(Path(path))]
    for file in tqdm(files, "reading", unit="file", delay=2):
        try:
            inspections[file] = inspect_file(file)._replace(image=np.empty((0, 0)))
        except (ValueError, OSError, ModuleNotFoundError) as error:
            errors[file] = str(error).removeprefix(f"{file}: ")
    if not inspections:
        raise ValueError(f"no file can be read: {file}: {errors[file]}")
    readable = list(inspections)
    signatures = np.stack([each.signature for each in inspections.values()])
    pairs = find_copies(signatures, [each.digest for each in inspections.values()])
    classes = class_folders(readable)
    for copy, first in {other: one for one, other in reversed(pairs.tolist())}.items():
        shared = f"it shares its events with {readable[first]}"
        advice = f"{shared}, perhaps with jitter, or fewer of them; keep one of the two"
        if classes[copy] != classes[first]:
            advice = (
                f"{shared}, in another folder; if folders are classes, one label is wrong: correct "
                "it, or leave both out"
            )
        inspections[readable[copy]].advice.append(advice)
    return inspections, errors


def class_folders(files: Iterable[Path]) -> list[str]:
    """Return the class of each file: its folder in the folder that holds everything.

    Example:
        >>> class_folders([Path("moves/left/1.csv"), Path("moves/right/anna/1.csv")])
        ['left', 'right']
    """
    folders = [file.absolute().parent for file in files]
    root = commonpath(folders)
    return ["".join(folder.relative_to(root).parts[:1]) for folder in folders]


def overview(inspections: dict[Path, Inspection], errors: dict[Path, str]) -> list[str]:
    r"""Return lines about many files: a table of their classes, and then what is odd.

    Classes are those of ``class_folders``. Files with the same remedy share a line, which names the
    first of them.

    Example:
        >>> for name in ("left", "right"):
        ...     Path("moves", name).mkdir(parents=True)
        ...     _ = Path("moves", name, "1.csv").write_text("t,x,y,p\n0,0,0,1\n2000,0,0,0\n")
        >>> overview(*inspect_files(["moves"]))[0]
        '2 files'
    """
    import pandas as pd  # which takes a second to import

    classes = class_folders(inspections)
    numbers = [each.numbers for each in inspections.values()]
    kept = pd.DataFrame(numbers, columns=["events", "duration (ms)"])
    table = kept.groupby(np.array(classes)).agg(["count", "median", "min", "max"])
    odd = [
        (class_name, sentence.split("; ")[-1], f"{file}: {sentence}")
        for class_name, (file, inspection) in zip(classes, inspections.items(), strict=True)
        for sentence in inspection.advice
    ]
    odd += [("", reason.split("; ")[-1], f"{file}: {reason}") for file, reason in errors.items()]
    lines = [f"{len(inspections) + len(errors)} files", *table.to_string().splitlines()]
    advice = pd.DataFrame(odd, columns=["class", "remedy", "line"])
    for _, alike in advice.groupby("remedy", sort=False):
        concerned = alike["class"].nunique()
        lines.append(
            f"- {len(alike)} files in {concerned} of {len(table)} folders, such as "
            f"{alike['line'].iloc[0]}"
        )
    return lines
