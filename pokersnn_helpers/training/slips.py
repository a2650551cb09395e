"""What a network of one's own may do wrong without an error."""

import torch
from torch import Tensor, nn

from ..networks.classifier import Classifier, decode
from ..networks.snn import SNN
from ..system.checks import errors_in
from ..system.warn import warn


def warn_of_slips(classifier: Classifier, frames: Tensor) -> None:
    """Warn of what a network of one's own may do wrong without an error.

    All is computed once more, and then the last recording together with others that are empty.
    """
    if frames.is_sparse or isinstance(classifier.snn, SNN):
        return
    alone = torch.zeros_like(frames)
    alone[:, -1] = frames[:, -1]
    classifier.eval()
    with torch.no_grad(), torch.random.fork_rng(devices=[]), errors_in("in epoch 1, batch 1"):
        first, again, changed = map(classifier.voltages_of, (frames, frames, alone))
    classifier.train()
    is_binary = first.any() and ((first == 0) | (first == 1)).all()
    slips = [
        (
            (first - again).abs().max() > 1e-3,
            "answers the same frames otherwise when they come again: let forward begin with state "
            "= None, and dropout look at self.training",
        ),
        (
            (again - changed)[:, -1].abs().max() > 1e-3,
            "answers a recording by the others of its batch, too: frames are (time, batch, "
            "polarity, y, x), and not (batch, time, ...)",
        ),
        (
            (first.sum(dim=-1) - 1).abs().max() < 1e-3,
            "returns probabilities, of which decode takes a softmax once more; return the numbers "
            "before its softmax",
        ),
        (
            classifier.decode is decode and is_binary,
            "returns spikes, whose maxima are all 1; return voltages, or give a decode that adds "
            "up",
        ),
        (
            has_hidden_weights(classifier.snn),
            "has layers in a list, or weights that are no torch.nn.Parameter of its own, so they "
            "don't learn; make it a torch.nn.ModuleList, or them parameters",
        ),
    ]
    found = [slip for is_so, slip in slips if is_so]
    for slip in found[:1]:  # which may be the reason for the others
        warn(f"{type(classifier.snn).__name__} {slip}")


def warn_of_unreached_weights(classifier: Classifier) -> None:
    """Warn of weights that are to learn, and that the first backward pass hasn't reached.

    Weights that are frozen on purpose aren't named.
    """
    unreached = [
        name
        for name, weights in classifier.snn.named_parameters()
        if weights.requires_grad and weights.grad is None
    ]
    if unreached:
        warn(
            f"no gradient reaches {', '.join(unreached)}: a comparison such as v > 0.3 has none, "
            "and neither has .detach(); use a surrogate (the chapter Building the SNN), or freeze "
            "what isn't to learn by requires_grad_(False)"
        )


def has_hidden_weights(network: nn.Module) -> bool:
    """Say whether a network has weights that PyTorch doesn't find: in lists, or plain tensors."""
    values = [value for module in network.modules() for value in vars(module).values()]
    parts = [
        part for value in values for part in (value if isinstance(value, list | tuple) else [value])
    ]
    learning = {
        part
        for part in parts
        if isinstance(part, nn.Module)
        or (isinstance(part, Tensor) and part.is_leaf and part.requires_grad)
    }
    return not learning <= {*network.parameters(), *network.modules()}
