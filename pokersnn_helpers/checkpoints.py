"""Save a trained classifier, and the run that trained it, and load them again."""

import io
import pickle
import zipfile
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import torch

from .distributed import default_device
from .files import atomic_write
from .snn import SNN, Classifier, SpikingNetwork
from .training import TrainingState

CHECKPOINT_FORMAT = "pokersnn_helpers checkpoint 2"


class Run(NamedTuple):
    """A training run, to be resumed."""

    options: dict[str, Any]  # what it was started with: numbers or texts by name
    state: TrainingState  # what fit gave to on_epoch_end


def save_checkpoint(
    classifier: Classifier, path: str | PathLike[str], run: Run | None = None
) -> None:
    """Save a classifier; an older file gives way when the new one has been read back.

    Args:
        classifier: What to save: the arguments of its ``SpikingNetwork``, its weights, classes and
            sensor. Its ``decode`` is code and isn't saved.
        path: The file to write.
        run: The training run that the classifier is the moving average of. Default: none is saved.

    Raises:
        TypeError: The network is no ``SpikingNetwork``.
        OSError: The file can't be written. What stood there before stands there still.
        ValueError: An argument of the network or an option of the run is of a type that can't be
            loaded again.
    """
    if not isinstance(classifier.snn, SpikingNetwork):
        raise TypeError(
            f"{type(classifier.snn).__name__} is no SpikingNetwork; only those are saved"
        )
    content: dict[str, Any] = {
        "format": CHECKPOINT_FORMAT,
        "network": type(classifier.snn).__name__,
        "arguments": classifier.snn.arguments,
        "classes": classifier.classes,
        "sensor_size": classifier.sensor_size,
        "weights": {name: weight.cpu() for name, weight in classifier.state_dict().items()},
    }
    if run is not None:
        state = {name: part for name, part in vars(run.state).items() if name != "ema"}
        content |= {"options": run.options, "state": state}  # its ema are the weights above
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with atomic_write(Path(path)) as file:
        file.write(buffer.getbuffer())
        file.flush()
        _read(file.name)


def load_checkpoint(
    path: str | PathLike[str],
    device: torch.device | str | None = None,
    network: type[SpikingNetwork] = SNN,
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
    """
    content = _read(path)
    try:
        snn = network(**content["arguments"])
        classifier = Classifier(snn, classes=content["classes"], sensor_size=content["sensor_size"])
        classifier.load_state_dict(content["weights"], assign=True)
    except (TypeError, RuntimeError) as error:
        raise ValueError(
            f"{path} holds a {content['network']}, which network={network.__name__} doesn't fit: "
            f"{error}"
        ) from error
    return classifier.to(device or default_device())


def load_run(path: str | PathLike[str]) -> Run:
    """Load the training run saved with a classifier; errors are those of ``load_checkpoint``."""
    content = _read(path)
    if "state" not in content:
        raise ValueError(
            f"{path} holds a classifier, but no training run to go on with. "
            "Use a file that `python -m pokersnn_helpers train --checkpoint` wrote."
        )
    state = TrainingState(ema=content["weights"], **content["state"])
    return Run(content["options"], state)


def _read(path: str | PathLike[str]) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as file:  # the form that torch.save writes
            if damaged := file.testzip():  # torch.load doesn't look at the checksums
                raise ValueError(f"the checksum of {damaged} is wrong")
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError, ValueError, zipfile.error) as error:
        raise ValueError(f"{path} is not a readable PyTorch checkpoint: {error}") from error
    found = content.get("format") if isinstance(content, dict) else None
    if found != CHECKPOINT_FORMAT:
        raise ValueError(
            f"{path} is not a checkpoint of this book's network: its format is {found!r}, "
            f"not {CHECKPOINT_FORMAT!r}. Use a file that save_checkpoint wrote."
        )
    return content
