"""Hours of a camera that looks at nothing, with noise, and 1 % of the time at a card.

Networks say what came, and nothing else. All run from C files: on this machine for what they say,
and for what it takes on the emulated chip of ``chip``, which counts instructions, not joules.
Thresholds are chosen by hours of their own, and so are cards: no card pass is learned from, chosen
by and asked about. Noise comes at random, four hot pixels send a hundred times as much, and the
time between two cards is random.
"""

import ctypes
import json
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy import ndarray

from pokersnn_helpers import Recordings
from pokersnn_helpers.system.writing import atomic_write

from . import Row, folds, store
from .chip import HERE, Chip, to_records
from .watchers import HEIGHT, HOT_PIXELS, KINDS, WIDTH, noise, train, write

RATES = (0, 0.1, 1, 10)  # of noise, in events per pixel and second
MINUTE = 60_000_000  # µs
SHARE = 0.01  # of the time, a card is there
APART = 200_000  # µs, at least, between two cards
FLOOR = 1.0  # voltages below are never an alarm
THRESHOLDS = np.arange(FLOOR, 12, 0.5)
WAITS = (0, 5, 10, 20)  # ms after the threshold is reached, whose largest voltage says the suit
DEAD = 100  # ms after an alarm without another
GRACE = 30  # ms after a card in which an alarm is about it
MOST_FALSE = 1  # alarms an hour
TOLD = np.dtype([("step", "<i8"), ("suit", "<i4"), ("voltage", "<f4")])


class Stream(NamedTuple):
    """A minute: its records, and when which cards came."""

    records: ndarray
    cards: ndarray  # (cards, 3): from and until when in ms, and the suit


class Watched(NamedTuple):
    """What networks told of a stream."""

    told: dict[str, ndarray]
    counts: dict[str, ndarray]  # steps that were computed, and spikes
    cards: ndarray


class Watcher:
    """A network's C file, compiled for this machine."""

    def __init__(self, name: str, folder: Path):
        words = ["cc", "-O3", "-march=native", "-shared", "-fPIC", str(HERE / "watch.c")]
        options = [f'-DNETWORK="{folder / "network.c"}"', "-DHOST", *looking(name, FLOOR)]
        subprocess.run([*words, *options, "-o", str(folder / "watch.so")], check=True)
        self.library = ctypes.CDLL(str(folder / "watch.so"))
        self.number = ctypes.c_long.in_dll(self.library, "told_number")
        self.counts = (ctypes.c_int64 * 2).in_dll(self.library, "counts")
        room = ctypes.c_long.in_dll(self.library, "told_room").value
        bytes_told = (ctypes.c_char * (room * TOLD.itemsize)).in_dll(self.library, "told")
        self.told: ndarray = np.frombuffer(memoryview(bytes_told), TOLD)
        self.library.begin()

    def feed(self, records: ndarray) -> ndarray:
        """Return what the network tells of the steps in these records."""
        self.number.value = 0
        self.library.feed(records.ctypes.data_as(ctypes.c_void_p), ctypes.c_long(len(records)))
        return self.told[: self.number.value].copy()


def looking(name: str, threshold: float) -> list[str]:
    """Return the options with which ``watch.c`` tells of voltages above a threshold."""
    options = [f"-DTHRESHOLD={threshold:.8e}f"]
    if KINDS[name].gate:
        options.append(f"-DGATE={KINDS[name].gate}")
    return options


def stream(cards: Recordings, rate: float, seed: list[int], minutes: int) -> Iterator[Stream]:
    """Film so many minutes."""
    hot = np.random.default_rng(seed).integers(0, WIDTH, (HOT_PIXELS, 2))
    durations = [events["t"][-1] for events in cards.events]
    gap = np.mean(durations) * (1 / SHARE - 1) - APART
    last = 0
    for minute in range(minutes):
        rng = np.random.default_rng([*seed, minute])
        parts = [noise(rng, rate, MINUTE, hot)]
        about = []
        start = int(APART + rng.exponential(gap))
        while start < MINUTE - APART:
            number = int(rng.integers(len(cards)))
            card = cards.events[number].copy()
            card["t"] += start
            parts.append(card)
            about.append((start, card["t"][-1], cards.targets[number]))
            start = int(card["t"][-1] + APART + rng.exponential(gap))
        events = np.concatenate(parts)
        events = events[np.argsort(events["t"], kind="stable")]
        events["t"] += minute * MINUTE
        records = to_records(events, int(events["t"][0]) - last)
        last = int(events["t"][-1])
        table = np.array(about, float).reshape(-1, 3)
        table[:, :2] = (table[:, :2] + minute * MINUTE) / 1000
        yield Stream(records, table)


def watch(watchers: dict[str, Watcher], streams: Iterator[Stream]) -> Watched:
    """Let all networks watch the same stream from its beginning."""
    told: dict[str, list[ndarray]] = {name: [] for name in watchers}
    for watcher in watchers.values():
        watcher.library.begin()
    cards = []
    for minute in streams:
        cards.append(minute.cards)
        for name, watcher in watchers.items():
            told[name].append(watcher.feed(minute.records))
    counts = {name: np.array(watcher.counts) for name, watcher in watchers.items()}
    joined = {name: np.concatenate(parts) for name, parts in told.items()}
    return Watched(joined, counts, np.concatenate(cards))


def judge(told: ndarray, cards: ndarray, threshold: float, wait: int) -> Row:
    """Say how many cards are found, and how many alarms are about nothing."""
    above = told[told["voltage"] > threshold]
    steps, suits, voltages = (above[name].copy() for name in ("step", "suit", "voltage"))
    alarms = []
    at = 0
    while at < len(steps):
        until = np.searchsorted(steps, steps[at] + wait, "right")
        alarms.append((steps[at] + 1, suits[at + np.argmax(voltages[at:until])]))
        at = np.searchsorted(steps, steps[at] + DEAD)
    when, said = np.array(alarms, float).reshape(-1, 2).T
    card = np.searchsorted(cards[:, 0], when, "right") - 1
    begins, ends, suit = np.vstack([cards, [np.inf, -np.inf, -1]])[card].T  # -1: before all
    is_about = when <= ends + GRACE
    _, first = np.unique(card[is_about], return_index=True)
    is_right = (said == suit)[is_about][first]
    latency = (when - begins)[is_about][first][is_right] + wait
    return {
        "found": is_right.sum() / max(1, len(cards)),
        "another suit": (~is_right).sum() / max(1, len(cards)),
        "false alarms": int((~is_about).sum()),
        "latency (ms)": float(np.median(latency)) if len(latency) else np.nan,
    }


def choose(name: str, hours: list[Watched], minutes: int) -> tuple[float, int]:
    """Return the threshold and the wait with which most is found, of those that alarm rarely."""

    def rank(setting: tuple[float, int]) -> tuple[float, float, int]:
        judged = [judge(hour.told[name], hour.cards, *setting) for hour in hours]
        worst = max(row["false alarms"] for row in judged) * 60 / minutes
        found = np.mean([row["found"] for row in judged])
        return -max(worst, MOST_FALSE), float(found), -setting[1]

    return max(product(THRESHOLDS.tolist(), WAITS), key=rank)


def of_seed(seed: int, minutes: int, epochs: int | None) -> list[Row]:
    """Train all networks, choose their thresholds, and ask them about new hours."""
    trial = folds.cards().folds(4, seed)[0]
    inner = trial.learn.folds(3, seed)[0]
    learned = inner.learn.recordings
    chosen_by = inner.test(lambda cards: cards.recordings)
    with TemporaryDirectory() as name:
        files = {name_of: Path(name) / f"{number}" for number, name_of in enumerate(KINDS)}
        watchers = {}
        for network, folder in files.items():
            folder.mkdir()
            write(train(network, learned, seed, epochs), folder / "network.c")
            watchers[network] = Watcher(network, folder)
        hours = [
            watch(watchers, stream(chosen_by, r, [seed, 2, i], minutes))
            for i, r in enumerate(RATES)
        ]
        settings = {network: choose(network, hours, minutes) for network in KINDS}
        asked = trial.test(lambda cards: cards.recordings)
        rows = []
        for number, rate in enumerate(RATES):
            seeds = [seed, 3, number]
            hour = watch(watchers, stream(asked, rate, seeds, minutes))
            minute = next(stream(asked, rate, seeds, 1))
            for network, (threshold, wait) in settings.items():
                judged = judge(hour.told[network], hour.cards, threshold, wait)
                judged["false alarms"] *= 60 / minutes
                file = files[network] / "network.c"
                chip = Chip(files[network], file, *looking(network, threshold))
                judged["instructions an hour"] = 60 * chip.count(minute.records).instructions
                steps, spikes = hour.counts[network] * 60 / minutes
                judged |= {"steps an hour": float(steps), "spikes an hour": float(spikes)}
                judged |= {"threshold": threshold, "wait (ms)": wait}
                rows.append({"network": network, "at": rate} | judged)
    return rows


def resume(seed: int, minutes: int, epochs: int | None, commit: str) -> list[Row]:
    """Return what ``of_seed`` returns; a seed that was measured at this commit isn't again."""
    kept = Path(gettempdir()) / f"always_on_{commit}_{seed}_{minutes}_{epochs}.json"
    if kept.exists():
        return json.loads(kept.read_text(encoding="utf-8"))
    rows = of_seed(seed, minutes, epochs)
    with atomic_write(kept) as file:
        file.write(json.dumps(rows).encode())
    return rows


def measure(seeds: int = 3, minutes: int = 10, epochs: int | None = None) -> Row:
    """Let networks watch hours of noise with cards in it.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other folds, weights, noise and moments.
        minutes: That stand for an hour.
        epochs: To train for, in place of each network's own.

    Returns:
        A row per network, noise (events per pixel and second) and number: means over seeds.
        Instructions are those of the first minute, on an emulated Cortex-M4F, times 60.
    """
    commit = store.git("rev-parse", "--short=10", "HEAD")
    jobs = [(seed, minutes, epochs, commit) for seed in range(seeds)]
    table = pd.DataFrame([row for rows in folds.in_parallel(resume, jobs) for row in rows])
    means = []
    for (network, rate), of_seeds in table.groupby(["network", "at"], sort=False):
        for number in of_seeds.columns[2:]:
            about: Any = {"network": network, "at": rate, "number": number}
            means.append(about | folds.spread(of_seeds[number].tolist()))
    return {"seeds": seeds, "minutes": minutes, "pixels": WIDTH * HEIGHT, "rows": means}
