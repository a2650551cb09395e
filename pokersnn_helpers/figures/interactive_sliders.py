"""Figures with sliders: a pixel of a camera, a LIF neuron, a loss, and a motion detector.

Each has its sliders, its constants, a function that runs what it shows, which its script repeats,
one that makes the figure, and one that draws the static image.
"""

import math
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from types import SimpleNamespace
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, Rectangle
from numpy import ndarray

from ..system.norse_cells import LIFFeedForwardState, LIFParameters, lif_feed_forward_step
from .colours import ACCENT, GREY, OFF, ON, SHADE, TEXT
from .dynamics import plot_neuron
from .interactive import InteractiveFigure, Slider, initial_values
from .labels import counted

# ---- One pixel, one edge: how an ideal pixel turns light into events ----

PIXEL_SLIDERS = {
    "contrast": Slider("contrast", "", 1.5, 20, 0.5, 10, digits=1),
    "threshold": Slider("threshold", "", 0.1, 0.6, 0.05, 0.3, digits=2),
    "speed": Slider("speed", "px/ms", 0.4, 4, 0.1, 0.6, digits=1),
    "daylight": Slider("daylight", "", -1, 1, 0.1, 0, digits=2, scale="log"),
}
# Times in ms, widths in pixels; an edge is soft, as through any lens.
PIXEL = SimpleNamespace(duration=20.0, dt=0.02, pip_width=4.0, edge_width=2.0)


class PixelTrace(NamedTuple):
    """What a pixel saw, kept and sent."""

    times: ndarray  # ms, (T,)
    light: ndarray  # at these times; 1 is that of the card at daylight 1
    level: ndarray  # what the pixel compares: the logarithm of the light, or the light itself
    reference: ndarray  # the level that the pixel stores, after the events of each time
    event_times: ndarray  # ms, one per event
    polarities: ndarray  # 1 for ON and 0 for OFF, one per event


def run_pixel(
    contrast: float, threshold: float, speed: float, daylight: float, *, linear: bool
) -> PixelTrace:
    """Move a dark pip past a pixel, and record the pixel's events.

    The pixel is an ``EventCamera`` without any imperfection whose reference starts at the light.
    ``contrast`` is the card's light divided by the pip's, ``speed`` is in pixels per ms, and
    ``daylight`` is a factor of all light. A ``linear`` pixel compares the light, not its logarithm.
    """
    times = PIXEL.dt * np.arange(round(PIXEL.duration / PIXEL.dt) + 1)
    place = np.abs(times - PIXEL.duration / 2) * speed  # of the pip's centre, in pixels
    outside = np.clip((place - PIXEL.pip_width / 2) / PIXEL.edge_width + 0.5, 0, 1)
    covered = (1 + np.cos(np.pi * outside)) / 2
    light = daylight * (1 - (1 - 1 / contrast) * covered)
    level = light if linear else np.log(light)
    reference = level[0]
    stored = [reference]
    events = []
    for time, (before, now) in zip(times, pairwise(level), strict=False):
        change = now - reference
        sign = np.sign(change)
        # Both ends of a pip are whole steps apart: rounding mustn't lose the last event.
        count = int(abs(change) / threshold + 1e-6)
        for _ in range(count):
            reference += sign * threshold
            share = min((reference - before) / (now - before), 1)
            events.append((time + PIXEL.dt * share, sign > 0))
        stored.append(reference)
    event_times, polarities = np.array(events).reshape(-1, 2).T
    return PixelTrace(times, light, level, np.array(stored), event_times, polarities)


def interactive_pixel() -> InteractiveFigure:
    """Draw how a pixel turns the light of a passing pip into events; the page gives it sliders.

    Returns:
        The figure, whose static image shows the sliders at their start.

    Example:
        >>> interactive_pixel().kind
        'pixel'
    """
    start = initial_values(PIXEL_SLIDERS)
    trace = run_pixel(**start, linear=False)
    return InteractiveFigure.from_figure(
        "pixel",
        _plot_pixel(trace, start["threshold"]),
        "Three plots one above the other, over 20 milliseconds. The light falls as a dark pip "
        "comes, and rises as it goes. Below, the logarithm of the light, followed in steps by the "
        "pixel's reference. At the bottom, OFF events while the light falls, and as many ON events "
        "while it rises; none in between.",
        sliders=PIXEL_SLIDERS,
        **vars(PIXEL),
    )


def _plot_pixel(trace: PixelTrace, threshold: float) -> Figure:
    fig, (light, level, events) = plt.subplots(
        3,
        sharex=True,
        figsize=(6.0, 3.4),
        height_ratios=[3, 5, 2],
        layout="constrained",
    )
    light.plot(trace.times, trace.light, color=TEXT)
    light.set(ylabel="light", ylim=(0, None))
    low = trace.reference - threshold
    high = trace.reference + threshold
    level.fill_between(trace.times, low, high, step="post", color=SHADE)
    level.step(trace.times, trace.reference, where="post", color=ACCENT)
    level.plot(trace.times, trace.level, color=TEXT)
    level.set(ylabel="ln(light)")
    level.text(0.2, -0.5, "reference\n± threshold", color=ACCENT, va="top")
    on = trace.polarities == 1
    events.vlines(trace.event_times[on], 0, 1, color=ON)
    events.vlines(trace.event_times[~on], 0, -1, color=OFF)
    events.axhline(0, color=GREY, linewidth=0.8)
    events.set(
        xlabel="time (ms)",
        xlim=(0, PIXEL.duration),
        ylim=(-1.4, 1.4),
        yticks=[-1, 1],
        yticklabels=["OFF", "ON"],
    )
    return fig


# ---- One LIF neuron to play with, and the staircase that it makes of a loss ----

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
    "beta": Slider("steepness β", "", -1, 2, 0.1, 0, digits=1, scale="log"),
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


def lif_traces(inputs: ndarray, dt: float, v_th: float, tau_mem: float, tau_syn: float) -> ndarray:
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
        >>> traces = lif_traces(np.ones(20), dt=0.001, v_th=0.3, tau_mem=0.01, tau_syn=0.01)
        >>> spikes, voltages, currents = traces
        >>> int(spikes.sum())
        18
    """
    parameters = LIFParameters(1 / tau_syn, 1 / tau_mem, v_th=v_th)
    state = LIFFeedForwardState(*torch.zeros(2, dtype=torch.float64))
    trace = []
    for jump in torch.as_tensor(inputs, dtype=torch.float64):
        spike, state = lif_feed_forward_step(jump, state, parameters, dt)
        trace.append(torch.stack([spike, *state]))
    return torch.stack(trace).T.numpy()


def interactive_neuron() -> InteractiveFigure:
    """Draw a LIF neuron with random input; the page gives it sliders and a button for new input.

    The page steps the neuron by the rule of ``norse.torch.functional.lif.lif_feed_forward_step``,
    which draws the image.

    A seed says when input events arrive, and each press of the button adds 1 to it. Another rate
    compresses or stretches the input.

    Returns:
        The figure, whose static image shows the sliders at their start.

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
        "Input events, synaptic current, membrane voltage and spikes of a neuron over time. The "
        "current jumps at each input event and decays. The voltage follows it up to the dashed "
        "threshold, where each spike resets it to zero.",
        sliders=NEURON_SLIDERS,
        **vars(NEURON),
    )


def random_arrivals(seed: int) -> ndarray:
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
    arrivals: ndarray, tau_mem: float, tau_syn: float, v_th: float, rate: float
) -> ndarray:
    """Run the neuron of ``interactive_neuron``, with arrivals (s) at 1 event/s; taus are in ms."""
    with np.errstate(divide="ignore"):
        steps = np.floor(arrivals / rate / NEURON.dt)
    steps = steps[steps < NEURON.steps].astype(int)
    jumps = NEURON.weight * np.bincount(steps, minlength=NEURON.steps)
    return lif_traces(jumps, NEURON.dt, v_th, tau_mem / 1000, tau_syn / 1000)


class Staircase(NamedTuple):
    """What a neuron's weight leads to; arrays have one entry per weight."""

    spikes: ndarray  # how many
    loss: ndarray  # square of their difference from the target
    gradient: ndarray  # of the loss, with the surrogate as the derivative of a spike


def run_staircase(weights: ndarray, beta: float, dt: float) -> Staircase:
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
        smooth = above / (1 + beta * above.abs())  # whose derivative is the surrogate
        spike = (above > 0) + (smooth - smooth.detach())  # 0 or 1, with that derivative
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
        The figure, whose static image shows the sliders at their start.

    Example:
        >>> interactive_staircase().kind
        'staircase'
    """
    start = initial_values(STAIRCASE_SLIDERS)
    slider = STAIRCASE_SLIDERS["weight"]
    weights = np.linspace(slider.lowest, slider.highest, 401)
    weight = start.pop("weight")
    staircase = run_staircase(weights, **start)
    ball = run_staircase(np.array([weight]), **start)
    return InteractiveFigure.from_figure(
        "staircase",
        _plot_staircase(weights, staircase, weight, ball),
        "Two plots against the weight. Above, the loss goes down in steps to 0 and up again, flat "
        "between them; a ball lies on one of the upper steps. Below, the true gradient is 0, and "
        "the surrogate gradient isn't: negative where the neuron spikes too little, positive where "
        "it spikes too much.",
        sliders=STAIRCASE_SLIDERS,
        **vars(STAIRCASE),
    )


def _plot_staircase(
    weights: ndarray, staircase: Staircase, weight: float, ball: Staircase
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


# ---- A delay, and a neuron that spikes if two pixels' events arrive together ----

DETECTOR_SLIDERS = {
    "delay": Slider("delay", "ms", 0, 10, 0.5, 4, digits=1),
    "speed": Slider("speed", "px/ms", 0.1, 1, 0.05, 0.25, digits=2),
    "tau": Slider("time constants", "ms", 0.5, 20, 0.5, 1, digits=1),
}
DETECTOR = SimpleNamespace(
    duration=40.0,  # ms
    dt=0.05,  # ms
    begin=2.0,  # ms: the edge is at the first of the two pixels
    threshold=0.6,  # a spike alone lifts the voltage to 1 / e, two at once to 2 / e
)


def detector_arrivals(delay: float, speed: float, direction: str) -> tuple[float, float]:
    """Return when (ms) the neuron hears of the left pixel, which is delayed, and of the right one.

    The pixels are one pixel apart, and the edge moves ``"right"`` or ``"left"`` at pixels per ms.
    """
    late = DETECTOR.begin + 1 / speed
    if direction == "right":
        return DETECTOR.begin + delay, late
    return late + delay, DETECTOR.begin


def run_detector(delay: float, speed: float, tau: float, direction: str) -> ndarray:
    """Run the neuron of ``interactive_detector``.

    Args:
        delay: Delay of the left pixel in ms.
        speed: Speed of the edge in pixels per ms. The pixels are one pixel apart.
        tau: Membrane and synaptic time constant in ms.
        direction: The direction of the edge, ``"right"`` or ``"left"``.

    Returns:
        Spikes, voltages and currents, as ``lif_traces`` returns them.

    Example:
        >>> spikes = [run_detector(4, 0.25, 1, way)[0].sum() for way in ("right", "left")]
        >>> [int(count) for count in spikes]
        [1, 0]
    """
    arrivals = np.array(detector_arrivals(delay, speed, direction))
    steps = np.floor(arrivals / DETECTOR.dt + 1e-6).astype(int)  # 6 / 0.05 is a little below 120
    inputs = np.bincount(steps, minlength=round(DETECTOR.duration / DETECTOR.dt))
    return lif_traces(inputs, DETECTOR.dt / 1000, DETECTOR.threshold, tau / 1000, tau / 1000)


def interactive_detector() -> InteractiveFigure:
    """Draw two pixels, a delay and a neuron that tells right from left; the page gives it sliders.

    It is the motion detector of Hassenstein and Reichardt (1956, doi:10.1515/znb-1956-9-1004),
    with a spiking neuron in place of their multiplication.

    Returns:
        The figure, whose static image shows the sliders at their start.

    Example:
        >>> interactive_detector().kind
        'detector'
    """
    return InteractiveFigure.from_figure(
        "detector",
        _plot_detector(**initial_values(DETECTOR_SLIDERS)),
        "Above, an edge moves right past two pixels. The left pixel's line goes through a delay, "
        "the right one's doesn't, and both end at one neuron. Below, the neuron's voltage over "
        "time. For an edge that moves right both inputs arrive at once, and the voltage reaches "
        "the threshold: a spike. For one that moves left they arrive one after the other, and it "
        "stays below.",
        sliders=DETECTOR_SLIDERS,
        **vars(DETECTOR),
    )


def _plot_detector(delay: float, speed: float, tau: float) -> Figure:
    fig, (top, bottom) = plt.subplots(
        2, height_ratios=[1, 1.2], figsize=(6.0, 4.4), layout="constrained"
    )
    _draw_detector(top, delay)
    for direction, colour, height in [("right", ACCENT, 0.9), ("left", GREY, 0.76)]:
        spikes, voltage, _ = run_detector(delay, speed, tau, direction)
        times = DETECTOR.dt * np.arange(1, len(voltage) + 1)
        bottom.plot(times, voltage, color=colour)
        text = f"edge moves {direction}: {counted(int(spikes.sum()), 'spike')}"
        bottom.text(0.98, height, text, color=colour, ha="right", transform=bottom.transAxes)
        bottom.vlines(times[spikes > 0], 0, 1, color=colour, linewidth=2.5)
    bottom.axhline(DETECTOR.threshold, color=GREY, linestyle="--", linewidth=1)
    bottom.set(
        xlabel="time (ms)",
        ylabel="v (a.u.)",
        xlim=(0, 20),
        ylim=(0, 1.1),
        xticks=range(0, 21, 5),
        yticks=[0, 0.5, 1],
    )
    return fig


def _draw_detector(ax: Axes, delay: float) -> None:
    """Draw an edge, two pixels, a delay and a neuron, in the units of the page's drawing / 100."""
    ax.set(xlim=(0, 6), ylim=(1.6, 0), aspect="equal")
    ax.set_axis_off()
    ax.add_patch(Rectangle((0, 0.1), 0.75, 1.4, facecolor=TEXT))
    box = partial(Rectangle, facecolor=SHADE, linewidth=1.5)
    ax.add_patch(box((1.5, 0.5), 0.6, 0.6, edgecolor=TEXT))
    ax.add_patch(box((2.15, 0.5), 0.6, 0.6, edgecolor=TEXT))
    line = partial(ax.plot, color=TEXT, linewidth=1.5, zorder=0)
    line([1.8, 1.8, 4.45, 4.7], [0.5, 0.2, 0.2, 0.55])
    line([2.45, 2.45, 4.45, 4.7], [1.1, 1.4, 1.4, 1.05])
    ax.add_patch(box((2.8, 0.02), 1.35, 0.36, edgecolor=ACCENT))
    ax.text(3.475, 0.2, f"{delay:.1f} ms late", color=ACCENT, ha="center", va="center")
    ax.add_patch(Circle((4.85, 0.8), 0.3, color=ACCENT))
    arrow = partial(
        FancyArrowPatch,
        arrowstyle="-|>",
        mutation_scale=13,
        linewidth=1.5,
        shrinkA=0,
        shrinkB=0,
    )
    ax.add_patch(arrow((0.8, 0.8), (1.25, 0.8), color=TEXT))
    ax.add_patch(arrow((5.2, 0.8), (5.75, 0.8), color=ACCENT))
