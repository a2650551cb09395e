"""Small pictures of networks that see a film, each beside how often it was right."""

from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Patch, Rectangle

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
    "SNN": ("chapter 3's\nnetwork", Memory(places=0, keeps="LIF")),
    "GRU": ("GRUs behind\na layer", Memory(places=0, keeps="GRU")),
    "GRU at each place, mean over time": ("GRUs at\neach place", Memory(keeps="GRU")),
    "spiking convolution": ("leaky trace, LIF\nat each place", Memory("frames", 5, "LIF")),
    "motion detectors": ("delayed frames:\nthe detector", Memory("frames", 3, "LIF")),
}


def plot_memories(
    rows: dict[str, tuple[Memory, list[tuple[float, float, float]]]], label: str
) -> Figure:
    """Draw a row for each network: a picture, its name, and its results.

    Squares in the accent colour are GRUs and discs are LIF neurons; a small square in the frame is
    a convolution, and a fan of lines a weight per pixel.

    Args:
        rows: By name, of up to two lines: the memory, and one or two results, each a mean with the
            lowest and the highest of several seeds. The second is drawn in grey.
        label: What the results are, with their unit.

    Example:
        >>> rows = {"a GRU": (Memory(keeps="GRU"), [(50, 40, 60)])}
        >>> fig = plot_memories(rows, "correct (%)")
    """
    height = ROW * len(rows) + 48
    fig = plt.figure(figsize=(6, height / 72), layout="none")
    page = fig.add_axes((0, 0, 1, 1), xlim=(0, 432), ylim=(height, 0))
    page.set_axis_off()
    results = fig.add_axes((0.56, 48 / height, 0.41, 1 - 48 / height))
    results.set(xlabel=label, xlim=(0, 104), ylim=(len(rows) - 0.5, -0.5), yticks=[])
    results.spines["left"].set_visible(False)
    for row, (name, (memory, found)) in enumerate(rows.items()):
        middle = ROW * (row + 0.5)
        draw_memory(page, memory, 4, middle)
        page.text(102, middle, name, va="center", linespacing=1.2)
        for number, (mean, low, high) in reversed([*enumerate(found)]):
            colour = (ACCENT, GREY)[number]
            results.hlines(row, low, high, color=colour, linewidth=2, alpha=0.55)
            results.plot(mean, row, "o", color=colour, markersize=7)
    return fig


def draw_memory(ax: Axes, memory: Memory, left: float, middle: float) -> None:
    """Draw a network in axes that count points, from the left, about a height.

    Example:
        >>> fig, ax = plt.subplots()
        >>> draw_memory(ax, Memory(places=3, keeps="LIF"), left=0, middle=0)
    """
    top = middle - SIDE / 2
    copies = 3 if memory.sees == "frames" else 1
    for copy in range(copies, 0, -1):
        moved = 3 * (copy - 1)
        frame = Rectangle((left + moved, top - moved), SIDE, SIDE, fc=SHADE, ec=GREY, lw=1)
        ax.add_patch(frame)
    if memory.sees == "sum":
        ax.add_patch(Rectangle((left + 2, middle - 4), SIDE - 4, 8, fc=GREY, ec="none"))
    else:
        ax.add_patch(Circle((left + 8, middle - 4), 3, fc="none", ec=TEXT, lw=1.2))
        ax.add_patch(Circle((left + 17, middle + 5), 3, fc="none", ec=TEXT, lw=1.2))
    right, begin = left + SIDE + 6, left + SIDE + 24
    if not memory.places:
        heights = middle + np.linspace(-12, 12, UNITS)
        for start in heights:
            for end in heights:
                ax.plot([right - 4, begin], [start, end], color=GREY, lw=0.4)
        for end in heights:
            ax.add_patch(_unit(memory.keeps, begin + 4, end, 3.2))
        return
    seen = Rectangle((left + 3, middle - 9), 10, 10, fc="none", ec=ACCENT, lw=1.2)
    ax.add_patch(seen)
    ax.plot([left + 13, begin], [middle - 9, middle - 3], color=ACCENT, lw=0.8)
    ax.plot([left + 13, begin], [middle + 1, middle], color=ACCENT, lw=0.8)
    cell = SIDE / memory.places
    for x in range(memory.places):
        for y in range(memory.places):
            across, down = begin + 2 + cell * x, top + cell * y
            ax.add_patch(Rectangle((across, down), cell, cell, fc=PAPER, ec=GREY, lw=0.6))
            size = min(0.36 * cell, 5)
            ax.add_patch(_unit(memory.keeps, across + cell / 2, down + cell / 2, size))


def _unit(keeps: str, x: float, y: float, size: float) -> Patch:
    if keeps == "LIF":
        return Circle((x, y), size, fc=ACCENT, ec="none")
    colour = ACCENT if keeps else GREY
    return Rectangle((x - size, y - size), 2 * size, 2 * size, fc=colour, ec="none")
