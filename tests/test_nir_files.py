import nir
import numpy as np
import pytest
import torch
from same import same

from benchmarks.elsewhere import step_by_numpy
from benchmarks.models import FeedforwardSNN
from pokersnn_helpers import SNN, Classifier, FastSNN, make_loader
from pokersnn_helpers.elsewhere.nir_files import load_nir, save_nir
from pokersnn_helpers.study.models import GRU


@pytest.fixture
def classifier():
    torch.manual_seed(0)
    snn = SNN(hidden_size=12, tau_mem=0.02, tau_syn=0.007, readout_tau_syn=0.006, v_th=0.17)
    return Classifier(snn)


@pytest.fixture
def path(classifier, tmp_path):
    save_nir(classifier, tmp_path / "a.nir")
    return tmp_path / "a.nir"


@pytest.mark.parametrize("dt", [0.001, 0.0005])
def test_ten_lines_of_numpy_give_the_spikes_of_the_network(dt, simulated, tmp_path):
    torch.manual_seed(1)
    taus = {"tau_syn": 0.004, "tau_mem": 0.013, "readout_tau_syn": 0.002, "readout_tau_mem": 0.03}
    snn = SNN(hidden_size=50, v_th=0.17, dt=dt, **taus).double()
    snn.record = True
    save_nir(Classifier(snn), tmp_path / "a.nir")
    frames = next(iter(make_loader(simulated.test, 8, 1e6 * dt)))[0].double()
    voltages = snn(frames)
    spikes, readout = step_by_numpy(nir.read(tmp_path / "a.nir"), frames.flatten(2).numpy())
    assert np.array_equal(spikes, snn.recording.lif0.z) and spikes.mean() > 0.01
    assert np.allclose(readout, voltages.detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", [SNN, FastSNN])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_weights_constants_and_metadata_come_back_bit_by_bit(kind, dtype, tmp_path):
    torch.manual_seed(0)
    readout = {"readout_tau_syn": 0.00612345, "readout_tau_mem": 0.0211}
    for numbers in ({}, {"tau_syn": 0.0123456789, "v_th": 1 / 3, "dt": 0.00037, **readout}):
        snn = kind(2 * 8 * 6, 5, 2, surrogate_slope=0.3, **numbers)
        classifier = Classifier(snn, classes=("über", "left"), sensor_size=(8, 6, 2)).to(dtype)
        save_nir(classifier, tmp_path / "new" / "a.nir")
        loaded = load_nir(tmp_path / "new" / "a.nir", "cpu", network=kind)
        assert (loaded.classes, loaded.sensor_size) == (("über", "left"), (8, 6, 2))
        assert type(loaded.snn) is kind and loaded.snn.surrogate_slope == 0.3
        assert loaded.snn.lif0.p == classifier.snn.lif0.p
        assert loaded.snn.readout.p == classifier.snn.readout.p
        assert loaded.snn.dt == classifier.snn.dt
        assert same(loaded.state_dict(), classifier.state_dict())


def test_a_network_without_recurrence_is_saved_as_one_whose_weights_are_0(tmp_path):
    classifier = Classifier(FeedforwardSNN(hidden_size=5))
    save_nir(classifier, tmp_path / "a.nir")
    assert load_nir(tmp_path / "a.nir").snn.lif0.recurrent_weights.count_nonzero() == 0


class OwnStep(SNN):
    def step(self, frame, state):
        return super().step(2 * frame, state)


class OwnForward(FastSNN):
    def forward(self, frames):
        return super().forward(2 * frames)


def with_layer_more():
    snn = SNN(hidden_size=5)
    snn.more = torch.nn.Linear(3, 3)
    return Classifier(snn)


def with_other(cell, **changes):
    snn = SNN(hidden_size=5)
    layer = getattr(snn, cell)
    layer.dt = changes.pop("dt", layer.dt)
    layer.p = layer.p._replace(**{name: torch.tensor(value) for name, value in changes.items()})
    return Classifier(snn)


def without_time():
    snn = SNN(hidden_size=5)
    snn.dt = snn.lif0.dt = snn.readout.dt = 0
    return Classifier(snn)


def with_weight(value, name):
    snn = SNN(hidden_size=5)
    snn.get_parameter(name).data[0, 0] = value
    return Classifier(snn)


def with_hook():
    snn = SNN(hidden_size=5)
    snn.linear.register_forward_hook(lambda layer, given, out: 2 * out)
    return Classifier(snn)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Classifier(OwnStep()), "no nodes for what OwnStep computes"),
        (lambda: Classifier(OwnForward()), "no nodes for what OwnForward computes; save an SNN or"),
        (lambda: Classifier(GRU()), "no nodes for what GRU computes"),
        (with_layer_more, r"SNN differs in more\.bias, more\.weight"),
        (lambda: Classifier(SNN(), lambda v: v.mean(0)), "NIR holds no decode of your own"),
        (lambda: with_other("lif0", v_th=[0.1, *4 * [0.2]]), "differs between neurons: .0.1"),
        (lambda: with_other("lif0", v_reset=-0.1), r"hidden\.v_reset is -0\.1; SNN has 0"),
        (lambda: with_other("lif0", dt=0.002), r"a layer's dt isn't that of the network, 0\.001"),
        (with_hook, "a hook of Linear would be left out"),
        (without_time, "dt is 0; choose a finite number greater than 0"),
        (
            lambda: Classifier(SNN(tau_mem=10)),
            "times are in s: tau_mem is 10.0; choose a number fr",
        ),
        (lambda: with_weight(torch.nan, "linear.weight"), r"readout_weights\.weight is nan"),
        (lambda: Classifier(SNN(), classes=("a", "b")), r"4 outputs don't fit .* \('a', 'b'\)"),
        (lambda: Classifier(SNN(), sensor_size=(2, 2, 1)), r"2450 inputs .* sensor of \(2, 2, 1\)"),
        (SNN, "classifier is of type SNN"),
    ],
)
def test_what_could_not_be_loaded_again_is_not_written(make, message, path):
    before = path.read_bytes()
    with pytest.raises((TypeError, ValueError), match=message):
        save_nir(make(), path)
    with pytest.raises(FileExistsError):
        save_nir(Classifier(SNN()), path, overwrite=False)
    assert path.read_bytes() == before


def test_constants_per_neuron_are_saved_if_they_are_all_the_same(tmp_path):
    save_nir(with_other("lif0", tau_mem_inv=5 * [80.0]), tmp_path / "a.nir")
    assert load_nir(tmp_path / "a.nir").snn.lif0.p.tau_mem_inv == pytest.approx(80)


@pytest.mark.parametrize(
    ("node", "field", "change", "message"),
    [
        ("hidden", "v_threshold", lambda v: v * np.linspace(1, 2, 12), "v_threshold is 0.18.*0.17"),
        ("readout_current", "r", lambda r: r / 6, r"readout_current\.r is 1; SNN has 6"),
        ("recurrent_weights", "bias", lambda b: b + 1, r"recurrent_weights\.bias is 1; SNN has 0"),
        ("hidden", "tau_mem", lambda tau: -tau, "tau_mem is -0.02"),
    ],
)
def test_what_an_snn_does_not_have_is_refused_by_name(node, field, change, message, path):
    graph = nir.read(path)
    setattr(graph.nodes[node], field, change(getattr(graph.nodes[node], field)))
    nir.write(path, graph)
    with pytest.raises(ValueError, match=rf"a\.nir can't be loaded: .*{message}"):
        load_nir(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda graph: graph.metadata.clear(), r"something else than an SNN: KeyError\('dt'\)"),
        (lambda graph: graph.metadata.update(dt=np.zeros(1)), "dt is 0.0; choose a finite number"),
        (
            lambda graph: graph.nodes["readout"].tau.fill(10),
            "times are in s: readout_tau_mem is 10.0",
        ),
        (lambda graph: graph.nodes["input_weights"].weight.fill(1), "weights have changed since"),
        (lambda graph: graph.edges.pop(), "linked otherwise; save_nir writes input, input_weights"),
    ],
)
def test_graphs_that_lack_something_are_refused(path, change, message):
    graph = nir.read(path)
    change(graph)
    nir.write(path, graph)
    with pytest.raises(ValueError, match=message):
        load_nir(path)


def test_older_files_are_read_and_those_of_other_programs_refused_by_name(classifier, path):
    graph = nir.read(path)
    del graph.metadata["sha256"]
    nir.write(path, graph)
    assert same(load_nir(path, "cpu").state_dict(), classifier.state_dict())
    nir.write(path, nir.NIRGraph.from_list(nir.Affine(np.ones((2, 3)), np.zeros(2))))
    with pytest.raises(ValueError, match="its nodes are affine, input, output, or linked oth"):
        load_nir(path)


def test_damaged_files_are_refused_or_say_the_same(classifier, path):
    data, rng, refused = path.read_bytes(), np.random.default_rng(0), 0
    for _ in range(60):
        damaged = bytearray(data)
        damaged[rng.integers(len(data))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            loaded = load_nir(path, "cpu")
        except ValueError as error:
            assert "a.nir can't be loaded: " in str(error)
            refused += 1
            continue
        assert loaded.classes == classifier.classes
        assert loaded.snn.arguments == classifier.snn.arguments
        assert same(loaded.state_dict(), classifier.state_dict())
    assert refused


@pytest.mark.parametrize("data", [b"", b"no such format", None])
def test_cut_and_foreign_files_are_refused(data, path):
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if data is None else data)
    with pytest.raises(ValueError, match=r"a\.nir can't be loaded: it is no readable NIR file"):
        load_nir(path)
    with pytest.raises(FileNotFoundError):
        load_nir(path.with_name("none.nir"))
