"""The command line: which command takes which options. A command's module loads when it runs."""

import argparse
import io
import os
import sys
import warnings
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

from .terminal import forget, format_warning, printable

Options = dict[str, dict[str, Any]]  # what argparse takes, by name
NETWORKS = {
    "snn": "snn:SNN",
    "fast": "fast:FastSNN",
    "layer": "fast:LayerThenSNN",
}
EVENTS = "events, such as .npy, .csv or a camera's own file"

FILE: dict[str, Any] = {"metavar": "FILE", "type": Path}
FILES = FILE | {"nargs": "+"}
MICROSECONDS: dict[str, Any] = {"metavar": "MICROSECONDS", "type": int}
SENSOR: Options = {
    "--sensor": {"metavar": "WIDTHxHEIGHT", "help": "for files that don't say it"},
}
RECIPE = SENSOR | {
    "--size": {"metavar": "WIDTHxHEIGHT", "help": "bring recordings to it; else at most 128x128"},
    "--window-ms": {"metavar": "MS", "type": float, "help": "cut recordings into such parts"},
    "--time-window": {"metavar": "MICROSECONDS", "type": float, "help": "of a bin; else chosen"},
    "--augment": {"choices": ("none", "shift", "mirror"), "help": "how training recordings change"},
}
TRAIN = RECIPE | {
    "--data": {"metavar": "PATH", "help": "folder per class; else POKER-DVS"},
    "--epochs": {"type": int, "help": "passes over the training recordings; else chosen"},
    "--network": {
        "choices": NETWORKS,
        "help": "what to train (layer for --data, else snn); save_nir takes snn and fast alone",
    },
    "--delays": {"metavar": "MS,MS...", "help": "how late the layer's output comes, as 0,4,8"},
    "--seed": {"type": int, "help": "fixes what is drawn at random (0)"},
    "--checkpoint": FILE | {"help": "save the network and the run here after every epoch"},
    "--resume": FILE | {"help": "go on with this run and its options; only --epochs may differ"},
    "--device": {"help": "cpu, cuda or cuda:NUMBER; else a CUDA GPU where there is one"},
}
TRAINED = SENSOR | {
    "--checkpoint": FILE | {"required": True, "help": "what train saved"},
}
PREDICT = TRAINED | {
    "--each": {"action": "store_true", "help": "a line per file of a folder, too"},
    "recordings": FILES | {"help": f"{EVENTS}; or a folder per class"},
}
INSPECT: Options = {
    "recordings": FILES | {"help": "files of events, or folders of them"},
    "--plot": FILE | {"help": "draw the pixels of the first, as .pdf, .png or .svg"},
    "--json": {"action": "store_true", "help": "print numbers and advice of each file, as JSON"},
}
CLEAN: Options = {
    "recordings": FILE | {"help": "a file of events, or a folder of them"},
    "--out": {"metavar": "FOLDER", "type": Path, "required": True, "help": "a new folder"},
    "--refractory": MICROSECONDS | {"help": "leave out what a pixel sends so soon again"},
    "--noise": MICROSECONDS | {"help": "leave out what has had no neighbour for so long"},
}
COMPARE = RECIPE | {
    "--processes": {"type": int, "help": "how many work at once (2)"},
    "folder": {"metavar": "FOLDER", "help": "a folder per class"},
}
LIVE = TRAINED | {
    "--camera": {"action": "store_true", "help": "listen to faery's first camera"},
    "--pause": {"metavar": "MS", "type": float, "help": "silence that ends a gesture (200)"},
    "file": FILE | {"nargs": "?", "help": EVENTS},
}
COMMANDS: dict[str, tuple[str, str, Options]] = {  # its module, what it does, and its options
    "train": ("train", "train the network by the book's recipe", TRAIN),
    "predict": ("answers", "classify recordings with a trained network", PREDICT),
    "inspect": ("look", "look at recordings before you train on them", INSPECT),
    "clean": ("look", "copy recordings without hot pixels and noise", CLEAN),
    "compare": ("look", "find out if recordings need time, or have a shortcut", COMPARE),
    "live": ("answers", "show the answer of a network while events come", LIVE),
}
# Without one of these, where a command knows them, an option would say nothing: it is refused.
NEEDED = {
    "sensor": ("data", "resume", "file"),  # of train, and of live
    "size": ("data", "resume"),
    "window_ms": ("data", "resume"),
    "delays": ("data", "network", "resume"),
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
    warnings.formatwarning = format_warning  # type: ignore[assignment]
    options = vars(_parser().parse_args(words))
    name = options.pop("command")
    given = {option: value for option, value in options.items() if value is not None}
    module_name, _, _ = COMMANDS[name]
    module = import_module(f".{module_name}", __package__)
    command = getattr(module, name)
    try:
        _check_options(given, options)
        command(**given)
    except KeyboardInterrupt as stopped:
        forget(stopped)
        print(f"python -m pokersnn_helpers {name}: stopped", file=sys.stderr)
        raise SystemExit(130) from None
    except BrokenPipeError:  # who reads has read enough; what is left to write goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    # Not errors like TypeError or KeyError: where the code is wrong, a traceback helps.
    except (ValueError, OSError, RuntimeError, MemoryError, ModuleNotFoundError) as error:
        message = printable(str(error) or type(error).__name__)
        raise SystemExit(f"python -m pokersnn_helpers {name}: error: {message}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pokersnn_helpers",
        description="Train the POKER-DVS book's spiking neural network, and classify recordings.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (_, description, options) in COMMANDS.items():
        sentence = f"{description.capitalize()}."
        command = commands.add_parser(name, help=description, description=sentence)
        for option, settings in options.items():
            command.add_argument(option, **settings)
    return parser


def _check_options(given: dict[str, Any], known: dict[str, Any]) -> None:
    """Refuse options that are empty, and those that need another one."""
    for option, value in given.items():
        word = f"--{option.replace('_', '-')}"
        if value == "":
            raise ValueError(f"{word} names nothing; write its value, or leave it out")
        others = [other for other in NEEDED.get(option, ()) if other in known]
        if others and given.keys().isdisjoint(others):
            needed = " or ".join(others)
            raise ValueError(f"{word} says nothing without {needed}; leave it out, or add that")


def resolve_network(name: str) -> Any:
    """Import a network by its name on the command line."""
    return resolve_name(f"pokersnn_helpers.{NETWORKS[name]}")
