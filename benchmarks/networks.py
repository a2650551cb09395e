"""One training step of every network and library."""

import functools

import torch
from torch import Tensor

from pokersnn_helpers import SNN, FastSNN, make_loader
from pokersnn_helpers.system.devices import one_cpu_thread

from . import Row
from .libraries import LIBRARIES, Step, installed_version, torch_step
from .timing import median_times, one_thread, recordings

BATCH = 32
HIDDEN = 100
BIN_WIDTHS = (1000, 100)  # µs
LOOP = "SNN, anomaly detection on"
FAST = "FastSNN, sparse frames"


def example_batch(time_window: float) -> tuple[Tensor, Tensor]:
    """Return the first training batch of seed 0: frames (T, B, polarity, y, x) and targets (B,)."""
    torch.manual_seed(0)
    loader = make_loader(recordings().train, BATCH, time_window, shuffle=True)
    return next(iter(loader))


def network_step(
    network: type[SNN],
    frames: Tensor,
    targets: Tensor,
    time_window: float,
    anomaly: bool = False,
) -> Step:
    """Return a function that trains a network, drawn with seed 0, with a batch."""
    torch.manual_seed(0)
    snn = network(hidden_size=HIDDEN, dt=time_window / 1e6)
    return torch_step(snn, snn, frames, targets, anomaly)


def training_steps(frames: Tensor, targets: Tensor, time_window: float) -> dict[str, Step | None]:
    """Return a step of every network, by name; None for a library that is missing.

    ``FastSNN`` computes as in ``fit``: PyTorch on one thread, the halves of a batch on two.
    """
    make = functools.partial(network_step, targets=targets, time_window=time_window)
    sparse = frames.to_sparse()
    steps: dict[str, Step | None] = {
        LOOP: make(SNN, frames, anomaly=True),
        "SNN": make(SNN, frames),
        "FastSNN, dense frames": one_cpu_thread()(make(FastSNN, frames)),
        FAST: one_cpu_thread()(make(FastSNN, sparse)),
        f"{FAST}, one thread": one_thread()(make(FastSNN, sparse)),
    }
    for name, (make_step, _) in LIBRARIES.items():
        steps[name] = None
        if installed_version(name):
            steps[name] = make_step(frames, targets, HIDDEN, time_window / 1e6)
    return steps | inference_steps(frames, time_window)


def inference_steps(frames: Tensor, time_window: float) -> dict[str, Step]:
    """Return passes of ``FastSNN`` without gradients: of the batch, and of its first recording.

    PyTorch has one thread, as in ``evaluate`` and ``predict``.
    """
    torch.manual_seed(0)
    snn = FastSNN(hidden_size=HIDDEN, dt=time_window / 1e6)
    infer = one_cpu_thread()(torch.no_grad()(snn))
    return {
        "FastSNN, inference": functools.partial(infer, frames.to_sparse()),
        "FastSNN, inference, one recording": functools.partial(infer, frames[:, :1].to_sparse()),
    }


def measure_step(repeats: int = 11) -> Row:
    """Measure a training step of every network by bin width (µs); None where one is missing."""
    rows = []
    for time_window in BIN_WIDTHS:
        frames, targets = example_batch(time_window)
        steps = training_steps(frames, targets, time_window)
        times = median_times({name: step for name, step in steps.items() if step}, repeats)
        density = (frames != 0).float().mean().item()
        for name in steps:
            time = times.get(name)
            _, differs = LIBRARIES.get(name, (None, "-"))
            rows.append(
                {
                    "network": name,
                    "median_ms": time,
                    "relative_to_FastSNN": time and time / times[FAST],
                    "time_window_us": time_window,
                    "steps": len(frames),
                    "input_density": density,
                    "differs_in": differs,
                }
            )
    return {"batch": BATCH, "hidden": HIDDEN, "repeats": repeats, "rows": rows}
