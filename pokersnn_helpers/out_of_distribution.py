"""Tell recordings like those that a network was trained on from others, which it can't know.

A network that knows three gestures answers with one of them whatever it sees, and may be sure of
it. Therefore ``train_classifier`` keeps with it the ranges of a few numbers that describe its
recordings.
"""

import numpy as np

from .recordings import Recordings
from .statistics import describe, spread

NAMES = (
    "events",
    "ms",
    "events per ms",
    "pixels of spread across",
    "pixels of spread down",
    "pixels with events",
)
RARE = 0.01  # share of the training recordings that may lie outside at each end, before
WIDENING = 0.4  # a range is widened to both sides by this share of it; see ``benchmarks outside``
TOLERANCE = 0.05  # and by about 5 %, where a number is the same in all recordings
MIN_RECORDINGS = 20  # training recordings, from which on ranges hold for others


def numbers_of(image: np.ndarray, duration: float) -> list[float]:
    """Return the numbers of ``NAMES``, which are all greater than 0.

    Args:
        image: Events by polarity, row and column.
        duration: From the first to the last of them, in µs.

    Example:
        >>> numbers_of(np.array([[[9, 0, 9, 0]]]), 999)  # two pixels beside each other
        [18, 1.0, 18.0, 2.0, 1.0, 2]
    """
    events, ms, rate, _, active = describe(image, float(duration) + 1).values()
    down, across = spread(image)
    return [events, ms, rate, 1 + across, 1 + down, active]


def training_ranges(recordings: Recordings) -> list[list[float]]:
    """Return the lowest and the highest of each number of ``NAMES``; of few recordings, nothing.

    Example:
        >>> from pokersnn_helpers import load_nmnist
        >>> _, duration, *_ = training_ranges(load_nmnist().train)
        >>> [round(ms) for ms in duration]
        [87, 108]
    """
    if len(recordings) < MIN_RECORDINGS:
        return []
    packed = recordings.events.packed
    logs = np.log([numbers_of(recording.image(), recording.t[-1]) for recording in packed])
    low, high = np.quantile(logs, [RARE, 1 - RARE], axis=0)
    widening = WIDENING * (high - low) + TOLERANCE
    return np.exp([low - widening, high + widening]).T.tolist()


def what_is_outside(ranges: list[list[float]], image: np.ndarray, duration: float) -> list[str]:
    """Say which numbers of a recording lie outside the ranges of training, if those are known.

    Example:
        >>> what_is_outside([[842, 5311]], np.array([[[9, 0, 0, 0]]]), 999)
        ['9 events (842 to 5,311)']
    """
    if not ranges or not image.any():
        return []
    return [
        f"{_digits(number)} {name} ({_digits(low)} to {_digits(high)})"
        for name, (low, high), number in zip(
            NAMES, ranges, numbers_of(image, duration), strict=False
        )
        if not low <= number <= high
    ]


def _digits(number: float) -> str:
    """Write a number with at least four digits: 17,340 or 0.2541."""
    return f"{number:,.0f}" if number >= 1000 else f"{number:.4g}"
