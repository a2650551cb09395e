"""Fewer bits per weight, as chips need them, on all 131 recordings."""

from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor, nn
from torch.func import functional_call

from eventdesk.evidence.protocol import Trial
from pokersnn_helpers import Classifier, Recordings, evaluate, fit, make_loader
from pokersnn_helpers.events.frames import augment
from pokersnn_helpers.system.devices import one_cpu_thread

from . import Row, folds
from .models import MODELS, SNN

BITS = (32, 2)  # per weight
# Of training on with few bits, as many epochs as the recipe has. On the 48 training recordings, by
# folds, steps that are learned at this rate did best of six settings.
EPOCHS = 60
RATE = 0.003


class LowBits(nn.Module):
    """A trained network that computes with few bits per weight, and learns so.

    Each row of a weight matrix has whole multiples of a step, from ``-(2 ** (bits - 1) - 1)`` to
    ``2 ** (bits - 1) - 1``. The step begins as that with the smallest squared error, and is learned
    with the weights (Esser et al. 2020, arXiv:1902.08153). Gradients pass the rounding as if it
    weren't there (straight-through estimator: Bengio et al. 2013, arXiv:1308.3432). Biases keep
    32 bits.

    Args:
        network: The trained network; a copy of it is taken.
        bits: Per weight; 32 leaves them as they are.
    """

    takes_sparse = True

    def __init__(self, network: nn.Module, bits: int):
        super().__init__()
        self.network = deepcopy(network)
        self.dt = network.dt
        self.most = 2 ** (bits - 1) - 1
        self.names = []
        self.log_steps = nn.ParameterList()
        for name, weights in network.named_parameters():
            if weights.ndim > 1 and bits < 32:
                self.names.append(name)
                self.log_steps.append(best_step(weights.detach(), self.most).log())

    def forward(self, frames: Tensor) -> Tensor:
        """Return what the network returns, with rounded weights."""
        return functional_call(self.network, self.weights(), frames)

    def weights(self) -> dict[str, Tensor]:
        """Return the weights that are computed with, by name."""
        rounded = {}
        for name, log_step in zip(self.names, self.log_steps, strict=True):
            weights = self.network.get_parameter(name)
            rounded[name] = to_levels(weights, log_step.exp(), self.most)
        return rounded


def to_levels(weights: Tensor, step: Tensor, most: int) -> Tensor:
    """Round weights to multiples of the step of their row, with gradients as if not rounded."""
    clipped = (weights / step).clamp(-most, most)
    return (clipped + (clipped.round() - clipped).detach()) * step


def best_step(weights: Tensor, most: int) -> Tensor:
    """Return the step of each row (rows, 1) with the smallest squared error, of 50 that are tried.

    Example:
        >>> best_step(torch.tensor([[-1.0, 0.0, 1.0]]), 1)
        tensor([[1.]])
    """
    largest = weights.abs().amax(1, keepdim=True).clamp(min=1e-12) / most
    tried = [share * largest for share in torch.linspace(1, 0.02, 50)]
    errors = [(to_levels(weights, step, most) - weights).pow(2).sum(1) for step in tried]
    best = torch.stack(errors).argmin(0)
    return torch.stack(tried)[best, torch.arange(len(weights))]


def rounded(network: LowBits) -> Any:
    """Return a network of its own with the weights that ``LowBits`` computes with."""
    copy = deepcopy(network.network)
    copy.load_state_dict(network.weights(), strict=False)
    return copy


def predict(networks: list[Any], recordings: Recordings) -> list[ndarray]:
    """Return by network the class that it says of each recording."""
    predicted = []
    for network in networks:
        classifier = Classifier(network)
        loader = make_loader(
            recordings, batch_size=64, time_window=classifier.time_window, sparse=True
        )
        predicted.append(evaluate(classifier, loader, "cpu").predicted.numpy())
    return predicted


@one_cpu_thread()
def variants(seed: int, trial: Trial, epochs: int | None) -> tuple[ndarray, ndarray]:
    """Train the book's network, train on with few bits and with all, and ask both.

    Returns:
        The numbers of the tested recordings, and what each variant answers correctly.
    """
    learned = trial.learn.recordings
    model = folds.for_epochs(MODELS, epochs)[SNN]
    network = model.fit(learned, seed).network.eval()
    networks = []
    for bits in BITS:
        low = LowBits(network, bits).eval()
        torch.manual_seed(seed)
        fit(
            Classifier(low),
            make_loader(learned, sparse=True, shuffle=True),
            augment=augment,
            epochs=epochs or EPOCHS,
            device="cpu",
            clip_norm=0.3,
            learning_rate=RATE,
        )
        networks.append(rounded(low))
    return trial.correct(partial(predict, networks))


def measure(seeds: int = 3, epochs: int | None = None) -> Row:
    """Classify all 131, each by networks of few bits that have seen no other of its card pass.

    Args:
        seeds: 0 to ``seeds - 1``; each draws other folds and other weights.
        epochs: To train for, and again with few bits, in place of the recipe's.
    """
    cards = folds.cards()
    jobs: list[tuple[Any, ...]] = []
    for seed in range(seeds):
        jobs += [(seed, trial, epochs) for trial in cards.folds(3, seed)]
    correct = np.zeros((len(BITS), seeds, len(cards.recordings)))
    results = folds.in_parallel(variants, jobs)
    for (seed, *_), (held_out, answers) in zip(jobs, results, strict=True):
        correct[:, seed, held_out] = answers
    rows = []
    for bits, right in zip(BITS, correct, strict=True):
        row = {"model": "SNN", "bits": str(bits), "how": "trained on with these bits"}
        rows.append(row | folds.mean(right, cards.groups))
    return {"seeds": seeds, "rows": rows}
