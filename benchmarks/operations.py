"""What an answer costs: operations per recording of models of chapter 7, and energy."""

from typing import Any

import torch
from torch import nn

from pokersnn_helpers import Classifier, make_loader
from pokersnn_helpers.networks import WHOLE
from pokersnn_helpers.study.models import SummedImage
from pokersnn_helpers.study.protocol import FeatureEstimator, PerturbedEstimator

from . import Row, folds
from .counting import count_operations
from .energy import estimate_energy
from .models import HYBRID, MODELS, SNN
from .timing import recordings

COUNTED = ("logistic regression", "MLP", HYBRID, "GRU", SNN)


class LinearModel(SummedImage):
    """One weight per input and class."""

    def build(self, inputs: int, outputs: int) -> None:
        """Make the layer."""
        self.dt = None
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(inputs, outputs))


def regression_network(
    estimator: FeatureEstimator, sensor_size: tuple[int, int, int]
) -> LinearModel:
    """Make the network that says what a trained logistic regression on ``summed_image`` says.

    Standardisation becomes a part of its weights, so a pixel without events still counts 0.
    """
    scaler, model = estimator.model
    weight = model.coef_ / scaler.scale_
    bias = model.intercept_ - weight @ scaler.mean_
    network = LinearModel(sensor_size, len(weight))
    numbers = {"body.1.weight": torch.from_numpy(weight), "body.1.bias": torch.from_numpy(bias)}
    network.load_state_dict(numbers)
    return network


def measure_operations(epochs: int | None = None) -> Row:
    """Train each model with seed 0, and count its operations for the test recordings.

    Args:
        epochs: To train for, in place of each model's own.

    Returns:
        A row per model: how many it classifies correctly, and means per recording, energies in µJ.
    """
    data = recordings()
    rows = []
    for name, model in folds.for_epochs(MODELS, epochs).items():
        if name not in COUNTED:
            continue
        estimator: Any = model.fit(data.train, 0)
        test = data.test
        if isinstance(model, PerturbedEstimator):
            test = model.perturb(test)
            estimator = model.estimator
        if isinstance(estimator, FeatureEstimator):
            classifier = Classifier(regression_network(estimator, test.sensor_size))
        else:
            classifier = estimator.classifier
        width = classifier.snn.time_window
        frames, _ = next(iter(make_loader(test, len(test), min(width, 1000), sparse=True)))
        operations = count_operations(classifier, frames)
        row = {"model": name, "bins_us": "sum" if width == WHOLE else width}
        row["correct"] = int((estimator.predict(test) == test.targets).sum())
        row |= operations.means()
        for kind, energy in estimate_energy(operations).items():
            row[f"{kind}_uJ"] = float(energy.mean())
        rows.append(row)
    return {"recordings": len(data.test), "rows": rows}
