"""The command line: which command takes which options. A command's module loads when it runs."""

import argparse
import io
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from .terminal import printable

Options = dict[str, dict[str, Any]]  # what argparse takes, by name
NETWORKS = {"snn": "snn:SNN", "fast": "fast:FastSNN", "layer": "fast:LayerThenSNN"}  # its place
FILE: dict[str, Any] = {"type": Path, "metavar": "FILE"}
EVENTS = "events, such as .npy, .csv or a camera's own file"

FILES: Options = {"recordings": FILE | {"nargs": "+", "help": EVENTS}}
PLOT: Options = {"--plot": FILE | {"help": "draw the pixels of the first, as .png"}}
PROCESSES: Options = {"--processes": {"type": int, "help": "how many work at once (2)"}}
SENSOR: Options = {"--sensor": {"metavar": "WIDTHxHEIGHT", "help": "for files that don't say it"}}
TRAINED: Options = SENSOR | {"--checkpoint": FILE | {"required": True, "help": "what train saved"}}
PARTS: Options = SENSOR | {
    "--size": {"metavar": "WIDTHxHEIGHT", "help": "bring recordings to it; else at most 128x128"},
    "--window-ms": {"type": float, "metavar": "MS", "help": "cut recordings into such parts"},
    "--time-window": {"type": float, "metavar": "MICROSECONDS", "help": "of a time bin (1000)"},
}
AUGMENT: Options = {
    "--augment": {
        "choices": ("none", "shift", "mirror"),
        "help": "how recordings are changed in training (shift)",
    }
}
FOLDER: Options = {"folder": {"metavar": "FOLDER", "help": "recordings in a folder per class"}}
RUN: Options = {
    "--data": {"metavar": "PATH", "help": "folder per class, or simulated file; else POKER-DVS"},
    "--epochs": {"type": int, "help": "passes over the training recordings (60)"},
    "--network": {"choices": NETWORKS, "help": "what to train (snn)"},
    "--delays": {"metavar": "MS,MS...", "help": "how late the layer's output comes, as 0,4,8"},
    "--seed": {"type": int, "help": "fixes what is drawn at random (0)"},
    "--checkpoint": FILE | {"help": "save the network and the run here after every epoch"},
    "--resume": FILE | {"help": "go on with this run and its options; only --epochs may differ"},
    "--device": {"help": "cpu, cuda or cuda:NUMBER; else a CUDA GPU where there is one"},
}
CARDS: Options = {
    "--cards": {"type": int, "help": "how many (20000)"},
    "--out": FILE | {"required": True, "help": "a new file, as cards.h5"},
    "--seed": {"type": int, "help": "fixes every event (0)"},
}
SOURCE: Options = {
    "--camera": {"action": "store_true", "help": "listen to faery's first camera, until Ctrl-C"},
    "file": FILE | {"nargs": "?", "help": EVENTS},
}
COMMANDS: dict[str, tuple[str, str, Options]] = {
    "train": ("train", "train the network by the book's recipe", PARTS | RUN),
    "simulate": ("recordings", "simulate many playing cards, into one file", CARDS | PROCESSES),
    "predict": ("answers", "classify recordings with a trained network", TRAINED | FILES),
    "inspect": ("recordings", "look at recordings before you train on them", PLOT | FILES),
    "compare": (
        "recordings",
        "find out if recordings need time",
        PARTS | AUGMENT | PROCESSES | FOLDER,
    ),
    "live": ("answers", "show the answer of a network while events come", TRAINED | SOURCE),
}


def main(words: list[str] | None = None) -> None:
    """Run the command that the command line names.

    Args:
        words: The words of the command line; default: what the program was started with.

    Raises:
        SystemExit: An option can't be used. The message says which, its value and what to do.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # what a terminal can't print becomes \u....
        sys.stdout.reconfigure(errors="backslashreplace")
    given = vars(_parser().parse_args(words))
    name = given.pop("command")
    module = import_module(f".{COMMANDS[name][0]}", __package__)
    try:
        getattr(module, name)(**{key: each for key, each in given.items() if each is not None})
    # Not errors like TypeError or KeyError: where the code is wrong, a traceback helps.
    except (ValueError, OSError, RuntimeError, MemoryError, ModuleNotFoundError) as error:
        message = printable(str(error) or type(error).__name__)
        raise SystemExit(f"python -m pokersnn_helpers {name}: error: {message}") from error


def resolve_network(name: str) -> Any:
    """Import a network by its name on the command line."""
    return resolve_name(f"pokersnn_helpers.{NETWORKS[name]}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pokersnn_helpers",
        description="Train the POKER-DVS book's spiking neural network, and classify recordings.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (_, about, options) in COMMANDS.items():
        command = commands.add_parser(name, help=about, description=f"{about.capitalize()}.")
        for option, settings in options.items():
            command.add_argument(option, **settings)
    return parser
