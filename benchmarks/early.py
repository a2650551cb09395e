"""Networks that answer early, and that spike rarely: augmentation, training, pruning."""

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from eventdesk.models.ordinary import Model
from pokersnn_helpers import (
    Classifier,
    FastSNN,
    Recordings,
    augment,
    build_network,
    decode,
    fit,
    make_loader,
)
from pokersnn_helpers.events.frames import last_steps
from pokersnn_helpers.networks.spiking_network import width_of_steps

from . import Options
from .over_time import log_probabilities_over_time


def random_start_crop(frames: Tensor) -> Tensor:
    """Let about half of the recordings of a batch begin later: an augmentation for ``fit``.

    Up to the first half of their time steps is cut off at random, so that a network learns to
    answer wherever the pip is when it sees it first. The shape stays; silence is added at the end.
    """
    sparse = frames if frames.is_sparse else frames.to_sparse()
    indices, counts = sparse._indices(), sparse._values()
    time, recording = indices[:2]
    steps = last_steps(sparse)
    late = torch.rand(len(steps)) < 0.5
    first = (torch.rand(len(steps)) * (steps // 2 + 1)).long() * late
    kept = time >= first[recording]
    moved = torch.cat([(time - first[recording])[None], indices[1:]])[:, kept]
    changed = torch.sparse_coo_tensor(moved, counts[kept], frames.shape, check_invariants=False)
    return changed if frames.is_sparse else changed.to_dense()


def augment_and_crop(frames: Tensor) -> Tensor:
    """Change frames as the recipe does (``augment``), then let some of them start late."""
    return random_start_crop(augment(frames))


def nll_over_time(voltages: Tensor, targets: Tensor, frames: Tensor, steps: Tensor) -> Tensor:
    """Average the negative log-likelihood over a recording's own time steps.

    A wrong answer costs for as long as it stands, so a network learns to answer early.

    Example:
        >>> voltages = torch.zeros(20, 8, 4)  # a silent network guesses
        >>> targets, steps = torch.zeros(8, dtype=torch.int64), torch.full((8,), 20)
        >>> frames = torch.ones(10, 8, 2, 35, 35)
        >>> nll_over_time(voltages, targets, frames, steps).exp()[0].item()  # one of four classes
        4.0
    """
    numbers = torch.arange(len(voltages), device=steps.device)
    before_the_end = numbers[:, None] < steps
    weights = before_the_end.to(voltages.dtype)
    log_probabilities = log_probabilities_over_time(voltages)
    places = targets.expand(len(voltages), -1)[..., None]
    losses = -log_probabilities.gather(2, places)[..., 0]
    return (weights * losses).sum(dim=0) / weights.sum(dim=0).clamp(min=1)


# What to change in the book's recipe, so that a network learns to answer early.
EARLY: Options = {
    "loss": nll_over_time,
    "augment": augment_and_crop,
    "epochs": 120,
    "learning_rate": 0.002,
}


def firing_rate_regularised(
    voltages: Tensor,
    targets: Tensor,
    frames: Tensor,
    steps: Tensor,
    penalty: float = 1,
) -> Tensor:
    """Add ``penalty`` times the firing rate to ``nll_over_time``.

    Args:
        voltages: The last output is the firing rate of the hidden neurons, in spikes per neuron
            and time step, as ``BinarySNN`` reports it.
        targets: As above.
        frames: As above.
        steps: As above.
        penalty: What a rate of one spike per neuron and time step costs.
    """
    loss = nll_over_time(voltages[..., :-1], targets, frames, steps)
    before_the_end = torch.arange(len(voltages))[:, None] < steps
    rate = (before_the_end * voltages[..., -1]).sum(dim=0) / steps
    return loss + penalty * rate


class BinarySNN(Model):
    """The book's network, shown at most one event per pixel, polarity and time bin.

    All its inputs are 0 or 1 then, so no weight is multiplied, only added. An input weight that is
    0 stays 0: what was pruned learns nothing, in a copy and after a checkpoint either.
    """

    causal = True
    reports_rate = False  # return the firing rate as a last output, for training

    def build(self, inputs: int, outputs: int, **neurons: Any) -> None:
        """Make the layers."""
        sizes: Options = {"sensor_size": self.sensor_size, "output_size": outputs}
        self.snn = build_network(FastSNN, time_window=width_of_steps(self.dt), **sizes, **neurons)

    def forward(self, frames: Tensor) -> Tensor:
        """Return voltages (T, B, classes), and with ``reports_rate`` one output more.

        It is that of a readout neuron which listens to all hidden neurons with the same weight, and
        which nothing trains: their firing rate, smoothed, in spikes per neuron and time step.
        """
        frames = (frames.coalesce() if frames.is_sparse else frames).sign()
        weights = self.snn.lif0.input_weights
        used = {"lif0.input_weights": weights * (weights != 0)}  # no gradient where it is 0
        if self.reports_rate:
            weights, cell = self.snn.linear.weight, self.snn.readout
            # A steady input to a leaky integrator ends as this many times its voltage per step.
            per_step = float(cell.dt * cell.p.tau_syn_inv) / weights.shape[1]
            used["linear.weight"] = torch.cat([weights, torch.full_like(weights[:1], per_step)])
        return functional_call(self.snn, used, frames)


def train_sparse(
    recordings: Recordings,
    seed: int = 0,
    *,
    penalty: float,
    sparsity: float = 0,
    epochs: int = 180,
    **neurons: Any,
) -> Classifier:
    """Train a ``BinarySNN`` to answer early and to spike rarely.

    In the first third of the epochs the penalty is at most 1: neurons that are silenced before they
    have learned anything stay silent. Then the input weights closest to 0 are set to 0, where
    ``BinarySNN`` leaves them, and the others are trained on with the whole penalty.

    Args:
        recordings: To learn from.
        seed: Fixes the initial weights, the order of the recordings and how they are changed.
        penalty: As for ``firing_rate_regularised``.
        sparsity: Share of the input weights that is set to 0, from 0 to below 1.
        epochs: As for ``fit``, at least 3.
        neurons: As for ``build_network``, such as ``hidden_size``.
    """
    torch.manual_seed(seed)
    about: Options = {"classes": recordings.classes, "sensor_size": recordings.sensor_size}
    network = BinarySNN(recordings.sensor_size, len(recordings.classes), **neurons)
    loader = make_loader(recordings, sparse=True, shuffle=True)

    def train(most: float, epochs: int) -> None:
        loss = partial(firing_rate_regularised, penalty=most)
        classifier = Classifier(network, lambda voltages: decode(voltages[..., :-1]), **about)
        fit(classifier, loader, device="cpu", **EARLY | {"loss": loss, "epochs": epochs})

    network.reports_rate = True
    train(min(1, penalty), epochs // 3)
    prune(network.snn.lif0.input_weights, sparsity)
    train(penalty, epochs - epochs // 3)
    network.reports_rate = False
    return Classifier(network, **about)


def prune(weights: Tensor, share: float) -> None:
    """Set this share of the weights, those closest to 0, to 0."""
    sizes = weights.detach().abs()
    if pruned := round(share * sizes.numel()):
        with torch.no_grad():
            weights *= sizes > sizes.flatten().kthvalue(pruned).values
