"""Labels beside what they name, and numbers with their noun."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy import ndarray


def label_ends(ax: Axes) -> None:
    """Write the label of each line at its right end, in its colour, in place of a legend.

    Labels that would overlap are moved apart. Call it when the lines and the limits are set.

    Args:
        ax: Axes with labelled lines, in a figure with constrained layout.

    Example:
        >>> fig, ax = plt.subplots(layout="constrained")
        >>> _ = ax.plot([0, 1], label="rises"), ax.plot([1, 0], label="falls")
        >>> label_ends(ax)
    """
    lines, names = ax.get_legend_handles_labels()
    beside = ax.get_yaxis_transform()
    ends = []
    texts = []
    line: Any
    for line, name in zip(lines, names, strict=True):
        end = line.get_ydata()[-1]
        text = ax.text(1.015, end, name, va="center", color=line.get_color(), transform=beside)
        ends.append(end)
        texts.append(text)
    fig: Any = ax.figure
    fig.draw_without_rendering()
    height = ax.get_window_extent().height / fig.dpi * 72  # points
    low, high = ax.get_ylim()
    point = abs(high - low) / height
    line_height = 1.25 * plt.rcParams["font.size"] * point
    for text, level in zip(texts, apart(np.array(ends), line_height), strict=True):
        text.set_y(level)


def counted(number: int, noun: str) -> str:
    """Return how many there are, in words: "1 spike", "2 spikes"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def apart(heights: ndarray, gap: float) -> ndarray:
    """Move heights as little as possible until neighbours are at least ``gap`` apart."""
    from sklearn.isotonic import isotonic_regression  # which takes a second to import

    gaps = gap * np.arange(len(heights))
    order = np.argsort(heights)
    moved = isotonic_regression(heights[order] - gaps) + gaps
    return moved[order.argsort()]
