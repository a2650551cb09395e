"""Find recordings that are copies of others: the same events, jittered, thinned out or moved."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy import ndarray

from pokersnn_helpers.events.recordings import Recordings
from pokersnn_helpers.system.checks import check_groups

SIDE = 64  # cells along a side, into which pixels are merged
TICK = 1000  # µs: an event that is jittered stays within about one
TICKS = 128  # from the first event on, which are looked at
LAGS = 8  # ticks, at most, by which the others move where the first event is missing
NUMBERS = 1024  # in a signature
SHORTEST = 3.5  # ticks: in less, passes of a card are as alike as copies
FEWEST = 20  # different events: of fewer, a signature tells nothing
SMALLEST = 33  # pixels across: brought to 32 or 16, simulated gestures are as alike as copies
# The product of two copies' signatures is more. The product of others is at most 0.18 in 134 digits
# of N-MNIST, 0.34 in 131 pips, 0.34 in 120 simulated gestures of 64 × 64 pixels, and 0.12 in discs
# that flicker; of a digit and half of its events, it is 0.63 in the median.
ALIKE = 0.4
_random = np.random.default_rng(0)
_PLACES = _random.integers(NUMBERS, size=(2, SIDE, SIDE, 1))
_SIGNS = _random.choice([-1.0, 1.0], _PLACES.shape)


def signature(events: ndarray) -> ndarray:
    """Return numbers by which copies are found: their products say how many events two share.

    Two recordings of the same motion are no copies: their events have other moments and pixels. So
    events are counted in cells, around the mean place and in ms since the first event, and only
    what is unusual in a cell counts: its difference to the cells around it, before it and after it,
    and to a still picture that flickers as a whole. These differences are added up at random places
    with random signs (Charikar et al. 2004, "Finding frequent items in data streams").

    Args:
        events: Structured array with fields t (µs), x, y and p, sorted by time.

    Returns:
        1024 numbers whose squares add up to 1; zeros for fewer than 20 different events, for less
        than 3.5 ms, and where all columns and rows are among a sensor's first 32.

    Example:
        >>> from pokersnn_helpers import load_nmnist
        >>> events = load_nmnist().train.events[0]
        >>> round(float(signature(events) @ signature(events[::2])), 1)
        0.7
    """
    since = (events["t"] - events["t"][0]) / TICK
    events, since = events[since < TICKS], since[since < TICKS]
    pixels = max(events["x"].max(), events["y"].max()) + 1
    is_short = len(np.unique(events[:1000])) < FEWEST or since[-1] < SHORTEST
    if is_short or pixels < SMALLEST:
        return np.zeros(NUMBERS, np.float32)
    merged = 2.0 ** -max(0, np.round(np.log2(pixels / SIDE)))
    middle = [merged * (events[field] - events[field].mean()) + SIDE / 2 for field in "yx"]
    at = np.stack([*middle, since])
    at[:2] = at[:2].clip(1, SIDE - 3)
    cells = at.astype(int)
    counts = _count(cells, at - cells, events["p"])
    top, left = (slice(cell.min() - 1, cell.max() + 3) for cell in cells[:2])  # others are empty
    counts = counts[:, top, left]
    differences = _unusual(counts)
    places = (_PLACES[:, top, left] + np.arange(counts.shape[-1])) % NUMBERS
    signed = _SIGNS[:, top, left] * differences
    sums = np.bincount(places.ravel(), signed.ravel(), NUMBERS)
    length = np.linalg.norm(sums).clip(1e-9)
    return (sums / length).astype(np.float32)


def _count(cells: ndarray, beyond: ndarray, polarities: ndarray) -> ndarray:
    """Count events by polarity and cell; each counts in the eight cells that it lies between.

    Args:
        cells: Row, column and ms of each event, in whole numbers, (3, events).
        beyond: How far it lies beyond these, from 0 to 1, (3, events).
        polarities: Its polarity, ON if more than 0, (events,).
    """
    counts = np.zeros((2, SIDE, SIDE, cells[2, -1] + 2), np.float32)
    is_on = (polarities > 0).astype(int)
    for step in np.ndindex(2, 2, 2):
        on = np.reshape(step, (3, 1))
        shares = abs(1 - on - beyond).clip(max=1).prod(axis=0)
        np.add.at(counts, (is_on, *(cells + on)), shares)
    return counts


def _unusual(counts: ndarray) -> ndarray:
    """Return by how much counts differ from those around and from those of a still picture.

    A count between the two doesn't differ.
    """
    from scipy.ndimage import uniform_filter  # which takes a while to import

    around = uniform_filter(counts, (1, 3, 3, 3), mode="constant")
    course = counts.sum((1, 2), keepdims=True)
    of_place = counts.sum(3, keepdims=True)
    of_all = course.sum(3, keepdims=True).clip(1)
    still = of_place * course / of_all
    low = np.minimum(around, still)
    high = np.maximum(around, still)
    differences = (counts - counts.clip(low, high)) / (high + 0.05)
    differences -= differences.mean(3, keepdims=True)  # what a place always has tells nothing
    return differences


def digest(events: ndarray) -> bytes:
    """Return a hash that stays the same where all events come later, or at pixels further on.

    Args:
        events: Structured array with fields t (µs), x, y and p.

    Returns:
        32 bytes; none for fewer than 20 different events, which may be alike by chance.

    Example:
        >>> from pokersnn_helpers import load_nmnist
        >>> events = load_nmnist().train.events[0]
        >>> later = events.copy()
        >>> later["t"] += 10_000
        >>> digest(later) == digest(events)
        True
    """
    if len(np.unique(events[:1000])) < FEWEST:
        return b""
    all_columns = blake2b(digest_size=32)
    for field in "txyp":
        all_columns.update(events[field] - events[field].min())
    return all_columns.digest()


def find_copies(signatures: ndarray, digests: Sequence[bytes]) -> ndarray:
    """Find pairs of recordings that share so many events that one is a copy of the other.

    Exact copies are found by their digests, on a sensor of any size and however short they are;
    others by their signatures.

    Args:
        signatures: The signature of each recording, (recordings, 1024).
        digests: The digest of each.

    Returns:
        The numbers of the recordings of each pair, (pairs, 2), the smaller one first. An exact copy
        is in one pair, with the first recording that it is a copy of.

    Example:
        >>> from pokersnn_helpers import load_nmnist
        >>> events = load_nmnist().train.events[0]
        >>> some = [events, events[::2], events]
        >>> find_copies(np.stack([signature(each) for each in some]), [*map(digest, some)])
        array([[0, 1],
               [0, 2]])
    """
    firsts: dict[bytes, int] = {}
    exact = []
    for number, each in enumerate(digests):
        first = firsts.setdefault(each, number) if each else number
        if first < number:
            exact.append((first, number))
    others = np.setdiff1d(np.arange(len(signatures)), [copy for _, copy in exact])
    alike = others[_alike(signatures[others])]
    return np.array(sorted([*exact, *map(tuple, alike)]), int).reshape(-1, 2)


def _alike(signatures: ndarray) -> ndarray:
    """Return the numbers of each two signatures that are alike, (pairs, 2)."""
    pairs = []
    for number, one in enumerate(signatures):
        late = np.stack([np.roll(one, lag) for lag in range(-LAGS, LAGS + 1)])
        alike = (signatures[number + 1 :] @ late.T).max(1)
        copies = number + 1 + np.flatnonzero(alike > ALIKE)
        pairs += [(number, copy) for copy in copies]
    return np.array(pairs, int).reshape(-1, 2)


def copies_among(recordings: Recordings) -> ndarray:
    """Return the pairs of ``find_copies`` for these recordings.

    Example:
        >>> from pokersnn_helpers import load_nmnist
        >>> copies_among(load_nmnist().train.subset([0, 1, 0]))
        array([[0, 2]])
    """
    every = recordings.events
    return find_copies(np.stack([signature(events) for events in every]), [*map(digest, every)])


def join_copies(groups: Sequence[Any], pairs: ndarray) -> list[int]:
    """Join groups that hold copies of the same recording.

    Args:
        groups: Who or when, for each recording; where each recording is its own, what is joined are
            copies of the same original.
        pairs: The numbers of recordings that are copies of each other, (pairs, 2).

    Returns:
        The number of each recording's group.

    Example:
        >>> join_copies(["a", "b", "c", "a"], np.array([[0, 1]]))
        [0, 0, 1, 0]
    """
    numbers = check_groups(groups, len(groups))
    for pair in pairs:
        low, high = sorted(numbers[pair])
        numbers[numbers == high] = low
    return np.unique(numbers, return_inverse=True)[1].tolist()


def copies_in_words(
    pairs: ndarray, recordings: Recordings, groups: Sequence[Any]
) -> tuple[str, ...]:
    """Say which copies are in another group, and which in another class, where a label is wrong.

    Args:
        pairs: The numbers of recordings that are copies of each other, (pairs, 2).
        recordings: All recordings.
        groups: Who or when, for each recording.

    Example:
        >>> from pokersnn_helpers import load_nmnist
        >>> copies_in_words(np.array([[0, 1]]), load_nmnist().test, range(200))[0][:44]
        '2 recordings are copies of others in another'
    """
    parts = {
        "group": check_groups(groups, len(recordings)),
        "class": np.asarray(recordings.targets),
    }
    remedies = {
        "group": "leave them out. Until then their groups are taken for one",
        "class": "so a label of each two is wrong; correct it, or leave both out",
    }
    sentences = []
    for part, numbers in parts.items():
        apart = pairs[np.ptp(numbers[pairs], axis=1) > 0]
        if len(apart):
            one, other = (f"{number} ({_class_name(recordings, number)})" for number in apart[0])
            sentences.append(
                f"{len(np.unique(apart))} recordings are copies of others in another {part}, such "
                f"as number {one} of number {other}, perhaps with jitter or fewer events: "
                f"{remedies[part]} (inspect names the files)."
            )
    return tuple(sentences)


def _class_name(recordings: Recordings, number: int) -> str:
    return recordings.classes[recordings.targets[number]]
