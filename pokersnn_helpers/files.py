"""Write files so that a crash, a full disk or a second process never leaves half of one."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` and rename it to ``path`` when the block succeeds.

    Args:
        path: The file to create or to replace. Its folder is made when missing.

    Yields:
        The open temporary file. When the block raises, it is removed and ``path`` keeps what
        it held before.

    Raises:
        OSError: The folder can't be written to, or the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
