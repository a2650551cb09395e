"""Draw results: numbers with their interval, alone or along a curve."""

from collections.abc import Collection

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from .colours import ACCENT, GREY, TEXT
from .labels import add_class_legend


def plot_intervals(
    values: dict[str, tuple[float, float, float]],
    label: str,
    marked: Collection[str] = (),
    line: float | None = None,
) -> Figure:
    """Draw each number as a dot on a line from the lower to the upper end of its interval.

    Args:
        values: By name: the number, and the ends of its interval.
        label: What the numbers are, with their unit.
        marked: Names to draw in the accent.
        line: A number to mark by a dashed line, such as the chance level; default: none.

    Example:
        >>> fig = plot_intervals({"CNN": (0.93, 0.88, 0.97)}, "accuracy", line=0.25)
    """
    layout = ConstrainedLayoutEngine(w_pad=0.12)  # room for a last tick label at the very edge
    fig, ax = plt.subplots(figsize=(6.0, 0.8 + 0.34 * len(values)), layout=layout)
    ax.set_yticks(range(len(values)), list(values))
    ax.set(xlabel=label, ylim=(len(values) - 0.5, -0.5))
    ax.grid(False, axis="y")
    for place, (name, (value, low, high)) in enumerate(values.items()):
        colour = ACCENT if name in marked else TEXT
        ax.hlines(place, low, high, color=colour, linewidth=2, alpha=0.55)
        ax.plot(value, place, "o", color=colour, markersize=7)
    if line is not None:
        ax.axvline(line, color=GREY, linestyle="--", linewidth=1, zorder=0)
    return fig


def plot_curves(table: pd.DataFrame, label: str) -> Figure:
    """Draw curves with their intervals, in a panel per change, two panels per row.

    Args:
        table: A row per point: "change", the title of its panel; "amount", how much was changed;
            "model", the curve; "value", "low" and "high".
        label: What the values are, with their unit.

    Example:
        >>> points = {"change": "noise", "amount": [0, 1], "model": "CNN", "value": [0.9, 0.6]}
        >>> fig = plot_curves(pd.DataFrame(points).assign(low=0.5, high=1.0), "accuracy")
    """
    changes, models = table["change"].unique(), table["model"].unique()
    rows = -(-len(changes) // 2)
    size = (6.0, 0.5 + 2.1 * rows)
    fig, axes = plt.subplots(
        rows, 2, sharey=True, squeeze=False, figsize=size, layout="constrained"
    )
    for ax in axes.flat[len(changes) :]:
        ax.axis("off")
    for ax, change in zip(axes.flat[: len(changes)], changes, strict=True):
        for number, model in enumerate(models):
            some = table[(table["change"] == change) & (table["model"] == model)]
            at = some["amount"]
            turn, place = divmod(number, 3)
            colour, style = (ACCENT, TEXT, GREY)[place], "--" if place else "-"
            marker = (turn + 2, 0) if turn else "o"  # a triangle, a square, a pentagon …
            ax.fill_between(at, some["low"], some["high"], color=colour, alpha=0.15, linewidth=0)
            look = {"color": colour, "marker": marker, "markersize": 4 + turn, "label": model}
            ax.plot(at, some["value"], style, **look)
        ax.set_title(change)
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 3, 5, 10]))
    fig.supylabel(label, size=plt.rcParams["axes.labelsize"])
    add_class_legend(fig, axes[0, 0])
    return fig
