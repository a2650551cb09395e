"""Whatever happens to a checkpoint: it is refused by name, or it is what was saved."""

import io
import os

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from same import same

from pokersnn_helpers import SNN, Classifier, SpikingNetwork, load_checkpoint, save_checkpoint
from pokersnn_helpers.checkpoints import Run, load_run
from pokersnn_helpers.training import TrainingState

EXAMPLES = int(os.environ.get("EXAMPLES", 0))  # more of them, by hand
QUICK = settings(
    derandomize=not EXAMPLES,
    max_examples=EXAMPLES or 60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
SIZES = 12, 3, 2  # inputs, hidden neurons, classes


def trained():
    """A classifier and its run after one step."""
    torch.manual_seed(0)
    classifier = Classifier(SNN(*SIZES), classes=("a", "b"), sensor_size=(3, 2, 2))
    optimizer = torch.optim.Adam(classifier.parameters(), fused=True)
    classifier(torch.ones(4, 2, 2, 2, 3)).sum().backward()
    optimizer.step()
    weights = classifier.state_dict()
    history = {name: [0.5] for name in ("loss", "accuracy", "test_loss", "test_accuracy")}
    state = TrainingState(
        weights, weights, 1, optimizer.state_dict(), torch.get_rng_state(), history
    )
    options = {"epochs": 9, "time_window": 1000.0, "network": "snn", "seed": 0, "source": "real"}
    return classifier, Run(options, state)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "run.pt"
    save_checkpoint(trained()[0], path, trained()[1])
    return path.read_bytes()


def load(path):
    """All that can be loaded from a checkpoint."""
    classifier, run = load_checkpoint(path, "cpu"), load_run(path)
    parts = classifier.snn.arguments, classifier.classes, classifier.sensor_size
    return [*parts, dict(classifier.state_dict()), run.options, vars(run.state)]


PLACE = st.integers(0, 10**9)
CHANGED_BYTE = st.tuples(PLACE, st.just(1), st.binary(min_size=1, max_size=1))
OTHER_PIECE = st.tuples(PLACE, st.integers(0, 2000), st.binary(max_size=50))


@settings(QUICK, max_examples=EXAMPLES or 120)
@given(st.lists(CHANGED_BYTE, min_size=1, max_size=4) | OTHER_PIECE.map(lambda piece: [piece]))
def test_damaged_file_is_refused_or_says_the_same(saved, tmp_path, damage):
    good, path, content = tmp_path / "good.pt", tmp_path / "damaged.pt", saved
    for place, length, piece in damage:
        place %= len(content)
        content = content[:place] + piece + content[place + length :]
    good.write_bytes(saved)
    path.write_bytes(content)
    try:
        found = load(path)
    except ValueError as error:
        assert "damaged.pt" in str(error)
    else:
        assert same(found, load(good))


class Open(SpikingNetwork):
    def __init__(self, value=None, **more):
        super().__init__()
        self.linear = torch.nn.Linear(2, 2)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
ODD = st.sampled_from(
    [
        *(np.float64(0.5), np.int64(3), np.array([1, 2]), np.str_("a"), np.datetime64("2020")),
        *(torch.float32, torch.ones(2), torch.device("cpu"), torch.Size([1]), SNN, len, lambda: 0),
        *(1j, b"x", {1, 2}, frozenset([1]), (1, (2,)), range(3), Ellipsis, object()),
    ]
)


@QUICK
@given(PLAIN | ODD | st.tuples(ODD, PLAIN))
@example(lambda: 0)
def test_arguments_come_back_or_are_refused_at_once(tmp_path, value):
    network = Open(value, name=value)
    path = tmp_path / "a.pt"
    path.unlink(missing_ok=True)
    try:
        save_checkpoint(Classifier(network), path)
    except (ValueError, TypeError) as error:
        assert "a.pt" in str(error)
        assert not path.exists()
    else:
        loaded = load_checkpoint(path, "cpu", Open).snn.arguments
        assert same(loaded, network.arguments)


def places(content, path=()):
    """Every place in nested dictionaries and lists, as a path of keys."""
    inner = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in inner:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


ANYTHING = PLAIN | st.sampled_from(
    [
        *(torch.zeros(0), torch.zeros(2, 3), torch.tensor(torch.nan), torch.ones(1, 3, 12)),
        *(torch.ones(3, 12, dtype=torch.int8), torch.zeros(5056, dtype=torch.uint8)),
        *(-1, 10**30, {}, [], (), ""),
    ]
)


@QUICK
@given(st.data())
def test_content_of_another_form(saved, tmp_path, data):
    content = torch.load(io.BytesIO(saved), weights_only=True)
    *outer, last = data.draw(st.sampled_from(list(places(content))))
    part = content
    for key in outer:
        part = part[key]
    if data.draw(st.booleans()):
        del part[last]
    else:
        new = data.draw(ANYTHING)
        assume(type(new) is not type(part[last]) or isinstance(new, torch.Tensor))
        part[last] = new
    torch.save(content, tmp_path / "odd.pt")
    before = torch.get_rng_state()
    try:
        found = load(tmp_path / "odd.pt")
    except ValueError as error:
        assert "odd.pt" in str(error)
    else:  # nothing that a run depends on has another form than before
        (tmp_path / "good.pt").write_bytes(saved)
        good = load(tmp_path / "good.pt")
        for one, two in zip(found[3].values(), good[3].values(), strict=True):
            assert one.shape == two.shape and one.is_floating_point()
    assert torch.equal(torch.get_rng_state(), before)
