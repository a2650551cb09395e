"""Share one training run among the processes that ``torchrun`` starts.

Every process draws the same batch with the same random numbers, pads and changes it as a whole, and
computes its own share. So the batches don't depend on the number of processes. Without ``torchrun``
one process computes everything, and these functions do nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")


@contextmanager
def process_group(device: torch.device) -> Iterator[None]:
    """Connect the processes of ``torchrun`` inside the block; does nothing without ``torchrun``.

    Args:
        device: Where this process computes. GPUs talk through NCCL, CPUs through Gloo.
    """
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


def process_count() -> int:
    """Return how many processes share the run: 1 outside a process group."""
    return dist.get_world_size() if _connected() else 1


def process_rank() -> int:
    """Return the number of this process, from 0. Process 0 alone writes and reports."""
    return dist.get_rank() if _connected() else 0


def in_parallel(classifier: torch.nn.Module) -> torch.nn.Module:
    """Wrap a classifier so that ``backward`` adds up the gradients of all processes.

    Args:
        classifier: On this process's device. All processes start from the weights of process 0.

    Returns:
        The wrapped classifier, or the classifier itself where one process is alone.
    """
    if not _connected():
        return classifier
    parallel = DistributedDataParallel(classifier)
    parallel.register_comm_hook(None, _add_up_bucket)
    return parallel


def _add_up_bucket(state, bucket):
    """Add gradients up. The default is their mean, which is wrong for shares of unequal size."""
    work = dist.all_reduce(bucket.buffer(), async_op=True)
    return work.get_future().then(lambda future: future.value()[0])


def own_share(frames: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Pick the recordings of a batch that this process computes.

    Args:
        frames: The whole batch, of shape (T, B, ...), dense or sparse.
        targets: Its classes, of shape (B,).

    Returns:
        Every ``process_count()``-th recording, with all its time bins, and its class. There are
        none when the batch is smaller than the rank.
    """
    if not _connected():
        return frames, targets
    mine = torch.arange(process_rank(), len(targets), process_count())
    return frames.index_select(1, mine), targets[mine]


def add_up(values: torch.Tensor) -> torch.Tensor:
    """Return the sum of a tensor over all processes, the same in each of them."""
    if _connected():
        values = values.clone()
        dist.all_reduce(values)
    return values


def from_first_process(value: T) -> T:
    """Return what process 0 passed, in every process."""
    values = [value]
    if _connected():
        dist.broadcast_object_list(values, src=0)
    return values[0]


def _connected() -> bool:
    return dist.is_available() and dist.is_initialized()
