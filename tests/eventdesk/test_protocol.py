"""Estimators, folds that keep groups apart, intervals; and networks of a reader's own."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from itertools import chain
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from same import same
from test_models import NETWORKS

import pokersnn_helpers as helpers
from benchmarks.models import FeedforwardSNN
from benchmarks.over_time import predict_over_time
from eventdesk.evidence import estimators, parallel
from eventdesk.evidence.estimators import NetworkEstimator, PerturbedEstimator
from eventdesk.evidence.intervals import accuracy_interval
from eventdesk.evidence.parallel import in_parallel
from eventdesk.evidence.perturbations import reversed_time
from eventdesk.evidence.protocol import CrossValidated, Evidence, Trial, cross_validate
from eventdesk.models.ordinary import MLP, summed_image
from pokersnn_helpers import EVENT_DTYPE, SNN, Recordings, predict
from pokersnn_helpers.events.recordings import make_events
from pokersnn_helpers.networks.spiking_network import WHOLE
from pokersnn_helpers.training.recipe import AUGMENTS


class Says:
    """An estimator that learns nothing."""

    def __init__(self, predict):
        self.predict = predict

    def fit(self, recordings, seed=0):
        return self


def numbered(count):
    """Recordings that can be told apart: number n has n + 1 events."""
    events = [make_events(range(number + 1), 0, 0, 0) for number in range(count)]
    return Recordings(events, np.arange(count) % 2, ("a", "b"), (4, 1, 2))


def numbers_of(recordings):
    return [len(events) - 1 for events in recordings.events]


class Spy:
    """An estimator that notes which recordings it learns from and is asked about."""

    def __init__(self, notes):
        self.notes = notes

    def __deepcopy__(self, memo):
        return Spy(self.notes)

    def fit(self, recordings, seed=0):
        self.seed = seed
        self.learned = numbers_of(recordings)
        return self

    def predict(self, recordings):
        self.notes.append((self.seed, self.learned, numbers_of(recordings)))
        return np.zeros(len(recordings), int)


# ---- Folds ----


def test_correct_is_by_seed_and_recording():
    zeros = Says(lambda recordings: [0] * len(recordings))
    ones = Says(lambda recordings: [1] * len(recordings))
    trained = CrossValidated([[(zeros, np.array([0, 3])), (ones, np.array([1, 2]))]])
    assert trained.correct(numbered(4)).tolist() == [[True, True, False, False]]
    with pytest.raises(ValueError, match="recordings are 3, but the folds hold out 4"):
        trained.correct(numbered(3))  # not as if others had been asked about


# ---- Evidence ----


GROUPS = [number // 4 for number in range(24)]


def parts_of(trial):
    """The numbers of the recordings to learn from, to choose by and to test on."""
    learned = numbers_of(trial.learn.recordings)
    chosen_by = numbers_of(trial.choose.recordings) if trial.choose else []
    return learned, chosen_by, trial.test(lambda tested: numbers_of(tested.recordings))


@pytest.fixture
def evidence():
    return Evidence(numbered(24), GROUPS)


@pytest.mark.parametrize(
    ("trials", "choose"),
    [
        (lambda evidence: evidence.folds(3), False),
        (lambda evidence: evidence.folds(3)[0].learn.folds(2), False),
        (lambda evidence: [evidence.without(2, 5)], False),
        (lambda evidence: [evidence.hold_out(3)], True),
        (lambda evidence: [evidence.hold_out(6)], False),  # five groups are left
    ],
)
def test_no_group_is_in_two_parts_of_a_trial(trials, choose, evidence):
    for trial in trials(evidence):
        parts = parts_of(trial)
        assert bool(parts[1]) == choose
        assert all(parts[::2])
        groups = [{GROUPS[number] for number in part} for part in parts]
        assert sum(map(len, groups)) == len(set.union(*groups))


def test_each_group_that_is_named_tests_and_what_predicts_is_not_told_its_classes(evidence):
    tested, correct = evidence.without(2, 5).correct(lambda recordings: recordings.targets)
    assert tested.tolist() == [8, 9, 10, 11, 20, 21, 22, 23]
    assert correct.tolist() == 4 * [True, False]


def test_one_answer_for_all_recordings_is_refused(evidence):
    with pytest.raises(ValueError, match=r"shape \(\); return an answer for each of 4 recordings"):
        evidence.without(2).correct(len)


def test_without_groups_one_of_four_tests():
    parts = parts_of(Evidence(numbered(24)).hold_out())
    assert [*map(len, parts)] == [14, 4, 6]
    assert sorted(chain(*parts)) == [*range(24)]


@pytest.mark.parametrize(
    "second_look",
    [lambda trial: trial.learn, lambda trial: trial.choose, lambda trial: trial.correct(len)],
)
def test_after_the_test_nothing_is_learned_chosen_or_tested(second_look, evidence):
    trial = evidence.hold_out()
    trial.test(lambda tested: None)
    with pytest.raises(RuntimeError, match="test has been looked at"):
        second_look(trial)


def test_a_copy_of_a_recording_is_of_its_group():
    some = numbered(8)
    learn, five, six, seven = (
        Evidence(some.subset(numbers)) for numbers in (range(6), [5, 6], [6, 7], [7])
    )
    Trial(learn, six)
    with pytest.raises(ValueError, match="is among what to learn from and among what to test on"):
        Trial(learn, five)
    with pytest.raises(ValueError, match="is among what to choose by and among what to test on"):
        Trial(learn, seven, six)


# ---- Processes ----


@pytest.mark.slow
def test_processes_change_nothing(some):
    models = {"MLP": NetworkEstimator(MLP, epochs=2), "SNN": NetworkEstimator(epochs=1)}
    weights = []
    for processes in (1, 2):
        trained = cross_validate(models, some, range(12), processes=processes)
        runs = [fold for name in models for fold in trained[name].runs[0]]
        weights.append([estimator.network.state_dict() for estimator, _ in runs])
    assert same(*weights)


def test_cross_validation_leaves_the_given_estimators_alone(some):
    model = estimators.logistic_regression(summed_image).fit(some)
    before = model.predict(some).copy()
    eight = some.subset([0, 3, 6, 9, 1, 4, 7, 10])
    cross_validate({"model": model}, eight, range(8), folds=2)
    assert np.array_equal(model.predict(some), before)


JOBS = {n: partial(divmod, n, 3) for n in range(7)}
DONE = {n: divmod(n, 3) for n in range(7)}


@pytest.mark.parametrize("processes", [1, 2])
def test_jobs_come_back_by_name_and_their_errors_come_through(processes):
    assert dict(in_parallel(JOBS, processes)) == DONE
    with pytest.raises(ZeroDivisionError):
        list(in_parallel(JOBS | {5: partial(divmod, 1, 0)}, processes))


def test_without_shared_memory_one_process_does_all(monkeypatch):
    def refuse():
        raise PermissionError(13, "Permission denied", "/dev/shm")

    monkeypatch.setattr(parallel.multiprocessing, "Lock", refuse)
    workers = []
    make = parallel.Parallel
    monkeypatch.setattr(parallel, "Parallel", lambda n, **how: workers.append(n) or make(n, **how))
    assert dict(in_parallel(JOBS)) == DONE
    with pytest.warns(UserWarning, match="can't share memory here"):
        assert dict(in_parallel(JOBS, 2)) == DONE
    assert workers == [1, 1]


WORKING = """
import os, signal, sys, time
from functools import partial
from pathlib import Path
from eventdesk.evidence.parallel import in_parallel

def work(folder):
    Path(folder, str(os.getpid())).touch()
    time.sleep(60)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
    list(in_parallel(dict.fromkeys(range(4), partial(work, sys.argv[1])), 2))
"""


@pytest.fixture
def working(tmp_path):
    """A program whose two processes work, and the numbers of these."""
    folder = tmp_path / "numbers"
    folder.mkdir()
    program = subprocess.Popen(
        [sys.executable, "-c", WORKING, folder], stderr=subprocess.PIPE, text=True
    )
    while len([*folder.iterdir()]) < 2:
        assert program.poll() is None, program.communicate()
        time.sleep(0.1)
    yield program, [int(path.name) for path in folder.iterdir()]
    program.kill()
    program.communicate()


def exists(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.slow
def test_nothing_stays_behind_when_the_parent_ends(working, how):
    program, processes = working
    program.send_signal(how)
    begin = time.monotonic()
    program.wait(60)
    while any(map(exists, processes)):
        time.sleep(0.1)
        assert time.monotonic() - begin < 60  # 3 on an idle machine


@pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")
@pytest.mark.slow
def test_a_killed_process_is_named_in_words(working):
    program, processes = working
    os.kill(processes[0], signal.SIGKILL)
    _, errors = program.communicate(timeout=60)
    assert errors.splitlines()[-1].startswith(
        "RuntimeError: a process that trained was ended from outside"
    )


def test_a_job_shows_no_progress_bar_of_its_own(some, capsys, monkeypatch):
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    job = partial(NetworkEstimator(MLP, epochs=1).fit, some)
    dict(in_parallel({"MLP": job}, progress="models"))
    shown = capsys.readouterr().err
    assert "models: 100%" in shown
    assert "training" not in shown


# ---- Intervals ----


def test_no_error_leaves_an_interval_of_some_width():
    """The exact bound: with this accuracy 26 groups are all right in 2.5 % of all cases."""
    groups = np.arange(131) % 26
    low, high = accuracy_interval(np.ones(131), groups)
    assert high == 1
    assert low**26 == pytest.approx(0.025)
    assert accuracy_interval(np.zeros(131), groups) == pytest.approx((0, 1 - low))


def test_an_interval_weighs_groups_by_their_size():
    sizes = np.tile([9, 1], 20)
    right = np.tile([1, 0], 20)  # the large groups are
    groups = np.repeat(np.arange(40), sizes)
    low, high = accuracy_interval(np.repeat(right, sizes), groups)
    assert 0.75 < low < 0.9 < high < 0.98


@pytest.mark.parametrize("seeds", [1, 10])
def test_an_interval_of_95_percent_holds_the_true_accuracy_where_nearly_all_answers_are_right(
    seeds,
):
    """The middle 95 % of a bootstrap of passes hold it in 77 and 74 % of these draws."""
    passes = np.repeat(np.arange(26), np.tile([2, 3, 5, 14, 2, 7], 5)[:26])
    random = np.random.default_rng(0)
    held = []
    for _ in range(300):
        easy = random.beta(0.97 * 4, 0.03 * 4, size=26)[passes]  # correlation within a pass: 0.2
        low, high = accuracy_interval(random.binomial(seeds, easy) / seeds, passes)
        held.append(low <= 0.97 <= high)
    assert np.mean(held) >= 0.93


@settings(derandomize=True, max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1))
def test_interval_lies_between_0_and_1(answers):
    correct, groups = zip(*answers, strict=True)
    low, high = accuracy_interval(correct, groups)
    assert 0 <= low <= high <= 1


def test_a_single_group_says_nothing():
    assert accuracy_interval([1, 0, 1], [0, 0, 0]) == (0, 1)


def test_what_is_no_share_is_refused():
    with pytest.raises(ValueError, match="give truth values or shares"):
        accuracy_interval([0, 3, 1], [0, 1, 2])  # classes, and not whether they are right


def test_groups_that_agree_are_no_certainty():
    low, high = accuracy_interval([1, 0] * 8, np.arange(16) // 2)
    assert 0 < low < 0.2 < 0.8 < high < 1


# ---- Estimators ----


def test_perturbed_estimator_learns_from_changed_recordings_and_is_asked_about_them(some):
    calls = []
    spy = SimpleNamespace(fit=lambda recordings, _: calls.append(recordings), predict=calls.append)
    PerturbedEstimator(spy, reversed_time).fit(some, 7).predict(some)
    expected = reversed_time(some).events[0]
    assert len(calls) == 2
    assert all(np.array_equal(seen.events[0], expected) for seen in calls)


def test_network_is_trained_by_the_book_s_recipe_but_for_what_is_given(monkeypatch):
    calls = []
    train = lambda recordings, seed, device, **arguments: (calls.append(arguments), None)  # noqa: E731
    monkeypatch.setattr(estimators, "train_classifier", train)
    recordings = numbered(4)  # which are no cards
    NetworkEstimator(MLP).fit(recordings)
    NetworkEstimator(MLP, clip_norm=None, time_window=WHOLE).fit(recordings)
    by_default, changed = calls
    assert by_default.pop("augment") in ("mirror", AUGMENTS["mirror"])
    numbers = {"time_window": 1000, "epochs": 60, "batch_size": 32, "learning_rate": 0.001}
    assert by_default == {"network": MLP, **numbers}
    assert changed.items() > {"clip_norm": None, "time_window": WHOLE}.items()


# ---- Networks of a reader's own ----


@pytest.mark.parametrize("network", [SNN, *NETWORKS, FeedforwardSNN])
def test_any_network_goes_all_the_way_with_any_recordings(network, tmp_path):
    """Trained, validated, asked, saved, loaded and asked over time, without plumbing."""
    events = np.array([(0, 0, 0, 0), (1500, 19, 29, 1)], dtype=EVENT_DTYPE)
    pairs = Recordings([events] * 12, [0, 1] * 6, ("a", "b"), (20, 30, 2))
    options = {"time_window": 500, "epochs": 1}
    classifier, _ = helpers.train_classifier(pairs, network=network, device="cpu", **options)
    trained = cross_validate({"mine": NetworkEstimator(network, **options)}, pairs, range(12))
    assert trained["mine"].correct(pairs).shape == (1, 12)

    prediction = predict(classifier, events, "cpu")
    helpers.save_checkpoint(classifier, tmp_path / "mine.pt")
    loaded = helpers.load_checkpoint(tmp_path / "mine.pt", "cpu", network=network)
    assert predict(loaded, events, "cpu").probabilities == prediction.probabilities

    last = predict_over_time(loaded, pairs).answers[0][-1]
    assert [*pairs.classes, None][last] == prediction.class_name
