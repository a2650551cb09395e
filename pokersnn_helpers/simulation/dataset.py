"""A whole set of simulated recordings, with the counts of the real one."""

from numbers import Integral

import numpy as np
from pandas import DataFrame

from ..events.recordings import POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE, Recordings, Split
from ..system.checks import check_range, check_seed, suggests_names
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


@suggests_names
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
        seed: Determines every event.
        n_train: Number of training recordings, a quarter of them from each suit.
        n_test: Number of test recordings, a quarter of them from each suit.
        camera: The camera that films. Default: ``cards.CAMERA``.
        spread: Factor on all standard deviations, as for ``simulate_recording``.
        upside_down: The share of each suit that stands upside down (0 to 1). These are the first
            recordings of the suit.

    Raises:
        ValueError: ``seed`` is negative, ``n_train`` or ``n_test`` isn't a positive multiple of 4,
            ``spread`` or ``upside_down`` is out of range, or the camera is too insensitive to see
            a pip.

    Example:
        >>> data = simulate_pokerdvs(seed=1, n_train=4, n_test=4, spread=2.5)
        >>> len(data.train), len(data.test)
        (4, 4)
    """
    for name, count in {"n_train": n_train, "n_test": n_test}.items():
        if not isinstance(count, Integral) or count <= 0 or count % 4:
            raise ValueError(f"{name} is {count!r}; choose a positive multiple of 4, as 48")
    check_range(0, 1, upside_down=upside_down)
    rng = np.random.default_rng(check_seed(seed))
    parts = []
    for count in (n_train, n_test):
        per_suit = count // 4
        turned = round(upside_down * per_suit)
        events = [
            simulate_recording(suit, rng, camera, upside_down=number < turned, spread=spread)
            for suit in POKERDVS_CLASSES
            for number in range(per_suit)
        ]
        targets = np.repeat(POKERDVS_CLASSES, per_suit)
        parts.append(Recordings(events, targets, POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE))
    train, test = parts
    return Split(train, test, source="simulated")


def simulate_passes() -> tuple[Recordings, DataFrame]:
    """Simulate 131 recordings, with as many card passes and pips upside down as the real ones.

    The pips of a pass share the two hidden factors of ``cards.CARDS``, and nothing else.

    Returns:
        The recordings, the same in every call, and the table that ``load_pokerdvs131`` describes.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs131
        >>> load_pokerdvs131(source="simulated").recordings  # with their table
        131 recordings of 35 × 35 pixels: club, heart, diamond, spade
    """
    rng = np.random.default_rng(0)
    events = []
    rows = []
    number = 0
    for suit, passes in PASSES.items():
        for pips, turned in passes:
            factors = rng.normal(size=2)
            for pip in range(pips):
                upside_down = pip < turned
                recording = simulate_recording(suit, rng, upside_down=upside_down, factors=factors)
                events.append(recording)
                rows.append(("", suit, upside_down, PASS_INTERVAL * number + pip, number, ""))
            number += 1
    columns = ["file", "class", "upside down", "start (ms)", "pass", "tonic"]
    table = DataFrame(rows, columns=columns)
    return Recordings(events, table["class"], POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE), table
