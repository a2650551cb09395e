"""Does it matter how wide time bins are? Own recordings, counted in bins of 1 to 10 ms.

The gestures are those of chapter 9, of which one of four people tests. N-MNIST is the thousand
training files of the digits 6 to 9 that come first, all three saccades; a third of them tests.
"""

from typing import Any

import numpy as np

from pokersnn_helpers import FastSNN, Recordings, Split, stratified_folds, train_classifier
from pokersnn_helpers.own.folders import resize
from pokersnn_helpers.own.recipe import AUGMENTS, detector
from pokersnn_helpers.simulation.gestures import GESTURES, SENSOR_SIZE, film_gestures

from . import folds
from .nmnist import thousand

WIDTHS = (1000, 2000, 5000, 10_000)  # µs
EPOCHS = {"gestures": 30, "N-MNIST 6 to 9": 20}
NETWORKS = ("FastSNN", "LayerThenSNN")


def gestures() -> Split:
    """Return films of 16 × 16 pixels, one of four people to test on."""
    filmed, people = film_gestures(takes=10)
    small = [resize(events, SENSOR_SIZE, (16, 16)) for events in filmed.events]
    recordings = Recordings(small, filmed.targets, GESTURES, (16, 16, 2))
    return stratified_folds(recordings, 4, people)[0]


def n_mnist() -> Split:
    """Return the thousand recordings, of three saccades, a third of them to test on."""
    return stratified_folds(thousand(400_000), 3)[0]


def _accuracies(name: str, network: str, width: int, seed: int) -> list[float]:
    data = gestures() if name == "gestures" else n_mnist()
    make: Any = FastSNN if network == "FastSNN" else detector(width)
    options: dict[str, Any] = {"time_window": width, "epochs": EPOCHS[name]}
    _, history = train_classifier(data, seed, network=make, augment=AUGMENTS["shift"], **options)
    return history.test_accuracy


def measure(seeds: int = 2) -> dict[str, Any]:
    """Train with the usual batches of 32, and watch what is held out.

    Args:
        seeds: 0 to ``seeds - 1``, for each network and each width.

    Returns:
        A row per data set, network and width: the mean accuracy after the last epoch, after the
        best one of each run, and how far a run ended below its best epoch at most.
    """
    rows = [(name, network, width) for name in EPOCHS for network in NETWORKS for width in WIDTHS]
    runs = [(*row, seed) for row in rows for seed in range(seeds)]
    found = folds.in_parallel(_accuracies, runs)
    table = []
    for number, (name, network, width) in enumerate(rows):
        curves = found[number * seeds : (number + 1) * seeds]
        last, best = np.array([[each[-1], max(each)] for each in curves]).T
        row = {"recordings": name, "network": network, "amount": width / 1000}
        fallen = float((best - last).max())
        table.append(row | {"last": last.mean(), "best": best.mean(), "fallen by": fallen})
    return {"seeds": seeds, "rows": table}
