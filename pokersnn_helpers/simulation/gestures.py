"""Three gestures of a hand before a camera of 64 × 64 pixels, which only their order tells apart.

A hand swipes to the left, again and again, or to the right, or it waves from side to side. A film
begins and ends at any moment, so that the hand may be anywhere then, and it lasts equally long for
all. People differ in the size of their hand and in their pace. *Your own recordings* films in the
same way.
"""

from collections.abc import Sequence
from numbers import Integral

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from ..events.recordings import Recordings
from ..system.checks import check_numbers, check_seed
from .camera import EventCamera
from .pips import ramp, sd_circle

GESTURES = ("left", "right", "wave")
PEOPLE = {  # size of the hand, and pace
    "anna": (0.9, 170),
    "ben": (1.1, 210),
    "chris": (1.0, 190),
    "dora": (0.8, 180),
}
TIPS = (  # of the fingers, in pixels
    (-12, -18),
    (-4, -24),
    (4, -24),
    (12, -19),
    (18, -4),
)
PAUSE = 300_000  # µs between two gestures
SLOW_FRAME_INTERVAL = 4000  # µs, between two frames of a hand
HAND_CAMERA = EventCamera(
    on_threshold=0.35,
    off_threshold=0.35,
    mismatch=0.2,
    timestamp_jitter_us=50,
    noise_rate_hz=0.2,
)


def hand(x: ndarray, y: ndarray) -> ndarray:
    """Return the signed distance to the edge of an open hand in pixels: a palm and five fingers.

    Args:
        x: Places in pixels, right of the middle of the palm.
        y: Places in pixels, below it.

    Example:
        >>> hand(np.array([0, 30]), np.array([0, 0])).round(1)
        array([-11. ,  10.1])
    """
    distance = sd_circle(x, y, 11)
    for tip_x, tip_y in TIPS:
        length_squared = tip_x**2 + tip_y**2
        along = (x * tip_x + y * tip_y) / length_squared
        along = along.clip(0, 1)  # where on the finger the nearest point of its middle line is
        finger = sd_circle(x - along * tip_x, y - along * tip_y, 2.5)
        distance = np.minimum(distance, finger)
    return distance


def gesture_path(gesture: str, pace: float, rng: Generator) -> ndarray:
    """Draw how far a hand is across, from 0, out of view on the left, to 1 on the right.

    Args:
        gesture: One of ``GESTURES``.
        pace: About how long one way across takes, in ms. A hand that swipes comes back unseen.
        rng: Draws the rest: where the film begins, and how long it is.

    Example:
        >>> gesture_path("left", 200, np.random.default_rng(0))[:3].round(2)
        array([0.92, 0.9 , 0.88])
    """
    if gesture not in GESTURES:
        raise ValueError(f"gesture is {gesture!r}; choose from {', '.join(GESTURES)}")
    duration = rng.uniform(350, 500)
    time = np.arange(0, duration, SLOW_FRAME_INTERVAL / 1000)  # ms
    ways = time / (pace * rng.uniform(0.85, 1.15))
    ways += rng.uniform(0, 2)
    if gesture == "wave":
        return np.abs(ways % 2 - 1)
    return (ways if gesture == "right" else -ways) % 1


def film_hand(path: ndarray, size: float, rng: Generator) -> ndarray:
    """Film a hand that is darker or brighter than what is behind it.

    Args:
        path: As ``gesture_path`` returns it.
        size: Of the hand; 1 is 26 pixels from the wrist to the longest finger.
        rng: Draws height and brightness, and what is random in the camera.

    Returns:
        Events, as ``EventCamera.record`` returns them.

    Example:
        >>> len(film_hand(np.linspace(0, 1, 50), 1, np.random.default_rng(0))) > 1000
        True
    """
    y, x = np.mgrid[-32:32, -32:32]
    height = rng.uniform(0, 8)
    sign = rng.choice([-1, 1])
    brightness = sign * rng.uniform(0.6, 1.2)
    reach = 32 + 20 * size  # from the middle to out of view
    across = (2 * path[:, None, None] - 1) * reach
    distance = size * hand((x - across) / size, (y - height) / size)
    covered = ramp(-distance)
    return HAND_CAMERA.record(brightness * covered, SLOW_FRAME_INTERVAL, rng)


def film_session(gestures: Sequence[str], seed: int = 0) -> ndarray:
    """Film one person who makes gestures one after the other, with pauses of 0.3 s.

    Returns:
        Events of all.

    Example:
        >>> film_session(["left", "wave"]).dtype.names
        ('t', 'x', 'y', 'p')
    """
    rng = np.random.default_rng(check_seed(seed))
    size, pace = PEOPLE["dora"]
    begin = 0
    session = []
    for gesture in gestures:
        events = film_hand(gesture_path(gesture, pace, rng), size, rng)
        events["t"] += begin
        begin = int(events["t"][-1]) + PAUSE
        session.append(events)
    return np.concatenate(session)


def film_gestures(takes: int = 10, seed: int = 0) -> tuple[Recordings, list[str]]:
    """Film four people who each make every gesture several times.

    Returns:
        Recordings with the classes ``GESTURES``, and for each the name of the person.

    Example:
        >>> recordings, people = film_gestures(takes=1)
        >>> recordings, sorted(set(people))
        (12 recordings of 64 × 64 pixels: left, right, wave, ['anna', 'ben', 'chris', 'dora'])
    """
    check_numbers(Integral, takes=takes)
    check_seed(seed)
    events = []
    targets = []
    people = []
    for number, (person, (size, pace)) in enumerate(PEOPLE.items()):
        for target, gesture in enumerate(GESTURES):
            for take in range(takes):
                rng = np.random.default_rng([seed, number, target, take])
                path = gesture_path(gesture, pace, rng)
                events.append(film_hand(path, size, rng))
                targets.append(target)
                people.append(person)
    return Recordings(events, targets, GESTURES, (64, 64, 2)), people
