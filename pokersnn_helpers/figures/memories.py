"""Small pictures of networks that see a film, each beside how often it was right."""

from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from pandas import DataFrame

from .colours import ACCENT, GREY, PAPER, SHADE, TEXT

ROW = 44  # points: the height of a row
SIDE = 26  # of a frame
UNITS = 4  # drawn of a layer with a weight per pixel


@dataclass(frozen=True)
class Memory:
    """What a network sees at a time, and where it keeps what it saw.

    Attributes:
        sees: ``"frame"``, ``"frames"`` for several at once, or ``"sum"`` for that of all.
        places: How many places in each direction a convolution's output has; 0 for a weight per
            pixel in its place.
        keeps: ``"GRU"`` or ``"LIF"``, or ``""`` for units that remember nothing.

    Example:
        >>> Memory("frame", places=3, keeps="GRU").places
        3
    """

    sees: str = "frame"
    places: int = 5
    keeps: str = ""


MEASURED = {  # by the model's name in a measurement: the name of its row, and its memory
    "CNN of the sum": ("the sum of\nall events", Memory("sum")),
    "SNN": ("LIF neurons, a\nweight per pixel", Memory(places=0, keeps="LIF")),
    "GRU": ("GRUs, a weight\nper pixel", Memory(places=0, keeps="GRU")),
    "GRU at each place, mean over time": ("GRUs at\neach place", Memory(keeps="GRU")),
    "spiking convolution": ("leaky trace, LIF\nat each place", Memory("frames", 5, "LIF")),
    "motion detectors": ("delayed frames,\nLIF by region", Memory("frames", 3, "LIF")),
}


def plot_memories(shares: DataFrame, label: str) -> Figure:
    """Draw a row for each of ``MEASURED``: a picture of the network, its name, and its results.

    Squares in the accent colour are GRUs and discs are LIF neurons; a small square in the frame is
    a convolution, and a fan of lines a weight per pixel.

    Args:
        shares: By model, the mean of several seeds, the lowest and the highest.
        label: What they are, with their unit.

    Example:
        >>> shares = DataFrame(dict.fromkeys(MEASURED, (50, 40, 60)))
        >>> fig = plot_memories(shares.T, "correct (%)")
    """
    height = ROW * len(MEASURED) + 48
    fig = plt.figure(figsize=(6, height / 72), layout="none")
    page = fig.add_axes((0, 0, 1, 1), xlim=(0, 432), ylim=(height, 0))
    page.set_axis_off()
    results = fig.add_axes((0.56, 48 / height, 0.41, 1 - 48 / height))
    results.set(xlabel=label, xlim=(0, 104), ylim=(len(MEASURED) - 0.5, -0.5), yticks=[])
    results.spines["left"].set_visible(False)
    for row, (model, (name, memory)) in enumerate(MEASURED.items()):
        middle = ROW * (row + 0.5)
        draw_memory(page, memory, 4, middle)
        page.text(102, middle, name, va="center", linespacing=1.2)
        mean, low, high = shares.loc[model]
        results.hlines(row, low, high, color=ACCENT, linewidth=2, alpha=0.55)
        results.plot(mean, row, "o", color=ACCENT, markersize=7)
    return fig


def draw_memory(ax: Axes, memory: Memory, left: float, middle: float) -> None:
    """Draw a network in axes that count points, from the left, about a height.

    Example:
        >>> fig, ax = plt.subplots()
        >>> draw_memory(ax, Memory(places=3, keeps="LIF"), left=0, middle=0)
    """
    top = middle - SIDE / 2
    for moved in (6, 3, 0) if memory.sees == "frames" else (0,):
        corner = left + moved, top - moved
        ax.add_patch(Rectangle(corner, SIDE, SIDE, fc=SHADE, ec=GREY, lw=1))
    if memory.sees == "sum":
        ax.add_patch(Rectangle((left + 2, middle - 4), SIDE - 4, 8, fc=GREY, ec="none"))
    else:
        discs = [left + 8, left + 17], [middle - 4, middle + 5]
        ax.plot(*discs, "o", color=TEXT, mfc="none", mew=1.2, markersize=6)
    begin = left + SIDE + 24
    if memory.places:
        ax.add_patch(Rectangle((left + 3, middle - 9), 10, 10, fc="none", ec=ACCENT, lw=1.2))
        rays = [[middle - 9, middle + 1], [middle - 3, middle]]
        ax.plot([left + 13, begin], rays, color=ACCENT, lw=0.8)
        ax.add_patch(Rectangle((begin + 2, top), SIDE, SIDE, fc=PAPER, ec=GREY, lw=0.6))
        place = SIDE / memory.places
        middles = place * (np.arange(memory.places) + 0.5)
        across, down = np.meshgrid(begin + 2 + middles, top + middles)
        size = min(0.72 * place, 10)
    else:
        down = middle + np.linspace(-12, 12, UNITS)
        fan = np.reshape(np.meshgrid(down, down), (2, -1))
        ax.plot([begin - 22, begin], fan, color=GREY, lw=0.4)
        across = np.full(UNITS, begin + 4)
        size = 6.4
    marker = "o" if memory.keeps == "LIF" else "s"
    colour = ACCENT if memory.keeps else GREY
    ax.plot(across.flatten(), down.flatten(), marker, color=colour, mew=0, markersize=size)
