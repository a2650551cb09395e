"""A folder of many recordings: to load it and to train on it, in how much memory."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from pokersnn_helpers import FastSNN, load_folder, load_pokerdvs, train_classifier


def measure(folder: str = "", *, epochs: int = 2, time_window: float = 5000) -> dict[str, Any]:
    """Measure in a new process how long it takes to load a folder and to train on all of it.

    Memory is that of the whole process, or per event what it grew by, as Linux tells.

    Args:
        folder: A folder per class, as ``load_folder`` takes it.
        epochs: Of a ``FastSNN``.
        time_window: Width of a time bin in µs.

    Raises:
        ValueError: No folder is named.
    """
    if not folder:
        raise ValueError("name recordings with --folder: a folder per class")
    words = [sys.executable, "-m", __name__, folder, str(epochs), str(time_window)]
    printed = subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(printed.splitlines()[-1])


def load_and_train(folder: str, epochs: int, time_window: float) -> dict[str, Any]:
    """Load and train in this process, after a little training that compiles and imports."""
    train_classifier(load_pokerdvs().test, 0, "cpu", network=FastSNN, epochs=1)
    before, start, busy = _memory("VmRSS"), time.perf_counter(), time.process_time()
    recordings = load_folder(folder).recordings
    loading, loaded, peak = time.perf_counter() - start, _memory("VmRSS"), _memory("VmHWM")
    loading_cpu = time.process_time() - busy
    events = sum(map(len, recordings.events))
    start, busy = time.perf_counter(), time.process_time()
    train_classifier(
        recordings, 0, "cpu", network=FastSNN, time_window=time_window, epochs=epochs, augment=None
    )
    training_cpu = time.process_time() - busy
    training, trained = time.perf_counter() - start, _memory("VmRSS")
    return {
        "recordings": len(recordings),
        "events": events,
        "loading_s": loading,
        "loading_cpu_s": loading_cpu,
        "training_s": training,
        "training_cpu_s": training_cpu,
        "bytes_per_event_loaded": 1e9 * (loaded - before) / events,
        "bytes_per_event_trained": 1e9 * (trained - before) / events,
        "before_gb": before,
        "peak_loading_gb": peak,
        "peak_gb": _memory("VmHWM"),
    }


def _memory(kind: str) -> float:
    """Return the memory that this process holds, or the most that it has held, in GB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1e6 for line in lines if line.startswith(kind))


if __name__ == "__main__":
    print(json.dumps(load_and_train(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))))
