"""How close simulated recordings are to the real ones, and whether training carries over."""

import functools
import operator
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from pokersnn_helpers import FastSNN, Recordings, Split, evaluate, load_pokerdvs, load_pokerdvs131
from pokersnn_helpers.fast import LayerThenSNN
from pokersnn_helpers.frames import make_loader
from pokersnn_helpers.simulation import EventCamera, simulate_pokerdvs
from pokersnn_helpers.simulation.cards import CAMERA
from pokersnn_helpers.study.perturbations import merge_polarities
from pokersnn_helpers.study.protocol import NetworkEstimator, PerturbedEstimator
from pokersnn_helpers.training import train_classifier

from . import Options, Row, folds
from .comparison import all_statistics, c2st_accuracy, compare_statistics, count_close
from .models import BY_FRAME

N_TRAIN = 400  # simulated recordings to compare and to train on
C2ST_SEEDS = range(10)
N_FILMED = 100  # simulated recordings to train on by each camera
IMPERFECTIONS = (
    ("off_threshold",),
    ("mismatch",),
    ("tau_bright", "tau_dark"),
    ("refractory_period_us",),
    ("timestamp_jitter_us",),
    ("tie_probability",),
    ("noise_rate_hz",),
    ("leak_rate",),
)


@dataclass
class Mixture:
    """Trains an estimator on simulated recordings, beside real ones or alone.

    Attributes:
        simulated: Options of ``simulate_pokerdvs``, a set of recordings each.
        copies: Of the real recordings, so that so few weigh more.
        estimator: What is trained.
    """

    simulated: tuple[Options, ...]
    copies: int
    estimator: Any

    def recordings(self, real: Recordings, seed: int) -> Recordings:
        """Make what is trained on."""
        mixture = []
        for number, options in enumerate(self.simulated, start=1):
            mixture.append(simulate_pokerdvs(100 * number + seed, n_test=4, **options).train)
        return functools.reduce(operator.add, self.copies * [real] + mixture)

    def fit(self, real: Recordings, seed: int = 0) -> Any:
        """Train the estimator and return it; each seed draws other simulated recordings."""
        return self.estimator.fit(self.recordings(real, seed), seed)


# Chosen by the 48 training recordings alone: moved, stretched and cut ones, and left-out passes.
FITTED = {"n_train": N_TRAIN}
WIDE = FITTED | {"spread": 2.5}
TURNED = {"upside_down": 1}
ALL_KINDS = (FITTED, WIDE, FITTED | TURNED, WIDE | TURNED)
BEHIND_A_LAYER = NetworkEstimator(LayerThenSNN, **BY_FRAME, epochs=20)
TRAINED_ON = {
    "simulated as fitted": Mixture((FITTED,), 0, NetworkEstimator(epochs=12)),
    "simulated": Mixture((FITTED, WIDE, WIDE), 0, NetworkEstimator(epochs=20)),
    "48 real": Mixture((), 1, NetworkEstimator()),
    "48 real and simulated": Mixture(ALL_KINDS, 8, NetworkEstimator(epochs=40)),
    "48 real and simulated, SNN behind a layer": Mixture(
        ALL_KINDS, 8, PerturbedEstimator(BEHIND_A_LAYER, merge_polarities)
    ),
    "the same, both polarities": Mixture(ALL_KINDS, 8, BEHIND_A_LAYER),
}


def measure_simulation(seeds: int = 10) -> Row:
    """Compare simulated recordings with the real ones, without which there is no comparison.

    Args:
        seeds: Train with seeds 0 to ``seeds - 1``, once on simulated and once on real recordings,
            and test each network on the other kind.
    """
    real = load_pokerdvs(source="real")
    start = time.perf_counter()
    simulated = simulate_pokerdvs(seed=1, n_train=N_TRAIN)
    elapsed = time.perf_counter() - start
    real_table = all_statistics(real)
    simulated_table = all_statistics(simulated)
    statistics = compare_statistics(real_table, simulated_table)
    closeness = [{"compared": "simulated with real", **count_close(statistics)}]
    of_one_kind: dict[str, tuple[Any, Any]] = {  # which differ by chance alone
        "real test with real training": (real.train, real.test),
        "68 simulated with the others": (simulate_pokerdvs(seed=2), simulated),
    }
    for name, (one, other) in of_one_kind.items():
        by_chance = compare_statistics(all_statistics(one), all_statistics(other))
        closeness.append({"compared": name, **count_close(by_chance)})
    scores = [c2st_accuracy(real_table, simulated_table, seed) for seed in C2ST_SEEDS]
    transfer = [carry_over(real, simulated, seed) for seed in range(seeds)]
    means = pd.DataFrame(transfer).drop(columns="seed").mean()
    return {
        "ms_per_recording": 1000 * elapsed / (len(simulated.train) + len(simulated.test)),
        "c2st_accuracy": sum(scores) / len(scores),
        **means.add_suffix("_mean").to_dict(),
        "closeness": closeness,
        "transfer": transfer,
        "imperfections": imperfections(real, range(seeds)),
        "statistics": statistics.reset_index().to_dict("records"),
    }


def carry_over(real: Split, simulated: Split, seed: int) -> Row:
    """Train on one kind of recordings and return the accuracy (0 to 1) on the other, both ways.

    Each seed trains on other simulated recordings, in about as many steps as on the 48 real
    ones; all 68 real and all 420 simulated recordings are tested on.
    """

    def accuracy(train: Split, test: Split, epochs: int) -> float:
        everything = test.train + test.test
        classifier, _ = train_classifier(train, seed, "cpu", network=FastSNN, epochs=epochs)
        return evaluate(classifier, make_loader(everything, sparse=True), "cpu").accuracy

    many = simulate_pokerdvs(seed=100 + seed, n_train=N_TRAIN)
    return {
        "seed": seed,
        "simulated_to_real": accuracy(many, real, epochs=12),
        "real_to_simulated": accuracy(real, simulated, epochs=60),
    }


def groups_of(table: pd.DataFrame) -> dict[str, pd.Series]:
    """Say by group which of the 131 belong to it; ``table`` is that of ``load_pokerdvs131``."""
    part = table["tonic"].str.partition("/")[0]
    turned = table["upside down"]
    return {
        "Tonic's 68": part != "",
        "its 20 test": part == "pips_test",
        "32 upright others": (part == "") & ~turned,
        "31 upside down": turned,
    }


def measure_passes(seeds: int = 10) -> Row:
    """Count what is classified correctly of all 131 real recordings, by group.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other simulated recordings and other weights.
    """
    real = load_pokerdvs(source="real")
    everything = load_pokerdvs131(source="real")
    groups = groups_of(everything.table)

    def correct(mixture: Mixture, seed: int) -> np.ndarray:
        predicted = mixture.fit(real.train, seed).predict(everything.recordings)
        return predicted == everything.recordings.targets

    rows = []
    for name, mixture in TRAINED_ON.items():
        jobs = [(mixture, seed) for seed in range(seeds)]
        by_recording = np.array(folds.in_parallel(correct, jobs))
        for group, members in groups.items():
            shares = by_recording[:, members.to_numpy()].mean(axis=1)
            rows.append({"trained_on": name, "tested_on": group, **folds.spread(shares)})
    return {"seeds": seeds, "rows": rows}


def imperfections(real: Split, seeds: Sequence[int]) -> list[Row]:
    """Train on what cameras film that have one imperfection only, or all but one; test on the 68.

    Each seed is a network's own; all that have the same camera train on the same recordings.
    """
    ideal = EventCamera(CAMERA.on_threshold, CAMERA.on_threshold)
    cameras = {"ideal": ideal, "all imperfections": CAMERA}
    for names in IMPERFECTIONS:
        for kind, camera, source in (("only", ideal, CAMERA), ("all but", CAMERA, ideal)):
            taken = {name: getattr(source, name) for name in names}
            cameras[f"{kind} {names[0]}"] = replace(camera, **taken)
    loader = make_loader(real.train + real.test, sparse=True)
    rows = []
    for name, camera in cameras.items():
        split = simulate_pokerdvs(1, N_FILMED, 4, camera)
        accuracies = []
        for seed in seeds:
            classifier, _ = train_classifier(split, seed, "cpu", network=FastSNN, epochs=20)
            accuracies.append(evaluate(classifier, loader, "cpu").accuracy)
        rows.append({"camera": name, **folds.spread(accuracies)})
    return rows
