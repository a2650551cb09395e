"""More recordings with something taken away, added or moved, and the changes of chapter 7."""

from collections.abc import Callable

import numpy as np

from pokersnn_helpers import Recordings
from pokersnn_helpers.study import perturbations
from pokersnn_helpers.study.estimators import Perturbation
from pokersnn_helpers.study.perturbations import apply, replaced, reversed_time


def forwards_and_backwards(recordings: Recordings) -> Recordings:
    """Return all recordings, and then the time reversal of each, as two classes."""
    backwards = reversed_time(recordings)
    events = [*recordings.events, *backwards.events]
    targets = [0] * len(recordings) + [1] * len(recordings)
    return Recordings(events, targets, ("forwards", "backwards"), recordings.sensor_size)


def one_frame(recordings: Recordings) -> Recordings:
    """Keep the events of the time bin of 1 ms that has the most."""

    def keep_fullest(events: np.ndarray) -> np.ndarray:
        time = events["t"] - events["t"][0]
        bins = time // 1000
        fullest = np.bincount(bins).argmax()
        return events[bins == fullest]

    return apply(keep_fullest, recordings)


def without_start(recordings: Recordings) -> Recordings:
    """Take away the first 12 ms of each recording."""

    def drop(events: np.ndarray) -> np.ndarray:
        return events[events["t"] >= events["t"][0] + 12_000]

    return apply(drop, recordings)


def uniform_noise(recordings: Recordings, percent: float, seed: int = 0) -> Recordings:
    """Add events at random times, pixels and polarities, so many per 100 that there are."""
    rng = np.random.default_rng(seed)

    def add(events: np.ndarray) -> np.ndarray:
        count = round(percent / 100 * len(events))
        noise = np.empty(count, dtype=events.dtype)
        noise["t"] = rng.integers(events["t"][0], events["t"][-1] + 1, count)
        for field, size in zip("xyp", recordings.sensor_size, strict=True):
            noise[field] = rng.integers(size, size=count)
        return np.concatenate([events, noise])

    return apply(add, recordings)


def drop_events(recordings: Recordings, percent: float, seed: int = 0) -> Recordings:
    """Drop so many of 100 events at random; a recording keeps at least the first."""
    rng = np.random.default_rng(seed)

    def drop(events: np.ndarray) -> np.ndarray:
        stays = rng.random(len(events)) >= percent / 100
        kept = events[stays]
        return kept if len(kept) else events[:1]

    return apply(drop, recordings)


def time_jitter(recordings: Recordings, ms: float, seed: int = 0) -> Recordings:
    """Move each event in time by a normal random number of this standard deviation."""
    rng = np.random.default_rng(seed)

    def jitter(events: np.ndarray) -> np.ndarray:
        late = np.rint(rng.normal(0, 1000 * ms, len(events)))
        moved = events["t"] + late.astype(np.int64)
        return replaced(events, t=moved)

    return apply(jitter, recordings)


def shifted(recordings: Recordings, pixels: int, seed: int = 0) -> Recordings:
    """Shift each recording left, right, up or down, as drawn; what leaves the sensor is lost."""
    rng = np.random.default_rng(seed)

    def shift(events: np.ndarray) -> np.ndarray:
        step = rng.choice([-pixels, pixels])
        axis = "xy"[rng.integers(2)]
        moved = replaced(events, **{axis: events[axis] + step})
        return _on_sensor(moved, recordings)

    return apply(shift, recordings)


def rotated(recordings: Recordings, degrees: float) -> Recordings:
    """Turn each recording clockwise about the centre of the sensor, to the nearest pixel.

    Events that leave the sensor are lost. By 180° a recording stands upside down; what moved down
    then moves up.
    """
    angle = np.deg2rad(degrees)
    cosine = np.cos(angle)
    sine = np.sin(angle)
    width, height, _ = recordings.sensor_size
    x_centre = width / 2 - 0.5
    y_centre = height / 2 - 0.5

    def rotate(events: np.ndarray) -> np.ndarray:
        x = events["x"] - x_centre
        y = events["y"] - y_centre
        new_x = np.rint(cosine * x - sine * y + x_centre)
        new_y = np.rint(sine * x + cosine * y + y_centre)  # which points down
        return _on_sensor(replaced(events, x=new_x, y=new_y), recordings)

    return apply(rotate, recordings)


def _on_sensor(events: np.ndarray, recordings: Recordings) -> np.ndarray:
    width, height, _ = recordings.sensor_size
    inside_x = (events["x"] >= 0) & (events["x"] < width)
    inside_y = (events["y"] >= 0) & (events["y"] < height)
    return events[inside_x & inside_y]


CHANGES: dict[str, Perturbation] = {
    "time shuffled": perturbations.shuffled_time,
    "time reversed": reversed_time,
    "polarities merged": perturbations.merge_polarities,
    "fullest ms only": one_frame,
}
DISTURBANCES: tuple[tuple[str, int, Callable[..., Recordings]], ...] = (
    ("noise (% of events)", 50, uniform_noise),
    ("noise (% of events)", 100, uniform_noise),
    ("dropped events (%)", 90, drop_events),
    ("time jitter (ms)", 10, time_jitter),
    ("shift (pixels)", 5, shifted),
    ("rotation (degrees)", 180, rotated),
)
