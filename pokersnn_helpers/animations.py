"""Small films that play in a page, without sound or network."""

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.animation import FuncAnimation
from matplotlib.ticker import MultipleLocator

from .camera import EventCamera
from .plots import show_polarity


def animate_frames(frames: torch.Tensor, time_window: float, title: str) -> str:
    """Make a small player that shows one frame after the other, without sound or network.

    Args:
        frames: Counts of one recording, of shape (T, 2, y, x).
        time_window: Width of a time bin in µs.
        title: Stands above the picture, followed by the time.

    Returns:
        HTML, to be shown with ``IPython.display.HTML``.
    """
    fig, ax = plt.subplots(figsize=(3.4, 3.6), dpi=80, layout="constrained")
    image = show_polarity(ax, frames[0], limit=4)

    def draw(step: int) -> None:
        off, on = frames[step].numpy()
        image.set_data(on - off)
        start, end = step * time_window / 1000, (step + 1) * time_window / 1000
        ax.set_title(f"{title}: {start:g} to {end:g} ms")

    html = FuncAnimation(fig, draw, frames=len(frames), interval=200).to_jshtml(default_mode="loop")
    plt.close(fig)
    alt = f"A film of {title}: in each frame, red pixels sent more ON events, blue ones more OFF."
    return _make_readable(html, alt)


def _make_readable(html: str, alt: str) -> str:
    """Name the parts for screen readers, and draw no icons that come from another host."""
    icons = {
        "fa fa-minus": "−", "fa fa-fast-backward": "|◀", "fa fa-step-backward": "◁",
        "fa fa-play fa-flip-horizontal": "◀", "fa fa-pause": "‖", "fa fa-play": "▶",
        "fa fa-step-forward": "▷", "fa fa-fast-forward": "▶|", "fa fa-plus": "+",
    }  # fmt: skip
    head, link, rest = html.partition('<link rel="stylesheet"')
    html = head + rest.partition(">")[2] if link else html
    for icon, character in icons.items():
        html = html.replace(f'<i class="{icon}"></i>', f"<span>{character}</span>")
    html = html.replace("<img ", f'<img alt="{alt}" ')
    return html.replace('<input id="_anim_slider', '<input aria-label="frame" id="_anim_slider')


def animate_pixel(
    times: np.ndarray, log_light: np.ndarray, events: np.ndarray, camera: EventCamera
) -> str:
    """Make a player that shows how an ideal pixel turns light into events, as it happens.

    Args:
        times: In ms, of shape (T,).
        log_light: Log intensity at these times.
        events: What ``camera`` recorded of them: at least one row t (µs), x, y, p.
        camera: Its thresholds are drawn.

    Returns:
        HTML, to be shown with ``IPython.display.HTML``.
    """
    at, on = events[:, 0] / 1000, events[:, 3] == 1
    levels = np.interp(at, times, log_light)
    sign = 1 if on[0] else -1
    first = levels[0] - sign * (camera.on_threshold if on[0] else camera.off_threshold)
    starts = np.concatenate([times[:1], at, times[-1:]])
    remembered = np.concatenate([[first], levels, levels[-1:]])
    fig, axes = plt.subplots(3, 1, sharex=True, figsize=(6.4, 5.2), dpi=80, layout="constrained")
    axes[0].plot(times, np.exp(log_light), color="#E69F00")
    axes[0].set(title="light, as a share of the card's", ylabel="light", ylim=(0, 1.1))
    axes[1].fill_between(
        starts,
        remembered - camera.off_threshold,
        remembered + camera.on_threshold,
        step="post",
        color="#56B4E9",
        alpha=0.3,
        linewidth=0,
        label="no event in this band",
    )
    axes[1].step(starts, remembered, where="post", color="#0072B2", label="remembered")
    axes[1].plot(times, log_light, color="black", label="seen")
    axes[1].set(title="log intensity", ylabel="ln(light)")
    axes[1].legend(loc="lower right", fontsize=9, labelspacing=0.2)
    for chosen, colour, name in ((on, "#b2182b", "ON"), (~on, "#2166ac", "OFF")):
        axes[2].vlines(at[chosen], 0, 1 if name == "ON" else -1, color=colour, label=name)
    axes[2].axhline(0, color="grey", linewidth=0.8)
    axes[2].set(title="events", xlabel="time (ms)", yticks=[-1, 1], yticklabels=["OFF", "ON"])
    axes[2].set(ylim=(-1.4, 1.4), xlim=(times[0], times[-1]))
    axes[2].xaxis.set_major_locator(MultipleLocator(5))
    covers = [ax.axvspan(times[0], times[-1], color="white", zorder=3) for ax in axes]

    def draw(now: float) -> None:
        for cover in covers:
            cover.set(x=now, width=times[-1] - now)

    # The first picture, which is also the printed one, shows the end.
    moments = np.append(times[-1], np.linspace(times[0], times[-1], 25)[1:])
    html = FuncAnimation(fig, draw, frames=moments, interval=200).to_jshtml(default_mode="once")
    plt.close(fig)
    alt = "A film of light, log intensity and events at one pixel, drawn from left to right."
    return _make_readable(html, alt)
