"""Files written whole or not at all, loops that are compiled, and where a run computes.

PyTorch is imported where it is used: files and events need none.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numba

if TYPE_CHECKING:
    import torch

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


def default_device() -> torch.device:
    """Return the CUDA GPU where there is one, else the CPU.

    Example:
        >>> str(default_device()) in ("cpu", "cuda")
        True
    """
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def one_cpu_thread() -> Iterator[None]:
    """Let PyTorch run on one CPU thread, and put back the number of threads afterwards."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


# Under ``torchrun`` several processes share a run. Each draws the same batches with the same random
# numbers, changes them as a whole, and computes its own shard, so that batches don't depend on the
# number of processes. Without it one process computes everything.


def _group() -> Any:
    import torch.distributed as dist

    return dist if dist.is_available() and dist.is_initialized() else None


def rank() -> int:
    """Return the number of this process, from 0. Process 0 alone writes and reports."""
    return group.get_rank() if (group := _group()) else 0


def world_size() -> int:
    """Return how many processes share the run: 1 without ``torchrun``."""
    return group.get_world_size() if (group := _group()) else 1


def all_reduce_sum(values: torch.Tensor) -> torch.Tensor:
    """Replace a tensor by its sum over all processes, and return it."""
    if group := _group():
        group.all_reduce(values)
    return values


def shard_batch(frames: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Pick every ``world_size()``-th recording of a batch (T, B, ...), perhaps none."""
    if world_size() == 1:
        return frames, targets
    mine = targets.new_tensor(range(rank(), len(targets), world_size()))
    return frames.index_select(1, mine), targets[mine]


@contextmanager
def own_random_numbers(epoch: int, batch: int) -> Iterator[None]:
    """Let each of several processes draw its own random numbers inside the block.

    Dropout draws as many as its shard has recordings. Drawn from the numbers that all processes
    share, the next shuffle would differ between them.
    """
    import torch

    if world_size() == 1:
        yield
        return
    with torch.random.fork_rng([torch.cuda.current_device()] if torch.cuda.is_available() else []):
        drawn = int(torch.randint(2**62, ()))
        torch.manual_seed(hash((drawn, epoch, batch, rank())))
        yield
