"""Weights in 8 bits, as C files and pages carry them."""

import torch
from torch import Tensor


@torch.no_grad()
def to_int8(weights: Tensor) -> tuple[Tensor, Tensor]:
    """Round weights to the nearest multiples of a scale, of which each row has its own.

    Args:
        weights: A row for each neuron, of the weights of what it receives.

    Returns:
        The multiples, of which a row's largest is 127 or -127, and the scale of each row. A row of
        zeros stays so.

    Example:
        >>> to_int8(torch.tensor([[-127.0, 1.4], [0.0, 254.0]]))
        (tensor([[-127,    1],
                [   0,  127]], dtype=torch.int8), tensor([1., 2.]))
    """
    scales = weights.abs().amax(1).clamp(min=1e-12) / 127  # zeros divide by it, too
    return (weights / scales[:, None]).round().to(torch.int8), scales
