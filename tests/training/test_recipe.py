import math
import subprocess
import sys
from functools import cache, partial

import numpy as np
import pytest
import torch
from readers_networks import Dense

from eventdesk.models.layered import LayerThenSNN
from pokersnn_helpers import (
    SNN,
    FastSNN,
    Recordings,
    Split,
    augment,
    build_network,
    load_checkpoint,
    save_checkpoint,
    train_classifier,
)
from pokersnn_helpers.events.recordings import POKERDVS_CLASSES, make_events
from pokersnn_helpers.networks.initial_network import exact_decays
from pokersnn_helpers.simulation import simulate_pokerdvs
from pokersnn_helpers.training.recipe import choose_recipe


def draw(time_window, **sizes):
    torch.manual_seed(3)
    return build_network(time_window=time_window, **sizes)


def recordings_of(ms, classes=("left", "right")):
    """A recording of each class, whose two events are at the left edge."""
    events = make_events((0, 1000 * ms), 1, 0, 0)
    targets = range(len(classes))
    return Recordings([events] * len(classes), targets, classes, (20, 20, 2))


# ---- What is chosen ----


@pytest.mark.parametrize(
    ("classes", "augment"),
    [
        (POKERDVS_CLASSES, "mirror"),
        (POKERDVS_CLASSES[::-1], "shift"),
        (POKERDVS_CLASSES[:2], "shift"),
        (("left", "right"), "shift"),
    ],
)
def test_cards_are_mirrored_and_nothing_else_is(classes, augment):
    assert choose_recipe(recordings_of(9, classes)).augment == augment


@pytest.mark.parametrize(
    ("count", "batch_size", "learning_rate"), [(199, 8, 0.001), (200, 32, 0.002)]
)
def test_large_sets_are_learned_in_larger_batches_at_twice_the_learning_rate(
    count, batch_size, learning_rate
):
    recipe = choose_recipe(recordings_of(9).subset([0] * count))
    assert (recipe.batch_size, recipe.learning_rate) == (batch_size, learning_rate)


@pytest.mark.filterwarnings("ignore:the loss has climbed")
@pytest.mark.parametrize(
    ("classes", "columns"), [(POKERDVS_CLASSES, {0, 1, 2, 17, 18, 19}), (("a", "b"), {0, 1, 2})]
)
def test_a_mirror_makes_no_left_of_right_in_training(classes, columns):
    """What a network is shown of events in column 1: mirrored, it would be column 18."""
    seen = set()

    class Watching(Dense):
        def forward(self, frames):
            seen.update(frames.nonzero()[:, -1].tolist())
            return super().forward(frames)

    train_classifier(recordings_of(9, classes), network=Watching, epochs=15, device="cpu")
    assert seen == columns


@pytest.mark.parametrize(
    ("ms", "time_window", "slope"), [(9, 1000, 1), (399, 1000, 0.25), (9, 300, 0.3), (9, 2000, 1)]
)
def test_surrogate_slope_shrinks_in_fine_and_in_many_time_steps(ms, time_window, slope):
    """In 300 steps of 1 ms, gradients exploded to 1e5."""
    recipe = choose_recipe(recordings_of(ms), time_window=time_window)
    assert recipe.surrogate_slope == pytest.approx(slope)


def test_recipe_is_the_one_chosen_and_that_of_the_checkpoint(tmp_path, simulated):
    for given in ({}, {"time_window": 2000, "augment": "none", "batch_size": 16}):
        options = {"epochs": 1, **given}
        classifier, _ = train_classifier(simulated, network=FastSNN, device="cpu", **options)
        recipe = choose_recipe(simulated.train, network="FastSNN", **options)
        assert classifier.recipe == recipe
        assert classifier.snn.surrogate_slope == recipe.surrogate_slope
        assert classifier.time_window == recipe.time_window
        path = tmp_path / "classifier.pt"
        save_checkpoint(classifier, path)
        assert load_checkpoint(path, "cpu", FastSNN).recipe == recipe


@pytest.fixture(scope="module")
def test_loss(simulated):
    """Return a function that trains for an epoch by a changed recipe."""
    few = Split(simulated.train[::2], simulated.test)

    @cache
    def train(**change):
        _, history = train_classifier(few, network=FastSNN, device="cpu", epochs=1, **change)
        return history.test_loss

    return train


@pytest.mark.parametrize(
    "change",
    [
        {"learning_rate": 0.01},
        {"clip_norm": None},
        {"augment": "shift"},
        {"augment": torch.zeros_like},
        {"batch_size": 16},
        {"hidden_size": 90},
        {"time_window": 2000},
        {"settle": 0.02},
    ],
)
def test_every_number_of_the_recipe_is_an_argument(test_loss, change):
    assert test_loss(**change) != test_loss()


def test_unknown_augmentation_and_time_window_are_refused(simulated):
    for wrong in ("flip", -1):
        with pytest.raises(ValueError, match=f"augment is {wrong!r}; choose none, shift or mirror"):
            train_classifier(simulated, augment=wrong)
    with pytest.raises(TypeError, match=r"frames are of type NoneType; give a torch\.Tensor"):
        augment(None)
    with pytest.raises(ValueError, match="time_window is -1; choose a finite number greater than"):
        train_classifier(simulated, time_window=-1)


# ---- What training begins with ----


def test_initial_input_weights_are_scaled_by_the_number_of_inputs():
    """Norse scales them by the number of hidden neurons."""
    weights = draw(1000).lif0.input_weights
    torch.manual_seed(3)
    assert torch.allclose(weights, SNN().lif0.input_weights * math.sqrt(100 / 2450))
    smaller = draw(1000, sensor_size=(64, 64, 1), hidden_size=50).lif0.input_weights
    assert smaller.shape == (50, 4096)
    assert smaller.std().item() == pytest.approx(math.sqrt(2 / 4096), rel=0.01)


def initial_input_weights(events_per_ms):
    """Those that training begins with, of recordings of 10 ms and 800 inputs."""
    times = np.linspace(0, 9000, round(10 * events_per_ms))
    recordings = Recordings([make_events(times, 1, 0, 0)] * 2, [0, 1], ("a", "b"), (20, 20, 2))
    kept = []

    def keep(trainer):
        kept.append(trainer.classifier.snn.lif0.input_weights.detach().clone())

    train_classifier(recordings, network=FastSNN, epochs=1, device="cpu", callback=keep)
    return kept[0]


def test_input_weights_grow_with_the_root_of_how_rare_events_are():
    """From 0.005 events per ms and input downwards, here 4 per ms."""
    usual, rare, rarer = map(initial_input_weights, (8, 4 / 4, 4 / 10))
    assert torch.allclose(rare, 2 * usual)
    assert torch.allclose(rarer, math.sqrt(10) * usual)


def test_recurrent_weights_shrink_with_the_root_of_the_time_step_below_1_ms():
    expected = draw(1000).lif0.recurrent_weights
    assert expected.std().item() == pytest.approx(math.sqrt(2 / 100), rel=0.02)
    assert torch.equal(draw(2000).lif0.recurrent_weights, expected)
    assert torch.allclose(draw(90).lif0.recurrent_weights, 0.3 * expected)


def test_function_that_makes_an_snn_begins_with_the_weights_of_the_recipe():
    torch.manual_seed(3)
    made = build_network(lambda input_size: SNN(input_size))
    assert torch.equal(made.lif0.input_weights, draw(1000).lif0.input_weights)


def test_what_a_partial_fixes_stays_fixed():
    network = build_network(partial(SNN, output_size=9, tau_mem=0.02), hidden_size=5)
    assert network.linear.out_features == 9
    assert network.arguments["tau_mem"] == 0.02
    assert network.arguments["hidden_size"] == 5


class OwnSignature(SNN):
    """Neither time step nor time constants are arguments."""

    def __init__(self, output_size, neurons=7):
        super().__init__(hidden_size=neurons, output_size=output_size)


class PassesOn(SNN):
    def __init__(self, neurons=7, **arguments):
        super().__init__(hidden_size=neurons, **arguments)


@pytest.mark.parametrize("network", [OwnSignature, PassesOn])
def test_subclass_with_arguments_of_its_own_is_built_and_trained(network, simulated):
    assert build_network(network, neurons=9).lif0.hidden_size == 9
    classifier, history = train_classifier(simulated, network=network, epochs=1, device="cpu")
    assert classifier.snn.lif0.hidden_size == 7
    assert len(history.loss) == 1


def test_subclass_that_passes_arguments_on_is_given_those_of_the_time_bins(simulated):
    options = {"network": PassesOn, "time_window": 12_000, "epochs": 1, "device": "cpu"}
    classifier, _ = train_classifier(simulated.test, **options)
    assert classifier.snn.dt == 0.012
    assert exact_decays(PassesOn, 12_000).items() <= classifier.snn.arguments.items()
    assert len(exact_decays(PassesOn, 12_000)) == 4


# ---- Wide time bins ----


class Leaky(torch.nn.Module):
    """A reader's network, with a time constant of its own."""

    time_constants = {"tau": 0.02, "tau_of_another": 0.001}  # noqa: RUF012

    def __init__(self, tau=0.02):
        super().__init__()


@pytest.mark.parametrize("width", [1000, 2400, 2600, 4000, 20_000])
def test_wide_time_bins_decay_exactly_and_narrow_ones_as_the_book_says(width):
    dt = width / 1e6
    for network, name, tau in (
        (FastSNN, "readout_tau_syn", 0.005),
        (LayerThenSNN, "tau_mem", 0.01),
        (Leaky, "tau", 0.02),
    ):
        decay = 1 - dt / exact_decays(network, width).get(name, tau)
        assert decay == pytest.approx(math.exp(-dt / tau) if dt > tau / 4 else 1 - dt / tau)


def test_time_constants_that_are_no_arguments_or_fixed_stay():
    assert set(exact_decays(Leaky, 20_000)) == {"tau"}
    assert exact_decays(partial(Leaky, tau=0.01), 20_000) == {}
    assert exact_decays(OwnSignature, 20_000) == {}


# ---- The whole ----


SCRIPT = """
from pokersnn_helpers import train_classifier
from pokersnn_helpers.simulation import simulate_pokerdvs
data = simulate_pokerdvs(n_train=8, n_test=4)
classifier, history = train_classifier(data, seed=3, device="cpu", epochs=4)
print(history.loss)
"""


@pytest.mark.slow
def test_seed_fixes_the_losses_to_the_last_bit_here_and_in_another_process():
    data = simulate_pokerdvs(n_train=8, n_test=4)
    (_, here), (_, other) = (
        train_classifier(data, seed=seed, device="cpu", epochs=4) for seed in (3, 4)
    )
    command = [sys.executable, "-c", SCRIPT]
    elsewhere = subprocess.run(command, capture_output=True, text=True, check=True)
    assert str(here.loss) == elsewhere.stdout.strip()
    assert here.loss != other.loss
    assert here.loss[-1] < here.loss[0]


def test_a_network_whose_time_step_is_fixed_is_trained_with_it():
    class Fixed(Dense):
        dt = 0.003

    classifier, _ = train_classifier(recordings_of(100), network=Fixed, epochs=1, device="cpu")
    assert classifier.recipe.time_window == 3000
