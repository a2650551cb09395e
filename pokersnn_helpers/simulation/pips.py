"""The shapes of the four pips, as signed distance functions made of circles and triangles.

Each pip is about 2 high and lies around 0; y points down. The numbers were fitted to the pictures
of the 48 real training recordings, see ``cards``.
"""

import math

import numpy as np


def sd_circle(x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    """Return the distance from a circle around 0."""
    return np.sqrt(x * x + y * y) - radius


def sd_triangle(
    x: np.ndarray, y: np.ndarray, tip: float, base: float, half_width: float
) -> np.ndarray:
    """Return that from a triangle with its tip at height ``tip`` and its base at ``base``."""
    down = 1 if base > tip else -1
    slope = half_width / abs(base - tip)
    beyond_side = np.abs(x) - slope * down * (y - tip)
    side = beyond_side / math.hypot(1, slope)
    bottom = down * (y - base)
    return np.maximum(side, bottom)


def sd_two_lobes(
    x: np.ndarray, y: np.ndarray, lobe: tuple[float, float], radius: float, tip: float
) -> np.ndarray:
    """Return that from circles around ``lobe`` and its mirror image, with tangents to a tip."""
    lobe_x, lobe_y = lobe
    lobes = sd_circle(np.abs(x) - lobe_x, y - lobe_y, radius)
    height = tip - lobe_y
    down = 1 if height > 0 else -1
    to_tip = math.hypot(lobe_x, height)
    angle = math.atan2(lobe_x, abs(height)) + math.asin(radius / to_tip)
    tangent = math.sqrt(to_tip**2 - radius**2)
    base = tip - down * tangent * math.cos(angle)
    half_width = tangent * math.sin(angle)
    middle = sd_triangle(x, y, tip, base, half_width)
    return np.minimum(lobes, middle)


def _club(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    top = sd_circle(x, y + 0.73, 0.44)
    sides = sd_circle(np.abs(x) - 0.47, y - 0.16, 0.43)
    middle = sd_circle(x, y, 0.5)
    stem = sd_triangle(x, y, tip=0.49, base=0.9, half_width=0.33)
    return np.minimum.reduce([top, sides, middle, stem])


def _heart(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return sd_two_lobes(x, y, lobe=(0.39, -0.48), radius=0.39, tip=1.41)


def _diamond(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    across = np.abs(x) / 0.72
    return (across + np.abs(y) - 1) * 0.56


def _spade(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    body = sd_two_lobes(x, y, lobe=(0.3, 0.35), radius=0.39, tip=-1.14)
    stem = sd_triangle(x, y, tip=0.61, base=1.03, half_width=0.27)
    return np.minimum(body, stem)


# Negative inside. At some distance from the outline it is a bound rather than the distance itself.
SIGNED_DISTANCE = {
    "club": _club,
    "heart": _heart,
    "diamond": _diamond,
    "spade": _spade,
}
