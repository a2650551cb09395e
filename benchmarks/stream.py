"""Is a stream as exact as a whole recording, how many events does it take, and how soon?"""

import statistics
import time
from functools import partial
from typing import Any

import numpy as np
import torch

from pokersnn_helpers import EVENT_DTYPE, SNN, Classifier, FastSNN, Stream, build_network, predict
from pokersnn_helpers.study.models import LayerThenSNN

from .timing import recordings

NETWORKS: dict[str, Any] = {
    "FastSNN": FastSNN,
    "LayerThenSNN": LayerThenSNN,
    "with delays": partial(LayerThenSNN, delays=(0, 0.004, 0.008)),
    "SNN": SNN,
}
DAVIS346 = 12.0  # million events per second at most: iniVation's data sheet of the camera


def _classifier(network: Any, time_window: float = 1000, dtype: Any = torch.float32) -> Classifier:
    torch.manual_seed(0)
    return Classifier(build_network(network, time_window=time_window)).to(dtype)


def _noise(count: int, duration: int) -> np.ndarray:
    rng, events = np.random.default_rng(0), np.zeros(count, EVENT_DTYPE)
    events["t"] = np.linspace(0, duration, count, endpoint=False).astype(int)
    for name, size in zip("xyp", (35, 35, 2), strict=True):
        events[name] = rng.integers(0, size, count)
    return events


def _differing(classifier: Classifier, cuts: int, every: int) -> tuple[int, int]:
    """Count the streams whose voltages or probabilities aren't those of ``predict``."""
    rng, stream, differ, streams = np.random.default_rng(0), Stream(classifier), 0, 0
    for events in (recordings().train.events + recordings().test.events)[::every]:
        whole = predict(classifier, events, "cpu")
        for _ in range(cuts):
            stream.reset()
            for portion in np.split(events, np.sort(rng.integers(0, len(events), 30))):
                stream.push(portion)
            stream.finish()
            found = stream.prediction()
            same = torch.equal(found.readout, whole.readout) and found[:2] == whole[:2]
            differ, streams = differ + (not same), streams + 1
    return differ, streams


def measure(repeats: int = 20, *, every: int = 1) -> dict[str, Any]:
    """Cut all 68 recordings at random, and time portions of ten and of ten thousand events.

    Each portion of ten ends a time step of 1 ms, so that its time is that to new voltages.

    Args:
        repeats: Random cuts of each recording.
        every: Take every recording, or every second, ...
    """
    rows = []
    for name, network in NETWORKS.items():
        row: dict[str, Any] = {"network": name}
        stream, taken = Stream(_classifier(network)), []
        for portion in np.split(_noise(20_000, 2_000_000), 2000):
            start = time.perf_counter()
            stream.push(portion)
            taken.append(time.perf_counter() - start)
        row["ten events (µs)"] = 1e6 * statistics.median(taken)
        stream.reset()
        portions = np.split(many := _noise(1_000_000, 1_000_000), 100)
        start = time.perf_counter()
        for portion in portions:
            stream.push(portion)
        row["million events/s"] = len(many) / (time.perf_counter() - start) / 1e6
        for time_window in (1000, 100):
            for dtype in (torch.float32, torch.float64):
                classifier = _classifier(network, time_window, dtype)
                differ, streams = _differing(classifier, repeats, every)
                key = f"{time_window / 1000:g} ms, {str(dtype)[6:]}: differ"
                row[key] = f"{differ} of {streams}"
        rows.append(row)
    whole = recordings().train.events
    rates = [len(events) / (events["t"][-1] - events["t"][0]) for events in whole]
    return {
        "POKER-DVS, mean (million events/s)": float(np.mean(rates)),
        "DAVIS346, at most (million events/s)": DAVIS346,
        "rows": rows,
    }
