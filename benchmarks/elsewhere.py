"""The book's network in other simulators."""

from typing import Any

import numpy as np


def step_by_numpy(graph: Any, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Step a graph of ``save_nir`` through frames (T, inputs).

    Returns:
        Spikes (T, hidden neurons) and voltages of the readout (T, classes).
    """
    w_in, w_rec, w_out = (
        graph.nodes[f"{name}_weights"].weight for name in ("input", "recurrent", "readout")
    )
    dt, lif = graph.metadata["dt"], graph.nodes["hidden"]
    current, readout = graph.nodes["readout_current"], graph.nodes["readout"]
    i, v, z = np.zeros((3, len(w_in)))
    i_out, v_out = np.zeros((2, len(w_out)))
    spikes, voltages = [], []
    for frame in frames:
        i = i + dt / lif.tau_syn * (lif.w_in * (w_in @ frame + w_rec @ z) - i)
        v = v + dt / lif.tau_mem * (lif.r * i - v)
        z = (v > lif.v_threshold).astype(float)
        v = np.where(z, lif.v_reset, v)
        i_out = i_out + dt / current.tau * (current.r * (w_out @ z) - i_out)
        v_out = v_out + dt / readout.tau * (readout.r * i_out - v_out)
        spikes.append(z)
        voltages.append(v_out)
    return np.array(spikes), np.array(voltages)
