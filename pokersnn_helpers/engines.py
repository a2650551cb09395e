"""What the benchmark compares: one training step of every engine, and of bare matrix products."""

from importlib import metadata

import torch

from .data import PokerDVS
from .fast import FastSNN
from .frames import make_loaders
from .peers import PEERS, Step, torch_step
from .snn import SNN

BATCH, HIDDEN = 32, 100
LOOP = "SNN, anomaly detection on"


def installed_version(package: str) -> str | None:
    """Return the version of a package on PyPI, or None where it isn't installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def example_batch(
    data: PokerDVS, time_window: float, sparse: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the first training batch of seed 0."""
    torch.manual_seed(0)
    return next(iter(make_loaders(data, BATCH, time_window, sparse)[0]))


def network_step(
    network: type[SNN], frames: torch.Tensor, targets: torch.Tensor, dt: float, hidden: int = HIDDEN
) -> Step:
    """Return a function that does one training step of a network with the weights of seed 0."""
    torch.manual_seed(0)
    snn = network(hidden_size=hidden, dt=dt)
    return torch_step(snn, list(snn.parameters()), frames, targets)


def engine_steps(data: PokerDVS, time_window: float) -> dict[str, Step | None]:
    """Return a training step of every engine, by name; None for a library that is missing."""
    frames, targets = example_batch(data, time_window)
    dt = time_window / 1e6
    loop = network_step(SNN, frames, targets, dt)

    def with_anomaly_detection() -> None:
        with torch.autograd.set_detect_anomaly(True):
            loop()

    steps = {
        LOOP: with_anomaly_detection,
        "SNN": loop,
        "FastSNN, dense frames": network_step(FastSNN, frames, targets, dt),
        "FastSNN, sparse frames": network_step(FastSNN, frames.to_sparse(), targets, dt),
    }
    for package, make in PEERS.items():
        missing = installed_version(package) is None
        steps[package] = None if missing else make(frames, targets, HIDDEN, dt)
    return steps | floor_steps(frames, HIDDEN)


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
