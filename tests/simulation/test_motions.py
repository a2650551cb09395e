"""Films of motions and gestures: what a sum can't tell, and what copies and backward films are."""

import numpy as np
import pytest
import torch

from benchmarks import motions
from pokersnn_helpers.simulation import gestures
from pokersnn_helpers.simulation.motions import (
    MOTIONS,
    film_motions,
    film_path,
    random_path,
)


def centre_of_events(events):
    """Return where the events are in each tenth of a film, from the middle, (10, 2)."""
    parts = np.array_split(events, 10)
    places = [(part["x"].mean(), part["y"].mean()) for part in parts]
    return np.array(places) - 17


def test_discs_before_one_another_cause_the_events_of_one_and_a_radius_too_many_is_refused():
    path = random_path("left", np.random.default_rng(2))
    one, same, two = (
        film_path(paths, radii, np.random.default_rng(0))
        for paths, radii in ((path, 4), ([path, path], 4), ([path, -path], [4, 3]))
    )
    assert np.array_equal(one, same)
    assert len(two) > 1.3 * len(one)
    with pytest.raises(ValueError, match="broadcast"):
        film_path(path, [4, 3], np.random.default_rng(0))


def test_films_show_the_motion_that_their_class_says():
    """Which is told without a network: by the way of the events' centre."""
    for events, target in film_motions(2 * len(MOTIONS), seed=5):
        way = centre_of_events(events)
        x, y = np.diff(way, axis=0).mean(axis=0)
        straight = {"left": -x, "right": x, "up": -y, "down": y}
        if MOTIONS[target] in straight:
            assert max(straight, key=straight.get) == MOTIONS[target]
        else:
            assert np.ptp(way, axis=0).min() > 3


@pytest.mark.parametrize(("motion", "turn"), [("clockwise", 1), ("counterclockwise", -1)])
def test_a_circle_turns_as_its_name_says(motion, turn):
    path = random_path(motion, np.random.default_rng(0))
    x, y = path - path.mean(axis=1, keepdims=True)
    angles = np.unwrap(np.arctan2(y, x))  # y points down
    assert turn * (angles[-1] - angles[0]) > 0


def test_whatever_single_frames_say_is_right_for_one_of_two_opposites_at_most():
    films = motions.to_films(motions.film_drifting(12, seed=3))
    torch.manual_seed(0)
    network = motions.SingleFrames()
    there = motions.answers(network, films) == films.targets
    back = motions.answers(network, motions.backwards(films)) == motions.backwards(films).targets
    assert not (there & back).any()
    torch.testing.assert_close(network(films.frames), network(films.frames.flip(0)))
    assert motions.share(network, motions.both_ways(films)) <= 0.5


@pytest.mark.parametrize(
    "films",
    [lambda: gestures.film_gestures(takes=1)[0].events, lambda: [gestures.film_session(["wave"])]],
)
def test_people_are_filmed_with_the_size_of_their_hand_and_at_their_pace(films, monkeypatch):
    """A larger hand and a faster one cause more events."""
    counts = []
    for dora in [(1, 200), (1.2, 200), (1, 120)]:
        monkeypatch.setattr(gestures, "PEOPLE", {"dora": dora})
        counts.append(sum(map(len, films())))
    usual, *others = counts
    assert min(others) > 1.1 * usual
