"""How to choose bins, time constants, threshold, width and training: one number changed at a time.

On all 131 recordings of cards, by folds that keep card passes apart.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from pokersnn_helpers import FastSNN
from pokersnn_helpers.study.protocol import NetworkEstimator

from . import folds

# The first of each is what the others are compared with. Bins and time constants are in ms.
CHOICES: dict[str, tuple[float, ...]] = {
    "bin (ms)": (1, 0.2, 0.5, 2, 5, 10),
    "time constants (ms)": (10, 2, 5, 20, 50),
    "threshold": (0.3, 0.03, 0.1, 1, 3),
    "hidden neurons": (100, 10, 30, 300),
    "epochs": (60, 10, 20, 120),
    "learning rate": (0.001, 0.0003, 0.003, 0.01),
}


def settings() -> Iterator[tuple[str, float, dict[str, float]]]:
    """Yield each choice, its amount, and the numbers of the training that result."""
    usual = {name: amounts[0] for name, amounts in CHOICES.items()}
    for name, amounts in CHOICES.items():
        for amount in sorted(amounts):
            yield name, amount, usual | {name: amount}


def estimator(numbers: dict[str, float]) -> NetworkEstimator:
    """Return the book's recipe with these numbers."""
    tau = numbers["time constants (ms)"] / 1000
    hidden, v_th = int(numbers["hidden neurons"]), numbers["threshold"]
    return NetworkEstimator(
        partial(FastSNN, hidden_size=hidden, v_th=v_th, tau_mem=tau, tau_syn=tau),
        time_window=1000 * numbers["bin (ms)"],
        epochs=int(numbers["epochs"]),
        learning_rate=numbers["learning rate"],
    )


def measure(seeds: int = 2) -> dict[str, Any]:
    """Count the held-out recordings that are classified correctly, by what is chosen.

    Args:
        seeds: 0 to ``seeds - 1``; each draws folds and weights.
    """
    recordings, _ = folds.cards()
    tried = {str(numbers): numbers for _, _, numbers in settings()}  # the usual once
    models = {key: estimator(numbers) for key, numbers in tried.items()}
    trained = folds.validate(models, range(seeds))
    rows = []
    for name, amount, numbers in settings():
        correct = trained[str(numbers)].correct(recordings).mean(axis=1)
        about = {"recordings": "cards", "choice": name, "amount": amount}
        rows.append(about | folds.spread(correct))
    return {"seeds": seeds, "rows": rows}
