"""Labels beside what they name, and numbers with their noun."""

from typing import Any

from matplotlib.axes import Axes


def label_ends(ax: Axes) -> None:
    """Name lines to the right of their axes, in their colours and in the order of their ends.

    Args:
        ax: Axes with labelled lines, in a figure with constrained layout.

    Example:
        >>> import matplotlib.pyplot as plt
        >>> fig, ax = plt.subplots(layout="constrained")
        >>> _ = ax.plot([0, 1], label="rises"), ax.plot([1, 0], label="falls")
        >>> label_ends(ax)
    """
    lines: Any = ax.get_legend_handles_labels()[0]
    legend: Any = ax.legend(
        handles=sorted(lines, key=lambda line: line.get_ydata()[-1], reverse=True),
        loc="center left",
        bbox_to_anchor=(1, 0.5),
        handlelength=0,
        handletextpad=0,
        labelcolor="linecolor",
        frameon=False,
    )
    for handle in legend.legend_handles:
        handle.set_visible(False)  # else a dot is left of the line before each name


def counted(number: int, noun: str) -> str:
    """Return how many there are, in words: "1 spike", "2 spikes"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
