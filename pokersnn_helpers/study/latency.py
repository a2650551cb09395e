"""When a network knows: its predictions at every time step, when to stop waiting, rare spikes.

A network that reads frames one after the other has an answer at each of them, as soon as one class
leads. ``EARLY`` trains for early answers, and ``predict_over_time`` asks for all of them.
"""

from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
import torch

from ..checks import check_numbers, check_range, check_seed
from ..files import one_cpu_thread
from ..frames import augment, make_loader
from ..recordings import Recordings
from ..snn import Classifier, check_classifier, decode, frame_network, last_steps, leading
from ..training import fit
from . import losses
from .models import BinarySNN


def random_start_crop(frames: torch.Tensor) -> torch.Tensor:
    """Let about half of the recordings of a batch begin later: an augmentation for ``fit``.

    Up to the first half of their time steps is cut off at random, so that a network learns to
    answer wherever the pip is when it sees it first. The shape stays; silence is added at the end.

    Example:
        >>> random_start_crop(torch.ones(20, 8, 2, 35, 35)).shape
        torch.Size([20, 8, 2, 35, 35])
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


def augment_and_crop(frames: torch.Tensor) -> torch.Tensor:
    """Change frames as the recipe does (``augment``), then let some of them start late.

    Example:
        >>> augment_and_crop(torch.ones(20, 8, 2, 35, 35)).shape
        torch.Size([20, 8, 2, 35, 35])
    """
    return random_start_crop(augment(frames))


# What to change in the book's recipe, so that a network learns to answer early.
EARLY: dict[str, Any] = {
    "loss": losses.nll_over_time,
    "augment": augment_and_crop,
    "epochs": 120,
    "learning_rate": 0.002,
}


@dataclass(frozen=True)
class PredictionsOverTime:
    """What a network says about recordings in every time step until they end.

    Attributes:
        log_probabilities: For each recording (T, classes).
        events: For each recording the number of events in each time step, (T,).
        targets: The true class of each recording, (recordings,).
        time_window: Width of a time step in µs.

    Example:
        >>> late = np.log([[0.6, 0.4], [0.4, 0.6], [0.1, 0.9]])  # 3 steps, 2 classes
        >>> found = PredictionsOverTime([late], [np.array([2, 0, 1])], np.array([1]), 1000)
        >>> found.correct, found.decision_time_ms
        ([array([False,  True,  True])], array([2.]))
    """

    log_probabilities: list[np.ndarray]
    events: list[np.ndarray]
    targets: np.ndarray
    time_window: float

    @property
    def probabilities(self) -> list[np.ndarray]:
        """For each recording (T, classes), from 0 to 1."""
        return [np.exp(each) for each in self.log_probabilities]

    @property
    def answers(self) -> list[np.ndarray]:
        """For each recording the class that leads at each time step, (T,); -1 where none does."""
        return [leading(torch.from_numpy(each)).numpy() for each in self.log_probabilities]

    @property
    def correct(self) -> list[np.ndarray]:
        """For each recording whether the answer at each time step is correct, (T,), bool."""
        return [each == target for each, target in zip(self.answers, self.targets, strict=True)]

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
    def decision_time_ms(self) -> np.ndarray:
        """Time in ms from which the answer is correct and stays so, (recordings,).

        The end of the step counts, at which the answer is there. Infinite where the last answer is
        wrong.
        """
        last_wrong = [(~each).nonzero()[0].max(initial=-1) for each in self.correct]
        steps = np.array(last_wrong) + 2.0
        steps[steps > np.array([len(each) for each in self.correct])] = np.inf
        return steps * self.time_window / 1000

    def early_exit(self, threshold: float) -> tuple[np.ndarray, np.ndarray]:
        """Stop when the largest probability reaches a threshold, or else at the end.

        Returns:
            Whether the answer is correct then, and after how many time steps, both (recordings,).
        """
        check_range(0, 2, threshold=threshold)  # one above 1 is never reached
        reached = [
            (each.max(axis=1) >= threshold) & (answers >= 0)
            for each, answers in zip(self.probabilities, self.answers, strict=True)
        ]
        steps = np.array([each.argmax() + 1 if each.any() else len(each) for each in reached])
        correct = [each[step - 1] for each, step in zip(self.correct, steps, strict=True)]
        return np.array(correct), steps


@one_cpu_thread()
def predict_over_time(classifier: Classifier, recordings: Recordings) -> PredictionsOverTime:
    """Ask a network for its answer at the end of every time step of every recording.

    Args:
        classifier: Its network's ``dt`` is the width of the time bins.
        recordings: Asked about one by one.

    Example:
        >>> from pokersnn_helpers import FastSNN, load_pokerdvs, train_classifier
        >>> data = load_pokerdvs(source="simulated")
        >>> classifier, _ = train_classifier(data.train, network=FastSNN, **EARLY | {"epochs": 2})
        >>> predict_over_time(classifier, data.test).decision_time_ms.shape
        (20,)
    """
    network = frame_network(classifier)
    classifier.cpu().eval()
    log_probabilities, events = [], []
    for frames, _ in make_loader(recordings, 1, network.time_window, sparse=network.takes_sparse):
        frames = classifier.settled(frames)
        with torch.no_grad():
            found = losses.log_probabilities_over_time(classifier.run(frames)[0])
        log_probabilities.append(found[:, 0].numpy())
        events.append(losses.events_per_step(frames)[:, 0].numpy())
    targets = np.array(recordings.targets)
    return PredictionsOverTime(log_probabilities, events, targets, network.time_window)


def choose_exit_threshold(predictions: PredictionsOverTime) -> float:
    """Choose the lowest threshold at which stopping costs no accuracy.

    Args:
        predictions: About recordings that the network wasn't trained on, nor will be tested on.

    Returns:
        A probability; more than 1, which is never reached, if each stop costs accuracy.

    Example:
        >>> sure = np.log([[0.5, 0.5], [0.2, 0.8], [0.1, 0.9]])
        >>> found = PredictionsOverTime([sure], [np.ones(3)], np.array([1]), 1000)
        >>> choose_exit_threshold(found)
        0.5
    """
    classes = predictions.log_probabilities[0].shape[1]
    for threshold in np.linspace(1 / classes, 1, 151):
        if predictions.early_exit(threshold)[0].mean() >= predictions.final_accuracy:
            return float(threshold)
    return 1.01


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

    Raises:
        ValueError: The penalty is negative or no finite number, the share isn't from 0 to below 1,
            or there are too few epochs.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> sparse = train_sparse(data.test, penalty=10, sparsity=0.8, epochs=3)
        >>> round((sparse.snn.snn.lif0.input_weights == 0).float().mean().item(), 2)
        0.8
    """
    check_range(0, 1e9, penalty=penalty)
    check_range(0, 0.9999, sparsity=sparsity)
    check_range(3, 1e9, epochs=epochs)
    torch.manual_seed(check_seed(seed))
    about: dict[str, Any] = {"classes": recordings.classes, "sensor_size": recordings.sensor_size}
    network = BinarySNN(recordings.sensor_size, len(recordings.classes), **neurons)
    loader = make_loader(recordings, sparse=True, shuffle=True)

    def train(most: float, epochs: int) -> None:
        loss = partial(losses.firing_rate_regularised, penalty=most)
        classifier = Classifier(network, lambda voltages: decode(voltages[..., :-1]), **about)
        fit(classifier, loader, device="cpu", **EARLY | {"loss": loss, "epochs": epochs})

    network.reports_rate = True
    train(min(1, penalty), epochs // 3)
    prune(network.snn.lif0.input_weights, sparsity)
    train(penalty, epochs - epochs // 3)
    network.reports_rate = False
    return Classifier(network, **about)


def prune(weights: torch.Tensor, share: float) -> None:
    """Set this share of the weights, those closest to 0, to 0.

    Example:
        >>> prune(weights := torch.tensor([0.1, -0.5, 0.3, 2.0]).requires_grad_(), 0.5)
        >>> weights.detach()
        tensor([ 0.0000, -0.5000,  0.0000,  2.0000])
    """
    sizes = weights.detach().abs()
    if pruned := round(share * sizes.numel()):
        with torch.no_grad():
            weights *= sizes > sizes.flatten().kthvalue(pruned).values


def quantized(classifier: Classifier, bits: int = 8) -> Classifier:
    """Return a copy whose weights are whole multiples of a step, one step per neuron.

    The largest weight of a neuron is ``2 ** (bits - 1) - 1`` steps. Biases stay what they are.

    Args:
        classifier: Any, such as ``train_sparse`` returns.
        bits: Per weight, from 2 to 32: one is for the sign.

    Raises:
        ValueError: There are fewer bits, or more.

    Example:
        >>> from pokersnn_helpers import SNN
        >>> whole = quantized(Classifier(SNN()), bits=4)
        >>> len(whole.snn.linear.weight[0].unique()) <= 15
        True
    """
    check_classifier(classifier)
    check_numbers(Integral, bits=bits)
    check_range(2, 32, bits=bits)
    copy = deepcopy(classifier)
    for weights in copy.parameters():
        if weights.ndim < 2:
            continue
        axes = tuple(range(1, weights.ndim))
        step = weights.data.abs().amax(axes, keepdim=True) / (2 ** (bits - 1) - 1)
        step[step == 0] = 1  # of a neuron without weights
        weights.data = (weights.data / step).round() * step
    return copy
