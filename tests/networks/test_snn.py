import copy
import inspect
import math
import subprocess
import sys
from itertools import product

import numpy as np
import pytest
import torch

from eventdesk.models.layered import LayerThenSNN
from eventdesk.trained.nir_files import load_nir, save_nir
from pokersnn_helpers import (
    SNN,
    Classifier,
    FastSNN,
    SpikingNetwork,
    load_checkpoint,
    save_checkpoint,
)

both_networks = pytest.mark.parametrize("network", [SNN, FastSNN])


@pytest.fixture
def frames():
    return torch.poisson(torch.full((7, 3, 2, 17, 21), 0.3))


TAUS = {"tau_syn": 0.004, "tau_mem": 0.008, "readout_tau_syn": 0.002, "readout_tau_mem": 0.016}


@pytest.mark.parametrize(
    ("given", "rates"), [({}, (100, 100, 200, 100)), (TAUS, (250, 125, 500, 62.5))]
)
def test_network_has_the_constants_that_it_is_given_or_the_documented_ones(given, rates):
    """``test_nir_files`` integrates its equations without PyTorch or Norse."""
    snn = SNN(**given)
    shapes = [tuple(weights.shape) for weights in snn.parameters()]
    assert shapes == [(100, 2450), (100, 100), (4, 100)]
    assert (*snn.lif0.p[:2], *snn.readout.p[:2]) == pytest.approx(rates)
    assert snn.lif0.p.alpha == 1  # later versions of Norse multiply |v - v_th| by it


def test_recording_is_of_every_step_and_changes_nothing(frames):
    snn = SNN(2 * 17 * 21, hidden_size=10)
    snn.record = True
    voltages = snn(frames)
    assert torch.equal(snn.recording.readout.v, voltages.detach())
    assert snn.recording.lif0.z.shape == (7, 3, 10)
    assert not snn.recording.lif0.v.requires_grad
    snn.record = False
    assert torch.equal(snn(frames), voltages)
    assert snn.recording is None


def test_sparse_frames_are_refused_by_a_network_that_takes_dense_ones(frames):
    with pytest.raises(TypeError, match=r"give this network frames\.to_dense\(\)"):
        SNN(2 * 17 * 21)(frames.to_sparse())


@both_networks
@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_frames_are_converted_to_the_type_of_the_weights(network, dtype):
    snn = network(8, 4, v_th=0.01)
    frames = torch.randint(0, 3, (9, 2, 8)).float()
    assert torch.equal(snn(frames.to(dtype)), snn(frames))
    with pytest.raises(ValueError, match=r"frames hold inf at index \(0, 0, 0\)"):
        snn(torch.full((3, 2, 8), 1e300, dtype=torch.float64))


@both_networks
def test_default_type_is_that_of_the_weights_and_not_of_the_constants(network):
    torch.set_default_dtype(torch.float64)
    try:
        snn = network(8, 4, tau_mem=0.007)
    finally:
        torch.set_default_dtype(torch.float32)
    assert snn(torch.ones(3, 2, 8)).dtype == torch.float64
    assert snn.lif0.p == SNN(tau_mem=0.007).lif0.p


@both_networks
def test_weights_of_half_precision_are_refused(network):
    message = r"weights are of type torch.float16; convert them with snn.float\(\)"
    with pytest.raises(TypeError, match=message):
        network(8, 4).half()(torch.ones(3, 2, 8))


NUMBERS = [name for name in inspect.signature(SNN).parameters if name != "learn_taus"]


@pytest.mark.parametrize("value", [0, -0.1, math.nan, math.inf, "7", torch.ones(100)])
@pytest.mark.parametrize("name", NUMBERS)
def test_arguments_that_are_no_numbers_above_0_are_refused(name, value):
    kind = "whole" if "size" in name else "finite"
    with pytest.raises(ValueError, match=f"^{name} is .{{1,40}}; choose a {kind} number greater"):
        SNN(**{name: value})


@pytest.mark.parametrize("name", TAUS)
def test_time_steps_in_which_voltages_would_grow_are_refused(name):
    SNN(8, 4, dt=0.001, **{name: 0.001})
    with pytest.warns(UserWarning, match=r"what decays changes its sign; choose at most 0\.001 s"):
        SNN(8, 4, dt=0.002, **{name: 0.001})
    message = r"dt is 0.00201 s, .* choose at most 0.001 s, bins of 1000 microseconds"
    with pytest.raises(ValueError, match=message):
        SNN(8, 4, dt=0.00201, **{name: 0.001})


def test_classifier_uses_the_rule_it_is_given(frames):
    snn = SNN(2 * 17 * 21)
    classifier = Classifier(snn, lambda voltages: voltages[-1], sensor_size=(21, 17, 2))
    voltages, _, _ = classifier.run(frames)
    assert torch.equal(classifier(frames, time_window=1000), voltages[-1])


@pytest.mark.parametrize("slope", [1.0, 0.25])
def test_surrogate_slope_scales_the_gradient_and_not_the_spikes(slope):
    snn = SNN(1, 1, 1, surrogate_slope=slope, v_th=0.5, tau_mem=0.001)  # v = i after a step
    snn.lif0.input_weights.data.fill_(1)
    snn.linear.weight.data.fill_(1)
    _, state = snn.step(torch.ones(1, 1), None)
    voltage = state.readout.v.sum()
    voltage.backward()
    expected = voltage.item() * slope / (1 + 0.5) ** 2
    assert snn.lif0.input_weights.grad.item() == pytest.approx(expected, rel=1e-5)


# ---- A reader's network ----


def test_arguments_are_noted_however_they_were_given():
    assert SNN(30, dt=0.002).arguments == {**SNN().arguments, "input_size": 30, "dt": 0.002}
    assert list(SNN().arguments) == [*NUMBERS, "learn_taus"]


def test_numbers_of_numpy_are_noted_as_those_that_were_written():
    snn = SNN(hidden_size=np.int64(7), dt=np.float32(0.001), tau_mem=np.float32(0.007))
    assert type(snn.arguments["hidden_size"]) is int
    assert snn.dt == snn.arguments["dt"] == 0.001
    assert snn.lif0.p == SNN(tau_mem=0.007).lif0.p
    assert LayerThenSNN(dt=np.float32(0.001)).dt == 0.001


def stepping(step):
    """Make a network of a function of the frame's first two numbers and the state."""

    class Stepping(SpikingNetwork):
        def step(self, frame, state):
            return step(frame.flatten(1)[:, :2], state)

    return Stepping()


def in_place(values, state):
    voltages = values.clone() if state is None else state
    voltages.mul_(0.9)
    return voltages, voltages


@pytest.mark.parametrize(
    ("step", "error", "message"),
    [
        (in_place, ValueError, r"step returned the voltages of the last step again"),
        # Of two recordings, whose voltages could be taken for a pair:
        (lambda values, state: values, TypeError, r"step returned Tensor; return voltages and the"),
        (lambda values, state: (values, [1]), TypeError, "states can't be recorded, return tens"),
    ],
)
def test_step_has_to_return_new_voltages_and_a_state(step, error, message):
    network = stepping(step)
    network.record = True
    with pytest.raises(error, match=message):
        network(torch.ones(5, 2, 2, 4, 4))


def test_network_without_a_step_is_named(frames):
    with pytest.raises(NotImplementedError, match=r"SpikingNetwork has no method step\(frame, st"):
        SpikingNetwork()(frames)


# ---- Copies ----


def sent(classifier):
    """What another process gets."""
    cloudpickle = pytest.importorskip("cloudpickle", reason="older versions of joblib hide it")
    return cloudpickle.loads(cloudpickle.dumps(classifier))


def from_a_checkpoint(classifier):
    save_checkpoint(classifier, "copy.pt")
    return load_checkpoint("copy.pt", "cpu", type(classifier.snn))


def from_nir(classifier):
    save_nir(classifier, "copy.nir")
    return load_nir("copy.nir", "cpu")


COPIES = product([copy.deepcopy, sent, from_a_checkpoint], [SNN, FastSNN, LayerThenSNN])


@pytest.mark.parametrize(("copied", "network"), [*COPIES, (from_nir, SNN)])
def test_copy_learns_as_the_original(copied, network, tmp_path, monkeypatch):
    """Norse keeps the gradients of self-connections at 0, and so do copies, of frozen ones too."""
    monkeypatch.chdir(tmp_path)
    original = Classifier(network()).eval()
    frames = torch.poisson(torch.full((20, 3, 2, 35, 35), 0.05))
    original.snn.requires_grad_(copied is not copy.deepcopy)
    gradients = []
    for classifier in (original, copied(original).eval()):
        classifier.requires_grad_(True)
        classifier(frames, time_window=1000).sum().backward()
        hidden = getattr(classifier.snn, "snn", classifier.snn)
        gradients.append(hidden.lif0.recurrent_weights.grad)
    assert gradients[0].any()
    assert not gradients[0].diagonal().any()
    assert torch.equal(*gradients)


@pytest.mark.slow
def test_norse_is_imported_when_torch_jit_is_gone_and_brings_none_back():
    code = (
        "import sys, torch; del torch.jit; sys.modules['torch.jit'] = None\n"
        "from pokersnn_helpers.system import norse_cells\n"
        "assert not hasattr(torch, 'jit') and 'torch.jit' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_warning_of_wide_time_bins_points_to_who_makes_the_network():
    with pytest.warns(UserWarning, match="changes its sign") as caught:
        SNN(3, 4, dt=0.006)
    assert caught[0].filename == __file__
