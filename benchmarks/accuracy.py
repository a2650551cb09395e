"""How accurate every model of chapter 7 is on all 131 recordings, and what it uses of them."""

import functools
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from pokersnn_helpers import FastSNN, Recordings, build_network, load_pokerdvs131
from pokersnn_helpers.pokerdvs import PokerDVS131
from pokersnn_helpers.recordings import fold_indices
from pokersnn_helpers.snn import WHOLE, FrameNetwork
from pokersnn_helpers.study.models import (
    CNN,
    GRU,
    MLP,
    FrameMLP,
    LayerThenSNN,
    Model,
    on_profile,
    rate_profile,
    summed_image,
)
from pokersnn_helpers.study.perturbations import merge_polarities, reversed_time, shuffled_time
from pokersnn_helpers.study.protocol import (
    MODELS,
    NetworkEstimator,
    Perturbation,
    PerturbedEstimator,
    accuracy_table,
    bootstrap_interval,
    cross_validate,
    difference_interval,
    logistic_regression,
    nearest_neighbour,
)

from .perturbations import (
    drop_events,
    forwards_and_backwards,
    one_frame,
    one_polarity,
    rotated,
    shifted,
    time_jitter,
    uniform_noise,
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


SNN, HYBRID = "SNN, book's recipe", "SNN behind a layer"
NETWORKS = ("CNN", "GRU", SNN, HYBRID)
COMPARED = (
    (SNN, "logistic regression"),
    (SNN, "CNN"),
    (SNN, "SNN, plain loop"),
    (SNN, "SNN, no recurrence"),
    ("GRU", SNN),
    ("GRU", "logistic regression"),
    (HYBRID, SNN),
    (HYBRID, "GRU"),
    (HYBRID, "CNN"),
    (HYBRID, "MLP on each frame"),
    ("MLP on each frame", "MLP"),
)
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
    SNN: MODELS[SNN],
}
DISTURBED = ("CNN", SNN, HYBRID)
DISTURBANCES: dict[str, tuple[Callable[..., Recordings], Sequence[float]]] = {
    "noise (% of events)": (
        lambda some, amount: uniform_noise(some, amount / 100),
        (0, 50, 100, 200),
    ),
    "dropped events (%)": (lambda some, amount: drop_events(some, amount / 100), (0, 50, 75, 90)),
    "time jitter (ms)": (lambda some, amount: time_jitter(some, 1000 * amount), (0, 2, 5, 10)),
    "shift (pixels)": (shifted, (0, 1, 2, 3, 4, 5)),
    "rotation (degrees)": (rotated, (0, 15, 30, 45, 90, 135, 180)),
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

    Args:
        seeds: 0 to ``seeds - 1``; each draws other folds and other weights.
        processes: How many train at the same time.
        models: By name.

    Returns:
        A row per model (``accuracy_table``), with the means over the pips that stand upright and
        those that stand upside down; and in points what models differ by, with an interval.
    """
    everything = all_recordings()
    recordings, groups = everything.recordings, everything.table["pass"].tolist()
    trained = cross_validate(models, recordings, groups, seeds=range(seeds), processes=processes)
    answers = {name: model.correct(recordings) for name, model in trained.items()}
    table = accuracy_table(trained, recordings, groups)
    turned = everything.table["upside down"].to_numpy()
    table["upright"] = [answers[name][:, ~turned].mean() for name in table.index]
    table["upside down"] = [answers[name][:, turned].mean() for name in table.index]
    differences = [
        {"first": first, "second": second, **points(answers[first], answers[second], groups)}
        for first, second in COMPARED
        if first in models and second in models
    ]
    return about(seeds, table) | {"differences": differences}


def about(seeds: int, table: pd.DataFrame) -> dict[str, Any]:
    """Return a result of grouped folds: a row per model."""
    rows = table.rename_axis("model").reset_index().to_dict("records")
    number = len(all_recordings().recordings)
    return {"recordings": number, "folds": 3, "seeds": seeds, "rows": rows}


def points(first: np.ndarray, second: np.ndarray, groups: Sequence[int]) -> dict[str, float]:
    """Return by how many percentage points the first model is better, with a 95 % interval."""
    names = ("points", "interval low", "interval high")
    values = difference_interval(first, second, groups)
    return {name: 100 * value for name, value in zip(names, values, strict=True)}


def measure_changes(
    seeds: int = 10,
    *,
    processes: int = 2,
    models: Mapping[str, Any] = MODELS,
    changes: Mapping[str, Perturbation] = CHANGES,
) -> dict[str, Any]:
    """Classify changed recordings, by networks that were trained on real ones and on changed ones.

    Args:
        seeds: As for ``accuracy``.
        processes: How many train at the same time.
        models: By name; those of ``NETWORKS`` are used, and ``DISTURBED`` of them are disturbed.
        changes: By name.

    Returns:
        Rows by model, change and whether it was trained on such recordings, too, with what that
        changes in points; and disturbances of the recordings that are tested on, by amount.
    """
    everything = all_recordings()
    recordings, groups = everything.recordings, everything.table["pass"].tolist()
    validate = partial(cross_validate, seeds=range(seeds), processes=processes)
    networks = {name: models[name] for name in NETWORKS}
    trained = validate(networks, recordings, groups)
    usual = {name: model.correct(recordings) for name, model in trained.items()}
    rows = [row(name, "none", "as recorded", usual[name], groups) for name in networks]
    for change_name, change in changes.items():
        changed = {name: PerturbedEstimator(each, change) for name, each in networks.items()}
        anew = validate(changed, recordings, groups)
        for name in networks:
            tests = {
                "tested": trained[name].correct(change(recordings)),
                "trained and tested": anew[name].correct(recordings),
            }
            for how, correct in tests.items():
                difference = points(correct, usual[name], groups)
                changed_by = {f"change, {kind}": value for kind, value in difference.items()}
                rows.append(row(name, change_name, how, correct, groups) | changed_by)
    profile = {"events by tenth of the recording": DIRECTION["events by tenth of the recording"]}
    for name, model in cross_validate(profile, recordings, groups, seeds=range(seeds)).items():
        rows.append(row(name, "none", "as recorded", model.correct(recordings), groups))
    disturbances = []
    for title, (disturb, amounts) in DISTURBANCES.items():
        for amount in amounts:
            disturbed = disturb(recordings, amount) if amount else recordings
            for name in DISTURBED:
                correct = trained[name].correct(disturbed) if amount else usual[name]
                disturbances.append(
                    {"change": title, "amount": amount, "model": name, **mean(correct, groups)}
                )
    found = {"recordings": len(recordings), "folds": 3, "seeds": seeds, "rows": rows}
    return found | {"disturbances": disturbances}


def row(
    name: str, change: str, how: str, correct: np.ndarray, groups: Sequence[int]
) -> dict[str, Any]:
    """Return a row of ``changes``."""
    return {"model": name, "change": change, "how": how, **mean(correct, groups)}


def mean(correct: np.ndarray, groups: Sequence[int]) -> dict[str, float]:
    """Return the share that is correct, with a 95 % interval."""
    low, high = bootstrap_interval(correct, groups)
    return {"mean": float(correct.mean()), "interval low": low, "interval high": high}


def measure_direction(
    seeds: int = 10, *, processes: int = 2, models: Mapping[str, Any] = DIRECTION
) -> dict[str, Any]:
    """Tell each recording from its time reversal, by models without any other of its card pass.

    Args:
        seeds: As for ``accuracy``.
        processes: How many train at the same time.
        models: By name.
    """
    everything = all_recordings()
    both = forwards_and_backwards(everything.recordings)
    groups = 2 * everything.table["pass"].tolist()
    trained = cross_validate(models, both, groups, seeds=range(seeds), processes=processes)
    return about(seeds, accuracy_table(trained, both, groups))


def layer_trials(network: type[FrameNetwork]) -> dict[str, Any]:
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
    "SNN behind a layer": layer_trials(LayerThenSNN),
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
