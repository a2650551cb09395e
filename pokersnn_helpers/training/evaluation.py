"""Test a classifier, and ask it about one recording."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import nll_loss

from ..events.frames import count_batch
from ..events.recordings import PackedRecording, warn_of_other_units
from ..networks.classifier import Classifier, check_classifier, unique_argmax
from ..system.checks import check_events, suggests_names
from ..system.devices import Device, chosen_device, one_cpu_thread
from .batches import Batches, batches_of, check_loader
from .loss import Loss, classify_batch
from .watch import check_finite, warn_if_silent


@dataclass(frozen=True)
class Evaluation:
    """The answers of a classifier to some recordings, in the loader's order, on the CPU.

    Example:
        >>> sure = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]).log()
        >>> found = Evaluation(sure, targets=torch.tensor([0, 1, 1]))
        >>> found.predicted, found.correct, found.n_samples
        (tensor([0, 1, 0]), 2, 3)
    """

    log_probabilities: Tensor  # (N, classes)
    targets: Tensor  # the true classes, int64 of shape (N,)

    @property
    def predicted(self) -> Tensor:
        """Most probable classes, int64 of shape (N,), or -1 where several share the first place."""
        return unique_argmax(self.log_probabilities)

    @property
    def n_samples(self) -> int:
        """How many recordings there were."""
        return len(self.targets)

    @property
    def correct(self) -> int:
        """How many of them were classified correctly."""
        return int((self.predicted == self.targets).sum())

    @property
    def confusion(self) -> Tensor:
        """How many recordings of each class (row) were taken for each class (column), int64.

        Those without an answer are in no column.

        Example:
            >>> sure = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]).log()
            >>> Evaluation(sure, targets=torch.tensor([0, 1, 1])).confusion
            tensor([[1, 0],
                    [1, 1]])
        """
        answered = self.predicted >= 0
        classes = self.log_probabilities.shape[1]
        counts = torch.zeros(classes, classes, dtype=torch.int64)
        places = self.targets[answered], self.predicted[answered]
        return counts.index_put_(places, torch.tensor(1), accumulate=True)

    @property
    def accuracy(self) -> float:
        """Share of the recordings classified correctly, from 0 to 1; NaN where there are none."""
        return self.correct / self.n_samples if self.n_samples else math.nan

    def __repr__(self) -> str:
        return f"{self.correct} of {self.n_samples} correct, loss {self.loss:.3f}"

    @property
    def loss(self) -> float:
        """Mean negative log-likelihood of the true classes."""
        return nll_loss(self.log_probabilities, self.targets).item()


@suggests_names
def evaluate(classifier: Classifier, loader: Batches, device: Device = None) -> Evaluation:
    """Classify all recordings of a loader of (frames, targets).

    Args:
        classifier: It moves to ``device``.
        loader: Its time bins are as wide as the network's time steps.
        device: Where to run; default ``default_device()``.

    Raises:
        TypeError: The classifier isn't one, or the frames are of another kind.
        ValueError: The time bins have another width, the recordings another sensor or other
            classes, the loader is empty, or a target isn't the number of a class.

    Example:
        >>> from pokersnn_helpers import SNN, load_pokerdvs, make_loader
        >>> data = load_pokerdvs(source="simulated")
        >>> evaluate(Classifier(SNN()), make_loader(data.test)).n_samples
        20
    """
    check_classifier(classifier)
    check_loader(loader, classifier)
    evaluation, _ = evaluate_with_loss(classifier, loader, device)
    warn_if_silent("", int((evaluation.predicted >= 0).sum()), evaluation.n_samples)
    return evaluation


@one_cpu_thread()
def evaluate_with_loss(
    classifier: Classifier, loader: Batches, device: Device = None, loss: Loss | None = None
) -> tuple[Evaluation, float]:
    """Return with the evaluation the mean loss; default: the negative log-likelihood."""
    device = chosen_device(device)
    classifier.to(device).eval()
    batches = []
    with torch.no_grad():
        for _, frames, targets in batches_of(loader, classifier):
            log_probabilities, losses = classify_batch(
                classifier, frames.to(device), targets.to(device), loss
            )
            batches.append((log_probabilities.cpu(), losses.cpu(), targets.cpu()))
    if not batches:
        raise ValueError("the loader is empty: there is nothing to evaluate")
    log_probabilities, losses, targets = map(torch.cat, zip(*batches, strict=True))
    check_finite(classifier, log_probabilities)
    evaluation = Evaluation(log_probabilities, targets)
    return evaluation, losses.mean().item() if loss else evaluation.loss


class Prediction(NamedTuple):
    """What a classifier says about one recording.

    Example:
        >>> from pokersnn_helpers import SNN, load_pokerdvs
        >>> events, target = load_pokerdvs(source="simulated").test[0]
        >>> list(predict(Classifier(SNN()), events).probabilities)
        ['club', 'heart', 'diamond', 'spade']
    """

    class_name: str | None  # the most probable; None where several are, which is no answer
    probabilities: dict[str, float]  # by class; not calibrated
    readout: Tensor  # voltages over the recording's own time, (T, classes), on the CPU

    def __repr__(self) -> str:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in self.probabilities.items())
        return (
            f"class_name: {self.class_name}\nprobabilities: {shares}\n"
            f"readout: {len(self.readout)} time steps of {len(self.probabilities)} voltages"
        )


@suggests_names
def predict(classifier: Classifier, events: np.ndarray, device: Device = None) -> Prediction:
    """Classify one recording, whose events ``check_events`` accepts.

    Args:
        classifier: It moves to ``device``. Its ``time_window`` is the width of the time bins.
        events: Structured array with fields t (µs), x, y and p, of the classifier's sensor.
        device: Where to run; default ``default_device()``.

    Raises:
        TypeError: The classifier isn't one, or as ``check_events``.
        ValueError: As ``check_events``; or nothing says how wide the time bins are.

    Example:
        >>> from pokersnn_helpers import SNN, load_pokerdvs
        >>> events, target = load_pokerdvs(source="simulated").test[0]
        >>> prediction = predict(Classifier(SNN()), events)
        >>> round(sum(prediction.probabilities.values()), 3)
        1.0
    """
    check_classifier(classifier)
    events = check_events(events, classifier.sensor_size)
    recording = PackedRecording.pack(events, classifier.sensor_size)
    warn_of_other_units(recording)
    return predict_recording(classifier, recording, device)


@one_cpu_thread()
def predict_recording(
    classifier: Classifier, recording: PackedRecording, device: Device = None
) -> Prediction:
    """Classify a recording that was checked and packed, as ``predict`` says."""
    frames = count_batch([recording], classifier.time_window, classifier.sensor_size)
    device = chosen_device(device)
    classifier.to(device).eval()
    with torch.no_grad():
        voltages, _, _ = classifier.run(frames.to(device))
    return read_prediction(classifier, voltages)


def read_prediction(classifier: Classifier, voltages: Tensor) -> Prediction:
    """Read what a classifier says off its network's voltages (T, 1, classes)."""
    log_probabilities = classifier.read(voltages)[0]
    check_finite(classifier, log_probabilities)
    probabilities = log_probabilities.exp().tolist()
    answer = int(unique_argmax(log_probabilities))
    return Prediction(
        class_name=None if answer < 0 else classifier.classes[answer],
        probabilities=dict(zip(classifier.classes, probabilities, strict=True)),
        readout=voltages[:, 0].cpu(),
    )
