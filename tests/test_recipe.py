import math
import subprocess
import sys
from functools import partial

import pytest
import torch

from pokersnn_helpers import SNN, FastSNN, build_network, train_classifier
from pokersnn_helpers.simulation import simulate_pokerdvs


def draw(time_window, **sizes):
    torch.manual_seed(3)
    return build_network(time_window=time_window, **sizes)


def test_initial_input_weights_are_scaled_by_the_number_of_inputs():
    """Norse scales them by the number of hidden neurons."""
    weights = draw(1000).lif0.input_weights
    assert weights.std().item() == pytest.approx(math.sqrt(2 / 2450), rel=0.01)
    torch.manual_seed(3)
    assert torch.allclose(weights, SNN().lif0.input_weights * math.sqrt(100 / 2450))
    smaller = draw(1000, sensor_size=(64, 64, 1), hidden_size=50).lif0.input_weights
    assert smaller.shape == (50, 4096)
    assert smaller.std().item() == pytest.approx(math.sqrt(2 / 4096), rel=0.01)


def test_recurrent_weights_shrink_with_the_root_of_the_time_step_below_1_ms():
    at_1_ms, at_2_ms, at_90_us = (
        draw(window).lif0.recurrent_weights for window in (1000, 2000, 90)
    )
    assert torch.equal(at_2_ms, at_1_ms)
    assert torch.allclose(at_90_us, 0.3 * at_1_ms)
    assert at_1_ms.std().item() == pytest.approx(math.sqrt(2 / 100), rel=0.02)


@pytest.mark.parametrize(("time_window", "slope"), [(300, 0.3), (1000, 1.0), (2000, 1.0)])
def test_time_window_sets_the_time_step_and_the_surrogate_slope(time_window, slope):
    snn = draw(time_window)
    assert snn.dt == snn.lif0.dt == snn.readout.dt == pytest.approx(1e-6 * time_window)
    assert snn.surrogate_slope == pytest.approx(slope)


@pytest.mark.slow
def test_seed_fixes_the_losses_to_the_last_bit_here_and_in_another_process():
    script = (
        "from pokersnn_helpers import train_classifier\n"
        "from pokersnn_helpers.simulation import simulate_pokerdvs\n"
        "data = simulate_pokerdvs(n_train=8, n_test=4)\n"
        "print(train_classifier(data, seed=3, device='cpu', epochs=4)[1].loss)"
    )
    few = simulate_pokerdvs(n_train=8, n_test=4)
    _, here = train_classifier(few, seed=3, device="cpu", epochs=4)
    _, other = train_classifier(few, seed=4, device="cpu", epochs=4)
    elsewhere = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert str(here.loss) == elsewhere.stdout.strip()
    assert here.loss != other.loss
    assert here.loss[-1] < here.loss[0]


@pytest.fixture(scope="module")
def plain(simulated):
    """The test loss after an epoch by the recipe."""
    return train_classifier(simulated, device="cpu", epochs=1, network=FastSNN)[1].test_loss


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 0.01},
        {"clip_norm": None},
        {"ema_decay": 0.0},
        {"augment": "none"},
        {"batch_size": 16},
        {"hidden_size": 90},
        {"time_window": 2000},
        {"network": FastSNN, "time_window": 2000},
    ],
)
def test_every_number_of_the_recipe_is_an_argument(simulated, plain, change):
    options = {"network": FastSNN, **change}
    assert train_classifier(simulated, device="cpu", epochs=1, **options)[1].test_loss != plain


def test_time_window_is_a_number_above_0():
    with pytest.raises(ValueError, match="time_window is -1; choose a finite number greater than"):
        build_network(time_window=-1)


def test_fifteen_epochs_classify_most_test_recordings_correctly(data):
    _, history = train_classifier(data, device="cpu", network=FastSNN, epochs=15)
    assert history.test_accuracy[-1] >= 0.75


def test_function_that_makes_an_snn_begins_with_the_weights_of_the_recipe():
    torch.manual_seed(3)
    made = build_network(lambda input_size: SNN(input_size))
    assert torch.equal(made.lif0.input_weights, draw(1000).lif0.input_weights)


def test_what_a_partial_fixes_stays_fixed():
    network = build_network(partial(SNN, output_size=9, tau_mem=0.02), hidden_size=5)
    assert network.linear.out_features == 9
    assert network.arguments["tau_mem"] == 0.02 and network.arguments["hidden_size"] == 5
