"""Numbers that describe a recording: how many events, for how long, how fast, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy import ndarray

from .recordings import Recordings, Split, check_recordings

if TYPE_CHECKING:
    import pandas as pd

STATISTICS = ("events", "duration (ms)", "rate (events/ms)", "ON share", "active pixels")


def describe(image: ndarray, duration: float) -> dict[str, float]:
    """Describe a recording by the numbers of ``STATISTICS``.

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


def spread(image: ndarray) -> tuple[float, float]:
    """Return the standard deviation of the events' places down and across, in pixels.

    Args:
        image: Events by polarity, row and column, at least one.

    Example:
        >>> spread(np.array([[[9, 0, 9, 0]]]))
        (0.0, 1.0)
    """
    by_pixel = image.sum(axis=0)
    places = np.argwhere(by_pixel)
    counts = by_pixel[by_pixel > 0]
    distance = places - np.average(places, axis=0, weights=counts)
    down, across = np.sqrt(np.average(distance**2, axis=0, weights=counts)).tolist()
    return down, across


def recording_statistics(data: Recordings | Split) -> pd.DataFrame:
    """Describe every recording in a row; for a split, the column "set" says "train" or "test".

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> list(recording_statistics(data))
        ['class', 'events', 'duration (ms)', 'rate (events/ms)', 'ON share', 'active pixels', 'set']
    """
    import pandas as pd  # which takes a second to import

    if isinstance(data, Split):
        train, test = (recording_statistics(part) for part in (data.train, data.test))
        return pd.concat([train.assign(set="train"), test.assign(set="test")], ignore_index=True)
    check_recordings(data, "data")
    rows = []
    for recording, target in zip(data.events.packed, data.targets, strict=True):
        numbers = describe(recording.image(), int(recording.t[-1]))
        rows.append({"class": data.classes[target], **numbers})
    return pd.DataFrame(rows, columns=["class", *STATISTICS])
