"""The command ``train``: a run that can be stopped at any time, and resumed."""

import copy
import hashlib
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from filelock import FileLock, Timeout

from ..checkpoints import Run, load_checkpoint, load_run, save_checkpoint
from ..checks import errors_in
from ..classifier import Classifier
from ..data.pokerdvs import load_pokerdvs
from ..fast.detector import detector
from ..frames import make_loader
from ..networks import FrameNetwork
from ..out_of_distribution import training_ranges
from ..recipe import Recipe, choose_recipe
from ..recordings import Recordings, Split, fold_indices
from ..system.devices import default_device
from ..system.distributed import broadcast, process_group, rank, world_size
from ..training import History, TrainingState, evaluate, train_classifier
from .look import read_folder
from .main import resolve_network
from .terminal import forget, printable, say

Words = dict[str, Any]  # options by name

FOLDS = 4  # of which one tests, and where a class has so many groups left, one chooses the epoch


@dataclass(frozen=True)
class TrainOptions(Recipe):
    """What a training run depends on, by name on the command line; its checkpoint holds it."""

    network: str = "snn"  # snn, fast or layer
    delays: str = ""  # ms, as 0,4,8: of the copies that LayerThenSNN gives its SNN
    seed: int = 0
    source: str = "auto"  # a saved run says "real", "simulated" or "own"
    data: str = ""  # a folder of recordings; none for POKER-DVS
    sensor: str = ""  # as for read_folder; in a checkpoint that of the files, before resizing
    size: str = ""  # as for read_folder, and so is the next
    window_ms: float | None = None
    digest: str = ""  # of the recordings that a run began with; none before it begins

    def __str__(self) -> str:
        late = f", copies {self.delays} ms late" if self.delays else ""
        return f"{super().__str__()}{late}, seed {self.seed}"

    def delays_s(self) -> list[float]:
        """Read the delays, which only a layer can have, in s."""
        if self.delays and self.network != "layer":
            raise ValueError(f"--delays is {self.delays}; leave it out, or choose --network layer")
        with errors_in(f"--delays is {self.delays}; write milliseconds, as 0,4,8"):
            return [float(delay) / 1000 for delay in self.delays.split(",") if self.delays]

    def network_for(self, recordings: Recordings) -> Callable[..., FrameNetwork]:
        """Return what makes the network that learns from these recordings."""
        network = resolve_network(self.network)
        if self.network == "layer" and self.data:
            network = detector(self.time_window, choose_recipe(recordings).time_window)
        if self.delays:
            network = partial(network, delays=self.delays_s())
            longest = max(recording.t[-1] for recording in recordings.events.packed) / 1e6
            if max(self.delays_s()) > longest:
                raise ValueError(f"--delays is {self.delays} ms, but no recording lasts so long")
        return network


class Data(NamedTuple):
    """The recordings of a run, and what they were recorded with."""

    train: Recordings
    validation: Recordings | None  # by which the epoch is chosen, where there are enough groups
    test: Recordings
    source: str = "own"
    sensor: str = ""

    def __str__(self) -> str:
        choose = f"{len(self.validation)} to choose the epoch, " if self.validation else ""
        lines = [
            f"{self.source} recordings: {len(self.train)} to train on, {choose}"
            f"{len(self.test)} to test on",
            repr(self.train),
        ]
        for part, purpose in ((self.validation, "to choose the epoch"), (self.test, "to test on")):
            missing = set(self.train.targets) - set(part.targets) if part else ()
            lines += [f"none of {self.train.classes[target]} {purpose}" for target in missing]
        return "\n".join(lines)


@dataclass
class Keeper:
    """Keeps the network of the epoch that other recordings choose, or else of the last one."""

    options: TrainOptions
    data: Data
    path: Path | None
    overwrite: bool  # what stands there is of this run
    classifier: Any  # the one that is kept; none before the first epoch
    ranges: list[list[float]]  # of what it is trained on, and what chooses the epoch

    def save(self, average: Classifier, state: TrainingState) -> None:
        """Save what is kept, and the state of the run after its last epoch."""
        others = self.data.validation
        last = len(state.history["loss"]) - 1
        if others is None or best_epoch(state.history, len(others)) == last:
            self.classifier = copy.deepcopy(average)
        self.classifier.recipe = average.recipe  # of more epochs than when it was kept, perhaps
        self.classifier.ranges = self.ranges
        if self.path:
            run = Run(asdict(self.options), state)
            save_checkpoint(self.classifier, self.path, run, self.overwrite)
            self.overwrite = True

    def report(self, history: History, place: torch.device) -> None:
        """Say how many recordings are classified correctly, of those trained on and of others."""
        n_samples = len(self.data.train)
        correct = round(history.accuracy[-1] * n_samples)
        say_score("training", n_samples, correct, history.loss[-1])
        if self.data.validation:
            epoch = best_epoch(vars(history), len(self.data.validation)) + 1
            say(f"kept: epoch {epoch} of {len(history.loss)}, chosen by other recordings")
        network = self.classifier.snn
        loader = make_loader(
            self.data.test, time_window=network.time_window, sparse=network.takes_sparse
        )
        tested = evaluate(self.classifier, loader, place)
        say_score("test", tested.n_samples, tested.correct, tested.loss)


def train(
    checkpoint: Path | None = None, resume: Path | None = None, device: str = "", **given: Any
) -> None:
    """Train, save after every epoch, and let process 0 report."""
    path = checkpoint or resume
    place = choose_device(device)
    with process_group(place), ExitStack() as locks:
        try:
            options, state, data = broadcast(begin, given, path, resume, locks)
            if rank() == 0:
                processes = "1 process" if world_size() == 1 else f"{world_size()} processes"
                say(f"{data}\n{options}, {processes} on {place.type}")
                say(f"checkpoint: {path or 'none is written; --checkpoint FILE keeps one'}")
            kept = load_checkpoint(resume, "cpu") if resume else None
            seen = data.train + data.validation if data.validation else data.train
            keeper = Keeper(options, data, path, path == resume, kept, training_ranges(seen))
            with errors_in(str(resume or options)):
                _, history = train_classifier(
                    Split(data.train, data.validation or data.test),
                    options.seed,
                    place,
                    network=options.network_for(data.train),
                    time_window=options.time_window,
                    augment=options.augment,
                    epochs=options.epochs,
                    batch_size=options.batch_size,
                    learning_rate=options.learning_rate,
                    surrogate_slope=options.surrogate_slope,
                    resume_from=state,
                    on_epoch_end=keeper.save,
                )
        except KeyboardInterrupt as stopped:
            forget(stopped)
            if rank() == 0:
                print(printable(advice(path, device)), file=sys.stderr)
            raise SystemExit(130) from None
        if rank() == 0:  # which alone has watched the other recordings
            keeper.report(history, place)


def begin(
    given: Words, path: Path | None, resume: Path | None, locks: ExitStack
) -> tuple[TrainOptions, TrainingState | None, Data]:
    """Return what a run begins with: its options, where it was stopped, and its recordings."""
    saved, state = load_saved(resume, given) if resume else ({}, None)
    # Each option is as given, or else as saved, or else the default.
    chosen: Words = {"network": "layer" if "data" in given else "snn"} | saved | given
    options = TrainOptions(**chosen)
    options.delays_s()  # so that a mistake in them is told before recordings are read
    if path:
        claim(path, resume, locks)
    data = load(options)
    recipe = choose_recipe(data.train, **{name: chosen.get(name) for name in asdict(Recipe())})
    digest = digest_of(data)
    if options.digest not in ("", digest):
        raise ValueError(f"the recordings aren't those of {resume} any more; put them back")
    return (
        replace(options, **asdict(recipe), source=data.source, sensor=data.sensor, digest=digest),
        state,
        data,
    )


def load_saved(resume: Path, given: Words) -> tuple[Words, TrainingState]:
    """Load the options and the state of a run, and refuse those that it can't go on with."""
    saved, state = load_run(resume)
    if "augment" not in saved:
        raise ValueError(f"{resume} is of an earlier version, which trained otherwise; begin anew")
    for name, value in given.items():
        if name != "epochs" and value != saved.get(name, value):
            raise ValueError(
                f"{name} was {saved[name]} in {resume}, which can't go on with {value}"
            )
    # Earlier versions didn't save the slope. It was this.
    slope = min(1, saved.get("time_window", 1000) / 1000)
    return {"surrogate_slope": slope} | saved, state


def claim(path: Path, resume: Path | None, locks: ExitStack) -> None:
    """Keep other runs away from a checkpoint, and refuse one that isn't the run to go on with."""
    real = path.resolve()  # a link leads to the same lock
    lock = real.with_name(f".{real.name}.lock")
    try:
        locks.enter_context(FileLock(lock, timeout=0))
    except Timeout as error:
        raise ValueError(f"another run is writing {path}. Wait, or name another file") from error
    if os.name == "posix":  # Windows removes it itself
        locks.callback(lock.unlink, missing_ok=True)
    if path.exists() and path != resume:
        raise ValueError(f"{path} exists and isn't overwritten; name another file or --resume it")


def load(options: TrainOptions) -> Data:
    """Load POKER-DVS, or a folder of whose groups about a fourth test."""
    if not options.data:
        cards = load_pokerdvs(source=options.source)  # may download them
        return Data(cards.train, None, cards.test, cards.source)
    folder = read_folder(
        options.data, sensor=options.sensor, size=options.size, window_ms=options.window_ms
    )
    if len(folder.recordings.classes) < 2:
        raise ValueError(f"{options.data} holds one class; add a folder for each of the others")
    if fewest_groups(folder.recordings, folder.groups) < 2:
        raise ValueError(
            f"{options.data}: a class has a single group, so none can test; add folders"
        )
    width, height, _ = folder.sensor_size
    return divide(folder.recordings, folder.groups)._replace(sensor=f"{width}x{height}")


def divide(recordings: Recordings, groups: Sequence[Any]) -> Data:
    """Hold out some groups to test on, and where there are enough, others to choose the epoch."""
    labels = np.asarray(groups)
    rest, tested = hold_out(recordings, labels)
    test = recordings.subset(tested)
    train = recordings.subset(rest)
    if fewest_groups(train, labels[rest]) < FOLDS:
        return Data(train, None, test)
    learned, watched = hold_out(train, labels[rest])
    return Data(train.subset(learned), train.subset(watched), test)


def hold_out(recordings: Recordings, groups: Any) -> tuple[np.ndarray, np.ndarray]:
    """Hold out about a fourth of the groups of each class; return which are left, and which not.

    Of folds those are chosen that hold the most classes.
    """
    folds = min(FOLDS, fewest_groups(recordings, groups))
    if len(np.unique(groups)) < len(groups):
        targets = np.asarray(recordings.targets)
        pairs = fold_indices(recordings, folds, groups)
        return max(pairs, key=lambda pair: len(set(targets[pair[1]])))  # the first, if all do
    # Without groups one in four will do: folds of 20,000 take a minute.
    targets = pd.Series(recordings.targets)
    number = targets.groupby(targets).cumcount()
    held_out = number % folds == folds - 1
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def fewest_groups(recordings: Recordings, groups: Any) -> int:
    """Return how many groups the class has that has the fewest."""
    return pd.Series(groups).groupby(recordings.targets).nunique().min()


def digest_of(data: Data) -> str:
    """Say which recordings these are, by their classes and their events."""
    parts = [part for part in data[:3] if part]  # there may be none to choose the epoch
    classes = data.train.classes
    digest = hashlib.sha256(repr([classes, *(part.targets for part in parts)]).encode())
    for part in parts:
        for events in part.events:
            digest.update(events.tobytes())
    return digest.hexdigest()


def best_epoch(history: dict[str, Any], recordings: int) -> int:
    """Return the last epoch within two standard errors of the best, by so many recordings.

    Of epochs that are about as good, the first to be best would be so by chance.
    """
    accuracies = np.array(history["test_accuracy"])
    best = accuracies.max()
    error = np.sqrt(best * (1 - best) / recordings)
    return int(np.flatnonzero(accuracies >= best - 2 * error)[-1])


def say_score(part: str, n_samples: int, correct: int, loss: float) -> None:
    """Print a line of the report."""
    say(f"{part}: {correct} of {n_samples} classified correctly, loss {loss:.4f}")


def advice(path: Path | None, device: str) -> str:
    """Say what is left of a run that was stopped, and on a second line how to go on with it."""
    if path is None or not path.exists():
        return "stopped, and nothing is saved: start the run again,\n--checkpoint FILE keeps it"
    words = ["python", "-m", "pokersnn_helpers", "train", "--resume", str(path)]
    if device:
        words += ["--device", device]
    return f"stopped; {path} holds every finished epoch. Go on with it:\n{shlex.join(words)}"


def choose_device(name: str) -> torch.device:
    """Return this process's device; under ``torchrun`` each process takes one GPU."""
    device = torch.device(name or default_device())
    if str(device) == "cuda":
        device = torch.device(f"cuda:{os.environ.get('LOCAL_RANK', 0)}")
    n_gpus = torch.cuda.device_count()
    if device.type != "cpu" and (device.index or 0) >= n_gpus:
        raise ValueError(
            f"--device is {device}, and PyTorch finds {n_gpus} CUDA GPUs; choose another"
        )
    return device
