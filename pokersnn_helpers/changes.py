"""Recordings with something taken away, added or moved, to find out what a classifier uses.

Each function returns new ``Recordings`` and leaves the given ones alone. What is drawn at random
depends on ``seed`` only.
"""

from collections.abc import Callable

import numpy as np

from .recordings import Recordings


def _changed(recordings: Recordings, change: Callable[[np.ndarray], np.ndarray]) -> Recordings:
    """Apply a change to a copy of each recording's events, and put them in order of time again."""
    events = [change(recording.copy()) for recording in recordings.events]
    ordered = [recording[np.argsort(recording["t"], kind="stable")] for recording in events]
    return Recordings(ordered, recordings.targets, recordings.classes, recordings.sensor_size)


def _kept(events: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the events of a mask, or the first event if it has none: no recording is empty."""
    return events[mask] if mask.any() else events[:1]


def shuffled_time(recordings: Recordings, seed: int = 0) -> Recordings:
    """Permute the times within each recording; an event keeps its pixel and its polarity.

    The sum over time stays what it is, and so does the number of events in each time bin.
    """
    rng = np.random.default_rng(seed)

    def shuffle(events: np.ndarray) -> np.ndarray:
        events["t"] = rng.permutation(events["t"])
        return events

    return _changed(recordings, shuffle)


def reversed_time(recordings: Recordings) -> Recordings:
    """Let each recording run backwards: an event's time t becomes first + last − t.

    The polarity stays, although a scene that really ran backwards would turn ON events into OFF
    events: only the order in time is to differ. So the sum over time stays what it is.
    """

    def reverse(events: np.ndarray) -> np.ndarray:
        events["t"] = events["t"][0] + events["t"][-1] - events["t"]
        return events[::-1]

    return _changed(recordings, reverse)


def forwards_and_backwards(recordings: Recordings) -> Recordings:
    """Return all recordings, and then the time reversal of each, as two classes."""
    events = recordings.events + reversed_time(recordings).events
    targets = [0] * len(recordings) + [1] * len(recordings)
    return Recordings(events, targets, ("forwards", "backwards"), recordings.sensor_size)


def merged_polarities(recordings: Recordings) -> Recordings:
    """Make every event an ON event."""

    def merge(events: np.ndarray) -> np.ndarray:
        events["p"] = 1
        return events

    return _changed(recordings, merge)


def one_polarity(recordings: Recordings, polarity: int = 1) -> Recordings:
    """Keep the events of one polarity: 1 for ON, 0 for OFF."""
    return _changed(recordings, lambda events: _kept(events, events["p"] == polarity))


def one_frame(recordings: Recordings, time_window: float = 1000) -> Recordings:
    """Keep the events of the time bin, ``time_window`` µs wide, that has the most."""

    def keep_fullest(events: np.ndarray) -> np.ndarray:
        bins = ((events["t"] - events["t"][0]) // time_window).astype(int)
        return events[bins == np.bincount(bins).argmax()]

    return _changed(recordings, keep_fullest)


def with_noise(recordings: Recordings, share: float, seed: int = 0) -> Recordings:
    """Add events at random times, pixels and polarities.

    Args:
        recordings: To change.
        share: Events to add, as a share of those that a recording has.
        seed: Fixes what is drawn.
    """
    rng = np.random.default_rng(seed)

    def add(events: np.ndarray) -> np.ndarray:
        noise = np.empty(round(share * len(events)), dtype=events.dtype)
        noise["t"] = rng.integers(events["t"][0], events["t"][-1] + 1, len(noise))
        for field, size in zip("xyp", recordings.sensor_size, strict=True):
            noise[field] = rng.integers(size, size=len(noise))
        return np.concatenate([events, noise])

    return _changed(recordings, add)


def with_dropped_events(recordings: Recordings, share: float, seed: int = 0) -> Recordings:
    """Drop each event with a probability of ``share``."""
    rng = np.random.default_rng(seed)
    return _changed(recordings, lambda events: _kept(events, rng.random(len(events)) >= share))


def with_jitter(recordings: Recordings, deviation: float, seed: int = 0) -> Recordings:
    """Move each event in time by a normally distributed number.

    Args:
        recordings: To change.
        deviation: Standard deviation in µs.
        seed: Fixes what is drawn.
    """
    rng = np.random.default_rng(seed)

    def jitter(events: np.ndarray) -> np.ndarray:
        events["t"] += np.rint(rng.normal(0, deviation, len(events))).astype(events["t"].dtype)
        return events

    return _changed(recordings, jitter)


def shifted(recordings: Recordings, pixels: int, seed: int = 0) -> Recordings:
    """Shift each recording left, right, up or down, as drawn at random.

    Events that leave the sensor are lost.
    """
    rng = np.random.default_rng(seed)

    def shift(events: np.ndarray) -> np.ndarray:
        step = rng.choice([-pixels, pixels])
        moved = events.copy()
        moved["xy"[rng.integers(2)]] += step
        return _on_sensor(moved, recordings)

    return _changed(recordings, shift)


def rotated(recordings: Recordings, degrees: float) -> Recordings:
    """Turn each recording clockwise about the centre of the sensor, to the nearest pixel.

    Events that leave the sensor are lost. By 180° a recording stands upside down; what moved down
    then moves up.
    """
    turn = np.deg2rad(degrees)
    cosine, sine = np.cos(turn), np.sin(turn)
    x_centre, y_centre = (size / 2 - 0.5 for size in recordings.sensor_size[:2])

    def rotate(events: np.ndarray) -> np.ndarray:
        x, y = events["x"] - x_centre, events["y"] - y_centre
        events["x"] = np.rint(cosine * x - sine * y + x_centre)
        events["y"] = np.rint(sine * x + cosine * y + y_centre)  # which points down
        return _on_sensor(events, recordings)

    return _changed(recordings, rotate)


def _on_sensor(events: np.ndarray, recordings: Recordings) -> np.ndarray:
    width, height, _ = recordings.sensor_size
    inside = (events["x"] >= 0) & (events["x"] < width)
    inside &= (events["y"] >= 0) & (events["y"] < height)
    if not inside.any():
        raise ValueError("no event of a recording is left on the sensor; move it less")
    return events[inside]
