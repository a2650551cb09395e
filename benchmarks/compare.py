"""What ``compare`` takes and says: real digits, long gestures, and films whose verdict is known."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np

from pokersnn_helpers import EVENT_DTYPE, Recordings, load_nmnist
from pokersnn_helpers.own.compare import compare
from pokersnn_helpers.own.folders import resize
from pokersnn_helpers.simulation.gestures import film_gestures
from pokersnn_helpers.study.perturbations import merge_polarities

from . import Row
from .motions import film_dots
from .nmnist import thousand

SIZE = 16  # pixels along a side, of patches and spots
EVENTS = 217_000  # of a gesture


def spots(
    rng: np.random.Generator,
    places: Sequence[tuple[float, float]],
    *,
    radius: float = 2,
    count: int = 200,
    duration: int = 20_000,
) -> np.ndarray:
    """Film discs that flicker at random times, each at its place."""
    x, y = np.mgrid[:SIZE, :SIZE].reshape(2, -1)
    events = np.zeros((len(places), count), EVENT_DTYPE)
    events["t"] = rng.integers(0, duration, events.size).reshape(events.shape)
    events["p"] = rng.integers(0, 2, events.size).reshape(events.shape)
    for of_spot, (left, top) in zip(events, places, strict=True):
        inside = np.flatnonzero((x - left) ** 2 + (y - top) ** 2 <= radius**2)
        pixels = rng.choice(inside, count)
        of_spot["x"] = x[pixels]
        of_spot["y"] = y[pixels]
    return np.sort(events.ravel(), order="t")


def anywhere(rng: np.random.Generator) -> list[tuple[float, float]]:
    """Draw a place for a spot."""
    return [(rng.uniform(4, SIZE - 5), rng.uniform(4, SIZE - 5))]


def exclusive_or(rng: np.random.Generator, target: int) -> np.ndarray:
    """Show two spots, above and below, on the same side or not."""
    side = int(rng.integers(2))
    return spots(rng, [(4 + 7 * side, 4), (4 + 7 * (side ^ target), 11)])


def halves(rng: np.random.Generator, target: int) -> np.ndarray:
    """Show a spot on the left, one on the right, and none; or right, left, none; from anywhere.

    A film begins at any moment of this period, so that its start alone doesn't tell the order.
    """
    places = [(4, 8), (11, 8)]
    first = spots(rng, [places[target]])
    second = spots(rng, [places[1 - target]])
    second["t"] += 20_000
    events = np.concatenate([first, second])
    events["t"] = (events["t"] + rng.integers(60_000)) % 60_000
    return np.sort(events, order="t")


def longer(rng: np.random.Generator, target: int) -> np.ndarray:
    """Flicker for one to one and a half times as long, or twice that."""
    return spots(rng, [(8, 8)], duration=int(rng.uniform(10_000, 15_000) * (1 + target)))


def more(rng: np.random.Generator, target: int) -> np.ndarray:
    """Flicker as often, or twice that."""
    return spots(rng, [(8, 8)], count=int(rng.uniform(100, 150) * (1 + target)))


FILMS: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "exclusive or": exclusive_or,
    "radius": lambda rng, target: spots(rng, anywhere(rng), radius=2 + target),
    "brightness": lambda rng, target: spots(rng, anywhere(rng), count=150 + 100 * target),
    "count": more,
    "duration": longer,
    "noise": lambda rng, _: spots(rng, anywhere(rng)),
    "halves": halves,
}
SETS = {"digits": 400, "nmnist": 1000, "gestures": 96, **dict.fromkeys([*FILMS, "dots"], 72)}


def film(kind: str, count: int = 72, seed: int = 0) -> Recordings:
    """Film recordings of two classes, or of six for dots."""
    if kind == "dots":
        return merge_polarities(film_dots(count, seed))
    events = []
    targets = []
    for number in range(count):
        target = number % 2
        events.append(FILMS[kind](np.random.default_rng([seed, number]), target))
        targets.append(target)
    return Recordings(events, targets, ("a", "b"), (SIZE, SIZE, 2))


def gestures() -> tuple[Recordings, list[str]]:
    """Film the gestures of chapter 9 as a camera of 346 × 260 pixels sees them.

    Each event of 64 × 64 pixels becomes those of a patch, some µs apart, so that a recording has
    about 200,000; then ``resize`` brings them to 115 × 86 pixels, as the command does.
    """
    films, people = film_gestures(takes=8)
    rng = np.random.default_rng(0)

    def enlarged() -> Iterator[np.ndarray]:
        for events in films.events:
            large = events[np.sort(rng.integers(len(events), size=EVENTS))]
            large["x"] = (large["x"] + rng.random(EVENTS)) * (346 / 64)
            large["y"] = (large["y"] + rng.random(EVENTS)) * (260 / 64)
            large["t"] += rng.integers(0, 1000, EVENTS)
            yield resize(np.sort(large, order="t"), (346, 260, 2), (115, 86))

    return Recordings(enlarged(), films.targets, films.classes, (115, 86, 2)), people


def measure() -> Row:
    """Compare models on each set.

    Returns:
        A row per set: its verdict and why, how long it took, and the peak memory of all its
        processes, in which pages that they share count once; and what each model got. Each set has
        processes of its own.
    """
    rows = []
    models = []
    for name in SETS:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
            row, table = alone.submit(_row, name).result()
        rows.append(row)
        models += table
    return {"seeds": 1, "rows": rows, "models": models}


def _row(name: str) -> tuple[Row, list[Row]]:
    recordings, groups = load(name, SETS[name])
    begin = time.perf_counter()
    with peak_memory() as gigabytes:
        comparison = compare(recordings, groups, processes=2)
    row = {
        "set": name,
        "verdict": comparison.verdict,
        "seconds": time.perf_counter() - begin,
        "GB": max(gigabytes),
        "why": " ".join(comparison.sentences),
    }
    table = comparison.table.rename_axis("model").reset_index().assign(set=name)
    return row, table.to_dict("records")


@contextmanager
def peak_memory() -> Iterator[list[float]]:
    """Note every 0.2 s how many GB this process and those that it began have, on Linux."""
    gigabytes = [0.0]
    over = Event()

    def watch() -> None:
        while not over.wait(0.2):
            gigabytes.append(sum(map(_gigabytes, _processes(os.getpid()))))

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield gigabytes
    finally:
        over.set()
        watcher.join()


def _processes(number: int) -> Iterator[int]:
    yield number
    with suppress(OSError):  # it has ended
        for thread in Path(f"/proc/{number}/task").iterdir():
            for child in (thread / "children").read_text().split():
                yield from _processes(int(child))


def _gigabytes(number: int) -> float:
    with suppress(OSError):
        pages = Path(f"/proc/{number}/smaps_rollup").read_text()
        return int(pages.partition("\nPss:")[2].split()[0]) / 2**20
    return 0.0


def load(name: str, count: int) -> tuple[Recordings, Sequence[Any]]:
    """Return recordings and their groups."""
    if name == "gestures":
        return gestures()
    if name == "digits":
        return load_nmnist().train, range(count)
    if name == "nmnist":
        return thousand(10**6), range(count)
    return film(name, count), range(count)
