"""Films of motions: what a sum can't tell, and what copies and backward films are."""

from collections import Counter

import numpy as np
import pytest
import torch

from pokersnn_helpers import Recordings, to_frames
from pokersnn_helpers.simulation.motions import (
    COURSES,
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

STRAIGHT = {
    motion: np.divide(way, np.hypot(*way)) for motion, (*way, turn) in COURSES.items() if not turn
}


def centre_of_events(events):
    """Return where the events are in each tenth of a film, from the middle, (10, 2)."""
    parts = np.array_split(events, 10)
    return np.array([[part["x"].mean() - 17, part["y"].mean() - 17] for part in parts])


def assert_straight_ones_move(films, names):
    """Tell a straight motion without a network: by the way of the events' centre."""
    for events, target in films:
        if names[target] in STRAIGHT:
            way = np.diff(centre_of_events(events), axis=0).mean(axis=0)
            assert max(STRAIGHT, key=lambda name: np.dot(STRAIGHT[name], way)) == names[target]


def assert_same_pixels_in_opposite_order(there, back, least):
    for one, other in zip(there.events, back.events, strict=True):
        sums = [to_frames(events, 1e9)[0].sum(0).flatten() for events in (one, other)]
        assert torch.corrcoef(torch.stack(sums))[0, 1] > least


def test_motions_are_those_of_the_pages():
    assert MOTIONS[:6] == ("left", "right", "up", "down", "clockwise", "counterclockwise")
    assert OPPOSITE[:6] == (1, 0, 3, 2, 5, 4)


@pytest.mark.parametrize("shape", SHAPES)
def test_films_show_the_motion_that_their_class_says(shape):
    films = film_motions(2 * len(MOTIONS), seed=5, shape=shape)
    assert_straight_ones_move(films, MOTIONS)
    circles = [events for events, target in films if MOTIONS[target] not in STRAIGHT]
    assert all(np.abs(np.ptp(centre_of_events(events), axis=0)).min() > 3 for events in circles)


@pytest.mark.parametrize("motion", MOTIONS)
def test_paths_and_dots_move_as_their_motion_says_at_any_place(motion):
    right, down, turn = COURSES[motion]
    starts = set()
    for seed in range(20):
        rng = np.random.default_rng(seed)
        path, dots = random_path(motion, rng), random_dots(motion, rng)
        steps, moved = np.diff(dots, axis=2), np.diff(path)
        starts.add(tuple(path[:, 0].round()))
        assert 6 <= len(dots) <= 12
        if turn:  # y points down
            x, y = path - path.mean(axis=1, keepdims=True)
            assert turn * (x[:-1] * y[1:] - y[:-1] * x[1:]).mean() > 0
            x, y = dots[:, :, :-1].swapaxes(0, 1)
            assert (turn * (x * steps[:, 1] - y * steps[:, 0]) > 0).all()
            assert np.ptp(np.hypot(x, y), axis=1).max() < 1e-9
        else:
            way = np.reshape((right, down), (2, 1))
            assert (np.sign(moved) == np.sign(way)).all() and np.hypot(*moved).sum() > 45
            assert (np.abs(dots) <= EDGE).all()
            steps = (steps + EDGE) % (2 * EDGE) - EDGE  # what leaves comes back
            speed = np.abs(steps[0]).max()
            assert 0.035 <= speed <= 0.1  # pixels per 0.1 ms
            assert np.abs(steps - speed * way).max() < 1e-9
    assert len(starts) > 4


def test_several_shapes_are_filmed_as_one_scene():
    rng = np.random.default_rng
    there, elsewhere = np.full((2, 100), -8.0), np.full((2, 100), 30.0)  # that is out of sight
    there[0] += np.arange(100) / 10
    one = film_path(there, 3, rng(0))
    both = film_path(np.stack([elsewhere, there]), np.array([2, 3]), rng(0))
    np.testing.assert_array_equal(one, both)
    assert len(film_path(np.stack([there, -there]), 3, rng(0))) > 1.5 * len(one)


@pytest.mark.slow
def test_start_and_sum_of_dots_tell_no_direction():
    there, back = (film_dots(30, seed=3, backwards=way) for way in (False, True))
    for events in there.events:
        first = events[events["t"] < 4000]
        assert np.ptp(first["x"]) > 15 or np.ptp(first["y"]) > 15  # they are everywhere
    assert_same_pixels_in_opposite_order(there, back, 0.8)


def test_backward_films_go_the_same_way_back():
    there, back = (film_motions(len(MOTIONS), seed=3, backwards=way) for way in (False, True))
    assert there.targets == back.targets
    assert_straight_ones_move(back, np.take(MOTIONS, OPPOSITE))
    assert_same_pixels_in_opposite_order(there, back, 0.9)


def test_copies_have_the_class_of_what_they_show():
    films = film_motions(len(MOTIONS), seed=1)
    copies = with_mirrored_copies(films)
    assert len({events.tobytes() for events in copies.events}) == 8 * len(films)
    assert Counter(copies.targets) == dict.fromkeys(films.targets, 8)
    assert_straight_ones_move(copies, MOTIONS)


def others(sensor_size, classes=MOTIONS):
    return Recordings(film_motions(1).events, [0], classes, sensor_size)


def test_classes_may_be_in_any_order_and_those_that_look_the_same_stay_what_they_are():
    still = others((35, 35, 2), ("still", *MOTIONS))
    assert with_mirrored_copies(still, same=["still"]).targets == 8 * [0]
    turned = with_mirrored_copies(others((35, 35, 2), MOTIONS[5::-1]))
    assert Counter(turned.targets) == {0: 4, 1: 4}  # counterclockwise and clockwise


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda rng: random_path("sideways", rng), "motion is 'sideways'; choose one of left"),
        (lambda rng: film_path(np.zeros((2, 9)), 4, rng, shape="cat"), "shape is 'cat'; choose"),
        (lambda rng: film_dots(0), "count is 0"),
        (lambda rng: film_motions(1, seed=-1), "seed is -1"),
        (lambda rng: with_mirrored_copies(others((40, 35, 2))), "sensor_size"),
        (lambda rng: with_mirrored_copies(others((35, 35, 2), ("left",))), "of left has no class"),
        (lambda rng: with_mirrored_copies(others((35, 35, 2), ("wave",))), "name in same what"),
    ],
)
def test_refuses_what_cannot_be_filmed(call, reason):
    with pytest.raises(ValueError, match=reason):
        call(np.random.default_rng(0))
