"""Files that are written whole or not at all, loops that are compiled once, and cores."""

import errno
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numba


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
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            if not overwrite:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
            shutil.copymode(path, temporary)
        temporary.replace(path)
    except OSError as error:
        if error.filename in (None, str(temporary)):  # None for a full disk
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def compiled(function: Callable[..., Any], contract: bool = True) -> Any:
    """Compile at the first call, and keep the machine code on disk where that is possible.

    With ``contract``, a product and a sum may be rounded once instead of twice.
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    options["fastmath"] = {"contract"} if contract else False
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder for it can be written to
        return numba.njit(**options)(function)


def usable_cores() -> int:
    """Return how many CPU cores this process may run on."""
    return len(getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0))
