"""Whatever is passed: a right result, or an error that names an argument and never a crash."""

import math
import os
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_events import random_events
from test_protocol import Says

import pokersnn_helpers as helpers
from benchmarks.early import (
    choose_exit_threshold,
    early_exit,
    firing_rate_regularised,
    nll_over_events,
    quantized,
)
from benchmarks.latency import correct_after_events, correct_at_time
from pokersnn_helpers import EVENT_DTYPE, SNN, Classifier, FastSNN, Recordings, predict
from pokersnn_helpers.study import losses, perturbations
from pokersnn_helpers.study.latency import predict_over_time
from pokersnn_helpers.study.models import CNN, GRU, MLP, FrameMLP
from pokersnn_helpers.study.protocol import bootstrap_interval, cross_validate

EXAMPLES = int(os.environ.get("EXAMPLES", 0))  # more of them, by hand
QUICK = settings(derandomize=not EXAMPLES, max_examples=EXAMPLES or 40, deadline=None)
SENSOR, CLASSES = (5, 4, 2), ("a", "b", "c")
SIZES = math.prod(SENSOR), 3, len(CLASSES)
ODD = st.sampled_from(
    [
        *(None, True, "a", "", b"x", 1j, -1, 0, 1, 2, 0.5, 10**30, -(10**9), math.nan, math.inf),
        *([], [0], (1, 2), {}, {1}, range(3), object(), len, int),
        *(np.array([]), np.zeros((2, 2)), np.array([0.5, np.nan]), np.float32(2), np.int8(1)),
        *(torch.zeros(0), torch.ones(2, 3), torch.tensor(math.nan)),
    ]
)


def result(call, *names):
    """Return what a call gives, or None where its error names an argument, or is Python's own."""
    try:
        return call()
    except (ValueError, TypeError, IndexError, OSError) as error:
        known = "|".join([*names, "iter", "inhomogeneous", "hash"])
        assert re.search(known, str(error)), repr(error)
        return None


@st.composite
def recordings(draw, fewest=1):
    n = draw(st.integers(fewest, fewest + 7))
    rng, events = np.random.default_rng(draw(st.integers(0, 2**32))), []
    for _ in range(n):
        times = np.sort(rng.integers(0, 20_000, rng.integers(1, 20)))
        events.append(random_events(times, SENSOR, rng))
    return Recordings(events, rng.integers(0, 3, n), CLASSES, SENSOR)


def classifier(network):
    return Classifier(network, classes=CLASSES, sensor_size=SENSOR)


NETWORKS = {
    "SNN": lambda: SNN(*SIZES),
    "FastSNN": lambda: FastSNN(*SIZES),
    "coarse": lambda: FastSNN(*SIZES, dt=0.005),
    "MLP": lambda: MLP(SENSOR, 3, hidden_size=2),
    "CNN": lambda: CNN(SENSOR, 3, channels=2),
    "GRU": lambda: GRU(math.prod(SENSOR), 3, hidden_size=2),
    "FrameMLP": lambda: FrameMLP(SENSOR, 3, hidden_size=2),
}


# ---- Recordings and predict ----


@QUICK
@given(st.lists(ODD, max_size=3) | ODD, st.lists(ODD, max_size=3) | ODD, ODD, ODD)
def test_recordings_of_anything_are_refused_by_name(events, targets, classes, sensor_size):
    names = ("recording", "targets", "classes", "sensor_size", "events")
    result(lambda: Recordings(events, targets, classes, sensor_size), *names)
    sound = np.zeros(1, EVENT_DTYPE)
    result(lambda: Recordings([sound], targets, CLASSES, SENSOR), *names)
    result(lambda: Recordings([sound], [0], classes, SENSOR), *names)
    result(lambda: Recordings([sound], [0], CLASSES, sensor_size), *names)
    result(lambda: Recordings(events, [0], CLASSES, SENSOR), *names)


@QUICK
@given(recordings(), ODD | st.lists(ODD | st.integers(-9, 9), max_size=3))
def test_subset_holds_what_was_asked_for(some, indices):
    found = result(lambda: some.subset(indices), "index", "ind(ic|ex)es", "sequence")
    if found is not None and not any(isinstance(each, bool) for each in indices):
        assert found.targets == [some.targets[number] for number in indices]


@QUICK
@given(recordings(), ODD, ODD | st.lists(ODD, min_size=8, max_size=8), ODD)
def test_folds_share_out_every_recording_or_name_what_is_wrong(some, folds, groups, seed):
    names = ("folds", "groups", "seed")
    found = result(lambda: helpers.stratified_folds(some, folds, groups, seed), *names)
    if found:
        assert sum(len(fold.test) for fold in found) == len(some)


@QUICK
@given(st.sampled_from(sorted(NETWORKS)), recordings(), ODD, st.integers(0, 2**60))
def test_prediction_is_one_of_probabilities_or_names_what_is_wrong(kind, some, odd, last):
    tiny, events = classifier(NETWORKS[kind]()), some.events[0]
    prediction = predict(tiny, events, "cpu")
    assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-5)
    result(lambda: predict(tiny, odd, "cpu"), "the recording")
    result(lambda: predict(odd, events, "cpu"), "classifier")
    if last > 2**36:
        events = events.copy()
        events["t"][-1] = max(last, int(events["t"][-1]))
        result(lambda: predict(tiny, events, "cpu"), "the recording")


class Returns(helpers.SpikingNetwork):
    """Its step gives back what it was made with."""

    def __init__(self, returned):
        super().__init__()
        self.linear, self.returned = torch.nn.Linear(SIZES[0], 3), returned

    def step(self, frame, state):
        voltages = self.linear(frame.flatten(1))
        kind, value = self.returned
        return {"voltages": (value, state), "state": (voltages, value), "all": value}[kind]


@QUICK
@given(st.tuples(st.sampled_from(["voltages", "state", "all"]), ODD), st.booleans())
def test_step_that_returns_anything_is_named(returned, record):
    network = Returns(returned)
    network.record = record
    frames = torch.ones(3, 2, *SENSOR[::-1])
    names = ("step returned", "state", "voltages", "expected Tensor")
    found = result(lambda: classifier(network)(frames), *names)
    if found is not None:
        assert found.shape == (2, 3)


# ---- Losses, and what depends on them ----

LOSSES = [losses.nll_over_time, nll_over_events, firing_rate_regularised]


@QUICK
@given(st.sampled_from(LOSSES), st.data())
def test_loss_is_a_finite_number_per_recording_or_names_what_is_wrong(loss, data):
    size = st.integers(0, 3)
    steps, batch = data.draw(size), data.draw(size)
    voltages = torch.randn(steps + data.draw(st.integers(0, 1)), batch, 4)
    frames = torch.rand(steps, batch, *SENSOR[::-1]).round()
    frames *= data.draw(st.booleans())  # or no event at all
    numbers = st.integers(-1, 4)
    targets = torch.tensor(data.draw(st.lists(numbers, max_size=3)), dtype=torch.int64)
    found = result(lambda: loss(voltages, targets, frames), "voltages", "targets", "frames")
    if found is not None:
        assert found.shape == (batch,) and found.isfinite().all()


@QUICK
@given(ODD)
def test_penalty_is_named(penalty):
    voltages, frames = torch.zeros(2, 1, 4), torch.ones(2, 1, *SENSOR[::-1])
    targets = torch.zeros(1, dtype=torch.int64)
    call = firing_rate_regularised
    found = result(lambda: call(voltages, targets, frames, penalty), "penalty")
    assert found is None or found.isfinite().all()


# ---- Perturbations ----

PERTURBATIONS = ("shuffled_time", "reversed_time", "merge_polarities", "first_tenth", "last_tenth")


@QUICK
@given(st.sampled_from(PERTURBATIONS), recordings(), ODD)
def test_changed_recordings_are_recordings_or_an_argument_is_named(name, some, odd):
    change = getattr(perturbations, name)
    found = change(some)
    assert found.targets == some.targets and found.sensor_size == SENSOR
    assert result(lambda: change(odd), "recordings") is None
    result(lambda: perturbations.shuffled_time(some, odd), "seed")


# ---- Predictions over time ----


@QUICK
@given(st.sampled_from(sorted(NETWORKS)), recordings(), ODD, ODD | st.floats(-1, 2))
def test_predictions_over_time_agree_with_each_other(kind, some, odd, threshold):
    tiny = classifier(NETWORKS[kind]())
    found = predict_over_time(tiny, some)
    last = np.array([each[-1] for each in found.correct])
    assert found.final_accuracy == last.mean() and 0 <= found.accuracy_over_events <= 1
    assert np.array_equal(np.isfinite(found.decision_time_ms), last)
    assert np.array_equal(correct_at_time(found, [1e14])[:, 0], last)
    assert np.array_equal(correct_after_events(found, [1e14])[:, 0], last)
    stopped = result(lambda: early_exit(found, threshold), "threshold")
    if stopped is not None:
        assert (stopped[1] >= 1).all() and (stopped[1] <= [len(e) for e in found.events]).all()
    assert 1 / 3 - 1e-9 <= choose_exit_threshold(found) <= 1.01
    assert result(lambda: predict_over_time(odd, some), "classifier") is None
    assert result(lambda: predict_over_time(tiny, odd), "recordings") is None


@QUICK
@given(st.sampled_from(sorted(NETWORKS)), ODD | st.integers(2, 32))
def test_quantized_weights_are_finite_and_near(kind, bits):
    tiny = classifier(NETWORKS[kind]())
    found = result(lambda: quantized(tiny, bits), "bits")
    assert result(lambda: quantized(bits), "classifier") is None
    for one, two in zip(tiny.parameters(), found.parameters() if found else (), strict=False):
        step = one.abs().max() / (2 ** (int(bits) - 1) - 1)
        assert (one - two).abs().max() <= 0.51 * step + 1e-6


# ---- The protocol ----


@QUICK
@given(recordings(fewest=6), ODD, ODD, ODD | st.just(2))
def test_cross_validated_accuracy_is_right_or_names_what_is_wrong(some, answer, odd, folds):
    groups = np.arange(len(some))
    names = ("folds", "groups", "seed", "predicted")
    models = {"odd": Says(lambda _: answer), "right": Says(lambda some: some.targets)}
    trained = result(lambda: cross_validate(models, some, groups, folds=folds), *names)
    if trained is not None:
        assert trained["right"].correct(some).all()
        result(lambda: trained["odd"].correct(some), *names)
    result(lambda: cross_validate(models, some, odd), *names)
    result(lambda: cross_validate(models, some, groups, seeds=[odd]), *names)


@QUICK
@given(ODD | st.lists(st.booleans(), min_size=1), ODD | st.lists(st.integers(0, 3)))
def test_interval_lies_between_0_and_1_or_an_argument_is_named(correct, groups):
    found = result(lambda: bootstrap_interval(correct, groups), "correct", "groups")
    assert found is None or 0 <= found[0] <= found[1] <= 1
