"""The commands ``predict`` and ``live``, which ask a trained network."""

import math
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
from pandas import DataFrame
from tqdm import tqdm

from pokersnn_helpers.system.checks import SensorSize, errors_in
from pokersnn_helpers.training.evaluation import Prediction

from .. import live as playing
from ..files.event_files import read_event_file
from ..files.folders import find_recordings, in_pixels
from ..streaming import Stream
from ..trained.winners import FeatureClassifier, Trained, load_trained
from .networks import network_named
from .terminal import pixels, say

TERMINAL_WIDTH = 80  # columns
NO_ANSWER = "no answer"
REFUSED = "unlike training"


def predict(
    checkpoint: Path,
    recordings: list[Path],
    sensor: str = "",
    each: bool = False,
    network: str = "",
    refuse: bool = False,
) -> None:
    """Print the class of each file, or of each part of it, and of a folder a confusion matrix."""
    trained = load_trained(checkpoint, network=network and network_named(network))
    for path in recordings:
        if not path.is_dir():
            say(*(answer["line"] for answer in ask(trained, path, sensor, refuse)))
            continue
        answers = []
        for file in tqdm(find_recordings(path), "asking", unit="file", delay=2):
            answers += ask(trained, file.path, sensor, refuse, file.class_name)
        table = DataFrame(answers)
        say(*summary(table, trained.classifier.classes))
        if each:
            say(*table["line"])


def ask(
    trained: Trained, file: Path, sensor: str = "", refuse: bool = False, class_name: str = ""
) -> list[dict[str, Any]]:
    """Ask what a file shows, part by part as in training.

    Args:
        trained: The model.
        file: The file.
        sensor: What the command line says of the sensor, such as 346x260.
        refuse: Whether what is unlike training gets no answer.
        class_name: The class of the file, if it is known.

    Returns:
        Of each part its class, the answer, a line in which it stands in words, and whether it is
        unlike training.
    """
    events, recorded, _ = read_event_file(file)
    answers = []
    with errors_in(file):
        parts = trained.parts(events, sensor_of(trained, sensor, recorded))
        for number, recording in enumerate(parts, 1):
            prediction = trained.predict(recording)
            unlike = trained.unlike(recording)
            part_number = f", part {number} of {len(parts)}" if len(parts) > 1 else ""
            refused = unlike and refuse
            answer = {
                "class": class_name,
                "answer": REFUSED if refused else prediction.class_name or NO_ANSWER,
                "line": f"{file}{part_number}: {in_words(prediction, unlike, refuse)}",
                "unlike": bool(unlike),
            }
            answers.append(answer)
    return answers


def sensor_of(trained: Trained, given: str, recorded: Any) -> SensorSize:
    """Return the sensor that events are from, on which all who say one agree."""
    said = {
        "the recording": recorded and recorded[:2],
        "--sensor": pixels("--sensor", given),
        "training": pixels("the sensor of training", trained.sensor or ""),
    }
    sizes = {who: size for who, size in said.items() if size}
    if len(set(sizes.values())) > 1:
        words = [f"{who} says {in_pixels(size)}" for who, size in sizes.items()]
        raise ValueError(f"{', '.join(words)} pixels; use the sensor of training")
    own = trained.classifier.sensor_size
    width, height = next(iter(sizes.values()), own[:2])
    return width, height, own[2]


def summary(answers: DataFrame, classes: Sequence[str]) -> list[str]:
    """Say how many answers about a folder are correct, and which were given to which class.

    Args:
        answers: A row for each, as ``ask`` returns it.
        classes: Those that the network knows.
    """
    known = answers.query("`class` in @classes")
    correct = (known["class"] == known["answer"]).sum()
    lines = [f"{correct} of {len(known)} correct, {correct / max(1, len(known)):.1%}"]
    others = ", ".join(sorted(set(answers["class"]).difference(classes)))
    if others:
        lines.append(f"no class of the network is called {others}; it has {', '.join(classes)}")
    unlike = answers["line"][answers["unlike"]].tolist()
    if unlike:
        lines.append(f"{len(unlike)} of {len(answers)} are unlike all of training, such as")
        lines.append(unlike[0])
    return [*lines, *confusion(answers).splitlines()]


def confusion(answers: DataFrame) -> str:
    """Return a table of classes and answers, in several parts where it is wider than a terminal."""
    table = pd.crosstab(answers["class"], answers["answer"])
    correct = answers["class"] == answers["answer"]
    table["correct, %"] = (100 * correct.groupby(answers["class"]).mean()).round(1)
    return table.to_string(line_width=TERMINAL_WIDTH)


def in_words(answer: Prediction, unlike: Sequence[str] = (), refuse: bool = False) -> str:
    """Return the class, the probabilities of all, and what is unlike training, or only that."""
    if unlike and refuse:
        return f"{REFUSED} ({', '.join(unlike)})"
    shares = [f"{name} {share:.1%}" for name, share in answer.probabilities.items()]
    words = f"{answer.class_name or NO_ANSWER} ({', '.join(shares)})"
    return f"{words}; unlike training: {', '.join(unlike)}" if unlike else words


def live(
    checkpoint: Path,
    file: Path | None = None,
    sensor: str = "",
    camera: bool = False,
    pause: float = 200,
    network: str = "",
    refuse: bool = False,
) -> None:
    """Play a file, or listen to a camera until Ctrl-C, and show the answer to each gesture."""
    if camera == (file is not None):
        raise ValueError("name one FILE, or --camera")
    trained = load_trained(checkpoint, "cpu", network and network_named(network))
    if isinstance(trained.classifier, FeatureClassifier):
        raise ValueError(
            f"{checkpoint} holds trees or a regression, which read whole recordings; use predict, "
            "or train --like the folder, for a network that answers while events come"
        )
    screen = Screen(refuse)
    try:
        stream = Stream(
            trained.classifier,
            pause_ms=pause,
            window_ms=trained.window_ms or math.inf,
            on_answer=screen.show_last,
            known=trained.known,
        )
    except TypeError as error:  # of a network that can't be asked in steps
        raise ValueError(f"{checkpoint} is only for predict: {error}") from error
    if file:
        events, recorded, _ = read_event_file(file)
        portions = playing.play(events)
    else:
        portions, recorded = playing.camera()
    with suppress(KeyboardInterrupt):
        sensor_size = sensor_of(trained, sensor, recorded)
        playing.listen(stream, portions, sensor_size, screen.show, trained.share or 1.0)
    stream.end()


class Screen:
    """Prints the answer to a gesture whenever it becomes another one.

    Args:
        refuse: Whether what is unlike training gets no answer in the end.
    """

    def __init__(self, refuse: bool = False):
        self.refuse = refuse
        self.shown: Any = None  # the class, and whether the stream was late

    def show(self, stream: Stream, behind: float) -> None:
        """Print the answer so far, unless it is there already; see ``listen``."""
        answer = stream.prediction()
        late = behind > playing.BEHIND
        now = answer.class_name, late
        if now == self.shown:
            return
        self.shown = now
        ms = stream.steps * stream.time_window / 1000
        warning = f", {behind:.1f} s behind: choose wider bins, or end other programs"
        say(f"{ms:8.0f} ms  {in_words(answer)}{warning if late else ''}")

    def show_last(self, stream: Stream) -> None:
        """Print the answer to a gesture that is over."""
        self.shown = None
        unlike = stream.unlike()
        settled_ms = stream.settled_ms()
        is_answer = settled_ms and not (unlike and self.refuse)
        since = f", since {settled_ms:g} ms" if is_answer else ""
        say(f"{in_words(stream.prediction(), unlike, self.refuse)}{since}")
