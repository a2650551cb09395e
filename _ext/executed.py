"""Which chapters a build has executed as they are now, so that nothing executes them again.

What a build has executed lies in its cache, by the source of each chapter. A chapter's result also
depends on the packages and on the recordings. What these were is written beside the cache: where
they have changed, the next build begins with an empty one, and pytest executes every chapter.
"""

import hashlib
import json
import os
import shutil
import sys
from datetime import UTC
from importlib.util import find_spec
from pathlib import Path

import nbformat

CACHE = Path(__file__).parents[1] / "_build" / ".jupyter_cache"  # where jupyter-book keeps it
PACKAGES = ("pokersnn_helpers", "eventdesk")


def open_cache(folder: Path):
    """Return the cache in a folder, without what was executed with other packages or recordings."""
    from jupyter_cache import get_cache

    if not _is_current(folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _note_in(folder).write_text(json.dumps(_surroundings(), indent=1))
    return get_cache(folder)


def executed_at(chapter: Path, folder: Path = CACHE) -> str:
    """Return when a build has executed this chapter as it is now; "" if none has."""
    if not _is_current(folder):
        return ""
    from jupyter_cache import get_cache

    try:
        found = get_cache(folder).match_cache_notebook(nbformat.read(chapter, as_version=4))
    except KeyError:
        return ""
    return f"{found.created.replace(tzinfo=UTC).astimezone():%Y-%m-%d %H:%M}"


def _note_in(folder: Path) -> Path:
    return folder / "executed_with.json"


def _is_current(folder: Path) -> bool:
    """Say whether all is as it was noted; packages may have come to those that were there."""
    if not _note_in(folder).exists():
        return False
    then, now = json.loads(_note_in(folder).read_text()), _surroundings()
    return set(then.pop("versions")) <= set(now.pop("versions")) and then == now


def _surroundings() -> dict:
    """Return what a chapter's result depends on beside its source."""
    versions = {path.stem for place in sys.path for path in Path(place).glob("*.dist-info")}
    helpers = hashlib.sha256()
    for package in PACKAGES:
        folder = Path(find_spec(package).origin).parent
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.parent.name != "__pycache__":
                helpers.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return {
        "python": sys.version,
        "versions": sorted(versions),
        "helpers": helpers.hexdigest(),
        "archives": _archives(),
    }


def _archives() -> list[list]:
    """Return place, size and time of each archive of recordings that a chapter would find."""
    from pokersnn_helpers.data import archives

    root = Path(os.environ.get("POKERSNN_DATA") or archives.cache_folder())
    found = []
    for folder in (root / "POKERDVS", root, archives.cache_folder() / "POKERDVS"):
        for archive in (*archives.ARCHIVES, archives.ARCHIVE_131):
            path = folder / archive
            if path.is_file():
                found.append([str(path), path.stat().st_size, path.stat().st_mtime_ns])
    return found
