"""What all tests share, those of the chapters too."""

import os

# Workers of pytest-xdist, and the kernels that they start, compute on one thread each: threads of
# several processes would wait for each other. PyTorch reads this when it is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items):
    """Let a cell's outputs arrive late: nbval waits 5 s for them, too little on a busy machine."""
    for item in items:
        if hasattr(item, "output_timeout"):
            item.output_timeout = 60
