"""When the network knows, and what it takes to be sparse."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from pokersnn_helpers import Split, make_loader
from pokersnn_helpers.recordings import fold_indices
from pokersnn_helpers.study.latency import (
    EARLY,
    PredictionsOverTime,
    choose_exit_threshold,
    concatenate,
    predict_over_time,
    train_sparse,
)
from pokersnn_helpers.study.losses import nll_over_events, nll_over_time
from pokersnn_helpers.study.models import GRU, MLP, HybridSNN
from pokersnn_helpers.study.operations import count_operations
from pokersnn_helpers.study.protocol import BY_FRAME, NetworkEstimator, cross_validate

from . import timing
from .accuracy import all_recordings, training_recordings
from .simulation import FITTED, WIDE, Mixture
from .timing import recordings

# 200 neurons with a fast readout behind a layer of 200.
LARGER_NETWORK = partial(
    HybridSNN, features=200, hidden_size=200, readout_tau_syn=0.003, readout_tau_mem=0.003
)
OVER_EVENTS = EARLY | {"loss": nll_over_events}
LARGER = "larger SNN behind a layer, over events, 0.3 ms"
TRAINED: dict[str, Any] = {
    "SNN, book's recipe": NetworkEstimator(),
    "SNN, book's recipe, loss over time": NetworkEstimator(loss=nll_over_time),
    "SNN, over time": NetworkEstimator(**EARLY),
    "MLP on the cumulative sum, over time": NetworkEstimator(
        partial(MLP, cumulative=True), **EARLY
    ),
    "GRU, over time": NetworkEstimator(GRU, **EARLY),
    "SNN behind a layer": NetworkEstimator(HybridSNN, **BY_FRAME),
    "SNN behind a layer, over time": NetworkEstimator(HybridSNN, **EARLY),
    "SNN behind a layer, over time, 0.3 ms": NetworkEstimator(HybridSNN, **EARLY, time_window=300),
    "SNN behind a layer, over time, 0.1 ms": NetworkEstimator(HybridSNN, **EARLY, time_window=100),
    LARGER: NetworkEstimator(LARGER_NETWORK, **OVER_EVENTS, time_window=300),
    "larger, over events, 1 ms, simulated recordings, too": Mixture(
        (FITTED, WIDE), 8, NetworkEstimator(LARGER_NETWORK, **OVER_EVENTS | {"epochs": 20})
    ),
}
BY_FOLDS = ("SNN, book's recipe", LARGER)
# Penalties on the rate, and the share of input weights that is pruned.
SPARSE = ((0, 0), (10, 0), (20, 0), (40, 0), (20, 0.8))


def measure_latency(
    seeds: int = 10,
    *,
    processes: int = 2,
    trained: dict[str, Any] = TRAINED,
    by_folds: Sequence[str] = BY_FOLDS,
    sparse: Sequence[tuple[float, float]] = SPARSE,
) -> dict[str, Any]:
    """Train on Tonic's 48 and ask about its 20 at every time step; then on all 131, by folds.

    The last line printed, the summary, holds the last model and, of the sparse network, the
    share of steps with a spike and its effective accumulates: for whole recordings, and up to an
    answer. Penalty, pruning and threshold are chosen by held-out passes of the 48.

    Args:
        seeds: 0 to ``seeds - 1``.
        processes: How many train at the same time.
        trained: Estimators of networks, by name.
        by_folds: Which of them are asked about all 131, too.
        sparse: Penalties and pruned shares of sparse networks.
    """
    data, run = recordings(), Parallel(processes)

    def predictions(estimator: Any, seed: int) -> PredictionsOverTime:
        return predict_over_time(estimator.fit(data.train, seed).classifier, data.test)

    rows = []
    for name, estimator in trained.items():
        found = run(delayed(predictions)(estimator, seed) for seed in range(seeds))
        rows.append({"model": name, **averages(found)})
    best = rows[-1]
    chosen_models = {name: trained[name] for name in by_folds}
    for name, found in all_by_folds(chosen_models, seeds, processes).items():
        rows.append({"model": name, **averages(found), "recordings": "all 131, by folds"})
    front = [
        average_rows(run(delayed(sparse_row)(data, *each, seed) for seed in range(seeds)))
        for each in sparse
    ]
    # Chosen by held-out passes of the 48: the fewest additions within a recording of the best.
    enough = max(row["held_out_accuracy"] for row in front) - 1 / 48
    good = [row for row in front if row["held_out_accuracy"] >= enough]
    chosen = min(good, key=lambda row: row["effective_acs"])
    kept = ("accuracy_over_events", "final_accuracy", "median_ms", "worst_ms")
    summary = {name: best[name] for name in kept} | {
        name: chosen[name]
        for name in (
            *("penalty", "pruned", "spike_share", "effective_acs", "effective_acs_stopped"),
            *("sparse_accuracy", "stopped_accuracy"),
        )
    }
    return {"seeds": seeds, "rows": rows, "sparse": front, "summary": summary}


def averages(found: Sequence[PredictionsOverTime]) -> dict[str, Any]:
    """Average over the seeds; the worst time is that of the slowest recording of any seed."""
    over_events = [each.accuracy_over_events for each in found]
    final = [each.final_accuracy for each in found]
    times = np.array([each.decision_time_ms for each in found])
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


def all_by_folds(
    models: dict[str, Any], seeds: int, processes: int
) -> dict[str, list[PredictionsOverTime]]:
    """Ask models about all 131, each trained without the card pass it is asked about."""
    everything = all_recordings()
    groups = everything.table["pass"].tolist()
    validated = cross_validate(
        models, everything.recordings, groups, seeds=range(seeds), processes=processes
    )

    def ask(estimator: Any, held_out: np.ndarray) -> PredictionsOverTime:
        return predict_over_time(estimator.classifier, everything.recordings.subset(held_out))

    return {
        name: [concatenate([ask(*each) for each in folds]) for folds in validated[name].runs]
        for name in models
    }


def sparse_row(data: Split, penalty: float, share: float, seed: int) -> dict[str, Any]:
    """Train a sparse network, and count spikes and operations with and without stopping."""
    classifier = train_sparse(data.train, seed, penalty=penalty, sparsity=share)
    predictions = predict_over_time(classifier, data.test)
    held_out = held_out_predictions(penalty, share, seed)
    correct, steps = predictions.early_exit(choose_exit_threshold(held_out))
    frames, _ = next(iter(make_loader(data.test, len(data.test), sparse=True)))
    whole = count_operations(classifier, frames)
    stopped = count_operations(classifier, frames, steps)
    return {
        "penalty": penalty,
        "pruned": share,
        "held_out_accuracy": held_out.final_accuracy,
        "spike_share": float(1 - whole.activation_sparsity.mean()),  # only spikes are activations
        "accuracy_over_events": predictions.accuracy_over_events,
        "sparse_accuracy": predictions.final_accuracy,
        "stopped_accuracy": float(correct.mean()),
        "stopped_ms": float(np.median(steps)),
        "effective_acs": float(whole.effective_acs.mean()),
        "effective_acs_stopped": float(stopped.effective_acs.mean()),
    }


def held_out_predictions(penalty: float, share: float, seed: int) -> PredictionsOverTime:
    """Ask sparse networks about the 48, each trained without the card pass it is asked about."""
    recordings, passes = training_recordings()
    parts = []
    for learned, held_out in fold_indices(recordings, 3, passes, seed):
        classifier = train_sparse(recordings.subset(learned), seed, penalty=penalty, sparsity=share)
        parts.append(predict_over_time(classifier, recordings.subset(held_out)))
    return concatenate(parts)


def average_rows(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Average each number over the seeds, and add the lowest final accuracy."""
    means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    return means | {"lowest_accuracy": min(row["sparse_accuracy"] for row in rows)}


def report(result: dict[str, Any]) -> str:
    """Return a result as text: a table of models, one of penalties, and the summary."""
    tables = [{"rows": result["rows"]}, {"rows": result["sparse"]}, {"rows": [result["summary"]]}]
    return "\n\n".join(timing.report(table).lstrip("\n") for table in tables)
