"""How a card moves, is lit and is tracked: one recording of a dark pip that passes a camera.

How the real set was filmed, by browsing cards and tracking their pips, is told by
Serrano-Gotarredona and Linares-Barranco 2015, doi:10.3389/fnins.2015.00481. The constants here and
in ``pips`` were fitted once to the 48 real training recordings, in three steps. The fit is not part
of the repository, so they are frozen; benchmarks/simulation.py measures how well they hold.

1. ``pips``, the constants of motion, light and aperture, and the parameters of each of the 48
   cards: by gradient descent through a differentiable version of this simulation, so that its
   expected events in every 0.3 ms make the real ones likely (Poisson likelihood).
2. ``CAMERA``, ``BLUR``, ``STRAY_LIGHT``, ``TRACKING_GAIN`` and the brightness of ``HIGHLIGHT``:
   those 48 cards were filmed again and again, until statistics and pictures of each were close to
   those of its real recording (CMA-ES, an evolution strategy).
3. ``CARDS`` and ``SPREAD``: they began as means and spreads of the 48 cards, and then moved as
   little as it took for each suit's medians and ranges of the statistics to agree.
"""

import math
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator

from ..checks import check_range
from ..pokerdvs import POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE
from .camera import EventCamera
from .pips import SIGNED_DISTANCE

FRAME_INTERVAL = 100  # µs between two frames of the scene
LEAD_IN = 2000  # µs that the card has been moving when a recording starts
CHUNK = 8  # frames that are drawn at a time, to save calls


class Parameter(NamedTuple):
    """How one property of a card is drawn.

    All properties of a card share two hidden factors: a pip that is browsed for longer, for
    instance, moves further.
    """

    medians: tuple[float, float, float, float]  # by suit, in the order of POKERDVS_CLASSES
    std: float  # standard deviation of the part that is the property's own
    loadings: tuple[float, float]  # how strongly it follows each factor
    log: bool = False  # std and loadings are in logarithms, else in the property's unit
    limits: tuple[float, float] = (-math.inf, math.inf)


CARDS = {
    "duration": Parameter((15.6, 11.8, 19.3, 22.2), 0.073, (-0.15, -0.016), log=True),  # ms
    # Size: pixels per unit of the outline when the card faces the camera.
    "scale_y": Parameter((11.1, 10.9, 10.6, 11.7), 0.039, (-0.039, -0.0031), log=True),
    "scale_x": Parameter((13.6, 18.9, 13.4, 18), 0.021, (-0.014, -0.0025), log=True),
    "rotation": Parameter((-0.0057, -0.0269, -0.0315, -0.00833), 0.015, (0, 0)),  # rad
    # Column of the middle at the start, and the way to the right until the end, in pixels.
    "x": Parameter((15.8, 15.8, 15.7, 16), 0.58, (0.043, -0.098)),
    "drift": Parameter((0.541, 0.617, 0.873, 1.32), 1.1, (0.026, 0.34)),
    "y": Parameter((14.9, 12.2, 16.6, 13.7), 0.65, (0.029, -0.38)),  # row of the middle at way 0
    # Way up before the turn and down after it, in pixels.
    "up": Parameter((1.55, 1.44, 1.81, 1.49), 0.47, (-0.48, 0.21), log=True),
    "down": Parameter((17.6, 17.8, 23.2, 22.5), 0.087, (-0.24, -0.01), log=True),
    # Time of the turn, as a share of the duration.
    "turn": Parameter((0.219, 0.279, 0.189, 0.273), 0.034, (-0.028, 0.032), limits=(0.03, 0.75)),
    # The way down grows with this power of time,
    "exponent": Parameter((1.68, 1.15, 1.62, 1.74), 0.1, (-0.17, 0.048), log=True),
    # and ends after this share of the time that is left.
    "stop": Parameter((0.939, 0.76, 0.91, 0.922), 0.082, (-0.018, 0.023), log=True),
    # How far the card is tilted back at the start and forward at the end, in rad.
    "tilt_start": Parameter((0.5, 0.724, 0.717, 0.597), 0.22, (-0.21, 0.095), limits=(-0.2, 1.45)),
    "tilt_end": Parameter((0.877, 1.35, 1.1, 1.24), 0.11, (-0.077, -0.11), limits=(0, 1.45)),
    # Log intensity by which the pip is darker than its card, and the share of it missing at first.
    "contrast": Parameter((1.38, 1.32, 1.39, 1.38), 0.039, (0.042, 0.0084), log=True),
    "fade": Parameter((0.258, 0.445, 0.525, 0.299), 0.11, (0.0025, -0.003), limits=(0, 0.9)),
    # Ms before the end when the highlight comes from above, and its speed in pixels per ms.
    "highlight": Parameter((1.09, 0.321, 3.45, 0.1), 0.72, (-0.58, 0.19)),
    "highlight_speed": Parameter((2.22, 3.49, 3.02, 4.3), 0.29, (-0.11, -0.077), log=True),
}
# Factor on all standard deviations and loadings: how much the recordings of a suit differ.
SPREAD = {"club": 1, "heart": 1.1, "diamond": 1, "spade": 0.79}

# tau_dark was held at 1.5 times tau_bright or more, since less light makes a photoreceptor slower.
# The fit alone would have made it shorter.
CAMERA = EventCamera(
    on_threshold=0.347, off_threshold=0.688, mismatch=0.45, tau_bright=210, tau_dark=315,
    refractory_period_us=72, timestamp_jitter_us=18, tie_probability=0.18, noise_rate_hz=0.22,
    leak_rate=1,
)  # fmt: skip
BLUR = 2.5  # width of the pip's edge in pixels: the lens, and the card out of focus
STRAY_LIGHT = (0.1, 12)  # share of the light that the lens scatters, and over how many pixels
TILT_EXPONENTS = (0.57, 1.33)  # powers of time with which a card stands up, and then tips over
NARROWING = 0.29  # how much narrower a pip looks that is tilted back, since it is farther away
LIGHTING = (0.99, 2.6)  # when a pale pip gets dark, in turns, and how fast, in ms
HIGHLIGHT = (0.22, 4.7)  # log intensity, and width in pixels, of light that follows the card
# The real pips were tracked, and what was around them kept. Here every event in the aperture moves
# it by this share of the distance: in the 48, its way follows the sum of the distances.
TRACKING_GAIN = 0.00239
TRACKED_ROW = {"club": 16.4, "heart": 10.3, "diamond": 15, "spade": 15.9}  # that moves to them
# What is kept is an ellipse: its centre and radii, x and y; read off pictures of the 48.
APERTURE_CENTRE = (16, 16.5)
APERTURE_RADII = {
    "club": (14.5, 15.2), "heart": (15, 15.2), "diamond": (11, 15.2), "spade": (14.8, 15.2),
}  # fmt: skip


def simulate_recording(
    suit: str,
    rng: Generator,
    camera: EventCamera | None = None,
    *,
    upside_down: bool = False,
    factors: np.ndarray | None = None,
    spread: float | None = None,
) -> np.ndarray:
    """Simulate one recording of a pip that passes the camera.

    Args:
        suit: ``"club"``, ``"heart"``, ``"diamond"`` or ``"spade"``.
        rng: Draws the pip's size, place and motion, and the camera's noise.
        camera: Default: ``CAMERA``, which was fitted to the real one.
        upside_down: Turn the pip's outline by 180°; it moves the same way.
        factors: The two hidden factors that the properties of a card share, drawn from a standard
            normal distribution; pips of one card pass share them. Default: drawn from ``rng``.
        spread: Factor on all standard deviations and loadings, from 0 (each card gets the medians
            of its suit) to 4. Default: ``SPREAD``, which was fitted to the 48 cards. A network that
            shall classify cards of other passes learns more from cards that differ more.

    Returns:
        Events in order of time, as a structured array of ``EVENT_DTYPE``; t is in µs from 0, and x
        and y lie within ``POKERDVS_SENSOR_SIZE``.

    Raises:
        ValueError: There is no such suit, ``spread`` isn't a number from 0 to 4, or the camera is
            too insensitive to see the pip.

    Example:
        >>> events = simulate_recording("heart", np.random.default_rng(0))
        >>> len(events) > 1000, events.dtype.names
        (True, ('t', 'x', 'y', 'p'))
    """
    if suit not in POKERDVS_CLASSES:
        raise ValueError(f"suit is {suit!r}; choose one of {', '.join(POKERDVS_CLASSES)}")
    spread = SPREAD[suit] if spread is None else spread
    check_range(0, 4, spread=spread)
    card = _draw(suit, rng, spread, factors)
    card.rotation += math.pi * upside_down
    return _film(suit, card, _move(card), rng, camera or CAMERA)


def _film(
    suit: str, card: SimpleNamespace, motion: "_Motion", rng: Generator, camera: EventCamera
) -> np.ndarray:
    """Let a camera see a moving pip, and the aperture follow it."""
    lowest = motion.way.max() + card.y + APERTURE_RADII[suit][1]
    rows = np.arange(int(motion.way.min()) - 3, int(lowest) + 2)  # all that the aperture can reach
    events = camera.record(_log_frames(suit, card, motion, rows), FRAME_INTERVAL, rng)
    events["t"] -= LEAD_IN
    events["y"] += rows[0]
    events = _track(events[events["t"] >= 0], suit)
    if len(events) == 0:
        raise ValueError(f"no event while a pip passed {camera}; lower its thresholds")
    events["t"] -= events["t"][0]
    return events


def _draw(suit: str, rng: Generator, spread: float, factors: Any = None) -> SimpleNamespace:
    """Draw what is particular to one recording."""
    card = {}
    factors = rng.normal(size=2) if factors is None else factors
    for name, (medians, std, loadings, log, limits) in CARDS.items():
        median = medians[POKERDVS_CLASSES.index(suit)]
        change = spread * (std * rng.normal() + loadings @ factors)
        card[name] = float(np.clip(median * np.exp(change) if log else median + change, *limits))
    return SimpleNamespace(**card)


class _Motion(NamedTuple):
    """Where a pip is, and how it looks, in each frame."""

    time: np.ndarray  # ms
    x: np.ndarray  # column of its middle
    way: np.ndarray  # pixels; down is positive
    height: np.ndarray  # share of the pip's height that it shows, since it is tilted
    width: np.ndarray  # and of its width


def _move(card: SimpleNamespace) -> _Motion:
    """Move a pip: up and upright at first, then down, faster and faster, tipping over."""
    time = np.arange(-LEAD_IN, 1000 * card.duration, FRAME_INTERVAL) / 1000
    share = np.minimum(time / card.duration, 1)
    early = np.clip(1 - share / card.turn, 0, 1.25)
    later = np.clip((share - card.turn) / (1 - card.turn), 0, None)
    way = -card.up * np.sin(np.pi / 2 * np.clip(share / card.turn, -1, 1))
    way += card.down * np.minimum(later / card.stop, 1) ** card.exponent
    standing_up, tipping_over = TILT_EXPONENTS
    angle = card.tilt_end * later**tipping_over - card.tilt_start * early**standing_up
    height = np.cos(np.clip(angle, -1.45, 1.45))
    x = card.x + card.drift * np.maximum(time, 0) / card.duration
    return _Motion(time, x, way, height, np.where(angle < 0, 1 - NARROWING * (1 - height), 1))


def _log_frames(
    suit: str, card: SimpleNamespace, motion: _Motion, rows: np.ndarray
) -> Iterator[np.ndarray]:
    """Yield log intensities of shape (rows, columns): 0 on the card, less on the pip."""
    time, x_middle, way, height, width = motion
    y = rows.astype(np.float32)[:, None]
    x = np.arange(POKERDVS_SENSOR_SIZE[0], dtype=np.float32)
    sine, cosine = math.sin(card.rotation), math.cos(card.rotation)
    lit = (time - LIGHTING[0] * card.turn * card.duration) / LIGHTING[1]
    contrast = card.contrast * (1 - card.fade / (1 + np.exp(lit)))
    values = [
        x_middle,
        card.y + way + (1 - height) * card.scale_y,  # the lower edge stays where it is
        width * card.scale_x,
        height * card.scale_y,
        np.expm1(-contrast),
        way + (time - card.duration + card.highlight) * card.highlight_speed,
    ]
    courses = np.array(values, dtype=np.float32)[..., None, None]
    scattered, reach = STRAY_LIGHT
    brightness, softness = HIGHLIGHT
    for first in range(0, len(time), CHUNK):
        middle_x, middle_y, scale_x, scale_y, dimmed, front = courses[:, first : first + CHUNK]
        right, below = x - middle_x, y - middle_y
        u = (cosine * right + sine * below) / scale_x
        v = (cosine * below - sine * right) / scale_y
        depth = -SIGNED_DISTANCE[suit](u, v) * card.scale_y  # in pixels
        sharp = np.clip(0.5 + depth / BLUR, 0, 1)
        covered = (1 - scattered) * sharp**2 * (3 - 2 * sharp)
        covered += scattered * np.clip(0.5 + depth / reach, 0, 1)
        highlight = brightness * np.clip(0.5 + (front - y) / softness, 0, 1)
        yield from np.log(1 + dimmed * covered) + highlight


def _track(events: np.ndarray, suit: str) -> np.ndarray:
    """Let the aperture follow the events up and down, and keep those within it."""
    across = ((events["x"] - APERTURE_CENTRE[0]) / APERTURE_RADII[suit][0]) ** 2
    centre, kept, offsets = TRACKED_ROW[suit], [], []
    for number, (away, row) in enumerate(zip(across.tolist(), events["y"].tolist(), strict=True)):
        offset = round(centre - TRACKED_ROW[suit])
        if away + ((row - offset - APERTURE_CENTRE[1]) / APERTURE_RADII[suit][1]) ** 2 < 1:
            centre += TRACKING_GAIN * (row - centre)
            kept.append(number)
            offsets.append(offset)
    events = events[kept]
    events["y"] -= np.array(offsets, dtype=int)
    return events
