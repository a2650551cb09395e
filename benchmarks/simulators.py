"""The book's network in other simulators: from frames to the spikes of its hidden neurons.

Each function takes a graph of ``save_nir`` and frames (T, B, inputs), and returns spikes (T, B,
hidden neurons). There are up to three for a simulator:

- ``*_importer`` gives the graph to the simulator's own importer. Of a graph with a readout it
  returns the readout's voltages (T, B, classes).
- ``*_neuron`` sets up the simulator's own neuron with the right constants.
- With ``by_hand`` it also sees to the reset, between two steps, where the simulator's own is
  another.

Simulators scale their states in other ways. Where a membrane adds the whole current to its voltage
instead of ``dt / tau_mem`` of it, voltages and the threshold are as many times as high. Where a
current decays before it is used, the threshold is lower by this decay.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import nir
import numpy as np
import torch

from pokersnn_helpers.elsewhere.nir_files import EDGES, NODES

from . import Row
from .libraries import without_samna

Run = Callable[[Any, np.ndarray], np.ndarray]
SINABS = Path(__file__).with_name("sinabs_spikes.py")


class Constants(NamedTuple):
    """What the neurons of a graph are, in a step: shares that are lost, and the threshold."""

    w_in: np.ndarray
    w_rec: np.ndarray
    dt_over_tau_mem: float
    dt_over_tau_syn: float
    v_th: float
    dt: float


def constants(graph: Any) -> Constants:
    """Read the neurons of a graph."""
    dt = float(graph.metadata["dt"][0])
    lif = graph.nodes["hidden"]
    w_in, w_rec = (graph.nodes[f"{name}_weights"].weight for name in ("input", "recurrent"))
    lost_mem = float(dt / lif.tau_mem[0])
    lost_syn = float(dt / lif.tau_syn[0])
    return Constants(w_in, w_rec, lost_mem, lost_syn, float(lif.v_threshold[0]), dt)


def neurons_only(graph: Any) -> Any:
    """Return a graph without its readout, whose output are the spikes."""
    kept = [name for name in NODES if "readout" not in name]
    nodes = {name: graph.nodes[name] for name in kept}
    nodes["output"] = nir.Output(np.array(graph.nodes["hidden"].r.shape))
    edges = [edge for edge in EDGES if set(edge) <= set(kept)] + [("hidden", "output")]
    return nir.NIRGraph(nodes, edges, graph.metadata)


@torch.no_grad()
def stepped(module: Any, frames: np.ndarray) -> np.ndarray:
    """Return what comes out of a module that takes a frame and a state."""
    state = None
    spikes = []
    for frame in torch.from_numpy(frames):
        z, state = module(frame, state)
        spikes.append(z)
    return torch.stack(spikes).numpy()


def norse_importer(graph: Any, frames: np.ndarray) -> np.ndarray:
    """Norse: ``from_nir``."""
    from norse.torch import from_nir

    return stepped(from_nir(graph, dt=constants(graph).dt), frames)


@torch.no_grad()
def norse_neuron(graph: Any, frames: np.ndarray) -> np.ndarray:
    """Norse: ``LIFRecurrentCell``, which ``SNN`` is made of."""
    from norse.torch import LIFParameters, LIFRecurrentCell

    c = constants(graph)
    p = LIFParameters(
        tau_syn_inv=torch.tensor(c.dt_over_tau_syn / c.dt),
        tau_mem_inv=torch.tensor(c.dt_over_tau_mem / c.dt),
        v_th=torch.tensor(c.v_th),
    )
    cell = LIFRecurrentCell(*c.w_in.shape[::-1], p=p, dt=c.dt)
    cell.input_weights.copy_(torch.from_numpy(c.w_in))
    cell.recurrent_weights.copy_(torch.from_numpy(c.w_rec))
    return stepped(cell, frames)


def snntorch_importer(graph: Any, frames: np.ndarray) -> np.ndarray:
    """snnTorch: ``import_from_nir``."""
    from snntorch.import_nir import import_from_nir

    return stepped(import_from_nir(graph), frames)


@torch.no_grad()
def snntorch_neuron(graph: Any, frames: np.ndarray, by_hand: bool = False) -> np.ndarray:
    """snnTorch: ``RSynaptic`` with its reset to zero, which takes place a step later.

    By hand there is no reset, and 0 in place of the voltage after a spike.
    """
    import snntorch

    c = constants(graph)
    neurons = snntorch.RSynaptic(
        alpha=1 - c.dt_over_tau_syn,
        beta=1 - c.dt_over_tau_mem,
        threshold=c.v_th / c.dt_over_tau_mem,
        linear_features=len(c.w_rec),
        reset_mechanism="none" if by_hand else "zero",
    )
    neurons.recurrent.weight.copy_(torch.from_numpy(c.w_rec))
    neurons.recurrent.bias.zero_()
    z = current = voltage = torch.zeros(frames.shape[1], len(c.w_rec))
    spikes = []
    for inputs in torch.from_numpy(frames) @ torch.from_numpy(c.w_in).t():
        z, current, voltage = neurons(inputs, z, current, voltage)
        voltage = voltage * (1 - z) if by_hand else voltage
        spikes.append(z)
    return torch.stack(spikes).numpy()


@torch.no_grad()
def rockpool_importer(graph: Any, frames: np.ndarray) -> np.ndarray:
    """rockpool: ``from_nir``."""
    without_samna()
    from rockpool.nn.modules.torch.nir import from_nir

    module = from_nir(graph)
    return module(torch.from_numpy(frames).transpose(0, 1))[0].transpose(0, 1).numpy()


@torch.no_grad()
def rockpool_neuron(graph: Any, frames: np.ndarray, by_hand: bool = False) -> np.ndarray:
    """rockpool: ``LIFTorch``, which subtracts the threshold; at most one spike per step.

    By hand it goes step by step, with 0 in place of the voltage after a spike.
    """
    without_samna()
    from rockpool.nn.modules import LIFTorch

    c = constants(graph)
    # The current decays before it is used.
    v_th = c.v_th * (1 - c.dt_over_tau_syn) / c.dt_over_tau_mem
    neurons = LIFTorch(
        (len(c.w_rec),) * 2,
        leak_mode="decays",
        alpha=torch.tensor(1 - c.dt_over_tau_mem),
        beta=torch.tensor(1 - c.dt_over_tau_syn),
        threshold=torch.full((len(c.w_rec),), v_th),
        has_rec=True,
        w_rec=torch.from_numpy(c.w_rec.T.copy()),
        max_spikes_per_dt=torch.tensor(1.0),
        dt=c.dt,
    )
    inputs = torch.from_numpy(frames) @ torch.from_numpy(c.w_in).t()
    if not by_hand:
        return neurons(inputs.transpose(0, 1))[0].transpose(0, 1).numpy()
    spikes = torch.zeros(inputs.shape)
    for number in range(frames.shape[1]):  # its states are those of one recording
        neurons.reset_state()
        for step, each in enumerate(inputs[:, number]):
            spikes[step, number] = neurons(each[None, None])[0][0, 0]
            neurons.vmem = neurons.vmem * (1 - spikes[step, number])
    return spikes.numpy()


@torch.no_grad()
def spikingjelly_neuron(graph: Any, frames: np.ndarray) -> np.ndarray:
    """SpikingJelly: ``CUBALIFNode``, whose membrane adds the whole current to its voltage."""
    from spikingjelly.activation_based import neuron

    c = constants(graph)
    neurons = neuron.CUBALIFNode(
        c_decay=1 - c.dt_over_tau_syn,
        v_decay=1 - c.dt_over_tau_mem,
        v_threshold=c.v_th / c.dt_over_tau_mem,
        v_reset=0.0,
    )
    w_rec = torch.from_numpy(c.w_rec).t()
    z = torch.zeros(frames.shape[1], len(w_rec))
    spikes = []
    for inputs in torch.from_numpy(frames) @ torch.from_numpy(c.w_in).t():
        z = neurons(inputs + z @ w_rec)
        spikes.append(z)
    return torch.stack(spikes).numpy()


def spyx_importer(graph: Any, frames: np.ndarray) -> np.ndarray:
    """Spyx: ``from_nir``."""
    import jax.numpy as jnp
    from spyx.nir import from_nir

    outputs = from_nir(graph, jnp.asarray(frames), dt=constants(graph).dt)
    return np.asarray(outputs[1])


def spyx_neuron(graph: Any, frames: np.ndarray, by_hand: bool = False) -> np.ndarray:
    """Spyx: ``RCuBaLIF``, which subtracts the threshold and spikes a step later.

    By hand it resets to 0, and spikes are taken a step earlier.
    """
    import jax
    import jax.numpy as jnp
    from flax import nnx
    from spyx.nn import RCuBaLIF

    c = constants(graph)
    v_th = c.v_th / c.dt_over_tau_mem
    beta = 1 - c.dt_over_tau_mem
    neurons = RCuBaLIF(
        (len(c.w_rec),), 1 - c.dt_over_tau_syn, beta, threshold=v_th, rngs=nnx.Rngs(0)
    )
    neurons.recurrent_w[...] = jnp.asarray(c.w_rec.T)

    def step(state: Any, inputs: Any) -> Any:
        z, new = neurons(inputs, state)
        if by_hand:  # take away what a reset to 0 would have left
            size = z.shape[-1]
            new = new.at[:, :size].add(-beta * z * (state[:, :size] - v_th))
        return new, z

    inputs = jnp.asarray(frames @ c.w_in.T)
    late = jnp.concatenate([inputs, jnp.zeros_like(inputs[:1])])
    _, spikes = jax.lax.scan(step, neurons.initial_state(frames.shape[1]), late)
    return np.asarray(spikes[1:] if by_hand else spikes[:-1])


def sinabs_spikes(path: Path, frames: np.ndarray) -> Row:
    """Run sinabs in an environment of its own, since it wants an older NIR (1.0.4 or below).

    Returns:
        Its version, and spikes, or what was raised, by how: ``importer``, ``neuron``, ``by_hand``.

    Raises:
        ModuleNotFoundError: The environment can't be made.
    """
    uv = shutil.which("uv")
    if uv is None:
        raise ModuleNotFoundError("sinabs needs an environment of its own: pip install uv")
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder, "in.npz")
        written = Path(folder, "out.npz")
        np.savez(given, frames=frames, **constants(nir.read(path))._asdict())
        command = [uv, "run", "--quiet", "--isolated", "--no-project", "--python", sys.executable]
        command += ["--with", "sinabs>=3.1", "python", "-W", "ignore"]
        command += map(str, (SINABS, given, written, path))
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise ModuleNotFoundError(f"sinabs couldn't run: {done.stderr.strip()[-500:]}")
        with np.load(written) as arrays:
            about = json.loads(str(arrays["about"]))
            return about | {name: arrays[name] for name in arrays.files if name != "about"}


def _ways(importer: Run, neuron: Callable[..., np.ndarray]) -> dict[str, Run]:
    return {"importer": importer, "neuron": neuron, "by hand": partial(neuron, by_hand=True)}


SIMULATORS: dict[str, dict[str, Run]] = {  # by the name of the package on PyPI
    "norse": {"importer": norse_importer, "neuron": norse_neuron},
    "snntorch": _ways(snntorch_importer, snntorch_neuron),
    "rockpool": _ways(rockpool_importer, rockpool_neuron),
    "spikingjelly": {"neuron": spikingjelly_neuron},
    "spyx": _ways(spyx_importer, spyx_neuron),
}
