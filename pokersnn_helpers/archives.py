"""Find, fetch, check and unpack the two archives that hold the POKER-DVS recordings."""

import hashlib
import os
import stat
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import pooch
from tonic.datasets import POKERDVS
from tqdm import tqdm

from .files import atomic_write

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
        """Name of the archive, for example ``pips_train.tar.gz``."""
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


def cache_folder() -> Path:
    """Return the user's cache folder for the recordings."""
    return Path(pooch.os_cache("pokersnn"))


def find_recordings(root: Path) -> Path:
    """Return a folder that holds sound ``pips_train`` and ``pips_test``, unpacking as needed.

    Args:
        root: The data folder; ``root/POKERDVS`` and ``root`` itself are looked into.

    Raises:
        FileNotFoundError: Nothing worked. The message lists what was tried, and what to do.
    """
    home = (root if _is_writable(root / "POKERDVS") else cache_folder()) / "POKERDVS"
    places = list(dict.fromkeys([root / "POKERDVS", root, home]))
    tried = []
    for place in places:
        problem = _what_is_missing(place)
        if problem is None:
            return place
        tried.append(f"recordings unpacked in {place}: {problem}")
    try:
        for archive in ARCHIVES:
            path = _local_archive(archive, places, tried) or _download(archive, home, tried)
            _unpack(path, archive, home)
    except (OSError, ValueError, KeyError) as error:
        tried.append(str(error))
    else:
        problem = _what_is_missing(home)  # what is there beside the archives' own recordings
        if problem is None:
            return home
        tried.append(f"recordings unpacked in {home}: {problem}")
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
    for path in (path for archive in ARCHIVES for path in (folder / archive.folder).rglob("*.npy")):
        try:
            recording = np.load(path, mmap_mode="r")
        except (OSError, ValueError, EOFError) as error:
            return f"{path.relative_to(folder)} is damaged ({error})"
        if recording.ndim != 2 or recording.shape[1] != 4 or len(recording) == 0:
            return (
                f"{path.relative_to(folder)} has shape {recording.shape} "
                "instead of (events, 4) with at least one event"
            )
    return None


def _local_archive(archive: Archive, places: list[Path], tried: list[str]) -> Path | None:
    """Return the first place's archive that has the published md5."""
    found = [place / archive.filename for place in places if (place / archive.filename).is_file()]
    for path in found:
        content = path.read_bytes()
        md5 = hashlib.md5(content).hexdigest()
        if md5 == archive.md5:
            return path
        tried.append(
            f"archive {path}: its md5 is {md5} instead of {archive.md5} "
            f"({len(content)} bytes): damaged, truncated or another file"
        )
    if not found:
        tried.append(f"archive {archive.filename}: not in {', '.join(map(str, places))}")
    return None


def _download(archive: Archive, home: Path, tried: list[str]) -> Path:
    """Fetch an archive from the first source that delivers it whole."""
    home.mkdir(parents=True, exist_ok=True)
    target = home / archive.filename
    for source in SOURCES:
        url = source + archive.filename
        try:
            with (
                tempfile.TemporaryDirectory(prefix=".download-", dir=home) as folder,
                # The plain bar shows in every notebook; pooch corrects the total, which can't be 0.
                tqdm(total=1, desc=archive.filename, unit="B", unit_scale=True) as progress,
            ):
                fetched = pooch.retrieve(
                    url,
                    known_hash=f"md5:{archive.md5}",
                    fname=archive.filename,
                    path=folder,
                    downloader=pooch.HTTPDownloader(progressbar=progress, timeout=DOWNLOAD_TIMEOUT),
                )
                _replace(target, Path(fetched).read_bytes())
            return target
        except (OSError, ValueError) as error:
            tried.append(f"{url}: {type(error).__name__}: {error}")
    raise FileNotFoundError(f"{archive.filename}: none of the {len(SOURCES)} sources delivered it")


def _unpack(path: Path, archive: Archive, folder: Path) -> None:
    """Write an archive's recordings under ``folder``, each under its own name only when whole."""
    with tarfile.open(path) as tar:
        for member in tar.getmembers():
            inside = PurePosixPath(member.name)
            if inside.is_absolute() or ".." in inside.parts:
                raise ValueError(
                    f"archive {path}: its member {member.name!r} points outside the folder; "
                    "nothing of it was unpacked"
                )
        for name in archive.recordings:
            _replace(folder / name, tar.extractfile(name).read())


def _replace(path: Path, content: bytes) -> None:
    """Give a file its content in one step, so that other processes find it whole at any time.

    What stood there before may be the only copy of something, so it is kept under another name.
    """
    if path.is_file():
        before = path.read_bytes()
        if before == content:
            return
        with atomic_write(path.with_name(f"{path.name}.replaced")) as file:
            file.write(before)
    with atomic_write(path) as file:
        file.write(content)


def _what_to_do(tried: list[str], home: Path) -> str:
    archives = " and ".join(f"{archive.filename} (md5 {archive.md5})" for archive in ARCHIVES)
    return "\n".join(
        [
            "the POKER-DVS recordings could not be loaded. Tried:",
            *(f"  {number}. {line}" for number, line in enumerate(tried, start=1)),
            f"What to do: get {archives} from {' or '.join(SOURCES)}, put both into {home}, "
            'and call load_pokerdvs again. load_pokerdvs(source="standin") does without them.',
        ]
    )
