"""Tell recordings like those that a network was trained on from others, which it can't know.

A network that knows three gestures answers with one of them whatever it sees, and may be sure of
it. Therefore ``train`` keeps with it the ranges of a few numbers that describe its recordings.
"""

import numpy as np

from ..recordings import PackedRecording, Recordings

MARGIN = 2  # how many times as far from the median as in training; ``benchmarks outside``
RARE = 0.01  # share of the training recordings that may lie farther off at each end
FEWEST = 20  # training recordings, from which on ranges hold for others
TOLERANCE = 1.05  # of a number that is the same in all of them


def count_pixels(recording: PackedRecording) -> np.ndarray:
    """Count the events of each pixel and polarity, as ``PackedRecording`` numbers them."""
    return np.bincount(recording.pixels, minlength=int(np.prod(recording.sensor_size)))


def describe(
    counts: np.ndarray, duration: float, sensor_size: tuple[int, int, int]
) -> dict[str, float]:
    """Describe a recording by numbers greater than 0.

    Args:
        counts: Events of each pixel, as of ``count_pixels``.
        duration: From its first to its last event, in µs.
        sensor_size: Width, height and polarities.

    Example:
        >>> describe(np.array([9, 0, 0, 0]), 999, (4, 1, 1))["events per ms"]
        9.0
    """
    image = counts.reshape(sensor_size[::-1]).sum(axis=0)
    places = np.argwhere(image).T
    spread = np.cov(places, ddof=0, fweights=image[image > 0])
    rows, columns = 1 + np.sqrt(np.diag(spread))
    events = int(counts.sum())
    ms = (duration + 1) / 1000
    return {
        "events": events,
        "ms": ms,
        "events per ms": events / ms,
        "pixels of spread across": columns,
        "pixels of spread down": rows,
        "pixels with events": len(places[0]),
    }


def training_ranges(recordings: Recordings) -> dict[str, list[float]]:
    """Return the range of each number that describes recordings; of fewer than 20, none.

    Example:
        >>> from pokersnn_helpers import load_nmnist
        >>> training_ranges(load_nmnist().train)["ms"]
        [87.4, 103.3]
    """
    if len(recordings) < FEWEST:
        return {}
    rows = [
        describe(count_pixels(packed), float(packed.t[-1]), recordings.sensor_size)
        for packed in recordings.events.packed
    ]
    logs = np.log([list(row.values()) for row in rows])
    low, median, high = np.quantile(logs, [RARE, 0.5, 1 - RARE], axis=0)
    lowest = np.exp(median - MARGIN * (median - low)) / TOLERANCE
    highest = np.exp(median + MARGIN * (high - median)) * TOLERANCE
    return dict(zip(rows[0], np.stack([lowest, highest], axis=1).tolist(), strict=True))


def what_is_outside(ranges: dict[str, list[float]], numbers: dict[str, float]) -> list[str]:
    """Say which numbers lie outside the ranges of training.

    Example:
        >>> what_is_outside({"events": [842.0, 5311.0]}, {"events": 12})
        ['12 events (842 to 5.31e+03)']
    """
    return [
        f"{numbers[name]:,.4g} {name} ({low:,.4g} to {high:,.4g})"
        for name, (low, high) in ranges.items()
        if not low <= numbers[name] <= high
    ]
