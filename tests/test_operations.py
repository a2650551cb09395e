"""Operations are counted exactly: against counts by hand, PyTorch's and NeuroBench's."""

import numpy as np
import pytest
import torch
from norse.torch import LICell, LIFCell
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from pokersnn_helpers import SNN, Classifier, FastSNN, SpikingNetwork
from pokersnn_helpers.baselines import (
    ConvolutionalSNN,
    FramePerceptron,
    GatedRecurrent,
    HybridSNN,
    SummedImage,
    convolutional,
    logistic_regression,
    perceptron,
    regression_network,
    summed_image,
)
from pokersnn_helpers.energy import estimate_energy
from pokersnn_helpers.operations import Operations, count_operations

PER_RECORDING = (
    *("steps", "dense_macs", "effective_macs", "effective_acs"),
    *("membrane_updates", "activation_sparsity"),
)


class TwoLayers(SpikingNetwork):
    """A network of a reader's own, without recurrence."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(2 * 35 * 35, 20), nn.Linear(20, 4)
        self.lif, self.readout = LIFCell(dt=self.dt), LICell(dt=self.dt)

    def step(self, frame, state):
        lif, readout = state or (None, None)
        spikes, lif = self.lif(10 * self.first(frame.flatten(1)), lif)
        voltage, readout = self.readout(self.second(spikes), readout)
        return voltage, (lif, readout)


NETWORKS = {
    "SNN": lambda recordings: SNN(),
    "FastSNN": lambda recordings: FastSNN(),
    "Classifier": lambda recordings: Classifier(FastSNN()),
    "own": lambda recordings: TwoLayers(),
    "MLP": perceptron,
    "CNN": convolutional,
    "GRU": GatedRecurrent,
    "MLP on each frame": FramePerceptron,
    "SNN behind a layer": HybridSNN,
    "SNN, convolution": ConvolutionalSNN,
}
SPARSE = set(NETWORKS) - {"SNN", "own"}


@pytest.fixture
def random_frames():
    """Of recordings that take 9, 5 and 1 time steps: counts from 0 to 3, few of them not 0."""
    torch.manual_seed(0)
    frames = torch.poisson(torch.full((9, 3, 2, 35, 35), 0.03))
    frames[5:, 1] = frames[1:, 2] = 0
    assert frames.max() > 1 and all(frames[last, n].any() for n, last in enumerate((8, 4, 0)))
    return frames


def make(name, data):
    torch.manual_seed(1)
    network = NETWORKS[name](data.train)
    network(torch.ones(2, 2, 2, 35, 35))  # lazy layers see a batch
    return network


def small_network(v_th, kind=SNN):
    """Three inputs, two hidden neurons, two outputs, and all weights 1."""
    snn = kind(3, 2, 2, v_th=v_th)
    for weights in snn.parameters():
        nn.init.ones_(weights)
    return snn


def small_frames():
    """Two inputs at step 0, none at step 1, one with a count of 2 at step 2, and padding."""
    frames = torch.zeros(4, 1, 1, 1, 3)
    frames[0, 0, 0, 0, :2], frames[2, 0, 0, 0, 2] = 1, 2
    return frames


# ---- By hand ----


@pytest.mark.parametrize("kind", [SNN, FastSNN])
@pytest.mark.parametrize(
    ("v_th", "acs", "updates", "sparsity"),
    [
        # 2 inputs to 2 neurons at step 0. All neurons have a first step; then the hidden ones move.
        pytest.param(1e6, 2 * 2, 4 + 2 + 2, 1, id="silence"),
        # Besides, 2 spikes to 2 hidden neurons at steps 1 and 2, and to 2 outputs at all 3 steps.
        pytest.param(1e-9, 2 * 2 + 2 * (2 * 2) + 3 * (2 * 2), 3 * 4, 0, id="all spiking"),
    ],
)
def test_small_network_is_counted_as_by_hand(kind, v_th, acs, updates, sparsity):
    snn = small_network(v_th, kind)
    found = count_operations(snn, small_frames())
    assert found.steps == 3
    assert found.dense_macs == 3 * (3 * 2 + 2 * 2 + 2 * 2)
    assert found.effective_macs == 1 * 2  # the input that counts 2
    assert found.effective_acs == acs and found.effective == acs + 2
    assert found.membrane_updates == updates
    assert found.activation_sparsity == sparsity
    assert found.connection_sparsity == 0
    assert found.parameters == 14 and found.footprint == 4 * 14


def test_weights_that_are_0_do_nothing():
    snn = small_network(1e-9)
    with torch.no_grad():
        snn.lif0.input_weights[0, 0] = 0  # misses an event at step 0
        snn.lif0.input_weights[1, 2] = 0  # misses the count of 2
        snn.lif0.recurrent_weights[0, 0] = 0  # misses a spike at steps 1 and 2
        snn.linear.weight[:] = 0
    found = count_operations(snn, small_frames())
    assert found.effective_macs == 1 and found.effective_acs == 3 + 2 * 3
    assert found.dense_macs == 42 and found.connection_sparsity == 7 / 14


def test_convolution_is_counted_as_by_hand():
    convolution = nn.Conv2d(1, 1, 3, padding=1)
    nn.init.ones_(convolution.weight)
    with torch.no_grad():
        convolution.weight[0, 0, 1, 1] = 0  # from a pixel to the same place
    frames = torch.zeros(1, 1, 1, 3, 3)
    frames[0, 0, 0, 0, 0] = 1  # in a corner, where 4 windows hold it
    found = count_operations(SummedImage(nn.Sequential(convolution, nn.Flatten())), 2 * frames)
    assert found.dense_macs == 4 * 4 + 4 * 6 + 9  # windows at corners, at edges, in the middle
    assert found.effective_macs == 4 - 1


def test_spikes_are_those_of_the_run(random_frames):
    torch.manual_seed(2)
    snn = SNN(hidden_size=15)
    snn.record = True
    snn(random_frames)
    z, steps = snn.recording.lif0.z, (9, 5, 1)
    found = count_operations(snn, random_frames)
    for number, last in enumerate(steps):
        macs = acs = 0
        for step in range(last):
            frame = random_frames[step, number]
            operations = 15 * int((frame != 0).sum())
            if frame.max() > 1:
                macs += operations
            else:
                acs += operations
            acs += 4 * int(z[step, number].sum())
            # Norse connects no neuron with itself.
            acs += 14 * int(z[step - 1, number].sum()) if step else 0
        assert (found.effective_macs[number], found.effective_acs[number]) == (macs, acs)
        silent = 1 - z[:last, number].mean().item()
        assert found.activation_sparsity[number] == pytest.approx(silent)
    assert 0 < z[:9, 0].mean() < 1


def test_activation_sparsity_looks_at_each_activation_once(data, random_frames):
    network, frames = make("SNN behind a layer", data).eval(), random_frames[:, :1]
    network.snn.record = True
    network(frames)
    features, spikes = network.inputs(frames).relu(), network.snn.recording.lif0.z
    zeros = sum(int((each == 0).sum()) for each in (features, spikes))
    expected = zeros / (features.numel() + spikes.numel())
    assert count_operations(network, frames).activation_sparsity[0] == pytest.approx(expected)
    assert abs((features == 0).float().mean() - (spikes == 0).float().mean()) > 0.1


def test_given_steps_are_counted():
    snn = small_network(1e-9)
    by_steps = [count_operations(snn, small_frames(), [n]).effective[0] for n in range(5)]
    assert by_steps == [0, 4 + 4, 16, 26, 26 + 8]  # and two neurons that spike on in the silence


def test_recording_without_events_costs_nothing():
    found = count_operations(small_network(0.3), torch.zeros(4, 1, 1, 1, 3))
    assert all(getattr(found, name) == 0 for name in PER_RECORDING)


# ---- What the numbers don't depend on ----


@pytest.mark.parametrize("name", NETWORKS)
def test_recording_costs_the_same_alone_and_in_a_batch(name, data, random_frames):
    network = make(name, data)
    together = count_operations(network, random_frames)
    alone = [
        count_operations(network, random_frames[:last, number : number + 1])
        for number, last in enumerate((9, 5, 1))
    ]
    for field in PER_RECORDING:
        expected = np.concatenate([getattr(each, field) for each in alone])
        np.testing.assert_array_equal(getattr(together, field), expected, err_msg=field)
    assert together.means()["steps"] == 5


@pytest.mark.parametrize("name", sorted(SPARSE))
def test_sparse_frames_cost_what_dense_ones_cost(name, data, random_frames):
    network = make(name, data)
    sparse = random_frames.to_sparse()
    with_zeros = sparse.clone()
    with_zeros.values()[::3] = 0
    twice = torch.sparse_coo_tensor(  # every count in two halves, some of them 0
        sparse.indices().repeat(1, 2),
        torch.cat([sparse.values() - sparse.values() // 2, sparse.values() // 2]),
        sparse.shape,
        check_invariants=True,
    )
    for frames in (sparse, twice, with_zeros):
        expected = count_operations(network, frames.to_dense()).means()
        assert count_operations(network, frames).means() == pytest.approx(expected)


def test_fast_network_costs_what_the_plain_one_costs(random_frames):
    torch.manual_seed(3)
    plain, fast = SNN(), FastSNN()
    fast.load_state_dict(plain.state_dict())
    assert count_operations(fast, random_frames).means() == (
        count_operations(plain, random_frames).means()
    )


@pytest.mark.parametrize("record", [True, False])
def test_network_is_left_as_it_was(data, random_frames, record):
    network = HybridSNN(data.train).train()
    network.snn.record = record
    network(random_frames)
    before = network.snn.recording
    expected = count_operations(network, random_frames).means()  # dropout would change it
    assert count_operations(network, random_frames).means() == expected
    assert network.training and network.dropout.training
    assert network.snn.record is record and network.snn.recording is before
    assert not any(module._forward_hooks for module in network.modules())


# ---- What PyTorch and NeuroBench count ----


@pytest.mark.parametrize("name", ["SNN", "own", "MLP", "GRU", "convolution", "linear"])
def test_dense_operations_are_those_that_pytorch_counts(name, data, random_frames):
    """Two floating-point operations each; PyTorch counts neither padding nor products of units."""
    image = {
        "convolution": nn.Conv2d(2, 6, 5, stride=2),
        "linear": nn.Sequential(nn.Flatten(), nn.Linear(2 * 35 * 35, 4)),
    }
    network = SummedImage(image[name]) if name in image else make(name, data)
    frames = random_frames[:, :1]
    expected = count_operations(network, frames).dense_macs[0]
    if name == "GRU":
        network.inputs.forward = lambda frames: nn.functional.linear(
            frames.flatten(2), network.inputs.weight
        )
        expected -= 9 * 3 * 64
    with FlopCounterMode(display=False) as counter:
        network(frames)
    assert expected == counter.get_total_flops() / 2


def neurobench(network, inputs):
    """Return NeuroBench's operations, activation and connection sparsity, parameters and bytes."""
    models = pytest.importorskip("neurobench.models")
    from neurobench.metrics import static, workload

    model = models.TorchModel(network)
    operations, sparsity = workload.SynapticOperations(), workload.ActivationSparsity()
    model.register_hooks()
    output, data = model(inputs), (inputs, None)
    return (
        operations(model, output, data),
        sparsity(model, output, data),
        static.ConnectionSparsity()(model),
        static.ParameterCount()(model),
        static.Footprint()(model),
    )


@pytest.mark.parametrize("counts", [1, 3])
@pytest.mark.parametrize("padding", [0, 1])
def test_stack_of_layers_costs_what_neurobench_counts(counts, padding):
    """One recording and one time step, since NeuroBench looks at a whole batch for a MAC."""
    torch.manual_seed(4)
    body = nn.Sequential(
        *(nn.Conv2d(2, 3, 3, padding=padding), nn.ReLU(), nn.Flatten(), nn.LazyLinear(20)),
        *(nn.ReLU(), nn.Linear(20, 10), nn.ReLU(), nn.Linear(10, 4)),
    )
    frames = (torch.rand(1, 1, 2, 9, 9) < 0.2).float() * counts
    body(frames[0])
    with torch.no_grad():
        body[0].weight[:, 0, 1] = 0
        body[5].weight[torch.rand(10, 20) < 0.5] = 0
    network = nn.Sequential(nn.Flatten(0, 1), body)
    found = count_operations(network, frames)
    operations, activations, connections, parameters, footprint = neurobench(body, frames[0])
    assert found.dense_macs == operations["Dense"]
    assert found.effective_macs == operations["Effective_MACs"]
    assert found.effective_acs == operations["Effective_ACs"]
    assert (found.effective_acs > 0) == (counts == 1)
    assert found.activation_sparsity == pytest.approx(activations)
    assert found.connection_sparsity == pytest.approx(connections, abs=1e-4)
    assert (found.parameters, found.footprint) == (parameters, footprint)


def test_gated_units_cost_what_neurobench_counts(data, random_frames):
    pytest.importorskip("neurobench.metrics.utils.layers")
    from neurobench.metrics.utils.layers import single_layer_MACs

    units, cell = nn.GRU(6, 5), nn.GRUCell(6, 5)
    cell.load_state_dict({name.removesuffix("_l0"): w for name, w in units.state_dict().items()})
    frames = torch.rand(4, 1, 1, 1, 6)
    network = nn.Sequential(nn.Flatten(2), units)
    found, state = count_operations(network, frames), torch.zeros(1, 5)
    effective = dense = 0
    for step in frames.flatten(2):
        effective += single_layer_MACs((step, state), cell)[0]
        dense += single_layer_MACs((step, state), cell, total=True)[0]
        state = cell(step, state)
    assert found.effective_macs == effective
    assert found.dense_macs == 4 * 3 * (5 * (6 + 5) + 5)
    assert dense == pytest.approx(found.dense_macs, rel=0.2)


# ---- What can't be counted, and the rest ----


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.LSTM(3, 2), r"1 is LSTM\(3, 2\) with weight_ih_l0"),
        (nn.GRU(3, 2, num_layers=2), "GRU one layer and direction"),
        (nn.GRU(3, 2, bidirectional=True), "GRU one layer and direction"),
        (nn.GRU(3, 2, batch_first=True), "the time first"),
        (nn.BatchNorm1d(3), "knows the weights of Linear, Conv2d, GRU, LIFRecurrentCell only"),
    ],
)
def test_weights_that_nobody_would_count_are_refused(layer, message):
    with pytest.raises(TypeError, match=message):
        count_operations(nn.Sequential(nn.Flatten(2), layer), small_frames())


def test_regression_network_says_what_the_regression_says(data):
    predict = logistic_regression(summed_image, C=10)(data, 0)
    network = regression_network(predict.model)
    images = torch.from_numpy(np.expm1(summed_image(data.test))).view(1, -1, 2, 35, 35).float()
    with torch.no_grad():
        probabilities = network(images)[0].softmax(dim=1)
    expected = predict.model.predict_proba(summed_image(data.test))
    np.testing.assert_allclose(probabilities, expected, atol=1e-4)
    found = count_operations(network, images)
    assert (found.dense_macs == 4 * 2 * 35 * 35).all()
    assert found.effective_macs[0] <= 4 * int((images[0, 0] > 0).sum())


def operations(footprint, updates=10.0):
    one = np.ones(1)
    return Operations(one, 1000 * one, 20 * one, 300 * one, updates * one, one, 0.0, 1, footprint)


@pytest.mark.parametrize(
    ("footprint", "access"), [(8192, 10), (8193, 20), (2**15 + 1, 100), (2**20 + 1, 1300)]
)
def test_energy_is_the_sum_of_published_figures(footprint, access):
    found = estimate_energy(operations(footprint))
    update, states = 10 * 2 * 4.6, 10 * 2 * 10  # two accesses to 64 bits, of 10 pJ each
    expected = {
        "dense": 1000 * 4.6 + update,
        "dense_with_memory": 1000 * (4.6 + access / 2) + update + states,
        "effective": 20 * 4.6 + 300 * 0.9 + update,
        "effective_with_memory": 20 * 4.6 + 300 * 0.9 + 320 * access / 2 + update + states,
        "loihi": 320 * 23.6 + 10 * 81,
    }
    in_pj = {name: 1e6 * float(value[0]) for name, value in found._asdict().items()}
    assert in_pj == pytest.approx(expected)


def test_weights_of_8_bits_take_less_and_lie_in_a_smaller_memory():
    found = estimate_energy(operations(4 * 8192, updates=0), bits=8)
    assert found.effective_with_memory[0] == pytest.approx(
        (20 * 0.3 + 300 * 0.1 + 320 * 10 / 8) / 1e6
    )
    assert np.isnan(found.loihi[0])
    with pytest.raises(ValueError, match="bits is 4; choose from 32, 8"):
        estimate_energy(operations(1), bits=4)
