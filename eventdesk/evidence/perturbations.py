"""Recordings with something taken away, added or moved, to find out what a classifier uses.

Each function returns new ``Recordings`` and leaves the given ones alone. What is drawn at random is
the same in every call. Names are those of Tonic's transforms, where it has such a one.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy import ndarray

from pokersnn_helpers.events.recordings import Recordings, check_recordings


def apply(change: Callable[[ndarray], ndarray], recordings: Recordings) -> Recordings:
    """Apply a change to the events of each recording, and sort them by time again."""
    check_recordings(recordings)

    def changed() -> Iterator[ndarray]:  # one after the other, since Recordings packs them
        for before in recordings.events:
            events = change(before)
            yield events[np.argsort(events["t"], kind="stable")]

    return Recordings(changed(), recordings.targets, recordings.classes, recordings.sensor_size)


def replaced(events: ndarray, **fields: Any) -> ndarray:
    """Return a copy of events with other times, pixels or polarities."""
    events = events.copy()
    for field, values in fields.items():
        events[field] = values
    return events


def shuffled_time(recordings: Recordings) -> Recordings:
    """Permute the times within each recording; an event keeps its pixel and its polarity.

    The sum over time doesn't change, and neither does the number of events in each time bin.
    Besides the order of events, this takes away the sharpness of single frames.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> before, after = some.events[0], shuffled_time(some).events[0]
        >>> bool((before["t"] == after["t"]).all()), bool((before["x"] == after["x"]).all())
        (True, False)
    """
    rng = np.random.default_rng(0)

    def shuffle(events: ndarray) -> ndarray:
        return replaced(events, t=rng.permutation(events["t"]))

    return apply(shuffle, recordings)


def reversed_time(recordings: Recordings) -> Recordings:
    """Let each recording run backwards: an event's time t becomes first + last − t.

    Each event keeps its polarity, so that nothing but the order in time changes. (A scene that
    really ran backwards would turn ON events into OFF events.) The sum over time doesn't change.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> first, last = some.events[0][0], reversed_time(some).events[0][-1]
        >>> bool(first["x"] == last["x"] and first["y"] == last["y"])
        True
    """

    def reverse(events: ndarray) -> ndarray:
        times = events["t"]
        return replaced(events, t=times[0] + times[-1] - times)[::-1]

    return apply(reverse, recordings)


def merge_polarities(recordings: Recordings) -> Recordings:
    """Make every event an ON event, the last of the sensor's polarities.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> set(merge_polarities(some).events[0]["p"].tolist())
        {1}
    """
    last = recordings.sensor_size[2] - 1
    return apply(lambda events: replaced(events, p=last), recordings)


def until(recordings: Recordings, ms: float) -> Recordings:
    """Keep the events of the first so many ms, at least one.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> [bool(events["t"][-1] < 4000) for events in until(some, 4).events]
        [True, True]
    """

    def cut(events: ndarray) -> ndarray:
        return events[: max(1, np.searchsorted(events["t"], 1000 * ms))]

    return apply(cut, recordings)
