"""Whether two things hold the same tensors, numbers and texts."""

import torch


def same(one, two):
    """Say whether nested dictionaries and lists hold the same, to the last bit."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, two)
    if isinstance(one, dict):
        return same(list(one.items()), list(two.items()))
    if isinstance(one, (list, tuple)):
        return len(one) == len(two) and all(map(same, one, two))
    return one == two


def same_checkpoints(one, two):
    """Say whether two checkpoints hold the same."""
    return same(torch.load(one, weights_only=True), torch.load(two, weights_only=True))


def altered(path, new_path, change):
    """Write what is left of a checkpoint after ``change(content)``; return where."""
    content = torch.load(path, weights_only=True)
    change(content)
    torch.save(content, new_path)
    return new_path
