"""The package's commands: ``python -m pokersnn_helpers train`` and ``predict``."""

import argparse
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import torch

from .checkpoints import Run, load_checkpoint, load_run, save_checkpoint
from .distributed import (
    broadcast,
    default_device,
    launched_by_torchrun,
    process_group,
    rank,
    world_size,
)
from .fast import FastSNN
from .pokerdvs import load_pokerdvs
from .recipe import train_classifier
from .recordings import read_events
from .snn import SNN, Classifier
from .training import TrainingState, predict

NETWORKS = {"snn": SNN, "fast": FastSNN}


@dataclass(frozen=True)
class TrainOptions:
    """What a training run depends on, by name on the command line.

    Attributes:
        epochs: Passes over the training recordings.
        time_window: Width of a time bin in µs.
        network: A name in ``NETWORKS``.
        seed: Fixes all that is random.
        source: Of the recordings; a saved run says ``"real"`` or ``"simulated"``.
    """

    epochs: int = 60
    time_window: float = 1000.0
    network: str = "snn"
    seed: int = 0
    source: str = "auto"

    def __str__(self) -> str:
        window = f"time bins of {self.time_window:g} microseconds"
        return f"network {self.network}, {window}, seed {self.seed}, {self.epochs} epochs"

    def check(self) -> None:
        """Raise a ``ValueError`` that names the first value out of range."""
        if self.epochs < 1:
            raise ValueError(f"--epochs is {self.epochs}; choose 1 or more")
        if not 0 < self.time_window < math.inf:
            raise ValueError(
                f"--time-window is {self.time_window} microseconds; choose a number greater than 0"
            )
        if not 0 <= self.seed < 2**64:
            raise ValueError(f"--seed is {self.seed}; choose a whole number from 0 to 2**64 - 1")


def main(words: list[str] | None = None) -> None:
    """Run the command that the command line names.

    Args:
        words: The words of the command line; default: what the program was started with.

    Raises:
        SystemExit: An option can't be used. The message says which, its value and what to do.
    """
    parser = argparse.ArgumentParser(
        prog="python -m pokersnn_helpers",
        description="Train the POKER-DVS book's spiking neural network, and classify recordings.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_train(commands.add_parser("train", help="train the network by the book's recipe"))
    _add_predict(commands.add_parser("predict", help="classify recordings with a trained network"))
    arguments = parser.parse_args(words)
    arguments.run(arguments)


@contextmanager
def _one_line_errors(command: str) -> Iterator[None]:
    """End the command with the message alone: what the user gave is wrong, not the code."""
    try:
        yield
    except (TypeError, ValueError, OSError) as error:
        raise SystemExit(f"python -m pokersnn_helpers {command}: error: {error}") from error


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
        help="the readable network (snn) or the fast one with the same results; default: snn",
    )
    parser.add_argument(
        "--seed",
        type=int,
        help="fixes the initial weights, the order of the recordings and how they are changed "
        f"({defaults.seed})",
    )
    parser.add_argument(
        "--checkpoint",
        type=Path,
        metavar="FILE",
        help="save the network and the run here after every epoch; default: with --resume the "
        "resumed file, else none",
    )
    parser.add_argument(
        "--resume", type=Path, metavar="FILE", help="go on with the run saved in this checkpoint"
    )
    parser.add_argument(
        "--device", help="cpu, cuda or cuda:NUMBER; default: a CUDA GPU where there is one"
    )
    parser.set_defaults(run=_train)


def _train(arguments: argparse.Namespace) -> None:
    """Train, save after every epoch, and let process 0 report."""
    with _one_line_errors("train"):
        device = choose_device(arguments.device)
        checkpoint = _choose_checkpoint(arguments.checkpoint, arguments.resume)
        options, state = _settle_options(arguments)
    with process_group(device):
        with _one_line_errors("train"):
            data = broadcast(lambda: load_pokerdvs(source=options.source))  # may download them
        options = replace(options, source=data.source)
        say = print if rank() == 0 else lambda *_: None
        say(data)
        say(f"{options}, {world_size()} process{'es' * (world_size() > 1)} on {device.type}")
        say(f"checkpoint: {checkpoint or 'none is written; --checkpoint FILE keeps one'}")

        def save(classifier: torch.nn.Module, state: TrainingState) -> None:
            if checkpoint is not None and isinstance(classifier, Classifier):
                save_checkpoint(classifier, checkpoint, Run(asdict(options), state))

        _, history = train_classifier(
            data,
            options.seed,
            device,
            network=NETWORKS[options.network],
            time_window=options.time_window,
            epochs=options.epochs,
            resume_from=state,
            on_epoch_end=save,
        )
        if rank() == 0:  # which alone has watched the test recordings
            for part, loss, accuracy, recordings in (
                ("training", history.loss, history.accuracy, data.train),
                ("test", history.test_loss, history.test_accuracy, data.test),
            ):
                correct, n_samples = round(accuracy[-1] * len(recordings)), len(recordings)
                print(f"{part}: {correct} of {n_samples} classified correctly, loss {loss[-1]:.4f}")


def _settle_options(arguments: argparse.Namespace) -> tuple[TrainOptions, TrainingState | None]:
    """Take each option as given, or else as saved, or else the default; return the saved state."""
    run = load_run(arguments.resume) if arguments.resume else None
    saved = TrainOptions(**run.options) if run else TrainOptions()
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


def choose_device(name: str | None) -> torch.device:
    """Return this process's device; under ``torchrun`` each process takes a GPU of its own.

    Args:
        name: What the command line says. Default: ``default_device()``.

    Raises:
        ValueError: There is no such device here, or fewer GPUs than processes.
    """
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
                f"--device is {name!r}, but under torchrun each process takes a GPU of its own; "
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


def _choose_checkpoint(checkpoint: Path | None, resume: Path | None) -> Path | None:
    """Refuse a file that is there, unless it is the one whose run goes on."""
    checkpoint = checkpoint or resume
    if checkpoint is None:
        return None
    if checkpoint.exists() and not (resume and resume.exists() and checkpoint.samefile(resume)):
        raise ValueError(
            f"--checkpoint is {checkpoint}, which exists and isn't overwritten. Name another "
            f"file, or go on with its run: --resume {checkpoint}"
        )
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(checkpoint.parent, os.W_OK):
        raise PermissionError(
            f"--checkpoint is {checkpoint}, and {checkpoint.parent} can't be written to; "
            "name a file in another folder"
        )
    return checkpoint


def _add_predict(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Print the class of each recording, and the probabilities of all classes, which aren't "
        "calibrated."
    )
    parser.add_argument(
        "--checkpoint", type=Path, metavar="FILE", required=True, help="what train has saved"
    )
    parser.add_argument(
        "recordings",
        type=Path,
        nargs="+",
        metavar="FILE.npy",
        help="events: a structured array with fields t, x, y and p, or columns in this order",
    )
    parser.set_defaults(run=_predict)


def _predict(arguments: argparse.Namespace) -> None:
    with _one_line_errors("predict"):
        classifier = load_checkpoint(arguments.checkpoint)
        for file in arguments.recordings:
            try:
                answer = predict(classifier, read_events(file))
            except (TypeError, ValueError) as error:
                raise ValueError(f"{file}: {error}") from error
            shares = ", ".join(
                f"{name} {share:.1%}" for name, share in answer.probabilities.items()
            )
            print(f"{file}: {answer.class_name} ({shares})")


if __name__ == "__main__":
    main()
