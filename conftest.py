"""What all tests share, those of the chapters too."""

import functools
import os
import sys
from pathlib import Path

import nbval.kernel
import pytest
from nbval.plugin import IPyNbCell

# Workers of pytest-xdist, and the kernels that they start, compute on one thread each: threads of
# several processes would wait for each other. PyTorch reads this when it is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# Here a chapter that doesn't find what it expects fails; a reader is told, and goes on.
os.environ["POKERSNN_STRICT"] = "1"

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
from executed import executed_at


def pytest_collection_modifyitems(items):
    """Skip what a build has executed, and let a cell's outputs arrive late.

    nbval waits 5 s for them, too little on a busy machine.
    """
    when_executed = functools.cache(executed_at)
    for item in items:
        if isinstance(item, IPyNbCell):
            item.output_timeout = 60
            if when := when_executed(item.path):
                item.add_marker(pytest.mark.skip(f"executed by the build of {when}"))


def pytest_configure():
    """Start a kernel again that dies as it starts.

    Its ports are chosen before it opens them, and another process may take one in between.
    """
    start = nbval.kernel.start_new_kernel

    @functools.wraps(start)
    def start_again(*args, **kwargs):
        for _ in range(2):
            try:
                return start(*args, **kwargs)
            except RuntimeError:
                pass
        return start(*args, **kwargs)

    nbval.kernel.start_new_kernel = start_again
