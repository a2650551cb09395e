"""Losses for ``fit``, and what they are made of."""

import torch

from ..checks import check_targets


def log_probabilities_over_time(voltages: torch.Tensor) -> torch.Tensor:
    """Return what ``decode`` says of the voltages up to each time step, (T, B, classes).

    Example:
        >>> log_probabilities_over_time(torch.zeros(20, 8, 4)).exp()[0, 0]
        tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """
    return torch.log_softmax(voltages.cummax(dim=0).values, dim=-1)


def nll_over_time(
    voltages: torch.Tensor, targets: torch.Tensor, frames: torch.Tensor, steps: torch.Tensor
) -> torch.Tensor:
    """Average the negative log-likelihood over a recording's own time steps.

    A wrong answer costs for as long as it stands, so a network learns to answer early.

    Example:
        >>> voltages = torch.zeros(20, 8, 4)  # a silent network guesses
        >>> targets, steps = torch.zeros(8, dtype=torch.int64), torch.full((8,), 20)
        >>> frames = torch.ones(10, 8, 2, 35, 35)
        >>> nll_over_time(voltages, targets, frames, steps).exp()[0].item()  # one of four classes
        4.0
    """
    numbers = torch.arange(len(voltages), device=steps.device)
    before_the_end = numbers[:, None] < steps
    return weighted_nll(voltages, targets, before_the_end.to(voltages.dtype))


def events_per_step(frames: torch.Tensor) -> torch.Tensor:
    """Return how many events each time step of each recording has, (T, B)."""
    axes = tuple(range(2, frames.ndim))
    return torch.sparse.sum(frames, axes).to_dense() if frames.is_sparse else frames.sum(axes)


def weighted_nll(
    voltages: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    """Average the negative log-likelihood over time steps, each with its weight, (T, B)."""
    if voltages.ndim != 3 or voltages.shape[:2] != weights.shape or len(voltages) == 0:
        sizes = " × ".join(map(str, weights.shape))
        found = f"voltages have shape {tuple(voltages.shape)}"
        raise ValueError(f"{found}; for {sizes} time steps and recordings give (T, B, classes)")
    check_targets(targets, voltages[0])
    steps = len(voltages)
    log_probabilities = log_probabilities_over_time(voltages)
    losses = -log_probabilities.gather(2, targets.expand(steps, -1)[..., None])[..., 0]
    return (weights * losses).sum(dim=0) / weights.sum(dim=0).clamp(min=1)
