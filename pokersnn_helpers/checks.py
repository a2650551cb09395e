"""What the package refuses, and why, in the words of its errors.

Every error names what was wrong, with which value, and what to do.
"""

from __future__ import annotations

import math
import reprlib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

CLIMB, CLIMBED = 0.2, 5  # of what was won, this share lost for so many epochs is told
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


def check_groups(groups: Sequence[Any], number: int) -> np.ndarray:
    """Return for each recording the number of its group, from 0 in sorted order."""
    import pandas as pd  # which takes a second to import

    labels = np.asarray(groups)
    if labels.shape != (number,):
        raise ValueError(f"groups has shape {labels.shape}; expected ({number},), one a recording")
    numbers, _ = pd.factorize(labels, sort=True)
    if (numbers < 0).any():
        place = numbers.argmin()
        raise ValueError(f"groups[{place}] is {labels[place]}; give each recording a group")
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
    bounds = [(-(2**53), 2**53), *((0, size - 1) for size in check_sensor_size(sensor_size))]
    fields = getattr(getattr(events, "dtype", None), "fields", None) or {}
    kinds = {field: dtype.kind for field, (dtype, *_) in fields.items()}
    if missing := [field for field in "txyp" if kinds.get(field, "O") not in "biuf"]:
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
    for field, (least, most) in zip("txyp", bounds, strict=True):
        with np.errstate(invalid="ignore"):
            checked[field] = events[field].astype(np.int64)
        values = checked[field]
        wrong = np.ma.filled(values != events[field], True)  # a masked value is no number
        if wrong.any() or values.min() < least or values.max() > most:
            reason = f"sensor_size {sensor_size} allows whole numbers from {least} to {most}"
            if field == "t":
                reason = "expected whole numbers of µs, within ±2**53; multiply seconds by 1e6"
            refuse(wrong | (values < least) | (values > most), field, reason)
    backwards = np.append(False, checked["t"][1:] < checked["t"][:-1])
    sort = "sort by time: events[np.argsort(events['t'], kind='stable')]"
    refuse(backwards, "t", f"{sort}, or cut the recording there if its clock began anew")
    return checked


def check_sensor_size(sensor_size: Sequence[int]) -> tuple[int, int, int]:
    """Return width, height and polarities, or raise a ``ValueError``."""
    sizes = tuple(sensor_size) if np.ndim(sensor_size) == 1 else ()
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
    names = tuple(classes) if np.ndim(classes) == 1 else ()  # a text or a set has none
    different = all(isinstance(name, str) for name in names) and len(set(names)) == len(names)
    if not names or not different or number not in (None, len(names)):
        many = "a tuple of" if number is None else number
        raise ValueError(f"classes is {classes!r}; expected {many} different names")
    return names


def check_frames(frames: torch.Tensor, weights: torch.Tensor, input_size: int | None) -> None:
    """Refuse what isn't a batch of frames for a network, as ``FrameNetwork.check`` says.

    Args:
        frames: Of shape (T, B, ...), dense or sparse.
        weights: Some of the network's.
        input_size: Inputs per time step; None for any number.
    """
    import torch  # here, and not above: events need no PyTorch

    if not isinstance(frames, torch.Tensor):
        raise TypeError(f"frames are of type {type(frames).__name__}; give a torch.Tensor")
    known = frames.layout in (torch.strided, torch.sparse_coo)
    if not known or not frames.is_floating_point():
        found = f"{frames.layout} of {frames.dtype}"
        raise TypeError(f"frames are {found}; convert them with frames.float() and .to_dense()")
    shape = tuple(frames.shape)
    if len(shape) < 3 or shape[0] == 0 or input_size not in (None, math.prod(shape[2:])):
        inputs = f", with {input_size} inputs per time step" if input_size else ""
        raise ValueError(
            f"frames have shape {shape}; expected (time, batch, polarity, y, x){inputs} and at "
            "least one step"
        )
    if weights.dtype not in (torch.float32, torch.float64):  # Norse begins in single precision
        raise TypeError(f"the weights are of type {weights.dtype}; convert them with snn.float()")
    values = (frames._values() if frames.is_sparse else frames).detach().to(weights.dtype)
    # A voltage that is NaN never spikes, so the readout hides it.
    if math.isfinite(values.sum()):
        return
    wrong = ~values.isfinite()
    if wrong.any():  # else their sum alone is too large
        places = frames._indices()[:, wrong].t() if frames.is_sparse else wrong.nonzero()
        found = f"{values[wrong][0].item()} at index {tuple(places[0].tolist())}"
        raise ValueError(f"frames hold {found}; they must be finite numbers")


def check_indices(frames: torch.Tensor) -> None:
    """Refuse sparse frames with an index outside their shape, or with dense axes."""
    import torch

    if frames.dense_dim() > 0:
        raise TypeError("frames are sparse along some axes; give frames.to_dense().to_sparse()")
    indices, values, size = frames._indices(), frames._values(), frames.shape
    if values.numel():  # PyTorch's own check takes twice as long, so it is asked only what is wrong
        low, high = (each.tolist() for each in indices.aminmax(dim=1))
        if min(low) >= 0 and all(most < side for most, side in zip(high, size, strict=True)):
            return
    torch.sparse_coo_tensor(indices, values, size, check_invariants=True)


def check_loader(loader: Any, classifier: Any) -> None:
    """Refuse a loader whose recordings aren't what a classifier was made for.

    Its time bins are as wide as the network's time steps, and its recordings are of the
    classifier's classes and sensor. What a loader doesn't say isn't checked.
    """
    if hasattr(loader, "sensor_size"):  # recordings, or a split of them
        kind = type(loader).__name__
        raise TypeError(f"the loader is of type {kind}; give make_loader(recordings)")
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
    groups = getattr(optimizer, "param_groups", [])
    given = {each for group in groups for each in group["params"]}
    if not any(each.requires_grad for each in given) or not given <= {*classifier.parameters()}:
        raise ValueError(
            f"optimizer, of type {type(optimizer).__name__}, isn't one of this classifier's "
            "weights; make it anew of classifier.parameters()"
        )


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


def refuse_hooks(*modules: torch.nn.Module) -> None:
    """Refuse forward hooks where a network is computed without calling its layers."""
    for module in modules:
        if any(getattr(module, f"_forward{each}_hooks") for each in ("", "_pre")):
            raise TypeError(f"a hook of {type(module).__name__} would be left out; remove it")


def warn_if_it_climbs(losses: list[float]) -> None:
    """Warn in the epoch in which the loss has been far above its lowest for long enough."""
    lowest, recent = min(losses), min(losses[-CLIMBED:])
    since = len(losses) - 1 - losses.index(lowest)
    if since == CLIMBED and recent - lowest > CLIMB * (losses[0] - lowest):
        about = f"the loss has climbed from {lowest:.3g} to at least {recent:.3g}"
        advice = "lower the learning rate, or choose wider time bins"
        warnings.warn(f"{about}, for {since} epochs; {advice}", stacklevel=4)


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
    if log_probabilities.isnan().any() or not norm(classifier).isfinite():
        raise ValueError(
            "the network holds NaN or infinity, or weights too large to add up; load others, or "
            "train anew"
        )


def norm(model: torch.nn.Module) -> torch.Tensor:
    """Return the Euclidean norm of all weights: one that isn't finite shows in it."""
    from torch.nn.utils import get_total_norm

    return get_total_norm([weights.detach() for weights in model.parameters()])
