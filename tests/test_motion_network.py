"""The models of "Your finger is the scene" are those that tools/motion_network.py trains."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from pokersnn_helpers.recordings import Recordings
from pokersnn_helpers.simulation.motions import MOTIONS, OPPOSITE, film_motions
from pokersnn_helpers.study.models import LayerThenSNN

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

import motion_network  # noqa: E402


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
    assert sum(file.stat().st_size for file in files) <= 350_000


def test_page_moves_and_films_the_disc_by_the_constants_of_the_simulator(document):
    assert document["settings"] == json.loads(json.dumps(motion_network.settings()))
    made = motion_network.SPIKING(output_size=6)
    assert document["constants"] == motion_network.neuron_constants(made.snn)
    assert document["delays"] == made.steps == [0, 4, 8]


def test_models_survive_the_way_to_the_page():
    torch.manual_seed(0)
    made = motion_network.SPIKING(output_size=6), motion_network.TIME_BLIND(output_size=6)
    again = motion_network.models(json.loads(json.dumps(motion_network.carried(*made))))
    for before, after in zip(made, again, strict=True):
        for name, weights in before.state_dict().items():
            found = after.state_dict()[name]
            if weights.ndim == 1:
                assert torch.allclose(weights, found, rtol=1e-5), name
                continue
            if weights.shape[1] == 2450:  # merged events are ON events
                weights, found = weights[:, 1225:], found[:, 1225:]
            step = weights.abs().amax(dim=1, keepdim=True) / 127
            assert ((weights - found).abs() <= 0.5001 * step).all(), name


def test_models_are_as_accurate_as_the_command_measured(document, models):
    measured = document["measured"]
    assert measured["spiking_strokes"] >= 0.9 and measured["spiking_strokes_backwards"] >= 0.9
    assert measured["spiking_films"] >= 0.98 and measured["spiking_films_backwards"] >= 0.97
    there, back = film_motions(36, seed=7), film_motions(36, seed=7, backwards=True)
    targets = np.array(there.targets)
    spiking, time_blind = models
    assert np.mean(motion_network.answers(spiking, there) == targets) >= 0.95
    opposite = np.take(OPPOSITE, targets)
    assert np.mean(motion_network.answers(spiking, back) == opposite) >= 0.95
    said, then = (motion_network.answers(time_blind, films) for films in (there, back))
    axes = np.arange(6) // 2
    assert np.mean(axes[said] == axes[targets]) >= 0.95  # it knows all but the direction
    assert 0.3 <= np.mean(said == targets) <= 0.7
    assert np.mean(said == then) >= 0.7


def test_strokes_are_those_of_a_hand_on_the_pad():
    rng = np.random.default_rng(0)
    for motion in 5 * MOTIONS:
        path = motion_network.draw_stroke(motion, rng)
        assert 95 <= path.shape[1] <= 801
        steps = np.hypot(*np.diff(path, axis=1))
        assert steps.max() < 1.2  # no jump
        fits = np.ptp(path, axis=1) <= 2 * motion_network.EDGE
        assert (np.abs(path).max(axis=1)[fits] <= motion_network.EDGE + 1e-9).all()
    first, again = (
        motion_network.draw_stroke("up", np.random.default_rng(seed)) for seed in (1, 1)
    )
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(("motion", "sign"), [("left", -1), ("right", 1), ("up", -1), ("down", 1)])
def test_straight_strokes_go_where_their_name_says(motion, sign):
    rng = np.random.default_rng(2)
    for _ in range(20):
        x, y = motion_network.draw_stroke(motion, rng)[:, [0, -1]] @ [-1, 1]
        along, aside = (x, y) if motion in ("left", "right") else (y, x)
        assert sign * along > abs(aside)


def test_strokes_are_filmed_both_ways():
    there = motion_network.film_strokes(6, seed=3)
    back = motion_network.film_strokes(6, seed=3, backwards=True)
    assert isinstance(there, Recordings) and there.targets == back.targets == [0, 1, 2, 3, 4, 5]
    assert len({len(events) for events in there.events + back.events}) > 6


@pytest.mark.skipif(not os.environ.get("POKERSNN_RETRAIN"), reason="takes a quarter of an hour")
def test_command_makes_the_weights_in_the_repository(document, models):
    """On one machine they are equal. Another's rounding may move spikes, and thereby weights."""
    seed = document["seed"]
    films = motion_network.films_to_learn_from(seed)
    spiking: LayerThenSNN = motion_network.train_spiking(films, seed)
    again = motion_network.train_time_blind(films, seed)
    again = motion_network.models(motion_network.carried(spiking, again))
    for found, carried in zip(again, models, strict=True):
        for name, weights in found.state_dict().items():
            both = torch.stack([weights.ravel(), carried.state_dict()[name].ravel()])
            assert torch.corrcoef(both)[0, 1] > 0.8, name
