"""A 95 % interval for an accuracy, of recordings that come in groups."""

from collections.abc import Sequence

import numpy as np
from numpy import ndarray

from pokersnn_helpers.system.checks import check_groups


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
