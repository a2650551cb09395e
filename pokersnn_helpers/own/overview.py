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

UNREADABLE = Inspection({}, np.empty(0), np.empty((0, 0)), [], np.empty((0, 2)), None)


def inspect_files(paths: Iterable[str | PathLike[str]]) -> dict[Path, Inspection]:
    r"""Inspect files, and all files below folders, by ``inspect_file``.

    Returns:
        What is in each file. Only the first has an image. What is wrong with one that can't be read
        is its only advice, and it has no numbers.

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
            each = inspect_file(file)
            found[file] = each._replace(image=each.image[:0]) if found else each
        except (ValueError, OSError, ModuleNotFoundError) as error:
            reason = str(error).removeprefix(f"{file}: ").replace(str(file), "it")
            found[file] = UNREADABLE._replace(advice=[reason])
    if not any(each.numbers for each in found.values()):
        raise ValueError(f"none of {len(found)} files can be read: {each.advice[0]}")
    return found


def overview(found: dict[Path, Inspection]) -> list[str]:
    r"""Say in lines what many files hold: a summary, and then what is odd.

    Classes are the folders in the folder that holds everything, and groups are those in a class.
    What is odd, and has the same remedy, in many files is one line, which names the first.

    Example:
        >>> for name in ("left", "right"):
        ...     Path("moves", name).mkdir(parents=True)
        ...     _ = Path("moves", name, "1.csv").write_text("t,x,y,p\n0,0,0,1\n2000,0,0,0\n")
        >>> overview(inspect_files(["moves"]))[1]
        'format: 2 .csv'
    """
    import pandas as pd  # which takes a second to import

    paths = {file: file.absolute() for file, each in found.items() if each.numbers}
    root = commonpath([path.parent for path in paths.values()])
    rows = []
    for file, path in paths.items():
        name, group, *_ = (*path.relative_to(root).parts[:-1], "", "")
        sensor = found[file].sensor_size
        row = {"class": name, "group": group or path, "format": file.suffix.lower()}
        said = f"{sensor[0]} x {sensor[1]}" if sensor else "not said"
        rows.append(row | {"sensor": said} | found[file].numbers)
    table = pd.DataFrame(rows)
    megabytes = sum(path.stat().st_size for path in paths.values()) / 1e6
    lines = [f"{len(found)} files, {table['group'].nunique()} groups, {megabytes:.3g} MB"]
    for name in ("format", "sensor"):
        counts = table[name].value_counts()
        lines.append(f"{name}: " + ", ".join(f"{n} {kind}" for kind, n in counts.items()))
    numbers = table.groupby("class")[["events", "duration (ms)"]]
    lines += numbers.agg(["count", "median", "min", "max"]).to_string().splitlines()
    odd: dict[str, list[str]] = {}
    for file, each in found.items():
        for sentence in each.advice:
            odd.setdefault(sentence.rpartition("; ")[2], []).append(f"{file}: {sentence}")
    return lines + [f"- {len(those)} files, such as {those[0]}" for those in odd.values()]
