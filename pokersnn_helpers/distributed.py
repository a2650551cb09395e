"""Where a training run computes: its device, its CPU thread, the processes that share it.

``torchrun`` starts several processes. Each draws the same batch with the same random numbers, pads
and changes it as a whole, and computes its own shard, so the batches don't depend on the number of
processes. Without ``torchrun`` one process computes everything.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")


def default_device() -> torch.device:
    """Return the CUDA GPU where there is one, else the CPU.

    Example:
        >>> str(default_device()) in ("cpu", "cuda")
        True
    """
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def usable_cores() -> int:
    """Return how many CPU cores this process may run on."""
    return len(getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0))


@contextmanager
def one_cpu_thread() -> Iterator[None]:
    """Let PyTorch run on one CPU thread, and put back the number of threads afterwards."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


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


def world_size() -> int:
    """Return how many processes share the run: 1 outside a process group."""
    return dist.get_world_size() if _connected() else 1


def rank() -> int:
    """Return the number of this process, from 0. Process 0 alone writes and reports."""
    return dist.get_rank() if _connected() else 0


def wrap_ddp(network: torch.nn.Module) -> torch.nn.Module:
    """Let ``backward`` average the gradients of all processes, which start from equal weights."""
    return DistributedDataParallel(network) if _connected() else network


@contextmanager
def own_random_numbers(epoch: int, batch: int) -> Iterator[None]:
    """Let each of several processes draw its own random numbers inside the block.

    Dropout draws as many as its shard has recordings. Drawn from the numbers that all processes
    share, the next shuffle would differ between them.
    """
    if not _connected():
        yield
        return
    shared = torch.Generator()
    shared.set_state(torch.get_rng_state())  # a copy: the shared numbers stay where they are
    drawn = int(torch.randint(2**62, (), generator=shared))
    (seed,) = np.random.SeedSequence([drawn, epoch, batch, rank()]).generate_state(1, np.uint64)
    gpus = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(gpus):
        torch.manual_seed(int(seed))
        yield


def shard_batch(frames: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Pick every ``world_size()``-th recording of a batch (T, B, ...), perhaps none."""
    if not _connected():
        return frames, targets
    mine = torch.arange(len(targets))[rank() :: world_size()]
    return frames.index_select(1, mine), targets[mine]


def batch_mean(values: torch.Tensor) -> torch.Tensor:
    """Return the mean over a whole batch, of which each process holds a shard of values.

    ``wrap_ddp`` averages gradients over the processes, so each shard's counts ``world_size()``
    times: averaged, they are the gradient of this mean.
    """
    size = values.new_tensor(len(values))
    total, count = all_reduce_sum(torch.stack([values.detach().sum(), size]))
    shard = world_size() * values.sum() / count
    return shard + (total / count - shard).detach()


def all_reduce_sum(values: torch.Tensor) -> torch.Tensor:
    """Return the sum of a tensor over all processes, the same in each of them."""
    if _connected():
        values = values.clone()
        dist.all_reduce(values)
    return values


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
    if _connected():
        dist.broadcast_object_list(values, src=0)
    if error is not None:
        raise error
    if not values[0]:
        raise SystemExit(1)
    return values[1]


def _connected() -> bool:
    return dist.is_available() and dist.is_initialized()
