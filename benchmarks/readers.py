"""What independent readers make of the same files: events that differ from those written.

The files are written here, as the formats' own texts say, of events that are drawn at random: many
at a time or none for seconds, single ones and rows, with triggers between them, until counters
begin anew. Only AEDAT 4 is written by faery, and files of N-MNIST are read as Tonic does.
"""

import os
import tarfile
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from eventdesk.files.event_files import read_unchecked
from pokersnn_helpers.events.recordings import make_events
from pokersnn_helpers.system.checks import EVENT_DTYPE

from . import Row
from .libraries import installed_version

SENSOR = (640, 480)
Events = np.ndarray
PROPHESEE = "% evt {}\n% format {};height=480;width=640\n% geometry 640x480\n% end\n"


def draw(rng: np.random.Generator, count: int = 300) -> Events:
    """Draw rows of events, sorted by time, row, polarity and column."""
    steps = rng.choice([0, 1, 50, 5000, 2**22], count, p=[0.2, 0.3, 0.3, 0.19, 0.01])
    t = int(rng.integers(2**12, 2**22)) + steps.cumsum()
    x = rng.integers(0, SENSOR[0] - 40, count)
    y = rng.integers(0, SENSOR[1], count)
    p = rng.integers(0, 2, count)
    lengths = rng.choice([1, 2, 30], count, p=[0.6, 0.3, 0.1])
    rows = np.stack([t, y, p, x]).repeat(lengths, axis=1)
    rows[3] += rng.integers(32, size=lengths.sum())
    t, y, p, x = np.unique(rows, axis=1)
    return make_events(t, x, y, p)


def write_evt2(events: Events) -> bytes:
    """Encode as https://docs.prophesee.ai/stable/data/encoding_formats/evt2.html says."""
    words = []
    high = None
    for t, x, y, p in events.tolist():
        if t >> 6 != high:
            high = t >> 6
            words += [8 << 28 | high & 0xFFFFFFF, 10 << 28 | (t & 63) << 22 | 1]  # and a trigger
        words.append(p << 28 | (t & 63) << 22 | x << 11 | y)
    return PROPHESEE.format("2.0", "EVT2").encode() + np.array(words, "<u4").tobytes()


def write_evt21(events: Events) -> bytes:
    """Encode as https://docs.prophesee.ai/stable/data/encoding_formats/evt21.html says."""
    words = []
    high = None
    for (t, y, p), x in rows_of(events):
        if t >> 6 != high:
            high = t >> 6
            words.append(8 << 60 | (high & 0xFFFFFFF) << 32)
        for base in sorted({column & ~31 for column in x}):
            valid = sum(1 << column - base for column in x if column & ~31 == base)
            words.append(p << 60 | (t & 63) << 54 | base << 43 | y << 32 | valid)
    return PROPHESEE.format("2.1", "EVT21").encode() + np.array(words, "<u8").tobytes()


def write_evt3(events: Events) -> bytes:
    """Encode as https://docs.prophesee.ai/stable/data/encoding_formats/evt3.html says.

    A camera sends the high bits of the time whenever they change, also while nothing moves.
    """
    words = []
    high = int(events["t"][0] >> 12) - 1
    low = row = None
    for (t, y, p), x in rows_of(events):
        if t >> 12 != high:
            words += [8 << 12 | number & 0xFFF for number in range(high + 1, (t >> 12) + 1)]
            high = t >> 12
            words.append(10 << 12 | 1)  # a trigger
            low = None
        if t & 0xFFF != low:
            low = t & 0xFFF
            words.append(6 << 12 | low)
        if y != row:
            row = y
            words.append(y)
        while x:
            first = x[0]
            bits = sum(1 << column - first for column in x if column < first + 32)
            x = [column for column in x if column >= first + 32]
            if bits == 1:
                words.append(2 << 12 | p << 11 | first)
            else:
                words += [3 << 12 | p << 11 | first, 4 << 12 | bits & 0xFFF]
                words += [4 << 12 | bits >> 12 & 0xFFF, 5 << 12 | bits >> 24]
    return PROPHESEE.format("3.0", "EVT3").encode() + np.array(words, "<u2").tobytes()


def rows_of(events: Events) -> list[tuple[tuple[int, int, int], list[int]]]:
    """Return time, row and polarity of events that a camera sends together, and their columns."""
    rows: dict[tuple[int, int, int], list[int]] = {}
    for t, x, y, p in events.tolist():
        rows.setdefault((t, y, p), []).append(x)
    return list(rows.items())


def write_dat(events: Events) -> bytes:
    """Encode as https://docs.prophesee.ai/stable/data/file_formats/dat.html says."""
    t, x, y, p = (events[field] for field in "txyp")
    words = np.stack([t % 2**32, x | y << 14 | p << 28], axis=1).astype("<u4")
    return b"% Version 2\n% Width 640\n% Height 480\n% end\n\x0c\x08" + words.tobytes()


def write_aedat4(events: Events) -> bytes:
    """Let faery write it."""
    import faery

    array = np.zeros(len(events), faery.EVENTS_DTYPE)
    for field, name in zip("txyp", array.dtype.names, strict=True):
        array[name] = events[field]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.aedat4")
        faery.events_stream_from_array(array, dimensions=SENSOR).to_file(path)
        return path.read_bytes()


def read_by(reader: str, path: Path) -> Events:
    """Return the events of a file as one of the packages reads them, in no order."""
    match reader:
        case "pokersnn-helpers":
            events = read_unchecked(path).events
            return make_events(*(events[field] for field in "txyp"))
        case "evlib":
            import evlib

            table = evlib.load_events(str(path), sort=False).collect()
            t = table["t"].dt.total_microseconds().to_numpy()
            x, y, p = (table[name].to_numpy() for name in ("x", "y", "polarity"))
            return make_events(t, x, y, p > 0)
        case "evt3":
            import evt3

            decoded = evt3.decode_file(str(path))
            return make_events(decoded.timestamp, decoded.x, decoded.y, decoded.polarity)
        case "faery":
            import faery

            array = faery.events_stream_from_file(path).to_array()
            return make_events(*(array[field] for field in "txyp"))
        case _:
            from tonic.io import read_mnist_file

            array = read_mnist_file(str(path), EVENT_DTYPE[list("xytp")])
            return make_events(*(array[field] for field in "txyp"))


READERS = ("pokersnn-helpers", "evlib", "evt3", "faery")
FORMATS: dict[str, tuple[str, Any, tuple[str, ...]]] = {  # suffix, who writes, who reads
    "EVT 2": (".raw", write_evt2, ("pokersnn-helpers", "evlib", "faery")),
    "EVT 2.1": (".raw", write_evt21, ("pokersnn-helpers", "evlib")),
    "EVT 3": (".raw", write_evt3, READERS),
    "DAT 2": (".dat", write_dat, ("pokersnn-helpers", "faery")),
    "AEDAT 4": (".aedat4", write_aedat4, ("pokersnn-helpers", "evlib", "faery")),
}


def measure(recordings: int = 100) -> Row:
    """Count files that are read otherwise, by format and reader; none of one that isn't installed.

    Args:
        recordings: Files of each format.
    """
    rng = np.random.default_rng(0)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, (suffix, write, readers) in FORMATS.items():
            path = Path(folder, f"a{suffix}")
            written = [draw(rng) for _ in range(recordings)]
            for reader in readers:
                differ = []
                for events in written if installed_version(reader) else ():
                    path.write_bytes(write(events))
                    differ.append(differs(read_by(reader, path), events))
                rows.append(row(name, reader, differ))
        differ = []
        for content in real_files(recordings):
            path = Path(folder, "a.bin")
            path.write_bytes(content)
            differ.append(differs(read_by("pokersnn-helpers", path), read_by("tonic", path)))
        rows.append(row("N-MNIST, as Tonic reads it", "pokersnn-helpers", differ))
    return {"rows": rows}


def row(name: str, reader: str, differ: list[bool]) -> Row:
    """Return what was counted of a format and a reader."""
    version = installed_version(reader)
    counts = {"files": len(differ), "differ": sum(differ)}
    return {"format": name, "reader": reader, "version": version, **counts}


def differs(read: Events, expected: Events) -> bool:
    """Say whether events differ; times count from the first."""
    return not np.array_equal(canonical(read), canonical(expected))


def canonical(events: Events) -> Events:
    """Return events in an order that doesn't depend on who read them."""
    events = np.sort(events, order=["t", "y", "p", "x"])
    if len(events):
        events["t"] -= events["t"][0]
    return events


def real_files(most: int) -> Iterator[bytes]:
    """Yield files of N-MNIST, where the archive of ``tools/make_nmnist.py`` is at hand."""
    archive = Path(os.environ.get("POKERSNN_DATA", ""), "nmnist_6789.tar.gz")
    if not archive.is_file():
        return
    with tarfile.open(archive) as tar:
        for member in islice((member for member in tar if member.isfile()), most):
            yield tar.extractfile(member).read()  # type: ignore[union-attr]
