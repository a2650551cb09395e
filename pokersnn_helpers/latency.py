"""When a network knows: its answer at every time step, how to train for early ones, when to stop.

A network that reads frames one after the other has an answer at each of them. ``over_time`` trains
it for all of these answers, ``answer_over_time`` asks it for them, and ``Answers`` says how many
are correct, from when on they stay so, and what a rule for stopping would have answered.
"""

import math
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from .baselines import FrameLinear, Train, by_gradient
from .fast import FastSNN
from .frames import augment, make_loader
from .recipe import build_network
from .recordings import Recordings
from .snn import SNN, Classifier
from .training import fit


def at_each_step(voltages: torch.Tensor) -> torch.Tensor:
    """Return what ``decode`` would say if the recording ended at each time step.

    Args:
        voltages: Of the readout, (T, B, classes).

    Returns:
        Log-probabilities (T, B, classes), by the largest voltages so far.
    """
    return torch.log_softmax(voltages.cummax(dim=0).values, dim=-1)


def over_time(voltages: torch.Tensor) -> torch.Tensor:
    """Average the log-probabilities of ``at_each_step``: a decoder that makes a loss over time.

    ``fit`` minimises the negative log-likelihood of what a decoder returns. With this one it is the
    mean of the losses of all time steps, so that a wrong answer costs as long as it stands, and an
    early correct one pays::

        classifier = Classifier(build_network(FastSNN), decode=over_time)
        fit(classifier, make_loader(data.train, sparse=True, shuffle=True), epochs=120)

    Args:
        voltages: Of the readout, (T, B, classes).

    Returns:
        Of shape (B, classes). The largest is the answer on average; the probabilities don't sum
        to 1.
    """
    return at_each_step(voltages).mean(dim=0)


def late_start(frames: torch.Tensor) -> torch.Tensor:
    """Let about half of the recordings of a batch begin later: an augmentation for ``fit``.

    Up to the first half of their time steps is cut off, at random, so that a network learns to
    answer wherever the pip happens to be when it sees it first.

    Args:
        frames: Counts of shape (T, B, polarities, height, width), dense or sparse (COO).

    Returns:
        A changed copy of the same shape and kind; what is cut off is silence at the end.
    """
    sparse = frames if frames.is_sparse else frames.to_sparse()
    indices, counts = sparse._indices(), sparse._values()
    time, recording = indices[:2]
    steps = torch.zeros(frames.shape[1], dtype=torch.int64)
    steps.scatter_reduce_(0, recording, time + 1, "amax")
    late = torch.rand(len(steps)) < 0.5
    first = (torch.rand(len(steps)) * (steps // 2 + 1)).long() * late
    kept = time >= first[recording]
    moved = torch.cat([(time - first[recording])[None], indices[1:]])[:, kept]
    changed = torch.sparse_coo_tensor(moved, counts[kept], frames.shape, check_invariants=False)
    return changed if frames.is_sparse else changed.to_dense()


class OverEvents(Classifier):
    """A classifier that ``fit`` trains for a correct answer after every event.

    It averages the log-probabilities of ``at_each_step`` as ``over_time`` does, but a time step
    counts as often as it has events. So steps that have many weigh more, and padding nothing, as in
    ``Answers.accuracy_over_events``.

    Args:
        snn: As for ``Classifier``.
        names: Its classes and sensor, as for ``Classifier``.
    """

    def __init__(self, snn: nn.Module, **names: Any):
        super().__init__(snn, over_time, **names)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return averages over events, (B, classes), for frames (T, B, ...), dense or sparse."""
        events = _events_per_step(frames)
        weights = events / events.sum(dim=0).clamp(min=1)
        return (weights[..., None] * at_each_step(self.snn(frames))).sum(dim=0)


def _events_per_step(frames: torch.Tensor) -> torch.Tensor:
    if frames.is_sparse:
        return torch.sparse.sum(frames, (2, 3, 4)).to_dense()
    return frames.sum((2, 3, 4))


over_time_classifier = partial(Classifier, decode=over_time)


def early(
    make: Callable[[Recordings], nn.Module],
    time_window: float = 1000,
    epochs: int = 120,
    classifier: Callable[..., Classifier] = over_time_classifier,
) -> Train:
    """Train a model to answer early: a loss over time, and late starts.

    Args:
        make: As for ``by_gradient``.
        time_window: Width of a time bin in µs.
        epochs: As for ``fit``.
        classifier: As for ``by_gradient``; ``OverEvents`` is another choice.
    """
    return by_gradient(
        make, epochs=epochs, learning_rate=0.002, clip_norm=0.3, time_window=time_window,
        augment=augment_and_delay, classifier=classifier,
    )  # fmt: skip


def augment_and_delay(frames: torch.Tensor) -> torch.Tensor:
    """Change frames as the recipe does (``augment``), then let some of them start late."""
    return late_start(augment(frames))


class RatePenalty(nn.Module):
    """A network that pays for its spikes: frames in, log-probabilities (B, classes) out.

    An additional readout neuron listens to all hidden neurons with the same weight, which isn't
    trained, so its voltage is their firing rate, smoothed. The penalty on it is subtracted from
    what ``over_time`` says about all classes: the answer stays what it is, and the loss of ``fit``
    becomes the loss over time plus ``penalty`` times the rate.

    Args:
        snn: Its last readout neuron is the additional one.
        penalty: What a rate of one spike per neuron and time step costs.

    Raises:
        ValueError: The penalty is negative or no finite number.
    """

    def __init__(self, snn: SNN, penalty: float):
        super().__init__()
        if not 0 <= penalty < math.inf:
            raise ValueError(f"penalty is {penalty}; choose a finite number of at least 0")
        self.snn, self.penalty = snn, penalty
        weights = snn.linear.weight
        weights.register_hook(lambda gradient: torch.cat([gradient[:-1], 0 * gradient[-1:]]))
        with torch.no_grad():
            weights[-1] = 1 / weights.shape[1]

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return log-probabilities of shape (B, classes) for frames of shape (T, B, ...)."""
        voltages = self.snn(frames)
        # A steady input to a leaky integrator ends as this many times its voltage per step.
        per_step = self.snn.readout.dt * self.snn.readout.p.tau_syn_inv
        rate = per_step * voltages[..., -1].mean(dim=0)
        return over_time(voltages[..., :-1]) - self.penalty * rate[:, None]

    def without_penalty(self) -> SNN:
        """Return the network alone, as it is after training: one readout neuron per class."""
        arguments = self.snn.arguments | {"output_size": self.snn.linear.out_features - 1}
        snn = type(self.snn)(**arguments)
        weights = self.snn.state_dict()
        snn.load_state_dict(weights | {"linear.weight": weights["linear.weight"][:-1]})
        return snn


class BinaryFrames(nn.Module):
    """Show a network at most one event per pixel, polarity and time bin.

    All its inputs are 0 or 1 then, so no weight is multiplied, only added.

    Args:
        network: Takes frames.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return what the network says about frames (T, B, ...), dense or sparse."""
        if not frames.is_sparse:
            return self.network(frames.clamp(max=1))
        places = frames.coalesce()
        ones = places.values().clamp(max=1)
        indices, shape = places.indices(), frames.shape
        return self.network(
            torch.sparse_coo_tensor(indices, ones, shape, is_coalesced=True, check_invariants=False)
        )


def train_sparse(
    recordings: Recordings,
    seed: int = 0,
    *,
    penalty: float,
    pruned: float = 0,
    hidden_size: int = 100,
    epochs: int = 180,
) -> BinaryFrames:
    """Train the book's network to answer early and to spike rarely, on binary frames of 1 ms.

    In the first third of the epochs the penalty is at most 1: neurons that are silenced before they
    have learned anything stay silent. Then the input weights closest to 0 are set to 0, where they
    stay, and the others are trained on with the whole penalty.

    Args:
        recordings: To learn from.
        seed: Fixes the initial weights, the order of the recordings and how they are changed.
        penalty: As for ``RatePenalty``.
        pruned: Share of the input weights that is set to 0, from 0 to below 1.
        hidden_size: Hidden neurons.
        epochs: As for ``fit``, at least 3.

    Returns:
        The network: frames (T, B, ...) in, voltages (T, B, classes) out.

    Raises:
        ValueError: The penalty is negative or no finite number, the share isn't from 0 to 1, or
            there are too few epochs.
    """
    if not 0 <= pruned < 1:
        raise ValueError(f"pruned is {pruned}; choose a share from 0 to below 1")
    if epochs < 3:
        raise ValueError(f"epochs is {epochs}; choose at least 3")
    torch.manual_seed(seed)
    snn = build_network(
        FastSNN,
        sensor_size=recordings.sensor_size,
        hidden_size=hidden_size,
        output_size=len(recordings.classes) + 1,
    )
    network, gentle = RatePenalty(snn, penalty), epochs // 3
    network.penalty = min(1, penalty)
    _fit_sparse(network, recordings, gentle)
    network.penalty = penalty
    if pruned:
        _prune(snn.lif0.input_weights, pruned)
    _fit_sparse(network, recordings, epochs - gentle)
    return BinaryFrames(network.without_penalty())


def _fit_sparse(network: RatePenalty, recordings: Recordings, epochs: int) -> None:
    model = BinaryFrames(network)
    loader = make_loader(recordings, 32, sparse=True, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.002, fused=True)
    fit(
        model, loader, epochs=epochs, optimizer=optimizer, clip_norm=0.3, ema_decay=0.95,
        augment=augment_and_delay, device="cpu",
    )  # fmt: skip


def _prune(weights: torch.Tensor, share: float) -> None:
    """Set the weights closest to 0 to 0, where training leaves them from now on."""
    kept = weights.detach().abs() > weights.detach().abs().quantile(share)
    with torch.no_grad():
        weights *= kept
    weights.register_hook(lambda gradient: gradient * kept)


@dataclass(frozen=True)
class Answers:
    """What a network says about recordings at the end of each time step, up to the last event.

    Attributes:
        probabilities: For each recording (T, classes), from 0 to 1.
        events: For each recording the number of events in each time step, (T,).
        targets: The true class of each recording, (recordings,).
        time_window: Width of a time step in µs.
    """

    probabilities: list[np.ndarray]
    events: list[np.ndarray]
    targets: np.ndarray
    time_window: float

    @property
    def correct(self) -> list[np.ndarray]:
        """For each recording whether the answer at each time step is correct, (T,), bool."""
        return [
            each.argmax(axis=1) == target
            for each, target in zip(self.probabilities, self.targets, strict=True)
        ]

    @property
    def final_accuracy(self) -> float:
        """Share of the recordings that are classified correctly at the end, from 0 to 1."""
        return float(np.mean([each[-1] for each in self.correct]))

    @property
    def accuracy_over_events(self) -> float:
        """Share of all events of all recordings after which the answer is correct, from 0 to 1.

        An event counts with the answer at the end of its time step. Long recordings weigh more, as
        in the code of Grimaldi et al. (2024, doi:10.1016/j.neunet.2024.106415), who have an answer
        per event.
        """
        correct, events = np.concatenate(self.correct), np.concatenate(self.events)
        return float(np.average(correct, weights=events))

    @property
    def lasting_ms(self) -> np.ndarray:
        """Time in ms from which the answer is correct and stays so, (recordings,).

        The end of the step counts, at which the answer is there. Infinite where the last answer is
        wrong.
        """
        last_wrong = [(~each).nonzero()[0].max(initial=-1) for each in self.correct]
        steps = np.array(last_wrong) + 2.0
        steps[steps > np.array([len(each) for each in self.correct])] = np.inf
        return steps * self.time_window / 1000

    def correct_at(self, ms: np.ndarray) -> np.ndarray:
        """Say whether the answer at each of some times is correct, (recordings, times).

        Before the end of the first step there is no answer, which counts as wrong. A recording that
        has ended keeps its last answer.
        """
        steps = np.floor(np.asarray(ms) * 1000 / self.time_window + 1e-9).astype(int)
        return np.array(
            [each[np.minimum(steps, len(each)) - 1] & (steps > 0) for each in self.correct]
        )

    def correct_after(self, events: np.ndarray) -> np.ndarray:
        """Say whether the answer is correct after so many events, (recordings, numbers)."""
        steps = [
            np.minimum(np.searchsorted(counts.cumsum(), events), len(counts) - 1)
            for counts in self.events
        ]
        return np.array([each[step] for each, step in zip(self.correct, steps, strict=True)])

    def stopped(self, threshold: float) -> tuple[np.ndarray, np.ndarray]:
        """Stop when the largest probability reaches a threshold, or else at the end.

        Returns:
            Whether the answer is correct then, and after how many time steps, both (recordings,).
        """
        reached = [each.max(axis=1) >= threshold for each in self.probabilities]
        steps = np.array([each.argmax() + 1 if each.any() else len(each) for each in reached])
        answers = [each[step - 1] for each, step in zip(self.correct, steps, strict=True)]
        return np.array(answers), steps


def choose_threshold(answers: Answers) -> float:
    """Choose the lowest threshold at which stopping costs no accuracy.

    Args:
        answers: About recordings that the network wasn't trained on, nor will be tested on.
    """
    thresholds = np.linspace(0.25, 1, 151)
    return next(
        float(threshold)
        for threshold in thresholds
        if answers.stopped(threshold)[0].mean() >= answers.final_accuracy
    )


def answer_over_time(
    network: nn.Module, recordings: Recordings, time_window: float = 1000
) -> Answers:
    """Ask a network for its answer at the end of every time step of every recording.

    Args:
        network: Frames (T, B, ...) in, voltages (T, B, classes) out.
        recordings: Asked about one by one, so nothing depends on padding.
        time_window: Width of a time bin in µs, which the network was trained with.
    """
    probabilities, events = [], []
    network.eval()
    # Others might not know sparse frames.
    sparse = any(isinstance(module, (FastSNN, FrameLinear)) for module in network.modules())
    for frames, _ in make_loader(recordings, 1, time_window, sparse=sparse):
        with torch.no_grad():
            probabilities.append(at_each_step(network(frames))[:, 0].exp().numpy())
        events.append(_events_per_step(frames)[:, 0].numpy())
    return Answers(probabilities, events, np.array(recordings.targets), time_window)


def concatenate(parts: Sequence[Answers]) -> Answers:
    """Join answers about several sets of recordings, for example those of folds."""
    return Answers(
        [each for part in parts for each in part.probabilities],
        [each for part in parts for each in part.events],
        np.concatenate([part.targets for part in parts]),
        parts[0].time_window,
    )


def quantized(network: BinaryFrames, bits: int = 8) -> BinaryFrames:
    """Return a copy whose weights are whole multiples of a step, one step per neuron.

    The largest weight of a neuron is ``2 ** (bits - 1) - 1`` steps.

    Args:
        network: What ``train_sparse`` returns.
        bits: Per weight.
    """
    copy = deepcopy(network)
    for weights in copy.parameters():
        step = weights.data.abs().amax(dim=1, keepdim=True) / (2 ** (bits - 1) - 1)
        weights.data = (weights.data / step).round() * step
    return copy
