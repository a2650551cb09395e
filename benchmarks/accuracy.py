"""How accurate every model of chapter 6 is on all 131 recordings, and what it needs for that."""

import functools
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from pokersnn_helpers import FastSNN, Recordings, build_network, load_pokerdvs131
from pokersnn_helpers.pokerdvs131 import PokerDVS131
from pokersnn_helpers.recordings import fold_indices
from pokersnn_helpers.snn import WHOLE
from pokersnn_helpers.study.models import (
    CNN,
    GRU,
    MLP,
    FrameMLP,
    HybridSNN,
    Model,
    on_profile,
    rate_profile,
    summed_image,
)
from pokersnn_helpers.study.perturbations import (
    forwards_and_backwards,
    merge_polarities,
    one_frame,
    one_polarity,
    reversed_time,
    shuffled_time,
)
from pokersnn_helpers.study.protocol import (
    MODELS,
    CrossValidated,
    NetworkEstimator,
    Perturbation,
    PerturbedEstimator,
    accuracy_table,
    cross_validate,
    logistic_regression,
    nearest_neighbour,
)


class ConvolutionalSNN(Model):
    """Convolve each frame, and give what comes out to the book's network."""

    def build(self, inputs: int, outputs: int, channels: int = 8) -> None:
        """Make the layers."""
        width, height, polarities = self.sensor_size
        self.convolution = nn.Conv2d(polarities, channels, 7, stride=4)
        self.snn = build_network(
            FastSNN,
            time_window=self.time_window,
            sensor_size=((width - 3) // 4, (height - 3) // 4, channels),
            output_size=outputs,
        )

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return voltages (T, B, classes)."""
        self.check(frames)
        dense = frames.to_dense() if frames.is_sparse else frames
        maps = torch.relu(self.convolution(dense.flatten(0, 1)))
        return self.snn(maps.unflatten(0, dense.shape[:2]))


NETWORKS = ("CNN", "GRU", "SNN, book's recipe")
ALL_MODELS = MODELS | {"SNN, convolution": NetworkEstimator(ConvolutionalSNN)}
CHANGES: dict[str, Perturbation] = {
    "time shuffled": shuffled_time,
    "time reversed": reversed_time,
    "polarities merged": merge_polarities,
    "ON only": one_polarity,
    "OFF only": partial(one_polarity, polarity=0),
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
    seeds: int = 10, *, processes: int = 2, models: dict[str, Any] = ALL_MODELS
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

    def add(
        trained: dict[str, CrossValidated], test: Recordings, numbers: list[int], about: str
    ) -> None:
        table = accuracy_table(trained, test, numbers)
        table.insert(0, "model", table.index + about)
        rows.extend(table.to_dict("records"))

    trained = validate(models, recordings, groups)
    add(trained, recordings, groups, "")
    for about, change in CHANGES.items():
        networks = {name: trained[name] for name in NETWORKS if name in trained}
        add(networks, change(recordings), groups, f"; tested with {about}")
        changed = {name: PerturbedEstimator(models[name], change) for name in networks}
        anew = validate(changed, recordings, groups)
        add(anew, recordings, groups, f"; trained and tested with {about}")
    both, twice = forwards_and_backwards(recordings), groups + groups
    add(validate(DIRECTION, both, twice), both, twice, "; forwards or backwards?")
    return {"recordings": len(recordings), "folds": 3, "seeds": seeds, "rows": rows}


def layer_trials(network: type[Model]) -> dict[str, Any]:
    """Return three learning rates, with merged polarities and with both of them."""
    rates = {rate: NetworkEstimator(network, learning_rate=rate) for rate in (0.002, 0.001, 0.004)}
    merged = {
        f"merged, rate {rate}": PerturbedEstimator(each, merge_polarities)
        for rate, each in rates.items()
    }
    return merged | {f"both polarities, rate {rate}": each for rate, each in rates.items()}


# Chapter 5 tries six settings beyond the plain loop, so each model that isn't its recipe gets six,
# too. The best is in MODELS, and of equals the first.
mlp = partial(NetworkEstimator, MLP, time_window=WHOLE)
cnn = partial(NetworkEstimator, time_window=WHOLE)
gru = partial(NetworkEstimator, GRU, clip_norm=1.0)
TRIALS: dict[str, dict[str, Any]] = {
    "nearest neighbour": {
        f"{k} neighbours": nearest_neighbour(summed_image, k) for k in (1, 2, 3, 5, 7, 9)
    },
    "logistic regression": {
        f"C = {C:g}": logistic_regression(summed_image, C) for C in (0.001, 0.01, 0.1, 1, 10, 100)
    },
    "MLP": {
        "rate 0.001, 100 hidden": mlp(clip_norm=None),
        "rate 0.0003": mlp(clip_norm=None, learning_rate=0.0003),
        "rate 0.003": mlp(clip_norm=None, learning_rate=0.003),
        "30 hidden": mlp(clip_norm=None, hidden_size=30),
        "300 hidden": mlp(clip_norm=None, hidden_size=300),
        "clipped at 0.3": mlp(),
    },
    "CNN": {
        "rate 0.001, 16 channels": cnn(CNN, clip_norm=None),
        "rate 0.0003": cnn(CNN, clip_norm=None, learning_rate=0.0003),
        "rate 0.003": cnn(CNN, clip_norm=None, learning_rate=0.003),
        "8 channels": cnn(partial(CNN, channels=8), clip_norm=None),
        "32 channels": cnn(partial(CNN, channels=32), clip_norm=None),
        "clipped at 0.3": cnn(CNN),
    },
    "GRU": {
        "rate 0.001, 64 units, clipped at 1": gru(),
        "rate 0.0003": gru(learning_rate=0.0003),
        "rate 0.003": gru(learning_rate=0.003),
        "32 units": gru(hidden_size=32),
        "128 units": gru(hidden_size=128),
        "bins of 2 ms": gru(time_window=2000),
    },
    "SNN, convolution": {
        "rate 0.001, 8 channels, clipped at 0.3": NetworkEstimator(ConvolutionalSNN),
        "rate 0.0003": NetworkEstimator(ConvolutionalSNN, learning_rate=0.0003),
        "rate 0.003": NetworkEstimator(ConvolutionalSNN, learning_rate=0.003),
        "4 channels": NetworkEstimator(partial(ConvolutionalSNN, channels=4)),
        "16 channels": NetworkEstimator(partial(ConvolutionalSNN, channels=16)),
        "not clipped": NetworkEstimator(ConvolutionalSNN, clip_norm=None),
    },
    "MLP on each frame": layer_trials(FrameMLP),
    "SNN behind a layer": layer_trials(HybridSNN),
}


def measure_trials(
    seeds: int = 3, *, processes: int = 2, trials: dict[str, dict[str, Any]] = TRIALS
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
    settings: dict[str, Any] = TRIALS["SNN behind a layer"],
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
            predicted = settings[chosen[-1]].fit(inner, seed).predict(outer)
            correct[seed, held_out] = predicted == outer.targets
        rows.append(
            {"seed": seed, "correct": float(correct[seed].mean()), "chosen": "; ".join(chosen)}
        )
    targets, classes = np.array(recordings.targets), enumerate(recordings.classes)
    by_class = {name: float(correct[:, targets == number].mean()) for number, name in classes}
    return {"recordings": len(recordings), "mean": float(correct.mean()), **by_class, "rows": rows}
