"""Load POKER-DVS from its archives, which are downloaded when needed, or simulate it.

Tonic's archives have 68 of the recordings, the authors' archive all 131, with the passes of the
cards that they were cut out of.
"""

import hashlib
import io
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from numpy import ndarray

from ..events.recordings import (
    POKERDVS_CLASSES,
    POKERDVS_SENSOR_SIZE,
    Recordings,
    Split,
    banner,
    make_events,
)
from ..system.checks import EVENT_DTYPE, suggests_names
from ..system.warn import warn
from ..system.writing import StrPath
from . import pokerdvs_archives as archives

if TYPE_CHECKING:
    import pandas as pd


@suggests_names
def load_pokerdvs(root: StrPath | None = None, source: str = "auto") -> Split:
    """Load the POKER-DVS recordings, split as Tonic splits them: 48 to train on, 20 to test on.

    Each of the two archives is looked for in this order: in ``root/POKERDVS``, where Tonic keeps
    it, in ``root`` itself, in the user's cache folder, and at the addresses in ``SOURCES``. A file
    is used only if it has the published md5 checksum. With ``source="auto"``, simulated recordings
    are returned if all of this fails.

    Args:
        root: The data folder. Default: the environment variable ``POKERSNN_DATA``, or else the
            user's cache folder. If the folder can't be written to, it is only read, and downloads
            go to the cache folder.
        source: ``"auto"``, ``"real"`` (never falls back) or ``"simulated"``.

    Returns:
        The recordings, with ``.source`` saying whether they are ``"real"`` or ``"simulated"``.

    Raises:
        ValueError: ``source`` is none of the three.
        FileNotFoundError: ``source="real"`` and the recordings can't be loaded. The message lists
            what was tried, why each failed, and what to do.

    Warns:
        UserWarning: ``source="auto"`` fell back to simulated recordings. The warning says why, and
            what to do.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> data.classes, len(data.train), len(data.test)
        (('club', 'heart', 'diamond', 'spade'), 48, 20)
    """
    if root in ("auto", "real", "simulated"):
        raise ValueError(f'root is {root!r}; write source="{root}", or "./{root}" for a folder')

    def simulate() -> Split:
        from ..simulation import simulate_pokerdvs

        return simulate_pokerdvs()

    return _real_or_simulated(source, root, _load_68, simulate)


class PokerDVS131(NamedTuple):
    """All 131 recordings, with a table of what is known about each.

    Attributes:
        recordings: In the order of the classes, and within a class in the order of time.
        table: A row for each recording. ``file``: its name in the archive; ``class``;
            ``upside down``; ``start (ms)``, counted from the earliest recording; ``pass``: the
            number of the card pass, as for ``stratified_folds(recordings, groups=table["pass"])``;
            ``tonic``: the same recording in Tonic's split, as "pips_train/cl/7.npy", or "".
        source: ``"real"`` or ``"simulated"``.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs131
        >>> load_pokerdvs131(source="simulated").table["class"].value_counts()["club"].item()
        30
    """

    recordings: Recordings
    table: "pd.DataFrame"
    source: str

    def __repr__(self) -> str:
        passes = self.table["pass"].nunique()
        return f"{self.source} recordings: {len(self.recordings)}, from {passes} card passes"

    def _repr_html_(self) -> str:
        return banner(repr(self), self.source)


@suggests_names
def load_pokerdvs131(root: StrPath | None = None, source: str = "auto") -> PokerDVS131:
    """Load the 131 recordings that the authors extracted, among them the 68 of ``load_pokerdvs``.

    The archive ``poker_dvs.tar.gz`` is looked for, downloaded and checked in the same way as the
    two archives of ``load_pokerdvs``. If simulated recordings stand in, there are as many passes,
    pips and upside-down pips among them.

    Args:
        root: As for ``load_pokerdvs``.
        source: ``"auto"``, ``"real"`` (never falls back) or ``"simulated"``.

    Raises:
        ValueError: ``source`` is none of the three.
        FileNotFoundError: ``source="real"`` and the recordings can't be loaded.

    Warns:
        UserWarning: ``source="auto"`` fell back to simulated recordings, and why.

    Example:
        >>> everything = load_pokerdvs131(source="simulated")
        >>> len(everything.recordings), everything.table["pass"].nunique()
        (131, 26)
    """

    def simulate() -> PokerDVS131:
        from ..simulation import simulate_passes

        return PokerDVS131(*simulate_passes(), "simulated")

    return _real_or_simulated(source, root, _load_131, simulate)


Loaded = TypeVar("Loaded")


def _real_or_simulated(
    source: str,
    root: StrPath | None,
    load_real: Callable[[Path], Loaded],
    simulate: Callable[[], Loaded],
) -> Loaded:
    """Call one of two functions, as ``load_pokerdvs`` says."""
    if source not in ("auto", "real", "simulated"):
        raise ValueError(f'source is {source!r}; choose "auto", "real" or "simulated"')
    if source != "simulated":
        folder = Path(root or os.environ.get("POKERSNN_DATA") or archives.cache_folder())
        try:
            return load_real(folder.expanduser().absolute())
        except FileNotFoundError as error:
            if source == "real":
                raise
            last_tried = str(error).splitlines()[-2].strip()
            warn(
                "the real POKER-DVS recordings could not be loaded, so these are simulated.\n"
                f"The last place tried: {last_tried}\n"
                'What to do: connect to the internet and load again; source="real" says all tries.'
            )
    return simulate()


def _load_68(root: Path) -> Split:
    train, test = [
        _recordings(archives.read_archive(archive, root)) for archive in archives.ARCHIVES
    ]
    return Split(train, test, source="real")


def _recordings(files: dict[str, bytes]) -> Recordings:
    """Parse recordings, in the order of their classes and then of their content."""
    folders = [name[:2] for name in POKERDVS_CLASSES]
    parsed = []
    for name, content in files.items():
        columns = np.load(io.BytesIO(content)).astype(np.int64, order="C")  # t, x, y, p
        target = folders.index(Path(name).parent.name)
        parsed.append((target, columns.tobytes()))
    targets, contents = zip(*sorted(parsed), strict=True)
    events = (np.frombuffer(content, EVENT_DTYPE) for content in contents)
    return Recordings(events, targets, POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE)


def _load_131(root: Path) -> PokerDVS131:
    import pandas as pd  # which takes a second to import

    tonic_names = {md5: name for name, md5 in archives.REGISTRY.items()}
    rows = []
    for file, content in archives.read_archive(archives.ARCHIVE_131, root).items():
        events = _read_dvs128(content)
        start = int(events["t"][0])
        end = int(events["t"][-1])
        events["t"] -= start
        rows.append((file, events, start, end, tonic_names.get(_md5_as_numpy_file(events), "")))
    table = pd.DataFrame(rows, columns=["file", "events", "start", "end", "tonic"])
    table["class"] = table["file"].str.extract(r"x([a-z]+)", expand=False)  # of "xclub02i.aedat"
    table["upside down"] = table["file"].str.endswith("i.aedat")
    table["target"] = table["class"].map(POKERDVS_CLASSES.index)
    table = table.sort_values(["target", "start", "file"], ignore_index=True)
    table["pass"] = card_passes(table)
    table["start (ms)"] = (table["start"] - table["start"].min()) / 1000
    recordings = Recordings(
        table["events"], table["target"], POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE
    )
    columns = ["file", "class", "upside down", "start (ms)", "pass", "tonic"]
    return PokerDVS131(recordings, table[columns], "real")


def _read_dvs128(content: bytes) -> ndarray:
    """Read an AEDAT file of version 2 that a DVS128 wrote, and that is known to be whole.

    Lines that begin with "#" come first, then pairs of an address and a time in µs:
    https://docs.inivation.com/software/software-advanced-usage/file-formats
    """
    header = re.match(rb"(?:#.*\n)*", content)
    address, t = np.frombuffer(content, ">u4", offset=header.end()).reshape(-1, 2).T  # type: ignore[union-attr]
    return make_events(t, x=address >> 1 & 0x7F, y=address >> 8 & 0x7F, p=~address & 1)


def _md5_as_numpy_file(events: ndarray) -> str:
    """Return the hash that a recording has in Tonic's archives; its time starts at 0."""
    columns = np.stack([events[field] for field in "txyp"], axis=1)
    file = io.BytesIO()
    np.save(file, columns.astype(np.uint64))
    return hashlib.md5(file.getvalue()).hexdigest()


def card_passes(table: "pd.DataFrame") -> "pd.Series[int]":
    """Number the passes of the cards, of recordings in the order of "target" and "start".

    The pips of a card pass the camera together, so their recordings overlap in time. A new pass
    begins where a recording starts after all before it, of its suit, have ended.
    """
    ended = table.groupby("target")["end"].cummax().shift()
    other_suit = table["target"] != table["target"].shift()
    return (other_suit | (table["start"] > ended)).cumsum() - 1
