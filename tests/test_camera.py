from dataclasses import replace

import numpy as np
import pytest

from pokersnn_helpers.camera import EventCamera

IDEAL = EventCamera(on_threshold=0.2, off_threshold=0.2)


def film(camera, light, step=100, seed=0):
    """Film ``light``, of shape (T,) for one pixel or (T, y, x)."""
    scenes = np.asarray(light, dtype=float)
    if scenes.ndim == 1:
        scenes = scenes.reshape(-1, 1, 1)
    return camera.record(scenes, step, np.random.default_rng(seed))


def pixels(light, count=400):
    """Let every one of many pixels see the same."""
    return np.tile(np.asarray(light, dtype=float).reshape(-1, 1, 1), (1, 1, count))


def test_constant_light_makes_no_event():
    assert len(film(IDEAL, np.full(50, -0.7))) == 0


@pytest.mark.parametrize(("change", "polarity"), [(1.0, 1), (-1.0, 0)])
def test_an_edge_makes_as_many_events_as_it_is_thresholds_deep(change, polarity):
    events = film(IDEAL, pixels(np.linspace(0, change, 40)))
    assert set(events[:, 3]) == {polarity}
    # 1.0 / 0.2; one less where a pixel first has to make up for the other polarity.
    assert set(np.bincount(events[:, 1])) == {4, 5}


def test_events_are_stamped_when_the_threshold_is_crossed():
    """Light rises by 0.1 a step of 100 µs, so a pixel's events are 200 µs apart."""
    events = film(IDEAL, pixels(np.arange(0, 3, 0.1), count=20))
    for x in range(20):
        times = events[events[:, 1] == x, 0]
        assert np.abs(np.diff(times) - 200).max() <= 1


def test_what_a_step_holds_is_in_order_and_on_the_sensor():
    rng = np.random.default_rng(1)
    events = film(replace(IDEAL, jitter=50, noise=100), rng.normal(0, 0.5, (30, 5, 7)))
    assert np.all(np.diff(events[:, 0]) >= 0)
    assert events[:, 1].max() == 6 and events[:, 2].max() == 4


def test_seed_fixes_every_event():
    camera = replace(IDEAL, mismatch=0.3, jitter=50, noise=100)
    light = pixels(np.linspace(0, -1, 40), count=30)
    assert np.array_equal(film(camera, light, seed=3), film(camera, light, seed=3))
    assert not np.array_equal(film(camera, light, seed=3), film(camera, light, seed=4))


def test_a_higher_off_threshold_makes_fewer_off_events():
    light = pixels(np.concatenate([np.linspace(0, -1.2, 40), np.linspace(-1.2, 0, 40)]))
    polarity = film(replace(IDEAL, off_threshold=0.4), light)[:, 3]
    assert (polarity == 1).sum() > 1.5 * (polarity == 0).sum()


def test_mismatch_makes_pixels_differ():
    light = pixels(np.linspace(0, -1, 40))
    uneven, even = film(replace(IDEAL, mismatch=0.3), light), film(IDEAL, light)
    assert np.ptp(np.bincount(even[:, 1])) == 1
    assert np.ptp(np.bincount(uneven[:, 1], minlength=400)) > 3


def test_response_delays_events_and_more_so_in_the_dark():
    dims, brightens = pixels([0] + 100 * [-1]), pixels([-1] + 100 * [0])
    slow = replace(IDEAL, bright_response=300, dark_response=1200)
    assert np.median(film(slow, dims)[:, 0]) > np.median(film(IDEAL, dims)[:, 0]) + 100
    # The last events of a fall come in the dark, those of a rise in the light.
    assert film(slow, dims)[-1, 0] > 1.5 * film(slow, brightens)[-1, 0]


def test_refractory_time_parts_the_events_of_a_pixel():
    camera = replace(IDEAL, refractory=250)
    events = film(camera, pixels(np.linspace(0, -3, 20), count=10))
    assert len(events)
    for x in range(10):
        assert np.diff(events[events[:, 1] == x, 0]).min() >= 249
    assert len(events) < len(film(IDEAL, pixels(np.linspace(0, -3, 20), count=10)))


def test_burst_reads_neighbours_in_time_together():
    light = pixels(np.linspace(0, -1, 40))
    apart, together = (film(replace(IDEAL, burst=share), light)[:, 0] for share in (0, 1))
    assert len(apart) == len(together) and np.all(np.diff(together) >= 0)
    assert np.mean(np.diff(together) == 0) > 1.2 * np.mean(np.diff(apart) == 0)


def test_noise_comes_at_its_rate_with_both_polarities():
    still = np.zeros((1001, 20, 20))  # 0.1 s of 400 pixels
    events = film(replace(IDEAL, noise=50), still)
    assert len(events) == pytest.approx(2000, rel=0.1)
    assert events[:, 3].mean() == pytest.approx(0.5, abs=0.05)


def test_leak_makes_on_events_at_its_rate():
    still = np.zeros((1001, 20, 20))
    events = film(replace(IDEAL, leak=4), still)  # a threshold of 0.2 every 50 ms
    assert set(events[:, 3]) == {1}
    later = events[events[:, 0] >= 50_000]  # a pixel's first event may take longer
    assert len(later) == pytest.approx(400, rel=0.1)
