"""Parts of recordings, and recordings without their times, which models see that tell shortcuts.

Each function returns new ``Recordings``, as those of ``perturbations`` do.
What is drawn at random is the same in every call.
"""

import numpy as np
from numpy import ndarray

from pokersnn_helpers.events.recordings import Recordings

from .perturbations import apply, replaced


def uniform_time(recordings: Recordings) -> Recordings:
    """Draw new times, all equally likely, within the median duration of these recordings.

    Only the sum over time stays what it is. The number of events in each time bin, which
    ``shuffled_time`` keeps, and how long a recording lasts say nothing any more.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> before, after = some.events[0], uniform_time(some).events[0]
        >>> sorted(before["x"]) == sorted(after["x"]), bool((before["t"] == after["t"]).all())
        (True, False)
    """
    rng = np.random.default_rng(0)
    last = int(np.median([np.ptp(events["t"]) for events in recordings.events]))

    def draw(events: ndarray) -> ndarray:
        return replaced(events, t=rng.integers(0, last, len(events), endpoint=True))

    return apply(draw, recordings)


def first_tenth(recordings: Recordings) -> Recordings:
    """Keep the first tenth of each recording's events, at least one.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> [len(each) // 10 for each in some.events] == [len(e) for e in first_tenth(some).events]
        True
    """
    return apply(lambda events: events[: _tenth(events)], recordings)


def any_tenth(recordings: Recordings) -> Recordings:
    """Keep a tenth of each recording's events that follow one another, from any of them on.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> [len(events) for events in any_tenth(some).events] == [
        ...     len(events) for events in first_tenth(some).events
        ... ]
        True
    """
    rng = np.random.default_rng(0)

    def cut(events: ndarray) -> ndarray:
        count = _tenth(events)
        first = rng.integers(len(events) - count + 1)
        return events[first : first + count]

    return apply(cut, recordings)


def last_tenth(recordings: Recordings) -> Recordings:
    """Keep the last tenth of each recording's events, at least one.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> [bool(last_tenth(some).events[n][-1] == some.events[n][-1]) for n in range(2)]
        [True, True]
    """
    return apply(lambda events: events[-_tenth(events) :], recordings)


def _tenth(events: ndarray) -> int:
    return max(1, len(events) // 10)
