"""How close simulated recordings are to the real ones, and whether training carries over."""

import functools
import operator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from eventdesk.evidence.estimators import NetworkEstimator, logistic_regression
from eventdesk.evidence.protocol import Evidence, Trial
from eventdesk.models.ordinary import summed_image
from pokersnn_helpers import Recordings, load_pokerdvs, load_pokerdvs131
from pokersnn_helpers.simulation import simulate_pokerdvs

from . import Options, Row, folds
from .comparison import all_statistics, c2st_accuracy, pixel_intervals

N_TRAIN = 400  # simulated recordings to compare and to train on
DESCRIBED: Options = {
    "twelve statistics": all_statistics,
    "image": summed_image,
    "intervals at a pixel": pixel_intervals,
}


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


def measure_simulation(seeds: int = 10, recordings: int = N_TRAIN) -> Row:
    """Let classifiers tell simulated recordings from the real ones, by what they are given.

    Args:
        seeds: 0 to ``seeds - 1``; each divides the recordings into other folds.
        recordings: Simulated ones.

    Returns:
        A row for each kind of input; and in ``suits`` how many of the 131 real cards
        are named by the intervals at a pixel alone, on card passes that weren't learned from.
    """
    real = load_pokerdvs(source="real")
    simulated = simulate_pokerdvs(seed=1, n_train=recordings)
    both = real.train + real.test, simulated.train + simulated.test
    rows = []
    for seen, describe in DESCRIBED.items():
        of_real, of_simulated = map(describe, both)
        jobs = [(of_real, of_simulated, seed) for seed in range(seeds)]
        rows.append({"seen": seen, **folds.spread(folds.in_parallel(c2st_accuracy, jobs))})
    return {"seeds": seeds, "rows": rows, "suits": [suits_row("intervals at a pixel", seeds)]}


def suits_row(seen: str, seeds: int) -> Row:
    """Let a logistic regression name the suits by what it is given."""
    cards = folds.cards()
    regression = logistic_regression(DESCRIBED[seen])
    correct = folds.answers({seen: regression}, range(seeds), cards)[seen]
    return {"seen": seen, **folds.mean(correct, cards.groups)}


def groups_of(table: pd.DataFrame) -> dict[str, pd.Series]:
    """Say by group which of the 131 belong to it; ``table`` is that of ``load_pokerdvs131``."""
    part = table["tonic"].str.partition("/")[0]
    turned = table["upside down"]
    return {
        "its 20 test": part == "pips_test",
        "32 upright others": (part == "") & ~turned,
        "31 upside down": turned,
    }


LR = logistic_regression(summed_image, C=10)
OF_ONE_NUMBER = {"300 as fitted": (FITTED,), "300 varied": (FITTED, WIDE, WIDE)}


def measure_passes(seeds: int = 10, recordings: int = N_TRAIN, epochs: int | None = None) -> Row:
    """Count what is classified correctly of all 131 real recordings, by group.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other simulated recordings and other weights.
        recordings: Simulated ones of a kind to train on.
        epochs: To train for, in place of each network's own.
    """
    rows = []
    for name, mixture in folds.for_epochs(TRAINED_ON, epochs).items():
        rows += rows_of(name, replace(mixture, count=recordings), seeds)
    return {"seeds": seeds, "rows": rows}


def measure_variety(seeds: int = 10, recordings: int = N_TRAIN, epochs: int = 20) -> Row:
    """Train on as many cards, as fitted and varied; and train a logistic regression on all sets.

    Args:
        seeds: As for ``passes``.
        recordings: As for ``passes``; sets of one number have three quarters as many in all.
        epochs: To train networks for, on either set.
    """
    rows = []
    models = {"SNN": NetworkEstimator(epochs=epochs), "LR on the sum": LR}
    third = 4 * max(1, recordings // 16)  # of a set, as many of each suit
    for (name, kinds), model in product(OF_ONE_NUMBER.items(), models):
        mixture = Mixture(kinds, 0, models[model], 3 * third // len(kinds))
        rows += rows_of(name, mixture, seeds, model=model)
    for name, mixture in TRAINED_ON.items():
        rows += rows_of(
            name, replace(mixture, estimator=LR, count=recordings), seeds, model="LR on the sum"
        )
    return {"seeds": seeds, "rows": rows}


def rows_of(name: str, mixture: Mixture, seeds: int, **about: str) -> list[Row]:
    """Return a row for each group of the real recordings, by what was trained on."""
    everything = load_pokerdvs131(source="real")
    new = ~everything.table["tonic"].str.startswith("pips_train").to_numpy()
    tested = Evidence(everything.recordings).subset(np.flatnonzero(new))
    jobs = [(mixture, tested, seed) for seed in range(seeds)]
    right = np.array(folds.in_parallel(correct, jobs))
    rows = []
    for group, members in groups_of(everything.table[new]).items():
        shares = right[:, members.to_numpy()].mean(axis=1)
        rows.append({"trained_on": name, **about, "tested_on": group, **folds.spread(shares)})
    return rows


def correct(mixture: Mixture, tested: Evidence, seed: int) -> np.ndarray:
    """Say which recordings are classified correctly by what has learned from a mixture."""
    trial = Trial(Evidence(load_pokerdvs(source="real").train), tested)
    _, right = trial.correct(mixture.fit(trial.learn.recordings, seed).predict)
    return right
