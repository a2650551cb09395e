"""Tell recordings like those that a model has learned from, from others, which it can't know.

A network that knows three gestures answers with one of them whatever it sees, and may be sure of
it. Therefore two things are kept with it, as ``Known``: the ranges of a few numbers that describe
its recordings, which say in words what is unusual, and a ``Familiar`` of what they look like and of
what they make its hidden neurons do, which also notices a class that wasn't taught.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from pokersnn_helpers.events.frames import make_loader
from pokersnn_helpers.events.recordings import Recordings
from pokersnn_helpers.networks.classifier import Classifier
from pokersnn_helpers.networks.spiking_network import SpikingNetwork
from pokersnn_helpers.system.checks import check_groups
from pokersnn_helpers.system.warn import warn

NAMES = (
    "events",
    "ms",
    "events per ms",
    "pixels of spread across",
    "pixels of spread down",
    "pixels with events",
)
RARE = 0.01  # share of the training recordings that may lie outside at each end, before
WIDENING = 0.4  # a range is widened to both sides by this share of it
TOLERANCE = 0.05  # and by about 5 %, where a number is the same in all recordings
MIN_RECORDINGS = 20  # training recordings, from which on ranges hold for others
MAX_RECORDINGS = 1000  # training recordings that are looked at: more tell nothing new
MAX_NUMBERS = 2 * 10**7  # in their images: copies of more would take gigabytes
MAX_NEURONS = 2000  # whose covariance is estimated
EXPLAINED = 0.9  # of the variance of images, by the components that are kept
FOLDS = 5  # in which recordings are left out, to see how far away others of their kind are
IMAGE = "image"
SPIKES = "hidden spikes"
BOTH = "image and hidden spikes"
# By kind: the share of recordings that are left out and lie beyond a limit, and by how many
# standard deviations the limit is moved out then. A network has learned from what is left out here,
# so that new recordings move its neurons further; chosen with seed 0 of ``benchmarks unknown``.
MARGINS = {IMAGE: (0.02, 0), SPIKES: (0.05, 1), BOTH: (0.05, 1)}


def numbers_of(image: ndarray, duration: float) -> list[float]:
    """Return the numbers of ``NAMES``, which are all greater than 0.

    Args:
        image: Events by polarity, row and column.
        duration: From the first to the last of them, in µs.

    Example:
        >>> numbers_of(np.array([[[9, 0, 9, 0]]]), 999)  # two pixels beside each other
        [18, 1.0, 18.0, 2.0, 1.0, 2]
    """
    events = int(image.sum())
    ms = (float(duration) + 1) / 1000
    down, across = spread(image)
    active = int(np.count_nonzero(image.any(axis=0)))
    return [events, ms, events / ms, 1 + across, 1 + down, active]


def spread(image: ndarray) -> tuple[float, float]:
    """Return the standard deviation of the events' places down and across, in pixels.

    Args:
        image: Events by polarity, row and column, at least one.

    Example:
        >>> spread(np.array([[[9, 0, 9, 0]]]))
        (0.0, 1.0)
    """
    by_pixel = image.sum(axis=0)
    places = np.argwhere(by_pixel)
    counts = by_pixel[by_pixel > 0]
    distance = places - np.average(places, axis=0, weights=counts)
    down, across = np.sqrt(np.average(distance**2, axis=0, weights=counts)).tolist()
    return down, across


def training_ranges(recordings: Recordings) -> list[list[float]]:
    """Return the lowest and the highest of each number of ``NAMES``; of few recordings, nothing.

    Example:
        >>> from pokersnn_helpers import load_nmnist
        >>> _, duration, *_ = training_ranges(load_nmnist().train)
        >>> [round(ms) for ms in duration]
        [87, 108]
    """
    if len(recordings) < MIN_RECORDINGS:
        return []
    packed = recordings.events.packed
    numbers = [numbers_of(recording.image(), recording.t[-1]) for recording in packed]
    low, high = np.quantile(np.log(numbers), [RARE, 1 - RARE], axis=0)
    widening = WIDENING * (high - low) + TOLERANCE
    return np.exp([low - widening, high + widening]).T.tolist()


def what_is_outside(ranges: list[list[float]], image: ndarray, duration: float) -> list[str]:
    """Say which numbers of a recording lie outside the ranges of training, if those are known.

    Example:
        >>> ranges = [[842, 5311], [1, 9], [1, 9], [1, 9], [1, 9], [1, 9]]
        >>> what_is_outside(ranges, np.array([[[9, 0, 0, 0]]]), 999)
        ['9 events (842 to 5,311)']
    """
    if not ranges or not image.any():
        return []
    return [
        f"{_digits(number)} {name} ({_digits(low)} to {_digits(high)})"
        for name, (low, high), number in zip(
            NAMES, ranges, numbers_of(image, duration), strict=True
        )
        if not low <= number <= high
    ]


def _digits(number: float) -> str:
    """Write a number with at least four digits: 17,340 or 0.2541."""
    return f"{number:,.0f}" if number >= 1000 else f"{number:.4g}"


class Subspace(NamedTuple):
    """Where images of training recordings lie: around their mean, along principal components.

    Attributes:
        mean: Of the images, (inputs,).
        components: The first of them, (components, inputs).
    """

    mean: ndarray
    components: ndarray

    @classmethod
    def fit(cls, images: ndarray, targets: ndarray) -> "Subspace":
        """Find the components of images (recordings, inputs), whatever their classes."""
        mean = images.mean(0)
        _, values, components = np.linalg.svd(images - mean, full_matrices=False)
        explained = (values**2).cumsum() / max((values**2).sum(), 1e-9)
        number = min(int(np.searchsorted(explained, EXPLAINED)) + 1, len(images) - 2)
        return cls(mean, components[:number])

    def distance(self, images: ndarray) -> ndarray:
        """Return by image the logarithm of the square of what the components leave."""
        away = images - self.mean
        left = away - (away @ self.components.T) @ self.components
        return np.log((left**2).sum(1) + 1e-9)


class Clusters(NamedTuple):
    """Where hidden activities of training recordings lie: around the mean of each class.

    The distance is Mahalanobis', in the covariance that they have within their classes (Lee et al.
    2018, arXiv:1807.03888), shrunk as Ledoit and Wolf do it (2004), since recordings may be few.

    Attributes:
        means: Of each class, (classes, neurons).
        precision: The inverse of the covariance, (neurons, neurons).
    """

    means: ndarray
    precision: ndarray

    @classmethod
    def fit(cls, activities: ndarray, targets: ndarray) -> "Clusters":
        """Find the clusters of activities (recordings, neurons)."""
        from sklearn.covariance import LedoitWolf  # which takes a second to import

        classes, numbers = np.unique(targets, return_inverse=True)
        means = np.stack([activities[targets == target].mean(0) for target in classes])
        within = LedoitWolf(assume_centered=True).fit(activities - means[numbers])
        return cls(means, within.precision_)

    def distance(self, activities: ndarray) -> ndarray:
        """Return by activity the logarithm of the squared distance from the nearest class."""
        away = activities[:, None] - self.means
        squares = np.einsum("rci,ij,rcj->rc", away, self.precision, away)
        return np.log(squares.min(1) + 1e-9)


class Limit(NamedTuple):
    """How far a recording may be from what a model has learned from.

    Attributes:
        kind: What is held against it, its image, its hidden spikes, or both.
        mean: Of the distances of training recordings that were left out.
        std: Their standard deviation.
        at: By how many of these a distance may be beyond the mean.
    """

    kind: str
    mean: float
    std: float
    at: float

    def standardised(self, distances: ndarray) -> ndarray:
        """Return distances in standard deviations beyond the mean."""
        return (distances - self.mean) / self.std

    @classmethod
    def fit(cls, kind: str, left_out: ndarray) -> "Limit":
        """Set a limit by the distances of recordings that were left out."""
        share, further = MARGINS[kind]
        limit = cls(kind, float(left_out.mean()), float(left_out.std() + 1e-9), 0)
        return limit._replace(
            at=float(np.quantile(limit.standardised(left_out), 1 - share) + further)
        )


class Familiar(NamedTuple):
    """What recordings look like that a model has learned from, to hold another one against.

    A recording is unfamiliar whose image is far from the ``Subspace`` of all images, or whose
    hidden activity is far from the ``Clusters``, or the two together: further than nearly all
    training recordings are from those of other groups.

    Attributes:
        subspace: Of event-count images.
        clusters: Of hidden activities; None where a model has no hidden spikes.
        limits: Of the image, and with hidden spikes also of these, and of both together, whose
            distance is the sum of the two standardised ones.
    """

    subspace: Subspace
    clusters: Clusters | None
    limits: list[Limit]

    @classmethod
    def fit(
        cls,
        recordings: Recordings,
        classifier: Any = None,
        groups: Sequence[Any] | None = None,
    ) -> "Familiar | None":
        """Learn what recordings are like, and what they make a network do; of few, nothing.

        Args:
            recordings: Those that the model has learned from; of many, a part is looked at.
            classifier: The model; its network is asked, if it has one.
            groups: Who or when, for each recording: these are left out together. Default: each
                recording is its own.
        """
        number = len(recordings)
        most = min(MAX_RECORDINGS, MAX_NUMBERS // math.prod(recordings.sensor_size))
        if min(number, most) < MIN_RECORDINGS:
            return None
        chosen = np.random.default_rng(0).permutation(number)[:most]
        units = check_groups(range(number) if groups is None else groups, number)[chosen]
        if len(set(units)) < 2:
            return None
        recordings = recordings.subset(chosen)
        targets = np.asarray(recordings.targets)
        images = _images(recordings)
        subspace = Subspace.fit(images, targets)
        of_images = _left_out(Subspace, images, targets, units)
        limits = [Limit.fit(IMAGE, of_images)]
        activities = hidden_activities(classifier, recordings)
        if activities is None:
            return cls(subspace, None, limits)
        of_spikes = _left_out(Clusters, activities, targets, units)
        limits.append(Limit.fit(SPIKES, of_spikes))
        together = limits[0].standardised(of_images) + limits[1].standardised(of_spikes)
        share, further = MARGINS[BOTH]
        limits.append(Limit(BOTH, 0, 1, float(np.quantile(together, 1 - share) + further)))
        return cls(subspace, Clusters.fit(activities, targets), limits)

    def beyond(self, recordings: Recordings, classifier: Any = None) -> dict[str, ndarray]:
        """Return by how many standard deviations recordings are beyond each limit.

        Args:
            recordings: Of the sensor that the model knows.
            classifier: As for ``fit``.

        Returns:
            By kind, a number for each recording; above 0 it is unfamiliar.
        """
        distances = {IMAGE: self.subspace.distance(_images(recordings))}
        activities = hidden_activities(classifier, recordings)
        if self.clusters is not None and activities is not None:
            distances[SPIKES] = self.clusters.distance(activities)
            of_image, of_spikes, _ = self.limits
            distances[BOTH] = of_image.standardised(distances[IMAGE]) + of_spikes.standardised(
                distances[SPIKES]
            )
        return {
            limit.kind: limit.standardised(distances[limit.kind]) - limit.at
            for limit in self.limits
            if limit.kind in distances
        }

    def turned(self, image: ndarray) -> str:
        """Say how an image (polarities, height, width) would be far more familiar, if it would.

        Of N-MNIST's 200 digits to test on, none would; changed in one of these ways, all would.
        """
        ways = {
            "x and y swapped": image.swapaxes(1, 2),
            "y counted from the other side": image[:, ::-1],
            "its polarities swapped": image[::-1],
        }
        distances = {
            way: self.subspace.distance(np.log1p(turned.reshape(1, -1)))[0]
            for way, turned in {"": image, **ways}.items()
            if turned.shape == image.shape
        }
        best = min(distances, key=lambda way: distances[way])
        return best if distances[best] < distances[""] - self.limits[0].std else ""

    def to_tensors(self) -> dict[str, Tensor]:
        """Return all of it by name, as a checkpoint can hold it."""
        usual = [(limit.mean, limit.std) for limit in self.limits if limit.kind != BOTH]
        parts: dict[str, Any] = {**self.subspace._asdict(), "usual": usual}
        parts["limits"] = [limit.at for limit in self.limits]
        if self.clusters is not None:
            parts |= self.clusters._asdict()
        return {name: torch.as_tensor(value, dtype=torch.float32) for name, value in parts.items()}

    @classmethod
    def from_tensors(cls, parts: dict[str, Tensor]) -> "Familiar":
        """Put together what ``to_tensors`` returned."""
        values = {name: tensor.double().numpy() for name, tensor in parts.items()}
        clusters = Clusters(values["means"], values["precision"]) if "means" in values else None
        kinds = [IMAGE, SPIKES, BOTH] if clusters else [IMAGE]
        usual = [*values["usual"].tolist(), (0, 1)][: len(kinds)]
        limits = [
            Limit(kind, mean, std, at)
            for kind, (mean, std), at in zip(kinds, usual, values["limits"].tolist(), strict=True)
        ]
        return cls(Subspace(values["mean"], values["components"]), clusters, limits)


def _images(recordings: Recordings) -> ndarray:
    """Return log(1 + events) per pixel and polarity, (recordings, inputs)."""
    return np.log1p([recording.image().ravel() for recording in recordings.events.packed])


def _left_out(kind: Any, values: ndarray, targets: ndarray, groups: ndarray) -> ndarray:
    """Return how far each recording is from what those of other groups are like, in turn."""
    from sklearn.model_selection import GroupKFold  # which takes a second to import

    distances = np.empty(len(values))
    folds = GroupKFold(min(FOLDS, len(set(groups))))
    for others, left_out in folds.split(values, targets, groups):
        known = kind.fit(values[others], targets[others])
        distances[left_out] = known.distance(values[left_out])
    return distances


@torch.no_grad()
def hidden_activities(classifier: Any, recordings: Recordings) -> ndarray | None:
    """Return the square roots of how often hidden neurons spike, (recordings, neurons).

    Returns:
        They; None of what is no ``Classifier``, of a network that records no spikes, or of more
        neurons than ``MAX_NEURONS``.
    """
    parts = classifier.modules() if isinstance(classifier, Classifier) else ()
    spiking = next((part for part in parts if isinstance(part, SpikingNetwork)), None)
    if spiking is None:
        return None
    device = next(classifier.parameters()).device
    before = classifier.training, spiking.record
    classifier.eval()
    spiking.record = True
    counts = []
    try:
        for frames, _ in make_loader(
            recordings, batch_size=64, time_window=classifier.time_window, sparse=True
        ):
            _, steps, _ = classifier.run(frames.to(device))
            layers = spikes_in(spiking.recording)
            if not layers or sum(layer.shape[2] for layer in layers) > MAX_NEURONS:
                return None
            z = torch.cat(layers, dim=2)
            is_own = torch.arange(len(z), device=device)[:, None] < steps
            counts.append((z * is_own[..., None]).sum(0).cpu())
    except TypeError:  # states of your own that can't be recorded
        return None
    finally:
        classifier.train(before[0])
        spiking.record, spiking.recording = before[1], None
    return torch.cat(counts).sqrt().numpy()


def spikes_in(states: Any) -> list[Tensor]:
    """Return the spikes in recorded states, by layer: (T, B, neurons) of what Norse calls z."""
    if not isinstance(states, tuple):
        return []
    if hasattr(states, "z"):
        return [states.z.flatten(2)]
    return [layer for state in states for layer in spikes_in(state)]


@dataclass
class Known:
    """What a model has learned from.

    Attributes:
        ranges: The lowest and the highest of each number of ``NAMES``; none of few recordings.
        familiar: What its recordings look like; None of few.

    Example:
        >>> from pokersnn_helpers import load_nmnist
        >>> digits = load_nmnist()
        >>> known = Known.of(digits.train)
        >>> known.unlike(None, digits.test[:1])
        []
    """

    ranges: list[list[float]] = field(default_factory=list)
    familiar: Familiar | None = None

    @classmethod
    def of(
        cls, recordings: Recordings, model: Any = None, groups: Sequence[Any] | None = None
    ) -> "Known":
        """Learn what recordings are like; arguments are those of ``Familiar.fit``."""
        return cls(training_ranges(recordings), Familiar.fit(recordings, model, groups))

    def unlike(self, model: Any, recordings: Recordings) -> list[str]:
        """Say what of a recording is unlike all that the model has learned from.

        Args:
            model: The classifier, of whose hidden spikes something may be known.
            recordings: One, of the sensor that the model knows.

        Returns:
            The numbers that lie outside of the ranges, and what is unfamiliar.
        """
        (recording,) = recordings.events.packed
        words = what_is_outside(self.ranges, recording.image(), recording.t[-1])
        if self.familiar is None:
            return words
        beyond = self.familiar.beyond(recordings, model)
        return words + [f"unfamiliar {kind}" for kind, (far,) in beyond.items() if far > 0]

    def warn_if_unlike(self, recordings: Recordings) -> None:
        """Warn of a recording of which several numbers lie outside of training.

        Of another sensor or another unit of time, two or more of them do; of 403 pips, digits and
        gestures that were left out, none has more than one.
        """
        (recording,) = recordings.events.packed
        image = recording.image()
        words = what_is_outside(self.ranges, image, recording.t[-1])
        turned = self.familiar.turned(image) if self.familiar else ""
        if turned:
            warn(
                "the recording would be far more like what the classifier has learned from with "
                f"{turned}; look at the order of its columns, and at what they mean"
            )
        elif len(words) > 1:
            warn(
                f"the recording has {', '.join(words)}, unlike all that the classifier has learned "
                f"from; is it from the same sensor, {recordings.sensor_size}, with times in µs?"
            )

    def to_content(self) -> dict[str, Any]:
        """Return what a checkpoint holds of it, by name."""
        content: dict[str, Any] = {"ranges": self.ranges}
        if self.familiar is not None:
            content["familiar"] = self.familiar.to_tensors()
        return content

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> "Known":
        """Put together what ``to_content`` returned, or nothing of a file that holds none of it."""
        ranges = [[float(low), float(high)] for low, high in content.get("ranges", [])]
        if len(ranges) not in (0, len(NAMES)):
            raise ValueError(f"it has ranges of {len(ranges)} numbers, not of {len(NAMES)}")
        parts = content.get("familiar")
        return cls(ranges, Familiar.from_tensors(parts) if parts else None)
