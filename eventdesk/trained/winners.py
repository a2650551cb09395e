"""What has been trained, by ``train`` or as the winner of ``compare``, and how recordings reach it.

A network lies in a checkpoint, ``.pt``; trees and regressions lie in a file of skops, ``.skops``,
which holds numbers and names, and nothing that could run. Both hold how recordings were read.
"""

import io
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from inspect import signature
from numbers import Real
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import torch
from numpy import ndarray

from pokersnn_helpers.events.recordings import PackedRecording, Recordings
from pokersnn_helpers.networks.classifier import Classifier
from pokersnn_helpers.system.checks import (
    SensorSize,
    check_classes,
    check_events,
    check_range,
    check_sensor_size,
    errors_in,
)
from pokersnn_helpers.system.devices import chosen_device
from pokersnn_helpers.system.reading import check_memory, read_input
from pokersnn_helpers.system.writing import StrPath, atomic_write
from pokersnn_helpers.training.checkpoints import rebuild, save_checkpoint
from pokersnn_helpers.training.evaluation import Prediction, predict_recording

from ..ask.compare import Comparison, make_smaller, train_winner
from ..evidence.estimators import FeatureEstimator, NetworkEstimator
from ..files.folders import resized_parts, thin
from ..models import features, ordinary
from ..models.named import NETWORKS
from .familiar import Known
from .stored import read

FORMAT = "eventdesk features 1"
TREE = "sklearn.tree._tree.Tree"  # which skops trusts only where its numbers are checked
TYPES = {  # what compare writes, beside arrays and what Python has
    TREE,
    "sklearn.ensemble._forest.ExtraTreesClassifier",
    "sklearn.linear_model._logistic.LogisticRegression",
    "sklearn.pipeline.Pipeline",
    "sklearn.preprocessing._data.StandardScaler",
    "sklearn.preprocessing._polynomial.PolynomialFeatures",
    "sklearn.tree._classes.DecisionTreeClassifier",
    "sklearn.tree._classes.ExtraTreeClassifier",
}
BEFORE = {"StandardScaler", "PolynomialFeatures"}  # steps of a pipeline before its last one
LAST = {"ExtraTreesClassifier", "DecisionTreeClassifier", "LogisticRegression"}
FEATURES: dict[str, Callable[..., ndarray]] = {
    function.__name__: function
    for function in (
        ordinary.summed_image,
        features.rate_over_time,
        features.sum_and_rate,
        features.regions_over_time,
        features.rhythm_of_regions,
        features.sum_rate_and_regions,
        features.shift_correlation,
    )
}
READING: dict[str, Any] = {"sensor": str, "window_ms": Real, "share": Real}  # how they reached it


@dataclass
class FeatureClassifier:
    """Trees or a regression, which classify whole recordings by some features.

    Attributes:
        estimator: It has learned from recordings.
        classes: The names of the classes.
        sensor_size: Width, height and polarities of the recordings.
    """

    estimator: FeatureEstimator
    classes: tuple[str, ...]
    sensor_size: SensorSize

    def predict(self, recording: PackedRecording) -> Prediction:
        """Return the answer; its ``readout`` is the logarithm of the probabilities, in one row."""
        alone = Recordings([recording], [0], self.classes, self.sensor_size)
        (shares,) = self.estimator.model.predict_proba(self.estimator.features(alone))
        probabilities = dict.fromkeys(self.classes, 0.0)
        for number, share in zip(self.estimator.model.classes_, shares, strict=True):
            probabilities[self.classes[number]] = float(share)
        best = max(probabilities, key=lambda name: probabilities[name])
        readout = torch.tensor([[*probabilities.values()]]).log()
        return Prediction(best, probabilities, readout)


@dataclass
class Trained:
    """A trained model, and how the recordings that it learned from were read.

    Attributes:
        classifier: The model.
        known: What it has learned from.
        sensor: Width and height of the sensor, such as 346x260, if they are known.
        window_ms: Duration of the parts in ms, into which recordings were cut, if they were.
        share: Of the events, which was drawn; None for all.
    """

    classifier: Classifier | FeatureClassifier
    known: Known
    sensor: str | None
    window_ms: float | None
    share: float | None

    def parts(self, events: ndarray, sensor_size: SensorSize) -> list[PackedRecording]:
        """Return what a sensor has recorded as the model learned it: smaller, thinner, in parts."""
        events = thin(check_events(events, sensor_size), self.share or 1.0)
        size = self.classifier.sensor_size[:2]
        return resized_parts(events, sensor_size, size, self.window_ms)

    def predict(self, recording: PackedRecording) -> Prediction:
        """Return the answer to one of these parts."""
        if isinstance(self.classifier, FeatureClassifier):
            return self.classifier.predict(recording)
        return predict_recording(self.classifier, recording)

    def unlike(self, recording: PackedRecording) -> list[str]:
        """Say what of one of these parts is unlike all that the model has learned from."""
        model = self.classifier
        alone = Recordings([recording], [0], model.classes, model.sensor_size)
        return self.known.unlike(model, alone)


def load_trained(path: StrPath, device: str | None = None, network: Any = None) -> Trained:
    """Load what ``train`` saved, or the winner that ``compare`` wrote into a folder.

    Args:
        path: A checkpoint, a file of skops, or that folder.
        device: Where to put a network; default ``default_device()``.
        network: As for ``load_checkpoint``. Default: one of those that ``train`` and ``compare``
            have.

    Raises:
        FileNotFoundError: There is no such file, or no winner in the folder.
        ValueError: The file is damaged, or holds something else.
    """
    file = Path(path)
    if file.is_dir():
        winners = sorted(file.glob("winner.*"))
        if not winners:
            raise FileNotFoundError(f"there is no winner in {file}; let compare --out write one")
        file = winners[0]
    if file.suffix == ".skops":
        return _load_features(file)
    content = read(file)
    saved = str(content["network"])
    if not network:
        if saved not in NETWORKS:
            raise ValueError(
                f"{path} holds a {saved}, and no code of it; name its class: --network "
                f"FILE.py:{saved} of a command, or load_trained(path, network={saved})"
            )
        network = NETWORKS[saved].loaded
    reading = _check_reading(content.get("options", {}), file)
    classifier = rebuild(content, file, network).to(chosen_device(device))
    return Trained(classifier, known_of(content, file), **reading)


def known_of(content: dict[str, Any], path: Path) -> Known:
    """Return what the model of a file has learned from, or refuse what is damaged of it."""
    try:
        return Known.from_content(content)
    except Exception as error:  # a file can hold anything
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(
            f"{path} is damaged: it doesn't say what it has learned from: {reason}"
        ) from error


def _check_reading(options: Any, path: Path) -> dict[str, Any]:
    """Return what options say of how recordings are read, or refuse them."""
    if not isinstance(options, dict):
        raise ValueError(f"{path} is damaged: its options are {options!r}")
    reading = {name: options.get(name) for name in READING}
    for name, value in reading.items():
        if not isinstance(value, READING[name] | None):
            raise ValueError(f"{path} is damaged: {name} is {value!r}")
    if reading["window_ms"] is not None:
        with errors_in(f"{path} is damaged"):
            check_range(0.001, 2**40, window_ms=reading["window_ms"])
    if reading["share"] is not None and not 0 < reading["share"] <= 1:
        raise ValueError(f"{path} is damaged: share is {reading['share']!r}")
    return reading


def write_winner(
    comparison: Comparison, recordings: Recordings, groups: Sequence[Any], folder: Path
) -> str:
    """Train the winner of ``compare`` on all recordings, and write it into a folder.

    Args:
        comparison: Its recipe may say how recordings were read: their ``sensor``, ``window_ms``.
        recordings: Those that were compared.
        groups: The group of each.
        folder: The folder.

    Returns:
        What was written, in words, or why there is no winner.

    Raises:
        FileExistsError: There is one already.
    """
    row = comparison.winner
    if row is None:
        return "no winner is written, since no model tells the classes apart for certain"
    estimator = train_winner(comparison, recordings, row.model)
    smaller, _ = make_smaller(recordings)
    reading = {name: comparison.recipe.get(name) for name in READING}
    if isinstance(estimator, NetworkEstimator):
        path = folder / "winner.pt"
        known = Known.of(smaller, estimator.classifier, groups)
        further = {"options": reading} | known.to_content()
        save_checkpoint(estimator.classifier, path, overwrite=False, further=further)
    else:
        path = folder / "winner.skops"
        _save_features(estimator, smaller, groups, reading, path)
    return (
        f"{path}: {row.model.name}, trained on all {len(recordings)} recordings at "
        f"{comparison.recipe['size']} pixels; predict --checkpoint {folder} asks it"
    )


def _save_features(
    estimator: FeatureEstimator,
    recordings: Recordings,
    groups: Sequence[Any],
    reading: dict[str, Any],
    path: Path,
) -> None:
    from skops.io import dumps  # which takes half a second to import

    function: Any = estimator.features
    arguments = getattr(function, "keywords", {})  # of a partial
    function = getattr(function, "func", function)
    known = Known.of(recordings, groups=groups)
    parts = known.familiar.to_tensors() if known.familiar else {}
    content = {
        "format": FORMAT,
        "features": function.__name__,
        "arguments": arguments,
        "model": estimator.model,
        "classes": list(recordings.classes),
        "sensor_size": list(recordings.sensor_size),
        "ranges": known.ranges,
        "familiar": {name: tensor.numpy() for name, tensor in parts.items()},
        "reading": reading,
    }
    with atomic_write(path, overwrite=False) as file:
        file.write(dumps(content))


def _check_types(node: Any) -> None:
    """Refuse, before anything is built, a file of skops with types that compare never writes."""
    if isinstance(node, dict):
        if "__class__" in node and node["__module__"] != "builtins":
            name = f"{node['__module__']}.{node['__class__']}"
            is_array = node["__module__"] == "numpy" and node["__loader__"] == "NdArrayNode"
            if name not in TYPES and not is_array:
                raise ValueError(f"it holds {name}, which compare never writes")
        for each in node.values():
            _check_types(each)
    elif isinstance(node, list):
        for each in node:
            _check_types(each)


def _check_archive(data: bytes) -> None:
    """Refuse an archive that needs more memory than is free, or holds other types."""
    with ZipFile(io.BytesIO(data)) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
        check_memory(unpacked, "its numbers", "let compare write it again")
        _check_types(json.loads(archive.read("schema.json")))


def _check_model(model: Any, classes: int) -> None:
    """Refuse a model whose numbers aren't finite, or whose answers are no classes."""
    steps = [step for _, step in model.steps] if type(model).__name__ == "Pipeline" else [model]
    names = [type(step).__name__ for step in steps]
    if not set(names[:-1]) <= BEFORE or names[-1] not in LAST:
        raise ValueError(f"its model is made of {', '.join(names)}")
    last = steps[-1]
    if not set(last.classes_) <= set(range(classes)):
        raise ValueError(f"its model answers {last.classes_}, and there are {classes} classes")
    for step in steps:
        for name, value in vars(step).items():
            is_number = isinstance(value, np.ndarray) and value.dtype.kind == "f"
            if is_number and not np.isfinite(value).all():
                raise ValueError(f"{name} holds NaN or infinity")
    trees = last.estimators_ if names[-1] == "ExtraTreesClassifier" else [last]
    for each in trees:
        if names[-1] != "LogisticRegression":
            _check_tree(each.tree_, last.n_features_in_, len(last.classes_))


def _check_tree(tree: Any, features: int, classes: int) -> None:
    """Refuse a tree whose branches lead nowhere: scikit-learn would follow them unseen."""
    branches = np.stack([tree.children_left, tree.children_right])
    inner = branches[0] != -1
    leads_on = (branches[:, inner] > np.flatnonzero(inner)).all()
    ends = branches.max(initial=-1) < tree.node_count and tree.node_count > 0
    asked = tree.feature[inner]
    known = (asked >= 0).all() and (asked < features).all()
    finite = np.isfinite(tree.threshold).all() and np.isfinite(tree.value).all()
    answers = tree.value.shape[1:] == (1, classes)
    if not (leads_on and ends and known and finite and answers):
        raise ValueError("a tree is damaged")


def _check_arguments(function: Callable[..., ndarray], arguments: dict[str, Any]) -> None:
    """Refuse arguments that features don't take, or that are no positive numbers."""
    signature(function).bind(None, **arguments)
    for name, value in arguments.items():
        if not isinstance(value, Real) or not 0 < float(value) < math.inf:
            raise ValueError(f"{name} is {value!r}")


def _load_features(path: Path) -> Trained:
    from skops.io import loads

    data = read_input(path)
    try:
        _check_archive(data)
        content = loads(data, trusted=[TREE])
        classes = check_classes(content["classes"])
        _check_model(content["model"], len(classes))
        if content["format"] != FORMAT:
            raise ValueError(f"its format is {content['format']!r}, not {FORMAT!r}")
        features = FEATURES[content["features"]]
        _check_arguments(features, content["arguments"])
        function = partial(features, **content["arguments"])
        estimator = FeatureEstimator(content["model"], function)
        parts = {name: torch.as_tensor(part) for name, part in content["familiar"].items()}
        known = Known.from_content({"ranges": content["ranges"], "familiar": parts})
        classifier = FeatureClassifier(
            estimator,
            classes,
            check_sensor_size(content["sensor_size"]),
        )
        return Trained(classifier, known, **_check_reading(content["reading"], path))
    except Exception as error:  # a file can hold anything
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"{path} is no winner that compare wrote: {reason}") from error
