"""The commands ``predict`` and ``live``, which ask a trained network."""

import math
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from .. import training
from ..checkpoints import load_checkpoint, saved_with
from ..checks import errors_in
from ..fast import FastSNN, LayerThenSNN
from ..own import live as playing
from ..own.event_files import read_event_file
from ..own.folders import class_files, cut, resize
from ..own.streaming import Stream
from .terminal import pixels, say


def predict(checkpoint: Path, recordings: list[Path], sensor: str = "") -> None:
    """Print the class of each file, or of each part of it, and of a folder a confusion matrix."""
    trained = Trained(checkpoint, sensor)
    for path in recordings:
        if path.is_dir():
            answers = []
            for file in class_files(path):
                name = file.relative_to(path).parts[0]
                answers += [(name, answer) for answer in trained.ask(file)]
            say(confusion(pd.DataFrame(answers, columns=["class", "answer"])))
        else:
            trained.ask(path)


class Trained:
    """A trained network, and what it was trained on.

    Args:
        checkpoint: What ``train`` saved.
        sensor: What the command line says of the sensor, such as 346x260.
        device: Where to put it; default ``default_device()``.
    """

    def __init__(self, checkpoint: Path, sensor: str, device: str | None = None):
        name, options = saved_with(checkpoint)
        # FastSNN, for SNN, takes sparse frames: memory grows with the events, not with the time.
        network = LayerThenSNN if name == "LayerThenSNN" else FastSNN
        self.classifier = load_checkpoint(checkpoint, device, network)
        self.window_ms = options.get("window_ms")  # of the parts it was trained on
        self.sensors = {
            "--sensor": pixels("--sensor", sensor),
            "training": pixels("the sensor of training", options.get("sensor", "")),
        }

    def sensor_of(self, recorded: Sequence[int] | None) -> tuple[int, int, int]:
        """Return the sensor that events are from, on which all who say one agree."""
        all_sizes = {"the recording": recorded and recorded[:2]} | self.sensors
        sizes = {who: size for who, size in all_sizes.items() if size}
        if len(set(sizes.values())) > 1:
            words = [f"{who} says {width}x{height}" for who, (width, height) in sizes.items()]
            raise ValueError(f"{', '.join(words)} pixels; use the sensor of training")
        width, height = next(iter(sizes.values()), self.classifier.sensor_size[:2])
        return width, height, 2

    def ask(self, file: Path) -> list[str]:
        """Print what a file shows, part by part as in training, and return the classes."""
        events, recorded = read_event_file(file)
        answers = []
        with errors_in(str(file)):
            events = resize(events, self.sensor_of(recorded), self.classifier.sensor_size[:2])
            parts = cut(events, self.window_ms)
            for number, part in enumerate(parts, 1):
                answer = training.predict(self.classifier, part)
                place = f", part {number} of {len(parts)}" if len(parts) > 1 else ""
                say(f"{file}{place}: {in_words(answer)}")
                answers.append(answer.class_name or "no answer")
        return answers


def confusion(answers: pd.DataFrame) -> str:
    """Return a table of classes and answers, and how many are the same."""
    table = pd.crosstab(answers["class"], answers["answer"])
    correct = answers["class"] == answers["answer"]
    table["correct, %"] = (100 * correct.groupby(answers["class"]).mean()).round(1)
    return f"{table}\n{correct.sum()} of {len(correct)} correct, {correct.mean():.1%}"


def in_words(answer: training.Prediction) -> str:
    """Return the class, and the probabilities of all."""
    shares = [f"{name} {share:.1%}" for name, share in answer.probabilities.items()]
    return f"{answer.class_name or 'no answer'} ({', '.join(shares)})"


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
    trained = Trained(checkpoint, sensor, "cpu")
    screen = Screen()
    stream = Stream(
        trained.classifier,
        pause_ms=pause,
        window_ms=trained.window_ms or math.inf,
        on_answer=screen.show_last,
    )
    if file:
        events, recorded = read_event_file(file)
        portions = playing.play(events)
    else:
        portions, recorded = playing.camera()
    with suppress(KeyboardInterrupt):
        playing.listen(stream, portions, trained.sensor_of(recorded), screen.show)
    stream.end()


class Screen:
    """Prints the answer to a gesture whenever it becomes another one."""

    shown: Any = None  # the class, and whether the stream was late

    def show(self, stream: Stream, behind: float) -> None:
        """Print the answer so far, unless it is there already; ``behind`` is in s."""
        answer = stream.prediction()
        late = behind > playing.BEHIND
        now = answer.class_name, late
        if now == self.shown:
            return
        self.shown = now
        ms = stream.steps * stream.time_window / 1000
        warning = f", {behind:.1f} s behind: choose wider bins" if late else ""
        say(f"{ms:8.0f} ms  {in_words(answer)}{warning}")

    def show_last(self, stream: Stream) -> None:
        """Print the answer to a gesture that is over."""
        self.shown = None
        settled_ms = stream.settled_ms()
        since = f", since {settled_ms:g} ms" if settled_ms else ""
        say(f"{in_words(stream.prediction())}{since}")
