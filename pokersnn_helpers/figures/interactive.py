"""Figures that a reader can rotate or control on the published page, and their static images.

An ``InteractiveFigure`` is an image with JSON beside it. On the published page a script
(``book/_static/interactive_figures.js``) makes an interactive figure out of the JSON and replaces
the image with it. In Colab and on paper there is no script, and the image stays.
"""

import base64
import html
import io
import json
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from norse.torch.functional.lif import LIFFeedForwardState, LIFParameters, lif_feed_forward_step
from PIL import Image

from ..recordings import Split
from .plots import plot_event_cloud, plot_neuron

# The sliders of the neuron: label, unit, lowest, highest, step, value at the start.
NEURON_SLIDERS = {
    "tau_mem": ("membrane time constant", "ms", 2, 50, 1, 10),
    "tau_syn": ("synaptic time constant", "ms", 2, 50, 1, 10),
    "v_th": ("threshold", "a.u.", 0.05, 1, 0.05, 0.3),
    "rate": ("input rate", "events/s", 0, 2000, 50, 1000),
}
NEURON_STEPS = 1000
NEURON_DT = 0.0001  # s
NEURON_WEIGHT = 0.05  # by which an input event raises the current


@dataclass(frozen=True)
class InteractiveFigure:
    """A static image, and what the published page needs to make it interactive.

    Attributes:
        kind: ``"event-cloud"`` or ``"neuron"``; says what the script draws.
        content: What it draws from, as JSON can hold it.
        png: The image.
        alt: What the image shows, in words.
    """

    kind: str
    content: dict[str, Any]
    png: bytes
    alt: str

    @classmethod
    def from_figure(
        cls, kind: str, content: dict[str, Any], figure: Figure, alt: str
    ) -> "InteractiveFigure":
        """Take the image from a matplotlib figure, and close it."""
        drawn, small = io.BytesIO(), io.BytesIO()
        figure.savefig(drawn, format="png")
        plt.close(figure)
        Image.open(drawn).convert("RGB").quantize(64).save(small, format="png", optimize=True)
        return cls(kind, content, small.getvalue(), alt)

    def _repr_png_(self) -> bytes:
        return self.png

    def _repr_html_(self) -> str:
        content = json.dumps(self.content, separators=(",", ":"))
        return (
            f'<div class="interactive-figure" data-kind="{self.kind}">'
            f'<img alt="{html.escape(self.alt)}" style="max-width:100%" '
            f'src="data:image/png;base64,{base64.b64encode(self.png).decode()}">'
            f'<script type="application/json">{content}</script></div>'
        )


def interactive_event_cloud(data: Split, recordings: int = 3) -> InteractiveFigure:
    """Draw events as points in x, y and time; the page lets the reader rotate them and choose.

    Args:
        data: Simulated recordings. The page carries the events themselves, and the real ones aren't
            ours to redistribute.
        recordings: How many of each class the page offers, from the first test recording on.

    Returns:
        The figure; its image shows the first recording of the last class.

    Raises:
        ValueError: ``data`` isn't simulated, or a time is too long for the page.
    """
    if data.source != "simulated":
        raise ValueError(
            f"data.source is {data.source!r}: the page would carry recordings that may not be "
            'redistributed. Pass load_pokerdvs(source="simulated").'
        )
    offered: dict[str, list[np.ndarray]] = {name: [] for name in data.classes}
    for events, target in zip(data.test.events, data.test.targets, strict=True):
        offered[data.classes[target]].append(events)
    name = data.classes[-1]
    packed = {
        name: [_pack(events) for events in some[:recordings]] for name, some in offered.items()
    }
    return InteractiveFigure.from_figure(
        "event-cloud",
        {"sensor_size": data.sensor_size, "recordings": packed},
        plot_event_cloud(offered[name][0], f"a simulated {name}", data.sensor_size),
        f"A cloud of points in a box with the axes time in milliseconds, x and y in pixels, drawn "
        f"from a simulated {name}. ON and OFF events lie on separate slanted sheets.",
    )


def _pack(events: np.ndarray) -> dict[str, dict[str, str]]:
    """Write t (µs), x and y of the OFF and of the ON events as base64.

    They are unsigned 16-bit numbers, low byte first, so a recording lasts 65.5 ms at most.
    """
    if events["t"].max() >= 2**16:
        raise ValueError(f"the recording lasts {events['t'].max()} µs; the page takes 65,535 µs")
    packed = events[["t", "x", "y"]].astype([(field, "<u2") for field in "txy"])
    return {
        name: {
            field: base64.b64encode(packed[field][events["p"] == polarity].tobytes()).decode()
            for field in "txy"
        }
        for polarity, name in enumerate(("OFF", "ON"))
    }


def interactive_neuron(seed: int = 0) -> InteractiveFigure:
    """Draw a LIF neuron with random input; the page gives it sliders.

    The page steps the neuron by the rule of ``norse.torch.functional.lif.lif_feed_forward_step``,
    which draws the image.

    Args:
        seed: Fixes when the input events arrive. Another rate compresses or stretches them.

    Returns:
        The figure; its image has the sliders at their start.
    """
    highest = NEURON_SLIDERS["rate"][3] * NEURON_STEPS * NEURON_DT  # events expected at most
    waits = np.random.default_rng(seed).exponential(size=round(2 * highest))
    arrivals = waits.cumsum().round(4)  # at a rate of 1 event/s, in s
    neuron = {
        "sliders": NEURON_SLIDERS,
        "arrivals": arrivals.tolist(),
        "steps": NEURON_STEPS,
        "dt": NEURON_DT,
        "weight": NEURON_WEIGHT,
    }
    start = {name: slider[-1] for name, slider in NEURON_SLIDERS.items()}
    spikes, voltage, current = run_neuron(arrivals, **start)
    times = 1000 * NEURON_DT * np.arange(1, NEURON_STEPS + 1)  # ms; a state holds at a step's end
    return InteractiveFigure.from_figure(
        "neuron",
        neuron,
        plot_neuron(times, current, voltage, threshold=start["v_th"], spikes=spikes),
        f"Synaptic current, membrane voltage and {spikes.sum():.0f} spikes of a neuron over "
        f"{times[-1]:.0f} milliseconds. The current jumps at each input event and decays. The "
        "voltage follows it up to the dashed threshold, where each spike resets it to zero.",
    )


def run_neuron(
    arrivals: np.ndarray, tau_mem: float, tau_syn: float, v_th: float, rate: float
) -> np.ndarray:
    """Run the neuron of ``interactive_neuron`` with Norse, in double precision.

    Args:
        arrivals: When the input events would arrive at a rate of 1 event/s, in s.
        tau_mem: Membrane time constant in ms.
        tau_syn: Synaptic time constant in ms.
        v_th: Threshold, in the voltage's arbitrary unit.
        rate: Input rate in events/s.

    Returns:
        Spikes (0 or 1), membrane voltages after the reset, and synaptic currents, of shape
        (3, steps).
    """
    with np.errstate(divide="ignore"):
        steps = np.floor(arrivals / rate / NEURON_DT)
    counts = np.bincount(steps[steps < NEURON_STEPS].astype(int), minlength=NEURON_STEPS)
    constants = torch.tensor([0, 1000 / tau_syn, 1000 / tau_mem, v_th], dtype=torch.float64)
    rest, syn, mem, threshold = constants
    parameters = LIFParameters(tau_syn_inv=syn, tau_mem_inv=mem, v_th=threshold)
    state = LIFFeedForwardState(v=rest, i=rest)
    trace = []
    for jump in NEURON_WEIGHT * torch.from_numpy(counts).double():
        spike, state = lif_feed_forward_step(jump, state, parameters, NEURON_DT)
        trace.append((spike.item(), state.v.item(), state.i.item()))
    return np.array(trace).T
