"""Read the POKER-DVS recordings, or the stand-in for them, and sum them up."""

import copy
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from tonic.datasets import POKERDVS

from .archives import ARCHIVES, cache_folder, find_recordings
from .camera import EventCamera
from .standin import write_standin


@dataclass(frozen=True)
class PokerDVS:
    """The recordings, split as Tonic splits them.

    Attributes:
        train: 48 recordings as ``tonic.datasets.POKERDVS``. Each item is ``(events, target)``: a
            structured array with fields t (µs), x, y (pixels) and p (1 = ON, 0 = OFF), and the
            index of its class.
        test: 20 recordings in the same form.
        source: ``"real"`` or ``"standin"``.
        classes: Suit names, in the order of Tonic's ``POKERDVS.classes``; ``classes[target]`` names
            a recording.
    """

    train: POKERDVS
    test: POKERDVS
    source: str
    classes: tuple[str, ...] = ("club", "heart", "diamond", "spade")

    def __repr__(self) -> str:
        kind = "real recordings" if self.source == "real" else "SYNTHETIC STAND-IN"
        return f"PokerDVS({kind}: {len(self.train)} to train on, {len(self.test)} to test on)"

    def _repr_html_(self) -> str:
        counts = f"{len(self.train)} recordings to train on, {len(self.test)} to test on"
        if self.source == "real":
            return f"<p><b>POKER-DVS, the real recordings</b>: {counts}.</p>"
        return (
            '<div role="note" style="border:4px solid #b3261e;background:#fff3cd;color:#3b1a00;'
            'padding:1em 1.2em;margin:1em 0;font-size:1.15em">'
            "<b>This page was made with simulated events, not with POKER-DVS.</b><br>"
            "The real recordings could not be loaded, so a synthetic stand-in takes their place "
            f"({counts}). The figures and numbers below say nothing about real cards. "
            '<code>load_pokerdvs(source="real")</code> tells why, and where to put the files by '
            "hand.</div>"
        )


def load_pokerdvs(root: str | os.PathLike | None = None, source: str = "auto") -> PokerDVS:
    """Load the POKER-DVS recordings.

    Tried in this order: recordings already unpacked under ``root``; the two archives lying there;
    the addresses in ``archives.SOURCES``; and, with ``source="auto"`` only, a synthetic stand-in.
    Archives count only when their md5 is the published one. Both are looked for in
    ``root/POKERDVS``, where Tonic would keep them, and in ``root`` itself.

    Args:
        root: The data folder. Default: the environment variable ``POKERSNN_DATA``, else the user's
            cache folder. A folder that can't be written to is a source only; what has to be
            unpacked then goes to the cache folder.
        source: ``"auto"``, ``"real"`` (never falls back) or ``"standin"``.

    Returns:
        The train and test recordings, with ``.source`` saying which ones they are.

    Raises:
        ValueError: ``source`` is none of the three.
        FileNotFoundError: ``source="real"`` and the recordings can't be had. The message lists what
            was tried, why each failed, and what to do.

    Warns:
        UserWarning: ``source="auto"`` fell back to the stand-in.
    """
    if source not in ("auto", "real", "standin"):
        raise ValueError(f'source is {source!r}; choose "auto", "real" or "standin"')
    if source != "standin":
        root = Path(root or os.environ.get("POKERSNN_DATA") or cache_folder())
        try:
            folder = find_recordings(root.expanduser().absolute())
            return PokerDVS(*read_recordings(folder), source="real")
        except FileNotFoundError:
            if source == "real":
                raise
            warnings.warn(
                "the real POKER-DVS recordings were not found, so these are simulated; "
                'load_pokerdvs(source="real") lists what was tried',
                stacklevel=2,
            )
    return load_standin()


def load_standin(
    seed: int = 0, n_train: int = 48, n_test: int = 20, camera: EventCamera | None = None
) -> PokerDVS:
    """Simulate recordings in the form of the real set.

    Args:
        seed: Fixes every event.
        n_train: Recordings to train on, a quarter of them (rounded down) from each suit.
        n_test: Recordings to test on, likewise.
        camera: What films them. Default: ``standin.CAMERA``.

    Raises:
        ValueError: There are fewer than 20 of either, which Tonic takes for an incomplete set.
    """
    for name, count in (("n_train", n_train), ("n_test", n_test)):
        if count < 20:
            raise ValueError(f"{name} is {count}; choose 20 or more, a multiple of 4")
    with tempfile.TemporaryDirectory() as folder:
        write_standin(Path(folder), seed, n_train, n_test, camera)
        return PokerDVS(*read_recordings(Path(folder)), source="standin")


def read_recordings(folder: Path) -> Iterator[POKERDVS]:
    """Yield the train and the test recordings of an unpacked folder, read by Tonic."""
    with tempfile.TemporaryDirectory() as scratch:
        save_to = folder.parent
        if folder.name != "POKERDVS" or not all((folder / a.filename).exists() for a in ARCHIVES):
            # Tonic goes looking for the archives when they don't lie beside the recordings. It
            # doesn't open them, so empty files will do, but not in the reader's own folder.
            save_to = Path(scratch)
            for archive in ARCHIVES:
                shutil.copytree(folder / archive.folder, save_to / "POKERDVS" / archive.folder)
                (save_to / "POKERDVS" / archive.filename).touch()
        for train in (True, False):
            yield _in_order(POKERDVS(save_to=str(save_to), train=train))


def _in_order(dataset: POKERDVS) -> POKERDVS:
    """Sort recordings by class and content: Tonic lists folders in the file system's own order."""
    order = sorted(
        range(len(dataset)), key=lambda i: (dataset.targets[i], dataset.data[i].tobytes())
    )
    return _subset(dataset, order)


def describe(data: PokerDVS) -> pd.DataFrame:
    """Sum up every recording in a row.

    Args:
        data: What ``load_pokerdvs`` returns.

    Returns:
        A table with the columns set ("train" or "test"), suit, events, duration (ms), rate (events
        per ms), ON share (0 to 1) and active pixels (pixels that sent at least one event).
    """
    rows = []
    for name, recordings in (("train", data.train), ("test", data.test)):
        for events, target in recordings:
            duration = (events["t"][-1] - events["t"][0]) / 1000
            rows.append(
                {
                    "set": name,
                    "suit": data.classes[target],
                    "events": len(events),
                    "duration (ms)": duration,
                    "rate (events/ms)": len(events) / duration,
                    "ON share": events["p"].mean(),
                    "active pixels": len(np.unique(events[["x", "y"]])),
                }
            )
    return pd.DataFrame(rows)


def one_of_each_suit(data: PokerDVS) -> list[tuple[np.ndarray, int]]:
    """Return the first test recording of each suit as ``(events, target)``."""
    return [data.test[data.test.targets.index(target)] for target in range(len(data.classes))]


def cross_validation_folds(data: PokerDVS, folds: int = 4) -> list[PokerDVS]:
    """Split the training recordings into parts that take turns as the test set.

    Each part has the same share of every suit. The real test recordings are left out, so that
    choices made with these folds don't depend on them.

    Args:
        data: What ``load_pokerdvs`` returns.
        folds: How many parts.

    Returns:
        One data set a part: ``test`` is that part, and ``train`` all the others.

    Raises:
        ValueError: There are fewer than 2 parts, or more than recordings of a suit.
    """
    fewest = min(data.train.targets.count(target) for target in range(len(data.classes)))
    if not 2 <= folds <= fewest:
        raise ValueError(f"folds is {folds}; choose from 2 to {fewest}, the recordings of a suit")
    numbers = range(len(data.train))  # sorted by suit, so every folds-th is a fair share of each
    return [
        replace(
            data,
            train=_subset(data.train, [i for i in numbers if i % folds != part]),
            test=_subset(data.train, [i for i in numbers if i % folds == part]),
        )
        for part in range(folds)
    ]


def _subset(recordings: POKERDVS, indices: list[int]) -> POKERDVS:
    chosen = copy.copy(recordings)
    chosen.data = [recordings.data[i] for i in indices]
    chosen.targets = [recordings.targets[i] for i in indices]
    return chosen
