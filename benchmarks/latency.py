"""When a network knows the suit, and what it takes to spike rarely."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy import ndarray
from torch import Tensor

from eventdesk.evidence.estimators import NetworkEstimator
from eventdesk.evidence.perturbations import until
from eventdesk.models.layered import LayerThenSNN
from eventdesk.models.ordinary import GRU, MLP
from pokersnn_helpers import Classifier, Recordings, Split, make_loader
from pokersnn_helpers.simulation import simulate_pokerdvs

from . import Options, Row, folds
from .counting import count_operations
from .early import EARLY, train_sparse
from .over_time import PredictionsOverTime, predict_over_time
from .page_networks import read, unpacked
from .rules import SoFar
from .simulation import LR, TRAINED_ON, groups_of
from .timing import recordings


class CumulativeMLP(MLP):
    """At each time step, look at the sum of the frames up to it."""

    adds_up = False
    causal = True

    def forward(self, frames: Tensor) -> Tensor:
        """Return values (T, B, classes)."""
        images = torch.log1p(frames.to_dense().cumsum(0))
        return self.body(images.flatten(0, 1)).unflatten(0, images.shape[:2])


early: Any = partial(NetworkEstimator, **EARLY)
BY_FOLDS: Options = {
    "SNN, book's recipe": NetworkEstimator(),
    "SNN, over time": early(),
    "MLP on the cumulative sum, over time": early(CumulativeMLP),
    "GRU, over time": early(GRU),
    "SNN behind a layer, over time": early(LayerThenSNN),
}
TIMES_MS = (4, 6, 8)
END_MS = 1e6  # no recording is so long
CARD_MS = (6, 10)
SURE = 0.95  # the page says when the network is: figure.js of the card
# Penalties on the rate, and the share of input weights that is pruned.
SPARSE = ((0, 0), (3, 0), (10, 0), (20, 0), (40, 0), (0, 0.8), (20, 0.8))


def correct_by_folds(
    run: Iterable[tuple[Any, ndarray]], recordings: Recordings, ms: Sequence[float]
) -> ndarray:
    """Do what ``correct_at_time`` does, with each fold's estimator for the recordings held out."""
    correct = np.zeros((len(recordings), len(ms)), bool)
    for estimator, held_out in run:
        predictions = predict_over_time(estimator.classifier, recordings.subset(held_out))
        correct[held_out] = correct_at_time(predictions, ms)
    return correct


def correct_at_time(predictions: PredictionsOverTime, ms: Sequence[float]) -> ndarray:
    """Say whether the answer at each of some times is correct, (recordings, times).

    Before the end of the first step there is no answer, which counts as wrong. A recording that
    has ended keeps its last answer.
    """
    steps = np.floor(np.multiply(ms, 1000) / predictions.time_window + 1e-9).astype(int)
    rows = []
    for correct in predictions.correct:
        last = np.minimum(steps, len(correct)) - 1
        rows.append(correct[last] & (steps > 0))
    return np.array(rows)


def last_answers(classifier: Classifier, recordings: Recordings) -> list[int]:
    """Return the class that a network says of each recording when it ends."""
    return [answers[-1] for answers in predict_over_time(classifier, recordings).answers]


def measure_latency(seeds: int = 10, epochs: int | None = None) -> Row:
    """Ask about all 131 at every time step, by networks that have seen no other of the card pass.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other folds and other weights.
        epochs: To train for, in place of each network's own.

    Returns:
        A row per model, of answers at the end; and how many are correct at times.
    """
    cards = folds.cards()
    models = folds.for_epochs(BY_FOLDS, epochs)
    rows = []
    curves = []
    for name, validated in folds.validate(models, range(seeds), cards).items():
        times = (*TIMES_MS, END_MS)
        runs = [correct_by_folds(run, cards.recordings, times) for run in validated.runs]
        *at_times, final = np.moveaxis(np.array(runs), 2, 0)
        rows.append({"model": name, **folds.mean(final, cards.groups)})
        for at, correct in zip(TIMES_MS, at_times, strict=True):
            point = {"model": name, "axis": "time (ms)", "at": at}
            curves.append(point | folds.mean(correct, cards.groups))
    return {"seeds": seeds, "rows": rows, "curves": curves}


def measure_card(seeds: int = 4, recordings: int = 400) -> Row:
    """Ask the landing page's network about simulated cards it hasn't seen, and about real ones.

    Args:
        seeds: Each draws other cards.
        recordings: Cards of a seed.

    Returns:
        How many are classified correctly after 6 and 10 ms, in ``soon`` of each group of the 131
        real recordings, too; in ``real`` how many of these are classified wrongly at the end,
        although a suit is 95 % probable then. In ``rule`` is what a logistic regression says of the
        sum so far that learned from the same cards, but from none that a hand moves.
    """
    classifier = Classifier(unpacked(read()["layers"]))
    shares = []
    for seed in range(seeds):
        cards = simulate_pokerdvs(seed=2000 + seed, n_train=4, n_test=recordings).test
        predictions = predict_over_time(classifier, cards)
        shares.append(correct_at_time(predictions, CARD_MS).mean(axis=0))
    of_times = zip(CARD_MS, np.transpose(shares).tolist(), strict=True)
    rows = [{"at": at, **folds.spread(of_seeds)} for at, of_seeds in of_times]
    everything = folds.all_recordings()
    cards_of = groups_of(everything.table)
    predictions = predict_over_time(classifier, everything.recordings)
    correct = correct_at_time(predictions, CARD_MS).T
    rule = SoFar(LR).fit(TRAINED_ON["simulated"].recordings(everything.recordings, seed=0))
    soon: list[Row] = []
    ruled: list[Row] = []
    for at, by_network in zip(CARD_MS, correct, strict=True):
        right = rule.predict(until(cards, at)) == np.array(cards.targets)
        ruled.append({"tested_on": "simulated", "at": at, "mean": float(right.mean())})
        by_rule = rule.predict(until(everything.recordings, at)) == everything.recordings.targets
        for group, members in cards_of.items():
            for table, right in ((soon, by_network), (ruled, by_rule)):
                table.append({"tested_on": group, "at": at, "mean": float(right[members].mean())})
    right_at_last = np.array([at_step[-1] for at_step in predictions.correct], bool)
    surest = np.array([at_step[-1].max() for at_step in predictions.probabilities])
    wrong = ~right_at_last & (surest >= SURE)
    real = []
    for group, members in cards_of.items():
        real.append({"tested_on": group, "wrong and sure": float(wrong[members].mean())})
    return {"seeds": seeds, "rows": rows, "real": real, "soon": soon, "rule": ruled}


def measure_sparse(seeds: int = 10, epochs: int = 180) -> Row:
    """Train networks to spike rarely on Tonic's 48, and count operations of its 20.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other folds and other weights.
        epochs: As for ``train_sparse``.

    Returns:
        A row per penalty and pruned share: means over the seeds of ``sparse_row``.
    """
    data = recordings()
    jobs = [(data, *setting, seed, epochs) for setting in SPARSE for seed in range(seeds)]
    of_seeds = pd.DataFrame(folds.in_parallel(sparse_row, jobs))
    rows = of_seeds.groupby(["penalty", "pruned"], sort=False, as_index=False).mean()
    return {"seeds": seeds, "rows": rows.to_dict("records")}


def sparse_row(data: Split, penalty: float, share: float, seed: int, epochs: int) -> Row:
    """Train a sparse network and count its spikes and operations.

    How accurate it is say networks of which each is asked about a card pass that it hasn't seen.
    """
    train = partial(train_sparse, seed=seed, penalty=penalty, sparsity=share, epochs=epochs)
    cards = folds.training_cards()
    correct: list[bool] = []
    for trial in cards.folds(3, seed):
        _, right = trial.correct(partial(last_answers, train(trial.learn.recordings)))
        correct.extend(right)
    frames, _ = next(iter(make_loader(data.test, batch_size=len(data.test), sparse=True)))
    operations = count_operations(train(data.train), frames)
    return {
        "penalty": penalty,
        "pruned": share,
        "held_out_accuracy": float(np.mean(correct)),
        "spike_share": float(1 - operations.activation_sparsity.mean()),  # only spikes are counted
        "effective_acs": float(operations.effective_acs.mean()),
    }
