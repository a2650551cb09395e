"""Other ways to ask whether recordings need time, beside ``compare`` on sets of known truth.

Each says yes or no: that the event-count image tells nothing; that shuffled times make a network
worse; that the number of events tells nothing; or what the Segregated Temporal Probe says (Ma et
al. 2025, arXiv:2502.09449), that a spiking network is worse without its memory.

The probe's neurons, reset, surrogate gradient, readout, optimizer and learning rate are those of
the experiment ``01_STP_on_benchmarks`` in the authors' repository (liyc5929/neuroseqbench, commit
cceed88): STBP against noTD there. It differs in this: the third network, SDBP, whose gradients
don't go back in time, isn't trained, since it asks how a network learns and not what recordings
need; two layers of 128 neurons are their smallest network for spikes; there are 10 time steps of
equal duration, where theirs are 50 to 784, since 20 and 50 made no network more accurate in a trial
on three sets; batches are of 8 recordings, not 256, and gradients are clipped, as there are few
recordings; and "worse" is the lower end of a paired interval, where the paper compares accuracies.
"""

from functools import partial
from typing import Any

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor, nn

from eventdesk.ask.verdict import Judgement, Sees
from pokersnn_helpers import Recordings
from pokersnn_helpers.study.estimators import NetworkEstimator
from pokersnn_helpers.study.intervals import paired_difference
from pokersnn_helpers.study.models import GRU
from pokersnn_helpers.study.perturbations import shuffled_time
from pokersnn_helpers.study.protocol import Evidence, Trial

from . import Row

BINS = 10  # of the median recording
DECAY = 0.9  # of a voltage in a time step
THRESHOLD = 0.5
STEPS = 300  # of training: after these, all networks tried are right about what they learn from
LEARNING_RATE = 5e-4  # of the probe
WAYS = ("image alone", "counts alone", "shuffling alone", "Segregated Temporal Probe")


class Probe(nn.Module):
    """Two layers of leaky integrate-and-fire neurons, and the sum of the readout over time.

    A spike lowers the voltage by the threshold. The gradient of the threshold is 1 where the
    voltage is within 0.5 of it, and 0 elsewhere.

    Args:
        input_size: Inputs per time step.
        output_size: Outputs, one per class.
        dt: Duration of a time step in s.
        memory: Whether voltages go on from one time step to the next, and gradients with them; or
            are the input of their time step alone, which is what the paper calls NoTD.
        hidden_size: Neurons of each layer.
    """

    def __init__(
        self,
        input_size: int = 2450,
        output_size: int = 4,
        dt: float = 0.001,
        memory: bool = True,
        hidden_size: int = 128,
    ):
        super().__init__()
        self.input_size = input_size
        self.dt = dt
        self.decay = DECAY if memory else 0.0
        self.reset = THRESHOLD if memory else 0.0
        self.layers = nn.ModuleList(
            [nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)]
        )
        self.readout = nn.Linear(hidden_size, output_size)

    def forward(self, frames: Tensor) -> Tensor:
        """Return values (1, B, classes)."""
        spikes = frames.to_dense().flatten(2)
        for layer in self.layers:
            spikes = self.fire(layer(spikes))
        return self.readout(spikes).sum(dim=0, keepdim=True)

    def fire(self, inputs: Tensor) -> Tensor:
        """Return the spikes of a layer with these inputs, both (T, B, neurons)."""
        voltage = spikes = torch.zeros_like(inputs[0])
        of_steps = []
        for now in inputs:
            voltage = self.decay * voltage - self.reset * spikes + now
            near = voltage.clamp(THRESHOLD - 0.5, THRESHOLD + 0.5)
            spikes = (voltage > THRESHOLD).float() + near - near.detach()
            of_steps.append(spikes)
        return torch.stack(of_steps)


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
    groups = evidence.group_numbers
    answers = (
        image.share.low <= guess,
        counts.share.low <= guess,
        paired_difference(plain, shuffled, groups).low > 0,
        paired_difference(full, none, groups).low > 0,
    )
    return dict(zip(WAYS, map(bool, answers), strict=True))


def _by_folds(evidence: Evidence, seed: int, ask: Any) -> ndarray:
    """Return whether each recording is classified correctly, in two ways, (2, recordings)."""
    folds = min(3, evidence.groups_per_class())
    correct = np.zeros((2, len(evidence.recordings)), bool)
    for trial in evidence.folds(folds, seed):
        numbers, right = ask(trial, seed)
        correct[:, numbers] = right
    return correct


def _estimator(network: Any, recordings: Recordings, **options: Any) -> NetworkEstimator:
    duration = np.median([np.ptp(events["t"]) for events in recordings.events])
    epochs = max(10, STEPS * 8 // len(recordings))
    recipe = {"augment": "none", "batch_size": 8, "epochs": epochs, "clip_norm": 1.0}
    return NetworkEstimator(network, time_window=float(duration / BINS), **recipe, **options)


def _shuffling(trial: Trial, seed: int) -> tuple[ndarray, ndarray]:
    """Ask a GRU about recordings as they are, and with shuffled times."""
    learned = trial.learn.recordings
    trained = _estimator(GRU, learned).fit(learned, seed)

    def predict(recordings: Recordings) -> list[ndarray]:
        return [trained.predict(recordings), trained.predict(shuffled_time(recordings))]

    return trial.correct(predict)


def _probing(trial: Trial, seed: int) -> tuple[ndarray, ndarray]:
    """Ask the probe with its memory, and without."""
    learned = trial.learn.recordings
    networks = []
    for memory in (True, False):
        probe = _estimator(partial(Probe, memory=memory), learned, learning_rate=LEARNING_RATE)
        networks.append(probe.fit(learned, seed))
    return trial.correct(lambda recordings: [network.predict(recordings) for network in networks])
