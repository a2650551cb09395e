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
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import torch
from norse.torch import LIFRecurrentCell
from norse.torch.module.snn import SNNCell, SNNRecurrentCell
from torch import nn
from torch.func import functional_call
from torch.utils._pytree import tree_map

from pokersnn_helpers import Classifier, FastSNN
from pokersnn_helpers.classifier import last_steps

LAYERS = (nn.Linear, nn.Conv2d, nn.GRU, LIFRecurrentCell)
NEURONS = (SNNCell, SNNRecurrentCell)  # of Norse: LIF neurons and leaky integrators


@dataclass(frozen=True)
class Operations:
    """What a network computes for each recording in its own time.

    Arrays have the shape (B,), a number per recording, summed over its time steps.

    Attributes:
        steps: Time steps that are counted.
        dense_macs: Operations, if none is left out because of a 0. Padding with 0 is no input.
        effective_macs: Effective multiply-accumulates.
        effective_acs: Effective accumulates.
        membrane_updates: How often a neuron's voltage changes or is reset, or has its first step.
            0 in networks without LIF neurons and integrators.
        activation_sparsity: Share of zeros, from 0 to 1, in the inputs of all layers but the first;
            0 if there is only one layer.
        connection_sparsity: Share of the weights that are 0, from 0 to 1.
        parameters: Weights and biases.
        footprint: Bytes of all parameters and buffers, without the states of neurons.

    Example:
        >>> from pokersnn_helpers import FastSNN
        >>> found = count_operations(FastSNN(), torch.ones(10, 1, 2, 35, 35))
        >>> found.steps, found.parameters
        (array([10.]), 255400)
    """

    steps: np.ndarray
    dense_macs: np.ndarray
    effective_macs: np.ndarray
    effective_acs: np.ndarray
    membrane_updates: np.ndarray
    activation_sparsity: np.ndarray
    connection_sparsity: float
    parameters: int
    footprint: int

    @property
    def effective(self) -> np.ndarray:
        """Effective operations per recording, multiply-accumulates and accumulates."""
        return self.effective_macs + self.effective_acs

    def means(self) -> dict[str, float]:
        """Return the mean over the recordings of every number, by its name: a row of a table."""
        return {name: float(np.mean(value)) for name, value in vars(self).items()}


def count_operations(
    network: nn.Module, frames: torch.Tensor, steps: np.ndarray | None = None
) -> Operations:
    """Run a network once and count its operations, as the first lines of this module define them.

    Args:
        network: Takes frames. Its weights are those of ``nn.Linear``, ``nn.Conv2d``, an ``nn.GRU``
            of one layer and Norse's ``LIFRecurrentCell``: so are those of ``SNN``, ``FastSNN`` and
            the networks in ``models``. It runs as in a test, without dropout.
        frames: Event counts of shape (T, B, polarities, height, width), dense or sparse.
        steps: How many time steps of each recording to count, of shape (B,), for example those
            before an answer. Default: up to its last event, and of a ``Classifier`` its own time. A
            layer that sees the sum of the frames has one step, which holds all of them.

    Raises:
        TypeError: The network has weights in another kind of layer; or as the network itself.
        ValueError: A layer isn't called once per step, there isn't a number of steps for each
            recording; or as the network itself.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs, make_loader
        >>> frames, _ = next(iter(make_loader(load_pokerdvs(source="simulated").test)))
        >>> count_operations(FastSNN(), frames).effective_acs.shape
        (20,)
    """
    _check_layers(network)
    if isinstance(network, Classifier):
        frames, own_steps = network.append_silence(frames)
        network = network.snn
    else:
        own_steps = last_steps(frames)
    calls, batch, nonzero = _run(network, frames), frames.shape[1], functools.cache(_nonzero)
    if steps is None:
        steps = own_steps.cpu().numpy()
    _check_steps(steps, *frames.shape[:2])
    dense, macs, acs, updates, zeros, activations = np.zeros((6, batch))
    for number, (layer, (inputs, outputs)) in enumerate(calls.items()):
        for place, weights in enumerate(_connections(layer, inputs, outputs)):
            size = len(weights.fan_out)
            effective, active, binary = _per_step(weights, nonzero(weights.inputs, size), batch)
            counted = _before(steps, len(effective))
            dense += weights.dense * counted.sum(axis=0)
            macs += (effective * (counted & ~binary)).sum(axis=0)
            acs += (effective * (counted & binary)).sum(axis=0)
            if number > 0 and place == 0:
                zeros += ((size - active) * counted).sum(axis=0)
                activations += size * counted.sum(axis=0)
        if isinstance(layer, NEURONS):
            changed = _updates(layer, *outputs)
            updates += (changed * _before(steps, len(changed))).sum(axis=0)
    matrices = [each for each in network.parameters() if each.ndim > 1]
    zero_weights = sum(int((each == 0).sum()) for each in matrices)
    stored = [*network.parameters(), *network.buffers()]
    return Operations(
        steps=np.array(steps, dtype=float),
        dense_macs=dense,
        effective_macs=macs,
        effective_acs=acs,
        membrane_updates=updates,
        activation_sparsity=zeros / np.maximum(activations, 1),
        connection_sparsity=zero_weights / max(1, sum(each.numel() for each in matrices)),
        parameters=sum(each.numel() for each in network.parameters()),
        footprint=sum(each.numel() * each.element_size() for each in stored),
    )


def _check_steps(steps: Any, length: int, batch: int) -> None:
    given = np.asarray(steps)
    fits = given.shape == (batch,) and given.dtype.kind in "iuf"
    if not fits or not ((given >= 0) & (given <= length)).all():
        raise ValueError(
            f"steps is {given}; give {batch} numbers from 0 to {length}, one per recording"
        )


def _check_layers(network: nn.Module) -> None:
    """Refuse weights that nobody would count."""
    known = ", ".join(kind.__name__ for kind in LAYERS)
    for name, module in network.named_modules():
        own = list(module.parameters(recurse=False))
        odd = isinstance(module, nn.GRU) and (len(own) != 4 or module.batch_first)
        if odd or (own and not isinstance(module, LAYERS)):
            raise TypeError(
                f"{name or 'the network'} is {module}; count_operations knows the weights of "
                f"{known} only (of a GRU one layer and direction, with biases, the time first)"
            )


@torch.no_grad()
def _run(network: nn.Module, frames: torch.Tensor) -> dict[nn.Module, tuple[Any, Any]]:
    """Return what goes into each layer and what comes out, time first, in the order of calls."""
    calls: dict[nn.Module, list[tuple[Any, Any]]] = defaultdict(list)

    def note(module: nn.Module, given: Any, output: Any) -> None:
        if isinstance(module, FastSNN):  # which calls no layer
            hidden, readout = module.recording
            calls[module.lif0].append((given[0], (hidden.z, hidden)))
            calls[module.linear].append((hidden.z, ()))
            calls[module.readout].append((hidden.z, (readout.v, readout)))
        else:
            calls[module].append((given[0], output))

    fast = [each for each in network.modules() if isinstance(each, FastSNN)]
    inside = {layer for snn in fast for layer in snn.children()}
    with ExitStack() as stack:  # which leaves the network as it was
        stack.callback(network.train, network.training)
        for snn in fast:
            stack.enter_context(patch.multiple(snn, record=True, recording=None))
        for each in set(network.modules()) - inside:
            if isinstance(each, (*LAYERS, *NEURONS, FastSNN)):
                stack.enter_context(each.register_forward_hook(note))
        network.eval()(frames)

    for name, layer in network.named_modules():
        times = len(calls[layer]) if layer in calls else 0
        if isinstance(layer, LAYERS) and times not in (1, len(frames)):
            raise ValueError(
                f"{name} was called {times} times in {len(frames)} time steps; count_operations "
                "knows networks that call a layer once, or once per step"
            )

    def join(layer: nn.Module, each: list[tuple[Any, Any]]) -> tuple[Any, Any]:
        at_once = len(each) == 1 and (layer in inside or not isinstance(layer, NEURONS))
        return each[0] if at_once else tree_map(lambda *steps: torch.stack(steps), *each)

    return {layer: join(layer, each) for layer, each in calls.items()}


class _Connections(NamedTuple):
    """Weights that every input of a layer meets."""

    inputs: torch.Tensor  # (T, B, inputs) in any shape that lies so in memory, or sparse frames
    fan_out: np.ndarray  # weights that aren't 0, per input
    dense: float  # all weights of all inputs
    delay: int = 0  # time steps until the inputs come in


def _connections(layer: Any, inputs: torch.Tensor, outputs: Any) -> Iterator[_Connections]:
    if isinstance(layer, nn.Conv2d):
        every, image = torch.ones_like(layer.weight), inputs.shape[-3:]
        used = _fan_out(layer, every * (layer.weight != 0), image)
        yield _Connections(inputs, used, float(_fan_out(layer, every, image).sum()))
    elif isinstance(layer, nn.Linear):
        yield _matrix(inputs, layer.weight)
    elif isinstance(layer, LIFRecurrentCell):
        yield _matrix(inputs, layer.input_weights)
        yield _matrix(outputs[0], layer.recurrent_weights)._replace(delay=1)
    elif isinstance(layer, nn.GRU):
        units = layer.hidden_size
        yield _matrix(inputs, layer.weight_ih_l0)
        _, fan_out, dense, _ = _matrix(outputs[0], layer.weight_hh_l0)
        # Besides matrices: three products per unit, of which one is with its last output.
        yield _Connections(outputs[0], fan_out + 1, dense + units, delay=1)
        yield _Connections(outputs[0], np.full(units, 2), 2 * units)


def _fan_out(layer: nn.Conv2d, weight: torch.Tensor, shape: torch.Size) -> np.ndarray:
    """Return to how many outputs each input goes: a gradient through weights of 0 and 1."""
    with torch.enable_grad():
        image = weight.new_zeros(shape, requires_grad=True)
        outputs = functional_call(layer, {"weight": weight}, image)
        (reached,) = torch.autograd.grad(outputs.sum(), image)
    return reached.flatten().double().cpu().numpy()


def _matrix(inputs: torch.Tensor, weight: Any) -> _Connections:
    used = weight.detach().cpu().numpy() != 0
    return _Connections(inputs, used.sum(axis=0, dtype=float), used.size)


def _nonzero(inputs: torch.Tensor, size: int) -> tuple[np.ndarray, ...]:
    """Return what isn't 0: its rows (step times batch plus recording), columns and values."""
    inputs = inputs.detach().cpu().to_sparse().coalesce()  # which sums counts of one place
    values = inputs.values().numpy()
    places = np.ravel_multi_index(tuple(inputs.indices().numpy()), inputs.shape)
    return *np.divmod(places[values != 0], size), values[values != 0]


def _per_step(
    weights: _Connections, nonzero: tuple[np.ndarray, ...], batch: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return effective operations, inputs that aren't 0, and if these are all -1 or 1, (T, B)."""
    row, column, value = nonzero
    row = row + weights.delay * batch
    length = weights.inputs.shape.numel() // len(weights.fan_out)
    counted = (
        np.bincount(row, weights.fan_out[column], length),
        np.bincount(row, minlength=length),
        np.bincount(row[np.abs(value) != 1], minlength=length),
    )
    effective, active, others = (sums[:length].reshape(-1, batch) for sums in counted)
    return effective, active, others == 0


def _updates(layer: Any, spikes: torch.Tensor, state: Any) -> np.ndarray:
    """Return how many neurons change their voltage or spike, (T, B)."""
    v = state.v.cpu().numpy()
    changed = np.ones(v.shape, dtype=bool)
    np.not_equal(v[1:], v[:-1], out=changed[1:])
    if hasattr(layer.p, "v_th"):  # else the voltages come out, of a leaky integrator
        changed |= spikes.cpu().numpy() != 0
    return changed.sum(axis=tuple(range(2, v.ndim)))


def _before(steps: np.ndarray, length: int) -> np.ndarray:
    """Return which of some time steps are counted, (T, B); the sum of all frames is step 0."""
    return np.arange(length)[:, None] < np.asarray(steps)
