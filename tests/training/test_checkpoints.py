"""A classifier comes back from its file as it was, or is refused under the name of the file."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from readers_networks import scatter_taus
from same import altered, same

from pokersnn_helpers import (
    SNN,
    Classifier,
    FastSNN,
    build_network,
    decode,
    load_checkpoint,
    save_checkpoint,
    to_frames,
)


@pytest.fixture
def classifier():
    return Classifier(SNN(hidden_size=12, tau_mem=0.02, v_th=0.4), settle=0.02)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.pt"


@pytest.fixture
def saved(classifier, path):
    """A file with a classifier."""
    save_checkpoint(classifier, path)
    return path


# ---- What comes back ----


@pytest.mark.parametrize(("network", "other"), [(SNN, FastSNN), (FastSNN, SNN)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("learn_taus", [False, True])
def test_loaded_classifier_gives_the_same_answers(network, other, dtype, learn_taus, path, data):
    snn = network(hidden_size=12, v_th=0.4, learn_taus=learn_taus).to(dtype)
    scatter_taus(snn)
    # What NumPy makes isn't loaded as it is.
    about = {"classes": np.array([*"abcd"]), "sensor_size": np.array([35, 35, 2]), "settle": 0.02}
    classifier = Classifier(snn, **about)
    save_checkpoint(classifier, path)
    loaded = load_checkpoint(path, "cpu", network)
    frames = to_frames(data.test.events[0])[:, None].to(dtype)
    assert torch.equal(loaded(frames, 1000), classifier(frames, 1000))
    assert (loaded.classes, loaded.sensor_size) == (("a", "b", "c", "d"), (35, 35, 2))
    assert load_checkpoint(path, "cpu", other).snn.arguments == classifier.snn.arguments


@pytest.mark.parametrize("network", [SNN, FastSNN])
def test_network_is_found_again_without_a_name(network, path):
    snn = build_network(network, time_window=1000, sensor_size=(4, 4, 2), output_size=4)
    classifier = Classifier(snn, sensor_size=(4, 4, 2))
    save_checkpoint(classifier, path)
    loaded = load_checkpoint(path, "cpu")
    assert type(loaded.snn) is network
    altered(path, path, lambda content: content.update(network="Small"))
    with pytest.raises(ValueError, match=r"a\.pt holds a Small.*network=Small"):
        load_checkpoint(path, network=network)


def test_file_without_the_silence_at_the_end_is_read_up_to_the_last_event(saved):
    assert load_checkpoint(saved).settle == 0.02
    altered(saved, saved, lambda content: content.pop("settle"))
    assert load_checkpoint(saved).settle == 0


def test_weights_that_are_not_trained_stay_so(classifier, path):
    classifier.snn.linear.weight.requires_grad_(False)
    save_checkpoint(classifier, path)
    weights = load_checkpoint(path).named_parameters()
    assert [name for name, each in weights if not each.requires_grad] == ["snn.linear.weight"]


# ---- What isn't written ----


def with_threshold(snn, v_th):
    snn.lif0.p = snn.lif0.p._replace(v_th=torch.as_tensor(v_th))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda snn: setattr(snn, "surrogate_slope", 0.5), r"surrogate_slope is 0\.5, but its"),
        (lambda snn: setattr(snn.lif0, "dt", 0.002), r"lif0\.dt is 0\.002, but its arguments"),
        (lambda snn: with_threshold(snn, 0.40004), r"lif0\.p\.v_th is 0\.40004"),
        (lambda snn: with_threshold(snn, [0.4] * 12), r"lif0\.p\.v_th is \[0\.4"),
    ],
)
def test_changed_network_is_not_saved_as_the_unchanged_one(change, message, classifier, path):
    change(classifier.snn)
    with pytest.raises(ValueError, match=rf"a\.pt isn't written: .*{message}"):
        save_checkpoint(classifier, path)
    assert not path.exists()


def test_shared_weights_are_not_saved_as_separate_ones(path):
    classifier = Classifier(SNN(5, 5, 5), classes=tuple("abcde"))
    classifier.snn.lif0.recurrent_weights = classifier.snn.lif0.input_weights
    with pytest.raises(ValueError, match="weights are shared that its class doesn't share"):
        save_checkpoint(classifier, path)


def test_what_could_not_be_loaded_is_not_saved(classifier, saved):
    before = saved.read_bytes()
    with pytest.raises(ValueError, match=r"^[^\n]*a\.pt isn't written: .*; make the network with"):
        save_checkpoint(classifier, saved, further={"folder": saved})
    with pytest.raises(TypeError, match="Linear; give a Classifier"):
        save_checkpoint(torch.nn.Linear(3, 4), saved)
    assert saved.read_bytes() == before
    assert [*saved.parent.iterdir()] == [saved]


def test_weights_that_are_no_numbers_are_neither_saved_nor_loaded(classifier, saved):
    before = saved.read_bytes()
    message = r"a\.pt: .*linear\.weight holds NaN or infinity"
    classifier.snn.linear.weight.data[2, 3] = torch.nan
    with pytest.raises(ValueError, match=message):
        save_checkpoint(classifier, saved)
    assert saved.read_bytes() == before
    altered(saved, saved, lambda content: content["weights"]["snn.linear.weight"].fill_(np.inf))
    with pytest.raises(ValueError, match=message):
        load_checkpoint(saved)


class Given(torch.nn.Module):
    def __init__(self, something=None):
        super().__init__()
        something.append(1)


def test_argument_that_the_network_changes_is_saved_as_given():
    assert build_network(Given, something=[5]).arguments == {"something": [5]}


# ---- What isn't loaded ----


def test_decode_of_your_own_is_missed_aloud(path, saved):
    with warnings.catch_warnings(action="error"):
        load_checkpoint(saved)
    save_checkpoint(Classifier(SNN(8, 5), lambda voltages: decode(voltages)), path)
    with pytest.warns(UserWarning, match=r"a\.pt was saved with a decode of your own.*: set"):
        load_checkpoint(path)


class Pickled:
    def __reduce__(self):
        return pytest.fail, ("a pickle ran",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (Pickled(), "it holds more than tensors, numbers and texts"),
        (torch.nn.Linear(3, 4).state_dict(), "checkpoint of this book's network"),
    ],
)
def test_file_of_something_else_is_refused_and_no_pickle_runs(content, reason, path):
    torch.save(content, path)
    with pytest.raises(ValueError, match=rf"a\.pt is not a .*{reason}"):
        load_checkpoint(path)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="is no regular file"):
        load_checkpoint(tmp_path)
    with pytest.raises(FileNotFoundError):
        load_checkpoint(tmp_path / "none.pt")


PLACE = st.integers(0, 10**9)
ANOTHER_PIECE = st.tuples(st.sampled_from([1, 50, 2000, 10**9]), st.binary(max_size=50))


@settings(
    derandomize=True,
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(PLACE, ANOTHER_PIECE | st.just((1, b"\0")) | st.just((10**9, b"")))
def test_damaged_file_is_refused_or_says_the_same(classifier, path, place, damage):
    save_checkpoint(classifier, path)
    content = path.read_bytes()
    length, piece = damage
    place %= len(content)
    path.write_bytes(content[:place] + piece + content[place + length :])
    try:
        loaded = load_checkpoint(path)
    except ValueError as error:
        assert "a.pt" in str(error)
    else:
        assert same(dict(loaded.state_dict()), dict(classifier.state_dict()))
