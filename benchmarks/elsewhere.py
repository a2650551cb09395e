"""Has a network the same spikes and gradients in other simulators, from the file it went into?"""

import io
import math
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nir
import numpy as np
import torch
from numpy import ndarray
from torch import Tensor
from torch.autograd import grad
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

from eventdesk.evidence.estimators import NetworkEstimator
from eventdesk.evidence.protocol import Evidence, Trial
from eventdesk.trained import nir_files
from pokersnn_helpers import FastSNN, Recordings, to_frames
from pokersnn_helpers.networks.spiking_network import width_of_steps

from . import Row
from .libraries import installed_version
from .simulators import SIMULATORS, neurons_only, stepped
from .timing import recordings

NOTHING: Row = {"spikes": None, "differ": None, "gradient_difference": None}  # was measured


def step_by_numpy(graph: Any, frames: ndarray) -> tuple[ndarray, ndarray]:
    """Step a graph of ``save_nir`` through frames (T, inputs) or (T, B, inputs).

    Returns:
        Spikes (T, hidden neurons) and voltages of the readout (T, classes), or with B in between.
    """
    w_in = graph.nodes["input_weights"].weight.T
    w_rec = graph.nodes["recurrent_weights"].weight.T
    lif = graph.nodes["hidden"]
    dt = graph.metadata["dt"]
    i, v, z = np.zeros((3, *frames.shape[1:-1], len(w_rec)))
    spikes = np.zeros((len(frames), *z.shape))
    for step, frame in enumerate(frames):
        i = i + dt / lif.tau_syn * (lif.w_in * (frame @ w_in + z @ w_rec) - i)
        v = v + dt / lif.tau_mem * (lif.r * i - v)
        z = (v > lif.v_threshold).astype(float)
        v = np.where(z, lif.v_reset, v)
        spikes[step] = z
    return spikes, read_out(graph, spikes)


def read_out(graph: Any, spikes: ndarray) -> ndarray:
    """Return the voltages that the readout of a graph has for spikes."""
    return add_up(graph, spikes @ graph.nodes["readout_weights"].weight.T)


def add_up(graph: Any, added: ndarray) -> ndarray:
    """Return the voltages of the readout for what spikes add to its currents, (..., classes)."""
    current = graph.nodes["readout_current"]
    readout = graph.nodes["readout"]
    dt = graph.metadata["dt"]
    i, v = np.zeros((2, *added.shape[1:]))
    voltages = []
    for weighted in added:
        i = i + dt / current.tau * (current.r * weighted - i)
        v = v + dt / readout.tau * (readout.r * i - v)
        voltages.append(v)
    return np.array(voltages)


class Differences:
    """What others are compared with: spikes of a network, and the gradient of its input weights.

    Each recording counts up to its last event. ``derivatives`` are those of the loss with respect
    to the spikes (T, B, hidden neurons), as they reach them through the readout.
    """

    def __init__(self, network: Any, recordings: Recordings):
        frames = [to_frames(events, width_of_steps(network.dt)) for events in recordings.events]
        self.padded = pad_sequence(frames)
        self.frames = self.padded.flatten(2).numpy()
        self.targets = np.array(recordings.targets)
        self.lengths = np.array([len(steps) for steps in frames])
        self.inside = np.arange(len(self.padded))[:, None] < self.lengths
        self.voltages, self.spikes, self.gradient = self.run(network)
        z = torch.tensor(self.spikes, requires_grad=True)
        readout = stepped(lambda z, state: network.readout(network.linear(z), state), z)
        self.derivatives = grad(self.loss(readout), z)[0].numpy()

    def run(self, network: Any) -> tuple[ndarray, ndarray, ndarray]:
        """Return voltages and spikes of a network, and the gradient of its input weights."""
        network.record = True
        voltages = network(self.padded)
        (gradient,) = grad(self.loss(voltages), network.lif0.input_weights)
        spikes = network.recording.lif0.z
        return voltages.detach().numpy(), spikes.detach().numpy(), gradient.numpy()

    def loss(self, voltages: Tensor) -> Tensor:
        """Return the cross-entropy of each recording's highest voltages."""
        outside = torch.from_numpy(~self.inside)[..., None]
        highest = voltages.masked_fill(outside, -torch.inf).max(dim=0).values
        return cross_entropy(highest, torch.from_numpy(self.targets))

    def gradient_difference(self, gradient: ndarray) -> float:
        """Return the largest difference of a gradient, as a share of the largest entry."""
        return float(abs(gradient - self.gradient).max() / abs(self.gradient).max())

    def count(self, spikes: ndarray, others: ndarray | None = None) -> int:
        """Return how many spikes are missing or too many."""
        if others is None:
            others = self.spikes
        return int((spikes != others)[self.inside].sum())

    def row(self, spikes: ndarray, gradient: ndarray | None = None) -> Row:
        """Return how many spikes there are and how many differ, and how far off the gradient is."""
        off = math.nan if gradient is None else self.gradient_difference(gradient)
        return {
            "spikes": float(spikes[self.inside].sum()),
            "differ": self.count(spikes),
            "gradient_difference": off,
            "raised": "",
        }


def measure(epochs: int = 60) -> Row:
    """Train on the 48, write a file, and compare the spikes of simulators on all 68.

    Args:
        epochs: To train for, with seed 0 and in bins of 1 ms.

    Returns:
        A row for each simulator and each way to bring the network there: its spikes, and how many
        differ. ``gradient_difference`` is of the input weights, the largest as a share of the
        largest entry; the loss is the spikes, weighted by ``derivatives``, whose gradient is that
        of the cross-entropy where the spikes are the same.
    """
    data = recordings()
    trial = Trial(Evidence(data.train), Evidence(data.test))
    estimator = NetworkEstimator(epochs=epochs).fit(trial.learn.recordings, 0)
    test = trial.test(lambda tested: tested.recordings)
    with TemporaryDirectory() as folder:
        path = Path(folder, "network.nir")
        nir_files.save_nir(estimator.classifier, path)
        saved = Differences(nir_files.load_nir(path, "cpu").snn, test + data.train)
        return {"rows": simulators(path, saved)}


def simulators(path: Path, saved: Differences) -> list[Row]:
    """Return a row for NumPy and ``FastSNN``, and for each simulator and each way to it.

    Args:
        path: The file of the network.
        saved: What they are compared with.
    """
    graph = nir.read(path)
    by_numpy, _ = step_by_numpy(graph, saved.frames)
    _, *by_fast_snn = saved.run(nir_files.load_nir(path, "cpu", FastSNN).snn)
    results = {
        ("numpy", np.__version__, "from the file"): saved.row(by_numpy),
        ("pokersnn-helpers", installed_version("pokersnn-helpers"), "FastSNN"): saved.row(
            *by_fast_snn
        ),
    }
    for name, runs in SIMULATORS.items():
        version = installed_version(name)
        if version is None:
            results[name, None, ""] = NOTHING | {"raised": "not installed"}
            continue
        for how, run in runs.items():
            given = for_importer(path, name) if how == "importer" else graph
            results[name, version, how] = attempt(run, given, saved)
    columns = ("simulator", "version", "how")
    return [dict(zip(columns, about, strict=True)) | row for about, row in results.items()]


def for_importer(path: Path, simulator: str) -> Any:
    """Return the neurons of a network as a simulator's importer takes them.

    Importers for which none can be written get those for snnTorch.
    """
    others = simulator if simulator in nir_files.SIMULATORS else "snntorch"
    with TemporaryDirectory() as folder:
        plain = Path(folder, "plain.nir")
        nir_files.save_nir(nir_files.load_nir(path, "cpu"), plain, others)
        return neurons_only(nir.read(plain))


def attempt(run: Any, graph: Any, saved: Differences) -> Row:
    """Return what is said of a simulator, or in words what it raises; not what it prints."""
    try:
        with redirect_stdout(io.StringIO()):
            result = run(graph, saved.frames, saved.derivatives)
    except Exception as error:  # anything can go wrong there
        return NOTHING | {"raised": f"{type(error).__name__}: {error}"}
    return saved.row(*result)
