"""When a network knows: its predictions at every time step.

A network that reads frames one after the other has an answer at each of them, as soon as one class
leads. ``predict_over_time`` asks for all of them.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from pokersnn_helpers import Classifier, Recordings, make_loader
from pokersnn_helpers.networks.classifier import check_classifier, unique_argmax
from pokersnn_helpers.system.devices import one_cpu_thread


@dataclass(frozen=True)
class PredictionsOverTime:
    """The answers of a network at every time step of some recordings.

    Attributes:
        log_probabilities: For each recording, log-probabilities of shape (T, classes).
        targets: The true class of each recording, (recordings,).
        time_window: Width of a time step in µs.

    Example:
        >>> steps = np.log([[0.6, 0.4], [0.4, 0.6], [0.1, 0.9]])  # 3 steps, 2 classes
        >>> over_time = PredictionsOverTime([steps], np.array([1]), time_window=1000)
        >>> over_time.correct
        [array([False,  True,  True])]
    """

    log_probabilities: list[ndarray]
    targets: ndarray
    time_window: float

    @property
    def probabilities(self) -> list[ndarray]:
        """For each recording (T, classes), from 0 to 1."""
        return [np.exp(recording) for recording in self.log_probabilities]

    @property
    def answers(self) -> list[ndarray]:
        """For each recording the class that leads at each time step, (T,); -1 where none does."""
        return [
            unique_argmax(torch.from_numpy(recording)).numpy()
            for recording in self.log_probabilities
        ]

    @property
    def correct(self) -> list[ndarray]:
        """For each recording whether the answer at each time step is correct, (T,), bool."""
        recordings = zip(self.answers, self.targets, strict=True)
        return [answers == target for answers, target in recordings]


@one_cpu_thread()
def predict_over_time(classifier: Classifier, recordings: Recordings) -> PredictionsOverTime:
    """Ask a network for its answer at the end of every time step of every recording.

    Args:
        classifier: The classifier to ask. The ``dt`` of its network is the width of the time bins.
            Answers are those of the default ``decode``, whatever its own is.
        recordings: The recordings, which it is asked about one by one.

    Example:
        >>> from pokersnn_helpers import FastSNN, load_pokerdvs, train_classifier
        >>> data = load_pokerdvs(source="simulated")
        >>> classifier, _ = train_classifier(data.train, network=FastSNN, epochs=2)
        >>> len(predict_over_time(classifier, data.test).correct)
        20
    """
    check_classifier(classifier)
    classifier.cpu().eval()
    log_probabilities = []
    loader = make_loader(
        recordings, batch_size=1, time_window=classifier.time_window, sparse=classifier.takes_sparse
    )
    for frames, _ in loader:
        with torch.no_grad():
            voltages, _, _ = classifier.run(frames)
        answers = log_probabilities_over_time(voltages)
        log_probabilities.append(answers[:, 0].numpy())
    targets = np.array(recordings.targets)
    return PredictionsOverTime(log_probabilities, targets, classifier.time_window)


def log_probabilities_over_time(voltages: Tensor) -> Tensor:
    """Return what ``decode`` says of the voltages up to each time step, (T, B, classes).

    Example:
        >>> log_probabilities_over_time(torch.zeros(20, 8, 4)).exp()[0, 0]
        tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """
    return torch.log_softmax(voltages.cummax(dim=0).values, dim=-1)
