"""How long ``load_pokerdvs`` takes, from archives alone and from a folder that it has filled."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from pokersnn_helpers.pokerdvs import ARCHIVES, cache_folder

from .timing import recordings

CALL = """
import sys, time
start = time.perf_counter()
from pokersnn_helpers import load_pokerdvs
imported = time.perf_counter()
load_pokerdvs(sys.argv[1], "real")
print(1000 * (imported - start), 1000 * (time.perf_counter() - imported))
"""


def time_call(root: str) -> list[float]:
    """Return the time of the import and of the first call in a new process, in ms."""
    command = [sys.executable, "-c", CALL, root]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return [float(time) for time in printed.split()]


def measure(repeats: int = 5) -> dict[str, Any]:
    """Measure the import, and the first call in a new process, cold and warm.

    Cold: in a folder that holds nothing but both archives. Warm: there again, in another process.
    """
    recordings()  # downloads what is missing
    root = Path(os.environ.get("POKERSNN_DATA") or cache_folder()).expanduser()
    archives = [path for name in ARCHIVES for path in sorted(root.glob(f"**/{name}"))[:1]]
    if len(archives) < len(ARCHIVES):
        raise SystemExit(f"loading needs {' and '.join(ARCHIVES)}, which aren't in {root}")
    cold, warm = [], []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            for archive in archives:
                shutil.copy(archive, folder)
            cold.append(time_call(folder))
            warm.append(time_call(folder))
    imported = [time for time, _ in cold + warm]
    found = {"import": imported, "cold": [time for _, time in cold], "warm": [t for _, t in warm]}
    medians = {f"{name}_ms": statistics.median(times) for name, times in found.items()}
    return {"repeats": repeats, **medians}
