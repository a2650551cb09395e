"""The command line: a command's module loads when it runs."""

import argparse
import io
import os
import signal
import sys
import threading
import warnings
from importlib import import_module
from typing import Any

from .options import NEEDED, OPTIONS
from .terminal import forget, format_warning, interruptible, printable

COMMANDS = {  # its module, and what it does
    "train": ("train", "train the network by the book's recipe"),
    "predict": ("answers", "classify recordings with a trained network"),
    "inspect": ("look", "look at recordings before you train on them"),
    "clean": ("look", "copy recordings without hot pixels and noise"),
    "compare": ("look", "find out if recordings need time, or have a shortcut"),
    "live": ("answers", "show the answer of a network while events come"),
    "export": ("exports", "write a trained network in C, or for other simulators"),
}
WRITING = ("train", "clean", "compare")  # which don't end with what they have printed


def main(words: list[str] | None = None) -> None:
    """Run the command that the command line names.

    Args:
        words: The words of the command line; default: what the program was started with.

    Raises:
        SystemExit: An option can't be used. The message says which, its value and what to do.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # what a terminal can't print becomes \\u....
        sys.stdout.reconfigure(errors="backslashreplace")
    warnings.formatwarning = format_warning  # type: ignore[assignment]
    program = "eventdesk"
    before = _handle_endings()
    try:
        parsed, unknown = _parser().parse_known_args(words)
        options = vars(parsed)
        name = options.pop("command")
        program += f" {name}"
        if unknown:
            _refuse_unknown(unknown[0], options)
        given = {option: value for option, value in options.items() if value is not None}
        _check_options(given, options)
        module_name, _ = COMMANDS[name]
        module = import_module(f".{module_name}", __package__)
        from .compiling import compiling_said  # Numba takes half a second

        with interruptible(), compiling_said():
            getattr(module, name)(**given)
    except KeyboardInterrupt as stopped:
        forget(stopped)
        advice = str(stopped)  # empty, unless it is a ``Stopped``
        print(printable(advice or f"{program}: stopped"), file=sys.stderr)
        raise SystemExit(130) from None
    except BrokenPipeError:  # who reads has read enough; what is left to write goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if program.removeprefix("eventdesk ") in WRITING:
            advice = "stopped before its end, since nothing reads its lines; let it print to a file"
            print(f"{program}: {advice}", file=sys.stderr)
        raise SystemExit(1) from None
    # Not errors like TypeError or KeyError: where the code is wrong, a traceback helps.
    except (ValueError, OSError, RuntimeError, MemoryError, ModuleNotFoundError) as error:
        message = printable(str(error) or type(error).__name__)
        raise SystemExit(f"{program}: error: {message}") from error
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _handle_endings() -> dict[int, Any]:
    """Treat signals that end a program like Ctrl-C, so that half a file is removed.

    Returns:
        The handlers that these signals had before.
    """
    before = {}
    if threading.current_thread() is threading.main_thread():  # no other can say what signals do
        for name in ("SIGTERM", "SIGHUP"):  # the other comes when a terminal is closed
            number = getattr(signal, name, None)
            if number and signal.getsignal(number) is not signal.SIG_IGN:  # as by nohup
                before[number] = signal.signal(number, signal.default_int_handler)
    return before


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="eventdesk",
        description="Look at event recordings, ask if they need time, train a network on them.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (_, description) in COMMANDS.items():
        sentence = f"{description.capitalize()}."
        command = commands.add_parser(name, help=description, description=sentence)
        for takers, option, meaning, settings in OPTIONS:
            if name in takers.split():
                command.add_argument(option, help=meaning, **settings)
    return parser


def _refuse_unknown(option: str, known: dict[str, Any]) -> None:
    """Say which option doesn't exist, and which known one is near."""
    from pokersnn_helpers.system.checks import suggestion

    word = option.strip("-").replace("-", "_")
    near = suggestion(word, known).replace("_", "-").replace("mean ", "mean --")
    raise ValueError(f"it has no option {option}{near}")


def _check_options(given: dict[str, Any], known: dict[str, Any]) -> None:
    """Refuse options that are empty, and those that need another one."""
    for option, value in given.items():
        word = f"--{option.replace('_', '-')}"
        if value in ("", []):  # before Python 3.12, --option=-- makes it a list
            raise ValueError(f"{word} names nothing; write its value, or leave it out")
        others = [other for other in NEEDED.get(option, "").split() if other in known]
        if others and given.keys().isdisjoint(others):
            needed = " or ".join(others)
            raise ValueError(f"{word} says nothing without {needed}; leave it out, or add that")
