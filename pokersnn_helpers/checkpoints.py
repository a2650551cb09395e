"""Save a trained classifier, and the run that trained it, and load them again."""

import errno
import io
import warnings
import zipfile
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.utils._pytree import keystr, tree_leaves_with_path

from .classifier import Classifier, decode, frame_network
from .devices import default_device
from .files import atomic_write
from .networks import FrameNetwork
from .snn import SNN
from .training import TrainingState

CHECKPOINT_FORMAT = "pokersnn_helpers checkpoint 2"


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
    path: str | PathLike[str],
    run: Run | None = None,
    overwrite: bool = True,
) -> None:
    """Save a classifier; an older file gives way when the new one has been read back.

    Args:
        classifier: What to save: the arguments of its ``FrameNetwork``, its weights, classes,
            sensor and ``settle``. Its ``decode`` is code and isn't saved.
        path: The file to write.
        run: The training run that the classifier is the moving average of, after the last epoch or
            an earlier one. Default: none is saved.
        overwrite: Replace a file that is there.

    Raises:
        TypeError: It is no ``Classifier`` of a ``FrameNetwork``.
        FileExistsError: There is such a file, and ``overwrite`` is off.
        OSError: The file can't be written. What stood there before stands there still.
        ValueError: It couldn't be loaded again, because of the type of an argument or of an option,
            or weights aren't finite.

    Example:
        >>> save_checkpoint(Classifier(SNN()), "run.pt")
        >>> load_checkpoint("run.pt").classes
        ('club', 'heart', 'diamond', 'spade')
    """
    network = frame_network(classifier)
    content: dict[str, Any] = {
        "format": CHECKPOINT_FORMAT,
        "network": type(classifier.snn).__name__,
        "arguments": classifier.snn.arguments,
        "classes": tuple(map(str, classifier.classes)),  # from NumPy, they couldn't be loaded
        "sensor_size": tuple(map(int, classifier.sensor_size)),
        "settle": float(classifier.settle),
        "default_decode": classifier.decode is decode,
        "frozen": [name for name, each in classifier.named_parameters() if not each.requires_grad],
        "weights": {name: weight.cpu() for name, weight in classifier.state_dict().items()},
    }
    if run is not None:
        content |= {"options": run.options, "state": {**vars(run.state)}}
        if all(map(torch.equal, run.state.ema.values(), classifier.state_dict().values())):
            del content["state"]["ema"]  # the classifier is the average, and not an earlier one
    buffer = io.BytesIO()
    try:
        torch.save(content, buffer)
        written = _parse(buffer.getvalue(), path)
    except Exception as error:  # what an object raises that can't be pickled, or not be loaded
        raise ValueError(
            f"{path} isn't written: {error}; make the network with, and give as the run's options, "
            "numbers, texts, or lists of them"
        ) from error
    _compare(_rebuild(written, path, type(network)), classifier, path)
    with atomic_write(Path(path), overwrite) as file:
        file.write(buffer.getbuffer())
        file.flush()
        if Path(file.name).read_bytes() != buffer.getbuffer():
            raise OSError(errno.EIO, "What was written reads back otherwise", str(path))


def _compare(loaded: Classifier, classifier: Classifier, path: str | PathLike[str]) -> None:
    """Refuse what a network's arguments don't say: neurons, steps or ties changed later."""
    if len([*loaded.parameters()]) != len([*classifier.parameters()]):
        raise ValueError(f"{path} isn't written: weights are shared that its class doesn't share")
    for (name, made), own in zip(loaded.named_modules(), classifier.modules(), strict=True):
        for part in ("p", "dt", "surrogate_slope"):
            found, expected = (getattr(each, part, None) for each in (own, made))
            if repr(found) != repr(expected):
                raise ValueError(
                    f"{path} isn't written: {name}.{part} is {found}, but its arguments make "
                    f"{expected}; make the network with other arguments instead of changing it"
                )


def load_checkpoint(
    path: str | PathLike[str],
    device: torch.device | str | None = None,
    network: type[FrameNetwork] = SNN,
) -> Classifier:
    """Rebuild the classifier that ``save_checkpoint`` wrote.

    Args:
        path: The file to read.
        device: Where to put it; default ``default_device()``.
        network: The class of the network that was saved; ``SNN`` and ``FastSNN`` load each other's.

    Returns:
        The classifier, ready to evaluate or to train on.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, or holds something else than such a network.

    Warns:
        UserWarning: The classifier had another ``decode``; this one has the default.

    Example:
        >>> save_checkpoint(Classifier(SNN(hidden_size=20)), "small.pt")
        >>> load_checkpoint("small.pt", "cpu").snn.arguments["hidden_size"]
        20
    """
    content = _read(path)
    classifier = _rebuild(content, path, network)
    if content.get("default_decode", True) is not True:
        about = (
            f"{path} was saved with a decode of your own, not with its code: set classifier.decode"
        )
        warnings.warn(about, stacklevel=2)
    return classifier.to(device or default_device())


def saved_with(path: str | PathLike[str]) -> tuple[str, dict[str, Any]]:
    """Return the class name of the saved network, and the options of its run, if there is one.

    Errors are those of ``load_checkpoint``.
    """
    content = _read(path)
    return str(content.get("network")), dict(content.get("options", {}))


def load_run(path: str | PathLike[str]) -> Run:
    """Load the training run saved with a classifier; errors are those of ``load_checkpoint``.

    Example:
        >>> from pokersnn_helpers import FastSNN, load_pokerdvs, train_classifier
        >>> save = lambda classifier, state: save_checkpoint(classifier, "one.pt", Run({}, state))
        >>> data = load_pokerdvs(source="simulated").test
        >>> options = {"network": FastSNN, "epochs": 1, "on_epoch_end": save}
        >>> classifier, history = train_classifier(data, **options)
        >>> load_run("one.pt").state.history == vars(history)
        True
    """
    content = _read(path)
    if "state" not in content:
        raise ValueError(
            f"{path} holds a classifier, but no training run to go on with. "
            "Use a file that `python -m pokersnn_helpers train --checkpoint` wrote."
        )
    try:
        state = TrainingState(**{"ema": content["weights"]} | content["state"])
        return Run(dict(content["options"]), state)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} holds a damaged training run: {error}") from error


def _rebuild(
    content: dict[str, Any], path: str | PathLike[str], network: type[FrameNetwork]
) -> Classifier:
    saved = content.get("network")
    try:
        if saved != network.__name__ and not {saved, network.__name__} <= {"SNN", "FastSNN"}:
            raise ValueError(f"load it with network={saved}")
        weights = content["weights"]
        _check_sizes(content["arguments"], len(content["classes"]), weights)
        with torch.random.fork_rng(devices=[]):  # a training run goes on after it has been saved
            snn = network(**content["arguments"])
        types = {each.dtype for each in weights.values() if each.is_floating_point()}
        if types not in ({torch.float32}, {torch.float64}):
            raise ValueError(f"its weights are of type {', '.join(map(str, types))}")
        classifier = Classifier(
            snn,
            classes=content["classes"],
            sensor_size=content["sensor_size"],
            settle=content.get("settle", 0.0),  # older files: read up to the last event
        )
        for name, own in classifier.to(*types).state_dict().items():
            if (found := weights.get(name, own).dtype) != own.dtype:
                raise ValueError(f"its {name} is of type {found}, not {own.dtype}")
        # Not with assign=True, which would lose the hooks that Norse has put on the weights.
        classifier.load_state_dict(weights)
        for name in content.get("frozen", []):
            classifier.get_parameter(name).requires_grad_(False)
    except Exception as error:  # a file can hold anything
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(
            f"{path} holds a {saved}, which network={network.__name__} doesn't fit: {reason}"
        ) from error
    return classifier


def _check_sizes(arguments: dict[str, Any], classes: int, weights: dict[str, torch.Tensor]) -> None:
    """Refuse a size that the weights of an ``SNN`` don't have, before memory is taken for it."""
    matrix = weights.get("snn.lif0.input_weights")
    hidden, inputs = (None, None) if matrix is None else matrix.shape
    for name, size in (("hidden_size", hidden), ("input_size", inputs), ("output_size", classes)):
        if size is not None and arguments.get(name, size) != size:
            raise ValueError(f"its {name} is {arguments[name]}; weights and classes need {size}")


def _read(path: str | PathLike[str]) -> dict[str, Any]:
    if Path(path).exists() and not Path(path).is_file():  # a pipe or a device may have no end
        raise ValueError(f"{path} is not a regular file; choose one that save_checkpoint wrote")
    return _parse(Path(path).read_bytes(), path)


def _parse(data: bytes, path: str | PathLike[str]) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:  # the form that torch.save writes
            if sum(each.file_size for each in file.infolist()) > len(data):
                raise ValueError("it is compressed")  # which torch.save never does: a zip bomb?
            if damaged := file.testzip():  # torch.load doesn't look at the checksums
                raise ValueError(f"the checksum of {damaged} is wrong")
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # damaged bytes can raise anything
        reason = str(error).split("WeightsUnpickler error: ")[-1].strip().partition("\n")[0]
        reason = reason.partition(" was not an allowed global")[0]  # not PyTorch's advice, which is
        if "weights_only" in reason:  # to load it all the same
            reason = "it holds more than tensors, numbers and texts"
        raise ValueError(f"{path} is not a readable PyTorch checkpoint: {reason}") from error
    found = content.get("format") if isinstance(content, dict) else None
    if found != CHECKPOINT_FORMAT:
        raise ValueError(
            f"{path} is not a checkpoint of this book's network: its format is {found!r}, "
            f"not {CHECKPOINT_FORMAT!r}. Use a file that save_checkpoint wrote."
        )
    for place, value in tree_leaves_with_path(content):
        if isinstance(value, torch.Tensor) and not value.isfinite().all():
            raise ValueError(
                f"{path}: {keystr(place)} holds NaN or infinity. Go back to an earlier checkpoint, "
                "or train again with a lower learning rate."
            )
    return content
