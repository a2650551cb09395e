"""The code that a reader types is the package's: network, training loop, films, detector."""

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

from pokersnn_helpers import SNN, Classifier, fit, make_loaders
from pokersnn_helpers.simulation.gestures import GESTURES, film_gesture, film_gestures
from pokersnn_helpers.simulation.motions import film_dots
from pokersnn_helpers.study.models import MotionDetector
from pokersnn_helpers.study.perturbations import merge_polarities

BOOK = Path(__file__).parents[1] / "book"


def typed(chapter, tag):
    """Return the source of the cell with a tag, and what the chapter imports."""
    notebook = nbformat.read(BOOK / chapter, as_version=4)
    (found,) = (cell.source for cell in notebook.cells if tag in cell.metadata.get("tags", []))
    names = {}
    for cell in notebook.cells:
        if cell.source.startswith(("# @title Imports", "from norse")):
            exec(cell.source.replace("use_book_style()", ""), names)
    return found, names


def lines_of_code(source):
    """Count lines that hold more than a comment."""
    nothing = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return len({token.start[0] for token in tokens if token.type not in nothing and token.string})


NETWORK = ("03_building_the_snn.ipynb", "typed-network")
LOOP = ("05_training.ipynb", "typed-loop")


@pytest.mark.parametrize(("cell", "limit"), [(NETWORK, 16), (LOOP, 7)])
def test_typed_code_is_short(cell, limit):
    assert 5 < lines_of_code(typed(*cell)[0]) <= limit


def test_typed_network_computes_what_snn_does():
    source, names = typed(*NETWORK)
    exec(source, names)
    torch.manual_seed(0)
    network = names["Network"]()
    torch.manual_seed(0)
    snn = SNN()
    frames = torch.poisson(torch.full((12, 3, 2, 35, 35), 0.1))
    assert list(network.state_dict()) == list(snn.state_dict())
    assert torch.equal(network(frames), snn(frames))


def test_typed_loop_trains_the_typed_network_as_fit_trains_snn(simulated):
    network_source, network_names = typed(*NETWORK)
    loop_source, names = typed(*LOOP)
    exec(network_source, network_names)
    train_loader, _ = make_loaders(simulated)
    weights = []
    for by_hand in (True, False):
        torch.manual_seed(0)
        snn = network_names["Network"]() if by_hand else SNN()
        before = snn.lif0.input_weights.clone()
        optimizer = torch.optim.Adam(snn.parameters(), lr=0.002)
        torch.manual_seed(1)  # of the order of the recordings
        if by_hand:
            names |= {"classifier": Classifier(snn), "optimizer": optimizer, "epochs": 3}
            names["train_loader"] = train_loader
            exec(loop_source, names)
        else:
            plain = {"optimizer": optimizer, "clip_norm": None, "ema_decay": 0}
            fit(Classifier(snn), train_loader, epochs=3, device="cpu", **plain)
        assert not torch.allclose(snn.lif0.input_weights, before)
        weights.append(list(snn.parameters()))
    for typed_weights, fitted in zip(*weights, strict=True):
        torch.testing.assert_close(typed_weights, fitted, rtol=0, atol=1e-6)


MOTIONS = "06_when_time_decides.ipynb"


def test_typed_films_are_those_of_the_package():
    _, names = typed(MOTIONS, "typed-dots")
    exec("from pokersnn_helpers.study.perturbations import merge_polarities", names)
    for tag in ("typed-dots", "typed-film", "typed-films"):
        source, _ = typed(MOTIONS, tag)
        exec(source.split("\n\n\nfilms, new = ")[0], names)
    found, expected = names["film_all"](6, seed=5), merge_polarities(film_dots(6, seed=5))
    assert (found.targets, list(found.classes)) == (expected.targets, list(expected.classes))
    for events, same in zip(found.events, expected.events, strict=True):
        np.testing.assert_array_equal(events, same)


def test_typed_detector_is_the_package_s():
    _, names = typed(MOTIONS, "typed-detector")
    for tag in ("typed-delays", "typed-detector"):
        source, _ = typed(MOTIONS, tag)
        exec(source, names)
    for options in ({}, {"output_size": 8, "late": (0, 3)}):
        torch.manual_seed(0)
        network = names["MotionDetector"](**options)
        torch.manual_seed(0)
        same = MotionDetector(**options)
        assert list(network.state_dict()) == list(same.state_dict())
        for one, other in zip(network.parameters(), same.parameters(), strict=True):
            assert torch.equal(one, other)
        frames = torch.poisson(torch.full((12, 3, 2, 35, 35), 0.3))
        voltages = network.to(memory_format=torch.channels_last)(frames)
        assert torch.equal(voltages, same(frames)) and voltages.any()


OWN = "10_your_own_recordings.ipynb"


def test_typed_gestures_are_those_of_the_package():
    _, names = typed(OWN, "typed-hand")
    for tag in ("typed-hand", "typed-gesture"):
        exec(typed(OWN, tag)[0], names)
    for gesture in GESTURES:
        expected = film_gesture(gesture, 0.9, 260, np.random.default_rng(3))
        found = names["film"](gesture, 0.9, 260, np.random.default_rng(3))
        np.testing.assert_array_equal(found, expected)


gestures = functools.cache(partial(film_gestures, 1))  # by seed, each gesture of each person once


class SavedByTonic:
    """A data set as Tonic's classes return it: NMNIST has a third argument, DVSGesture has none."""

    sensor_size, classes = (64, 64, 2), list(GESTURES)

    def __init__(self, save_to, train, first_saccade_only=False):
        films, _ = gestures(int(train))
        order = np.dtype([("x", np.int16), ("y", np.int16), ("p", bool), ("t", np.int64)])
        self.items = 6 * [each.astype(order) for each in films.events[:5]]
        for each, events in zip(self.items[:5], films.events, strict=False):
            for name in order.names:
                each[name] = events[name]
        self.targets = 6 * films.targets[:5]

    def __len__(self):
        return len(self.items)

    def __getitem__(self, number):
        if not 0 <= number < len(self):
            raise IndexError
        return self.items[number].copy(), self.targets[number]


@pytest.mark.parametrize("name", ["NMNIST", "DVSGesture"])
def test_lines_for_other_data_sets_run_on_sets_of_the_same_form(name, monkeypatch):
    notebook = nbformat.read(BOOK / OWN, as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    (block,) = (each for each in re.findall(r"(?s)```python\n(.+?)```", text) if name in each)
    assert lines_of_code(block) <= 14
    monkeypatch.setattr(tonic.datasets, name, SavedByTonic)
    names = {}
    block = block.replace("30)]", "6)]").replace("augment=None", "augment=None, epochs=1")
    exec(block, names)
    assert len(names["history"].test_accuracy) == 1
    assert names["data"].train.sensor_size == ((64, 64, 2) if name == "NMNIST" else (32, 32, 2))
