"""One colour code for every figure, chosen to be legible on a white and on a dark page.

ON and OFF events have theirs, the suits have theirs, and everything else is drawn in greys and one
accent. The greys and the accent are the only colours that differ between the light and the dark
pages.
"""

from collections.abc import Sequence
from itertools import cycle

import matplotlib.pyplot as plt
from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgba

ON, OFF = "#cf3a2b", "#2c72c7"
CLASS_COLOURS = {"club": "#4a8f1f", "heart": "#d1548f", "diamond": "#d97f0b", "spade": "#7a55b8"}
ACCENT = "#0b7f8b"
TEXT, GREY, GRID, SHADE = "#1f2328", "#6e7781", "#d8dee4", "#eef1f4"
PAPER = "#ffffff"

# What the greys and the accent become on a dark page; the paper becomes transparent on every page.
DARK = {TEXT: "#e6e9ec", GREY: "#9aa4ae", GRID: "#3a424b", SHADE: "#232a31", ACCENT: "#4fbac4"}


def _fading(name: str, *colours: str) -> LinearSegmentedColormap:
    """Make a map that is transparent at zero, so that the page shows through."""
    low, high = colours[0], colours[-1]
    # Matplotlib takes pairs of a colour and alpha from 3.11 on only, and RGBA in every version.
    ends = [to_rgba(low, 1), to_rgba(low, 0), to_rgba(high, 0), to_rgba(high, 1)]
    if low == high:
        return LinearSegmentedColormap.from_list(name, ends[2:])
    places = [0.0, 0.5, 0.5, 1.0]
    return LinearSegmentedColormap.from_list(name, list(zip(places, ends, strict=True)))


EVENTS_MAP = _fading("events", OFF, ON)  # ON minus OFF, from −limit to limit
ON_MAP, OFF_MAP = _fading("on", ON), _fading("off", OFF)  # counts, from 0
ACCENT_MAP = _fading("accent", ACCENT)  # any other quantity, from 0


def vote_map(colour: str = ACCENT) -> LinearSegmentedColormap:
    """Return a map for weights, from −limit to limit: grey against, a colour in favour."""
    return _fading("votes", GREY, colour)


def class_colours(classes: Sequence[str]) -> dict[str, str]:
    """Return a colour for each class: the suits have theirs, others take the style's in turn."""
    fixed = {name: CLASS_COLOURS[name] for name in classes if name in CLASS_COLOURS}
    style = [to_hex(entry["color"]) for entry in plt.rcParams["axes.prop_cycle"]]
    free = cycle([colour for colour in style if colour not in fixed.values()] or style)
    return {name: fixed.get(name) or next(free) for name in classes}
