"""Play a file in real time, or listen to a camera, and show the answer as it forms."""

import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from .camera_files import make_events
from .folders import resize
from .streaming import Stream

PORTION = 10_000  # µs of a file at a time
BEHIND = 1.0  # s, from which on a reader is told


def play(events: np.ndarray) -> Iterator[np.ndarray]:
    """Yield portions of 10 ms, each when its last event is due."""
    ends = np.arange(PORTION, int(events["t"][-1]) + PORTION, PORTION)
    begin = time.monotonic()
    for portion in np.split(events, np.searchsorted(events["t"], ends)):
        if len(portion):
            due = begin + 1e-6 * int(portion["t"][-1] - events["t"][0])
            time.sleep(max(0, due - time.monotonic()))
            yield portion


def camera() -> tuple[Iterable[np.ndarray], tuple[int, int, int]]:
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
        return stream, (*stream.dimensions(), 2)
    except Exception as error:  # what a driver raises
        drivers = "event-camera-drivers or neuromorphic-drivers"
        found = f"no camera was found: {error}; plug it in, and pip install {drivers}"
        raise ValueError(found) from error


def listen(
    stream: Stream,
    portions: Iterable[np.ndarray],
    sensor_size: tuple[int, int, int],
    show: Callable[[Stream, float], None],
) -> None:
    """Push portions of a sensor's events as they come, and show the answer.

    ``show`` is called after each with the stream, and how many seconds it is behind the events.
    """
    begin = None  # on the clock, in s: when time 0 of the events was due
    for portion in filter(len, portions):
        events = make_events(*(portion[name] for name in "txyp"))
        first, last = (1e-6 * events["t"][[0, -1]]).tolist()  # s
        begin = time.monotonic() - first if begin is None else begin
        stream.push(resize(events, sensor_size, stream.classifier.sensor_size[:2]))
        stream.advance(int(events["t"][-1]))  # events that the network doesn't see count, too
        show(stream, time.monotonic() - begin - last)
    stream.finish()
    show(stream, 0.0)
