"""What the recipe of chapter 4 gets right, and what each line of it is worth."""

import statistics
import time
from functools import partial
from typing import Any

import numpy as np
import torch

from pokersnn_helpers import SNN, FastSNN, augment, evaluate, make_loader, stratified_folds
from pokersnn_helpers.training import train_classifier

from .folds import spread
from .timing import recordings


def larger_weights() -> FastSNN:
    """Make the network as Norse does, with input weights that the recipe makes smaller."""
    return FastSNN()


PLAIN: dict[str, Any] = {
    "network": larger_weights,
    "epochs": 10,
    "learning_rate": 0.002,
    "clip_norm": None,
    "augment": None,
    "ema_decay": 0,
}
LINES: dict[str, dict[str, Any]] = {
    "plain loop": PLAIN,
    "gradient clipping": PLAIN | {"clip_norm": 0.3},
    "smaller input weights": PLAIN | {"network": FastSNN},
}
LINES["both of these"] = LINES["gradient clipping"] | {"network": FastSNN}
LINES["and 60 epochs at 0.001"] = LINES["both of these"] | {"epochs": 60, "learning_rate": 0.001}
LINES["and data augmentation"] = LINES["and 60 epochs at 0.001"] | {"augment": augment}
LINES["and EMA"] = LINES["and data augmentation"] | {"ema_decay": 0.95}


TIME_CONSTANTS = {
    f"{1000 * tau:g} ms": {"network": partial(FastSNN, tau_syn=tau, tau_mem=tau)}
    for tau in (0.002, 0.01, 0.05)
}


def measure_constants(seeds: int = 5) -> dict[str, Any]:
    """Do the same with the recipe and other time constants of current and voltage."""
    return measure_lines(seeds, TIME_CONSTANTS)


def count_correct(seed: int, line: dict[str, Any]) -> tuple[int, float]:
    """Cross-validate a line in four folds; return how many are correct, and the mean loss."""
    correct, loss = 0, 0.0
    for fold in stratified_folds(recordings().train, 4):
        classifier, _ = train_classifier(fold.train, seed, "cpu", **line)
        evaluation = evaluate(classifier, make_loader(fold.test, sparse=True), "cpu")
        correct += evaluation.correct
        loss += evaluation.loss * evaluation.n_samples
    return correct, loss / len(recordings().train)


def measure_lines(seeds: int = 5, lines: dict[str, dict[str, Any]] = LINES) -> dict[str, Any]:
    """Count the held-out recordings that are classified correctly, line by line."""
    rows = []
    for name, line in lines.items():
        runs = [count_correct(seed, line) for seed in range(seeds)]
        correct, loss = zip(*runs, strict=True)
        rows.append({"line": name, **spread(correct), "loss": float(np.mean(loss))})
    return {"recordings": len(recordings().train), "seeds": seeds, "rows": rows}


def measure_recipe(seeds: int = 10, network: str = "snn") -> dict[str, Any]:
    """Count the test recordings that each seed classifies correctly, and train with seed 0 twice.

    The time is that of ``train_classifier``: the median of all runs.

    Args:
        seeds: Train on the CPU with seeds 0 to ``seeds - 1``.
        network: ``"snn"`` or ``"fast"``.
    """
    kind, data = {"snn": SNN, "fast": FastSNN}[network], recordings()
    loader = make_loader(data.test, sparse=kind is FastSNN)
    weights, correct, seconds = [], [], []
    for seed in (*range(seeds), 0):
        start = time.perf_counter()
        classifier, _ = train_classifier(data, seed, "cpu", network=kind)
        seconds.append(time.perf_counter() - start)
        weights.append(classifier.state_dict())
        correct.append(evaluate(classifier, loader, "cpu").correct)
    first, *_, again = weights
    return {
        "network": network,
        "test_recordings": len(data.test),
        "correct": correct[:-1],
        "lowest": min(correct[:-1]),
        "mean": statistics.mean(correct[:-1]),
        "median_s": statistics.median(seconds),
        "bit_identical": all(torch.equal(first[name], again[name]) for name in first),
    }
