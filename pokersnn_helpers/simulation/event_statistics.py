"""How the events of a recording lie in space and time, to compare real and simulated ones."""

import numpy as np
import pandas as pd
from numpy import ndarray

NEIGHBOURHOOD = 1000  # µs that an event stays a neighbour of those around it


def event_statistics(events: ndarray) -> dict[str, float]:
    """Measure how the events of one recording lie in space and time.

    Args:
        events: Structured array with fields t (µs), x, y and p; sorted, at least one event.

    Returns:
        The extent in x and in y (pixels that hold the middle 90% of the events); median, 5% and
        95% point of the interval between successive events of the same pixel (ms; NaN without
        any); the share of isolated events (nothing from the eight pixels around in the 1 ms before,
        which a noise filter would drop); and the share of tied events (another one has the same
        time stamp).

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> some = load_pokerdvs(source="simulated").test.subset([0, 6])
        >>> list(event_statistics(some.events[0]))[:2]
        ['extent in x', 'extent in y']
    """
    times = events["t"]
    x = events["x"]
    y = events["y"]
    width = int(x.max()) + 2  # with a free column, so that the ends of rows don't touch
    pixel = y.astype(np.int64) * width + x
    intervals_ms = pd.Series(times).groupby(pixel).diff() / 1000
    low, median, high = intervals_ms.quantile([0.05, 0.5, 0.95])
    return {
        "extent in x": _extent(x),
        "extent in y": _extent(y),
        "interval (ms)": median,
        "interval 5% (ms)": low,
        "interval 95% (ms)": high,
        "isolated share": _isolated(times, pixel, width).mean(),
        "tied share": pd.Series(times).duplicated(keep=False).mean(),
    }


def _extent(places: ndarray) -> float:
    return float(np.ptp(np.percentile(places, [5, 95])))


def _isolated(times: ndarray, pixel: ndarray, width: int) -> ndarray:
    # One sorted number per pixel and time, so that a pixel's last event before some time can be
    # looked up for all events at once. Pixels are far enough apart not to run into each other.
    far = times[-1] + 2 * NEIGHBOURHOOD
    keys = pixel * far + times
    keys.sort()
    isolated = np.ones(len(times), dtype=bool)
    step = np.array([-1, 0, 1])
    neighbours = width * step[:, None] + step
    for neighbour in neighbours[neighbours != 0]:
        end = (pixel + neighbour) * far + times
        first = np.searchsorted(keys, end - NEIGHBOURHOOD)
        isolated &= first == np.searchsorted(keys, end)
    return isolated
