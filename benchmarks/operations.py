"""What an answer costs: operations and energy per recording, by model of *Does it need spikes?*."""

from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from eventdesk.evidence.estimators import (
    FeatureEstimator,
    PerturbedEstimator,
)
from eventdesk.evidence.protocol import Evidence, Trial
from eventdesk.models.ordinary import summed_image
from pokersnn_helpers import Recordings, make_loader
from pokersnn_helpers.networks.spiking_network import WHOLE

from . import Row, folds
from .counting import Operations, count_operations
from .energy import estimate_energy
from .latency import BY_FOLDS
from .models import HYBRID, MODELS, SNN
from .timing import recordings

COUNTED = ("logistic regression", "MLP on each frame", HYBRID, "GRU", SNN)
COUNTED_MODELS = {name: MODELS[name] for name in COUNTED} | BY_FOLDS
BY_EVENT = "SNN, over time, event by event"


def frames_of(recordings: Recordings, time_window: float) -> Tensor:
    """Return sparse frames of all recordings, (T, B, polarities, height, width)."""
    loader = make_loader(
        recordings, batch_size=len(recordings), time_window=time_window, sparse=True
    )
    frames, _ = next(iter(loader))
    return frames


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
    for name, model in folds.for_epochs(COUNTED_MODELS, epochs).items():
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
            frames = frames_of(test, min(width, 1000))
            operations = count_operations(estimator.classifier, frames)
        rows.append(row_of(name, width, operations))
        if name == "SNN, over time":
            hidden = len(estimator.network.lif0.input_weights)
            by_event = event_by_event(operations, frames, hidden)
            rows.append(row_of(BY_EVENT, width, by_event))
    return {"recordings": len(data.test), "rows": rows}


def event_by_event(operations: Operations, frames: Tensor, hidden: int) -> Operations:
    """Return what is left if each event adds its weights as it comes, so that none is multiplied.

    Args:
        operations: Of the network step by step, in which only inputs are multiplied.
        frames: What it saw.
        hidden: Neurons that each input meets.
    """
    counts = frames.to_dense().sum((0, 2, 3, 4)).numpy()
    pixels = (frames.to_dense() != 0).sum((0, 2, 3, 4)).numpy()
    additions = operations.effective + (counts - pixels) * hidden
    return replace(operations, effective_macs=0 * additions, effective_acs=additions)


def row_of(name: str, width: float, operations: Operations) -> Row:
    """Return the means per recording, and energies in µJ."""
    row = {"model": name, "bins_us": "sum" if width == WHOLE else width}
    row |= operations.means()
    for kind, energy in estimate_energy(operations).items():
        row[f"{kind}_uJ"] = float(energy.mean())
    return row
