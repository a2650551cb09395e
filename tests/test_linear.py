"""``FrameLinear`` against PyTorch's own linear layer."""

import pytest
import torch
from torch import nn

from pokersnn_helpers.fast import FrameLinear


@pytest.fixture(params=[torch.float64, torch.float32])
def layers(request):
    torch.manual_seed(0)
    layer = FrameLinear(2 * 5 * 6, 7).to(request.param)
    ordinary = nn.Linear(2 * 5 * 6, 7).to(request.param)
    ordinary.load_state_dict(layer.state_dict())
    return layer, ordinary


def counts(share, dtype):
    """Frames in which a share of the places isn't 0."""
    return (torch.rand(9, 4, 2, 6, 5) < share) * torch.randint(1, 5, (9, 4, 2, 6, 5)).to(dtype)


def learn(layer, frames, towards):
    layer.zero_grad()
    found = layer(frames)
    (found * towards).sum().backward()
    return found.detach(), layer.weight.grad.clone(), layer.bias.grad.clone()


@pytest.mark.parametrize("share", [0, 0.1, 1])
def test_layer_gives_what_pytorchs_gives_and_its_gradients(layers, share):
    layer, ordinary = layers
    frames = counts(share, layer.weight.dtype)
    towards = torch.randn(9, 4, 7, dtype=frames.dtype)
    expected = learn(ordinary, frames.flatten(2), towards)
    for given in (frames, frames.to_sparse()):
        found = learn(layer, given, towards)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_layer_gives_the_same_bits_in_training_and_after_it(layers):
    layer, _ = layers
    frames = counts(0.1, layer.weight.dtype)
    learnt = layer(frames).detach()
    with torch.no_grad():
        assert torch.equal(layer(frames), learnt)
        assert torch.equal(layer(frames.to_sparse()), learnt)


def test_frames_that_need_a_gradient_get_one(layers):
    layer, ordinary = layers
    frames = counts(0.1, layer.weight.dtype).requires_grad_()
    (gradient,) = torch.autograd.grad(layer(frames).square().sum(), frames)
    (expected,) = torch.autograd.grad(ordinary(frames.flatten(2)).square().sum(), frames)
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-4)
