"""The recipe: what a training run depends on, chosen by its recordings where it isn't said."""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch

from .frames import augment
from .recordings import Recordings, density_and_ms

# How frames of a training batch may be changed; what a mirror does to your classes only you know.
AUGMENTS: dict[str, Callable[[torch.Tensor], torch.Tensor] | None] = {
    "none": None,
    "shift": partial(augment, mirror=False),
    "mirror": augment,
}

WIDTHS = [unit * 10**power for power in (2, 3, 4) for unit in (1, 2, 5)]  # of time bins, in µs
STEPS = 50  # that the median recording has, about
FEW = 200  # recordings, which are learned in small batches
FEWEST_EPOCHS, MOST_EPOCHS = 3, 60
BATCHES = 1000  # that all epochs have, about
SMALLEST = 16  # pixels along a side from which on a shift by one changes no class


class Recipe(NamedTuple):
    """What isn't said about a training run, chosen from its recordings.

    Example:
        >>> Recipe(5000, "shift", epochs=42, batch_size=32, learning_rate=0.002).augment
        'shift'
    """

    time_window: float  # width of a time bin in µs
    augment: str  # of ``AUGMENTS``
    epochs: int
    batch_size: int
    learning_rate: float


def choose_recipe(recordings: Recordings) -> Recipe:
    """Choose time bins and what else training needs; no label is looked at.

    The median recording has about 50 time bins. Recordings are shifted by up to a pixel, but on a
    sensor with fewer than 16 pixels along a side, and never mirrored. There are 3 to 60 epochs, so
    that they make about 1,000 batches: of 8 where there are fewer than 200 recordings, else of 32
    at twice the learning rate.

    Args:
        recordings: Those to train on.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> choose_recipe(load_pokerdvs(source="simulated").train).time_window
        500
    """
    number, duration = len(recordings), density_and_ms(recordings)[1]
    time_window = min(WIDTHS, key=lambda width: abs(math.log(STEPS * width / 1000 / duration)))
    shifted = min(recordings.sensor_size[:2]) >= SMALLEST
    batch_size, learning_rate = (8, 0.001) if number < FEW else (32, 0.002)
    epochs = min(max(BATCHES * batch_size // number, FEWEST_EPOCHS), MOST_EPOCHS)
    augment = "shift" if shifted else "none"
    return Recipe(time_window, augment, epochs, batch_size, learning_rate)
