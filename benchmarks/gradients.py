"""What a gradient is multiplied by in each step back through time, and what clipping does.

A gradient that begins at the hidden voltages of a recording's last step comes back through time
and grows, or fades, by some factor per step. The figure of *Making training fast* says by which,
for a network whose neurons are all alike (``factor``); here is what real ones have, before and
after training.
"""

from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from pokersnn_helpers import FastSNN, build_network, make_loader, train_classifier
from pokersnn_helpers.networks.snn import SNN

from . import Options, Row
from .timing import recordings

PARTS = 6  # of a training run
CLIP_NORM = 0.3  # as ``fit`` has it


def factor(weight: float, slope: float, share: float) -> float:
    """Return what the gradient is multiplied by per step, far from where it began.

    Of neurons that are alike and don't spike, it is the largest eigenvalue of the step back of
    *Making training fast*, of voltage and current. It is above 1 where slope times weight is above
    the share.

    Args:
        weight: Of the recurrent weights: the largest eigenvalue.
        slope: The surrogate's mean.
        share: What voltages and currents lose per step, dt / tau.
    """
    kept = 1 - share
    sent = slope * weight
    step = np.array([[kept, sent], [share * kept, kept + share * sent]])
    return float(np.abs(np.linalg.eigvals(step)).max())


def one_recording(snn: SNN, frames: Tensor) -> tuple[float, float]:
    """Return the gradient's mean factor per step in one recording, and the surrogate's mean.

    Args:
        snn: The network.
        frames: Its frames, (T, 1, polarities, height, width).
    """
    state: Any = None
    currents = []
    slopes = []
    for frame in frames:
        _, state = snn.step(frame, state)
        currents.append(state.lif0.i)
        above = (state.lif0.v - snn.lif0.p.v_th).abs()  # of what has spiked, after the reset
        slopes.append(snn.surrogate_slope / (1 + above).square().mean().item())
    direction = torch.randn_like(state.lif0.v)
    loss = (direction * state.lif0.v).sum()
    gradients = torch.autograd.grad(loss, currents[:-1])
    sizes = [gradient.norm().item() for gradient in gradients]
    steps = len(sizes) - 1
    return (sizes[0] / sizes[-1]) ** (1 / steps), float(np.mean(slopes))


def of_network(snn: SNN, time_window: float) -> Row:
    """Measure a network on all recordings that it learns from."""
    loader = make_loader(recordings().train, batch_size=1, time_window=time_window)
    torch.manual_seed(0)
    found = [one_recording(snn, frames) for frames, _ in loader]
    factors, slopes = np.array(found).T
    weight = float(torch.linalg.eigvals(snn.lif0.recurrent_weights).abs().max())
    share = float(snn.dt * snn.lif0.p.tau_mem_inv)
    slope = float(slopes.mean())
    return {
        "weight": weight,
        "slope": slope,
        "factor": float(np.exp(np.log(factors).mean())),
        "alike": factor(weight, slope, share),
    }


def readable(snn: SNN) -> SNN:
    """Return the same network, whose states have gradients."""
    other = SNN(**snn.arguments)
    other.load_state_dict(snn.state_dict())
    return other


def train_noted(seed: int, epochs: int | None) -> tuple[FastSNN, list[float]]:
    """Train by the recipe; return the network, and the gradient's norm before each clipping."""
    norms = []

    def clip(weights: Any, limit: float) -> Tensor:
        norm = clip_grad_norm_(weights, limit)
        norms.append(float(norm))
        return norm

    options: Options = {"network": FastSNN}
    if epochs is not None:
        options["epochs"] = epochs
    with patch("pokersnn_helpers.training.fit.clip_grad_norm_", clip):
        classifier, _ = train_classifier(recordings(), seed=seed, device="cpu", **options)
    return classifier.snn, norms


def measure(seeds: int = 3, epochs: int | None = None) -> Row:
    """Follow gradients back through time, and through training by the recipe.

    Args:
        seeds: 0 to ``seeds - 1``; in finer bins, 0 alone.
        epochs: To train for, in place of the recipe's.

    Returns:
        A row per network and bin width: the largest eigenvalue of its recurrent weights, the mean
        of its surrogate, the gradient's factor per step, and that of neurons that are alike. In
        ``clipping``, a row per part of training: the median norm of the gradients, and the share
        that is clipped.
    """
    begun = []
    trained = []
    norms = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        begun.append(of_network(build_network(SNN), 1000))
        network, of_steps = train_noted(seed, epochs)
        trained.append(of_network(readable(network), 1000))
        norms.append(np.array_split(of_steps, PARTS))
    rows = [mean_of("before training", begun, 1000), mean_of("after training", trained, 1000)]
    for slope in (1, 0.1):
        torch.manual_seed(0)
        fine = of_network(SNN(dt=0.0001, surrogate_slope=slope), 100)
        rows.append(mean_of(f"slope {slope}", [fine], 100))
    clipping = []
    for number, parts in enumerate(zip(*norms, strict=True), 1):
        part = np.concatenate(parts)
        share = float(np.mean(part > CLIP_NORM))
        clipping.append(
            {"part": f"{number} of {PARTS}", "norm": float(np.median(part)), "clipped": share}
        )
    return {"seeds": seeds, "clip norm": CLIP_NORM, "rows": rows, "clipping": clipping}


def mean_of(name: str, found: list[Row], time_window: float) -> Row:
    """Return the means over the seeds."""
    means = {column: float(np.mean([row[column] for row in found])) for column in found[0]}
    return {"network": name, "bins_us": time_window, **means}
