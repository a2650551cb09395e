"""The commands for recordings: ``simulate``, ``predict``, ``inspect``, ``compare``, ``live``."""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ..checkpoints import load_checkpoint, saved_network
from ..fast import FastSNN, LayerThenSNN
from ..files import atomic_write
from ..own.event_files import EventFile, read_event_file
from ..own.folders import resize
from ..own.inspection import inspect_file, plot_inspection
from ..own.live import BEHIND, camera, listen, play
from ..own.stored import store_recordings
from ..own.streaming import Stream
from ..pokerdvs import POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE
from ..simulation import simulate_cards
from ..snn import Classifier
from ..training import Prediction, predict
from . import terminal


def add_commands(commands: Any) -> None:
    """Add the parser of each command to those of ``python -m pokersnn_helpers``."""
    for name, about, add in (
        ("simulate", "simulate many playing cards, into one file", _add_simulate),
        ("predict", "classify recordings with a trained network", _add_predict),
        ("inspect", "look at recordings before anything is trained on them", _add_inspect),
        ("compare", "find out whether recordings need time", _add_compare),
        ("live", "show the answer of a trained network while events come", _add_live),
    ):
        add(commands.add_parser(name, help=about))


def _add_files(parser: argparse.ArgumentParser, number: str = "+") -> None:
    parser.add_argument(
        "recordings",
        type=terminal.path,
        nargs=number,
        metavar="FILE",
        help="events: .npy, .npz, .csv, AEDAT, Prophesee RAW and DAT, ES, or .bin of N-MNIST",
    )


def _add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, a line for each result")


def _add_checkpoint(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--checkpoint", type=terminal.path, metavar="FILE", required=True, help="what train saved"
    )


def _load_classifier(checkpoint: Path, device: str | None = None) -> Classifier:
    # FastSNN takes sparse frames, so memory grows with the events and not with the time.
    network = LayerThenSNN if saved_network(checkpoint) == "LayerThenSNN" else FastSNN
    classifier = load_checkpoint(checkpoint, device, network)
    if classifier.snn.input_size != math.prod(classifier.sensor_size):
        raise ValueError(
            f"{checkpoint} holds a network of {classifier.snn.input_size} inputs for the sensor "
            f"{classifier.sensor_size}; train it anew"
        )
    return classifier


def _sensor_of(file: EventFile, words: str | None, classifier: Classifier) -> tuple[int, int, int]:
    """Return the sensor of a file: what it says, or an option, or else the classifier's."""
    given = terminal.pixels("--sensor", words)
    return file.sensor_size or (given and (*given, 2)) or classifier.sensor_size


def _add_simulate(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Simulate playing cards before an event camera, and write them to one file, which train "
        "reads card by card. Their events don't depend on the number of processes."
    )
    parser.add_argument("--cards", type=int, default=20_000, help="how many (20000)")
    parser.add_argument(
        "--out", type=terminal.path, metavar="FILE.h5", required=True, help="a new file"
    )
    parser.add_argument("--seed", type=int, default=0, help="fixes every event (0)")
    parser.add_argument("--processes", type=int, default=2, help="how many simulate at once (2)")
    parser.set_defaults(run=_simulate)


def _simulate(arguments: argparse.Namespace) -> None:
    number = arguments.cards
    cards = simulate_cards(number, arguments.seed, arguments.processes)
    progress = tqdm(cards, desc="simulating", unit="card", total=number)
    terminal.say(store_recordings(arguments.out, progress, POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE))


def _add_predict(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Print the class of each recording, and the probabilities of all classes, which aren't "
        "calibrated. Recordings of a larger sensor are brought to the network's size."
    )
    _add_checkpoint(parser)
    terminal.add_sensor_option(parser)
    _add_json(parser)
    _add_files(parser)
    parser.set_defaults(run=_predict)


def _predict(arguments: argparse.Namespace) -> None:
    classifier = _load_classifier(arguments.checkpoint)
    for path in arguments.recordings:
        try:
            file = read_event_file(path)
            sensor = _sensor_of(file, arguments.sensor, classifier)
            if sensor[:2] != (size := classifier.sensor_size[:2]):
                file = file._replace(events=resize(file.events, sensor, size))
            answer = predict(classifier, file.events)
        except ValueError as error:
            about = str(error) if str(path) in str(error) else f"{path}: {error}"
            raise ValueError(f"{about} (checkpoint: {arguments.checkpoint})") from error
        if arguments.json:
            shares = {"class": answer.class_name, "probabilities": answer.probabilities}
            terminal.say(json.dumps({"file": str(path), **shares}))
        else:
            terminal.say(f"{path}: {_words(answer)}")


def _words(answer: Prediction) -> str:
    shares = ", ".join(f"{name} {share:.1%}" for name, share in answer.probabilities.items())
    return f"{answer.class_name or 'no answer'} ({shares})"


def _add_inspect(parser: argparse.ArgumentParser) -> None:
    parser.description = "Print what is in recordings, and what to do about what is odd in them."
    parser.add_argument(
        "--plot", type=terminal.path, metavar="PICTURE.png", help="draw the first file's pixels"
    )
    _add_json(parser)
    _add_files(parser)
    parser.set_defaults(run=_inspect)


def _inspect(arguments: argparse.Namespace) -> None:
    for path in arguments.recordings:
        found = inspect_file(path)
        if arguments.json:
            content = {"file": str(path), **found.numbers, "rate": found.rate.tolist()}
            terminal.say(json.dumps({**content, "advice": found.advice}))
        else:
            lines = [f"  {name:26}{value:.6g}" for name, value in found.numbers.items()]
            highest = max(found.rate.max(), 1e-9)
            bars = "".join(" ▁▂▃▄▅▆▇█"[math.ceil(8 * each / highest)] for each in found.rate)
            lines += [f"  {'rate over time':26}|{bars}|"] + [f"  - {each}" for each in found.advice]
            terminal.say("\n".join([str(path), *lines]))
        if arguments.plot and path == arguments.recordings[0]:
            with atomic_write(arguments.plot, overwrite=False) as file:
                plot_inspection(found).savefig(file, format="png")


def _add_compare(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Train ten models on recordings as they are, shuffled in time, and with polarities "
        "merged, and say whether the recordings need time, or have a shortcut."
    )
    parser.add_argument("folder", metavar="FOLDER", help="a folder per class")
    terminal.add_folder_options(parser)
    parser.add_argument(
        "--time-window", type=float, default=1000, metavar="MICROSECONDS", help="width of a bin"
    )
    parser.add_argument("--folds", type=int, default=3, help="held-out parts (3)")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each model (1)")
    parser.add_argument("--processes", type=int, default=2, help="how many train at once (2)")
    _add_json(parser)
    parser.set_defaults(run=_compare)


def _compare(arguments: argparse.Namespace) -> None:
    from ..own.compare import compare  # which takes a second to import

    own = terminal.read_folder(
        arguments.folder, arguments.sensor, arguments.size, arguments.window_ms
    )
    found = compare(
        own.recordings,
        own.groups,
        folds=arguments.folds,
        seeds=range(arguments.seeds),
        processes=arguments.processes,
        time_window=arguments.time_window,
    )
    if arguments.json:
        content = {"verdict": found.verdict, "sentences": found.sentences}
        terminal.say(json.dumps({**content, "table": found.table.to_dict("index")}))
    else:
        table = (100 * found.table).round(1).to_string()
        terminal.say(f"Correct, in %:\n{table}\n\n{found.verdict}. {' '.join(found.sentences)}")


def _add_live(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Play a file in real time, or listen to a camera until Ctrl-C, and show the answer as it "
        "forms. A new recording begins when you start the command again."
    )
    _add_checkpoint(parser)
    terminal.add_sensor_option(parser)
    parser.add_argument("--camera", action="store_true", help="listen to faery's first camera")
    parser.add_argument("--speed", type=float, default=1.0, help="of a file; 1 is real time")
    _add_files(parser, "?")
    parser.set_defaults(run=_live)


def _live(arguments: argparse.Namespace) -> None:
    if arguments.camera == bool(arguments.recordings):
        raise ValueError("name one FILE, or --camera")
    if not 0 < arguments.speed < math.inf:
        raise ValueError(f"--speed is {arguments.speed}; choose a number greater than 0")
    classifier = _load_classifier(arguments.checkpoint, "cpu")
    stream, shown = Stream(classifier), [""]
    if arguments.camera:
        portions, sensor = camera()
    else:
        file = read_event_file(arguments.recordings)
        sensor = _sensor_of(file, arguments.sensor, classifier)
        portions = play(file.events, arguments.speed)

    def show(stream: Stream, behind: float) -> None:
        answer = stream.prediction()
        late = f", {behind:.1f} s behind: choose wider bins" if behind > BEHIND else ""
        passed = stream.steps * stream.network.time_window / 1000
        line = f"{passed:8.0f} ms  {_words(answer)}{late}"
        if sys.stdout.isatty():
            print("\r\x1b[K" + terminal.printable(line), end="", flush=True)
        elif (changed := f"{answer.class_name}{bool(late)}") != shown[0]:
            shown[0] = changed
            terminal.say(line)

    try:
        listen(stream, portions, sensor, show, arguments.speed)
    except KeyboardInterrupt:
        stream.finish()
    if sys.stdout.isatty():
        print()
    settled = stream.settled_ms()
    since = "" if settled is None else f", since {settled:g} ms"
    terminal.say(f"{_words(stream.prediction())}{since}")
