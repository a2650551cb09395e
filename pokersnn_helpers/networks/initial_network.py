"""Draw the network that training begins with, for any sensor, classes and time bins."""

import copy
import inspect
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from ..events.recordings import POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE
from ..system.checks import SensorSize, check_sensor_size, check_time_window
from .snn import SNN


def build_network(
    network: Callable[..., nn.Module] = SNN,
    *,
    time_window: float = 1000,
    sensor_size: SensorSize = POKERDVS_SENSOR_SIZE,
    output_size: int = len(POKERDVS_CLASSES),
    surrogate_slope: float | None = None,
    **arguments: Any,
) -> Any:
    """Draw the network that training begins with, by PyTorch's global random numbers.

    Args:
        network: A class of networks, or a function that makes a network. Of ``sensor_size``,
            ``input_size``, ``output_size``, ``dt`` and ``surrogate_slope``, it is given those that
            it has as parameters. A network of your own that has them fits any sensor, classes and
            time bins. ``SNN`` and ``FastSNN`` begin with the recipe's weights.
        time_window: Width of a time bin in µs. It doesn't change the time constants.
        sensor_size: Width, height and polarities of the sensor.
        output_size: One output per class.
        surrogate_slope: Slope of the surrogate gradient. Default: 1, and in time bins narrower than
            1 ms proportionally less, since gradients would otherwise grow from step to step.
        arguments: Further arguments of the network, such as ``hidden_size`` or the time constants
            of ``SNN``.

    Returns:
        The network.

    Raises:
        TypeError: ``network`` is a network already, makes something else, or needs an argument that
            it isn't given.
        ValueError: A number isn't greater than 0, or the time bins are too wide for ``SNN``.

    Example:
        >>> build_network(sensor_size=(64, 64, 2), output_size=3, hidden_size=20).input_size
        8192
    """
    check_time_window(time_window)
    dt_ratio = min(1, time_window / 1000)
    offered = {
        "sensor_size": sensor_size,
        "input_size": math.prod(check_sensor_size(sensor_size)),
        "output_size": output_size,
        "dt": time_window / 1e6,
        "surrogate_slope": dt_ratio if surrogate_slope is None else surrogate_slope,
    }
    accepted = accepted_arguments(network)
    taken = {name: value for name, value in offered.items() if name in accepted} | arguments
    noted = copy.deepcopy(getattr(network, "keywords", {}) | taken)  # a network may change a list
    made = network(**taken)
    if not isinstance(made, nn.Module):
        raise TypeError(f"network={network!r} made a {type(made).__name__}; make a torch.nn.Module")
    is_class = isinstance(getattr(network, "func", network), type)
    if is_class and not hasattr(made, "arguments"):  # so that a checkpoint can make the same again
        made.arguments = noted  # type: ignore[assignment]
    if isinstance(made, SNN):
        scale_initial_weights(made, dt_ratio)
    return made


def accepted_arguments(network: Callable[..., Any]) -> set[str]:
    """Return the names of the arguments that may be given to what makes a network.

    What a class takes as ``**arguments``, it passes on to the class that it extends or to a method
    ``build(self, inputs, outputs, ...)``, or says as ``time_constants``. What a partial fixes isn't
    accepted any more.
    """
    if isinstance(network, nn.Module):
        raise TypeError(
            "network is made already; give its class, or a function that makes it, or train this "
            "one with fit(Classifier(network), make_loader(recordings))"
        )
    if not callable(network):
        raise TypeError(f"network is {network!r}; give a class, as network=SNN")
    made = getattr(network, "func", network)  # by a partial
    accepted: set[str] = set()
    for kind in made.__mro__ if isinstance(made, type) else (made,):
        parameters = inspect.signature(kind).parameters
        accepted.update(parameters)
        if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in parameters.values()):
            break
        accepted.update(getattr(kind, "time_constants", {}))
        if hasattr(kind, "build"):
            accepted.update([*inspect.signature(kind.build).parameters][3:])
    return accepted - set(getattr(network, "keywords", {}))


@torch.no_grad()
def scale_initial_weights(snn: SNN, dt_ratio: float) -> None:
    """Scale what Norse has drawn: input weights by the number of inputs, others by the time step.

    Norse scales input weights by the number of hidden neurons. The number of inputs is the usual
    choice (He et al. 2015, doi:10.1109/ICCV.2015.123).
    """
    weights = snn.lif0.input_weights
    hidden_size, input_size = weights.shape
    weights *= math.sqrt(hidden_size / input_size)
    snn.lif0.recurrent_weights *= math.sqrt(dt_ratio)


def exact_decays(network: Callable[..., Any], time_window: float) -> dict[str, float]:
    """Return the time constants of a network with which Norse's forward Euler decays exactly.

    A step of forward Euler leaves 1 − dt/τ of a voltage, which is wrong where dt isn't much shorter
    than τ and changes its sign where it is longer. With dt / (1 − exp(−dt/τ)) in the place of τ it
    leaves exp(−dt/τ). In steps up to a quarter of τ, as of 1 ms, Euler is the book's.

    Args:
        network: A class of networks, or a partial of one; what it fixes stays as it is.
        time_window: Width of a time bin in µs.

    Returns:
        Those of ``network.time_constants`` that have to change, by name, in s.

    Example:
        >>> from functools import partial
        >>> round(exact_decays(partial(SNN, tau_syn=0.02), 5000)["tau_mem"], 5)  # and not 0.01
        0.01271
    """
    dt = time_window / 1e6
    accepted = accepted_arguments(network)
    taus = getattr(getattr(network, "func", network), "time_constants", {})
    return {
        name: dt / -math.expm1(-dt / tau)
        for name, tau in taus.items()
        if name in accepted and dt > tau / 4
    }
