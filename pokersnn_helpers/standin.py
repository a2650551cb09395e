"""A synthetic stand-in for POKER-DVS: dark pips pass before a simulated event camera.

It has the names, counts and file form of the real set, so that every chapter runs without it.
No real recording is used when it is made. Its constants were fitted once, to the 48 real training
recordings; tools/compare_standin.py measures how far it carries.

For each of the 48, size, motion and light were sought with which the simulation comes closest to
it: to its picture in every ms, and to its statistics. What differed between recordings gave
``CARDS``, what they shared the other constants. Then typical values were fitted to the medians and
spreads of each suit, and the outlines of club and spade to their pictures. Noise, leak, the bus,
``HALO`` and the brightness of ``FLASH`` were set by trial, against the same numbers. So were how
pale spades begin and how much sizes differ (more than was fitted): against how well networks that
were trained on the 48 name simulated recordings, and the other way round.
"""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from .camera import EventCamera

SENSOR = 35  # pixels a side of the window that is kept, as in POKER-DVS
STEP = 100  # µs between two pictures of the scene

SUITS = ("cl", "he", "di", "sp")
# What differs between recordings: typical values, in the order of SUITS, and spreads. The first
# number of a spread is the value's own. The others say how strongly it follows two hidden causes
# that all values share: a pip that is browsed for longer, for instance, moves further.
CARDS = {
    "duration": ((14.8, 13.4, 19.9, 23.8), (0.04, -0.24, -0.02)),
    "half_height": ((12.1, 10.9, 10.6, 11.7), (0.1, -0.02, -0.01)),
    "half_width": ((13.5, 13.6, 12.9, 14.6), (0.09, -0.01, -0.01)),
    "x": ((15.2, 16.4, 15.6, 15.7), (0.57, -0.14, 0.26)),
    "y": ((15.7, 13, 16.6, 13.8), (0.68, 0.05, 0.38)),
    "up": ((2.05, 1.51, 1.29, 2.65), (0.28, -0.11, -0.08)),
    "down": ((21.4, 17.7, 24.4, 23.8), (0.14, -0.15, 0.03)),
    "turn": ((0.18, 0.25, 0.2, 0.25), (0.07, -0.04, -0.05)),
    "haste": ((2.17, 1.69, 1.93, 2.03), (0.24, -0.02, -0.11)),
    "stop": ((0.92, 0.87, 0.98, 0.92), (0.18, 0.06, -0.01)),
    "tilt": ((0.26, 0.32, 0.61, 0.59), (0.1, -0.05, 0.04)),
    "lag": ((3750, 3000, 1710, 2930), (0.22, -0.01, -0.41)),
    "rotation": ((-0.05, -0.06, -0.01, 0.01), (0.032, 0.005, 0)),
    "drift": ((1.07, -1.12, 1.06, -0.18), (1.14, -0.19, -0.2)),
    "fade": ((0.27, 0.22, 0.57, 0.33), (0.14, -0.06, 0.06)),
    "flash": ((-0.76, 0.85, 4.67, -1.13), (1.92, -0.23, -0.4)),
    "flash_speed": ((3.84, 6.19, 3.01, 5.36), (0.39, 0, 0)),
}
# The spreads of these are in logarithms, those of all others in the value's unit.
RELATIVE = (
    *("duration", "half_height", "half_width", "up", "down"),
    *("haste", "stop", "lag", "flash_speed"),
)
LIMITS = {"turn": (0.05, 0.75), "tilt": (0, 0.8), "fade": (0, 0.9)}  # what makes sense

CAMERA = EventCamera(
    on_threshold=0.303,
    off_threshold=0.465,
    mismatch=0.42,
    bright_response=219,
    dark_response=390,
    refractory=74,
    jitter=26,
    noise=0.4,
    leak=1.5,
    burst=0.14,
)
CONTRAST = 1.23  # log intensity by which a pip is darker than its card
BLUR = 3  # width of the pip's edge in pixels: the lens, and the card out of focus
HALO = (0.15, 18)  # share of the light that the lens scatters, and over how many pixels
TIPPING = 1.99  # power of time with which the card tips over
LIGHTING = (1.05, 0.72)  # when a pale pip gets dark, in turns, and how fast, in ms
FLASH = (0.25, 3.8)  # log intensity and width in pixels of the brighter light that follows the card
# The tracker kept the events around the pip's middle only: x and y in pixels, from pictures of all
# events of the 48, and how far from it in x and in y, by suit.
MIDDLE = (16, 16.5)
REACH = {"cl": (14.5, 15.2), "he": (15, 15.2), "di": (11, 15.2), "sp": (14.8, 15.2)}


def _disc(x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    return np.hypot(x, y) - radius


def _wedge(x: np.ndarray, y: np.ndarray, tip: float, base: float, half_width: float) -> np.ndarray:
    """Triangle from its tip at height ``tip`` to its base at height ``base``."""
    slope = half_width / abs(base - tip)
    down = 1 if base > tip else -1
    side = (np.abs(x) - slope * down * (y - tip)) / float(np.hypot(1, slope))
    return np.maximum(side, down * (y - base))


def _heart(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    lobes = _disc(np.abs(x) - 0.5, y + 0.35, 0.5)
    return np.minimum(lobes, _wedge(x, y, tip=0.95, base=-0.25, half_width=0.98))


def _club(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    leaves = np.minimum(_disc(x, y + 0.51, 0.48), _disc(np.abs(x) - 0.46, y - 0.23, 0.42))
    leaves = np.minimum(leaves, _disc(x, y, 0.38))
    return np.minimum(leaves, _wedge(x, y, tip=0.11, base=0.91, half_width=0.28))


def _diamond(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (np.abs(x) / 0.68 + np.abs(y) - 1) * 0.56


def _spade(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    lobes = _disc(np.abs(x) - 0.44, y - 0.36, 0.41)
    body = np.minimum(lobes, _wedge(x, y, tip=-1, base=0.42, half_width=0.96))
    return np.minimum(body, _wedge(x, y, tip=0.1, base=1.02, half_width=0.2))


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
    """
    card = _draw(suit, rng)
    position, window, height = _motion(card)
    rows = np.arange(window.min(), window.max() + SENSOR)  # that the window can reach
    scenes = _scenes(suit, card, position, window, height, rows)
    events = (camera or CAMERA).record(scenes, STEP, rng)
    events[:, 2] += rows[0] - window[np.minimum(events[:, 0] // STEP, len(window) - 1)]
    away = (events[:, 1:3] - MIDDLE) / REACH[suit]
    events = events[np.hypot(*away.T) < 1]
    events[:, 0] -= events[0, 0]
    return events.astype(np.uint64)


def _draw(suit: str, rng: np.random.Generator) -> SimpleNamespace:
    """Draw what is particular to one recording."""
    card, shared = {}, rng.normal(size=2)
    for name, (typical, (own, *follows)) in CARDS.items():
        value = typical[SUITS.index(suit)]
        change = own * rng.normal() + follows @ shared
        card[name] = value * np.exp(change) if name in RELATIVE else value + change
    for name, limits in LIMITS.items():
        card[name] = np.clip(card[name], *limits)
    return SimpleNamespace(**card)


def _motion(card: SimpleNamespace) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Move a pip: a little up at first, then down, faster and faster, tipping over.

    Returns:
        For each step the way of the pip and that of the window which follows it, in pixels (down is
        positive; the window's are whole), and the share of its height that the pip still shows.
    """
    time = np.linspace(0, 1, int(1000 * card.duration) // STEP)
    later = np.clip((time - card.turn) / (1 - card.turn), 0, None)
    position = -card.up * np.sin(np.pi / 2 * np.clip(time / card.turn, 0, 1))
    position += card.down * np.minimum(later / card.stop, 1) ** card.haste
    window = np.zeros(len(time))
    for step in range(1, len(time)):
        behind = position[step] - window[step - 1]
        window[step] = window[step - 1] + behind * STEP / card.lag
    return position, np.round(window).astype(int), 1 - card.tilt * later**TIPPING


def _scenes(
    suit: str,
    card: SimpleNamespace,
    position: np.ndarray,
    window: np.ndarray,
    height: np.ndarray,
    rows: np.ndarray,
) -> Iterator[np.ndarray]:
    """Yield log intensities of shape (rows, SENSOR): 0 on the card, −CONTRAST on the pip."""
    y, x = np.meshgrid(rows, np.arange(SENSOR), indexing="ij")
    y, x = y.astype(np.float32), x.astype(np.float32)
    sine, cosine = np.float32(np.sin(card.rotation)), np.float32(np.cos(card.rotation))
    scattered, reach = HALO
    brightness, softness = FLASH
    for step, (way, share) in enumerate(zip(position, height, strict=True)):
        time = step * STEP / 1000  # ms
        right = x - np.float32(card.x + card.drift * step / len(position))
        # The lower edge stays where it is when the pip tips over.
        below = y - np.float32(card.y + way + (1 - share) * card.half_height)
        u = (cosine * right + sine * below) / np.float32(card.half_width)
        v = (cosine * below - sine * right) / np.float32(card.half_height * share)
        depth = -OUTLINES[suit](u, v) * np.float32(card.half_height)  # in pixels
        sharp = np.clip(0.5 + depth / np.float32(BLUR), 0, 1)
        covered = (1 - scattered) * sharp**2 * (3 - 2 * sharp)
        covered += scattered * np.clip(0.5 + depth / np.float32(reach), 0, 1)
        lit = (time - LIGHTING[0] * card.turn * card.duration) / LIGHTING[1]
        contrast = CONTRAST * (1 - card.fade / (1 + np.exp(lit)))
        light = 1 + np.float32(np.expm1(-contrast)) * covered
        flash = (time - card.duration + card.flash) * card.flash_speed + window[step]
        flash = brightness * np.clip(0.5 + (np.float32(flash) - y) / softness, 0, 1)
        yield np.log(light) + flash
