"""Save a trained classifier, and load it again."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from ..fast import FastSNN
from ..networks.classifier import Classifier, check_classifier, decode
from ..networks.initial_network import build_network
from ..networks.snn import SNN
from ..system.checks import suggests_names
from ..system.devices import Device, chosen_device
from ..system.reading import check_memory, read_input
from ..system.warn import warn
from ..system.writing import StrPath, atomic_write
from .recipe import Recipe

CHECKPOINT_FORMAT = "pokersnn_helpers checkpoint 2"
COMPILED = "_orig_mod"  # where torch.compile keeps the network that it was given
FOUND = {"SNN": SNN, "FastSNN": FastSNN}  # without being given; they load each other's weights


@suggests_names
def save_checkpoint(
    classifier: Classifier,
    path: StrPath,
    overwrite: bool = True,
    further: Mapping[str, Any] | None = None,
) -> None:
    """Save a classifier.

    A file of the same name is replaced once the new one is complete.

    Args:
        classifier: What to save: its network's name, arguments and weights, and its own classes,
            sensor, time bins, ``settle`` and ``recipe``. The code of its network and its ``decode``
            isn't saved.
        path: The file to write.
        overwrite: Whether to replace a file of the same name.
        further: What else the file is to hold, by name.

    Raises:
        TypeError: The object isn't a ``Classifier``.
        FileExistsError: There is a file of this name, and ``overwrite`` is off.
        OSError: The file can't be written. An older file stays as it was.
        ValueError: The classifier couldn't be loaded again, because of the type of an argument, or
            weights aren't finite.

    Example:
        >>> from pokersnn_helpers import SNN
        >>> save_checkpoint(Classifier(SNN()), "run.pt")
        >>> load_checkpoint("run.pt").classes
        ('club', 'heart', 'diamond', 'spade')
    """
    check_classifier(classifier)
    network = getattr(classifier.snn, COMPILED, classifier.snn)
    buffer = io.BytesIO()
    try:
        torch.save(content_of(classifier, network) | dict(further or {}), buffer)
        content = parse(buffer.getvalue(), path)
        check_weights(content, path)
        if hasattr(network, "time_constants") and content["arguments"] is not None:
            check_constants(rebuild(content, path, type(network)).snn, network)
    except Exception as error:  # what an object raises that can't be pickled, or not be loaded
        raise ValueError(
            f"{path} isn't written: {error}; make the network with, and give as the run's options, "
            "numbers, texts, or lists of them"
        ) from error
    with atomic_write(path, overwrite) as file:
        file.write(buffer.getbuffer())


def content_of(classifier: Classifier, network: nn.Module) -> dict[str, Any]:
    """Return what a checkpoint holds of a classifier and its network, by name."""
    arguments = getattr(network, "arguments", None)
    recipe = classifier.recipe
    content: dict[str, Any] = {
        "format": CHECKPOINT_FORMAT,
        "network": type(network).__name__,
        # Without them it is loaded by a function that knows them, or into one that is made.
        "arguments": arguments if is_plain(arguments) else None,
        "classes": classifier.classes,
        "sensor_size": classifier.sensor_size,
        "settle": classifier.settle,
        "time_window": classifier.bin_width,
        "default_decode": classifier.decode is decode,
        "frozen": [
            name.replace(f"{COMPILED}.", "")
            for name, each in classifier.named_parameters()
            if not each.requires_grad
        ],
        "weights": {
            name.replace(f"{COMPILED}.", ""): weight.cpu()
            for name, weight in classifier.state_dict().items()
        },
    }
    return content if recipe is None else content | {"recipe": asdict(recipe)}


def is_plain(value: Any) -> bool:
    """Say whether a value consists of numbers, texts, and lists or dictionaries of them."""
    try:
        json.dumps(value)
    except (TypeError, ValueError):  # of other types, or in a circle
        return False
    return True


def check_constants(loaded: nn.Module, network: nn.Module) -> None:
    """Refuse what a network's arguments don't say: neurons, steps or ties changed later."""
    if len(list(loaded.parameters())) != len(list(network.parameters())):
        raise ValueError("weights are shared that its class doesn't share")
    expected = constants_of(loaded)
    for name, value in constants_of(network).items():
        if value != expected[name]:
            raise ValueError(
                f"{name} is {value}, but its arguments make {expected[name]}; make the network "
                "with other arguments instead of changing it"
            )


def constants_of(network: nn.Module) -> dict[str, Any]:
    """Return what a network computes with besides its weights, by name."""
    constants = {}
    for name, module in network.named_modules():
        for attribute in ("dt", "surrogate_slope", "p"):  # p: of Norse's cells, or of dropout
            value: Any = getattr(module, attribute, None)
            fields = value._asdict() if hasattr(value, "_asdict") else {"": value}
            for field, number in fields.items():
                key = ".".join(filter(None, [name, attribute, field]))
                constants[key] = number.tolist() if isinstance(number, Tensor) else number
    return constants


@suggests_names
def load_checkpoint(
    path: StrPath,
    device: Device = None,
    network: Callable[..., nn.Module] | nn.Module | None = None,
) -> Classifier:
    """Rebuild the classifier that ``save_checkpoint`` wrote.

    A file never decides which code runs: a network of your own is loaded with its class.

    Args:
        path: The file to read.
        device: Where to put it; default ``default_device()``.
        network: The class of the network that was saved, a function that makes such a network, or
            one that is made already and gets the saved weights. ``SNN`` and ``FastSNN`` load each
            other's. Default: ``SNN`` or ``FastSNN``, whichever was saved.

    Returns:
        The classifier, ready to evaluate or to train on.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, holds another network, or one whose class has to be given.

    Warns:
        UserWarning: The classifier had another ``decode``; this one has the default.

    Example:
        >>> from pokersnn_helpers import SNN
        >>> save_checkpoint(Classifier(SNN(hidden_size=20)), "small.pt")
        >>> load_checkpoint("small.pt", "cpu").snn.arguments["hidden_size"]
        20
    """
    content = parse(read_input(path), path)
    check_weights(content, path)
    return rebuild(content, path, network).to(chosen_device(device))


def parse(data: bytes, path: StrPath) -> dict[str, Any]:
    """Return what the bytes of a checkpoint hold, and name ``path`` where they are damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:  # the form that torch.save writes
            check_memory(sum(member.file_size for member in file.infolist()), "its contents")
            damaged = file.testzip()  # torch.load doesn't look at the checksums
        if damaged:
            raise ValueError(f"the checksum of {damaged} is wrong")
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes can raise anything
        reason = str(error).partition("\n")[0]
        if "weights_only" in str(error):  # PyTorch's advice is to load it all the same
            reason = "it holds more than tensors, numbers and texts"
        raise ValueError(f"{path} is not a readable PyTorch checkpoint: {reason}") from error
    form = content.get("format") if isinstance(content, dict) else None
    if form != CHECKPOINT_FORMAT:
        raise ValueError(
            f"{path} is not a checkpoint of this book's network: its format is {form!r}, "
            f"not {CHECKPOINT_FORMAT!r}. Use a file that save_checkpoint wrote."
        )
    return content


def check_weights(content: dict[str, Any], path: StrPath) -> None:
    """Refuse weights that are no finite numbers."""
    weights = content.get("weights")
    if not isinstance(weights, dict) or not all(map(torch.is_tensor, weights.values())):
        raise ValueError(f"{path} is damaged: its weights are no tensors")
    for name, weight in weights.items():
        if not weight.isfinite().all():
            raise ValueError(
                f"{path}: {name} holds NaN or infinity. Go back to an earlier checkpoint, or train "
                "again with a lower learning rate."
            )


def rebuild(
    content: dict[str, Any],
    path: StrPath,
    network: Callable[..., nn.Module] | nn.Module | None,
) -> Classifier:
    """Make the classifier that a checkpoint holds."""
    saved = str(content["network"])
    if network is None:
        network = FOUND.get(saved)
    if network is None:
        raise ValueError(
            f"{path} holds a {saved}, and no code of it: import the class, and load with "
            f"load_checkpoint(path, network={saved})"
        )
    try:
        classifier = make_again(content, network)
    except Exception as error:  # a file can hold anything
        name = getattr(network, "__name__", type(network).__name__)
        advice = "" if saved in FOUND else "; give a network that is made as it was"
        raise ValueError(
            f"{path} holds a {saved}, which network={name} doesn't fit: "
            f"{type(error).__name__}: {error}{advice}"
        ) from error
    if not content.get("default_decode", True):
        warn(
            f"{path} was saved with a decode of your own, not with its code: set classifier.decode"
        )
    return classifier


def make_again(content: dict[str, Any], network: Any) -> Classifier:
    """Make a classifier with the weights of a checkpoint."""
    with torch.random.fork_rng(devices=[]):  # a training run goes on after it has been saved
        snn = network if isinstance(network, nn.Module) else draw_again(content, network)
    saved = content["network"]
    made = type(snn).__name__
    if saved != made and not {saved, made} <= FOUND.keys():
        raise ValueError(f"it makes a {made}; load it with network={saved}")
    classifier = Classifier(
        snn,
        classes=content["classes"],
        sensor_size=content["sensor_size"],
        settle=content.get("settle", 0.0),  # older files: read up to the last event
        time_window=content.get("time_window"),
    )
    weights = content["weights"]
    (dtype,) = {weight.dtype for weight in weights.values() if weight.is_floating_point()}
    # Not with assign=True, which would lose the hooks that Norse has put on the weights.
    classifier.to(dtype).load_state_dict(weights)
    for name in content.get("frozen", []):
        classifier.get_parameter(name).requires_grad_(False)
    if "recipe" in content:
        classifier.recipe = Recipe(**content["recipe"])
    return classifier


def draw_again(content: dict[str, Any], network: Callable[..., nn.Module]) -> nn.Module:
    """Make the network that was saved, with untrained weights."""
    if content["arguments"] is not None:
        return network(**content["arguments"])
    time_window = content.get("time_window") or 1000  # the same for all, if nothing says it
    return build_network(
        network,
        time_window=time_window,
        sensor_size=content["sensor_size"],
        output_size=len(content["classes"]),
    )
