"""The models of *Does it need spikes?* by name, and what nothing else needs."""

from typing import Any

import torch

from eventdesk.evidence.estimators import (
    NetworkEstimator,
    PerturbedEstimator,
    logistic_regression,
)
from eventdesk.evidence.perturbations import merge_polarities
from eventdesk.models.layered import LayerThenSNN
from eventdesk.models.ordinary import GRU, FrameMLP, summed_image
from pokersnn_helpers import FastSNN

from . import Options


class FeedforwardSNN(FastSNN):
    """The book's network with recurrent weights that are 0 and stay 0."""

    def __init__(self, **arguments: Any):
        super().__init__(**arguments)
        with torch.no_grad():
            self.lif0.recurrent_weights.zero_()
        self.lif0.recurrent_weights.requires_grad_(False)


def merged(estimator: Any) -> PerturbedEstimator:
    """Return an estimator that sees no polarity."""
    return PerturbedEstimator(estimator, merge_polarities)


# Each the best of six settings on Tonic's 48 training recordings, by folds that keep passes apart.
BY_FRAME = {"learning_rate": 0.002}  # of networks with an ordinary layer
SNN, HYBRID = "SNN, book's recipe", "SNN behind a layer"
MODELS: Options = {
    "logistic regression": logistic_regression(summed_image, C=10),
    "GRU": NetworkEstimator(GRU, clip_norm=1.0),
    SNN: NetworkEstimator(),
    "SNN, no recurrence": NetworkEstimator(FeedforwardSNN),
    "MLP on each frame": merged(NetworkEstimator(FrameMLP, **BY_FRAME)),
    HYBRID: merged(NetworkEstimator(LayerThenSNN, **BY_FRAME)),
}

# Learning rates of the hybrid, with merged polarities and with both; of equals, the first wins.
RATES = [{"learning_rate": rate} for rate in (0.002, 0.001, 0.004)]
BOTH = {str(rate): NetworkEstimator(LayerThenSNN, **rate) for rate in RATES}
SETTINGS = {f"merged, {name}": merged(model) for name, model in BOTH.items()} | BOTH
