"""Animations that play in a page and load no external files."""

import base64
import html
import io
import json
from dataclasses import dataclass
from pathlib import Path
from string import Template

import numpy as np
from matplotlib.colors import Colormap
from PIL import Image

from .colours import ACCENT, EVENTS_MAP, GREY, vote_map
from .events import POLARITIES, Frame, check_shape, on_minus_off


@dataclass(frozen=True)
class Animation:
    """A player in HTML that needs no other host; a notebook shows it as a cell's last value.

    Example:
        >>> animate_frames(np.ones((3, 2, 35, 35)), 1000, "a square").html.count("<button")
        1
    """

    html: str

    def _repr_html_(self) -> str:
        return self.html


PLAYER = Template(Path(__file__).with_name("player.html").read_text(encoding="utf-8"))


def animate_frames(frames: Frame, time_window: float, title: str) -> Animation:
    """Make a small player that shows one frame after another.

    The player has a button and a slider, and needs no other files. On paper, and where scripts
    can't run, it shows the frame with the most events.

    Args:
        frames: Counts of one recording, of shape (T, 2, y, x), OFF first, or (T, 1, y, x).
        time_window: Width of a time bin in µs.
        title: Title of the animation.

    Example:
        >>> player = animate_frames(np.ones((3, 2, 35, 35)), time_window=1000, title="a square")
    """
    check_shape(frames)
    kinds = POLARITIES[frames.shape[1]].values()
    legend = [f'<b style="color:{colour}">■</b> {name}' for name, colour, _ in kinds]
    if len(kinds) == 1:
        look = "colour shows where events were"
        colours = vote_map()
    else:
        look = "red pixels sent more ON events, blue ones more OFF"
        colours = EVENTS_MAP
    net = on_minus_off(frames).round().clip(-4, 4)
    count, height, width = net.shape
    pixels = max(1, round(320 / width))  # of the page, for each pixel of the sensor
    pngs = [_png(frame, colours) for frame in net]
    start = int(frames.sum((1, 2, 3)).argmax())
    ms = time_window / 1000
    content = {"frames": pngs, "step": ms}
    page = PLAYER.substitute(
        title=html.escape(title),
        legend=" ".join(reversed(legend)),
        alt=html.escape(f"An animation of {title}: {look}."),
        shown=f"data:image/png;base64,{pngs[start]}",
        content=json.dumps(content, separators=(",", ":")),
        time=f"{start * ms:g} to {(start + 1) * ms:g} ms",
        start=start,
        last=count - 1,
        width=pixels * width,
        height=pixels * height,
        accent=ACCENT,
        grid=GREY,
    )
    return Animation(page)


def _png(net: np.ndarray, colour_map: Colormap) -> str:
    """Write numbers from −4 to 4 as a PNG, transparent where they are zero."""
    colours = colour_map((net + 4) / 8)  # RGBA from 0 to 1
    image = Image.fromarray((255 * colours).round().astype(np.uint8))
    file = io.BytesIO()
    image.save(file, format="png", optimize=True)
    return base64.b64encode(file.getvalue()).decode()
