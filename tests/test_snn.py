import copy
import inspect
import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
from norse.torch import LICell, LIFCell, LIFRecurrentCell
from norse.torch.functional import threshold as norse_threshold
from norse.torch.functional.leaky_integrator import LIState
from norse.torch.functional.lif import LIFParameters

from pokersnn_helpers import SNN, Classifier, FastSNN, SpikingNetwork, decode, make_loaders
from pokersnn_helpers.fast import LayerThenSNN
from pokersnn_helpers.snn import refuse_self_connections

both_networks = pytest.mark.parametrize("network", [SNN, FastSNN])


@pytest.fixture(scope="module")
def batch(data):
    _, test = make_loaders(data, batch_size=8)
    return next(iter(test))[0]


def recording_snn(**arguments):
    snn = SNN(**arguments)
    snn.record = True
    return snn


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
    snn = recording_snn(**constants).double()
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
    snn = recording_snn(hidden_size=10)
    voltages = snn(batch)
    hidden, readout = snn.recording
    steps, size = batch.shape[:2]
    assert hidden.z.shape == hidden.v.shape == hidden.i.shape == (steps, size, 10)
    assert readout.v.shape == readout.i.shape == (steps, size, 4)
    assert torch.equal(readout.v, voltages.detach())
    assert not any(tensor.requires_grad for state in snn.recording for tensor in state)
    assert torch.all(hidden.v[hidden.z == 1] == 0)


def test_recording_does_not_change_the_result(batch):
    torch.manual_seed(0)
    snn = SNN()
    plain = snn(batch)
    snn.record = True
    assert torch.equal(snn(batch), plain)
    snn.record = False
    snn(batch)
    assert snn.recording is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_recording_lies_on_the_input_device(batch):
    snn = recording_snn().cuda()
    snn(batch.cuda())
    assert all(tensor.is_cuda for state in snn.recording for tensor in state)


def test_recordings_of_a_batch_do_not_see_each_other(batch):
    torch.manual_seed(0)
    snn = SNN()
    together = snn(batch)
    alone = torch.cat([snn(batch[:, place : place + 1]) for place in range(batch.shape[1])], dim=1)
    assert torch.allclose(together, alone, atol=1e-4)


def test_frames_may_be_flattened_already(batch):
    snn = SNN()
    assert torch.equal(snn(batch), snn(batch.flatten(2)))


@pytest.mark.parametrize("shape", [(5, 2450), (5, 3, 2, 34, 34), (0, 3, 2, 35, 35)])
def test_frames_of_wrong_rank_or_size_are_refused(shape):
    with pytest.raises(ValueError, match=r"frames have shape .*, y, x\), with 2450 inputs"):
        SNN()(torch.zeros(shape))


def test_whole_numbers_are_refused():
    with pytest.raises(TypeError, match=r"torch.int16; convert them with frames.float"):
        SNN()(torch.zeros(5, 1, 2, 35, 35, dtype=torch.int16))


@both_networks
@pytest.mark.parametrize("frames", [np.zeros((3, 2, 8)), [[[0.0] * 8]], None])
def test_frames_that_are_no_tensor_are_refused(network, frames):
    name = type(frames).__name__
    with pytest.raises(TypeError, match=f"frames are of type {name}; give a torch.Tensor"):
        network(8, 4)(frames)


@both_networks
@pytest.mark.filterwarnings("ignore:Sparse CSR")
def test_frames_of_another_layout_are_refused(network):
    with pytest.raises(TypeError, match=r"frames are torch.sparse_csr of"):
        network(8, 4)(torch.zeros(3, 2, 8).to_sparse_csr())


@both_networks
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_frames_that_are_not_finite_are_refused_and_placed(network, value, dtype):
    """A voltage that isn't a number never spikes, so the readout would look sound."""
    frames = torch.zeros(3, 2, 2, 2, 2, dtype=dtype)
    frames[2, 0, 1, 0, 1] = value
    message = rf"frames hold {value} at index \(2, 0, 1, 0, 1\); they must be finite numbers"
    with pytest.raises(ValueError, match=message):
        network(8, 4)(frames)
    if network is FastSNN:
        with pytest.raises(ValueError, match=message):
            network(8, 4)(frames.to_sparse())


@both_networks
def test_counts_that_overflow_the_type_of_the_weights_are_refused(network):
    frames = torch.full((3, 2, 8), 1e300, dtype=torch.float64)
    network(8, 4).double()(frames)
    with pytest.raises(ValueError, match="frames hold inf at"):
        network(8, 4)(frames)


@both_networks
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_frames_are_converted_to_the_type_of_the_weights(network, dtype):
    snn = network(8, 4, v_th=0.01)
    frames = torch.randint(0, 3, (9, 2, 8)).float()
    assert torch.equal(snn(frames.to(dtype)), snn(frames))


@both_networks
def test_network_made_in_double_precision_takes_the_loaders_frames(network):
    torch.set_default_dtype(torch.float64)
    try:
        snn = network(8, 4)
    finally:
        torch.set_default_dtype(torch.float32)
    assert snn(torch.ones(3, 2, 8)).dtype == torch.float64


@both_networks
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_weights_of_half_precision_are_refused(network, dtype):
    message = rf"weights are of type {dtype}; convert them with snn.float\(\)"
    with pytest.raises(TypeError, match=message):
        network(8, 4).to(dtype)(torch.ones(3, 2, 8))


@both_networks
@pytest.mark.parametrize("value", [0, -1, 2.5, math.nan, "7", None, True])
@pytest.mark.parametrize("name", ["input_size", "hidden_size", "output_size"])
def test_sizes_that_are_no_whole_numbers_above_0_are_refused(network, name, value):
    message = f"{name} is {value!r}; choose a whole number greater than 0"
    with pytest.raises(ValueError, match=message):
        network(**{name: value})


NUMBERS = [name for name in inspect.signature(SNN).parameters if not name.endswith("size")]


@pytest.mark.parametrize("value", [0, -0.1, math.nan, math.inf, "0.3", None, torch.ones(100)])
@pytest.mark.parametrize("name", NUMBERS)
def test_constants_that_are_no_finite_numbers_above_0_are_refused(name, value):
    message = f"^{name} is .{{1,40}}; choose a finite number greater than 0$"
    with pytest.raises(ValueError, match=message):
        SNN(8, 4, **{name: value})


@pytest.mark.parametrize("name", [name for name in NUMBERS if "tau" in name])
def test_time_steps_in_which_voltages_would_grow_are_refused(name):
    SNN(8, 4, dt=0.001, **{name: 0.001})
    with pytest.warns(UserWarning, match=r"longer than the shortest.* at most 0\.001 s"):
        SNN(8, 4, dt=0.002, **{name: 0.001})  # what decays changes its sign in each step
    message = r"dt is 0.00201 s, .* choose at most 0.002 s, bins of 2000 microseconds"
    with pytest.raises(ValueError, match=message):
        SNN(8, 4, dt=0.00201, **{name: 0.001})


def test_decode_takes_the_maximum_over_time():
    voltages = torch.zeros(6, 1, 4)
    voltages[2, 0, 3] = 1.5
    expected = torch.log_softmax(torch.tensor([[0, 0, 0, 1.5]]), dim=1)
    assert torch.allclose(decode(voltages), expected)


def test_classifier_gives_log_probabilities(batch):
    log_probabilities = Classifier(SNN())(batch)
    assert log_probabilities.shape == (8, 4)
    assert torch.allclose(log_probabilities.exp().sum(dim=1), torch.ones(8))


def test_classifier_uses_the_rule_it_is_given(batch):
    classifier = Classifier(SNN(), decode=lambda voltages: voltages[-1])
    voltages, steps = classifier.run(classifier.settled(batch))
    assert torch.equal(classifier(batch), voltages[steps - 1, range(len(steps))])


class LaterSuperSpike(torch.autograd.Function):
    """The surrogate of Norse's main branch, which no release has yet."""

    @staticmethod
    def forward(ctx, x, alpha):
        ctx.save_for_backward(x)
        ctx.alpha = alpha
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad / (ctx.alpha * x.abs() + 1) ** 2, None


@pytest.mark.parametrize("surrogate", [norse_threshold.superspike_fn, LaterSuperSpike.apply])
def test_surrogate_is_the_books_with_this_norse_and_with_a_later_one(surrogate):
    """Norse 1.1 ignores alpha; with the alpha that SNN gives, a later one computes the same."""
    alpha = SNN(4, 3).lif0.p.alpha
    x = torch.linspace(-2, 2, 101, requires_grad=True)
    surrogate(x, alpha).sum().backward()
    assert torch.allclose(x.grad, 1 / (1 + x.detach().abs()) ** 2)


@pytest.mark.parametrize("slope", [1.0, 0.25])
def test_surrogate_slope_scales_the_gradient_and_not_the_spikes(slope):
    snn = SNN(1, 1, 1, surrogate_slope=slope, v_th=0.5, tau_mem=0.001)  # v = i after a step
    with torch.no_grad():
        snn.lif0.input_weights.fill_(1.0)
        snn.linear.weight.fill_(1.0)
    _, (_, readout) = snn.step(torch.ones(1, 1), None)
    readout.v.sum().backward()
    arrived = readout.v.item()  # of a spike of 1
    expected = arrived * slope / (1 + 0.5) ** 2
    assert snn.lif0.input_weights.grad.item() == pytest.approx(expected, rel=1e-5)


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


class ConvState(NamedTuple):
    spikes: torch.Tensor
    readout: LIState


class ConvNetwork(SpikingNetwork):
    """What a reader would write."""

    dt = 0.002

    def __init__(self, channels, classes=3, **constants):
        super().__init__()
        self.conv = torch.nn.Conv2d(2, channels, 5, stride=4)
        self.lif = LIFCell(p=LIFParameters(**constants), dt=self.dt)
        self.linear = torch.nn.LazyLinear(classes)
        self.readout = LICell(dt=self.dt)

    def step(self, frame, state):
        hidden, kept = state or (None, ConvState(None, None))
        spikes, hidden = self.lif(self.conv(frame), hidden)
        voltage, readout = self.readout(self.linear(spikes.flatten(1)), kept.readout)
        return voltage, (hidden, ConvState(spikes, readout))


@pytest.fixture
def frames():
    torch.manual_seed(0)
    return torch.poisson(torch.full((7, 3, 2, 17, 21), 0.3))


def test_own_network_needs_layers_and_a_step_only(frames):
    network = ConvNetwork(6, v_th=torch.as_tensor(0.1))
    network.record = True
    voltages = network(frames)
    hidden, (spikes, readout) = network.recording
    assert voltages.shape == (7, 3, 3) and torch.equal(readout.v, voltages.detach())
    assert spikes.shape == hidden.v.shape == (7, 3, 6, 4, 5) and spikes.sum() > 0
    assert isinstance(network.recording[1], ConvState)
    voltages.sum().backward()
    assert network.conv.weight.grad.abs().sum() > 0


def test_loop_hands_each_step_the_state_of_the_one_before():
    class Counter(SpikingNetwork):
        def step(self, frame, state):
            state = (0 if state is None else state) + frame.sum(dim=1)
            return state, state

    frames = torch.ones(4, 2, 5)
    assert Counter()(frames).tolist() == [[5, 5], [10, 10], [15, 15], [20, 20]]


def test_network_without_a_step_is_named(frames):
    class Stepless(SpikingNetwork):
        pass

    with pytest.raises(NotImplementedError, match=r"Stepless has no method step\(frame, state\)"):
        Stepless()(frames)


def test_arguments_are_noted_however_they_were_given():
    assert SNN(30, dt=0.002).arguments == {**SNN().arguments, "input_size": 30, "dt": 0.002}
    assert list(SNN().arguments) == list(inspect.signature(SNN).parameters)
    network = ConvNetwork(6, v_th=torch.as_tensor(0.1))
    assert network.arguments == {"channels": 6, "classes": 3, "v_th": torch.as_tensor(0.1)}
    plain = SNN(hidden_size=np.int64(7), dt=np.float64(0.002)).arguments
    assert (type(plain["hidden_size"]), type(plain["dt"])) == (int, float)


def test_unknown_argument_is_named():
    with pytest.raises(TypeError, match="hidden"):
        SNN(hidden=3)


def test_network_can_be_copied(batch):
    snn = SNN(hidden_size=10)
    other = copy.deepcopy(snn)
    assert other.arguments == snn.arguments
    assert torch.equal(other(batch), snn(batch))


# ---- What step returns ----


def test_voltages_changed_in_place_are_noticed():
    class InPlace(SpikingNetwork):
        def step(self, frame, state):
            voltages = frame.flatten(1)[:, :2].clone() if state is None else state
            voltages.mul_(0.9)
            return voltages, voltages

    with pytest.raises(ValueError, match=r"InPlace\.step returned the voltages of the last step"):
        InPlace()(torch.ones(5, 3, 2, 4, 4))


def test_step_has_to_return_voltages_and_a_state():
    class VoltagesAlone(SpikingNetwork):
        def step(self, frame, state):
            return frame.flatten(1)[:, :2]

    for batch in (2, 3):  # a batch of two could be taken for a pair
        with pytest.raises(TypeError, match=r"step returned Tensor; return voltages and the new"):
            VoltagesAlone()(torch.ones(5, batch, 2, 4, 4))


@pytest.mark.parametrize(("value", "kind"), [(None, "NoneType"), (3, "int")])
def test_state_that_cannot_be_recorded_is_named(value, kind):
    class Counter(SpikingNetwork):
        def step(self, frame, state):
            return frame.flatten(1)[:, :2], {"v": frame, "count": value}

    network = Counter()
    assert network(torch.ones(5, 3, 2, 4, 4)).shape == (5, 3, 2)
    network.record = True
    with pytest.raises(TypeError, match=rf"state\['count'\] of Counter is a {kind}; only tensors"):
        network(torch.ones(5, 3, 2, 4, 4))


def sent(network):
    """What another process gets."""
    cloudpickle = pytest.importorskip("cloudpickle", reason="older versions of joblib hide it")
    return cloudpickle.loads(cloudpickle.dumps(network))


@pytest.mark.parametrize("copied", [copy.deepcopy, sent])
@pytest.mark.parametrize("network", [SNN, FastSNN, LayerThenSNN])
def test_copy_learns_as_the_original(copied, network):
    """Norse keeps the gradients of self-connections at 0, and so do copies."""
    torch.manual_seed(0)
    original = network().eval()
    frames, gradients = torch.poisson(torch.full((20, 3, 2, 35, 35), 0.05)), []
    for each in (original, copied(original)):
        each(frames).sum().backward()
        hidden = each.snn if network is LayerThenSNN else each
        gradients.append(hidden.lif0.recurrent_weights.grad)
    assert gradients[0].any() and not gradients[1].diag().any()
    assert torch.equal(*gradients)


def test_a_step_in_single_precision_is_the_number_that_was_written():
    snn = SNN(dt=np.float32(0.001), tau_mem=np.float32(0.007))
    assert snn.dt == snn.arguments["dt"] == 0.001
    assert snn.lif0.p == SNN(tau_mem=0.007).lif0.p
    assert LayerThenSNN(dt=np.float32(0.001)).time_window == 1000


def test_self_connections_learn_where_a_network_allows_them():
    class Own(SpikingNetwork):
        def __init__(self):
            super().__init__()
            self.cell = LIFRecurrentCell(3, 4, autapses=True)

    network = copy.deepcopy(Own())
    network.cell.recurrent_weights.data.fill_diagonal_(0)
    refuse_self_connections(network)
    assert not network.cell.recurrent_weights._backward_hooks
    assert copy.deepcopy(SNN(3, 4)).lif0.recurrent_weights._backward_hooks


def test_constants_do_not_depend_on_the_default_type():
    torch.set_default_dtype(torch.float64)
    try:
        snn = SNN(tau_mem=0.007)
    finally:
        torch.set_default_dtype(torch.float32)
    assert snn.lif0.p == SNN(tau_mem=0.007).lif0.p
