"""Events for the tests: sorted times are given, the rest is drawn."""

import numpy as np

from pokersnn_helpers import EVENT_DTYPE


def random_events(times, sensor_size, rng):
    """Make an event for each time, anywhere on a sensor."""
    events = np.zeros(len(times), EVENT_DTYPE)
    events["t"] = times
    for field, size in zip("xyp", sensor_size, strict=True):
        events[field] = rng.integers(0, size, len(times))
    return events
