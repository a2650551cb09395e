"""A whole set of simulated recordings, with the counts of the real one."""

from numbers import Integral

import numpy as np

from ..recordings import POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE, Recordings, Split
from .camera import EventCamera
from .cards import simulate_recording


def simulate_pokerdvs(
    seed: int = 0, n_train: int = 48, n_test: int = 20, camera: EventCamera | None = None
) -> Split:
    """Simulate recordings in the form of POKER-DVS, with the source ``"simulated"``.

    Args:
        seed: Fixes every event.
        n_train: Recordings to train on, a quarter of them from each suit.
        n_test: Recordings to test on, likewise.
        camera: What films them. Default: ``cards.CAMERA``.

    Raises:
        ValueError: ``seed`` is negative, ``n_train`` or ``n_test`` isn't a positive multiple of 4,
            or the camera is too insensitive to see a pip.
    """
    if not isinstance(seed, Integral) or seed < 0:
        raise ValueError(f"seed is {seed!r}; choose a whole number from 0")
    for name, count in (("n_train", n_train), ("n_test", n_test)):
        if not isinstance(count, Integral) or count <= 0 or count % 4:
            raise ValueError(f"{name} is {count!r}; choose a positive multiple of 4, as 48")
    rng = np.random.default_rng(seed)
    parts = []
    for count in (n_train, n_test):
        targets = np.repeat(range(4), count // 4)
        events = [simulate_recording(POKERDVS_CLASSES[i], rng, camera) for i in targets]
        parts.append(Recordings(events, targets, POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE))
    train, test = parts
    return Split(train, test, source="simulated")
