"""How recordings of your own are trained on: ``train --data`` and ``compare`` share this."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch

from ..frames import augment
from ..recordings import Recordings, density_and_ms
from ..study.models import LayerThenSNN

# A Reichardt detector's, in time bins: delayed copies, and neurons that forget quickly.
DELAYS, TAU_MEM, TAU_SYN = (0, 2, 4, 8), 5, 2
# How frames of a training batch may be changed; what a mirror does to your classes only you know.
AUGMENTS: dict[str, Callable[[torch.Tensor], torch.Tensor] | None] = {
    "none": None,
    "shift": partial(augment, mirror=False),
    "mirror": augment,
}

WIDTHS = (1000, 2000, 5000, 10_000, 20_000, 50_000)  # of time bins, in µs
MOST_STEPS = 100  # that the median recording may have
FEWEST_EPOCHS, MOST_EPOCHS = 3, 60
PASSES = 32_000  # of a recording through the network: 1,000 batches
SMALLEST = 16  # pixels along a side from which on a shift by one changes no class


class Recipe(NamedTuple):
    """What isn't said about a training run, chosen from its recordings.

    Example:
        >>> Recipe(time_window=5000, augment="shift", epochs=32).augment
        'shift'
    """

    time_window: float  # width of a time bin in µs
    augment: str  # of ``AUGMENTS``
    epochs: int


def choose_recipe(recordings: Recordings) -> Recipe:
    """Choose time bins, augmentation and epochs; no label is looked at.

    Bins are the narrowest of 1, 2, 5, 10, 20 and 50 ms of which the median recording has at most
    100. Recordings are shifted by up to a pixel, but on a sensor with fewer than 16 pixels along a
    side, and never mirrored. There are 60 epochs, or as many as make 1,000 batches.

    Args:
        recordings: Those to train on.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> choose_recipe(load_pokerdvs(source="simulated").train)
        Recipe(time_window=1000, augment='shift', epochs=60)
    """
    duration = 1000 * density_and_ms(recordings)[1]  # µs
    time_window = next((each for each in WIDTHS if duration <= MOST_STEPS * each), WIDTHS[-1])
    shifted = min(recordings.sensor_size[:2]) >= SMALLEST
    epochs = min(max(PASSES // len(recordings), FEWEST_EPOCHS), MOST_EPOCHS)
    return Recipe(time_window, "shift" if shifted else "none", epochs)


def detector(time_window: float) -> Callable[..., LayerThenSNN]:
    """Return what makes the network, for time bins of so many µs, with its times in proportion."""
    dt = time_window / 1e6  # s
    return partial(
        LayerThenSNN,
        delays=tuple(dt * steps for steps in DELAYS),
        tau_mem=TAU_MEM * dt,
        tau_syn=TAU_SYN * dt,
        readout_tau_syn=max(0.005, dt),
        readout_tau_mem=max(0.010, dt),
    )
