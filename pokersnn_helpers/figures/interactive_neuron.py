"""One LIF neuron to play with, and the staircase that it makes of a loss."""

import math
from collections.abc import Iterator
from types import SimpleNamespace
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from norse.torch.functional.lif import LIFFeedForwardState, LIFParameters, lif_feed_forward_step

from .colours import ACCENT, TEXT
from .interactive import InteractiveFigure, Slider, initial_values
from .networks import plot_neuron

NEURON_SLIDERS = {
    "tau_mem": Slider("membrane time constant", "ms", 2, 50, 1, 10),
    "tau_syn": Slider("synaptic time constant", "ms", 2, 50, 1, 10),
    "v_th": Slider("threshold", "a.u.", 0.05, 1, 0.05, 0.3, digits=2),
    "rate": Slider("input rate", "events/s", 0, 2000, 50, 1000),
}
# ``dt`` in s; an input event raises the current by ``weight``.
NEURON = SimpleNamespace(seed=0, steps=1000, dt=0.0001, weight=0.05)

STAIRCASE_SLIDERS = {
    "weight": Slider("weight", "", 0, 0.4, 0.001, 0.1, digits=3),
    "beta": Slider("steepness β", "", 0, 2, 0.1, 1, digits=1, scale="log"),
    "dt": Slider("time step Δt", "ms", 0.1, 1, 0.1, 1, digits=1),
}
STAIRCASE = SimpleNamespace(
    input=(2.5, 5.5, 7.5, 14.5, 16.5, 21.5, 23.5, 25.5, 33.5, 35.5),  # ms
    duration=45.0,  # ms
    tau=10.0,  # ms, of the membrane and of the synapse
    threshold=0.3,
    target=4,  # spikes
    learning_rate=2e-4,
    longest_step=0.05,  # of the weight
)


def lif_traces(
    inputs: np.ndarray, dt: float, v_th: float, tau_mem: float = 0.010, tau_syn: float = 0.010
) -> np.ndarray:
    """Run one leaky integrate-and-fire neuron with Norse, in double precision.

    Args:
        inputs: By how much the input raises the synaptic current in each time step, of shape (T,).
        dt: Duration of a time step in s.
        v_th: Threshold, in the voltage's arbitrary unit.
        tau_mem: Membrane time constant in s.
        tau_syn: Synaptic time constant in s.

    Returns:
        Spikes (0 or 1), membrane voltages after the reset, and synaptic currents, of shape (3, T).

    Example:
        >>> spikes, voltages, currents = lif_traces(np.ones(20), dt=0.001, v_th=0.3)
        >>> int(spikes.sum())
        18
    """
    constants = torch.tensor([0, 1 / tau_syn, 1 / tau_mem, v_th], dtype=torch.float64)
    rest, syn, mem, threshold = constants
    parameters = LIFParameters(tau_syn_inv=syn, tau_mem_inv=mem, v_th=threshold)
    state = LIFFeedForwardState(v=rest, i=rest)
    trace = []
    for jump in torch.as_tensor(inputs, dtype=torch.float64):
        spike, state = lif_feed_forward_step(jump, state, parameters, dt)
        trace.append((spike.item(), state.v.item(), state.i.item()))
    return np.array(trace).T


def interactive_neuron() -> InteractiveFigure:
    """Draw a LIF neuron with random input; the page gives it sliders and a button for new input.

    The page steps the neuron by the rule of ``norse.torch.functional.lif.lif_feed_forward_step``,
    which draws the image.

    A seed says when input events arrive, and each press of the button adds 1 to it. Another rate
    compresses or stretches the input.

    Returns:
        The figure; its image has the sliders at their start.

    Example:
        >>> interactive_neuron().kind
        'neuron'
    """
    start = initial_values(NEURON_SLIDERS)
    arrivals = random_arrivals(NEURON.seed)
    spikes, voltage, current = run_neuron(arrivals, **start)
    times = 1000 * NEURON.dt * np.arange(1, NEURON.steps + 1)  # ms; a state holds at a step's end
    inputs = 1000 * arrivals / start["rate"]
    inputs = inputs[inputs < times[-1]]
    return InteractiveFigure.from_figure(
        "neuron",
        plot_neuron(times, current, voltage, start["v_th"], spikes, inputs),
        f"Input events, synaptic current, membrane voltage and {spikes.sum():.0f} spikes of a "
        f"neuron over {times[-1]:.0f} milliseconds. The current jumps at each input event and "
        "decays. The voltage follows it up to the dashed threshold, where each spike resets it to "
        "zero.",
        sliders=NEURON_SLIDERS,
        **vars(NEURON),
    )


def random_arrivals(seed: int) -> np.ndarray:
    """Draw when input events would arrive at a rate of 1 event/s: with exponential waits, in s.

    There are enough for the highest rate of ``NEURON_SLIDERS``. The script draws the same ones.
    """
    most = round(2 * NEURON_SLIDERS["rate"].highest * NEURON.steps * NEURON.dt)
    numbers = _mulberry32(seed)
    return np.cumsum([-math.log(1 - next(numbers)) for _ in range(most)])


def _mulberry32(state: int) -> Iterator[float]:
    """Yield random numbers from 0 to 1, by a generator that is as short in JavaScript."""
    bits = 0xFFFFFFFF
    while True:
        state = state + 0x6D2B79F5 & bits
        mixed = (state ^ state >> 15) * (state | 1) & bits
        mixed ^= mixed + (mixed ^ mixed >> 7) * (mixed | 61) & bits
        yield (mixed ^ mixed >> 14) / 2**32


def run_neuron(
    arrivals: np.ndarray, tau_mem: float, tau_syn: float, v_th: float, rate: float
) -> np.ndarray:
    """Run the neuron of ``interactive_neuron``, with arrivals (s) at 1 event/s; taus are in ms."""
    with np.errstate(divide="ignore"):
        steps = np.floor(arrivals / rate / NEURON.dt)
    counts = np.bincount(steps[steps < NEURON.steps].astype(int), minlength=NEURON.steps)
    return lif_traces(NEURON.weight * counts, NEURON.dt, v_th, tau_mem / 1000, tau_syn / 1000)


class Staircase(NamedTuple):
    """What a neuron's weight leads to; arrays have one entry per weight."""

    spikes: np.ndarray  # how many
    loss: np.ndarray  # square of their difference from the target
    gradient: np.ndarray  # of the loss, with the surrogate as the derivative of a spike


def run_staircase(weights: np.ndarray, beta: float, dt: float) -> Staircase:
    """Run the neuron of ``interactive_staircase``, and differentiate it by PyTorch.

    It is Norse's neuron. Norse 1.1 would use 1 for any ``beta``, so the steps are written out here.
    ``beta`` is the steepness of the surrogate 1 / (1 + beta · abs(v − threshold))²; dt is in ms.
    """
    weight = torch.tensor(weights, dtype=torch.float64, requires_grad=True)
    v = i = spikes = torch.zeros_like(weight)
    arrivals = {int(time / dt) for time in STAIRCASE.input}
    for step in range(int(STAIRCASE.duration / dt)):
        i = i + weight * (step in arrivals)
        v = v + dt / STAIRCASE.tau * (i - v)
        i = i - dt / STAIRCASE.tau * i
        above = v - STAIRCASE.threshold
        smooth = above / (1 + beta * above.abs())  # its derivative is the surrogate
        spike = (above > 0) + (smooth - smooth.detach())
        v = (1 - spike) * v
        spikes = spikes + spike
    loss = (spikes - STAIRCASE.target) ** 2
    (gradient,) = torch.autograd.grad(loss.sum(), weight)
    return Staircase(spikes.detach().numpy(), loss.detach().numpy(), gradient.numpy())


def interactive_staircase() -> InteractiveFigure:
    """Draw the loss of one neuron against its one weight, which is a staircase.

    On the page, a ball stands on the staircase at the current weight. A step against the
    true gradient leaves it there, and one against the surrogate gradient moves it.

    Returns:
        The figure; its image has the sliders at their start.

    Example:
        >>> interactive_staircase().kind
        'staircase'
    """
    slider, start = STAIRCASE_SLIDERS["weight"], initial_values(STAIRCASE_SLIDERS)
    weights = np.linspace(slider.lowest, slider.highest, 401)
    staircase = run_staircase(weights, start["beta"], start["dt"])
    ball = run_staircase(np.array([start["weight"]]), start["beta"], start["dt"])
    return InteractiveFigure.from_figure(
        "staircase",
        _plot_staircase(weights, staircase, start["weight"], ball),
        "Two plots against the weight. Above, the loss goes down in steps to 0 and up again, flat "
        "between them; a ball lies on one of the upper steps. Below, the true gradient is 0, and "
        f"the surrogate gradient runs from {staircase.gradient.min():.0f} to "
        f"{staircase.gradient.max():.0f}: negative where the neuron spikes too little, positive "
        "where it spikes too much.",
        sliders=STAIRCASE_SLIDERS,
        **vars(STAIRCASE),
    )


def _plot_staircase(
    weights: np.ndarray, staircase: Staircase, weight: float, ball: Staircase
) -> Figure:
    fig, (top, bottom) = plt.subplots(2, 1, sharex=True, figsize=(6.0, 3.6), layout="constrained")
    top.step(weights, staircase.loss, where="post", color=TEXT)
    top.plot(weight, ball.loss, "o", color=ACCENT, markersize=10)
    top.set(title=f"loss = (spikes − {STAIRCASE.target})²", ylabel="loss")
    bottom.axhline(0, color=TEXT)
    bottom.plot(weights, staircase.gradient, color=ACCENT, linewidth=1)
    bottom.plot(weight, ball.gradient, "o", color=ACCENT)
    bottom.set(title="its gradient", xlabel="weight", ylabel="gradient")
    bottom.text(0.0, 0, "true", color=TEXT, va="bottom")
    bottom.text(weight, ball.gradient[0], "   surrogate", color=ACCENT, va="top")
    return fig
