"""The models of "Your finger is the scene" are those that tools/motion_network.py trains."""

import json
import os

import motion_network
import numpy as np
import pytest
from motion_network import OPPOSITE
from test_card_network import assert_alike

from benchmarks.motions import MotionDetector
from pokersnn_helpers.simulation import motions


@pytest.fixture(scope="module")
def document():
    return motion_network.read()


@pytest.fixture(scope="module")
def models(document):
    return motion_network.models(document)


def test_page_moves_and_films_the_disc_by_the_constants_of_the_simulator(document):
    settings = json.loads(json.dumps(motion_network.settings()))
    assert settings.items() <= document["settings"].items()
    made = MotionDetector()
    assert document["constants"] == motion_network.neuron_constants(made.snn)
    assert document["late"] == [0, 1, 2, 3, 4]


def test_models_were_accurate_where_time_decides(document):
    measured = document["measured"]
    assert measured["spiking_strokes"] >= 0.9
    assert measured["spiking_strokes_backwards"] >= 0.9
    assert measured["time_blind_strokes"] <= 0.3  # else there is a shortcut


@pytest.mark.parametrize("backwards", [False, True])
def test_models_are_as_accurate_as_the_command_measured(document, models, backwards, monkeypatch):
    spiking, time_blind = models
    equal = document["settings"]["equal"]
    if backwards:
        there = motions.random_path
        monkeypatch.setattr(motions, "random_path", lambda *drawn: there(*drawn)[:, ::-1])
    films = motion_network.merged(motions.film_motions(36, seed=7))
    targets = np.array(films.targets)
    opposite = np.take(OPPOSITE, targets)
    answers = motion_network.log_probabilities(spiking, films)
    expected = opposite if backwards else targets
    assert motion_network.share(answers, equal, expected) >= 0.95
    answers = motion_network.log_probabilities(time_blind, films)
    assert motion_network.share(answers, equal, targets, opposite) >= 0.6


def test_sum_of_a_stroke_has_as_many_events_where_it_began_as_where_it_ends():
    """With the fitted camera it is twice as many: a shortcut to the direction."""
    films = motion_network.film_strokes(60, seed=5, motions=("right",))
    began = 0
    ended = 0
    for events in films.events:
        counts = np.bincount(events["x"])
        columns = counts[counts > 8]
        began += columns[:4].sum()
        ended += columns[-4:].sum()
    assert 0.8 < began / ended < 1.25


@pytest.mark.skipif(not os.environ.get("POKERSNN_RETRAIN"), reason="takes ten minutes")
def test_command_makes_the_weights_in_the_repository(document, models):
    seed = document["seed"]
    films = motion_network.films_to_learn_from(seed)
    trained = motion_network.train(films, seed)
    retrained = motion_network.models(motion_network.carried(*trained))
    for carried, again in zip(models, retrained, strict=True):
        assert_alike(carried.snn, again.snn)
