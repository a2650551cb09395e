"""One training step of every network and library, and of bare matrix products."""

import functools
import math
from collections.abc import Iterable
from typing import Any

import torch

from pokersnn_helpers import SNN, FastSNN, make_loader
from pokersnn_helpers.devices import one_cpu_thread

from .libraries import LIBRARIES, Step, installed_version, torch_step
from .timing import median_times, one_thread, recordings

BATCH, HIDDEN = 32, 100
BIN_WIDTHS = (1000, 100)  # µs
LOOP = "SNN, anomaly detection on"
FAST = "FastSNN, sparse frames"


def example_batch(time_window: float, sparse: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the first training batch of seed 0: frames (T, B, polarity, y, x) and targets (B,)."""
    torch.manual_seed(0)
    loader = make_loader(recordings().train, BATCH, time_window, sparse=sparse, shuffle=True)
    return next(iter(loader))


def network_step(
    network: type[SNN],
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
    time_window: float = 1000,
    hidden: int = HIDDEN,
    anomaly: bool = False,
) -> Step:
    """Return a function that trains a network, drawn with seed 0, with each batch once."""
    torch.manual_seed(0)
    snn = network(hidden_size=hidden, dt=time_window / 1e6)
    return torch_step(snn, snn, batches, anomaly)


def training_steps(
    frames: torch.Tensor, targets: torch.Tensor, time_window: float
) -> dict[str, Step | None]:
    """Return a step of every network, by name; None for a library that is missing.

    ``FastSNN`` computes as in ``fit``: PyTorch on one thread, the halves of a batch on two.
    """
    dense, sparse = [(frames, targets)], [(frames.to_sparse(), targets)]
    make = functools.partial(network_step, time_window=time_window)
    steps: dict[str, Step | None] = {
        LOOP: make(SNN, dense, anomaly=True),
        "SNN": make(SNN, dense),
        "FastSNN, dense frames": one_cpu_thread()(make(FastSNN, dense)),
        FAST: one_cpu_thread()(make(FastSNN, sparse)),
        f"{FAST}, one thread": one_thread()(make(FastSNN, sparse)),
    }
    for name, (make_step, _) in LIBRARIES.items():
        arguments = frames, targets, HIDDEN, time_window / 1e6
        steps[name] = make_step(*arguments) if installed_version(name) else None
    return steps | inference_steps(frames, time_window) | floor_steps(frames, HIDDEN)


def inference_steps(frames: torch.Tensor, time_window: float) -> dict[str, Step]:
    """Return passes of ``FastSNN`` without gradients: of the batch, and of its first recording.

    PyTorch has one thread, as in ``evaluate`` and ``predict``.
    """
    torch.manual_seed(0)
    snn = FastSNN(hidden_size=HIDDEN, dt=time_window / 1e6)
    batches = {"": frames.to_sparse(), ", one recording": frames[:, :1].to_sparse()}
    infer = one_cpu_thread()(torch.no_grad()(snn))
    return {
        f"FastSNN, inference{name}": functools.partial(infer, batch)
        for name, batch in batches.items()
    }


def floor_steps(frames: torch.Tensor, hidden: int) -> dict[str, Step]:
    """Return matrix products with as many multiply-adds as a training step has to do.

    For each event, a row of input weights and one of their gradient; for each time step and
    recording, three products with a matrix of recurrent weights and three with the readout's
    (forward, backward, and the gradient). Once with a product for each time step, as the
    recurrence asks for, and once as few large products, which no recurrent network can do.
    """
    steps, batch = frames.shape[:2]
    inputs = frames[0, 0].numel()
    rows = round(int((frames != 0).sum()) / inputs)
    events, w_in = torch.rand(rows, inputs), torch.rand(hidden, inputs)
    one, all_steps = torch.rand(batch, hidden), torch.rand(steps * batch, hidden)
    w_rec, w_out = torch.rand(hidden, hidden), torch.rand(4, hidden)
    currents, voltages = torch.rand(rows, hidden), torch.rand(steps * batch, 4)

    def multiply(times: int, hidden_neurons: torch.Tensor) -> None:
        events @ w_in.t()
        currents.t() @ events
        all_steps.t() @ all_steps
        all_steps @ w_out.t()
        voltages @ w_out
        voltages.t() @ all_steps
        for _ in range(times):
            torch.mm(hidden_neurons, w_rec)

    return {
        "floor: BLAS, step by step": functools.partial(multiply, 2 * steps, one),
        "floor: BLAS, all steps at once": functools.partial(multiply, 2, all_steps),
    }


def measure_step(repeats: int = 11) -> dict[str, Any]:
    """Measure a training step of every network by bin width (µs); None where one is missing."""
    rows = []
    for time_window in BIN_WIDTHS:
        frames, targets = example_batch(time_window)
        steps = training_steps(frames, targets, time_window)
        found = median_times({name: step for name, step in steps.items() if step}, repeats)
        density = (frames != 0).float().mean().item()
        about = {"time_window_us": time_window, "steps": len(frames), "input_density": density}
        for name in steps:
            time, (_, differs) = found.get(name), LIBRARIES.get(name, (None, "-"))
            row = {"network": name, "median_ms": time}
            row["relative_to_FastSNN"] = time and time / (found[FAST] or math.nan)
            rows.append(row | about | {"differs_in": differs})
    return {"batch": BATCH, "hidden": HIDDEN, "repeats": repeats, "rows": rows}
