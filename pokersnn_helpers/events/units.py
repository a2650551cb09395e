"""In which unit the times of a recording are, as far as the rate of its events tells."""

import numpy as np
from numpy import ndarray

PIXEL_RATE = 0.01  # events per µs that a pixel sends, at most
BUS_RATE = 5, 1 / 4000  # events per µs that a camera sends, at most: so many, and more per pixel
LONGEST_SPARSE = 600e6  # µs with less than an event per ms, in recordings of usual length
LONGEST_SPARSE_NS = 5e6  # the same where all times are multiples of 1000, as a clock's in ns
ENOUGH_EVENTS = 100  # events, from which on a rate or a clock tells something
UNITS = {1e-3: "divide ns by 1000", 1e3: "multiply ms by 1000", 1e6: "multiply seconds by 1e6"}


def likely_factor(t: ndarray, pixels: int, scale: float = 1) -> float:
    """Return by what the times of a recording are probably to be multiplied for µs.

    It is the factor at which the rate is one that a camera can send.

    A pixel sends at most ``PIXEL_RATE``, and a camera, whose pixels share a bus, ``BUS_RATE``.
    Recordings last for more than 1 ms. Few have a hundred events and no more than one in a ms for
    so long as ``LONGEST_SPARSE``, or, where all times are multiples of 1000, as those in ns of a
    clock that counts µs, ``LONGEST_SPARSE_NS``.

    Args:
        t: Times since the first event, as whole numbers.
        pixels: How many pixels there are.
        scale: What they were multiplied by to be whole numbers.

    Example:
        >>> times = np.arange(0, 90_000, 300)  # 300 events in 90 ms
        >>> likely_factor(times, 1225), likely_factor(1000 * times, 1225)
        (1, 0.001)
    """
    count = len(t)
    duration = int(t[-1])
    gaps = np.diff(t)
    of_bus, per_pixel = BUS_RATE
    highest_rate = min(PIXEL_RATE * pixels, of_bus + per_pixel * pixels)
    too_fast = count > highest_rate * duration
    too_short = count >= ENOUGH_EVENTS and duration < 1000
    if too_fast or too_short:
        could_be_ms = duration >= 10 and count < 0.5 * pixels * duration
        return min(1e6, 1e3 * scale) if could_be_ms else 1e6
    busy = duration - int(gaps.max())
    longest = LONGEST_SPARSE_NS if np.gcd.reduce(gaps) % 1000 == 0 else LONGEST_SPARSE
    if ENOUGH_EVENTS <= count < busy / 1000 and busy > longest:
        return scale / 1000
    return scale
