"""The commands ``simulate``, ``inspect``, ``clean`` and ``compare``, before any training."""

import math
import warnings
from contextlib import closing
from json import dumps
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import check_range
from ..own.folders import Folder, load_folder
from ..own.inspection import Inspection, inspect_file, plot_inspection
from ..own.overview import inspect_files, overview
from .terminal import pixels, say

PICTURES = (".pdf", ".png", ".svg")


def simulate(out: Path, cards: int = 20_000, seed: int = 0, processes: int = 2) -> None:
    """Write simulated cards to a file, from which ``train`` reads them one by one."""
    from tqdm import tqdm

    from ..own.stored import store_recordings
    from ..pokerdvs import POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE
    from ..simulation import simulate_cards

    made = simulate_cards(cards, seed, processes)
    shown = tqdm(made, "simulating", cards, unit="card")
    with warnings.catch_warnings(), closing(made):
        warnings.simplefilter("ignore")  # where the disk is full, that some cards were for nothing
        say(store_recordings(out, shown, POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE))


def inspect(recordings: list[Path], plot: Path | None = None, json: bool = False) -> None:
    """Print what is in files, and what to do about what is odd in them."""
    if plot and plot.suffix.lower() not in PICTURES:
        raise ValueError(f"--plot is {plot}; let it end in {', '.join(PICTURES)}")
    if len(recordings) == 1 and not recordings[0].is_dir():
        found = {recordings[0]: inspect_file(recordings[0])}
        lines = _in_full(*found.values())
    else:
        found = inspect_files(recordings)
        lines = overview(found)
    if json:
        each = {str(file): {**one._asdict(), "image": None} for file, one in found.items()}
        lines = [dumps(each, default=np.ndarray.tolist)]
    say("\n".join(lines))
    if plot:
        from ..files import atomic_write

        with atomic_write(plot, overwrite=False) as file:
            figure = plot_inspection(next(each for each in found.values() if each.numbers))
            figure.savefig(file, format=plot.suffix[1:].lower())


def _in_full(found: Inspection) -> list[str]:
    lines = [f"{name:26}{value:.6g}" for name, value in found.numbers.items()]
    bars = "".join(" ▁▂▃▄▅▆▇█"[math.ceil(8 * each / found.rate.max())] for each in found.rate)
    return [*lines, f"{'rate over time':26}|{bars}|", *(f"- {each}" for each in found.advice)]


def clean(recordings: Path, out: Path, refractory: int = 0, noise: int = 0) -> None:
    """Copy recordings without hot pixels and noise."""
    from ..own.cleaning import clean_files

    for line in clean_files(recordings, out, refractory, noise):
        say(line)


def compare(folder: str, processes: int = 2, time_window: float = 1000, **options: Any) -> None:
    """Train models on a folder, and say whether its recordings need time."""
    from ..own.compare import compare as compare_models

    own = read_folder(folder, **options)
    found = compare_models(own.recordings, own.groups, processes=processes, time_window=time_window)
    table = (100 * found.table).round(1).to_string()
    say(f"Correct, in %:\n{table}\n\n{found.verdict}. {' '.join(found.sentences)}")


def store(folder: str, out: Path, **options: Any) -> None:
    """Write a folder to a file, from which ``train`` and ``compare`` read one by one."""
    from ..own.stored import store_folder

    stored = store_folder(out, folder, **_parts(**options))
    say(f"{stored}, in {len(set(stored.groups))} groups")


def read_folder(path: str, **options: Any) -> Folder:
    """Load a folder as the options say, or open what ``store`` or ``simulate`` made."""
    parts = _parts(**options)
    if not Path(path).is_file():
        return load_folder(path, **parts)
    from ..own.stored import StoredRecordings

    if options:
        raise ValueError(f"{path} is a file and stays as it is; leave out {', '.join(options)}")
    stored = StoredRecordings(path)
    groups = [*range(len(stored))] if None in stored.groups else stored.groups  # each is one
    return Folder(stored, groups, [stored.path] * len(stored), stored.recorded_size)


def _parts(sensor: str = "", size: str = "", window_ms: float | None = None) -> dict[str, Any]:
    if window_ms is not None:  # before anything is read
        check_range(0.001, 2**40, window_ms=window_ms)
    found, new_size = pixels("--sensor", sensor), pixels("--size", size)
    return {"sensor_size": found and (*found, 2), "size": new_size, "window_ms": window_ms}
