"""Labels beside what they name, and numbers with their noun."""

from statistics import fmean
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy import ndarray


def label_ends(ax: Axes) -> None:
    """Name each line in its colour, to the right of the axes and at the height of the line's end.

    Names that would overlap are moved apart. Call it last, since it reads the limits of the axes.

    Args:
        ax: Axes with labelled lines, in a figure with constrained layout.

    Example:
        >>> import matplotlib.pyplot as plt
        >>> fig, ax = plt.subplots(layout="constrained")
        >>> _ = ax.plot([0, 1], label="rises"), ax.plot([1, 0], label="falls")
        >>> label_ends(ax)
    """
    lines: Any = ax.get_legend_handles_labels()[0]
    names = [
        ax.text(
            1.02, 0.5, line.get_label(), color=line.get_color(), va="center", transform=ax.transAxes
        )
        for line in lines
    ]
    if not names:
        return
    # The layout makes room for the names and settles the limits.
    ax.figure.canvas.figure.draw_without_rendering()
    text_height = names[0].get_window_extent().height / ax.get_window_extent().height
    ends = np.array([_end(line, ax) for line in lines])
    order = np.argsort(ends, kind="stable")
    for index, height in zip(order, _apart(ends[order], text_height), strict=True):
        names[index].set_y(height)


def _end(line: Line2D, ax: Axes) -> float:
    """Return the height at which a line ends, from 0 to 1 in its axes."""
    points: Any = line.get_xydata()
    drawn = points[np.isfinite(points).all(axis=1)]
    if not len(drawn):
        return 0.0
    _, height = (ax.transScale + ax.transLimits).transform(drawn[-1])
    return float(np.clip(height, 0, 1))


def _apart(heights: ndarray, text_height: float) -> list[float]:
    """Move rising heights as little as keeps texts at them apart, and between 0 and 1."""
    stacks: list[list[float]] = []  # of texts that touch: for each, where it wants the first text
    for index, height in enumerate(heights):
        stack = [height - index * text_height]
        while stacks and fmean(stacks[-1]) > fmean(stack):
            stack = stacks.pop() + stack
        stacks.append(stack)
    firsts = [fmean(stack) for stack in stacks for _ in stack]
    room = 1 - len(heights) * text_height  # negative where the axes are too low for all texts
    lowest = text_height / 2 + min(room, 0) / 2
    highest = lowest + max(room, 0)
    return [
        min(max(first, lowest), highest) + index * text_height for index, first in enumerate(firsts)
    ]


def counted(number: int, noun: str) -> str:
    """Return how many there are, in words: "1 spike", "2 spikes"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
