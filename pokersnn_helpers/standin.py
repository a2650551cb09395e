"""A synthetic stand-in for POKER-DVS: dark pips pass before a simulated event camera.

It has the names, counts and file form of the real set, so that every chapter runs without it.
No real recording is used when it is made. Its constants were fitted once, to the 48 real training
recordings; tools/compare_standin.py measures how far it carries.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .camera import EventCamera

SENSOR = 35  # pixels a side of the window that is kept, as in POKER-DVS
STEP = 100  # µs between two pictures of the scene


class Pip(NamedTuple):
    """A pip, and how cards with it are typically moved.

    Attributes:
        half_height: In pixels.
        half_width: In pixels.
        centre: Height at which a recording begins to show its middle, in pixels from the top.
        duration: Of a recording, in ms.
        up: Way that the pip first moves up, in pixels.
        down: Way that it then moves down, in pixels.
        tilt: Share of its height that is lost at the end, when the card tips over.
    """

    half_height: float
    half_width: float
    centre: float
    duration: float
    up: float
    down: float
    tilt: float


# Fitted to the 48 real training recordings: with these numbers counts, durations, extents,
# intervals, shares and mean pictures of simulated recordings come close to those of the real ones.
PIPS = {
    "cl": Pip(11.3, 11.8, 15.3, 15.5, 3.2, 17.2, 0.33),
    "he": Pip(9.6, 12.1, 12.7, 13.1, 2.5, 19.8, 0.18),
    "di": Pip(9.7, 13.4, 15.8, 19.4, 3.2, 24.9, 0.30),
    "sp": Pip(11.5, 12.5, 12.6, 22.6, 2.3, 19.5, 0.45),
}

# Fitted together with PIPS, against the same numbers. A pip is 1 darker than the card.
CAMERA = EventCamera(
    on_threshold=0.18,
    off_threshold=0.49,
    mismatch=0.45,
    bright_response=225,
    dark_response=840,
    refractory=74,
    jitter=37,
    noise=0.18,
    leak=0.03,
)
BLUR = 4.0  # width of the pip's edge in pixels: the lens, and the card out of focus
# Standard deviations of the logarithms of what a Pip gives as typical.
SPREADS = {"size": 0.04, "duration": 0.12, "up": 0.25, "down": 0.13, "tilt": 0.40}
TURN = (0.15, 0.57)  # share of a recording at which the pip stops moving up
HASTE = (1.2, 1.9)  # power of time with which it then moves down
STOP = (0.78, 1.44)  # share of the time left after which it has arrived; 1 is the end
TIPPING = 1.5  # power of time with which it tips over
LAG = (2050, 7900)  # µs that the window, which follows the events, is behind
ROTATION = 0.05  # standard deviation, in radians
DRIFT = 1.0  # standard deviation of the way to the side, in pixels
LATE = 0.08  # share of the recordings that begin after the turn
FADE = (0.3, 0.6)  # share of the recordings in which the pip is paler at first, and how much


def _disc(x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    return np.hypot(x, y) - radius


def _wedge(x: np.ndarray, y: np.ndarray, tip: float, base: float, half_width: float) -> np.ndarray:
    """Triangle from its tip at height ``tip`` to its base at height ``base``."""
    slope = half_width / abs(base - tip)
    side = (np.abs(x) - slope * (y - tip) * np.sign(base - tip)) / np.hypot(1, slope)
    return np.maximum(side, (y - base) * np.sign(base - tip))


def _heart(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    lobes = _disc(np.abs(x) - 0.5, y + 0.35, 0.5)
    return np.minimum(lobes, _wedge(x, y, tip=0.95, base=-0.25, half_width=0.98))


def _stem(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return _wedge(x, y, tip=0.1, base=0.95, half_width=0.3)


def _club(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    leaves = np.minimum(_disc(x, y + 0.5, 0.42), _disc(np.abs(x) - 0.5, y - 0.22, 0.42))
    return np.minimum(np.minimum(leaves, _disc(x, y, 0.2)), _stem(x, y))


def _diamond(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (np.abs(x) / 0.68 + np.abs(y) - 1) * 0.56


def _spade(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    lobes = _disc(np.abs(x) - 0.55, y - 0.32, 0.4)
    body = np.minimum(lobes, _wedge(x, y, tip=-1, base=0.3, half_width=0.92))
    return np.minimum(body, _wedge(x, y, tip=0.1, base=0.9, half_width=0.25))


# Roughly the distance from the outline, negative inside; a pip is about 2 high, y points down.
OUTLINES = {"cl": _club, "he": _heart, "di": _diamond, "sp": _spade}


def write_standin(
    folder: Path,
    seed: int = 0,
    n_train: int = 48,
    n_test: int = 20,
    camera: EventCamera | None = None,
) -> None:
    """Write simulated recordings in the on-disk form of the unpacked real set.

    Args:
        folder: Gets ``pips_train/cl/0.npy`` and so on; each file is a uint64 array of shape
            (events, 4) with columns t (µs), x, y and p.
        seed: Fixes every event.
        n_train: Recordings to train on, a quarter of them from each suit.
        n_test: Recordings to test on, likewise.
        camera: Default: ``CAMERA``.
    """
    rng = np.random.default_rng(seed)
    for name, count in (("pips_train", n_train), ("pips_test", n_test)):
        for suit in OUTLINES:
            (folder / name / suit).mkdir(parents=True, exist_ok=True)
            for number in range(count // len(OUTLINES)):
                np.save(folder / name / suit / f"{number}.npy", simulate(suit, rng, camera))


def simulate(suit: str, rng: np.random.Generator, camera: EventCamera | None = None) -> np.ndarray:
    """Simulate one recording of a pip that passes before the camera.

    Args:
        suit: ``"cl"``, ``"he"``, ``"di"`` or ``"sp"``.
        rng: Draws the pip's size, place and motion, and the camera's noise.
        camera: Default: ``CAMERA``, the one that the stand-in is filmed with.

    Returns:
        Events as a uint64 array of shape (events, 4): t in µs from 0, x, y, and p (1 = ON).
    """
    pip = PIPS[suit]
    vary = {name: np.exp(rng.normal(0, spread)) for name, spread in SPREADS.items()}
    size = vary["size"]
    pip = pip._replace(
        half_height=pip.half_height * size,
        half_width=pip.half_width * size,
        duration=pip.duration * vary["duration"],
        up=pip.up * vary["up"],
        down=pip.down * vary["down"],
        tilt=min(0.75, pip.tilt * vary["tilt"]),
    )
    position, window, height = _motion(pip, rng)
    top = int(window.min())  # row of the simulated sensor that the window's first row can reach
    rows = SENSOR + int(np.ceil(window.max())) - top + 1
    scenes = _scenes(suit, pip, position - top, height, rows, rng)
    events = (camera or CAMERA).record(scenes, STEP, rng)
    shift = np.round(window[np.minimum(events[:, 0] // STEP, len(window) - 1)]).astype(int) - top
    events[:, 2] -= shift
    events = events[(events[:, 2] >= 0) & (events[:, 2] < SENSOR)]
    events[:, 0] -= events[0, 0]
    return events.astype(np.uint64)


def _motion(pip: Pip, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw how a pip moves: a little up at first, then down, faster and faster, tipping over.

    Returns:
        For each step the way of the pip and that of the window which follows it, in pixels (down is
        positive), and the share of its height that the pip still shows.
    """
    steps = int(1000 * pip.duration) // STEP
    turn, haste, stop = rng.uniform(*TURN), rng.uniform(*HASTE), rng.uniform(*STOP)
    begin = turn + rng.uniform(0, 0.2) if rng.random() < LATE else 0
    time = np.linspace(0, 1, steps)[int(begin * steps) :]
    later = np.clip((time - turn) / (1 - turn), 0, None)
    position = -pip.up * np.sin(np.pi / 2 * np.clip(time / turn, 0, 1))
    position += pip.down * np.minimum(later / stop, 1) ** haste
    position -= position[0]
    follow = STEP / rng.uniform(*LAG)
    window = np.zeros(len(time))
    for step in range(1, len(time)):
        window[step] = window[step - 1] + (position[step] - window[step - 1]) * follow
    return position, window, 1 - pip.tilt * later**TIPPING


def _scenes(
    suit: str,
    pip: Pip,
    position: np.ndarray,
    height: np.ndarray,
    rows: int,
    rng: np.random.Generator,
) -> Iterator[np.ndarray]:
    """Yield log intensities of shape (rows, SENSOR): 0 on the card, −1 on the pip."""
    y, x = np.mgrid[0:rows, 0:SENSOR].astype(np.float32)
    angle, drift = rng.normal(0, ROTATION), rng.normal(0, DRIFT)
    x_start, y_start = rng.normal((16.2, pip.centre), 0.5)
    fade = rng.uniform(0, 2 * FADE[1]) if rng.random() < FADE[0] else 0
    sine, cosine = np.float32(np.sin(angle)), np.float32(np.cos(angle))
    for step, (way, share) in enumerate(zip(position, height, strict=True)):
        right = x - np.float32(x_start + drift * step / len(position))
        # The lower edge stays where it is when the pip tips over.
        below = y - np.float32(y_start + way + (1 - share) * pip.half_height)
        u = (cosine * right + sine * below) / np.float32(pip.half_width)
        v = (cosine * below - sine * right) / np.float32(pip.half_height * share)
        inside = -OUTLINES[suit](u, v) * np.float32(pip.half_height / BLUR)
        contrast = 1 - fade * np.exp(-step * STEP / 1000)
        yield np.float32(-contrast) * np.clip(0.5 + inside, 0, 1)
