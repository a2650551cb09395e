"""The outlines of the four pips, made of discs and triangles.

Each is about 2 high and lies around 0; y points down. The numbers were fitted to the pictures of
the 48 real training recordings, see ``standin``.
"""

import math

import numpy as np


def _disc(x: np.ndarray, y: np.ndarray, radius: float) -> np.ndarray:
    return np.sqrt(x * x + y * y) - radius


def _triangle(
    x: np.ndarray, y: np.ndarray, tip: float, base: float, half_width: float
) -> np.ndarray:
    """Triangle from its tip at height ``tip`` to its base at height ``base``."""
    slope = half_width / abs(base - tip)
    down = 1 if base > tip else -1
    side = (np.abs(x) - slope * down * (y - tip)) / math.hypot(1, slope)
    return np.maximum(side, down * (y - base))


def _two_lobes(
    x: np.ndarray, y: np.ndarray, lobe: tuple[float, float], radius: float, tip: float
) -> np.ndarray:
    """Disc around ``lobe``, another one in the mirror, and the tangents from both to a tip."""
    lobe_x, lobe_y = lobe
    down = 1 if tip > lobe_y else -1
    to_tip = math.hypot(lobe_x, tip - lobe_y)
    angle = math.atan2(lobe_x, abs(tip - lobe_y)) + math.asin(radius / to_tip)
    tangent = math.sqrt(to_tip**2 - radius**2)
    base, half_width = tip - down * tangent * math.cos(angle), tangent * math.sin(angle)
    discs = _disc(np.abs(x) - lobe_x, y - lobe_y, radius)
    return np.minimum(discs, _triangle(x, y, tip, base, half_width))


def _club(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    leaves = np.minimum(_disc(x, y + 0.73, 0.44), _disc(np.abs(x) - 0.47, y - 0.16, 0.43))
    leaves = np.minimum(leaves, _disc(x, y, 0.5))
    return np.minimum(leaves, _triangle(x, y, tip=0.49, base=0.9, half_width=0.33))


def _heart(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return _two_lobes(x, y, lobe=(0.39, -0.48), radius=0.39, tip=1.41)


def _diamond(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (np.abs(x) / 0.72 + np.abs(y) - 1) * 0.56


def _spade(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    body = _two_lobes(x, y, lobe=(0.3, 0.35), radius=0.39, tip=-1.14)
    return np.minimum(body, _triangle(x, y, tip=0.61, base=1.03, half_width=0.27))


# Roughly the distance from the outline, negative inside.
OUTLINES = {"cl": _club, "he": _heart, "di": _diamond, "sp": _spade}
