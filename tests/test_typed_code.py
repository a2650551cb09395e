"""The code that a reader types is the package's: networks, training loop and recipe, films."""

import ast
import functools
import io
import re
import tokenize
from functools import partial
from pathlib import Path

import nbformat
import numpy as np
import pytest
import tonic
import torch
from torch.nn.functional import nll_loss

from benchmarks.early import nll_over_events
from benchmarks.motions import MotionDetector, film_dots
from benchmarks.nmnist import ConvolutionalSNN
from pokersnn_helpers import (
    SNN,
    Classifier,
    FastSNN,
    augment,
    fit,
    make_loaders,
    train_classifier,
)
from pokersnn_helpers.simulation.gestures import GESTURES, film_gestures
from pokersnn_helpers.study.models import GRU
from pokersnn_helpers.study.perturbations import merge_polarities
from pokersnn_helpers.study.protocol import NetworkEstimator

BOOK = Path(__file__).parents[1] / "book"


def cells(chapter):
    return nbformat.read(BOOK / chapter, as_version=4).cells


def cell_with(chapter, tag):
    """Return the source of the cell with this tag."""
    (found,) = (each.source for each in cells(chapter) if tag in each.metadata.get("tags", []))
    return found


def typed(chapter, *tags):
    """Return the names that a chapter's imports and its cells with these tags define."""
    names = {}
    for cell in cells(chapter):
        if cell.cell_type == "code" and not re.search(r"(?m)^ *%", cell.source):
            source = cell.source.replace("use_book_style()", "")
            if {type(node) for node in ast.parse(source).body} <= {ast.Import, ast.ImportFrom}:
                exec(source, names)
    for tag in tags:
        exec(cell_with(chapter, tag), names)
    return names


def lines_of_code(source):
    """Count lines that hold more than a comment."""
    nothing = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return len({token.start[0] for token in tokens if token.type not in nothing and token.string})


def with_the_same_weights(*makes):
    """Return the networks that these functions make with the same random numbers."""
    for make in makes:
        torch.manual_seed(0)
        yield make()


def assert_same(network, other, rate):
    """Two networks have the same weights and answers."""
    assert list(network.state_dict()) == list(other.state_dict())
    for one, same in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, same)
    frames = torch.poisson(torch.full((12, 3, 2, 35, 35), rate))
    voltages = network(frames)
    assert torch.equal(voltages, other(frames)) and voltages.any()


NETWORK = ("03_building_the_snn.ipynb", "typed-network")
LOOP = ("04_training.ipynb", "typed-loop")
MOTIONS = "06_when_time_decides.ipynb"
SPIKES = "07_does_it_need_spikes.ipynb"
OWN = "09_your_own_recordings.ipynb"


@pytest.mark.parametrize(("cell", "limit"), [(NETWORK, 16), (LOOP, 7)])
def test_typed_code_is_short(cell, limit):
    assert 5 < lines_of_code(cell_with(*cell)) <= limit


def test_typed_network_computes_what_snn_does():
    assert_same(*with_the_same_weights(typed(*NETWORK)["Network"], SNN), 0.1)


def test_typed_loop_trains_the_typed_network_as_fit_trains_snn(simulated):
    train_loader, _ = make_loaders(simulated)
    networks = list(with_the_same_weights(typed(*NETWORK)["Network"], SNN))
    before = networks[0].lif0.input_weights.clone()
    by_hand = torch.optim.Adam(networks[0].parameters(), lr=0.002)
    names = {"nll_loss": nll_loss, "device": "cpu", "optimizer": by_hand}
    names |= {"classifier": Classifier(networks[0]), "train_loader": train_loader, "epochs": 3}
    torch.manual_seed(1)  # of the order of the recordings
    exec(cell_with(*LOOP), names)
    torch.manual_seed(1)
    plain = {"learning_rate": 0.002, "clip_norm": None, "ema_decay": 0}
    fit(Classifier(networks[1]), train_loader, epochs=3, device="cpu", **plain)
    assert not torch.allclose(networks[0].lif0.input_weights, before)
    for weights, fitted in zip(*(each.parameters() for each in networks), strict=True):
        torch.testing.assert_close(weights, fitted, rtol=0, atol=1e-6)


def test_typed_recipe_trains_as_train_classifier(simulated):
    names = typed(LOOP[0])
    names |= {"Classifier": Classifier, "FastSNN": FastSNN}
    names |= {"nll_loss": nll_loss, "device": "cpu"}
    for tag in ("typed-weights", "typed-augment", "typed-recipe"):
        exec(cell_with(LOOP[0], tag).replace("range(60)", "range(3)"), names)
    frames = torch.rand(9, 12, 2, 35, 35)
    assert torch.equal(*with_the_same_weights(
        partial(augment, frames), lambda: names["augment"](frames.clone())
    ))  # fmt: skip
    torch.manual_seed(0)
    found = names["by_recipe"](make_loaders(simulated)[0])
    expected, _ = train_classifier(simulated.train, 0, "cpu", network=FastSNN, epochs=3)
    for weights, fitted in zip(found.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(weights, fitted, rtol=0, atol=1e-5)


def test_typed_films_are_those_of_the_package():
    names = typed(MOTIONS, "typed-discs", "typed-dots", "typed-film")
    expected = merge_polarities(film_dots(6, seed=5))
    scenes = {motion: partial(names["moving_dots"], motion) for motion in expected.classes}
    found = names["film"](scenes, 6, seed=5)
    assert (found.targets, found.classes) == (expected.targets, expected.classes)
    for events, same in zip(found.events, expected.events, strict=True):
        np.testing.assert_array_equal(events, same)


@pytest.fixture(scope="module")
def networks():
    return typed(MOTIONS, "typed-gru", "typed-delays", "typed-detector")


@pytest.mark.parametrize("options", [{}, {"output_size": 8, "late": (0, 3)}])
def test_typed_detector_is_the_package_s(options, networks):
    makes = (partial(each, **options) for each in (networks["MotionDetector"], MotionDetector))
    assert_same(*with_the_same_weights(*makes), 0.3)


def test_typed_gru_is_the_package_s(networks):
    assert lines_of_code(cell_with(MOTIONS, "typed-gru")) <= 10
    one, same = with_the_same_weights(*(partial(each, 2450, 6) for each in (networks["GRU"], GRU)))
    assert list(one.state_dict()) == list(same.state_dict())
    frames = torch.poisson(torch.full((12, 3, 2, 35, 35), 0.1))
    torch.testing.assert_close(one(frames), same(frames), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["GRU", "MotionDetector"])
def test_a_subclass_of_what_was_typed_works_with_the_package(name, networks, simulated):
    class Halved(networks[name]):
        def forward(self, frames):
            return super().forward(frames) / 2

    width = round(1e6 * Halved.dt)
    estimator = NetworkEstimator(Halved, epochs=1, time_window=width).fit(simulated.test)
    assert isinstance(estimator.network, Halved)
    assert estimator.predict(simulated.test).shape == (len(simulated.test),)


def test_typed_loss_is_the_package_s():
    loss_over_events = typed(SPIKES, "typed-loss")["loss_over_events"]
    outputs, frames = torch.randn(12, 3, 4), torch.poisson(torch.full((12, 3, 2, 35, 35), 0.01))
    for each in (frames, frames.to_sparse()):
        found = loss_over_events(outputs, torch.tensor([0, 3, 1]), each)
        torch.testing.assert_close(found, nll_over_events(outputs, torch.tensor([0, 3, 1]), each))


def test_typed_convolution_is_the_one_that_was_measured():
    makes = [typed(OWN, "typed-convolution")["ConvolutionalSNN"], ConvolutionalSNN]
    networks = [each.eval() for each in with_the_same_weights(*makes)]
    frames = torch.poisson(torch.full((20, 3, 2, 34, 34), 0.3))
    voltages, other = (each(frames) for each in networks)
    assert torch.equal(voltages, other) and voltages.any()


gestures = functools.cache(partial(film_gestures, 1))  # by seed, each gesture of each person once


class SavedByTonic(list):
    """A data set as Tonic's class NMNIST returns it."""

    sensor_size, classes = (64, 64, 2), list(GESTURES)

    def __init__(self, save_to, train, first_saccade_only):
        films, _ = gestures(int(train))
        order = np.dtype([("x", np.int16), ("y", np.int16), ("p", bool), ("t", np.int64)])
        self.targets = 6 * films.targets[:5]
        events = [each[list(order.names)] for each in 6 * films.events[:5]]
        super().__init__(zip([each.astype(order) for each in events], self.targets, strict=True))


@pytest.mark.slow
def test_lines_for_all_of_nmnist_run_on_a_set_of_the_same_form(monkeypatch):
    text = "\n".join(cell.source for cell in cells(OWN) if cell.cell_type == "markdown")
    (block,) = re.findall(r"(?s)```python\n(.+?)```", text)
    assert lines_of_code(block) <= 14
    monkeypatch.setattr(tonic.datasets, "NMNIST", SavedByTonic)
    names = {}
    exec(block.replace("epochs=3", "epochs=1"), names)
    assert len(names["history"].test_accuracy) == 1
    assert names["data"].train.sensor_size == (64, 64, 2)
