"""Which way does it move? The models of chapter 6 on films of six motions, forwards and backwards.

Each seed films its own discs: 120 to train on, with mirrored copies, and 120 to test on. The
learning rates of the networks on frames were chosen on other films, from 0.002 and 0.004.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from torch import nn

from pokersnn_helpers import Recordings
from pokersnn_helpers.fast import FrameLinear
from pokersnn_helpers.frames import make_loader
from pokersnn_helpers.simulation.motions import OPPOSITE, film_motions, with_mirrored_copies
from pokersnn_helpers.snn import WHOLE
from pokersnn_helpers.study.latency import predict_over_time
from pokersnn_helpers.study.models import (
    GRU,
    MLP,
    FrameMLP,
    LayerThenSNN,
    Model,
    delay_copies,
    summed_image,
)
from pokersnn_helpers.study.operations import count_operations
from pokersnn_helpers.study.perturbations import merge_polarities, reversed_time, shuffled_time
from pokersnn_helpers.study.protocol import (
    NetworkEstimator,
    PerturbedEstimator,
    logistic_regression,
)

from .perturbations import flip_polarities

FILMS = 120
DELAYS = (0, 0.004, 0.008)  # s
SHORT: dict[str, Any] = {"tau_mem": 0.005, "tau_syn": 0.002}  # s
TRAINING: dict[str, Any] = {"epochs": 20, "learning_rate": 0.004, "augment": None}
SLOWER = TRAINING | {"learning_rate": 0.002}


class DelayedMLP(Model):
    """``LayerThenSNN`` with delays, and with an ordinary layer in place of the spiking one."""

    def build(self, inputs: int, outputs: int, features: int = 100, hidden_size: int = 20) -> None:
        """Make the layers."""
        self.inputs, self.dropout = FrameLinear(inputs, features), nn.Dropout(0.3)
        self.hidden = nn.Linear(features * len(DELAYS), hidden_size)
        self.readout = nn.Linear(hidden_size, outputs)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return values (T, B, classes)."""
        self.check(frames)
        features = self.dropout(torch.relu(self.inputs(frames)))
        steps = [round(1000 * delay) for delay in DELAYS]
        return self.readout(torch.relu(self.hidden(delay_copies(features, steps))))


def layer_then_snn(hidden_size: int = 20, **options: Any) -> NetworkEstimator:
    """Return the network that chapter 6 types, with what is changed in it."""
    network = partial(LayerThenSNN, hidden_size=hidden_size, **options)
    return NetworkEstimator(network, **TRAINING | {"epochs": 12})


def gru(hidden_size: int = 64) -> NetworkEstimator:
    """Return gated recurrent units behind such a layer."""
    network = partial(GRU, hidden_size=hidden_size)
    return NetworkEstimator(network, **TRAINING, clip_norm=1.0)


MODELS: dict[str, Any] = {
    "logistic regression on the sum": logistic_regression(summed_image),
    "MLP on the sum": NetworkEstimator(MLP, **SLOWER, clip_norm=None, time_window=WHOLE),
    "MLP on each frame": NetworkEstimator(FrameMLP, **TRAINING),
    "GRU": gru(),
    "SNN, book's recipe": NetworkEstimator(**SLOWER),
    "SNN behind a layer": layer_then_snn(),
}
MERGED: dict[str, Any] = MODELS | {
    "… short time constants": layer_then_snn(**SHORT),
    "… delays": layer_then_snn(delays=DELAYS),
    "… delays, short time constants": layer_then_snn(delays=DELAYS, **SHORT),
    "MLP on delayed features": NetworkEstimator(DelayedMLP, **TRAINING),
}
UNCOPIED = ("SNN behind a layer", "… delays, short time constants", "GRU")
SIZES = (5, 10, 20, 50, 100)
BY_SIZE: dict[str, Callable[[int], NetworkEstimator]] = {
    "GRU": gru,
    "SNN behind a layer": layer_then_snn,
    "… short time constants": partial(layer_then_snn, **SHORT),
    "… delays, short time constants": partial(layer_then_snn, delays=DELAYS, **SHORT),
}
ASKED = ("GRU", "SNN behind a layer", "… delays, short time constants", "MLP on delayed features")


def other_films(seed: int) -> Recordings:
    """Film shapes and durations that no training has."""
    squares, crosses, rings = (
        film_motions(FILMS // 3, seed, shape=shape, duration=(15, 70))
        for shape in ("square", "cross", "ring")
    )
    return squares + crosses + rings


class Films:
    """The films of a seed: to train on, and tests by name, with what is expected as an answer."""

    def __init__(self, seed: int):
        self.raw = film_motions(FILMS, 10 * seed)
        self.train = with_mirrored_copies(self.raw)
        new = film_motions(FILMS, 10 * seed + 1)
        there = np.array(new.targets)
        back = np.array(OPPOSITE)[there]
        backwards = film_motions(FILMS, 10 * seed + 1, backwards=True)
        others = other_films(10 * seed + 2)
        self.tests: dict[tuple[str, str], tuple[Recordings, np.ndarray]] = {
            ("new films", "right"): (new, there),
            ("film backwards", "opposite"): (backwards, back),
            ("film backwards", "as before"): (backwards, there),
            ("time reversed", "opposite"): (reversed_time(new), back),
            ("time reversed", "as before"): (reversed_time(new), there),
            ("polarities flipped", "opposite"): (flip_polarities(new), back),
            ("polarities flipped", "as before"): (flip_polarities(new), there),
            ("time shuffled", "right"): (shuffled_time(new), there),
            ("other shapes and speeds", "right"): (others, np.array(others.targets)),
        }


def shares(films: Films, model: Any) -> dict[tuple[str, str], float]:
    """Return the share of the answers that are as expected, by test."""
    return {
        test: float((model.predict(recordings) == expected).mean())
        for test, (recordings, expected) in films.tests.items()
    }


def summary(values: Sequence[float]) -> dict[str, float]:
    """Return the mean over seeds, and the worst and the best."""
    return {"mean": float(np.mean(values)), "lowest": min(values), "highest": max(values)}


def merged(model: Any) -> PerturbedEstimator:
    """Let a model see merged polarities only."""
    return PerturbedEstimator(model, merge_polarities)


def models_of(polarities: str, both: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    """Return the models that see both polarities, or those that see merged ones."""
    return both if polarities == "both" else {name: merged(each) for name, each in one.items()}


def _of_seed(seed: int, both: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    """Train and ask all models of a seed."""
    films = Films(seed)
    rows: dict[tuple[str, ...], float] = {}
    spent: dict[str, dict[str, float]] = {}
    for polarities in ("both", "merged"):
        for name, model in models_of(polarities, both, one).items():
            model.fit(films.train, seed)
            for test, share in shares(films, model).items():
                rows[(name, polarities, "mirrored copies", *test)] = share
            if polarities == "merged" and name in ASKED:
                spent[name] = costs(model.estimator, films)
    for name in UNCOPIED:
        if name in one:
            model = merged(one[name]).fit(films.raw, seed)
            for test, share in shares(films, model).items():
                rows[(name, "merged", "films alone", *test)] = share
    return {"rows": rows, "costs": spent}


def costs(estimator: NetworkEstimator, films: Films) -> dict[str, float]:
    """Return when a network has settled on its answer, and what a time step costs."""
    new, _ = films.tests["new films", "right"]
    new = merge_polarities(new)
    times = predict_over_time(estimator.classifier, new).decision_time_ms
    frames, _ = next(iter(make_loader(new, len(new), 1000, sparse=True)))
    means = count_operations(estimator.network, frames).means()
    steps = float(np.mean([events["t"][-1] // 1000 + 1 for events in new.events]))
    per_ms = {name.removeprefix("effective_"): means[name] / steps for name in EFFECTIVE}
    return {"decision_time_ms": float(np.median(times)), **per_ms}


EFFECTIVE = ("effective_macs", "effective_acs")


def measure_motions(
    seeds: int = 10,
    *,
    processes: int = 2,
    models: dict[str, Any] = MODELS,
    merged_models: dict[str, Any] = MERGED,
) -> dict[str, Any]:
    """Name the motion of new films, of films that run backwards, and of changed ones.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other films and other weights.
        processes: How many train at the same time.
        models: By name; they see both polarities.
        merged_models: They see merged polarities.

    Returns:
        A row per model, polarities, training set and test, with the share of the answers that are
        right, the opposite, or as before; and what networks need until they know.
    """
    jobs = (delayed(_of_seed)(seed, models, merged_models) for seed in range(seeds))
    found = Parallel(processes)(jobs)
    names = ("model", "polarities", "trained_on", "test", "answer")
    rows = [
        dict(zip(names, key, strict=True)) | summary([each["rows"][key] for each in found])
        for key in found[0]["rows"]
    ]
    spent = [
        {"model": name, "quantity": quantity}
        | summary([each["costs"][name][quantity] for each in found])
        for name in found[0]["costs"]
        for quantity in found[0]["costs"][name]
    ]
    return {"films": FILMS, "seeds": seeds, "rows": rows, "costs": spent}


def _sizes_of_seed(seed: int, sizes: Sequence[int]) -> dict[tuple[str, int, str], float]:
    films, found = Films(seed), {}
    for name, make in BY_SIZE.items():
        for size in sizes:
            model = merged(make(size)).fit(films.train, seed)
            for (test, answer), share in shares(films, model).items():
                if test in ("new films", "film backwards", "other shapes and speeds"):
                    found[name, size, f"{test}, {answer}"] = share
    return found


def measure_neurons(
    seeds: int = 5, *, processes: int = 2, sizes: Sequence[int] = SIZES
) -> dict[str, Any]:
    """Do the same, from merged polarities, with few and with many recurrent neurons.

    Args:
        seeds: As for ``motions``.
        processes: As for ``motions``.
        sizes: Hidden neurons, or units of the GRU.
    """
    jobs = (delayed(_sizes_of_seed)(seed, sizes) for seed in range(seeds))
    found = Parallel(processes)(jobs)
    rows = [
        {"model": name, "amount": size, "test": test} | summary([each[key] for each in found])
        for key in found[0]
        for name, size, test in [key]
    ]
    return {"films": FILMS, "seeds": seeds, "rows": rows}
