"""One training step, or epoch, of every network and library, and of bare matrix products."""

import functools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from tonic.collation import PadTensors
from torch.utils.data import DataLoader

from pokersnn_helpers import SNN, FastSNN, make_loader, to_frames
from pokersnn_helpers.files import one_cpu_thread

from .libraries import LIBRARIES, Step, is_missing, torch_step
from .timing import median_times, on_one_thread, recordings

BATCH, HIDDEN = 32, 100
BIN_WIDTHS = (1000, 100)  # µs
LOOP = "SNN, anomaly detection on"
FAST = "FastSNN, sparse frames"


def example_batch(
    time_window: float, batch: int = BATCH, *, sparse: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the first training batch of seed 0: frames (T, B, polarity, y, x) and targets (B,)."""
    torch.manual_seed(0)
    loader = make_loader(recordings().train, batch, time_window, sparse=sparse, shuffle=True)
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
    frames: torch.Tensor, targets: torch.Tensor, time_window: float, hidden: int
) -> dict[str, Step | None]:
    """Return a step of every network, by name; None for a library that is missing.

    ``FastSNN`` computes as in ``fit``: PyTorch on one thread, the halves of a batch on two.
    """
    dense, sparse = [(frames, targets)], [(frames.to_sparse(), targets)]
    make = functools.partial(network_step, time_window=time_window, hidden=hidden)
    steps: dict[str, Step | None] = {
        LOOP: make(SNN, dense, anomaly=True),
        "SNN": make(SNN, dense),
        "FastSNN, dense frames": one_cpu_thread()(make(FastSNN, dense)),
        FAST: one_cpu_thread()(make(FastSNN, sparse)),
        f"{FAST}, one thread": on_one_thread(make(FastSNN, sparse)),
    }
    for name, library in LIBRARIES.items():
        arguments = frames, targets, hidden, time_window / 1e6
        steps[name] = None if is_missing(name) else library.make(*arguments)
    return steps | inference_steps(frames, hidden, time_window) | floor_steps(frames, hidden)


def inference_steps(frames: torch.Tensor, hidden: int, time_window: float) -> dict[str, Step]:
    """Return passes of ``FastSNN`` without gradients: of the batch, and of its first recording.

    PyTorch has one thread, as in ``evaluate`` and ``predict``.
    """
    torch.manual_seed(0)
    snn = FastSNN(hidden_size=hidden, dt=time_window / 1e6)
    batches = {"": frames.to_sparse(), ", one recording": frames[:, :1].to_sparse()}

    @torch.no_grad()
    def infer(batch: torch.Tensor) -> None:
        snn(batch)

    return {
        f"FastSNN, inference{name}": one_cpu_thread()(functools.partial(infer, batch))
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

    def outside_the_recurrence() -> None:
        events @ w_in.t()
        currents.t() @ events
        all_steps.t() @ all_steps
        all_steps @ w_out.t()
        voltages @ w_out
        voltages.t() @ all_steps

    def by_step() -> None:
        outside_the_recurrence()
        for _ in range(2 * steps):
            torch.mm(one, w_rec)

    def at_once() -> None:
        outside_the_recurrence()
        for _ in range(2):
            torch.mm(all_steps, w_rec)

    return {"floor: BLAS, step by step": by_step, "floor: BLAS, all steps at once": at_once}


def measure_step(repeats: int = 11, *, batch: int = BATCH, hidden: int = HIDDEN) -> dict[str, Any]:
    """Measure a training step of every network by bin width (µs); None where one is missing."""
    rows = []
    for time_window in BIN_WIDTHS:
        frames, targets = example_batch(time_window, batch)
        steps = training_steps(frames, targets, time_window, hidden)
        found = median_times({name: step for name, step in steps.items() if step}, repeats)
        density = (frames != 0).float().mean().item()
        about = {"time_window_us": time_window, "steps": len(frames), "input_density": density}
        for row in with_ratios({name: found.get(name) for name in steps}):
            library = LIBRARIES.get(row["network"])
            rows.append(row | about | {"differs_in": library.differs if library else "-"})
    return {"batch": batch, "hidden": hidden, "repeats": repeats, "rows": rows}


def with_ratios(times: Mapping[str, float | None]) -> list[dict[str, Any]]:
    """Return a row per time (ms), which says how many times as long as ``FastSNN`` it is."""
    fast = times[FAST] or math.nan
    return [
        {"network": name, "median_ms": time, "relative_to_FastSNN": time and time / fast}
        for name, time in times.items()
    ]


def measure_epoch(repeats: int = 3) -> dict[str, Any]:
    """Measure a whole epoch at 1 ms, loading included; frames are kept, or made anew each time.

    ``FastSNN`` computes as in ``fit``, with PyTorch on one thread.
    """
    train = recordings().train
    cached = make_loader(train, BATCH, shuffle=True)
    sparse = make_loader(train, BATCH, sparse=True, shuffle=True)

    def make_frames(items: Sequence[tuple[Any, int]]) -> tuple[torch.Tensor, torch.Tensor]:
        return PadTensors(batch_first=False)([(to_frames(e), target) for e, target in items])

    items: Any = train  # in the protocol of a data set
    uncached: Any = DataLoader(items, BATCH, shuffle=True, collate_fn=make_frames)
    epochs = {
        f"{LOOP}, uncached": network_step(SNN, uncached, anomaly=True),
        "SNN, uncached": network_step(SNN, uncached),
        "SNN, cached": network_step(SNN, cached),
        FAST: one_cpu_thread()(network_step(FastSNN, sparse)),
    }
    return {"batch": BATCH, "repeats": repeats, "rows": with_ratios(median_times(epochs, repeats))}
