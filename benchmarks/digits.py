"""Digits of N-MNIST with groups, for ``curve`` and ``dealt``: a second set of real recordings.

Who wrote which isn't in N-MNIST's files. What they say is their order, in which they were recorded:
ten of a digit that follow one another are a group.
"""

import numpy as np
from numpy import ndarray

from pokersnn_helpers import Recordings, load_nmnist

TOGETHER = 10


def digits() -> tuple[Recordings, ndarray]:
    """Return 600 recordings, and the group of each."""
    split = load_nmnist()
    recordings = split.train + split.test
    targets = np.asarray(recordings.targets)
    groups = np.zeros(len(targets), dtype=int)
    for digit in range(len(recordings.classes)):
        places = np.flatnonzero(targets == digit)
        groups[places] = 1000 * digit + np.arange(len(places)) // TOGETHER
    return recordings, groups
