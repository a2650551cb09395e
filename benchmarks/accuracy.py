"""How accurate every model of chapter 6 is on all 131 recordings, and what it needs for that."""

import functools
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from torch import nn

from pokersnn_helpers import Recordings, Split, load_pokerdvs131
from pokersnn_helpers.baselines import (
    MODELS,
    WHOLE,
    ConvolutionalSNN,
    FramePerceptron,
    GatedRecurrent,
    HybridSNN,
    Train,
    Trained,
    accuracy_table,
    by_gradient,
    convolutional,
    cross_validate,
    frame_by_frame,
    logistic_regression,
    nearest_neighbour,
    on_changed,
    on_profile,
    perceptron,
    rate_profile,
    summed_image,
)
from pokersnn_helpers.changes import (
    forwards_and_backwards,
    merged_polarities,
    one_frame,
    one_polarity,
    reversed_time,
    shuffled_time,
)
from pokersnn_helpers.pokerdvs131 import PokerDVS131
from pokersnn_helpers.recordings import fold_indices

NETWORKS = ("CNN", "GRU", "SNN, book's recipe")
ALL_MODELS = MODELS | {"SNN, convolution": by_gradient(ConvolutionalSNN, clip_norm=0.3)}
CHANGES: dict[str, Callable[[Recordings], Recordings]] = {
    "time shuffled": shuffled_time,
    "time reversed": reversed_time,
    "polarities merged": merged_polarities,
    "ON only": one_polarity,
    "OFF only": lambda recordings: one_polarity(recordings, 0),
    "fullest ms only": one_frame,
}
DIRECTION = {
    "logistic regression on the sum": logistic_regression(summed_image),
    "events by tenth of the recording": logistic_regression(rate_profile),
    "ON share by tenth": logistic_regression(on_profile),
    "GRU": MODELS["GRU"],
    "SNN, book's recipe": MODELS["SNN, book's recipe"],
}


@functools.cache
def all_recordings() -> PokerDVS131:
    """Return all 131, real ones where they can be loaded."""
    return load_pokerdvs131()


def training_recordings() -> tuple[Recordings, list[int]]:
    """Return Tonic's 48 training recordings and their passes; where simulated, all."""
    everything = all_recordings()
    of_tonic = everything.table["tonic"].str.startswith("pips_train").to_numpy()
    chosen = np.flatnonzero(of_tonic | (everything.source == "simulated"))
    passes = everything.table["pass"].iloc[chosen].tolist()
    return everything.recordings.subset(chosen), passes


def measure_accuracy(
    seeds: int = 10, *, processes: int = 2, models: dict[str, Train] = ALL_MODELS
) -> dict[str, Any]:
    """Classify all recordings, each by models that have seen no other of its card pass.

    The last rows are tests of what is used: models tested, and models trained and tested, on
    recordings after a change; and models that tell recordings from their time reversals.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other folds and other weights.
        processes: How many train at the same time.
        models: By name.
    """
    everything = all_recordings()
    recordings, groups = everything.recordings, everything.table["pass"].tolist()
    validate = partial(cross_validate, seeds=range(seeds), processes=processes)
    rows: list[dict[str, Any]] = []

    def add(trained: dict[str, Trained], test: Recordings, numbers: list[int], about: str) -> None:
        table = accuracy_table(trained, test, numbers)
        table.insert(0, "model", table.index + about)
        rows.extend(table.to_dict("records"))

    trained = validate(models, recordings, groups)
    add(trained, recordings, groups, "")
    for about, change in CHANGES.items():
        networks = {name: trained[name] for name in NETWORKS if name in trained}
        add(networks, change(recordings), groups, f"; tested with {about}")
        changed = {name: on_changed(models[name], change) for name in networks}
        anew = validate(changed, recordings, groups)
        add(anew, recordings, groups, f"; trained and tested with {about}")
    both, twice = forwards_and_backwards(recordings), groups + groups
    add(validate(DIRECTION, both, twice), both, twice, "; forwards or backwards?")
    return {"recordings": len(recordings), "folds": 3, "seeds": seeds, "rows": rows}


def layer_trials(make: Callable[[Recordings], nn.Module]) -> dict[str, Train]:
    """Return three learning rates, with both polarities and with merged ones."""
    return {
        f"{polarities}, rate {rate}": train(make, learning_rate=rate)
        for polarities, train in (
            ("merged", frame_by_frame),
            ("both polarities", partial(by_gradient, clip_norm=0.3)),
        )
        for rate in (0.002, 0.001, 0.004)
    }


# Chapter 5 tries six settings beyond the plain loop, so each model that isn't its recipe gets six,
# too. The best is in MODELS, and of equals the first.
gru, conv = partial(by_gradient, GatedRecurrent), partial(by_gradient, ConvolutionalSNN)
mlp = partial(by_gradient, time_window=WHOLE)
TRIALS: dict[str, dict[str, Train]] = {
    "nearest neighbour": {
        f"{k} neighbours": nearest_neighbour(summed_image, k) for k in (1, 2, 3, 5, 7, 9)
    },
    "logistic regression": {
        f"C = {C:g}": logistic_regression(summed_image, C) for C in (0.001, 0.01, 0.1, 1, 10, 100)
    },
    "MLP": {
        "rate 0.001, 100 hidden": mlp(perceptron),
        "rate 0.0003": mlp(perceptron, learning_rate=0.0003),
        "rate 0.003": mlp(perceptron, learning_rate=0.003),
        "30 hidden": mlp(lambda r: perceptron(r, 30)),
        "300 hidden": mlp(lambda r: perceptron(r, 300)),
        "clipped at 0.3": mlp(perceptron, clip_norm=0.3),
    },
    "CNN": {
        "rate 0.001, 16 channels": mlp(convolutional),
        "rate 0.0003": mlp(convolutional, learning_rate=0.0003),
        "rate 0.003": mlp(convolutional, learning_rate=0.003),
        "8 channels": mlp(lambda r: convolutional(r, 8)),
        "32 channels": mlp(lambda r: convolutional(r, 32)),
        "clipped at 0.3": mlp(convolutional, clip_norm=0.3),
    },
    "GRU": {
        "rate 0.001, 64 units, clipped at 1": gru(clip_norm=1.0),
        "rate 0.0003": gru(clip_norm=1.0, learning_rate=0.0003),
        "rate 0.003": gru(clip_norm=1.0, learning_rate=0.003),
        "32 units": by_gradient(lambda r: GatedRecurrent(r, 32), clip_norm=1.0),
        "128 units": by_gradient(lambda r: GatedRecurrent(r, 128), clip_norm=1.0),
        "bins of 2 ms": gru(clip_norm=1.0, time_window=2000),
    },
    "SNN, convolution": {
        "rate 0.001, 8 channels, clipped at 0.3": conv(clip_norm=0.3),
        "rate 0.0003": conv(clip_norm=0.3, learning_rate=0.0003),
        "rate 0.003": conv(clip_norm=0.3, learning_rate=0.003),
        "4 channels": by_gradient(lambda r: ConvolutionalSNN(r, 4), clip_norm=0.3),
        "16 channels": by_gradient(lambda r: ConvolutionalSNN(r, 16), clip_norm=0.3),
        "not clipped": conv(),
    },
    "MLP on each frame": layer_trials(FramePerceptron),
    "SNN behind a layer": layer_trials(HybridSNN),
}


def measure_trials(
    seeds: int = 3, *, processes: int = 2, trials: dict[str, dict[str, Train]] = TRIALS
) -> dict[str, Any]:
    """Try settings of models on Tonic's 48 training recordings, by folds that keep passes apart.

    Where the simulated recordings stand in, on all of them.

    Args:
        seeds: 0 to ``seeds - 1``.
        processes: How many train at the same time.
        trials: Settings by model.
    """
    recordings, groups = training_recordings()
    rows = []
    for model, settings in trials.items():
        trained = cross_validate(
            settings, recordings, groups, seeds=range(seeds), processes=processes
        )
        for name, tried in trained.items():
            accuracy = float(tried.correct(recordings).mean())
            rows.append({"model": model, "setting": name, "mean": accuracy})
    return {"recordings": len(recordings), "folds": 3, "seeds": seeds, "rows": rows}


def measure_nested(
    seeds: int = 10,
    *,
    processes: int = 2,
    settings: dict[str, Train] = TRIALS["SNN behind a layer"],
) -> dict[str, Any]:
    """Classify each recording by a model whose setting, too, was chosen without its fold.

    In each fold, the settings are compared by inner folds of the recordings to train on. That
    which is best there is trained on all of these, and tested on the fold.

    Args:
        seeds: 0 to ``seeds - 1``.
        processes: How many train at the same time.
        settings: To choose from, by name.
    """
    everything = all_recordings()
    recordings, groups = everything.recordings, everything.table["pass"].to_numpy()
    rows, correct = [], np.zeros((seeds, len(recordings)), dtype=bool)
    for seed in range(seeds):
        chosen = []
        for learned, held_out in fold_indices(recordings, 3, groups, seed):
            inner, outer = recordings.subset(learned), recordings.subset(held_out)
            tried = cross_validate(
                settings, inner, groups[learned], seeds=[seed], processes=processes
            )
            scores = {name: model.correct(inner).mean() for name, model in tried.items()}
            chosen.append(max(scores, key=scores.__getitem__))
            predict = settings[chosen[-1]](Split(inner, outer), seed)
            correct[seed, held_out] = predict(outer) == outer.targets
        rows.append(
            {"seed": seed, "correct": float(correct[seed].mean()), "chosen": "; ".join(chosen)}
        )
    targets, classes = np.array(recordings.targets), enumerate(recordings.classes)
    by_class = {name: float(correct[:, targets == number].mean()) for number, name in classes}
    return {"recordings": len(recordings), "mean": float(correct.mean()), **by_class, "rows": rows}
