"""The code that a reader types is the package's: networks, training loop and recipe, films."""

import ast
import re
from functools import partial
from pathlib import Path

import nbformat
import pytest
import torch
from same import same
from torch.nn.functional import nll_loss

from benchmarks import learned, motions
from benchmarks.motions import MotionDetector
from pokersnn_helpers import (
    SNN,
    Classifier,
    FastSNN,
    fit,
    make_loaders,
    train_classifier,
)

BOOK = Path(__file__).parents[2] / "book"


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


def assert_same(make, make_other, rate):
    """Two networks that are made with the same random numbers have the same weights and answers."""
    torch.manual_seed(0)
    network = make()
    torch.manual_seed(0)
    other = make_other()
    assert [*network.state_dict()] == [*other.state_dict()]
    assert_close_weights(network, other, 0)
    frames = torch.poisson(torch.full((12, 3, 2, 35, 35), rate))
    voltages = network(frames)
    assert voltages.any()
    assert torch.equal(voltages, other(frames))


NETWORK = ("building_the_snn.ipynb", "typed-network")
LOOP = ("training.ipynb", "typed-loop")
MOTIONS = "when_time_decides.ipynb"


def test_typed_network_computes_what_snn_does():
    assert_same(typed(*NETWORK)["Network"], SNN, 0.1)


CHAPTERS_OF_THE_NETWORK = (
    "building_the_snn.ipynb",
    "training.ipynb",
    "inspecting_the_dynamics.ipynb",
    "does_it_need_spikes.ipynb",
    "your_own_recordings.ipynb",
)


def class_of(chapter):
    body = ast.parse(cell_with(chapter, "typed-network")).body
    (typed_class,) = (node for node in body if isinstance(node, ast.ClassDef))
    return ast.unparse(typed_class)


def test_every_chapter_types_the_same_network():
    assert {class_of(path) for path in CHAPTERS_OF_THE_NETWORK} == {class_of(NETWORK[0])}


def assert_close_weights(network, other, tolerance):
    for weights, expected in zip(network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(weights, expected, rtol=0, atol=tolerance)


def test_typed_loop_trains_the_typed_network_as_fit_trains_snn(simulated):
    names = {"torch": torch, "Classifier": Classifier, "nll_loss": nll_loss}
    exec(cell_with(*LOOP).replace("range(10)", "range(3)"), names)
    names["device"] = "cpu"
    train_loader, _ = make_loaders(simulated)
    network = typed(*NETWORK)["Network"]
    torch.manual_seed(0)
    typed_network = names["plain"](train_loader, network)
    torch.manual_seed(0)
    expected = Classifier(SNN())
    plain = {"learning_rate": 0.002, "clip_norm": None, "ema_decay": 0}
    fit(expected, train_loader, epochs=3, device="cpu", **plain)
    assert_close_weights(typed_network, expected, 1e-6)


def test_typed_recipe_trains_as_train_classifier(simulated):
    names = typed(LOOP[0])
    names |= {"Classifier": Classifier, "nll_loss": nll_loss, "device": "cpu"}
    exec(cell_with(LOOP[0], "typed-recipe").replace("range(60)", "range(3)"), names)
    torch.manual_seed(0)
    classifier = names["by_recipe"](make_loaders(simulated)[0], FastSNN)
    expected, _ = train_classifier(simulated.train, seed=0, device="cpu", network=FastSNN, epochs=3)
    assert_close_weights(classifier, expected, 1e-5)


@pytest.mark.parametrize("options", [{}, {"slowest": 0.15, "fastest": 2}])
def test_typed_films_are_those_that_were_measured(options):
    names = typed(MOTIONS, "typed-dots", "typed-film", "typed-copies", "typed-both")
    draw = partial(motions.drifting_dots, **options)
    expected = motions.to_films(motions.film_drifting(6, seed=5, draw=draw))
    films = names["film"](6, seed=5, **options)
    assert same([*films], [*expected])
    assert same([*names["mirrored"](*films)], [*motions.with_mirrored_copies(expected)])
    assert same([*names["both_ways"](*films)], [*motions.both_ways(expected)])


def test_typed_networks_learn_as_those_that_were_measured():
    names = typed(MOTIONS, "typed-single", "typed-train")
    films = motions.to_films(motions.film_drifting(20, seed=6))
    model = motions.Model(motions.SingleFrames, 0.02, 2)
    ours = motions.train(model, films, seed=0)
    torch.manual_seed(0)
    theirs = names["train"](names["SingleFrames"](), *films, epochs=2, learning_rate=0.02)
    assert_close_weights(theirs, ours, 0)
    assert names["correct"](theirs, *films) == pytest.approx(motions.share(ours, films))


@pytest.mark.parametrize("training", [True, False])
def test_typed_delays_are_those_that_were_measured(training):
    names = typed("what_else_can_it_learn.ipynb", "typed-delays")
    layers = [kind(5, 3.7).train(training) for kind in (names["Delays"], learned.Delays)]
    channels = torch.rand(30, 2, 5)
    theirs, ours = (layer(channels) for layer in layers)
    torch.testing.assert_close(theirs, ours)  # one by a convolution, one by a product
    if not training:
        assert torch.equal(ours[4:], channels[:-4])


@pytest.fixture(scope="module")
def typed_detector():
    return typed(MOTIONS, "typed-detector")["MotionDetector"]


@pytest.mark.parametrize("options", [{"output_size": 4}, {"output_size": 8, "late": (0, 3)}])
def test_typed_detector_is_the_one_that_was_measured(options, typed_detector):
    assert_same(*(partial(made, **options) for made in (typed_detector, MotionDetector)), 0.3)
