"""Several jobs at the same time, each on one thread of a process of its own.

Processes are those of this computer, or of whatever backend joblib was given::

    with joblib.parallel_config("dask"):  # and a dask.distributed.Client
        compare(recordings, groups)

A backend of several machines takes all of their workers, however many ``processes`` are asked for.
"""

import multiprocessing
import os
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import BrokenExecutor
from functools import cache
from numbers import Integral
from threading import RLock, Thread
from typing import Any

import sklearn.linear_model  # noqa: F401 (its libraries are among those that are limited)
import torch  # noqa: F401 (as above)
from joblib import Parallel, delayed, parallel_config
from threadpoolctl import ThreadpoolController

from pokersnn_helpers.system.checks import check_numbers
from pokersnn_helpers.system.progress import progress_bar, progress_hidden
from pokersnn_helpers.system.warn import warn

# Seeds are those of a process: where a backend works with threads, they would mix their numbers.
ONE_AT_A_TIME = RLock()

# They are found while this module is imported: beside a thread that loads a library, the search
# would wait for the interpreter, and that thread for the search, forever.
LIBRARIES = ThreadpoolController()


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
    if workers > 1 and not _locks():
        workers = 1
    # Large arrays are copied, since memory that processes share may be small.
    parallel = Parallel(workers, return_as="generator_unordered", max_nbytes=None)
    results = parallel(delayed(_work)(*job, os.getpid()) for job in jobs.items())
    try:
        yield from progress_bar(results, progress, "model", total=len(jobs))
    except BrokenExecutor:
        raise RuntimeError(
            "a process that trained was ended from outside, most likely since memory ran out; "
            "close other programs, or choose fewer processes"
        ) from None


def _locks() -> bool:
    """Say whether processes can share locks here, and warn if they can't."""
    try:
        multiprocessing.Lock()
    except (ImportError, OSError) as error:
        warn(
            f"processes can't share memory here ({error}), so one does all of the work; "
            "a container may need /dev/shm"
        )
        return False
    return True


def _work(name: Any, job: Callable[[], Any], parent: int) -> tuple[Any, Any]:
    """Work on one thread and without a progress bar, and a child ends with its parent."""
    if os.getppid() == parent:
        _end_with(parent)
    alone = parallel_config("sequential")  # what a job calls doesn't go to the backend again
    with ONE_AT_A_TIME, alone, LIBRARIES.limit(limits=1), progress_hidden():
        return name, job()


@cache
def _end_with(parent: int) -> None:
    """Let this process end when the one that began it has ended, in whatever way."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    Thread(target=watch, daemon=True).start()
