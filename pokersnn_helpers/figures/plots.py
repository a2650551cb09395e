"""Draw recordings, frames, the states of a network, and the training history."""

from collections.abc import Collection, Iterator, Sequence
from itertools import product
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Circle, Rectangle
from matplotlib.ticker import MaxNLocator

from ..frames import to_frames
from ..recordings import POKERDVS_SENSOR_SIZE
from ..snn import SNN, SpikingNetwork
from ..training import Evaluation, History
from .colours import (
    ACCENT,
    ACCENT_MAP,
    EVENTS_MAP,
    GREY,
    GRID,
    OFF,
    ON,
    SHADE,
    TEXT,
    class_colours,
    vote_map,
)

POLARITIES = {1: ("ON", ON, "o"), 0: ("OFF", OFF, "s")}
Frame = np.ndarray | torch.Tensor  # counts of shape (2, y, x), OFF first
FIELDS = {"z": "spikes", "i": "synaptic currents", "v": "membrane voltages"}  # as they happen


def imshow_polarity(ax: Axes, frame: Frame, limit: float) -> AxesImage:
    """Draw ON minus OFF events per pixel: red where there are more ON, blue where more OFF.

    Args:
        ax: Where to draw.
        frame: Counts of shape (2, y, x), OFF first.
        limit: Count at which the colours saturate.
    """
    off, on = np.asarray(frame, dtype=float)
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    ax.spines[:].set_visible(False)
    return ax.imshow(on - off, cmap=EVENTS_MAP, vmin=-limit, vmax=limit)


def plot_frames(
    frames: Sequence[Frame], titles: Sequence[str], *, columns: int = 4, limit: float | None = None
) -> Figure:
    """Draw frames side by side, all on one colour scale.

    Args:
        frames: Counts, each of shape (2, y, x).
        titles: One per frame.
        columns: Frames per row.
        limit: Count at which the colours saturate; default: the largest ON minus OFF, or 1.
    """
    limit = limit or max(1.0, *(abs(on - off).max() for off, on in map(np.asarray, frames)))
    rows = -(-len(frames) // columns)
    height, width = np.shape(frames[0])[-2:]
    lines = 1 + max(title.count("\n") for title in titles)
    row = 4.9 / columns * min(1, height / width) + 0.18 * lines + 0.17  # inches
    fig, axes = plt.subplots(
        rows, columns, figsize=(6.0, rows * row), squeeze=False, layout="constrained"
    )
    for ax in axes.flat[len(frames) :]:
        ax.axis("off")
    for ax, (frame, title) in zip(axes.flat, zip(frames, titles, strict=True), strict=False):
        image = imshow_polarity(ax, frame, limit)
        ax.set_title(title)
    shrink, thickness = (0.8, 12) if rows == 1 else (0.7, 20)
    ticks = MaxNLocator(5, integer=True)
    bar = fig.colorbar(image, ax=axes, shrink=shrink, aspect=thickness, pad=0.01, ticks=ticks)
    bar.set_label("ON − OFF\nevents per pixel")
    return fig


def plot_distributions(table: pd.DataFrame, columns: Sequence[str]) -> Figure:
    """Draw each recording as a dot, by class, once per column; a bar marks the median.

    Args:
        table: What ``recording_statistics`` returns. Classes stand in the order in which they come,
            or in that of the categories where the column "class" is categorical.
        columns: Columns of the table to draw.
    """
    fig, axes = plt.subplots(
        1, len(columns), figsize=(6.0, 3.2), squeeze=False, layout="constrained"
    )
    names = table["class"]
    names = names.cat.categories if hasattr(names, "cat") else names.unique()
    tilt = 35 if len(names) < 8 else 90
    rng = np.random.default_rng(0)
    for ax, column in zip(axes[0], columns, strict=True):
        for place, (name, colour) in enumerate(class_colours(names).items()):
            values = table.loc[table["class"] == name, column]
            spread = place + rng.uniform(-0.18, 0.18, len(values))
            ax.plot(spread, values, "o", color=colour, alpha=0.7, markersize=4)
            ax.hlines(values.median(), place - 0.3, place + 0.3, color=TEXT, linewidth=2)
        ax.set(title=column, ylim=(0, None))
        ax.set_xticks(
            range(len(names)), names, rotation=tilt, ha="right" if tilt < 90 else "center"
        )
    return fig


def plot_event_cloud(
    events: np.ndarray, title: str, sensor_size: tuple[int, int, int] = POKERDVS_SENSOR_SIZE
) -> Figure:
    """Draw each event of a recording as a point in x, y and time.

    Args:
        events: Structured array with fields t (µs), x, y and p.
        title: Title of the figure.
        sensor_size: Width, height and polarities of the sensor.
    """
    width, height, _ = sensor_size
    fig = plt.figure(figsize=(6.0, 4.5), layout="none")
    ax: Any = fig.add_axes((-0.03, 0.01, 0.96, 0.96), projection="3d", computed_zorder=False)
    for polarity, (name, colour, marker) in POLARITIES.items():
        some = events[events["p"] == polarity]
        ax.scatter(
            some["t"] / 1000, some["x"], some["y"], s=3, color=colour, marker=marker,
            linewidth=0, depthshade=False, label=f"{name}: {len(some):,}", rasterized=True,
        )  # fmt: skip
    ax.set(xlabel="time (ms)", ylabel="x (pixel)", zlabel="y (pixel)")
    ax.set(ylim=(0, width), zlim=(height, 0))
    for axis, ticks in ((ax.xaxis, 6), (ax.yaxis, 4), (ax.zaxis, 4)):
        axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 5, 10]))
        axis.set_pane_color((0, 0, 0, 0))
        axis.labelpad = 8
    ax.set_box_aspect((1.7, 1, height / width), zoom=1.1)
    ax.view_init(elev=20, azim=-60)
    fig.suptitle(title, x=0.04, y=0.97, ha="left", fontweight="bold", fontsize="medium")
    fig.legend(
        title="events", loc="upper right", ncols=2, markerscale=3, handletextpad=0.1,
        columnspacing=1, bbox_to_anchor=(1, 1),
    )  # fmt: skip
    return fig


def plot_neuron(
    times: np.ndarray,
    current: np.ndarray,
    voltage: np.ndarray,
    threshold: float | None = None,
    spikes: np.ndarray | None = None,
    inputs: np.ndarray | None = None,
) -> Figure:
    """Draw the synaptic current of a neuron above its membrane voltage.

    Args:
        times: In ms, of shape (T,).
        current: Synaptic current at these times.
        voltage: Membrane voltage at these times.
        threshold: Drawn as a dashed line in both panels; default: the neuron has none.
        spikes: 0 or 1 at these times, drawn as marks above the voltage; default: not drawn.
        inputs: When input events arrive, in ms, drawn as marks above the current; default: not
            drawn.
    """
    fig, (top, bottom) = plt.subplots(2, 1, sharex=True, figsize=(6.0, 4.2))
    top.plot(times, current, color=ACCENT)
    top.set(title="synaptic current", ylabel="i (a.u.)")
    bottom.plot(times, voltage, color=TEXT)
    bottom.set(title="membrane voltage", xlabel="time (ms)", ylabel="v (a.u.)")
    if threshold is not None:
        for ax in (top, bottom):
            ax.axhline(threshold, color=GREY, linestyle="--", linewidth=1)
            ax.text(1.01, threshold, "threshold", color=GREY, va="center",
                    transform=ax.get_yaxis_transform())  # fmt: skip
    spiked = None if spikes is None else times[spikes > 0]
    for ax, trace, marks, colour, words, width in (
        (top, current, inputs, GREY, "synaptic current ({:,} input event{})", 0.7),
        (bottom, voltage, spiked, ACCENT, "membrane voltage ({:,} spike{})", 1.8),
    ):
        if marks is not None:
            ax.set_title(words.format(len(marks), "s" * (len(marks) != 1)))
            highest = max(trace.max(), threshold or 0)
            height = np.full(len(marks), 1.22 * highest)
            ax.plot(marks, height, "|", color=colour, markersize=9, markeredgewidth=width)
            ax.set_ylim(top=1.34 * highest)
    return fig


def plot_network(network: SpikingNetwork) -> Figure:
    """Draw the parts of a network.

    Args:
        network: ``SNN`` and ``FastSNN`` are drawn with their weights, from left to right, and any
            other network as a chain of the layers that it holds, from top to bottom in the order in
            which it made them.
    """
    if isinstance(network, SNN) and type(network).step is SNN.step:
        sizes = (network.arguments[f"{part}_size"] for part in ("input", "hidden", "output"))
        return _plot_snn(*sizes)
    layers = dict(network.named_children())
    fig, ax = _drawing(0.8 * len(layers))
    for place, (name, layer) in enumerate(layers.items()):
        parameters = sum(weights.numel() for weights in layer.parameters())
        y = 0.8 * (len(layers) - place) - 0.4
        box = {"boxstyle": "round,pad=0.6", "facecolor": SHADE, "edgecolor": ACCENT}
        text = f"{name}: {type(layer).__name__}, {parameters:,} parameters"
        ax.text(3, y, text, ha="center", va="center", bbox=box)
        if place:
            _arrow(ax, (3, y + 0.58), (3, y + 0.2))
    return fig


def _drawing(height: float) -> tuple[Figure, Axes]:
    """Return empty axes over a whole figure of this height, with a unit of one inch."""
    fig = plt.figure(figsize=(6.0, height), layout="none")
    ax = fig.add_axes((0, 0, 1, 1), xlim=(0, 6), ylim=(0, height))
    ax.axis("off")
    return fig, ax


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], **style: Any) -> None:
    """Draw an arrow from start to end."""
    style = {"arrowstyle": "-|>", "color": TEXT, "shrinkA": 0, "shrinkB": 0} | style
    ax.annotate("", end, start, arrowprops=style)


def _plot_snn(inputs: int, hidden: int, outputs: int) -> Figure:
    """Draw a frame, a recurrent layer, a readout, and the weights between them."""
    fig, ax = _drawing(3.4)
    # The frame: two polarities, with the outline of a heart.
    heart = ["0110110", "1001001", "1000001", "1000001", "0100010", "0010100", "0001000"]
    for left, bottom, colour, lines in ((0.47, 1.35, OFF, range(2)), (0.13, 1.0, ON, range(2, 7))):
        ax.add_patch(Rectangle((left, bottom), 0.9, 0.9, fc=SHADE, ec=colour, lw=1.5))
        for row, column in product(lines, range(7)):
            if heart[row][column] == "1":
                corner = (left + 0.1 * (column + 1), bottom + 0.1 * (7 - row))
                ax.add_patch(Rectangle(corner, 0.1, 0.1, facecolor=colour, linewidth=0))
    # The neurons, with gaps for those that aren't drawn, and every connection between them.
    middle, columns = 1.62, dict[float, list[float]]()
    for x, number, pitch, most in ((2.75, hidden, 0.28, 6), (4.72, outputs, 0.42, 4)):
        shown = min(number, most)
        places = [middle + pitch * (place - (shown - 1) / 2) for place in range(shown)]
        if number > shown:
            places = [
                y + 0.15 * (1 if place >= shown // 2 else -1) for place, y in enumerate(places)
            ]
            ax.plot(
                [x] * 3, [middle - 0.07, middle, middle + 0.07], "o", color=TEXT, markersize=1.8
            )
        columns[x] = places
    (x_hidden, hidden_places), (x_readout, readout_places) = columns.items()
    fan: dict[str, Any] = {"color": GREY, "linewidth": 0.5, "alpha": 0.6, "zorder": 1}
    for y in hidden_places:
        for start in middle + np.linspace(-0.5, 0.5, 6):
            ax.plot([1.46, x_hidden], [start, y], **fan)
        for end in readout_places:
            ax.plot([x_hidden, x_readout], [y, end], **fan)
        ax.add_patch(Circle((x_hidden, y), 0.1, color=ACCENT, linewidth=0, zorder=2))
    steps = np.linspace(0, 1, 60)
    for place, y in enumerate(readout_places):
        ax.add_patch(Circle((x_readout, y), 0.1, fc=SHADE, ec=TEXT, lw=1.5, zorder=2))
        wave = np.sin(np.pi * steps) ** 2 * (0.26 if place == 1 else 0.1)
        ax.plot(5.02 + 0.8 * steps, y - 0.08 + wave, color=TEXT, linewidth=1.5)
    # The loop from the hidden layer back to itself.
    top = hidden_places[-1] + 0.12
    _arrow(ax, (x_hidden + 0.13, top), (x_hidden - 0.13, top), color=ACCENT, linewidth=1.8,
           connectionstyle="arc3,rad=2.2")  # fmt: skip
    texts = {
        (0.72, 0.08): f"one frame:\n{inputs:,} counts",
        (x_hidden, 0.08): f"hidden layer:\n{hidden:,} LIF neurons",
        (x_readout, 0.08): f"readout:\n{outputs:,} leaky integrators",
        (1.62, 2.5): f"input weights\n{hidden:,} × {inputs:,}",
        (x_hidden, 2.96): f"recurrent weights\n{hidden:,} × {hidden:,}",
        (3.85, 2.5): f"linear layer\n{outputs:,} × {hidden:,}",
        (5.42, 2.5): "voltages",
    }
    for (x, y), text in texts.items():
        ax.text(x, y, text, ha="center", va="bottom")
    return fig


def plot_dynamics(
    recording: Any,
    dt: float,
    classes: Sequence[str],
    sample: int = 0,
    *,
    frames: torch.Tensor | None = None,
    votes: torch.Tensor | None = None,
    neurons: int = 20,
) -> Figure:
    """Draw what a network did during one recording, in the order in which it happens.

    From top to bottom: the input, then of each hidden layer its spikes, synaptic currents and
    membrane voltages, then the readout. One neuron, the busiest of those drawn, has the accent.

    Args:
        recording: What a ``SpikingNetwork`` recorded: a NamedTuple of the states of its layers, or
            of groups of layers. Drawn are the spikes ``z``, synaptic currents ``i`` and membrane
            voltages ``v`` that a layer has, each of shape (T, B, ...). The last layer is the
            readout; a network of one layer may record its state alone.
        dt: Duration of a time step in s.
        classes: Names of the readout neurons.
        sample: Which recording of the batch.
        frames: What the network was given, of shape (T, B, ...): adds the panel of the input, and
            shades the time after the recording's last event.
        votes: As for ``draw_raster``, of the last hidden layer.
        neurons: How many neurons of a layer to draw currents and voltages of.

    Raises:
        TypeError: Nothing was recorded, or no NamedTuple.
    """
    if not hasattr(recording, "_asdict"):
        kind = type(recording).__name__
        raise TypeError(f"recording is a {kind}; set network.record = True, and run the network")
    layers = dict(_layers(recording))
    *hidden, readout = layers
    panels = [
        (name, field, getattr(layers[name], field)[:, sample].flatten(1).cpu())  # (T, neurons)
        for name in hidden
        for field in FIELDS
        if hasattr(layers[name], field)
    ]
    heights = {"input": 0.9, "z": 1.9, "i": 1.35, "v": 1.35, "readout": 1.7}  # inches
    drawn = [*["input"] * (frames is not None), *(field for _, field, _ in panels), "readout"]
    ratios = [heights[panel] for panel in drawn]
    fig, axes = plt.subplots(
        len(drawn), 1, sharex=True, squeeze=False, height_ratios=ratios,
        figsize=(6.0, 0.4 + sum(ratios)), layout="constrained",
    )  # fmt: skip
    first = axes[0, 0]
    if frames is not None:
        counts = frames[:, sample].flatten(1).sum(dim=1).cpu()
        times = 1000 * dt * (np.arange(len(counts)) + 0.5)
        first.bar(times, counts.numpy(), width=800 * dt, color=GREY)
        first.set(title=f"input: {int(counts.sum()):,} events", ylabel="per step")
    between = axes[-1 - len(panels) : -1, 0]
    for ax, (name, field, values) in zip(between, panels, strict=True):
        layer = "hidden" if len(hidden) == 1 else name
        spikes = getattr(layers[name], "z", None)
        busy = None if spikes is None else spikes[:, sample].flatten(1)[:, :neurons].sum(dim=0)
        chosen = None if busy is None or busy.max() == 0 else int(busy.argmax())
        if field == "z":
            draw_raster(ax, values, dt, votes if name == hidden[-1] else None, classes, chosen)
            ax.set_title(f"{layer} spikes: {int(values.sum()):,}")
            continue
        times = 1000 * dt * np.arange(1, len(values) + 1)  # a step's state holds at its end
        for number, trace in enumerate(values[:, :neurons].T):
            look = (ACCENT, 1.8, 1, 3) if number == chosen else (GREY, 0.9, 0.5, 2)
            colour, width, alpha, order = look
            ax.plot(times, trace, color=colour, linewidth=width, alpha=alpha, zorder=order)
        after = ", after the reset" if field == "v" and hasattr(layers[name], "z") else ""
        title = f"{len(ax.lines)} {layer} neurons: {FIELDS[field]}{after}"
        ax.set(title=title, ylabel=f"{field} (a.u.)")
    answer = axes[-1, 0]
    draw_readout(answer, layers[readout].v[:, sample].flatten(1), dt, classes)
    answer.set(title="readout: membrane voltages", xlim=(0, 1000 * dt * len(layers[readout].v)))
    label_ends(answer)
    for ax in axes[:, 0]:
        ax.set_xlabel("time (ms)" if ax is answer else "")
        if frames is not None:
            shade_silence(ax, counts, dt)
    fig.align_ylabels(axes[:, 0])
    return fig


def shade_silence(ax: Axes, counts: torch.Tensor, dt: float) -> None:
    """Shade the time after the last event of a recording.

    Args:
        ax: Where to draw.
        counts: Events per time step, of shape (T,).
        dt: Duration of a time step in s.
    """
    end = int(counts.nonzero().max()) + 1 if counts.any() else 0
    ax.axvspan(1000 * dt * end, 1000 * dt * len(counts), color=SHADE, linewidth=0, zorder=-1)


def _layers(state: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Yield name and state of every layer, in order, from groups in groups too."""
    if FIELDS.keys() & set(state._fields):
        yield name, state
        return
    for field, part in state._asdict().items():
        if hasattr(part, "_fields"):
            yield from _layers(part, f"{name}.{field}".lstrip("."))


def draw_raster(
    ax: Axes,
    spikes: torch.Tensor,
    dt: float,
    votes: torch.Tensor | None = None,
    classes: Sequence[str] = (),
    marked: int | None = None,
) -> None:
    """Draw a cell for each neuron and time step, filled where the neuron spiked.

    Args:
        ax: Where to draw.
        spikes: 0 or 1, of shape (T, neurons).
        dt: Duration of a time step in s.
        votes: For each neuron, the index of the class that it votes for: neurons are sorted by
            class, and each class is marked at the right edge. Default: in their own order.
        classes: Names of the classes.
        marked: A neuron to mark at the left edge; default: none.
    """
    cells = np.asarray(spikes.detach().cpu()).T
    order = np.arange(len(cells))
    if votes is not None:
        order = np.argsort(np.asarray(votes.detach().cpu()), kind="stable")
    end = 1000 * dt * cells.shape[1]
    extent = (0.0, end, len(cells), 0.0)
    ax.imshow(cells[order], cmap=ACCENT_MAP, vmin=0, vmax=1, aspect="auto", extent=extent)
    ax.grid(False)
    ax.set(title=f"{int(cells.sum()):,} spikes", xlabel="time (ms)", ylabel="neuron")
    ax.set(xlim=(0, end), ylim=(len(cells), 0))
    if marked is not None:
        row = int(np.flatnonzero(order == marked)[0]) + 0.5
        place = ax.get_yaxis_transform()
        ax.plot(-0.012, row, ">", color=ACCENT, markersize=6, transform=place, clip_on=False)
    if votes is None:
        return
    ax.set(yticks=[], ylabel=f"{len(cells)} neurons")
    groups = np.asarray(votes.detach().cpu())[order]
    edge: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "clip_on": False}
    for number, (name, colour) in enumerate(class_colours(classes).items()):
        rows = np.flatnonzero(groups == number)
        if len(rows):
            top, bottom = rows[0], rows[-1] + 1
            ax.vlines(1.012, top, bottom, color=colour, linewidth=4, **edge)
            ax.text(1.03, (top + bottom) / 2, name, color=colour, va="center", **edge)


def draw_readout(ax: Axes, voltages: torch.Tensor, dt: float, classes: Sequence[str]) -> None:
    """Draw the voltage of each readout neuron, with a dot at its maximum, which ``decode`` reads.

    Args:
        ax: Where to draw.
        voltages: Of shape (T, classes).
        dt: Duration of a time step in s.
        classes: Names of the readout neurons.
    """
    traces = np.asarray(voltages.detach().cpu()).T
    times = 1000 * dt * np.arange(1, len(voltages) + 1)
    for trace, (name, colour) in zip(traces, class_colours(classes).items(), strict=True):
        ax.plot(times, trace, color=colour, label=name)
        peak = trace.argmax()
        ax.plot(times[peak], trace[peak], "o", color=colour, markersize=5)
    ax.set(xlabel="time (ms)", ylabel="v (a.u.)", xlim=(0, times[-1] + 500 * dt))


def label_ends(ax: Axes) -> None:
    """Write the label of each line at its right end, in its colour, in place of a legend.

    Labels that would overlap are moved apart. Call it when the lines and the limits are set.

    Args:
        ax: Axes with labelled lines, in a figure with constrained layout.
    """
    lines = [line for line in ax.lines if not str(line.get_label()).startswith("_")]
    place = ax.get_yaxis_transform()
    texts = [
        ax.text(1.015, 0, str(line.get_label()), va="center", color=line.get_color(),
                transform=place)
        for line in lines
    ]  # fmt: skip
    fig: Any = ax.figure
    fig.draw_without_rendering()
    height = ax.get_window_extent().height / fig.dpi * 72  # points
    low, high = ax.get_ylim()
    ends = [float(np.asarray(line.get_ydata())[-1]) for line in lines]
    heights = height * (np.array(ends) - low) / (high - low)
    for text, at in zip(texts, _apart(heights, 1.25 * plt.rcParams["font.size"]), strict=True):
        text.set_y(low + (high - low) * at / height)


def _apart(places: np.ndarray, gap: float) -> np.ndarray:
    """Move places as little as possible until neighbours are at least ``gap`` apart."""
    order = np.argsort(places)
    blocks: list[list[float]] = []  # what neighbours are moved to together, less their gaps
    for rank, place in enumerate(places[order]):
        blocks.append([place - rank * gap])
        while len(blocks) > 1 and np.mean(blocks[-2]) > np.mean(blocks[-1]):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    moved = np.empty(len(places))
    moved[order] = np.concatenate([[np.mean(block)] * len(block) for block in blocks] or [[]])
    moved[order] += gap * np.arange(len(places))
    return moved


def plot_answer(snn: SNN, events: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draw a recording, the spikes that it causes, and the voltages that answer.

    Args:
        snn: The network, whose classes are in the order of ``classes``.
        events: One recording.
        classes: Names of the classes.
    """
    frames = to_frames(events, 1e6 * snn.dt)
    record, snn.record = snn.record, True
    with torch.no_grad():
        voltages = snn(frames.unsqueeze(1))[:, 0].cpu()
    spikes = snn.recording.lif0.z[:, 0].cpu()
    snn.record = record
    fig = plt.figure(figsize=(6.0, 3.6))
    grid = fig.add_gridspec(2, 2, width_ratios=(1, 2), height_ratios=(1.15, 1))
    left = fig.add_subplot(grid[:, 0])
    imshow_polarity(left, frames.sum(dim=0), limit=6)
    left.set_title(f"{len(events):,} events", loc="center")
    raster = fig.add_subplot(grid[0, 1])
    draw_raster(raster, spikes, snn.dt, snn.linear.weight.argmax(dim=0).cpu(), classes)
    raster.set(title=f"{int(spikes.sum()):,} spikes", xlabel="")
    raster.tick_params(labelbottom=False)
    readout = fig.add_subplot(grid[1, 1], sharex=raster)
    draw_readout(readout, voltages, snn.dt, classes)
    answer = classes[int(voltages.max(dim=0).values.argmax())]
    readout.set(title=f"the answer: a {answer}", ylabel="voltage", yticks=[0])
    label_ends(readout)
    return fig


def add_class_legend(fig: Figure, ax: Axes) -> None:
    """Put one legend above a figure whose panels show the same readout neurons.

    Args:
        fig: The figure.
        ax: One of its panels, drawn by ``draw_readout``.
    """
    handles, names = ax.get_legend_handles_labels()
    column = 0.7 + 0.09 * max(map(len, names))  # inches
    ncols = max(1, min(len(names), int(fig.get_figwidth() / column)))
    fig.legend(handles, names, loc="outside upper center", ncols=ncols)


def plot_history(history: History) -> Figure:
    """Draw loss and accuracy by epoch.

    Args:
        history: What ``fit`` returns.
    """
    fig, axes = plt.subplots(1, 2, figsize=(6.0, 2.9), layout="constrained")
    epochs = np.arange(1, len(history.loss) + 1)
    curves = {
        "training": (history.loss, history.accuracy, TEXT),
        "held out": (history.test_loss, history.test_accuracy, ACCENT),
    }
    for ax, part in zip(axes, (0, 1), strict=True):
        for name, curve in curves.items():
            if curve[part]:
                values = (100 if part else 1) * np.array(curve[part])
                ax.plot(epochs, values, color=curve[2], label=name)
        ax.set_xlabel("epoch")
    axes[0].set(title="loss", ylabel="negative log-likelihood", ylim=(0, None))
    axes[1].set(title="accuracy", ylabel="classified correctly (%)", ylim=(0, 105))
    axes[1].legend(loc="lower right")
    return fig


def plot_confusion(evaluation: Evaluation, classes: Sequence[str]) -> Figure:
    """Count true against predicted classes.

    Args:
        evaluation: What ``evaluate`` returns.
        classes: Names of the classes.
    """
    size = len(classes)
    counts = np.zeros((size, size), dtype=int)
    np.add.at(counts, (evaluation.targets, evaluation.predicted), 1)
    cell, label = 0.45, 0.1 * max(map(len, classes))  # inches
    tilt, side = (35, "right") if label > cell else (0, "center")
    size_inches = (0.6 + label + cell * size, 0.5 + 0.6 * label + cell * size)
    fig, ax = plt.subplots(figsize=size_inches, layout="constrained")
    # Half the colour at most: numbers in the text's colour can be read on it, light and dark.
    ax.imshow(counts, cmap=ACCENT_MAP, vmin=0, vmax=max(1, 2 * counts.max()))
    for row, column in np.ndindex(*counts.shape):
        count = counts[row, column]
        colour = TEXT if count else GREY
        ax.text(column, row, str(count), ha="center", va="center", color=colour)
    ax.set_xticks(range(size), classes, rotation=tilt, ha=side)
    ax.set_yticks(range(size), classes)
    ax.set(xlabel="predicted class", ylabel="true class")
    ax.grid(False)
    return fig


def plot_spread(values: dict[str, Sequence[float]], label: str) -> Figure:
    """Draw each number as a dot, a row per name; a bar marks the mean of a row.

    Args:
        values: By name, any number of numbers, such as one per seed.
        label: What the numbers are, with their unit.
    """
    layout = ConstrainedLayoutEngine(w_pad=0.12)  # room for a last tick label at the very edge
    fig, ax = plt.subplots(figsize=(6.0, 0.8 + 0.36 * len(values)), layout=layout)
    for row, numbers in enumerate(values.values()):
        heights = row + np.linspace(-0.2, 0.2, len(numbers)) * (len(numbers) > 1)
        ax.plot(numbers, heights, "o", color=ACCENT, alpha=0.8, markersize=6, markeredgewidth=0)
        ax.vlines(np.mean(numbers), row - 0.34, row + 0.34, color=TEXT, linewidth=2)
    ax.set_yticks(range(len(values)), list(values))
    ax.set(xlabel=label, ylim=(len(values) - 0.5, -0.5))
    ax.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    ax.grid(False, axis="y")
    return fig


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
    """
    fig, ax = plt.subplots(figsize=(6.0, 0.8 + 0.32 * len(values)), layout="constrained")
    for place, (name, (value, low, high)) in enumerate(values.items()):
        colour = ACCENT if name in marked else TEXT
        ax.hlines(place, low, high, color=colour, linewidth=2, alpha=0.55)
        ax.plot(value, place, "o", color=colour, markersize=7)
    if line is not None:
        ax.axvline(line, color=GREY, linestyle="--", linewidth=1, zorder=0)
    ax.set_yticks(range(len(values)), list(values))
    ax.set(xlabel=label, ylim=(len(values) - 0.5, -0.5))
    ax.grid(False, axis="y")
    return fig


def plot_curves(table: pd.DataFrame, label: str, columns: int = 2) -> Figure:
    """Draw curves with their intervals, in a panel per change.

    Args:
        table: A row per point: "change", the title of its panel; "amount", how much was changed;
            "model", the curve; "value", "low" and "high".
        label: What the values are, with their unit.
        columns: Panels per row.
    """
    changes = table["change"].unique()
    rows = -(-len(changes) // columns)
    fig, axes = plt.subplots(
        rows, columns, sharey=True, squeeze=False, figsize=(6.0, 0.5 + 2.1 * rows),
        layout="constrained",
    )  # fmt: skip
    colours = dict(zip(table["model"].unique(), (ACCENT, TEXT, GREY), strict=False))
    for ax in axes.flat[len(changes) :]:
        ax.axis("off")
    for ax, change in zip(axes.flat, changes, strict=False):
        for model, colour in colours.items():
            some = table[(table["change"] == change) & (table["model"] == model)]
            style = "-" if colour == ACCENT else "--"
            ax.fill_between(
                some["amount"], some["low"], some["high"], color=colour, alpha=0.15, linewidth=0
            )
            ax.plot(some["amount"], some["value"], style, marker="o", markersize=4,
                    color=colour, label=model)  # fmt: skip
        ax.set_title(change)
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=[1, 2, 3, 5, 10]))
    fig.supylabel(label, size=plt.rcParams["axes.labelsize"])
    handles, names = axes[0, 0].get_legend_handles_labels()
    fig.legend(handles, names, loc="outside upper center", ncols=len(names))
    return fig


def plot_passes(table: pd.DataFrame) -> Figure:
    """Draw a bar per card pass, from its first to its last event, and a mark per recording.

    A mark stands in the middle of its recording, or beside it where marks would overlap: a dot
    where Tonic trains on the recording, a diamond with the accent where Tonic tests on it, and a
    cross where Tonic doesn't have it.

    Args:
        table: What ``load_pokerdvs131`` describes, with a column "end (ms)" in addition.
    """
    looks = {
        "train": ("o", TEXT, 6, "Tonic trains on it"),
        "test": ("D", ACCENT, 7, "Tonic tests on it"),
        "": ("x", GREY, 5, "not in Tonic"),
    }
    passes = table.groupby("pass", sort=True)
    fig, ax = plt.subplots(figsize=(6.0, 1.2 + 0.19 * len(passes)), layout="constrained")
    colours = class_colours(list(table["class"].unique()))
    gap = 0.022 * (passes["end (ms)"].max() - passes["start (ms)"].min()).max()
    for row, (_, pips) in enumerate(passes):
        begin, suit = pips["start (ms)"].min(), pips["class"].iloc[0]
        width = pips["end (ms)"].max() - begin
        ax.barh(row, width, height=0.78, color=colours[suit], alpha=0.3, linewidth=0)
        parts = pips["tonic"].str.extract(r"^pips_(train|test)/", expand=False).fillna("")
        middles = (pips["start (ms)"] + pips["end (ms)"]) / 2 - begin
        middles[:] = _apart(middles.to_numpy(), gap)
        for part, (marker, colour, size, name) in looks.items():
            label = name if row == 0 else None
            ax.plot(middles[parts == part], [row] * (parts == part).sum(), marker, color=colour,
                    markersize=size, label=label)  # fmt: skip
    suits = passes["class"].first().reset_index(drop=True)
    for suit, colour in colours.items():
        rows = suits.index[suits == suit]
        ax.text(-1, rows.to_numpy().mean(), suit, color=colour, ha="right", va="center")
    ax.set(xlabel="time since the first event of the pass (ms)", xlim=(0, None), yticks=[])
    ax.set_ylim(len(passes) - 0.4, -0.6)
    ax.grid(False, axis="y")
    fig.legend(loc="outside upper center", ncols=3, handletextpad=0.2, columnspacing=1)
    return fig


def plot_closeness(table: pd.DataFrame) -> Figure:
    """Draw how close two sets are: a row per statistic, a dot per class, what counts as close grey.

    Args:
        table: As ``compare_statistics`` returns it.
    """
    statistics = list(table.index.unique("statistic"))
    size = (6.0, 1 + 0.31 * len(statistics))
    fig, axes = plt.subplots(1, 2, sharey=True, figsize=size, layout="constrained")
    colours = class_colours(table.index.unique("class"))
    for number, (name, colour) in enumerate(colours.items()):
        rows = np.arange(len(statistics)) + 0.16 * (number - (len(colours) - 1) / 2)
        for ax, column in zip(axes, ("ratio", "overlap"), strict=True):
            values = table.loc[name, column].reindex(statistics)
            ax.plot(values, rows, "o", color=colour, markersize=5, clip_on=False, label=name)
    axes[0].axvspan(0.85, 1.15, color=SHADE)
    axes[1].axvspan(0.7, 1, color=SHADE)
    axes[0].set_title("ratio of the medians")
    axes[1].set(title="overlap of the spreads", xlim=(0, 1), xticks=[0, 0.25, 0.5, 0.75, 1])
    axes[1].xaxis.set_major_formatter("{x:g}")
    axes[0].set_yticks(range(len(statistics)), [name.split(" (")[0] for name in statistics])
    axes[0].set_ylim(len(statistics) - 0.5, -0.5)
    add_class_legend(fig, axes[0])
    return fig


def plot_templates(
    snn: SNN,
    classes: Sequence[str],
    sensor_size: tuple[int, int, int] = POKERDVS_SENSOR_SIZE,
) -> Figure:
    """Draw, for each class and polarity, where an event speaks for the class and where against.

    It is the product of readout weights and input weights, less its mean over the classes, which
    a softmax ignores. Thresholds and recurrent weights have no part in it.

    Args:
        snn: Its readout has a neuron per class.
        classes: Names of the readout neurons.
        sensor_size: Width, height and polarities of the sensor: OFF and ON.
    """
    width, height, _ = sensor_size
    product_of_weights = (snn.linear.weight @ snn.lif0.input_weights).detach().cpu()
    templates = product_of_weights.reshape(len(classes), 2, height, width).numpy()
    templates = templates - templates.mean(axis=0)
    limit = np.quantile(np.abs(templates), 0.995)
    panel = 5.6 / len(classes)  # inches
    size = (6.0, 2 * panel * height / width + 0.35)
    fig, axes = plt.subplots(2, len(classes), figsize=size, squeeze=False, layout="constrained")
    for column, (name, colour) in enumerate(class_colours(classes).items()):
        axes[0, column].set_title(name, color=colour, loc="center")
        for row, polarity in enumerate((1, 0)):
            ax = axes[row, column]
            image = templates[column, polarity]
            ax.imshow(image, cmap=vote_map(colour), vmin=-limit, vmax=limit)
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
            ax.spines[:].set_color(GRID)
            ax.spines[:].set_visible(True)
            if column == 0:
                ax.set_ylabel(f"{POLARITIES[polarity][0]} events", color=POLARITIES[polarity][1])
    return fig


def plot_votes(snn: SNN, spikes: Frame, classes: Sequence[str]) -> Figure:
    """Draw, for each hidden neuron, which class it votes for and for which one it spikes.

    Neurons are sorted by the class that their readout weights favour most.

    Args:
        snn: Its readout has a neuron per class.
        spikes: Mean number of spikes by class and hidden neuron, of shape (classes, neurons).
        classes: Names of the readout neurons.
    """
    weights = snn.linear.weight.detach().cpu().numpy()
    votes = weights.argmax(axis=0)
    order = np.lexsort((-weights.max(axis=0), votes))
    limit = np.abs(weights).max()
    fig, axes = plt.subplots(2, 1, sharex=True, figsize=(6.0, 3.6), layout="constrained")
    images = [
        axes[0].imshow(weights[:, order], cmap=vote_map(), vmin=-limit, vmax=limit, aspect="auto"),
        axes[1].imshow(np.asarray(spikes)[:, order], cmap=ACCENT_MAP, vmin=0, aspect="auto"),
    ]
    titles = ("readout weights", "spikes per recording")
    borders = np.flatnonzero(np.diff(votes[order])) + 0.5
    for ax, image, title in zip(axes, images, titles, strict=True):
        ax.set_yticks(range(len(classes)), classes)
        for tick, colour in zip(ax.get_yticklabels(), class_colours(classes).values(), strict=True):
            tick.set_color(colour)
        ax.set_title(title)
        ax.grid(False)
        ax.vlines(borders, -0.5, len(classes) - 0.5, color=TEXT, linewidth=0.8)
        ticks = MaxNLocator(3)
        fig.colorbar(image, ax=ax, pad=0.02, aspect=10, ticks=ticks)
    axes[1].set_xlabel("hidden neurons, sorted by their vote")
    axes[1].set_xticks([])
    return fig


def plot_bars(values: dict[str, Sequence[float]], titles: Sequence[str], label: str) -> Figure:
    """Draw a bar per entry, with its value beside it, on one logarithmic axis for all panels.

    Args:
        values: By name, one number per panel.
        titles: Of the panels.
        label: What the numbers are, with their unit.
    """
    size = (6.0, 1 + 0.35 * len(values))
    fig, axes = plt.subplots(
        1, len(titles), sharex=True, sharey=True, figsize=size, layout="constrained"
    )
    numbers = np.array(list(values.values()))
    limits = (10 ** np.floor(np.log10(numbers.min())), 9 * numbers.max())
    for ax, title, column in zip(axes, titles, numbers.T, strict=True):
        bars = ax.barh(list(values), column, color=ACCENT)
        texts = [f"{value:,.0f}" if value >= 10 else f"{value:.1f}" for value in column]
        ax.bar_label(bars, texts, padding=3)
        ax.set(title=title, xscale="log", xlim=limits)
        ax.grid(False, axis="y")
    axes[0].invert_yaxis()
    fig.supxlabel(label, size=plt.rcParams["axes.labelsize"])
    return fig
