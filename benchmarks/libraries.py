"""The book's network in other libraries: one training step of each.

They have the same layers and sizes, are fed the same frames, and each has the form that its
documentation shows. ``LIBRARIES`` says in what their neurons differ from those of ``SNN``; of this,
only what a library leaves out matters for the time it takes.
"""

import math
import sys
from collections.abc import Callable, Iterable
from importlib import metadata
from typing import Any

import torch
from torch import Tensor, nn

Step = Callable[[], None]
TAU = 0.010  # s
READOUT_TAU = 0.005
V_TH = 0.3


def torch_step(
    forward: Callable[[Tensor], Tensor],
    layers: Iterable[nn.Module],
    frames: Tensor,
    targets: Tensor,
) -> Step:
    """Return a function that trains layers with a batch: forward, loss, backward, Adam."""
    weights = nn.ModuleList(layers).parameters()
    optimizer = torch.optim.Adam(weights, lr=1e-4, fused=True)

    def step() -> None:
        optimizer.zero_grad()
        highest = forward(frames).max(dim=0).values
        nn.functional.cross_entropy(highest, targets).backward()
        optimizer.step()

    return step


def snntorch_step(frames: Tensor, targets: Tensor, hidden: int, dt: float) -> Step:
    """snnTorch: ``RSynaptic`` and ``Synaptic`` in a loop over time."""
    import snntorch

    decay = math.exp(-dt / TAU)
    project = nn.Linear(frames[0, 0].numel(), hidden, bias=False)
    neurons = snntorch.RSynaptic(decay, decay, linear_features=hidden, threshold=V_TH)
    linear = nn.Linear(hidden, 4, bias=False)
    readout = snntorch.Synaptic(math.exp(-dt / READOUT_TAU), decay, reset_mechanism="none")

    def forward(frames: Tensor) -> Tensor:
        spikes, current, voltage = neurons.init_rsynaptic()
        current_out, voltage_out = readout.init_synaptic()
        voltages = []
        for frame in frames.flatten(2):
            spikes, current, voltage = neurons(project(frame), spikes, current, voltage)
            _, current_out, voltage_out = readout(linear(spikes), current_out, voltage_out)
            voltages.append(voltage_out)
        return torch.stack(voltages)

    return torch_step(forward, [project, neurons, linear, readout], frames, targets)


def sinabs_step(frames: Tensor, targets: Tensor, hidden: int, dt: float) -> Step:
    """sinabs: ``LIFRecurrent`` and ``ExpLeak``, which take all time steps at once."""
    from sinabs.layers import ExpLeak, LIFRecurrent

    project = nn.Linear(frames[0, 0].numel(), hidden, bias=False)
    neurons = LIFRecurrent(
        tau_mem=TAU / dt,
        tau_syn=TAU / dt,
        rec_connect=nn.Linear(hidden, hidden, bias=False),
        spike_threshold=torch.tensor(V_TH),
    )
    linear = nn.Linear(hidden, 4, bias=False)
    readout = ExpLeak(tau_mem=TAU / dt)

    def forward(frames: Tensor) -> Tensor:
        neurons.reset_states()
        readout.reset_states()
        batch_first = project(frames.flatten(2)).transpose(0, 1)
        return readout(linear(neurons(batch_first))).transpose(0, 1)

    return torch_step(forward, [project, neurons, linear, readout], frames, targets)


def without_samna() -> None:
    """Keep rockpool from importing a driver of chips, which installs itself when imported."""
    sys.modules.setdefault("samna", None)  # type: ignore[arg-type]


def rockpool_step(frames: Tensor, targets: Tensor, hidden: int, dt: float) -> Step:
    """rockpool: ``LIFTorch`` with recurrent weights, and ``ExpSynTorch``."""
    without_samna()
    from rockpool.nn.modules import ExpSynTorch, LIFTorch, LinearTorch

    project = LinearTorch((frames[0, 0].numel(), hidden), has_bias=False)
    neurons = LIFTorch(
        (hidden, hidden), tau_mem=TAU, tau_syn=TAU, threshold=V_TH, has_rec=True, dt=dt
    )
    linear = LinearTorch((hidden, 4), has_bias=False)
    readout = ExpSynTorch((4,), tau=TAU, dt=dt)
    layers = [project, neurons, linear, readout]

    def forward(frames: Tensor) -> Tensor:
        signal = frames.flatten(2).transpose(0, 1)
        for layer in layers:
            layer.reset_state()
            signal, _, _ = layer(signal)
        return signal.transpose(0, 1)

    return torch_step(forward, layers, frames, targets)


def spikingjelly_step(frames: Tensor, targets: Tensor, hidden: int, dt: float) -> Step:
    """SpikingJelly: ``CUBALIFNode`` with recurrent weights, all time steps at once."""
    from spikingjelly.activation_based import functional, layer, neuron

    decay = math.exp(-dt / TAU)
    neurons = neuron.CUBALIFNode(decay, decay, v_threshold=V_TH, v_reset=0.0)
    layers = nn.Sequential(
        layer.Linear(frames[0, 0].numel(), hidden, bias=False),
        layer.LinearRecurrentContainer(neurons, hidden, hidden, bias=False),
        layer.Linear(hidden, 4, bias=False),
        neuron.NonSpikingLIFNode(tau=TAU / dt),
    )
    functional.set_step_mode(layers, "m")

    def forward(frames: Tensor) -> Tensor:
        functional.reset_net(layers)
        return torch.stack(layers(frames.flatten(2)))

    return torch_step(forward, layers, frames, targets)


def spyx_step(frames: Tensor, targets: Tensor, hidden: int, dt: float) -> Step:
    """Spyx: ``RCuBaLIF`` and ``LI`` in a ``Sequential``, under ``nnx.jit``, with optax's Adam."""
    import jax
    import jax.numpy as jnp
    import optax
    import spyx
    from flax import nnx

    decay = math.exp(-dt / TAU)
    rngs = nnx.Rngs(0)
    network = spyx.nn.Sequential(
        nnx.Linear(frames[0, 0].numel(), hidden, use_bias=False, rngs=rngs),
        spyx.nn.RCuBaLIF((hidden,), decay, decay, V_TH, rngs=rngs),
        nnx.Linear(hidden, 4, use_bias=False, rngs=rngs),
        spyx.nn.LI((4,), decay, rngs=rngs),
    )
    optimizer = nnx.Optimizer(network, optax.adam(1e-4), wrt=nnx.Param)
    inputs = jnp.asarray(frames.flatten(2).numpy())
    classes = jnp.asarray(targets.numpy())

    @nnx.jit
    def train(network, optimizer, inputs, classes):
        def loss(network):
            voltages, _ = spyx.nn.run(network, inputs)
            scores = jax.nn.log_softmax(voltages.max(axis=0))
            return -scores[jnp.arange(len(classes)), classes].mean()

        value, grads = nnx.value_and_grad(loss)(network)
        optimizer.update(network, grads)
        return value

    return lambda: jax.block_until_ready(train(network, optimizer, inputs, classes))


def jax_step(
    forward: Callable[[Any, Any], Any], weights: Any, frames: Tensor, targets: Tensor
) -> Step:
    """Return a function that trains a tree of weights as ``torch_step`` does, with optax's Adam."""
    import jax
    import jax.numpy as jnp
    import optax

    optimizer = optax.adam(1e-4)
    trained = [weights, optimizer.init(weights)]
    inputs = jnp.asarray(frames.flatten(2).numpy())
    classes = jnp.asarray(targets.numpy())

    @jax.jit
    def train(weights, state, inputs, classes):
        def loss(weights):
            scores = forward(weights, inputs).max(axis=0)
            return optax.softmax_cross_entropy_with_integer_labels(scores, classes).mean()

        updates, state = optimizer.update(jax.grad(loss)(weights), state)
        return optax.apply_updates(weights, updates), state

    def step() -> None:
        trained[:] = jax.block_until_ready(train(*trained, inputs, classes))

    return step


def jaxpike_step(frames: Tensor, targets: Tensor, hidden: int, dt: float) -> Step:
    """jaxpike: ``LIF`` and ``LeakyIntegrator`` under ``unroll``, all that it has of their kind."""
    import equinox
    import jax
    import jaxpike

    first, last = jax.random.split(jax.random.key(0))
    network = jaxpike.Sequential(
        jaxpike.Dense(frames[0, 0].numel(), hidden, key=first, use_bias=False),
        jaxpike.LIF(TAU / dt, threshold=V_TH, reset="zero"),
        jaxpike.Dense(hidden, 4, key=last, use_bias=False),
        jaxpike.LeakyIntegrator(TAU / dt),
    )
    weights, rest = equinox.partition(network, equinox.is_inexact_array)

    def forward(weights, inputs):
        voltages, _ = jaxpike.unroll(equinox.combine(weights, rest), inputs)
        return voltages

    return jax_step(forward, weights, frames, targets)


def sparx_step(frames: Tensor, targets: Tensor, hidden: int, dt: float) -> Step:
    """sparx: ``Recurrent`` of ``Synaptic``, and ``LI``, in a ``Sequential`` of Flax."""
    import jax
    import jax.numpy as jnp
    import sparx
    from flax import linen

    network = linen.Sequential(
        [
            linen.Dense(hidden, use_bias=False),
            sparx.nn.Recurrent(sparx.nn.Synaptic(TAU / dt, TAU / dt, V_TH, reset="zero")),
            linen.Dense(4, use_bias=False),
            sparx.nn.LI(TAU / dt),
        ]
    )
    weights = network.init(jax.random.key(0), jnp.asarray(frames.flatten(2).numpy()))
    return jax_step(network.apply, weights, frames, targets)


# By the name of the package on PyPI: what makes a step, and in what that differs from ``SNN``.
LIBRARIES: dict[str, Callable[..., Step]] = {
    "snntorch": snntorch_step,  # reset, surrogate
    "sinabs": sinabs_step,  # reset, surrogate, readout
    "rockpool": rockpool_step,  # reset, surrogate, readout
    "spikingjelly": spikingjelly_step,  # scale, surrogate, readout
    "spyx": spyx_step,  # reset, surrogate, scale, readout
    # No recurrence, no synapses; trained time constants, scale, surrogate.
    "jaxpike": jaxpike_step,
    "sparxml": sparx_step,  # surrogate, scale, readout
}


def installed_version(package: str) -> str | None:
    """Return the version of a package on PyPI, or None where it isn't installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
