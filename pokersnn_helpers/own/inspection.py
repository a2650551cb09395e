"""Look at a recording before anything is trained on it: what is in it, and what to do about it."""

from collections.abc import Iterator
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..checks import check_events
from .event_files import ANY_SENSOR, read_unchecked

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PARTS = 50  # of the duration, for the rate over time
GAP = 10_000  # µs without an event that may be worth a word
PAUSE = 3_600_000_000  # µs without an event that come from a wrong time
LARGEST = 2**21  # pixels: no sensor has more
SOME = 100  # events, from which on a rate or a clock tells something
COARSE = 100  # µs between ticks of a clock that may be worth a word
BURST = 20  # times the median of events at one time
FEW = 10  # events of a pixel that are no reason to call it hot
STEADY = 0.7  # of the parts in which as many events at random times would lie
AROUND = np.delete(np.indices((5, 5)).reshape(2, -1), 12, axis=1)  # y and x of 24 next pixels
SHOWN = 10  # hot pixels that a sentence names
UNITS = {1e-3: "divide ns by 1000", 1e3: "multiply ms by 1000", 1e6: "multiply seconds by 1e6"}


class Inspection(NamedTuple):
    r"""What a file holds.

    Attributes:
        numbers: By name, as plain numbers.
        rate: Events per ms in each of 50 parts of the duration, which are equally long.
        image: Events per pixel, (height, width).
        advice: A sentence for each thing that is odd: what, where, and after the last semicolon
            what to do.
        hot_pixels: Their x and y, (pixels, 2), as ``find_hot_pixels`` returns them.
        sensor_size: Width, height and polarities of the sensor; None where the file doesn't say.

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
    hot_pixels: np.ndarray
    sensor_size: tuple[int, int, int] | None


def inspect_file(path: str | PathLike[str]) -> Inspection:
    """Inspect a file of events, in order or not; errors are those of ``read_event_file``.

    Numbers are those of times as they are in the file. But where a counter of 16, 24 or 32 bits has
    overflowed, it goes on, and times with fractions are brought to µs.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("odd.csv").write_text("t,x,y,p" + chr(10) + "5,0,0,1" + chr(10) + "3,1,0,1")
        >>> inspect_file("odd.csv").advice[0]
        'times run backwards at event 1 (from 5 to 3); sort the events by time'
    """
    file = read_unchecked(path)
    stamps = file.events["t"]
    times, factor = _whole(stamps)
    times, bits, overflows = _continued(times)
    backwards = int((times[1:] < times[:-1]).sum())
    order = np.argsort(times, kind="stable") if backwards else slice(None)
    fields = [times, *(file.events[field] for field in "xyp")]
    columns: Any = {"names": [*"txyp"], "formats": [each.dtype for each in fields]}
    in_order = np.rec.fromarrays([each[order] for each in fields], columns)
    events = check_events(in_order, file.sensor_size or ANY_SENSOR, str(path))
    t = events["t"] - events["t"][0]
    image = count_events(events, file.sensor_size)
    hot_pixels = find_hot_pixels(events)
    duration, gaps = int(t[-1]), np.diff(t)
    per_part = np.bincount(_part(t), minlength=PARTS)
    numbers = {
        "events": len(t),
        "duration (ms)": duration / 1000,
        "rate (events/ms)": 1000 * len(t) / max(duration, 1),
        "highest rate (events/ms)": 1000 * PARTS * int(per_part.max()) / max(duration, 1),
        "ON share": float(events["p"].mean()),
        "width": image.shape[1],
        "height": image.shape[0],
        "active pixels": int(np.count_nonzero(image)),
        "hot pixels": len(hot_pixels),
        "longest gap (ms)": int(gaps.max(initial=0)) / 1000,
        "clock tick (ms)": int(np.gcd.reduce(gaps)) / 1000,
        "times that run backwards": backwards,
    }
    rate = 1000 * PARTS * per_part / max(duration, 1)
    advice = [
        *_of_order(stamps, times, bits, overflows),
        *_of_times(t, factor, image.size or LARGEST),
        *_of_pixels(events, image, hot_pixels),
    ]
    if not file.sensor_size:
        advice += ["the file doesn't say its sensor; give load_folder sensor_size, train --sensor"]
    return Inspection(numbers, rate, image, advice, hot_pixels, file.sensor_size)


def count_events(events: np.ndarray, sensor_size: tuple[int, int, int] | None = None) -> np.ndarray:
    """Count the events of each pixel: (height, width), or (0, 0) where that is beyond any sensor.

    Example:
        >>> from pokersnn_helpers import EVENT_DTYPE
        >>> count_events(np.zeros(3, EVENT_DTYPE), (2, 1, 2))
        array([[3, 0]])
    """
    width, height = (sensor_size or [int(events[axis].max()) + 1 for axis in "xy"])[:2]
    if width * height > LARGEST:  # a wrong coordinate claims what no memory holds
        return np.zeros((0, 0), int)
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

    Example:
        >>> from pokersnn_helpers import EVENT_DTYPE
        >>> events = np.zeros(80, EVENT_DTYPE)
        >>> events["t"], events["x"] = range(80), 4
        >>> events["x"][:9] = range(9)
        >>> find_hot_pixels(events)
        array([[4, 0]])
    """
    counts = count_events(events)
    if not counts.size:
        return np.empty((0, 2), int)
    fires = np.zeros((*counts.shape, PARTS), bool)
    fires[events["y"], events["x"], _part(events["t"])] = True
    parts = fires.sum(axis=2)
    often = np.sqrt(counts * parts)
    at_random = PARTS * (1 - (1 - 1 / PARTS) ** counts)
    y, x = np.nonzero((often > FEW) & (parts > STEADY * at_random))
    around = np.pad(often, 2, "reflect")[y[:, None] + AROUND[0], x[:, None] + AROUND[1]]
    around.sort(axis=1)
    hot, scattered = (often[y, x] > FEW + 1.7 * around[:, rank] for rank in (-6, 6))
    if scattered.sum() > counts.size / 4:
        hot = scattered
    y, x = y[hot], x[hot]
    return np.stack([x, y], axis=1)[np.argsort(-counts[y, x], kind="stable")]


def _part(t: np.ndarray) -> np.ndarray:
    """Return in which of 50 equally long parts each time lies."""
    return (t - t[0]) * PARTS // (int(t[-1] - t[0]) + 1)


def _whole(stamps: np.ndarray) -> tuple[np.ndarray, float]:
    """Return times as whole numbers, and by what they were multiplied for it, as far as known."""
    if stamps.dtype.kind in "iuf" and 2**53 < stamps.max(initial=0) < 2**63:  # ns since 1970
        return stamps.astype(np.int64) - int(stamps[0]), 1e-3
    if stamps.dtype.kind != "f" or not np.isfinite(stamps).all() or not (stamps % 1).any():
        return stamps.astype(np.int64) if stamps.dtype.kind == "u" else stamps, 1
    scaled = {factor: stamps.astype(float) * factor for factor in (1e3, 1e6)}
    in_ms, in_s = (np.abs(each - np.rint(each)).max() < 0.25 for each in scaled.values())
    factor = 1e6 if in_s and not in_ms else 1e3
    return np.rint(scaled[factor]), factor


def _continued(times: np.ndarray) -> tuple[np.ndarray, int, np.ndarray]:
    """Go on counting where a counter overflowed; also return its bits, and at which events."""
    for bits in (16, 24, 32):
        step = np.diff(times) + 2**bits
        if ((step >= 0) & (step < 2**bits >> 4)).any():
            places = np.flatnonzero(step < 2**bits >> 1) + 1
            again = np.isin(np.arange(len(times)), places).cumsum()
            return times + again * 2**bits, bits, places
    return times, 0, np.empty(0, int)


def _unit(count: int, pixels: int, duration: int, gap: int) -> float:
    """Say by what times are to be multiplied, so that a camera could have sent so many events.

    A pixel sends at most 10,000 events per s, and cameras, whose pixels share a bus, about five
    millions and 250 per pixel. Recordings last for more than 1 ms, and few have a hundred events
    within more than 5 s without having one in each ms.
    """
    if count > min(0.01 * pixels, 5 + pixels / 4000) * duration or (
        count >= SOME and duration < 1000
    ):
        return 1e3 if duration >= 10 and count < 0.5 * pixels * duration else 1e6
    return 1e-3 if SOME <= count < (duration - gap) / 1000 and duration - gap > 5e6 else 1


def _of_order(
    stamps: np.ndarray, times: np.ndarray, bits: int, overflows: np.ndarray
) -> Iterator[str]:
    """Say where times leap, as they are in the file and as they go on."""
    steps = np.diff(times)
    for leaps, what, remedy in (
        (overflows, f"a counter of {bits} bits overflowed", f"add 2**{bits} µs from there on"),
        (np.flatnonzero(steps > PAUSE) + 1, "times leap by hours", "leave out wrong times"),
        (np.flatnonzero(steps < 0) + 1, "times run backwards", "sort the events by time"),
    ):
        for n in leaps[:1]:
            more = f" and {len(leaps) - 1} times more" if len(leaps) > 1 else ""
            yield f"{what} at event {n} (from {stamps[n - 1]} to {stamps[n]}){more}; {remedy}"


def _of_times(t: np.ndarray, scaled: float, pixels: int) -> Iterator[str]:
    """Say what is odd in times that count from the first, and were multiplied to be whole."""
    duration, gaps, count = int(t[-1]), np.diff(t), len(t)
    if duration == 0:
        yield f"{count} events, all at the same time; record for longer"
        return
    longest = int(gaps.max())
    unit = 1.0 if scaled < 1 else _unit(count, pixels, duration, longest)
    factor = min(1e6, scaled * unit)
    if (factor, scaled) != (1, 1):
        remedy = UNITS.get(factor, "round the times to whole µs")
        yield f"{count} events within {duration / max(scaled, 1):g} can hardly be in µs; {remedy}"
    elif count >= SOME and (tick := int(np.gcd.reduce(gaps))) >= COARSE:
        steps = f"the clock's steps are {tick / 1000:g} ms, so bins below that stay empty"
        yield f"{steps}; choose --time-window {tick} or a multiple of it"
    if longest > max(GAP, duration / 10):
        gap = f"nothing for {longest / 1000:g} ms from {t[gaps.argmax()] / 1000:g} ms on"
        yield f"{gap}; cut the recording there, or look whether the camera dropped events"
    starts = np.flatnonzero(np.diff(t, prepend=-1))
    sizes = np.diff(starts, append=count)
    if (most := int(sizes.max())) > max(SOME, count / 100, BURST * np.median(sizes)):
        when = f"at once, at {t[starts[sizes.argmax()]] / 1000:g} ms"
        yield f"{most} of {count} events come {when}; cut them off, they show no motion"


def _of_pixels(events: np.ndarray, image: np.ndarray, hot: np.ndarray) -> Iterator[str]:
    """Say what is odd in places and polarities."""
    if not image.size:
        far = " and ".join(f"{axis} = {events[axis].max()}" for axis in "xy")
        beyond = f"events lie as far away as {far}, beyond any sensor"
        yield f"{beyond}; leave out those whose coordinates are wrong"
    if len(hot):
        share = f"have {100 * image[hot[:, 1], hot[:, 0]].sum() / len(events):.2g}% of the events"
        where = ", ".join(f"({x}, {y})" for x, y in hot[:SHOWN]) + ", ..." * (len(hot) > SHOWN)
        yield f"hot pixels, {len(hot)} in all, {where}, {share}; leave them out by `clean`"
    if len(hot) > image.size / 4:
        many = f"{len(hot) / image.size:.0%} of all pixels are hot"
        yield f"{many}; look at the camera's thresholds, and record again"
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
    if found.image.size:  # no pixels where a wrong coordinate claims too many
        image.imshow(np.log1p(found.image), cmap="Greys")
    image.set_title("events per pixel, as log(1 + events)")
    middles = (np.arange(len(found.rate)) + 0.5) / len(found.rate)
    rate.step(middles * found.numbers["duration (ms)"], found.rate, where="mid", color="black")
    rate.set(xlabel="time (ms)", ylabel="events per ms", ylim=(0, None))
    return figure
