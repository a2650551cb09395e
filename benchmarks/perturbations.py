"""More recordings with something taken away, added or moved, for the benchmarks of chapter 7."""

from numbers import Integral, Real

import numpy as np

from pokersnn_helpers import Recordings
from pokersnn_helpers.checks import check_numbers, check_range, check_seed
from pokersnn_helpers.recordings import check_recordings
from pokersnn_helpers.study.perturbations import apply, replaced, reversed_time


def forwards_and_backwards(recordings: Recordings) -> Recordings:
    """Return all recordings, and then the time reversal of each, as two classes."""
    backwards = reversed_time(recordings)
    events = recordings.events + backwards.events
    targets = [0] * len(recordings) + [1] * len(recordings)
    return Recordings(events, targets, ("forwards", "backwards"), recordings.sensor_size)


def one_polarity(recordings: Recordings, polarity: int = 1) -> Recordings:
    """Keep the events of one polarity, 1 for ON or 0 for OFF; of a recording without, the first."""
    check_recordings(recordings)
    if polarity not in range(recordings.sensor_size[2]):
        raise ValueError(f"polarity is {polarity!r}, but the sensor is {recordings.sensor_size}")
    return apply(lambda events: _some(events, events["p"] == polarity), recordings)


def one_frame(recordings: Recordings, time_window: float = 1000) -> Recordings:
    """Keep the events of the time bin, ``time_window`` µs wide, that has the most."""
    check_numbers(Real, time_window=time_window)

    def keep_fullest(events: np.ndarray) -> np.ndarray:
        bins = (events["t"] - events["t"][0]) // time_window
        numbers, counts = np.unique(bins, return_counts=True)
        return events[bins == numbers[counts.argmax()]]

    return apply(keep_fullest, recordings)


def uniform_noise(recordings: Recordings, share: float, seed: int = 0) -> Recordings:
    """Add events at random times, pixels and polarities, a share of those that there are."""
    check_range(0, 100, share=share)
    rng = np.random.default_rng(check_seed(seed))

    def add(events: np.ndarray) -> np.ndarray:
        noise = np.empty(round(share * len(events)), dtype=events.dtype)
        noise["t"] = rng.integers(events["t"][0], events["t"][-1] + 1, len(noise))
        for field, size in zip("xyp", recordings.sensor_size, strict=True):
            noise[field] = rng.integers(size, size=len(noise))
        return np.concatenate([events, noise])

    return apply(add, recordings)


def drop_events(recordings: Recordings, share: float, seed: int = 0) -> Recordings:
    """Drop each event with a probability of ``share``; a recording keeps at least the first."""
    check_range(0, 1, share=share)
    rng = np.random.default_rng(check_seed(seed))
    return apply(lambda events: _some(events, rng.random(len(events)) >= share), recordings)


def time_jitter(recordings: Recordings, deviation: float, seed: int = 0) -> Recordings:
    """Move each event in time by a normal random number of this standard deviation in µs."""
    check_range(0, 2**40, deviation=deviation)  # µs: some days
    rng = np.random.default_rng(check_seed(seed))

    def jitter(events: np.ndarray) -> np.ndarray:
        moved = np.rint(rng.normal(0, deviation, len(events))).astype(events["t"].dtype)
        return replaced(events, t=events["t"] + moved)

    return apply(jitter, recordings)


def shifted(recordings: Recordings, pixels: int, seed: int = 0) -> Recordings:
    """Shift each recording left, right, up or down, as drawn; what leaves the sensor is lost."""
    check_numbers(Integral, pixels=pixels)
    check_range(0, 2**20, pixels=pixels)
    rng = np.random.default_rng(check_seed(seed))

    def shift(events: np.ndarray) -> np.ndarray:
        step = rng.choice([-pixels, pixels])
        axis = "xy"[rng.integers(2)]
        return _on_sensor(replaced(events, **{axis: events[axis] + step}), recordings)

    return apply(shift, recordings)


def rotated(recordings: Recordings, degrees: float) -> Recordings:
    """Turn each recording clockwise about the centre of the sensor, to the nearest pixel.

    Events that leave the sensor are lost. By 180° a recording stands upside down; what moved down
    then moves up.
    """
    check_recordings(recordings)
    check_range(-360, 360, degrees=degrees)
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    x_centre, y_centre = (size / 2 - 0.5 for size in recordings.sensor_size[:2])

    def rotate(events: np.ndarray) -> np.ndarray:
        x, y = events["x"] - x_centre, events["y"] - y_centre
        new_x = np.rint(cosine * x - sine * y + x_centre)
        new_y = np.rint(sine * x + cosine * y + y_centre)  # which points down
        return _on_sensor(replaced(events, x=new_x, y=new_y), recordings)

    return apply(rotate, recordings)


def _some(events: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return events[mask] if mask.any() else events[:1]  # no recording is empty


def _on_sensor(events: np.ndarray, recordings: Recordings) -> np.ndarray:
    width, height, _ = recordings.sensor_size
    inside = (events["x"] >= 0) & (events["x"] < width)
    inside &= (events["y"] >= 0) & (events["y"] < height)
    if not inside.any():
        raise ValueError("no event of a recording is left on the sensor; move it less")
    return events[inside]
