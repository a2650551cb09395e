"""The archives of POKER-DVS: found on this machine, or downloaded, and read if they are whole."""

import os
import tarfile
from importlib import resources
from pathlib import Path

import pooch

# All are pinned to a commit, so what lies there can vanish but not change; the last is the
# authors' institute.
_TONIC = "https://raw.githubusercontent.com/neuromorphs/tonic/d6f0a56421008c8e5700ca52abda193f9ff29836/tonic/datasets/"
_COPY = "https://raw.githubusercontent.com/cargonriv/dvs/6025d1c189a47ef17ae459d95ce0a59447d9b9fa/"
_AUTHORS = "http://www2.imse-cnm.csic.es/caviar/POKER_DVS/"
ARCHIVES = ("pips_train.tar.gz", "pips_test.tar.gz")
ARCHIVE_131 = "poker_dvs.tar.gz"  # of which those archives hold 68
SOURCES = {
    **dict.fromkeys(ARCHIVES, (_TONIC, f"{_COPY}data/POKERDVS/")),
    ARCHIVE_131: (_COPY, _AUTHORS),
}
SILENCE_LIMIT = 10  # seconds without an answer, after which a server is left
# The md5 of each archive, and of each recording in the first two, by name.
_LISTED = (resources.files(__package__) / "pokerdvs_registry.txt").read_text()
REGISTRY: dict[str, str] = dict(line.split() for line in _LISTED.splitlines())


def cache_folder() -> Path:
    """Return the user's cache folder for the recordings."""
    return Path(pooch.os_cache("pokersnn"))


def read_archive(archive: str, root: Path) -> dict[str, bytes]:
    """Return the recordings of an archive by name, from the first location that has them."""
    locations: list[Path | str] = [root / "POKERDVS", root, cache_folder() / "POKERDVS"]
    locations += SOURCES[archive]
    home = _download_folder(archive, root)
    tried = ""
    for location in dict.fromkeys(locations):
        try:
            return _read(location, archive, home)
        except (OSError, ValueError) as error:
            tried += f"  {location}: {type(error).__name__}: {error}\n"
    addresses = " or ".join(SOURCES[archive])
    raise FileNotFoundError(
        f"the recordings of {archive} could not be loaded. Tried:\n{tried}"
        f"What to do: get {archive} (md5 {REGISTRY[archive]}) from {addresses}, put it into "
        f'{home}, and load again. source="simulated" does without.'
    )


def _download_folder(archive: str, root: Path) -> Path:
    """Return ``root/POKERDVS``, or where that can't be written or holds another file, the cache."""
    home = root / "POKERDVS"
    existing = next(path for path in (root, *root.parents) if os.access(path, os.F_OK))
    if os.access(existing, os.W_OK | os.X_OK) and not os.path.lexists(home / archive):
        return home
    return cache_folder() / "POKERDVS"


def _read(location: Path | str, archive: str, home: Path) -> dict[str, bytes]:
    """Read an archive out of a folder; what lies at an address is downloaded to ``home`` first."""
    if isinstance(location, str):
        retrieve(location + archive, archive, home)
        location = home
    path = location / archive
    if path.exists() and not path.is_file():
        raise ValueError("no regular file")  # a pipe would be waited for
    md5 = pooch.file_hash(str(path), alg="md5")
    if md5 != REGISTRY[archive]:
        raise ValueError(f"md5 {md5} instead of {REGISTRY[archive]}: damaged, or another file")
    with tarfile.open(path) as tar:
        files = [member for member in tar if member.name.endswith((".npy", ".aedat"))]
        return {file.name: tar.extractfile(file).read() for file in files}  # type: ignore[union-attr]


def retrieve(address: str, archive: str, folder: Path) -> None:
    """Download an archive into a folder; only the published one gets there."""
    receive = pooch.HTTPDownloader(timeout=SILENCE_LIMIT)
    pooch.retrieve(address, f"md5:{REGISTRY[archive]}", archive, folder, downloader=receive)
