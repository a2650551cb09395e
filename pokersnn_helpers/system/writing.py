"""Files written whole or not at all."""

import errno
import os
import shutil
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

StrPath = str | os.PathLike[str]
LEFT_AFTER = 5  # seconds


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
    path.parent.mkdir(parents=True, exist_ok=True)
    start = f".{zlib.crc32(os.fsencode(path.name)):08x}-"  # no longer than a name may be
    temporary = path.with_name(f"{start}{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("x+b") as file:
            with suppress(OSError):  # where files can't be held
                _hold(file)
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            if not overwrite:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
            shutil.copymode(path, temporary)
        temporary.replace(path)
        for left in path.parent.glob(f"{start}*.tmp"):
            _remove_left(left)
    except OSError as error:
        if error.filename in (None, str(temporary)):  # None for a full disk
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _hold(file: BinaryIO) -> None:
    """Hold a file until it is closed; an ``OSError`` says that another writer does."""
    with suppress(ImportError):  # on Windows, where nobody removes a file that is open
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _remove_left(path: Path) -> None:
    """Remove what a writer that was killed has left: one that goes on holds its file."""
    with suppress(OSError), path.open("rb") as file:
        if time.time() - path.stat().st_mtime > LEFT_AFTER:  # a new one may not be held yet
            _hold(file)
            path.unlink()
