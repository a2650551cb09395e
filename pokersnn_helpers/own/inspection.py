"""Look at a recording before anything is trained on it: what is in it, and what to do about it."""

from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .event_files import read_unchecked

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PARTS = 50  # of the duration, for the rate over time
FASTEST = 0.01  # events per pixel and µs: no sensor keeps that up
GAP = 10_000  # µs without an event that may be worth a word
LARGEST = 2**24  # pixels: no sensor has more
HOT = 20  # times the median of all pixels with events


class Inspection(NamedTuple):
    r"""What a file holds.

    Attributes:
        numbers: By name, as plain numbers.
        rate: Events per ms in each of 50 parts of the duration, which are equally long.
        image: Events per pixel, (height, width).
        advice: A sentence for each thing that is odd: what, where, and what to do.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("two.csv").write_text("t,x,y,p\n0,0,0,1\n2000,0,0,1\n")
        >>> found = inspect_file("two.csv")
        >>> found.image, found.advice[0]
        (array([[2]]), "100% are ON; look at the camera's thresholds, or merge polarities")
    """

    numbers: dict[str, Any]
    rate: np.ndarray
    image: np.ndarray
    advice: list[str]


def inspect_file(path: str | PathLike[str]) -> Inspection:
    """Inspect a file of events, in order or not; errors are those of ``read_event_file``.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("odd.csv").write_text("t,x,y,p" + chr(10) + "5,0,0,1" + chr(10) + "3,1,0,1")
        >>> inspect_file("odd.csv").advice[0]
        '1 times run backwards, first at event 1 (from 5 to 3 µs); sort the events by time'
    """
    file = read_unchecked(path)
    times, sensor_size = file.events["t"], file.sensor_size
    backwards = np.flatnonzero(times[1:] < times[:-1]) + 1
    in_order = file.events[np.argsort(times, kind="stable")]
    events = file._replace(events=in_order).checked(path)
    t = events["t"] - events["t"][0]
    duration, gaps = int(t[-1]), np.diff(t)
    width, height = sensor_size[:2] if sensor_size else (events[axis].max() + 1 for axis in "xy")
    places = events["y"] * width + events["x"]
    pixels, counts = np.unique(places, return_counts=True)
    hot = pixels[counts > HOT * np.median(counts)]
    per_part = np.bincount(np.minimum(t * PARTS // max(duration, 1), PARTS - 1), minlength=PARTS)
    rate = 1000 * PARTS * per_part / max(duration, 1)
    share_on, longest = float(events["p"].mean()), int(gaps.max(initial=0))
    advice: list[str] = []
    for n in backwards[:1]:
        first = f"event {n} (from {times[n - 1]} to {times[n]} µs)"
        advice += [
            f"{len(backwards)} times run backwards, first at {first}; sort the events by time"
        ]
    if len(hot):
        where = ", ".join(f"({place % width}, {place // width})" for place in hot[:3])
        share = f"{100 * np.isin(places, hot).mean():.2g}%"
        hot_ones = f"hot pixels, {len(hot)} in all, such as {where}"
        advice += [f"{hot_ones}, have {share} of the events; leave them out"]
    if longest > max(GAP, duration / 10):
        gap = f"nothing for {longest / 1000:g} ms from {t[gaps.argmax()] / 1000:g} ms on"
        advice += [f"{gap}; cut the recording there, or look whether the camera dropped events"]
    if not 0.1 <= share_on <= 0.9:
        advice += [f"{share_on:.0%} are ON; look at the camera's thresholds, or merge polarities"]
    if len(events) > FASTEST * width * height * duration > 0:
        fast = f"more than {1e6 * FASTEST:g} events per pixel and s"
        advice += [f"{fast}: are the times in µs? Multiply seconds by 1e6"]
    if not sensor_size:
        advice += ["the file doesn't say its sensor; give load_folder sensor_size, train --sensor"]
    image = np.zeros((0, 0), int)  # where a wrong coordinate claims what no memory holds
    if width * height > LARGEST:
        far = f"events lie as far away as x = {width - 1} and y = {height - 1}, beyond any sensor"
        advice += [f"{far}; leave out those whose coordinates are wrong"]
    else:
        image = np.bincount(places, minlength=width * height).reshape(height, width)
    numbers = {
        "events": len(events),
        "duration (ms)": duration / 1000,
        "rate (events/ms)": 1000 * len(events) / max(duration, 1),
        "highest rate (events/ms)": float(rate.max()),
        "ON share": share_on,
        "width": int(width),
        "height": int(height),
        "active pixels": len(pixels),
        "hot pixels": len(hot),
        "longest gap (ms)": longest / 1000,
        "times that run backwards": len(backwards),
    }
    return Inspection(numbers, rate, image, advice)


def plot_inspection(found: Inspection) -> "Figure":
    r"""Plot what ``inspect_file`` found: events per pixel, and the rate over time.

    Example:
        >>> from pathlib import Path
        >>> from pokersnn_helpers.own.inspection import inspect_file
        >>> _ = Path("one.csv").write_text("t,x,y,p\n0,0,0,1\n")
        >>> fig = plot_inspection(inspect_file("one.csv"))
    """
    import matplotlib.pyplot as plt  # which takes a second to import

    figure, (image, rate) = plt.subplots(
        2, 1, figsize=(6, 6), height_ratios=(2, 1), layout="constrained"
    )
    if found.image.size:  # no pixels where a wrong coordinate claims too many
        image.imshow(np.log1p(found.image), cmap="Greys")
    image.set_title("events per pixel, as log(1 + events)")
    middles = (np.arange(len(found.rate)) + 0.5) / len(found.rate)
    rate.step(middles * found.numbers["duration (ms)"], found.rate, where="mid", color="black")
    rate.set(xlabel="time (ms)", ylabel="events per ms", ylim=(0, None))
    return figure
