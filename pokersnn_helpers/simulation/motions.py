"""Motions before the camera, which no sum of events can tell apart in pairs.

A dark disc goes past the camera, left, right, up or down, or circles before it.
"""

from numbers import Integral
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import Generator
from numpy.typing import ArrayLike

from ..events.recordings import POKERDVS_SENSOR_SIZE, Recordings
from ..system.checks import check_numbers, check_seed
from .camera import FRAME_INTERVAL, EventCamera
from .cards import CAMERA
from .pips import ramp, sd_circle

COURSES = {  # to the right, down, and clockwise; y points down
    "left": (-1, 0, 0),
    "right": (1, 0, 0),
    "up": (0, -1, 0),
    "down": (0, 1, 0),
    "clockwise": (0, 0, 1),
    "counterclockwise": (0, 0, -1),
}
MOTIONS = tuple(COURSES)
DURATION = (25, 45)  # ms, from where to where
OPPOSITE = (1, 0, 3, 2, 5, 4)  # the class of a film that runs backwards


def random_path(motion: str, rng: Generator) -> ndarray:
    """Draw how a disc moves.

    Args:
        motion: One of ``MOTIONS``; y points down.
        rng: Draws duration, place, distance and number of turns, one or two.

    Returns:
        x and y of the disc's middle every 0.1 ms, in pixels from the middle of the sensor, of shape
        (2, frames).

    Example:
        >>> path = random_path("right", np.random.default_rng(0))
        >>> bool(path[0, -1] > path[0, 0])
        True
    """
    right, down, turn = COURSES[motion]
    step = FRAME_INTERVAL / 1000 / rng.uniform(*DURATION)
    share = np.arange(0, 1, step)  # of the duration
    aside = rng.uniform(-8, 8)
    turns = rng.integers(1, 3)
    angle = 2 * np.pi * (share * turns + rng.random())
    distance = rng.uniform(7, 11)
    middle_x = rng.uniform(-3, 3)
    middle_y = rng.uniform(-3, 3)
    if turn:
        x = middle_x + distance * np.cos(turn * angle)
        y = middle_y + distance * np.sin(turn * angle)
        return np.array([x, y])
    along = 50 * share - 25
    x = right * along + abs(down) * aside
    y = down * along + abs(right) * aside
    return np.array([x, y])


def film_path(
    path: ndarray, radius: ArrayLike, rng: Generator, *, camera: EventCamera = CAMERA
) -> ndarray:
    """Film a dark disc that goes along a path, or several discs.

    Args:
        path: As ``random_path`` returns it, (2, frames), or those of several, (discs, 2, frames).
        radius: Radius of the disc in pixels, or of each.
        rng: Draws what is random in the camera.
        camera: What films it. Default: the fitted one, as for cards.

    Returns:
        Events, as ``EventCamera.record`` returns them.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> path = random_path("up", rng)
        >>> film_path(path, radius=4, rng=rng).dtype.names
        ('t', 'x', 'y', 'p')
    """
    y, x = np.mgrid[-17:18, -17:18].astype(np.float32)
    paths = np.asarray(path, np.float32).reshape(-1, 2, np.shape(path)[-1], 1, 1)
    radii = np.broadcast_to(np.asarray(radius, np.float32), len(paths))
    distance: Any = np.inf  # to the nearest edge
    for (middle_x, middle_y), each in zip(paths, radii, strict=True):
        distance = np.minimum(distance, sd_circle(x - middle_x, y - middle_y, each))
    covered = ramp(-distance)
    return camera.record(-covered, FRAME_INTERVAL, rng)


def film_motions(count: int, seed: int = 0) -> Recordings:
    """Film all motions in turn, of discs with a radius of 3 to 6 pixels.

    Args:
        count: How many films.
        seed: Fixes all of them.

    Returns:
        Recordings with the classes ``MOTIONS``.

    Raises:
        ValueError: ``count`` isn't a whole number greater than 0, or ``seed`` is none.

    Example:
        >>> film_motions(12, seed=1)
        12 recordings of 35 × 35 pixels: left, right, up, down, clockwise, counterclockwise
    """
    check_numbers(Integral, count=count)
    check_seed(seed)
    events = []
    targets = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        target = number % len(MOTIONS)
        path = random_path(MOTIONS[target], rng)
        radius = rng.uniform(3, 6)
        events.append(film_path(path, radius, rng))
        targets.append(target)
    return Recordings(events, targets, MOTIONS, POKERDVS_SENSOR_SIZE)
