"""Several processes share a training run under ``torchrun``.

Each draws the same batches with the same random numbers, changes them as a whole, and computes its
own shard, so that batches don't depend on the number of processes. Process 0 alone writes and
reports. Without ``torchrun`` one process computes everything.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist


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


def broadcast(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in process 0 alone, and return in every process what it returned.

    Where it raises, process 0 raises, too, and the others end without a word.
    """
    returned = [None]
    try:
        if rank() == 0:
            returned = [function(*arguments)]
    finally:
        if world_size() > 1:
            dist.broadcast_object_list(returned, src=0)
    if returned[0] is None:
        raise SystemExit(1)
    return returned[0]


def _group() -> Any:
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
    if world_size() == 1:
        yield
        return
    with torch.random.fork_rng([torch.cuda.current_device()] if torch.cuda.is_available() else []):
        drawn = int(torch.randint(2**62, ()))
        torch.manual_seed(hash((drawn, epoch, batch, rank())))
        yield
