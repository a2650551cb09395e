from importlib import import_module

import nir
import numpy as np
import pytest
import torch
from readers_networks import scatter_taus
from same import same

from benchmarks.elsewhere import add_up, step_by_numpy
from eventdesk.models.ordinary import GRU
from eventdesk.trained.nir_files import SIMULATORS, load_nir, save_nir
from pokersnn_helpers import (
    SNN,
    Classifier,
    FastSNN,
    build_network,
    make_loader,
    save_checkpoint,
    to_frames,
)


@pytest.fixture
def classifier():
    snn = SNN(hidden_size=12, tau_mem=0.02, tau_syn=0.007, readout_tau_syn=0.006, v_th=0.17)
    return Classifier(snn)


@pytest.fixture
def path(classifier, tmp_path):
    save_nir(classifier, tmp_path / "a.nir")
    return tmp_path / "a.nir"


@pytest.mark.parametrize("learn_taus", [False, True])
@pytest.mark.parametrize("dt", [0.001, 0.0005])
def test_ten_lines_of_numpy_give_the_spikes_of_the_network(dt, learn_taus, simulated, tmp_path):
    torch.manual_seed(1)
    taus = {"tau_syn": 0.004, "tau_mem": 0.013, "readout_tau_syn": 0.002, "readout_tau_mem": 0.03}
    snn = SNN(hidden_size=50, v_th=0.17, dt=dt, learn_taus=learn_taus, **taus).double()
    scatter_taus(snn)
    snn.record = True
    save_nir(Classifier(snn), tmp_path / "a.nir")
    frames, _ = next(iter(make_loader(simulated.test, batch_size=8, time_window=1e6 * dt)))
    frames = frames.double()
    voltages = snn(frames)
    graph = nir.read(tmp_path / "a.nir")
    spikes, readout = step_by_numpy(graph, frames.flatten(2).numpy())
    assert np.array_equal(spikes, snn.recording.lif0.z)
    assert spikes.mean() > 0.01
    assert np.allclose(readout, voltages.detach(), rtol=1e-5, atol=1e-6)


NUMBERS = {
    "tau_syn": 0.0123456789,
    "readout_tau_syn": 0.00612345,
    "readout_tau_mem": 0.0211,
    "v_th": 1 / 3,
    "dt": 0.00037,
}


@pytest.mark.parametrize("kind", [SNN, FastSNN])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("numbers", [{}, NUMBERS, NUMBERS | {"learn_taus": True}])
def test_weights_constants_and_metadata_come_back_bit_by_bit(kind, dtype, numbers, tmp_path):
    snn = kind(2 * 8 * 6, 5, 2, surrogate_slope=0.3, **numbers)
    scatter_taus(snn)
    about = {"classes": ("über", "left"), "sensor_size": (8, 6, 2), "settle": 0.02}
    classifier = Classifier(snn, **about).to(dtype)
    save_nir(classifier, tmp_path / "a.nir")
    loaded = load_nir(tmp_path / "a.nir", "cpu", network=kind)
    assert {name: getattr(loaded, name) for name in about} == about
    assert type(loaded.snn) is kind
    assert loaded.snn.surrogate_slope == 0.3
    assert loaded.snn.dt == snn.dt
    assert loaded.snn.lif0.p == snn.lif0.p
    assert loaded.snn.readout.p == snn.readout.p
    assert same(loaded.state_dict(), classifier.state_dict())


@pytest.mark.parametrize("simulator", list(SIMULATORS))
def test_the_lines_that_export_prints_give_the_same_voltages_in_each_recording(
    simulator, simulated, tmp_path, run
):
    pytest.importorskip(simulator)
    torch.manual_seed(0)
    classifier = Classifier(build_network(SNN, hidden_size=30))
    save_checkpoint(classifier, tmp_path / "a.pt")
    words = "export", "--checkpoint", tmp_path / "a.pt", "--nir", tmp_path / "b.nir"
    lines = [line.strip() for line in run(*words, "--simulator", simulator)]
    imports, network, step, *reset, _ = lines[1:]
    names = {}
    exec("\n".join([imports, network]), names)
    save_nir(classifier, tmp_path / "a.nir")
    of_readout = nir.read(tmp_path / "a.nir")
    spikes = 0
    for events in simulated.test.events[:3]:
        frames = to_frames(events)
        names["state"] = None
        exec("\n".join(reset), names)
        added = []
        for names["frame"] in frames.flatten(1)[:, None]:
            exec(step, names)
            added.append(names["output"].detach().numpy())
        spikes += np.count_nonzero(added)
        voltages = classifier.snn(frames[:, None]).detach()
        assert np.allclose(add_up(of_readout, np.array(added)), voltages, atol=1e-5)
    assert spikes > 50


@pytest.mark.parametrize(
    ("simulator", "message"),
    [("snntorch", "r not supported"), ("spikingjelly", "must equal tau_mem / dt")],
)
def test_what_is_written_for_norse_is_refused_where_steps_are_shorter(
    simulator, message, classifier, tmp_path
):
    pytest.importorskip(simulator)
    save_nir(classifier, tmp_path / "a.nir", "norse")
    importer = SIMULATORS[simulator]
    with pytest.raises((AssertionError, ValueError), match=message):
        getattr(import_module(importer.module), importer.function)(nir.read(tmp_path / "a.nir"))


def test_a_simulator_whose_importer_takes_no_such_network_is_refused(classifier, path, run):
    before = path.read_bytes()
    with pytest.raises(ValueError, match="simulator is 'sinabs'; choose norse, snntorch, spik"):
        save_nir(classifier, path, "sinabs")
    assert path.read_bytes() == before


def test_export_writes_one_file_and_says_for_whom(classifier, tmp_path, run):
    save_checkpoint(classifier, tmp_path / "a.pt")
    words = "export", "--checkpoint", tmp_path / "a.pt"
    with pytest.raises(SystemExit, match="name one file to write: --c FILE or --nir FILE"):
        run(*words)
    with pytest.raises(SystemExit, match="--simulator says nothing without nir"):
        run(*words, "--c", tmp_path / "a.c", "--simulator", "norse")
    (line,) = run(*words, "--nir", tmp_path / "a.nir")
    assert "--simulator norse, snntorch, spikingjelly" in line
    assert same(load_nir(tmp_path / "a.nir").state_dict(), classifier.state_dict())


class OwnStep(SNN):
    def step(self, frame, state):
        return super().step(2 * frame, state)


class OwnForward(FastSNN):
    def forward(self, frames):
        return super().forward(2 * frames)


def small(**arguments):
    return SNN(hidden_size=5, **arguments)


def with_other(**constants):
    snn = small()
    snn.lif0.p = snn.lif0.p._replace(**constants)
    return snn


def with_another_dt():
    snn = small()
    snn.lif0.dt = 0.002
    return snn


def with_nan():
    snn = small()
    snn.linear.weight.data[0, 0] = torch.nan
    return snn


def with_hook():
    snn = small()
    snn.linear.register_forward_hook(lambda layer, inputs, out: 2 * out)
    return snn


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (OwnStep, "no nodes for what OwnStep computes"),
        (OwnForward, "no nodes for what OwnForward computes; save an SNN or"),
        (GRU, "no nodes for what GRU computes"),
        (
            lambda: with_other(v_reset=torch.tensor(-0.1)),
            r"v_reset is -0\.1.*, but its arguments make 0",
        ),
        (with_another_dt, r"the parts of the network have dt \[0\.001, 0\.002\] s"),
        (with_hook, "a hook of Linear would be left out"),
        (lambda: small(tau_mem=10), "times are in s: tau_mem is 10.0; choose a number fr"),
        (with_nan, r"readout_weights\.weight is nan"),
    ],
)
def test_what_could_not_be_loaded_again_is_not_written(make, message, path):
    before = path.read_bytes()
    with pytest.raises((TypeError, ValueError), match=message):
        save_nir(Classifier(make()), path)
    assert path.read_bytes() == before


def test_a_decode_of_your_own_is_not_left_out(tmp_path):
    with pytest.raises(ValueError, match="NIR holds no decode of your own"):
        save_nir(Classifier(SNN(), torch.mean), tmp_path / "a.nir")


@pytest.mark.parametrize(
    ("node", "field", "change", "message"),
    [
        ("hidden", "v_threshold", lambda v: v * np.linspace(1, 2, 12), "v_threshold is 0.18.*0.17"),
        ("readout_current", "r", lambda r: r * 1.001, r"_current\.r is 6\.006; SNN has 6"),
        ("recurrent_weights", "bias", lambda b: b + 1, r"recurrent_weights\.bias is 1; SNN has 0"),
        ("readout", "tau", lambda tau: 0 * tau + 10, "times are in s: readout_tau_mem is 10.0"),
    ],
)
def test_what_an_snn_does_not_have_is_refused_by_name(node, field, change, message, path):
    graph = nir.read(path)
    values = getattr(graph.nodes[node], field)
    setattr(graph.nodes[node], field, change(values))
    nir.write(path, graph)
    with pytest.raises(ValueError, match=rf"a\.nir can't be loaded: .*{message}"):
        load_nir(path)


def test_older_files_without_a_settle_and_with_a_digest_are_read(classifier, path):
    graph = nir.read(path)
    del graph.metadata["settle"]
    graph.metadata["sha256"] = np.zeros(32, np.uint8)
    nir.write(path, graph)
    loaded = load_nir(path, "cpu")
    assert loaded.settle == 0
    assert same(loaded.state_dict(), classifier.state_dict())


def test_graphs_of_other_programs_are_refused_by_name(path):
    graph = nir.read(path)
    graph.edges.pop()
    nir.write(path, graph)
    with pytest.raises(ValueError, match="linked otherwise; save_nir writes input, input_weights"):
        load_nir(path)
    nir.write(path, nir.NIRGraph.from_list(nir.Affine(np.ones((2, 3)), np.zeros(2))))
    with pytest.raises(ValueError, match="its nodes are affine, input, output, or linked oth"):
        load_nir(path)


@pytest.mark.parametrize("size", [0, 100, 2000])
def test_what_is_no_nir_file_is_refused(size, path):
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match=r"a\.nir can't be loaded: it is no readable NIR file"):
        load_nir(path)


def test_a_file_with_a_flipped_bit_is_refused_or_has_the_same_constants(classifier, path):
    """NIR's files have no checksum of the weights."""
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            loaded = load_nir(path, "cpu")
        except ValueError:
            refused += 1
            continue
        assert loaded.classes == classifier.classes
        assert loaded.snn.arguments == classifier.snn.arguments
    assert refused
