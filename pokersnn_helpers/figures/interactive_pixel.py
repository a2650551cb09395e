"""One pixel, one edge: how an ideal pixel of an event camera turns light into events."""

from types import SimpleNamespace
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from .colours import ACCENT, GREY, OFF, ON, SHADE, TEXT
from .interactive import InteractiveFigure, Slider, initial_values

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

    times: np.ndarray  # ms, (T,)
    light: np.ndarray  # at these times; 1 is that of the card at daylight 1
    level: np.ndarray  # what the pixel compares: the logarithm of the light, or the light itself
    reference: np.ndarray  # the level that the pixel stores, after the events of each time
    event_times: np.ndarray  # ms, one per event
    polarities: np.ndarray  # 1 for ON and 0 for OFF, one per event


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
    reference, stored, events = level[0], [level[0]], []
    for before, now, time in zip(level[:-1], level[1:], times[:-1], strict=True):
        # Both ends of a pip are whole steps apart: rounding mustn't lose the last event.
        for _ in range(int(abs(now - reference) / threshold + 1e-6)):
            sign = 1 if now > reference else -1
            reference += sign * threshold
            share = min((reference - before) / (now - before), 1)
            events.append((time + PIXEL.dt * share, sign > 0))
        stored.append(reference)
    event_times, polarities = np.array(events).reshape(-1, 2).T
    return PixelTrace(times, light, level, np.array(stored), event_times, polarities)


def interactive_pixel() -> InteractiveFigure:
    """Draw how a pixel turns the light of a passing pip into events; the page gives it sliders.

    Returns:
        The figure; its image has the sliders at their start.

    Example:
        >>> interactive_pixel().kind
        'pixel'
    """
    start = initial_values(PIXEL_SLIDERS)
    trace = run_pixel(**start, linear=False)
    on = int(trace.polarities.sum())
    return InteractiveFigure.from_figure(
        "pixel",
        _plot_pixel(trace, start["threshold"]),
        "Three plots one above the other, over 20 milliseconds. The light falls as a dark pip "
        "comes, and rises as it goes. Below, the logarithm of the light, followed in steps by the "
        f"pixel's reference. At the bottom {len(trace.polarities) - on} OFF events while the "
        f"light falls and {on} ON events while it rises; none in between.",
        sliders=PIXEL_SLIDERS,
        **vars(PIXEL),
    )


def _plot_pixel(trace: PixelTrace, threshold: float) -> Figure:
    fig, axes = plt.subplots(
        3, 1, sharex=True, figsize=(6.0, 3.4), height_ratios=[3, 5, 2], layout="constrained"
    )
    axes[0].plot(trace.times, trace.light, color=TEXT)
    axes[0].set(ylabel="light", ylim=(0, None))
    low, high = trace.reference - threshold, trace.reference + threshold
    axes[1].fill_between(trace.times, low, high, step="post", color=SHADE)
    axes[1].step(trace.times, trace.reference, where="post", color=ACCENT)
    axes[1].plot(trace.times, trace.level, color=TEXT)
    axes[1].set(ylabel="ln(light)")
    axes[1].text(0.2, -0.5, "reference\n± threshold", color=ACCENT, va="top")
    for polarity, colour in ((1, ON), (0, OFF)):
        sent = trace.event_times[trace.polarities == polarity]
        axes[2].vlines(sent, 0, 1 if polarity else -1, color=colour)
    axes[2].axhline(0, color=GREY, linewidth=0.8)
    axes[2].set(xlabel="time (ms)", yticks=[-1, 1], yticklabels=["OFF", "ON"], ylim=(-1.4, 1.4))
    axes[2].set(xlim=(0, PIXEL.duration))
    return fig
