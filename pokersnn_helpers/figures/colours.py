"""One colour code for every figure, chosen to be legible on a white and on a dark page.

ON and OFF events have theirs, the suits have theirs, and everything else is drawn in greys and one
accent. The greys and the accent are the only colours that differ between the light and the dark
pages.
"""

from collections.abc import Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgba

ON = "#cf3a2b"
OFF = "#2c72c7"
CLASS_COLOURS = {
    "club": "#4a8f1f",
    "heart": "#d1548f",
    "diamond": "#d97f0b",
    "spade": "#7a55b8",
}
ACCENT = "#0b7f8b"
TEXT = "#1f2328"
GREY = "#6e7781"
GRID = "#d8dee4"
SHADE = "#eef1f4"
PAPER = "#ffffff"

# What the greys and the accent become on a dark page; the paper becomes transparent on every page.
DARK = {
    TEXT: "#e6e9ec",
    GREY: "#9aa4ae",
    GRID: "#3a424b",
    SHADE: "#232a31",
    ACCENT: "#4fbac4",
}


def _fading(name: str, *colours: str, rise: float = 1) -> LinearSegmentedColormap:
    """Make a map that is transparent at zero, so that the page shows through.

    With a ``rise`` below 1 it is quickly opaque, so that one event shows on a dark page, too.
    """
    # Matplotlib takes pairs of a colour and alpha from 3.11 on only, and RGBA in every version.
    lowest = 1 - len(colours)
    shades = []
    for value in np.linspace(lowest, 1, 32 * len(colours) + 1):
        colour = colours[-1] if value > 0 else colours[0]
        shades.append(to_rgba(colour, abs(value) ** rise))
    return LinearSegmentedColormap.from_list(name, shades, N=257)


EVENTS_MAP = _fading("events", OFF, ON, rise=0.5)  # ON minus OFF, from −limit to limit
ACCENT_MAP = _fading("accent", ACCENT)  # any other quantity, from 0


def vote_map(colour: str = ACCENT) -> LinearSegmentedColormap:
    """Return a map for weights, from −limit to limit: grey against, a colour in favour.

    Example:
        >>> vote_map().name
        'votes'
    """
    return _fading("votes", GREY, colour)


def class_colours(classes: Sequence[str]) -> dict[str, str]:
    """Return a colour for each class: the suits have theirs, others the style's, greys last.

    Example:
        >>> class_colours(["heart", "cat"])
        {'heart': '#d1548f', 'cat': '#1f77b4'}
    """
    taken = [CLASS_COLOURS.get(name) for name in classes]
    style = [to_hex(entry["color"]) for entry in plt.rcParams["axes.prop_cycle"]]
    style.sort(key=(TEXT, GREY).__contains__)  # what is grey looks like the background
    free = cycle(colour for colour in style if colour not in taken)
    return {name: CLASS_COLOURS.get(name) or next(free) for name in classes}
