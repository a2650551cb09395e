"""Draw results: numbers with their interval, alone or along a curve."""

import math
from collections.abc import Collection
from itertools import cycle, product

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from .colours import ACCENT, GREY, TEXT

LINES = [(ACCENT, "-"), (TEXT, "--"), (GREY, "--")]  # of one curve after the other
MARKERS = [("o", 4), ((3, 0), 5)]  # a circle, then a triangle, each with its size


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
    for place, (name, (value, low, high)) in enumerate(values.items()):
        beyond = line is not None and not low <= line <= high
        accented = name in marked if marked else beyond
        colour = ACCENT if accented else TEXT
        ax.hlines(place, low, high, color=colour, linewidth=2, alpha=0.55)
        ax.plot(value, place, "o", color=colour, markersize=7)
    if line is not None:
        ax.axvline(line, color=GREY, linestyle="--", linewidth=1, zorder=0)
    return fig


def plot_curves(table: pd.DataFrame, label: str) -> Figure:
    """Draw stored curves with their intervals, in per cent, two panels per row.

    Args:
        table: A row per point: "axis", the title of its panel; "at", its place there; "model", the
            curve; "mean", "interval low" and "interval high", from 0 to 1.
        label: What the values are, with their unit.

    Example:
        >>> from pokersnn_helpers.study.measured import measured
        >>> fig = plot_curves(measured("latency", "curves"), "correct (%)")
    """
    changes = table.groupby("axis", sort=False)
    rows = math.ceil(len(changes) / 2)
    fig, axes = plt.subplots(
        rows,
        2,
        sharey=True,
        squeeze=False,
        figsize=(6.0, 0.5 + 2.1 * rows),
        layout="constrained",
    )
    for ax in axes.flat[len(changes) :]:
        ax.axis("off")
    for ax, (change, panel) in zip(axes.flat, changes, strict=False):
        looks = cycle(product(MARKERS, LINES))
        for model, points in panel.groupby("model", sort=False):
            (marker, size), (colour, style) = next(looks)
            places = points["at"]
            low = 100 * points["interval low"]
            high = 100 * points["interval high"]
            ax.fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)
            ax.plot(
                places,
                100 * points["mean"],
                style,
                color=colour,
                marker=marker,
                markersize=size,
                label=model,
            )
        ax.set_title(change)
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 3, 5, 10]))
    fig.supylabel(label, size=plt.rcParams["axes.labelsize"])
    handles, names = axes[0, 0].get_legend_handles_labels()
    width = 0.7 + 0.09 * max(map(len, names))  # of a column, in inches
    columns = min(len(names), int(6.0 / width))
    fig.legend(handles, names, loc="outside upper center", ncols=max(1, columns))
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
