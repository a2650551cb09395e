"""The recipe: what training depends on, chosen by the recordings where it isn't given."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from torch import Tensor

from ..events.frames import augment
from ..events.recordings import POKERDVS_CLASSES, Recordings, density_and_ms
from ..system.checks import check_time_window

Augment = Callable[[Tensor], Tensor]

# How frames of a training batch may change. Only you know whether a mirror changes your classes.
AUGMENTS: dict[str, Augment | None] = {
    "none": None,
    "shift": partial(augment, mirror=False),
    "mirror": augment,
}

TIME_WINDOWS = (100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)  # µs, to choose from
BINS = 50  # that the median recording has, about
SMALL_SET = 200  # recordings: fewer are learned in small batches
BATCHES = 1000  # of all epochs together, about
FEWEST_EPOCHS = 3
MOST_EPOCHS = 60
MIN_PIXELS = 16  # along a side, from which on a shift by one pixel changes no class
STEADY_STEPS = 100  # through which gradients don't explode


@dataclass(frozen=True)
class Recipe:
    """What a training run depends on, besides its recordings and its seed.

    Example:
        >>> print(Recipe(time_window=5000, augment="shift", epochs=42))
        SNN, bins of 5000 µs, augmentation shift, 42 epochs, batches of 32, learning rate 0.001
    """

    network: str = "SNN"
    time_window: float = 1000  # width of a time bin in µs
    augment: str = "mirror"  # a name of ``AUGMENTS``, or that of a function of your own
    epochs: int = 60
    batch_size: int = 32
    learning_rate: float = 0.001
    surrogate_slope: float = 1.0

    def __str__(self) -> str:
        slope = f", surrogate slope {self.surrogate_slope:g}" if self.surrogate_slope != 1 else ""
        return (
            f"{self.network}, bins of {self.time_window:g} µs, augmentation {self.augment}, "
            f"{self.epochs} epochs, batches of {self.batch_size}, "
            f"learning rate {self.learning_rate:g}{slope}"
        )


def choose_recipe(recordings: Recordings, **given: Any) -> Recipe:
    """Choose what isn't given, by the recordings; of their classes only the names are looked at.

    The suits of cards are symmetric, so they are mirrored and shifted, and trained on as in the
    book: 60 epochs of time bins of 1 ms. Other recordings are never mirrored, and shifted by up to
    a pixel unless their sensor has fewer than 16 pixels along a side. Their median has about 50
    time bins. They are learned in about 1,000 batches, 3 to 60 epochs: batches of 8 where there are
    fewer than 200 recordings, else of 32 at twice the learning rate.

    Args:
        recordings: Those to train on.
        given: Fields of ``Recipe``; None stands for one that isn't given.

    Example:
        >>> from pokersnn_helpers import load_nmnist
        >>> choose_recipe(load_nmnist().train, epochs=20).augment
        'shift'
    """
    given = {name: value for name, value in given.items() if value is not None}
    _, duration_ms = density_and_ms(recordings)
    recipe = Recipe()
    if recordings.classes != POKERDVS_CLASSES:
        recipe = _for_other_classes(recordings, duration_ms)
    recipe = replace(recipe, **given)
    check_time_window(recipe.time_window)
    if "surrogate_slope" in given:
        return recipe
    # In finer steps neurons spike more often, and gradients grow at each of them.
    steps = 1000 * duration_ms / recipe.time_window
    slope = min(1, recipe.time_window / 1000, STEADY_STEPS / steps)
    return replace(recipe, surrogate_slope=slope)


def _for_other_classes(recordings: Recordings, duration_ms: float) -> Recipe:
    bin_width = 1000 * duration_ms / BINS
    few = len(recordings) < SMALL_SET
    batch_size = 8 if few else 32
    epochs = BATCHES * batch_size // max(1, len(recordings))
    return Recipe(
        time_window=min(TIME_WINDOWS, key=lambda width: abs(math.log(width / bin_width))),
        augment="shift" if min(recordings.sensor_size[:2]) >= MIN_PIXELS else "none",
        epochs=min(max(epochs, FEWEST_EPOCHS), MOST_EPOCHS),
        batch_size=batch_size,
        learning_rate=0.001 if few else 0.002,
    )
