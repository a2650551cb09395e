"""Several processes under ``torchrun``, of which process 0 alone writes and reports."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist

from ..files import rank, world_size


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Connect the processes of ``torchrun``, if there are any, by NCCL on GPUs, else by Gloo."""
    if not (dist.is_available() and dist.is_torchelastic_launched()):
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def broadcast(make: Callable[[], Any]) -> Any:
    """Call a function in process 0 alone, and return in every process what it returned.

    Where it raises, process 0 raises, too, and the others end without a word.
    """
    made: list[Any] = [None]
    try:
        if rank() == 0:
            made = [make()]
    finally:
        if world_size() > 1:
            dist.broadcast_object_list(made, src=0)
    if made[0] is None:
        raise SystemExit(1)
    return made[0]
