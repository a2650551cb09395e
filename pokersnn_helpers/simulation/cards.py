"""How a card moves, is lit and is tracked: one recording of a dark pip that passes a camera.

How the real set was filmed, by browsing cards and tracking their pips, is told by
Serrano-Gotarredona and Linares-Barranco 2015, doi:10.3389/fnins.2015.00481. The constants here and
in ``pips`` were fitted once to the 48 real training recordings, in three steps, and are frozen.
``python -m benchmarks fit`` fits eight constants of the camera anew, from a camera that knows
nothing of the real one; steps 1 and 3, and the lens and the light of step 2, aren't part of the
repository. ``python -m benchmarks simulation`` measures how well all of them hold.

1. ``pips``, the constants of motion, light and aperture, and the parameters of each of the 48
   cards: by gradient descent through a differentiable version of this simulation, so that its
   expected events in every 0.3 ms make the real ones likely (Poisson likelihood).
2. ``CAMERA``, ``BLUR``, ``STRAY_LIGHT``, ``TRACKING_GAIN`` and the brightness of ``HIGHLIGHT``:
   those 48 cards were filmed again and again, until statistics and pictures of each were close to
   those of its real recording (CMA-ES, an evolution strategy).
3. ``CARDS``, which ``cards.csv`` holds, and ``SPREAD``: they began as means and spreads of the 48
   cards, and then moved as little as it took for each suit's medians and ranges of the statistics
   to agree.
"""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy import ndarray
from numpy.random import Generator

from ..events.recordings import POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE
from ..system.checks import check_range
from .camera import FRAME_INTERVAL, EventCamera
from .pips import SIGNED_DISTANCE, ramp

LEAD_IN = 2000  # µs that the card has been moving when a recording starts


# How each property of a card is drawn: its median by suit, the standard deviation of the part that
# is its own, how strongly it follows each of two hidden factors, and its limits. The properties of
# a card share the factors: a pip that is browsed for longer, for instance, moves further. Where
# "log" is true, deviation and factors are in logarithms, else in the property's unit.
CARDS = pd.read_csv(
    Path(__file__).with_name("cards.csv"),
    index_col="name",
    true_values=["yes"],
    false_values=["no"],
).to_dict("index")
FACTORS = ["factor 1", "factor 2"]
# Factor on all standard deviations and loadings: how much the recordings of a suit differ.
SPREAD = {"club": 1, "heart": 1.1, "diamond": 1, "spade": 0.79}

#: The camera that was fitted to the real recordings.
#: ``tau_dark`` was held at 1.5 times ``tau_bright`` or more, since less light makes a photoreceptor
#: slower. The fit alone would have made it shorter.
CAMERA = EventCamera(
    on_threshold=0.347,
    off_threshold=0.688,
    mismatch=0.45,
    tau_bright=210,
    tau_dark=315,
    refractory_period_us=72,
    timestamp_jitter_us=18,
    tie_probability=0.18,
    noise_rate_hz=0.22,
    leak_rate=1,
)
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
    "club": (14.5, 15.2),
    "heart": (15, 15.2),
    "diamond": (11, 15.2),
    "spade": (14.8, 15.2),
}


def simulate_recording(
    suit: str,
    rng: Generator,
    camera: EventCamera | None = None,
    *,
    upside_down: bool = False,
    factors: ndarray | None = None,
    spread: float | None = None,
) -> ndarray:
    """Simulate one recording of a pip that passes the camera.

    Args:
        suit: ``"club"``, ``"heart"``, ``"diamond"`` or ``"spade"``.
        rng: The random generator for the pip's size, place and motion, and for the camera's noise.
        camera: The camera that films. Default: ``CAMERA``, which was fitted to the real one.
        upside_down: Whether to turn the pip's outline by 180°. Its motion stays the same.
        factors: Two random factors on which the properties of a card depend, from a standard normal
            distribution. The pips of one card pass share them. Default: drawn by ``rng``.
        spread: Factor on all standard deviations and loadings, from 0 (each card gets the medians
            of its suit) to 4. Default: ``SPREAD``, which was fitted to the 48 cards. To classify
            cards of other passes, train on cards that differ more.

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
    if spread is None:
        spread = SPREAD[suit]
    check_range(0, 4, spread=spread)
    card = _draw(suit, rng, spread, factors)
    card.rotation += math.pi * upside_down
    motion = _move(card)
    return _film(suit, card, motion, rng, camera or CAMERA)


def _film(
    suit: str, card: SimpleNamespace, motion: "_Motion", rng: Generator, camera: EventCamera
) -> ndarray:
    """Let a camera see a moving pip, and the aperture follow it."""
    _, radius = APERTURE_RADII[suit]
    highest = motion.way.min()
    lowest = motion.way.max() + card.y + radius
    rows = np.arange(int(highest) - 3, int(lowest) + 2)  # all that the aperture can reach
    log_frames = _log_frames(suit, card, motion, rows)
    events = camera.record(log_frames, FRAME_INTERVAL, rng)
    events["t"] -= LEAD_IN
    events["y"] += rows[0]
    events = events[events["t"] >= 0]
    events = _track(events, suit)
    if len(events) == 0:
        raise ValueError(f"no event while a pip passed {camera}; lower its thresholds")
    events["t"] -= events["t"][0]
    return events


def _draw(
    suit: str, rng: Generator, spread: float, factors: ndarray | None = None
) -> SimpleNamespace:
    """Draw what is particular to one recording."""
    if factors is None:
        factors = rng.normal(size=2)
    card = {}
    for name, drawn in CARDS.items():
        median = drawn[suit]
        loadings = [drawn[factor] for factor in FACTORS]
        change = drawn["std"] * rng.normal() + loadings @ factors
        change *= spread
        value = median * np.exp(change) if drawn["log"] else median + change
        card[name] = float(np.clip(value, drawn["lowest"], drawn["highest"]))
    return SimpleNamespace(**card)


class _Motion(NamedTuple):
    """Where a pip is, and how it looks, in each frame."""

    time: ndarray  # ms
    x: ndarray  # column of its middle
    way: ndarray  # pixels; down is positive
    height: ndarray  # share of the pip's height that it shows, since it is tilted
    width: ndarray  # and of its width


def _move(card: SimpleNamespace) -> _Motion:
    """Move a pip: up and upright at first, then down, faster and faster, tipping over."""
    time = np.arange(-LEAD_IN, 1000 * card.duration, FRAME_INTERVAL) / 1000
    share = np.minimum(time / card.duration, 1)
    to_turn = share / card.turn
    after_turn = (share - card.turn) / (1 - card.turn)
    later = np.clip(after_turn, 0, None)

    up = card.up * np.sin(np.pi / 2 * np.clip(to_turn, -1, 1))
    down = card.down * np.minimum(later / card.stop, 1) ** card.exponent
    x = card.x + card.drift * np.maximum(time, 0) / card.duration

    standing_up, tipping_over = TILT_EXPONENTS
    back = card.tilt_start * np.clip(1 - to_turn, 0, 1.25) ** standing_up
    forward = card.tilt_end * later**tipping_over
    angle = forward - back
    height = np.cos(np.clip(angle, -1.45, 1.45))
    width = np.where(angle < 0, 1 - NARROWING * (1 - height), 1)
    return _Motion(time, x, down - up, height, width)


def _log_frames(suit: str, card: SimpleNamespace, motion: _Motion, rows: ndarray) -> ndarray:
    """Return log intensities (frames, rows, columns): 0 on the card, less on the pip."""
    time, middle_x, way, height, width = motion
    middle_y = card.y + way + (1 - height) * card.scale_y  # the lower edge stays where it is
    lit = (time - LIGHTING[0] * card.turn * card.duration) / LIGHTING[1]
    contrast = card.contrast * (1 - card.fade / (1 + np.exp(lit)))
    front = way + (time - card.duration + card.highlight) * card.highlight_speed
    courses = [
        middle_x,
        middle_y,
        width * card.scale_x,
        height * card.scale_y,
        np.expm1(-contrast),
        front,
    ]
    by_frame = np.array(courses, np.float32)[..., None, None]
    middle_x, middle_y, scale_x, scale_y, dimmed, front = by_frame
    x = np.arange(POKERDVS_SENSOR_SIZE[0], dtype=np.float32)
    y = rows.astype(np.float32)[:, None]

    right = x - middle_x
    below = y - middle_y
    sine = math.sin(card.rotation)
    cosine = math.cos(card.rotation)
    u = (cosine * right + sine * below) / scale_x
    v = (cosine * below - sine * right) / scale_y
    depth = -SIGNED_DISTANCE[suit](u, v) * card.scale_y  # in pixels

    scattered, reach = STRAY_LIGHT
    sharp = ramp(depth / BLUR)
    covered = (1 - scattered) * sharp**2 * (3 - 2 * sharp)
    covered += scattered * ramp(depth / reach)
    brightness, softness = HIGHLIGHT
    highlight = brightness * ramp((front - y) / softness)
    return np.log(1 + dimmed * covered) + highlight


def _track(events: ndarray, suit: str) -> ndarray:
    """Let the aperture follow the events up and down, and keep those within it."""
    centre_x, centre_y = APERTURE_CENTRE
    radius_x, radius_y = APERTURE_RADII[suit]
    across = ((events["x"] - centre_x) / radius_x) ** 2
    start = TRACKED_ROW[suit]
    tracked = start
    inside = []
    offsets = []
    places = zip(across.tolist(), events["y"].tolist(), strict=True)
    for number, (away, row) in enumerate(places):
        offset = round(tracked - start)
        away += ((row - offset - centre_y) / radius_y) ** 2
        if away < 1:
            tracked += TRACKING_GAIN * (row - tracked)
            inside.append(number)
            offsets.append(offset)
    events = events[inside]
    events["y"] -= np.array(offsets, dtype=int)
    return events
