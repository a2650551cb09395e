"""The book's network in other simulators: spikes of its hidden neurons, and gradients.

There are up to three ways for a simulator, each a function of a graph of ``save_nir``, frames (T,
B, inputs) and the derivatives of a loss with respect to spikes (T, B, hidden neurons):

- ``importer`` gives a plain graph to the simulator's own importer; of one with a readout it returns
  what spikes add to its currents. It has no gradient.
- ``neuron`` sets up the simulator's own neuron with the right constants, and with the surrogate
  among its own that is closest to SuperSpike.
- ``by hand`` also sees to the reset and the surrogate, where the simulator's own are others. As in
  ``SNN``, no gradient passes through the reset.

Simulators scale their states in other ways. Where a membrane adds the whole current to its voltage
instead of ``dt / tau_mem`` of it, weights are multiplied by this share. Where a current decays
before it is used, they are divided by this decay. So voltages are those of ``SNN``, and a surrogate
has the same width.
"""

import math
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import nir
import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from . import Options
from .libraries import without_samna

Run = Callable[[Any, ndarray, ndarray], tuple[ndarray, ndarray | None]]
Neuron = Callable[..., Any]


class Constants(NamedTuple):
    """What the neurons of a graph are, in a step: shares that are lost, and the threshold."""

    w_in: ndarray
    w_rec: ndarray
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
    kept = [name for name in graph.nodes if "readout" not in name and name != "output"]
    nodes = {name: graph.nodes[name] for name in kept}
    nodes["output"] = nir.Output(np.array(graph.nodes["hidden"].r.shape))
    edges = [edge for edge in graph.edges if set(edge) <= set(kept)] + [("hidden", "output")]
    return nir.NIRGraph(nodes, edges, graph.metadata)


# ---- Ways to run them ----


@torch.no_grad()
def imported(importer: Any, graph: Any, frames: ndarray, _: Any) -> tuple[ndarray, None]:
    """Return what an importer's network returns."""
    return np.asarray(importer(graph, frames)), None


def by_torch(
    neuron: Neuron, graph: Any, frames: ndarray, derivatives: ndarray
) -> tuple[ndarray, ndarray]:
    """Return spikes of a neuron in PyTorch, and the gradient of the input weights."""
    c = constants(graph)
    w_in = torch.tensor(c.w_in, requires_grad=True)
    spikes = neuron(c, torch.from_numpy(frames) @ w_in.t())
    (gradient,) = torch.autograd.grad(spikes, w_in, torch.from_numpy(derivatives))
    return spikes.detach().numpy(), gradient.numpy()


def by_jax(
    neuron: Neuron, graph: Any, frames: ndarray, derivatives: ndarray
) -> tuple[ndarray, ndarray]:
    """Return the same of a neuron in JAX."""
    import jax

    c = constants(graph)
    spikes, backward = jax.vjp(lambda w_in: neuron(c, frames @ w_in.T), c.w_in)
    (gradient,) = backward(derivatives)
    return np.asarray(spikes), np.asarray(gradient)


def stepped(step: Any, inputs: Tensor, state: Any = None) -> Tensor:
    """Return what comes out of a function or module that takes a step's inputs and a state."""
    spikes = []
    for step_inputs in inputs:
        z, state = step(step_inputs, state)
        spikes.append(z)
    return torch.stack(spikes)


# ---- Simulators: inputs (T, B, hidden neurons), already weighted, to spikes of the same shape ----


def norse_importer(graph: Any, frames: ndarray) -> Tensor:
    """Norse: ``from_nir``."""
    from norse.torch import from_nir

    return stepped(from_nir(graph), torch.from_numpy(frames))


def norse_neuron(c: Constants, inputs: Tensor) -> Tensor:
    """Norse: ``LIFRecurrentCell``, which ``SNN`` is made of."""
    from norse.torch import LIFParameters, LIFRecurrentCell

    size = len(c.w_rec)
    p = LIFParameters(
        tau_syn_inv=torch.tensor(c.dt_over_tau_syn / c.dt),
        tau_mem_inv=torch.tensor(c.dt_over_tau_mem / c.dt),
        v_th=torch.tensor(c.v_th),
        alpha=torch.tensor(1.0),
    )
    cell = LIFRecurrentCell(
        *(size, size),
        p=p,
        input_weights=torch.eye(size),
        recurrent_weights=torch.from_numpy(c.w_rec),
        dt=c.dt,
    )
    return stepped(cell, inputs)


def snntorch_importer(graph: Any, frames: ndarray) -> Tensor:
    """snnTorch: ``import_from_nir``."""
    from snntorch.import_nir import import_from_nir

    return stepped(import_from_nir(graph), torch.from_numpy(frames))


def snntorch_neuron(c: Constants, inputs: Tensor, by_hand: bool = False) -> Tensor:
    """snnTorch: ``RSynaptic`` with its reset to zero, which takes place a step later.

    By hand there is no reset, and 0 in place of the voltage after a spike.
    """
    import snntorch

    neurons = snntorch.RSynaptic(
        alpha=1 - c.dt_over_tau_syn,
        beta=1 - c.dt_over_tau_mem,
        threshold=c.v_th,
        linear_features=len(c.w_rec),
        reset_mechanism="none" if by_hand else "zero",
        spike_grad=snntorch.surrogate.fast_sigmoid(slope=1),
    )
    neurons.recurrent.weight.data = torch.from_numpy(c.dt_over_tau_mem * c.w_rec)
    neurons.recurrent.bias.data.zero_()

    def step(step_inputs: Tensor, state: Any) -> Any:
        z, current, voltage = neurons(c.dt_over_tau_mem * step_inputs, *state)
        if by_hand:
            voltage = voltage * (1 - z.detach())
        return z, (z, current, voltage)

    return stepped(step, inputs, [torch.zeros_like(inputs[0])] * 3)


def sinabs_importer(graph: Any, frames: ndarray) -> Tensor:
    """sinabs: ``from_nir``."""
    from sinabs.nir import from_nir

    module = from_nir(graph, batch_size=frames.shape[1])
    return stepped(module, torch.from_numpy(frames))


def sinabs_neuron(c: Constants, inputs: Tensor, by_hand: bool = False) -> Tensor:
    """sinabs: ``LIFRecurrent``, which subtracts the threshold; at most one spike per step."""
    from sinabs.activation import MembraneReset, MembraneSubtract, SingleExponential, SingleSpike
    from sinabs.layers import LIFRecurrent

    gain = c.dt_over_tau_mem / (1 - c.dt_over_tau_syn)  # the current decays before it is used
    connect = torch.nn.Linear(len(c.w_rec), len(c.w_rec), bias=False)
    connect.weight.data = torch.from_numpy(gain * c.w_rec)
    # Its own that is closest has the same height and slopes at the threshold.
    own = SingleExponential(grad_width=0.5 / c.v_th, grad_scale=0.5)
    neurons = LIFRecurrent(
        tau_mem=-1 / math.log(1 - c.dt_over_tau_mem),
        tau_syn=-1 / math.log(1 - c.dt_over_tau_syn),
        rec_connect=connect,
        spike_threshold=torch.tensor(c.v_th),
        spike_fn=SingleSpike,
        reset_fn=MembraneReset() if by_hand else MembraneSubtract(),
        surrogate_grad_fn=(lambda v, v_th: 1 / (1 + (v - v_th).abs()) ** 2) if by_hand else own,
        norm_input=False,
    )
    return neurons(gain * inputs.transpose(0, 1)).transpose(0, 1)


def rockpool_importer(graph: Any, frames: ndarray) -> Tensor:
    """rockpool: ``from_nir``."""
    without_samna()
    from rockpool.nn.modules.torch.nir import from_nir

    return from_nir(graph)(torch.from_numpy(frames).transpose(0, 1))[0].transpose(0, 1)


def rockpool_neuron(c: Constants, inputs: Tensor, by_hand: bool = False) -> Tensor:
    """rockpool: ``LIFTorch``, which subtracts the threshold; at most one spike per step.

    By hand it goes step by step, since its states have no gradients between two calls.
    """
    without_samna()
    from norse.torch.functional.threshold import super_fn
    from rockpool.nn.modules import LIFTorch
    from rockpool.nn.modules.torch.lif_torch import PeriodicExponential
    from torch.func import functional_call

    gain = c.dt_over_tau_mem / (1 - c.dt_over_tau_syn)  # the current decays before it is used
    superspike = SimpleNamespace(apply=lambda v, v_th, *_: super_fn(v - v_th, 1.0))
    neurons = LIFTorch(
        (len(c.w_rec),) * 2,
        leak_mode="decays",
        alpha=torch.tensor(1 - c.dt_over_tau_mem),
        beta=torch.tensor(1 - c.dt_over_tau_syn),
        threshold=torch.full((len(c.w_rec),), c.v_th),
        has_rec=True,
        w_rec=torch.from_numpy(gain * c.w_rec.T),
        max_spikes_per_dt=torch.tensor(1.0),
        spike_generation_fn=superspike if by_hand else PeriodicExponential,
        dt=c.dt,
    )
    if not by_hand:
        return neurons(gain * inputs.transpose(0, 1))[0].transpose(0, 1)

    def step(step_inputs: Tensor, state: Any) -> Any:
        batch_first = gain * step_inputs[:, None]
        spikes, _, states = functional_call(neurons, state, batch_first, {"record": True})
        z = spikes[:, 0]
        voltage = states["vmem"][:, 0] + z * c.v_th  # before the reset
        reset = voltage * (1 - z.detach())
        return z, {"spikes": z, "vmem": reset, "isyn": states["isyn"][:, 0]}

    rest = torch.zeros_like(inputs[0])
    return stepped(step, inputs, {"spikes": rest, "vmem": rest, "isyn": rest[..., None]})


def spikingjelly_neuron(c: Constants, inputs: Tensor) -> Tensor:
    """SpikingJelly: ``CUBALIFNode``, whose membrane adds the whole current to its voltage."""
    from spikingjelly.activation_based import neuron, surrogate

    neurons = neuron.CUBALIFNode(
        c_decay=1 - c.dt_over_tau_syn,
        v_decay=1 - c.dt_over_tau_mem,
        v_threshold=c.v_th,
        v_reset=0.0,
        surrogate_function=surrogate.SuperSpike(alpha=1.0),
    )
    neurons.detach_reset = True
    w_rec = torch.from_numpy(c.w_rec).t()

    def step(step_inputs: Tensor, z: Any) -> Any:
        z = neurons(c.dt_over_tau_mem * (step_inputs + z @ w_rec))
        return z, z

    return stepped(step, inputs, torch.zeros_like(inputs[0]))


def spikingjelly_importer(graph: Any, frames: ndarray) -> Tensor:
    """SpikingJelly: ``import_from_nir``."""
    from spikingjelly.activation_based.nir_exchange import import_from_nir

    return stepped(import_from_nir(graph), torch.from_numpy(frames))


def spyx_neuron(c: Constants, inputs: Any, by_hand: bool = False) -> Any:
    """Spyx: ``RCuBaLIF``, which subtracts the threshold and spikes a step later.

    By hand it resets to 0, and spikes are taken a step earlier.
    """
    import jax
    import jax.numpy as jnp
    from flax import nnx
    from spyx.axn import superspike
    from spyx.nn import RCuBaLIF

    size = len(c.w_rec)
    beta = 1 - c.dt_over_tau_mem
    neurons = RCuBaLIF(
        (size,), 1 - c.dt_over_tau_syn, beta, c.v_th, superspike(1), rngs=nnx.Rngs(0)
    )
    neurons.recurrent_w[...] = jnp.asarray(c.dt_over_tau_mem * c.w_rec.T)

    def step(state: Any, step_inputs: Any) -> Any:
        z, new = neurons(step_inputs, state)
        if by_hand:  # in place of what it has subtracted, take away the whole voltage
            reset = jax.lax.stop_gradient(z) * state[:, :size]
            new = new.at[:, :size].add(beta * (z * c.v_th - reset))
        return new, z

    inputs = c.dt_over_tau_mem * inputs
    late = jnp.concatenate([inputs, jnp.zeros_like(inputs[:1])])
    _, spikes = jax.lax.scan(step, neurons.initial_state(inputs.shape[1]), late)
    return spikes[1:] if by_hand else spikes[:-1]


def jaxpike_neuron(c: Constants, inputs: Any, by_hand: bool = False) -> Any:
    """jaxpike: ``LIF`` without a synapse, which a ``LeakyIntegrator`` before it stands for.

    By hand, a ``LinearLIF`` in its place is reset so that no gradient passes.
    """
    import jax
    import jax.numpy as jnp
    import jaxpike

    tau_mem, tau_syn = (-1 / math.log(1 - lost) for lost in (c.dt_over_tau_mem, c.dt_over_tau_syn))
    own: Options = {"threshold": c.v_th, "surrogate": jaxpike.FastSigmoid(slope=1.0)}
    synapses = jaxpike.LeakyIntegrator(tau_syn)
    neurons = jaxpike.LinearLIF(tau_mem, **own)
    if not by_hand:
        neurons = jaxpike.LIF(tau_mem, reset="zero", **own)

    def step(state: Any, step_inputs: Any) -> Any:
        z, of_synapses, of_neurons = state
        inputs = (step_inputs + z @ c.w_rec.T) / c.dt_over_tau_syn  # of which it adds this share
        of_synapses, current = synapses(of_synapses, inputs)
        of_neurons, z = neurons(of_neurons, current)
        if by_hand:
            of_neurons = type(of_neurons)(of_neurons.v * (1 - jax.lax.stop_gradient(z)))
        return (z, of_synapses, of_neurons), z

    shape = inputs.shape[1:]
    rest = (jnp.zeros(shape), synapses.init_state(shape), neurons.init_state(shape))
    return jax.lax.scan(step, rest, inputs)[1]


def _ways(run: Any, neuron: Neuron, importer: Any = None, by_hand: bool = True) -> dict[str, Run]:
    ways: dict[str, Run] = {"importer": partial(imported, importer)} if importer else {}
    ways["neuron"] = partial(run, neuron)
    if by_hand:
        ways["by hand"] = partial(run, partial(neuron, by_hand=True))
    return ways


SIMULATORS: dict[str, dict[str, Run]] = {  # by the name of the package on PyPI
    "norse": _ways(by_torch, norse_neuron, norse_importer, by_hand=False),
    "snntorch": _ways(by_torch, snntorch_neuron, snntorch_importer),
    "sinabs": _ways(by_torch, sinabs_neuron, sinabs_importer),
    "rockpool": _ways(by_torch, rockpool_neuron, rockpool_importer),
    "spikingjelly": _ways(by_torch, spikingjelly_neuron, spikingjelly_importer, by_hand=False),
    "spyx": _ways(by_jax, spyx_neuron),  # its importer wasn't done with 68 in seven minutes
    "jaxpike": _ways(by_jax, jaxpike_neuron),
}
