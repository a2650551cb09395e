"""Draw results: training by epoch, answers over time, and numbers with their interval."""

from collections.abc import Collection, Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from ..system.checks import check_classes, check_type
from ..training.evaluation import Evaluation
from ..training.fit import History
from .colours import ACCENT, ACCENT_MAP, PAPER, TEXT, class_colours


def plot_intervals(
    values: dict[str, tuple[float, float, float]],
    label: str,
    marked: Collection[str] = (),
) -> Figure:
    """Draw each number as a dot on a line from the lower to the upper end of its interval.

    Args:
        values: For each name, the number and the two ends of its interval.
        label: What the numbers are, with their unit.
        marked: The names that are drawn in the accent colour.

    Example:
        >>> fig = plot_intervals({"CNN": (0.93, 0.88, 0.97)}, "accuracy")
    """
    layout = ConstrainedLayoutEngine(w_pad=0.12)  # room for a last tick label at the very edge
    fig, ax = plt.subplots(figsize=(6.0, 0.8 + 0.34 * len(values)), layout=layout)
    ax.set(
        xlabel=label,
        yticks=range(len(values)),
        yticklabels=list(values),
        ylim=(len(values) - 0.5, -0.5),
    )
    ax.locator_params(axis="x", steps=[1, 2, 5, 10])  # counts are marked where they can be
    ax.grid(False, axis="y")
    for row, (name, (value, low, high)) in enumerate(values.items()):
        colour = ACCENT if name in marked else TEXT
        ax.hlines(row, low, high, color=colour, linewidth=2, alpha=0.55)
        ax.plot(value, row, "o", color=colour, markersize=7)
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
        check_type(history, History, "a history is", "the one that fit returned")
    colours = dict(zip(runs, cycle(["C0", "C3", "C4", "C5"]), strict=False))  # the others are greys
    fig, axes = plt.subplots(1, 2, figsize=(6.0, 3.2))
    for name, history in runs.items():
        for ax, quantity in zip(axes, ("loss", "accuracy"), strict=True):
            draw_epochs(ax, history, quantity, colours[name])
            ax.locator_params(axis="x", integer=True)
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


def plot_confusion(evaluation: Evaluation, classes: Sequence[str]) -> Figure:
    """Draw how many recordings of each class were taken for each class.

    Args:
        evaluation: What ``evaluate`` returned.
        classes: The names of the classes.

    Raises:
        ValueError: There are more or fewer names than classes.

    Example:
        >>> import torch
        >>> sure = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]]).log()
        >>> fig = plot_confusion(Evaluation(sure, torch.tensor([0, 1, 1])), ["left", "right"])
    """
    check_type(evaluation, Evaluation, "an evaluation is", "the one that evaluate returned")
    counts = evaluation.confusion.numpy()
    names = check_classes(classes)
    if len(names) != len(counts):
        raise ValueError(f"there are {len(names)} names for {len(counts)} classes; give one each")
    side = 1.6 + 0.55 * len(names)
    fig, ax = plt.subplots(figsize=(min(6.0, side + 0.6), side))
    most = max(1, counts.max())
    ax.imshow(counts, cmap=ACCENT_MAP, vmin=0, vmax=most)
    for (row, column), count in np.ndenumerate(counts):
        colour = PAPER if count > most / 2 else TEXT
        ax.text(column, row, count, color=colour, ha="center", va="center")
    ticks = range(len(names))
    ax.set(xlabel="answer", ylabel="true class", xticks=ticks, yticks=ticks)
    ax.set_xticklabels(names, rotation=45, ha="right")
    ax.set_yticklabels(names)
    ax.grid(False)
    return fig


def plot_answers(
    answers: Sequence[tuple[str, float, torch.Tensor]],
    classes: Sequence[str],
    time_window: float = 10_000,
) -> Figure:
    """Draw the readout's voltages up to each answer, and below them the class that leads so far.

    The class that leads is the one whose voltage has been the highest of all until then.

    Args:
        answers: For each, the name of the class, the time of its last step in s, and the voltages
            up to it, of shape ``(time, class)``.
        classes: The names of the classes.
        time_window: Length of a step in µs.

    Example:
        >>> voltages = torch.tensor([[0.0, 0.0], [0.2, 0.5], [0.9, 0.4]])
        >>> fig = plot_answers([("left", 0.03, voltages)], ["left", "right"])
    """
    colours = class_colours(check_classes(classes))
    of_class = list(colours.values())
    fig, ax = plt.subplots(figsize=(5.8, 3.0))
    lowest = min(float(voltages.min()) for _, _, voltages in answers)
    highest = max(float(voltages.max()) for _, _, voltages in answers)
    band = lowest - 0.15 * (highest - lowest)
    for name, end, voltages in answers:
        times = end + time_window / 1e6 * np.arange(1 - len(voltages), 1)
        ax.set_prop_cycle(color=of_class)
        ax.plot(times, voltages)
        leading = voltages.cummax(0).values.argmax(1)
        shades = [of_class[number] for number in leading]
        ax.scatter(times, np.full(len(times), band), color=shades, marker="s")
        place = (times.mean(), highest)
        above = ax.annotate(name, place, xytext=(0, 6), textcoords="offset points")
        above.set(color=colours[name], weight="bold", ha="center")
    ax.set(xlabel="time (s)", ylabel="voltage v (a.u.)")
    ax.margins(y=0.1)
    ax.text(1.01, band, "so far", va="center", transform=ax.get_yaxis_transform())
    return fig


def draw_epochs(ax: Axes, history: History, quantity: str, colour: str) -> None:
    """Draw the loss or the accuracy of a history by epoch, and a dot at the epoch that is kept."""
    training = getattr(history, quantity)
    held_out = getattr(history, f"validation_{quantity}") or getattr(history, f"test_{quantity}")
    for values, line in ((training, "--"), (held_out, "-")):
        ax.plot(range(1, len(values) + 1), values, line, color=colour)
    if held_out:
        ax.plot(history.kept_epoch, held_out[history.kept_epoch - 1], "o", color=colour)
