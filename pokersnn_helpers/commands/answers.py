"""The commands ``predict`` and ``live``, which ask a trained network."""

import sys
from pathlib import Path

from .. import training
from ..checkpoints import load_checkpoint, saved_network
from ..checks import errors_in
from ..fast import FastSNN
from ..own import live as playing
from ..own.event_files import EventFile, read_event_file
from ..own.folders import resize
from ..own.streaming import Stream
from ..snn import Classifier
from .main import NETWORKS, resolve_network
from .terminal import pixels, printable, say


def predict(checkpoint: Path, recordings: list[Path], sensor: str = "") -> None:
    """Print the class of each file, and the probabilities of all classes."""
    classifier = _load_classifier(checkpoint)
    for path in recordings:
        file, size = read_event_file(path), classifier.sensor_size[:2]
        with errors_in(f"{path}, asked {checkpoint}"):
            events = resize(file.events, _sensor(file, sensor, classifier), size)
            say(f"{path}: {_words(training.predict(classifier, events))}")


def live(
    checkpoint: Path, file: Path | None = None, sensor: str = "", camera: bool = False
) -> None:
    """Play a file, or listen to a camera until Ctrl-C, and show the answer as it forms."""
    if camera == (file is not None):
        raise ValueError("name one FILE, or --camera")
    stream, shown = Stream(_load_classifier(checkpoint, "cpu")), ""
    if file is None:
        portions, sensor_size = playing.camera()
    else:
        found = read_event_file(file)
        sensor_size = _sensor(found, sensor, stream.classifier)
        portions = playing.play(found.events)

    def show(stream: Stream, behind: float) -> None:
        nonlocal shown
        answer, late = stream.prediction(), behind > playing.BEHIND
        line = f"{stream.steps * stream.time_window / 1000:8.0f} ms  {_words(answer)}"
        line += f", {behind:.1f} s behind: choose wider bins" * late
        if sys.stdout.isatty():
            print("\r\x1b[K" + printable(line), end="", flush=True)
        elif shown != (shown := f"{answer.class_name}{late}"):
            say(line)

    try:
        playing.listen(stream, portions, sensor_size, show)
    except KeyboardInterrupt:
        stream.finish()
    if sys.stdout.isatty():
        print()
    settled = stream.settled_ms()
    since = "" if settled is None else f", since {settled:g} ms"
    say(f"{_words(stream.prediction())}{since}")


def _load_classifier(checkpoint: Path, device: str | None = None) -> Classifier:
    # FastSNN takes sparse frames, so memory grows with the events and not with the time.
    known = {each.__name__: each for each in map(resolve_network, NETWORKS)} | {"SNN": FastSNN}
    return load_checkpoint(checkpoint, device, known.get(saved_network(checkpoint), FastSNN))


def _sensor(file: EventFile, option: str, classifier: Classifier) -> tuple[int, int, int]:
    """Return the sensor of a file: what it says, or the option, or else the classifier's."""
    given = pixels("--sensor", option)
    return file.sensor_size or (given and (*given, 2)) or classifier.sensor_size


def _words(answer: training.Prediction) -> str:
    shares = ", ".join(f"{name} {share:.1%}" for name, share in answer.probabilities.items())
    return f"{answer.class_name or 'no answer'} ({shares})"
