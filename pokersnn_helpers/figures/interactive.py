"""Figures that a reader can rotate or control on the published page, and their static images.

An ``InteractiveFigure`` is an image with JSON beside it. On the published page a script
(``book/_static/interactive_figures.js``) replaces the image with a figure that a reader can move,
made of the JSON. In Colab and on paper there is no script, and the image stays.
"""

import base64
import html
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy import ndarray
from PIL import Image
from torch import Tensor

from ..events.frames import to_frames
from ..events.recordings import Split
from ..networks.classifier import Classifier
from ..networks.rounding import to_int8
from ..networks.snn import SNN
from .dynamics import plot_answer, plot_neuron
from .events import plot_event_cloud, plot_frames

SLIDERS = Path(__file__).with_name("sliders")  # the page's figures as they are at first, as images
ALTERNATIVE_TEXTS = {
    "pixel": "Three plots one above the other, over 20 milliseconds. The light falls as a dark pip "
    "comes, and rises as it goes. Below, the logarithm of the light, followed in steps by the "
    "pixel's reference. At the bottom, OFF events while the light falls, and as many ON events "
    "while it rises; none in between.",
    "neuron": "Input events, synaptic current, membrane voltage and spikes of a neuron over time. "
    "The current jumps at each input event and decays. The voltage follows it up to the dashed "
    "threshold, where each spike resets it to zero.",
    "staircase": "Two plots against the weight. Above, the loss goes down in steps to 0 and up "
    "again, flat between them; a ball lies on one of the upper steps. Below, the true gradient is "
    "0, and the surrogate gradient isn't: negative where the neuron spikes too little, positive "
    "where it spikes too much.",
    "detector": "Above, an edge moves right past two pixels. The left pixel's line goes through a "
    "delay, the right one's doesn't, and both end at one neuron. Below, the two inputs and the "
    "neuron's voltage over time. For an edge that moves right both inputs arrive at once, and the "
    "voltage reaches the threshold: a spike. For one that moves left they arrive one after the "
    "other, and it stays below.",
    "operations": "Operations per millisecond against the share of inputs that aren't 0, from 0.1 "
    "to 100 percent, both on logarithmic axes. The curves of a spiking network, of a GRU and of an "
    "MLP lie close together on the right. To the left all three fall, the GRU's soon becomes flat, "
    "and the MLP's lies lowest. A dashed line above them shows the spiking network without "
    "skipping.",
    "gradient": "Two plots. Above, what a gradient is multiplied by in each step back through "
    "time, against the recurrent weight: the curve rises and crosses 1, where a gradient neither "
    "grows nor fades, and two dots show a network far above 1. Below, the gradient over the time "
    "before the last step, on a logarithmic axis: the further back, the larger. A dashed line, "
    "parallel to it and lower, is the same after clipping.",
}


@dataclass(frozen=True)
class InteractiveFigure:
    """A static image, and what the published page needs to make it interactive.

    Attributes:
        kind: The script that draws the figure: ``"event-cloud"``, ``"motion"``, ``"tau"``,
            ``"trace"``, or what ``interactive_sliders`` takes.
        content: The data that it draws, in a form that JSON can hold.
        png: The static image.
        alt: A description of the image for those who can't see it.

    Example:
        >>> fig, ax = plt.subplots()
        >>> shown = InteractiveFigure.from_figure("pixel", fig, "empty axes")
        >>> shown.kind, shown.png[1:4]
        ('pixel', b'PNG')
    """

    kind: str
    content: dict[str, Any]
    png: bytes
    alt: str

    @classmethod
    def from_figure(
        cls, kind: str, figure: Figure, alt: str, **content: Any
    ) -> "InteractiveFigure":
        """Take the image from a matplotlib figure, and close it."""
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png", dpi=192)  # twice the page's, for sharp screens
        plt.close(figure)
        image = Image.open(drawn).convert("RGB").quantize(64)
        small = io.BytesIO()
        image.save(small, format="png", optimize=True)
        return cls(kind, content, small.getvalue(), alt)

    def _repr_png_(self) -> bytes:
        return self.png

    def _repr_html_(self) -> str:
        content = json.dumps(self.content, separators=(",", ":"))
        content = content.replace("<", "\\u003c")  # a name may hold "</script>"
        return (
            f'<div class="interactive-figure" data-kind="{self.kind}">'
            f'<img alt="{html.escape(self.alt)}" style="max-width:100%" '
            f'src="data:image/png;base64,{_base64(self.png)}">'
            f'<script type="application/json">{content}</script></div>'
        )


def interactive_event_cloud(data: Split) -> InteractiveFigure:
    """Draw events as points in x, y and time; the page lets the reader rotate them and choose.

    Args:
        data: Simulated recordings. They have to be simulated because the page contains the events
            themselves, and the real ones may not be redistributed. The page offers the first three
            test recordings of each class.

    Returns:
        The figure; its image shows the first recording of the last class that has some.

    Raises:
        ValueError: ``data`` isn't simulated, or a time is too long for the page.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> interactive_event_cloud(data).kind
        'event-cloud'
    """
    _refuse_others(data)
    targets = np.array(data.test.targets)
    packed = {}
    for number in np.unique(targets):
        name = data.classes[number]
        of_class = np.flatnonzero(targets == number)[:3]
        recordings = [data.test.events[recording] for recording in of_class]
        packed[name] = [_pack(events) for events in recordings]
    return InteractiveFigure.from_figure(
        "event-cloud",
        plot_event_cloud(recordings[0], f"a simulated {name}", data.sensor_size),
        f"A cloud of points in a box with the axes time in milliseconds, x and y in pixels, drawn "
        f"from a simulated {name}. ON and OFF events lie on separate slanted sheets.",
        sensor_size=data.sensor_size,
        recordings=packed,
    )


def _refuse_others(data: Split) -> None:
    """Refuse recordings that the page may not carry."""
    if data.source != "simulated":
        raise ValueError(
            f"data.source is {data.source!r}: the page would carry recordings that may not be "
            'redistributed. Pass load_pokerdvs(source="simulated").'
        )


def _pack(events: ndarray) -> dict[str, dict[str, str]]:
    """Write t (µs), x and y of the OFF and of the ON events as base64.

    They are unsigned 16-bit numbers, low byte first, so a recording lasts 65.5 ms at most.
    """
    if events["t"].max() >= 2**16:
        raise ValueError(f"the recording lasts {events['t'].max()} µs; the page takes 65,535 µs")
    packed = {}
    for polarity, name in enumerate(["OFF", "ON"]):
        sent = events[events["p"] == polarity]
        packed[name] = {field: _base64(sent[field].astype("<u2").tobytes()) for field in "txy"}
    return packed


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def interactive_motion(events: ndarray) -> InteractiveFigure:
    """Draw six moments of a film; the page lets the reader move a disc before a camera.

    A network, that of ``tools/motion_network.py``, says on the page which way the disc goes. Its
    weights lie beside the script, not in the figure.

    Args:
        events: The film that the static image shows.

    Example:
        >>> from pokersnn_helpers.simulation.motions import film_motions
        >>> interactive_motion(film_motions(1).events[0]).kind
        'motion'
    """
    window = (np.ptp(events["t"]) + 1) / 6
    frames = to_frames(events, window)[:6]
    ends = [f"to {window * number / 1000:.0f} ms" for number in range(1, 7)]
    return InteractiveFigure.from_figure(
        "motion",
        plot_frames(list(frames), ends, columns=3),
        "Six panels in two rows, with the events of a sixth of a film each. "
        "From panel to panel a disc has moved on: blue OFF events are in front of it, red ON "
        "events behind it.",
    )


def interactive_tau(events: ndarray) -> InteractiveFigure:
    """Draw a LIF neuron that gets all events of a recording; the page has a slider of its tau.

    The page carries how many events there are in each 0.2 ms of the first 40, and no places.

    Args:
        events: The recording, with a field t in µs.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> interactive_tau(load_pokerdvs(source="simulated").test.events[0]).kind
        'tau'
    """
    dt, tau, threshold = 0.2, 10, 0.3  # ms, ms, a.u.
    counts = np.bincount((events["t"] - events["t"].min()) // 200, minlength=200)[:200]
    weight = float(10 * threshold / counts.sum())
    i = v = 0.0
    trace = []
    for count in counts:
        i += weight * count
        v += dt / tau * (i - v)
        i -= dt / tau * i
        spikes = v > threshold
        v *= not spikes
        trace.append((spikes, v, i))
    spikes, voltage, current = np.array(trace).T
    times = dt * np.arange(1, len(counts) + 1)
    return InteractiveFigure.from_figure(
        "tau",
        plot_neuron(
            times,
            current,
            voltage,
            threshold=threshold,
            spikes=spikes,
            inputs=np.repeat(times, counts),
        ),
        f"Two plots over 40 ms. Above, the current of a neuron with time constants of {tau} ms "
        f"that gets all events of a recording. Below, its voltage, which rises to a dashed "
        f"threshold and is reset, and its {spikes.sum():.0f} spikes.",
        counts=counts.tolist(),
        dt=dt,
        weight=weight,
        threshold=threshold,
    )


def interactive_trace(classifier: Classifier, data: Split, name: str) -> InteractiveFigure:
    """Draw an answer; the page lets the reader trace it from the events to the voltages.

    The page carries the network's weights in 8 bits, of those inputs alone that get an event.

    Args:
        classifier: A classifier of the cards, whose network is an ``SNN``.
        data: Simulated recordings, for the reason that ``interactive_event_cloud`` gives.
        name: The class of which the first test recording is shown.

    Raises:
        ValueError: ``data`` isn't simulated, or has no such class.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> interactive_trace(Classifier(SNN()), data, "heart").kind
        'trace'
    """
    _refuse_others(data)
    events = data.test.events[data.test.targets.index(data.classes.index(name))]
    frames = to_frames(events, classifier.time_window, classifier.sensor_size).unsqueeze(1)
    counts = classifier.append_silence(frames)[0].flatten(1)
    inputs = counts.any(dim=0).nonzero()[:, 0]
    steps = [
        [[place, int(step[place])] for place in step.nonzero()[:, 0].tolist()] for step in counts
    ]
    snn = classifier.snn
    weights = {
        "input": snn.lif0.input_weights[:, inputs],
        "recurrent": snn.lif0.recurrent_weights,
        "readout": snn.linear.weight,
    }
    return InteractiveFigure.from_figure(
        "trace",
        plot_answer(classifier, events),
        f"On the left, the events of a simulated {name}. On the right, above, the spikes of the "
        "hidden neurons, in groups by the class that they vote for; below, a voltage for each "
        "class.",
        suits=classifier.classes,
        inputs=inputs.tolist(),
        counts=steps,
        constants=neuron_constants(snn),
        layers={layer: pack_weights(values) for layer, values in weights.items()},
    )


def neuron_constants(snn: SNN) -> dict[str, float]:
    """Return what a page's time step multiplies by and compares with.

    Example:
        >>> round(neuron_constants(SNN())["dt_over_tau_mem"], 3)
        0.1
    """
    hidden, readout = snn.lif0.p, snn.readout.p
    numbers = {
        "dt_over_tau_mem": snn.dt * hidden.tau_mem_inv,
        "dt_over_tau_syn": snn.dt * hidden.tau_syn_inv,
        "v_th": hidden.v_th,
        "readout_dt_over_tau_mem": snn.dt * readout.tau_mem_inv,
        "readout_dt_over_tau_syn": snn.dt * readout.tau_syn_inv,
    }
    return {name: round(float(value), 9) for name, value in numbers.items()}


def pack_weights(weights: Tensor) -> dict[str, Any]:
    """Return a layer's weights as a page carries them: int8, with a scale for each neuron.

    Args:
        weights: A row for each neuron.

    Example:
        >>> pack_weights(Tensor([[-127, 1]]))
        {'scale': [1.0], 'weights': 'gQE='}
    """
    steps, scales = to_int8(weights)
    scale = [float(f"{value:.6g}") for value in scales]
    return {"scale": scale, "weights": _base64(steps.numpy().tobytes())}


def interactive_sliders(kind: str, **content: Any) -> InteractiveFigure:
    """Return a figure that the page computes anew as its sliders move.

    Args:
        kind: ``"pixel"``: how a pixel turns the light of a passing pip into events. ``"neuron"``:
            a LIF neuron with random input. ``"staircase"``: the loss of one neuron against its one
            weight; on the page a ball stands on it, which a step against the surrogate gradient
            moves. ``"detector"``: two pixels, a delay and a neuron that tells right from left, as
            Hassenstein and Reichardt's motion detector does (1956,
            doi:10.1515/znb-1956-9-1004), with a spike in place of their multiplication.
            ``"operations"``: what three networks compute in a millisecond, by how much of their
            input isn't 0. ``"gradient"``: what a gradient is multiplied by in each step back
            through time.
        content: What the script needs besides: for ``"gradient"``, ``networks`` that were trained,
            each with its recurrent ``weight`` and ``factor``, the ``norm`` of the first gradients
            of their training, and ``clip``, the largest that is left as it is.

    Returns:
        The figure; its image shows the sliders at their start.

    Raises:
        ValueError: There is no such figure.

    Example:
        >>> interactive_sliders("pixel").kind
        'pixel'
    """
    if kind not in ALTERNATIVE_TEXTS:
        raise ValueError(f"kind is {kind!r}; choose one of {', '.join(ALTERNATIVE_TEXTS)}")
    png = (SLIDERS / f"{kind}.png").read_bytes()
    return InteractiveFigure(kind, content, png, ALTERNATIVE_TEXTS[kind])
