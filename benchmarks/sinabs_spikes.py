"""sinabs, in an environment of its own: ``python sinabs_spikes.py IN.npz OUT.npz FILE.nir``.

It imports nothing of the repository. ``simulators.py`` says what goes in and comes out.
"""

import json
import math
import sys
from importlib.metadata import version
from typing import Any

import nir
import numpy as np
import torch
from sinabs.activation import MembraneReset, MembraneSubtract, SingleSpike
from sinabs.layers import LIFRecurrent
from sinabs.nir import from_nir


def importer(frames: np.ndarray, given: Any) -> np.ndarray:
    """Give sinabs' importer the neurons, as this version of NIR writes them."""
    size = len(given["w_rec"])
    each = {
        "tau_mem": given["dt"] / given["dt_over_tau_mem"],
        "tau_syn": given["dt"] / given["dt_over_tau_syn"],
        "r": 1,
        "v_leak": 0,
        "v_threshold": given["v_th"],
        "w_in": 1 / given["dt_over_tau_syn"],
    }
    neurons = {name: np.full(size, value, np.float32) for name, value in each.items()}
    nodes = {
        "input": nir.Input(np.array([frames.shape[2]])),
        "input_weights": nir.Affine(given["w_in"], np.zeros(size, np.float32)),
        "hidden": nir.CubaLIF(**neurons),
        "recurrent_weights": nir.Affine(given["w_rec"], np.zeros(size, np.float32)),
        "output": nir.Output(np.array([size])),
    }
    edges = [
        *(("input", "input_weights"), ("input_weights", "hidden"), ("hidden", "output")),
        *(("hidden", "recurrent_weights"), ("recurrent_weights", "hidden")),
    ]
    module = from_nir(nir.NIRGraph(nodes, edges), batch_size=frames.shape[1])
    spikes = []
    state = None
    for frame in torch.from_numpy(frames):
        z, state = module(frame, state)
        spikes.append(z)
    return torch.stack(spikes).numpy()


def neuron(frames: np.ndarray, given: Any, by_hand: bool = False) -> np.ndarray:
    """Set up ``LIFRecurrent``, which subtracts the threshold; at most one spike per step."""
    lost_mem = float(given["dt_over_tau_mem"])
    lost_syn = float(given["dt_over_tau_syn"])
    connect = torch.nn.Linear(len(given["w_rec"]), len(given["w_rec"]), bias=False)
    connect.weight.copy_(torch.from_numpy(given["w_rec"]))
    neurons = LIFRecurrent(
        tau_mem=-1 / math.log(1 - lost_mem),
        tau_syn=-1 / math.log(1 - lost_syn),
        rec_connect=connect,
        # The current decays before it is used.
        spike_threshold=torch.tensor(float(given["v_th"]) * (1 - lost_syn) / lost_mem),
        spike_fn=SingleSpike,
        reset_fn=MembraneReset() if by_hand else MembraneSubtract(),
        norm_input=False,
    )
    inputs = torch.from_numpy(frames) @ torch.from_numpy(given["w_in"]).t()
    return neurons(inputs.transpose(0, 1)).transpose(0, 1).numpy()


@torch.no_grad()
def main() -> None:
    """Run all three, and write spikes and what was raised."""
    with np.load(sys.argv[1]) as given:
        frames = given["frames"]
        runs = {
            "importer, whole file": lambda: nir.read(sys.argv[3]),
            "importer": lambda: importer(frames, given),
            "neuron": lambda: neuron(frames, given),
            "by hand": lambda: neuron(frames, given, by_hand=True),
        }
        about = {"version": version("sinabs"), "nir": version("nir")}
        spikes = {}
        for name, run in runs.items():
            try:
                spikes[name] = run()
            except Exception as error:
                about[name] = f"{type(error).__name__}: {error}".partition("\n")[0]
    np.savez(sys.argv[2], about=json.dumps(about), **spikes)


if __name__ == "__main__":
    main()
