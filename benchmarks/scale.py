"""What the desk's commands take for a folder of thousands of small recordings."""

import contextlib
import io
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from eventdesk.commands.main import main
from pokersnn_helpers.simulation.motions import film_motions

from . import Row, folds
from .compare import peak_memory

FILMED = 100  # recordings at a time


def film(folder: Path, seed: int) -> None:
    """Write discs that go past the camera into a folder per class."""
    films = film_motions(FILMED, seed)
    for number, (events, target) in enumerate(zip(films.events, films.targets, strict=True)):
        place = folder / films.classes[target]
        place.mkdir(parents=True, exist_ok=True)
        np.save(place / f"{seed * FILMED + number}.npy", events)


def run(words: list[str]) -> Row:
    """Run a command; return what it takes and its last line."""
    printed = io.StringIO()
    begin = time.perf_counter()
    with peak_memory() as gigabytes, contextlib.redirect_stdout(printed):
        main(words)
    lines = printed.getvalue().strip().splitlines()
    return {
        "command": words[0],
        "minutes": (time.perf_counter() - begin) / 60,
        "GB": max(gigabytes),
        "says": lines[-1],
    }


def measure(recordings: int = 20_000) -> Row:
    """Go from a folder of simulated recordings of 35 × 35 pixels to a network and to a verdict.

    Args:
        recordings: How many, in hundreds.

    Returns:
        A row per command: minutes, the peak memory of its processes, and its last line.
    """
    with TemporaryDirectory() as scratch:
        folder = Path(scratch, "films")
        checkpoint = str(Path(scratch, "network.pt"))
        folds.in_parallel(film, [(folder, seed) for seed in range(recordings // FILMED)])
        size = sum(file.stat().st_size for file in folder.rglob("*.npy"))
        commands = [
            ["inspect", str(folder)],
            ["train", "--data", str(folder), "--checkpoint", checkpoint],
            ["predict", "--checkpoint", checkpoint, str(folder)],
            ["compare", str(folder), "--processes", "2"],
        ]
        with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
            rows = list(pool.map(run, commands))
    return {"recordings": recordings, "folder, GB": size / 2**30, "rows": rows}
