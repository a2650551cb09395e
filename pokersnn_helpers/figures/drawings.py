"""Drawings that explain a concept: a pixel, a batch, a spike, and a network unrolled over time.

They hold no measured data. Places are in inches from the lower left corner of the figure.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch, Polygon, Rectangle

from ..frames import to_frames
from ..simulation import simulate_recording
from .colours import ACCENT, CLASS_COLOURS, EVENTS_MAP, GREY, GRID, OFF, ON, SHADE, TEXT
from .networks import arrow, canvas, lif_traces
from .recordings import on_minus_off


def _box(ax: Axes, left: float, bottom: float, width: float, height: float) -> None:
    box = FancyBboxPatch((left, bottom), width, height, "round,pad=0,rounding_size=0.08")
    box.set(facecolor=SHADE, edgecolor=GREY, linewidth=0.8)
    ax.add_patch(box)


def _write(ax: Axes, x: float, y: float, text: str, colour: str = TEXT, **options: Any) -> None:
    ax.text(x, y, text, color=colour, **({"ha": "center", "va": "center"} | options))


def _draw_frame(
    ax: Axes, frame: torch.Tensor, left: float, bottom: float, side: float, edge: str = SHADE
) -> None:
    ax.add_patch(Rectangle((left, bottom), side, side, facecolor=SHADE, edgecolor=edge))
    ax.imshow(
        on_minus_off(frame), cmap=EVENTS_MAP, vmin=-4, vmax=4, aspect="auto", zorder=2,
        extent=(left, left + side, bottom, bottom + side),
    )  # fmt: skip


def pixel_drawing() -> Figure:
    """Draw how one pixel of an event camera turns light into events.

    Example:
        >>> fig = pixel_drawing()
    """
    fig, ax = canvas(3.1)
    low, middle, high = 0.85, 1.7, 2.55
    boxes = {"photodiode": (0.08, 1.1), "logarithm": (1.52, 1.1), "comparison": (2.96, 1.7)}
    for name, (left, width) in boxes.items():
        _box(ax, left, low, width, high - low)
        _write(ax, left + width / 2, high + 0.25, name, weight="bold")
    _write(ax, 5.5, high + 0.25, "events", weight="bold")
    for start, end in ((1.23, 1.48), (2.67, 2.92)):
        arrow(ax, (start, middle), (end, middle))

    # A photodiode, and the light that falls on it
    ax.add_patch(Polygon([(0.46, 1.3), (0.94, 1.3), (0.7, 1.7)], facecolor=TEXT, linewidth=0))
    ax.plot([0.46, 0.94], [1.72, 1.72], color=TEXT, linewidth=2.2)
    ax.plot([0.7, 0.7], [1.0, 2.05], color=TEXT, linewidth=1.3)
    for shift in (0.0, 0.22):
        arrow(ax, (0.16, 2.17 - shift), (0.41, 1.99 - shift), GREY, mutation_scale=10)
    _write(ax, 0.17, 2.35, "light", GREY, ha="left")

    # A logarithm
    x = np.linspace(0.06, 1, 60)
    ax.plot([1.72, 1.72, 2.46], [2.28, 1.1, 1.1], color=GREY, linewidth=1)
    ax.plot(1.76 + 0.66 * x, 2.12 + 0.31 * np.log(x), color=TEXT)

    # The band around the stored level, and the log intensity that leaves it
    left, right, threshold = 2.96, 4.66, 0.47
    band = Rectangle((left, middle - threshold), right - left, 2 * threshold)
    band.set(facecolor=GRID, linewidth=0)
    ax.add_patch(band)
    ax.plot([left, right], [middle, middle], color=GREY, linewidth=1, linestyle=(0, (4, 3)))
    _write(ax, left + 0.09, middle - 0.17, "stored level", ha="left")
    for sign, name, colour in ((1, "+ threshold", ON), (-1, "− threshold", OFF)):
        edge = middle + sign * threshold
        ax.plot([left, right], [edge, edge], color=colour, linewidth=1.3)
        _write(ax, left + 0.09, edge + 0.18 * sign, name, colour, ha="left")
    x = np.linspace(0, 1, 80)
    rise = threshold * (0.35 * x + 0.65 * x**3) + 0.05 * np.sin(3 * np.pi * x) * (1 - x)
    ax.plot(left + 0.02 + 1.4 * x, middle + rise, color=TEXT, linewidth=2.2)
    ax.plot(left + 1.42, middle + threshold, "o", color=ON, markersize=8)

    # What comes out, and what goes back
    for sign, name, colour in ((1, "ON", ON), (-1, "OFF", OFF)):
        y = middle + 0.4 * sign
        arrow(ax, (right + 0.07, middle + 0.05 * sign), (5.12, y), colour)
        ax.plot([5.33, 5.33], [y, y + 0.34 * sign], color=colour, linewidth=3.5)
        ax.plot([5.19, 5.47], [y, y], color=GREY, linewidth=1.2)
        _write(ax, 5.5, y + 0.15 * sign, name, colour, ha="left", weight="bold")
    ax.plot([5.33, 5.33, 3.81], [0.83, 0.5, 0.5], color=ACCENT, linewidth=1.5)
    arrow(ax, (3.81, 0.49), (3.81, low - 0.04), ACCENT)
    _write(ax, 4.57, 0.27, "store the new level", ACCENT)
    return fig


def batch_drawing() -> Figure:
    """Draw the way of recordings to a batch: events, bins, frames, padding, network.

    Example:
        >>> fig = batch_drawing()
    """
    fig, ax = canvas(4.75)
    events = simulate_recording("spade", np.random.default_rng(1))
    first, bins = 12, 6  # ms
    left, step = 0.12, 0.93
    right = left + bins * step

    # Events along time, cut into bins
    top, bottom = 4.32, 3.6
    some = events[(events["t"] >= 1000 * first) & (events["t"] < 1000 * (first + bins))][::3]
    x = left + step * (some["t"] / 1000 - first)
    y = bottom + (top - bottom) * (33 - some["y"]) / 28
    for polarity, colour in ((1, ON), (0, OFF)):
        chosen = some["p"] == polarity
        ax.scatter(x[chosen], y[chosen], s=5, color=colour, linewidth=0)
    for edge in left + step * np.arange(bins + 1):
        ax.plot([edge, edge], [bottom - 0.05, top + 0.05], color=GREY, linewidth=0.8)
    arrow(ax, (left, bottom - 0.05), (right + 0.2, bottom - 0.05), GREY, linewidth=1)
    _write(ax, left, 4.57, "events (t, x, y, p) in time bins", ha="left", weight="bold")
    _write(ax, right + 0.15, 4.57, "time →", GREY, ha="right")

    # A frame for every bin
    frames = to_frames(events)[first : first + bins]
    size, bottom = 0.77, 2.43
    for number, frame in enumerate(frames):
        start = left + step * number + (step - size) / 2
        arrow(ax, (start + size / 2, 3.5), (start + size / 2, 3.24), GREY)
        _draw_frame(ax, frame, start, bottom, size, ACCENT)
    _write(ax, left, bottom - 0.24, "one frame per bin: (T, 2, 35, 35)", ha="left", weight="bold")

    # Recordings of different lengths, padded
    cell, pitch, low, columns = 0.16, 0.205, 0.72, 17
    arrow(ax, (left + 0.08, bottom - 0.45), (left + 0.08, low + 0.8), ACCENT)
    for row, length in enumerate((columns, 10, 14)):
        for column in range(columns):
            square = Rectangle((left + pitch * column, low + 0.29 * (2 - row)), cell, cell)
            colour = ACCENT if row == 0 else GREY
            square.set(edgecolor=colour, facecolor=colour if column < length else "none")
            ax.add_patch(square)
    _write(ax, left + pitch * columns, low - 0.2, "padding", GREY, ha="right")
    _write(ax, left, 0.2, "batch: (T, B, 2, 35, 35)", ha="left", weight="bold")
    _box(ax, 4.45, 0.62, 1.4, 0.94)
    _write(ax, 5.15, 1.09, "spiking\nnetwork")
    arrow(ax, (3.72, 1.09), (4.39, 1.09))
    return fig


def spike_drawing() -> Figure:
    """Draw one neuron in four aligned traces: input events, current, voltage and spikes.

    Example:
        >>> fig = spike_drawing()
    """
    dt, duration, threshold = 1e-4, 60, 0.3  # s, ms
    times = np.arange(0, duration, 1000 * dt)
    arrivals = np.array([3, 18, 21, 24, 41, 43, 45])  # ms
    arrived = np.isin(np.arange(len(times)), np.round(arrivals / (1000 * dt)))
    spikes, voltage, current = lif_traces(0.35 * arrived, dt, threshold)

    fig, ax = canvas(3.5)
    left, scale = 2.05, 3.8 / duration
    inputs, currents, voltages, outputs = 3.0, 2.07, 1.08, 0.42  # heights of the base lines
    top = voltages + 2 * threshold
    notes = (
        (inputs, "input events", ""),
        (currents, "synaptic current", "jumps, then decays"),
        (voltages, "membrane voltage", "follows the current"),
        (outputs, "output spikes", ""),
    )
    for base, name, note in notes:
        ax.plot([left, left + scale * duration], [base, base], color=GRID, linewidth=1)
        _write(ax, 0.08, base + (0.46 if note else 0.17), name, ha="left", weight="bold")
        _write(ax, 0.08, base + 0.2, note, GREY, ha="left")
    x = left + scale * times
    at, spiked = left + scale * arrivals, x[spikes > 0]
    ax.vlines(at, currents, inputs, color=GRID, linewidth=1)
    ax.vlines(spiked, outputs, top, color=GRID, linewidth=1)
    ax.vlines(at, inputs, inputs + 0.36, color=TEXT, linewidth=2.5)
    ax.plot(x, currents + 0.66 * current, color=ACCENT)
    ax.plot([left, x[-1]], [top, top], color=GREY, linewidth=1.2, linestyle=(0, (4, 3)))
    ax.plot(x, voltages + 2 * voltage, color=TEXT)
    ax.vlines(spiked, outputs, outputs + 0.36, color=TEXT, linewidth=2.5)
    _write(ax, left + 0.02, top + 0.15, "threshold", GREY, ha="left")
    _write(ax, spiked[0] + 0.08, voltages - 0.14, "reset", GREY, ha="left")
    end = left + scale * duration
    ax.plot([end - 10 * scale, end], [0.31, 0.31], color=GREY, linewidth=2)
    _write(ax, end - 5 * scale, 0.16, "10 ms", GREY)
    return fig


def _bump(ax: Axes, x: float, y: float) -> None:
    """Draw the surrogate gradient, which is largest at the threshold."""
    u = np.linspace(-1, 1, 41)
    ax.plot(x + 0.16 * u, y + 0.3 / (1 + 4 * np.abs(u)) ** 2, color=ACCENT, linewidth=1.8)


def unrolled_drawing() -> Figure:
    """Draw the network unrolled over four time steps, with the way back of the gradient.

    Drawn is a run in which the readout has its maximum in the last of these steps, so that the
    gradient enters there.

    Example:
        >>> fig = unrolled_drawing()
    """
    fig, ax = canvas(4.4)
    frames = to_frames(simulate_recording("spade", np.random.default_rng(1)))[12:16]
    centres = 1.75 + 1.22 * np.arange(4)
    half, shift = 0.4, 0.13
    image, hidden, readout, loss = (0.85, 0.6), (1.85, 0.6), (2.92, 0.45), (3.84, 0.45)  # y, height
    for (low, height), name in (
        (image, "frames"), (hidden, "hidden\nlayer"), (readout, "readout"), (loss, "loss")
    ):  # fmt: skip
        _write(ax, 0.08, low + height / 2, name, ha="left", weight="bold")

    for x, frame in zip(centres, frames, strict=True):
        low, height = image
        _draw_frame(ax, frame, x - height / 2, low, height)
        for low, height in (hidden, readout):
            _box(ax, x - half, low, 2 * half, height)
        # A neuron spikes or doesn't: a step on the way up, and a surrogate on the way back
        low, height = hidden
        ax.plot(x - 0.2 + np.array([-0.13, 0, 0, 0.13]), low + np.array([0.15, 0.15, 0.45, 0.45]),
                color=TEXT, linewidth=1.8)  # fmt: skip
        _bump(ax, x + 0.19, low + 0.15)
        low, height = readout
        for number, colour in enumerate(CLASS_COLOURS.values()):
            place = (x + 0.18 * (number - 1.5), low + height / 2)
            ax.add_patch(Circle(place, 0.06, facecolor=colour, linewidth=0))
    _box(ax, centres[0] - half, loss[0], centres[-1] - centres[0] + 2 * half, loss[1])
    _write(ax, centres.mean(), loss[0] + loss[1] / 2, "of the maximum over time")

    gap = 0.05
    layers = (image, hidden, readout, loss)
    for step, x in enumerate(centres):
        for below, above in pairwise(layers):
            low, high = sum(below) + gap, above[0] - gap
            arrow(ax, (x - shift * (below != image), low), (x - shift * (below != image), high))
            if below is hidden or (below is readout and step == 3):
                arrow(ax, (x + shift, high), (x + shift, low), ACCENT)
        if step < 3:
            for low, height in (hidden, readout):
                y = low + height / 2
                ends = x + half + gap, centres[step + 1] - half - gap
                arrow(ax, (ends[0], y + 0.1), (ends[1], y + 0.1))
                arrow(ax, (ends[1], y - 0.1), (ends[0], y - 0.1), ACCENT)
        _write(ax, x, image[0] - 0.18, f"t = {step + 1}", GREY)
    low = 0.18
    arrow(ax, (0.1, low), (0.45, low))
    _write(ax, 0.53, low, "forward", ha="left")
    arrow(ax, (2.0, low), (1.65, low), ACCENT)
    _write(ax, 2.08, low, "backward", ha="left")
    _bump(ax, 3.55, low - 0.13)
    _write(ax, 3.8, low, "surrogate gradient", ha="left")
    return fig
