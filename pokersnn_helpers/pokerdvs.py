"""Load POKER-DVS from its archives, which are downloaded when needed, or simulate it."""

import hashlib
import io
import os
import stat
import tarfile
import tempfile
import time
import warnings
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import pooch
from tqdm import tqdm

from .event_files import read_npy
from .files import atomic_write, lock_of, locked
from .recordings import POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE, Recordings, Split
from .simulation import simulate_pokerdvs

# Both are pinned to a commit, so what lies there can vanish but not change.
SOURCES = (
    "https://raw.githubusercontent.com/neuromorphs/tonic/d6f0a56421008c8e5700ca52abda193f9ff29836/tonic/datasets/",
    "https://raw.githubusercontent.com/cargonriv/dvs/6025d1c189a47ef17ae459d95ce0a59447d9b9fa/data/POKERDVS/",
)
SILENCE_LIMIT, DOWNLOAD_LIMIT = 10, 120  # seconds without an answer and in all; then the next one
SIZE_LIMIT = 5_000_000  # bytes; the archives have less than a tenth of it each
ARCHIVES = ("pips_train.tar.gz", "pips_test.tar.gz")
# All 131 recordings, of which those archives hold 68: pokerdvs131.py. The second address is the
# authors' institute.
ARCHIVE_131 = "poker_dvs.tar.gz"
SOURCES_131 = (
    "https://raw.githubusercontent.com/cargonriv/dvs/6025d1c189a47ef17ae459d95ce0a59447d9b9fa/",
    "http://www2.imse-cnm.csic.es/caviar/POKER_DVS/",
)
# The md5 of each archive, and of each recording in the first two, by name.
_LISTED = (resources.files(__package__) / "pokerdvs_registry.txt").read_text()
REGISTRY: dict[str, str] = dict(line.split() for line in _LISTED.splitlines())


def load_pokerdvs(root: str | os.PathLike[str] | None = None, source: str = "auto") -> Split:
    """Load the POKER-DVS recordings, split as Tonic splits them: 48 to train on, 20 to test on.

    Tried in this order, for each of the two archives: the archive in ``root/POKERDVS``, where Tonic
    keeps it, in ``root`` itself or in the user's cache folder; its recordings unpacked there; the
    addresses in ``SOURCES``. Only files with the published md5 count. With ``source="auto"``,
    simulated recordings take their place when all of this fails.

    Args:
        root: The data folder. Default: the environment variable ``POKERSNN_DATA``, else the user's
            cache folder. A folder that can't be written to is a source only; what is downloaded
            then goes to the cache folder.
        source: ``"auto"``, ``"real"`` (never falls back) or ``"simulated"``.

    Returns:
        The recordings, with ``.source`` saying whether they are ``"real"`` or ``"simulated"``.

    Raises:
        ValueError: ``source`` is none of the three.
        FileNotFoundError: ``source="real"`` and the recordings can't be loaded. The message lists
            what was tried, why each failed, and what to do.

    Warns:
        UserWarning: ``source="auto"`` fell back to simulated recordings, and why.

    Example:
        >>> from pokersnn_helpers import load_pokerdvs
        >>> data = load_pokerdvs(source="simulated")
        >>> data.classes, len(data.train), len(data.test)
        (('club', 'heart', 'diamond', 'spade'), 48, 20)
    """
    return real_or_simulated(source, root, _load_real, simulate_pokerdvs)


Loaded = TypeVar("Loaded")


def real_or_simulated(
    source: str,
    root: str | os.PathLike[str] | None,
    load_real: Callable[[Path], Loaded],
    simulate: Callable[[], Loaded],
) -> Loaded:
    """Call one of two functions, as ``load_pokerdvs`` says."""
    if source not in ("auto", "real", "simulated"):
        raise ValueError(f'source is {source!r}; choose "auto", "real" or "simulated"')
    if source != "simulated":
        folder = root
        try:
            folder = root or os.environ.get("POKERSNN_DATA") or cache_folder()
            return load_real(Path(folder).expanduser().absolute())
        except Exception as error:  # whatever the reason is, "auto" has an answer
            if not isinstance(error, FileNotFoundError):
                error = FileNotFoundError(f"the data folder is {folder!r}: {error}")
            if source == "real":
                raise error
            warnings.warn(
                "the real POKER-DVS recordings could not be loaded, so these are simulated. "
                f"{type(error).__name__}: {error}",
                stacklevel=3,
            )
    return simulate()


def cache_folder() -> Path:
    """Return the user's cache folder for the recordings."""
    return Path(pooch.os_cache("pokersnn"))


def _load_real(root: Path) -> Split:
    train, test = (_recordings(read_archive(archive, root)) for archive in ARCHIVES)
    return Split(train, test, source="real")


def _is_writable(folder: Path) -> bool:
    """Say whether files can be made in a folder that may not exist yet."""
    # os.access says no, rather than raise, where a folder above may not be looked into.
    existing = next(path for path in (folder, *folder.parents) if os.access(path, os.F_OK))
    # A superuser may write anywhere, but a folder without any write bit is meant to stay as it is.
    write_bits = existing.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK) and bool(write_bits)


def read_archive(archive: str, root: Path) -> dict[str, bytes]:
    """Return the recordings of an archive by name, from the first place that has them."""
    home = (root if _is_writable(root) else cache_folder()) / "POKERDVS"
    places = list(dict.fromkeys([root / "POKERDVS", root, cache_folder() / "POKERDVS"]))
    sources = SOURCES_131 if archive == ARCHIVE_131 else SOURCES
    names = [name for name in REGISTRY if name.startswith(archive.removesuffix(".tar.gz") + "/")]
    tried = []
    for attempt in (
        *(partial(_from_archive, place, archive, names, home) for place in places),
        *(partial(_verified, place, names) for place in places if names),
        *(partial(_download, source, archive, names, home) for source in sources),
    ):
        try:
            return attempt()
        except (OSError, ValueError, KeyError, EOFError, tarfile.TarError, zlib.error) as error:
            tried.append(f"{attempt.args[0]}: {type(error).__name__}: {error}")
    wanted = (archive,) if archive == ARCHIVE_131 else ARCHIVES
    known = " and ".join(f"{name} (md5 {REGISTRY[name]})" for name in wanted)
    raise FileNotFoundError(
        "\n".join(
            [
                f"the recordings of {archive} could not be loaded. Tried:",
                *(f"  {number}. {line}" for number, line in enumerate(tried, start=1)),
                f"What to do: get {known} from {' or '.join(sources)}, put it into {home}, "
                'and load again. source="simulated" does without.',
            ]
        )
    )


def _verified(folder: Path, names: list[str]) -> dict[str, bytes]:
    """Read files, each of which has to be the published one."""
    files = {}
    for name in names:
        found = (folder / name).stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > SIZE_LIMIT:  # a pipe has no end
            raise ValueError(f"{name} is no regular file of up to {SIZE_LIMIT} bytes")
        files[name] = content = (folder / name).read_bytes()
        if (md5 := hashlib.md5(content).hexdigest()) != REGISTRY[name]:
            raise ValueError(
                f"{name} has md5 {md5} instead of {REGISTRY[name]} ({len(content)} bytes): it is "
                "damaged, truncated or another file"
            )
    return files


def _from_archive(place: Path, archive: str, names: list[str], home: Path) -> dict[str, bytes]:
    """Read an archive's recordings into memory, and lay them where Tonic's own class reads them."""
    content = _verified(place, [archive])
    files = {}
    with tarfile.open(fileobj=io.BytesIO(content[archive])) as tar:
        for member in tar:  # in order: gzip can't skip
            if member.name not in names and not member.name.endswith(".aedat"):
                continue
            if not member.isreg() or member.size > SIZE_LIMIT:
                found = f"{member.name} in {archive}"
                raise ValueError(f"{found} is no file of up to {SIZE_LIMIT} bytes")
            files[member.name] = tar.extractfile(member).read()  # type: ignore[union-attr]
    if missing := set(names) - set(files):
        raise ValueError(f"{archive} lacks {min(missing)}")
    with suppress(OSError):  # a copy for others, not for this package
        laid_out = {name: files[name] for name in names}
        _keep({home / name: data for name, data in {**content, **laid_out}.items()}, home)
    return files


class _LimitedBar(tqdm):  # type: ignore[misc]
    """A progress bar that gives up a download without an end."""

    def __init__(self, **options: Any):
        self.received, self.deadline = 0, time.monotonic() + DOWNLOAD_LIMIT
        super().__init__(**options)

    def update(self, n: float | None = 1) -> bool | None:
        self.received += int(n or 0)
        if self.received > SIZE_LIMIT:
            raise ValueError(f"the server sends more than {SIZE_LIMIT} bytes")
        if time.monotonic() > self.deadline:
            raise TimeoutError(f"the download isn't done after {DOWNLOAD_LIMIT} s")
        return super().update(n)


def _download(source: str, archive: str, names: list[str], home: Path) -> dict[str, bytes]:
    """Fetch an archive, and read it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        # The plain bar shows in every notebook; pooch corrects the total, which can't be 0.
        _LimitedBar(total=1, desc=archive, unit="B", unit_scale=True) as progress,
    ):
        fetcher = pooch.create(folder, source, registry={archive: f"md5:{REGISTRY[archive]}"})
        fetcher.fetch(
            archive,
            # Small chunks: the limits are looked at after each.
            downloader=pooch.HTTPDownloader(progress, chunk_size=64, timeout=SILENCE_LIMIT),
        )
        return _from_archive(Path(folder), archive, names, home)


def _keep(files: dict[Path, bytes], home: Path) -> None:
    """Write files in one step each; what stood there before stays, under another name."""
    found = {path: path.read_bytes() if path.is_file() else None for path in files}
    if found == files and not lock_of(home).exists():  # which a killed process has left
        return
    with locked(home, timeout=60):
        for path, content in files.items():
            before = found[path]
            if before == content or (before is None and path.exists()):  # a folder, say, stays
                continue
            if before is not None:
                md5 = hashlib.md5(before).hexdigest()
                with atomic_write(path.with_name(f"{path.name}.{md5[:8]}.replaced")) as file:
                    file.write(before)
            with atomic_write(path) as file:
                file.write(content)


def _recordings(files: dict[str, bytes]) -> Recordings:
    """Parse recordings, in the order of their classes and then of their content."""
    folders = [name[:2] for name in POKERDVS_CLASSES]
    found = [
        (folders.index(Path(name).parent.name), read_npy(io.BytesIO(content)))
        for name, content in files.items()
    ]
    targets, events = zip(
        *sorted(found, key=lambda pair: (pair[0], pair[1].tobytes())), strict=True
    )
    return Recordings(events, targets, POKERDVS_CLASSES, POKERDVS_SENSOR_SIZE)
