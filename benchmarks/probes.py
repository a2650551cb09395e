"""Other ways to ask whether recordings need time, beside ``compare`` on sets of known truth.

Each says yes or no: that the event-count image tells nothing; that shuffled times make a network
worse; that the number of events tells nothing; or what the Segregated Temporal Probe says (Ma et
al. 2025, arXiv:2502.09449), that a spiking network is worse without its memory. The probe's third
network, whose gradients don't go back in time, isn't needed for that.
"""

from enum import Enum
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from pokersnn_helpers import Recordings
from pokersnn_helpers.networks import FrameNetwork
from pokersnn_helpers.own.ask.verdict import Judgement, Sees
from pokersnn_helpers.study.models import GRU
from pokersnn_helpers.study.perturbations import shuffled_time
from pokersnn_helpers.study.protocol import Evidence, NetworkEstimator, Trial, paired_difference

from . import Row

BINS = 10  # of the median recording: the paper's networks have as many time steps
DECAY = 0.5  # of a voltage in a time step
STEPS = 600  # of training
WAYS = ("image alone", "counts alone", "shuffling alone", "Segregated Temporal Probe")


class Memory(Enum):
    """Whether a neuron's voltage goes on from one time step to the next."""

    FULL = "spatio-temporal backpropagation"
    NONE = "no temporal domain: voltages begin anew"


class Probe(FrameNetwork):
    """Two layers of leaky integrate-and-fire neurons, and the mean of the readout over time.

    Args:
        input_size: Inputs per time step.
        output_size: Outputs, one per class.
        dt: Duration of a time step in s.
        memory: What voltages and gradients carry over time.
        hidden_size: Neurons of each layer.
    """

    def __init__(
        self,
        input_size: int = 2450,
        output_size: int = 4,
        dt: float = 0.001,
        memory: Memory = Memory.FULL,
        hidden_size: int = 64,
    ):
        super().__init__()
        self.input_size = input_size
        self.dt = dt
        self.memory = memory
        self.layers = nn.ModuleList(
            [nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)]
        )
        self.readout = nn.Linear(hidden_size, output_size)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        """Return values (1, B, classes)."""
        self.check(frames)
        states: list[Any] = [0.0, 0.0]
        outputs = []
        for frame in frames.to_dense().flatten(2):
            spikes = frame
            for number, layer in enumerate(self.layers):
                voltage = states[number] + layer(spikes)
                fired = (voltage > 1).float()
                soft = torch.sigmoid(4 * (voltage - 1))  # whose gradient stands for that of a step
                spikes = fired + soft - soft.detach()
                if self.memory is Memory.FULL:
                    states[number] = DECAY * voltage * (1 - fired)
            outputs.append(self.readout(spikes))
        return torch.stack(outputs).mean(dim=0, keepdim=True)


def needs_time(evidence: Evidence, judged: Judgement, seed: int) -> Row:
    """Return by method whether the recordings need time.

    Args:
        evidence: Of a known set.
        judged: What ``compare`` found, whose accuracies two of the methods go by.
        seed: Of folds and weights.
    """
    image = judged.seeing(Sees.IMAGE)[0]
    (counts,) = (row for row in judged.rows if row.model.name == "count and duration")
    guess = judged.guess
    plain, shuffled = _by_folds(evidence, seed, _shuffling)
    full, none = _by_folds(evidence, seed, _probing)
    groups = evidence.groups
    answers = (
        image.share.low <= guess,
        counts.share.low <= guess,
        paired_difference(plain, shuffled, groups).low > 0,
        paired_difference(full, none, groups).low > 0,
    )
    return dict(zip(WAYS, map(bool, answers), strict=True))


def _by_folds(evidence: Evidence, seed: int, ask: Any) -> np.ndarray:
    """Return whether each recording is classified correctly, in two ways, (2, recordings)."""
    folds = min(3, evidence.groups_per_class())
    correct = np.zeros((2, len(evidence.recordings)), bool)
    for trial in evidence.folds(folds, seed):
        numbers, right = ask(trial, seed)
        correct[:, numbers] = right
    return correct


def _estimator(network: Any, recordings: Recordings) -> NetworkEstimator:
    duration = np.median([np.ptp(events["t"]) for events in recordings.events])
    epochs = max(10, STEPS * 8 // len(recordings))
    recipe = {"augment": "none", "batch_size": 8, "epochs": epochs, "clip_norm": 1.0}
    return NetworkEstimator(network, time_window=float(duration / BINS), **recipe)


def _shuffling(trial: Trial, seed: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Ask a GRU about recordings as they are, and with shuffled times."""
    learned = trial.learn.recordings
    trained = _estimator(GRU, learned).fit(learned, seed)
    tested = trial.test(lambda tested: tested)
    targets = tested.recordings.targets
    changed = shuffled_time(tested.recordings)
    right = [trained.predict(asked) == targets for asked in (tested.recordings, changed)]
    return tested.numbers, right


def _probing(trial: Trial, seed: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Ask the probe with its memory, and without."""
    learned = trial.learn.recordings
    networks = []
    for memory in (Memory.FULL, Memory.NONE):
        networks.append(_estimator(partial(Probe, memory=memory), learned).fit(learned, seed))
    tested = trial.test(lambda tested: tested)
    targets = tested.recordings.targets
    return tested.numbers, [network.predict(tested.recordings) == targets for network in networks]
