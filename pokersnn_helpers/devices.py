"""Where PyTorch computes: the GPU, or how many threads of the CPU.

PyTorch is imported where it is used, since events and files need none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


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
