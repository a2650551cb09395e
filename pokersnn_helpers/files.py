"""Write files so that nothing that a user has is lost."""

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock


@contextmanager
def atomic_write(path: Path, overwrite: bool = True) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` and rename it to ``path`` when the block succeeds.

    Its folder is made when missing; a symbolic link stays one, and the file that it names is
    written. When the block raises, ``path`` keeps what it held before. A ``FileExistsError`` says
    that there is such a file and ``overwrite`` is off, another ``OSError`` what keeps it from being
    written.
    """
    path = Path(os.path.realpath(path))
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    _make_folder(path.parent)
    temporary = path.with_name(f".{_key(path)}.{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, temporary)
        if overwrite:
            temporary.replace(path)
        else:
            _rename_to_free_name(temporary, path)
    except OSError as error:
        if error.filename in (None, str(temporary)):  # None for a full disk
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except RecursionError as error:  # a thousand folders, each in the other
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG), str(folder)) from error


def _rename_to_free_name(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)  # in one step, unless somebody has the name
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        path.open("xb").close()
        temporary.replace(path)


@contextmanager
def locked(path: Path, timeout: float = 0) -> Iterator[None]:
    """Keep other processes from locking ``path`` inside the block, and clear up after dead ones.

    ``path`` needn't exist, and may be a folder; a hidden file beside it is the lock. Where another
    process still holds it after ``timeout`` seconds, a ``TimeoutError`` says so.
    """
    path = Path(os.path.realpath(path))
    _make_folder(path.parent)
    lock = lock_of(path)
    lock.touch()  # says why where it can't be made; FileLock would call it taken
    with FileLock(lock, timeout=timeout):
        try:
            hexadecimal = "[0-9a-f]"
            pattern = f".{16 * hexadecimal}.{32 * hexadecimal}.tmp"
            own = f".{_key(path)}.*.tmp"
            for leftover in path.rglob(pattern) if path.is_dir() else path.parent.glob(own):
                leftover.unlink(missing_ok=True)  # of a process that was killed
            yield
        finally:
            with suppress(OSError):  # Windows removes it later
                lock.unlink()


def lock_of(path: Path) -> Path:
    """Return the file that ``locked`` locks for ``path``; a killed process may leave it behind."""
    path = Path(os.path.realpath(path))
    return path.with_name(f".{_key(path)}.lock")


def _key(path: Path) -> str:
    """Return a name as short for every path: a temporary file's name may not be too long."""
    return hashlib.sha256(path.name.encode("utf-8", "surrogateescape")).hexdigest()[:16]
