"""What an answer costs: operations per recording of models of chapter 7, and energy."""

from typing import Any

import numpy as np

from pokersnn_helpers import Recordings, make_loader
from pokersnn_helpers.networks import WHOLE
from pokersnn_helpers.study.estimators import FeatureEstimator, PerturbedEstimator
from pokersnn_helpers.study.models import summed_image
from pokersnn_helpers.study.protocol import Evidence, Trial

from . import Row, folds
from .counting import Operations, count_operations
from .energy import estimate_energy
from .models import HYBRID, MODELS, SNN
from .timing import recordings

COUNTED = ("logistic regression", HYBRID, "GRU", SNN)


def count_regression(estimator: FeatureEstimator, recordings: Recordings) -> Operations:
    """Count what a logistic regression on ``summed_image`` does, with weights of 32 bits.

    Standardisation becomes a part of its weights, so a pixel without events still counts 0.
    """
    _, regression = estimator.model
    macs = (summed_image(recordings) != 0) @ (regression.coef_ != 0).sum(axis=0)
    nothing = np.zeros(len(recordings))
    return Operations(macs, nothing, nothing, nothing)


def measure_operations(epochs: int | None = None) -> Row:
    """Train each model with seed 0, and count its operations for the test recordings.

    Args:
        epochs: To train for, in place of each model's own.

    Returns:
        A row per model of means per recording, energies in µJ.
    """
    data = recordings()
    rows = []
    for name, model in folds.for_epochs(MODELS, epochs).items():
        if name not in COUNTED:
            continue
        trial = Trial(Evidence(data.train), Evidence(data.test))
        estimator: Any = model.fit(trial.learn.recordings, 0)
        test = trial.test(lambda tested: tested.recordings)
        if isinstance(model, PerturbedEstimator):
            test = model.perturb(test)
            estimator = model.estimator
        if isinstance(estimator, FeatureEstimator):
            width = WHOLE
            operations = count_regression(estimator, test)
        else:
            width = estimator.classifier.time_window
            loader = make_loader(test, len(test), min(width, 1000), sparse=True)
            frames, _ = next(iter(loader))
            operations = count_operations(estimator.classifier, frames)
        row = {"model": name, "bins_us": "sum" if width == WHOLE else width}
        row |= operations.means()
        for kind, energy in estimate_energy(operations).items():
            row[f"{kind}_uJ"] = float(energy.mean())
        rows.append(row)
    return {"recordings": len(data.test), "rows": rows}
