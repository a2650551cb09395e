"""The network in other simulators, and with few bits; small versions of what the benchmarks do."""

from copy import deepcopy

import nir
import numpy as np
import pytest
import torch

from benchmarks import bits, elsewhere, simulators
from pokersnn_helpers import SNN, Classifier, FastSNN, build_network
from pokersnn_helpers.elsewhere.nir_files import load_nir, save_nir
from pokersnn_helpers.study.models import GRU


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("nir") / "a.nir"
    save_nir(Classifier(build_network(SNN, hidden_size=30)), path)
    return path


@pytest.fixture(scope="module")
def saved(path, simulated):
    return elsewhere.Differences(load_nir(path, "cpu").snn, simulated.test.subset(range(4)))


def test_a_batch_has_the_spikes_of_its_recordings(path, saved):
    graph = nir.read(path)
    spikes, voltages = elsewhere.step_by_numpy(graph, saved.frames)
    assert saved.count(spikes) == 0 < spikes.sum()
    alone, read = elsewhere.step_by_numpy(graph, saved.frames[:, 1])
    assert np.array_equal(alone, spikes[:, 1])
    assert np.allclose(read, voltages[:, 1])
    assert np.allclose(voltages, saved.voltages, atol=1e-5)


def test_differences_are_counted_up_to_the_last_event(saved):
    spikes = saved.spikes.copy()
    last = saved.lengths[0] - 1
    spikes[last, 0, :2] = 1 - spikes[last, 0, :2]
    assert saved.row(spikes)["differ"] == 2
    assert saved.row(spikes)["first step"] == last + 1
    assert saved.row(spikes)["recordings that differ"] == 1
    assert saved.row(saved.spikes)["first step"] is None
    short = saved.lengths.argmin()
    assert saved.lengths[short] < len(spikes)
    spikes[saved.lengths[short] :, short] = 7
    assert saved.row(spikes)["differ"] == 2


def test_a_tie_is_not_correct(saved):
    voltages = np.zeros((*saved.spikes.shape[:2], 4))
    assert saved.correct(voltages, 4) == 0
    voltages[0, range(4), saved.targets] = 1
    assert saved.correct(voltages, 4) == 4
    assert saved.correct(voltages, 3) == 3


@pytest.mark.parametrize("package", ["norse", "snntorch", "rockpool", "spyx"])
def test_a_simulator_set_up_by_hand_has_the_same_spikes(package, path, saved):
    pytest.importorskip(package)
    runs, c = simulators.SIMULATORS[package], simulators.constants(nir.read(path))
    exact = runs.get("by hand", runs["neuron"])
    assert saved.count(exact(nir.read(path), saved.frames)) == 0
    own = runs["neuron"](nir.read(path), saved.frames)
    imitated = elsewhere.imitate(package, "neuron", c, saved.frames)
    assert saved.count(own, imitated) == 0
    assert (saved.count(own) == 0) == (package == "norse")


def test_a_missing_simulator_is_named(path, saved, monkeypatch):
    monkeypatch.setattr(elsewhere, "installed_version", lambda package: None)
    monkeypatch.setattr("shutil.which", lambda program: None)
    rows = elsewhere.simulators(path, saved, 2)
    assert [row["differ"] for row in rows] == [0, None, None, None, None, None]
    assert {row["raised"] for row in rows[1:5]} == {"not installed"}
    assert "pip install uv" in rows[5]["raised"]


def test_what_a_simulator_raises_is_a_row(path, saved, monkeypatch):
    def fail(graph, frames):
        raise KeyError("readout")

    monkeypatch.setattr(elsewhere, "SIMULATORS", {"norse": {"importer": fail}})
    monkeypatch.setattr("shutil.which", lambda program: None)
    rows = elsewhere.simulators(path, saved, 2)
    assert [row["how"] for row in rows] == ["from the file", "importer, whole file", "importer", ""]
    assert rows[1]["raised"] == "KeyError: 'readout'"


@pytest.mark.parametrize("make", [lambda: FastSNN(hidden_size=9), lambda: GRU(hidden_size=9)])
def test_weights_of_few_bits_have_few_levels_and_learn(make):
    torch.manual_seed(0)
    network, frames = make(), torch.poisson(torch.full((9, 3, 2, 35, 35), 0.3))
    low = bits.LowBits(network, 2)
    for name, weights in low.weights().items():
        assert all(len(row.unique()) <= 3 for row in weights.detach()), name
        assert not torch.equal(weights, network.get_parameter(name))
    low(frames).pow(2).sum().backward()
    for parameter in low.parameters():
        assert parameter.grad.count_nonzero() > 0
    assert torch.allclose(bits.rounded(low)(frames), low(frames), atol=1e-5)
    assert not torch.allclose(network(frames), low(frames), atol=1e-3)
    assert torch.equal(bits.LowBits(network, 32)(frames), network(frames))


def test_the_first_step_has_the_smallest_squared_error():
    weights = torch.randn(5, 400)
    for most in (1, 7):
        step = bits.best_step(weights, most)
        error = (bits.to_levels(weights, step, most) - weights).pow(2).sum(1)
        for factor in (0.8, 1.25):
            other = (bits.to_levels(weights, factor * step, most) - weights).pow(2).sum(1)
            assert (error < other).all()


def test_thresholds_that_differ_are_those_of_norse():
    torch.manual_seed(0)
    network, frames = build_network(SNN, hidden_size=30), torch.rand(40, 3, 2, 35, 35).round()
    spread = bits.with_spread(network, 10, seed=3)
    factors = network.lif0.input_weights / spread.lif0.input_weights
    assert 0.05 < factors.mean(1).std() < 0.2
    cell = deepcopy(network)
    cell.lif0.p = cell.lif0.p._replace(v_th=cell.lif0.p.v_th * factors.mean(1).detach())
    for each in (network, spread, cell):
        each.record = True
        each(frames)
    spikes = [each.recording.lif0.z for each in (network, spread, cell)]
    assert (spikes[1] != spikes[2]).float().mean() < 1e-3 < (spikes[0] != spikes[1]).float().mean()


def test_bits_are_compared_on_the_same_recordings(everything, monkeypatch):
    def variants(name, seed, learned, held_out):
        right = np.full(len(held_out), 0.5 if name == "GRU" else 1)
        few, rate = (name, 2, "trained on with these bits"), None if name == "GRU" else seed
        return {(name, 32, "as trained"): (right, None), few: (right / 2, rate)}

    monkeypatch.setattr(bits.folds, "all_recordings", lambda: everything)
    monkeypatch.setattr(bits.folds, "PROCESSES", 1)
    monkeypatch.setattr(bits, "variants", variants)
    rows = bits.measure(2)["rows"]
    assert [row["mean"] for row in rows] == [1, 0.5, 0.5, 0.25]
    assert [row.get("change, points") for row in rows] == [None, -50, None, -25]
    assert [row.get("spike rate") for row in rows] == [None, 0.5, None, None]
    assert rows[0]["kB"] == pytest.approx(4 * 255.4, rel=1e-3)
    assert rows[1]["kB"] == pytest.approx(255.4 / 4, rel=1e-3)
