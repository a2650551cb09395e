"""The models of "Your finger is the scene" are those that tools/motion_network.py trains."""

import json
import os

import motion_network
import numpy as np
import pytest
import torch
from motion_network import MOTIONS, OPPOSITE

from benchmarks.motions import MotionDetector
from pokersnn_helpers.simulation.motions import COURSES, film_motions


@pytest.fixture(scope="module")
def document():
    return motion_network.read()


@pytest.fixture(scope="module")
def models(document):
    return motion_network.models(document)


def test_everything_that_the_figure_transfers_is_small_enough():
    folder = motion_network.OUTPUT.parents[1]
    files = [folder / "motion.js", *folder.glob("motion/*.js"), *folder.glob("shared/*.js")]
    assert len(files) >= 8
    assert sum(file.stat().st_size for file in files) <= 100_000


def test_page_moves_and_films_the_disc_by_the_constants_of_the_simulator(document):
    equal = {"equal": document["settings"]["equal"]}
    assert document["settings"] == json.loads(json.dumps(motion_network.settings() | equal))
    made = MotionDetector()
    assert document["constants"] == motion_network.neuron_constants(made.snn)
    assert document["late"] == [0, 1, 2, 3, 4]


def test_models_survive_the_way_to_the_page():
    torch.manual_seed(0)
    made = MotionDetector(), motion_network.TIME_BLIND()
    again = motion_network.models(json.loads(json.dumps(motion_network.carried(*made))))
    for before, after in zip(made, again, strict=True):
        for name, weights in before.state_dict().items():
            away = (weights - after.snn.state_dict()[name]).abs()
            if weights.ndim == 1:  # of biases, which aren't rounded to whole steps
                assert (away <= 1e-5 * weights.abs()).all(), name
            else:
                steps = weights.flatten(1).abs().amax(dim=1) / 127
                assert (away.flatten(1) <= 0.5001 * steps[:, None]).all(), name


def test_models_are_as_accurate_as_the_command_measured(document, models):
    measured, equal = document["measured"], document["settings"]["equal"]
    for films, least in (("strokes", 0.9), ("discs", 0.98), ("dots", 0.98)):
        assert measured[f"spiking_{films}"] >= least, films
        assert measured[f"spiking_{films}_backwards"] >= least, films
        assert measured[f"time_blind_{films}"] <= 0.3, films  # else there is a shortcut
    assert measured["spiking_diagonals"] >= 0.7
    spiking, time_blind = models
    there, back = (
        motion_network.merged(film_motions(36, seed=7, backwards=way)) for way in (False, True)
    )
    targets = np.array(there.targets)
    opposite = np.take(OPPOSITE, targets)
    for films, expected in ((there, targets), (back, opposite)):
        found = motion_network.log_probabilities(spiking, films)
        assert motion_network.share(found, equal, expected) >= 0.95
        found = motion_network.log_probabilities(time_blind, films)
        assert motion_network.share(found, equal, targets, opposite) >= 0.6


def test_two_motions_answer_if_they_are_about_equal():
    shares = np.full((4, 6), 0.02)
    shares[0, 0], shares[1, [0, 2]] = 0.9, (0.5, 0.42)
    shares[2, [0, 2, 3]], shares[3, [0, 4]] = 0.3, (0.5, 0.42)
    found = motion_network.answers(np.log(shares), equal=0.4)
    assert [np.flatnonzero(each).tolist() for each in found] == [[0], [0, 2], [], [0]]
    assert motion_network.share(np.log(shares[:2]), 0.4, np.array([0, 0])) == 0.5
    assert motion_network.share(np.log(shares[1:2]), 0.4, np.array([2]), np.array([0])) == 1


def test_sum_of_a_stroke_has_as_many_events_where_it_began_as_where_it_ends():
    """With the fitted camera it is twice as many: a shortcut to the direction."""
    films = motion_network.film_strokes(60, seed=5, motions=("right",))
    counts = [np.bincount(events["x"]) for events in films.events]
    used = [count[count > 8] for count in counts]
    began, ended = (sum(count[end].sum() for count in used) for end in (np.s_[:4], np.s_[-4:]))
    assert 0.8 < began / ended < 1.25


def test_strokes_are_those_of_a_hand_on_the_pad():
    rng = np.random.default_rng(0)
    for motion in 5 * MOTIONS:
        path = motion_network.draw_stroke(motion, rng)
        assert 95 <= path.shape[1] <= 801
        steps = np.hypot(*np.diff(path, axis=1))
        assert steps.max() < 1.2  # no jump
        fits = np.ptp(path, axis=1) <= 2 * motion_network.EDGE
        assert (np.abs(path).max(axis=1)[fits] <= motion_network.EDGE + 1e-9).all()


@pytest.mark.parametrize("motion", MOTIONS[:4])
def test_straight_strokes_go_where_their_name_says(motion):
    rng, course = np.random.default_rng(2), COURSES[motion][:2]
    for _ in range(20):
        way = motion_network.draw_stroke(motion, rng)[:, [0, -1]] @ [-1, 1]
        assert way @ course > np.abs(way).sum() / 2


def test_diagonal_strokes_lie_between_their_two_motions():
    films, second = motion_network.film_diagonals(8, seed=0)
    for events, *both in zip(films.events, films.targets, second, strict=True):
        way = np.cov(np.stack([events[field] for field in "txy"]))[0, 1:]
        assert all(way @ COURSES[MOTIONS[each]][:2] > 0 for each in both)


def test_strokes_are_filmed_both_ways():
    there = motion_network.film_strokes(6, seed=3)
    back = motion_network.film_strokes(6, seed=3, backwards=True)
    assert there.targets == back.targets == [0, 1, 2, 3, 4, 5]
    assert len({len(events) for events in [*there.events, *back.events]}) > 6


@pytest.mark.skipif(not os.environ.get("POKERSNN_RETRAIN"), reason="takes ten minutes")
def test_command_makes_the_weights_in_the_repository(document, models):
    """On one machine they are equal. Another's rounding may move spikes, and thereby weights."""
    seed = document["seed"]
    films = motion_network.films_to_learn_from(seed)
    again = motion_network.models(motion_network.carried(*motion_network.train(films, seed)))
    for found, carried in zip(again, models, strict=True):
        for name, weights in found.snn.state_dict().items():
            both = torch.stack([weights.ravel(), carried.snn.state_dict()[name].ravel()])
            assert torch.corrcoef(both)[0, 1] > 0.8, name
