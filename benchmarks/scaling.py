"""What narrower time bins and more hidden neurons cost."""

from typing import Any

import torch

from pokersnn_helpers import SNN, FastSNN, build_network
from pokersnn_helpers.files import one_cpu_thread

from .libraries import torch_step
from .networks import BATCH, example_batch, network_step
from .timing import busy_cores, in_own_process, median_times, one_thread, peak_memory

BIN_WIDTHS = (1000, 300, 100, 30, 10, 3, 1)  # µs
HIDDEN_SIZES = (100, 150, 200, 300, 500, 1000, 2000)  # ratios are to the first
STEPS_AT_ONCE = 5


def time_and_memory(time_window: float, repeats: int) -> dict[str, Any]:
    """Measure a training step of ``FastSNN`` at one bin width (µs), and this process's memory.

    The network is the recipe's: with other weights gradients grow beyond all numbers.
    """
    frames, targets = example_batch(time_window, sparse=True)
    torch.manual_seed(0)
    snn = build_network(FastSNN, time_window=time_window)
    median = median_times({"": torch_step(snn, snn, [(frames, targets)])}, repeats)[""]
    return {
        "time_window_us": time_window,
        "time_steps": len(frames),
        "median_ms": median,
        "us_per_time_step": 1000 * median / len(frames),
        "peak_memory_gb": peak_memory(),
    }


def measure_bins(repeats: int = 3) -> dict[str, Any]:
    """Measure time and memory of a training step of ``FastSNN`` by bin width (µs)."""
    rows = [in_own_process(time_and_memory, window, repeats) for window in BIN_WIDTHS]
    return {"batch": BATCH, "repeats": repeats, "rows": rows}


def measure_hidden(repeats: int = 5) -> dict[str, Any]:
    """Measure a training step at 1 ms by hidden neurons: alone, and beside a process per core.

    On one thread, and ``FastSNN`` on two, too. Several steps are timed at once: one may fit
    between two turns of the other processes, and then seems to be free of them.
    """
    frames, targets = example_batch(1000)
    batches = {FastSNN: [(frames.to_sparse(), targets)], SNN: [(frames, targets)]}
    fast, slow = (
        {size: network_step(kind, STEPS_AT_ONCE * batch, hidden=size) for size in HIDDEN_SIZES}
        for kind, batch in batches.items()
    )
    one = {("one", size): one_thread()(step) for size, step in fast.items()}
    two = {("two", size): one_cpu_thread()(step) for size, step in fast.items()}
    loop = {("SNN", size): one_thread()(step) for size, step in slow.items()}
    alone = median_times(one | two | loop, repeats)
    with busy_cores():
        beside = median_times(one, repeats)
    smallest = "one", HIDDEN_SIZES[0]
    rows = [
        {
            "hidden": size,
            "FastSNN_ms": alone["one", size] / STEPS_AT_ONCE,
            "ratio": alone["one", size] / alone[smallest],
            "two_threads_ms": alone["two", size] / STEPS_AT_ONCE,
            "busy_ms": beside["one", size] / STEPS_AT_ONCE,
            "busy_ratio": beside["one", size] / beside[smallest],
            "SNN_ms": alone["SNN", size] / STEPS_AT_ONCE,
        }
        for size in HIDDEN_SIZES
    ]
    return {"batch": BATCH, "repeats": repeats, "rows": rows}
