"""Which chapters a build has executed as they are now, so that nothing executes them again.

What a build has executed lies in its cache, by the source of each chapter. A chapter's result also
depends on the recordings, on other packages, and on the code and the data of this project's. What
these were is kept with the result: where they have changed, the next build executes the chapter
again, and so does pytest.
"""

import hashlib
import os
import sys
from collections.abc import Iterable
from datetime import UTC
from pathlib import Path

import nbformat
from reached import PACKAGES, code_reached, folder_of

CACHE = Path(__file__).parents[1] / "_build" / ".jupyter_cache"  # where jupyter-book keeps it


def executed_at(chapter: Path, folder: Path = CACHE) -> str:
    """Return when a build has executed this chapter as it is now; "" if none has."""
    if not folder.exists():
        return ""
    from jupyter_cache import get_cache

    notebook = nbformat.read(chapter, as_version=4)
    try:
        found = get_cache(folder).match_cache_notebook(notebook)
    except KeyError:
        return ""
    if not _are_same(found.data.get("executed_with"), surroundings_of(notebook)):
        return ""
    return f"{found.created.replace(tzinfo=UTC).astimezone():%Y-%m-%d %H:%M}"


def surroundings_of(notebook: nbformat.NotebookNode) -> dict:
    """Return what a chapter's result depends on beside its source."""
    source = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    versions = {path.stem for place in sys.path for path in Path(place).glob("*.dist-info")}
    return {
        "python": sys.version,
        "versions": sorted(versions),
        "code": _digest(text.encode() for text in code_reached(source)),
        "data": _digest(path.name.encode() + path.read_bytes() for path in _data()),
        "archives": _digest(path.name.encode() + path.read_bytes() for path in _archives()),
    }


def _are_same(then: dict | None, now: dict) -> bool:
    """Say whether all is as it was; packages may have come to those that were there."""
    if then is None:  # MyST-NB has executed the chapter, after its execution here had failed
        return False
    versions_are_kept = {*then.pop("versions")} <= {*now.pop("versions")}
    return versions_are_kept and then == now


def _data() -> list[Path]:
    """List the files of the packages that aren't code."""
    paths = [path for name in PACKAGES for path in sorted(folder_of(name).rglob("*"))]
    files = [path for path in paths if path.is_file() and path.parent.name != "__pycache__"]
    return [path for path in files if path.suffix != ".py"]


def _archives() -> list[Path]:
    """List the archives of recordings that a chapter would find."""
    from pokersnn_helpers.data import pokerdvs_archives as archives

    root = Path(os.environ.get("POKERSNN_DATA") or archives.cache_folder())
    folders = (root / "POKERDVS", root, archives.cache_folder() / "POKERDVS")
    names = (*archives.ARCHIVES, archives.ARCHIVE_131)
    paths = [folder / name for folder in folders for name in names]
    return [path for path in paths if path.is_file()]


def _digest(parts: Iterable[bytes]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()
