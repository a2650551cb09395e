"""Save a trained classifier, and the run that trained it, and load them again."""

import io
import reprlib
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from pkgutil import resolve_name
from types import UnionType
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

import torch

from .classifier import Classifier, decode, frame_network
from .networks import FrameNetwork
from .recipe import Recipe
from .system.devices import default_device
from .system.writing import StrPath, atomic_write
from .training import History, TrainingState

CHECKPOINT_FORMAT = "pokersnn_helpers checkpoint 2"
CONTENT = {  # of which type everything in a checkpoint is
    "network": str,
    "arguments": dict,
    "classes": tuple,
    "sensor_size": tuple,
    "settle": float,
    "default_decode": bool,
    "ranges": list[list[float]],
    "frozen": list[str] | tuple,  # the page Teach it yours writes an empty tuple
    "weights": dict[str, torch.Tensor],
    "recipe": dict,
    "options": dict,
    "state": dict,
}
SAVED_NETWORKS = {  # that ``train`` trains, and where they are
    "SNN": "snn:SNN",
    "FastSNN": "fast:FastSNN",
    "LayerThenSNN": "fast:LayerThenSNN",
}


class Run(NamedTuple):
    """A training run, to be resumed.

    Example:
        >>> from pokersnn_helpers import FastSNN, fit, load_pokerdvs, make_loader
        >>> def save(classifier, state):
        ...     save_checkpoint(classifier, "fit.pt", Run({"seed": 0}, state))
        >>> loader = make_loader(load_pokerdvs(source="simulated").test)
        >>> history = fit(Classifier(FastSNN()), loader, epochs=1, on_epoch_end=save)
        >>> load_run("fit.pt").options
        {'seed': 0}
    """

    options: dict[str, Any]  # what it was started with: numbers or texts by name
    state: TrainingState  # what fit gave to on_epoch_end


def save_checkpoint(
    classifier: Classifier,
    path: StrPath,
    run: Run | None = None,
    overwrite: bool = True,
) -> None:
    """Save a classifier.

    A file of the same name is replaced once the new one is complete.

    Args:
        classifier: What to save: the arguments of its ``FrameNetwork``, its weights, classes,
            sensor, ``settle``, ``recipe`` and ``ranges``. Its ``decode`` is code and isn't saved.
        path: The file to write.
        run: The training run of whose weights the classifier holds the moving average, of the
            epoch that is kept. Default: no run is saved.
        overwrite: Whether to replace a file of the same name.

    Raises:
        TypeError: The object isn't a ``Classifier`` of a ``FrameNetwork``.
        FileExistsError: There is a file of this name, and ``overwrite`` is off.
        OSError: The file can't be written. An older file stays as it was.
        ValueError: The classifier couldn't be loaded again, because of the type of an argument or
            of an option, or weights aren't finite.

    Example:
        >>> from pokersnn_helpers import SNN
        >>> save_checkpoint(Classifier(SNN()), "run.pt")
        >>> load_checkpoint("run.pt").classes
        ('club', 'heart', 'diamond', 'spade')
    """
    network = frame_network(classifier)
    weights = {name: weight.cpu() for name, weight in classifier.state_dict().items()}
    content: dict[str, Any] = {
        "format": CHECKPOINT_FORMAT,
        "network": type(network).__name__,
        "arguments": network.arguments,
        "classes": tuple(map(str, classifier.classes)),  # from NumPy, they couldn't be loaded
        "sensor_size": tuple(map(int, classifier.sensor_size)),
        "settle": float(classifier.settle),
        "default_decode": classifier.decode is decode,
        "ranges": classifier.ranges,
        "frozen": [name for name, each in classifier.named_parameters() if not each.requires_grad],
        "weights": weights,
    }
    if classifier.recipe is not None:
        content["recipe"] = asdict(classifier.recipe)
    if run is not None:
        content["options"] = run.options
        content["state"] = vars(run.state).copy()
        del content["state"]["kept"]  # the classifier has these weights
        averages = [average.cpu() for average in run.state.ema.values()]
        if all(map(torch.equal, averages, weights.values())):
            del content["state"]["ema"]  # the classifier is the average, and not an earlier one
    buffer = io.BytesIO()
    try:
        torch.save(content, buffer)
        loaded = rebuild(parse(buffer.getvalue(), path), path, type(network))
    except Exception as error:  # what an object raises that can't be pickled, or not be loaded
        raise ValueError(
            f"{path} isn't written: {error}; make the network with, and give as the run's options, "
            "numbers, texts, or lists of them"
        ) from error
    check_constants(loaded.snn, network, path)
    with atomic_write(Path(path), overwrite) as file:
        file.write(buffer.getbuffer())


def check_constants(loaded: FrameNetwork, network: FrameNetwork, path: StrPath) -> None:
    """Refuse what a network's arguments don't say: neurons, steps or ties changed later."""
    if len(list(loaded.parameters())) != len(list(network.parameters())):
        raise ValueError(f"{path} isn't written: weights are shared that its class doesn't share")
    expected = constants_of(loaded)
    for name, value in constants_of(network).items():
        if value != expected[name]:
            raise ValueError(
                f"{path} isn't written: {name} is {value}, but its arguments make "
                f"{expected[name]}; make the network with other arguments instead of changing it"
            )


def constants_of(network: FrameNetwork) -> dict[str, Any]:
    """Return what a network computes with besides its weights, by name."""
    constants = {}
    for name, module in network.named_modules():
        for attribute in ("dt", "surrogate_slope", "p"):  # p: of Norse's cells, or of dropout
            value: Any = getattr(module, attribute, None)
            fields = value._asdict() if hasattr(value, "_asdict") else {"": value}
            for field, number in fields.items():
                key = ".".join(filter(None, [name, attribute, field]))
                constants[key] = number.tolist() if isinstance(number, torch.Tensor) else number
    return constants


def load_checkpoint(
    path: StrPath,
    device: torch.device | str | None = None,
    network: type[FrameNetwork] | None = None,
) -> Classifier:
    """Rebuild the classifier that ``save_checkpoint`` wrote.

    Args:
        path: The file to read.
        device: Where to put it; default ``default_device()``.
        network: The class of the network that was saved; ``SNN`` and ``FastSNN`` load each other's.
            Default: the one that was saved, of the networks that ``train`` has.

    Returns:
        The classifier, ready to evaluate or to train on.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, or holds something else than such a network.

    Warns:
        UserWarning: The classifier had another ``decode``; this one has the default.

    Example:
        >>> from pokersnn_helpers import SNN
        >>> save_checkpoint(Classifier(SNN(hidden_size=20)), "small.pt")
        >>> load_checkpoint("small.pt", "cpu").snn.arguments["hidden_size"]
        20
    """
    content = read(path)
    classifier = rebuild(content, path, network)
    if not content.get("default_decode", True):
        warnings.warn(
            f"{path} was saved with a decode of your own, not with its code: set classifier.decode",
            stacklevel=2,
        )
    return classifier.to(device or default_device())


def saved_with(path: StrPath) -> tuple[str, dict[str, Any]]:
    """Return the class name of the saved network, and the options of its run, if there is one.

    Errors are those of ``load_checkpoint``.
    """
    content = read(path)
    return str(content.get("network")), dict(content.get("options", {}))


def load_run(path: StrPath) -> Run:
    """Load the training run saved with a classifier; errors are those of ``load_checkpoint``.

    Example:
        >>> from pokersnn_helpers import FastSNN, load_pokerdvs, train_classifier
        >>> save = lambda classifier, state: save_checkpoint(classifier, "one.pt", Run({}, state))
        >>> data = load_pokerdvs(source="simulated").test
        >>> options = {"network": FastSNN, "epochs": 1, "on_epoch_end": save}
        >>> classifier, history = train_classifier(data, **options)
        >>> load_run("one.pt").state.history["loss"] == history.loss
        True
    """
    content = read(path)
    if "state" not in content:
        raise ValueError(
            f"{path} holds a classifier, but no training run to go on with. "
            "Use a file that `eventdesk train --checkpoint` wrote."
        )
    try:
        weights = content["weights"]
        state = TrainingState(**{"ema": weights, "kept": weights} | content["state"])
        return Run(dict(content["options"]), state)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} holds a damaged training run: {error}") from error


def rebuild(
    content: dict[str, Any], path: StrPath, network: type[FrameNetwork] | None
) -> Classifier:
    """Make the classifier that a checkpoint holds."""
    saved = str(content.get("network"))
    if network is None:
        if saved not in SAVED_NETWORKS:
            raise ValueError(f"{path} holds a {saved}; load it with network={saved}")
        network = resolve_name(f"{__package__}.{SAVED_NETWORKS[saved]}")
    try:
        if saved != network.__name__ and not {saved, network.__name__} <= {"SNN", "FastSNN"}:
            raise ValueError(f"load it with network={saved}")
        weights = content["weights"]
        with torch.random.fork_rng(devices=[]):  # a training run goes on after it has been saved
            snn = network(**content["arguments"])
        classifier = Classifier(
            snn,
            classes=content["classes"],
            sensor_size=content["sensor_size"],
            settle=content.get("settle", 0.0),  # older files: read up to the last event
        )
        (dtype,) = {weight.dtype for weight in weights.values() if weight.is_floating_point()}
        # Not with assign=True, which would lose the hooks that Norse has put on the weights.
        classifier.to(dtype).load_state_dict(weights)
        for name in content.get("frozen", []):
            classifier.get_parameter(name).requires_grad_(False)
        classifier.ranges = content.get("ranges", [])
        if "recipe" in content:
            classifier.recipe = Recipe(**content["recipe"])
    except Exception as error:  # a file can hold anything
        raise ValueError(
            f"{path} holds a {saved}, which network={network.__name__} doesn't fit: "
            f"{type(error).__name__}: {error}"
        ) from error
    return classifier


def read(path: StrPath) -> dict[str, Any]:
    """Return what a checkpoint holds."""
    if Path(path).exists() and not Path(path).is_file():  # a pipe or a device may have no end
        raise ValueError(f"{path} is not a regular file; choose one that save_checkpoint wrote")
    return parse(Path(path).read_bytes(), path)


def parse(data: bytes, path: StrPath) -> dict[str, Any]:
    """Return what the bytes of a checkpoint hold, and name ``path`` where they are damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:  # the form that torch.save writes
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
    check_content(content, path)
    return content


def check_content(content: dict[str, Any], path: StrPath) -> None:
    """Refuse a checkpoint that holds something else than ``save_checkpoint`` writes."""
    needed = ("network", "arguments", "classes", "sensor_size", "weights")
    missing = [name for name in needed if name not in content]
    if missing:
        raise ValueError(f"{path} is damaged: it holds no {', '.join(missing)}")
    check_types(content, CONTENT, path)
    state = content.get("state", {})
    for values, kind in (
        (content.get("recipe", {}), Recipe),
        (state, TrainingState),
        (state.get("history", {}), History),
    ):
        fields = get_type_hints(kind)
        check_known(values, fields, path)
        check_types(values, fields, path)
    if any(len(interval) != 2 for interval in content.get("ranges", [])):
        raise ValueError(f"{path} is damaged: ranges is {reprlib.repr(content['ranges'])}")
    for name, weight in content["weights"].items():
        if not weight.isfinite().all():
            raise ValueError(
                f"{path}: {name} holds NaN or infinity. Go back to an earlier checkpoint, or train "
                "again with a lower learning rate."
            )


def check_known(values: Mapping[str, Any], known: Mapping[str, Any], path: object) -> None:
    """Refuse values that have names which this version doesn't know."""
    unknown = [str(name) for name in values if name not in known]
    if unknown:
        raise ValueError(
            f"{path} holds {', '.join(unknown)}, which this version doesn't know; install the one "
            "that wrote it"
        )


def check_types(values: Mapping[str, Any], types: Mapping[str, Any], path: object) -> None:
    """Refuse a value of another type than the one that belongs to its name; others may be any."""
    for name, value in values.items():
        if not _fits(value, types.get(name, Any)):
            raise ValueError(f"{path} is damaged: {name} is {reprlib.repr(value)}")


def _fits(value: Any, kind: Any) -> bool:
    """Say whether a value is of a type, and all that a list or a dictionary holds of its own."""
    parts = get_args(kind)
    if isinstance(kind, UnionType):
        return any(_fits(value, part) for part in parts)
    if get_origin(kind) is list:
        return isinstance(value, list) and all(_fits(item, parts[0]) for item in value)
    if get_origin(kind) is dict:
        return isinstance(value, dict) and all(_fits(item, parts[1]) for item in value.values())
    return kind is Any or isinstance(value, int | float if kind is float else kind)
