"""The package's commands: ``python -m pokersnn_helpers train`` and, of commands.py, others."""

import argparse
import copy
import io
import itertools
import math
import os
import shlex
import signal
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pandas as pd
import torch
from filelock import FileLock
from torch.optim.swa_utils import AveragedModel

from ..checkpoints import Run, load_checkpoint, load_run, save_checkpoint
from ..fast import FastSNN, LayerThenSNN
from ..frames import augment
from ..own.stored import StoredRecordings
from ..pokerdvs import load_pokerdvs
from ..recordings import Split, stratified_folds
from ..snn import SNN, Classifier
from ..training import TrainingState, default_device, rank, train_classifier, world_size
from . import others, terminal
from .processes import broadcast, launched_by_torchrun, process_group

NETWORKS: dict[str, Any] = {"snn": SNN, "fast": FastSNN, "layer": LayerThenSNN}


@dataclass(frozen=True)
class TrainOptions:
    """What a training run depends on, by name on the command line."""

    epochs: int = 60
    time_window: float = 1000.0  # µs
    network: str = "snn"  # a name in NETWORKS
    delays: str = "0"  # ms, as 0,4,8: of the copies that LayerThenSNN gives its SNN
    seed: int = 0
    source: str = "auto"  # a saved run says "real", "simulated" or "own"
    data: str = ""  # a folder of recordings, or a file of many; none for POKER-DVS
    sensor: str = ""  # as for read_folder, and so are the next two
    size: str = ""
    window_ms: float = 0.0  # 0 for none
    digest: str = ""  # what a run was trained with, as _digest says it; none before it begins

    def __str__(self) -> str:
        window = f"time bins of {self.time_window:g} microseconds"
        late = f" with copies {self.delays} ms late" if self.delays != "0" else ""
        return f"network {self.network}{late}, {window}, seed {self.seed}, {self.epochs} epochs"

    def check(self) -> None:
        """Raise a ``ValueError`` that names the first value of a wrong type or out of range."""
        for option in fields(self):  # those of a saved run can be anything
            if not isinstance(value := getattr(self, option.name), kind := type(option.default)):
                raise ValueError(f"{option.name} is {value!r}; expected type {kind.__name__}")
        if self.network not in NETWORKS:
            raise ValueError(f"network is {self.network!r}; choose from {', '.join(NETWORKS)}")
        if self.delays != "0" and self.network != "layer":
            raise ValueError(f"--delays is {self.delays}; leave it out, or choose --network layer")
        self.make()
        if self.epochs < 1:
            raise ValueError(f"--epochs is {self.epochs}; choose 1 or more")
        if not 1 <= self.time_window < math.inf:  # times of events are whole microseconds
            raise ValueError(
                f"--time-window is {self.time_window} microseconds; choose a number from 1 on"
            )
        if not 0 <= self.seed < 2**64:
            raise ValueError(f"--seed is {self.seed}; choose a whole number from 0 to 2**64 - 1")

    def make(self) -> Any:
        """Return what makes the network."""
        if self.network != "layer":
            return NETWORKS[self.network]
        try:
            delays = [float(each) / 1000 for each in self.delays.split(",")]
        except ValueError as error:
            raise ValueError(f"--delays is {self.delays!r}; write numbers, as 0,4,8") from error
        return partial(LayerThenSNN, delays=delays)


def main(words: list[str] | None = None) -> None:
    """Run the command that the command line names.

    Args:
        words: The words of the command line; default: what the program was started with.

    Raises:
        SystemExit: An option can't be used. The message says which, its value and what to do.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # what a terminal can't print becomes \u....
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(
        prog="python -m pokersnn_helpers",
        description="Train the POKER-DVS book's spiking neural network, and classify recordings.",
    )
    words_of = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_train(words_of.add_parser("train", help="train the network by the book's recipe"))
    others.add_commands(words_of)
    arguments = parser.parse_args(words)
    try:
        arguments.run(arguments)
    # Not errors like TypeError or KeyError: where the code is wrong, a traceback helps.
    except (ValueError, OSError, RuntimeError, MemoryError, ModuleNotFoundError) as error:
        message = str(error) or type(error).__name__
        if "alloc" in message:
            message += "; choose a wider --time-window, or --network fast, which needs less memory"
        place = f"{parser.prog} {arguments.command}"
        raise SystemExit(f"{place}: error: {terminal.printable(message)}") from error


def _add_train(parser: argparse.ArgumentParser) -> None:
    defaults = TrainOptions()
    parser.description = (
        "Train the book's network by the book's recipe and test it. To share the work among "
        "processes, start it with torchrun: torchrun --nproc-per-node=2 -m pokersnn_helpers train"
    )
    parser.epilog = (
        "With --resume, options that aren't given are those that the run was started with; "
        "only --epochs may differ."
    )
    parser.add_argument(
        "--data",
        metavar="FOLDER",
        help="recordings in a folder per class, or a file that simulate wrote, of which every "
        "fourth of a class tests; default: POKER-DVS",
    )
    terminal.add_folder_options(parser)
    parser.add_argument(
        "--epochs", type=int, help=f"passes over the training recordings ({defaults.epochs})"
    )
    parser.add_argument(
        "--time-window",
        type=float,
        metavar="MICROSECONDS",
        help=f"width of a time bin ({defaults.time_window:g})",
    )
    parser.add_argument(
        "--network",
        choices=NETWORKS,
        help="the readable network (snn), the fast one with the same results, or an ordinary layer "
        "and then the fast one (layer); default: snn",
    )
    parser.add_argument(
        "--delays",
        metavar="MS,MS...",
        help="with --network layer: what the layer finds comes so many ms late, as 0,4,8, which "
        f"tells directions of motion; default: {defaults.delays}",
    )
    parser.add_argument(
        "--seed",
        type=int,
        help="fixes the initial weights, the order of the recordings and how they are changed "
        f"({defaults.seed})",
    )
    parser.add_argument(
        "--checkpoint",
        type=terminal.path,
        metavar="FILE",
        help="save the network and the run here after every epoch; default: with --resume the "
        "resumed file, else none",
    )
    parser.add_argument(
        "--resume",
        type=terminal.path,
        metavar="FILE",
        help="go on with the run saved in this checkpoint",
    )
    parser.add_argument(
        "--device", help="cpu, cuda or cuda:NUMBER; default: a CUDA GPU where there is one"
    )
    parser.set_defaults(run=_train)


def _train(arguments: argparse.Namespace) -> None:
    """Train, save after every epoch, and let process 0 report."""
    device = choose_device(arguments.device)
    with process_group(device), ExitStack() as held:
        target = _Target(arguments.checkpoint or arguments.resume, arguments.resume, held)
        handler = held.enter_context(_stop_in_two_lines(target, arguments))

        def begin() -> tuple[TrainOptions, TrainingState | None, Split]:
            target.take()
            options, state = _settle_options(arguments)
            data = _load(options)
            if options.digest not in ("", found := _digest(data)):
                raise ValueError(
                    f"the recordings in {options.data or 'POKER-DVS'} aren't those that the run in "
                    f"{arguments.resume} began with: others would be trained on and tested on. Put "
                    "them back, or start a new run without --resume."
                )
            return replace(options, source=data.source, digest=found), state, data

        options, state, data = broadcast(begin)
        say = terminal.say if rank() == 0 else lambda _: None
        say(data)
        say(f"{options}, {world_size()} process{'es' * (world_size() > 1)} on {device.type}")
        say(f"checkpoint: {target.path or 'none is written; --checkpoint FILE keeps one'}")

        def save(classifier: torch.nn.Module, state: TrainingState) -> None:
            if isinstance(classifier, Classifier):
                target.save(classifier, Run(asdict(options), state))
            handler.check()

        handler.at_once = False
        _, history = train_classifier(
            data,
            options.seed,
            device,
            network=options.make(),
            time_window=options.time_window,
            epochs=options.epochs,
            augment=partial(handler.between_batches, None if options.data else augment),
            resume_from=state,
            on_epoch_end=save,
        )
        if rank() == 0:  # which alone has watched the test recordings
            for part, loss, accuracy, recordings in (
                ("training", history.loss, history.accuracy, data.train),
                ("test", history.test_loss, history.test_accuracy, data.test),
            ):
                correct, n_samples = round(accuracy[-1] * len(recordings)), len(recordings)
                say(f"{part}: {correct} of {n_samples} classified correctly, loss {loss[-1]:.4f}")


def _load(options: TrainOptions) -> Split:
    """Load POKER-DVS, or a folder, of which about a fourth of the groups tests."""
    if not options.data:
        return load_pokerdvs(source=options.source)  # may download them
    if Path(options.data).is_file():
        return _load_stored(options)
    own = terminal.read_folder(
        options.data, options.sensor, options.size, options.window_ms or None
    )
    of_class: dict[int, set[str]] = {}
    for target, group in zip(own.recordings.targets, own.groups, strict=True):
        of_class.setdefault(target, set()).add(group)
    if (fewest := min(map(len, of_class.values()))) < 2:
        raise ValueError(
            f"a class in {options.data} has recordings of a single group, so none is left to test; "
            "put them into folders by person, day or session"
        )
    return stratified_folds(own.recordings, min(4, fewest), own.groups)[0]


def _digest(data: Split) -> str:
    """Say which recordings these are, by their classes and by how many events each has."""
    found: list[Any] = [data.classes]
    for part in (data.train, data.test):
        events: Any = part.events
        if isinstance(part, StoredRecordings):  # whose events would have to be read
            lengths = np.diff(events.places)[:, 0].tolist()
        else:
            lengths = [len(each) for each in events]
        found += [part.targets, lengths]
    return f"{zlib.crc32(repr(found).encode()):08x}"


def _load_stored(options: TrainOptions) -> Split:
    for name in ("sensor", "size", "window_ms"):
        if value := getattr(options, name):
            raise ValueError(
                f"--{name.replace('_', '-')} is {value}, but --data is {options.data}, a file "
                "whose recordings stay as they are; leave it out"
            )
    stored = StoredRecordings(options.data)
    targets = pd.Series(stored.targets)
    tests = targets.groupby(targets).cumcount() % 4 == 3
    if not tests.any():
        raise ValueError(f"{options.data} has fewer than 4 recordings of each class; none can test")
    return Split(stored.subset(np.flatnonzero(~tests)), stored.subset(np.flatnonzero(tests)))


class _Target:
    """The file that a run is saved to, if any; process 0 keeps other runs away from it.

    Attributes:
        path: The file. A new run takes another name if somebody else has taken this one meanwhile.
        written: Of the file that holds this run its inode, size and time of change; or None.
    """

    def __init__(self, path: Path | None, resume: Path | None, held: ExitStack):
        self.path, self.resume, self.held = path, resume, held
        self.written: tuple[int, ...] | None = None

    def take(self) -> None:
        """Lock the file; refuse one that is there, unless it is the one whose run goes on."""
        if self.path is None:
            return
        if self.resume and not self.resume.exists():
            raise FileNotFoundError(f"--resume is {self.resume}, and there is no such file")
        self._lock(self.path)
        if not self.path.exists():
            return
        if not (self.resume and self.path.samefile(self.resume)):
            raise ValueError(
                f"--checkpoint is {self.path}, which exists and isn't overwritten. Name another "
                f"file, or go on with its run: --resume {self.path}"
            )
        self.written = _identity(self.path)

    def _lock(self, path: Path) -> None:
        try:
            self.held.enter_context(FileLock(path.with_name(f".{path.name}.lock"), timeout=0))
        except TimeoutError as error:
            raise ValueError(
                f"another run is writing {path}. Wait until it has ended, or name another file: "
                "--checkpoint FILE"
            ) from error
        except OSError as error:
            raise OSError(
                f"--checkpoint is {path}, and {path.parent} can't be written to "
                f"({error.strerror}); name a file in another folder"
            ) from error

    def save(self, classifier: Classifier, run: Run) -> None:
        """Save a run; a new one never over a file of somebody else."""
        if self.path is None:
            return
        first = self.path
        for number in itertools.count(2):
            own = self.written is not None and _identity(self.path) == self.written
            try:
                save_checkpoint(classifier, self.path, run, overwrite=own)
                break
            except FileExistsError:
                self.path = first.with_stem(f"{first.stem}-{number}")
        self.written = _identity(self.path)
        if self.path != first:
            terminal.say(
                f"{first} has appeared meanwhile and isn't overwritten; checkpoint: {self.path}"
            )
            self._lock(self.path)


def _identity(path: Path) -> tuple[int, ...] | None:
    """Say which file has this name now, if any: somebody may have put another in its place."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


class _Stopped(BaseException):
    """A signal has asked the run to end. No Exception: nothing on the way may catch it."""


class _SignalHandler:
    """Ends loading at once, and training between two batches: nothing is left half done."""

    def __init__(self) -> None:
        self.number = 0  # of the signal that came, or none
        self.at_once = True

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.number = number
        if self.at_once:
            self.check()

    def check(self) -> None:
        """End the run if a signal has come."""
        if self.number:
            raise _Stopped

    def between_batches(self, change: Any, frames: torch.Tensor) -> torch.Tensor:
        """Change a batch, if there is something to change, unless a signal has come."""
        self.check()
        return change(frames) if change else frames


@contextmanager
def _stop_in_two_lines(target: _Target, arguments: argparse.Namespace) -> Iterator[_SignalHandler]:
    """End the program on SIGINT (Ctrl-C) and SIGTERM, and say how the run can go on."""
    handler = _SignalHandler()
    found = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number, before in found.items():
        if before is not signal.SIG_IGN:  # as after nohup
            signal.signal(number, handler)
    try:
        yield handler
    except _Stopped:
        for number in found:  # torchrun sends both
            signal.signal(number, signal.SIG_IGN)
        number = signal.Signals(handler.number)
        if rank() == 0:
            advice = terminal.printable(_advice(target, arguments))
            print(f"stopped by {number.name}. {advice}", file=sys.stderr)
        raise SystemExit(128 + number) from None
    finally:
        for number, before in found.items():
            signal.signal(number, before)


def _advice(target: _Target, arguments: argparse.Namespace) -> str:
    """Say what is left of a run that was stopped, and on a second line how to go on with it."""
    if target.written:
        words, left = ["--resume", target.path], f"{target.path} holds every finished epoch"
    elif target.resume:
        words, left = ["--resume", target.resume], f"{target.resume} is as it was"
        if arguments.checkpoint:
            words += ["--checkpoint", arguments.checkpoint]
    elif target.path:
        return "No epoch was complete,\nso nothing is saved; start the run again."
    else:
        return "Nothing is saved;\n--checkpoint FILE keeps a run, so that it can go on."
    words += ["--device", arguments.device] if arguments.device else []
    launcher = "python"
    if launched_by_torchrun():
        launcher = f"torchrun --nproc-per-node={os.environ['LOCAL_WORLD_SIZE']}"
    command = shlex.join(map(str, words))
    return f"{left}. Go on with it:\n{launcher} -m pokersnn_helpers train {command}"


def _settle_options(arguments: argparse.Namespace) -> tuple[TrainOptions, TrainingState | None]:
    """Take each option as given, or else as saved, or else the default; return the saved state."""
    run = load_run(arguments.resume) if arguments.resume else None
    saved = _check_run(run, arguments.resume) if run else TrainOptions()
    given = {
        option.name: value
        for option in fields(TrainOptions)
        if (value := getattr(arguments, option.name, None)) is not None
    }
    options = replace(saved, **given)
    options.check()
    if run is None:
        return options, None
    for name, value in given.items():
        if name != "epochs" and value != (before := getattr(saved, name)):
            option = f"--{name.replace('_', '-')}"
            raise ValueError(
                f"{arguments.resume} was trained with {option} {before}, so it can't go on with "
                f"{option} {value}. Leave {option} out, or start a new run without --resume."
            )
    done = len(run.state.history["loss"])
    if done > options.epochs:
        raise ValueError(
            f"--epochs is {options.epochs}, but the run in {arguments.resume} has {done} behind "
            f"it. Choose {done} or more."
        )
    return options, run.state


def _check_run(run: Run, path: Path) -> TrainOptions:
    """Return the options of a saved run that can go on: a step of a copy of it is tried."""
    try:
        options = TrainOptions(**run.options)
        options.check()
        classifier = load_checkpoint(path, "cpu", NETWORKS[options.network])
        optimizer = torch.optim.Adam(classifier.parameters(), fused=True)
        with torch.random.fork_rng(devices=[]):
            history = copy.deepcopy(run.state).restore(
                classifier, AveragedModel(classifier), optimizer
            )
        numbers = torch.tensor(list(vars(history).values()))  # refuses lists of unequal lengths
        if not numbers.isfinite().all() or not numbers.is_floating_point():
            raise ValueError("its history isn't made of finite numbers")
        for parameter in classifier.parameters():
            parameter.grad = torch.zeros_like(parameter)
        optimizer.param_groups[0]["fused"] = False  # which writes beyond tensors of a wrong size
        optimizer.step()
    except Exception as error:  # a file can hold anything
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"the training run in {path} is damaged. {reason}") from error
    return options


def choose_device(name: str | None) -> torch.device:
    """Return this process's device; under ``torchrun`` each process takes one GPU."""
    try:
        device = torch.device(name) if name else default_device()
    except RuntimeError:
        device = torch.device("meta")
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f"--device is {name!r}; choose cpu, cuda or cuda:NUMBER")
    if device.type == "cpu":
        return device
    number = device.index or 0
    advice = "leave --device out or choose --device cpu"
    if launched_by_torchrun():
        if device.index is not None:
            raise ValueError(
                f"--device is {name!r}, but under torchrun each process takes one GPU; "
                "choose --device cuda"
            )
        number = int(os.environ["LOCAL_RANK"])
        advice = "start fewer processes (--nproc-per-node) or choose --device cpu"
    found = torch.cuda.device_count()
    if number >= found:
        raise ValueError(
            f"--device is {name or 'cuda'!r} and this process needs GPU {number}, counted from 0, "
            f"but PyTorch finds {found} CUDA GPUs here; {advice}"
        )
    return torch.device("cuda", number)
