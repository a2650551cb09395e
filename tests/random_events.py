"""Events for the tests: sorted times are given, the rest is drawn."""

from pokersnn_helpers.recordings import make_events


def random_events(times, sensor_size, rng):
    """Make an event for each time, anywhere on a sensor."""
    events = make_events(times, 0, 0, 0)
    for field, size in zip("xyp", sensor_size, strict=True):
        events[field] = rng.integers(0, size, len(times))
    return events
