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


CHANGES: dict[str, Perturbation] = {
    "time shuffled": perturbations.shuffled_time,
    "time reversed": reversed_time,
    "polarities merged": perturbations.merge_polarities,
}
DISTURBANCES: tuple[tuple[str, int, Callable[..., Recordings]], ...] = (
    ("dropped events (%)", 90, drop_events),
    ("time jitter (ms)", 10, time_jitter),
)
