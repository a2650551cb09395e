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
    """Return by how much a model, the best of some, is more accurate than another, and an interval.

    It is that of Student's t for groups of recordings, as wide as the interval of a single model is
    at 100 − 5 / ``models`` % (Bonferroni), since the best of several is ahead by chance more often.
    Unlike a bootstrap, it holds its level with few groups, too, and with groups of unequal size:
    a group's deviation counts more the larger the group is, and degrees of freedom are fewer (CR2
    and Satterthwaite's: Pustejovsky and Tipton 2018, doi:10.1080/07350015.2016.1247004). Agreement
    may be chance, so the error is at least that of independent recordings, and that of a single
    exception among them; and the interval is at least as wide as the exact one for as many
    recordings without an exception (Clopper and Pearson 1934). Of what no group shows, such as a
    person with whom a model always fails, it can't know.

    Args:
        first: Whether each recording was classified correctly, (recordings,).
        second: The same recordings, classified by the other model.
        groups: The number of each recording's group, from 0, as ``Evidence.group_numbers``.
        models: How many the first one is the best of.
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
    deviations = difference - mean
    if within:
        means = np.bincount(groups, difference) / sizes
        unbiased = (sizes / (sizes - 1).clip(1))[groups]
        squares = (unbiased * (difference - means[groups]) ** 2).sum()
        freedom = float(recordings - len(sizes))
    else:
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
    """Return Satterthwaite's, of a mean over groups: one less than there are if all are equal.

    Args:
        sizes: How many recordings each group has.

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
