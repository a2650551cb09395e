"""The ordinary models, and the protocol that keeps card passes apart."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from norse.torch import LICell, LIFRecurrentCell
from test_models import NETWORKS, batch
from torch.utils.data import DataLoader, Subset

import pokersnn_helpers as helpers
from benchmarks.counting import count_operations
from benchmarks.models import FeedforwardSNN, nearest_neighbour
from benchmarks.operations import regression_network
from pokersnn_helpers import EVENT_DTYPE, SNN, Recordings, SpikingNetwork, make_loader, predict
from pokersnn_helpers.networks import WHOLE
from pokersnn_helpers.study import protocol
from pokersnn_helpers.study.latency import predict_over_time
from pokersnn_helpers.study.models import MLP, LayerThenSNN, summed_image
from pokersnn_helpers.study.perturbations import reversed_time
from pokersnn_helpers.study.protocol import NetworkEstimator, bootstrap_interval, cross_validate


class Says:
    """An estimator that learns nothing."""

    def __init__(self, predict):
        self.predict = predict

    def fit(self, recordings, seed=0):
        return self


SINGLE = [np.array([(0, n, 0, 1)], dtype=EVENT_DTYPE) for n in range(4)]
FOUR = Recordings(SINGLE, [0, 1, 0, 1], ("a", "b"), (4, 1, 2))


# ---- The protocol ----


def test_no_model_sees_the_group_that_it_is_tested_on(everything):
    seen = []

    class Spy:
        def fit(self, recordings, seed):
            seen.append((seed, {events.tobytes() for events in recordings.events}))

    recordings, groups = everything.recordings, everything.table["pass"].to_numpy()
    trained = cross_validate({"spy": Spy()}, recordings, groups, seeds=(3, 8))["spy"]
    held_out = [numbers for folds in trained.runs for _, numbers in folds]
    assert [seed for seed, _ in seen] == [3, 3, 3, 8, 8, 8]
    for (_, learned), numbers in zip(seen, held_out, strict=True):
        own = set(groups[numbers])
        for number, events in enumerate(recordings.events):
            assert (events.tobytes() in learned) == (groups[number] not in own)
    for folds in trained.runs:
        assert sorted(np.concatenate([numbers for _, numbers in folds])) == list(range(131))
    assert set(held_out[0]) != set(held_out[3])  # each seed draws other folds


def test_correct_is_by_seed_and_recording():
    first, second = Says(lambda some: [0] * len(some)), Says(lambda some: [1] * len(some))
    trained = protocol.CrossValidated([[(first, np.array([0, 3])), (second, np.array([1, 2]))]])
    assert trained.correct(FOUR).tolist() == [[True, True, False, False]]
    with pytest.raises(ValueError, match="recordings are 3, but the folds hold out 4"):
        trained.correct(FOUR.subset(range(3)))  # not as if others had been asked about


@pytest.mark.parametrize("answers", [0, np.zeros(1, int), np.zeros((2, 2), int), [0.0, 1.0]])
def test_predictions_that_are_no_classes_are_refused(answers):
    two, says = FOUR.subset([0, 1]), Says(lambda _: answers)
    validated = protocol.CrossValidated([[(says, np.arange(2))]])
    with pytest.raises(ValueError, match="; return an index of a class for each recording"):
        validated.correct(two)


@pytest.mark.slow
def test_processes_change_nothing(some):
    models = {"MLP": NetworkEstimator(MLP, epochs=2), "SNN": NetworkEstimator(epochs=1)}
    one, two = (cross_validate(models, some, range(12), processes=count) for count in (1, 2))
    for name in models:
        for first, second in zip(one[name].runs[0], two[name].runs[0], strict=True):
            assert np.array_equal(first[0].predict(some), second[0].predict(some))


def test_cross_validation_leaves_the_given_estimators_alone(some):
    model = nearest_neighbour(summed_image).fit(some)
    before = model.predict(some).copy()
    cross_validate({"model": model}, some.subset([0, 3, 6, 9, 1, 4, 7, 10]), range(8), folds=2)
    assert np.array_equal(model.predict(some), before)


def test_perturbed_estimator_learns_from_changed_recordings_and_is_asked_about_them(some):
    seen, note = [], lambda *given: seen.append(given)
    spy = SimpleNamespace(fit=note, predict=note)
    protocol.PerturbedEstimator(spy, reversed_time).fit(some, 7).predict(some)
    (learned, seed), (asked,) = seen
    assert seed == 7
    for changed in (learned, asked):
        assert np.array_equal(changed.events[0], reversed_time(some).events[0])


def test_no_error_leaves_an_interval_of_some_width():
    """The exact bound: with this accuracy 26 groups are all right in 2.5 % of all cases."""
    low, high = bootstrap_interval(np.ones(131, dtype=bool), np.arange(131) % 26)
    assert high == 1 and low**26 == pytest.approx(0.025)
    low, high = bootstrap_interval(np.zeros(131, dtype=bool), np.arange(131) % 26)
    assert low == 0 and (1 - high) ** 26 == pytest.approx(0.025)
    half = np.tile([True, False], 26)  # one of two in each group, by construction
    assert bootstrap_interval(half, np.arange(52) // 2) == (0.5, 0.5)


def test_difference_of_two_models_is_paired():
    better, worse = np.array([[1, 1, 1, 1]]), np.array([[0, 0, 1, 1], [0, 0, 1, 1]])  # two seeds
    assert protocol.difference_interval(better, worse, [0, 0, 1, 1]) == (0.5, 0, 1)
    points, low, high = protocol.difference_interval(better, better, [0, 0, 1, 1])
    assert points == 0 and low == -high < 0  # two models that agree on these may still differ


@pytest.mark.parametrize("right", [0, 40, 77, 100])
def test_difference_changes_its_sign_with_the_models_exchanged(right):
    first, second, groups = np.arange(100) < 100, np.arange(100) < right, np.arange(100) // 5
    more, low, high = protocol.difference_interval(first, second, groups)
    exchanged = protocol.difference_interval(second, first, groups)
    assert exchanged == pytest.approx((-more, -high, -low))
    assert -1 <= low < high <= 1 and low <= more <= high


def test_jobs_that_fail_or_processes_that_are_none_are_errors():
    with pytest.raises(ValueError, match="processes is -5; choose a whole number greater than 0"):
        list(protocol.in_parallel([], -5))
    with pytest.raises(ZeroDivisionError):
        list(protocol.in_parallel([partial(divmod, 1, 1), partial(divmod, 1, 0)] * 2, 2))
    found = dict(protocol.in_parallel([partial(divmod, n, 3) for n in range(7)], 2))
    assert found == {n: divmod(n, 3) for n in range(7)}


def test_bootstrap_weighs_groups_by_their_size():
    # Drawn are the large group twice, either once, or the small one twice.
    low, high = bootstrap_interval([1, 0, 0, 1], [0, 0, 0, 1])
    assert (low, high) == (1 / 3, 1)
    low, high = bootstrap_interval([1] * 30 + [0], [0] * 30 + [1])
    assert low == 0 and high == 1
    low, high = bootstrap_interval([1, 0, 1], [0, 0, 0])  # of one group
    assert low == 0 and high == 1
    many = np.repeat([1.0, 0.0], [300, 100])
    low, high = bootstrap_interval(many, np.arange(400))
    assert low < 0.75 < high and high - low == pytest.approx(
        4 * np.sqrt(0.75 * 0.25 / 400), rel=0.1
    )


# ---- Estimators ----


def test_estimator_trains_by_the_recipe_but_for_what_it_is_given(some, monkeypatch):
    calls, nothing = [], (None, None)
    train = lambda *given, **changed: calls.append((given, changed)) or nothing  # noqa: E731
    monkeypatch.setattr(protocol, "train_classifier", train)
    NetworkEstimator(MLP, clip_norm=None, time_window=WHOLE).fit(some, 7)
    changed = {"network": MLP, "clip_norm": None, "time_window": WHOLE}
    assert calls == [((some, 7, "cpu"), changed)]


def test_regression_as_a_network_says_what_the_regression_says(some):
    four = protocol.logistic_regression(summed_image, C=10).fit(some)
    two = some.subset(range(6))
    binary = protocol.logistic_regression(summed_image).fit(two)
    for estimator, recordings, classes in ((four, some, 4), (binary, two, 2)):
        network = regression_network(estimator, recordings.sensor_size)
        found = torch.log_softmax(network(batch(recordings, True))[0], 1).exp().detach().numpy()
        expected = estimator.model.predict_proba(summed_image(recordings))
        assert found.shape[1] == classes
        np.testing.assert_allclose(found, expected, atol=1e-4)


class Typed(SpikingNetwork):
    """What a reader types: a layer, ReLU, and chapter 3's network."""

    def __init__(self, input_size=2450, output_size=4, hidden=20, dt=0.001):
        super().__init__()
        self.dt, self.input_size = dt, input_size
        self.layer = torch.nn.Linear(input_size, hidden)
        self.lif = LIFRecurrentCell(hidden, hidden, dt=dt)
        self.linear = torch.nn.Linear(hidden, output_size, bias=False)
        self.readout = LICell(dt=dt)

    def step(self, frame, state):
        lif, readout = state or (None, None)
        spikes, lif = self.lif(torch.relu(self.layer(frame.flatten(1))), lif)
        voltages, readout = self.readout(self.linear(spikes), readout)
        return voltages, (lif, readout)


class TypedForWholeFrames(SpikingNetwork):
    """Another, without parameters of its own."""

    def __init__(self):
        super().__init__()
        self.inner = Typed()

    def step(self, frame, state):
        return self.inner.step(frame, state)


@pytest.mark.parametrize("network", [Typed, TypedForWholeFrames, *NETWORKS, FeedforwardSNN])
def test_any_network_goes_all_the_way(network, some, tmp_path):
    """Trained, validated, asked, saved, loaded, asked over time and counted, without plumbing."""
    classifier, history = helpers.train_classifier(some, network=network, epochs=1, device="cpu")
    assert len(history.loss) == 1
    trained = cross_validate({"mine": NetworkEstimator(network, epochs=1)}, some, range(12))
    assert trained["mine"].correct(some).shape == (1, 12)
    events = some.events[0]
    prediction = predict(classifier, events, "cpu")
    assert sum(prediction.probabilities.values()) == pytest.approx(1)
    helpers.save_checkpoint(classifier, tmp_path / "mine.pt")
    loaded = helpers.load_checkpoint(tmp_path / "mine.pt", "cpu", network=network)
    assert predict(loaded, events, "cpu").probabilities == prediction.probabilities
    over_time = predict_over_time(loaded, some)
    assert np.array(over_time.answers[0])[-1] == [*some.classes, None].index(prediction.class_name)
    frames = batch(some, classifier.snn.takes_sparse)
    assert (count_operations(classifier, frames).effective > 0).all()


@pytest.mark.parametrize("network", [Typed, LayerThenSNN, FeedforwardSNN])
def test_width_that_does_not_fit_is_an_error_everywhere(network, some):
    classifier, _ = helpers.train_classifier(some, network=network, epochs=1, time_window=2000)
    assert classifier.snn.dt == 0.002
    loader = make_loader(some, time_window=1000)
    part = DataLoader(Subset(loader.dataset, range(4)), collate_fn=loader.collate_fn)
    refused = (helpers.evaluate, loader), (helpers.fit, loader), (helpers.evaluate, part)
    for function, batches in refused:
        with pytest.raises(ValueError, match=r"bins are 1000 µs wide, .* dt is 0\.002 s"):
            function(classifier, batches)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (SNN(8, 4), "network is made already; give its class"),
        ("fast", "'fast' is not a callable object"),
        (lambda: torch.nn.Linear(2, 2), "made a Linear; make a FrameNetwork"),
    ],
)
def test_what_makes_no_network_is_refused(network, message, some):
    with pytest.raises(TypeError, match="(?s)" + message):
        helpers.train_classifier(some, network=network)


def test_network_fits_any_recordings_without_plumbing():
    events = np.array([(0, 0, 0, 0), (1500, 19, 29, 1)], dtype=EVENT_DTYPE)
    pair = Recordings([events, events], [0, 1], ("a", "b"), (20, 30, 2))
    for network in (Typed, SNN, *NETWORKS, partial(LayerThenSNN, features=7)):
        classifier, _ = helpers.train_classifier(pair, network=network, time_window=500, epochs=1)
        assert predict(classifier, events).readout.shape[1] == 2
        assert set(predict(classifier, events).probabilities) == {"a", "b"}
