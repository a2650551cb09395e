"""The command ``python -m pokersnn_helpers train``, alone or under ``torchrun``."""

import argparse
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from .checkpoints import load_run, save_checkpoint
from .data import PokerDVS, load_pokerdvs
from .distributed import (
    from_first_process,
    launched_by_torchrun,
    process_count,
    process_group,
    process_rank,
)
from .fast import FastSNN
from .snn import SNN, Classifier
from .training import History, pick_device, train_classifier

# What a run depends on, by name on the command line.
DEFAULTS = {"epochs": 60, "time_window": 1000.0, "engine": "snn", "seed": 0}
ENGINES = {"snn": SNN, "fast": FastSNN}


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.description = (
        "Train the book's network by the book's recipe and test it. To share the work among "
        "processes, start it with torchrun: torchrun --nproc-per-node=2 -m pokersnn_helpers train"
    )
    parser.epilog = (
        "With --resume, options that aren't given are those that the run was started with; "
        "only --epochs may differ."
    )
    parser.add_argument(
        "--epochs", type=int, help=f"passes over the training recordings ({DEFAULTS['epochs']})"
    )
    parser.add_argument(
        "--time-window",
        type=float,
        metavar="MICROSECONDS",
        help=f"width of a time bin, in µs ({DEFAULTS['time_window']:g})",
    )
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        help="the readable network (snn) or the fast one with the same results; default: snn",
    )
    parser.add_argument(
        "--seed",
        type=int,
        help="fixes the initial weights, the order of the recordings and how they are changed "
        f"({DEFAULTS['seed']})",
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


def run_training(arguments: argparse.Namespace) -> None:
    """Train, save after every epoch, and let process 0 report.

    Args:
        arguments: What the parser made of the options of ``add_train_arguments``.

    Raises:
        SystemExit: An option can't be used. The message says which, its value and what to do.
    """
    with _one_line_errors():
        device = choose_device(arguments.device)
        run = load_run(arguments.resume) if arguments.resume else {"options": {}, "state": None}
        options = choose_options(arguments, run["options"], run["state"])
        checkpoint = arguments.checkpoint or arguments.resume
        check_checkpoint_path(checkpoint, arguments.resume)
    with process_group(device):
        with _one_line_errors():
            data = _load_data(run["options"].get("data"), arguments.resume)
        options["data"] = data.source
        if process_rank() == 0:
            _announce(data, options, device, checkpoint)

        def save(classifier: Classifier, state: dict) -> None:
            if checkpoint is not None:
                save_checkpoint(classifier, checkpoint, {"options": options, "state": state})

        _, history = train_classifier(
            data,
            options["seed"],
            device,
            epochs=options["epochs"],
            time_window=options["time_window"],
            network=ENGINES[options["engine"]],
            state=run["state"],
            after_epoch=save,
        )
        if process_rank() == 0:
            _report(data, history)


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """End the command with the message alone: what the user gave is wrong, not the code."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise SystemExit(f"python -m pokersnn_helpers train: error: {error}") from error


def choose_options(given: argparse.Namespace, saved: dict, state: dict | None) -> dict:
    """Settle what the run depends on: given, or else as saved, or else the default.

    Args:
        given: The command line; None for what isn't given.
        saved: Options of the run to resume; empty for a new run.
        state: State of the run to resume; None for a new run.

    Returns:
        The keys of ``DEFAULTS``, with their values.

    Raises:
        ValueError: A value is out of range, or isn't the one of the run to resume.
    """
    options = {}
    for name, default in DEFAULTS.items():
        value = getattr(given, name)
        known = saved.get(name, default)
        options[name] = known if value is None else value
        if saved and name != "epochs" and options[name] != known:
            option = f"--{name.replace('_', '-')}"
            raise ValueError(
                f"{given.resume} was trained with {option} {known}, so it can't go on with "
                f"{option} {value}. Leave {option} out, or start a new run without --resume."
            )
    if options["epochs"] < 1:
        raise ValueError(f"--epochs is {options['epochs']}; choose 1 or more")
    if not 0 < options["time_window"] < math.inf:
        raise ValueError(
            f"--time-window is {options['time_window']} µs; choose a number greater than 0"
        )
    if not 0 <= options["seed"] < 2**64:
        raise ValueError(f"--seed is {options['seed']}; choose a whole number from 0 to 2**64 - 1")
    done = len(state["history"]["loss"]) if state else 0
    if done > options["epochs"]:
        raise ValueError(
            f"--epochs is {options['epochs']}, but the run in {given.resume} has {done} behind "
            f"it. Choose {done} or more."
        )
    return options


def choose_device(name: str | None) -> torch.device:
    """Return this process's device; under ``torchrun`` each process takes a GPU of its own.

    Args:
        name: What the command line says. Default: ``pick_device()``.

    Raises:
        ValueError: There is no such device here, or fewer GPUs than processes.
    """
    try:
        device = torch.device(name) if name else pick_device()
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
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


def check_checkpoint_path(checkpoint: Path | None, resume: Path | None) -> None:
    """Refuse a file that is there, unless it is the one whose run goes on.

    Raises:
        ValueError: The file is there already.
        OSError: Its folder can't be made or written to.
    """
    if checkpoint is None:
        return
    if checkpoint.exists() and not (resume and checkpoint.samefile(resume)):
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


def _load_data(source: str | None, resume: Path | None) -> PokerDVS:
    """Load the recordings in process 0, which may fetch them, and then the same ones elsewhere."""
    data = load_pokerdvs() if process_rank() == 0 else None
    found = from_first_process(data and data.source)
    if source not in (None, found):
        raise ValueError(
            f"{resume} was trained on the {source} recordings, but load_pokerdvs() finds the "
            f"{found} ones now. Set POKERSNN_DATA to the folder it was trained from, or start a "
            "new run without --resume."
        )
    return data or load_pokerdvs(source=found)


def _announce(data: PokerDVS, options: dict, device: torch.device, checkpoint: Path | None) -> None:
    count = process_count()
    print(data)
    print(
        f"engine {options['engine']}, time bins of {options['time_window']:g} µs, seed "
        f"{options['seed']}, {count} process{'es' * (count > 1)} on {device.type}"
    )
    print(f"checkpoint: {checkpoint or 'none is written; --checkpoint FILE keeps one'}", flush=True)


def _report(data: PokerDVS, history: History) -> None:
    for name, loss, accuracy, recordings in (
        ("training", history.loss[-1], history.accuracy[-1], data.train),
        ("test", history.test_loss[-1], history.test_accuracy[-1], data.test),
    ):
        right = round(accuracy * len(recordings))
        print(f"{name}: {right} of {len(recordings)} recordings named right, loss {loss:.4f}")
    print(f"epochs: {len(history.loss)}")
