"""Find, check, unpack and read the POKER-DVS recordings, or fall back to the stand-in."""

import hashlib
import os
import shutil
import stat
import tarfile
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import pandas as pd
import pooch
from tonic.datasets import POKERDVS

from .files import atomic_write
from .standin import write_standin

SUITS = ("club", "heart", "diamond", "spade")  # full names, in the order of POKERDVS.classes

# Both are pinned to a commit, so what lies there can vanish but not change.
SOURCES = (
    "https://raw.githubusercontent.com/neuromorphs/tonic/d6f0a56421008c8e5700ca52abda193f9ff29836/tonic/datasets/",
    "https://raw.githubusercontent.com/cargonriv/dvs/6025d1c189a47ef17ae459d95ce0a59447d9b9fa/data/POKERDVS/",
)
DOWNLOAD_TIMEOUT = 10  # seconds without an answer before the next source is tried


class Archive(NamedTuple):
    """One of the two published archives, and the recordings that it holds."""

    folder: str
    md5: str
    recordings_per_class: int

    @property
    def filename(self) -> str:
        return f"{self.folder}.tar.gz"

    @property
    def recordings(self) -> list[str]:
        """Paths inside the archive, for example ``pips_train/cl/0.npy``."""
        return [
            f"{self.folder}/{suit}/{number}.npy"
            for suit in POKERDVS.classes
            for number in range(self.recordings_per_class)
        ]


ARCHIVES = (
    Archive("pips_train", "412bcfb96826e4fcb290558e8c150aae", 12),
    Archive("pips_test", "eef2bf7d0d3defae89a6fa98b07c17af", 5),
)


@dataclass(frozen=True)
class PokerDVS:
    """The recordings, split as Tonic splits them.

    Attributes:
        train: 48 recordings as ``tonic.datasets.POKERDVS``. Each item is ``(events, target)``: a
            structured array with fields t (µs), x, y (pixels) and p (1 = ON, 0 = OFF), and the
            index of its class.
        test: 20 recordings in the same form.
        source: ``"real"`` or ``"standin"``.
        classes: Suit names; ``classes[target]`` names a recording.
    """

    train: POKERDVS
    test: POKERDVS
    source: str
    classes: tuple[str, ...] = SUITS

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
            f"({counts}). The figures and numbers below say nothing about the real "
            'cards. <code>load_pokerdvs(source="real")</code> tells why, and where to put the '
            "files by hand.</div>"
        )


def load_pokerdvs(root: str | os.PathLike | None = None, source: str = "auto") -> PokerDVS:
    """Load the POKER-DVS recordings.

    Tried in this order: recordings already unpacked under ``root``; the two archives lying there;
    the addresses in ``SOURCES``; and, with ``source="auto"`` only, a synthetic stand-in. Archives
    count only when their md5 is the published one. They are looked for in ``root/POKERDVS``, where
    Tonic would keep them, and in ``root`` itself.

    Args:
        root: The data folder. Default: the environment variable ``POKERSNN_DATA``, else the user's
            cache folder. A folder that can't be written to is read only; what has to be unpacked
            then goes to the cache folder.
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
        try:
            return PokerDVS(*_read(_find_recordings(_data_folder(root))), source="real")
        except FileNotFoundError as error:
            if source == "real":
                raise
            warnings.warn(
                f"using simulated recordings, because the real ones were not found. {error}",
                stacklevel=2,
            )
    with tempfile.TemporaryDirectory() as folder:
        write_standin(Path(folder))
        return PokerDVS(*_read(Path(folder)), source="standin")


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


def _cache_folder() -> Path:
    return Path(pooch.os_cache("pokersnn"))


def _data_folder(root: str | os.PathLike | None) -> Path:
    chosen = root or os.environ.get("POKERSNN_DATA") or _cache_folder()
    return Path(chosen).expanduser().absolute()


def _find_recordings(root: Path) -> Path:
    """Return the folder that holds ``pips_train`` and ``pips_test``; fetch and unpack as needed."""
    home = (root if _is_writable(root / "POKERDVS") else _cache_folder()) / "POKERDVS"
    places = list(dict.fromkeys([root / "POKERDVS", root, home]))
    tried = []
    for folder in places:
        problem = _what_is_missing(folder)
        if problem is None:
            return folder
        tried.append(f"recordings unpacked in {folder}: {problem}")
    try:
        for archive in ARCHIVES:
            path = _local_archive(archive, places, tried) or _download(archive, home, tried)
            _unpack(path, archive, home)
    except (OSError, ValueError) as error:
        tried.append(f"{error}")
    else:
        if _what_is_missing(home) is None:
            return home
    raise FileNotFoundError(_what_to_do(tried, home))


def _is_writable(folder: Path) -> bool:
    """Say whether files can be made in a folder that may not exist yet."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    # A superuser may write anywhere, but a folder without any write bit is meant to stay as it is.
    write_bits = existing.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    return existing.is_dir() and os.access(existing, os.W_OK) and bool(write_bits)


def _what_is_missing(folder: Path) -> str | None:
    """Describe what an unpacked folder lacks, or return None when every recording is sound."""
    names = [name for archive in ARCHIVES for name in archive.recordings]
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        return f"{len(missing)} of {len(names)} are missing, {missing[0]} among them"
    for name in names:
        try:
            recording = np.load(folder / name, mmap_mode="r")
        except (OSError, ValueError) as error:
            return f"{name} is damaged ({error})"
        if recording.ndim != 2 or recording.shape[1] != 4 or len(recording) == 0:
            return f"{name} has shape {recording.shape} instead of (events, 4), events > 0"
    return None


def _local_archive(archive: Archive, places: list[Path], tried: list[str]) -> Path | None:
    for path in (place / archive.filename for place in places):
        if not path.is_file():
            tried.append(f"archive {path}: not there")
        elif (md5 := hashlib.md5(path.read_bytes()).hexdigest()) != archive.md5:
            tried.append(
                f"archive {path}: md5 is {md5} instead of {archive.md5} "
                f"({path.stat().st_size} bytes; damaged, truncated or another file)"
            )
        else:
            return path
    return None


def _download(archive: Archive, home: Path, tried: list[str]) -> Path:
    """Fetch an archive from the first source that has it; keep aside a damaged one in its place."""
    home.mkdir(parents=True, exist_ok=True)
    target = home / archive.filename
    for source in SOURCES:
        try:
            with tempfile.TemporaryDirectory(prefix=".download-", dir=home) as folder:
                fetched = pooch.retrieve(
                    source + archive.filename,
                    known_hash=f"md5:{archive.md5}",
                    fname=archive.filename,
                    path=folder,
                    downloader=pooch.HTTPDownloader(progressbar=True, timeout=DOWNLOAD_TIMEOUT),
                )
                if target.exists():
                    os.replace(target, target.with_name(f"{target.name}.damaged"))
                os.replace(fetched, target)
            return target
        except (OSError, ValueError) as error:
            tried.append(f"{source}{archive.filename}: {type(error).__name__}: {error}")
    raise FileNotFoundError(f"{archive.filename}: none of the {len(SOURCES)} sources delivered it")


def _unpack(path: Path, archive: Archive, folder: Path) -> None:
    """Write the recordings of an archive under ``folder``, each under its final name only when whole."""
    with tarfile.open(path) as tar:
        for member in tar.getmembers():
            inside = PurePosixPath(member.name)
            if inside.is_absolute() or ".." in inside.parts:
                raise ValueError(
                    f"archive {path}: its member {member.name!r} points outside the folder; "
                    "nothing was unpacked"
                )
        for name in archive.recordings:
            content = tar.extractfile(name).read()
            recording = folder / name
            if recording.exists():
                if recording.read_bytes() == content:
                    continue
                os.replace(recording, recording.with_name(f"{recording.name}.damaged"))
            with atomic_write(recording) as file:
                file.write(content)


def _what_to_do(tried: list[str], home: Path) -> str:
    archives = " and ".join(f"{archive.filename} (md5 {archive.md5})" for archive in ARCHIVES)
    return "\n".join(
        [
            "the POKER-DVS recordings could not be loaded. Tried:",
            *(f"  {number}. {line}" for number, line in enumerate(tried, start=1)),
            f"What to do: get {archives}, from {' or '.join(SOURCES)}, put both into {home}, "
            'and call load_pokerdvs again. load_pokerdvs(source="standin") does without them.',
        ]
    )


def _read(folder: Path) -> Iterator[POKERDVS]:
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
    recordings = sorted(
        zip(dataset.targets, dataset.data, strict=True),
        key=lambda item: (item[0], item[1].tobytes()),
    )
    dataset.targets = [target for target, _ in recordings]
    dataset.data = [events for _, events in recordings]
    return dataset
