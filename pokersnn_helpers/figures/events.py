"""Draw recordings: their events and their frames."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import MaxNLocator
from numpy import ndarray

from ..events.recordings import POKERDVS_SENSOR_SIZE
from ..system.checks import SensorSize
from .colours import ACCENT, ACCENT_MAP, EVENTS_MAP, OFF, ON

if TYPE_CHECKING:  # it isn't needed to draw events
    import torch

Frame: TypeAlias = "np.ndarray | torch.Tensor"  # counts of shape (2, y, x), OFF first, or (1, y, x)


POLARITIES = {  # of a sensor with so many: their number, name, colour and marker
    1: {0: ("all", ACCENT, "o")},
    2: {1: ("ON", ON, "o"), 0: ("OFF", OFF, "s")},
}


def check_shape(frames: Any) -> None:
    """Refuse frames that aren't those of one recording."""
    if np.ndim(frames[0]) != 3:
        raise ValueError(
            f"frames have shape {np.shape(frames)}; give several of shape (polarities, y, x), as "
            "one recording of a batch, frames[:, 0]"
        )


def on_minus_off(frames: Frame) -> ndarray:
    """Return ON minus OFF per pixel of counts (..., 2, y, x), or what (..., 1, y, x) counts."""
    counts = np.asarray(frames, dtype=float)
    if counts.shape[-3] == 2:
        counts = np.diff(counts, axis=-3)
    return counts[..., 0, :, :]


def imshow_polarity(ax: Axes, frame: Frame, limit: float) -> AxesImage:
    """Draw ON minus OFF events per pixel: red where there are more ON, blue where more OFF.

    Args:
        ax: The axes to draw into.
        frame: Counts of shape (2, y, x), OFF first, or of shape (1, y, x), which are drawn in the
            accent colour.
        limit: Count at which the colours saturate.

    Example:
        >>> fig, ax = plt.subplots()
        >>> image = imshow_polarity(ax, np.ones((2, 35, 35)), limit=3)
    """
    image = on_minus_off(frame)
    ax.set(xticks=[], yticks=[])
    ax.grid(False)
    ax.spines[:].set_visible(False)
    if len(frame) == 1:
        return ax.imshow(image, cmap=ACCENT_MAP, vmin=0, vmax=limit)
    return ax.imshow(image, cmap=EVENTS_MAP, vmin=-limit, vmax=limit)


def plot_frames(
    frames: Sequence[Frame], titles: Sequence[str], *, columns: int = 4, limit: float | None = None
) -> Figure:
    """Draw frames side by side, all on one colour scale.

    Args:
        frames: Frames of counts, each of shape (2, y, x), or (1, y, x) for a sensor with one
            polarity.
        titles: A title for each frame.
        columns: Frames per row.
        limit: Count at which the colours saturate. Default: the largest difference between ON and
            OFF events, or 1.

    Example:
        >>> fig = plot_frames(np.ones((2, 2, 35, 35)), ["first ms", "second ms"])
    """
    check_shape(frames)
    limit = limit or max(1.0, *(np.abs(on_minus_off(frame)).max() for frame in frames))
    polarities, height, width = np.shape(frames[0])
    rows = math.ceil(len(frames) / columns)
    if len(titles) != len(frames):
        raise ValueError(f"{len(frames)} frames have {len(titles)} titles; give one for each")
    lines = 1 + max(title.count("\n") for title in titles)
    panel = 4.9 / columns * min(1, height / width)  # inches
    fig, axes = plt.subplots(
        rows,
        columns,
        figsize=(6.0, rows * (panel + 0.18 * lines + 0.17)),
        squeeze=False,
        layout="constrained",
    )
    for ax in axes.flat[len(frames) :]:
        ax.axis("off")
    for ax, frame, title in zip(axes.flat[: len(frames)], frames, titles, strict=True):
        image = imshow_polarity(ax, frame, limit)
        ax.set_title(title)
    fig.colorbar(
        image,
        ax=axes,
        shrink=0.8 if rows == 1 else 0.7,
        aspect=12 if rows == 1 else 20,
        pad=0.01,
        ticks=MaxNLocator(5, integer=True),
        label="events per pixel" if polarities == 1 else "ON − OFF\nevents per pixel",
    )
    return fig


def plot_event_cloud(
    events: ndarray, title: str, sensor_size: SensorSize = POKERDVS_SENSOR_SIZE
) -> Figure:
    """Draw each event of a recording as a point in x, y and time.

    Args:
        events: Structured array with fields t (µs), x, y and p.
        title: Title of the figure.
        sensor_size: Width, height and polarities of the sensor.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> fig = plot_event_cloud(data.test.events[0], "a club")
    """
    width, height, number = sensor_size
    fig = plt.figure(figsize=(6.0, 4.5), layout="none")
    ax: Any = fig.add_axes((-0.03, 0.01, 0.96, 0.96), projection="3d", computed_zorder=False)
    for polarity, (name, colour, marker) in POLARITIES[number].items():
        sent = events[events["p"] == polarity]
        ax.scatter(
            sent["t"] / 1000,
            sent["x"],
            sent["y"],
            s=3,
            color=colour,
            marker=marker,
            linewidth=0,
            depthshade=False,
            label=f"{name}: {len(sent):,}",
            rasterized=True,
        )
    ax.set(
        xlabel="time (ms)",
        ylabel="x (pixel)",
        zlabel="y (pixel)",
        ylim=(0, width),
        zlim=(height, 0),
    )
    for axis, ticks in [(ax.xaxis, 6), (ax.yaxis, 4), (ax.zaxis, 4)]:
        axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 5, 10]))
        axis.set_pane_color((0, 0, 0, 0))
        axis.labelpad = 8
    ax.set_box_aspect((1.7, 1, height / width), zoom=1.1)
    ax.view_init(elev=20, azim=-60)
    fig.suptitle(title, x=0.04, y=0.97, ha="left", fontweight="bold", fontsize="medium")
    fig.legend(
        title="events",
        loc="upper right",
        ncols=2,
        markerscale=3,
        handletextpad=0.1,
        columnspacing=1,
        bbox_to_anchor=(1, 1),
    )
    return fig
