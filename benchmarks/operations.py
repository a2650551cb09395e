"""What an answer costs: operations per recording of every model of chapter 6, and energy."""

from functools import partial
from typing import Any

import torch
from torch import nn

from pokersnn_helpers import Split, make_loader
from pokersnn_helpers.baselines import (
    MODELS,
    WHOLE,
    ConvolutionalSNN,
    FramePerceptron,
    GatedRecurrent,
    HybridSNN,
    Train,
    by_gradient,
    regression_network,
    spiking,
)
from pokersnn_helpers.changes import merged_polarities
from pokersnn_helpers.energy import estimate_energy
from pokersnn_helpers.operations import count_operations

from .timing import median_times, recordings

BIN_WIDTHS = (1000, 300, 100)  # µs
MERGED = ("MLP on each frame", "SNN behind a layer")  # see merged polarities

by_frames = partial(by_gradient, clip_norm=0.3, learning_rate=0.002)
COUNTED: dict[tuple[str, float], Train] = {
    **{(name, WHOLE): MODELS[name] for name in ("logistic regression", "MLP", "CNN")},
    ("MLP on each frame", 1000): by_frames(FramePerceptron),
    ("SNN behind a layer", 1000): by_frames(HybridSNN),
    ("SNN, convolution", 1000): by_gradient(ConvolutionalSNN, clip_norm=0.3),
    **{
        ("GRU", width): by_gradient(GatedRecurrent, clip_norm=1.0, time_window=width)
        for width in BIN_WIDTHS
    },
    **{("SNN, book's recipe", width): spiking(time_window=width) for width in BIN_WIDTHS},
}


def measure_operations(
    repeats: int = 11, *, models: dict[tuple[str, float], Train] = COUNTED
) -> dict[str, Any]:
    """Train each model with seed 0, and count its operations for the test recordings.

    Args:
        repeats: Timed runs of a forward pass, and of counting, of which the median counts.
        models: By name and width of time bins in µs.

    Returns:
        A row per model: means per recording, energies in µJ, and times in ms of a forward pass of
        all test recordings and of ``count_operations``, which makes one.
    """
    rows = []
    for (name, width), train in models.items():
        data = recordings()
        if name in MERGED:
            data = Split(merged_polarities(data.train), merged_polarities(data.test))
        predict: Any = train(data, 0)
        network = predict.model
        if not isinstance(network, nn.Module):
            network = regression_network(network)
        loader = make_loader(data.test, len(data.test), min(width, 1000), sparse=True)
        frames, targets = next(iter(loader))
        operations = count_operations(network, frames)
        energies = estimate_energy(operations)._asdict()

        @torch.no_grad()
        def forward(network: nn.Module = network, frames: torch.Tensor = frames) -> None:
            network(frames)

        def count(network: nn.Module = network, frames: torch.Tensor = frames) -> None:
            count_operations(network, frames)

        network.eval()
        times = median_times({"forward": forward, "count": count}, repeats)
        rows.append(
            {
                "model": name,
                "bins_us": "sum" if width == WHOLE else width,
                "correct": int((predict(data.test) == targets.numpy()).sum()),
                **operations.means(),
                **{f"{kind}_uJ": float(value.mean()) for kind, value in energies.items()},
                **{f"{what}_ms": time for what, time in times.items()},
            }
        )
    return {"recordings": len(recordings().test), "repeats": repeats, "rows": rows}
