"""The loss of a batch: the negative log-likelihood, or a function of one's own."""

import inspect
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.nn.functional import nll_loss

from ..networks.classifier import Classifier, decode
from ..system.checks import name_of
from .watch import warn_of_no_probabilities

# Voltages (T, B, classes), targets (B,), frames (T, B, ...) and each recording's own number of
# steps (B,) in, and states by name if it has such an argument; a loss per recording (B,) out.
Loss = Callable[..., Tensor]


def classify_batch(
    classifier: Classifier, frames: Tensor, targets: Tensor, loss: Loss | None = None
) -> tuple[Tensor, Tensor]:
    """Return the log-probabilities of a batch (B, classes), and the loss of each recording (B,)."""
    if loss is None:
        voltages, steps, _ = classifier.run(frames)
        log_probabilities = classifier.read(voltages, steps)
        if classifier.decode is not decode:
            warn_of_no_probabilities(log_probabilities)
        return log_probabilities, nll_loss(log_probabilities, targets, reduction="none")
    seen: dict[str, Any] = {}
    if sees_states(loss):
        voltages, steps, frames, seen["states"] = classifier.run_with_states(frames)
    else:
        voltages, steps, frames = classifier.run(frames)
    log_probabilities = classifier.read(voltages, steps)
    try:
        losses = loss(voltages, targets, frames, steps, **seen)
    except (RuntimeError, TypeError) as error:
        raise TypeError(
            f"loss={name_of(loss)}: {error}; it is called as loss(voltages, targets, frames, "
            "steps), with voltages (T, B, classes) and targets (B,), and returns a tensor (B,); "
            "one with a further argument states is given those of all steps, too"
        ) from error
    shape = getattr(losses, "shape", type(losses).__name__)
    if shape != targets.shape:
        raise ValueError(f"loss returned {shape}; return a tensor of shape {tuple(targets.shape)}")
    return log_probabilities, losses


def sees_states(loss: Callable[..., Any]) -> bool:
    """Say whether a loss has an argument ``states``."""
    try:
        return "states" in inspect.signature(loss).parameters
    except (TypeError, ValueError):  # of no function, or of one that doesn't say
        return False
