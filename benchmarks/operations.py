"""What an answer costs: operations per recording of every model of chapter 7, and energy."""

from functools import partial
from typing import Any

import torch
from torch import nn

from pokersnn_helpers import Classifier, make_loader
from pokersnn_helpers.networks import WHOLE
from pokersnn_helpers.study.models import GRU, SummedImage
from pokersnn_helpers.study.protocol import FeatureEstimator, NetworkEstimator, PerturbedEstimator

from . import Row
from .counting import count_operations
from .energy import estimate_energy
from .models import HYBRID, MODELS, SNN
from .timing import median_times, recordings

BIN_WIDTHS = (1000, 300, 100)  # µs
ONCE = ("logistic regression", "MLP", "CNN", "MLP on each frame", HYBRID, "SNN, convolution")
COUNTED: list[tuple[str, Any]] = [(name, MODELS[name]) for name in ONCE]
COUNTED += [("GRU", NetworkEstimator(GRU, clip_norm=1.0, time_window=w)) for w in BIN_WIDTHS]
COUNTED += [(SNN, NetworkEstimator(time_window=width)) for width in BIN_WIDTHS]


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


def measure_operations(repeats: int = 11) -> Row:
    """Train each model with seed 0, and count its operations for the test recordings.

    Args:
        repeats: Timed runs of a forward pass, and of counting, of which the median counts.

    Returns:
        A row per model: means per recording, energies in µJ, and times in ms of a forward pass of
        all test recordings and of ``count_operations``, which makes one.
    """
    rows = []
    for name, estimator in COUNTED:
        train = recordings().train
        test = recordings().test
        if isinstance(estimator, PerturbedEstimator):
            train = estimator.perturb(train)
            test = estimator.perturb(test)
            estimator = estimator.estimator
        estimator.fit(train, 0)
        if isinstance(estimator, FeatureEstimator):
            classifier = Classifier(regression_network(estimator, train.sensor_size))
        else:
            classifier = estimator.classifier
        network = classifier.snn.eval()
        width = network.time_window
        frames, _ = next(iter(make_loader(test, len(test), min(width, 1000), sparse=True)))
        frames, _ = classifier.append_silence(frames)
        operations = count_operations(classifier, frames)
        row = {"model": name, "bins_us": "sum" if width == WHOLE else width}
        row["correct"] = int((estimator.predict(test) == test.targets).sum())
        row |= operations.means()
        for kind, energy in estimate_energy(operations).items():
            row[f"{kind}_uJ"] = float(energy.mean())
        steps: dict[str, Any] = {
            "forward_ms": partial(torch.no_grad()(network), frames),
            "count_ms": partial(count_operations, network, frames),
        }
        rows.append(row | median_times(steps, repeats))
    return {"recordings": len(recordings().test), "repeats": repeats, "rows": rows}
