"""Measure training: ``python -m pokersnn_helpers benchmark``.

Times are wall-clock medians, all taken in one run, and mean nothing without the ratios beside them.
"""

import argparse
import importlib
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from torch.utils.data import DataLoader

from .data import PokerDVS, load_pokerdvs
from .engines import (
    BATCH,
    HIDDEN,
    LOOP,
    engine_steps,
    example_batch,
    installed_version,
    network_step,
)
from .fast import FastSNN
from .frames import make_loaders
from .peers import PEERS, Step, torch_step
from .snn import SNN, decode
from .training import initial_network, train_classifier

STEP_WINDOWS = (1000, 100)  # µs, of the table that compares engines
SCALING_WINDOWS = (1000, 300, 100, 30, 10, 3, 1)
ACCURACY_WINDOWS = (1000, 300, 100, 30, 10)
HIDDEN_SIZES = (100, 200, 500, 1000, 2000)
PARTS = ("steps", "epoch", "time", "hidden", "accuracy")


def add_benchmark_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.description = (
        "Measure how fast the network trains, beside other libraries and the time of the bare "
        "matrix products. Takes some ten minutes."
    )
    parser.add_argument(
        "--only", choices=PARTS, nargs="+", default=PARTS, help="parts to measure; default: all"
    )
    parser.add_argument(
        "--repeats", type=int, default=11, help="timed runs of each entry (11); the median counts"
    )
    parser.add_argument(
        "--seeds", type=int, default=3, help="networks a bin width, for the accuracy (3)"
    )
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw what scales, into a file")


def run_benchmark(arguments: argparse.Namespace) -> None:
    """Measure and print.

    Args:
        arguments: What the parser made of the options of ``add_benchmark_arguments``.
    """
    data = load_pokerdvs()
    print_setting(data)
    scaling = {}
    if "steps" in arguments.only:
        for time_window in STEP_WINDOWS:
            print_steps(data, time_window, arguments.repeats)
    if "epoch" in arguments.only:
        print_epoch(data)
    if "time" in arguments.only:
        scaling["time"] = print_time_scaling()
    if "hidden" in arguments.only:
        scaling["hidden"] = print_hidden_scaling(data)
    if "accuracy" in arguments.only:
        scaling["accuracy"] = print_accuracy(data, arguments.seeds)
    if arguments.figure and scaling:
        draw(scaling).savefig(arguments.figure, dpi=150)
        print(f"\ndrawn into {arguments.figure}")


def print_setting(data: PokerDVS) -> None:
    """Print what the numbers depend on: machine, versions and data."""
    versions = [
        f"{name} {installed_version(name) or 'MISSING'}"
        for name in ("torch", "norse", "numba", *PEERS)
    ]
    print(data)
    usable = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count()))(0)
    print(f"{platform.processor() or platform.machine()}, {len(usable)} cores,", end=" ")
    print(f"{torch.get_num_threads()} PyTorch threads; GPU: {_gpu()}")
    print(f"Python {platform.python_version()}, {', '.join(versions)}")
    print(f"batch of {BATCH} recordings, 2450 inputs, {HIDDEN} hidden neurons, 4 readout neurons")


def _gpu() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "none, nothing to measure"


def median_times(steps: dict[str, Step], repeats: int) -> dict[str, float]:
    """Return the median wall-clock time of each step, in s.

    They take turns, so that what else the machine does meets all of them, after a round that isn't
    timed.
    """
    times = {name: [] for name in steps}
    for _ in range(repeats + 1):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(seconds[1:]) for name, seconds in times.items()}


def median_time(step: Step, repeats: int) -> float:
    """Return the median wall-clock time of one step, in s, as ``median_times`` does."""
    return median_times({"": step}, repeats)[""]


def print_steps(data: PokerDVS, time_window: float, repeats: int) -> None:
    """Print the time of one training step of every engine."""
    frames, _ = example_batch(data, time_window)
    density = (frames != 0).float().mean().item()
    print(f"\nOne training step, bins of {time_window:g} µs: {len(frames)} time steps,", end=" ")
    print(f"{density:.2%} of the inputs other than 0")
    print(f"{'':32}{'median':>10}{'speed-up':>12}")
    steps = engine_steps(data, time_window)
    found = median_times({name: step for name, step in steps.items() if step}, repeats)
    for name in steps:
        if name in found:
            print(f"{name:32}{1000 * found[name]:7.1f} ms{found[LOOP] / found[name]:10.1f} ×")
        else:
            print(f"{name:32}{'MISSING':>10}   pip install 'pokersnn-helpers[bench]'")
    ours = found["FastSNN, sparse frames"]
    peers = {name: found[name] for name in PEERS if name in found}
    quickest = min(peers, key=peers.get, default=None)
    if quickest:
        print(f"FastSNN against the quickest other library, {quickest}:", end=" ")
        print(f"{peers[quickest] / ours:.1f} times as fast")
    for name in (name for name in found if name.startswith("floor")):
        print(f"FastSNN takes {ours / found[name]:.1f} times the {name}")


def print_epoch(data: PokerDVS, repeats: int = 3) -> None:
    """Print the time of a whole epoch at 1 ms, loading included."""
    cached, events = make_loaders(data, BATCH)[0], make_loaders(data, BATCH, sparse=True)[0]
    uncached = DataLoader(
        cached.dataset.dataset, batch_size=BATCH, shuffle=True, collate_fn=cached.collate_fn
    )
    print("\nOne epoch, bins of 1000 µs, loading included")
    epochs = {
        f"{LOOP}, uncached": _epoch(SNN, uncached, anomaly=True),
        "SNN, uncached": _epoch(SNN, uncached),
        "SNN, cached": _epoch(SNN, cached),
        "FastSNN, cached, sparse": _epoch(FastSNN, events),
    }
    found = median_times(epochs, repeats)
    for name, seconds in found.items():
        speed_up = next(iter(found.values())) / seconds
        print(f"{name:38}{1000 * seconds:7.1f} ms{speed_up:10.1f} ×")
    ours = found["FastSNN, cached, sparse"]
    print(f"FastSNN against the uncached loop: {found['SNN, uncached'] / ours:.1f} times as fast")


def _epoch(network: type[SNN], loader: DataLoader, anomaly: bool = False) -> Step:
    torch.manual_seed(0)
    snn = network()
    optimizer = torch.optim.Adam(snn.parameters(), lr=1e-4, fused=True)

    def epoch() -> None:
        with torch.autograd.set_detect_anomaly(anomaly):
            for frames, targets in loader:
                optimizer.zero_grad()
                torch.nn.functional.nll_loss(decode(snn(frames)), targets).backward()
                optimizer.step()

    return epoch


def print_time_scaling() -> list[tuple[int, float, float]]:
    """Print and return time steps, s and GB of a training step, from bins of 1 ms to 1 µs."""
    print(f"\nFastSNN, one training step on {BATCH} recordings, each in a process of its own")
    print(f"{'bins':>10}{'time steps':>12}{'median':>12}{'µs a time step':>16}{'peak memory':>14}")
    rows = []
    for time_window in SCALING_WINDOWS:
        steps, seconds, peak = in_own_process(time_and_memory, time_window)
        rows.append((steps, seconds, peak))
        print(f"{time_window:7g} µs{steps:12,}{1000 * seconds:9.0f} ms", end="")
        print(f"{1e6 * seconds / steps:16.1f}{peak:11.2f} GB")
    return rows


def in_own_process(function: Callable, *arguments: object) -> tuple:
    """Return what a function returns in a new process, whose memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def time_and_memory(time_window: float) -> tuple[int, float, float]:
    """Return time steps, median s of a training step, and the peak memory of this process in GB.

    The network is the recipe's: with other weights gradients grow beyond all numbers.
    """
    frames, targets = example_batch(load_pokerdvs(), time_window, sparse=True)
    torch.manual_seed(0)
    snn = initial_network(FastSNN, time_window)
    seconds = median_time(torch_step(snn, list(snn.parameters()), frames, targets), 3)
    if not all(torch.isfinite(p.grad).all() for p in snn.parameters()):
        raise RuntimeError(f"the gradients at bins of {time_window} µs aren't finite")
    try:
        resource = importlib.import_module("resource")
    except ModuleNotFoundError:  # on Windows
        return len(frames), seconds, float("nan")
    unit = 1e9 if platform.system() == "Darwin" else 1e6  # bytes there, kB elsewhere
    return len(frames), seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def print_hidden_scaling(data: PokerDVS) -> list[tuple[int, float, float]]:
    """Print and return hidden neurons, and s of a training step of FastSNN and of SNN."""
    frames, targets = example_batch(data, 1000)
    print("\nOne training step by hidden neurons, bins of 1000 µs")
    print(f"{'hidden':>10}{'FastSNN':>13}{'SNN':>13}")
    rows = []
    for hidden in HIDDEN_SIZES:
        fast = network_step(FastSNN, frames.to_sparse(), targets, 0.001, hidden)
        loop = network_step(SNN, frames, targets, 0.001, hidden)
        rows.append((hidden, median_time(fast, 5), median_time(loop, 3)))
        print(f"{hidden:10}{1000 * rows[-1][1]:10.1f} ms{1000 * rows[-1][2]:10.1f} ms")
    return rows


def print_accuracy(data: PokerDVS, seeds: int) -> list[tuple[float, list[float]]]:
    """Print and return the test accuracies of trained networks by bin width."""
    print("\nTest accuracy by bin width, time constants held in seconds")
    print(f"{'bins':>10}{'mean':>8}   by seed")
    rows = []
    for time_window in ACCURACY_WINDOWS:
        accuracies = [
            train_classifier(data, seed, "cpu", time_window=time_window, network=FastSNN)[
                1
            ].test_accuracy[-1]
            for seed in range(seeds)
        ]
        rows.append((time_window, accuracies))
        by_seed = ", ".join(f"{accuracy:.0%}" for accuracy in accuracies)
        print(f"{time_window:7g} µs{statistics.mean(accuracies):8.1%}   {by_seed}")
    return rows


def draw(scaling: dict[str, list]) -> Figure:
    """Draw what was measured, a panel each.

    Args:
        scaling: What ``print_time_scaling`` ("time"), ``print_hidden_scaling`` ("hidden") and
            ``print_accuracy`` ("accuracy") returned.
    """
    with plt.style.context("pokersnn_helpers.book"):
        panels = len(scaling) + ("time" in scaling)
        fig, axes = plt.subplots(
            1, panels, figsize=(3.6 * panels, 3), squeeze=False, layout="constrained"
        )
        axes = iter(axes[0])
        if "time" in scaling:
            steps, seconds, memory = zip(*scaling["time"], strict=True)
            ax = next(axes)
            ax.loglog(steps, seconds, "o-")
            ax.set(title="time of a training step", xlabel="time steps", ylabel="s")
            ax = next(axes)
            ax.semilogx(steps, memory, "o-")
            ax.set(title="peak memory", xlabel="time steps", ylabel="GB", ylim=(0, None))
        if "hidden" in scaling:
            hidden, fast, loop = zip(*scaling["hidden"], strict=True)
            ax = next(axes)
            ax.loglog(hidden, loop, "o-", label="SNN")
            ax.loglog(hidden, fast, "o-", label="FastSNN")
            ax.set(title="time of a training step", xlabel="hidden neurons", ylabel="s")
            ax.legend()
        if "accuracy" in scaling:
            ax = next(axes)
            for time_window, accuracies in scaling["accuracy"]:
                percent = [100 * accuracy for accuracy in accuracies]
                ax.semilogx([time_window / 1000] * len(percent), percent, "o", color="#0072B2")
            ax.set(title="test accuracy", xlabel="bin width (ms)", ylabel="%", ylim=(0, 105))
    return fig
