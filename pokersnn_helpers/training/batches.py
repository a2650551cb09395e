"""The batches of a loader, checked."""

import reprlib
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Subset

from ..events.frames import FrameDataset, check_finite_frames
from ..events.recordings import Recordings
from ..networks.classifier import Classifier
from ..system.checks import check_tensor, errors_in
from ..system.warn import warn

Batches = Iterable[tuple[Tensor, Tensor]]


def frames_behind(loader: Any) -> FrameDataset | None:
    """Return the data set of frames that a loader reads, or None of a loader that has another."""
    dataset: Any = getattr(loader, "dataset", None)
    while isinstance(dataset, Subset):
        dataset = dataset.dataset
    return dataset if isinstance(dataset, FrameDataset) else None


def check_loader(loader: Any, classifier: Classifier) -> None:
    """Refuse recordings, and a loader of others than a classifier was made for.

    Its time bins are as wide as the network's time steps, and its recordings are of the
    classifier's classes and sensor. What a loader doesn't say isn't checked.
    """
    has_recordings = isinstance(getattr(loader, "dataset", None), Recordings)
    if has_recordings or not hasattr(loader, "__iter__"):  # whose events PyTorch can't put together
        kind = type(loader).__name__
        raise TypeError(f"the loader is of type {kind}; give make_loader(recordings)")
    dataset = frames_behind(loader)
    if dataset is None:
        return
    classifier.check_time_window(dataset.time_window)
    for name in ("classes", "sensor_size"):
        given = getattr(dataset.recordings, name)
        expected = getattr(classifier, name)
        if given != expected:
            raise ValueError(
                f"the loader's recordings have {name} {given}, the classifier has {expected}; make "
                f"the classifier with {name}={given}"
            )


def batches_of(
    loader: Batches, classifier: Classifier, during: str = "in "
) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Yield where a batch is, its frames and its class numbers, or say where what is wrong."""
    is_counted = frames_behind(loader) is not None  # by this package, and so in order and finite
    for number, batch in enumerate(loader, 1):
        where = f"{during}batch {number}"
        with errors_in(where):
            frames, targets = check_batch(batch, len(classifier.classes))
            if not is_counted:
                check_finite_frames(frames)
                warn_of_other_axes(frames)
        yield where, frames, targets


def check_batch(batch: Any, classes: int) -> tuple[Tensor, Tensor]:
    """Return the frames of a batch, and the class number of each recording as int64.

    What is wrong is said: ``nll_loss`` would leave out a target of -100 without a word.
    """
    try:
        frames, targets = batch
        targets = torch.as_tensor(targets)
        if getattr(frames, "ndim", 3) < 3:
            raise TypeError("these are no frames")
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"the loader yields {reprlib.repr(batch)}; give batches (frames, targets), with "
            "the number of each recording's class, as make_loader(recordings) yields them"
        ) from error
    check_tensor(frames)
    number = frames.shape[1]
    if targets.shape != (number,):
        raise ValueError(
            f"targets have shape {tuple(targets.shape)}, and the frames hold {number} recordings; "
            "give a class number for each, and frames in the order (time, batch, polarity, y, x)"
        )
    wrong = targets[(targets < 0) | (targets > classes - 1) | (targets % 1 != 0)]
    if len(wrong):
        short = reprlib.repr(wrong.tolist())
        raise ValueError(
            f"targets hold {short}; they must be class numbers from 0 to {classes - 1}"
        )
    return frames, targets.long()


def warn_of_other_axes(frames: Tensor) -> None:
    """Warn of frames whose first axis may be the batch."""
    steps, number = frames.shape[:2]
    if steps == number:
        warn(
            f"frames have shape {tuple(frames.shape)}, as many time steps as recordings; if the "
            "first axis is the batch, bring them into the order (time, batch, polarity, y, x)"
        )
