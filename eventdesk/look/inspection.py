"""Look at a recording before anything is trained on it: what is in it, and what to do about it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.lib.stride_tricks import sliding_window_view

from pokersnn_helpers.events.recordings import PackedRecording, smallest_sensor
from pokersnn_helpers.events.units import ENOUGH_EVENTS, UNITS, likely_factor
from pokersnn_helpers.system.checks import MAX_TIME, SensorSize, check_events, errors_in
from pokersnn_helpers.system.writing import StrPath

from ..files.camera_files import unwrapped
from ..files.event_files import (
    ANY_SENSOR,
    find_restarts,
    is_whole,
    read_unchecked,
)
from .copies import digest, signature

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PARTS = 50  # of the duration, in each of which events are counted
CAMERA_PIXELS = 2**21  # no sensor has more
PAUSE = 10_000  # µs without an event, and a tenth of the duration, from which on it is odd
COARSE_TICK = 100  # µs: a clock's steps, from which on bins may be narrower
BURST_SHARE = 0.01  # of the events at the same time, from which on they show no motion,
BURST_FACTOR = 20  # where that is so many times as many as usual
FEW_ON = 0.1  # of the events: fewer, or as few OFF events, come from bad thresholds
# A pixel's activity is the geometric mean of two numbers: its events, and the parts of the duration
# in which it has some.
HOT_ACTIVITY = 10  # a hot pixel's activity is higher,
HOT_FACTOR = 1.7  # and more than so many times as high as that of most pixels around
STEADINESS = 0.7  # it has events in so large a share of the parts that random times would lie in
AROUND = 24  # pixels around one, in a square of five by five
RIVALS = 5  # pixels around a hot one, at most, that are about as active
QUIETEST = 1 / 4  # of the pixels around: where many pixels stand out from so many, these are hot
MANY = 1 / 4  # of all pixels, from which on hot ones are a fault of the thresholds
MAX_HOT_EVENTS = 0.5  # share in hot pixels, beyond which what is left is another recording
LISTED = 8  # hot pixels, at most, in a sentence


class Inspection(NamedTuple):
    r"""What ``inspect_file`` found in a file.

    Attributes:
        numbers: What was counted and measured, by name.
        rate: Events per ms in each of 50 parts of the duration, which are equally long.
        image: Events per pixel, (height, width).
        hot_pixels: Their x and y, (pixels, 2), as ``find_hot_pixels`` returns them.
        advice: A sentence for each thing that is odd: what, where, and after the last semicolon
            what to do.
        signature: The numbers by which copies of the recording are found; see ``signature``.
        digest: The hash by which exact ones are; see ``digest``.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("two.csv").write_text("t,x,y,p\n0,0,0,1\n2000,0,0,1\n")
        >>> inspection = inspect_file("two.csv")
        >>> inspection.image, len(inspection.advice)
        (array([[2]]), 1)
    """

    numbers: dict[str, Any]
    rate: ndarray
    image: ndarray
    hot_pixels: ndarray
    advice: list[str]
    signature: ndarray
    digest: bytes


class About(NamedTuple):
    """What is known of a file whose events have been brought into order."""

    sensor_size: SensorSize | None
    scale: float  # the factor that made times whole
    in_ns: bool  # since 1970, as a computer's clock counts
    backwards: int  # events, at which times ran backwards
    advice: list[str]


class Disorder(NamedTuple):
    """A way in which times are out of order."""

    at: ndarray  # whether they are, at each event
    what: str
    remedy: str


@np.errstate(invalid="ignore")  # of infinite times, which are refused
def inspect_file(path: StrPath) -> Inspection:
    """Inspect a file of events, in order or not.

    The times are those in the file, with three exceptions: where a counter of 16, 24 or 32 bits has
    overflowed, it is continued; where a clock began anew, it goes on from where it was; and times
    with fractions are converted to µs.

    Raises:
        ValueError: The events lie on more pixels than a camera has, or ``read_event_file`` refuses
            the file, whose other errors are raised, too.

    Example:
        >>> from pathlib import Path
        >>> _ = Path("odd.csv").write_text("t,x,y,p" + chr(10) + "5,0,0,1" + chr(10) + "3,1,0,1")
        >>> inspect_file("odd.csv").advice[0]
        'times run backwards at event 1 (from 5 to 3); sort the events by time'
    """
    table, about = _read_in_order(path)
    events = check_events(table, about.sensor_size or ANY_SENSOR, path)
    del table  # as large as the file
    with errors_in(path):
        by_polarity = event_image(events, about.sensor_size)
    hot_pixels = _hot_pixels(events)
    t = events["t"] - events["t"][0]
    duration = int(t[-1])
    counts, _ = np.histogram(t, PARTS)
    rate = 1000 * PARTS * counts / max(duration, 1)
    image = by_polarity.sum(axis=0)
    height, width = image.shape
    numbers = {
        **describe(by_polarity, duration),
        "highest rate (events/ms)": float(rate.max()),
        "width": width,
        "height": height,
        "hot pixels": len(hot_pixels),
        "longest gap (ms)": int(np.diff(t).max(initial=0)) / 1000,
        "times that run backwards": about.backwards,
    }
    advice = [
        *about.advice,
        *_advice_on_times(t, about.scale, about.in_ns, image.size),
        *_advice_on_pixels(events, image, hot_pixels),
    ]
    if not about.sensor_size:
        advice += ["the file doesn't say its sensor; give load_folder sensor_size, train --sensor"]
    return Inspection(numbers, rate, image, hot_pixels, advice, signature(events), digest(events))


def describe(image: ndarray, duration: float) -> dict[str, float]:
    """Describe a recording by a few numbers.

    An active pixel is one that sent at least one event. Events that all come at the same time have
    the rate that they would have within 1 µs, the shortest time that a time stamp tells.

    Args:
        image: Events by polarity, row and column, at least one.
        duration: From the first to the last of them, in µs.

    Example:
        >>> list(describe(np.array([[[2, 0]], [[1, 1]]]), 2000).values())
        [4, 2.0, 2.0, 0.5, 2]
    """
    events = int(image.sum())
    duration_ms = duration / 1000
    return {
        "events": events,
        "duration (ms)": duration_ms,
        "rate (events/ms)": events / max(duration_ms, 0.001),
        "ON share": float(image[1:].sum() / events),
        "active pixels": int(np.count_nonzero(image.any(axis=0))),
    }


def event_image(events: ndarray, sensor_size: SensorSize | None = None) -> ndarray:
    """Count the events of each pixel: (polarities, height, width).

    Raises:
        ValueError: There are more pixels than a camera has.

    Example:
        >>> from pokersnn_helpers import EVENT_DTYPE
        >>> event_image(np.zeros(3, EVENT_DTYPE), (2, 1, 1))
        array([[[3, 0]]])
    """
    sensor_size = sensor_size or smallest_sensor(events)
    width, height, _ = sensor_size
    if width * height > CAMERA_PIXELS:
        raise ValueError(
            f"its events take {width} × {height} pixels, more than any camera has; leave out those "
            "whose coordinates are wrong"
        )
    return PackedRecording.pack(events, sensor_size).image()


def find_hot_pixels(events: ndarray) -> ndarray:
    """Find pixels that fire all the time, and far more than those around them.

    A pixel at which a hand turns round also fires often, but only at that time, and its neighbours
    do so as well. Of the 24 pixels around a hot one, therefore, at most five may be hot themselves.
    There is one exception: if more than a quarter of all pixels stand out from the quietest quarter
    of their neighbours, all of these are hot.

    Args:
        events: Structured array with fields t (µs), x, y and p, sorted by time.

    Returns:
        x and y of each hot pixel, (pixels, 2), beginning with those that have the most events.

    Raises:
        ValueError: The events lie on more pixels than a camera has, or ``check_events`` refuses
            them.

    Example:
        >>> from pokersnn_helpers import EVENT_DTYPE
        >>> events = np.zeros(80, EVENT_DTYPE)
        >>> events["t"], events["x"] = range(80), 4
        >>> events["x"][:9] = range(9)
        >>> find_hot_pixels(events)
        array([[4, 0]])
    """
    return _hot_pixels(check_events(events, ANY_SENSOR))


def _hot_pixels(events: ndarray) -> ndarray:
    """Find hot pixels, as ``find_hot_pixels`` does, of events that are checked."""
    counts = event_image(events).sum(axis=0)
    part = events["t"] - events["t"][0]
    duration = part[-1]
    part *= PARTS  # in place, as there may be many
    part //= duration + 1
    fires = np.zeros((*counts.shape, PARTS), bool)
    fires[events["y"], events["x"], part] = True
    parts = fires.sum(axis=2)
    at_random = PARTS * (1 - (1 - 1 / PARTS) ** counts)  # parts in which random times would lie
    activity = np.sqrt(counts * parts)
    all_the_time = (activity > HOT_ACTIVITY) & (parts > STEADINESS * at_random)
    padded = np.pad(activity, 2, "reflect")
    around = sliding_window_view(padded, (5, 5))[all_the_time].reshape(-1, 25)
    quiet = HOT_ACTIVITY + HOT_FACTOR * around
    is_quieter = activity[all_the_time, None] > quiet  # the pixel itself never is
    quieter = np.count_nonzero(is_quieter, axis=1)
    is_hot = quieter >= AROUND - RIVALS
    is_scattered = quieter > QUIETEST * AROUND
    if np.count_nonzero(is_scattered) > MANY * counts.size:
        is_hot = is_scattered
    most_first = np.argsort(-counts[all_the_time][is_hot], kind="stable")
    return np.argwhere(all_the_time)[is_hot, ::-1][most_first]


def _read_in_order(path: StrPath) -> tuple[ndarray, About]:
    """Read a file and sort its events, unchecked, by times that go on where a clock didn't."""
    file = read_unchecked(path)
    stamps = file.events["t"]
    times, scale = _whole(stamps)
    times, disorders = _continued(times, stamps)
    _, restarts, backwards = disorders
    about = About(
        file.sensor_size,
        scale,
        bool((stamps[:1] > MAX_TIME).any()),
        int((restarts.at | backwards.at).sum()),
        list(_advice_on_order(stamps, disorders)),
    )
    columns = [times, *(file.events[field] for field in "xyp")]
    table = np.rec.fromarrays(columns, names="t,x,y,p")  # type: ignore[call-overload]
    if not _never_falls(times):
        table = table[np.argsort(times, kind="stable")]
    return table, about


def _never_falls(times: ndarray) -> bool:
    """Say whether times are in order, as most are, with little memory."""
    return bool((times[1:] >= times[:-1]).all())


def _whole(stamps: ndarray) -> tuple[ndarray, float]:
    """Return times as whole numbers, and the factor that made them whole."""
    if stamps.dtype.kind in "iu" or not (stamps % 1).any():
        whole = stamps.astype(np.int64)
        return whole - whole[:1], 1
    in_seconds = is_whole(1e6 * stamps) and not is_whole(1e3 * stamps)
    scale = 1e6 if in_seconds else 1e3
    return np.rint(scale * stamps), scale


def _continued(times: ndarray, stamps: ndarray) -> tuple[ndarray, list[Disorder]]:
    """Let times go on where a counter overflowed or a clock began anew; return also where that is.

    ``stamps`` are the times as they stand in the file.
    """
    bits = 0
    overflows = restarts = backwards = np.zeros(len(times), bool)
    if not _never_falls(times):
        bits, overflows = _find_overflows(stamps)
        times = times + 2**bits * overflows.cumsum()
        restarts = find_restarts(times)
        times = times - np.cumsum(restarts * np.diff(times, prepend=times[:1]))
        backwards = np.diff(times, prepend=times[:1]) < 0
    return times, [
        Disorder(
            overflows, f"a counter of {bits} bits overflowed", f"add 2**{bits} µs from there on"
        ),
        Disorder(restarts, "its clock begins anew", "cut the recording there"),
        Disorder(backwards, "times run backwards", "sort the events by time"),
    ]


def _find_overflows(stamps: ndarray) -> tuple[int, ndarray]:
    """Return how many bits a counter had, of 16, 24 or 32, and at which events it overflowed.

    A counter that overflows has no times beyond its bits. Its times fall only where it overflows,
    and at least once as if by a small step.
    """
    whole = stamps.astype(np.int64)
    steps = np.diff(whole, prepend=whole[:1])
    fits = len(whole) > 0 and not (stamps % 1).any() and whole.min() >= 0
    for bits in (16, 24, 32):
        overflows = steps < -(2 ** (bits - 1))
        falls = steps < -(2 ** (bits - 6))  # and not where two events changed places
        fits_bits = fits and whole.max() < 2**bits and (falls == overflows).all()
        if fits_bits and (unwrapped(whole, bits) != whole).any():
            return bits, overflows
    return 0, np.zeros(len(steps), bool)


def _advice_on_order(stamps: ndarray, disorders: list[Disorder]) -> Iterator[str]:
    """Say in which ways times are out of order, where each begins, and what to do."""
    for disorder in disorders:
        if disorder.at.any():
            number = disorder.at.argmax()
            before, after = stamps[number - 1 : number + 1]
            yield (
                f"{disorder.what} at event {number} (from {before} to {after}); {disorder.remedy}"
            )


def _advice_on_times(t: ndarray, scale: float, in_ns: bool, pixels: int) -> Iterator[str]:
    """Say what is odd in times.

    Args:
        t: Times from the first event on, in whole numbers.
        scale: The factor that made them whole.
        in_ns: Whether they count ns since 1970, as a computer's clock does.
        pixels: The number of pixels.
    """
    count = len(t)
    duration = t[-1]
    if duration == 0:
        yield f"{count} events, all at the same time; record for longer"
        return
    gaps = np.diff(t)
    gap = gaps.max()
    start = t[gaps.argmax()]
    tick = np.gcd.reduce(gaps)
    first = np.flatnonzero(np.append(True, gaps > 0)).astype(np.int32)  # of those that come at once
    del gaps  # which may be as large as the file
    at_once = np.diff(first, append=np.int32(count))
    factor = 1e-3 if in_ns else likely_factor(t, pixels, scale)
    if factor < scale and not in_ns:
        yield (
            f"{count} events in {duration / 1e6:.4g} s are fewer than one per ms; if their times "
            "are in ns, divide them by 1000"
        )
    elif factor != 1 or scale != 1:
        in_the_file = duration / scale
        remedy = UNITS.get(factor, "round the times to whole µs")
        yield f"{count} events within {in_the_file:.10g} can hardly be in µs; {remedy}"
    elif count >= ENOUGH_EVENTS and tick >= COARSE_TICK:
        yield (
            f"the clock's steps are {tick / 1000:.10g} ms, so bins below that stay empty; choose "
            f"--time-window {tick} or a multiple of it"
        )
    if gap > max(PAUSE, duration / 10):
        yield (
            f"nothing for {gap / 1000:.10g} ms from {start / 1000:.10g} ms on; cut the recording "
            "there, or look whether the camera dropped events"
        )
    most = at_once.max()
    if most > max(ENOUGH_EVENTS, BURST_SHARE * count, BURST_FACTOR * np.median(at_once)):
        when = t[first[at_once.argmax()]] / 1000
        yield (
            f"{most} of {count} events come at once, at {when:.10g} ms; cut them off, they show no "
            "motion"
        )


def _advice_on_pixels(events: ndarray, image: ndarray, hot_pixels: ndarray) -> Iterator[str]:
    """Say what is odd in places and polarities."""
    number = len(hot_pixels)
    if number > MANY * image.size:
        yield (
            f"{number} of {image.size} pixels are hot; look at the camera's thresholds, and record "
            "again"
        )
    elif number:
        x, y = hot_pixels.T
        share = image[y, x].sum() / len(events)
        places = ", ".join(map(str, map(tuple, hot_pixels[:LISTED].tolist())))
        more = f" and {number - LISTED} more" if number > LISTED else ""
        what = f"hot pixels, {number} in all, {places}{more}, have {share:.2%} of the events"
        remedy = "leave them out by `clean`"
        if share > MAX_HOT_EVENTS:
            remedy = "look whether they are what you recorded, or record again"
        yield f"{what}; {remedy}"
    share_on = events["p"].mean()
    merged = share_on in (0, 1)
    if not merged and not FEW_ON <= share_on <= 1 - FEW_ON:
        yield f"{share_on:.0%} are ON; look at the camera's thresholds, or merge polarities"


def plot_inspection(inspection: Inspection) -> "Figure":
    r"""Plot what ``inspect_file`` found: events per pixel, and the rate over time.

    Example:
        >>> from pathlib import Path
        >>> from eventdesk.look.inspection import inspect_file
        >>> _ = Path("one.csv").write_text("t,x,y,p\n0,0,0,1\n")
        >>> fig = plot_inspection(inspect_file("one.csv"))
    """
    import matplotlib.pyplot as plt  # which takes a second to import

    figure, (pixels, over_time) = plt.subplots(
        2, 1, figsize=(6, 6), height_ratios=(2, 1), layout="constrained"
    )
    pixels.imshow(np.log1p(inspection.image), cmap="Greys")
    pixels.set_title("events per pixel, as log(1 + events)")
    part_ms = inspection.numbers["duration (ms)"] / PARTS
    middles = part_ms * (np.arange(PARTS) + 0.5)
    over_time.step(middles, inspection.rate, where="mid", color="black")
    over_time.set(xlabel="time (ms)", ylabel="events per ms", ylim=(0, None))
    return figure
