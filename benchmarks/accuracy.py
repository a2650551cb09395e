"""How accurate every model of chapter 7 is on all 131 recordings, and what it uses of them."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from pokersnn_helpers import Recordings
from pokersnn_helpers.recordings import fold_indices
from pokersnn_helpers.snn import WHOLE, FrameNetwork
from pokersnn_helpers.study.models import (
    CNN,
    GRU,
    MLP,
    FrameMLP,
    LayerThenSNN,
    on_profile,
    summed_image,
)
from pokersnn_helpers.study.perturbations import merge_polarities, reversed_time, shuffled_time
from pokersnn_helpers.study.protocol import (
    NetworkEstimator,
    Perturbation,
    PerturbedEstimator,
    cross_validate,
    logistic_regression,
    nearest_neighbour,
)

from . import folds
from .models import HYBRID, MODELS, SNN, ConvolutionalSNN, rate_profile
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

NETWORKS = ("CNN", "GRU", SNN, HYBRID)
COMPARED = (
    *((SNN, other) for other in ("logistic regression", "CNN")),
    *((SNN, f"SNN, {other}") for other in ("plain loop", "no recurrence")),
    *(("GRU", other) for other in (SNN, "logistic regression")),
    *((HYBRID, other) for other in (SNN, "GRU", "CNN", "MLP on each frame")),
    ("MLP on each frame", "MLP"),
)
CHANGES: dict[str, Perturbation] = {
    "time shuffled": shuffled_time,
    "time reversed": reversed_time,
    "polarities merged": merge_polarities,
    "ON only": one_polarity,
    "OFF only": partial(one_polarity, polarity=0),
    "fullest ms only": one_frame,
}
PROFILE = "events by tenth of the recording"
DIRECTION = {
    "logistic regression on the sum": logistic_regression(summed_image),
    PROFILE: logistic_regression(rate_profile),
    "ON share by tenth": logistic_regression(on_profile),
    "GRU": MODELS["GRU"],
    SNN: MODELS[SNN],
}
DISTURBED = ("CNN", SNN, HYBRID)
DISTURBANCES: dict[str, tuple[Callable[..., Recordings], Sequence[float]]] = {
    "noise (% of events)": (lambda some, much: uniform_noise(some, much / 100), (0, 50, 100, 200)),
    "dropped events (%)": (lambda some, much: drop_events(some, much / 100), (0, 50, 75, 90)),
    "time jitter (ms)": (lambda some, much: time_jitter(some, 1000 * much), (0, 2, 5, 10)),
    "shift (pixels)": (shifted, (0, 1, 2, 3, 4, 5)),
    "rotation (degrees)": (rotated, (0, 15, 30, 45, 90, 135, 180)),
}


def measure_accuracy(
    seeds: int = 10, *, processes: int = 2, models: dict[str, Any] = MODELS
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
    recordings, groups = folds.cards()
    trained = folds.validate(models, seeds, processes)
    answers = {name: model.correct(recordings) for name, model in trained.items()}
    table = folds.accuracy_table(trained, recordings, groups)
    turned = folds.all_recordings().table["upside down"].to_numpy()
    table["upright"] = [answers[name][:, ~turned].mean() for name in table.index]
    table["upside down"] = [answers[name][:, turned].mean() for name in table.index]
    differences = [
        {"first": first, "second": second, **folds.points(answers[first], answers[second], groups)}
        for first, second in COMPARED
        if {first, second} <= models.keys()
    ]
    return folds.result(seeds, table, differences=differences)


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
    recordings, groups = folds.cards()
    networks = {name: models[name] for name in NETWORKS}
    trained = folds.validate(networks, seeds, processes)
    usual = {name: model.correct(recordings) for name, model in trained.items()}

    def row(name: str, change: str, how: str, correct: np.ndarray) -> dict[str, Any]:
        return {"model": name, "change": change, "how": how, **folds.mean(correct, groups)}

    rows = [row(name, "none", "as recorded", correct) for name, correct in usual.items()]
    for change_name, change in changes.items():
        changed = {name: PerturbedEstimator(each, change) for name, each in networks.items()}
        anew = folds.validate(changed, seeds, processes)
        for name in networks:
            for how, correct in (
                ("tested", trained[name].correct(change(recordings))),
                ("trained and tested", anew[name].correct(recordings)),
            ):
                points = folds.points(correct, usual[name], groups)
                changed_by = {f"change, {kind}": value for kind, value in points.items()}
                rows.append(row(name, change_name, how, correct) | changed_by)
    profile = folds.validate({PROFILE: DIRECTION[PROFILE]}, seeds)[PROFILE].correct(recordings)
    rows.append(row(PROFILE, "none", "as recorded", profile))
    disturbances = []
    for title, (disturb, amounts) in DISTURBANCES.items():
        for amount in amounts:
            disturbed = disturb(recordings, amount) if amount else recordings
            for name in DISTURBED:
                about = {"change": title, "amount": amount, "model": name}
                correct = trained[name].correct(disturbed) if amount else usual[name]
                disturbances.append(about | folds.mean(correct, groups))
    return folds.result(seeds, rows, disturbances=disturbances)


def measure_direction(
    seeds: int = 10, *, processes: int = 2, models: Mapping[str, Any] = DIRECTION
) -> dict[str, Any]:
    """Tell each recording from its time reversal, by models without any other of its card pass.

    Args:
        seeds: As for ``accuracy``.
        processes: How many train at the same time.
        models: By name.
    """
    recordings, passes = folds.cards()
    both, groups = forwards_and_backwards(recordings), [*passes, *passes]
    trained = cross_validate(models, both, groups, seeds=range(seeds), processes=processes)
    return folds.result(seeds, folds.accuracy_table(trained, both, groups))


def rates(*tried: float, network: Any, **recipe: Any) -> dict[str, Any]:
    """Return a network by learning rate."""
    return {
        f"rate {rate:g}": NetworkEstimator(network, learning_rate=rate, **recipe) for rate in tried
    }


def layer_trials(network: type[FrameNetwork]) -> dict[str, Any]:
    """Return three learning rates, with merged polarities and with both of them."""
    both = rates(0.002, 0.001, 0.004, network=network)
    merged = {name: PerturbedEstimator(each, merge_polarities) for name, each in both.items()}
    return {f"merged, {name}": each for name, each in merged.items()} | {
        f"both polarities, {name}": each for name, each in both.items()
    }


# Chapter 5 tries six settings beyond the plain loop, so each model that isn't its recipe gets six,
# too. The best is in MODELS, and of equals the first.
RATES = (0.001, 0.0003, 0.003)
OF_THE_SUM = {"time_window": WHOLE, "clip_norm": None}
TRIALS: dict[str, dict[str, Any]] = {
    "nearest neighbour": {
        f"{k} neighbours": nearest_neighbour(summed_image, k) for k in (1, 2, 3, 5, 7, 9)
    },
    "logistic regression": {
        f"C = {C:g}": logistic_regression(summed_image, C) for C in (0.001, 0.01, 0.1, 1, 10, 100)
    },
    "MLP": {
        **rates(*RATES, network=MLP, **OF_THE_SUM),  # 100 hidden neurons
        "30 hidden": NetworkEstimator(MLP, hidden_size=30, **OF_THE_SUM),
        "300 hidden": NetworkEstimator(MLP, hidden_size=300, **OF_THE_SUM),
        "clipped at 0.3": NetworkEstimator(MLP, time_window=WHOLE),
    },
    "CNN": {
        **rates(*RATES, network=CNN, **OF_THE_SUM),  # 16 channels
        "8 channels": NetworkEstimator(partial(CNN, channels=8), **OF_THE_SUM),
        "32 channels": NetworkEstimator(partial(CNN, channels=32), **OF_THE_SUM),
        "clipped at 0.3": NetworkEstimator(CNN, time_window=WHOLE),
    },
    "GRU": {
        **rates(*RATES, network=GRU, clip_norm=1.0),  # 64 units
        "32 units": NetworkEstimator(GRU, clip_norm=1.0, hidden_size=32),
        "128 units": NetworkEstimator(GRU, clip_norm=1.0, hidden_size=128),
        "bins of 2 ms": NetworkEstimator(GRU, clip_norm=1.0, time_window=2000),
    },
    "SNN, convolution": {
        **rates(*RATES, network=ConvolutionalSNN),  # 8 channels
        "4 channels": NetworkEstimator(partial(ConvolutionalSNN, channels=4)),
        "16 channels": NetworkEstimator(partial(ConvolutionalSNN, channels=16)),
        "not clipped": NetworkEstimator(ConvolutionalSNN, clip_norm=None),
    },
    "MLP on each frame": layer_trials(FrameMLP),
    HYBRID: layer_trials(LayerThenSNN),
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
    recordings, groups = folds.training_cards()
    tried = {(model, name): each for model, some in trials.items() for name, each in some.items()}
    trained = cross_validate(tried, recordings, groups, seeds=range(seeds), processes=processes)
    rows = [
        {"model": model, "setting": name, "mean": float(each.correct(recordings).mean())}
        for (model, name), each in trained.items()
    ]
    return {"recordings": len(recordings), "folds": 3, "seeds": seeds, "rows": rows}


def measure_nested(
    seeds: int = 10, *, processes: int = 2, settings: dict[str, Any] = TRIALS[HYBRID]
) -> dict[str, Any]:
    """Classify each recording by a model whose setting, too, was chosen without its fold.

    In each fold, the settings are compared by inner folds of the recordings to train on. That
    which is best there is trained on all of these, and tested on the fold.

    Args:
        seeds: 0 to ``seeds - 1``.
        processes: How many train at the same time.
        settings: To choose from, by name.
    """
    recordings, groups = folds.cards()
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
