"""Draw results: training by epoch, numbers with their interval, and networks with theirs."""

from collections.abc import Collection
from itertools import cycle
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from pandas import DataFrame

from ..training import History
from .colours import ACCENT, GREY, TEXT

# Six networks that see films, one above the other as in ``MEMORIES``, and where they keep what they
# saw: drawn once, since it holds no measured data.
PICTURES = Path(__file__).with_name("memories.png")
MEMORIES = {  # by the model's name in a measurement, the name of its row
    "CNN of the sum": "the sum of\nall events",
    "SNN": "chapter 3's\nnetwork",
    "GRU": "GRUs behind\na layer",
    "GRU at each place, mean over time": "GRUs at\neach place",
    "spiking convolution": "leaky trace, LIF\nat each place",
    "motion detectors": "delayed frames:\nthe detector",
}
ROW = 44  # points: the height of a row


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
        marked: The names that are drawn in the accent colour.
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
        colour = ACCENT if name in marked else TEXT
        ax.hlines(row, low, high, color=colour, linewidth=2, alpha=0.55)
        ax.plot(value, row, "o", color=colour, markersize=7)
    if line is not None:
        ax.axvline(line, color=GREY, linestyle="--", linewidth=1, zorder=0)
    return fig


def plot_history(histories: History | dict[str, History]) -> Figure:
    """Draw the loss and the accuracy of a training run by epoch, or of several to compare them.

    Dashed is the training set, and a line are recordings that are held out: those that choose the
    epoch, or else those to test on. A dot marks the epoch whose weights are kept.

    Args:
        histories: What ``fit`` or ``train_classifier`` returned, or several by name.

    Example:
        >>> history = History(
        ...     loss=[1.2, 0.7], accuracy=[0.4, 0.8],
        ...     test_loss=[1.3, 0.9], test_accuracy=[0.3, 0.6], kept_epoch=2,
        ... )
        >>> fig = plot_history(history)
    """
    runs = histories if isinstance(histories, dict) else {"": histories}
    for history in runs.values():
        if not isinstance(history, History):
            kind = type(history).__name__
            raise TypeError(f"a history is of type {kind}; give the one that fit returned")
    colours = dict(zip(runs, cycle(["C0", "C3", "C4", "C5"]), strict=False))  # the others are greys
    fig, axes = plt.subplots(1, 2, figsize=(6.0, 3.2))
    for name, history in runs.items():
        for ax, quantity in zip(axes, ("loss", "accuracy"), strict=True):
            draw_epochs(ax, history, quantity, colours[name])
    axes[0].set(xlabel="epoch", ylabel="loss", ylim=(0, None))
    axes[1].set(xlabel="epoch", ylabel="accuracy", ylim=(0, 1.02))
    legend = [Line2D([], [], color=colours[name], label=name) for name in runs if name]
    legend += [
        Line2D([], [], color=TEXT, linestyle="--", label="training"),
        Line2D([], [], color=TEXT, label="held out"),
        Line2D([], [], color=TEXT, linestyle="", marker="o", label="kept epoch"),
    ]
    fig.legend(handles=legend, loc="outside upper center", ncols=3)
    return fig


def draw_epochs(ax: Axes, history: History, quantity: str, colour: str) -> None:
    """Draw the loss or the accuracy of a history by epoch, and a dot at the epoch that is kept."""
    training = getattr(history, quantity)
    held_out = getattr(history, f"validation_{quantity}") or getattr(history, f"test_{quantity}")
    for values, line in ((training, "--"), (held_out, "-")):
        ax.plot(range(1, len(values) + 1), values, line, color=colour)
    if held_out:
        ax.plot(history.kept_epoch, held_out[history.kept_epoch - 1], "o", color=colour)


def plot_memories(shares: DataFrame, label: str) -> Figure:
    """Draw a row for each of ``MEMORIES``: a picture of the network, its name, and its results.

    Squares in the accent colour are GRUs and discs are LIF neurons; a small square in the frame is
    a convolution, and a fan of lines a weight per pixel.

    Args:
        shares: By model, the mean of several seeds, the lowest and the highest.
        label: What they are, with their unit.

    Example:
        >>> shares = DataFrame(dict.fromkeys(MEMORIES, (50, 40, 60)))
        >>> fig = plot_memories(shares.T, "correct (%)")
    """
    height = ROW * len(MEMORIES) + 48
    fig = plt.figure(figsize=(6, height / 72), layout="none")
    page = fig.add_axes((0, 0, 1, 1))
    page.set_axis_off()
    page.imshow(plt.imread(PICTURES), extent=(0, 96, height - 48, 0), aspect="auto")
    page.set(xlim=(0, 432), ylim=(height, 0))
    results = fig.add_axes((0.56, 48 / height, 0.41, 1 - 48 / height))
    results.set(xlabel=label, xlim=(0, 104), ylim=(len(MEMORIES) - 0.5, -0.5), yticks=[])
    results.spines["left"].set_visible(False)
    for row, (model, name) in enumerate(MEMORIES.items()):
        page.text(102, ROW * (row + 0.5), name, va="center", linespacing=1.2)
        mean, low, high = shares.loc[model]
        results.hlines(row, low, high, color=ACCENT, linewidth=2, alpha=0.55)
        results.plot(mean, row, "o", color=ACCENT, markersize=7)
    return fig
