"""Draw networks: their neurons and states over time, and what they answer."""

from collections.abc import Iterator, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy import ndarray

from ..events.frames import to_frames
from ..events.recordings import POKERDVS_SENSOR_SIZE
from ..networks.classifier import Classifier, unique_argmax
from ..networks.snn import SNN
from ..networks.spiking_network import WHOLE, record_states
from ..system.checks import SensorSize, check_classes
from ..system.warn import warn
from ..training.evaluation import predict
from .colours import ACCENT, ACCENT_MAP, GREY, GRID, SHADE, TEXT, class_colours, vote_map
from .events import POLARITIES, imshow_polarity
from .labels import counted, label_ends

FIELDS = {"z": "spikes", "i": "synaptic currents", "v": "membrane voltages"}  # as they happen
HEIGHTS = {"input": 0.9, "z": 3.3, "i": 1.35, "v": 1.35, "readout": 1.7}  # of panels, in inches
LONGEST_STEP = 0.1  # s: a longer one is in ms by mistake more often
DRAWN_NEURONS = 20  # of a layer, those whose currents and voltages are drawn


def plot_neuron(
    times: ndarray,
    current: ndarray,
    voltage: ndarray,
    *,
    threshold: float,
    spikes: ndarray,
    inputs: ndarray,
) -> Figure:
    """Draw the synaptic current of a neuron above its membrane voltage.

    Args:
        times: Times in ms, of shape (T,).
        current: Synaptic current at these times.
        voltage: Membrane voltage at these times.
        threshold: Threshold of the neuron, drawn as a dashed line in both panels.
        spikes: 1 at the times of spikes and 0 otherwise; spikes are marked above the voltage.
        inputs: Times of input events in ms, which are marked above the current.

    Example:
        >>> times, voltage = np.arange(20), np.linspace(0, 0.4, 20)
        >>> current, inputs = np.exp(-times / 10), np.array([0])
        >>> spikes = voltage > 0.38
        >>> fig = plot_neuron(
        ...     times, current, voltage, threshold=0.3, spikes=spikes, inputs=inputs
        ... )
    """
    fig, (top, bottom) = plt.subplots(2, 1, sharex=True, figsize=(6.0, 4.2))
    spike_times = times[spikes > 0]
    top.set(title=f"synaptic current ({counted(len(inputs), 'input event')})", ylabel="i (a.u.)")
    bottom.set(
        title=f"membrane voltage ({counted(len(spike_times), 'spike')})",
        xlabel="time (ms)",
        ylabel="v (a.u.)",
    )
    panels = [
        (top, current, ACCENT, inputs, GREY, 0.7),
        (bottom, voltage, TEXT, spike_times, ACCENT, 1.8),
    ]
    for ax, trace, colour, marks, marks_colour, marks_width in panels:
        ax.plot(times, trace, color=colour)
        ax.axhline(threshold, color=GREY, linestyle="--", linewidth=1)
        beside = ax.get_yaxis_transform()
        ax.text(1.01, threshold, "threshold", color=GREY, va="center", transform=beside)
        highest = max(trace.max(), threshold)
        heights = np.full(len(marks), 1.22 * highest)  # above everything else
        ax.plot(marks, heights, "|", color=marks_colour, markersize=9, markeredgewidth=marks_width)
        ax.set_ylim(top=1.34 * highest)
    return fig


def plot_dynamics(
    recording: Any,
    dt: float,
    classes: Sequence[str],
    *,
    frames: torch.Tensor,
    votes: torch.Tensor | None = None,
    neuron: int | None = None,
) -> Figure:
    """Draw what a network did during a recording, in the order in which it happens.

    From top to bottom, the figure shows the input, then the spikes, synaptic currents and membrane
    voltages of each hidden layer, and the readout. The time after the recording's last event is
    shaded.

    Args:
        recording: What ``record_states`` returned, or a ``SpikingNetwork`` recorded: a tuple of the
            states of its layers, or of groups of layers, which may have names. Of each layer, those
            of the spikes ``z``, synaptic currents ``i`` and membrane voltages ``v`` that it has are
            drawn, each of shape (T, B, ...). The last layer is the readout. A network of a single
            layer may record just its state.
        dt: Duration of a time step in s.
        classes: Names of the readout neurons.
        frames: The frames that the network was given, of shape (T, B, ...). The first recording of
            the batch is drawn.
        votes: The classes that the neurons of the last hidden layer vote for, as for
            ``draw_raster``.
        neuron: The number of the neuron with the accent colour, in the last hidden layer. Default:
            none has it.

    Raises:
        TypeError: Nothing was recorded, or the state of a step isn't a tuple.
        ValueError: There aren't as many ``classes`` as readout neurons.

    Example:
        >>> snn, frames = SNN(), torch.ones(30, 1, 2, 35, 35)
        >>> snn.record = True
        >>> voltages = snn(frames)
        >>> classes = ["club", "heart", "diamond", "spade"]
        >>> fig = plot_dynamics(snn.recording, snn.dt, classes, frames=frames)
    """
    layers = dict(_layers(recording))
    if not layers:
        raise TypeError(
            f"recording is of type {type(recording).__name__} without states of layers; give what "
            "record_states(network, frames) returns, where step's states have z, i or v"
        )
    if dt > LONGEST_STEP:
        warn(f"dt is {dt:g} s; for {dt:g} ms write {dt / 1000:g}")
    *hidden, readout = layers
    panels = [(name, field) for name in hidden for field in layers[name]]
    heights = [HEIGHTS[field] for field in ("input", *[field for _, field in panels], "readout")]
    fig, axes = plt.subplots(
        len(heights),
        sharex=True,
        height_ratios=heights,
        figsize=(6.0, 0.4 + sum(heights)),
        layout="constrained",
    )
    top, *middle, bottom = axes
    counts = frames[:, 0].flatten(1).sum(dim=1).numpy(force=True)
    step = 1000 * dt  # ms
    ends = step * np.arange(1, len(counts) + 1)  # a step's state holds at its end
    top.bar(ends - step / 2, counts, width=0.8 * step, color=GREY)
    top.set(title=f"input: {counts.sum():,.0f} events", ylabel="per step")
    for ax, (name, field) in zip(middle, panels, strict=True):
        label = "hidden" if len(hidden) == 1 else name
        marked = neuron if name == hidden[-1] else None
        if field == "z":
            spikes = layers[name]["z"]
            layer_votes = votes if name == hidden[-1] else None
            draw_raster(ax, spikes, dt, layer_votes, classes, marked)
            ax.set_title(f"{label} spikes: {spikes.sum():,.0f}")
        else:
            _draw_states(ax, ends, layers[name], field, label, marked)
    end = ends[-1]
    draw_readout(bottom, layers[readout]["v"], dt, classes)
    bottom.set(title="readout: membrane voltages", xlim=(0, end))
    silent_from = max(ends[counts > 0], default=0)
    for ax in axes:
        ax.axvspan(silent_from, end, color=SHADE, linewidth=0, zorder=-1)
        ax.label_outer()
    fig.align_ylabels(axes)
    label_ends(bottom)
    return fig


def _layers(state: Any, name: str = "") -> Iterator[tuple[str, dict[str, torch.Tensor]]]:
    """Yield of every layer, also of groups in groups, what is drawn, each of shape (T, neurons)."""
    drawn = [field for field in FIELDS if hasattr(state, field)]
    if drawn:
        yield name, {field: getattr(state, field)[:, 0].flatten(1).cpu() for field in drawn}
        return
    if isinstance(state, tuple):
        parts = getattr(state, "_fields", range(1, len(state) + 1))
        for part, value in zip(parts, state, strict=True):
            yield from _layers(value, f"{name}.{part}".lstrip("."))


def _draw_states(
    ax: Axes,
    ends: ndarray,
    states: dict[str, torch.Tensor],
    field: str,
    label: str,
    marked: int | None,
) -> None:
    """Draw a line for each of a layer's first neurons, and the marked one in the accent."""
    values = states[field][:, :DRAWN_NEURONS]
    drawn = set(range(values.shape[1]))
    ax.plot(ends, values, color=GREY, linewidth=0.9, alpha=0.5)
    if marked is not None:
        ax.plot(ends, states[field][:, marked], color=ACCENT, linewidth=1.8, zorder=3)
        drawn.add(marked)
    title = f"{len(drawn)} {label} neurons: {FIELDS[field]}"
    if field == "v" and "z" in states:
        title += ", after the reset"
    ax.set(title=title, ylabel=f"{field} (a.u.)")


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
        votes: For each neuron, the index of the class that it votes for, or -1 for none. Neurons
            are then sorted by class, and each class is marked at the right edge. Default: neurons
            are drawn in their own order.
        classes: Names of the classes.
        marked: A neuron to mark at the left edge. Default: none is marked.

    Example:
        >>> fig, ax = plt.subplots()
        >>> draw_raster(ax, torch.eye(20), dt=0.001)
    """
    cells = spikes.numpy(force=True).T
    neurons, steps = cells.shape
    groups = np.zeros(neurons) if votes is None else votes.numpy(force=True)
    order = np.argsort(groups, kind="stable")
    extent = (0.0, 1000 * dt * steps, neurons, 0.0)
    ax.imshow(cells[order], cmap=ACCENT_MAP, vmin=0, vmax=1, aspect="auto", extent=extent)
    ax.grid(False)
    ax.set(title=f"{cells.sum():,.0f} spikes", xlabel="time (ms)", ylabel="neuron")
    beside: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "clip_on": False}
    if marked is not None:
        row = order.tolist().index(marked)
        ax.plot(-0.012, row + 0.5, ">", color=ACCENT, markersize=6, **beside)
    if votes is None:
        return
    ax.set(yticks=[], ylabel=f"{neurons} neurons")
    for number, (name, colour) in enumerate(class_colours(classes).items()):
        top, bottom = np.searchsorted(groups[order], [number, number + 1])
        if top < bottom:
            ax.vlines(1.012, top, bottom, color=colour, linewidth=4, **beside)
            ax.text(1.03, (top + bottom) / 2, name, color=colour, va="center", **beside)


def draw_readout(ax: Axes, voltages: torch.Tensor, dt: float, classes: Sequence[str]) -> None:
    """Draw the voltage of each readout neuron, with a dot at its maximum, which ``decode`` reads.

    Args:
        ax: Where to draw.
        voltages: Voltages of shape (T, classes).
        dt: Duration of a time step in s.
        classes: Names of the readout neurons.

    Example:
        >>> fig, ax = plt.subplots()
        >>> draw_readout(ax, torch.rand(20, 2), 0.001, ["left", "right"])
    """
    check_classes(classes, voltages.shape[1])
    traces = voltages.numpy(force=True).T
    times = 1000 * dt * np.arange(1, len(voltages) + 1)  # a step's voltage holds at its end
    for trace, (name, colour) in zip(traces, class_colours(classes).items(), strict=True):
        ax.plot(times, trace, color=colour, label=name)
        peak = trace.argmax()
        ax.plot(times[peak], trace[peak], "o", color=colour, markersize=5)
    ax.set(xlabel="time (ms)", ylabel="v (a.u.)", xlim=(0, times[-1] + 500 * dt))


def plot_answer(classifier: Classifier, events: ndarray) -> Figure:
    """Draw a recording, the spikes that it causes, and the voltages that answer.

    There is no answer where several classes share the highest voltage, as they do without a spike.

    Args:
        classifier: A classifier whose network is an ``SNN``, or one of your own with a ``step``
            whose states begin with those of the neurons that spike, and with their readout
            ``linear``.
        events: The recording, which is drawn until the end of its own time.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> fig = plot_answer(Classifier(SNN()), load_pokerdvs(source="simulated").test.events[0])
    """
    answer = predict(classifier, events, "cpu")
    frames = to_frames(events, classifier.time_window, classifier.sensor_size).unsqueeze(1)
    hidden, *_ = record_states(classifier.snn, classifier.append_silence(frames)[0])
    dt = classifier.time_window / 1e6
    votes = unique_argmax(classifier.snn.linear.weight.T)
    image = to_frames(events, WHOLE, classifier.sensor_size)[0]
    fig, panels = plt.subplot_mosaic(
        [["events", "raster"], ["events", "readout"]],
        figsize=(6.0, 3.6),
        width_ratios=(1, 2),
        height_ratios=(1.15, 1),
    )
    left, raster, readout = panels.values()
    imshow_polarity(left, image, limit=6)
    left.set_title(f"{len(events):,} events", loc="center")
    draw_raster(raster, hidden.z[:, 0], dt, votes, classifier.classes)
    raster.set_xlabel("")
    raster.tick_params(labelbottom=False)
    draw_readout(readout, answer.readout, dt, classifier.classes)
    raster.sharex(readout)
    title = f"the answer: a {answer.class_name}" if answer.class_name else "no answer"
    readout.set(title=title, ylabel="voltage", yticks=[0])
    label_ends(readout)
    return fig


def plot_templates(
    snn: SNN,
    classes: Sequence[str],
    sensor_size: SensorSize = POKERDVS_SENSOR_SIZE,
) -> Figure:
    """Draw, for each class and polarity, where an event speaks for the class and where against.

    What is drawn is the product of readout weights and input weights, minus its mean over the
    classes, which a softmax ignores. Thresholds and recurrent weights aren't considered.

    Args:
        snn: The network, whose readout has a neuron per class.
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
    kinds = POLARITIES[number]
    product = snn.linear.weight @ snn.lif0.input_weights
    templates = product.numpy(force=True).reshape(-1, number, height, width)
    templates = templates - templates.mean(axis=0)
    limit = np.quantile(np.abs(templates), 0.97)  # of one colour beyond it, in the dark too
    panel = 5.6 / len(classes)  # inches
    fig, axes = plt.subplots(
        number,
        len(classes),
        figsize=(6.0, number * panel * height / width + 0.35),
        squeeze=False,
        layout="constrained",
    )
    colours = class_colours(classes).items()
    for panels, images, (name, colour) in zip(axes.T, templates, colours, strict=True):
        panels[0].set_title(name, color=colour, loc="center")
        for ax, polarity in zip(panels, kinds, strict=True):
            ax.imshow(images[polarity], cmap=vote_map(colour), vmin=-limit, vmax=limit)
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
            ax.spines[:].set(color=GRID, visible=True)
    for ax, (name, colour, _) in zip(axes[:, 0], kinds.values(), strict=True):
        ax.set_ylabel(f"{name} events", color=colour)
    return fig
