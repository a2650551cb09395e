"""``FrameLinear`` against PyTorch's own linear layer, and the delays of ``LayerThenSNN``."""

import pytest
import torch
from torch import nn

from pokersnn_helpers.fast import FrameLinear, LayerThenSNN
from pokersnn_helpers.fast.layered import delay_copies


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


@pytest.mark.parametrize("share", [0, 0.1, 1])
def test_layer_gives_what_pytorchs_gives_and_its_gradients(layers, share):
    frames = counts(share, layers[0].weight.dtype)
    towards = torch.randn(9, 4, 7, dtype=frames.dtype)

    def learn(layer, given):
        found = layer(given)
        return found, *torch.autograd.grad((found * towards).sum(), list(layer.parameters()))

    expected = learn(layers[1], frames.flatten(2))
    for given in (frames, frames.to_sparse()):
        for one, other in zip(learn(layers[0], given), expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_layer_gives_the_same_bits_in_training_and_after_it(layers):
    frames = counts(0.1, layers[0].weight.dtype)
    learnt = layers[0](frames).detach()
    with torch.no_grad():
        assert torch.equal(layers[0](frames), learnt)
        assert torch.equal(layers[0](frames.to_sparse()), learnt)


def test_frames_that_need_a_gradient_get_one(layers):
    frames = counts(0.1, layers[0].weight.dtype).requires_grad_()
    (gradient,) = torch.autograd.grad(layers[0](frames).square().sum(), frames)
    (expected,) = torch.autograd.grad(layers[1](frames.flatten(2)).square().sum(), frames)
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-4)


def test_delays_shift_features_and_pad_with_silence():
    features = torch.rand(7, 2, 3)
    late = delay_copies(features, (0, 2, 9))
    assert torch.equal(late[..., :3], features)
    assert torch.equal(late[2:, :, 3:6], features[:-2]) and not late[:2, :, 3:6].any()
    assert not late[..., 6:].any()  # later than the recording is long


def test_delays_are_seconds_whatever_the_time_step():
    for dt, steps in ((0.001, [0, 4, 8]), (0.0005, [0, 8, 16])):
        assert LayerThenSNN(dt=dt, delays=(0, 0.004, 0.008)).steps == steps
    with pytest.raises(ValueError, match=r"delays\[1\], in s, is 4; choose a number from 0 to 1"):
        LayerThenSNN(delays=(0, 4))


@pytest.mark.parametrize("name", ["features", "hidden_size", "output_size", "dt"])
@pytest.mark.parametrize("size", [-1, 0, "a"])
def test_sizes_that_no_layer_has_are_named(name, size):
    with pytest.raises(ValueError, match=f"{name} is"):
        LayerThenSNN(**{name: size})
