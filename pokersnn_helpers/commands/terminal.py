"""What the commands share: words that a terminal can take, and the options of a folder."""

import argparse
from pathlib import Path

from ..own.folders import Folder, load_folder


def printable(text: str) -> str:
    """Escape what would steer a terminal: the name of a file can hold anything."""
    return "".join(
        each if each.isprintable() or each == "\n" else each.encode("unicode_escape").decode()
        for each in text
    )


def path(word: str) -> Path:
    """Read the name of a file from the command line."""
    if not word:
        raise argparse.ArgumentTypeError("the name is empty; name a file")
    return Path(word)


def say(text: object) -> None:
    """Print a line at once: who reads a file or a pipe wants to see how far a run is."""
    try:
        print(printable(str(text)), flush=True)
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from error


def add_sensor_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--sensor``, for files that don't say their sensor."""
    parser.add_argument(
        "--sensor",
        metavar="WIDTHxHEIGHT",
        help="pixels of the sensor, as 346x260, for files that don't say it; default: the "
        "smallest that holds all events",
    )


def add_folder_options(parser: argparse.ArgumentParser) -> None:
    """Add what ``read_folder`` takes."""
    add_sensor_option(parser)
    parser.add_argument(
        "--size",
        metavar="WIDTHxHEIGHT",
        help="pixels that recordings are brought to; default: as they are, at most 128 a side",
    )
    parser.add_argument(
        "--window-ms", type=float, metavar="MS", help="cut recordings into parts of this duration"
    )


def pixels(option: str, words: str | None) -> tuple[int, int] | None:
    """Read a size such as 346x260."""
    if not words:
        return None
    width, cross, height = words.partition("x")
    if not (cross and width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise ValueError(f"{option} is {words!r}; write WIDTHxHEIGHT, as 346x260")
    return int(width), int(height)


def read_folder(
    folder: str, sensor: str | None, size: str | None, window_ms: float | None
) -> Folder:
    """Load a folder as the options say."""
    sensor_size = pixels("--sensor", sensor)
    return load_folder(
        folder,
        sensor_size=sensor_size and (*sensor_size, 2),
        size=pixels("--size", size),
        window_ms=window_ms,
    )
