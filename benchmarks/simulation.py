"""How close simulated recordings are to the real ones, and whether training carries over."""

import functools
import operator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pokersnn_helpers import Recordings, load_pokerdvs, load_pokerdvs131
from pokersnn_helpers.simulation import simulate_pokerdvs
from pokersnn_helpers.study.estimators import NetworkEstimator
from pokersnn_helpers.study.protocol import Evidence, Trial

from . import Options, Row, folds
from .comparison import all_statistics, c2st_accuracy

N_TRAIN = 400  # simulated recordings to compare and to train on
C2ST_SEEDS = range(10)


@dataclass
class Mixture:
    """Trains an estimator on simulated recordings, beside real ones or alone.

    Attributes:
        simulated: Options of ``simulate_pokerdvs``, a set of recordings each.
        copies: Of the real recordings, so that so few weigh more.
        estimator: What is trained.
        count: Recordings of a set.
    """

    simulated: tuple[Options, ...]
    copies: int
    estimator: Any
    count: int = N_TRAIN

    def recordings(self, real: Recordings, seed: int) -> Recordings:
        """Make what is trained on."""
        mixture = []
        for number, options in enumerate(self.simulated, start=1):
            mixture.append(
                simulate_pokerdvs(100 * number + seed, self.count, n_test=4, **options).train
            )
        return functools.reduce(operator.add, self.copies * [real] + mixture)

    def fit(self, real: Recordings, seed: int = 0) -> Any:
        """Train the estimator and return it; each seed draws other simulated recordings."""
        return self.estimator.fit(self.recordings(real, seed), seed)


# Chosen by the 48 training recordings alone: moved, stretched and cut ones, and left-out passes.
FITTED: Options = {}
WIDE: Options = {"spread": 2.5}
TURNED: Options = {"upside_down": 1}
ALL_KINDS = (FITTED, WIDE, TURNED, WIDE | TURNED)
TRAINED_ON = {
    "simulated as fitted": Mixture((FITTED,), 0, NetworkEstimator(epochs=12)),
    "simulated": Mixture((FITTED, WIDE, WIDE), 0, NetworkEstimator(epochs=20)),
    "48 real": Mixture((), 1, NetworkEstimator()),
    "48 real and simulated": Mixture(ALL_KINDS, 8, NetworkEstimator(epochs=40)),
}


def measure_simulation(recordings: int = N_TRAIN) -> Row:
    """Compare simulated recordings with the real ones, without which there is no comparison.

    Args:
        recordings: Simulated ones.
    """
    real = all_statistics(load_pokerdvs(source="real"))
    simulated = all_statistics(simulate_pokerdvs(seed=1, n_train=recordings))
    rows: list[Row] = []
    for seed in C2ST_SEEDS:
        rows.append({"seed": seed, "correct": c2st_accuracy(real, simulated, seed)})
    mean = sum(row["correct"] for row in rows) / len(rows)
    return {"c2st_accuracy": mean, "rows": rows}


def groups_of(table: pd.DataFrame) -> dict[str, pd.Series]:
    """Say by group which of the 131 belong to it; ``table`` is that of ``load_pokerdvs131``."""
    part = table["tonic"].str.partition("/")[0]
    turned = table["upside down"]
    return {
        "its 20 test": part == "pips_test",
        "32 upright others": (part == "") & ~turned,
        "31 upside down": turned,
    }


def measure_passes(seeds: int = 10, recordings: int = N_TRAIN, epochs: int | None = None) -> Row:
    """Count what is classified correctly of all 131 real recordings, by group.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other simulated recordings and other weights.
        recordings: Simulated ones of a kind to train on.
        epochs: To train for, in place of each network's own.
    """
    real = load_pokerdvs(source="real")
    everything = load_pokerdvs131(source="real")
    new = ~everything.table["tonic"].str.startswith("pips_train").to_numpy()
    tested = Evidence(everything.recordings).subset(np.flatnonzero(new))
    groups = groups_of(everything.table[new])

    def correct(mixture: Mixture, seed: int) -> np.ndarray:
        trial = Trial(Evidence(real.train), tested)
        trained = mixture.fit(trial.learn.recordings, seed)
        _, right = trial.correct(trained.predict)
        return right

    rows = []
    for name, mixture in folds.for_epochs(TRAINED_ON, epochs).items():
        mixture.count = recordings
        jobs = [(mixture, seed) for seed in range(seeds)]
        by_recording = np.array(folds.in_parallel(correct, jobs))
        for group, members in groups.items():
            shares = by_recording[:, members.to_numpy()].mean(axis=1)
            rows.append({"trained_on": name, "tested_on": group, **folds.spread(shares)})
    return {"seeds": seeds, "rows": rows}
