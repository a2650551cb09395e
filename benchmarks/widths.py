"""Does it matter how wide time bins are? Own recordings, counted in bins of 1 to 10 ms.

The gestures are those of chapter 9, of which one of four people tests. N-MNIST is the thousand
training files of the digits 6 to 9 that come first, all three saccades. Networks are trained as
``train --data`` trains them, but for the width of the bins.
"""

from typing import Any

import numpy as np
import torch

from pokersnn_helpers import FastSNN, Recordings, Split, evaluate, make_loader, train_classifier
from pokersnn_helpers.commands.train import divide
from pokersnn_helpers.fast.detector import detector
from pokersnn_helpers.files.folders import resize
from pokersnn_helpers.recipe import choose_recipe
from pokersnn_helpers.simulation.gestures import GESTURES, SENSOR_SIZE, film_gestures
from pokersnn_helpers.training import best_epoch

from . import Row, folds
from .nmnist import thousand

WIDTHS = (1000, 2000, 5000, 10_000)  # µs
SETS = ("gestures", "N-MNIST 6 to 9")
NETWORKS = ("FastSNN", "LayerThenSNN")


def gestures() -> Split:
    """Return films of 16 × 16 pixels, one of four people to test on."""
    filmed, people = film_gestures(takes=10)
    small = [resize(events, SENSOR_SIZE, (16, 16)) for events in filmed.events]
    return divide(Recordings(small, filmed.targets, GESTURES, (16, 16, 2)), people)


def n_mnist() -> Split:
    """Return the thousand recordings, of three saccades, some of them to test on."""
    recordings = thousand(400_000)
    return divide(recordings, range(len(recordings)))


def _accuracies(name: str, network: str, width: int, seed: int) -> list[float]:
    """Return the accuracy on what tests: after the last epoch, the best one, and that kept."""
    data = gestures() if name == "gestures" else n_mnist()
    make: Any = FastSNN
    if network == "LayerThenSNN":
        make = detector(width, choose_recipe(data.train).time_window)
    chosen_by: list[float] = []

    def choose(classifier: Any, _: Any) -> None:
        assert data.validation is not None
        with torch.random.fork_rng():
            loader = make_loader(data.validation, 64, width, sparse=True)
            chosen_by.append(evaluate(classifier, loader, "cpu").accuracy)

    _, history = train_classifier(
        Split(data.train, data.test),
        seed,
        "cpu",
        network=make,
        time_window=width,
        on_epoch_end=choose if data.validation else None,
    )
    tested = history.test_accuracy
    kept = best_epoch(chosen_by, len(data.validation)) if data.validation else len(tested)
    return [tested[-1], max(tested), tested[kept - 1]]


def measure(seeds: int = 3) -> Row:
    """Train as ``train --data`` does, which keeps the best epoch where enough groups choose it.

    Args:
        seeds: 0 to ``seeds - 1``, for each network and each width.

    Returns:
        A row per data set, network and width: the mean accuracy on what tests, after the last
        epoch, after the best one of each run and after the one kept, and how far that kept lies
        below the best at most.
    """
    rows = [(name, network, width) for name in SETS for network in NETWORKS for width in WIDTHS]
    runs = [(*row, seed) for row in rows for seed in range(seeds)]
    by_row = np.reshape(folds.in_parallel(_accuracies, runs), (len(rows), seeds, 3))
    table = []
    for (name, network, width), accuracies in zip(rows, by_row, strict=True):
        last, best, kept = accuracies.T
        row = {
            "recordings": name,
            "network": network,
            "amount": width / 1000,
            "last": last.mean(),
            "best": best.mean(),
            "kept": kept.mean(),
            "fallen by": float((best - kept).max()),
        }
        table.append(row)
    return {"seeds": seeds, "rows": table}
