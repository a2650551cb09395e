"""A synthetic stand-in for POKER-DVS: dark pips slide past a simulated event camera.

It has the names, counts and file form of the real set, so that every chapter runs without it. It
is a plain model of the camera: a network trained on it is not expected to name real cards.
"""

from pathlib import Path

import numpy as np

SENSOR = 35  # pixels a side, as in POKER-DVS
ROWS = 2 * SENSOR  # the sensor is taller than the window that follows the pip
STEP = 200  # µs between two looks at the scene
THRESHOLD = 0.3  # change of log intensity that makes an event
MISMATCH = 0.06  # its standard deviation from pixel to pixel
CONTRAST = 1.2  # log intensity of the card minus that of the pip
PHOTORECEPTOR = 2000  # time constant of a pixel's response in µs
NOISE = 0.004  # background events a pixel and ms


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
    return np.minimum(_heart(x, -y - 0.1), _stem(x, y))


# Roughly the distance from the outline, negative inside; a pip is about 2 high, y points down.
OUTLINES = {"cl": _club, "he": _heart, "di": _diamond, "sp": _spade}


def _coverage(suit: str, x: np.ndarray, y: np.ndarray, size: float) -> np.ndarray:
    """Share of each pixel that the pip covers, its edge smoothed over a pixel."""
    return np.clip(0.5 - OUTLINES[suit](x / size, y / size) * size, 0, 1)


def write_standin(folder: Path, seed: int = 0, n_train: int = 48, n_test: int = 20) -> None:
    """Write simulated recordings in the on-disk form of the unpacked real set.

    Args:
        folder: Gets ``pips_train/cl/0.npy`` and so on; each file is a uint64 array of shape
            (events, 4) with columns t (µs), x, y and p.
        seed: Fixes every event.
        n_train: Recordings to train on, a quarter of them from each suit.
        n_test: Recordings to test on, likewise.
    """
    rng = np.random.default_rng(seed)
    for name, count in (("pips_train", n_train), ("pips_test", n_test)):
        for suit in OUTLINES:
            (folder / name / suit).mkdir(parents=True, exist_ok=True)
            for number in range(count // len(OUTLINES)):
                np.save(folder / name / suit / f"{number}.npy", simulate(suit, rng))


def simulate(suit: str, rng: np.random.Generator) -> np.ndarray:
    """Simulate one recording of a pip that slides down before the camera.

    A pixel sends an event each time its low-pass-filtered log intensity has moved by its
    threshold since its last event (Lichtsteiner et al. 2008, doi:10.1109/JSSC.2007.914337).

    Args:
        suit: ``"cl"``, ``"he"``, ``"di"`` or ``"sp"``.
        rng: Draws the pip's size, place and motion, and the noise.

    Returns:
        Events as a uint64 array of shape (events, 4): t in µs from 0, x, y, and p (1 = ON).
    """
    steps = int(rng.uniform(9e3, 27e3)) // STEP
    size = rng.uniform(10.5, 14) * (rng.uniform(0.7, 1) if suit == "di" else 1)  # half height
    x_centre, y_centre = rng.normal((16.5, 19), 0.8)
    distance = rng.uniform(0.7, 1.3) * 1.6 * size  # pixels
    y, x = np.mgrid[0:ROWS, 0:SENSOR].astype(float)
    threshold = np.clip(rng.normal(THRESHOLD, MISMATCH, size=x.shape), 0.05, None)
    seen = last_event = None
    events = []
    for step in range(steps):
        travelled = distance * (step / steps) ** 1.8  # the hand speeds up
        darkness = _coverage(suit, x - x_centre, y - y_centre - travelled, size)
        scene = -CONTRAST * darkness
        seen = scene if seen is None else seen + (scene - seen) * STEP / PHOTORECEPTOR
        last_event = seen.copy() if last_event is None else last_event
        crossings = np.trunc((seen - last_event) / threshold).astype(int)
        last_event += crossings * threshold
        noise = (rng.random(x.shape) < NOISE * STEP / 1000) * rng.choice([-1, 1], size=x.shape)
        rows, columns = np.nonzero(crossings + noise)
        count = np.maximum(np.abs(crossings + noise)[rows, columns], 1)
        rows, columns = np.repeat(rows, count), np.repeat(columns, count)
        tracked = rows - round(travelled)  # the window follows the pip
        times = step * STEP + rng.integers(0, STEP, size=len(rows))
        polarity = (crossings + noise)[rows, columns] > 0
        events.append(np.stack([times, columns, tracked, polarity], axis=1))
    events = np.concatenate(events)
    events = events[(events[:, 2] >= 0) & (events[:, 2] < SENSOR)]
    events = events[np.argsort(events[:, 0], kind="stable")]
    events[:, 0] -= events[0, 0]
    return events.astype(np.uint64)
