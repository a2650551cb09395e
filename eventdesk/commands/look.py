"""The commands ``inspect``, ``clean`` and ``compare``, before any training."""

import json as json_format
import math
from pathlib import Path
from typing import Any

from pokersnn_helpers.system.warn import warn

from ..files.folders import Folder, in_pixels, load_folder
from ..look.inspection import Inspection, inspect_file, plot_inspection
from ..look.overview import inspect_files, overview
from .terminal import pixels, say

BARS = " ▁▂▃▄▅▆▇█"
READING = ("sensor", "size", "window_ms")  # options of ``read_folder``


def inspect(recordings: list[Path], plot: Path | None = None, json: bool = False) -> None:
    """Print what is in files, and what to do about what is odd in them."""
    inspections, errors = inspect_files(recordings)
    number = len(inspections) + len(errors)
    if json:
        content: Any = {str(file): {"error": errors[file]} for file in errors}
        for file, inspection in inspections.items():
            content[str(file)] = {
                "numbers": inspection.numbers,
                "hot_pixels": inspection.hot_pixels.tolist(),
                "advice": inspection.advice,
            }
        say(json_format.dumps(content))
    elif number == 1:
        say(*_in_full(*inspections.values()))
    else:
        say(*overview(inspections, errors))
    if plot:
        from pokersnn_helpers.system.writing import atomic_write

        figure = plot_inspection(inspect_file(next(iter(inspections))))
        with atomic_write(plot, overwrite=False) as target:
            figure.savefig(target, format=plot.suffix[1:])
    if errors:
        file, reason = next(iter(errors.items()))
        raise ValueError(f"{len(errors)} of {number} files can't be read: {file}: {reason}")


def _in_full(inspection: Inspection) -> list[str]:
    lines = [f"{name:26}{round(value, 3):,}" for name, value in inspection.numbers.items()]
    heights = len(BARS[1:]) * inspection.rate / inspection.rate.max()
    bars = "".join(BARS[math.ceil(height)] for height in heights)
    advice = [f"- {sentence}" for sentence in inspection.advice]
    return [*lines, f"{'rate over time':26}|{bars}|", *advice]


def clean(recordings: Path, out: Path, **filters: int) -> None:
    """Copy recordings without hot pixels and noise."""
    from ..look.cleaning import clean_files

    for line in clean_files(recordings, out, **filters):
        say(line)


def compare(
    folder: str,
    group_by: str | None = None,
    processes: int = 1,
    out: Path | None = None,
    **options: Any,
) -> None:
    """Train models on a folder, and say whether its recordings need time."""
    from ..ask import compare as asking
    from ..ask import report
    from ..ask.sentences import decidable
    from ..look.copies import copies_among, join_copies
    from ..trained.winners import write_winner

    if out and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"--out {out} holds something; name a new folder")
    reading = {name: options.pop(name) for name in READING if name in options}
    loaded = read_folder(folder, group_by, **reading)
    copies = copies_among(loaded.recordings)
    say(decidable(join_copies(loaded.groups, copies)))
    comparison = asking.compare(
        loaded.recordings, loaded.groups, processes=processes, copies=copies, **options
    )
    comparison.recipe.update(reading, sensor=in_pixels(loaded.sensor_size), group_by=group_by)
    say(*report.printed(comparison).splitlines())
    if out:
        report.write(comparison, out)
        say(write_winner(comparison, loaded.recordings, loaded.groups, out))


def read_folder(
    folder: str,
    group_by: str | None = None,
    sensor: str = "",
    size: str = "",
    window_ms: float | None = None,
) -> Folder:
    """Load a folder as the command line says."""
    sensor_pixels = pixels("--sensor", sensor)
    loaded = load_folder(
        folder,
        sensor_size=(*sensor_pixels, 2) if sensor_pixels else None,
        size=pixels("--size", size),
        window_ms=window_ms,
        group_by=group_by,
    )
    if len({*loaded.groups}) == len({*loaded.files}):
        warn(
            "each file is taken for a group of its own, so that recordings of one person may train "
            "and test; put them into a folder below the class, or say --group-by"
        )
    return loaded
