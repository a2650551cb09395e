"""Save a trained classifier and load it again."""

import pickle
import zipfile
from os import PathLike
from pathlib import Path

import torch

from .files import atomic_write
from .snn import SNN, Classifier
from .training import pick_device

CHECKPOINT_FORMAT = "pokersnn_helpers checkpoint 1"


def save_checkpoint(classifier: Classifier, path: str | PathLike, run: dict | None = None) -> None:
    """Save the weights and the sizes of a classifier's network; an older file gives way at the end.

    Args:
        classifier: What to save. Its ``decode`` is code and isn't saved.
        path: The file to write.
        run: The training run that it comes from, for ``load_run``: tensors, numbers, texts, and
            lists and dicts of them. Default: none is saved.

    Raises:
        OSError: The file can't be written. What stood there before stands there still.
    """
    snn = classifier.snn
    checkpoint = {
        "format": CHECKPOINT_FORMAT,
        "arguments": snn.arguments,
        "weights": {name: weight.cpu() for name, weight in snn.state_dict().items()},
    }
    if run is not None:
        checkpoint["run"] = run
    with atomic_write(Path(path)) as file:
        torch.save(checkpoint, file)


def load_checkpoint(
    path: str | PathLike,
    device: torch.device | str | None = None,
    network: type[SNN] = SNN,
) -> Classifier:
    """Rebuild the classifier that ``save_checkpoint`` wrote.

    Args:
        path: The file to read.
        device: Where to put it; default ``pick_device()``.
        network: ``SNN`` or ``FastSNN``, whichever of them was saved.

    Returns:
        The classifier, ready to evaluate or to train on.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, or holds something else than one of these networks.
    """
    checkpoint = _read(path)
    snn = network(**checkpoint["arguments"])
    try:
        snn.load_state_dict(checkpoint["weights"])
    except RuntimeError as error:
        raise ValueError(f"the weights in {path} don't fit its own network: {error}") from error
    return Classifier(snn).to(device or pick_device())


def load_run(path: str | PathLike) -> dict:
    """Load the training run that was saved with a classifier.

    Args:
        path: The file to read.

    Returns:
        What ``save_checkpoint`` was given as ``run``, with all tensors on the CPU.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged, or holds no training run.
    """
    run = _read(path).get("run")
    if run is None:
        raise ValueError(
            f"{path} holds a classifier, but no training run to go on with. "
            "Use a file that `python -m pokersnn_helpers train --checkpoint` wrote."
        )
    return run


def _read(path: str | PathLike) -> dict:
    try:
        with zipfile.ZipFile(path) as file:  # the form that torch.save writes
            if damaged := file.testzip():  # torch.load doesn't look at the checksums
                raise ValueError(f"the checksum of {damaged} is wrong")
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError, ValueError, zipfile.error) as error:
        raise ValueError(f"{path} is not a readable PyTorch checkpoint: {error}") from error
    found = checkpoint.get("format") if isinstance(checkpoint, dict) else None
    if found != CHECKPOINT_FORMAT:
        raise ValueError(
            f"{path} is not a checkpoint of this book's network: its format is {found!r}, "
            f"not {CHECKPOINT_FORMAT!r}. Use a file that save_checkpoint wrote."
        )
    return checkpoint
