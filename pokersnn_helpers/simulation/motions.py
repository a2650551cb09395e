"""Motions before the camera, which no sum of events can tell apart in pairs.

A dark shape goes past the camera, left, right, up or down, or circles before it; or random dots
drift or turn. Chapter 6 films dots in the same way. A shape comes in from somewhere and so gives
away where it goes; dots are everywhere from the start.
"""

from collections.abc import Callable, Collection
from numbers import Integral
from typing import Any

import numpy as np
from numpy.random import Generator

from ..checks import check_numbers, check_seed
from ..pokerdvs import POKERDVS_SENSOR_SIZE
from ..recordings import Recordings
from .camera import EventCamera
from .cards import CAMERA
from .pips import sd_circle

COURSES = {  # to the right, down, and clockwise; y points down
    "left": (-1, 0, 0),
    "right": (1, 0, 0),
    "up": (0, -1, 0),
    "down": (0, 1, 0),
    "clockwise": (0, 0, 1),
    "counterclockwise": (0, 0, -1),
}
MOTIONS = tuple(COURSES)
_NAMES = {course: name for name, course in COURSES.items()}
# The class of a film that runs backwards.
OPPOSITE = tuple(MOTIONS.index(_NAMES[-x, -y, -turn]) for x, y, turn in COURSES.values())
Span = tuple[float, float]
DURATION = (25.0, 45.0)  # ms, from where to where
FRAME_INTERVAL = 100  # µs
EDGE = 22.5  # pixels from the middle, five beyond the frame: where dots leave and come back
_MIRRORS = (lambda x, y: (-x, y)), (lambda x, y: (x, -y)), (lambda x, y: (y, x))


def _square(x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    return np.maximum(np.abs(x), np.abs(y)) - 0.85 * radius


SHAPES = {"disc": sd_circle, "square": _square}


def random_path(motion: str, rng: Generator, duration: Span = DURATION) -> np.ndarray:
    """Draw how a shape moves.

    Args:
        motion: One of ``MOTIONS``; y points down.
        rng: Draws duration, place, distance and number of turns, one or two.
        duration: Of the film in ms, from where to where.

    Returns:
        x and y of the middle of the shape every 0.1 ms, in pixels from the middle of the sensor, of
        shape (2, frames).

    Raises:
        ValueError: There is no such motion.

    Example:
        >>> path = random_path("right", np.random.default_rng(0))
        >>> bool(path[0, -1] > path[0, 0])
        True
    """
    share = np.arange(0, 1, FRAME_INTERVAL / 1000 / rng.uniform(*duration))
    along, aside = 50 * share - 25, rng.uniform(-8, 8) + 0 * share
    angle = 2 * np.pi * (share * rng.integers(1, 3) + rng.random())
    distance, x, y = rng.uniform(7, 11), rng.uniform(-3, 3), rng.uniform(-3, 3)
    right, down, turn = _course(motion)
    if turn:
        return np.array([x + distance * np.cos(turn * angle), y + distance * np.sin(turn * angle)])
    return np.array([right * along + abs(down) * aside, down * along + abs(right) * aside])


def random_dots(motion: str, rng: Generator, duration: Span = DURATION) -> np.ndarray:
    """Draw how six to twelve dots move, which were there before a film begins and stay after it.

    All drift at 0.35 to 1 pixels per ms, and what leaves on one side comes back on the other, out
    of sight; or all turn about the middle, by 0.03 to 0.09 rad per ms. So neither where they come
    in nor where they are tells how they move.

    Args:
        motion: As for ``random_path``.
        rng: Draws duration, places and speed.
        duration: As for ``random_path``.

    Returns:
        x and y of each dot, as ``random_path`` returns those of a shape, (dots, 2, frames).

    Raises:
        ValueError: As ``random_path``.

    Example:
        >>> dots = random_dots("left", np.random.default_rng(0))
        >>> 6 <= len(dots) <= 12, bool((abs(dots) <= EDGE).all())
        (True, True)
    """
    time = np.arange(0, rng.uniform(*duration), FRAME_INTERVAL / 1000)
    x, y = rng.uniform(-EDGE, EDGE, (2, rng.integers(6, 13), 1))
    way, angle = rng.uniform(0.35, 1) * time, rng.uniform(0.03, 0.09) * time
    right, down, turn = _course(motion)
    if turn:
        cos, sin = np.cos(angle), np.sin(turn * angle)
        return np.stack([x * cos - y * sin, x * sin + y * cos], axis=1)
    return (np.stack([x + right * way, y + down * way], axis=1) + EDGE) % (2 * EDGE) - EDGE


def film_path(
    path: np.ndarray,
    radius: float | np.ndarray,
    rng: Generator,
    *,
    shape: str = "disc",
    camera: EventCamera = CAMERA,
) -> np.ndarray:
    """Film a dark shape, or several, that go along paths as ``random_path`` returns one.

    Args:
        path: x and y in pixels from the middle, every 0.1 ms, of shape (2, frames) or, for several
            shapes, (shapes, 2, frames).
        radius: Size in pixels, one for all or one for each.
        rng: Draws what is random in the camera.
        shape: One of ``SHAPES``.
        camera: What films it. Default: the fitted one, as for cards.

    Returns:
        Events, as ``EventCamera.record`` returns them.

    Raises:
        ValueError: There is no such shape.

    Example:
        >>> path = random_path("up", rng := np.random.default_rng(0))
        >>> film_path(path, radius=4, rng=rng, shape="square").dtype.names
        ('t', 'x', 'y', 'p')
    """
    if shape not in SHAPES:
        raise ValueError(f"shape is {shape!r}; choose one of {', '.join(SHAPES)}")
    paths = np.asarray(path, np.float32).reshape(-1, *np.shape(path)[-2:])
    radii = np.broadcast_to(radius, len(paths)).tolist()
    y, x = np.mgrid[-17:18, -17:18].astype(np.float32)
    distance = np.full((paths.shape[2], *x.shape), np.inf, np.float32)
    for (to_x, to_y), each in zip(paths[..., None, None], radii, strict=True):
        np.minimum(distance, SHAPES[shape](x - to_x, y - to_y, each), out=distance)
    return camera.record(-np.clip(0.5 - distance, 0, 1), FRAME_INTERVAL, rng)


def film_dots(count: int, seed: int = 0, *, backwards: bool = False) -> Recordings:
    """Film ``random_dots`` of 1.5 to 3 pixels in all motions in turn.

    Args:
        count: As for ``film_motions``.
        seed: As for ``film_motions``.
        backwards: As for ``film_motions``.

    Raises:
        ValueError: As for ``film_motions``.

    Example:
        >>> film_dots(12, seed=1)
        12 recordings of 35 × 35 pixels: left, right, up, down, clockwise, counterclockwise
    """

    def scene(motion: str, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
        dots = random_dots(motion, rng)
        return dots, rng.uniform(1.5, 3, len(dots))

    return _film_in_turn(scene, count, seed, backwards)


def film_motions(
    count: int,
    seed: int = 0,
    *,
    shape: str = "disc",
    duration: Span = DURATION,
    backwards: bool = False,
) -> Recordings:
    """Film all motions in turn.

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

    def scene(motion: str, rng: Generator) -> tuple[np.ndarray, float]:
        return random_path(motion, rng, duration), rng.uniform(3, 6)

    return _film_in_turn(scene, count, seed, backwards, shape)


def _course(motion: str) -> tuple[int, int, int]:
    if motion not in COURSES:
        raise ValueError(f"motion is {motion!r}; choose one of {', '.join(MOTIONS)}")
    return COURSES[motion]


def _film_in_turn(
    scene: Callable[..., Any], count: int, seed: int, backwards: bool, shape: str = "disc"
) -> Recordings:
    check_numbers(Integral, count=count)
    check_seed(seed)
    events, targets = [], [number % len(MOTIONS) for number in range(count)]
    for number, target in enumerate(targets):
        rng = np.random.default_rng([seed, number])
        path, radius = scene(MOTIONS[target], rng)
        events.append(film_path(path[..., ::-1] if backwards else path, radius, rng, shape=shape))
    return Recordings(events, targets, MOTIONS, POKERDVS_SENSOR_SIZE)


def with_mirrored_copies(films: Recordings, same: Collection[str] = ()) -> Recordings:
    """Add what a film shows in a mirror, upside down and turned: eight films of each.

    In a mirror, left becomes right and clockwise counterclockwise: the classes follow.

    Args:
        films: Of some motions, and of what looks the same in a mirror.
        same: The classes that do, such as something that comes nearer.

    Raises:
        ValueError: The sensor isn't square, or what a mirror shows of a film has no class.

    Example:
        >>> with_mirrored_copies(film_motions(1)).targets
        [0, 1, 0, 1, 2, 3, 2, 3]
    """
    last = films.sensor_size[0] - 1
    for mirror in _MIRRORS:
        copies = [events.copy() for events in films.events]
        for copy in copies:
            x, y = mirror(2 * copy["x"] - last, 2 * copy["y"] - last)
            copy["x"], copy["y"] = (x + last) // 2, (y + last) // 2
        shown = {name: _NAMES[(*mirror(x, y), -turn)] for name, (x, y, turn) in COURSES.items()}
        shown |= {name: name for name in same}
        names = [films.classes[target] for target in films.targets]
        if unknown := {name for name in names if shown.get(name) not in films.classes}:
            raise ValueError(
                f"what a mirror shows of {', '.join(sorted(unknown))} has no class; name in same "
                "what looks the same in a mirror, film what else it shows, or train without copies"
            )
        targets = [films.classes.index(shown[name]) for name in names]
        films = films + Recordings(copies, targets, films.classes, films.sensor_size)
    return films
