"""The command ``train``: a run that can be stopped at any time, and resumed."""

import copy
import hashlib
import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from numbers import Real
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch
from filelock import FileLock, Timeout

from ..checkpoints import Run, load_checkpoint, load_run, save_checkpoint
from ..checks import check_numbers, check_range, errors_in
from ..files import default_device, rank, world_size
from ..frames import make_loader
from ..own.recipe import AUGMENTS, choose_recipe, detector
from ..pokerdvs import load_pokerdvs
from ..recordings import Recordings, Split, fold_indices
from ..snn import Classifier, frame_network
from ..training import TrainingState, evaluate, train_classifier
from .main import resolve_network
from .processes import broadcast, process_group
from .recordings import read_folder
from .terminal import printable, say

# What isn't said where no recordings of one's own are named. Of those, ``choose_recipe`` decides.
FOR_CARDS: dict[str, Any] = {
    "time_window": 1000.0,
    "augment": "mirror",
    "epochs": 60,
    "network": "snn",
}
FOLDS = 4  # of which one tests, and where a class has so many groups left, one chooses the epoch


@dataclass(frozen=True)
class TrainOptions:
    """What a training run depends on, by name on the command line; its checkpoint holds it."""

    network: str = "layer"  # snn, fast or layer
    epochs: int | None = None  # None until the recordings are known, and so the next two
    time_window: float | None = None  # µs
    augment: str | None = None  # of ``recipe.AUGMENTS``
    delays: str = ""  # ms, as 0,4,8: of the copies that LayerThenSNN gives its SNN
    seed: int = 0
    source: str = "auto"  # a saved run says "real", "simulated" or "own"
    data: str = ""  # a folder of recordings, or a file of many; none for POKER-DVS
    sensor: str = ""  # as for read_folder; in a checkpoint that of the files, before resizing
    size: str = ""  # as for read_folder, too, and so is the next
    window_ms: float | None = None
    digest: str = ""  # of the recordings that a run began with; none before it begins

    def __str__(self) -> str:
        late = f" with copies {self.delays} ms late" if self.delays else ""
        bins = f"time bins of {self.time_window:g} microseconds, augmentation {self.augment}"
        return f"network {self.network}{late}, {bins}, seed {self.seed}, {self.epochs} epochs"

    def chosen(self, recordings: Recordings) -> "TrainOptions":
        """Let the recordings decide what isn't said."""
        by_recipe = choose_recipe(recordings)._asdict()
        said = asdict(self)
        return replace(
            self, **{name: by_recipe[name] for name in by_recipe if said.get(name, 0) is None}
        )

    def make(self) -> Any:
        """Return what makes the network."""
        network = resolve_network(self.network)
        if self.data and self.network == "layer":
            network = detector(self.time_window or 1000)
        if not self.delays:
            return network
        if self.network != "layer":
            raise ValueError(f"--delays is {self.delays}; leave it out, or choose --network layer")
        return partial(network, delays=[each / 1000 for each in self.delays_ms()])

    def delays_ms(self) -> list[float]:
        """Read the delays."""
        with errors_in(f"--delays is {self.delays}; write milliseconds, as 0,4,8"):
            found = [float(each) for each in self.delays.split(",") if self.delays]
            check_range(0, 1000, **{f"delay {n}": each for n, each in enumerate(found)})
            return found

    def check(self) -> None:
        """Refuse what no run can begin with, as far as it is said."""
        if self.window_ms is not None:
            check_range(0.001, 2**40, window_ms=self.window_ms)
        self.make()
        delays = self.delays_ms()
        if self.time_window is None:
            return
        check_numbers(Real, time_window=self.time_window)
        steps = [1000 * delay / self.time_window for delay in delays]
        if any(abs(step - round(step)) > 1e-6 for step in steps):
            bins = f"whole time bins of {self.time_window / 1000:g} ms"
            raise ValueError(f"--delays is {self.delays} ms; choose {bins}")


class Data(NamedTuple):
    """The recordings of a run, and what they were recorded with."""

    train: Recordings
    validation: Recordings | None  # by which the epoch is chosen, where there are enough groups
    test: Recordings
    source: str
    sensor: str = ""

    def __str__(self) -> str:
        parts = {"to train on": self.train, "to choose the epoch": self.validation}
        parts |= {"to test on": self.test}
        sizes = [f"{len(part)} {purpose}" for purpose, part in parts.items() if part is not None]
        return f"{self.source} recordings: {', '.join(sizes)}"


def train(
    checkpoint: Path | None = None, resume: Path | None = None, device: str = "", **given: Any
) -> None:
    """Train, save after every epoch, and let process 0 report."""
    path, written, place = checkpoint or resume, {resume}, choose_device(device)
    best: Any = None  # the classifier of the best epoch
    with process_group(place), ExitStack() as held:

        def begin() -> tuple[TrainOptions, TrainingState | None, Data]:
            options, state = _settle_options(resume, given)
            if path:
                _claim(path, resume, held)
            data = load(options)
            (options := options.chosen(data.train)).check()
            _check_longest(options, data.train)
            digest = _digest(data)
            # That of an earlier version is shorter, and says nothing about the events.
            if len(options.digest) == len(digest) and options.digest != digest:
                raise ValueError(f"the recordings aren't those of {resume} any more; put them back")
            found = replace(options, source=data.source, sensor=data.sensor, digest=digest)
            return found, state, data

        def save(classifier: Classifier, state: TrainingState) -> None:
            nonlocal best
            if data.validation is None or _is_best(state.history):
                best = copy.deepcopy(classifier)
            if path:
                save_checkpoint(best, path, Run(asdict(options), state), path in written)
                written.add(path)

        try:
            options, state, data = broadcast(begin)
            if rank() == 0:
                processes = f"{world_size()} process{'es' * (world_size() > 1)} on {place.type}"
                kept = path or "none is written; --checkpoint FILE keeps one"
                say(f"{data}\n{options}, {processes}\ncheckpoint: {kept}")
            if resume:
                make = options.make()
                best = load_checkpoint(resume, "cpu", getattr(make, "func", make))
            watched = data.test if data.validation is None else data.validation
            with errors_in(str(resume or options)):
                _, history = train_classifier(
                    Split(data.train, watched),
                    options.seed,
                    place,
                    network=options.make(),
                    time_window=options.time_window,
                    epochs=options.epochs,
                    augment=AUGMENTS[options.augment],
                    **_batches(data),
                    resume_from=state,
                    on_epoch_end=save,
                )
        except KeyboardInterrupt:
            if rank() == 0:
                print(printable(_advice(path, device)), file=sys.stderr)
            raise SystemExit(130) from None
        if rank() == 0:  # which alone has watched the other recordings
            _report("training", data.train, history.accuracy[-1], history.loss[-1])
            accuracy, loss = history.test_accuracy, history.test_loss
            if data.validation is not None:
                epoch = max(range(len(loss)), key=lambda n: (accuracy[n], -loss[n]))
                name = f"epoch {epoch + 1}, the best of {len(loss)}, on others"
                _report(name, data.validation, accuracy[epoch], loss[epoch])
                sparse = frame_network(best).takes_sparse
                loader = make_loader(data.test, 32, options.time_window, sparse=sparse)
                found = evaluate(best, loader, place)
                accuracy, loss = [found.accuracy], [found.loss]
            _report("test", data.test, accuracy[-1], loss[-1])


def _batches(data: Data) -> dict[str, Any]:
    """Return the size of batches and the learning rate; none for cards, which have the defaults."""
    recipe = choose_recipe(data.train)
    own = {"batch_size": recipe.batch_size, "learning_rate": recipe.learning_rate}
    return own if data.source == "own" else {}


def _is_best(history: dict[str, list[float]]) -> bool:
    """Say whether the last epoch is the best so far: correct more often, or else more surely."""
    losses = [-loss for loss in history["test_loss"]]
    *earlier, last = zip(history["test_accuracy"], losses, strict=True)
    return all(last > each for each in earlier)


def _settle_options(
    resume: Path | None, given: dict[str, Any]
) -> tuple[TrainOptions, TrainingState | None]:
    """Take each option as given, or else as saved, or else the default; return the saved state."""
    if resume is None:
        (options := TrainOptions(**({} if given.get("data") else FOR_CARDS) | given)).check()
        return options, None
    run = load_run(resume)
    for name, value in given.items():
        if name != "epochs" and value != (before := run.options.get(name, value)):
            raise ValueError(f"{name} was {before} in {resume}, which can't go on with {value}")
    if other := run.options.keys() - asdict(TrainOptions()).keys():
        raise ValueError(f"{resume} holds a run with options that train doesn't know: {other}")
    if run.options.get("data") and "augment" not in run.options:
        raise ValueError(
            f"{resume} is of an earlier version, whose runs trained otherwise; begin anew"
        )
    if run.options.get("delays") == "0":  # as earlier versions said none
        run.options["delays"] = ""
    return TrainOptions(**FOR_CARDS | run.options | given), run.state


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


def load(options: TrainOptions) -> Data:
    """Load POKER-DVS, or a folder or a file, of whose groups about a fourth test."""
    path, names = options.data, ("sensor", "size", "window_ms")
    if not path:
        cards = load_pokerdvs(source=options.source)  # may download them
        return Data(cards.train, None, cards.test, cards.source)
    own = read_folder(path, **{name: each for name in names if (each := getattr(options, name))})
    if _fewest_groups(own.recordings, own.groups) < 2:
        raise ValueError(f"{path}: a class has a single group, so none can test; add folders")
    rest, tests = _hold_out(own.recordings, own.groups)
    train, groups = own.recordings.subset(rest), [own.groups[number] for number in rest]
    validation = None
    if _fewest_groups(train, groups) >= FOLDS:
        learned, watched = _hold_out(train, groups)
        train, validation = train.subset(learned), train.subset(watched)
    sensor = "{}x{}".format(*own.sensor_size)
    return Data(train, validation, own.recordings.subset(tests), "own", sensor)


def _hold_out(recordings: Recordings, groups: Sequence[Any]) -> tuple[Any, Any]:
    """Return which recordings to learn from, and about a fourth of the groups of each class."""
    fewest = _fewest_groups(recordings, groups)
    if len(set(groups)) < len(groups) or fewest < FOLDS:
        return fold_indices(recordings, min(FOLDS, fewest), groups)[0]
    # Where each recording is a group, every fourth will do: folds of 20,000 take a minute.
    number = pd.Series(recordings.targets).groupby(recordings.targets).cumcount()
    held_out = number % FOLDS == FOLDS - 1
    return held_out.index[~held_out], held_out.index[held_out]


def _fewest_groups(recordings: Recordings, groups: Sequence[Any]) -> int:
    return int(pd.Series(groups).groupby(recordings.targets).nunique().min())


def _check_longest(options: TrainOptions, recordings: Recordings) -> None:
    """Refuse delays after which every recording is over."""
    if latest := max(options.delays_ms(), default=0):
        durations = [(events["t"][-1] - events["t"][0]) / 1000 for events in recordings.events]
        if latest > max(durations):
            most = f"no recording lasts over {max(durations):g} ms"
            raise ValueError(f"--delays has {latest:g} ms, but {most}")


def _digest(data: Data) -> str:
    """Say which recordings these are, by their classes and their events."""
    parts = [part for part in (data.train, data.validation, data.test) if part is not None]
    targets = [part.targets for part in parts]
    found = hashlib.sha256(repr([data.train.classes, *targets]).encode())
    for part in parts:
        for events in part.events:
            found.update(events.tobytes())
    return found.hexdigest()


def _report(part: str, recordings: Recordings, accuracy: float, loss: float) -> None:
    correct, n_samples = round(accuracy * len(recordings)), len(recordings)
    say(f"{part}: {correct} of {n_samples} classified correctly, loss {loss:.4f}")


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
