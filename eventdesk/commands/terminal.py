"""Words that a terminal can take, and sizes in pixels that it gives."""

import re
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

FORMAT_WARNING = warnings.formatwarning


def printable(text: str) -> str:
    """Escape what would steer a terminal: the name of a file can hold anything."""
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


def format_warning(*message: Any) -> str:
    """Format a warning so that it can't steer a terminal either."""
    return printable(FORMAT_WARNING(*message))


def pixels(option: str, words: str) -> tuple[int, int] | None:
    """Read a size such as 346x260; none where there are no words."""
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
    """Let go of what was interrupted: a progress bar that is half made prints why it can't end."""
    hook = sys.unraisablehook
    sys.unraisablehook = lambda _: None
    traceback.clear_frames(stopped.__traceback__)
    sys.unraisablehook = hook
