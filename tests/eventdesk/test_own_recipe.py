"""What is chosen for recordings of one's own, and how far the detector's delays reach."""

import pytest

from eventdesk.models.detector import detector
from pokersnn_helpers import Recordings
from pokersnn_helpers.events.recordings import make_events
from pokersnn_helpers.training.recipe import choose_recipe


def recordings_of(ms, number=4, size=(34, 34)):
    events = make_events((0, 1000 * ms), 0, 0, 0)
    return Recordings([events] * number, [0] * number, ("a", "b"), (*size, 2))


def test_the_median_recording_has_about_50_time_bins():
    widths = {0: 100, 17: 500, 100: 2000, 306: 5000, 425: 10_000, 1e5: 50_000}
    chosen = {ms: choose_recipe(recordings_of(ms)).time_window for ms in widths}
    assert chosen == widths


@pytest.mark.parametrize(
    ("number", "epochs", "batch"),
    [
        (4, 60, 8),
        (199, 40, 8),
        (200, 60, 32),
        (1000, 32, 32),
        pytest.param(20_000, 3, 32, marks=pytest.mark.slow),
    ],
)
def test_many_recordings_are_passed_over_less_often_and_few_in_small_batches(number, epochs, batch):
    recipe = choose_recipe(recordings_of(1, number))
    assert recipe.epochs == epochs
    assert recipe.batch_size == batch


@pytest.mark.parametrize(
    ("size", "augment"), [((15, 15), "none"), ((16, 16), "shift"), ((64, 4), "none")]
)
def test_small_sensors_are_not_shifted(size, augment):
    assert choose_recipe(recordings_of(1, size=size)).augment == augment


@pytest.mark.parametrize(
    ("width", "steps"),
    [
        (1000, [0, 10, 20, 40]),
        (3000, [0, 3, 7, 13]),
        (5000, [0, 2, 4, 8]),
    ],
)
def test_delays_of_the_detector_reach_as_far_in_narrow_time_bins_and_are_whole_ones(width, steps):
    network = detector(width, usual=5000)(dt=width / 1e6)
    assert network.steps == steps
    assert float(network.snn.lif0.p.tau_mem_inv) == pytest.approx(40)


@pytest.mark.parametrize(("width", "slowest"), [(1000, 0.005), (10_000, 0.01), (20_000, 0.02)])
def test_times_of_the_detector_grow_with_wide_time_bins(width, slowest):
    network = detector(width)(dt=width / 1e6)
    assert network.steps == [0, 2, 4, 8]
    cell = network.snn.lif0
    assert cell.dt * float(cell.p.tau_mem_inv) == pytest.approx(1 / 5)
    assert float(network.snn.readout.p.tau_syn_inv) == pytest.approx(1 / slowest)
