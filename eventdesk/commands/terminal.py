"""Text that is safe to print in a terminal, sizes in pixels that it gives, and Ctrl-C."""

import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Stopped(KeyboardInterrupt):
    """A run that Ctrl-C ended. Its text, which ``main`` prints, says how to go on with it."""


def printable(text: str) -> str:
    """Escape characters that would steer a terminal: the name of a file can hold any."""
    safe = ""
    for character in text:
        if character.isprintable() or character == "\n":
            safe += character
        else:
            safe += character.encode("unicode_escape").decode()
    return safe


def say(*lines: object) -> None:
    """Print lines at once: who reads a file or a pipe wants to see how far a run is."""
    for line in lines:  # the name of a file can hold an end of a line, too
        print(printable(str(line)).replace("\n", "\\n"), flush=True)


def format_warning(message: object, *_: Any) -> str:
    """Format a warning so that it can't steer a terminal either, without the line that warned."""
    return printable(f"warning: {message}\n")


def pixels(option: str, words: str) -> tuple[int, int] | None:
    """Return the width and height in words such as 346x260; None for no words."""
    if not words:
        return None
    size = re.fullmatch("([1-9][0-9]{0,3})x([1-9][0-9]{0,3})", words)
    if not size:
        raise ValueError(f"{option} is {words!r}; write WIDTHxHEIGHT, as 346x260, up to 9999")
    return int(size[1]), int(size[2])


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise an interrupt itself where it came while compiled code returned: a ``SystemError``."""
    try:
        yield
    except SystemError as error:
        raise error.__cause__ or error from None


def forget(stopped: KeyboardInterrupt) -> None:
    """Delete the variables of what was interrupted, in silence.

    A progress bar that is only half made would print why it can't be deleted.
    """
    hook = sys.unraisablehook
    sys.unraisablehook = lambda _: None
    for error in (stopped, stopped.__cause__):  # a ``Stopped`` has the interrupt as its cause
        if error:
            traceback.clear_frames(error.__traceback__)
    sys.unraisablehook = hook
