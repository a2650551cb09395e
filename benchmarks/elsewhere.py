"""Has a network the same spikes and gradients in other simulators, from the file it went into?"""

import io
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

from pokersnn_helpers import FastSNN, Recordings, to_frames
from pokersnn_helpers.elsewhere import load_nir, save_nir
from pokersnn_helpers.networks import width_of_steps
from pokersnn_helpers.study.estimators import NetworkEstimator
from pokersnn_helpers.study.protocol import Evidence, Trial

from . import Row
from .libraries import installed_version
from .simulators import SIMULATORS, Constants, constants, neurons_only, stepped
from .timing import recordings

IMPORTED = ("importer, whole file", "importer, whole plain file", "importer, plain file")


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


def imitate(name: str, how: str, c: Constants, frames: ndarray) -> ndarray | None:
    """Compute with NumPy what a simulator does differently, by the table of the page *elsewhere*.

    Returns:
        Spikes (T, B, hidden neurons); None for what the table doesn't explain.
    """
    keep_mem = 1 - c.dt_over_tau_mem
    keep_syn = 1 - c.dt_over_tau_syn
    gain = c.dt_over_tau_mem
    w_rec = c.w_rec
    most_spikes = 1.0
    subtracts = True
    late = False
    match name, how:
        case "snntorch", "neuron":
            subtracts = False  # it resets, a step later
        case "spyx", "neuron":
            late = True
        case "spyx", "importer":
            late = True
            gain = 1.0
        case "rockpool", "importer":
            dt = 0.005  # s
            keep_mem = np.exp(-dt * c.dt_over_tau_mem / c.dt)
            keep_syn = np.exp(-dt * c.dt_over_tau_syn / c.dt)
            gain = keep_syn
            w_rec = np.zeros_like(c.w_rec)
            most_spikes = np.inf
        case "rockpool" | "sinabs", "neuron":
            pass
        case _:
            return None
    inputs = frames @ c.w_in.T
    i, v, z = np.zeros((3, *inputs.shape[1:]))
    spikes = []
    for step_inputs in inputs:
        i = keep_syn * i + step_inputs + z @ w_rec.T
        v = keep_mem * v + gain * i
        if not subtracts:
            v = v * (1 - z)
        z = np.minimum(np.floor(v / c.v_th), most_spikes) * (v > c.v_th)
        if subtracts:
            v = v - z * c.v_th
        spikes.append(z)
    if late:
        spikes = [np.zeros_like(z), *spikes[:-1]]
    return np.array(spikes)


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

    def correct(self, voltages: ndarray, first: int) -> int:
        """Count the first recordings that voltages (T, B, classes) get right; a tie is wrong."""
        largest = np.where(self.inside[..., None], voltages, -np.inf).max(axis=0)
        leads = largest == largest.max(axis=1, keepdims=True)
        right = (largest.argmax(1) == self.targets) & (leads.sum(1) == 1)
        return int(right[:first].sum())


def measure(epochs: int = 60) -> Row:
    """Train on the 48, write a file, and compare the spikes of simulators on all 68.

    Args:
        epochs: To train for, with seed 0 and in bins of 1 ms.

    Returns:
        A row for each simulator and each way to bring the network there: its spikes, and how many
        differ. ``unexplained`` are those that differ from what ``imitate`` computes; ``correct``
        counts the 20 test recordings. ``gradient_difference`` is of the input weights, the largest
        as a share of the largest entry; the loss is the spikes, weighted by ``derivatives``, whose
        gradient is that of the cross-entropy where the spikes are the same.
    """
    data = recordings()
    trial = Trial(Evidence(data.train), Evidence(data.test))
    estimator = NetworkEstimator(epochs=epochs).fit(trial.learn.recordings, 0)
    test = trial.test(lambda tested: tested.recordings)
    with TemporaryDirectory() as folder:
        path = Path(folder, "network.nir")
        save_nir(estimator.classifier, path)
        save_nir(estimator.classifier, path.with_name("plain.nir"), plain=True)
        saved = Differences(load_nir(path, "cpu").snn, test + data.train)
        rows = simulators(path, saved, len(data.test))
    return {"recordings": len(saved.targets), "test_recordings": len(data.test), "rows": rows}


def simulators(path: Path, saved: Differences, n_test: int) -> list[Row]:
    """Return a row for NumPy and ``FastSNN``, and for each simulator and each way to it.

    Args:
        path: The file of the network; beside it lies ``plain.nir``.
        saved: What they are compared with.
        n_test: How many of the recordings come first and are to be classified.
    """
    graph = nir.read(path)
    by_numpy, _ = step_by_numpy(graph, saved.frames)
    _, *by_fast_snn = saved.run(load_nir(path, "cpu", FastSNN).snn)
    results: list[tuple[str, str | None, str, Any]]
    results = [
        ("numpy", np.__version__, "from the file", (by_numpy, None)),
        ("pokersnn-helpers", installed_version("pokersnn-helpers"), "FastSNN", by_fast_snn),
    ]
    for name, runs in SIMULATORS.items():
        version = installed_version(name)
        if version is None:
            results.append((name, None, "", "not installed"))
            continue
        importer = {way: runs["importer"] for way in IMPORTED if "importer" in runs}
        for how, run in {**importer, **runs}.items():
            part = nir.read(path.with_name("plain.nir") if "plain" in how else path)
            if how in ("importer", "importer, plain file"):
                part = neurons_only(part)
            results.append((name, version, how, attempt(run, part, saved)))
    rows = []
    for name, version, how, result in results:
        row: Row = {"simulator": name, "version": version, "how": how}
        columns = ("spikes", "differ", "unexplained", "correct", "gradient_difference")
        row |= dict.fromkeys(columns)
        row["raised"] = result if isinstance(result, str) else ""
        if not isinstance(result, str):
            output, gradient = result
            if output.shape == saved.spikes.shape:
                row["spikes"] = float(output[saved.inside].sum())
                row["differ"] = saved.count(output)
                imitated = imitate(name, how, constants(graph), saved.frames)
                row["unexplained"] = saved.count(output, imitated)
                output = read_out(graph, output)
            elif how == "importer, whole plain file":
                output = add_up(graph, output)
            row["correct"] = saved.correct(output, n_test)
            if gradient is not None:
                row["gradient_difference"] = saved.gradient_difference(gradient)
        rows.append(row)
    return rows


def attempt(run: Any, graph: Any, saved: Differences) -> Any:
    """Return what a simulator returns, or in words what it raises; not what it prints."""
    try:
        with redirect_stdout(io.StringIO()):
            return run(graph, saved.frames, saved.derivatives)
    except Exception as error:  # anything can go wrong there
        return f"{type(error).__name__}: {error}"
