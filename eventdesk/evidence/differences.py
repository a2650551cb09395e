"""By how much a model is more accurate than another, on recordings that come in groups."""

import math
from typing import NamedTuple

import numpy as np
from numpy import ndarray
from scipy.stats import t as student


class Difference(NamedTuple):
    """By how much a model is more accurate than another.

    Attributes:
        mean: From -1 to 1.
        low: The lower end of its interval.
        high: The upper end.

    Example:
        >>> Difference(mean=0.1, low=-0.02, high=0.22).low < 0
        True
    """

    mean: float
    low: float
    high: float


def paired_difference(
    first: ndarray,
    second: ndarray,
    groups: ndarray,
    models: int = 1,
    within: bool = False,
) -> Difference:
    """Return by how much a model is more accurate than another, with an interval.

    The interval is that of Student's t for groups of recordings. The best of several models is
    ahead by chance more often, so its level is 100 − 5 / ``models`` % (Bonferroni). Unlike a
    bootstrap, it holds this level with few groups, too, and with groups of unequal size: a group's
    deviation counts more the larger the group is, and degrees of freedom are fewer (CR2 and
    Satterthwaite's: Pustejovsky and Tipton 2018, doi:10.1080/07350015.2016.1247004). Agreement
    may be chance, so the error is at least that of independent recordings, and at least that of a
    single exception among them; and the interval is at least as wide as the exact one for as many
    recordings without an exception (Clopper and Pearson 1934). It can't know what no group shows,
    such as a person with whom a model always fails.

    Args:
        first: Whether the first model classifies each recording correctly, (recordings,).
        second: Whether the other model does, for the same recordings.
        groups: The number of each recording's group, from 0, as ``Evidence.group_numbers``.
        models: The number of models among which the first one is the best.
        within: Ask about other recordings of these groups, and not about new groups.

    Example:
        >>> better, worse = np.arange(100) < 90, np.arange(100) < 80
        >>> alone = np.arange(100)
        >>> [round(share, 2) for share in paired_difference(better, worse, alone, models=3)]
        [0.1, 0.03, 0.17]
    """
    difference = np.subtract(first, second, dtype=float)
    recordings = len(difference)
    sizes = np.bincount(groups)
    mean = difference.mean()
    if within:
        means = np.bincount(groups, difference) / sizes
        unbiased = (sizes / (sizes - 1).clip(1))[groups]
        squares = (unbiased * (difference - means[groups]) ** 2).sum()
        freedom = float(recordings - len(sizes))
    else:
        deviations = difference - mean
        by_group = np.bincount(groups, deviations)
        weights = (1 - sizes / recordings).clip(1e-9)
        squares = max((by_group**2 / weights).sum(), (deviations**2).sum())
        freedom = degrees_of_freedom(sizes)
    exception = 1 - 1 / recordings
    error = math.sqrt(max(squares, exception)) / recordings
    tail = 0.025 / models
    width = 1.0  # of a single group: nothing is known of others
    if freedom:
        exact = 1 - tail ** (1 / recordings)
        width = max(exact, student.ppf(1 - tail, freedom) * error)
    mean, low, high = np.clip([mean, mean - width, mean + width], -1, 1).tolist()
    return Difference(mean, low, high)


def degrees_of_freedom(sizes: ndarray) -> float:
    """Return Satterthwaite's degrees of freedom of a mean over groups.

    Of groups of equal size they are one less than there are groups.

    Args:
        sizes: The number of recordings in each group.

    Example:
        >>> degrees_of_freedom(np.array([4, 4, 4]))
        2.0
    """
    if len(sizes) == 1:
        return 0.0
    shares = sizes / sizes.sum()
    adjusted = shares * sizes / (1 - shares).clip(1e-9)
    of_pairs = adjusted.sum() ** 2 - (adjusted**2).sum()
    return float(sizes.sum() ** 2 / ((sizes**2).sum() + of_pairs))
