"""A motion detector of two pixels: a delay, and a neuron that spikes if both arrive together."""

from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, Rectangle

from .colours import ACCENT, GREY, SHADE, TEXT
from .interactive import InteractiveFigure, Slider, initial_values
from .interactive_neuron import lif_traces

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
DIRECTIONS = ("right", "left")


def detector_arrivals(delay: float, speed: float, direction: str) -> tuple[float, float]:
    """Return when (ms) the neuron hears of the left pixel, which is delayed, and of the right one.

    The pixels are one pixel apart, and the edge moves ``"right"`` or ``"left"`` at pixels per ms.
    """
    late = 1 / speed
    left, right = (0.0, late) if direction == "right" else (late, 0.0)
    return DETECTOR.begin + left + delay, DETECTOR.begin + right


def run_detector(delay: float, speed: float, tau: float, direction: str) -> np.ndarray:
    """Run the neuron of ``interactive_detector``.

    Args:
        delay: As for ``detector_arrivals``.
        speed: As for ``detector_arrivals``.
        tau: Membrane and synaptic time constant in ms.
        direction: As for ``detector_arrivals``.

    Returns:
        What ``lif_traces`` returns.

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
        The figure; its image has the sliders at their start.

    Example:
        >>> interactive_detector().kind
        'detector'
    """
    start = initial_values(DETECTOR_SLIDERS)
    return InteractiveFigure.from_figure(
        "detector",
        _plot_detector(**start),
        "Above, an edge moves right past two pixels. The left pixel's line goes through a delay of "
        f"{start['delay']:.0f} milliseconds, the right one's doesn't, and both end at one neuron. "
        "Below, the neuron's voltage over time. For an edge that moves right both inputs arrive at "
        "once, and the voltage reaches the threshold: a spike. For one that moves left they arrive "
        "one after the other, and it stays below.",
        sliders=DETECTOR_SLIDERS,
        **vars(DETECTOR),
    )


def _plot_detector(delay: float, speed: float, tau: float) -> Figure:
    fig = Figure(figsize=(6.0, 4.4), layout="constrained")
    top, bottom = fig.subplots(2, 1, height_ratios=[1, 1.2])
    _draw_detector(top, delay)
    for direction, colour in zip(DIRECTIONS, (ACCENT, GREY), strict=True):
        spikes, voltage, _ = run_detector(delay, speed, tau, direction)
        times = DETECTOR.dt * np.arange(1, len(voltage) + 1)
        bottom.plot(times, voltage, color=colour)
        count = int(spikes.sum())
        words = f"edge moves {direction}: {count} spike{'' if count == 1 else 's'}"
        bottom.text(0.98, 0.9 - 0.14 * (colour == GREY), words, color=colour, ha="right",
                    transform=bottom.transAxes)  # fmt: skip
        bottom.vlines(times[spikes > 0], 0, 1, color=colour, linewidth=2.5)
    bottom.axhline(DETECTOR.threshold, color=GREY, linestyle="--", linewidth=1)
    bottom.set(xlabel="time (ms)", ylabel="v (a.u.)", xlim=(0, 20), ylim=(0, 1.1))
    bottom.set(xticks=range(0, 21, 5), yticks=[0, 0.5, 1])
    return fig


def _draw_detector(ax: Axes, delay: float) -> None:
    """Draw an edge, two pixels, a delay and a neuron, in the units of the page's drawing / 100."""
    ax.set(xlim=(0, 6), ylim=(1.6, 0), aspect="equal")
    ax.set_axis_off()
    ax.add_patch(Rectangle((0, 0.1), 0.75, 1.4, facecolor=TEXT))
    look: dict[str, Any] = {"facecolor": SHADE, "edgecolor": TEXT, "linewidth": 1.5}
    for x in (1.5, 2.15):
        ax.add_patch(Rectangle((x, 0.5), 0.6, 0.6, **look))
    ax.plot([1.8, 1.8, 4.45, 4.7], [0.5, 0.2, 0.2, 0.55], color=TEXT, linewidth=1.5, zorder=0)
    ax.plot([2.45, 2.45, 4.45, 4.7], [1.1, 1.4, 1.4, 1.05], color=TEXT, linewidth=1.5, zorder=0)
    ax.add_patch(Rectangle((2.8, 0.02), 1.35, 0.36, **look | {"edgecolor": ACCENT}))
    ax.text(3.475, 0.2, f"{delay:.1f} ms late", color=ACCENT, ha="center", va="center")
    ax.add_patch(Circle((4.85, 0.8), 0.3, facecolor=ACCENT, edgecolor=ACCENT))
    arrow = partial(FancyArrowPatch, mutation_scale=13, linewidth=1.5, shrinkA=0, shrinkB=0)
    ax.add_patch(arrow((0.8, 0.8), (1.25, 0.8), arrowstyle="-|>", color=TEXT))
    ax.add_patch(arrow((5.2, 0.8), (5.75, 0.8), arrowstyle="-|>", color=ACCENT))
