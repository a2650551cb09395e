"""The commands ``simulate``, ``inspect`` and ``compare``, for recordings before any training."""

import math
from pathlib import Path
from typing import Any

from ..checks import check_range
from ..own.folders import Folder, load_folder
from ..own.inspection import inspect_file, plot_inspection
from .terminal import pixels, printable, say


def simulate(out: Path, cards: int = 20_000, seed: int = 0, processes: int = 2) -> None:
    """Write simulated cards to a file, from which ``train`` reads them one by one."""
    from tqdm import tqdm

    from ..own.stored import store_recordings
    from ..pokerdvs import POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE
    from ..simulation import simulate_cards

    made = tqdm(simulate_cards(cards, seed, processes), "simulating", cards, unit="card")
    say(store_recordings(out, made, POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE))


def inspect(recordings: list[Path], plot: Path | None = None) -> None:
    """Print what is in files, and what to do about what is odd in them."""
    for path in recordings:
        found = inspect_file(path)
        bars = "".join(" ▁▂▃▄▅▆▇█"[math.ceil(8 * each / found.rate.max())] for each in found.rate)
        lines = [f"  {name:26}{value:.6g}" for name, value in found.numbers.items()]
        lines += [f"  {'rate over time':26}|{bars}|"] + [f"  - {each}" for each in found.advice]
        say("\n".join([str(path), *lines]))
        if plot and path == recordings[0]:
            from ..files import atomic_write

            with atomic_write(plot, overwrite=False) as file:
                plot_inspection(found).savefig(file, format="png")


def compare(
    folder: str,
    processes: int = 2,
    time_window: float | None = None,
    augment: str = "shift",
    **options: Any,
) -> None:
    """Train models on a folder, and say whether its recordings need time."""
    from joblib import hash as digest
    from pooch import os_cache

    from ..own.compare import WIDEST
    from ..own.compare import compare as compare_models

    check_range(1, 1000, **{"--processes": processes})
    if time_window is not None:
        check_range(1, WIDEST, **{"--time-window": time_window})
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


def read_folder(
    folder: str, sensor: str = "", size: str = "", window_ms: float | None = None
) -> Folder:
    """Load a folder as the options say."""
    found = pixels("--sensor", sensor)
    sensor_size, new_size = found and (*found, 2), pixels("--size", size)
    return load_folder(folder, sensor_size=sensor_size, size=new_size, window_ms=window_ms)
