"""How to choose bins, time constants, threshold, width and training: one number changed at a time.

On all 131 recordings of cards by folds that keep card passes apart, and on simulated gestures of a
hand, which last 25 times as long, by folds that keep people apart.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from pokersnn_helpers import FastSNN, Recordings, augment, load_pokerdvs131
from pokersnn_helpers.folders import resize
from pokersnn_helpers.simulation.gestures import SENSOR_SIZE, film_gestures
from pokersnn_helpers.study.models import LayerThenSNN
from pokersnn_helpers.study.protocol import NetworkEstimator, cross_validate

# The first of each is what the others are compared with. Bins and time constants are in ms.
CHOICES: dict[str, dict[str, tuple[float, ...]]] = {
    "cards": {
        "bin (ms)": (1, 0.2, 0.5, 2, 5, 10),
        "time constants (ms)": (10, 2, 5, 20, 50),
        "threshold": (0.3, 0.03, 0.1, 1, 3),
        "hidden neurons": (100, 10, 30, 300),
        "epochs": (60, 10, 20, 120),
        "learning rate": (0.001, 0.0003, 0.003, 0.01),
    },
    "gestures": {
        "bin (ms)": (10, 2, 5, 20),
        "time constants (ms)": (50, 10, 20, 100),
        "threshold": (0.3, 0.03, 0.1, 1, 3),
        "hidden neurons": (100, 10, 30, 300),
        "epochs": (20, 5, 10, 40),
        "learning rate": (0.003, 0.0003, 0.001, 0.01),
    },
}
DELAYS = (0, 0.02, 0.04)  # s, for gestures


class Grouped(NamedTuple):
    """Recordings, and what is kept in one fold."""

    recordings: Recordings
    groups: Sequence[Any]
    folds: int


def recordings_of(kind: str) -> Grouped:
    """Return cards, or gestures as chapter 10 films and shrinks them, but other films."""
    if kind == "cards":
        everything = load_pokerdvs131()
        return Grouped(everything.recordings, everything.table["pass"], 3)
    films, people = film_gestures(seed=1)
    small = [resize(events, SENSOR_SIZE, (16, 16)) for events in films.events]
    return Grouped(Recordings(small, films.targets, films.classes, (16, 16, 2)), people, 4)


def settings(kind: str) -> Iterator[tuple[str, float, dict[str, float]]]:
    """Yield each choice, its amount, and the numbers of the training that result."""
    usual = {name: amounts[0] for name, amounts in CHOICES[kind].items()}
    for name, amounts in CHOICES[kind].items():
        for amount in sorted(amounts):
            yield name, amount, usual | {name: amount}


def estimator(kind: str, numbers: dict[str, float]) -> NetworkEstimator:
    """Return the book's recipe with these numbers; gestures are read behind a layer with delays."""
    tau, bin_s = numbers["time constants (ms)"] / 1000, numbers["bin (ms)"] / 1000
    network = partial(
        FastSNN,
        hidden_size=int(numbers["hidden neurons"]),
        v_th=numbers["threshold"],
        tau_mem=tau,
        tau_syn=tau,
    )
    if kind == "gestures":
        network = partial(
            LayerThenSNN,
            **network.keywords,
            delays=DELAYS,
            readout_tau_syn=max(0.005, bin_s),
            readout_tau_mem=max(0.01, bin_s),
        )
    return NetworkEstimator(
        network,
        time_window=1000 * numbers["bin (ms)"],
        epochs=int(numbers["epochs"]),
        learning_rate=numbers["learning rate"],
        augment=partial(augment, mirror=kind == "cards"),
    )


def measure(
    seeds: int = 2, *, processes: int = 2, kinds: Sequence[str] = ("cards", "gestures")
) -> dict[str, Any]:
    """Count the held-out recordings that are classified correctly, by what is chosen.

    Args:
        seeds: 0 to ``seeds - 1``; each draws folds and weights.
        processes: How many train at the same time.
        kinds: ``"cards"``, ``"gestures"`` or both.
    """
    rows = []
    for kind in kinds:
        some = recordings_of(kind)
        found: dict[str, np.ndarray] = {}  # what equals the usual is trained once
        for name, amount, numbers in settings(kind):
            key = str(numbers)
            if key not in found:
                trained = cross_validate(
                    {name: estimator(kind, numbers)},
                    some.recordings,
                    some.groups,
                    folds=some.folds,
                    seeds=range(seeds),
                    processes=processes,
                )[name]
                found[key] = trained.correct(some.recordings).mean(axis=1)
            means = found[key]
            rows.append(
                {
                    "recordings": kind,
                    "choice": name,
                    "amount": amount,
                    "mean": float(means.mean()),
                    "lowest": float(means.min()),
                    "highest": float(means.max()),
                }
            )
    return {"seeds": seeds, "rows": rows}
