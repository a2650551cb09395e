"""Animations that play in a page and load no external files."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation
from matplotlib.figure import Figure

from ..simulation.camera import EventCamera
from .plots import POLARITIES, imshow_polarity

ICONS = {
    "fa fa-minus": "−", "fa fa-fast-backward": "|◀", "fa fa-step-backward": "◁",
    "fa fa-play fa-flip-horizontal": "◀", "fa fa-pause": "‖", "fa fa-play": "▶",
    "fa fa-step-forward": "▷", "fa fa-fast-forward": "▶|", "fa fa-plus": "+",
}  # fmt: skip


@dataclass(frozen=True)
class Animation:
    """A player in HTML that needs no other host; a notebook shows it as a cell's last value."""

    html: str

    def _repr_html_(self) -> str:
        return self.html


def animate_frames(frames: torch.Tensor, time_window: float, title: str) -> Animation:
    """Make a small player that shows one frame after another.

    Args:
        frames: Counts of one recording, of shape (T, 2, y, x), OFF first.
        time_window: Width of a time bin in µs.
        title: Title of the animation, followed by the time.
    """
    height, width = frames.shape[-2:]
    size = (3.4, 3.3 * height / width + 0.3)  # inches; the title takes the rest
    fig, ax = plt.subplots(figsize=size, dpi=80, layout="constrained")
    image = imshow_polarity(ax, frames[0], limit=4)

    def draw(step: int) -> None:
        off, on = frames[step].numpy()
        image.set_data(on - off)
        start, end = step * time_window / 1000, (step + 1) * time_window / 1000
        ax.set_title(f"{title}: {start:g} to {end:g} ms")

    alt = f"An animation of {title}: red pixels sent more ON events, blue ones more OFF."
    return _film(fig, draw, range(len(frames)), "loop", alt)


def _film(
    fig: Figure, draw: Callable[[Any], None], moments: Iterable[Any], mode: str, alt: str
) -> Animation:
    """Make a player, name its parts for screen readers, and draw no icons from another host."""
    html = FuncAnimation(fig, draw, frames=moments, interval=200).to_jshtml(default_mode=mode)
    plt.close(fig)
    head, link, rest = html.partition('<link rel="stylesheet"')
    html = head + rest.partition(">")[2] if link else html
    for icon, character in ICONS.items():
        html = html.replace(f'<i class="{icon}"></i>', f"<span>{character}</span>")
    html = html.replace("<img ", f'<img alt="{alt}" ')
    slider = 'id="_anim_slider'
    return Animation(html.replace(slider, f'aria-label="frame" {slider}'))


def animate_pixel(
    times: np.ndarray, log_intensity: np.ndarray, events: np.ndarray, camera: EventCamera
) -> Animation:
    """Make a player that shows how an ideal pixel turns light into events, as it happens.

    Args:
        times: In ms, of shape (T,).
        log_intensity: Log intensity at these times.
        events: What ``camera`` recorded of them: structured, with fields t (µs) and p, at least
            one event.
        camera: Its thresholds are drawn.
    """
    at = events["t"] / 1000
    levels = np.interp(at, times, log_intensity)
    first = levels[0] + (-camera.on_threshold if events["p"][0] else camera.off_threshold)
    starts = np.concatenate([times[:1], at, times[-1:]])
    reference = np.concatenate([[first], levels, levels[-1:]])
    low, high = reference - camera.off_threshold, reference + camera.on_threshold
    band = {"step": "post", "color": "#56B4E9", "alpha": 0.3, "linewidth": 0}
    fig, axes = plt.subplots(3, 1, sharex=True, figsize=(6.4, 5.2), dpi=80, layout="constrained")
    axes[0].plot(times, np.exp(log_intensity), color="#E69F00")
    axes[0].set(title="light, relative to the card's", ylabel="light", ylim=(0, 1.1))
    axes[1].fill_between(starts, low, high, label="no event in this band", **band)
    axes[1].step(starts, reference, where="post", color="#0072B2", label="reference")
    axes[1].plot(times, log_intensity, color="black", label="log intensity")
    axes[1].set(title="log intensity", ylabel="ln(light)")
    axes[1].legend(loc="lower right", fontsize=9, labelspacing=0.2)
    for polarity, (name, colour, _) in POLARITIES.items():
        sent = at[events["p"] == polarity]
        axes[2].vlines(sent, 0, 1 if polarity else -1, color=colour, label=name)
    axes[2].axhline(0, color="grey", linewidth=0.8)
    axes[2].set(title="events", xlabel="time (ms)", yticks=[-1, 1], yticklabels=["OFF", "ON"])
    axes[2].set(ylim=(-1.4, 1.4), xlim=(times[0], times[-1]))
    covers = [ax.axvspan(times[0], times[-1], color="white", zorder=3) for ax in axes]

    def draw(now: float) -> None:
        for cover in covers:
            cover.set(x=now, width=times[-1] - now)

    # The first image, which is also the printed one, shows the end.
    moments = np.append(times[-1], np.linspace(times[0], times[-1], 25)[1:])
    alt = "An animation of light, log intensity and events at one pixel, drawn from left to right."
    return _film(fig, draw, moments, "once", alt)
