"""Is a stream as exact as a whole recording, how many events does it take, and how soon?"""

import statistics
import time
from collections import defaultdict
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch

from pokersnn_helpers import EVENT_DTYPE, SNN, Classifier, FastSNN, Stream, build_network, predict
from pokersnn_helpers.fast import LayerThenSNN

from .timing import recordings

NETWORKS: dict[str, Any] = {
    "FastSNN": FastSNN,
    "LayerThenSNN": LayerThenSNN,
    "with delays": partial(LayerThenSNN, delays=(0, 0.004, 0.008)),
    "SNN": SNN,
}
STEPS = 2000
EVENTS = 1_000_000
TURNS = 5
DAVIS346 = 12.0  # million events per second at most: iniVation's data sheet of the camera


def _classifier(network: Any, time_window: float = 1000, dtype: Any = torch.float32) -> Classifier:
    torch.manual_seed(0)
    return Classifier(build_network(network, time_window=time_window)).to(dtype)


def _noise(count: int, duration: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    events = np.zeros(count, EVENT_DTYPE)
    events["t"] = np.linspace(0, duration, count, endpoint=False).astype(int)
    for name, size in zip("xyp", (35, 35, 2), strict=True):
        events[name] = rng.integers(0, size, count)
    return events


def _timed(stream: Stream, portions: list[np.ndarray]) -> list[float]:
    """Push portions into a new recording; return the seconds that each took."""
    stream.reset()
    taken = []
    for portion in portions:
        start = time.perf_counter()
        stream.push(portion)
        taken.append(time.perf_counter() - start)
    return taken


def _differing(classifier: Classifier, cuts: int) -> tuple[int, int]:
    """Count the streams whose voltages or probabilities aren't those of ``predict``."""
    rng = np.random.default_rng(0)
    stream = Stream(classifier)
    differing = 0
    recorded = recordings().train + recordings().test
    for events in recorded.events:
        whole = predict(classifier, events, "cpu")
        for _ in range(cuts):
            stream.reset()
            places = np.sort(rng.integers(0, len(events), 30))
            for portion in np.split(events, places):
                stream.push(portion)
            stream.finish()
            streamed = stream.prediction()
            same = torch.equal(streamed.readout, whole.readout) and streamed[:2] == whole[:2]
            differing += not same
    return differing, cuts * len(recorded)


def measure(repeats: int = 20) -> dict[str, Any]:
    """Cut all 68 recordings at random, and time portions of ten and of ten thousand events.

    Each portion of ten ends a time step of 1 ms, so that its time is that to new voltages. Networks
    are timed in turns, of which the median counts.

    Args:
        repeats: Random cuts of each recording, at each of two widths of bins and of numbers.
    """
    few = np.split(_noise(10 * STEPS, 1000 * STEPS), STEPS)
    many = np.split(_noise(EVENTS, EVENTS), 100)
    streams = {name: Stream(_classifier(network)) for name, network in NETWORKS.items()}
    tens = defaultdict(list)
    rates = defaultdict(list)
    for _ in range(TURNS):
        for name, stream in streams.items():
            tens[name].append(1e6 * statistics.median(_timed(stream, few)))
            rates[name].append(EVENTS / sum(_timed(stream, many)) / 1e6)
    rows = []
    for name, network in NETWORKS.items():
        kinds = product((1000, 100), (torch.float32, torch.float64))
        counts = [_differing(_classifier(network, *kind), repeats) for kind in kinds]
        differing, number = np.sum(counts, axis=0).tolist()
        row = {
            "network": name,
            "ten_events_us": statistics.median(tens[name]),
            "ten_events_us_lowest": min(tens[name]),
            "ten_events_us_highest": max(tens[name]),
            "million_events_per_s": statistics.median(rates[name]),
            "million_events_per_s_lowest": min(rates[name]),
        }
        rows.append(row | {"differing": differing, "streams": number})
    sensor = []
    for events in recordings().train.events:
        sensor.append(len(events) / (events["t"][-1] - events["t"][0]))
    return {
        "pokerdvs_million_events_per_s": float(np.mean(sensor)),
        "davis346_million_events_per_s": DAVIS346,
        "turns": TURNS,
        "rows": rows,
    }
