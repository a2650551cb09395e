"""Event recordings of any sensor and any classes: the form of data that everything else takes."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.lib.recfunctions import append_fields

from ..system.checks import (
    EVENT_DTYPE,
    SensorSize,
    check_classes,
    check_events,
    check_groups,
    check_seed,
    check_sensor_size,
    suggests_names,
)
from ..system.progress import progress_bar
from ..system.warn import warn
from .units import ENOUGH_EVENTS, UNITS, likely_factor

POKERDVS_CLASSES = ("club", "heart", "diamond", "spade")
POKERDVS_SENSOR_SIZE = (35, 35, 2)  # width, height, polarities
MADE_OF = {  # how to give recordings, by an attribute of what was given in their place
    "validation": "one of its parts, as data.train",  # a Split
    "recordings": "{}.recordings",
    "casefold": "those of a folder, as eventdesk.load_folder(path).recordings",  # a text
    "indices": "recordings.subset(indices)",  # a Subset of PyTorch's
    "batch_sampler": "the Recordings that it loads; batches are made of them",
    "sensor_size": "Recordings.from_tonic(dataset)",
    "append": "Recordings(events, targets, classes, sensor_size); of pairs, these are "
    "[events for events, _ in pairs] and [target for _, target in pairs]",
    "__class__": "Recordings(events, targets, classes, sensor_size)",  # of anything else
}
SAMPLE = 1000  # recordings, at most, to see how long they are and how rare their events


def make_events(t: ndarray, x: ndarray, y: ndarray, p: ndarray) -> ndarray:
    """Return an array of ``EVENT_DTYPE`` of its columns.

    Example:
        >>> make_events(t=[0, 5], x=[3, 4], y=[7, 7], p=[1, 0])["x"]
        array([3, 4])
    """
    events = np.empty(len(t), EVENT_DTYPE)
    events["t"] = t
    events["x"] = x
    events["y"] = y
    events["p"] = p
    return events


class PackedRecording(NamedTuple):
    """The events of a recording that were checked, in the smallest types that hold them."""

    sensor_size: SensorSize
    start: int  # time of the first event in µs
    t: ndarray  # time since then
    pixels: ndarray  # (p * height + y) * width + x

    @classmethod
    def pack(cls, events: ndarray, sensor_size: SensorSize | None = None) -> PackedRecording:
        """Pack what ``check_events`` returned, by default on the smallest sensor that holds it."""
        sensor_size = sensor_size or smallest_sensor(events)
        start = int(events["t"][0])
        pixels = np.ravel_multi_index((events["p"], events["y"], events["x"]), sensor_size[::-1])
        return cls(sensor_size, start, smallest(events["t"] - start), smallest(pixels))

    def unpack(self) -> ndarray:
        """Return the events as an array of ``EVENT_DTYPE``."""
        p, y, x = np.unravel_index(self.pixels, self.sensor_size[::-1])
        return make_events(self.t.astype(np.int64) + self.start, x, y, p)

    def image(self) -> ndarray:
        """Count the events by polarity, row and column."""
        counts = np.bincount(self.pixels, minlength=math.prod(self.sensor_size))
        return counts.reshape(self.sensor_size[::-1])


def smallest_sensor(events: ndarray) -> SensorSize:
    """Return width, height and polarities of the smallest sensor that holds all events."""
    width, height, polarities = (int(events[field].max()) + 1 for field in "xyp")
    return width, height, polarities


def smallest(numbers: ndarray) -> ndarray:
    """Return whole numbers from 0 on, at least one, in the smallest type that holds them."""
    return numbers.astype(np.min_scalar_type(numbers.max()))


class PackedEvents(Sequence[ndarray]):
    """Events of recordings: about 6 bytes each, and 32 in the arrays that are made when asked for.

    An array can't be changed in place, since that would be lost.
    """

    def __init__(self, packed: list[PackedRecording]):
        self.packed = packed

    def __len__(self) -> int:
        return len(self.packed)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[number] for number in range(len(self))[index]]
        if not -len(self) <= index < len(self):
            raise IndexError(f"there is no recording {index}; choose from 0 to {len(self) - 1}")
        events = self.packed[index].unpack()
        events.flags.writeable = False
        return events


class Recordings:
    """Recordings with their classes, in the protocol of Tonic's data sets.

    Each item is ``(events, target)``: a structured array with fields t (µs), x, y and p, and the
    index of a class. Everything is checked once, when the object is made, as ``check_events``
    describes.

    Args:
        events: One structured array per recording. They are stored in about a quarter of the
            memory and unpacked when you ask for them.
        targets: The class of each recording, as an index of ``classes`` or a name in it.
        classes: Names of the classes.
        sensor_size: Width, height and polarities of the sensor.

    Raises:
        TypeError: A recording isn't a structured array of events.
        ValueError: Events, targets or classes are wrong; the message says which.

    Example:
        >>> from tonic.io import make_structured_array
        >>> from pokersnn_helpers import EVENT_DTYPE
        >>> left = make_structured_array([0, 900], [9, 8], [5, 5], [1, 1], dtype=EVENT_DTYPE)
        >>> recordings = Recordings([left], [0], ("left", "right"), (64, 64, 2))
        >>> events, target = recordings[0]
        >>> recordings.classes[target], len(events)
        ('left', 2)
    """

    def __init__(
        self,
        events: Iterable[Any],
        targets: Iterable[int | str],
        classes: Sequence[str],
        sensor_size: SensorSize,
    ):
        self.sensor_size = check_sensor_size(sensor_size)
        self.events = PackedEvents([self._pack(*numbered) for numbered in enumerate(events)])
        for recording in self.events.packed[:1]:
            warn_of_other_units(recording)
        self.classes = check_classes(classes)
        self.targets = [self._check_target(*numbered) for numbered in enumerate(targets)]
        if len(self.targets) != len(self.events):
            raise ValueError(f"{len(self.events)} recordings have {len(self.targets)} targets")

    @classmethod
    def from_tonic(
        cls,
        dataset: Any,
        classes: Sequence[str] | None = None,
        sensor_size: SensorSize | None = None,
    ) -> Recordings:
        """Read a data set of Tonic's, one recording after the other.

        Events of audio have a channel ``x`` and no ``y``: they get the one row of their sensor.

        Args:
            dataset: Any object with a length and items ``(events, target)``, made without
                ``transform``. A target is an index of ``classes`` or a name in it.
            classes: Names of the classes, in the order of the targets. Default: the data set's.
            sensor_size: Width, height and polarities of the sensor. Default: the data set's.

        Raises:
            TypeError: A recording isn't a structured array of events.
            ValueError: The data set doesn't say its classes or its sensor, or as for
                ``Recordings``.

        Example:
            >>> from tonic.datasets import SHD
            >>> word = np.array([(0, 52, 1), (900, 699, 1)], dtype=SHD.dtype)
            >>> Recordings.from_tonic([(word, 0)], classes=["zero"], sensor_size=(700, 1, 1))
            1 recordings of 700 × 1 pixels: zero
        """
        names = [
            name.decode() if isinstance(name, bytes) else name
            for name in attribute(dataset, "classes", classes)
        ]
        size = attribute(dataset, "sensor_size", sensor_size)
        targets: list[Any] = []

        def read() -> Iterator[ndarray]:
            for number in progress_bar(range(len(dataset)), "reading", "recording"):
                events, target = dataset[number]
                targets.append(target)
                yield with_rows(events, size)

        return cls(read(), targets, names, size)

    def _pack(self, number: int, events: Any) -> PackedRecording:
        if isinstance(events, PackedRecording):  # which were checked
            return events
        events = check_events(events, self.sensor_size, f"recording {number}")
        return PackedRecording.pack(events, self.sensor_size)

    def _check_target(self, number: int, target: Any) -> int:
        if isinstance(target, str) and target in self.classes:
            return self.classes.index(target)
        last = len(self.classes) - 1
        if np.ndim(target) or target not in range(last + 1):
            raise ValueError(
                f"targets[{number}] is {target!r}; expected a number 0 to {last}, or a class"
            )
        return int(target)

    def __len__(self) -> int:
        return len(self.events)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self.subset(range(len(self))[index])
        return self.events[index].copy(), self.targets[index]  # a transform may change it

    def __repr__(self) -> str:
        width, height, _ = self.sensor_size
        return f"{len(self)} recordings of {width} × {height} pixels: {', '.join(self.classes)}"

    def subset(self, indices: Iterable[int]) -> Recordings:
        """Return the recordings with these indices, in this order, or those that a mask selects."""
        try:
            numbers = np.arange(len(self))[list(indices)]
        except IndexError as error:
            short = reprlib.repr(indices)
            raise IndexError(
                f"indices are {short}; give whole numbers up to {len(self) - 1}, or a mask, as "
                "np.array(recordings.targets) == 1"
            ) from error
        part = copy(self)  # nothing of which has to be checked once more
        part.events = PackedEvents([self.events.packed[number] for number in numbers])
        part.targets = [self.targets[number] for number in numbers]
        return part

    def __add__(self, other: Recordings) -> Recordings:
        """Return the recordings of both, of the same sensor and classes."""
        check_recordings(other, "other")
        if (self.classes, self.sensor_size) != (other.classes, other.sensor_size):
            raise ValueError(f"{self} and {other} differ in sensor or classes")
        both = copy(self)
        both.events = PackedEvents(self.events.packed + other.events.packed)
        both.targets = self.targets + other.targets
        return both


def warn_of_other_units(recording: PackedRecording) -> None:
    """Warn of times that are hardly in µs, by the rate of the events."""
    number = len(recording.t)
    width, height, _ = recording.sensor_size
    factor = likely_factor(recording.t, width * height) if number >= ENOUGH_EVENTS else 1
    if factor != 1:
        warn(
            f"a recording has {number:,} events within {recording.t[-1]:,}, which can hardly be "
            f"µs; {UNITS[factor]}"
        )


def attribute(dataset: Any, name: str, given: Any) -> Any:
    """Return what was given, or else what the data set says."""
    value = getattr(dataset, name, None) if given is None else given
    if value is None:
        raise ValueError(f"{type(dataset).__name__} doesn't say its {name}; give {name}=...")
    return value


def with_rows(events: Any, sensor_size: SensorSize) -> Any:
    """Give events of audio, which have a channel ``x`` and no ``y``, the row 0.

    Tonic gives them the polarity 1 though their sensor has only one, which is 0.
    """
    names = getattr(getattr(events, "dtype", None), "names", None) or ()
    if not {"t", "x", "p"} <= {*names} or "y" in names:
        return events
    whole = append_fields(events, "y", np.zeros(len(events), np.int64), usemask=False)
    if sensor_size[2] == 1:
        whole["p"] = 0
    return whole


def check_recordings(recordings: Any, name: str = "recordings") -> None:
    """Refuse what isn't ``Recordings``, and say how to make them of it."""
    if not isinstance(recordings, Recordings):
        ways = [how for attribute, how in MADE_OF.items() if hasattr(recordings, attribute)]
        raise TypeError(
            f"{name} is of type {type(recordings).__name__}; give {ways[0].format(name)}"
        )


def density_and_ms(recordings: Recordings) -> tuple[float, float]:
    """Return events per ms and input, and the median duration in ms, of at most 1,000 of them."""
    stride = math.ceil(len(recordings) / SAMPLE) or 1
    sample = recordings.events.packed[::stride]
    if not sample:
        return 1, 1  # a loader says that there are none
    durations_ms = [float(recording.t[-1]) / 1000 + 1 for recording in sample]
    events = sum(len(recording.t) for recording in sample)
    inputs = math.prod(recordings.sensor_size)
    return events / (sum(durations_ms) * inputs), float(np.median(durations_ms))


@dataclass(frozen=True, repr=False)
class Split:
    """Recordings to train on, to test on and perhaps to choose by, of one sensor and its classes.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> len(data.train), len(data.test), data.source
        (48, 20, 'simulated')
    """

    train: Recordings
    test: Recordings
    source: str = "own"  # load_pokerdvs says "real" or "simulated"
    validation: Recordings | None = None  # to choose the epoch by, where there are some
    groups: Sequence[Any] | None = None  # of each of ``train`` and ``validation``: who, or when

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.train.classes

    @property
    def sensor_size(self) -> SensorSize:
        """Width, height and polarities of the sensor."""
        return self.train.sensor_size

    def __repr__(self) -> str:
        choosing = f"{len(self.validation)} to choose the epoch, " if self.validation else ""
        sizes = f"{len(self.train)} to train on, {choosing}{len(self.test)} to test on"
        return f"{self.source} recordings: {sizes}"

    def _repr_html_(self) -> str:
        return banner(repr(self), self.source)


def banner(text: str, source: str) -> str:
    """Return a line of HTML, and under the name of simulated recordings a warning."""
    if source != "simulated":
        return f"<p>{text}</p>"
    return (
        '<div role="note" style="border:4px solid #b3261e;background:#fff3cd;color:#3b1a00;'
        f'padding:1em 1.2em;margin:1em 0;font-size:1.15em"><b>{text}.</b><br>Figures and '
        "numbers made with simulated events say nothing about real cards. "
        '<code>source="real"</code> tells what keeps the real recordings from '
        "loading, and where to put the files by hand.</div>"
    )


def first_of_each_class(recordings: Recordings) -> list[tuple[Any, int]]:
    """Return the first recording of each class as ``(events, target)``, in the order of classes.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> [target for events, target in first_of_each_class(data.test)]
        [0, 1, 2, 3]
    """
    check_recordings(recordings)
    _, firsts = np.unique(recordings.targets, return_index=True)
    return [recordings[first] for first in firsts]


@suggests_names
def stratified_folds(
    recordings: Recordings, folds: int = 4, groups: Sequence[Any] | None = None, seed: int = 0
) -> list[Split]:
    """Split recordings into folds, each with its share of every class, that take turns as test set.

    Args:
        recordings: Usually ``data.train``, so that choices don't depend on the test set.
        folds: The number of folds, from 2 to the number of groups in each class.
        groups: A number or a name for each recording. Recordings with the same one, because they
            were recorded together, stay in one fold. Default: each recording is its own group.
        seed: Determines how the recordings are shuffled.

    Returns:
        One split per fold, whose ``test`` is that fold and whose ``train`` is all the others.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> [len(fold.test) for fold in stratified_folds(data.train, folds=4)]
        [12, 12, 12, 12]
    """
    check_recordings(recordings)
    number = len(recordings)
    group_numbers = check_groups(range(number) if groups is None else groups, number)
    return [
        Split(recordings.subset(train), recordings.subset(test))
        for train, test in fold_indices(recordings, folds, group_numbers, seed)
    ]


def fold_indices(
    recordings: Recordings, folds: int, numbers: ndarray, seed: int = 0
) -> list[tuple[ndarray, ndarray]]:
    """Choose the recordings of ``stratified_folds``: which to train on, and which to test on.

    Args:
        recordings: As for ``stratified_folds``.
        folds: As for ``stratified_folds``.
        numbers: The number of each recording's group, from 0.
        seed: As for ``stratified_folds``.
    """
    from sklearn.model_selection import StratifiedGroupKFold  # which takes a second to import

    targets = np.asarray(recordings.targets)
    groups_per_class = [len(set(numbers[targets == target])) for target in set(targets.tolist())]
    fewest = min(groups_per_class, default=0)
    if not isinstance(folds, Integral) or not 2 <= folds <= fewest:
        advice = f"choose from 2 to {fewest}, the groups of a class"
        if fewest < 2:
            advice = (
                f"a class has {fewest} groups, and folds need 2; record more, or group otherwise"
            )
        raise ValueError(f"folds is {folds!r}; {advice}")
    # Below scikit-learn 1.8, its own shuffle=True mixes up the classes of the groups.
    random = np.random.RandomState(check_seed(seed, 2**32 - 1))
    shuffled = random.permutation(numbers.max() + 1).argsort()[numbers]
    splits = list(StratifiedGroupKFold(folds).split(targets, targets, shuffled))
    for number, (train, _) in enumerate(splits):
        lacking = set(recordings.targets) - set(targets[train].tolist())
        if lacking:
            name = recordings.classes[lacking.pop()]
            raise ValueError(
                f"fold {number} would leave nothing of {name} to train on: its groups are too few "
                "or too large; choose other folds or groups"
            )
    return splits
