"""Event recordings of any sensor and any classes: the form of data that everything else takes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import chain
from numbers import Integral
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .checks import (
    EVENT_DTYPE,
    check_classes,
    check_events,
    check_groups,
    check_seed,
    check_sensor_size,
)

if TYPE_CHECKING:
    import pandas as pd

LOOKED_AT = 1000  # recordings, at most, to see how long they are and how rare their events


class Packed(NamedTuple):
    """The events of a recording that were checked, in the smallest types that hold them."""

    start: int  # time of the first event
    columns: tuple[np.ndarray, ...]  # time since then, x, y and p

    @classmethod
    def of(cls, events: np.ndarray) -> Packed:
        """Pack what ``check_events`` returned."""
        start = int(events["t"][0])
        columns = events["t"] - start, events["x"], events["y"], events["p"]
        return cls(start, tuple(map(smallest, columns)))

    def unpack(self) -> np.ndarray:
        """Return the events as an array of ``EVENT_DTYPE``."""
        events = np.empty(len(self.columns[0]), EVENT_DTYPE)
        for field, values in zip("txyp", self.columns, strict=True):
            events[field] = values
        events["t"] += self.start
        return events


def smallest(numbers: np.ndarray) -> np.ndarray:
    """Return whole numbers from 0 on, at least one, in the smallest type that holds them."""
    return numbers.astype(np.min_scalar_type(numbers.max()))


class PackedEvents(Sequence[np.ndarray]):
    """Events of recordings: about 8 bytes each, and 32 in the arrays that are made when asked for.

    What is assigned is checked. An array can't be changed in place, since that would be lost.
    """

    def __init__(self, events: Iterable[Any], sensor_size: tuple[int, int, int]):
        self.sensor_size = sensor_size
        self.packed = [self._pack(number, each) for number, each in enumerate(events)]

    def _pack(self, number: int, events: Any) -> Packed:
        if isinstance(events, Packed):  # which were checked
            return events
        return Packed.of(check_events(events, self.sensor_size, f"recording {number}"))

    def __len__(self) -> int:
        return len(self.packed)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[number] for number in range(len(self))[index]]
        events = self.packed[index].unpack()
        events.flags.writeable = False
        return events

    def __setitem__(self, index: int, events: Any) -> None:
        self.packed[index] = self._pack(index, events)

    def __add__(self, other: Iterable[np.ndarray]) -> list[np.ndarray]:
        return [*self, *other]


class Recordings:
    """Recordings with their classes, in the protocol of Tonic's data sets.

    Each item is ``(events, target)``: a structured array with fields t (µs), x, y and p, and the
    index of a class. All is checked once, here, as ``check_events`` says.

    Args:
        events: One structured array per recording. They are kept in about a fourth of the memory,
            and made again when they are asked for.
        targets: The class of each, an index of ``classes``.
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
        targets: Iterable[int],
        classes: Sequence[str],
        sensor_size: tuple[int, int, int],
    ):
        self.sensor_size = check_sensor_size(sensor_size)
        self.events: Any = PackedEvents(events, self.sensor_size)
        self.classes = check_classes(classes)
        self.targets, last = [], len(self.classes) - 1
        for number, target in enumerate(targets):
            if np.ndim(target) or target not in range(last + 1):
                raise ValueError(f"targets[{number}] is {target!r}; expected a number 0 to {last}")
            self.targets.append(int(target))
        if len(self.targets) != len(self.events):
            raise ValueError(f"{len(self.events)} recordings have {len(self.targets)} targets")

    def __len__(self) -> int:
        return len(self.events)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.events[index].copy(), self.targets[index]  # a transform may change it

    def __repr__(self) -> str:
        width, height, _ = self.sensor_size
        return f"{len(self)} recordings of {width} × {height} pixels: {', '.join(self.classes)}"

    def subset(self, indices: Iterable[int]) -> Recordings:
        """Return some of the recordings, in the given order; a mask chooses, too."""
        numbers = np.arange(len(self))[list(indices)]
        events = [self.events.packed[number] for number in numbers]
        targets = [self.targets[number] for number in numbers]
        return Recordings(events, targets, self.classes, self.sensor_size)

    def __add__(self, other: Recordings) -> Recordings:
        """Return the recordings of both, of the same sensor and classes."""
        check_recordings(other, "other")
        if (self.classes, self.sensor_size) != (other.classes, other.sensor_size):
            raise ValueError(f"{self} and {other} differ in sensor or classes")
        # Those of a file are read.
        parts = [getattr(each.events, "packed", each.events) for each in (self, other)]
        events, targets = chain(*parts), self.targets + other.targets
        return Recordings(events, targets, self.classes, self.sensor_size)


def check_recordings(recordings: Any, name: str = "recordings") -> None:
    """Refuse what isn't ``Recordings``, such as a list of events."""
    if not isinstance(recordings, Recordings):
        raise TypeError(f"{name} is of type {type(recordings).__name__}; give Recordings")


def density_and_ms(recordings: Recordings) -> tuple[float, float]:
    """Return events per ms and input, and the median duration in ms, as some of them have it."""
    every = math.ceil(len(recordings) / LOOKED_AT) or 1
    some = [recordings.events[number] for number in range(0, len(recordings), every)]
    if not some:
        return 1, 1  # a loader says that there are none
    ms = [float(each["t"][-1] - each["t"][0]) / 1000 + 1 for each in some]
    density = sum(map(len, some)) / (sum(ms) * math.prod(recordings.sensor_size))
    return density, float(np.median(ms))


class Split(NamedTuple):
    """Recordings to train on, and others to test on, of one sensor and with the same classes.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> len(data.train), len(data.test), data.source
        (48, 20, 'simulated')
    """

    train: Recordings
    test: Recordings
    source: str = "own"  # load_pokerdvs says "real" or "simulated"

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.train.classes

    @property
    def sensor_size(self) -> tuple[int, int, int]:
        """Width, height and polarities of the sensor."""
        return self.train.sensor_size

    def __repr__(self) -> str:
        sizes = f"{len(self.train)} to train on, {len(self.test)} to test on"
        return f"{self.source} recordings: {sizes}"

    def _repr_html_(self) -> str:
        return banner(repr(self), self.source)


def banner(text: str, source: str) -> str:
    """Return a line of HTML, and under the name of simulated recordings a warning."""
    if source != "simulated":
        return f"<p><b>{text}</b></p>"
    return (
        '<div role="note" style="border:4px solid #b3261e;background:#fff3cd;color:#3b1a00;'
        f'padding:1em 1.2em;margin:1em 0;font-size:1.15em"><b>{text}.</b><br>Figures and '
        "numbers made with simulated events say nothing about real cards. "
        '<code>source="real"</code> tells what keeps the real recordings from '
        "loading, and where to put the files by hand.</div>"
    )


def recording_statistics(data: Recordings | Split) -> pd.DataFrame:
    """Summarise every recording in a row; for a split, the column "set" says "train" or "test".

    The rate is infinite where all events are at one time. Active pixels are those with an event.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> list(recording_statistics(data))
        ['class', 'events', 'duration (ms)', 'rate (events/ms)', 'ON share', 'active pixels', 'set']
    """
    import pandas as pd  # which takes a second to import

    if isinstance(data, Split):
        train, test = (recording_statistics(part) for part in (data.train, data.test))
        return pd.concat([train.assign(set="train"), test.assign(set="test")], ignore_index=True)
    check_recordings(data, "data")
    table = pd.DataFrame(
        {
            "class": [data.classes[target] for target in data.targets],
            "events": [len(events) for events in data.events],
            "duration (ms)": [(events["t"][-1] - events["t"][0]) / 1000 for events in data.events],
            "ON share": [events["p"].mean() for events in data.events],
            "active pixels": [len(np.unique(events[["x", "y"]])) for events in data.events],
        }
    )
    table.insert(3, "rate (events/ms)", table["events"] / table["duration (ms)"])
    return table


def first_of_each_class(recordings: Recordings) -> list[tuple[Any, int]]:
    """Return the first recording of each class as ``(events, target)``, in the order of classes.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> [target for events, target in first_of_each_class(data.test)]
        [0, 1, 2, 3]
    """
    check_recordings(recordings)
    found = sorted(set(recordings.targets))
    return [recordings[recordings.targets.index(target)] for target in found]


def stratified_folds(
    recordings: Recordings, folds: int = 4, groups: Sequence[Any] | None = None, seed: int = 0
) -> list[Split]:
    """Split recordings into folds, with a fair share of each class, that take turns as test set.

    Args:
        recordings: Usually ``data.train``: then choices don't depend on the test set.
        folds: How many, from 2 to the number of groups in each class.
        groups: A number or name for each recording; those with the same, recorded together, stay
            in one fold. Default: each recording is a group.
        seed: Shuffles the recordings.

    Returns:
        One split per fold, whose ``test`` is that fold and whose ``train`` is all the others.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> [len(fold.test) for fold in stratified_folds(data.train, folds=4)]
        [12, 12, 12, 12]
    """
    return [
        Split(recordings.subset(train), recordings.subset(test))
        for train, test in fold_indices(recordings, folds, groups, seed)
    ]


def fold_indices(
    recordings: Recordings, folds: int = 4, groups: Sequence[Any] | None = None, seed: int = 0
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Choose the recordings of ``stratified_folds``: which to train on, and which to test on."""
    from sklearn.model_selection import StratifiedGroupKFold  # which takes a second to import

    check_recordings(recordings)
    groups = range(len(recordings)) if groups is None else groups
    numbers = check_groups(groups, len(recordings))
    targets = np.asarray(recordings.targets)
    sizes = [len(set(numbers[targets == target])) for target in set(recordings.targets)]
    fewest = min(sizes, default=0)
    if not isinstance(folds, Integral) or not 2 <= folds <= fewest:
        raise ValueError(f"folds is {folds!r}; choose from 2 to {fewest}, the groups of a class")
    # Below scikit-learn 1.8, its own shuffle=True mixes up the classes of the groups.
    random = np.random.RandomState(check_seed(seed, 2**32 - 1))
    shuffled = random.permutation(numbers.max() + 1).argsort()[numbers]
    found = list(StratifiedGroupKFold(folds).split(targets, targets, shuffled))
    for number, (train, _) in enumerate(found):
        for lacking in {*recordings.targets} - {*targets[train].tolist()}:
            raise ValueError(
                f"fold {number} would leave nothing of {recordings.classes[lacking]} to train on: "
                "its groups are too few or too large; choose other folds or groups"
            )
    return found
