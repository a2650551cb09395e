"""Find recordings that are copies of others: the same events, jittered, thinned out or moved."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy import ndarray

from pokersnn_helpers.events.recordings import Recordings
from pokersnn_helpers.system.checks import check_groups

SIDE = 64  # cells along a side, about, into which pixels of larger sensors are merged
TICK = 1000  # µs: an event that is jittered stays within about one
TICKS = 128  # from the first event on, which are looked at
NUMBERS = 4096  # in a signature
COLUMN, ROW, POLARITY = 131, 1543, 2011  # how many numbers further on the next one is
SHORTEST = 3.5  # ticks: in less, passes of a card are as alike as copies
FEWEST = 20  # different events: of fewer, a signature tells nothing
# The product of two copies' signatures is more. The product of others is at most 0.22 in 134 digits
# of N-MNIST, 0.37 in 131 pips, 0.32 in 144 simulated gestures of 64 × 64 pixels, 0.44 in such of
# 32 × 32, and 0.09 in discs that flicker; one in a thousand pairs of gestures of 16 × 16 has more.
# Of digits with half of their events, it is 0.65 in the median; with jitter, and where a digit
# begins 10 ms later, 0.54 or more.
ALIKE = 0.45
CANDIDATES = 0.25  # and that of their spectra is more than this
NEIGHBOURS = 11  # frequencies, beyond whose mean a spectrum is looked at
BLOCK = 500  # recordings that are compared with all others at a time


def signature(events: ndarray) -> ndarray:
    """Return numbers by which copies are found, wherever and whenever a copy begins.

    Two recordings of the same motion are no copies: their events have other moments and pixels. So
    events are counted in cells and in ms since the first event, and only what is unusual in a cell
    counts: its difference to the cells around it, before it and after it, and to a still picture
    that flickers as a whole. The next ms, column or row is so many numbers further on in the
    signature, which is a circle; all that fall on a number are added up. What comes later, or at
    pixels further on, has the same signature, turned.

    Args:
        events: Structured array with fields t (µs), x, y and p, sorted by time.

    Returns:
        4096 numbers whose squares add up to 1; zeros for fewer than 20 different events, and for
        less than 3.5 ms.

    Example:
        >>> from pokersnn_helpers import load_nmnist
        >>> events = load_nmnist().train.events[0]
        >>> round(float(signature(events) @ signature(events[::2])), 1)
        0.7
    """
    since = (events["t"] - events["t"][0]) / TICK
    events, since = events[since < TICKS], since[since < TICKS]
    if len(np.unique(events[:1000])) < FEWEST or since[-1] < SHORTEST:
        return np.zeros(NUMBERS, np.float32)
    pixels = max(events["x"].max(), events["y"].max()) + 1
    merged = 2.0 ** -max(0, np.round(np.log2(pixels / SIDE)))
    at = np.stack([merged * events["x"], merged * events["y"], since])
    at -= np.floor(at.min(axis=1, keepdims=True)) - 1  # an empty cell before the first
    differences = _unusual(_count(at, events["p"]))
    sums = _add_up(_add_up(_add_up(differences, COLUMN), ROW), POLARITY)
    sums = np.pad(sums, (0, -len(sums) % NUMBERS)).reshape(-1, NUMBERS).sum(axis=0)
    length = np.linalg.norm(sums).clip(1e-9)
    return (sums / length).astype(np.float32)


def _count(at: ndarray, polarities: ndarray) -> ndarray:
    """Count events by column, row, polarity and ms; each counts in the eight cells around it.

    Args:
        at: Column, row and ms of each event, of which the least are 1 or more, (3, events).
        polarities: Its polarity, ON if more than 0, (events,).
    """
    cells = at.astype(int)
    beyond = at - cells
    columns, rows, ticks = cells.max(axis=1) + 3
    shape = (columns, rows, 2, ticks)
    is_on = (polarities > 0).astype(int)
    places = []
    shares = []
    for step in np.ndindex(2, 2, 2):
        on = np.reshape(step, (3, 1))
        column, row, tick = cells + on
        places.append(np.ravel_multi_index((column, row, is_on, tick), shape))
        shares.append(abs(1 - on - beyond).prod(axis=0))
    counts = np.bincount(np.concatenate(places), np.concatenate(shares), np.prod(shape))
    return counts.astype(np.float32).reshape(shape)


def _unusual(counts: ndarray) -> ndarray:
    """Return by how much counts differ from those around and from those of a still picture.

    A count between the two doesn't differ.
    """
    around = counts / 27
    for axis in (0, 1, 3):
        around = _with_neighbours(around, axis)
    course = counts.sum((0, 1), keepdims=True)
    of_place = counts.sum(3, keepdims=True)
    of_all = course.sum(3, keepdims=True).clip(1)
    still = of_place * (course / of_all)
    low = np.minimum(around, still)
    high = np.maximum(around, still)
    differences = (counts - counts.clip(low, high)) / (high + 0.05)
    differences -= differences.mean(3, keepdims=True)  # what a place always has tells nothing
    return differences


def _with_neighbours(counts: ndarray, axis: int) -> ndarray:
    """Add to each count those before it and after it."""
    sums = counts.copy()
    later, before = (np.moveaxis(sums, axis, 0)[side] for side in (np.s_[1:], np.s_[:-1]))
    along = np.moveaxis(counts, axis, 0)
    later += along[:-1]
    before += along[1:]
    return sums


def _add_up(counts: ndarray, distance: int) -> ndarray:
    """Add up along the first axis; the last axis of the next one begins ``distance`` later."""
    length = counts.shape[-1]
    longer = length + distance * (len(counts) - 1)
    sums = np.zeros((*counts.shape[1:-1], longer), np.float32)
    for number, each in enumerate(counts):
        start = distance * number
        sums[..., start : start + length] += each
    return sums


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
        signatures: The signature of each recording, (recordings, 4096).
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
    """Return the numbers of each two signatures that are alike, turned by any angle, (pairs, 2).

    The spectrum of a signature stays as it is when that is turned. Only where spectra are alike,
    too, are signatures compared at each angle.
    """
    spectra = _spectra(signatures)
    pairs = []
    for start in range(0, len(signatures), BLOCK):
        products = spectra[start : start + BLOCK] @ spectra[start:].T
        first, second = np.nonzero(np.triu(products > CANDIDATES, 1))
        for number in np.unique(first):
            others = start + second[first == number]
            best = _at_best_angle(signatures[start + number], signatures[others])
            pairs += [(start + number, other) for other in others[best > ALIKE]]
    return np.array(pairs, int).reshape(-1, 2)


def _spectra(signatures: ndarray) -> ndarray:
    """Return what the size of each frequency has beyond those around it, (signatures, 2049)."""
    from scipy.ndimage import uniform_filter1d  # which takes a while to import

    sizes = np.abs(np.fft.rfft(signatures)).astype(np.float32)
    sizes /= uniform_filter1d(sizes, NEIGHBOURS, mode="wrap").clip(1e-9)
    sizes -= sizes.mean(axis=1, keepdims=True)
    return sizes / np.linalg.norm(sizes, axis=1, keepdims=True).clip(1e-9)


def _at_best_angle(one: ndarray, others: ndarray) -> ndarray:
    """Return the greatest product of a signature and each of others, turned by any angle."""
    products = np.fft.irfft(np.fft.rfft(one).conj() * np.fft.rfft(others), NUMBERS)
    return products.max(axis=1)


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
