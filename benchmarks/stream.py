"""How many events does a stream take?"""

import statistics
import time

import numpy as np
import torch
from numpy import ndarray

from eventdesk import Stream
from pokersnn_helpers import EVENT_DTYPE, Classifier, FastSNN, build_network

from . import Row

EVENTS = 1_000_000


def noise() -> ndarray:
    """Return an event per µs, anywhere."""
    rng = np.random.default_rng(0)
    events = np.zeros(EVENTS, EVENT_DTYPE)
    events["t"] = np.arange(EVENTS)
    for name, size in zip("xyp", (35, 35, 2), strict=True):
        events[name] = rng.integers(0, size, EVENTS)
    return events


def timed(stream: Stream, portions: list[ndarray]) -> float:
    """Push portions into a new recording; return the seconds that this took."""
    stream.reset()
    start = time.perf_counter()
    for portion in portions:
        stream.push(portion)
    return time.perf_counter() - start


def measure(repeats: int = 5) -> Row:
    """Time a million events, pushed into a stream of ``FastSNN`` in portions of ten thousand.

    Args:
        repeats: Turns, of which the median counts.
    """
    torch.manual_seed(0)
    stream = Stream(Classifier(build_network(FastSNN)))
    portions = np.split(noise(), 100)
    rates = [EVENTS / timed(stream, portions) / 1e6 for _ in range(repeats)]
    row = {
        "network": "FastSNN",
        "million_events_per_s": statistics.median(rates),
        "million_events_per_s_lowest": min(rates),
    }
    return {"turns": repeats, "rows": [row]}
