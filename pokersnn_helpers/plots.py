"""Draw recordings, frames, what the network did, and how training went."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator, MultipleLocator

from .snn import SNN, SNNState
from .training import Evaluation, History

SUIT_COLOURS = {"club": "#009E73", "heart": "#D55E00", "diamond": "#E69F00", "spade": "#0072B2"}
POLARITIES = {1: ("ON", "#B2182B", "o"), 0: ("OFF", "#2166AC", "s")}


def show_polarity(ax: Axes, frame: np.ndarray | torch.Tensor, limit: float) -> AxesImage:
    """Draw ON minus OFF events a pixel: red where ON prevails, blue where OFF does.

    Args:
        ax: Where to draw.
        frame: Counts of shape (2, y, x), OFF first.
        limit: Count at which the colours saturate.
    """
    off, on = np.asarray(frame, dtype=float)
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    ax.spines[:].set_visible(False)
    return ax.imshow(on - off, cmap="RdBu_r", vmin=-limit, vmax=limit)


def plot_frames(
    frames: Sequence[np.ndarray | torch.Tensor],
    titles: Sequence[str],
    *,
    columns: int = 4,
    limit: float | None = None,
) -> Figure:
    """Draw frames side by side, all on one colour scale.

    Args:
        frames: Counts, each of shape (2, y, x).
        titles: One for each frame.
        columns: Frames a row.
        limit: Count at which the colours saturate; default: the largest ON minus OFF, or 1.
    """
    if limit is None:
        limit = max(
            1.0, *(float(np.abs(np.asarray(f[1]) - np.asarray(f[0])).max()) for f in frames)
        )
    rows = -(-len(frames) // columns)
    fig, axes = plt.subplots(
        rows, columns, figsize=(7.2, 7.6 / columns * rows), squeeze=False, layout="constrained"
    )
    for ax in axes.flat[len(frames) :]:
        ax.axis("off")
    for ax, frame, title in zip(axes.flat, frames, titles, strict=False):
        image = show_polarity(ax, frame, limit)
        ax.set_title(title, fontsize=10)
    shrink, thickness = (0.8, 12) if rows == 1 else (0.7, 20)
    fig.colorbar(
        image,
        ax=axes,
        shrink=shrink,
        aspect=thickness,
        pad=0.01,
        ticks=MaxNLocator(5, integer=True),
        label="ON − OFF\nevents a pixel",
    )
    return fig


def plot_distributions(table: pd.DataFrame, columns: Sequence[str]) -> Figure:
    """Draw each recording as a dot, by suit, once for each column; a bar marks the median.

    Args:
        table: What ``describe`` returns.
        columns: Columns of the table to draw.
    """
    fig, axes = plt.subplots(
        1, len(columns), figsize=(7.2, 3.2), squeeze=False, layout="constrained"
    )
    rng = np.random.default_rng(0)
    for ax, column in zip(axes[0], columns, strict=True):
        for place, (suit, colour) in enumerate(SUIT_COLOURS.items()):
            values = table.loc[table["suit"] == suit, column]
            spread = place + rng.uniform(-0.18, 0.18, len(values))
            ax.plot(spread, values, "o", color=colour, alpha=0.7, markersize=4)
            ax.hlines(values.median(), place - 0.3, place + 0.3, color="black", linewidth=2)
        ax.set(title=column, ylim=(0, None))
        ax.set_xticks(range(4), SUIT_COLOURS, rotation=35, ha="right")
    return fig


def plot_event_cloud(events: np.ndarray, title: str) -> Figure:
    """Draw each event of a recording as a point in x, y and time.

    Args:
        events: Structured array with fields t (µs), x, y and p.
        title: Stands above the cloud.
    """
    fig = plt.figure(figsize=(7.2, 4.6))
    ax = fig.add_axes((0, 0, 0.9, 1), projection="3d", computed_zorder=False)
    for polarity, (name, colour, marker) in POLARITIES.items():
        some = events[events["p"] == polarity]
        ax.scatter(
            some["t"] / 1000, some["x"], some["y"], s=3, color=colour, marker=marker,
            linewidth=0, depthshade=False, label=f"{name}: {len(some):,} events",
        )  # fmt: skip
    ax.set(xlabel="time (ms)", ylabel="x (pixel)", zlabel="y (pixel)", zlim=(35, 0), ylim=(0, 35))
    ax.set(yticks=range(0, 31, 10), zticks=range(0, 31, 10))
    ax.xaxis.set_major_locator(MultipleLocator(5))
    ax.set_box_aspect((1.7, 1, 1), zoom=1.1)
    ax.view_init(elev=20, azim=-60)
    ax.set_title(title, y=0.94)
    ax.legend(loc="upper right", bbox_to_anchor=(1.08, 0.9), markerscale=3)
    return fig


def plot_neuron(
    times: np.ndarray,
    current: np.ndarray,
    voltage: np.ndarray,
    threshold: float | None = None,
    spikes: np.ndarray | None = None,
) -> Figure:
    """Draw the synaptic current of a neuron above its membrane voltage.

    Args:
        times: In ms, of shape (T,).
        current: Synaptic current at these times.
        voltage: Membrane voltage at these times.
        threshold: Drawn as a dashed line; default: the neuron has none.
        spikes: 0 or 1 at these times, drawn as marks above the voltage; default: not drawn.
    """
    fig, (top, bottom) = plt.subplots(2, 1, sharex=True, figsize=(7.2, 4), layout="constrained")
    top.plot(times, current, color="#0072B2")
    top.set(title="synaptic current", ylabel="i (a.u.)")
    bottom.plot(times, voltage, color="#009E73")
    bottom.set(title="membrane voltage", xlabel="time (ms)", ylabel="v (a.u.)")
    if threshold is not None:
        bottom.axhline(threshold, color="#D55E00", linestyle="--", linewidth=1)
        bottom.text(times[0], threshold, "threshold", color="#C14F00", va="bottom", ha="left")
    if spikes is not None:
        bottom.set_title(f"membrane voltage, and a mark for each of {spikes.sum():.0f} spikes")
        height = 1.25 * max(voltage.max(), threshold or 0)
        bottom.plot(times[spikes > 0], np.full(int(spikes.sum()), height), "|k", markersize=10)
    return fig


def plot_network(snn: SNN) -> Figure:
    """Draw the parts of a network from left to right, and the weights on the arrows between them.

    Args:
        snn: Its sizes are written into the picture.
    """
    inputs, hidden, outputs = (
        snn.arguments[f"{part}_size"] for part in ("input", "hidden", "output")
    )
    parts = {
        0.0: f"one frame\n{inputs:,} counts",
        1.35: f"hidden layer\n{hidden} LIF neurons",
        2.8: f"readout\n{outputs} leaky integrators",
    }
    arrows = [
        (0.36, 0.92, f"input weights\n{hidden} × {inputs:,}"),
        (1.78, 2.3, f"linear layer\n{outputs} × {hidden}"),
        (3.28, 3.75, "voltages"),
    ]
    fig, ax = plt.subplots(figsize=(7.2, 1.9), layout="constrained")
    box = {"boxstyle": "round,pad=0.6", "facecolor": "#E8F1F8", "edgecolor": "#0072B2"}
    arrow = {"arrowstyle": "-|>", "color": "black", "shrinkA": 0, "shrinkB": 0}
    for place, name in parts.items():
        ax.text(place, 0, name, ha="center", va="center", bbox=box)
    for start, end, name in arrows:
        ax.annotate("", (end, 0), (start, 0), arrowprops=arrow)
        ax.text((start + end) / 2, 0.12, name, ha="center", va="bottom", fontsize=10)
    loop = {**arrow, "connectionstyle": "arc3,rad=1.3"}
    ax.annotate("", (1.15, 0.26), (1.55, 0.26), arrowprops=loop)
    label = f"recurrent weights, {hidden} × {hidden}:\nthe spikes of the step before"
    ax.text(1.35, 0.82, label, ha="center", fontsize=10)
    ax.set(xlim=(-0.45, 3.8), ylim=(-0.3, 1.2))
    ax.axis("off")
    return fig


def plot_dynamics(
    state: SNNState, dt: float, classes: Sequence[str], sample: int = 0, neurons: int = 20
) -> Figure:
    """Draw what the network did with one recording, from the readout down to the spikes.

    Args:
        state: What an ``SNN`` with ``record=True`` recorded.
        dt: Duration of a time step in s.
        classes: Names of the readout neurons.
        sample: Which recording of the batch.
        neurons: How many hidden neurons to draw voltages and currents of.
    """
    times = 1000 * dt * np.arange(1, len(state.readout.v) + 1)  # a step's state holds at its end
    fig, axes = plt.subplots(4, 1, sharex=True, figsize=(7.2, 8.5), layout="constrained")
    plot_readout(axes[0], state.readout.v[:, sample].cpu(), dt, classes)
    axes[0].set_title("readout: membrane voltages")
    axes[0].set_xlabel("")
    name_suits_once(fig, axes[0])
    thin = {"linewidth": 0.9, "alpha": 0.7}
    axes[1].plot(times, np.asarray(state.lif0.v[:, sample, :neurons].cpu()), **thin)
    axes[1].set(
        title=f"{neurons} hidden neurons: membrane voltages, after the reset", ylabel="v (a.u.)"
    )
    axes[2].plot(times, np.asarray(state.lif0.i[:, sample, :neurons].cpu()), **thin)
    axes[2].set(title=f"the same {neurons}: synaptic currents", ylabel="i (a.u.)")
    plot_raster(axes[3], state.lif0.z[:, sample].cpu(), dt)
    return fig


def plot_raster(ax: Axes, spikes: torch.Tensor, dt: float) -> None:
    """Draw a mark for every spike.

    Args:
        ax: Where to draw.
        spikes: 0 or 1, of shape (T, neurons).
        dt: Duration of a time step in s.
    """
    steps, neurons = np.nonzero(np.asarray(spikes))
    ax.plot(1000 * dt * (steps + 1), neurons, "|", color="black", markersize=3, markeredgewidth=0.8)
    ax.grid(False)
    ax.set(
        title=f"hidden spikes: {len(steps)}",
        xlabel="time (ms)",
        ylabel="neuron",
        xlim=(0, 1000 * dt * (len(spikes) + 0.5)),
        ylim=(-1, spikes.shape[1]),
    )


def plot_readout(ax: Axes, voltages: torch.Tensor, dt: float, classes: Sequence[str]) -> None:
    """Draw the voltage of each readout neuron, with a dot at its maximum, which ``decode`` reads.

    Args:
        ax: Where to draw.
        voltages: Of shape (T, classes).
        dt: Duration of a time step in s.
        classes: Names of the readout neurons.
    """
    voltages = np.asarray(voltages.detach())
    times = 1000 * dt * np.arange(1, len(voltages) + 1)
    for trace, suit in zip(voltages.T, classes, strict=True):
        ax.plot(times, trace, color=SUIT_COLOURS.get(suit), label=suit)
        peak = trace.argmax()
        ax.plot(times[peak], trace[peak], "o", color=SUIT_COLOURS.get(suit), markersize=5)
    ax.set(xlabel="time (ms)", ylabel="v (a.u.)", xlim=(0, times[-1] + 500 * dt))


def name_suits_once(fig: Figure, ax: Axes) -> None:
    """Put one legend above a figure whose panels show the same readout neurons.

    Args:
        fig: The figure.
        ax: One of its panels, drawn by ``plot_readout``.
    """
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=4)


def plot_history(history: History) -> Figure:
    """Draw loss and accuracy by epoch.

    Args:
        history: What ``fit`` returns.
    """
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.2, 3), layout="constrained")
    epochs = np.arange(1, len(history.loss) + 1)
    left.plot(epochs, history.loss, color="#0072B2", label="train")
    right.plot(epochs, 100 * np.array(history.accuracy), color="#0072B2", label="train")
    if history.test_loss:
        left.plot(epochs, history.test_loss, color="#D55E00", label="test")
        right.plot(epochs, 100 * np.array(history.test_accuracy), color="#D55E00", label="test")
    left.set(title="loss", xlabel="epoch", ylabel="negative log-likelihood", ylim=(0, None))
    right.set(title="accuracy", xlabel="epoch", ylabel="named right (%)", ylim=(0, 105))
    right.legend(loc="lower right")
    return fig


def plot_confusion(evaluation: Evaluation, classes: Sequence[str]) -> Figure:
    """Count true against named classes.

    Args:
        evaluation: What ``evaluate`` returns.
        classes: Names of the classes.
    """
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    np.add.at(counts, (evaluation.targets, evaluation.predicted), 1)
    with plt.rc_context({"font.size": 8.5}):  # as on a page where wider figures are scaled down
        fig, ax = plt.subplots(figsize=(3.6, 3.2), layout="constrained")
        ax.imshow(counts, cmap="Blues", vmax=counts.max() * 1.2)
        for row, column in np.ndindex(*counts.shape):
            colour = "white" if counts[row, column] > counts.max() * 0.6 else "black"
            ax.text(column, row, counts[row, column], ha="center", va="center", color=colour)
        ax.set_xticks(range(len(classes)), classes)
        ax.set_yticks(range(len(classes)), classes)
        ax.set(xlabel="named by the network", ylabel="true suit")
        ax.grid(False)
    return fig


def plot_bars(values: dict[str, Sequence[float]], titles: Sequence[str], label: str) -> Figure:
    """Draw a bar for each entry, with its value beside it, on one logarithmic axis for all panels.

    Args:
        values: By name, one number for each panel.
        titles: Of the panels.
        label: What the numbers are, with their unit.
    """
    fig, axes = plt.subplots(
        1,
        len(titles),
        sharex=True,
        sharey=True,
        figsize=(7.2, 1 + 0.35 * len(values)),
        layout="constrained",
    )
    numbers = np.array(list(values.values()))
    limits = (10 ** np.floor(np.log10(numbers.min())), 6 * numbers.max())
    for ax, title, column in zip(axes, titles, zip(*values.values(), strict=True), strict=True):
        bars = ax.barh(list(values), column, color="#0072B2")
        ax.bar_label(
            bars,
            [f"{value:,.0f}" if value >= 10 else f"{value:.1f}" for value in column],
            padding=3,
            fontsize=9,
        )
        ax.set(title=title, xlabel=label, xscale="log", xlim=limits)
        ax.grid(False, axis="y")
    axes[0].invert_yaxis()
    return fig
