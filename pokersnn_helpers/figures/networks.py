"""Draw networks: their neurons and states over time, and what they answer."""

from collections.abc import Iterator, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..checks import check_classes
from ..classifier import Classifier, unique_argmax
from ..frames import to_frames
from ..networks import WHOLE
from ..pokerdvs import POKERDVS_SENSOR_SIZE
from ..snn import SNN
from ..training import predict
from .colours import ACCENT, ACCENT_MAP, GREY, GRID, SHADE, TEXT, class_colours, vote_map
from .labels import label_ends
from .recordings import imshow_polarity, polarities

FIELDS = {"z": "spikes", "i": "synaptic currents", "v": "membrane voltages"}  # as they happen
HEIGHTS = {"input": 0.9, "z": 3.3, "i": 1.35, "v": 1.35, "readout": 1.7}  # of panels, in inches


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

    Example:
        >>> current, voltage = np.exp(-np.arange(20) / 10), np.linspace(0, 0.4, 20)
        >>> fig = plot_neuron(np.arange(20), current, voltage, threshold=0.3, spikes=voltage > 0.3)
    """
    fig, axes = plt.subplots(2, 1, sharex=True, figsize=(6.0, 4.2))
    spiked = None if spikes is None else times[spikes > 0]
    for ax, name, trace, colour, marks, mark, ink, width in (
        (axes[0], "synaptic current", current, ACCENT, inputs, "input event", GREY, 0.7),
        (axes[1], "membrane voltage", voltage, TEXT, spiked, "spike", ACCENT, 1.8),
    ):
        ax.plot(times, trace, color=colour)
        ax.set_title(name)
        if threshold is not None:
            ax.axhline(threshold, color=GREY, linestyle="--", linewidth=1)
            ax.text(1.01, threshold, "threshold", color=GREY, va="center",
                    transform=ax.get_yaxis_transform())  # fmt: skip
        if marks is not None:
            ax.set_title(f"{name} ({len(marks):,} {mark}{'s' * (len(marks) != 1)})")
            highest = max(trace.max(), threshold or 0)
            height = np.full(len(marks), 1.22 * highest)
            ax.plot(marks, height, "|", color=ink, markersize=9, markeredgewidth=width)
            ax.set_ylim(top=1.34 * highest)
    axes[0].set_ylabel("i (a.u.)")
    axes[1].set(xlabel="time (ms)", ylabel="v (a.u.)")
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
        TypeError: Nothing was recorded, or the state of a step is no NamedTuple.
        ValueError: ``classes`` aren't as many as the readout's neurons.

    Example:
        >>> snn = SNN()
        >>> snn.record = True
        >>> voltages = snn(torch.ones(30, 1, 2, 35, 35))
        >>> fig = plot_dynamics(snn.recording, snn.dt, ["club", "heart", "diamond", "spade"])
    """
    states = dict(_layers(recording, sample))
    if recording is None:
        raise TypeError("nothing was recorded; set network.record = True, and run the network")
    if not states:
        raise TypeError(
            f"recording is of type {type(recording).__name__}; let the network's step return a "
            "NamedTuple of the states of its layers"
        )
    *hidden, readout = states
    voltages = states[readout]["v"]
    ends = 1000 * dt * np.arange(1, len(voltages) + 1)  # a step's state holds at its end
    fields = [field for name in hidden for field in states[name]]
    heights = [HEIGHTS[panel] for panel in ["input"] * (frames is not None) + fields + ["readout"]]
    fig, axes = plt.subplots(
        len(heights), 1, sharex=True, squeeze=False, height_ratios=heights,
        figsize=(6.0, 0.4 + sum(heights)), layout="constrained",
    )  # fmt: skip
    panels = iter(axes[:, 0])
    if frames is not None:
        counts = frames[:, sample].flatten(1).sum(dim=1).cpu()
        ax = next(panels)
        ax.bar(ends - 500 * dt, counts.numpy(), width=800 * dt, color=GREY)
        ax.set(title=f"input: {int(counts.sum()):,} events", ylabel="per step")
    for name in hidden:
        label = "hidden" if len(hidden) == 1 else name
        spiked = states[name].get("z", torch.zeros(1, 1))[:, :neurons].sum(dim=0)
        busiest = int(spiked.argmax()) if spiked.any() else None  # of those drawn
        for field, values in states[name].items():
            ax = next(panels)
            if field == "z":
                draw_raster(ax, values, dt, votes if name == hidden[-1] else None, classes, busiest)
                ax.set_title(f"{label} spikes: {int(values.sum()):,}")
                continue
            lines = ax.plot(ends, values[:, :neurons], color=GREY, linewidth=0.9, alpha=0.5)
            if busiest is not None:
                lines[busiest].set(color=ACCENT, linewidth=1.8, alpha=None, zorder=3)
            after = ", after the reset" if field == "v" and "z" in states[name] else ""
            title = f"{len(lines)} {label} neurons: {FIELDS[field]}{after}"
            ax.set(title=title, ylabel=f"{field} (a.u.)")
    answer = axes[-1, 0]
    draw_readout(answer, voltages, dt, classes)
    answer.set(title="readout: membrane voltages", xlim=(0, ends[-1]))
    label_ends(answer)
    for ax in axes[:, 0]:
        ax.set_xlabel("time (ms)" if ax is answer else "")
        if frames is not None:
            shade_silence(ax, counts, dt)
    fig.align_ylabels(axes[:, 0])
    return fig


def _layers(state: Any, sample: int, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield of every layer, also of groups in groups, what is drawn, each of shape (T, neurons)."""
    fields = getattr(state, "_fields", ())
    if some := [field for field in FIELDS if field in fields]:
        yield name, {field: getattr(state, field)[:, sample].flatten(1).cpu() for field in some}
        return
    for field in fields:
        yield from _layers(getattr(state, field), sample, f"{name}.{field}".lstrip("."))


def shade_silence(ax: Axes, counts: torch.Tensor, dt: float) -> None:
    """Shade the time after the last event of a recording.

    Args:
        ax: Where to draw.
        counts: Events per time step, of shape (T,).
        dt: Duration of a time step in s.

    Example:
        >>> fig, ax = plt.subplots()
        >>> shade_silence(ax, torch.tensor([3, 1, 0, 0]), dt=0.001)  # from 2 ms on
    """
    end = int(counts.nonzero().max()) + 1 if counts.any() else 0
    ax.axvspan(1000 * dt * end, 1000 * dt * len(counts), color=SHADE, linewidth=0, zorder=-1)


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
        votes: For each neuron, the index of the class that it votes for, or -1: neurons are sorted
            by class, and each class is marked at the right edge. Default: in their own order.
        classes: Names of the classes.
        marked: A neuron to mark at the left edge; default: none.

    Example:
        >>> fig, ax = plt.subplots()
        >>> draw_raster(ax, torch.eye(20), dt=0.001)
    """
    cells = np.asarray(spikes.detach().cpu()).T
    groups = np.zeros(len(cells)) if votes is None else np.asarray(votes.cpu())
    order = np.argsort(groups, kind="stable")
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
    if groups.max() >= len(classes):
        raise ValueError(f"votes go up to {groups.max()}; classes has {len(classes)} names")
    ax.set(yticks=[], ylabel=f"{len(cells)} neurons")
    edge: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "clip_on": False}
    for number, (name, colour) in enumerate(class_colours(classes).items()):
        rows = np.flatnonzero(groups[order] == number)
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

    Example:
        >>> fig, ax = plt.subplots()
        >>> draw_readout(ax, torch.rand(20, 2), 0.001, ["left", "right"])
    """
    check_classes(classes, voltages.shape[1])
    traces = np.asarray(voltages.detach().cpu()).T
    times = 1000 * dt * np.arange(1, len(voltages) + 1)
    for trace, (name, colour) in zip(traces, class_colours(classes).items(), strict=True):
        ax.plot(times, trace, color=colour, label=name)
        peak = trace.argmax()
        ax.plot(times[peak], trace[peak], "o", color=colour, markersize=5)
    ax.set(xlabel="time (ms)", ylabel="v (a.u.)", xlim=(0, times[-1] + 500 * dt))


def plot_answer(classifier: Classifier, events: np.ndarray) -> Figure:
    """Draw a recording, the spikes that it causes, and the voltages that answer.

    There is no answer where several classes share the highest voltage, as they do without a spike.

    Args:
        classifier: Of an ``SNN``.
        events: One recording, drawn until its own time ends.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> fig = plot_answer(Classifier(SNN()), load_pokerdvs(source="simulated").test.events[0])
    """
    snn = classifier.snn
    record, snn.record = snn.record, True
    answer = predict(classifier, events)
    spikes = snn.recording.lif0.z[:, 0].cpu()
    snn.record = record
    fig, panels = plt.subplot_mosaic(
        [["events", "raster"], ["events", "readout"]],
        figsize=(6.0, 3.6), width_ratios=(1, 2), height_ratios=(1.15, 1),
    )  # fmt: skip
    left, raster, readout = panels.values()
    imshow_polarity(left, to_frames(events, WHOLE, classifier.sensor_size)[0], limit=6)
    left.set_title(f"{len(events):,} events", loc="center")
    draw_raster(raster, spikes, snn.dt, unique_argmax(snn.linear.weight.T), classifier.classes)
    raster.set_xlabel("")
    raster.tick_params(labelbottom=False)
    draw_readout(readout, answer.readout, snn.dt, classifier.classes)
    raster.sharex(readout)
    title = f"the answer: a {answer.class_name}" if answer.class_name else "no answer"
    readout.set(title=title, ylabel="voltage", yticks=[0])
    label_ends(readout)
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
        sensor_size: Width, height and polarities of the sensor.

    Raises:
        ValueError: ``classes`` aren't as many as the readout's neurons.
        RuntimeError: ``sensor_size`` isn't the network's.

    Example:
        >>> fig = plot_templates(SNN(), ["club", "heart", "diamond", "spade"])
    """
    check_classes(classes, snn.linear.out_features)
    width, height, number = sensor_size
    kinds = polarities(number)
    product_of_weights = (snn.linear.weight @ snn.lif0.input_weights).detach().cpu()
    templates = product_of_weights.reshape(len(classes), number, height, width).numpy()
    templates = templates - templates.mean(axis=0)
    limit = np.quantile(np.abs(templates), 0.97)  # of one colour beyond it, in the dark too
    panel = 5.6 / len(classes)  # inches
    size = (6.0, number * panel * height / width + 0.35)
    shape = number, len(classes)
    fig, axes = plt.subplots(*shape, figsize=size, squeeze=False, layout="constrained")
    for column, (name, colour) in enumerate(class_colours(classes).items()):
        axes[0, column].set_title(name, color=colour, loc="center")
        for ax, (polarity, (kind, ink, _)) in zip(axes[:, column], kinds.items(), strict=True):
            image = templates[column, polarity]
            ax.imshow(image, cmap=vote_map(colour), vmin=-limit, vmax=limit)
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
            ax.spines[:].set(color=GRID, visible=True)
            if column == 0:
                ax.set_ylabel(f"{kind} events", color=ink)
    return fig
