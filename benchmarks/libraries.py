"""The book's network in other libraries: one training step of each.

They have the same layers and sizes, are fed the same frames, and each has the form that its
documentation shows. ``LIBRARIES`` says in what their neurons differ from those of ``SNN``, which
doesn't matter for the time they take. JAX and ``torch.compile`` compute the same model.
"""

import functools
import math
import shutil
import sys
from collections.abc import Callable, Iterable
from importlib import metadata
from typing import Any, NamedTuple

import torch

from pokersnn_helpers import SNN

Step = Callable[[], None]
TAU, READOUT_TAU = 0.010, 0.005  # s
V_TH = 0.3


def torch_step(
    forward: Callable[[torch.Tensor], torch.Tensor],
    layers: torch.nn.Module,
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
    anomaly: bool = False,
) -> Step:
    """Return a function that trains layers with each batch once: forward, loss, backward, Adam."""
    optimizer = torch.optim.Adam(layers.parameters(), lr=1e-4, fused=True)

    def step() -> None:
        with torch.autograd.set_detect_anomaly(anomaly):
            for frames, targets in batches:
                optimizer.zero_grad()
                scores = torch.log_softmax(forward(frames).max(dim=0).values, dim=-1)
                torch.nn.functional.nll_loss(scores, targets).backward()
                optimizer.step()

    return step


def snntorch_step(frames: torch.Tensor, targets: torch.Tensor, hidden: int, dt: float) -> Step:
    """snnTorch: ``RSynaptic`` and ``Synaptic`` in a loop over time."""
    import snntorch

    alpha, beta = math.exp(-dt / TAU), math.exp(-dt / TAU)
    project = torch.nn.Linear(frames[0, 0].numel(), hidden, bias=False)
    neurons = snntorch.RSynaptic(alpha, beta, linear_features=hidden, threshold=V_TH)
    linear = torch.nn.Linear(hidden, 4, bias=False)
    readout = snntorch.Synaptic(math.exp(-dt / READOUT_TAU), beta, reset_mechanism="none")

    def forward(frames: torch.Tensor) -> torch.Tensor:
        spikes, current, voltage = neurons.init_rsynaptic()
        current_out, voltage_out = readout.init_synaptic()
        voltages = []
        for frame in frames.flatten(2):
            spikes, current, voltage = neurons(project(frame), spikes, current, voltage)
            _, current_out, voltage_out = readout(linear(spikes), current_out, voltage_out)
            voltages.append(voltage_out)
        return torch.stack(voltages)

    layers = torch.nn.ModuleList([project, neurons, linear, readout])
    return torch_step(forward, layers, [(frames, targets)])


def sinabs_step(frames: torch.Tensor, targets: torch.Tensor, hidden: int, dt: float) -> Step:
    """sinabs: ``LIFRecurrent`` and ``ExpLeak``, which take all time steps at once."""
    from sinabs.layers import ExpLeak, LIFRecurrent

    project = torch.nn.Linear(frames[0, 0].numel(), hidden, bias=False)
    neurons = LIFRecurrent(
        tau_mem=TAU / dt,
        tau_syn=TAU / dt,
        rec_connect=torch.nn.Linear(hidden, hidden, bias=False),
        spike_threshold=torch.tensor(V_TH),
    )
    linear, readout = torch.nn.Linear(hidden, 4, bias=False), ExpLeak(tau_mem=TAU / dt)

    def forward(frames: torch.Tensor) -> torch.Tensor:
        neurons.reset_states()
        readout.reset_states()
        batch_first = project(frames.flatten(2)).transpose(0, 1)
        return readout(linear(neurons(batch_first))).transpose(0, 1)

    layers = torch.nn.ModuleList([project, neurons, linear, readout])
    return torch_step(forward, layers, [(frames, targets)])


def without_samna() -> None:
    """Keep rockpool from importing a driver of chips, which installs itself when imported."""
    sys.modules.setdefault("samna", None)  # type: ignore[arg-type]


def rockpool_step(frames: torch.Tensor, targets: torch.Tensor, hidden: int, dt: float) -> Step:
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

    def forward(frames: torch.Tensor) -> torch.Tensor:
        signal = frames.flatten(2).transpose(0, 1)
        for layer in layers:
            layer.reset_state()
            signal, _, _ = layer(signal)
        return signal.transpose(0, 1)

    return torch_step(forward, torch.nn.ModuleList(layers), [(frames, targets)])


def spikingjelly_step(frames: torch.Tensor, targets: torch.Tensor, hidden: int, dt: float) -> Step:
    """SpikingJelly: ``CUBALIFNode`` with recurrent weights, all time steps at once."""
    from spikingjelly.activation_based import functional, layer, neuron

    decay = math.exp(-dt / TAU)
    neurons = neuron.CUBALIFNode(decay, decay, v_threshold=V_TH, v_reset=0.0)
    layers = torch.nn.Sequential(
        layer.Linear(frames[0, 0].numel(), hidden, bias=False),
        layer.LinearRecurrentContainer(neurons, hidden, hidden, bias=False),
        layer.Linear(hidden, 4, bias=False),
        neuron.NonSpikingLIFNode(tau=TAU / dt),
    )
    functional.set_step_mode(layers, "m")

    def forward(frames: torch.Tensor) -> torch.Tensor:
        functional.reset_net(layers)
        return torch.stack(layers(frames.flatten(2)))

    return torch_step(forward, layers, [(frames, targets)])


def spyx_step(frames: torch.Tensor, targets: torch.Tensor, hidden: int, dt: float) -> Step:
    """Spyx: ``RCuBaLIF`` and ``LI`` in a ``Sequential``, under ``nnx.jit``, with optax's Adam."""
    import jax
    import jax.numpy as jnp
    import optax
    import spyx
    from flax import nnx

    decay, rngs = math.exp(-dt / TAU), nnx.Rngs(0)
    network = spyx.nn.Sequential(
        nnx.Linear(frames[0, 0].numel(), hidden, use_bias=False, rngs=rngs),
        spyx.nn.RCuBaLIF((hidden,), decay, decay, V_TH, rngs=rngs),
        nnx.Linear(hidden, 4, use_bias=False, rngs=rngs),
        spyx.nn.LI((4,), decay, rngs=rngs),
    )
    optimizer = nnx.Optimizer(network, optax.adam(1e-4), wrt=nnx.Param)
    inputs, classes = jnp.asarray(frames.flatten(2).numpy()), jnp.asarray(targets.numpy())

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


def book_weights(inputs: int, hidden: int) -> list[torch.Tensor]:
    """Return the weights with which ``SNN`` begins after seed 0: of inputs, spikes and readout."""
    torch.manual_seed(0)
    snn = SNN(inputs, hidden)
    weights = snn.lif0.input_weights, snn.lif0.recurrent_weights, snn.linear.weight
    return [each.detach().clone() for each in weights]


def torch_spike(excess: torch.Tensor) -> torch.Tensor:
    """Return 1 where a voltage is above the threshold, with Norse's surrogate gradient."""
    smooth = excess / (1 + excess.abs())
    return (excess > 0).to(excess.dtype) + (smooth - smooth.detach())


def loop_step(spike, constant, w_rec, w_out, dt, state, current):
    """Step ``SNN`` on, in operations that ``torch.compile`` and JAX can fuse.

    ``spike`` has the surrogate gradient, and what ``constant`` returns has none.
    """
    z, v, i, v_out, i_out = state
    i = i + current + z @ w_rec.T
    v = v + dt / TAU * (i - v)
    i = i - dt / TAU * i
    z = spike(v - V_TH)
    v = (1 - constant(z)) * v
    i_out = i_out + z @ w_out.T
    v_out = v_out + dt / TAU * (i_out - v_out)
    return (z, v, i, v_out, i_out - dt / READOUT_TAU * i_out), v_out


def run_loop(step, frames, weights, dt):
    """Return the voltages of all steps, the input projected at once."""
    w_in, w_rec, w_out = weights
    zero = frames.new_zeros(frames.shape[1], len(w_rec))
    state, voltages = (zero, zero, zero, zero[:, :4], zero[:, :4]), []
    for current in frames.flatten(2) @ w_in.T:
        state, voltage = step(torch_spike, torch.detach, w_rec, w_out, dt, state, current)
        voltages.append(voltage)
    return torch.stack(voltages)


def compiled_step(frames: torch.Tensor, targets: torch.Tensor, hidden: int, dt: float) -> Step:
    """torch.compile: a time step of the loop, compiled; the whole loop takes minutes to compile."""
    weights = map(torch.nn.Parameter, book_weights(frames[0, 0].numel(), hidden))
    layers, step = torch.nn.ParameterList(weights), torch.compile(loop_step, dynamic=False)
    return torch_step(lambda x: run_loop(step, x, layers, dt), layers, [(frames, targets)])


def jax_network(frames: torch.Tensor, dt: float, sparse: bool) -> tuple[Callable[..., Any], Any]:
    """Return a function from weights and inputs to voltages, and the inputs, dense or not.

    Sparse ones list each event's row (a time step of a recording), its input and its count: to
    project them is to gather rows of the weights, and to add those of each step up.
    """
    import jax
    import jax.numpy as jnp

    @jax.custom_jvp
    def spike(x):
        return (x > 0).astype(x.dtype)

    @spike.defjvp
    def _(primals, tangents):
        (x,), (slope,) = primals, tangents
        return spike(x), slope / (1 + jnp.abs(x)) ** 2

    steps, batch = frames.shape[:2]

    def project(w_in, inputs):
        if not sparse:
            return inputs @ w_in.T
        rows, places, counts = inputs
        currents = counts[:, None] * w_in.T[places]
        total = jax.ops.segment_sum(currents, rows, steps * batch, indices_are_sorted=True)
        return total.reshape(steps, batch, -1)

    def voltages(weights, inputs):
        w_in, w_rec, w_out = weights
        step = functools.partial(loop_step, spike, jax.lax.stop_gradient, w_rec, w_out, dt)
        zero, zero_out = jnp.zeros((batch, len(w_rec))), jnp.zeros((batch, 4))
        start = (zero, zero, zero, zero_out, zero_out)
        return jax.lax.scan(step, start, project(w_in, inputs))[1]

    flat = frames.flatten(2)
    rows, places = flat.flatten(0, 1).nonzero(as_tuple=True)
    found = (rows, places, flat.flatten(0, 1)[rows, places]) if sparse else (flat,)
    inputs = [jnp.asarray(each.numpy()) for each in found]
    return voltages, inputs if sparse else inputs[0]


def jax_step(
    frames: torch.Tensor, targets: torch.Tensor, hidden: int, dt: float, sparse: bool = False
) -> Step:
    """JAX: the same model as ``SNN``, under ``jit`` and ``lax.scan``, with Adam."""
    import jax
    import jax.numpy as jnp
    import optax

    voltages, inputs = jax_network(frames, dt, sparse)
    classes = jnp.asarray(targets.numpy())

    def loss(weights, inputs, classes):
        scores = jax.nn.log_softmax(voltages(weights, inputs).max(axis=0))
        return -scores[jnp.arange(len(classes)), classes].mean()

    optimizer = optax.adam(1e-4)

    @jax.jit
    def train(weights, state, inputs, classes):
        updates, state = optimizer.update(jax.grad(loss)(weights, inputs, classes), state)
        return optax.apply_updates(weights, updates), state

    weights = [jnp.asarray(w.numpy()) for w in book_weights(frames[0, 0].numel(), hidden)]
    now = [weights, optimizer.init(weights)]

    def step() -> None:
        now[:] = jax.block_until_ready(train(*now, inputs, classes))

    return step


class Library(NamedTuple):
    """A row of the table.

    Attributes:
        package: Its name on PyPI.
        make: Returns a training step.
        differs: In what it computes something else than ``SNN``.
    """

    package: str
    make: Callable[[torch.Tensor, torch.Tensor, int, float], Step]
    differs: str


LIBRARIES = {
    "snntorch": Library("snntorch", snntorch_step, "reset, surrogate"),
    "sinabs": Library("sinabs", sinabs_step, "reset, surrogate, readout"),
    "rockpool": Library("rockpool", rockpool_step, "reset, surrogate, readout"),
    "spikingjelly": Library("spikingjelly", spikingjelly_step, "scale, surrogate, readout"),
    "spyx": Library("spyx", spyx_step, "reset, surrogate, scale, readout"),
    "jax": Library("jax", jax_step, "rounding"),
    "jax, sparse input": Library("jax", functools.partial(jax_step, sparse=True), "rounding"),
    "torch.compile": Library("torch", compiled_step, "rounding"),
}


def is_missing(name: str) -> bool:
    """Say whether a library isn't installed, or what it compiles with."""
    if name == "torch.compile" and not any(map(shutil.which, ("g++", "clang++", "cl"))):
        return True
    return installed_version(LIBRARIES[name].package) is None


def installed_version(package: str) -> str | None:
    """Return the version of a package on PyPI, or None where it isn't installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
