"""What the package refuses, and why, in the words of its errors.

Every error names what was wrong, with which value, and what to do.
"""

from __future__ import annotations

import inspect
import math
import reprlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from functools import wraps
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
from numpy import ndarray

from .names import plain_name
from .warn import warn

if TYPE_CHECKING:
    import torch

Given = ParamSpec("Given")
Returned = TypeVar("Returned")
SensorSize = tuple[int, int, int]  # width, height and polarities
EVENT_DTYPE = np.dtype([(field, np.int64) for field in "txyp"])  # t in µs; p: 1 = ON, 0 = OFF
MAX_TIME = 2**53  # µs, up to which a float holds every whole number
MAX_WINDOW = 2**40  # µs, in a time bin: 12 days
OTHER_WORDS = {  # of other libraries, and what the packages call it
    "alpha": "surrogate_slope",
    "bins": "time_window",
    "bs": "batch_size",
    "dt": "time_window",
    "lr": "learning_rate",
    "neurons": "hidden_size",
    "threshold": "v_th",
    "v_threshold": "v_th",
}

MIN_TIME_WINDOW = 10  # µs: narrower bins are ms by mistake more often
MAKE_EVENTS = (
    "make an array: tonic.io.make_structured_array(t, x, y, p, dtype=pokersnn_helpers.EVENT_DTYPE)"
)
LOAD_EVENTS = "load the file first, by eventdesk.read_events(path)"
EVENTS_OF = {  # how to give events, by the type of what was given in their place
    "DataFrame": "give table[['t', 'x', 'y', 'p']].to_records(index=False)",
    "PosixPath": LOAD_EVENTS,
    "Recordings": "give the events of one of them, as recordings.events[0]",
    "Tensor": "if it holds frames, give the events that they were made of, without a transform",
    "WindowsPath": LOAD_EVENTS,
    "list": "give one recording after the other, each of them an array",
    "str": LOAD_EVENTS,
    "tuple": "take the events out of the pair: events, target = recordings[0]",
    "void": "it is one event; give a whole recording, and Recordings a list of them, as [events]",
}


ADVICE_ON_FIELD = {
    "t": "they are µs: multiply seconds by 1e6, ms by 1000",
    "p": "ON is 1 and OFF is 0: take events['p'] > 0",
}


def suggests_names(function: Callable[Given, Returned]) -> Callable[Given, Returned]:
    """Let a call that names no argument, or one that there isn't, be answered with those there are.

    A function that takes any others looks at their names itself.
    """
    title = function.__qualname__.removesuffix(".__init__")
    parameters = inspect.getfullargspec(inspect.unwrap(function))
    known = {*parameters.args, *parameters.kwonlyargs} - {"self"}

    @wraps(function)
    def checked(*arguments: Given.args, **named: Given.kwargs) -> Returned:
        for value in arguments[len(parameters.args) :]:
            short = reprlib.repr(value)
            raise TypeError(
                f"{title} is given {short} without a name; write which it is: "
                f"{'=, '.join(parameters.kwonlyargs)}="
            )
        for name in named.keys() - known if not parameters.varkw else ():
            raise TypeError(f"{title} has no argument {name}{suggestion(name, known)}")
        return function(*arguments, **named)

    return checked


def check_numbers(kind: Any, **values: Any) -> None:
    """Raise a ``ValueError`` that names the first value that isn't finite and greater than 0.

    Args:
        kind: ``numbers.Integral`` or ``numbers.Real``.
        values: What to check, by name.
    """
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, kind) or not 0 < value < math.inf:
            adjective = "whole" if kind is Integral else "finite"
            short = reprlib.repr(value)  # a few words of a tensor
            raise ValueError(f"{name} is {short}; choose a {adjective} number greater than 0")


def check_time_window(time_window: float) -> None:
    """Refuse time bins (µs) that are narrower than the clock of events ticks; warn of a few µs."""
    check_numbers(Real, time_window=time_window)
    if time_window < 1:
        raise ValueError(
            f"time_window is {time_window:g}, in µs, and events have whole µs; for "
            f"{1000 * time_window:g} ms write {1e6 * time_window:g}, if you meant seconds"
        )
    if time_window < MIN_TIME_WINDOW:
        warn(f"time_window is {time_window:g} µs; for {time_window:g} ms write {time_window:g}000")
    if time_window != MAX_TIME:  # which is one bin for a whole recording
        check_range(1, MAX_WINDOW, time_window=time_window)


def check_range(lowest: float, highest: float, **values: Any) -> None:
    """Raise a ``ValueError`` that names the first value outside a range, or that is no number."""
    for name, value in values.items():
        real = isinstance(value, Real)
        if not real or not lowest <= value <= highest:
            short = reprlib.repr(value)
            raise ValueError(f"{name} is {short}; choose a number from {lowest:g} to {highest:g}")


def check_type(value: Any, kind: type, name: str, advice: str) -> None:
    """Refuse a value of another type.

    Args:
        value: What to check.
        kind: Its type.
        name: What the error calls the value, with its verb, as "data is".
        advice: What to give.
    """
    if not isinstance(value, kind):
        raise TypeError(f"{name} of type {type(value).__name__}; give {advice}")


def check_seed(seed: int, highest: int = 2**64 - 1) -> int:
    """Return a seed, or raise a ``ValueError``."""
    if not isinstance(seed, Integral) or not 0 <= seed <= highest:
        raise ValueError(f"seed is {seed!r}; choose a whole number from 0 to {highest}")
    return int(seed)


def check_groups(groups: Sequence[Any], number: int) -> ndarray:
    """Return for each recording the number of its group, from 0 in sorted order.

    Names that are written in two ways, as ``plain_name`` says, are of one group.
    """
    import pandas as pd  # which takes a second to import

    labels = np.asarray(groups)
    if labels.shape != (number,):
        raise ValueError(f"groups has shape {labels.shape}; expected ({number},), one a recording")
    plain = [plain_name(label) if isinstance(label, str) else label for label in labels.tolist()]
    numbers, _ = pd.factorize(pd.Series(plain), sort=True)
    if (numbers < 0).any():
        recording = numbers.argmin()
        raise ValueError(f"groups[{recording}] is {labels[recording]}; give each recording a group")
    return numbers


def check_events(
    events: ndarray, sensor_size: SensorSize, name: object = "the recording"
) -> ndarray:
    """Return events as an array of ``EVENT_DTYPE``, or say what is wrong with them.

    Args:
        events: Structured array with fields t (µs), x, y and p: whole numbers, sorted by time.
        sensor_size: Width, height and polarities; x, y and p are less.
        name: What an error message calls the events.

    Raises:
        TypeError: It isn't a structured array with these fields.
        ValueError: There are no events, or a value is out of place; the message says which.
    """
    sizes = check_sensor_size(sensor_size)
    dtype = events.dtype if isinstance(events, ndarray) else np.dtype("V0")
    numeric = [field for field in dtype.names or () if dtype[field].kind in "biuf"]
    missing = [field for field in "txyp" if field not in numeric]
    if missing:
        kind = type(events).__name__
        makes = "Tensor" if getattr(events, "ndim", 0) > 2 else kind
        raise TypeError(
            f"{name} is of type {kind} without numeric field {', '.join(missing)}; "
            f"{EVENTS_OF.get(makes, MAKE_EVENTS)}"
        )
    if events.ndim != 1 or len(events) == 0:
        raise ValueError(f"{name} has shape {events.shape}; expected (events,), with some events")
    checked = np.empty(len(events), EVENT_DTYPE)
    limits = [(-MAX_TIME, MAX_TIME)]
    limits += [(0, size - 1) for size in sizes]
    for field, (lowest, highest) in zip("txyp", limits, strict=True):
        given = events[field]
        with np.errstate(invalid="ignore"):
            values = given.astype(np.int64)
        wrong = (values != given) | (values < lowest) | (values > highest)
        wrong = np.ma.filled(wrong, True)  # a masked value is no number
        advice = ADVICE_ON_FIELD.get(field, f"sensor_size is {sensor_size}")
        reason = f"expected whole numbers from {lowest} to {highest}; {advice}"
        refuse_values(wrong, given, f"{name}: field {field}", reason)
        checked[field] = values
    t = checked["t"]
    backwards = np.append(False, t[1:] < t[:-1])
    order = (
        "sort by time: events[np.argsort(events['t'], kind='stable')], or cut the recording there "
        "if its clock began anew"
    )
    refuse_values(backwards, t, f"{name}: field t", order)
    return checked


def refuse_values(wrong: ndarray, values: ndarray, name: str, reason: str) -> None:
    """Raise a ``ValueError`` that names the first value that is wrong, if one is."""
    if wrong.any():
        event = int(wrong.argmax())
        raise ValueError(f"{name} is {values[event]} at event {event}; {reason}")


def check_sensor_size(sensor_size: Sequence[int]) -> SensorSize:
    """Return width, height and polarities, or raise a ``ValueError``."""
    sizes = tuple(sensor_size)
    positive = [isinstance(size, Integral) and size > 0 for size in sizes]
    if len(sizes) != 3 or not all(positive):
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
    different = {plain_name(name) for name in names if isinstance(name, str)}
    expected = number or max(1, len(names))
    if len(names) != expected or len(different) != expected:
        many = number or "a tuple of"
        raise ValueError(f"classes is {classes!r}; expected {many} different names")
    return tuple(map(str, names))  # those of NumPy couldn't be loaded from a checkpoint


def check_tensor(frames: Any) -> None:
    """Refuse frames that are no tensor, such as NumPy's."""
    from torch import Tensor

    check_type(frames, Tensor, "frames are", "a torch.Tensor, as torch.tensor(frames)")


def refuse_hooks(*modules: torch.nn.Module) -> None:
    """Refuse forward hooks where a network is computed without calling its layers."""
    for module in modules:
        if module._forward_hooks or module._forward_pre_hooks:
            raise TypeError(f"a hook of {type(module).__name__} would be left out; remove it")


def suggestion(name: str, known: Collection[str]) -> str:
    """Return words that suggest the known name that a wrong one was meant to be, if one is near."""
    words = {OTHER_WORDS.get(name)} & {*known}
    near = [*words, *get_close_matches(name, known, 1)]
    return f"; did you mean {near[0]}?" if near else f"; it has {', '.join(sorted(set(known)))}"


@contextmanager
def errors_in(where: object) -> Iterator[None]:
    """Say in front of a ``ValueError``'s message where it arose."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def name_of(function: Callable[..., Any]) -> str:
    """Return the name of a function or a class, also of a partial one."""
    return getattr(getattr(function, "func", function), "__name__", repr(function))
