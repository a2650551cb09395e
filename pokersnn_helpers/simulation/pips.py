"""The shapes of the four pips, as signed distance functions made of circles and triangles.

Each pip is about 2 high and lies around 0; y points down. The numbers were fitted to the pictures
of the 48 real training recordings, see ``cards``.
"""

import math

import numpy as np
from numpy import ndarray


def ramp(depth: ndarray) -> ndarray:
    """Return 0 far outside of an edge, 1 far inside of it, and a half on it.

    Args:
        depth: How far inside, in pixels.
    """
    return np.clip(0.5 + depth, 0, 1)


def sd_circle(x: ndarray, y: ndarray, radius: float) -> ndarray:
    """Return the distance from a circle around 0."""
    distance = np.sqrt(x * x + y * y)
    return distance - radius


def sd_triangle(x: ndarray, y: ndarray, tip: float, base: float, half_width: float) -> ndarray:
    """Return that from a triangle with its tip at height ``tip`` and its base at ``base``."""
    down = 1 if base > tip else -1
    height = abs(base - tip)
    slope = half_width / height
    below_tip = down * (y - tip)
    edge = slope * below_tip
    beside = np.abs(x) - edge
    side = beside / math.hypot(1, slope)
    bottom = down * (y - base)
    return np.maximum(side, bottom)


def sd_two_lobes(
    x: ndarray, y: ndarray, lobe_x: float, lobe_y: float, radius: float, tip: float
) -> ndarray:
    """Return that from a circle around a lobe, its mirror image, and their tangents to a tip."""
    beside = np.abs(x) - lobe_x
    lobes = sd_circle(beside, y - lobe_y, radius)
    height = tip - lobe_y
    to_tip = math.hypot(lobe_x, height)
    to_lobe = math.atan2(lobe_x, abs(height))
    angle = to_lobe + math.asin(radius / to_tip)  # of the tangent, from straight up or down
    tangent = math.sqrt(to_tip**2 - radius**2)
    rise = math.copysign(tangent, height) * math.cos(angle)
    base = tip - rise
    half_width = tangent * math.sin(angle)
    middle = sd_triangle(x, y, tip, base, half_width)
    return np.minimum(lobes, middle)


def _club(x: ndarray, y: ndarray) -> ndarray:
    top = sd_circle(x, y + 0.73, 0.44)
    beside = np.abs(x) - 0.47
    sides = sd_circle(beside, y - 0.16, 0.43)
    middle = sd_circle(x, y, 0.5)
    stem = sd_triangle(x, y, tip=0.49, base=0.9, half_width=0.33)
    return np.minimum.reduce([top, sides, middle, stem])


def _heart(x: ndarray, y: ndarray) -> ndarray:
    return sd_two_lobes(x, y, lobe_x=0.39, lobe_y=-0.48, radius=0.39, tip=1.41)


def _diamond(x: ndarray, y: ndarray) -> ndarray:
    across = np.abs(x) / 0.72
    along = np.abs(y)
    return (across + along - 1) * 0.56


def _spade(x: ndarray, y: ndarray) -> ndarray:
    body = sd_two_lobes(x, y, lobe_x=0.3, lobe_y=0.35, radius=0.39, tip=-1.14)
    stem = sd_triangle(x, y, tip=0.61, base=1.03, half_width=0.27)
    return np.minimum(body, stem)


# Negative inside. At some distance from the outline it is a bound rather than the distance itself.
SIGNED_DISTANCE = {
    "club": _club,
    "heart": _heart,
    "diamond": _diamond,
    "spade": _spade,
}
