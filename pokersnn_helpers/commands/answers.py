"""The commands ``predict`` and ``live``, which ask a trained network."""

import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from .. import training
from ..checkpoints import load_checkpoint, saved_with
from ..checks import errors_in
from ..classifier import Classifier
from ..fast import FastSNN
from ..own import live as playing
from ..own.event_files import read_event_file
from ..own.folders import class_files, cut, resize
from ..own.streaming import Stream
from .main import NETWORKS, resolve_network
from .terminal import pixels, say


def predict(checkpoint: Path, recordings: list[Path], sensor: str = "") -> None:
    """Print the class of each file, or of each part of it, and of a folder a confusion matrix."""
    classifier, options = _load_trained(checkpoint)

    def ask(file: Path) -> list[str]:
        found, answers = read_event_file(file), []
        with errors_in(f"{file}, asked {checkpoint}"):
            came_from = _sensor(found.sensor_size, sensor, options, classifier)
            events = resize(found.events, came_from, classifier.sensor_size[:2])
            parts = cut(events, options.get("window_ms") or None)  # as for training
            for number, part in enumerate(parts, 1):
                answer = training.predict(classifier, part)
                place = f", part {number} of {len(parts)}" if len(parts) > 1 else ""
                say(f"{file}{place}: {_words(answer)}")
                answers.append(answer.class_name or "no answer")
        return answers

    for path in recordings:
        if path.is_dir():
            files = [(file.relative_to(path).parts[0], file) for file in class_files(path)]
            pairs = [(name, answer) for name, file in files for answer in ask(file)]
            say(_confusion(pd.DataFrame(pairs, columns=["class", "answer"])))
        else:
            ask(path)


def _confusion(pairs: pd.DataFrame) -> str:
    """Return a table of classes and answers, and how many are the same."""
    table = pd.crosstab(pairs["class"], pairs["answer"])
    correct = pairs["class"] == pairs["answer"]
    table["correct, %"] = (100 * correct.groupby(pairs["class"]).mean()).round(1)
    return f"{table}\n{correct.sum()} of {len(correct)} correct, {correct.mean():.1%}"


def live(
    checkpoint: Path,
    file: Path | None = None,
    sensor: str = "",
    camera: bool = False,
    pause: float = 200,
) -> None:
    """Play a file, or listen to a camera until Ctrl-C, and show the answer to each gesture."""
    if camera == (file is not None):
        raise ValueError("name one FILE, or --camera")
    classifier, options = _load_trained(checkpoint, "cpu")
    shown: Any = None

    def show(stream: Stream, behind: float) -> None:
        nonlocal shown
        answer, late = stream.prediction(), behind > playing.BEHIND
        if shown != (shown := (answer.class_name, late)):
            ms = stream.steps * stream.time_window / 1000
            warning = f", {behind:.1f} s behind: choose wider bins" * late
            say(f"{ms:8.0f} ms  {_words(answer)}{warning}")

    def tell(stream: Stream) -> None:
        nonlocal shown
        shown, settled = None, stream.settled_ms()
        since = "" if settled is None else f", since {settled:g} ms"
        say(f"{_words(stream.prediction())}{since}")

    window = options.get("window_ms") or math.inf  # as long as what it was trained with
    stream = Stream(classifier, pause_ms=pause, window_ms=window, on_answer=tell)
    if file:
        events, found = read_event_file(file)
        portions = playing.play(events)
    else:
        portions, found = playing.camera()
    came_from = _sensor(found, sensor, options, classifier)
    with suppress(KeyboardInterrupt):
        playing.listen(stream, portions, came_from, show)
    stream.end()


def _load_trained(checkpoint: Path, device: str | None = None) -> tuple[Classifier, dict[str, Any]]:
    """Load a classifier, and the options of the run that trained it."""
    # FastSNN takes sparse frames, so memory grows with the events and not with the time.
    known = {each.__name__: each for each in map(resolve_network, NETWORKS)} | {"SNN": FastSNN}
    network, options = saved_with(checkpoint)
    return load_checkpoint(checkpoint, device, known.get(network, FastSNN)), options


def _sensor(
    found: tuple[int, int, int] | None, given: str, options: dict[str, Any], classifier: Classifier
) -> tuple[int, int, int]:
    """Return the sensor that the events are from, on which all who say one agree."""
    trained = pixels("the sensor of training", options.get("sensor", ""))
    asked = {"the recording": found and found[:2], "--sensor": pixels("--sensor", given)}
    said = {who: size for who, size in (asked | {"training": trained}).items() if size}
    if len({*said.values()}) > 1:
        words = ", ".join(f"{who} says {size[0]}x{size[1]}" for who, size in said.items())
        raise ValueError(f"{words} pixels; use the sensor of training")
    width, height = next(iter(said.values()), classifier.sensor_size[:2])
    return width, height, 2


def _words(answer: training.Prediction) -> str:
    shares = ", ".join(f"{name} {share:.1%}" for name, share in answer.probabilities.items())
    return f"{answer.class_name or 'no answer'} ({shares})"
