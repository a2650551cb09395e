"""Draw what networks cost, beside how well they do."""

import math

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from .colours import ACCENT, GREY, TEXT
from .labels import label_ends

FOLDS = {  # by the name in the measurement
    "balanced": "suits balanced",
    "dealt": "left to chance",
}
MODELS = {  # by the name in the measurement: what the line is called, its colour and its style
    "SNN": ("SNN", ACCENT, "-"),
    "SNN behind a layer": ("SNN, layer (dashed)", ACCENT, "--"),
    "SNN behind a layer of 8": ("layer of 8 (dotted)", ACCENT, ":"),
    "GRU": ("GRU", TEXT, "-"),
    "MLP on each frame": ("MLP on each frame", GREY, "-"),
    "logistic regression": ("logistic regression", GREY, "none"),
}
WATCHING = {  # by the name in the measurement: what the line is called, its colour and its style
    "SNN, 100": ("SNN, 100 neurons", ACCENT, "-"),
    "SNN, 20": ("SNN, 20 neurons", ACCENT, "-"),
    "SNN, 20, silenced": ("SNN, silenced (dotted)", ACCENT, ":"),
    "GRU, 8": ("GRU, 8 units", TEXT, "-"),
    "GRU, 8, on events": ("GRU, on events (dotted)", TEXT, ":"),
    "leaky regression": ("leaky regression", GREY, "-"),
    "GRU, 8, on events, behind a counter": ("counter, then GRU (dashed)", TEXT, "--"),
}
FOUND_AT = 1.0  # events per pixel and second, at which the names say how many cards were found


def plot_accuracy_and_operations(rows: DataFrame) -> Figure:
    """Draw accuracy against operations, a line from the smallest network of a kind to the largest.

    Args:
        rows: Of the measurement ``curve``: model, folds, mean, worst seed and operations.

    Example:
        >>> from pokersnn_helpers.page.measured import measured
        >>> fig = plot_accuracy_and_operations(measured("curve"))
    """
    few = rows["mean"].quantile(0.1)  # of the models are less accurate, and may lie below
    lowest = 5 * math.floor(20 * few) - 5
    fig, axes = plt.subplots(2, sharex=True, sharey=True, figsize=(6.0, 5.6), layout="constrained")
    for ax, (folds, title) in zip(axes, FOLDS.items(), strict=True):
        for model, looks in MODELS.items():
            chosen = rows[(rows["folds"] == folds) & (rows["model"] == model)]
            draw_accuracy(ax, chosen.sort_values("operations"), *looks)
        ax.set(title=title, xscale="log", ylabel="correct (%)", ylim=(lowest, 100.5))
    axes[-1].set_xlabel("operations of an answer")
    for ax in axes:
        label_ends(ax)
    return fig


def draw_accuracy(ax: Axes, rows: DataFrame, label: str, colour: str, style: str) -> None:
    """Draw a dot for each size, with a line down to its worst seed, and join them."""
    mean = 100 * rows["mean"]
    ax.vlines(rows["operations"], 100 * rows["worst seed"], mean, color=colour, alpha=0.4)
    ax.plot(rows["operations"], mean, style, marker="o", color=colour, label=label)


def plot_watching(rows: DataFrame) -> Figure:
    """Draw the instructions of an hour against the noise, a line for each network.

    Each name has the share of cards that the network found at one event per pixel and second.

    Args:
        rows: Of the measurement ``always_on``: network, at, number and mean.

    Example:
        >>> from pokersnn_helpers.page.measured import measured
        >>> fig = plot_watching(measured("always_on"))
    """
    numbers = rows.set_index(["number", "network", "at"])["mean"].sort_index()
    fig, ax = plt.subplots(figsize=(6.0, 3.6), layout="constrained")
    noise = sorted(rows["at"].unique())
    for network, (name, colour, style) in WATCHING.items():
        billions = numbers["instructions an hour", network][noise] / 1e9
        found = numbers["found", network, FOUND_AT]
        label = f"{name}: {found:.0%}"
        ax.plot(range(len(noise)), billions, style, marker="o", color=colour, label=label)
    ax.set(
        xlabel="noise (events per pixel and second)",
        ylabel="instructions an hour (billions)",
        yscale="log",
        xticks=range(len(noise)),
        xticklabels=[f"{each:g}" for each in noise],
    )
    ax.yaxis.set_major_formatter("{x:g}")
    label_ends(ax)
    return fig
