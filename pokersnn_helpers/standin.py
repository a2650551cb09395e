"""A synthetic stand-in for POKER-DVS: dark pips pass before a simulated event camera.

It has the names, counts and file form of the real set, so that every chapter runs without it.
Shapes, sizes and durations follow pictures and medians of the real training recordings; no real
recording is used when it is made. How far it carries is measured by tools/compare_standin.py.
"""

from pathlib import Path

import numpy as np

SENSOR = 35  # pixels a side, as in POKER-DVS
MARGIN = 20  # rows of the simulated sensor above and below that window
STEP = 200  # µs between two looks at the scene
CONTRAST = 1.2  # log intensity of the card minus that of the pip
ON_THRESHOLD = 0.25  # rise of log intensity that makes an event
OFF_THRESHOLD = 0.35  # and fall; ON events outnumber OFF events, as in the real recordings
MISMATCH = 0.2  # standard deviation of both from pixel to pixel, as a share
BRIGHT_RESPONSE = 500  # time constant of a pixel that sees the card, in µs
DARK_RESPONSE = 2500  # and of one that sees a pip: the less light, the slower
NOISE = 0.002  # background events a pixel and ms


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
# Half height and half width in pixels, read off pictures of the real training recordings.
SIZES = {"cl": (12.0, 12.0), "he": (11.0, 13.0), "di": (11.5, 13.0), "sp": (12.0, 13.0)}
# Typical duration in ms, from the real training recordings.
DURATIONS = {"cl": 15, "he": 13, "di": 18, "sp": 22}


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
    """Simulate one recording of a pip that passes before the camera.

    A pixel sends an event each time its low-pass-filtered log intensity has moved by its
    threshold since its last event (Lichtsteiner et al. 2008, doi:10.1109/JSSC.2007.914337).

    Args:
        suit: ``"cl"``, ``"he"``, ``"di"`` or ``"sp"``.
        rng: Draws the pip's size, place and motion, and the noise.

    Returns:
        Events as a uint64 array of shape (events, 4): t in µs from 0, x, y, and p (1 = ON).
    """
    steps = int(1000 * DURATIONS[suit] * rng.uniform(0.6, 1.35)) // STEP
    half_height, half_width = np.array(SIZES[suit]) * rng.uniform(0.9, 1.1)
    x_centre, y_centre = rng.normal((16.3, 16 + MARGIN), 0.8)
    position, window, squash = _motion(steps, half_height, rng)
    y, x = np.mgrid[0 : SENSOR + 2 * MARGIN, 0:SENSOR].astype(float)
    mismatch = np.clip(rng.normal(1, MISMATCH, size=x.shape), 0.3, None)
    seen = last_event = None
    events = []
    for step in range(steps):
        u = (x - x_centre) / half_width
        lowered = (1 - squash[step]) * half_height  # the lower edge stays where it is
        v = (y - y_centre - position[step] - lowered) / (half_height * squash[step])
        covered = np.clip(0.5 - OUTLINES[suit](u, v) * half_height, 0, 1)  # edge over a pixel
        scene = -CONTRAST * covered
        if seen is None:
            seen, last_event = scene, scene.copy()
        seen = _respond(seen, scene)
        sent = _cross(seen, last_event, mismatch)
        noise = (rng.random(x.shape) < NOISE * STEP / 1000) * rng.choice([-1, 1], size=x.shape)
        sent = np.where(sent == 0, noise, sent)
        rows, columns = np.nonzero(sent)
        rows, columns = (np.repeat(where, np.abs(sent[sent != 0])) for where in (rows, columns))
        times = step * STEP + rng.integers(0, STEP, size=len(rows))
        tracked = rows - MARGIN - round(window[step])
        events.append(np.stack([times, columns, tracked, sent[rows, columns] > 0], axis=1))
    events = np.concatenate(events)
    events = events[(events[:, 2] >= 0) & (events[:, 2] < SENSOR)]
    events = events[np.argsort(events[:, 0], kind="stable")]
    events[:, 0] -= events[0, 0]
    return events.astype(np.uint64)


def _respond(seen: np.ndarray, scene: np.ndarray) -> np.ndarray:
    """Move what the pixels see toward the scene (both log intensities): the darker, the slower."""
    response = BRIGHT_RESPONSE + (DARK_RESPONSE - BRIGHT_RESPONSE) * (-seen / CONTRAST)
    return seen + (scene - seen) * (1 - np.exp(-STEP / response))


def _cross(seen: np.ndarray, last_event: np.ndarray, mismatch: np.ndarray) -> np.ndarray:
    """Count the thresholds crossed since each pixel's last event, whose level is moved along."""
    change = seen - last_event
    threshold = np.where(change > 0, ON_THRESHOLD, OFF_THRESHOLD) * mismatch
    crossings = np.trunc(change / threshold).astype(int)
    last_event += crossings * threshold
    return crossings


def _motion(
    steps: int, half_height: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw how a pip moves: a little up at first, then down, faster and faster, tilting away.

    Returns:
        For each step the height of the pip and that of the window which follows it, in pixels,
        and the share of its height that the tilted pip still shows.
    """
    time = np.linspace(0, 1, steps)
    turn = rng.uniform(0.1, 0.35)
    up = rng.uniform(0.5, 4)
    down = rng.uniform(1.0, 2.0) * half_height
    later = np.clip((time - turn) / (1 - turn), 0, None)
    position = -up * np.clip(time / turn, 0, 1) + down * later ** rng.uniform(1.1, 2)
    window = np.zeros(steps)
    lag = rng.uniform(2000, 4000)  # µs that the window is behind
    for step in range(1, steps):
        window[step] = window[step - 1] + (position[step] - window[step - 1]) * STEP / lag
    squash = 1 - rng.uniform(0.1, 0.55) * later**2
    return position, window, squash
