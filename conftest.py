"""What all tests share, those of the chapters too."""

import functools
import os

import nbval.kernel

# Workers of pytest-xdist, and the kernels that they start, compute on one thread each: threads of
# several processes would wait for each other. PyTorch reads this when it is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# Here a chapter that doesn't find what it expects fails; a reader is told, and goes on.
os.environ["POKERSNN_STRICT"] = "1"


def pytest_collection_modifyitems(items):
    """Let a cell's outputs arrive late: nbval waits 5 s for them, too little on a busy machine."""
    for item in items:
        if hasattr(item, "output_timeout"):
            item.output_timeout = 60


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
