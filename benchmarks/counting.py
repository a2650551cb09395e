"""What an answer costs: operations counted in a run of a network, and the energy they may take.

The definitions are those of NeuroBench 2.3 (Yik et al. 2025, doi:10.1038/s41467-025-56739-4).
NeuroBench itself counts nothing for Norse's recurrent cell, which it doesn't know.

An operation is what one input does to one output through one weight. It is **effective** if neither
the input nor the weight is 0. It is an **accumulate** (AC) if all inputs of its layer are -1, 0 or
1 at this time step of this recording, since nothing is multiplied then, and else a
**multiply-accumulate** (MAC). A single pixel with two events in a time bin therefore makes MACs of
all operations of the first layer at this step; ``frames.clamp(max=1)`` has no such pixel.

As in NeuroBench, some things aren't counted: biases, activation functions, the decoder, and the
making of frames and of their sum, which takes an addition per event.
"""

import functools
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from norse.torch import LICell, LIFRecurrentCell
from numpy import ndarray
from torch import Tensor, nn

from pokersnn_helpers import SNN, Classifier
from pokersnn_helpers.events.frames import last_steps

LAYERS = (nn.Linear, nn.GRU)  # besides those of SNN
NEURONS = (LIFRecurrentCell, LICell)  # of Norse: LIF neurons and leaky integrators


@dataclass(frozen=True)
class Operations:
    """What a network computes for each recording in its own time.

    Arrays have the shape (B,), a number per recording, summed over its time steps.

    Attributes:
        effective_macs: Effective multiply-accumulates.
        effective_acs: Effective accumulates.
        membrane_updates: How often a neuron's voltage changes or is reset, or has its first step.
            0 in networks without LIF neurons and integrators.
        activation_sparsity: Share of zeros, from 0 to 1, in the inputs of all layers but the first;
            0 if there is only one layer.

    Example:
        >>> from pokersnn_helpers import FastSNN
        >>> operations = count_operations(FastSNN(), torch.ones(10, 1, 2, 35, 35))
        >>> operations.effective.shape
        (1,)
    """

    effective_macs: ndarray
    effective_acs: ndarray
    membrane_updates: ndarray
    activation_sparsity: ndarray

    @property
    def effective(self) -> ndarray:
        """Effective operations per recording, multiply-accumulates and accumulates."""
        return self.effective_macs + self.effective_acs

    def means(self) -> dict[str, float]:
        """Return the mean over the recordings of every number, by its name: a row of a table."""
        return {name: float(np.mean(value)) for name, value in vars(self).items()}


def count_operations(network: nn.Module, frames: Tensor) -> Operations:
    """Run a network once and count its operations, as the first lines of this module define them.

    Args:
        network: Takes frames. Its weights are those of ``nn.Linear``, an ``nn.GRU`` of one layer,
            and of ``SNN`` and ``FastSNN``. It runs as in a test, without dropout.
        frames: Event counts of shape (T, B, polarities, height, width), dense or sparse.
            Each recording counts up to its last event, and of a ``Classifier`` in its own time. A
            layer that sees the sum of the frames has one step, which holds all of them.

    Example:
        >>> from pokersnn_helpers import FastSNN, load_pokerdvs, make_loader
        >>> frames, _ = next(iter(make_loader(load_pokerdvs(source="simulated").test)))
        >>> count_operations(FastSNN(), frames).effective_acs.shape
        (20,)
    """
    network = deepcopy(network).eval()  # hooks stay in the copy
    if isinstance(network, Classifier):
        frames, last = network.append_silence(frames)
        network = network.snn
    else:
        last = last_steps(frames)
    calls = _run(network, frames)
    steps = last.cpu().numpy()
    macs, acs, updates, zeros, activations = np.zeros((5, frames.shape[1]))
    nonzero = functools.cache(_nonzero)  # the same inputs often meet several matrices
    for number, (layer, (inputs, outputs)) in enumerate(calls.items()):
        for place, weights in enumerate(_connections(layer, inputs, outputs)):
            size = len(weights.fan_out)
            active = nonzero(weights.inputs, size)
            counts = _per_step(weights, active, frames.shape[1])
            counted = _before(steps, len(counts.effective))
            effective = counts.effective * counted
            macs += (effective * ~counts.binary).sum(axis=0)
            acs += (effective * counts.binary).sum(axis=0)
            if number > 0 and place == 0:
                silent = (size - counts.active) * counted
                zeros += silent.sum(axis=0)
                activations += size * counted.sum(axis=0)
        if isinstance(layer, NEURONS):
            changed = _updates(layer, *outputs)
            updates += (changed * _before(steps, len(changed))).sum(axis=0)
    return Operations(
        effective_macs=macs,
        effective_acs=acs,
        membrane_updates=updates,
        activation_sparsity=zeros / np.maximum(activations, 1),
    )


@torch.no_grad()
def _run(network: nn.Module, frames: Tensor) -> dict[nn.Module, tuple[Any, Any]]:
    """Return what goes into each layer and what comes out, time first, in the order of calls."""
    calls: dict[nn.Module, tuple[Any, Any]] = {}

    def note(module: Any, inputs: Any, output: Any) -> None:
        calls[module] = (inputs[0], output)

    def note_spiking(module: SNN, inputs: Any, _: Any) -> None:
        hidden, readout = module.recording
        calls[module.lif0] = (inputs[0], (hidden.z, hidden))
        calls[module.linear] = (hidden.z, ())
        calls[module.readout] = (hidden.z, (readout.v, readout))

    inside = set()
    for module in network.modules():  # a network comes before its layers
        if isinstance(module, SNN):
            module.record = True
            module.register_forward_hook(note_spiking)
            inside |= set(module.children())
        elif isinstance(module, LAYERS) and module not in inside:
            module.register_forward_hook(note)
    network(frames)
    return calls


class _Connections(NamedTuple):
    """Weights that every input of a layer meets."""

    inputs: Tensor  # (T, B, inputs) in any shape that lies so in memory, or sparse frames
    fan_out: ndarray  # weights that aren't 0, per input
    delay: int = 0  # time steps until the inputs come in


def _connections(layer: Any, inputs: Tensor, outputs: Any) -> Iterator[_Connections]:
    if isinstance(layer, nn.Linear):
        yield _matrix(inputs, layer.weight)
    elif isinstance(layer, LIFRecurrentCell):
        yield _matrix(inputs, layer.input_weights)
        yield _matrix(outputs[0], layer.recurrent_weights, delay=1)
    elif isinstance(layer, nn.GRU):
        units = layer.hidden_size
        recurrent = _matrix(outputs[0], layer.weight_hh_l0)
        yield _matrix(inputs, layer.weight_ih_l0)
        # Besides matrices: three products per unit, of which one is with its last output.
        yield _Connections(outputs[0], recurrent.fan_out + 1, delay=1)
        yield _Connections(outputs[0], np.full(units, 2))


def _matrix(inputs: Tensor, weight: Any, delay: int = 0) -> _Connections:
    used = weight.detach().cpu().numpy() != 0
    return _Connections(inputs, used.sum(axis=0, dtype=float), delay)


def _nonzero(inputs: Tensor, size: int) -> tuple[ndarray, ...]:
    """Return what isn't 0: its rows (step times batch plus recording), columns and values."""
    inputs = inputs.detach().cpu().to_sparse().coalesce()  # which sums counts of one place
    values = inputs.values().numpy()
    places = np.ravel_multi_index(tuple(inputs.indices().numpy()), inputs.shape)
    row, column = np.divmod(places, size)
    there = values != 0
    return row[there], column[there], values[there]


class _Counts(NamedTuple):
    """Of each time step of each recording, (T, B)."""

    effective: ndarray  # operations
    active: ndarray  # inputs that aren't 0
    binary: ndarray  # whether all of these are -1 or 1


def _per_step(weights: _Connections, nonzero: tuple[ndarray, ...], batch: int) -> _Counts:
    row, column, value = nonzero
    row = row + weights.delay * batch
    length = weights.inputs.shape.numel() // len(weights.fan_out)

    def count(rows: ndarray, operations: ndarray | None = None) -> ndarray:
        return np.bincount(rows, operations, length)[:length].reshape(-1, batch)

    effective = count(row, weights.fan_out[column])
    other_values = count(row[np.abs(value) != 1])
    return _Counts(effective, count(row), binary=other_values == 0)


def _updates(layer: Any, spikes: Tensor, state: Any) -> ndarray:
    """Return how many neurons change their voltage or spike, (T, B)."""
    v = state.v.cpu().numpy()
    changed = np.ones(v.shape, dtype=bool)
    np.not_equal(v[1:], v[:-1], out=changed[1:])
    if hasattr(layer.p, "v_th"):  # else the voltages come out, of a leaky integrator
        changed |= spikes.cpu().numpy() != 0
    return changed.sum(axis=tuple(range(2, v.ndim)))


def _before(steps: ndarray, length: int) -> ndarray:
    """Return which of some time steps are counted, (T, B); the sum of all frames is step 0."""
    return np.arange(length)[:, None] < np.asarray(steps)
