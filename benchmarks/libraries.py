"""The book's network in other libraries: one training step of each.

They have the same layers and sizes and are fed the same frames. Their neurons differ in detail (the
reset, the surrogate), and that doesn't matter for the time they take. JAX computes the same model.
"""

import math
import sys
from collections.abc import Callable, Iterable

import torch

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


def rockpool_step(frames: torch.Tensor, targets: torch.Tensor, hidden: int, dt: float) -> Step:
    """rockpool: ``LIFTorch`` with recurrent weights, and ``ExpSynTorch``."""
    sys.modules.setdefault("samna", None)  # type: ignore[arg-type]  # a driver of chips, which installs itself when imported
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


def jax_step(frames: torch.Tensor, targets: torch.Tensor, hidden: int, dt: float) -> Step:
    """JAX: the same model as ``SNN``, under ``jit`` and ``lax.scan``, with Adam."""
    import jax
    import jax.numpy as jnp

    @jax.custom_jvp
    def spike(x):
        return (x > 0).astype(x.dtype)

    @spike.defjvp
    def _(primals, tangents):
        (x,), (slope,) = primals, tangents
        return spike(x), slope / (1 + jnp.abs(x)) ** 2

    def loss(weights, inputs, classes):
        w_in, w_rec, w_out = weights
        a, s, s_out = dt / TAU, dt / TAU, dt / READOUT_TAU
        zero, zero_out = jnp.zeros((inputs.shape[1], hidden)), jnp.zeros((inputs.shape[1], 4))

        def step(state, current):
            z, v, i, v_out, i_out = state
            i = i + current + z @ w_rec.T
            v = v + a * (i - v)
            i = i - s * i
            z = spike(v - V_TH)
            v = (1 - jax.lax.stop_gradient(z)) * v
            i_out = i_out + z @ w_out.T
            v_out = v_out + a * (i_out - v_out)
            i_out = i_out - s_out * i_out
            return (z, v, i, v_out, i_out), v_out

        start = (zero, zero, zero, zero_out, zero_out)
        _, voltages = jax.lax.scan(step, start, inputs @ w_in.T)
        scores = jax.nn.log_softmax(voltages.max(axis=0))
        return -scores[jnp.arange(len(classes)), classes].mean()

    @jax.jit
    def train(state, inputs, classes):
        weights, mean, square, count = state
        grads = jax.grad(loss)(weights, inputs, classes)
        count = count + 1
        mean = [0.9 * m + 0.1 * g for m, g in zip(mean, grads, strict=True)]
        square = [0.999 * q + 0.001 * g**2 for q, g in zip(square, grads, strict=True)]
        weights = [
            w - 1e-4 * (m / (1 - 0.9**count)) / (jnp.sqrt(q / (1 - 0.999**count)) + 1e-8)
            for w, m, q in zip(weights, mean, square, strict=True)
        ]
        return weights, mean, square, count

    inputs, classes = jnp.asarray(frames.flatten(2).numpy()), jnp.asarray(targets.numpy())
    keys = jax.random.split(jax.random.PRNGKey(0), 3)
    shapes = ((hidden, inputs.shape[2]), (hidden, hidden), (4, hidden))
    weights = [
        math.sqrt(2 / hidden) * jax.random.normal(key, shape)
        for key, shape in zip(keys, shapes, strict=True)
    ]
    zeros = [jnp.zeros_like(w) for w in weights]
    state = [(weights, zeros, zeros, 0.0)]

    def step() -> None:
        state[0] = jax.block_until_ready(train(state[0], inputs, classes))

    return step


# By the name of the package on PyPI.
LIBRARY_STEPS: dict[str, Callable[[torch.Tensor, torch.Tensor, int, float], Step]] = {
    "snntorch": snntorch_step,
    "sinabs": sinabs_step,
    "rockpool": rockpool_step,
    "jax": jax_step,
}
