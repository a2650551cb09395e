"""When is an answer read off the voltages: at their maximum, in the last step, or by their mean?"""

from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import nll_loss

from pokersnn_helpers import Classifier, decode, evaluate
from pokersnn_helpers.frames import make_loader
from pokersnn_helpers.study.estimators import PerturbedEstimator
from pokersnn_helpers.study.protocol import Trial

from . import Row, folds
from .models import HYBRID, MODELS, SNN

FOLDS = 5


def decode_last(voltages: Tensor) -> Tensor:
    """Turn voltages (T, B, classes) into log-probabilities (B, classes), by their last step."""
    return torch.log_softmax(voltages[-1], dim=-1)


def decode_mean(voltages: Tensor) -> Tensor:
    """Turn voltages (T, B, classes) into log-probabilities (B, classes), by their means."""
    return torch.log_softmax(voltages.mean(dim=0), dim=-1)


DECODES = {"maximum": decode, "last": decode_last, "mean": decode_mean}


def inner_folds(seed: int, fold: int) -> list[Trial]:
    """Return trials without the recordings of one outer fold."""
    return folds.cards().folds(FOLDS, seed)[fold].learn.folds(3, seed + fold)


def read_by(name: str, rule: str, seed: int, fold: int, epochs: int | None) -> np.ndarray:
    """Train and ask a network by a decode; return its numbers, averaged over the inner folds."""
    reader = Classifier(torch.nn.Identity(), DECODES[rule])

    def loss(voltages: Tensor, targets: Tensor, frames: Tensor, steps: Tensor) -> Tensor:
        return nll_loss(reader.read(voltages, steps), targets, reduction="none")

    rows = []
    for trial in inner_folds(seed, fold):
        model = folds.for_epochs(MODELS, epochs)[name]
        network = model
        if isinstance(model, PerturbedEstimator):
            network = model.estimator
        network.recipe["loss"] = loss
        model.fit(trial.learn.recordings, seed)
        classifier = network.classifier
        classifier.decode = DECODES[rule]
        held_out = trial.test(lambda tested: tested.recordings)
        if isinstance(model, PerturbedEstimator):
            held_out = model.perturb(held_out)
        evaluation = evaluate(classifier, make_loader(held_out, 64, sparse=True), "cpu")
        rows.append((evaluation.accuracy, evaluation.loss))
    return np.mean(rows, axis=0)


def measure_decodes(seeds: int = 3, epochs: int | None = None) -> Row:
    """Compare ways to read an answer off the voltages, by inner folds.

    Of each of five folds of the 131, the other four are divided into three inner folds, which are
    classified by networks that have seen neither them nor the outer fold.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other folds and other weights.
        epochs: To train for, in place of the recipe's.

    Returns:
        A row per network and decode, by which it is trained and asked: mean, lowest and highest
        accuracy of the seeds, and the mean loss.
    """
    rows = []
    for name, rule in product((SNN, HYBRID), DECODES):
        jobs: Any = product([name], [rule], range(seeds), range(FOLDS), [epochs])
        numbers = np.reshape(folds.in_parallel(read_by, jobs), (seeds, FOLDS, 2))
        accuracy, loss = numbers.mean(axis=1).T
        row = {"model": name, "decode": rule, **folds.spread(accuracy.tolist())}
        rows.append(row | {"loss": float(loss.mean())})
    return {"recordings": len(folds.cards().recordings), "seeds": seeds, "rows": rows}
