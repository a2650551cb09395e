"""The command line: which command takes which options. A command's module loads when it runs."""

import argparse
import io
import os
import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from .terminal import printable

Options = dict[str, dict[str, Any]]  # what argparse takes, by name
NETWORKS = {"snn": "snn:SNN", "fast": "fast:FastSNN", "layer": "fast:LayerThenSNN"}  # its place
FILE: dict[str, Any] = {"type": Path, "metavar": "FILE"}
TIME: dict[str, Any] = {"type": int, "metavar": "MICROSECONDS"}
EVENTS = "events, such as .npy, .csv or a camera's own file"

INSPECT: Options = {
    "recordings": FILE | {"nargs": "+", "help": "files of events, or folders of them"},
    "--plot": FILE | {"help": "draw the pixels of the first, as .pdf, .png or .svg"},
    "--json": {"action": "store_true", "help": "print numbers and advice of each file, as JSON"},
}
CLEAN: Options = {
    "recordings": FILE | {"help": "a file of events, or a folder of them"},
    "--out": FILE | {"required": True, "help": "a new folder"},
    "--refractory": TIME | {"help": "leave out what a pixel sends so soon again"},
    "--noise": TIME | {"help": "leave out what has had no neighbour for so long"},
}
PROCESSES: Options = {"--processes": {"type": int, "help": "how many work at once (2)"}}
SENSOR: Options = {"--sensor": {"metavar": "WIDTHxHEIGHT", "help": "for files that don't say it"}}
TRAINED: Options = SENSOR | {"--checkpoint": FILE | {"required": True, "help": "what train saved"}}
ASKED: Options = {"recordings": FILE | {"nargs": "+", "help": f"{EVENTS}; or a folder per class"}}
CUT: Options = SENSOR | {
    "--size": {"metavar": "WIDTHxHEIGHT", "help": "bring recordings to it; else at most 128x128"},
    "--window-ms": {"type": float, "metavar": "MS", "help": "cut recordings into such parts"},
}
PARTS: Options = CUT | {
    "--time-window": {"type": float, "metavar": "MICROSECONDS", "help": "of a bin; else chosen"},
    "--augment": {"choices": ("none", "shift", "mirror"), "help": "how training recordings change"},
}
NEW: Options = {"--out": FILE | {"required": True, "help": "a new file, as cards.h5"}}
FOLDER: Options = {"folder": {"metavar": "PATH", "help": "folder per class; compare: or a file"}}
RUN: Options = {
    "--data": {"metavar": "PATH", "help": "folder per class, or stored file; else POKER-DVS"},
    "--epochs": {"type": int, "help": "passes over the training recordings; else chosen"},
    "--network": {"choices": NETWORKS, "help": "what to train (layer for --data, else snn)"},
    "--delays": {"metavar": "MS,MS...", "help": "how late the layer's output comes, as 0,4,8"},
    "--seed": {"type": int, "help": "fixes what is drawn at random (0)"},
    "--checkpoint": FILE | {"help": "save the network and the run here after every epoch"},
    "--resume": FILE | {"help": "go on with this run and its options; only --epochs may differ"},
    "--device": {"help": "cpu, cuda or cuda:NUMBER; else a CUDA GPU where there is one"},
}
CARDS: Options = NEW | {
    "--cards": {"type": int, "help": "how many (20000)"},
    "--seed": {"type": int, "help": "fixes every event (0)"},
}
SOURCE: Options = {
    "--camera": {"action": "store_const", "const": True, "help": "listen to faery's first camera"},
    "--pause": {"type": float, "metavar": "MS", "help": "silence that ends a gesture (200)"},
    "file": FILE | {"nargs": "?", "help": EVENTS},
}
COMMANDS: dict[str, tuple[str, str, Options]] = {
    "train": ("train", "train the network by the book's recipe", PARTS | RUN),
    "simulate": ("recordings", "simulate many playing cards, into one file", CARDS | PROCESSES),
    "store": ("recordings", "write a folder to one file, with its groups", CUT | NEW | FOLDER),
    "predict": ("answers", "classify recordings with a trained network", TRAINED | ASKED),
    "inspect": ("recordings", "look at recordings before you train on them", INSPECT),
    "clean": ("recordings", "copy recordings without hot pixels and noise", CLEAN),
    "compare": ("recordings", "find out if recordings need time", PARTS | PROCESSES | FOLDER),
    "live": ("answers", "show the answer of a network while events come", TRAINED | SOURCE),
}
# Without one of these an option would say nothing, so it is refused.
OWN = {"data", "resume", "folder", "recordings", "file"}
NEEDS = {"sensor": OWN, "size": OWN, "window_ms": OWN, "delays": OWN | {"network"}}


def main(words: list[str] | None = None) -> None:
    """Run the command that the command line names.

    Args:
        words: The words of the command line; default: what the program was started with.

    Raises:
        SystemExit: An option can't be used. The message says which, its value and what to do.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # what a terminal can't print becomes \u....
        sys.stdout.reconfigure(errors="backslashreplace")
    parsed = vars(_parser().parse_args(words))
    name = parsed.pop("command")
    given = {key: each for key, each in parsed.items() if each is not None}
    module = import_module(f".{COMMANDS[name][0]}", __package__)
    try:
        _check(given, parsed)
        getattr(module, name)(**given)
    except BrokenPipeError:  # who reads has read enough; what is left to write goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    # Not errors like TypeError or KeyError: where the code is wrong, a traceback helps.
    except (ValueError, OSError, RuntimeError, MemoryError, ModuleNotFoundError) as error:
        message = printable(str(error) or type(error).__name__)
        raise SystemExit(f"python -m pokersnn_helpers {name}: error: {message}") from error


def _check(given: dict[str, Any], known: Iterable[str]) -> None:
    """Refuse values that are empty, and options that need another one."""
    for option, value in given.items():
        word = f"--{option.replace('_', '-')}"
        if value in ("", Path()):
            raise ValueError(f"{word} names nothing; write its value, or leave it out")
        if not given.keys() & NEEDS.get(option, given.keys()):
            needed = " or ".join(sorted(NEEDS[option].intersection(known)))
            raise ValueError(f"{word} says nothing without {needed}; leave it out, or add that")


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
