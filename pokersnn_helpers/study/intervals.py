"""95 % intervals for accuracies and their differences, of recordings that come in groups."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy import ndarray
from scipy.stats import t as student

from ..system.checks import check_groups


def bootstrap_interval(
    correct: ndarray, groups: Sequence[int], lowest: float = 0
) -> tuple[float, float]:
    """Return a 95 % interval for the accuracy, if groups of recordings were drawn anew.

    The recordings of a group aren't independent, so whole groups are drawn, with replacement
    (cluster bootstrap: Davison and Hinkley 1997, section 3.8). Where all groups agree, as when all
    answers are correct, this interval would have no width. It then ends at the exact bound for n
    groups without an exception, 1 - 0.025^(1/n) away (Clopper and Pearson 1934), which is wider
    than the interval after a single error.

    Args:
        correct: Whether each recording was classified correctly, of shape (recordings,) or
            (seeds, recordings), over which the mean is taken. For a difference between two
            models, by how much the first is better, from -1 to 1.
        groups: The group of each recording.
        lowest: The lowest possible value: 0 for an accuracy, -1 for a difference.

    Raises:
        ValueError: There isn't a group for each recording, or a number lies beyond -1 to 1.

    Example:
        >>> low, high = bootstrap_interval(np.ones(131, dtype=bool), np.arange(131) % 26)
        >>> round(low, 3), high
        (0.868, 1.0)
    """
    rates = np.atleast_2d(correct).mean(axis=0)
    if not (np.abs(rates) <= 1).all():
        raise ValueError("correct holds numbers beyond -1 to 1; give truth values or shares")
    numbers = check_groups(groups, len(rates))
    sums = np.bincount(numbers, rates)
    sizes = np.bincount(numbers)
    count = len(sizes)
    if np.allclose(sums / sizes, rates.mean()):
        # Also where there is one group, from which hardly anything follows.
        width = 1 - 0.025 ** (1 / count)
        ends = rates.mean() + np.array([-width, width])
    else:
        drawn = np.random.default_rng(0).integers(count, size=(2000, count))
        accuracies = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
        ends = np.quantile(accuracies, [0.025, 0.975])
    low, high = ends.clip(lowest, 1).tolist()
    return low, high


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
    exception = math.sqrt(1 - 1 / recordings) / recordings
    if within:
        means = np.bincount(groups, difference) / sizes
        unbiased = (sizes / (sizes - 1).clip(1))[groups]
        squares = unbiased * (difference - means[groups]) ** 2
        error = math.sqrt(squares.sum()) / recordings
        freedom = float(recordings - len(sizes))
    else:
        by_group = np.bincount(groups, deviations)
        weights = (1 - sizes / recordings).clip(1e-9)
        of_groups = math.sqrt((by_group**2 / weights).sum()) / recordings
        error = max(of_groups, math.sqrt((deviations**2).sum()) / recordings)
        freedom = degrees_of_freedom(sizes)
    tail = 0.025 / models
    width = 1.0  # of a single group: nothing is known of others
    if freedom:
        exact = 1 - tail ** (1 / recordings)
        width = max(exact, student.ppf(1 - tail, freedom) * max(error, exception))
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


def equivalent(difference: Difference, margin: float = 0.03) -> bool | None:
    """Say whether two models are equally accurate, give or take a margin that was set beforehand.

    The first model is shown to be neither worse nor better by the margin, in two one-sided tests
    (Lakens 2017, doi:10.1177/1948550617697177) at 2.5 % each with a 95 % interval.

    Args:
        difference: By how much the first model is more accurate.
        margin: In accuracy.

    Returns:
        True where the whole interval lies within the margin; False where it leaves out 0, so that
        one model is better; None where there are too few recordings to say.

    Example:
        >>> [equivalent(Difference(0.01, low, 0.02)) for low in (-0.02, 0.005, -0.05)]
        [True, True, None]
        >>> equivalent(Difference(0.10, 0.02, 0.18))
        False
    """
    _, low, high = difference
    if -margin < low and high < margin:
        return True
    return None if low <= 0 <= high else False
