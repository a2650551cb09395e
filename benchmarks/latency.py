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
from pokersnn_helpers.simulation import simulate_pokerdvs
from pokersnn_helpers.study.latency import PredictionsOverTime, predict_over_time
from pokersnn_helpers.study.models import GRU, MLP
from pokersnn_helpers.study.protocol import NetworkEstimator
from tools.card_network import read, unpacked

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
from .simulation import groups_of
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
SURE = 0.95  # the page says when the network is: figure.js of the card
# Penalties on the rate, and the share of input weights that is pruned.
SPARSE = ((0, 0), (3, 0), (10, 0), (20, 0), (40, 0), (0, 0.8), (20, 0.8))


def held_out_predictions(
    parts: Iterable[tuple[Classifier, np.ndarray]], recordings: Recordings
) -> PredictionsOverTime:
    """Ask each fold's network about the recordings held out; return answers in their order."""
    log_probabilities: list[Any] = [None] * len(recordings)
    events: list[Any] = [None] * len(recordings)
    for classifier, held_out in parts:
        predictions = predict_over_time(classifier, recordings.subset(held_out))
        for place, number in enumerate(held_out):
            log_probabilities[number] = predictions.log_probabilities[place]
            events[number] = predictions.events[place]
    targets = np.array(recordings.targets)
    return PredictionsOverTime(log_probabilities, events, targets, predictions.time_window)


def correct_at_time(predictions: PredictionsOverTime, ms: Sequence[float]) -> np.ndarray:
    """Say whether the answer at each of some times is correct, (recordings, times).

    Before the end of the first step there is no answer, which counts as wrong. A recording that
    has ended keeps its last answer.
    """
    steps = np.floor(np.multiply(ms, 1000) / predictions.time_window + 1e-9).astype(int)
    rows = []
    for correct in predictions.correct:
        last = np.minimum(steps, len(correct)) - 1
        rows.append(correct[last] & (steps > 0))
    return np.array(rows)


def correct_after_events(predictions: PredictionsOverTime, amounts: Sequence[float]) -> np.ndarray:
    """Say whether the answer is correct after so many events, (recordings, numbers)."""
    rows = []
    for correct, counts in zip(predictions.correct, predictions.events, strict=True):
        steps = np.searchsorted(counts.cumsum(), amounts)
        rows.append(correct[np.minimum(steps, len(counts) - 1)])
    return np.array(rows)


def averages(runs: Sequence[PredictionsOverTime]) -> Row:
    """Average over the seeds; the worst time is that of the slowest recording of any seed."""
    over_events = [accuracy_over_events(predictions) for predictions in runs]
    final = [final_accuracy(predictions) for predictions in runs]
    times = np.array([decision_times_ms(predictions) for predictions in runs])
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
    targets = np.array(recordings.targets)
    rows = []
    curves = []
    exits = []
    for name, validated in folds.validate(BY_FOLDS, range(seeds)).items():
        runs = []
        for run in validated.runs:
            parts = [(estimator.classifier, held_out) for estimator, held_out in run]
            runs.append(held_out_predictions(parts, recordings))
        final = np.array([[answers[-1] for answers in run.correct] for run in runs])
        times = np.array([decision_times_ms(run) for run in runs])
        numbers = folds.mean(final, groups) | averages(runs)
        for index, suit in enumerate(recordings.classes):
            medians = np.median(times[:, targets == index], axis=1)
            numbers[f"{suit}_ms"] = float(np.mean(medians))
        rows.append({"model": name, **numbers})
        for axis, ask, amounts in (
            ("time (ms)", correct_at_time, TIMES_MS),
            ("events seen", correct_after_events, EVENTS),
        ):
            correct = np.array([ask(run, amounts) for run in runs])
            for number, at in enumerate(amounts):
                row = {"model": name, "axis": axis, "at": at}
                curves.append(row | folds.mean(correct[..., number], groups))
        for threshold in THRESHOLDS:
            stopped = np.array([early_exit(run, threshold) for run in runs])
            correct, steps = stopped.mean(axis=(0, 2))
            ms = float(steps * runs[0].time_window / 1000)
            row = {"model": name, "threshold": threshold, "ms": ms, "correct": float(correct)}
            exits.append(row)
    return folds.result(seeds, rows, curves=curves, exits=exits)


def measure_card(seeds: int = 4) -> Row:
    """Ask the landing page's network about simulated cards it hasn't seen, and about real ones.

    Args:
        seeds: Each draws 400 cards.

    Returns:
        How many are classified correctly after some time; and for the first time step at which one
        suit is 95 % probable: how many have one, how many of those are classified correctly by it,
        and its median time. And for each group of the 131 real recordings: how many are classified
        correctly at the end.
    """
    classifier = Classifier(unpacked(read()["layers"]))
    curves = []
    first = []
    for seed in range(seeds):
        cards = simulate_pokerdvs(seed=2000 + seed, n_train=4, n_test=400).test
        predictions = predict_over_time(classifier, cards)
        curves.append(correct_at_time(predictions, TIMES_MS).mean(axis=0))
        first.append(first_sure(predictions))
    rows = []
    for at, correct_then in zip(TIMES_MS, np.transpose(curves), strict=True):
        rows.append({"at": at, **folds.spread(correct_then.tolist())})
    sure, correct, ms, events = np.concatenate(first, axis=1)
    known = sure.astype(bool)
    summary = {
        "sure": float(known.mean()),
        "correct": float(correct[known].mean()),
        "median_ms": float(np.median(ms[known])),
        "slow_ms": float(np.quantile(ms[known], 0.95)),
        "median_events": float(np.median(events[known])),
    }
    everything = folds.all_recordings()
    predictions = predict_over_time(classifier, everything.recordings)
    at_the_end = np.array([correct[-1] for correct in predictions.correct])
    groups = [
        {"tested_on": group, "mean": float(at_the_end[members].mean()), "n": int(members.sum())}
        for group, members in groups_of(everything.table).items()
    ]
    numbers = {"rows": rows, "real": groups, "summary": summary}
    return {"recordings": len(known), "seeds": seeds, **numbers}


def first_sure(predictions: PredictionsOverTime) -> np.ndarray:
    """Return whether an answer is ever sure, and of the first: if correct, ms, events, (4, N)."""
    rows = []
    answered = zip(predictions.probabilities, predictions.correct, predictions.events, strict=True)
    for probabilities, correct, events in answered:
        sure = probabilities.max(axis=1) >= SURE
        step = sure.argmax()
        ms = (step + 1) * predictions.time_window / 1000
        rows.append((sure.any(), correct[step], ms, events[: step + 1].sum()))
    return np.transpose(rows)


def measure_sparse(seeds: int = 10) -> Row:
    """Train networks to spike rarely on Tonic's 48, and count operations of its 20.

    The summary has the setting that is chosen by held-out passes of the 48: the share of steps with
    a spike and the effective accumulates, for whole recordings and up to an answer.
    """
    data = recordings()
    rows = []
    for penalty, share in SPARSE:
        jobs = [(data, penalty, share, seed) for seed in range(seeds)]
        rows.append(average_rows(folds.in_parallel(sparse_row, jobs)))
    # Of those within a recording of the best on held-out passes, the one with fewest additions.
    enough = max(row["held_out_accuracy"] for row in rows) - 1 / 48
    good = [row for row in rows if row["held_out_accuracy"] >= enough]
    chosen = min(good, key=lambda row: row["effective_acs"])
    return {"recordings": len(data.test), "seeds": seeds, "rows": rows, "summary": chosen}


def sparse_row(data: Split, penalty: float, share: float, seed: int) -> Row:
    """Train a sparse network, and count spikes and operations with and without stopping."""
    classifier = train_sparse(data.train, seed, penalty=penalty, sparsity=share)
    predictions = predict_over_time(classifier, data.test)
    few_bits = {}
    for bits in (8, 4):
        predictions_of_few = predict_over_time(quantized(classifier, bits), data.test)
        few_bits[f"accuracy_{bits}_bits"] = final_accuracy(predictions_of_few)
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
        **few_bits,
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


def held_out_passes(penalty: float, share: float, seed: int) -> PredictionsOverTime:
    """Ask sparse networks about the 48, each trained without the card pass it is asked about."""
    recordings, passes = folds.training_cards()
    parts = []
    for learned, held_out in fold_indices(recordings, 3, passes, seed):
        known = recordings.subset(learned)
        classifier = train_sparse(known, seed=seed, penalty=penalty, sparsity=share)
        parts.append((classifier, held_out))
    return held_out_predictions(parts, recordings)


def average_rows(rows: Sequence[Row]) -> Row:
    """Average each number over the seeds, and add the lowest final accuracy."""
    means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    return means | {"lowest_accuracy": min(row["sparse_accuracy"] for row in rows)}
