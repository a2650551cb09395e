"""How many events does a stream take, and how soon do they change the voltages?"""

import statistics
import time

import numpy as np
import torch

from pokersnn_helpers import EVENT_DTYPE, Classifier, FastSNN, Stream, build_network

from . import Row

STEPS = 2000  # of 1 ms
EVENTS = 1_000_000


def noise(count: int, duration: int) -> np.ndarray:
    """Return events anywhere, at equal intervals of a duration in µs."""
    rng = np.random.default_rng(0)
    events = np.zeros(count, EVENT_DTYPE)
    events["t"] = np.linspace(0, duration, count, endpoint=False).astype(int)
    for name, size in zip("xyp", (35, 35, 2), strict=True):
        events[name] = rng.integers(0, size, count)
    return events


def timed(stream: Stream, portions: list[np.ndarray]) -> list[float]:
    """Push portions into a new recording; return the seconds that each took."""
    stream.reset()
    taken = []
    for portion in portions:
        start = time.perf_counter()
        stream.push(portion)
        taken.append(time.perf_counter() - start)
    return taken


def measure(repeats: int = 5) -> Row:
    """Time portions of ten and of ten thousand events, pushed into a stream of ``FastSNN``.

    Each portion of ten ends a time step of 1 ms, so that its time is that to new voltages.

    Args:
        repeats: Turns, of which the median counts.
    """
    torch.manual_seed(0)
    stream = Stream(Classifier(build_network(FastSNN)))
    few = np.split(noise(10 * STEPS, 1000 * STEPS), STEPS)
    many = np.split(noise(EVENTS, EVENTS), 100)
    tens = []
    rates = []
    for _ in range(repeats):
        tens.append(1e6 * statistics.median(timed(stream, few)))
        rates.append(EVENTS / sum(timed(stream, many)) / 1e6)
    row = {
        "network": "FastSNN",
        "ten_events_us": statistics.median(tens),
        "ten_events_us_lowest": min(tens),
        "ten_events_us_highest": max(tens),
        "million_events_per_s": statistics.median(rates),
        "million_events_per_s_lowest": min(rates),
    }
    return {"turns": repeats, "rows": [row]}
