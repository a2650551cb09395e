"""When a network knows the suit, and what it takes to spike rarely."""

import math
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from pokersnn_helpers import Classifier, Recordings, Split, make_loader
from pokersnn_helpers.fast import LayerThenSNN
from pokersnn_helpers.recordings import fold_indices
from pokersnn_helpers.study import latency
from pokersnn_helpers.study.latency import predict_over_time
from pokersnn_helpers.study.models import GRU, MLP
from pokersnn_helpers.study.protocol import NetworkEstimator

from . import Row, folds
from .counting import count_operations
from .early import (
    EARLY,
    accuracy_over_events,
    choose_exit_threshold,
    decision_times_ms,
    early_exit,
    final_accuracy,
    quantized,
    train_sparse,
)
from .timing import recordings


class CumulativeMLP(MLP):
    """At each time step, look at the sum of the frames up to it."""

    causal = True

    def build(self, inputs: int, outputs: int, hidden_size: int = 100) -> None:
        """Make the layers."""
        dt = self.dt
        super().build(inputs, outputs, hidden_size)
        self.dt = dt

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return values (T, B, classes)."""
        self.check(frames)
        images = torch.log1p(frames.to_dense().cumsum(0))
        return self.body(images.flatten(0, 1)).unflatten(0, images.shape[:2])


early: Any = partial(NetworkEstimator, **EARLY)
BY_FOLDS: dict[str, Any] = {
    "SNN, book's recipe": NetworkEstimator(),
    "SNN, over time": early(),
    "MLP on the cumulative sum, over time": early(CumulativeMLP),
    "GRU, over time": early(GRU),
    "SNN behind a layer, over time": early(LayerThenSNN),
}
TIMES_MS = (1, 2, 3, 4, 6, 8, 10, 13, 16, 20)
EVENTS = (1, 100, 200, 300, 400, 600, 800, 1000, 1500, 2000)
THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1)
# Penalties on the rate, and the share of input weights that is pruned.
SPARSE = ((0, 0), (3, 0), (10, 0), (20, 0), (40, 0), (0, 0.8), (20, 0.8))


def held_out_predictions(
    parts: Iterable[tuple[Classifier, np.ndarray]], recordings: Recordings
) -> latency.PredictionsOverTime:
    """Ask each fold's network about the recordings held out; return answers in their order."""
    said: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for classifier, held_out in parts:
        found = predict_over_time(classifier, recordings.subset(held_out))
        answers = zip(found.log_probabilities, found.events, strict=True)
        said |= zip(held_out.tolist(), answers, strict=True)
    log_probabilities, events = map(list, zip(*(said[n] for n in sorted(said)), strict=True))
    targets = np.array(recordings.targets)
    return latency.PredictionsOverTime(log_probabilities, events, targets, found.time_window)


def correct_at_time(found: latency.PredictionsOverTime, ms: Sequence[float]) -> np.ndarray:
    """Say whether the answer at each of some times is correct, (recordings, times).

    Before the end of the first step there is no answer, which counts as wrong. A recording that
    has ended keeps its last answer.
    """
    steps = np.floor(np.multiply(ms, 1000) / found.time_window + 1e-9).astype(int)
    return np.array(
        [each[np.minimum(steps, len(each)) - 1] & (steps > 0) for each in found.correct]
    )


def correct_after_events(
    found: latency.PredictionsOverTime, amounts: Sequence[float]
) -> np.ndarray:
    """Say whether the answer is correct after so many events, (recordings, numbers)."""
    return np.array(
        [
            each[np.minimum(np.searchsorted(counts.cumsum(), amounts), len(counts) - 1)]
            for each, counts in zip(found.correct, found.events, strict=True)
        ]
    )


def averages(found: Sequence[latency.PredictionsOverTime]) -> Row:
    """Average over the seeds; the worst time is that of the slowest recording of any seed."""
    over_events = [accuracy_over_events(each) for each in found]
    final = [final_accuracy(each) for each in found]
    times = np.array([decision_times_ms(each) for each in found])
    known = np.isfinite(times)
    return {
        "accuracy_over_events": float(np.mean(over_events)),
        "lowest_over_events": float(np.min(over_events)),
        "final_accuracy": float(np.mean(final)),
        "lowest_final": float(np.min(final)),
        "median_ms": float(np.mean(np.median(times, axis=1))),
        "worst_ms": float(times[known].max()) if known.any() else math.inf,
        "never_correct": int((~known).sum()),
    }


def measure_latency(seeds: int = 10) -> Row:
    """Ask about all 131 at every time step, by networks that have seen no other of the card pass.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other folds and other weights.

    Returns:
        A row per model; how many are correct at times and after numbers of events; and what
        thresholds to stop at would give, in time and accuracy.
    """
    recordings, groups = folds.cards()
    rows, curves, exits = [], [], []
    for name, validated in folds.validate(BY_FOLDS, range(seeds)).items():
        found = [
            held_out_predictions(((each.classifier, held) for each, held in run), recordings)
            for run in validated.runs
        ]
        final = np.array([[answers[-1] for answers in each.correct] for each in found])
        numbers = folds.mean(final, groups) | averages(found)
        for index, suit in enumerate(recordings.classes):
            times = [np.median(decision_times_ms(each)[each.targets == index]) for each in found]
            numbers[f"{suit}_ms"] = float(np.mean(times))
        rows.append({"model": name, **numbers})
        for axis, ask, amounts in (
            ("time (ms)", correct_at_time, TIMES_MS),
            ("events seen", correct_after_events, EVENTS),
        ):
            correct = np.array([ask(each, amounts) for each in found])
            for at, column in zip(amounts, correct.transpose(2, 0, 1), strict=True):
                about = {"model": name, "axis": axis, "at": at}
                curves.append(about | folds.mean(column, groups))
        for threshold in THRESHOLDS:
            right, waited = zip(*(early_exit(each, threshold) for each in found), strict=True)
            ms = float(np.concatenate(waited).mean() * found[0].time_window / 1000)
            about = {"model": name, "threshold": threshold, "ms": ms}
            exits.append(about | {"correct": float(np.mean([each.mean() for each in right]))})
    return folds.result(seeds, rows, curves=curves, exits=exits)


def measure_sparse(seeds: int = 10) -> Row:
    """Train networks to spike rarely on Tonic's 48, and count operations of its 20.

    The summary has the setting that is chosen by held-out passes of the 48: the share of steps with
    a spike and the effective accumulates, for whole recordings and up to an answer.
    """
    data = recordings()
    rows = [
        average_rows(folds.in_parallel(sparse_row, [(data, *each, n) for n in range(seeds)]))
        for each in SPARSE
    ]
    # Of those within a recording of the best on held-out passes, the one with fewest additions.
    enough = max(row["held_out_accuracy"] for row in rows) - 1 / 48
    good = [row for row in rows if row["held_out_accuracy"] >= enough]
    chosen = min(good, key=lambda row: row["effective_acs"])
    return {"recordings": len(data.test), "seeds": seeds, "rows": rows, "summary": chosen}


def sparse_row(data: Split, penalty: float, share: float, seed: int) -> Row:
    """Train a sparse network, and count spikes and operations with and without stopping."""
    classifier = train_sparse(data.train, seed, penalty=penalty, sparsity=share)
    predictions = predict_over_time(classifier, data.test)
    few_bits = {bits: quantized(classifier, bits) for bits in (8, 4)}
    in_bits = {bits: predict_over_time(each, data.test) for bits, each in few_bits.items()}
    held_out = held_out_passes(penalty, share, seed)
    correct, steps = early_exit(predictions, choose_exit_threshold(held_out))
    frames, _ = next(iter(make_loader(data.test, len(data.test), sparse=True)))
    whole = count_operations(classifier, frames)
    stopped = count_operations(classifier, frames, steps)
    return {
        "penalty": penalty,
        "pruned": share,
        "held_out_accuracy": final_accuracy(held_out),
        "spike_share": float(1 - whole.activation_sparsity.mean()),  # only spikes are activations
        "accuracy_over_events": accuracy_over_events(predictions),
        "sparse_accuracy": final_accuracy(predictions),
        "stopped_accuracy": float(correct.mean()),
        **{f"accuracy_{bits}_bits": final_accuracy(each) for bits, each in in_bits.items()},
        "settled_ms": float(np.median(decision_times_ms(predictions))),
        "stopped_ms": float(np.median(steps)),
        "effective_acs": float(whole.effective_acs.mean()),
        "input_acs": input_additions(classifier.snn, frames),
        "effective_acs_stopped": float(stopped.effective_acs.mean()),
    }


def input_additions(network: Any, frames: torch.Tensor) -> float:
    """Return how many of the additions per recording are for events rather than spikes."""
    used = (network.snn.lif0.input_weights != 0).sum(dim=0).float()
    active = (frames.to_dense().flatten(2) > 0).float().sum(dim=(0, 1))
    return float(active @ used) / frames.shape[1]


def held_out_passes(penalty: float, share: float, seed: int) -> latency.PredictionsOverTime:
    """Ask sparse networks about the 48, each trained without the card pass it is asked about."""
    recordings, passes = folds.training_cards()
    train = partial(train_sparse, seed=seed, penalty=penalty, sparsity=share)
    parts = (
        (train(recordings.subset(learned)), held_out)
        for learned, held_out in fold_indices(recordings, 3, passes, seed)
    )
    return held_out_predictions(parts, recordings)


def average_rows(rows: Sequence[Row]) -> Row:
    """Average each number over the seeds, and add the lowest final accuracy."""
    means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    return means | {"lowest_accuracy": min(row["sparse_accuracy"] for row in rows)}
