"""What all tests share, those of the chapters too."""

import os

# Workers of pytest-xdist, and the kernels that they start, compute on one thread each: threads of
# several processes would wait for each other. PyTorch reads this when it is imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
