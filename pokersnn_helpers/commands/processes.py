"""Several processes under ``torchrun``, of which process 0 alone writes and reports."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from ..files import rank

T = TypeVar("T")


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Connect the processes of ``torchrun``, if there are any, by NCCL on GPUs, else by Gloo."""
    if not launched_by_torchrun():
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def launched_by_torchrun() -> bool:
    """Say whether ``torchrun`` started this process."""
    return dist.is_available() and dist.is_torchelastic_launched()


def broadcast(make: Callable[[], T]) -> T:
    """Call a function in process 0 alone, and return in every process what it returned.

    Where it raises, process 0 raises, too, and the others end without a word.
    """
    error: Exception | None = None
    values: list[Any] = [False, None]
    if rank() == 0:
        try:
            values = [True, make()]
        except Exception as raised:
            error = raised
    if dist.is_available() and dist.is_initialized():
        dist.broadcast_object_list(values, src=0)
    if error is not None:
        raise error
    if not values[0]:
        raise SystemExit(1)
    return values[1]
