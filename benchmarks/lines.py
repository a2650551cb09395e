"""What each line that chapter 5 adds to the plain training loop is worth, on held-out folds."""

import statistics
from functools import partial
from typing import Any

import torch

from pokersnn_helpers import (
    Classifier,
    FastSNN,
    augment,
    build_network,
    evaluate,
    fit,
    make_loader,
    make_loaders,
    stratified_folds,
)

from .timing import recordings

LINES: dict[str, dict[str, Any]] = {
    "plain loop": {},
    "gradient clipping": {"clip_norm": 0.3},
    "smaller input weights": {"smaller": True},
}
LINES["both of these"] = LINES["gradient clipping"] | LINES["smaller input weights"]
LINES["and 60 epochs at 0.001"] = LINES["both of these"] | {"epochs": 60, "lr": 0.001}
LINES["and data augmentation"] = LINES["and 60 epochs at 0.001"] | {"augment": augment}
LINES["and EMA"] = LINES["and data augmentation"] | {"ema_decay": 0.95}


def count_correct(seed: int, epochs: int, line: dict[str, Any]) -> tuple[int, float]:
    """Cross-validate a line in four folds; return how many are correct, and the mean loss."""
    options = {"epochs": 10, "lr": 0.002, "smaller": False} | line
    correct, loss = 0, 0.0
    for fold in stratified_folds(recordings().train, 4):
        torch.manual_seed(seed)
        network = partial(build_network, FastSNN) if options["smaller"] else FastSNN
        classifier = Classifier(network())
        optimizer = torch.optim.Adam(classifier.parameters(), lr=options["lr"], fused=True)
        fit(
            classifier,
            make_loaders(fold, sparse=True)[0],
            epochs=min(epochs, options["epochs"]),
            optimizer=optimizer,
            clip_norm=options.get("clip_norm"),
            ema_decay=options.get("ema_decay", 0.0),
            augment=options.get("augment"),
            device="cpu",
        )
        evaluation = evaluate(classifier, make_loader(fold.test, sparse=True), "cpu")
        correct += evaluation.correct
        loss += evaluation.loss * evaluation.n_samples
    return correct, loss / len(recordings().train)


def measure(seeds: int = 5, *, epochs: int = 60) -> dict[str, Any]:
    """Count the held-out recordings that are classified correctly, line by line.

    Args:
        seeds: Train with seeds 0 to ``seeds - 1``.
        epochs: At most this many.
    """
    rows = []
    for name, line in LINES.items():
        runs = [count_correct(seed, epochs, line) for seed in range(seeds)]
        correct = [run[0] for run in runs]
        rows.append(
            {
                "line": name,
                "mean": statistics.mean(correct),
                "lowest": min(correct),
                "highest": max(correct),
                "loss": statistics.mean(run[1] for run in runs),
            }
        )
    return {"recordings": len(recordings().train), "seeds": seeds, "rows": rows}
