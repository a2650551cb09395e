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

STRAIGHT = {motion: course[:2] for motion, course in COURSES.items() if not course[2]}


def centre_of_events(events):
    """Return where the events are in each tenth of a film, from the middle, (10, 2)."""
    parts = np.array_split(events, 10)
    return np.array([[part["x"].mean() - 17, part["y"].mean() - 17] for part in parts])


def motion_of(events):
    """Tell a straight motion without a network: by the way of the events' centre."""
    way = np.diff(centre_of_events(events), axis=0).mean(axis=0)
    return MOTIONS.index(max(STRAIGHT, key=lambda motion: np.dot(STRAIGHT[motion], way)))


def straight(films):
    return [pair for pair in films if MOTIONS[pair[1]] in STRAIGHT]


def assert_same_pixels_in_opposite_order(there, back, least):
    for one, other in zip(there.events, back.events, strict=True):
        sums = [to_frames(events, 1e9)[0].sum(0).flatten() for events in (one, other)]
        assert torch.corrcoef(torch.stack(sums))[0, 1] > least


def test_motions_are_those_of_the_pages():
    assert MOTIONS[:6] == ("left", "right", "up", "down", "clockwise", "counterclockwise")
    assert [MOTIONS[number] for number in OPPOSITE[:6]] == [
        "right", "left", "down", "up", "counterclockwise", "clockwise"
    ]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_films_show_the_motion_that_their_class_says(shape):
    films = film_motions(2 * len(MOTIONS), seed=5, shape=shape)
    assert all(motion_of(events) == target for events, target in straight(films))
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
        if turn:  # y points down
            x, y = path - path.mean(axis=1, keepdims=True)
            assert turn * (x[:-1] * y[1:] - y[:-1] * x[1:]).mean() > 0
            x, y = dots[:, :, :-1].swapaxes(0, 1)
            assert (turn * (x * steps[:, 1] - y * steps[:, 0]) > 0).all()
            np.testing.assert_allclose(np.hypot(x, y), np.hypot(x, y)[:, :1].repeat(x.shape[1], 1))
            starts.add(round(float(np.arctan2(y[0, 0], x[0, 0]))))
        else:
            way = np.reshape((right, down), (2, 1))
            assert (np.sign(moved) == np.sign(way)).all() and 45 < np.hypot(*moved).sum() <= 50
            starts.add(round(float(path[:, 0] @ [abs(down), abs(right)])))
            assert (np.abs(dots) <= EDGE).all()
            steps = (steps + EDGE) % (2 * EDGE) - EDGE  # what leaves comes back
            speed = np.hypot(*steps[0, :, 0])
            assert 0.035 <= speed <= 0.1  # pixels per 0.1 ms
            expected = np.broadcast_to(speed * way, steps.shape)
            np.testing.assert_allclose(steps, expected, atol=1e-9)
        assert 6 <= len(dots) <= 12
    assert len(starts) > 4


def test_several_shapes_are_filmed_as_one_scene():
    rng = np.random.default_rng
    there, elsewhere = np.full((2, 100), -8.0), np.full((2, 100), 30.0)  # that is out of sight
    there[0] += np.arange(100) / 10
    one = film_path(there, 3, rng(0))
    both = film_path(np.stack([elsewhere, there]), np.array([2, 3]), rng(0))
    np.testing.assert_array_equal(one, both)
    assert len(film_path(np.stack([there, -there]), 3, rng(0))) > 1.5 * len(one)


@pytest.mark.parametrize("count", [1, 6, 9])
def test_a_path_may_have_any_number_of_shapes(count):
    """Each far from the others, so that each sends as many events as if it were alone."""
    rng = np.random.default_rng(0)
    x, y = np.meshgrid([-12.0, 0, 12], [-12.0, 0, 12])
    places = np.stack([x.flatten(), y.flatten()], 1)[:count, :, None] + np.linspace(0, 2, 80)
    events = film_path(places, 2, rng)
    for to_x, to_y in places.mean(2):
        near = np.hypot(events["x"] - 17 - to_x, events["y"] - 17 - to_y) < 5
        assert near.sum() > 10


def test_start_and_sum_of_dots_tell_no_direction():
    there, back = (film_dots(30, seed=3, backwards=way) for way in (False, True))
    for events in there.events:
        first = events[events["t"] < 4000]
        assert np.ptp(first["x"]) > 15 or np.ptp(first["y"]) > 15  # they are everywhere
    assert_same_pixels_in_opposite_order(there, back, 0.8)


def test_backward_films_go_the_same_way_back():
    there, back = (film_motions(len(MOTIONS), seed=3, backwards=way) for way in (False, True))
    assert there.targets == back.targets
    assert all(motion_of(events) == OPPOSITE[target] for events, target in straight(back))
    assert_same_pixels_in_opposite_order(there, back, 0.9)


def test_copies_have_the_class_of_what_they_show():
    films = film_motions(len(MOTIONS), seed=1)
    copies = with_mirrored_copies(films)
    assert len({events.tobytes() for events in copies.events}) == 8 * len(films)
    assert Counter(copies.targets) == dict.fromkeys(films.targets, 8)
    assert all(motion_of(events) == target for events, target in straight(copies))


def others(sensor_size, classes=MOTIONS, target=0):
    return Recordings(film_motions(1).events, [target], tuple(classes), sensor_size)


def test_classes_that_are_no_motions_stay_what_they_are():
    still = others((35, 35, 2), (*MOTIONS, "still"), len(MOTIONS))
    assert with_mirrored_copies(still).targets == 8 * [len(MOTIONS)]


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda rng: random_path("sideways", rng), "motion is 'sideways'; choose one of left"),
        (lambda rng: random_dots("sideways", rng), "motion is 'sideways'; choose one of left"),
        (lambda rng: film_path(np.zeros((2, 9)), 4, rng, shape="cat"), "shape is 'cat'; choose"),
        (lambda rng: film_dots(0), "count is 0"),
        (lambda rng: film_motions(1, seed=-1), "seed is -1"),
        (lambda rng: with_mirrored_copies(others((40, 35, 2))), "sensor_size"),
        (lambda rng: with_mirrored_copies(others((35, 35, 2), "ab")), "the classes are a, b; begi"),
    ],
)
def test_refuses_what_cannot_be_filmed(call, reason):
    with pytest.raises(ValueError, match=reason):
        call(np.random.default_rng(0))
