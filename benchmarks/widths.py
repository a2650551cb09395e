"""Does it matter how wide time bins are? Own recordings, counted in bins of 1 to 10 ms.

The gestures are those of chapter 9, of which one of four people tests. N-MNIST is the thousand
training files of the digits 6 to 9 that come first, all three saccades. The network is that of
``train --data``, whose delays are as long whatever the width of the bins.
"""

from copy import copy

import numpy as np

from pokersnn_helpers import Recordings, evaluate, make_loader, train_classifier
from pokersnn_helpers.fast.detector import detector
from pokersnn_helpers.files.folders import resize
from pokersnn_helpers.recipe import choose_recipe
from pokersnn_helpers.simulation.gestures import GESTURES, SENSOR_SIZE, film_gestures
from pokersnn_helpers.study.protocol import Evidence, Trial

from . import Row, folds
from .nmnist import thousand

WIDTHS = (1000, 2000, 5000, 10_000)  # µs


def gestures() -> Trial:
    """Return films of 16 × 16 pixels, one of four people to test on."""
    filmed, people = film_gestures(takes=10)
    small = [resize(events, SENSOR_SIZE, (16, 16)) for events in filmed.events]
    return Evidence(Recordings(small, filmed.targets, GESTURES, (16, 16, 2)), people).hold_out()


def n_mnist() -> Trial:
    """Return the thousand recordings, of three saccades, some of them to test on."""
    recordings = thousand(400_000)
    return Evidence(recordings, range(len(recordings))).hold_out()


def accuracy(trial: Trial, width: int, seed: int, epochs: int | None) -> float:
    """Train on a set, and return the accuracy after the last epoch on what tests."""
    train = trial.learn.recordings
    classifier, _ = train_classifier(
        train,
        seed,
        "cpu",
        network=detector(width, choose_recipe(train).time_window),
        time_window=width,
        epochs=epochs,
    )
    test = trial.test(lambda tested: make_loader(tested.recordings, 64, width, sparse=True))
    return evaluate(classifier, test, "cpu").accuracy


def measure(seeds: int = 3, epochs: int | None = None) -> Row:
    """Train the network of ``train --data`` at each width of the bins, by the recipe.

    Args:
        seeds: 0 to ``seeds - 1``, for each width.
        epochs: To train for, in place of the recipe's.

    Returns:
        A row per set and width: the mean accuracy after the last epoch.
    """
    rows = []
    for name, trial in {"gestures": gestures(), "N-MNIST 6 to 9": n_mnist()}.items():
        for width in WIDTHS:
            jobs = [(copy(trial), width, seed, epochs) for seed in range(seeds)]
            row = {"recordings": name, "network": "LayerThenSNN", "amount": width / 1000}
            rows.append(row | {"last": float(np.mean(folds.in_parallel(accuracy, jobs)))})
    return {"seeds": seeds, "rows": rows}
