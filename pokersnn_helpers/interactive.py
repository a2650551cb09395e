"""Figures to play with on the published page, and the pictures that stand in for them elsewhere.

A ``LiveFigure`` is a picture with JSON beside it. On the published page a script
(``book/_static/live_figures.js``) makes a figure to play with out of the JSON and puts it in the
picture's place. In Colab and on paper there is no script, and the picture stays.
"""

import base64
import html
import io
import json
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from norse.torch.functional.lif import LIFFeedForwardState, LIFParameters, lif_feed_forward_step
from PIL import Image

from .data import PokerDVS
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
class LiveFigure:
    """A picture, and what the published page needs to let the reader play with it.

    Attributes:
        kind: ``"event-cloud"`` or ``"neuron"``; says what the script draws.
        content: What it draws from, as JSON can hold it.
        png: The picture.
        alt: What the picture shows, in words.
    """

    kind: str
    content: dict
    png: bytes
    alt: str

    @classmethod
    def of(cls, kind: str, content: dict, figure: Figure, alt: str) -> "LiveFigure":
        """Take the picture from a matplotlib figure, and close it."""
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
            f'<div class="live-figure" data-kind="{self.kind}">'
            f'<img alt="{html.escape(self.alt)}" style="max-width:100%" '
            f'src="data:image/png;base64,{base64.b64encode(self.png).decode()}">'
            f'<script type="application/json">{content}</script></div>'
        )


def live_event_cloud(data: PokerDVS, recordings: int = 3) -> LiveFigure:
    """Draw events as points in x, y and time; the page lets the reader turn them and choose.

    Args:
        data: The stand-in. The page carries the events themselves, and the real ones aren't ours
            to redistribute.
        recordings: How many of each suit the page offers, from the first test recording on.

    Returns:
        The figure; its picture shows the first recording of the last suit.

    Raises:
        ValueError: ``data`` holds real recordings.
    """
    if data.source != "standin":
        raise ValueError(
            f"data.source is {data.source!r}: the page would carry recordings that may not be "
            'redistributed. Pass load_pokerdvs(source="standin").'
        )
    offered: dict[str, list[np.ndarray]] = {suit: [] for suit in data.classes}
    for events, target in data.test:
        if len(offered[data.classes[target]]) < recordings:
            offered[data.classes[target]].append(events)
    suit = data.classes[-1]
    return LiveFigure.of(
        "event-cloud",
        {suit: [_pack(events) for events in several] for suit, several in offered.items()},
        plot_event_cloud(offered[suit][0], title=f"a simulated {suit}"),
        f"A cloud of points in a box with the axes time in milliseconds, x and y in pixels, drawn "
        f"from a simulated {suit}. ON and OFF events lie on slanted sheets of their own.",
    )


def live_neuron(seed: int = 0) -> LiveFigure:
    """Draw a LIF neuron with random input; the page gives it sliders.

    The page steps the neuron by the rule of ``norse.torch.functional.lif.lif_feed_forward_step``,
    which draws the picture.

    Args:
        seed: Fixes when the input events arrive. Another rate moves them together or apart.

    Returns:
        The figure; its picture has the sliders at their start.
    """
    highest = NEURON_SLIDERS["rate"][3] * NEURON_STEPS * NEURON_DT  # events expected at most
    waits = np.random.default_rng(seed).exponential(size=round(2 * highest))
    arrivals = waits.cumsum().round(4)  # at a rate of 1 event/s, in s
    start = {name: slider[-1] for name, slider in NEURON_SLIDERS.items()}
    neuron = {
        "sliders": NEURON_SLIDERS,
        "arrivals": arrivals.tolist(),
        "steps": NEURON_STEPS,
        "dt": NEURON_DT,
        "weight": NEURON_WEIGHT,
    }
    spikes, voltage, current = run_neuron(arrivals, **start)
    times = 1000 * NEURON_DT * np.arange(1, NEURON_STEPS + 1)  # ms; a state holds at a step's end
    return LiveFigure.of(
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
    """Run the neuron of ``live_neuron`` with Norse, in double precision.

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
    parameters = LIFParameters(
        tau_syn_inv=torch.tensor(1000 / tau_syn, dtype=torch.float64),
        tau_mem_inv=torch.tensor(1000 / tau_mem, dtype=torch.float64),
        v_th=torch.tensor(v_th, dtype=torch.float64),
    )
    rest = torch.zeros((), dtype=torch.float64)
    state = LIFFeedForwardState(v=rest, i=rest)
    trace = []
    for jump in NEURON_WEIGHT * torch.from_numpy(counts).double():
        spike, state = lif_feed_forward_step(jump, state, parameters, NEURON_DT)
        trace.append((spike.item(), state.v.item(), state.i.item()))
    return np.array(trace).T


def _pack(events: np.ndarray) -> dict[str, dict[str, str]]:
    """Write t, x and y of the OFF and of the ON events as base64.

    Times are unsigned 16-bit numbers in µs, low byte first; x and y are single bytes.

    Raises:
        ValueError: The recording is longer than 65.5 ms, which the times can't hold.
    """
    if events["t"].max() >= 2**16:
        raise ValueError(f"the recording lasts {events['t'].max()} µs; the page takes 65,535 µs")
    types = {"t": "<u2", "x": "u1", "y": "u1"}
    return {
        name: {
            field: base64.b64encode(some[field].astype(kind).tobytes()).decode()
            for field, kind in types.items()
        }
        for name, some in (("OFF", events[events["p"] == 0]), ("ON", events[events["p"] == 1]))
    }
