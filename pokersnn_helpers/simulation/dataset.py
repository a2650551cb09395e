"""A whole set of simulated recordings, with the counts of the real one."""

import math
from collections.abc import Generator
from numbers import Integral

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from ..checks import check_numbers, check_range, check_seed
from ..pokerdvs import POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE
from ..recordings import Recordings, Split
from .camera import EventCamera
from .cards import simulate_recording

# Pips per card pass in the real set, by suit, and how many of each pass stand upside down.
PASSES = {
    "club": [(2, 1), (3, 1), (5, 3), (6, 3), (14, 5)],
    "heart": [(2, 0), (2, 0), (2, 0), (2, 0), (3, 0), (3, 0), (4, 0), (5, 0)],
    "diamond": [(6, 1), (8, 1), (4, 0), (5, 2), (5, 2), (7, 2), (7, 0), (1, 0)],
    "spade": [(12, 2), (7, 3), (5, 2), (9, 3), (2, 0)],
}
PASS_INTERVAL = 60.0  # ms from the start of one pass to that of the next
BLOCK = 20  # cards that a process makes before it hands them over
MOST_CARDS = 10**8  # some TB
MOST_PROCESSES = 60  # Windows can't wait for more


def simulate_pokerdvs(
    seed: int = 0,
    n_train: int = 48,
    n_test: int = 20,
    camera: EventCamera | None = None,
    *,
    spread: float | None = None,
    upside_down: float = 0,
) -> Split:
    """Simulate recordings in the form of POKER-DVS, with the source ``"simulated"``.

    Args:
        seed: Fixes every event.
        n_train: Recordings to train on, a quarter of them from each suit.
        n_test: Recordings to test on, likewise.
        camera: What films them. Default: ``cards.CAMERA``.
        spread: As for ``simulate_recording``.
        upside_down: The share of each suit that stands upside down (0 to 1), its first recordings.

    Raises:
        ValueError: ``seed`` is negative, ``n_train`` or ``n_test`` isn't a positive multiple of 4,
            ``spread`` or ``upside_down`` is out of range, or the camera is too insensitive to see
            a pip.

    Example:
        >>> data = simulate_pokerdvs(seed=1, n_train=4, n_test=4, spread=2.5)
        >>> len(data.train), len(data.test)
        (4, 4)
    """
    for name, count in (("n_train", n_train), ("n_test", n_test)):
        if not isinstance(count, Integral) or count <= 0 or count % 4:
            raise ValueError(f"{name} is {count!r}; choose a positive multiple of 4, as 48")
    check_range(0, 1, upside_down=upside_down)
    rng, parts = np.random.default_rng(check_seed(seed)), []
    for count in (n_train, n_test):
        targets = np.repeat(range(4), count // 4)
        turned = np.arange(count) % (count // 4) < round(upside_down * (count // 4))
        events = [
            simulate_recording(suit, rng, camera, upside_down=turn, spread=spread)
            for suit, turn in zip(np.take(POKERDVS_CLASSES, targets), turned, strict=True)
        ]
        parts.append(Recordings(events, targets, POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE))
    return Split(parts[0], parts[1], source="simulated")


def simulate_passes(seed: int = 0) -> tuple[Recordings, pd.DataFrame]:
    """Simulate 131 recordings, with as many card passes and pips upside down as the real ones.

    The pips of a pass share the two hidden factors of ``cards.Parameter``, and nothing else.

    Args:
        seed: Fixes every event.

    Returns:
        The recordings, and the table that ``load_pokerdvs131`` describes.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs131
        >>> load_pokerdvs131(source="simulated").recordings  # those of seed 0, with their table
        131 recordings of 35 × 35 pixels: club, heart, diamond, spade
    """
    rng = np.random.default_rng(check_seed(seed))
    events, rows = [], []
    passes = [(suit, *sizes) for suit in POKERDVS_CLASSES for sizes in PASSES[suit]]
    for number, (suit, pips, turned) in enumerate(passes):
        factors = rng.normal(size=2)
        for pip in range(pips):
            upside_down = pip < turned
            events.append(simulate_recording(suit, rng, upside_down=upside_down, factors=factors))
            rows.append(("", suit, upside_down, PASS_INTERVAL * number + pip, number, ""))
    columns = ["file", "class", "upside down", "start (ms)", "pass", "tonic"]
    table = pd.DataFrame(rows, columns=columns)
    targets = [POKERDVS_CLASSES.index(suit) for suit in table["class"]]
    return Recordings(events, targets, POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE), table


def simulate_cards(
    cards: int, seed: int = 0, processes: int = 1
) -> Generator[tuple[np.ndarray, int], None, None]:
    """Simulate as many cards as you like, suit after suit, in several processes.

    The events of a card depend on the seed and on its number, and neither on how many cards nor on
    how many processes there are.

    Args:
        cards: How many.
        seed: Fixes every event.
        processes: How many make them.

    Returns:
        Yields events and suit (0 to 3) of one card after the other, as soon as they are made.

    Raises:
        ValueError: A number is out of range.

    Example:
        >>> [suit for events, suit in simulate_cards(5)]
        [0, 1, 2, 3, 0]
    """
    check_numbers(Integral, cards=cards, processes=processes)
    check_range(1, MOST_CARDS, cards=cards)
    check_range(1, MOST_PROCESSES, processes=processes)
    seed = check_seed(seed)
    work = (delayed(_simulate_card)(number, seed) for number in range(cards))
    processes = min(processes, math.ceil(cards / BLOCK))  # more would wait for nothing
    return Parallel(processes, batch_size=BLOCK, return_as="generator")(work)


def _simulate_card(number: int, seed: int) -> tuple[np.ndarray, int]:
    suit = number % len(POKERDVS_CLASSES)
    rng = np.random.default_rng([seed, number])
    return simulate_recording(POKERDVS_CLASSES[suit], rng), suit
