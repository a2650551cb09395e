"""What the package refuses, and why, in the words of its errors.

Every error names what was wrong, with which value, and what to do.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

EVENT_DTYPE = np.dtype([(field, np.int64) for field in "txyp"])  # t in µs; p: 1 = ON, 0 = OFF


def check_numbers(kind: Any, **values: Any) -> None:
    """Raise a ``ValueError`` that names the first value that isn't finite and greater than 0.

    Args:
        kind: ``numbers.Integral`` or ``numbers.Real``.
        values: What to check, by name.
    """
    for name, value in values.items():
        if not isinstance(value, kind) or type(value) is bool or not 0 < value < math.inf:
            whole = "whole" if kind is Integral else "finite"
            found = reprlib.repr(value)  # a few words of a tensor
            raise ValueError(f"{name} is {found}; choose a {whole} number greater than 0")


def check_range(lowest: float, highest: float, **values: Any) -> None:
    """Raise a ``ValueError`` that names the first value outside a range, or that is no number."""
    for name, value in values.items():
        number = isinstance(value, (int, float, np.integer, np.floating))
        if not number or isinstance(value, bool) or not lowest <= value <= highest:
            choose = f"choose a number from {lowest:g} to {highest:g}"
            raise ValueError(f"{name} is {reprlib.repr(value)}; {choose}")


def check_seed(seed: int, most: int = 2**64 - 1) -> int:
    """Return a seed, or raise a ``ValueError``."""
    if not isinstance(seed, Integral) or type(seed) is bool or not 0 <= seed <= most:
        found = reprlib.repr(seed)
        raise ValueError(f"seed is {found}; choose a whole number from 0 to {most}")
    return int(seed)


def _is_list(value: Any) -> bool:
    return isinstance(value, Iterable) and getattr(value, "ndim", 1) == 1


def as_list(name: str, value: Any) -> list[Any]:
    """Return what a value holds, or refuse one that holds nothing."""
    try:
        return list(value)
    except TypeError as error:
        raise TypeError(f"{name} is {reprlib.repr(value)}; give a list or an array") from error


def as_array(name: str, value: Any) -> np.ndarray:
    """Return a value as an array, or refuse one that isn't of numbers or texts alone."""
    value = value if hasattr(value, "dtype") else as_list(name, value)
    try:
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} is {reprlib.repr(value)}; give numbers, or texts") from error


def check_groups(groups: Sequence[Any], number: int) -> np.ndarray:
    """Return for each recording the number of its group, from 0 in sorted order."""
    labels = as_array("groups", groups)
    if labels.shape != (number,):
        raise ValueError(f"groups has shape {labels.shape}; expected ({number},), one a recording")
    known = [label is not None and label == label for label in labels.tolist()]
    if not all(known):
        place = known.index(False)
        raise ValueError(f"groups[{place}] is {labels[place]}; give each recording a group")
    try:
        _, numbers = np.unique(labels, return_inverse=True)
    except TypeError as error:
        raise TypeError(f"groups holds what can't be sorted, {reprlib.repr(groups)}") from error
    return numbers


def check_events(
    events: np.ndarray, sensor_size: tuple[int, int, int], name: str = "the recording"
) -> np.ndarray:
    """Return events as an array of ``EVENT_DTYPE``, or say what is wrong with them.

    Args:
        events: Structured array with fields t (µs), x, y and p: whole numbers, sorted by time.
        sensor_size: Width, height and polarities; x, y and p are less.
        name: What an error message calls the events.

    Raises:
        TypeError: It isn't a structured array with these fields.
        ValueError: There are no events, or a value is out of place; the message says which.
    """
    sensor_size = check_sensor_size(sensor_size)
    fields = getattr(getattr(events, "dtype", None), "fields", None) or {}
    kinds = {field: fields[field][0].kind for field in fields}
    allowed = {"t": "iuf", "x": "iuf", "y": "iuf", "p": "biuf"}
    if missing := [field for field in "txyp" if kinds.get(field, "") not in [*allowed[field]]]:
        raise TypeError(
            f"{name} is of type {type(events).__name__} without numeric field {', '.join(missing)};"
            " make an array: tonic.io.make_structured_array(t, x, y, p, dtype=EVENT_DTYPE)"
        )
    if events.ndim != 1 or len(events) == 0:
        raise ValueError(f"{name} has shape {events.shape}; expected (events,), with some events")

    def refuse(wrong: np.ndarray, field: str, reason: str) -> None:
        if wrong.any():
            place = int(wrong.argmax())
            value = events[field][place]
            raise ValueError(f"{name}: field {field} is {value} at event {place}; {reason}")

    checked = np.empty(len(events), EVENT_DTYPE)
    with np.errstate(invalid="ignore"):
        for field in "txyp":
            checked[field] = events[field]
    for field in "txyp":  # a masked value is no number, either
        whole = "expected whole numbers" + "; multiply seconds by 1e6" * (field == "t")
        refuse(np.ma.filled(checked[field] != events[field], True), field, whole)
    t = checked["t"]
    refuse((t < -(2**53)) | (t > 2**53), "t", "expected µs within ±2**53, which are 285 years")
    backwards = np.diff(t, prepend=t[0]) < 0
    refuse(backwards, "t", "sort by time: events[np.argsort(events['t'], kind='stable')]")
    for field, size in zip("xyp", sensor_size, strict=True):
        outside = (checked[field] < 0) | (checked[field] >= size)
        refuse(outside, field, f"sensor_size {sensor_size} allows 0 to {size - 1}")
    return checked


def check_sensor_size(sensor_size: Sequence[int]) -> tuple[int, int, int]:
    """Return width, height and polarities, or raise a ``ValueError``."""
    sizes = tuple(sensor_size) if _is_list(sensor_size) else ()
    if len(sizes) != 3 or not all(isinstance(size, Integral) and size > 0 for size in sizes):
        raise ValueError(
            f"sensor_size is {sensor_size!r}; expected (width, height, polarities), as (64, 48, 2)"
        )
    width, height, polarities = map(int, sizes)
    return width, height, polarities


def check_classes(classes: Sequence[str], number: int | None = None) -> tuple[str, ...]:
    """Return the names of classes, or raise a ``ValueError``.

    They are different, in an order that stays, and as many as ``number`` says.
    """
    unordered = isinstance(classes, (str, set, frozenset)) or not _is_list(classes)
    names = () if unordered else tuple(classes)
    different = all(isinstance(name, str) for name in names) and len(set(names)) == len(names)
    if not names or not different or number not in (None, len(names)):
        many = "a tuple of" if number is None else number
        raise ValueError(f"classes is {classes!r}; expected {many} different names")
    return names


def check_time_window(time_window: float) -> None:
    """Refuse what isn't a width of a time bin, in µs."""
    number = isinstance(time_window, Real) and not isinstance(time_window, bool)
    if not number or not 0 < time_window <= 2**53:
        raise ValueError(f"time_window is {time_window!r} µs; choose a number above 0, to 2**53")


def check_frames(frames: torch.Tensor, weights: torch.Tensor, input_size: int | None) -> None:
    """Refuse what isn't a batch of frames for a network, as ``FrameNetwork.check`` says.

    Args:
        frames: Of shape (T, B, ...), dense or sparse.
        weights: Some of the network's: frames have to be on their device.
        input_size: Inputs per time step; None for any number.
    """
    import torch  # here, and not above: events need no PyTorch

    if not isinstance(frames, torch.Tensor):
        raise TypeError(f"frames are of type {type(frames).__name__}; give a torch.Tensor")
    if frames.layout not in (torch.strided, torch.sparse_coo):
        raise TypeError(f"frames have the layout {frames.layout}; give frames.to_dense()")
    shape = tuple(frames.shape)
    if len(shape) < 3:
        raise ValueError(f"frames have shape {shape}; expected (time, batch, polarity, y, x)")
    if shape[0] == 0:
        raise ValueError(f"frames have shape {shape}: there is no time step to run")
    if input_size not in (None, inputs := math.prod(shape[2:])):
        raise ValueError(
            f"frames of shape {shape} hold {inputs} inputs per time step, "
            f"but this network takes {input_size}"
        )
    if not frames.is_floating_point():
        raise TypeError(f"frames are of type {frames.dtype}; convert them with frames.float()")
    if weights.device != frames.device:
        raise ValueError(
            f"frames are on device {frames.device}, the network is on {weights.device}; "
            f'move them with frames.to("{weights.device}")'
        )
    if weights.dtype not in (torch.float32, torch.float64):  # Norse begins in single precision
        raise TypeError(f"the weights are of type {weights.dtype}; convert them with snn.float()")
    _check_finite_frames(frames.to(weights.dtype))


def _check_finite_frames(frames: torch.Tensor) -> None:
    """Refuse NaN and infinity: a voltage that is NaN never spikes, so the readout hides it."""
    values = (frames._values() if frames.is_sparse else frames).detach()
    if not _all_finite(values):
        place = (~values.isfinite()).nonzero()[0]
        value = values[tuple(place)].item()
        place = frames._indices()[:, place[0]] if frames.is_sparse else place
        index = tuple(place.tolist())
        raise ValueError(f"frames hold {value} at index {index}; they must be finite numbers")


def _all_finite(values: torch.Tensor) -> bool:
    """Look at the smallest and the largest value, which are NaN where one is: that is quicker."""
    return not values.numel() or all(bool(each.isfinite()) for each in values.aminmax())


def check_indices(frames: torch.Tensor) -> None:
    """Refuse sparse frames with an index outside their shape, which PyTorch lets pass.

    Raises:
        TypeError: Some axes are dense.
        ValueError: An index lies outside the shape.
    """
    if frames.dense_dim() > 0:
        raise TypeError(
            f"frames are sparse along the first {frames.sparse_dim()} of {frames.ndim} axes only; "
            "give frames.to_dense().to_sparse()"
        )
    indices, shape = frames._indices(), tuple(frames.shape)
    outside = (indices < 0) | (indices >= indices.new_tensor(shape)[:, None])
    if outside.any():
        index = tuple(indices[:, outside.any(dim=0)][:, 0].tolist())
        raise ValueError(f"frames hold an event at index {index}, outside their shape {shape}")


def check_repeatable(loader: Any) -> None:
    """Refuse a loader that yields its batches only once."""
    if isinstance(loader, Iterator):
        found = type(loader).__name__
        raise TypeError(f"a {found} yields its batches only once; give a DataLoader or a list")


def check_loader(loader: Any, classifier: Any) -> None:
    """Refuse a loader whose recordings aren't what a classifier was made for.

    Its time bins are as wide as the network's time steps, and its recordings are of the
    classifier's classes and sensor. What a loader doesn't say isn't checked.
    """
    dataset: Any = getattr(loader, "dataset", None)
    while not hasattr(dataset, "recordings") and hasattr(dataset, "dataset"):  # a Subset
        dataset = dataset.dataset
    bins, dt = getattr(dataset, "time_window", None), getattr(classifier.snn, "dt", None)
    if bins and dt and not math.isclose(bins, 1e6 * dt, rel_tol=1e-6):
        raise ValueError(
            f"the loader's time bins are {bins:g} µs wide, the network's dt is {dt:g} s. Make the "
            f"loader with time_window={1e6 * dt:g} or the network with dt={1e-6 * bins:g}"
        )
    for name in ("classes", "sensor_size"):
        own = getattr(classifier, name)
        found = getattr(getattr(dataset, "recordings", None), name, own)
        if found != own:
            raise ValueError(
                f"the loader's recordings have {name} {found}, the classifier has {own}; make the "
                f"classifier with {name}={found}"
            )


def check_optimizer(optimizer: torch.optim.Optimizer, classifier: torch.nn.Module) -> None:
    """Refuse an optimizer of other weights: nothing would be learned, without a word."""
    import torch

    groups = optimizer.param_groups if isinstance(optimizer, torch.optim.Optimizer) else []
    given = {each for group in groups for each in group["params"]}
    if not any(each.requires_grad for each in given) or not given <= {*classifier.parameters()}:
        raise ValueError(
            f"optimizer, of type {type(optimizer).__name__}, isn't one of this classifier's "
            "weights; make it anew of classifier.parameters()"
        )


def check_batch(frames: Any, targets: Any) -> None:
    """Refuse what isn't a pair of tensors."""
    for name, value in (("frames", frames), ("targets", targets)):
        if not hasattr(value, "is_sparse"):
            found = type(value).__name__
            raise TypeError(f"{name} are of type {found}; a loader and augment must give tensors")


def check_targets(targets: torch.Tensor, log_probabilities: torch.Tensor) -> None:
    """Refuse what isn't a class number; ``nll_loss`` would leave out -100 without a word."""
    size, classes = log_probabilities.shape
    whole = str(targets.dtype) == "torch.int64" and targets.shape == (size,)
    numbers = targets.tolist()
    wrong = [each for each in numbers if each not in range(classes)] if whole else numbers
    if wrong or not whole:
        raise ValueError(
            f"targets hold {reprlib.repr(wrong)} ({targets.dtype}); for these {size} "
            f"recordings there must be {size} int64 numbers from 0 to {classes - 1}"
        )


@contextmanager
def errors_in(place: str) -> Iterator[None]:
    """Put a place in front of a ``ValueError``'s message."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error


def check_training(
    place: str, classifier: Any, optimizer: torch.optim.Optimizer, **values: torch.Tensor
) -> None:
    """Raise a ``RuntimeError`` that names the first value that isn't a finite number."""
    for name, value in values.items():
        if value.isfinite():
            continue
        advice = f"try a learning rate below {optimizer.param_groups[0]['lr']:g}"
        dt = getattr(classifier.snn, "dt", None) or math.inf
        if getattr(classifier.snn, "surrogate_slope", 0) > 1000 * dt:
            advice = f"make the network with surrogate_slope={1000 * dt:g} or less, or {advice}"
        found = f"the {name.replace('_', ' ')} is {value.item()} {place}"
        raise RuntimeError(f"{found}; {advice}, and look for NaN in the frames")


def check_finite(classifier: torch.nn.Module, log_probabilities: torch.Tensor) -> None:
    """Refuse answers, or weights behind them, that are NaN or infinite.

    A neuron whose voltage is NaN never spikes, so the answers alone may look fine.
    """
    for name, weights in classifier.named_parameters():
        if not _all_finite(weights.detach()):
            raise ValueError(f"{name} holds NaN or infinity; load other weights, or train anew")
    if log_probabilities.isnan().any():
        raise ValueError("the log-probabilities are NaN: the weights are too large to add up")


def norm(model: torch.nn.Module) -> torch.Tensor:
    """Return the Euclidean norm of all weights: one that isn't finite shows in it."""
    from torch.nn.utils import get_total_norm

    return get_total_norm([weights.detach() for weights in model.parameters()])
