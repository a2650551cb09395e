"""A synthetic stand-in for POKER-DVS: dark pips pass before a simulated event camera.

It has the names, counts and file form of the real set, so that every chapter runs without it.
No real recording is used when it is made. Its constants were fitted once, to the 48 real training
recordings, in three steps; tools/compare_standin.py measures how far they carry. How the real set
was filmed, by browsing cards and tracking their pips, is told by Serrano-Gotarredona and
Linares-Barranco 2015, doi:10.3389/fnins.2015.00481.

1. The outlines in ``pips``, the constants of motion, light and window, and the 48 cards: by
   gradient descent through a differentiable version of this simulation, so that its expected
   events in every 0.3 ms make the real ones likely (Poisson likelihood).
2. ``CAMERA``, ``BLUR``, ``HALO``, ``FOLLOW`` and the brightness of ``FLASH``: those 48 cards were
   filmed again and again, until statistics and pictures of each were close to those of its real
   recording (CMA-ES, an evolution strategy).
3. ``CARDS`` and ``VARIETY``: they began as means and spreads of the 48 cards, and then moved as
   little as it took for each suit's medians and ranges of the statistics to agree.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from .camera import EventCamera
from .pips import OUTLINES

SENSOR = 35  # pixels a side of the window that is kept, as in POKER-DVS
STEP = 100  # µs between two pictures of the scene
BEFORE = 2000  # µs that the card has been moving when a recording starts
TOGETHER = 8  # pictures that are drawn at a time, to save calls

SUITS = ("cl", "he", "di", "sp")
# What differs between recordings: typical values, in the order of SUITS, and spreads. The first
# number of a spread is the value's own. The others say how strongly it follows two hidden causes
# that all values share: a pip that is browsed for longer, for instance, moves further.
CARDS = {
    # Duration in ms.
    "duration": ((15.6, 11.8, 19.3, 22.2), (0.073, -0.15, -0.016)),
    # Size: pixels that a unit of the outline takes when the card faces the camera.
    "scale_y": ((11.1, 10.9, 10.6, 11.7), (0.039, -0.039, -0.0031)),
    # The same to the side.
    "scale_x": ((13.6, 18.9, 13.4, 18), (0.021, -0.014, -0.0025)),
    # How far the pip is rotated, in rad.
    "rotation": ((-0.0057, -0.0269, -0.0315, -0.00833), (0.015, 0, 0)),
    # Column of the middle at the start, and the way to the right until the end, in pixels.
    "x": ((15.8, 15.8, 15.7, 16), (0.58, 0.043, -0.098)),
    "drift": ((0.541, 0.617, 0.873, 1.32), (1.1, 0.026, 0.34)),
    # Row of the middle, when the way is 0.
    "y": ((14.9, 12.2, 16.6, 13.7), (0.65, 0.029, -0.38)),
    # Way up before the turn and down after it, in pixels.
    "up": ((1.55, 1.44, 1.81, 1.49), (0.47, -0.48, 0.21)),
    "down": ((17.6, 17.8, 23.2, 22.5), (0.087, -0.24, -0.01)),
    # Time of the turn, as a share of the duration.
    "turn": ((0.219, 0.279, 0.189, 0.273), (0.034, -0.028, 0.032)),
    # The way down grows with this power of time,
    "haste": ((1.68, 1.15, 1.62, 1.74), (0.1, -0.17, 0.048)),
    # and ends after this share of the time that is left.
    "stop": ((0.939, 0.76, 0.91, 0.922), (0.082, -0.018, 0.023)),
    # How far the card leans back at the start and forward at the end, in rad.
    "lean": ((0.5, 0.724, 0.717, 0.597), (0.22, -0.21, 0.095)),
    "tilt": ((0.877, 1.35, 1.1, 1.24), (0.11, -0.077, -0.11)),
    # Log intensity by which the pip is darker than its card, and the share of it missing at first.
    "contrast": ((1.38, 1.32, 1.39, 1.38), (0.039, 0.042, 0.0084)),
    "fade": ((0.258, 0.445, 0.525, 0.299), (0.11, 0.0025, -0.003)),
    # Ms before the end when brighter light comes from above, and its speed in pixels a ms.
    "flash": ((1.09, 0.321, 3.45, 0.1), (0.72, -0.58, 0.19)),
    "flash_speed": ((2.22, 3.49, 3.02, 4.3), (0.29, -0.11, -0.077)),
}
# The spreads of these are in logarithms, those of all others in the value's unit.
RELATIVE = (
    *("duration", "scale_y", "scale_x", "up", "down"),
    *("haste", "stop", "contrast", "flash_speed"),
)
VARIETY = {"cl": 1, "he": 1.1, "di": 1, "sp": 0.79}  # how much a suit's recordings differ
LIMITS = {"turn": (0.03, 0.75), "tilt": (0, 1.45), "lean": (-0.2, 1.45), "fade": (0, 0.9)}

# The dark response was held at 1.5 times the bright one or more, since less light makes a
# photoreceptor slower. The fit alone would have made it shorter.
CAMERA = EventCamera(
    on_threshold=0.347,
    off_threshold=0.688,
    mismatch=0.45,
    bright_response=210,
    dark_response=315,
    refractory=72,
    jitter=18,
    burst=0.18,
    noise=0.22,
    leak=1,
)
BLUR = 2.5  # width of the pip's edge in pixels: the lens, and the card out of focus
HALO = (0.1, 12)  # share of the light that the lens scatters, and over how many pixels
TIPPING = 1.33  # power of time with which the card tips over
RISING = 0.57  # and with which it has stood up before
NARROWER = 0.29  # how much narrower a pip looks that leans back, since it is farther away
LIGHTING = (0.99, 2.6)  # when a pale pip gets dark, in turns, and how fast, in ms
FLASH = (0.22, 4.7)  # log intensity and width in pixels of the brighter light that follows the card
# The real pips were tracked, and what was around them kept. Here every event in the window draws it
# by this share of the distance: in the 48, the way of the window follows the sum of the distances.
FOLLOW = 0.00239
AIM = {"cl": 16.4, "he": 10.3, "di": 15, "sp": 15.9}  # row of the window that is drawn to them
# Middle of what is kept, x and y, and how far from it in x and in y, by suit; read off pictures of
# all events of the 48.
MIDDLE = (16, 16.5)
REACH = {"cl": (14.5, 15.2), "he": (15, 15.2), "di": (11, 15.2), "sp": (14.8, 15.2)}


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
        for suit in SUITS:
            (folder / name / suit).mkdir(parents=True, exist_ok=True)
            for number in range(count // len(SUITS)):
                np.save(folder / name / suit / f"{number}.npy", simulate(suit, rng, camera))


def simulate(suit: str, rng: np.random.Generator, camera: EventCamera | None = None) -> np.ndarray:
    """Simulate one recording of a pip that passes before the camera.

    Args:
        suit: ``"cl"``, ``"he"``, ``"di"`` or ``"sp"``.
        rng: Draws the pip's size, place and motion, and the camera's noise.
        camera: Default: ``CAMERA``, the one that the stand-in is filmed with.

    Returns:
        Events as a uint64 array of shape (events, 4): t in µs from 0, x, y, and p (1 = ON).

    Raises:
        ValueError: The camera is too insensitive to see the pip.
    """
    card = _draw(suit, rng)
    time = np.arange(-BEFORE, 1000 * card.duration, STEP) / 1000  # ms
    way, height, width = _motion(card, time)
    rows = np.arange(int(way.min()) - 3, int(way.max() + card.y + REACH[suit][1]) + 2)
    camera = camera or CAMERA
    scenes = _scenes(suit, card, time, way, height, width, rows)
    events = camera.record(scenes, STEP, rng)
    events += [-BEFORE, 0, rows[0], 0]
    events = _track(events[events[:, 0] >= 0], suit)
    if len(events) == 0:
        raise ValueError(
            f"the camera sent no event while a pip passed; lower its thresholds, which are "
            f"{camera.on_threshold} (ON) and {camera.off_threshold} (OFF)"
        )
    events[:, 0] -= events[0, 0]
    return events.astype(np.uint64)


def _draw(suit: str, rng: np.random.Generator) -> SimpleNamespace:
    """Draw what is particular to one recording."""
    card, shared = {}, rng.normal(size=2)
    for name, (typical, (own, *follows)) in CARDS.items():
        value = typical[SUITS.index(suit)]
        change = VARIETY[suit] * (own * rng.normal() + follows @ shared)
        value = value * np.exp(change) if name in RELATIVE else value + change
        low, high = LIMITS.get(name, (-np.inf, np.inf))
        card[name] = float(np.clip(value, low, high))
    return SimpleNamespace(**card)


def _motion(card: SimpleNamespace, time: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Move a pip: up and upright at first, then down, faster and faster, tipping over.

    Returns:
        For each time (ms) the way of the pip in pixels (down is positive), and the shares of its
        height and its width that it shows.
    """
    share = np.minimum(time / card.duration, 1)
    early = np.clip(1 - share / card.turn, 0, 1.25)
    later = np.clip((share - card.turn) / (1 - card.turn), 0, None)
    way = -card.up * np.sin(np.pi / 2 * np.clip(share / card.turn, -1, 1))
    way += card.down * np.minimum(later / card.stop, 1) ** card.haste
    angle = card.tilt * later**TIPPING - card.lean * early**RISING
    height = np.cos(np.clip(angle, -1.45, 1.45))
    return way, height, np.where(angle < 0, 1 - NARROWER * (1 - height), 1)


def _scenes(
    suit: str,
    card: SimpleNamespace,
    time: np.ndarray,
    way: np.ndarray,
    height: np.ndarray,
    width: np.ndarray,
    rows: np.ndarray,
) -> Iterator[np.ndarray]:
    """Yield log intensities of shape (rows, SENSOR): 0 on the card, less on the pip."""
    y, x = rows.astype(np.float32)[:, None], np.arange(SENSOR, dtype=np.float32)
    sine, cosine = math.sin(card.rotation), math.cos(card.rotation)
    lit = (time - LIGHTING[0] * card.turn * card.duration) / LIGHTING[1]
    contrast = card.contrast * (1 - card.fade / (1 + np.exp(lit)))
    courses = [
        card.x + card.drift * np.maximum(time, 0) / card.duration,
        card.y + way + (1 - height) * card.scale_y,  # the lower edge stays where it is
        width * card.scale_x,
        height * card.scale_y,
        np.expm1(-contrast),
        way + (time - card.duration + card.flash) * card.flash_speed,
    ]
    courses = np.array(courses, dtype=np.float32)[..., None, None]
    scattered, reach = HALO
    brightness, softness = FLASH
    for first in range(0, len(time), TOGETHER):
        middle_x, middle_y, scale_x, scale_y, dimmed, front = courses[:, first : first + TOGETHER]
        right, below = x - middle_x, y - middle_y
        u = (cosine * right + sine * below) / scale_x
        v = (cosine * below - sine * right) / scale_y
        depth = -OUTLINES[suit](u, v) * card.scale_y  # in pixels
        sharp = np.clip(0.5 + depth / BLUR, 0, 1)
        covered = (1 - scattered) * sharp**2 * (3 - 2 * sharp)
        covered += scattered * np.clip(0.5 + depth / reach, 0, 1)
        flash = brightness * np.clip(0.5 + (front - y) / softness, 0, 1)
        yield from np.log(1 + dimmed * covered) + flash


def _track(events: np.ndarray, suit: str) -> np.ndarray:
    """Let a window follow the events up and down, and keep those that it holds."""
    x, y = events[:, 1:3].T
    across = ((x - MIDDLE[0]) / REACH[suit][0]) ** 2
    centre, kept, windows = AIM[suit], [], []
    for number, (away, row) in enumerate(zip(across.tolist(), y.tolist(), strict=True)):
        window = round(centre - AIM[suit])
        if away + ((row - window - MIDDLE[1]) / REACH[suit][1]) ** 2 < 1:
            centre += FOLLOW * (row - centre)
            kept.append(number)
            windows.append(window)
    events = events[kept]
    events[:, 2] -= np.array(windows, dtype=int)
    return events
