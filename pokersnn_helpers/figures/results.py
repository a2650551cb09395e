"""Draw results: numbers with their interval, and how often each class got each answer."""

from collections.abc import Collection
from itertools import product

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from .colours import ACCENT, GREY, TEXT


def plot_intervals(
    values: dict[str, tuple[float, float, float]],
    label: str,
    marked: Collection[str] = (),
    line: float | None = None,
) -> Figure:
    """Draw each number as a dot on a line from the lower to the upper end of its interval.

    Args:
        values: For each name, the number and the two ends of its interval.
        label: What the numbers are, with their unit.
        marked: The names that are drawn in the accent colour. Default: those whose interval doesn't
            contain ``line``.
        line: A number to mark by a dashed line, such as the chance level. Default: there is no
            line.

    Example:
        >>> fig = plot_intervals({"CNN": (0.93, 0.88, 0.97)}, "accuracy", line=0.25)
    """
    layout = ConstrainedLayoutEngine(w_pad=0.12)  # room for a last tick label at the very edge
    fig, ax = plt.subplots(figsize=(6.0, 0.8 + 0.34 * len(values)), layout=layout)
    ax.set(
        xlabel=label,
        yticks=range(len(values)),
        yticklabels=list(values),
        ylim=(len(values) - 0.5, -0.5),
    )
    ax.grid(False, axis="y")
    for row, (name, (value, low, high)) in enumerate(values.items()):
        beyond = line is not None and not low <= line <= high
        accented = name in marked if marked else beyond
        colour = ACCENT if accented else TEXT
        ax.hlines(row, low, high, color=colour, linewidth=2, alpha=0.55)
        ax.plot(value, row, "o", color=colour, markersize=7)
    if line is not None:
        ax.axvline(line, color=GREY, linestyle="--", linewidth=1, zorder=0)
    return fig


def plot_confusion(table: pd.DataFrame) -> Figure:
    """Draw how often each class got each answer, as a square with its number.

    Args:
        table: A row per class and a column per answer.

    Example:
        >>> fig = plot_confusion(pd.DataFrame([[9, 1], [0, 8]], ["up", "down"], ["up", "down"]))
    """
    rows, columns = table.shape
    fig, ax = plt.subplots(figsize=(2 + 0.5 * columns, 1.5 + 0.5 * rows), layout="constrained")
    shares = table.div(table.sum(axis="columns"), axis="index")
    ax.imshow(shares, cmap="Greys", vmin=0, vmax=1)
    ax.set(xlabel="answer", ylabel="class")
    ax.set_xticks(range(columns), table.columns, rotation=45, ha="right")
    ax.set_yticks(range(rows), table.index)
    for row, column in product(range(rows), range(columns)):
        colour = "white" if shares.iloc[row, column] > 0.5 else TEXT
        ax.text(column, row, table.iloc[row, column], ha="center", va="center", color=colour)
    return fig
