"""Whether two checkpoints hold the same."""

import torch
from torch.utils._pytree import tree_flatten


def same_checkpoints(one, two):
    """Say whether two checkpoints hold the same, to the last bit."""
    parts = [tree_flatten(torch.load(path, weights_only=True)) for path in (one, two)]
    (values, form), (others, other_form) = parts
    return form == other_form and all(
        torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
        for a, b in zip(values, others, strict=True)
    )
