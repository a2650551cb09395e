"""One training step of every network and library."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from pokersnn_helpers import SNN, FastSNN, make_loader
from pokersnn_helpers.system.devices import one_cpu_thread

from . import Row
from .libraries import LIBRARIES, Step, installed_version, torch_step
from .timing import median_times, recordings

BATCH = 32
HIDDEN = 100
BIN_WIDTHS = (1000, 100)  # µs
FAST = "FastSNN, sparse frames"
LEARNED = "FastSNN, sparse frames, learned time constants"


def network_step(
    frames: Tensor, targets: Tensor, time_window: float, *, network: Callable[..., SNN]
) -> Step:
    """Return a function that trains a network, drawn with seed 0, with a batch."""
    torch.manual_seed(0)
    snn = network(hidden_size=HIDDEN, dt=time_window / 1e6)
    return torch_step(snn, [snn], frames, targets)


def training_steps(frames: Tensor, targets: Tensor, time_window: float) -> dict[str, Step | None]:
    """Return a step of every network, by name; None for a library that is missing.

    ``FastSNN`` computes as in ``fit``: PyTorch on one thread, the halves of a batch on two.
    """
    slow = partial(network_step, targets=targets, time_window=time_window, network=SNN)
    fast = partial(network_step, targets=targets, time_window=time_window, network=FastSNN)
    learned = partial(network_step, network=partial(FastSNN, learn_taus=True))
    sparse = frames.to_sparse()
    steps: dict[str, Step | None] = {
        "SNN": slow(frames),
        "FastSNN, dense frames": one_cpu_thread()(fast(frames)),
        FAST: one_cpu_thread()(fast(sparse)),
        LEARNED: one_cpu_thread()(learned(sparse, targets, time_window)),
    }
    for name, make_step in LIBRARIES.items():
        steps[name] = None
        if installed_version(name):
            steps[name] = make_step(frames, targets, HIDDEN, time_window / 1e6)
    return steps


def measure_step(repeats: int = 11) -> Row:
    """Measure a training step of every network by bin width (µs); None where one is missing."""
    rows = []
    for time_window in BIN_WIDTHS:
        torch.manual_seed(0)
        loader = make_loader(
            recordings().train, batch_size=BATCH, time_window=time_window, shuffle=True
        )
        frames, targets = next(iter(loader))
        steps = training_steps(frames, targets, time_window)
        times = median_times({name: step for name, step in steps.items() if step}, repeats)
        for name in steps:
            time = times.get(name)
            rows.append(
                {
                    "network": name,
                    "median_ms": time,
                    "relative_to_FastSNN": time and time / times[FAST],
                    "time_window_us": time_window,
                    "steps": len(frames),
                }
            )
    return {"batch": BATCH, "hidden": HIDDEN, "repeats": repeats, "rows": rows}
