"""Six motions before the camera, which no sum of events can tell apart in pairs.

A dark shape goes past the camera, left, right, up or down, or circles before it. Chapter 6 films
discs in the same way; here are other shapes, other durations and films that run backwards, too.
"""

from numbers import Integral

import numpy as np

from ..checks import check_numbers, check_range, check_seed
from ..recordings import POKERDVS_SENSOR_SIZE, Recordings, check_recordings
from .camera import EventCamera
from .cards import CAMERA
from .pips import sd_circle

MOTIONS = ("left", "right", "up", "down", "clockwise", "counterclockwise")
OPPOSITE = (1, 0, 3, 2, 5, 4)  # the class of a film that runs backwards
DURATION = (25.0, 45.0)  # ms, from where to where
FRAME_INTERVAL = 100  # µs
# Where pixels go, from (x, y) and the last of each, and the classes that the motions then have.
_COPIES = (
    (lambda x, y, last: (last - x, y), (1, 0, 2, 3, 5, 4)),
    (lambda x, y, last: (x, last - y), (0, 1, 3, 2, 5, 4)),
    (lambda x, y, last: (y, x), (2, 3, 0, 1, 5, 4)),
)


def _square(x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    return np.maximum(np.abs(x), np.abs(y)) - 0.85 * radius


def _cross(x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    x, y = np.abs(x), np.abs(y)
    return np.maximum(np.maximum(x, y) - radius, np.minimum(x, y) - 0.35 * radius)


def _ring(x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    return np.abs(sd_circle(x, y, 0.75 * radius)) - 0.25 * radius


SHAPES = {"disc": sd_circle, "square": _square, "cross": _cross, "ring": _ring}


def random_path(
    motion: str, rng: np.random.Generator, duration: tuple[float, float] = DURATION
) -> np.ndarray:
    """Draw how a shape moves.

    Args:
        motion: One of ``MOTIONS``; y points down.
        rng: Draws duration, place, distance and number of turns, one or two.
        duration: Of the film in ms, from where to where.

    Returns:
        x and y of the middle of the shape every 0.1 ms, in pixels from the middle of the sensor, of
        shape (2, frames).

    Raises:
        ValueError: There is no such motion, or ``duration`` isn't from 1 to 1000 ms.

    Example:
        >>> path = random_path("right", np.random.default_rng(0))
        >>> bool(path[0, -1] > path[0, 0])
        True
    """
    if motion not in MOTIONS:
        raise ValueError(f"motion is {motion!r}; choose one of {', '.join(MOTIONS)}")
    shortest, longest = duration
    check_range(1, 1000, shortest=shortest, longest=longest)
    share = np.arange(0, 1, FRAME_INTERVAL / 1000 / rng.uniform(shortest, longest))
    along, aside = 50 * share - 25, rng.uniform(-8, 8) + 0 * share
    angle = 2 * np.pi * (share * rng.integers(1, 3) + rng.random())
    if motion == "counterclockwise":
        angle = -angle
    distance, x, y = rng.uniform(7, 11), rng.uniform(-3, 3), rng.uniform(-3, 3)
    circle = x + distance * np.cos(angle), y + distance * np.sin(angle)
    straight = {
        "left": (-along, aside),
        "right": (along, aside),
        "up": (aside, -along),
        "down": (aside, along),
    }
    return np.array(straight.get(motion, circle))


def film_path(
    path: np.ndarray,
    radius: float,
    rng: np.random.Generator,
    *,
    shape: str = "disc",
    camera: EventCamera = CAMERA,
) -> np.ndarray:
    """Film a dark shape that goes along a path, as ``random_path`` returns one.

    Args:
        path: x and y in pixels from the middle, every 0.1 ms.
        radius: Size of the shape in pixels.
        rng: Draws what is random in the camera.
        shape: One of ``SHAPES``.
        camera: What films it. Default: the fitted one, as for cards.

    Returns:
        Events, as ``EventCamera.record`` returns them.

    Raises:
        ValueError: There is no such shape, or ``radius`` isn't a number greater than 0.

    Example:
        >>> path = random_path("up", rng := np.random.default_rng(0))
        >>> film_path(path, radius=4, rng=rng, shape="ring").dtype.names
        ('t', 'x', 'y', 'p')
    """
    if shape not in SHAPES:
        raise ValueError(f"shape is {shape!r}; choose one of {', '.join(SHAPES)}")
    check_range(0.1, 100, radius=radius)
    y, x = np.mgrid[-17:18, -17:18]
    distances = (SHAPES[shape](x - to_x, y - to_y, radius) for to_x, to_y in path.T)
    log_frames = (-np.clip(0.5 - distance, 0, 1) for distance in distances)
    return camera.record(log_frames, FRAME_INTERVAL, rng)


def film_motions(
    count: int,
    seed: int = 0,
    *,
    shape: str = "disc",
    duration: tuple[float, float] = DURATION,
    backwards: bool = False,
) -> Recordings:
    """Film the six motions in turn.

    Args:
        count: How many films.
        seed: Fixes all of them.
        shape: One of ``SHAPES``, with a radius of 3 to 6 pixels.
        duration: Of a film in ms, from where to where.
        backwards: Let each shape go the same way back. The class stays that of the way there, so
            what a network should say is ``OPPOSITE`` of it.

    Returns:
        Recordings with the classes ``MOTIONS``.

    Raises:
        ValueError: ``count`` isn't a whole number greater than 0, or another argument is wrong.

    Example:
        >>> film_motions(12, seed=1)
        12 recordings of 35 × 35 pixels: left, right, up, down, clockwise, counterclockwise
    """
    check_numbers(Integral, count=count)
    check_seed(seed)
    events = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        path, radius = random_path(MOTIONS[number % 6], rng, duration), rng.uniform(3, 6)
        way = path[:, ::-1] if backwards else path
        events.append(film_path(way, radius, rng, shape=shape))
    return Recordings(events, [n % 6 for n in range(count)], MOTIONS, POKERDVS_SENSOR_SIZE)


def with_mirrored_copies(films: Recordings) -> Recordings:
    """Add what a film shows in a mirror, upside down and turned: eight films of each.

    In a mirror, left becomes right and clockwise counterclockwise: the classes follow.

    Args:
        films: The first classes are ``MOTIONS``; further ones have to look the same in a mirror.

    Raises:
        ValueError: The sensor isn't square, or the first classes are others.

    Example:
        >>> with_mirrored_copies(film_motions(1)).targets
        [0, 1, 0, 1, 2, 3, 2, 3]
    """
    check_recordings(films, "films")
    width, height, _ = films.sensor_size
    if width != height:
        raise ValueError(f"the sensor has {width} × {height} pixels; turned films need a square")
    if films.classes[: len(MOTIONS)] != MOTIONS:
        raise ValueError(f"the classes are {', '.join(films.classes)}; begin with MOTIONS")
    for move, classes in _COPIES:
        copies = [events.copy() for events in films.events]
        for copy in copies:
            copy["x"], copy["y"] = move(copy["x"].copy(), copy["y"].copy(), width - 1)
        targets = [classes[target] if target < 6 else target for target in films.targets]
        films = films + Recordings(copies, targets, films.classes, films.sensor_size)
    return films
