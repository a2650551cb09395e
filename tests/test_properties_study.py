"""What holds for any recordings, any of the networks, and whatever else is drawn."""

import math
import os

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_events import random_events
from test_protocol import Says

from benchmarks.early import (
    choose_exit_threshold,
    early_exit,
    final_accuracy,
    firing_rate_regularised,
    nll_over_time,
)
from benchmarks.latency import correct_after_events, correct_at_time
from pokersnn_helpers import SNN, Classifier, FastSNN, Recordings, predict, stratified_folds
from pokersnn_helpers.study import perturbations
from pokersnn_helpers.study.intervals import bootstrap_interval
from pokersnn_helpers.study.latency import predict_over_time
from pokersnn_helpers.study.models import CNN, GRU, MLP, FrameMLP
from pokersnn_helpers.study.protocol import cross_validate

EXAMPLES = int(os.environ.get("EXAMPLES", 0))  # more of them, by hand
QUICK = settings(derandomize=not EXAMPLES, max_examples=EXAMPLES or 40, deadline=None)
SENSOR = (5, 4, 2)
CLASSES = ("a", "b", "c")
INPUTS = math.prod(SENSOR)
NETWORKS = {
    "SNN": lambda: SNN(INPUTS, 3, 3),
    "FastSNN": lambda: FastSNN(INPUTS, 3, 3),
    "coarse": lambda: FastSNN(INPUTS, 3, 3, dt=0.005),
    "MLP": lambda: MLP(SENSOR, 3, hidden_size=2),
    "CNN": lambda: CNN(SENSOR, 3, channels=2),
    "GRU": lambda: GRU(INPUTS, 3, hidden_size=2),
    "FrameMLP": lambda: FrameMLP(SENSOR, 3, hidden_size=2),
}


@st.composite
def recordings(draw, fewest=1):
    count = draw(st.integers(fewest, fewest + 7))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    events = []
    for _ in range(count):
        times = np.sort(rng.integers(0, 20_000, rng.integers(1, 20)))
        events.append(random_events(times, SENSOR, rng))
    return Recordings(events, rng.integers(0, 3, count), CLASSES, SENSOR)


@st.composite
def classifiers(draw):
    network = NETWORKS[draw(st.sampled_from(sorted(NETWORKS)))]()
    return Classifier(network, classes=CLASSES, sensor_size=SENSOR)


@QUICK
@given(recordings(fewest=6), st.integers(2, 3), st.integers(0, 2**32 - 1))
def test_folds_share_out_every_recording_or_say_that_they_cannot(some, folds, seed):
    try:
        splits = stratified_folds(some, folds, seed=seed)
    except ValueError as error:
        assert "choose" in str(error)
    else:
        assert sum(len(split.test) for split in splits) == len(some)


@QUICK
@given(classifiers(), recordings())
def test_prediction_is_one_of_probabilities(classifier, some):
    prediction = predict(classifier, some.events[0], "cpu")
    assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-5)


@QUICK
@given(
    st.sampled_from([nll_over_time, firing_rate_regularised]),
    st.integers(1, 3),
    st.integers(0, 3),
    st.floats(0, 1),
)
def test_loss_is_a_finite_number_per_recording(loss, steps, count, rate):
    voltages = torch.randn(steps, count, 4)
    frames = torch.poisson(torch.full((steps, count, *SENSOR[::-1]), rate))  # or no event at all
    targets = torch.randint(3, (count,))
    losses = loss(voltages, targets, frames, torch.full((count,), steps))
    assert losses.shape == (count,)
    assert losses.isfinite().all()


@QUICK
@given(
    st.sampled_from(
        [
            "shuffled_time",
            "uniform_time",
            "reversed_time",
            "merge_polarities",
            "first_tenth",
            "any_tenth",
            "last_tenth",
        ]
    ),
    recordings(),
)
def test_changed_recordings_are_recordings_of_the_same_classes(name, some):
    changed = getattr(perturbations, name)(some)
    assert (changed.targets, changed.sensor_size) == (some.targets, SENSOR)
    assert all(0 < len(events) <= 20 for events in changed.events)


@QUICK
@given(classifiers(), recordings(), st.floats(0.01, 1))
def test_predictions_over_time_agree_with_each_other(classifier, some, threshold):
    predictions = predict_over_time(classifier, some)
    last = np.array([correct[-1] for correct in predictions.correct])
    assert final_accuracy(predictions) == last.mean()
    assert np.array_equal(correct_at_time(predictions, [1e14])[:, 0], last)
    assert np.array_equal(correct_after_events(predictions, [1e14])[:, 0], last)
    _, steps = early_exit(predictions, threshold)
    lengths = [len(events) for events in predictions.events]
    assert (steps >= 1).all()
    assert (steps <= lengths).all()
    assert 1 / 3 - 1e-9 <= choose_exit_threshold(predictions) <= 1.01


@QUICK
@given(recordings(fewest=9), st.integers(0, 2**32 - 1))
def test_who_is_always_right_is_right_in_every_fold(some, seed):
    all_classes = Recordings(some.events, np.arange(len(some)) % 3, CLASSES, SENSOR)
    models = {"right": Says(lambda recordings: recordings.targets)}
    groups = range(len(some))
    trained = cross_validate(models, all_classes, groups, folds=3, seeds=[seed])
    assert trained["right"].correct(all_classes).all()


@QUICK
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1))
def test_interval_lies_between_0_and_1(answers):
    correct, groups = zip(*answers, strict=True)
    low, high = bootstrap_interval(correct, groups)
    assert 0 <= low <= high <= 1
