"""Events for the tests: sorted times are given, the rest is drawn."""

from pokersnn_helpers.events.recordings import make_events


def random_events(times, sensor_size, rng):
    """Make an event for each time, anywhere on a sensor."""
    return make_events(times, *(rng.integers(0, size, len(times)) for size in sensor_size))
