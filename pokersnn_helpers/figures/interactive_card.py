"""Show it a card: a trained network that runs in the page, before a simulated camera."""

from collections.abc import Sequence

import numpy as np

from ..snn import SNN
from .interactive import InteractiveFigure
from .plots import plot_answer

# Beside the switches that the figure has everywhere: name in the script, and words for the reader.
MORE_SWITCHES = {
    "mirror": "in a mirror",
    "off-only": "OFF events only",
    "half-neurons": "half of the neurons",
}


def interactive_card(snn: SNN, events: np.ndarray, classes: Sequence[str]) -> InteractiveFigure:
    """Draw a recording and the answer of a network; the page lets the reader show cards to one.

    The network of the page is always that of ``tools/card_network.py``, trained on simulated cards
    alone. Its weights lie beside the script, not in the figure.

    Args:
        snn: The network of the image.
        events: The recording of the image.
        classes: Names of the classes.
    """
    fig = plot_answer(snn, events, classes)
    return InteractiveFigure.from_figure(
        "card",
        {"switches": MORE_SWITCHES},
        fig,
        f"On the left, all {len(events):,} events of a recording, ON red and OFF blue. On the "
        "right, above, the spikes of the hidden neurons over time, sorted by the class that they "
        "vote for. Below, one voltage per class over the same time; the highest is the answer.",
    )
