"""Three gestures of a hand before a camera of 64 × 64 pixels, by several people.

A hand swipes to the left, to the right, or waves. People differ in the size of their hand and in
how long they take. Chapter 10 films them in the same way.
"""

from collections.abc import Sequence
from numbers import Integral

import numpy as np

from ..checks import check_numbers, check_seed
from ..recordings import Recordings
from .camera import EventCamera

GESTURES = ("left", "right", "wave")
SENSOR_SIZE = (64, 64, 2)
PEOPLE = {"anna": (0.9, 320), "ben": (1.1, 450), "chris": (1.0, 380), "dora": (0.8, 260)}
TIPS = ((-12, -18), (-4, -24), (4, -24), (12, -19), (18, -4))  # of the fingers, in pixels
PAUSE = 300_000  # µs
CAMERA = EventCamera(0.7, 0.7, mismatch=0.2, timestamp_jitter_us=50, noise_rate_hz=0.2)


def hand(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the signed distance to the edge of an open hand in pixels: a palm and five fingers.

    Args:
        x: Places in pixels, right of the middle of the palm.
        y: Places in pixels, below it.

    Example:
        >>> hand(np.array([0, 30]), np.array([0, 0])).round(1)
        array([-11. ,  10.1])
    """
    distance = np.hypot(x, y) - 11
    for tip_x, tip_y in TIPS:
        along = (x * tip_x + y * tip_y) / (tip_x**2 + tip_y**2)
        along = np.clip(along, 0, 1)
        finger = np.hypot(x - along * tip_x, y - along * tip_y) - 2.5
        distance = np.minimum(distance, finger)
    return distance


def gesture_path(gesture: str, duration: float, rng: np.random.Generator) -> np.ndarray:
    """Draw how a hand moves: x and y in pixels from the middle, every 4 ms, of shape (2, steps).

    Example:
        >>> gesture_path("left", 400, np.random.default_rng(0))[0, :2].round(1)
        array([50. , 49.1])
    """
    done = np.arange(0, 1, 4 / (duration * rng.uniform(0.8, 1.2)))
    height = rng.uniform(0, 8) + 0 * done
    swing = 12 * np.sin(2 * np.pi * (3 * done + rng.random()))
    along = 100 * done - 50
    return np.array([{"left": -along, "right": along, "wave": swing}[gesture], height])


def film_gesture(
    gesture: str, size: float, duration: float, rng: np.random.Generator
) -> np.ndarray:
    """Film one gesture.

    Args:
        gesture: One of ``GESTURES``.
        size: Of the hand; 1 is 26 pixels from the wrist to the longest finger.
        duration: About how long it takes, in ms.
        rng: Draws the rest.

    Returns:
        Events, as ``EventCamera.record`` returns them.

    Example:
        >>> len(film_gesture("wave", 1, 300, np.random.default_rng(0))) > 1000
        True
    """
    y, x = np.mgrid[-32:32, -32:32]
    path = gesture_path(gesture, duration, rng)
    edges = (size * hand((x - px) / size, (y - py) / size) for px, py in path.T)
    return CAMERA.record((-np.clip(0.5 - edge, 0, 1) for edge in edges), 4000, rng)


def film_session(gestures: Sequence[str], seed: int = 0) -> np.ndarray:
    """Film one person who makes gestures one after the other, with pauses of 0.3 s.

    Example:
        >>> film_session(["left", "wave"]).dtype.names
        ('t', 'x', 'y', 'p')
    """
    rng, begin, session = np.random.default_rng(check_seed(seed)), 0, []
    for gesture in gestures:
        events = film_gesture(gesture, *PEOPLE["dora"], rng)
        events["t"] += begin
        begin = int(events["t"][-1]) + PAUSE
        session.append(events)
    return np.concatenate(session)


def film_gestures(takes: int = 4, seed: int = 0) -> tuple[Recordings, list[str]]:
    """Film each gesture of each of four people some times.

    Returns:
        Recordings with the classes ``GESTURES``, and of each who made it.

    Example:
        >>> recordings, people = film_gestures(takes=1)
        >>> recordings, sorted(set(people))
        (12 recordings of 64 × 64 pixels: left, right, wave, ['anna', 'ben', 'chris', 'dora'])
    """
    check_numbers(Integral, takes=takes)
    check_seed(seed)
    events, targets, people = [], [], []
    for number, (person, (size, duration)) in enumerate(PEOPLE.items()):
        for target, gesture in enumerate(GESTURES):
            for take in range(takes):
                rng = np.random.default_rng([seed, number, target, take])
                events.append(film_gesture(gesture, size, duration, rng))
                targets.append(target)
                people.append(person)
    return Recordings(events, targets, GESTURES, SENSOR_SIZE), people
