"""The network in other simulators, and with few bits; small versions of what the benchmarks do."""

import nir
import numpy as np
import pytest
import torch

from benchmarks import bits, elsewhere, simulators
from eventdesk.models.ordinary import GRU
from eventdesk.trained import nir_files
from eventdesk.trained.nir_files import load_nir, save_nir
from pokersnn_helpers import SNN, Classifier, FastSNN, build_network


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("nir") / "a.nir"
    save_nir(Classifier(build_network(SNN, hidden_size=30)), path)
    return path


@pytest.fixture(scope="module")
def saved(path, simulated):
    return elsewhere.Differences(load_nir(path, "cpu").snn, simulated.test[:4])


def test_differences_are_counted_up_to_the_last_event(saved):
    spikes = saved.spikes.copy()
    spikes[saved.lengths[0] - 1, 0, :2] += 1
    short = saved.lengths.argmin()
    spikes[saved.lengths[short] :, short] = 7
    assert saved.count(spikes) == 2


@pytest.mark.parametrize("package", list(nir_files.SIMULATORS))
def test_an_importer_that_is_told_nothing_has_the_same_spikes_of_its_file(package, path, saved):
    pytest.importorskip(package)
    importer = simulators.SIMULATORS[package]["importer"]
    spikes, _ = importer(elsewhere.for_importer(path, package), saved.frames, saved.derivatives)
    assert spikes[saved.inside].sum() > 50
    assert saved.count(spikes) == 0


# What the page says that they do in another way: whether a spike subtracts the threshold, and not,
# a step later, sets the voltage to 0; and by how many steps spikes are late.
DIFFERENTLY = {
    "snntorch": (False, 0),
    "spyx": (True, 1),
    "rockpool": (True, 0),
    "sinabs": (True, 0),
}


def imitate(graph, frames, subtracts, late):
    """Return the spikes of neurons that do so."""
    c = simulators.constants(graph)
    inputs = frames @ c.w_in.T
    i, v, z = np.zeros((3, *inputs.shape[1:]))
    spikes = late * [z]
    for step_inputs in inputs:
        i = (1 - c.dt_over_tau_syn) * i + step_inputs + z @ c.w_rec.T
        v = (1 - c.dt_over_tau_mem) * v + c.dt_over_tau_mem * i
        if not subtracts:
            v = v * (1 - z)
        z = (v > c.v_th).astype(float)
        if subtracts:
            v = v - z * c.v_th
        spikes.append(z)
    return np.array(spikes[: len(inputs)])


PACKAGES = ["norse", "snntorch", "sinabs", "rockpool", "spikingjelly", "spyx", "jaxpike"]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_simulator_set_up_by_hand_has_the_same_spikes_and_gradient(package, path, saved):
    pytest.importorskip(package)
    graph = nir.read(path)
    given = (graph, saved.frames, saved.derivatives)
    runs = simulators.SIMULATORS[package]
    spikes, gradient = runs.get("by hand", runs["neuron"])(*given)
    assert saved.count(spikes) == 0
    assert saved.gradient_difference(gradient) < 1e-5
    own, own_gradient = runs["neuron"](*given)
    if package in DIFFERENTLY:
        imitated = imitate(graph, saved.frames, *DIFFERENTLY[package])
        assert saved.count(own, imitated) == 0
    differs = saved.count(own) > 0
    assert differs == (package not in ("norse", "spikingjelly", "jaxpike"))
    off = saved.gradient_difference(own_gradient) > 0.1
    assert off == (package not in ("norse", "spikingjelly"))


@pytest.mark.parametrize("kind", [FastSNN, GRU])
def test_weights_of_few_bits_have_few_levels_and_learn(kind):
    network = kind(hidden_size=9)
    frames = torch.poisson(torch.full((9, 3, 2, 35, 35), 0.3))
    low = bits.LowBits(network, 2)
    rows = [row for weights in low.weights().values() for row in weights.detach()]
    assert max(len(row.unique()) for row in rows) <= 3
    voltages = low(frames)
    voltages.pow(2).sum().backward()
    assert all(parameter.grad.any() for parameter in low.parameters())
    assert torch.allclose(bits.rounded(low)(frames), voltages, atol=1e-5)
    assert torch.equal(bits.LowBits(network, 32)(frames), network(frames))
