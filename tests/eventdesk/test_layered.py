"""``FrameLinear`` against PyTorch's own linear layer, and the delays of ``LayerThenSNN``."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils._pytree import tree_leaves

import pokersnn_helpers
from eventdesk.models.layered import FrameLinear, LayerThenSNN, delay_copies, delay_each
from pokersnn_helpers import (
    Classifier,
    build_network,
    load_checkpoint,
    save_checkpoint,
)


@pytest.fixture(params=[torch.float64, torch.float32])
def layers(request):
    layer = FrameLinear(2 * 5 * 6, 7).to(request.param)
    ordinary = nn.Linear(2 * 5 * 6, 7).to(request.param)
    ordinary.load_state_dict(layer.state_dict())
    return layer, ordinary


def counts(share, dtype):
    """Frames in which a share of the places isn't 0."""
    events = torch.randint(1, 5, (9, 4, 2, 6, 5)).to(dtype)
    return events * (torch.rand(events.shape) < share)


def learn(layer, frames):
    """Return what a layer gives, and the gradients of its parameters."""
    outputs = layer(frames)
    torch.manual_seed(1)
    towards = torch.randn(outputs.shape, dtype=outputs.dtype)
    loss = (outputs * towards).sum()
    return outputs, *torch.autograd.grad(loss, list(layer.parameters()))


@pytest.mark.parametrize("share", [0, 0.1, 1])
def test_layer_gives_what_pytorchs_gives_and_its_gradients(layers, share):
    layer, ordinary = layers
    frames = counts(share, layer.weight.dtype)
    expected = learn(ordinary, frames.flatten(2))
    for given in (frames, frames.to_sparse()):
        torch.testing.assert_close(learn(layer, given), expected, rtol=1e-5, atol=1e-5)


def test_layer_gives_the_same_bits_in_training_and_after_it(layers):
    layer, _ = layers
    frames = counts(0.1, layer.weight.dtype)
    learnt = layer(frames).detach()
    with torch.no_grad():
        assert torch.equal(layer(frames), learnt)
        assert torch.equal(layer(frames.to_sparse()), learnt)


def test_frames_that_need_a_gradient_get_one_and_sparse_ones_are_made_dense(layers):
    layer, ordinary = layers
    frames = counts(0.1, layer.weight.dtype).requires_grad_()
    given = frames.detach().to_sparse().requires_grad_()  # as on a GPU, where no loops run
    torch.testing.assert_close(learn(layer, given), learn(ordinary, frames.flatten(2)))
    gradient, expected = (
        torch.autograd.grad(one(frames.flatten(2)).square().sum(), frames)
        for one in (layer, ordinary)
    )
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-4)


def test_delays_shift_features_and_pad_with_silence():
    features = torch.rand(7, 2, 3)
    copies = delay_copies(features, (0, 2, 9))
    now, late, later_than_the_recording = copies.split(3, dim=2)
    assert torch.equal(now, features)
    assert torch.equal(late[2:], features[:-2])
    assert not late[:2].any()
    assert not later_than_the_recording.any()


@pytest.mark.parametrize(("dt", "steps"), [(0.001, [0, 4, 8]), (0.0005, [0, 8, 16])])
def test_delays_are_seconds_whatever_the_time_step(dt, steps):
    assert LayerThenSNN(dt=dt, delays=(0, 0.004, 0.008)).steps == steps


@pytest.mark.parametrize(
    ("delay", "message"),
    [
        (0.0004, "is 0.0004 s; choose a multiple of dt, 0.001 s"),
        (0.0015, "is 0.0015 s; choose"),
        (0.00102, "is 0.00102 s; choose"),
        (4, "in s, is 4; choose a number from 0 to 1"),
    ],
)
def test_delays_between_time_steps_or_in_milliseconds_are_refused(delay, message):
    with pytest.raises(ValueError, match=rf"delays\[1\].* {message}"):
        LayerThenSNN(delays=(0, delay))


def test_a_unit_that_drops_out_is_silent_in_all_of_its_copies():
    network = LayerThenSNN((5, 6, 2), delays=(0, 0.003), features=50, dropout=0.5)
    seen = []
    network.snn.register_forward_pre_hook(lambda snn, inputs: seen.append(inputs[0]))
    network.train()(torch.ones(9, 4, 2, 6, 5))
    now, late = seen[0].split(50, dim=2)
    assert now.any()
    assert torch.equal(late[3:], now[:-3])
    network.eval()(torch.ones(9, 4, 2, 6, 5))
    assert seen[1].split(50, dim=2)[0][now == 0].any()


def test_whole_delays_that_are_learned_begin_with_the_bits_of_those_that_are_given():
    given, learned = (
        LayerThenSNN((5, 6, 2), delays=(0, 0.003), dropout=0, learn_delays=learns)
        for learns in (False, True)
    )
    learned.load_state_dict(given.state_dict(), strict=False)
    frames = torch.poisson(torch.ones(20, 4, 2, 6, 5))
    assert torch.equal(learned(frames), given(frames))
    learned(frames).sum().backward()
    assert (learned.late.grad[:100] != 0).any()  # those that begin at 0
    assert (learned.late.grad[100:] != 0).any()


def test_gradients_of_delays_are_finite_differences():
    features = torch.rand(9, 2, 4, dtype=torch.float64, requires_grad=True)
    late = torch.tensor([0.3, 1.5, 2.9, 20.5], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(delay_each, (features, late))


def test_learned_delays_stay_at_0_and_come_back_from_a_checkpoint(tmp_path):
    classifier = Classifier(build_network(LayerThenSNN, learn_delays=True))
    torch.nn.init.uniform_(classifier.snn.late, -1, 2)
    assert classifier.snn.steps_late().min() == 0
    save_checkpoint(classifier, tmp_path / "a.pt")
    loaded = load_checkpoint(tmp_path / "a.pt", "cpu", LayerThenSNN)
    assert torch.equal(loaded.snn.late, classifier.snn.late)


@pytest.mark.parametrize("delays", [(0,), (0, 0.003)])
def test_a_stream_keeps_no_more_features_than_come_late(delays):
    network = LayerThenSNN((5, 6, 2), delays=delays).eval()
    frames = torch.ones(7, 1, 2, 6, 5)
    _, state = network.resume(frames)
    _, later = network.resume(frames, state)
    sizes = [tensor.shape for tensor in tree_leaves(state)]
    assert [tensor.shape for tensor in tree_leaves(later)] == sizes


@pytest.mark.slow
def test_loops_are_compiled_anew_when_one_that_they_call_has_changed(tmp_path):
    """Numba looks at the file of a compiled function alone."""
    sources = Path(pokersnn_helpers.__file__).parents[1]
    for name in ("pokersnn_helpers", "eventdesk"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(sources / name, tmp_path / name, ignore=ignored)
    package = tmp_path / "pokersnn_helpers"
    program = "from eventdesk.models.layered import FrameLinear; import torch; "
    program += "layer = FrameLinear(3, 1); torch.nn.init.ones_(layer.weight); "
    program += "print(layer(torch.ones(1, 1, 3)).sub(layer.bias).item())"
    command = [sys.executable, "-W", "ignore", "-c", program]

    def compute():
        environment = os.environ | {"PYTHONPATH": str(tmp_path)}
        return float(subprocess.check_output(command, env=environment, cwd=tmp_path))

    assert compute() == pytest.approx(3)
    loops = package / "fast" / "loops.py"
    adding = "total[h] += counts[n] * weights[row, h]"
    before, after = loops.read_text().split(adding)
    loops.write_text(f"{before}{adding} + 33{after}")
    assert compute() == pytest.approx(3 + 3 * 33)
