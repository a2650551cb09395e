"""Figures that a reader can rotate or control on the published page, and their static images.

An ``InteractiveFigure`` is an image with JSON beside it. On the published page a script
(``book/_static/interactive_figures.js``) makes an interactive figure out of the JSON and replaces
the image with it. In Colab and on paper there is no script, and the image stays. This module holds
what all of them share, the cloud of events, the card and the motion; ``interactive_sliders`` holds
the others.
"""

import base64
import html
import io
import json
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from ..classifier import Classifier
from ..frames import to_frames
from ..recordings import Split
from .dynamics import plot_answer
from .events import plot_event_cloud, plot_frames

# The card's, beside those that it has everywhere: name in the script, words for the reader.
MORE_SWITCHES = {
    "mirror": "in a mirror",
    "off-only": "OFF events only",
    "half-neurons": "half of the neurons",
}


@dataclass(frozen=True)
class Slider:
    """A slider of an interactive figure: where it can stand, and which value that means."""

    label: str  # what it sets
    unit: str  # of the value
    lowest: float  # position at the left end
    highest: float  # and at the right one
    step: float  # from one position to the next
    start: float  # position before the reader moves it
    digits: int = 0  # of the value, after the point, as the page writes it
    scale: str = "linear"  # the value is the position; "log": the position is its decimal logarithm

    def value(self, position: float) -> float:
        """Return the value that a position means."""
        return 10.0**position if self.scale == "log" else position


def initial_values(sliders: dict[str, Slider]) -> dict[str, float]:
    """Return the values before the reader moves a slider."""
    return {name: slider.value(slider.start) for name, slider in sliders.items()}


@dataclass(frozen=True)
class InteractiveFigure:
    """A static image, and what the published page needs to make it interactive.

    Attributes:
        kind: The script that draws the figure: ``"event-cloud"``, ``"pixel"``, ``"neuron"``,
            ``"staircase"``, ``"card"``, ``"motion"`` or ``"detector"``.
        content: The data that it draws, in a form that JSON can hold, and its sliders.
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
        content = json.dumps(self.content, separators=(",", ":"), default=vars)
        content = content.replace("<", "\\u003c")  # a name may hold "</script>"
        png = _base64(self.png)
        return (
            f'<div class="interactive-figure" data-kind="{self.kind}">'
            f'<img alt="{html.escape(self.alt)}" style="max-width:100%" '
            f'src="data:image/png;base64,{png}">'
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
    if data.source != "simulated":
        raise ValueError(
            f"data.source is {data.source!r}: the page would carry recordings that may not be "
            'redistributed. Pass load_pokerdvs(source="simulated").'
        )
    targets = np.array(data.test.targets)
    packed = {}
    for number in np.unique(targets):
        name = data.classes[number]
        places = np.flatnonzero(targets == number)[:3]
        recordings = [data.test.events[place] for place in places]
        packed[name] = [_pack(events) for events in recordings]
    return InteractiveFigure.from_figure(
        "event-cloud",
        plot_event_cloud(recordings[0], f"a simulated {name}", data.sensor_size),
        f"A cloud of points in a box with the axes time in milliseconds, x and y in pixels, drawn "
        f"from a simulated {name}. ON and OFF events lie on separate slanted sheets.",
        sensor_size=data.sensor_size,
        recordings=packed,
    )


def _pack(events: np.ndarray) -> dict[str, dict[str, str]]:
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


def interactive_card(classifier: Classifier, events: np.ndarray) -> InteractiveFigure:
    """Draw a recording and the answer of a network; the page lets the reader show cards to one.

    The network of the page is always that of ``tools/card_network.py``, trained on simulated cards
    alone. Its weights lie beside the script, not in the figure.

    Args:
        classifier: The classifier whose answer the static image shows.
        events: The recording that the static image shows.

    Example:
        >>> from pokersnn_helpers import SNN, load_pokerdvs
        >>> events, _ = load_pokerdvs(source="simulated").test[0]
        >>> interactive_card(Classifier(SNN()), events).kind
        'card'
    """
    return InteractiveFigure.from_figure(
        "card",
        plot_answer(classifier, events),
        "On the left, all events of a recording, ON red and OFF blue. On the right, above, the "
        "spikes of the hidden neurons over time, sorted by the class that they vote for. Below, "
        "one voltage per class over the same time; the highest is the answer.",
        switches=MORE_SWITCHES,
    )


def interactive_motion(events: np.ndarray) -> InteractiveFigure:
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
        "Six panels, one below the other in two rows, with the events of a sixth of a film each. "
        "From panel to panel a disc has moved on: blue OFF events are in front of it, red ON "
        "events behind it.",
    )
