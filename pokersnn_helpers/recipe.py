"""The book's recipe, chosen by cross-validation on the 48 training recordings of POKER-DVS."""

import functools
import inspect
import math
import reprlib
from collections.abc import Callable
from numbers import Real
from typing import Any

import torch

from .checks import check_numbers, check_seed, check_sensor_size
from .frames import augment, make_loader
from .recordings import POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE, Recordings, Split
from .snn import SETTLE, SNN, Classifier, FrameNetwork
from .training import History, fit

SPARSEST = 0.005  # events per ms and input for which weights are drawn; POKER-DVS has 0.07
LOOKED_AT = 1000  # of recordings, at most, to see how rare events are


def build_network(
    network: Callable[..., FrameNetwork] = SNN,
    *,
    time_window: float = 1000,
    sensor_size: tuple[int, int, int] = POKERDVS_SENSOR_SIZE,
    output_size: int = len(POKERDVS_CLASSES),
    **arguments: Any,
) -> Any:
    """Draw the network that training begins with, by PyTorch's global random numbers.

    Args:
        network: A class of networks, or a function that makes one. It is given those of
            ``sensor_size``, ``input_size``, ``output_size`` and ``dt`` that it has as parameters,
            so a network of your own fits any sensor, any classes and any time bins if it has them.
            ``SNN`` and ``FastSNN`` begin with the recipe's weights.
        time_window: Width of a time bin in µs. Time constants stay what they are in s.
        sensor_size: Width, height and polarities of the sensor.
        output_size: One output per class.
        arguments: Further ones, such as ``hidden_size`` or the time constants of ``SNN``.

    Returns:
        The network.

    Raises:
        TypeError: ``network`` makes no ``FrameNetwork``, or needs an argument that it isn't given.
        ValueError: A number isn't greater than 0, or the time bins are too wide for ``SNN``.

    Example:
        >>> build_network(sensor_size=(64, 64, 2), output_size=3, hidden_size=20).input_size
        8192
    """
    check_numbers(Real, time_window=time_window)
    if not callable(network) or isinstance(network, torch.nn.Module):
        raise TypeError(
            f"network is {reprlib.repr(network)}; give a class, or a function that makes a network"
        )
    inputs = math.prod(check_sensor_size(sensor_size))
    sizes = {"sensor_size": sensor_size, "input_size": inputs, "output_size": output_size}
    # In finer steps neurons spike more often, and gradients grow at each of them.
    dt_ratio = min(1, time_window / 1000)
    given = {**sizes, "dt": time_window / 1e6, "surrogate_slope": dt_ratio}
    kind: Any = network
    args: tuple[Any, ...] = ()
    fixed: dict[str, Any] = {}
    if isinstance(network, functools.partial):
        kind, args, fixed = network.func, network.args, network.keywords
    if isinstance(kind, type):  # Python 3.10 would take the signature of __new__
        signature, args = inspect.signature(kind.__init__), (None, *args)  # type: ignore[misc]
    else:
        signature = inspect.signature(kind)
    own = isinstance(kind, type) and issubclass(kind, SNN)
    takes = dict(signature.parameters)
    if own and any(each.kind is each.VAR_KEYWORD for each in takes.values()):
        takes |= inspect.signature(SNN.__init__).parameters  # of a subclass that passes them on
    chosen = {name: given[name] for name in given if name in takes and name not in fixed}
    try:
        signature.bind(*args, **fixed | chosen | arguments)
    except TypeError as error:
        raise TypeError(
            f"network={network!r} can't be made with {', '.join(chosen | arguments)}: {error}; "
            f"give every other parameter than {', '.join(given)} a default"
        ) from error
    made = network(**chosen | arguments)
    if not isinstance(made, FrameNetwork):
        raise TypeError(f"network={network!r} made a {type(made).__name__}; make a FrameNetwork")
    if own:
        cell: Any = made.lif0
        with torch.no_grad():
            # Norse scales them by the number of hidden neurons. The number of inputs is the usual
            # choice (He et al. 2015, doi:10.1109/ICCV.2015.123).
            cell.input_weights *= math.sqrt(len(cell.input_weights) / inputs)
            cell.recurrent_weights *= math.sqrt(dt_ratio)
    return made


def _let_it_spike(snn: FrameNetwork, recordings: Recordings) -> None:
    """Enlarge the input weights for rare events on a large sensor: silence teaches nothing."""
    every = math.ceil(len(recordings) / LOOKED_AT) or 1
    some = [recordings.events[number] for number in range(0, len(recordings), every)]
    ms = sum(float(each["t"][-1] - each["t"][0]) / 1000 + 1 for each in some)
    inputs = math.prod(recordings.sensor_size)
    density = sum(map(len, some)) / (ms * inputs) if ms else SPARSEST
    snn.enlarge_input_weights(math.sqrt(max(1, SPARSEST / density)))


def train_classifier(
    data: Split | Recordings,
    seed: int = 0,
    device: torch.device | str | None = None,
    *,
    network: Callable[..., FrameNetwork] = SNN,
    time_window: float = 1000,
    hidden_size: int | None = None,
    settle: float = SETTLE,
    batch_size: int = 32,
    augment: Callable[[torch.Tensor], torch.Tensor] | None = augment,
    **training: Any,
) -> tuple[Classifier, History]:
    """Train a network by the recipe; test recordings are watched and decide nothing.

    Args:
        data: Recordings to train on, or to train and to test on, of any sensor and any classes.
        seed: Fixes the initial weights, the order of the recordings and how they are changed. It
            seeds PyTorch's global random numbers.
        device: Where to train; default ``default_device()``.
        network: ``SNN``, ``FastSNN`` or a network of your own, as for ``build_network``.
        time_window: Width of a time bin in µs.
        hidden_size: Hidden neurons. Default: that of the network.
        settle: As for ``Classifier``.
        batch_size: Recordings per batch.
        augment: As for ``fit``. The default suits playing cards: none looks different in a mirror.
        training: Further arguments of ``fit``, such as ``loss``, ``epochs`` or ``learning_rate``.

    Returns:
        The trained classifier, and loss and accuracy by epoch.

    Example:
        >>> from pokersnn_helpers import FastSNN, load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> classifier, history = train_classifier(data, network=FastSNN, epochs=2)
        >>> len(history.test_accuracy)
        2
    """
    torch.manual_seed(check_seed(seed))
    train, test = (data.train, data.test) if isinstance(data, Split) else (data, None)
    if not isinstance(train, Recordings):
        raise TypeError(f"data is of type {type(data).__name__}; give Recordings or a Split")
    sizes = {} if hidden_size is None else {"hidden_size": hidden_size}
    snn = build_network(
        network,
        time_window=time_window,
        sensor_size=train.sensor_size,
        output_size=len(train.classes),
        **sizes,
    )
    _let_it_spike(snn, train)
    classifier = Classifier(
        snn, classes=train.classes, sensor_size=train.sensor_size, settle=settle
    )
    frames = {"batch_size": batch_size, "time_window": time_window, "sparse": snn.takes_sparse}
    train_loader = make_loader(train, shuffle=True, **frames)
    test_loader = None if test is None else make_loader(test, **frames)
    history = fit(classifier, train_loader, test_loader, augment=augment, device=device, **training)
    return classifier, history
