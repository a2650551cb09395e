"""Draw what it takes to watch noise for an hour and to name what comes now and then."""

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from pandas import DataFrame

from .colours import ACCENT, GREY, TEXT
from .labels import label_ends

SHOWN = {  # by the name in the measurement: what the line is called, its colour and its style
    "SNN, 100": ("SNN, 100 neurons", ACCENT, "-"),
    "SNN, 20": ("SNN, 20 neurons", ACCENT, "-"),
    "SNN, 20, silenced": ("SNN, silenced (dotted)", ACCENT, ":"),
    "GRU, 8": ("GRU, 8 units", TEXT, "-"),
    "GRU, 8, on events": ("GRU, on events (dotted)", TEXT, ":"),
    "leaky regression": ("leaky regression", GREY, "-"),
    "GRU, 8, on events, behind a counter": ("counter, then GRU (dashed)", TEXT, "--"),
}
FOUND_AT = 1.0  # events per pixel and second, at which the names say how many cards were found


def plot_watching(rows: DataFrame) -> Figure:
    """Draw the instructions of an hour against the noise, a line for each network.

    Each name has the share of cards that the network found at one event per pixel and second.

    Args:
        rows: Of the measurement ``always_on``: network, at, number and mean.

    Example:
        >>> from pokersnn_helpers.page.measured import measured
        >>> fig = plot_watching(measured("always_on"))
    """
    numbers = rows.set_index(["number", "network", "at"])["mean"].sort_index()
    fig, ax = plt.subplots(figsize=(6.0, 3.6), layout="constrained")
    noise = sorted(rows["at"].unique())
    for network, (name, colour, style) in SHOWN.items():
        billions = numbers["instructions an hour", network][noise] / 1e9
        found = numbers["found", network, FOUND_AT]
        label = f"{name}: {found:.0%}"
        ax.plot(range(len(noise)), billions, style, marker="o", color=colour, label=label)
    ax.set(
        xlabel="noise (events per pixel and second)",
        ylabel="instructions an hour (billions)",
        yscale="log",
        xticks=range(len(noise)),
        xticklabels=[f"{each:g}" for each in noise],
    )
    ax.yaxis.set_major_formatter("{x:g}")
    label_ends(ax)
    return fig
