"""How well the book's recipe trains, how long it takes, and whether a run can be repeated."""

import statistics
import time
from typing import Any

import torch

from pokersnn_helpers import SNN, FastSNN, evaluate, make_loader, train_classifier

from .timing import recordings


def measure(seeds: int = 10, network: str = "snn") -> dict[str, Any]:
    """Count the test recordings that each seed classifies correctly, and train with seed 0 twice.

    The time is that of ``train_classifier``: the median of all runs.

    Args:
        seeds: Train on the CPU with seeds 0 to ``seeds - 1``.
        network: ``"snn"`` or ``"fast"``.
    """
    kind = {"snn": SNN, "fast": FastSNN}[network]
    loader = make_loader(recordings().test, sparse=kind is FastSNN)
    weights, correct, seconds = [], [], []
    for seed in (*range(seeds), 0):
        start = time.perf_counter()
        classifier, _ = train_classifier(recordings(), seed, "cpu", network=kind)
        seconds.append(time.perf_counter() - start)
        weights.append(classifier.state_dict())
        correct.append(evaluate(classifier, loader, "cpu").correct)
    return {
        "network": network,
        "test_recordings": len(recordings().test),
        "correct": correct[:-1],
        "lowest": min(correct[:-1]),
        "mean": statistics.mean(correct[:-1]),
        "median_s": statistics.median(seconds),
        "bit_identical": all(torch.equal(weights[0][k], weights[-1][k]) for k in weights[0]),
    }
