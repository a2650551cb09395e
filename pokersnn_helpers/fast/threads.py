"""The halves of a large batch side by side on two threads, and BLAS on one.

Where there are two cores, each computes a half and sums up separate gradients. On one core a batch
is halved, too, so that the order of a sum doesn't depend on the number of threads.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from threading import RLock
from typing import Any

from threadpoolctl import ThreadpoolController

from ..system.devices import usable_cores

MIN_FOR_TWO = 2**16  # steps of neurons: for fewer it takes longer to call another thread


def side_by_side(batch: int, neuron_steps: int, work: Callable[[int, int], Any]) -> list[Any]:
    """Call with begin and end of each half of a batch, on two threads where they may run.

    ``OMP_NUM_THREADS=1`` keeps to one thread.
    """
    half = (batch + 1) // 2
    if half == batch or neuron_steps <= MIN_FOR_TWO:
        return [work(0, batch)]
    if os.environ.get("OMP_NUM_THREADS") == "1" or usable_cores() == 1:
        return [work(0, half), work(half, batch)]
    second = other_thread(os.getpid()).submit(work, half, batch)
    return [work(0, half), second.result()]


@cache
def other_thread(process_id: int) -> ThreadPoolExecutor:
    """Return the second thread of a process; one that was forked has none yet."""
    return ThreadPoolExecutor(1)


@cache
def blas() -> ThreadpoolController:
    """Return what sets the number of threads of the BLAS that Numba calls."""
    import scipy.linalg.cython_blas  # noqa: F401 - it is found once it is loaded

    return ThreadpoolController().select(user_api="blas")


blas_lock = RLock()  # the process has one number of threads for all of its threads


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let BLAS compute on one thread; another thread that wants the same waits."""
    with blas_lock, blas().limit(limits=1):
        yield
