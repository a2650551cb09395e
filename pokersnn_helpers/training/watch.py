"""What training is watched for: numbers that aren't finite, losses that climb, and silence."""

from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from ..system.warn import warn

CLIMB_SHARE = 0.2  # of what the loss had fallen: when it has climbed by more,
CLIMB_LEAST = 0.05  # and by more of its lowest, since where nothing is learned it wavers,
CLIMB_EPOCHS = 5  # and has stayed there for so many epochs, a warning says so


def check_training(where: str, **values: Tensor) -> None:
    """Raise a ``RuntimeError`` that names the first value that isn't a finite number."""
    for name, value in values.items():
        if not value.isfinite():
            words = name.replace("_", " ")
            raise RuntimeError(
                f"the {words} is {value.item()} {where}; try a lower learning_rate or a lower "
                "surrogate_slope, and look for NaN in the frames"
            )


def check_finite(classifier: nn.Module, log_probabilities: Tensor) -> None:
    """Refuse answers, or weights behind them, that are NaN or infinite.

    A neuron whose voltage is NaN never spikes, so the answers alone may look fine.
    """
    if log_probabilities.isnan().any() or not norm(classifier).isfinite():
        raise ValueError(
            "the network holds NaN or infinity, or weights too large to add up; load others, or "
            "train anew"
        )


def norm(model: nn.Module) -> Tensor:
    """Return the Euclidean norm of all weights: one that isn't finite shows in it."""
    return get_total_norm([weights.detach() for weights in model.parameters()])


def warn_if_it_climbs(losses: list[float]) -> None:
    """Warn in the epoch in which the loss has been far above its lowest for long enough."""
    lowest = min(losses)
    recent = min(losses[-CLIMB_EPOCHS:])
    slight = max(CLIMB_SHARE * (losses[0] - lowest), CLIMB_LEAST * lowest)
    epochs_since = len(losses) - 1 - losses.index(lowest)
    if epochs_since == CLIMB_EPOCHS and recent - lowest > slight:
        warn(
            f"the loss has climbed from {lowest:.3g} to at least {recent:.3g}, for "
            f"{CLIMB_EPOCHS} epochs; lower the learning rate, or choose wider time bins"
        )


def warn_if_silent(where: str, answered: float, n_samples: float) -> None:
    """Warn if no recording was answered, since all voltages were the same."""
    if answered == 0:
        warn(
            f"{where}the network said nothing about any of {n_samples:.0f} recordings: its "
            "voltages are the same for all classes, as if no neuron ever spiked, and what never "
            "spikes can't learn. Look whether the frames hold events; give larger input weights, a "
            "lower threshold v_th, longer time constants (in s) or wider time bins"
        )


def warn_of_no_probabilities(log_probabilities: Tensor) -> None:
    """Warn if what ``decode`` returns isn't the logarithm of probabilities."""
    sums = log_probabilities.detach().exp().sum(dim=1)
    if (sums - 1).abs().max() > 0.01:
        warn(
            "decode returns no log-probabilities, whose exponentials add up to 1: end it with "
            ".log_softmax(dim=-1)"
        )
