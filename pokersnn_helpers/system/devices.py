"""Where PyTorch computes: the GPU, or how many threads of the CPU.

PyTorch is imported where it is used, since events and files need none.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, TypeAlias

if TYPE_CHECKING:
    import torch

# By its name, too; None stands for the default one.
Device: TypeAlias = "torch.device | str | None"


def usable_cores() -> int:
    """Return how many CPU cores this process may run on."""
    return len(getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0))


def default_device() -> torch.device:
    """Return the CUDA GPU if there is one, or else the CPU.

    Example:
        >>> str(default_device()) in ("cpu", "cuda")
        True
    """
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def chosen_device(device: Device = None) -> torch.device:
    """Return the device of this name, by default the default one; refuse a GPU that isn't there."""
    import torch

    try:
        chosen = torch.device(device or default_device())
    except RuntimeError:
        raise ValueError(f"device is {device}; choose cpu, cuda or cuda:NUMBER") from None
    n_gpus = torch.cuda.device_count()
    if chosen.type not in ("cpu", "mps") and (chosen.index or 0) >= n_gpus:
        raise ValueError(
            f"device is {chosen}, and PyTorch finds {n_gpus} CUDA GPUs; choose another, or cpu"
        )
    return chosen


class OpenBlocks:
    """The blocks of ``one_cpu_thread`` that have begun and not ended."""

    lock = threading.Lock()
    by_thread: ClassVar[Counter[int]] = Counter()  # how many a thread is in
    threads_before = 1  # PyTorch's number of threads before the first of them


@contextmanager
def one_cpu_thread() -> Iterator[None]:
    """Let PyTorch run on one CPU thread, and put back the number of threads afterwards.

    Blocks may overlap, in one thread or in several. PyTorch keeps a number for each thread, so each
    puts its own back when its last block ends.
    """
    import torch

    thread = threading.get_ident()
    with OpenBlocks.lock:
        n_threads = torch.get_num_threads()  # also fixes it for this thread, which others can't set
        if OpenBlocks.by_thread.total() == 0:
            OpenBlocks.threads_before = n_threads
        OpenBlocks.by_thread[thread] += 1
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with OpenBlocks.lock:
            OpenBlocks.by_thread[thread] -= 1
            if OpenBlocks.by_thread[thread] == 0:
                del OpenBlocks.by_thread[thread]
                torch.set_num_threads(OpenBlocks.threads_before)
