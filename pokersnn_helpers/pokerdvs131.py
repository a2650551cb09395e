"""Load all 131 recordings of POKER-DVS, with the passes of the cards that they were cut out of."""

import hashlib
import io
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from .camera_files import read_aedat
from .pokerdvs import ARCHIVE_131, REGISTRY, read_archive, real_or_simulated
from .recordings import POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE, Recordings, banner
from .simulation import simulate_passes


class PokerDVS131(NamedTuple):
    """All recordings, and what is known about each.

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
    table: pd.DataFrame
    source: str

    def __repr__(self) -> str:
        passes = self.table["pass"].nunique()
        return f"{self.source} recordings: {len(self.recordings)}, from {passes} card passes"

    def _repr_html_(self) -> str:
        return banner(repr(self), self.source)


def load_pokerdvs131(
    root: str | os.PathLike[str] | None = None, source: str = "auto"
) -> PokerDVS131:
    """Load the 131 recordings that the authors extracted, among them the 68 of ``load_pokerdvs``.

    The archive ``poker_dvs.tar.gz`` is looked for, downloaded and checked as ``load_pokerdvs``
    does with its two. Simulated recordings have as many passes, pips and pips upside down.

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
    return real_or_simulated(source, root, _load_real, _simulate)


def card_passes(starts: Sequence[int], ends: Sequence[int]) -> np.ndarray:
    """Number the passes of the cards of one suit.

    The pips of a card pass the camera together, so their recordings overlap in time. In the order
    of their starts, a new pass begins where a recording starts after all before it have ended.
    """
    order = np.argsort(starts, kind="stable")
    latest = np.maximum.accumulate(np.asarray(ends)[order])
    begins = np.asarray(starts)[order][1:] > latest[:-1]
    passes = np.empty(len(order), dtype=int)
    passes[order] = np.concatenate([[0], begins.cumsum()])
    return passes


def _load_real(root: Path) -> PokerDVS131:
    files = {name: read_aedat(data)[0] for name, data in read_archive(ARCHIVE_131, root).items()}
    known = {md5: name for name, md5 in REGISTRY.items()}
    table = pd.DataFrame(
        [
            {
                "file": name,
                "class": re.sub(r"x|\d+i?\.aedat", "", name),  # of "xclub02i.aedat"
                "upside down": name.endswith("i.aedat"),
                "start": events["t"][0],
                "end": events["t"][-1],
                "tonic": known.get(_md5_as_numpy_file(events), ""),
            }
            for name, events in files.items()
        ]
    )
    table["target"] = [POKERDVS_CLASSES.index(name) for name in table["class"]]
    table = table.sort_values(["target", "start", "file"], ignore_index=True)
    first = 0
    for _, rows in table.groupby("target"):
        numbers = first + card_passes(rows["start"].tolist(), rows["end"].tolist())
        table.loc[rows.index, "pass"], first = numbers, numbers.max() + 1
    table["start (ms)"] = (table["start"] - table["start"].min()) / 1000
    events = [files[name] for name in table["file"]]
    for recording in events:
        recording["t"] -= recording["t"][0]
    recordings = Recordings(events, table["target"], POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE)
    columns = ["file", "class", "upside down", "start (ms)", "pass", "tonic"]
    return PokerDVS131(recordings, table[columns].astype({"pass": int}), "real")


def _md5_as_numpy_file(events: np.ndarray) -> str:
    """Return the hash that the recording has in Tonic's archives, where its time starts at 0."""
    columns = np.stack([events["t"] - events["t"][0], events["x"], events["y"], events["p"]], 1)
    file = io.BytesIO()
    np.save(file, columns.astype(np.uint64))
    return hashlib.md5(file.getvalue()).hexdigest()


def _simulate() -> PokerDVS131:
    return PokerDVS131(*simulate_passes(), "simulated")
