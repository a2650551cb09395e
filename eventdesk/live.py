"""Play a file in real time, or listen to a camera, and show the answer as it forms."""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.pool import ThreadPool

import numpy as np
from numpy import ndarray

from pokersnn_helpers.events.recordings import make_events
from pokersnn_helpers.system.checks import SensorSize

from .files.folders import resize
from .streaming import Stream

PORTION = 10_000  # µs of a file at a time
SILENCE = 0.05  # s, after which a camera that sends nothing is silent
BEHIND = 1.0  # s behind the events, from which on it is said


def play(events: ndarray) -> Iterator[ndarray]:
    """Yield portions of 10 ms, each when its last event is due, and empty ones in silence."""
    begin = time.monotonic()
    start = int(events["t"][0])
    end = PORTION
    while len(events):
        portion, events = np.split(events, [np.searchsorted(events["t"], start + end)])
        due = int(portion["t"][-1]) - start if len(portion) else end
        time.sleep(max(0, begin + 1e-6 * due - time.monotonic()))
        yield portion
        end += PORTION


def patient(portions: Iterable[ndarray]) -> Iterator[ndarray]:
    """Yield portions as they come, and an empty one whenever none has come for a while."""
    iterator = iter(portions)
    with ThreadPool(1) as reader:  # whose thread doesn't outlive the program
        while True:
            coming = reader.apply_async(next, (iterator, None))
            coming.wait(SILENCE)
            while not coming.ready():
                yield np.empty(0)
                coming.wait(SILENCE)
            portion = coming.get()
            if portion is None:
                return
            yield portion


def camera() -> tuple[Iterator[ndarray], SensorSize]:
    """Open the first camera that faery finds; return its portions of events, and its sensor.

    Raises:
        ModuleNotFoundError: faery isn't installed.
        ValueError: There is no camera.
    """
    try:
        import faery
    except ImportError as error:
        raise ModuleNotFoundError("--camera needs faery: pip install faery") from error
    try:
        stream = faery.events_stream_from_camera()
        return patient(stream), (*stream.dimensions(), 2)
    except Exception as error:  # what a driver raises
        raise ValueError(
            f"no camera was found: {error}; plug it in, and pip install event-camera-drivers or "
            "neuromorphic-drivers"
        ) from error


def listen(
    stream: Stream,
    portions: Iterable[ndarray],
    sensor_size: SensorSize,
    show: Callable[[Stream, float], None],
    share: float = 1.0,
) -> None:
    """Push portions of a sensor's events as they come, and show the answer.

    Args:
        stream: The stream that they are pushed to.
        portions: Structured arrays with fields t, x, y and p; empty ones while nothing happens.
        sensor_size: Width, height and polarities of the sensor.
        show: Called after each portion with the stream, and with how many seconds it is behind.
        share: The share of the events that is drawn, as in training.
    """
    rng = np.random.default_rng(0)
    begin = math.inf  # when time 0 of the events was on the clock, in s
    last = 0.0  # time of the last event, in s
    for portion in portions:
        now = time.monotonic()
        if len(portion):
            events = make_events(*(portion[name] for name in "txyp"))
            start, end = events["t"][[0, -1]].tolist()
            if begin == math.inf:
                begin = now - 1e-6 * start
            last = 1e-6 * end
            drawn = events[rng.random(len(events)) < share]
            if len(drawn):
                stream.push(resize(drawn, sensor_size, stream.classifier.sensor_size[:2]))
            stream.advance(end)  # events that the network doesn't see count, too
            show(stream, time.monotonic() - begin - last)
        elif now - begin - last >= 1e-6 * stream.pause:
            stream.end()
