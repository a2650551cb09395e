"""The network that a command line names: one of ``models.named``, or a class in a file."""

import inspect
from collections.abc import Callable
from pathlib import Path
from runpy import run_path
from typing import Any

from torch import nn

from pokersnn_helpers.networks.initial_network import accepted_arguments
from pokersnn_helpers.networks.spiking_network import has_step
from pokersnn_helpers.system.reading import check_memory

from ..models.named import NETWORKS_OF_TRAIN

GIVEN = "sensor_size", "input_size", "output_size", "dt", "surrogate_slope", "hidden_size"


def network_named(words: str) -> Callable[..., nn.Module]:
    """Return the network that is called snn, fast or layer, or FILE.py:Class, whose file is run.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: There is no such name in it.
    """
    if words in NETWORKS_OF_TRAIN:
        return NETWORKS_OF_TRAIN[words]
    file, colon, name = words.rpartition(":")
    if not colon or not file.endswith(".py"):
        known = ", ".join(NETWORKS_OF_TRAIN)
        raise ValueError(f"--network is {words}; choose {known} or FILE.py:Class")
    if not Path(file).is_file():
        raise FileNotFoundError(f"--network is {words}; there is no file {file}")
    names = run_path(file)
    if not callable(names.get(name)):
        classes = [each for each, kind in names.items() if isinstance(kind, type)]
        raise ValueError(f"--network is {words}; {file} has {', '.join(classes) or 'no classes'}")
    return names[name]


def network_to_train(words: str, hidden_size: int = 0) -> Callable[..., nn.Module]:
    """Return the network that is named, or say why ``train`` can't make it.

    Args:
        words: As for ``network_named``.
        hidden_size: What the command line says, or 0.
    """
    network = network_named(words)
    if isinstance(network, type) and not issubclass(network, nn.Module):
        raise ValueError(f"--network is {words}, which is no torch.nn.Module; let it extend that")
    if hidden_size and "hidden_size" not in accepted_arguments(network):
        raise ValueError(f"--hidden-size says nothing to {words}; leave it out")
    if words in NETWORKS_OF_TRAIN:  # each neuron has a weight from each: 16 bytes with Adam's
        neurons = min(hidden_size, 10**9)  # more don't fit either, and their square into no float
        check_memory(16 * neurons**2, f"{hidden_size:,} hidden neurons", "choose fewer")
    unknown = [name for name in required_arguments(network) if name not in GIVEN]
    if unknown:
        raise ValueError(
            f"--network is {words}, which needs {', '.join(unknown)}; give defaults to all "
            f"arguments but {', '.join(GIVEN[:-1])}, which train says, and hidden_size"
        )
    return network


def required_arguments(network: Callable[..., Any]) -> list[str]:
    """Name the arguments without which a network can't be made."""
    return [
        name
        for name, parameter in inspect.signature(network).parameters.items()
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]


def takes_steps(network: Callable[..., Any]) -> bool:
    """Say whether ``live`` may ask a network, as far as that is known before it is made."""
    if not isinstance(network, type):
        return True
    if not has_step(network):
        return hasattr(network, "resume")
    try:
        inspect.signature(network.step).bind("self", "frame", "state")  # type: ignore[attr-defined]
    except TypeError:
        return False
    return True
