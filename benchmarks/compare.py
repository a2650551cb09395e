"""What ``compare`` takes and says: real digits, long gestures, and sets whose verdict is known."""

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np

from pokersnn_helpers import Recordings, load_nmnist
from pokersnn_helpers.files.folders import resize
from pokersnn_helpers.own.ask.candidates import CANDIDATES
from pokersnn_helpers.own.ask.compare import compare
from pokersnn_helpers.own.ask.verdict import Sees, Verdict, judge
from pokersnn_helpers.simulation.gestures import film_gestures

from . import Row
from .known_sets import KNOWN_SETS, make_set

EVENTS = 217_000  # of a gesture
SEED = 1  # of known sets; thresholds were chosen on others
KNOWN_EPOCHS = 15  # half of what compare chooses for 120 recordings
TABLES = 400  # of answers drawn at random
DIGITS = 400
# Alone, by two processes; the others two at a time, by one process each.
TIMED_SETS = ("digits", "gestures", "place")
SETS = tuple(dict.fromkeys([*TIMED_SETS, *KNOWN_SETS]))


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


def measure(sets: Sequence[str] = SETS) -> Row:
    """Compare models on each set, and count the verdicts that are wrong.

    Returns:
        A row per set: its verdict, whether it is right, and why; how long it took, and the peak
        memory of all its processes, in which pages that they share count once; and what each model
        got. Each set has processes of its own. The rates are those of all known sets, and of tables
        in which the answers of all models are drawn at random, with the same accuracy.
    """
    rows = []
    models = []
    for number in (1, 2):  # sets at a time
        names = [name for name in sets if (name in TIMED_SETS) == (number == 1)]
        context = get_context("spawn")
        with ProcessPoolExecutor(number, context, max_tasks_per_child=1) as pool:
            for row, table in pool.map(_row, names, [3 - number] * len(names)):
                print(f"{row['set']}: {row['verdict']}", flush=True)
                rows.append(row)
                models += table
    return {"seeds": 1, "rows": rows, "models": models, "rates": _rates(rows)}


def _row(name: str, processes: int) -> tuple[Row, list[Row]]:
    recordings, groups = load(name)
    begin = time.perf_counter()
    with peak_memory() as gigabytes:
        epochs = None if name in TIMED_SETS else KNOWN_EPOCHS
        comparison = compare(recordings, groups, epochs=epochs, processes=processes)
    row = {
        "set": name,
        "verdict": comparison.verdict.value,
        "right": name not in KNOWN_SETS or comparison.verdict in KNOWN_SETS[name][2],
        "recordings": len(recordings),
        "seconds": time.perf_counter() - begin,
        "GB": max(gigabytes),
        "why": " ".join(comparison.sentences),
    }
    return row, comparison.table.assign(set=name).to_dict("records")


def _rates(rows: Sequence[Row]) -> list[Row]:
    """Return shares of verdicts, of known sets and of tables of answers."""
    known = [row for row in rows if row["set"] in KNOWN_SETS]
    large = [row for row in known if row["recordings"] >= 100]
    undecided = [row["verdict"] == Verdict.CANT_TELL.value for row in large]
    rates = [
        {"of": "known sets that are right", "share": np.mean([row["right"] for row in known])},
        {"of": "sets of 100 and more that can't be told", "share": np.mean(undecided)},
    ]
    unequal = np.repeat(range(12), [200, *[2] * 11]).tolist()
    alone = np.arange(120).tolist()
    for kind, accuracy, of_recording in (
        ("noise that is nothing", 0.5, alone),
        ("equal models with a false claim", 0.8, alone),
        ("equal models with a false claim, a group of 200 and 11 of 2", 0.8, unequal),
        ("equal models with a false claim, 6 groups of 20", 0.8, 20 * [*range(6)]),
    ):
        verdicts = [verdict_by_chance(accuracy, of_recording, seed) for seed in range(TABLES)]
        if accuracy == 0.5:
            share = verdicts.count(Verdict.NOTHING) / TABLES
        else:
            harmless = (Verdict.IMAGE, Verdict.CANT_TELL, Verdict.NOTHING)
            share = 1 - sum(map(verdicts.count, harmless)) / TABLES
        rates.append({"of": kind, "share": share})
    return rates


def verdict_by_chance(accuracy: float, groups: Sequence[int], seed: int) -> Verdict:
    """Judge models of which each is right about a recording with the same probability.

    Those that see something trivial guess. Groups differ: in some of them each of the others is
    better than in others, so that what holds within these groups alone isn't counted.
    """
    rng = np.random.default_rng(seed)
    numbers = np.asarray(groups)
    count = len(numbers)
    correct = {}
    for model in CANDIDATES:
        guesses = model.sees in (Sees.TRIVIAL, Sees.CONTROL)
        share = 0.5 if guesses else accuracy
        of_groups = rng.normal(share, 0.1 * (accuracy > 0.5), max(numbers) + 1)[numbers]
        correct[model] = rng.random(count) < of_groups
    judged = judge(correct, (np.arange(count) % 2).tolist(), groups)
    return Verdict.CANT_TELL if judged.within else judged.verdict


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


def load(name: str) -> tuple[Recordings, Sequence[Any]]:
    """Return recordings and their groups."""
    if name == "gestures":
        return gestures()
    if name == "digits":
        return load_nmnist().train, range(DIGITS)
    return make_set(name, SEED)
