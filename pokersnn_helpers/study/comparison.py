"""How the events of a recording lie in space and time, to compare real and simulated ones."""

import numpy as np

NEIGHBOURHOOD = 1000  # µs that an event stays a neighbour of those around it


def event_statistics(events: np.ndarray) -> dict[str, float]:
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
    times, x, y = (events[field].astype(np.int64) for field in "txy")
    order = np.lexsort((times, x, y))
    same_pixel = (np.diff(x[order]) == 0) & (np.diff(y[order]) == 0)
    intervals = np.diff(times[order])[same_pixel] / 1000
    low, middle, high = np.percentile(intervals, [5, 50, 95]) if len(intervals) else [np.nan] * 3
    counts = np.unique(times, return_counts=True)[1]
    return {
        "extent in x": float(np.subtract(*np.percentile(x, [95, 5]))),
        "extent in y": float(np.subtract(*np.percentile(y, [95, 5]))),
        "interval (ms)": middle,
        "interval 5% (ms)": low,
        "interval 95% (ms)": high,
        "isolated share": _isolated(times, x, y).mean(),
        "tied share": counts[counts > 1].sum() / len(times),
    }


def _isolated(times: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    # One sorted number per pixel and time, so that a pixel's last event before some time can be
    # looked up for all events at once. Pixels are far enough apart not to run into each other.
    far = int(times[-1]) + 2 * NEIGHBOURHOOD
    width = int(x.max()) + 3
    pixel = (y + 1) * width + x + 1
    keys = np.sort(pixel * far + times)
    isolated = np.ones(len(times), dtype=bool)
    for neighbour in (-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1):
        now = (pixel + neighbour) * far + times
        since = np.searchsorted(keys, now - NEIGHBOURHOOD, side="left")
        isolated &= np.searchsorted(keys, now, side="left") == since
    return isolated
