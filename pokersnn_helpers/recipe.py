"""The book's recipe, chosen by cross-validation on the 48 training recordings of POKER-DVS."""

import math
from collections.abc import Callable
from numbers import Real
from typing import Any

import torch

from .checks import check_numbers
from .fast import FastSNN
from .frames import augment, make_loaders
from .recordings import POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE, Split
from .snn import SNN, Classifier, SpikingNetwork, decode
from .training import History, TrainingState, fit


def build_network(
    network: type[SNN] = SNN,
    *,
    time_window: float = 1000,
    sensor_size: tuple[int, int, int] = POKERDVS_SENSOR_SIZE,
    hidden_size: int = 100,
    output_size: int = len(POKERDVS_CLASSES),
    **neurons: Any,
) -> SNN:
    """Draw the network that the recipe begins with, by PyTorch's global random numbers.

    Args:
        network: ``SNN`` or ``FastSNN``.
        time_window: Width of a time bin in µs. Time constants stay what they are in s.
        sensor_size: Width, height and polarities of the sensor.
        hidden_size: Hidden neurons.
        output_size: Readout neurons, one per class.
        neurons: Threshold and time constants, as for ``SNN``.

    Raises:
        ValueError: A number isn't greater than 0, or the time bins are too wide for ``SNN``.
    """
    check_numbers(Real, time_window=time_window)
    # In finer steps neurons spike more often, and gradients grow at each of them.
    dt_ratio = min(1, time_window / 1000)
    sizes = math.prod(sensor_size), hidden_size, output_size
    snn = network(*sizes, dt=time_window / 1e6, surrogate_slope=dt_ratio, **neurons)
    with torch.no_grad():
        # Norse scales them by the number of hidden neurons. The number of inputs is the usual
        # choice (He et al. 2015, doi:10.1109/ICCV.2015.123).
        snn.lif0.input_weights *= math.sqrt(hidden_size / math.prod(sensor_size))
        snn.lif0.recurrent_weights *= math.sqrt(dt_ratio)
    return snn


def train_classifier(
    data: Split,
    seed: int = 0,
    device: torch.device | str | None = None,
    *,
    network: type[SNN] | Callable[[], SpikingNetwork] = SNN,
    time_window: float = 1000,
    hidden_size: int = 100,
    epochs: int = 60,
    batch_size: int = 32,
    learning_rate: float = 0.001,
    clip_norm: float | None = 0.3,
    ema_decay: float = 0.95,
    augment: Callable[[torch.Tensor], torch.Tensor] | None = augment,
    decode: Callable[[torch.Tensor], torch.Tensor] = decode,
    resume_from: TrainingState | None = None,
    on_epoch_end: Callable[[torch.nn.Module, TrainingState], None] | None = None,
) -> tuple[Classifier, History]:
    """Train a network by the recipe; the test recordings are watched and decide nothing.

    Args:
        data: Recordings to train and to test on, of any sensor and any classes.
        seed: Fixes the initial weights, the order of the recordings and how they are changed. It
            seeds PyTorch's global random numbers.
        device: Where to train; default ``default_device()``.
        network: ``SNN``; ``FastSNN``, which is then trained on sparse frames; or what makes a
            network of your own when called, whose time steps are as long as ``time_window``.
        time_window: Width of a time bin in µs.
        hidden_size: Hidden neurons of an ``SNN``.
        epochs: As for ``fit``.
        batch_size: Recordings per batch.
        learning_rate: Of Adam.
        clip_norm: As for ``fit``.
        ema_decay: As for ``fit``.
        augment: As for ``fit``.
        decode: As for ``Classifier``; ``latency.over_time`` trains for early answers.
        resume_from: As for ``fit``.
        on_epoch_end: As for ``fit``.

    Returns:
        The trained classifier, and loss and accuracy by epoch.
    """
    torch.manual_seed(seed)
    if isinstance(network, type) and issubclass(network, SNN):
        snn: SpikingNetwork = build_network(
            network,
            time_window=time_window,
            sensor_size=data.sensor_size,
            hidden_size=hidden_size,
            output_size=len(data.classes),
        )
    else:
        snn = network()  # type: ignore[assignment]
    classifier = Classifier(snn, decode, classes=data.classes, sensor_size=data.sensor_size)
    sparse = isinstance(snn, FastSNN)
    train_loader, test_loader = make_loaders(data, batch_size, time_window, sparse=sparse)
    history = fit(
        classifier,
        train_loader,
        test_loader,
        epochs=epochs,
        optimizer=torch.optim.Adam(classifier.parameters(), lr=learning_rate, fused=True),
        clip_norm=clip_norm,
        ema_decay=ema_decay,
        augment=augment,
        device=device,
        resume_from=resume_from,
        on_epoch_end=on_epoch_end,
    )
    return classifier, history
