"""When a network knows: its predictions at every time step.

A network that reads frames one after the other has an answer at each of them, as soon as one class
leads. ``losses`` trains for early answers, and ``predict_over_time`` asks for all of them.
"""

from dataclasses import dataclass

import numpy as np
import torch

from ..classifier import Classifier, frame_network, unique_argmax
from ..devices import one_cpu_thread
from ..frames import make_loader, with_steps
from ..recordings import Recordings
from . import losses


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
        return [unique_argmax(torch.from_numpy(each)).numpy() for each in self.log_probabilities]

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


@one_cpu_thread()
def predict_over_time(classifier: Classifier, recordings: Recordings) -> PredictionsOverTime:
    """Ask a network for its answer at the end of every time step of every recording.

    Args:
        classifier: Its network's ``dt`` is the width of the time bins.
        recordings: Asked about one by one.

    Example:
        >>> from pokersnn_helpers import FastSNN, load_pokerdvs, train_classifier
        >>> data = load_pokerdvs(source="simulated")
        >>> classifier, _ = train_classifier(data.train, network=FastSNN, epochs=2)
        >>> predict_over_time(classifier, data.test).decision_time_ms.shape
        (20,)
    """
    network = frame_network(classifier)
    classifier.cpu().eval()
    log_probabilities, events = [], []
    for frames, _ in make_loader(recordings, 1, network.time_window, sparse=network.takes_sparse):
        with torch.no_grad():
            found = losses.log_probabilities_over_time(classifier.run(frames)[0])
        frames = with_steps(frames, len(found))
        log_probabilities.append(found[:, 0].numpy())
        events.append(losses.events_per_step(frames)[:, 0].numpy())
    targets = np.array(recordings.targets)
    return PredictionsOverTime(log_probabilities, events, targets, network.time_window)
