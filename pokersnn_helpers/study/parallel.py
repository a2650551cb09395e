"""Several jobs at the same time, each on one thread of a process of its own."""

import multiprocessing
import os
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import BrokenExecutor
from functools import cache
from numbers import Integral
from threading import Thread
from typing import Any

from joblib import Parallel, delayed, parallel_config
from threadpoolctl import threadpool_limits

from ..system.checks import check_numbers
from ..system.progress import progress_bar, progress_hidden


def in_parallel(
    jobs: Mapping[Any, Callable[[], Any]], processes: int = 1, progress: str | None = None
) -> Generator[tuple[Any, Any]]:
    """Yield the name of each job and what it returned, as soon as it is done.

    Args:
        jobs: Functions that can be pickled, by name. They are started in this order.
        processes: How many jobs run at the same time, each on one thread.
        progress: The title of a progress bar. Default: there is no bar.

    Raises:
        ValueError: ``processes`` isn't a whole number greater than 0.
        RuntimeError: A process that worked was ended from outside.

    Example:
        >>> dict(in_parallel({"a": lambda: 1, "b": lambda: 2}))
        {'a': 1, 'b': 2}
    """
    check_numbers(Integral, processes=processes)
    workers = min(processes, len(jobs)) or 1
    results = _by_processes(jobs, workers) if workers > 1 and _locks() else _one_by_one(jobs)
    yield from progress_bar(results, progress, "model", total=len(jobs))


def _locks() -> bool:
    """Say whether processes can share locks here, and warn if they can't."""
    try:
        multiprocessing.Lock()
    except (ImportError, OSError) as error:
        warnings.warn(
            f"processes can't share memory here ({error}), so one does all of the work; "
            "a container may need /dev/shm",
            stacklevel=4,
        )
        return False
    return True


def _one_by_one(jobs: Mapping[Any, Callable[[], Any]]) -> Iterator[tuple[Any, Any]]:
    for name, job in jobs.items():
        with threadpool_limits(1), progress_hidden():
            result = job()
        yield name, result


def _by_processes(jobs: Mapping[Any, Callable[[], Any]], workers: int) -> Iterator[tuple[Any, Any]]:
    with parallel_config("loky", inner_max_num_threads=1):
        # Large arrays are copied, since memory that processes share may be small.
        parallel = Parallel(workers, return_as="generator_unordered", max_nbytes=None)
    work = delayed(_work)
    try:
        yield from parallel(work(name, job, os.getpid()) for name, job in jobs.items())
    except BrokenExecutor:
        raise RuntimeError(
            "a process that trained was ended from outside, most likely since memory ran out; "
            "close other programs, or choose fewer processes"
        ) from None


def _work(name: Any, job: Callable[[], Any], parent: int) -> tuple[Any, Any]:
    """Work in a process that ends with its parent, on one thread and without a progress bar."""
    _end_with(parent)
    with threadpool_limits(1), progress_hidden():
        return name, job()


@cache
def _end_with(parent: int) -> None:
    """Let this process end when the one that began it has ended, in whatever way."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    Thread(target=watch, daemon=True).start()
