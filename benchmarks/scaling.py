"""What narrower time bins and more hidden neurons cost, and what narrower bins do to accuracy."""

import statistics
from typing import Any

import torch

from pokersnn_helpers import SNN, FastSNN, build_network, train_classifier
from pokersnn_helpers.files import one_cpu_thread

from .libraries import torch_step
from .networks import BATCH, example_batch, network_step
from .timing import (
    busy_cores,
    in_own_process,
    median_times,
    on_one_thread,
    peak_memory,
    recordings,
)

BIN_WIDTHS = (1000, 300, 100, 30, 10, 3, 1)  # µs
TRAINED_BIN_WIDTHS = (1000, 300, 100, 30, 10)
HIDDEN_SIZES = (100, 150, 200, 300, 500, 1000, 2000)  # ratios are to the first
STEPS_AT_ONCE = 5


def time_and_memory(time_window: float, repeats: int) -> dict[str, Any]:
    """Measure a training step of ``FastSNN`` at one bin width (µs), and this process's memory.

    The network is the recipe's: with other weights gradients grow beyond all numbers.

    Raises:
        RuntimeError: The gradients aren't finite.
    """
    frames, targets = example_batch(time_window, sparse=True)
    torch.manual_seed(0)
    snn = build_network(FastSNN, time_window=time_window)
    median = median_times({"": torch_step(snn, snn, [(frames, targets)])}, repeats)[""]
    if not all(p.grad is not None and torch.isfinite(p.grad).all() for p in snn.parameters()):
        raise RuntimeError(f"the gradients at bins of {time_window} µs aren't finite")
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
    steps = {
        (network, hidden): network_step(network, STEPS_AT_ONCE * batch, hidden=hidden)
        for network, batch in batches.items()
        for hidden in HIDDEN_SIZES
    }
    two = {("two", hidden): one_cpu_thread()(steps[FastSNN, hidden]) for hidden in HIDDEN_SIZES}
    steps = {key: on_one_thread(step) for key, step in steps.items()}
    alone = median_times(steps | two, repeats)
    with busy_cores():
        beside = median_times({key: steps[key] for key in steps if key[0] is FastSNN}, repeats)
    smallest = FastSNN, HIDDEN_SIZES[0]
    rows = [
        {
            "hidden": hidden,
            "FastSNN_ms": alone[FastSNN, hidden] / STEPS_AT_ONCE,
            "ratio": alone[FastSNN, hidden] / alone[smallest],
            "two_threads_ms": alone["two", hidden] / STEPS_AT_ONCE,
            "busy_ms": beside[FastSNN, hidden] / STEPS_AT_ONCE,
            "busy_ratio": beside[FastSNN, hidden] / beside[smallest],
            "SNN_ms": alone[SNN, hidden] / STEPS_AT_ONCE,
        }
        for hidden in HIDDEN_SIZES
    ]
    return {"batch": BATCH, "repeats": repeats, "rows": rows}


def measure_widths(seeds: int = 3) -> dict[str, Any]:
    """Measure the test accuracy (0 to 1) of trained ``FastSNN`` networks by bin width (µs)."""
    rows = []
    for window in TRAINED_BIN_WIDTHS:
        found = {}
        for seed in range(seeds):
            made = train_classifier(recordings(), seed, "cpu", network=FastSNN, time_window=window)
            found[f"seed {seed}"] = made[1].test_accuracy[-1]
        rows.append({"time_window_us": window, "mean": statistics.mean(found.values()), **found})
    return {"rows": rows}
