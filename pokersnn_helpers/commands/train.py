"""The command ``train``: a run that can be stopped at any time, and resumed."""

import hashlib
import os
import shlex
import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from numbers import Real
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from filelock import FileLock, Timeout

from ..checkpoints import Run, load_run, save_checkpoint
from ..checks import check_numbers, check_range, errors_in
from ..files import default_device, rank, world_size
from ..frames import augment
from ..own.stored import StoredRecordings
from ..pokerdvs import load_pokerdvs
from ..recordings import Recordings, Split, stratified_folds
from ..snn import Classifier
from ..training import TrainingState, train_classifier
from .main import resolve_network
from .processes import broadcast, process_group
from .recordings import read_folder
from .terminal import printable, say


@dataclass(frozen=True)
class TrainOptions:
    """What a training run depends on, by name on the command line; its checkpoint holds it."""

    epochs: int = 60
    time_window: float = 1000.0  # µs
    network: str = "snn"  # snn, fast or layer
    delays: str = "0"  # ms, as 0,4,8: of the copies that LayerThenSNN gives its SNN
    seed: int = 0
    source: str = "auto"  # a saved run says "real", "simulated" or "own"
    data: str = ""  # a folder of recordings, or a file of many; none for POKER-DVS
    sensor: str = ""  # as for read_folder; in a checkpoint that of the files, before resizing
    size: str = ""  # as for read_folder, too, and so is the next
    window_ms: float | None = None
    digest: str = ""  # of the recordings that a run began with; none before it begins

    def __str__(self) -> str:
        late = f" with copies {self.delays} ms late" if self.delays != "0" else ""
        window = f"time bins of {self.time_window:g} microseconds"
        return f"network {self.network}{late}, {window}, seed {self.seed}, {self.epochs} epochs"

    def make(self) -> Any:
        """Return what makes the network."""
        network = resolve_network(self.network)
        if self.delays == "0":
            return network
        if self.network != "layer":
            raise ValueError(f"--delays is {self.delays}; leave it out, or choose --network layer")
        return partial(network, delays=[each / 1000 for each in self.delays_ms()])

    def delays_ms(self) -> list[float]:
        """Read the delays."""
        with errors_in(f"--delays is {self.delays}; write milliseconds, as 0,4,8"):
            found = [float(each) for each in self.delays.split(",")]
            check_range(0, 1000, **{f"delay {n}": each for n, each in enumerate(found)})
            return found

    def check(self) -> None:
        """Refuse what no run can begin with, before files are read."""
        check_numbers(Real, time_window=self.time_window)
        if self.window_ms is not None:
            check_range(0.001, 2**40, window_ms=self.window_ms)
        self.make()
        steps = [1000 * delay / self.time_window for delay in self.delays_ms()]
        if any(abs(step - round(step)) > 1e-6 for step in steps):
            bins = f"whole time bins of {self.time_window / 1000:g} ms"
            raise ValueError(f"--delays is {self.delays} ms; choose {bins}")


def train(
    checkpoint: Path | None = None, resume: Path | None = None, device: str = "", **given: Any
) -> None:
    """Train, save after every epoch, and let process 0 report."""
    path, written, place = checkpoint or resume, {resume}, choose_device(device)
    with process_group(place), ExitStack() as held:

        def begin() -> tuple[TrainOptions, TrainingState | None, Split]:
            options, state = _settle_options(resume, given)
            if path:
                _claim(path, resume, held)
            data, sensor = load(options)
            _check_longest(options, data.train)
            digest = _digest(data)
            # That of an earlier version is shorter, and says nothing about the events.
            if len(options.digest) == len(digest) and options.digest != digest:
                raise ValueError(f"the recordings aren't those of {resume} any more; put them back")
            found = replace(options, source=data.source, sensor=sensor, digest=digest)
            return found, state, data

        def save(classifier: Classifier, state: TrainingState) -> None:
            if path:
                save_checkpoint(classifier, path, Run(asdict(options), state), path in written)
                written.add(path)

        try:
            options, state, data = broadcast(begin)
            if rank() == 0:
                processes = f"{world_size()} process{'es' * (world_size() > 1)} on {place.type}"
                kept = path or "none is written; --checkpoint FILE keeps one"
                say(f"{data}\n{options}, {processes}\ncheckpoint: {kept}")
            with errors_in(str(resume or options)):
                _, history = train_classifier(
                    data,
                    options.seed,
                    place,
                    network=options.make(),
                    time_window=options.time_window,
                    epochs=options.epochs,
                    augment=None if options.data else augment,
                    resume_from=state,
                    on_epoch_end=save,
                )
        except KeyboardInterrupt:
            if rank() == 0:
                print(printable(_advice(path, device)), file=sys.stderr)
            raise SystemExit(130) from None
        if rank() == 0:  # which alone has watched the test recordings
            _report("training", data.train, history.accuracy, history.loss)
            _report("test", data.test, history.test_accuracy, history.test_loss)


def _settle_options(
    resume: Path | None, given: dict[str, Any]
) -> tuple[TrainOptions, TrainingState | None]:
    """Take each option as given, or else as saved, or else the default; return the saved state."""
    if resume is None:
        (options := TrainOptions(**given)).check()
        return options, None
    run = load_run(resume)
    for name, value in given.items():
        if name != "epochs" and value != (before := run.options.get(name, value)):
            raise ValueError(f"{name} was {before} in {resume}, which can't go on with {value}")
    if other := run.options.keys() - asdict(TrainOptions()).keys():
        raise ValueError(f"{resume} holds a run with options that train doesn't know: {other}")
    return TrainOptions(**run.options | given), run.state


def _claim(path: Path, resume: Path | None, held: ExitStack) -> None:
    """Keep other runs away from a checkpoint, and refuse one that isn't the run to go on with."""
    lock = path.with_name(f".{path.name}.lock")
    try:
        held.enter_context(FileLock(lock, timeout=0))
    except Timeout as error:
        raise ValueError(f"another run is writing {path}. Wait, or name another file") from error
    if os.name == "posix":  # Windows removes it itself
        held.callback(lock.unlink, missing_ok=True)
    if path.exists() and path != resume:
        raise ValueError(f"{path} exists and isn't overwritten; name another file or --resume it")


def load(options: TrainOptions) -> tuple[Split, str]:
    """Load POKER-DVS, or a folder or a file, of which about a fourth tests; and a folder's sensor.

    The sensor is that of its files, as ``--sensor`` says it.
    """
    path, names = options.data, ("sensor", "size", "window_ms")
    if not path:
        return load_pokerdvs(source=options.source), ""  # may download them
    parts = {name: value for name in names if (value := getattr(options, name))}
    if not Path(path).is_file():
        own = read_folder(path, **parts)
        fewest = pd.Series(own.groups).groupby(own.recordings.targets).nunique().min()
        if fewest < 2:
            raise ValueError(f"{path}: a class has a single group, so none can test; add folders")
        data = stratified_folds(own.recordings, min(4, int(fewest)), own.groups)[0]
        return data, "{}x{}".format(*own.sensor_size)
    if parts:
        raise ValueError(f"{path} is a file and stays as it is; leave out {', '.join(parts)}")
    stored = StoredRecordings(path)
    tests = pd.Series(stored.targets).groupby(stored.targets).cumcount() % 4 == 3
    if not tests.any():
        raise ValueError(f"{path} has fewer than 4 recordings of each class; none can test")
    return Split(stored.subset(tests.index[~tests]), stored.subset(tests.index[tests])), ""


def _check_longest(options: TrainOptions, recordings: Recordings) -> None:
    """Refuse delays after which every recording is over."""
    durations = ((events["t"][-1] - events["t"][0]) / 1000 for events in recordings.events)
    if (latest := max(options.delays_ms())) and latest > (longest := max(durations)):
        raise ValueError(f"--delays has {latest:g} ms, but no recording lasts over {longest:g} ms")


def _digest(data: Split) -> str:
    """Say which recordings these are, by their classes and their events."""
    found = hashlib.sha256(repr([data.classes, data.train.targets, data.test.targets]).encode())
    for part in (data.train, data.test):
        for events in part.events:
            found.update(events.tobytes())
    return found.hexdigest()


def _report(part: str, recordings: Recordings, accuracy: list[float], loss: list[float]) -> None:
    correct, n_samples = round(accuracy[-1] * len(recordings)), len(recordings)
    say(f"{part}: {correct} of {n_samples} classified correctly, loss {loss[-1]:.4f}")


def _advice(path: Path | None, device: str) -> str:
    """Say what is left of a run that was stopped, and on a second line how to go on with it."""
    if path is None or not path.exists():
        return "stopped, and nothing is saved: start the run again,\n--checkpoint FILE keeps it"
    words = ["train", "--resume", str(path), *(["--device", device] if device else [])]
    again = f"python -m pokersnn_helpers {shlex.join(words)}"
    return f"stopped; {path} holds every finished epoch. Go on with it:\n{again}"


def choose_device(name: str) -> torch.device:
    """Return this process's device; under ``torchrun`` each process takes one GPU."""
    device = torch.device(name or default_device())
    if device.type == "cuda" and device.index is None:
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    found = torch.cuda.device_count()
    if device.type == "cpu" or (device.type == "cuda" and device.index < found):
        return device
    raise ValueError(f"--device is {device}, and PyTorch finds {found} CUDA GPUs; choose another")
