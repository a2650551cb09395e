"""Look at a recording before anything is trained on it: what is in it, and what to do about it."""

from collections.abc import Iterator
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..checks import check_events, errors_in
from .event_files import ANY_SENSOR, read_unchecked

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PARTS = 50  # of the duration, for the rate over time
LARGEST = 2**21  # pixels: no sensor has more
SOME = 100  # events, from which on a rate or a clock tells something
UNITS = {1e-3: "divide ns by 1000", 1e3: "multiply ms by 1000", 1e6: "multiply seconds by 1e6"}


class Inspection(NamedTuple):
    r"""What a file holds.

    Attributes:
        numbers: By name, as plain numbers.
        rate: Events per ms in each of 50 parts of the duration, which are equally long.
        image: Events per pixel, (height, width).
        hot_pixels: Their x and y, (pixels, 2), as ``find_hot_pixels`` returns them.
        advice: A sentence for each thing that is odd: what, where, and after the last semicolon
            what to do.

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
    hot_pixels: np.ndarray
    advice: list[str]


@np.errstate(invalid="ignore")  # of infinite times, which are refused
def inspect_file(path: str | PathLike[str]) -> Inspection:
    """Inspect a file of events, in order or not.

    Numbers are those of times as they are in the file. But where a counter of 16, 24 or 32 bits has
    overflowed, it goes on, and times with fractions are brought to µs.

    Raises:
        ValueError: Its events take more pixels than a camera has, or as ``read_event_file`` says,
            which also raises the other errors.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("odd.csv").write_text("t,x,y,p" + chr(10) + "5,0,0,1" + chr(10) + "3,1,0,1")
        >>> inspect_file("odd.csv").advice[0]
        'times run backwards at event 1 (from 5 to 3); sort the events by time'
    """
    file = read_unchecked(path)
    stamps = file.events["t"]
    times, scale = _whole(stamps)
    times, advice = _continued(stamps, times)
    fields = [times, *(file.events[field] for field in "xyp")]
    table = np.rec.fromarrays(fields, names="t,x,y,p")  # type: ignore[call-overload]
    in_order = table[np.argsort(times, kind="stable")]
    events = check_events(in_order, file.sensor_size or ANY_SENSOR, str(path))
    with errors_in(str(path)):
        image, hot_pixels = count_events(events, file.sensor_size), find_hot_pixels(events)
    t = events["t"] - events["t"][0]
    duration, gaps = int(t[-1]), np.diff(t)
    rate = 1000 * PARTS * np.histogram(t, PARTS)[0] / max(duration, 1)
    numbers = {
        "events": len(t),
        "duration (ms)": duration / 1000,
        "rate (events/ms)": 1000 * len(t) / max(duration, 1),
        "highest rate (events/ms)": float(rate.max()),
        "ON share": float(events["p"].mean()),
        "width": image.shape[1],
        "height": image.shape[0],
        "active pixels": int(np.count_nonzero(image)),
        "hot pixels": len(hot_pixels),
        "longest gap (ms)": int(gaps.max(initial=0)) / 1000,
        "times that run backwards": int((times[1:] < times[:-1]).sum()),
    }
    advice += [*_of_times(t, scale, image.size), *_of_pixels(events, image, hot_pixels)]
    if not file.sensor_size:
        advice += ["the file doesn't say its sensor; give load_folder sensor_size, train --sensor"]
    return Inspection(numbers, rate, image, hot_pixels, advice)


def count_events(events: np.ndarray, sensor_size: tuple[int, int, int] | None = None) -> np.ndarray:
    """Count the events of each pixel: (height, width).

    Raises:
        ValueError: There are more pixels than a camera has.

    Example:
        >>> from pokersnn_helpers import EVENT_DTYPE
        >>> count_events(np.zeros(3, EVENT_DTYPE), (2, 1, 2))
        array([[3, 0]])
    """
    width, height = (sensor_size or [int(events[axis].max()) + 1 for axis in "xy"])[:2]
    if width * height > LARGEST:
        found = f"its events take {width} × {height} pixels, more than any camera has"
        raise ValueError(f"{found}; leave out those whose coordinates are wrong")
    places = events["y"] * width + events["x"]
    return np.bincount(places, minlength=width * height).reshape(height, width)


def find_hot_pixels(events: np.ndarray) -> np.ndarray:
    """Find pixels that fire all the time, and far more than those around them.

    A pixel at which a hand turns round fires often, too, but only then, and so do its neighbours:
    of 24 next pixels at most five may be hot themselves. But where more than a quarter of all
    pixels stand out from the quietest quarter of their neighbours, all of those are hot.

    Args:
        events: Structured array with fields t (µs), x, y and p, sorted by time.

    Returns:
        x and y of each, those with the most events first: (pixels, 2).

    Raises:
        ValueError: They take more pixels than a camera has.

    Example:
        >>> from pokersnn_helpers import EVENT_DTYPE
        >>> events = np.zeros(80, EVENT_DTYPE)
        >>> events["t"], events["x"] = range(80), 4
        >>> events["x"][:9] = range(9)
        >>> find_hot_pixels(events)
        array([[4, 0]])
    """
    counts, t = count_events(events), events["t"] - events["t"][0]
    fires = np.zeros((*counts.shape, PARTS), bool)
    fires[events["y"], events["x"], t * PARTS // (int(t[-1]) + 1)] = True
    parts = fires.sum(axis=2)
    at_random = PARTS * (1 - (1 - 1 / PARTS) ** counts)  # parts in which random times would lie
    often = np.sqrt(counts * parts)
    y, x = np.nonzero((often > 10) & (parts > 0.7 * at_random))
    around = sliding_window_view(np.pad(often, 2, "reflect"), (5, 5))[y, x].reshape(-1, 25)
    around = np.sort(around)  # with the pixel itself, which comes last where it is hot
    hot, scattered = (often[y, x] > 10 + 1.7 * around[:, rank] for rank in (-7, 6))
    if scattered.sum() > counts.size / 4:
        hot = scattered
    y, x = y[hot], x[hot]
    return np.stack([x, y], axis=1)[np.argsort(-counts[y, x], kind="stable")]


def _whole(stamps: np.ndarray) -> tuple[np.ndarray, float]:
    """Return times as whole numbers, and by what they were multiplied, or should be, for µs."""
    if stamps.dtype.kind != "f":
        stamps = stamps.astype(np.int64)
    if not (stamps % 1).any():
        return stamps - stamps[:1], 1e-3 if (stamps[:1] > 2**53).any() else 1  # ns since 1970
    in_ms, in_s = stamps * 1e3, stamps * 1e6
    finer, coarse = (np.abs(each - np.rint(each)).max() > 0.25 for each in (in_ms, in_s))
    return (np.rint(in_s), 1e6) if finer and not coarse else (np.rint(in_ms), 1e3)


def _continued(stamps: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Go on counting where a counter overflowed; say where, and where times run backwards."""
    steps = np.diff(times)
    overflows = (b for b in (16, 24, 32) if (np.abs(steps + 2**b) < 2**b >> 4).any())
    bits = next(overflows, 62)  # of which no time has so many
    again = np.append(False, steps < -(2**bits >> 1))
    times = times + again.cumsum() * 2**bits
    backwards = np.append(False, np.diff(times) < 0)
    advice = []
    for wrong, what, remedy in (
        (again, f"a counter of {bits} bits overflowed", f"add 2**{bits} µs from there on"),
        (backwards, "times run backwards", "sort the events by time"),
    ):
        for n in np.flatnonzero(wrong)[:1]:
            advice += [f"{what} at event {n} (from {stamps[n - 1]} to {stamps[n]}); {remedy}"]
    return times, advice


def _factor(scale: float, count: int, pixels: int, duration: int, gap: int) -> float:
    """Say by what times are to be multiplied for µs, so that a camera could have sent so much.

    A pixel sends at most 10,000 events per s, and cameras, whose pixels share a bus, about five
    millions and 250 per pixel. Recordings last for more than 1 ms, and few have a hundred events
    within more than 5 s without having one in each ms.
    """
    most = min(0.01 * pixels, 5 + pixels / 4000)  # events per µs
    if count > most * duration or (count >= SOME and duration < 1000):
        in_ms = duration >= 10 and count < 0.5 * pixels * duration
        return min(1e6, 1e3 * scale) if in_ms else 1e6
    slow = SOME <= count < (duration - gap) / 1000 and duration - gap > 5e6
    return scale / 1000 if slow else scale


def _of_times(t: np.ndarray, scale: float, pixels: int) -> Iterator[str]:
    """Say what is odd in times that count from the first, and were multiplied to be whole."""
    moments, sizes = np.unique(t, return_counts=True)
    count, duration, gaps = len(t), int(t[-1]), np.diff(moments)
    if duration == 0:
        yield f"{count} events, all at the same time; record for longer"
        return
    longest, tick = int(gaps.max()), int(np.gcd.reduce(gaps))
    factor = scale if scale < 1 else _factor(scale, count, pixels, duration, longest)
    if (factor, scale) != (1, 1):
        hardly = f"{count} events within {duration / max(scale, 1):g} can hardly be in µs"
        yield f"{hardly}; {UNITS.get(factor, 'round the times to whole µs')}"
    elif count >= SOME and tick >= 100:
        steps = f"the clock's steps are {tick / 1000:g} ms, so bins below that stay empty"
        yield f"{steps}; choose --time-window {tick} or a multiple of it"
    if longest > max(10_000, duration / 10):
        gap = f"nothing for {longest / 1000:g} ms from {moments[gaps.argmax()] / 1000:g} ms on"
        yield f"{gap}; cut the recording there, or look whether the camera dropped events"
    if (most := int(sizes.max())) > max(SOME, count / 100, 20 * np.median(sizes)):
        when = f"at once, at {moments[sizes.argmax()] / 1000:g} ms"
        yield f"{most} of {count} events come {when}; cut them off, they show no motion"


def _of_pixels(events: np.ndarray, image: np.ndarray, hot: np.ndarray) -> Iterator[str]:
    """Say what is odd in places and polarities."""
    if len(hot) > image.size / 4:
        many = f"{len(hot)} of {image.size} pixels are hot"
        yield f"{many}; look at the camera's thresholds, and record again"
    elif len(hot):
        share = f"have {100 * image[hot[:, 1], hot[:, 0]].sum() / len(events):.2g}% of the events"
        where = ", ".join(f"({x}, {y})" for x, y in hot)
        yield f"hot pixels, {len(hot)} in all, {where}, {share}; leave them out by `clean`"
    share_on = events["p"].mean()
    if not 0.1 <= share_on <= 0.9:
        yield f"{share_on:.0%} are ON; look at the camera's thresholds, or merge polarities"


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
    image.imshow(np.log1p(found.image), cmap="Greys")
    image.set_title("events per pixel, as log(1 + events)")
    middles = (np.arange(len(found.rate)) + 0.5) / len(found.rate)
    rate.step(middles * found.numbers["duration (ms)"], found.rate, where="mid", color="black")
    rate.set(xlabel="time (ms)", ylabel="events per ms", ylim=(0, None))
    return figure
