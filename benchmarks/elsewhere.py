"""Is a network the same after it went through a file, and in other simulators?"""

import io
from contextlib import redirect_stdout
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nir
import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from pokersnn_helpers import FastSNN, Recordings, to_frames
from pokersnn_helpers.elsewhere.nir_files import load_nir, save_nir
from pokersnn_helpers.study.protocol import NetworkEstimator

from . import Row
from .libraries import installed_version
from .simulators import SIMULATORS, Constants, constants, neurons_only, sinabs_spikes
from .timing import recordings

EPOCHS = {1000: 60, 100: 10}  # of training by bin width in µs; fine bins take ten times as long
COUNTED = ("spikes", "differ", "first step", "recordings that differ", "unexplained", "correct")
WHY = {
    "norse": {"importer, whole file": "does not know LI, the readout"},
    "snntorch": {
        "importer, whole file": "does not know LI, the readout",
        "importer": "takes steps of 0.1 ms, whatever dt is, and only r = tau_mem / 0.1 ms",
        "neuron": "resets a step later, and loses what arrives in that step",
    },
    "rockpool": {
        "importer, whole file": "rounds the readout's time constants down to 0 s",
        "importer": "takes steps of 5 ms, adds the whole current, drops recurrent weights",
        "neuron": "subtracts the threshold instead of resetting to 0",
    },
    "spyx": {
        "importer, whole file": "takes LI only in front of a threshold",
        "importer": "adds the whole current to the voltage; subtracts; a step late",
        "neuron": "subtracts the threshold, and spikes a step late",
    },
    "sinabs": {
        "importer": "drops CubaLIF: what comes out are weighted inputs",
        "neuron": "subtracts the threshold instead of resetting to 0",
    },
}


def step_by_numpy(graph: Any, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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


def read_out(graph: Any, spikes: np.ndarray) -> np.ndarray:
    """Return the voltages that the readout of a graph has for spikes."""
    w_out = graph.nodes["readout_weights"].weight.T
    current = graph.nodes["readout_current"]
    readout = graph.nodes["readout"]
    dt = graph.metadata["dt"]
    i, v = np.zeros((2, *spikes.shape[1:-1], w_out.shape[1]))
    voltages = []
    for z in spikes:
        i = i + dt / current.tau * (current.r * (z @ w_out) - i)
        v = v + dt / readout.tau * (readout.r * i - v)
        voltages.append(v)
    return np.array(voltages)


def imitate(name: str, how: str, c: Constants, frames: np.ndarray) -> np.ndarray | None:
    """Compute with NumPy what a simulator is said to do wrong in ``WHY``.

    Returns:
        Spikes (T, B, hidden neurons); None for what isn't said.
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
    """What spikes are compared with: those of the network, each recording up to its last event."""

    def __init__(self, network: Any, recordings: Recordings):
        frames = [to_frames(events, network.time_window) for events in recordings.events]
        padded = pad_sequence(frames)
        network.record = True
        with torch.no_grad():
            self.voltages = network(padded).numpy()
        self.spikes = network.recording.lif0.z.numpy()
        self.targets = np.array(recordings.targets)
        self.lengths = np.array([len(steps) for steps in frames])
        self.frames = padded.flatten(2).numpy()
        self.inside = np.arange(len(padded))[:, None] < self.lengths

    def count(self, spikes: np.ndarray, others: np.ndarray | None = None) -> int:
        """Return how many spikes are missing or too many."""
        if others is None:
            others = self.spikes
        return int((spikes != others)[self.inside].sum())

    def row(self, spikes: np.ndarray) -> Row:
        """Return spikes, those that differ, and the first time step (from 1) at which they do."""
        steps, which = np.nonzero((spikes != self.spikes).any(axis=2) & self.inside)
        return {
            "spikes": float(spikes[self.inside].sum()),
            "differ": self.count(spikes),
            "first step": int(steps.min()) + 1 if len(steps) else None,
            "recordings that differ": len(set(which)),
        }

    def correct(self, voltages: np.ndarray, first: int) -> int:
        """Count the first recordings that voltages (T, B, classes) get right; a tie is wrong."""
        largest = np.where(self.inside[..., None], voltages, -np.inf).max(axis=0)
        leads = largest == largest.max(axis=1, keepdims=True)
        right = (largest.argmax(1) == self.targets) & (leads.sum(1) == 1)
        return int(right[:first].sum())


def measure(seeds: int = 3) -> Row:
    """Train on the 48, write and read a file, and compare spikes on all 68.

    Args:
        seeds: 0 to ``seeds - 1``; seed 0 at 1 ms goes to the other simulators.

    Returns:
        Rows of simulators: what is ``correct`` counts the 20 test recordings. ``unexplained`` are
        spikes that differ from those which NumPy computes with what is said to be wrong. And
        ``files`` by seed and bins, with the differences after a file, and of NumPy from the file.
    """
    data = recordings()
    both = data.test + data.train
    files: list[Row] = []
    rows: list[Row] = []
    with TemporaryDirectory() as folder:
        for (width, epochs), seed in product(EPOCHS.items(), range(seeds)):
            trained = NetworkEstimator(time_window=width, epochs=epochs).fit(data.train, seed)
            path = Path(folder, f"{width}_{seed}.nir")
            save_nir(trained.classifier, path)
            saved = Differences(trained.network, both)
            loaded = Differences(load_nir(path, "cpu", network=FastSNN).snn, both)
            spikes, _ = step_by_numpy(nir.read(path), saved.frames)
            row = {"bins (ms)": width / 1000, "seed": seed, "epochs": epochs}
            row["spikes"] = int(saved.spikes[saved.inside].sum())
            row["file"] = saved.count(loaded.spikes)
            row["NumPy"] = saved.count(spikes)
            files.append(row)
            rows = rows or simulators(path, saved, len(data.test))
    return {
        "recordings": len(both),
        "test_recordings": len(data.test),
        "seeds": seeds,
        "rows": rows,
        "files": files,
    }


def simulators(path: Path, saved: Differences, n_test: int) -> list[Row]:
    """Return a row for NumPy, and for each simulator and each way to bring the network there."""
    graph = nir.read(path)
    c = constants(graph)
    rows: list[Row] = []

    def add_row(name: str, version: str | None, how: str, result: np.ndarray | str) -> None:
        row = {"simulator": name, "version": version, "how": how, **dict.fromkeys(COUNTED)}
        row["raised"] = result if isinstance(result, str) else ""
        if isinstance(result, np.ndarray):
            if result.shape == saved.spikes.shape:
                row |= saved.row(result)
                row["unexplained"] = saved.count(result, imitate(name, how, c, saved.frames))
                result = read_out(graph, result)
            row["correct"] = saved.correct(result, n_test)
        row["why"] = WHY.get(name, {}).get(how, "")
        rows.append(row)

    add_row("numpy", np.__version__, "from the file", step_by_numpy(graph, saved.frames)[0])
    for name, runs in SIMULATORS.items():
        version = installed_version(name)
        if version is None:
            add_row(name, None, "", "not installed")
            continue
        ways = {"importer, whole file": runs["importer"], **runs}
        for how, run in ways.items():
            part = nir.read(path)
            if how == "importer":
                part = neurons_only(part)
            add_row(name, version, how, attempt(run, part, saved.frames))
    try:
        result = sinabs_spikes(path, saved.frames)
    except ModuleNotFoundError as error:
        add_row("sinabs", None, "", str(error))
        return rows
    version = f"{result['version']}, nir {result['nir']}"
    for how in ("importer, whole file", "importer", "neuron", "by hand"):
        add_row("sinabs", version, how, result[how])
    return rows


def attempt(run: Any, graph: Any, frames: np.ndarray) -> np.ndarray | str:
    """Return what a simulator returns, or in words what it raises; not what it prints."""
    try:
        with redirect_stdout(io.StringIO()):
            return run(graph, frames)
    except Exception as error:  # anything can go wrong there
        return f"{type(error).__name__}: {error}"
