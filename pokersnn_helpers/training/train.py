"""Train a network by the recipe: a plan, warnings of what is odd about it, and a fit."""

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn

from ..events.frames import make_loader
from ..events.recordings import Recordings, Split, check_recordings, density_and_ms
from ..networks.classifier import SETTLE, Classifier, decode
from ..networks.initial_network import accepted_arguments, build_network, exact_decays
from ..networks.snn import SNN
from ..networks.spiking_network import WHOLE, time_window_of
from ..system.checks import check_numbers, check_seed, name_of, suggestion, suggests_names
from ..system.devices import Device
from ..system.warn import warn
from .fit import History, fit
from .recipe import AUGMENTS, Augment, Recipe, choose_recipe

RARE_EVENTS = 0.005  # per ms and input: input weights are drawn for this rate; POKER-DVS has 0.07
Decode = Callable[[Tensor], Tensor]
OF_OPTIMIZERS = {"betas", "eps", "momentum", "nesterov", "weight_decay"}
OF_FIT = {"classifier", "train_loader", "validation_loader", "test_loader"}  # made here


@suggests_names
def train_classifier(
    data: Split | Recordings,
    *,
    seed: int = 0,
    device: Device = None,
    network: Callable[..., nn.Module] = SNN,
    decode: Decode = decode,
    settle: float = SETTLE,
    time_window: float | None = None,
    augment: str | Augment | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    surrogate_slope: float | None = None,
    **further: Any,
) -> tuple[Classifier, History]:
    """Train a network by the recipe.

    If there are validation recordings, they choose the epoch whose weights are kept, and the test
    recordings are classified once, at the end. Otherwise the weights of the last epoch are kept,
    and test recordings are classified after each epoch; nothing is ever decided by them. Arguments
    that you don't give are chosen by the number and length of the training recordings
    (``choose_recipe``). The classifier's ``recipe`` holds what was chosen, and so does its
    checkpoint.

    Args:
        data: Recordings to train on, or a split of them, of any sensor and any classes.
        seed: Determines the initial weights, the order of the recordings and how they are changed.
            It seeds PyTorch's global random numbers.
        device: Where to train; default ``default_device()``.
        network: ``SNN``, ``FastSNN`` or a network of your own, as for ``build_network``.
        decode: The rule that reads a class off voltages, as for ``Classifier``.
        settle: Silence after the last event in s, as for ``Classifier``.
        time_window: Width of a time bin in µs.
        augment: ``"none"``, ``"shift"`` by up to a pixel, ``"mirror"`` and shift, which makes right
            of left, or a function that changes dense frames.
        epochs: Passes over the training recordings.
        batch_size: Recordings per batch.
        learning_rate: Learning rate of Adam.
        surrogate_slope: Slope of a spiking network's surrogate gradient.
        further: Further arguments of the network, such as ``hidden_size`` or ``tau_mem``, and of
            ``fit``, such as ``loss`` or ``ema_decay``.

    Returns:
        The trained classifier, and loss and accuracy by epoch, with the epoch that is kept.

    Raises:
        TypeError: ``data`` is no ``Split`` and no ``Recordings``, or neither the network nor
            ``fit`` has such an argument.
        ValueError: As for ``fit`` and ``build_network``; ``augment`` is an unknown name; or the
            network doesn't say how wide its time bins are, and neither do you.

    Example:
        >>> from pokersnn_helpers import FastSNN, load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> classifier, history = train_classifier(data, network=FastSNN, epochs=2)
        >>> print(classifier.recipe)
        FastSNN, bins of 1000 µs, augmentation mirror, 2 epochs, batches of 32, learning rate 0.001
    """
    split = check_parts(data)
    if not callable(augment) and augment not in (None, *AUGMENTS):
        raise ValueError(f"augment is {augment!r}; choose none, shift or mirror, or a function")
    of_network, of_fit = divide_arguments(network, further)
    given = {
        "time_window": time_window,
        "augment": name_of(augment) if callable(augment) else augment,
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "surrogate_slope": surrogate_slope,
    }
    recipe, snn = plan(split.train, network, seed, given, of_network)
    warn_about(recipe, split.train)
    classifier = Classifier(
        snn,
        decode,
        classes=split.train.classes,
        sensor_size=split.train.sensor_size,
        settle=settle,
        time_window=time_window if time_window_of(snn) is None else None,
    )
    check_numbers(Real, time_window=classifier.time_window)  # which asks for it
    classifier.recipe = recipe
    change = augment if callable(augment) else AUGMENTS[recipe.augment]
    return classifier, fit_by_recipe(classifier, split, augment=change, device=device, **of_fit)


@dataclass
class Parts:
    """The recordings to train on, and those to test on and to choose the epoch by, if any."""

    train: Recordings
    test: Recordings | None = None
    validation: Recordings | None = None


def check_parts(data: Any) -> Parts:
    """Return the parts of data, and warn where two of them share recordings."""
    parts = Parts(data)
    if isinstance(data, Split):
        parts = Parts(data.train, data.test, data.validation)
    given = [part for part in vars(parts).values() if part is not None]
    for part in given:
        check_recordings(part, "data")
    packed = [{id(recording) for recording in part.events.packed} for part in given]
    twice = sum(map(len, packed)) - len(set().union(*packed))
    if twice:
        warn(
            f"{twice} recordings are in two parts of the data; a test on what was learned from, or "
            "on what has chosen the epoch, says nothing about others"
        )
    return parts


def divide_arguments(
    network: Callable[..., Any], given: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide arguments into the network's and those of ``fit``; refuse what neither has."""
    accepted = accepted_arguments(network)
    said = {"sensor_size", "input_size", "output_size"} & accepted & given.keys()
    if said:
        raise TypeError(f"{said.pop()} is what the recordings say; leave it out")
    known = set(accepted)
    for function in (fit, train_classifier):
        known |= inspect.signature(function).parameters.keys()
    known -= {*OF_FIT, "further"}
    for name in given:
        if name in OF_OPTIMIZERS - known:
            raise TypeError(
                f"{name} is an optimizer's; give one, as optimizer=functools.partial("
                f"torch.optim.AdamW, {name}=...)"
            )
        if name not in known:
            raise TypeError(
                f"neither train_classifier nor {name_of(network)} has an argument "
                f"{name}{suggestion(name, known)}"
            )
    of_network = {name: value for name, value in given.items() if name in accepted}
    of_fit = {name: value for name, value in given.items() if name not in accepted}
    return of_network, of_fit


def plan(
    recordings: Recordings,
    network: Callable[..., nn.Module],
    seed: int,
    given: dict[str, Any],
    of_network: dict[str, Any],
) -> tuple[Recipe, nn.Module]:
    """Choose the recipe that isn't given, and draw the network that it trains.

    A network whose time step is fixed decides how wide time bins are, and the recipe follows it.
    """
    recipe = choose_recipe(recordings, network=name_of(network), **given)
    snn = draw_network(recordings, network, seed, recipe, of_network)
    own = time_window_of(snn)
    if given["time_window"] is None and own not in (None, WHOLE, recipe.time_window):
        return plan(recordings, network, seed, given | {"time_window": own}, of_network)
    density, _ = density_and_ms(recordings)
    if density < RARE_EVENTS and hasattr(snn, "scale_input_weights"):
        snn.scale_input_weights(math.sqrt(RARE_EVENTS / density))  # silence teaches nothing
    return recipe, snn


def draw_network(
    recordings: Recordings,
    network: Callable[..., nn.Module],
    seed: int,
    recipe: Recipe,
    of_network: dict[str, Any],
) -> Any:
    """Draw the network that training begins with, for these recordings."""
    torch.manual_seed(check_seed(seed))
    return build_network(
        network,
        time_window=recipe.time_window,
        sensor_size=recordings.sensor_size,
        output_size=len(recordings.classes),
        surrogate_slope=recipe.surrogate_slope,
        **exact_decays(network, recipe.time_window) | of_network,
    )


def warn_about(recipe: Recipe, recordings: Recordings) -> None:
    """Warn of classes without recordings, and of time bins that are hardly meant."""
    targets = {*recordings.targets}
    absent = [name for number, name in enumerate(recordings.classes) if number not in targets]
    if absent or len(recordings.classes) == 1:
        warn(
            f"there is no recording to train on of {', '.join(absent) or 'a second class'}; the "
            "numbers of classes begin with 0"
        )
    width = f"{recipe.time_window:g}"
    _, duration_ms = density_and_ms(recordings)
    if 1000 * duration_ms < recipe.time_window < WHOLE:
        warn(
            f"time_window is {width} µs, and the median recording lasts {duration_ms:.3g} ms: most "
            "are a single frame, in which no order of events is left"
        )


def fit_by_recipe(
    classifier: Classifier,
    parts: Parts,
    augment: Augment | None,
    device: Device,
    **of_fit: Any,
) -> History:
    """Train a classifier by its recipe."""
    recipe: Any = classifier.recipe
    load = partial(
        make_loader,
        batch_size=recipe.batch_size,
        time_window=recipe.time_window,
        # A function of one's own changes dense frames.
        sparse=classifier.takes_sparse and AUGMENTS.get(recipe.augment) is augment,
    )
    return fit(
        classifier,
        load(parts.train, shuffle=True),
        load(parts.test) if parts.test is not None else None,
        validation_loader=load(parts.validation) if parts.validation else None,
        epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        augment=augment,
        device=device,
        **of_fit,
    )
