"""When the network knows, and what it takes to be sparse."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from joblib import Parallel, delayed

from pokersnn_helpers import FastSNN, Split, build_network, make_loader
from pokersnn_helpers.baselines import (
    GatedRecurrent,
    HybridSNN,
    SummedImage,
    Train,
    by_gradient,
    cross_validate,
    perceptron,
    spiking,
)
from pokersnn_helpers.latency import (
    Answers,
    OverEvents,
    answer_over_time,
    choose_threshold,
    concatenate,
    early,
    over_time,
    train_sparse,
)
from pokersnn_helpers.operations import count_operations
from pokersnn_helpers.recordings import fold_indices

from . import timing
from .accuracy import all_recordings, training_recordings
from .simulation import FITTED, WIDE, Mixture, training_set
from .timing import recordings


def behind_a_layer(time_window: float) -> Train:
    """Train an SNN behind a layer to answer early."""
    return early(partial(HybridSNN, time_window=time_window), time_window)


def larger(time_window: float, epochs: int) -> Train:
    """Train an SNN of 200 neurons behind a layer of 200, with a fast readout, over events."""
    make = partial(
        HybridSNN, features=200, hidden=200, time_window=time_window,
        readout_tau_syn=0.003, readout_tau_mem=0.003,
    )  # fmt: skip
    return early(make, time_window, epochs, classifier=OverEvents)


def with_simulated(train: Train) -> Train:
    """Train on the real recordings eight times and on 800 simulated ones, half of them wider."""
    mixture = Mixture((FITTED, WIDE), 8, train)

    def train_on_both(data: Split, seed: int) -> Any:
        return mixture.train(Split(training_set(mixture, data, seed), data.test), seed)

    return train_on_both


LARGER = "larger SNN behind a layer, over events, 0.3 ms"
# Name: width of the time bins in µs, and how to train.
TRAINED: dict[str, tuple[float, Train]] = {
    "SNN, book's recipe": (1000, spiking()),
    "SNN, book's recipe, loss over time": (1000, spiking(decode=over_time)),
    "SNN, over time": (1000, early(lambda r: build_network(FastSNN))),
    "MLP on the sum so far, over time": (
        1000,
        early(lambda r: SummedImage(perceptron(r).body, so_far=True)),
    ),
    "GRU, over time": (1000, early(GatedRecurrent)),
    "SNN behind a layer": (1000, by_gradient(HybridSNN, clip_norm=0.3, learning_rate=0.002)),
    "SNN behind a layer, over time": (1000, behind_a_layer(1000)),
    "SNN behind a layer, over time, 0.3 ms": (300, behind_a_layer(300)),
    "SNN behind a layer, over time, 0.1 ms": (100, behind_a_layer(100)),
    LARGER: (300, larger(300, epochs=120)),
    "larger, over events, 1 ms, simulated recordings, too": (
        1000,
        with_simulated(larger(1000, epochs=20)),
    ),
}
BY_FOLDS = ("SNN, book's recipe", LARGER)
# Penalties on the rate, and the share of input weights that is pruned.
SPARSE = ((0, 0), (10, 0), (20, 0), (40, 0), (20, 0.8))


def measure_latency(
    seeds: int = 10,
    *,
    processes: int = 2,
    trained: dict[str, tuple[float, Train]] = TRAINED,
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
        trained: Widths of time bins in µs and models, by name.
        by_folds: Which of them are asked about all 131, too.
        sparse: Penalties and pruned shares of sparse networks.
    """
    data, run = recordings(), Parallel(processes)

    def answers(name: str, seed: int) -> Answers:
        width, train = trained[name]
        predict: Any = train(data, seed)
        return answer_over_time(predict.model.snn, data.test, width)

    rows = []
    for name in trained:
        found = run(delayed(answers)(name, seed) for seed in range(seeds))
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


def averages(found: Sequence[Answers]) -> dict[str, Any]:
    """Average over the seeds; the worst time is that of the slowest recording of any seed."""
    over_events = [each.accuracy_over_events for each in found]
    final = [each.final_accuracy for each in found]
    lasting = np.array([each.lasting_ms for each in found])
    in_time = lasting[np.isfinite(lasting)]
    return {
        "accuracy_over_events": float(np.mean(over_events)),
        "lowest_over_events": float(np.min(over_events)),
        "final_accuracy": float(np.mean(final)),
        "lowest_final": float(np.min(final)),
        "median_ms": float(np.mean(np.median(lasting, axis=1))),
        "worst_ms": float(in_time.max()) if len(in_time) else None,
        "never_correct": int(np.isinf(lasting).sum()),
    }


def all_by_folds(
    trained: dict[str, tuple[float, Train]], seeds: int, processes: int
) -> dict[str, list[Answers]]:
    """Ask models about all 131, each trained without the card pass it is asked about."""
    everything = all_recordings()
    groups = everything.table["pass"].tolist()
    models = {name: train for name, (_, train) in trained.items()}
    runs = cross_validate(
        models, everything.recordings, groups, seeds=range(seeds), processes=processes
    )

    def ask(predict: Any, held_out: np.ndarray, width: float) -> Answers:
        return answer_over_time(predict.model.snn, everything.recordings.subset(held_out), width)

    return {
        name: [
            concatenate([ask(*each, trained[name][0]) for each in folds])
            for folds in runs[name].runs
        ]
        for name in models
    }


def sparse_row(data: Split, penalty: float, share: float, seed: int) -> dict[str, Any]:
    """Train a sparse network, and count spikes and operations with and without stopping."""
    network = train_sparse(data.train, seed, penalty=penalty, pruned=share)
    answers = answer_over_time(network, data.test)
    held_out = held_out_answers(penalty, share, seed)
    correct, steps = answers.stopped(choose_threshold(held_out))
    frames, _ = next(iter(make_loader(data.test, len(data.test), sparse=True)))
    whole = count_operations(network, frames)
    stopped = count_operations(network, frames, steps)
    return {
        "penalty": penalty,
        "pruned": share,
        "held_out_accuracy": held_out.final_accuracy,
        "spike_share": float(1 - whole.activation_sparsity.mean()),  # only spikes are activations
        "accuracy_over_events": answers.accuracy_over_events,
        "sparse_accuracy": answers.final_accuracy,
        "stopped_accuracy": float(correct.mean()),
        "stopped_ms": float(np.median(steps)),
        "effective_acs": float(whole.effective_acs.mean()),
        "effective_acs_stopped": float(stopped.effective_acs.mean()),
    }


def held_out_answers(penalty: float, share: float, seed: int) -> Answers:
    """Ask sparse networks about the 48, each trained without the card pass it is asked about."""
    recordings, passes = training_recordings()
    parts = []
    for learned, held_out in fold_indices(recordings, 3, passes, seed):
        network = train_sparse(recordings.subset(learned), seed, penalty=penalty, pruned=share)
        parts.append(answer_over_time(network, recordings.subset(held_out)))
    return concatenate(parts)


def average_rows(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Average each number over the seeds, and add the lowest final accuracy."""
    means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    return means | {"lowest_accuracy": min(row["sparse_accuracy"] for row in rows)}


def report(result: dict[str, Any]) -> str:
    """Return a result as text: a table of models, one of penalties, and the summary."""
    tables = [{"rows": result["rows"]}, {"rows": result["sparse"]}, {"rows": [result["summary"]]}]
    return "\n\n".join(timing.report(table).lstrip("\n") for table in tables)
