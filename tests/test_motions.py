"""Films of six motions: what a sum can't tell, and what copies and backward films are."""

import numpy as np
import pytest
import torch

from pokersnn_helpers import Recordings, to_frames
from pokersnn_helpers.simulation.motions import (
    EDGE,
    MOTIONS,
    OPPOSITE,
    SHAPES,
    film_dots,
    film_motions,
    film_path,
    random_dots,
    random_path,
    with_mirrored_copies,
)
from pokersnn_helpers.study.models import LayerThenSNN, delay_copies


def centre_of_events(events):
    """Return where the events are in each tenth of a film, from the middle, (10, 2)."""
    parts = np.array_split(events, 10)
    return np.array([[part["x"].mean() - 17, part["y"].mean() - 17] for part in parts])


def motion_of(events):
    """Tell a straight motion without a network: by the way of the events' centre."""
    x, y = np.diff(centre_of_events(events), axis=0).mean(axis=0)
    return int(np.argmax([-x, x, -y, y]))


@pytest.mark.parametrize("shape", SHAPES)
def test_films_show_the_motion_that_their_class_says(shape):
    films = film_motions(12, seed=5, shape=shape)
    straight = [n for n in range(12) if films.targets[n] < 4]
    assert [motion_of(films.events[n]) for n in straight] == [films.targets[n] for n in straight]
    circles = [films.events[n] for n in range(12) if films.targets[n] >= 4]
    assert all(np.abs(np.ptp(centre_of_events(events), axis=0)).min() > 3 for events in circles)


def test_clockwise_is_what_a_clock_does():
    x, y = random_path("clockwise", np.random.default_rng(0))
    x, y = x - x.mean(), y - y.mean()
    assert (x[:-1] * y[1:] - y[:-1] * x[1:]).mean() > 0  # y points down


@pytest.mark.parametrize("motion", MOTIONS)
def test_dots_move_as_their_motion_says_and_leave_no_frame_empty(motion):
    for seed in range(20):
        dots = random_dots(motion, np.random.default_rng(seed))
        steps = np.diff(dots, axis=2)
        if motion in MOTIONS[:4]:
            assert (np.abs(dots) <= EDGE).all()
            steps = (steps + EDGE) % (2 * EDGE) - EDGE  # what leaves comes back
            expected = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}[motion]
            speed = np.hypot(*steps[0, :, 0])
            assert 0.035 <= speed <= 0.1  # pixels per 0.1 ms
            np.testing.assert_allclose(
                steps, np.broadcast_to(speed * np.reshape(expected, (2, 1)), steps.shape), atol=1e-9
            )
        else:
            x, y = dots[:, :, :-1].swapaxes(0, 1)
            turn = x * steps[:, 1] - y * steps[:, 0]  # y points down
            assert (turn > 0).all() if motion == "clockwise" else (turn < 0).all()
            np.testing.assert_allclose(np.hypot(x, y), np.hypot(x, y)[:, :1].repeat(x.shape[1], 1))
        assert 6 <= len(dots) <= 12


def test_several_shapes_are_filmed_as_one_scene():
    rng = np.random.default_rng
    there, elsewhere = np.full((2, 100), -8.0), np.full((2, 100), 30.0)  # that is out of sight
    there[0] += np.arange(100) / 10
    one = film_path(there, 3, rng(0))
    both = film_path(np.stack([elsewhere, there]), np.array([2, 3]), rng(0))
    np.testing.assert_array_equal(one, both)
    assert len(film_path(np.stack([there, -there]), 3, rng(0))) > 1.5 * len(one)


def test_start_and_sum_of_dots_tell_no_direction():
    there, back = (film_dots(30, seed=3, backwards=way) for way in (False, True))
    for one, other in zip(there.events, back.events, strict=True):
        first = one[one["t"] < 4000]
        assert np.ptp(first["x"]) > 15 or np.ptp(first["y"]) > 15  # they are everywhere
        sums = [to_frames(events, 1e9)[0].sum(0) for events in (one, other)]
        both = torch.stack([each.flatten() for each in sums])
        assert torch.corrcoef(both)[0, 1] > 0.8  # the same pixels, in the opposite order


def test_backward_films_go_the_same_way_back():
    there, back = (film_motions(6, seed=3, backwards=way) for way in (False, True))
    for one, other, target in zip(there.events, back.events, there.targets, strict=True):
        if target < 4:
            assert motion_of(other) == OPPOSITE[target]
        sums = [to_frames(events, 1e9)[0].sum(0) for events in (one, other)]
        both = torch.stack([each.flatten() for each in sums])
        assert torch.corrcoef(both)[0, 1] > 0.9  # the same pixels, in the opposite order


def test_copies_have_the_class_of_what_they_show():
    films = film_motions(6, seed=1)
    copies = with_mirrored_copies(films)
    assert len(copies) == 48
    assert len({events.tobytes() for events in copies.events}) == 48
    assert sorted(copies.targets) == sorted(8 * films.targets)
    shown = [n for n in range(48) if copies.targets[n] < 4]
    assert [motion_of(copies.events[n]) for n in shown] == [copies.targets[n] for n in shown]
    turns = {4: [], 5: []}
    for events, target in copies:
        if target >= 4:
            way = centre_of_events(events)
            way = way - way.mean(axis=0)
            turns[target].append((way[:-1, 0] * way[1:, 1] - way[:-1, 1] * way[1:, 0]).mean())
    assert min(turns[4]) > 0 > max(turns[5])


def test_seed_fixes_all_and_another_changes_all():
    one, same, other = (film_motions(6, seed, duration=(5, 8)) for seed in (0, 0, 1))
    for events, again, new in zip(one.events, same.events, other.events, strict=True):
        np.testing.assert_array_equal(events, again)
        assert not np.array_equal(events, new)


def others(sensor_size, classes=MOTIONS):
    return Recordings(film_motions(1).events, [0], tuple(classes), sensor_size)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda rng: random_path("sideways", rng), "motion is 'sideways'; choose one of left"),
        (lambda rng: random_path("left", rng, (0, 40)), "shortest is 0"),
        (lambda rng: random_dots("sideways", rng), "motion is 'sideways'; choose one of left"),
        (lambda rng: film_path(np.zeros((2, 9)), 4, rng, shape="cat"), "shape is 'cat'; choose"),
        (lambda rng: film_path(np.zeros((2, 9)), -1, rng), "radius is -1"),
        (lambda rng: film_path(np.zeros((2, 2, 9)), [4, 0], rng), "radius is 0"),
        (lambda rng: film_motions(0), "count is 0"),
        (lambda rng: film_dots(0), "count is 0"),
        (lambda rng: film_motions(1.5), r"count is 1\.5; choose a whole number"),
        (lambda rng: with_mirrored_copies(others((40, 35, 2))), "40 × 35 pixels; turned films"),
        (
            lambda rng: with_mirrored_copies(others((35, 35, 2), "ab")),
            "the classes are a, b; begin",
        ),
    ],
)
def test_refuses_what_cannot_be_filmed(call, reason):
    with pytest.raises(ValueError, match=reason):
        call(np.random.default_rng(0))


def test_delays_shift_features_and_pad_with_silence():
    features = torch.rand(7, 2, 3)
    late = delay_copies(features, (0, 2, 9))
    assert torch.equal(late[..., :3], features)
    assert torch.equal(late[2:, :, 3:6], features[:-2]) and not late[:2, :, 3:6].any()
    assert not late[..., 6:].any()  # later than the recording is long


def test_delays_are_seconds_whatever_the_time_step():
    for dt, steps in ((0.001, [0, 4, 8]), (0.0005, [0, 8, 16])):
        assert LayerThenSNN(dt=dt, delays=(0, 0.004, 0.008)).steps == steps
    with pytest.raises(ValueError, match=r"delays\[1\] is -0.001"):
        LayerThenSNN(delays=(0, -0.001))
