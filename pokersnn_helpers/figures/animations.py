"""Animations that play in a page and load no external files."""

import base64
import html
import io
import json
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.colors import Colormap
from PIL import Image

from ..checks import check_time_window
from .colours import ACCENT, EVENTS_MAP, GREY, vote_map
from .recordings import on_minus_off, polarities


@dataclass(frozen=True)
class Animation:
    """A player in HTML that needs no other host; a notebook shows it as a cell's last value.

    Example:
        >>> animate_frames(torch.ones(3, 2, 35, 35), 1000, "a square").html.count("<button")
        1
    """

    html: str

    def _repr_html_(self) -> str:
        return self.html


PLAYER = """
<style>
  .animation {{ max-width: 100%; margin: 0 auto; font-size: 15px; line-height: 22px;
    font-variant-numeric: tabular-nums; }}
  .animation p {{ display: flex; justify-content: space-between; margin: 0 0 6px; }}
  .animation-controls {{ display: flex; align-items: center; gap: 10px; margin-top: 6px; }}
  .animation-controls button {{ width: 40px; height: 32px; flex: none; padding: 0; cursor: pointer;
    border: 1px solid currentcolor; border-radius: 4px; background: none; color: inherit; }}
  .animation-controls input {{ flex: auto; min-width: 0; margin: 0; accent-color: {accent}; }}
  .animation-controls output {{ flex: none; min-width: 7.2em; text-align: right; }}
  @media print {{ .animation-controls button, .animation-controls input {{ display: none; }} }}
</style>
<div class="animation" style="width:{width}px">
  <p><span>{title}</span> <span>{legend}</span></p>
  <img class="dark-light" alt="{alt}" src="{shown}" width="{width}" height="{height}"
    style="display:block;box-sizing:border-box;width:100%;height:auto;padding:0;background:none;
    border:1px solid {grid};image-rendering:pixelated">
  <div class="animation-controls">
    <button type="button" aria-label="Play"><svg viewBox="0 0 10 10" width="12" height="12"
      aria-hidden="true"><path fill="currentcolor" d="{play}"/></svg></button>
    <input type="range" aria-label="frame" min="0" max="{last}" value="{start}">
    <output>{time}</output>
  </div>
  <script type="application/json">{content}</script>
</div>
<script>
for (const player of document.querySelectorAll(".animation:not([data-ready])")) {{
  player.dataset.ready = "";
  let content = null;
  try {{
    content = JSON.parse(player.querySelector("script").textContent);
  }} catch {{
    // It was cut.
  }}
  const {{ frames, step }} = content ?? {{}};
  const drawn = Array.isArray(frames) && frames.every((png) => `${{png}}`.startsWith("iVBOR"));
  if (!drawn || frames.length !== {last} + 1 || !(step > 0 && step < 1e9)) {{
    player.querySelector(".animation-controls").remove(); // the reader has the image
    continue;
  }}
  const [button, slider, image, time, icon] =
    ["button", "input", "img", "output", "path"].map((name) => player.querySelector(name));
  let timer = null;
  const show = (frame) => {{
    slider.value = frame;
    image.src = "data:image/png;base64," + frames[frame];
    const [start, end] = [frame, frame + 1].map((edge) => +(edge * step).toFixed(6));
    time.textContent = `${{start}} to ${{end}} ms`;
    slider.setAttribute("aria-valuetext", time.textContent);
  }};
  const play = (again) => {{
    clearInterval(timer);
    timer = setInterval(() => {{
      if (!player.isConnected || (!again && +slider.value === frames.length - 1)) return pause();
      show((+slider.value + 1) % frames.length);
    }}, {interval});
    icon.setAttribute("d", "{pause}");
    button.setAttribute("aria-label", "Pause");
  }};
  const pause = () => {{
    timer = clearInterval(timer);
    icon.setAttribute("d", "{play}");
    button.setAttribute("aria-label", "Play");
  }};
  const toggle = () => (timer ? pause() : play(true));
  button.onclick = toggle;
  slider.oninput = () => {{ pause(); show(+slider.value); }};
  slider.onkeydown = (event) => {{
    if (event.key !== " ") return;
    event.preventDefault();
    toggle();
  }};
  // It runs once when the reader first sees it, but not for those who want things to keep still.
  const watcher = new IntersectionObserver(([{{ isIntersecting }}]) => {{
    if (!isIntersecting) return;
    watcher.disconnect();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    show(0);
    play(false);
  }}, {{ threshold: 0.6 }});
  watcher.observe(image);
}}
</script>
"""
ICON_PLAY, ICON_PAUSE = "M1 0 10 5 1 10z", "M1 0h3v10h-3zM6 0h3v10h-3z"
MILLISECONDS_PER_FRAME = 200


def animate_frames(frames: torch.Tensor, time_window: float, title: str) -> Animation:
    """Make a small player that shows one frame after another.

    It has one button and a slider, and works without other files. On paper, and where no script
    runs, it shows the frame with most events.

    Args:
        frames: Counts of one recording, of shape (T, 2, y, x), OFF first, or (T, 1, y, x).
        time_window: Width of a time bin in µs.
        title: Title of the animation.

    Example:
        >>> player = animate_frames(torch.ones(3, 2, 35, 35), time_window=1000, title="a square")
    """
    check_time_window(time_window)
    kinds = polarities(frames.shape[1])
    legend = [f'<b style="color:{ink}">■</b> {name}' for name, ink, _ in reversed(kinds.values())]
    look, colours = "colour shows where events were", vote_map()
    if len(kinds) == 2:
        look, colours = "red pixels sent more ON events, blue ones more OFF", EVENTS_MAP
    net = on_minus_off(frames).round().clip(-4, 4)
    height, width = net.shape[1:]
    pixels = max(1, round(320 / width))  # of the page, for each pixel of the sensor
    pngs = [_png(frame, colours) for frame in net]
    start = int(frames.sum((1, 2, 3)).argmax())
    page = PLAYER.format(
        title=html.escape(title),
        legend=" ".join(legend),
        alt=html.escape(f"An animation of {title}: {look}."),
        shown=f"data:image/png;base64,{pngs[start]}",
        content=json.dumps({"frames": pngs, "step": time_window / 1000}, separators=(",", ":")),
        time=f"{start * time_window / 1000:g} to {(start + 1) * time_window / 1000:g} ms",
        start=start,
        last=len(net) - 1,
        width=pixels * width,
        height=pixels * height,
        interval=MILLISECONDS_PER_FRAME,
        play=ICON_PLAY,
        pause=ICON_PAUSE,
        accent=ACCENT,
        grid=GREY,
    )
    return Animation(page)


def _png(net: np.ndarray, colour_map: Colormap) -> str:
    """Write numbers from −4 to 4 as a PNG of nine colours, transparent where they are zero."""
    colours = (255 * colour_map(np.linspace(0, 1, 9))).round().astype(np.uint8)
    colours[4, 3] = 0
    image = Image.fromarray((net + 4).astype(np.uint8)).convert("P")
    image.putpalette(colours[:, :3].tobytes())
    file = io.BytesIO()
    image.save(file, format="png", optimize=True, bits=4, transparency=colours[:, 3].tobytes())
    return base64.b64encode(file.getvalue()).decode()
