"""A 95 % interval for an accuracy, of recordings that come in groups."""

from collections.abc import Sequence

import numpy as np
from numpy import ndarray
from scipy.stats import beta
from scipy.stats import t as student

from pokersnn_helpers.system.checks import check_groups

from .differences import degrees_of_freedom

TAIL = 0.025  # on each side


def accuracy_interval(correct: ndarray, groups: Sequence[int]) -> tuple[float, float]:
    """Return a 95 % interval for the accuracy, if groups of recordings were drawn anew.

    Recordings of a group aren't independent. So it is the exact interval of a binomial share
    (Clopper and Pearson 1934), but for the *effective* number of recordings: as many independent
    ones as would give the variance between groups that was found, and fewer where groups are few
    (Korn and Graubard 1998, "Confidence intervals for proportions with small expected number of
    positive counts estimated from survey data", Survey Methodology 24). That variance and its
    degrees of freedom are those of ``paired_difference``, for groups of unequal size. Unlike a
    bootstrap, it holds its level where nearly all answers are right (``python -m benchmarks
    coverage``). It never counts more recordings than there are, so several seeds alone make it
    hardly narrower. Where all groups agree, as when all answers are correct, nothing is known of
    the variance between them; it then ends at the exact bound for that many groups without an
    exception, 1 - 0.025^(1/groups) away, which is wider than the interval after a single error.

    Args:
        correct: Whether each recording was classified correctly, of shape (recordings,) or
            (seeds, recordings), over which the mean is taken.
        groups: The group of each recording.

    Raises:
        ValueError: There isn't a group for each recording, or a number isn't from 0 to 1.

    Example:
        >>> low, high = accuracy_interval(np.ones(131, dtype=bool), np.arange(131) % 26)
        >>> round(low, 3), high
        (0.868, 1.0)
    """
    rates = np.atleast_2d(correct).mean(axis=0)
    if not ((rates >= 0) & (rates <= 1)).all():
        raise ValueError("correct holds numbers beyond 0 to 1; give truth values or shares")
    numbers = check_groups(groups, len(rates))
    share = float(rates.mean())
    by_group = np.bincount(numbers, rates - share)
    # Also where there is one group, from which hardly anything follows.
    if np.allclose(by_group, 0):
        width = 1 - TAIL ** (1 / len(by_group))
        return max(0.0, share - width), min(1.0, share + width)
    recordings = len(rates)
    sizes = np.bincount(numbers)
    between = (by_group**2 / (1 - sizes / recordings)).sum() / recordings**2
    independent = share * (1 - share) / recordings
    freedom = degrees_of_freedom(sizes)
    few_groups = student.ppf(TAIL, recordings - 1) / student.ppf(TAIL, freedom)
    effective = recordings * min(1, few_groups**2 * independent / between)
    right, wrong = effective * share, effective * (1 - share)
    return float(beta.ppf(TAIL, right, wrong + 1)), float(beta.ppf(1 - TAIL, right + 1, wrong))
