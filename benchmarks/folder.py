"""A folder of many recordings: to load it and to train on it, in how much memory."""

import time

from pokersnn_helpers import FastSNN, load_folder, train_classifier

from . import Row
from .compare import peak_memory


def measure(folder: str = "", *, epochs: int = 2, time_window: float = 5000) -> Row:
    """Load a folder and train a ``FastSNN`` on all of it.

    Args:
        folder: A folder per class, as ``load_folder`` takes it.
        epochs: Passes over all recordings.
        time_window: Width of a time bin in µs.

    Raises:
        ValueError: No folder is named.
    """
    if not folder:
        raise ValueError("name recordings with --folder: a folder per class")
    with peak_memory() as gigabytes:
        start = time.perf_counter()
        recordings = load_folder(folder).recordings
        loaded = time.perf_counter()
        train_classifier(
            recordings,
            0,
            "cpu",
            network=FastSNN,
            time_window=time_window,
            epochs=epochs,
            augment="none",
        )
        trained = time.perf_counter()
    return {
        "recordings": len(recordings),
        "events": sum(map(len, recordings.events)),
        "loading_s": loaded - start,
        "training_s": trained - loaded,
        "peak_gb": max(gigabytes),
    }
