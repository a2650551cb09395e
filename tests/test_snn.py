import numpy as np
import pytest
import torch
from norse.torch.functional.threshold import threshold

from pokersnn_helpers import SNN, Classifier, decode, make_loaders


@pytest.fixture(scope="module")
def batch(data):
    _, test = make_loaders(data, batch_size=8)
    return next(iter(test))[0]


def numpy_network(snn, frames, v_th, tau_syn, tau_mem, readout_tau_syn, readout_tau_mem, dt):
    """The same equations, integrated in double precision without PyTorch or Norse."""
    w_in, w_rec, w_out = (p.detach().double().numpy() for p in snn.parameters())
    inputs = frames.double().flatten(2).numpy()
    z = v = i = np.zeros((inputs.shape[1], len(w_in)))
    v_out = i_out = np.zeros((inputs.shape[1], len(w_out)))
    spikes, voltages = [], []
    for frame in inputs:
        i = i + frame @ w_in.T + z @ w_rec.T
        v = v + dt / tau_mem * (i - v)
        i = i - dt / tau_syn * i
        z = (v > v_th).astype(float)
        v = np.where(z == 1, 0.0, v)
        i_out = i_out + z @ w_out.T
        v_out = v_out + dt / readout_tau_mem * (i_out - v_out)
        i_out = i_out - dt / readout_tau_syn * i_out
        spikes.append(z)
        voltages.append(v_out)
    return np.array(spikes), np.array(voltages)


@pytest.mark.parametrize(
    "constants",
    [
        {},
        {"v_th": 0.7, "tau_syn": 0.004, "tau_mem": 0.013, "dt": 0.0005},
        {"readout_tau_syn": 0.002, "readout_tau_mem": 0.03},
    ],
)
def test_network_agrees_with_a_plain_integration(batch, constants):
    torch.manual_seed(1)
    snn = SNN(**constants, record=True).double()
    voltages = snn(batch.double()).detach().numpy()
    defaults = {name: snn.arguments[name] for name in list(snn.arguments)[3:-1]}
    spikes, expected = numpy_network(snn, batch, **defaults)
    assert spikes.mean() > 0.01
    assert np.array_equal(snn.recording.lif0.z.numpy(), spikes)
    assert np.allclose(voltages, expected, rtol=1e-5, atol=1e-6)


def test_reference_network_has_the_documented_constants():
    snn = SNN()
    assert [tuple(p.shape) for p in snn.parameters()] == [(100, 2450), (100, 100), (4, 100)]
    assert snn.lif0.p.v_th.item() == pytest.approx(0.3)
    assert snn.lif0.p.tau_syn_inv.item() == snn.lif0.p.tau_mem_inv.item() == pytest.approx(100)
    assert snn.readout.p.tau_syn_inv.item() == pytest.approx(200)
    assert snn.readout.p.tau_mem_inv.item() == pytest.approx(100)
    assert snn.lif0.dt == snn.readout.dt == 0.001


def test_initial_weights_are_those_the_book_describes():
    torch.manual_seed(0)
    snn = SNN()
    assert snn.lif0.input_weights.std().item() == pytest.approx((2 / 100) ** 0.5, rel=0.01)
    assert torch.all(snn.lif0.recurrent_weights.diagonal() == 0)


def test_no_neuron_learns_to_excite_itself(batch):
    snn = SNN()
    snn(batch).sum().backward()
    assert torch.all(snn.lif0.recurrent_weights.grad.diagonal() == 0)
    assert snn.lif0.recurrent_weights.grad.abs().sum() > 0


def test_recording_holds_every_state_of_every_step(batch):
    snn = SNN(hidden_size=10, record=True)
    voltages = snn(batch)
    hidden, readout = snn.recording
    steps, size = batch.shape[:2]
    assert hidden.z.shape == hidden.v.shape == hidden.i.shape == (steps, size, 10)
    assert readout.v.shape == readout.i.shape == (steps, size, 4)
    assert torch.equal(readout.v, voltages.detach())
    assert not any(tensor.requires_grad for state in snn.recording for tensor in state)
    assert torch.all(hidden.v[hidden.z == 1] == 0)


def test_nothing_is_recorded_unless_asked_for(batch):
    snn = SNN(record=True)
    snn(batch)
    snn.record = False
    snn(batch)
    assert snn.recording is None


def test_recording_does_not_change_the_result(batch):
    torch.manual_seed(0)
    snn = SNN()
    plain = snn(batch)
    snn.record = True
    assert torch.equal(snn(batch), plain)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_recording_lies_on_the_input_device(batch):
    snn = SNN(record=True).cuda()
    snn(batch.cuda())
    assert all(tensor.is_cuda for state in snn.recording for tensor in state)


def test_recordings_of_a_batch_do_not_see_each_other(batch):
    torch.manual_seed(0)
    snn = SNN()
    together = snn(batch)
    alone = torch.cat([snn(batch[:, place : place + 1]) for place in range(batch.shape[1])], dim=1)
    assert torch.allclose(together, alone, atol=1e-4)


def test_silence_in_gives_silence_out():
    assert torch.all(SNN()(torch.zeros(5, 2, 2, 35, 35)) == 0)


def test_frames_may_be_flattened_already(batch):
    snn = SNN()
    assert torch.equal(snn(batch), snn(batch.flatten(2)))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((5, 2450), r"shape \(5, 2450\); expected \(time, batch"),
        ((5, 3, 2, 34, 34), "hold 2312 inputs a time step, but this network takes 2450"),
        ((0, 3, 2, 35, 35), "no time step"),
    ],
)
def test_frames_of_wrong_rank_or_size_are_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        SNN()(torch.zeros(shape))


def test_whole_numbers_are_refused():
    with pytest.raises(TypeError, match=r"torch.int16; convert them with frames.float\(\)"):
        SNN()(torch.zeros(5, 1, 2, 35, 35, dtype=torch.int16))


def test_decode_takes_the_maximum_over_time():
    voltages = torch.zeros(6, 1, 4)
    voltages[2, 0, 3] = 1.5
    expected = torch.log_softmax(torch.tensor([[0, 0, 0, 1.5]]), dim=1)
    assert torch.allclose(decode(voltages), expected)


def test_silence_after_a_maximum_does_not_lower_it():
    voltages = torch.randn(10, 3, 4).abs()
    longer = torch.cat([voltages, torch.zeros(20, 3, 4)])
    assert torch.equal(decode(voltages), decode(longer))


def test_classifier_gives_log_probabilities(batch):
    log_probabilities = Classifier(SNN())(batch)
    assert log_probabilities.shape == (8, 4)
    assert torch.allclose(log_probabilities.exp().sum(dim=1), torch.ones(8))


def test_classifier_uses_the_rule_it_is_given(batch):
    classifier = Classifier(SNN(), decode=lambda voltages: voltages[-1])
    assert torch.equal(classifier(batch), classifier.snn(batch)[-1])


@pytest.mark.parametrize("alpha", [1.0, 100.0])
def test_installed_surrogate_ignores_alpha(alpha):
    """Chapter 3 says so; when Norse changes it, the chapter and the recipe need another look."""
    x = torch.linspace(-2, 2, 101, requires_grad=True)
    threshold(x, "super", alpha).sum().backward()
    assert torch.allclose(x.grad, 1 / (1 + x.detach().abs()) ** 2)


def test_reset_does_not_carry_a_gradient():
    """The spike that resets a neuron is detached by Norse's lif_step, as the derivation needs."""
    snn = SNN(input_size=1, hidden_size=1, output_size=1, tau_mem=0.001, tau_syn=1e9)
    with torch.no_grad():
        snn.lif0.input_weights.fill_(1.0)
        snn.linear.weight.fill_(1.0)
    frames = torch.zeros(2, 1, 1)
    frames[0] = 1.0
    (gradient,) = torch.autograd.grad(snn.lif0(frames[0])[1].v.sum(), snn.lif0.input_weights)
    assert gradient.item() == 0  # v = (1 - z) v with z = 1: only through z could it be otherwise
