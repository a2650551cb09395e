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
    w_in, w_rec = (graph.nodes[f"{name}_weights"].weight.T for name in ("input", "recurrent"))
    dt, lif = graph.metadata["dt"], graph.nodes["hidden"]
    i, v, z = np.zeros((3, *frames.shape[1:-1], len(w_rec)))
    spikes = []
    for frame in frames:
        i = i + dt / lif.tau_syn * (lif.w_in * (frame @ w_in + z @ w_rec) - i)
        v = v + dt / lif.tau_mem * (lif.r * i - v)
        z = (v > lif.v_threshold).astype(float)
        v = np.where(z, lif.v_reset, v)
        spikes.append(z)
    return np.array(spikes), read_out(graph, np.array(spikes))


def read_out(graph: Any, spikes: np.ndarray) -> np.ndarray:
    """Return the voltages that the readout of a graph has for spikes."""
    w_out, dt = graph.nodes["readout_weights"].weight.T, graph.metadata["dt"]
    current, readout = graph.nodes["readout_current"], graph.nodes["readout"]
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
    keep_mem, keep_syn, gain = 1 - c.dt_over_tau_mem, 1 - c.dt_over_tau_syn, c.dt_over_tau_mem
    reset, late, recurrent, most = "subtract", 0, True, 1.0
    if (name, how) == ("snntorch", "neuron"):
        reset = "a step later"
    elif name == "spyx" and how in ("neuron", "importer"):
        late, gain = 1, 1.0 if how == "importer" else gain
    elif (name, how) == ("rockpool", "importer"):
        steps_of = 0.005  # s: tau_mem / (1 + r)
        keep_mem, keep_syn = (
            np.exp(-steps_of * lost / c.dt) for lost in (c.dt_over_tau_mem, c.dt_over_tau_syn)
        )
        gain, recurrent, most = keep_syn, False, np.inf
    elif name not in ("rockpool", "sinabs") or how != "neuron":
        return None
    inputs = frames @ c.w_in.T
    i, v, z = np.zeros((3, *inputs.shape[1:]))
    spikes = []
    for each in inputs:
        i = keep_syn * i + each + (z @ c.w_rec.T if recurrent else 0)
        v = (keep_mem * v + gain * i) * (1 - z if reset == "a step later" else 1)
        z = np.minimum(np.floor(v / c.v_th), most) * (v > c.v_th)
        v = v - z * c.v_th if reset == "subtract" else v
        spikes.append(z)
    return np.array([np.zeros_like(z)] * late + spikes)[: len(inputs)]


class Differences:
    """What spikes are compared with: those of the network, each recording up to its last event."""

    def __init__(self, network: Any, recordings: Recordings):
        frames = [to_frames(each, network.time_window) for each in recordings.events]
        self.lengths = np.array([len(each) for each in frames])
        self.targets = np.array(recordings.targets)
        padded, network.record = pad_sequence(frames), True
        with torch.no_grad():
            self.voltages = network(padded).numpy()
        self.spikes = network.recording.lif0.z.numpy()
        self.frames = padded.flatten(2).numpy()
        self.inside = np.arange(len(padded))[:, None] < self.lengths

    def count(self, spikes: np.ndarray, others: np.ndarray | None = None) -> int:
        """Return how many spikes are missing or too many."""
        others = self.spikes if others is None else others
        return int((spikes != others)[self.inside].sum())

    def row(self, spikes: np.ndarray) -> dict[str, Any]:
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


def measure(seeds: int = 3) -> dict[str, Any]:
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
    files: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    with TemporaryDirectory() as folder:
        for (width, epochs), seed in product(EPOCHS.items(), range(seeds)):
            trained = NetworkEstimator(time_window=width, epochs=epochs).fit(data.train, seed)
            path = Path(folder, f"{width}_{seed}.nir")
            save_nir(trained.classifier, path)
            saved = Differences(trained.network, both)
            loaded = Differences(load_nir(path, "cpu", network=FastSNN).snn, both)
            spikes, _ = step_by_numpy(nir.read(path), saved.frames)
            about = {"bins (ms)": width / 1000, "seed": seed, "epochs": epochs}
            counted = {"spikes": int(saved.spikes[saved.inside].sum())}
            counted |= {"file": saved.count(loaded.spikes), "NumPy": saved.count(spikes)}
            files.append(about | counted)
            rows = rows or simulators(path, saved, len(data.test))
    about = {"recordings": len(both), "test_recordings": len(data.test)}
    return about | {"seeds": seeds, "rows": rows, "files": files}


def simulators(path: Path, saved: Differences, n_test: int) -> list[dict[str, Any]]:
    """Return a row for NumPy, and for each simulator and each way to bring the network there."""
    graph, c = nir.read(path), constants(nir.read(path))

    def row(name: str, version: str | None, how: str, result: Any) -> dict[str, Any]:
        found = {"simulator": name, "version": version, "how": how, **dict.fromkeys(COUNTED)}
        found["raised"] = result if isinstance(result, str) else ""
        if isinstance(result, np.ndarray) and result.shape == saved.spikes.shape:
            imitated = imitate(name, how, c, saved.frames)
            found |= saved.row(result) | {"unexplained": saved.count(result, imitated)}
            result = read_out(graph, result)
        if isinstance(result, np.ndarray):
            found["correct"] = saved.correct(result, n_test)
        return found | {"why": WHY.get(name, {}).get(how, "")}

    found = [row("numpy", np.__version__, "from the file", step_by_numpy(graph, saved.frames)[0])]
    for name, runs in SIMULATORS.items():
        version = installed_version(name)
        if version is None:
            found.append(row(name, None, "", "not installed"))
            continue
        for how, run in ({"importer, whole file": runs["importer"]} | runs).items():
            part = neurons_only(nir.read(path)) if how == "importer" else nir.read(path)
            found.append(row(name, version, how, attempt(run, part, saved.frames)))
    try:
        result = sinabs_spikes(path, saved.frames)
    except ModuleNotFoundError as error:
        return [*found, row("sinabs", None, "", str(error))]
    version = f"{result['version']}, nir {result['nir']}"
    ways = ("importer, whole file", "importer", "neuron", "by hand")
    return found + [row("sinabs", version, how, result[how]) for how in ways]


def attempt(run: Any, graph: Any, frames: np.ndarray) -> np.ndarray | str:
    """Return what a simulator returns, or in words what it raises; not what it prints."""
    try:
        with redirect_stdout(io.StringIO()):
            return run(graph, frames)
    except Exception as error:  # anything can go wrong there
        return f"{type(error).__name__}: {error}"
