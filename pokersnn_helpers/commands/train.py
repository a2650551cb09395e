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

import numpy as np
import pandas as pd
import torch
from filelock import FileLock, Timeout

from ..checkpoints import Run, load_checkpoint, load_run, save_checkpoint
from ..checks import check_numbers, check_range, errors_in
from ..classifier import Classifier, frame_network
from ..devices import default_device
from ..distributed import broadcast, process_group, rank, world_size
from ..frames import make_loader
from ..own.detector import detector
from ..pokerdvs import load_pokerdvs
from ..recipe import AUGMENTS, Recipe, choose_recipe
from ..recordings import Recordings, Split, fold_indices
from ..training import TrainingState, evaluate, train_classifier
from .main import resolve_network
from .recordings import read_folder
from .terminal import forget, printable, say

CARDS = Recipe(1000.0, "mirror", epochs=60, batch_size=32, learning_rate=0.001)  # the book's
FOLDS = 4  # of which one tests, and where a class has so many groups left, one chooses the epoch


@dataclass(frozen=True)
class TrainOptions:
    """What a training run depends on, by name on the command line; its checkpoint holds it."""

    network: str = "snn"  # snn, fast or layer
    time_window: Any = None  # µs, a number; None until a recipe chooses it, and so the next two
    augment: str | None = None  # of ``recipe.AUGMENTS``
    epochs: int | None = None
    batch_size: int | None = None  # chosen in any case, and so is the next
    learning_rate: float | None = None
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

    def completed(self, recordings: Recordings) -> "TrainOptions":
        """Let the recipe choose what isn't said."""
        recipe = choose_recipe(recordings) if self.data else CARDS
        said = {name: each for name, each in asdict(self).items() if each is not None}
        return replace(self, **recipe._asdict() | said)

    def make(self, recordings: Recordings) -> Any:
        """Return what makes the network that learns from these recordings."""
        network = resolve_network(self.network)
        if self.network != "layer":
            return network
        if self.data:
            network = detector(self.time_window, choose_recipe(recordings).time_window)
        delays = [each / 1000 for each in self.delays_ms()]
        return partial(network, delays=delays) if delays else network

    def delays_ms(self) -> list[float]:
        """Read the delays, which only a layer can have."""
        with errors_in(f"--delays is {self.delays}; write milliseconds, as 0,4,8"):
            found = [float(each) for each in self.delays.split(",") if self.delays]
            check_range(0, 1000, **{f"delay {n}": each for n, each in enumerate(found)})
        if any(found) and self.network != "layer":
            raise ValueError(f"--delays is {self.delays}; leave it out, or choose --network layer")
        return found


class Data(NamedTuple):
    """The recordings of a run, and what they were recorded with."""

    train: Recordings
    validation: Recordings | None  # by which the epoch is chosen, where there are enough groups
    test: Recordings
    source: str
    sensor: str = ""

    @property
    def parts(self) -> dict[str, Recordings]:
        """Those that there are, by what they are for."""
        parts = {"train on": self.train, "choose the epoch": self.validation, "test on": self.test}
        return {purpose: part for purpose, part in parts.items() if part is not None}

    def __str__(self) -> str:
        sizes = [f"{len(part)} to {purpose}" for purpose, part in self.parts.items()]
        return f"{self.source} recordings: {', '.join(sizes)}"


def train(
    checkpoint: Path | None = None, resume: Path | None = None, device: str = "", **given: Any
) -> None:
    """Train, save after every epoch, and let process 0 report."""
    path, written, place = checkpoint or resume, {resume}, choose_device(device)
    kept: Any = None  # the classifier that the checkpoint holds, of the best epoch or the last
    with process_group(place), ExitStack() as held:

        def begin() -> tuple[TrainOptions, TrainingState | None, Data]:
            options, state = _settle_options(resume, given)
            if path:
                _claim(path, resume, held)
            data = load(options)
            options = options.completed(data.train)
            _check_times(options, data.train)
            digest = _digest(data)
            # That of an earlier version is shorter, and says nothing about the events.
            if len(options.digest) == len(digest) and options.digest != digest:
                raise ValueError(f"the recordings aren't those of {resume} any more; put them back")
            found = replace(options, source=data.source, sensor=data.sensor, digest=digest)
            return found, state, data

        def save(classifier: Classifier, state: TrainingState) -> None:
            nonlocal kept
            others, epochs = data.validation, len(state.history["loss"])
            if others is None or best_epoch(state.history, len(others)) == epochs - 1:
                kept = copy.deepcopy(classifier)
            if path:
                save_checkpoint(kept, path, Run(asdict(options), state), path in written)
                written.add(path)

        try:
            options, state, data = broadcast(begin)
            make = options.make(data.train)
            if rank() == 0:
                processes = f"{world_size()} process{'es' * (world_size() > 1)} on {place.type}"
                where = path or "none is written; --checkpoint FILE keeps one"
                say(f"{data}\n{options}, {processes}\ncheckpoint: {where}")
            if resume:
                kept = load_checkpoint(resume, "cpu", getattr(make, "func", make))
            with errors_in(str(resume or options)):
                _, history = train_classifier(
                    Split(data.train, data.validation or data.test),
                    options.seed,
                    place,
                    network=make,
                    time_window=options.time_window,
                    epochs=options.epochs,
                    augment=AUGMENTS[options.augment],
                    batch_size=options.batch_size,
                    learning_rate=options.learning_rate,
                    resume_from=state,
                    on_epoch_end=save,
                )
        except KeyboardInterrupt as stopped:
            forget(stopped)
            if rank() == 0:
                print(printable(_advice(path, device)), file=sys.stderr)
            raise SystemExit(130) from None
        if rank() == 0:  # which alone has watched the other recordings
            _report("training", data.train, history.accuracy[-1], history.loss[-1])
            if data.validation:
                best = best_epoch(vars(history), len(data.validation)) + 1
                say(f"kept: epoch {best} of {len(history.loss)}, chosen by other recordings")
            sparse = frame_network(kept).takes_sparse
            loader = make_loader(data.test, time_window=options.time_window, sparse=sparse)
            found = evaluate(kept, loader, place)
            _report("test", data.test, found.accuracy, found.loss)


def best_epoch(history: dict[str, list[float]], recordings: int) -> int:
    """Return the last epoch within two standard errors of the best, by so many recordings.

    Of epochs that are about as good, the first to be best would be so by chance.
    """
    accuracies = np.array(history["test_accuracy"])
    error = np.sqrt(accuracies.max() * (1 - accuracies.max()) / recordings)
    return int(np.flatnonzero(accuracies >= accuracies.max() - 2 * error)[-1])


def _settle_options(
    resume: Path | None, given: dict[str, Any]
) -> tuple[TrainOptions, TrainingState | None]:
    """Take each option as given, or else as saved, or else the default; return the saved state."""
    saved, state = load_run(resume) if resume else ({}, None)
    for name in saved.keys() & given.keys() - {"epochs"}:
        if given[name] != saved[name]:
            found = f"{name} was {saved[name]} in {resume}"
            raise ValueError(f"{found}, which can't go on with {given[name]}")
    if other := saved.keys() - asdict(TrainOptions()).keys():
        raise ValueError(f"{resume} holds a run with options that train doesn't know: {other}")
    if saved.get("data") and "augment" not in saved:
        raise ValueError(f"{resume} is of an earlier version, which trained otherwise; begin anew")
    default = {"network": "layer"} if "data" in given else {}
    options = TrainOptions(**default | saved | given)
    options.delays_ms()  # so that a mistake in them is told before recordings are read
    return options, state


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
    if not options.data:
        cards = load_pokerdvs(source=options.source)  # may download them
        return Data(cards.train, None, cards.test, cards.source)
    parts = {name: getattr(options, name) for name in ("sensor", "size", "window_ms")}
    said = {name: each for name, each in parts.items() if each not in ("", None)}
    recordings, groups, _, sensor_size = read_folder(options.data, **said)
    if _fewest_groups(recordings, groups) < 2:
        only = "a class has a single group, so none can test; add folders"
        raise ValueError(f"{options.data}: {only}")
    return divide(recordings, groups)._replace(sensor="{}x{}".format(*sensor_size))


def divide(recordings: Recordings, groups: Sequence[Any]) -> Data:
    """Hold out some groups to test on, and where there are enough, others to choose the epoch."""
    train, test, groups = _hold_out(recordings, groups)
    validation = None
    if _fewest_groups(train, groups) >= FOLDS:
        train, validation, _ = _hold_out(train, groups)
    return Data(train, validation, test, "own")


def _hold_out(
    recordings: Recordings, groups: Sequence[Any]
) -> tuple[Recordings, Recordings, list[Any]]:
    """Hold out about a fourth of the groups of each class; return the groups of the rest, too."""
    folds = min(FOLDS, _fewest_groups(recordings, groups))
    if len(set(groups)) == len(groups):  # one in four will do: folds of 20,000 take a minute
        number = pd.Series(recordings.targets).groupby(recordings.targets).cumcount()
        chosen = number % folds == folds - 1
        rest, held_out = np.flatnonzero(~chosen), np.flatnonzero(chosen)
    else:
        rest, held_out = fold_indices(recordings, folds, groups)[0]
    left = [groups[number] for number in rest.tolist()]
    return recordings.subset(rest), recordings.subset(held_out), left


def _fewest_groups(recordings: Recordings, groups: Sequence[Any]) -> int:
    return int(pd.Series(groups).groupby(recordings.targets).nunique().min())


def _check_times(options: TrainOptions, recordings: Recordings) -> None:
    """Refuse delays that are no whole time bins, or after which every recording is over."""
    check_numbers(Real, time_window=options.time_window)
    delays = options.delays_ms()
    steps = np.divide(delays, options.time_window / 1000)
    if (np.abs(steps - steps.round()) > 1e-6).any():
        bins = f"whole time bins of {options.time_window / 1000:g} ms"
        raise ValueError(f"--delays is {options.delays} ms; choose {bins}")
    if any(delays):
        longest = max(events["t"][-1] - events["t"][0] for events in recordings.events) / 1000
        if max(delays) > longest:
            most = f"no recording lasts over {longest:g} ms"
            raise ValueError(f"--delays has {max(delays):g} ms, but {most}")


def _digest(data: Data) -> str:
    """Say which recordings these are, by their classes and their events."""
    parts = data.parts.values()
    found = hashlib.sha256(repr([data.train.classes, *(part.targets for part in parts)]).encode())
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
