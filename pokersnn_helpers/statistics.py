"""Numbers that describe a recording: how many events, for how long, how fast, and where."""

import numpy as np
from numpy import ndarray


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
