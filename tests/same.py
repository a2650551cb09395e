"""Whether two things hold the same tensors, numbers and texts."""

import torch
from torch.utils._pytree import tree_flatten


def same(one, two):
    """Say whether nested dictionaries and lists hold the same, to the last bit."""
    (values, form), (others, other_form) = tree_flatten(one), tree_flatten(two)
    return form == other_form and all(
        torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
        for a, b in zip(values, others, strict=True)
    )


def same_checkpoints(one, two):
    """Say whether two checkpoints hold the same."""
    return same(*(torch.load(path, weights_only=True) for path in (one, two)))


def altered(path, new_path, change):
    """Write what is left of a checkpoint after ``change(content)``; return where."""
    content = torch.load(path, weights_only=True)
    change(content)
    torch.save(content, new_path)
    return new_path
