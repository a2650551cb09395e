"""Recordings with something taken away, added or moved, to find out what a classifier uses.

Each function returns new ``Recordings`` and leaves the given ones alone. What is drawn at random
depends on ``seed`` only. Names are those of Tonic's transforms, where it has such a one.
"""

from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np

from ..checks import check_range, check_seed, check_time_window
from ..recordings import Recordings, check_recordings


def _apply(change: Callable[[np.ndarray], np.ndarray], recordings: Recordings) -> Recordings:
    """Apply a change to the events of each recording, and sort them by time again."""
    check_recordings(recordings)
    changed = [change(events) for events in recordings.events]
    ordered = [events[np.argsort(events["t"], kind="stable")] for events in changed]
    return Recordings(ordered, recordings.targets, recordings.classes, recordings.sensor_size)


def _with(events: np.ndarray, **fields: Any) -> np.ndarray:
    """Return a copy of events with other times, pixels or polarities."""
    events = events.copy()
    for field, values in fields.items():
        events[field] = values
    return events


def shuffled_time(recordings: Recordings, seed: int = 0) -> Recordings:
    """Permute the times within each recording; an event keeps its pixel and its polarity.

    The sum over time stays what it is, and so does the number of events in each time bin.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> before, after = some.events[0], shuffled_time(some).events[0]
        >>> bool((before["t"] == after["t"]).all()), bool((before["x"] == after["x"]).all())
        (True, False)
    """
    rng = np.random.default_rng(check_seed(seed))
    return _apply(lambda events: _with(events, t=rng.permutation(events["t"])), recordings)


def reversed_time(recordings: Recordings) -> Recordings:
    """Let each recording run backwards: an event's time t becomes first + last − t.

    The polarity stays, although a scene that really ran backwards would turn ON events into OFF
    events: only the order in time is to differ. So the sum over time stays what it is.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> first, last = some.events[0][0], reversed_time(some).events[0][-1]
        >>> bool(first["x"] == last["x"] and first["y"] == last["y"])
        True
    """

    def reverse(events: np.ndarray) -> np.ndarray:
        times = events["t"]
        return _with(events, t=times[0] + times[-1] - times)[::-1]

    return _apply(reverse, recordings)


def forwards_and_backwards(recordings: Recordings) -> Recordings:
    """Return all recordings, and then the time reversal of each, as two classes.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> forwards_and_backwards(some)
        4 recordings of 35 × 35 pixels: forwards, backwards
    """
    backwards = reversed_time(recordings)
    events = recordings.events + backwards.events
    targets = [0] * len(recordings) + [1] * len(recordings)
    return Recordings(events, targets, ("forwards", "backwards"), recordings.sensor_size)


def merge_polarities(recordings: Recordings) -> Recordings:
    """Make every event an ON event, the last of the sensor's polarities.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> set(merge_polarities(some).events[0]["p"].tolist())
        {1}
    """
    return _apply(lambda events: _with(events, p=recordings.sensor_size[2] - 1), recordings)


def flip_polarities(recordings: Recordings) -> Recordings:
    """Turn ON into OFF events and OFF into ON events, as in a negative; times stay.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> bool((flip_polarities(some).events[0]["p"] + some.events[0]["p"] == 1).all())
        True
    """
    last = recordings.sensor_size[2] - 1
    return _apply(lambda events: _with(events, p=last - events["p"]), recordings)


def one_polarity(recordings: Recordings, polarity: int = 1) -> Recordings:
    """Keep the events of one polarity, 1 for ON or 0 for OFF; of a recording without, the first.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> set(one_polarity(some, polarity=0).events[0]["p"].tolist())
        {0}
    """
    check_recordings(recordings)
    if not isinstance(polarity, Integral) or polarity not in range(recordings.sensor_size[2]):
        raise ValueError(f"polarity is {polarity!r}, but the sensor is {recordings.sensor_size}")
    return _apply(lambda events: _some(events, events["p"] == polarity), recordings)


def one_frame(recordings: Recordings, time_window: float = 1000) -> Recordings:
    """Keep the events of the time bin, ``time_window`` µs wide, that has the most.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> bool(np.ptp(one_frame(some).events[0]["t"]) < 1000)
        True
    """
    check_time_window(time_window)

    def keep_fullest(events: np.ndarray) -> np.ndarray:
        bins = (events["t"] - events["t"][0]) // time_window
        numbers, counts = np.unique(bins, return_counts=True)
        return events[bins == numbers[counts.argmax()]]

    return _apply(keep_fullest, recordings)


def uniform_noise(recordings: Recordings, share: float, seed: int = 0) -> Recordings:
    """Add events at random times, pixels and polarities, a share of those that there are.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> round(len(uniform_noise(some, share=0.5).events[0]) / len(some.events[0]), 1)
        1.5
    """
    check_range(0, 100, share=share)
    rng = np.random.default_rng(check_seed(seed))

    def add(events: np.ndarray) -> np.ndarray:
        noise = np.empty(round(share * len(events)), dtype=events.dtype)
        noise["t"] = rng.integers(events["t"][0], events["t"][-1] + 1, len(noise))
        for field, size in zip("xyp", recordings.sensor_size, strict=True):
            noise[field] = rng.integers(size, size=len(noise))
        return np.concatenate([events, noise])

    return _apply(add, recordings)


def drop_events(recordings: Recordings, share: float, seed: int = 0) -> Recordings:
    """Drop each event with a probability of ``share``; a recording keeps at least the first.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> len(drop_events(some, share=0.9).events[0]) < 0.2 * len(some.events[0])
        True
    """
    check_range(0, 1, share=share)
    rng = np.random.default_rng(check_seed(seed))
    return _apply(lambda events: _some(events, rng.random(len(events)) >= share), recordings)


def time_jitter(recordings: Recordings, deviation: float, seed: int = 0) -> Recordings:
    """Move each event in time by a normal random number of this standard deviation in µs.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> len(time_jitter(some, deviation=1000).events[0]) == len(some.events[0])
        True
    """
    check_range(0, 2**40, deviation=deviation)  # µs: some days
    rng = np.random.default_rng(check_seed(seed))

    def jitter(events: np.ndarray) -> np.ndarray:
        moved = np.rint(rng.normal(0, deviation, len(events))).astype(events["t"].dtype)
        return _with(events, t=events["t"] + moved)

    return _apply(jitter, recordings)


def shifted(recordings: Recordings, pixels: int, seed: int = 0) -> Recordings:
    """Shift each recording left, right, up or down, as drawn; what leaves the sensor is lost.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> len(shifted(some, pixels=2).events[0]) <= len(some.events[0])
        True
    """
    check_range(0, 2**20, pixels=pixels)
    if not isinstance(pixels, Integral):
        raise ValueError(f"pixels is {pixels!r}; choose a whole number")
    rng = np.random.default_rng(check_seed(seed))

    def shift(events: np.ndarray) -> np.ndarray:
        step = rng.choice([-pixels, pixels])
        axis = "xy"[rng.integers(2)]
        return _on_sensor(_with(events, **{axis: events[axis] + step}), recordings)

    return _apply(shift, recordings)


def rotated(recordings: Recordings, degrees: float) -> Recordings:
    """Turn each recording clockwise about the centre of the sensor, to the nearest pixel.

    Events that leave the sensor are lost. By 180° a recording stands upside down; what moved down
    then moves up.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> (rotated(some, 180).events[0]["x"][0] + some.events[0]["x"][0]).item()  # x of the last
        34
    """
    check_recordings(recordings)
    check_range(-360, 360, degrees=degrees)
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    x_centre, y_centre = (size / 2 - 0.5 for size in recordings.sensor_size[:2])

    def rotate(events: np.ndarray) -> np.ndarray:
        x, y = events["x"] - x_centre, events["y"] - y_centre
        new_x = np.rint(cosine * x - sine * y + x_centre)
        new_y = np.rint(sine * x + cosine * y + y_centre)  # which points down
        return _on_sensor(_with(events, x=new_x, y=new_y), recordings)

    return _apply(rotate, recordings)


def _some(events: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return events[mask] if mask.any() else events[:1]  # no recording is empty


def _on_sensor(events: np.ndarray, recordings: Recordings) -> np.ndarray:
    width, height, _ = recordings.sensor_size
    inside = (events["x"] >= 0) & (events["x"] < width)
    inside &= (events["y"] >= 0) & (events["y"] < height)
    if not inside.any():
        raise ValueError("no event of a recording is left on the sensor; move it less")
    return events[inside]
