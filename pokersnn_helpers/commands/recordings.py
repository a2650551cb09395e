"""The commands ``simulate``, ``inspect``, ``clean`` and ``compare``, before any training."""

import math
import warnings
from contextlib import closing
from json import dumps
from pathlib import Path
from typing import Any

from ..checks import check_range
from ..own.folders import Folder, load_folder
from ..own.inspection import Inspection, inspect_file, plot_inspection
from ..own.overview import inspect_files, overview
from .terminal import pixels, printable, say


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
    found = inspect_files(recordings)
    first, *others = found
    lines = overview(found) if others else _in_full(found[first])
    if json:
        plain = {
            str(file): {"numbers": numbers, "hot_pixels": hot_pixels.tolist(), "advice": advice}
            for file, (numbers, _, _, hot_pixels, advice) in found.items()
        }
        lines = [dumps(plain)]
    say("\n".join(lines))
    if plot:
        from ..files import atomic_write  # with numba, which takes a second to import

        figure = plot_inspection(inspect_file(first))
        with atomic_write(plot, overwrite=False) as file:
            figure.savefig(file, format=plot.suffix[1:])


def _in_full(found: Inspection) -> list[str]:
    lines = [f"{name:26}{value:.6g}" for name, value in found.numbers.items()]
    bars = "".join(" ▁▂▃▄▅▆▇█"[math.ceil(8 * each / found.rate.max())] for each in found.rate)
    return [*lines, f"{'rate over time':26}|{bars}|", *(f"- {each}" for each in found.advice)]


def clean(recordings: Path, out: Path, **filters: int) -> None:
    """Copy recordings without hot pixels and noise."""
    from ..own.cleaning import clean_files

    for line in clean_files(recordings, out, **filters):
        say(line)


def compare(
    folder: str,
    processes: int = 2,
    time_window: float | None = None,
    augment: str | None = None,
    **options: Any,
) -> None:
    """Train models on a folder, and say whether its recordings need time."""
    from joblib import hash as digest
    from pooch import os_cache

    from ..own.compare import MAX_TIME_WINDOW
    from ..own.compare import compare as compare_models

    check_range(1, 1000, **{"--processes": processes})
    if time_window is not None:
        check_range(1, MAX_TIME_WINDOW, **{"--time-window": time_window})
    own = read_folder(folder, **options)
    settings: dict[str, Any] = {"time_window": time_window, "augment": augment}
    keep = Path(os_cache("pokersnn"), "compare", digest([str(Path(folder).absolute()), options]))
    try:
        found = compare_models(
            own.recordings, own.groups, processes=processes, keep=keep, say=say, **settings
        )
    except KeyboardInterrupt as stopped:
        raise SystemExit(f"{printable(str(stopped))}; the same command goes on") from None
    table = (100 * found.table).round(1).to_string(na_rep="-")
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
