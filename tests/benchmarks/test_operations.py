"""Operations are counted exactly: against counts by hand and NeuroBench's."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.counting import count_operations
from benchmarks.operations import count_regression
from eventdesk.evidence.estimators import logistic_regression
from eventdesk.models.ordinary import GRU, FrameMLP, summed_image
from pokersnn_helpers import FastSNN, record_states
from pokersnn_helpers.page.measured import measured


def small_network(v_th):
    """Three inputs, two hidden neurons, two outputs, and all weights 1."""
    snn = FastSNN(3, 2, 2, v_th=v_th)
    for weights in snn.parameters():
        nn.init.ones_(weights)
    return snn


def small_frames():
    """Two inputs at step 0, none at step 1, one with a count of 2 at step 2, and padding."""
    frames = torch.zeros(4, 1, 1, 1, 3)
    frames[0, 0, 0, 0, :2] = 1
    frames[2, 0, 0, 0, 2] = 2
    return frames


# ---- By hand ----


def test_spiking_network_is_counted_as_by_hand():
    operations = count_operations(small_network(1e-9), small_frames())
    assert operations.effective_macs == 1 * 2
    # Besides the inputs, 2 spikes to 2 hidden neurons at steps 1 and 2, and to 2 outputs at all 3.
    assert operations.effective_acs == 2 * 2 + 2 * (2 * 2) + 3 * (2 * 2)
    assert operations.membrane_updates == 3 * 4
    assert operations.activation_sparsity == 0


def test_weights_that_are_0_do_nothing():
    snn = small_network(1e-9)
    weights = snn.lif0.input_weights.data
    weights[0, 0] = 0  # misses an event at step 0
    weights[1, 2] = 0  # misses the count of 2
    snn.lif0.recurrent_weights.data[0, 0] = 0  # misses a spike at steps 1 and 2
    snn.linear.weight.data.zero_()
    operations = count_operations(snn, small_frames())
    assert operations.effective_macs == 1
    assert operations.effective_acs == 3 + 2 * 3


def test_a_regression_multiplies_each_pixel_with_events_once_for_each_class(some):
    estimator = logistic_regression(summed_image).fit(some)
    operations = count_regression(estimator, some)
    pixels = [len(np.unique(events[["x", "y", "p"]])) for events in some.events]
    assert operations.effective_macs.tolist() == [4 * number for number in pixels]
    assert operations.effective.tolist() == operations.effective_macs.tolist()


# ---- What NeuroBench counts ----


def neurobench(network, inputs):
    """Return NeuroBench's operations and activation sparsity."""
    models = pytest.importorskip("neurobench.models")
    from neurobench.metrics import workload

    model = models.TorchModel(network)
    operations = workload.SynapticOperations()
    sparsity = workload.ActivationSparsity()
    model.register_hooks()
    output = model(inputs)
    data = (inputs, None)
    return operations(model, output, data), sparsity(model, output, data)


@pytest.mark.parametrize("count", [1, 3])
def test_stack_of_layers_costs_what_neurobench_counts(count):
    """One recording and one time step, since NeuroBench looks at a whole batch for a MAC."""
    torch.manual_seed(4)
    first = nn.Linear(2 * 9 * 9, 10)
    first.weight.data *= torch.rand(10, 2 * 9 * 9) > 0.5
    body = nn.Sequential(nn.Flatten(), first, nn.ReLU(), nn.Linear(10, 4))
    frames = torch.bernoulli(torch.full((1, 1, 2, 9, 9), 0.2)) * count
    operations = count_operations(nn.Sequential(nn.Flatten(0, 1), body), frames)
    expected, sparsity = neurobench(body, frames[0])
    assert operations.effective_macs == expected["Effective_MACs"]
    assert operations.effective_acs == expected["Effective_ACs"]
    assert (operations.effective_acs > 0) == (count == 1)
    assert operations.activation_sparsity == pytest.approx(sparsity)


# ---- On the page ----

PAGE_SCRIPT = Path(__file__).parents[2] / "book/_static/interactive/operations.js"


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js isn't installed")
@pytest.mark.parametrize("share", [0.02, 1.0])
def test_page_counts_operations_as_they_are_counted_here(share):
    frames = torch.bernoulli(torch.full((200, 1, 2, 35, 35), share))
    snn, gru, mlp = FastSNN(), GRU(), FrameMLP()
    spikes = record_states(snn, frames).lif0.z
    shares = {"input": frames.mean().item(), "spikes": spikes.mean().item()}
    given = [shares]
    for each in (gru, mlp):
        active = each.inputs(frames) > 0
        given.append(shares | {"active": active.float().mean().item()})
    program = (
        "globalThis.interactiveFigures = { kinds: {}, ofCharts: () => ({}) };"
        f"{PAGE_SCRIPT.read_text(encoding='utf-8')}"
        "const { count } = interactiveFigures.kinds.operations;"
        f"const counts = {json.dumps(given)}.map(count);"
        "const still = count({ input: 0, spikes: 0 }).MLP;"
        "console.log(JSON.stringify([counts[0].SNN, counts[1].GRU, counts[2].MLP, still]));"
    )
    done = subprocess.run(["node", "-"], input=program, capture_output=True, text=True, check=True)
    counted = [count_operations(each, frames).effective[0] / 200 for each in (snn, gru, mlp)]
    # No spike of the last step, and no last output of the GRU's, comes in any more.
    *found, still = json.loads(done.stdout)
    assert found == pytest.approx(counted, rel=0.005)
    silent = 2 * measured("operations").set_index("model")["activation_sparsity"]["GRU"]
    assert still == pytest.approx((1 - silent) * 100 * 4, rel=0.005)
