"""Benchmarks measure what they say. How long anything takes is no matter of tests."""

import inspect
import io
import json
import sys
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

import pokersnn_helpers as helpers
from benchmarks import __main__ as command
from benchmarks import (
    accuracy,
    batches,
    folds,
    latency,
    libraries,
    lines,
    models,
    motions,
    networks,
    nmnist,
    operations,
    simulation,
    store,
    stream,
    timing,
)
from benchmarks.early import train_sparse
from benchmarks.perturbations import one_polarity
from pokersnn_helpers import Classifier, FastSNN, Split, build_network, load_nmnist
from pokersnn_helpers.fast import LayerThenSNN
from pokersnn_helpers.pokerdvs import POKERDVS_CLASSES
from pokersnn_helpers.simulation.motions import film_dots, film_motions
from pokersnn_helpers.study import measured, protocol
from pokersnn_helpers.study.latency import PredictionsOverTime
from pokersnn_helpers.study.models import MotionDetector, summed_image
from pokersnn_helpers.study.perturbations import reversed_time
from pokersnn_helpers.study.protocol import NetworkEstimator, PerturbedEstimator

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def loaded(data, monkeypatch):
    monkeypatch.setattr(folds, "PROCESSES", 1)
    for module in (lines, networks, operations, stream, timing):
        monkeypatch.setattr(module, "recordings", lambda: data)


@pytest.fixture
def put(monkeypatch):
    """Return a function that puts other values into a module."""

    def change(module, **values):
        for name, value in values.items():
            monkeypatch.setattr(module, name, value)

    return change


@pytest.mark.parametrize("name", command.BENCHMARKS)
def test_every_name_has_its_measurement(name):
    options = inspect.signature(command.function_of(name)).parameters
    assert all(option.default is not inspect.Parameter.empty for option in options.values())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["everything"], "there is no benchmark everything; choose from step, widths"),
        (["step", "--seeds", "2"], "step takes no --seeds"),
        (["step", "--repeats", "0"], "argument --repeats: invalid positive value: '0'"),
        (["step", "--compare"], "step hasn't been kept; --write keeps it"),
        (["accuracy", "--write", "--compare"], "not allowed with argument --write"),
    ],
)
def test_unusable_word_is_named(words, message, monkeypatch, capsys):
    monkeypatch.setattr(networks, "measure_step", lambda repeats=1: pytest.fail("measures"))
    with pytest.raises(SystemExit):
        command.main(words)
    assert message in capsys.readouterr().err


def test_command_lists_names_prints_text_and_json_to_any_terminal(data, monkeypatch):
    result = {"of": "\U0001f0a1", "correct": [19, 20], "rows": [{"a": np.nan, "b": 1.5, "c": None}]}
    monkeypatch.setattr(networks, "measure_step", lambda: result | {"summary": {"d": np.inf}})
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    for words in ([], ["step"], ["step", "--json"]):
        command.main(words)
    sys.stdout.flush()
    *text, document, summary = sys.stdout.buffer.getvalue().decode("ascii").splitlines()
    assert [line.split()[0] for line in text[: len(command.BENCHMARKS)]] == list(command.BENCHMARKS)
    text = "\n".join(text)
    assert "of \\U0001f0a1, correct [19, 20]" in text and "nan 1.5 MISSING" in text
    assert "pip install 'pokersnn-helpers[bench]'" in text
    document = json.loads(document)
    assert (document["name"], document["setting"]["data"]) == ("step", data.source)
    assert torch.__version__.startswith(document["setting"]["torch"])  # without "+cu128"
    assert document["result"]["rows"] == [{"a": None, "b": 1.5, "c": None}]
    assert json.loads(summary) == {"d": None}


def test_steps_are_compared_with_the_fast_network_and_a_missing_library_is_named(put):
    put(networks, BIN_WIDTHS=(5000,), BATCH=4, HIDDEN=5, installed_version=lambda name: None)
    rows = networks.measure_step(repeats=1)["rows"]
    times = {row["network"]: row["median_ms"] for row in rows}
    assert {name for name, time in times.items() if time is None} == set(libraries.LIBRARIES)
    for row in rows:
        if time := row["median_ms"]:
            assert row["relative_to_FastSNN"] == pytest.approx(time / times[networks.FAST])
    frames, targets = networks.example_batch(5000)
    assert frames.shape[1] == len(targets) == 4


def test_median_ignores_the_first_run_and_steps_take_turns():
    runs = []
    steps = {"a": lambda: runs.append("a"), "b": lambda: runs.append("b")}
    assert timing.median_times(steps, 3).keys() == {"a", "b"}
    assert runs == ["a", "b"] * 4


def test_lines_count_the_held_out_recordings_of_all_folds(data, put):
    put(lines, recordings=lambda: data._replace(train=data.train.subset(range(0, 48, 3))))
    once = {name: line | {"epochs": 1} for name, line in list(lines.LINES.items())[-2:]}
    result = lines.measure_lines(seeds=1, lines=once)
    assert [row["line"] for row in result["rows"]] == list(once) and result["recordings"] == 16
    for row in result["rows"]:
        assert 0 <= row["lowest"] == row["mean"] == row["highest"] <= 16 and row["loss"] > 0


def test_each_line_adds_to_those_before_and_the_last_is_the_recipe():
    recipe = {
        name: parameter.default
        for function in (helpers.train_classifier, helpers.fit)
        for name, parameter in inspect.signature(function).parameters.items()
    } | {"network": FastSNN, "augment": helpers.augment}
    last = lines.LINES["and EMA"]
    assert last == {name: recipe[name] for name in last} and len(last) == 6
    torch.manual_seed(0)
    larger = lines.larger_weights().lif0.input_weights
    torch.manual_seed(0)
    assert larger.norm() > 4 * build_network(FastSNN).lif0.input_weights.norm()


def test_convolution_fits_any_sensor_and_any_bins():
    sizes = {"sensor_size": (20, 30, 1), "output_size": 3, "time_window": 500}
    network = build_network(models.ConvolutionalSNN, **sizes)
    assert network(torch.ones(5, 2, 1, 30, 20)).shape == (5, 2, 3)
    assert network.snn.dt == network.dt == 0.0005
    assert models.ConvolutionalSNN(channels=4).convolution.out_channels == 4


def settings(estimator):
    """What an estimator changes in the recipe, by name."""
    network = estimator.make
    fixed = network.keywords if isinstance(network, partial) else {}
    usual = {"learning_rate": 0.001} | fixed | estimator.recipe
    return getattr(network, "func", network), usual


def test_settings_of_the_models_are_among_those_tried():
    for name, trials in models.TRIALS.items():
        chosen, tried = models.MODELS[name], list(trials.values())
        assert len(tried) == 6
        if isinstance(chosen, PerturbedEstimator):
            tried = [each for each in tried if isinstance(each, PerturbedEstimator)]
            assert {each.perturb for each in tried} == {chosen.perturb}
            chosen, tried = chosen.estimator, [each.estimator for each in tried]
        if isinstance(chosen, NetworkEstimator):
            assert settings(chosen) in [settings(each) for each in tried]
        else:
            assert repr(chosen.model) in [repr(each.model) for each in tried]


@pytest.fixture(scope="module")
def few():
    """Five simulated passes of each suit, eight recordings of which four are upside down."""
    with pytest.MonkeyPatch.context() as patch:
        passes = {suit: [*3 * [(2, 1)], (1, 0), (1, 1)] for suit in POKERDVS_CLASSES}
        patch.setattr("pokersnn_helpers.simulation.dataset.PASSES", passes)
        return helpers.load_pokerdvs131(source="simulated")


@pytest.fixture
def asked(few, monkeypatch):
    """Let benchmarks of all 131 ask about the few, and return what identifies their groups."""
    monkeypatch.setattr(folds, "all_recordings", lambda: few)
    return few.table["pass"].to_numpy()


class RightAbout:
    """An estimator that is right about some recordings, and has no answer to the others."""

    classifier = None

    def __init__(self, known):
        self.known = known

    def fit(self, recordings, seed):
        self.learned, self.seed = recordings, seed
        return self

    def predict(self, recordings):
        return np.where([self.known(self, e) for e in recordings.events], recordings.targets, -1)


def both_polarities(self, events):
    return set(events["p"]) == {0, 1}


def as_learned(self, events):
    return set(events["p"]) == set(self.learned.events[0]["p"])


def test_accuracy_has_models_by_orientation_and_their_differences(few, asked, put):
    upright = few.recordings.subset(np.flatnonzero(~few.table["upside down"]))
    known = {events.tobytes() for events in upright.events}
    clubs = {events.tobytes() for events in few.recordings.events[:8]}
    asked_about = {
        accuracy.SNN: RightAbout(lambda self, events: True),
        "CNN": RightAbout(lambda self, events: events.tobytes() in known),
        "logistic regression": RightAbout(lambda self, events: events.tobytes() in clubs),
    }
    put(accuracy, MODELS=asked_about)
    result = accuracy.measure_accuracy(seeds=2)
    assert (result["recordings"], result["folds"], result["seeds"]) == (32, 3, 2)
    snn, cnn, only_clubs = result["rows"]
    assert [row["model"] for row in result["rows"]] == list(asked_about)
    assert snn["mean"] == snn["upright"] == snn["upside down"] == 1
    assert (cnn["mean"], cnn["upright"], cnn["upside down"]) == (0.5, 1, 0)
    assert [only_clubs[suit] for suit in POKERDVS_CLASSES] == [1, 0, 0, 0]
    assert 0 < only_clubs["interval low"] < only_clubs["mean"] < only_clubs["interval high"] < 1
    of_regression, of_cnn = result["differences"]
    assert (of_cnn["first"], of_cnn["second"]) == (accuracy.SNN, "CNN")
    assert of_cnn["points"] == 50 and of_regression["points"] == 75
    assert 0 < of_regression["interval low"] < 75 < of_regression["interval high"] <= 100


def test_changes_are_tested_with_and_without_training_on_them(few, asked, put):
    networks = dict.fromkeys(accuracy.NETWORKS, RightAbout(as_learned))
    changed = {"ON": (lambda some, amount: one_polarity(some) if amount > 1 else 1 / 0, (0, 2))}
    put(accuracy, MODELS=networks, CHANGES={"ON only": one_polarity}, DISTURBANCES=changed)
    result = accuracy.measure_changes(seeds=2)
    *rows, profile = result["rows"]
    assert (profile["model"], profile["how"]) == ("events by tenth of the recording", "as recorded")
    found = {(row["model"], row["change"], row["how"]): row for row in rows}
    assert len(found) == len(rows) == 3 * len(networks)
    for name in networks:
        assert found[name, "none", "as recorded"]["mean"] == 1
        tested = found[name, "ON only", "tested"]
        anew = found[name, "ON only", "trained and tested"]
        assert (tested["mean"], tested["change, points"]) == (0, -100)
        assert (anew["mean"], anew["change, points"]) == (1, 0)
    assert [(row["model"], row["amount"], row["mean"]) for row in result["disturbances"]] == [
        (name, amount, share) for amount, share in ((0, 1), (2, 0)) for name in accuracy.DISTURBED
    ]


def test_direction_is_chance_for_a_sum_and_reversals_stay_in_the_fold(asked, put):
    def its_reversal_is_new(self, events):
        learned = reversed_time(self.learned).events
        return events.tobytes() not in {each.tobytes() for each in learned}

    of_the_sum = protocol.logistic_regression(summed_image)
    put(accuracy, DIRECTION={"sum": of_the_sum, "new": RightAbout(its_reversal_is_new)})
    rows = accuracy.measure_direction(seeds=1)["rows"]
    assert [(row["model"], row["mean"]) for row in rows] == [("sum", 0.5), ("new", 1)]


def test_trials_have_a_row_per_setting(asked, put):
    tried = {"all": RightAbout(lambda self, events: True), "none": RightAbout(lambda *_: False)}
    put(accuracy, TRIALS={"a": tried})
    result = accuracy.measure_trials(seeds=1)
    assert [(row["setting"], row["mean"]) for row in result["rows"]] == [("all", 1), ("none", 0)]


def test_operations_have_a_row_per_model_and_bin_width(put):
    counted = [
        ("logistic regression", protocol.logistic_regression(summed_image)),
        ("SNN behind a layer", NetworkEstimator(LayerThenSNN, epochs=1)),
        ("SNN", NetworkEstimator(epochs=1, time_window=5000)),
    ]
    put(operations, COUNTED=counted)
    result = operations.measure_operations(repeats=1)
    regression, behind, _ = result["rows"]
    assert [row["bins_us"] for row in result["rows"]] == ["sum", 1000, 5000]
    assert regression["dense_macs"] == 4 * 2450 and regression["membrane_updates"] == 0
    assert behind["dense_macs"] == pytest.approx(behind["steps"] * (2450 * 100 + 100 * 204))
    for row in result["rows"]:
        assert 0 < row["effective_macs"] < row["dense_macs"]
        assert 0 < row["effective_uJ"] < row["dense_uJ"] < row["dense_with_memory_uJ"]


PREDICTIONS = PredictionsOverTime(
    [np.log([[0.9, 0.1]])], [np.ones(1)], targets=np.array([0]), time_window=1000
)
FEW = {"n_train": 4}


def test_streams_are_timed_and_compared_with_whole_recordings(data, put):
    some = data._replace(train=data.train.subset([0, 20]), test=data.test.subset([0, 10]))
    put(stream, NETWORKS={"FastSNN": FastSNN}, STEPS=20, EVENTS=2000, TURNS=2)
    put(stream, recordings=lambda: some)
    result = stream.measure(repeats=1)
    row = result["rows"][0]
    assert (row["network"], row["differing"], row["streams"]) == ("FastSNN", 0, 4 * 4)
    assert 0 < row["ten_events_us_lowest"] <= row["ten_events_us"] <= row["ten_events_us_highest"]
    assert 0 < row["million_events_per_s_lowest"] <= row["million_events_per_s"]
    assert 0 < result["pokerdvs_million_events_per_s"] < result["davis346_million_events_per_s"]
    put(stream, predict=lambda *a: helpers.predict(*a)._replace(class_name="none"))
    assert stream.measure(repeats=1)["rows"][0]["differing"] == 4 * 4


def test_mixtures_have_the_real_recordings_as_often_as_they_say(data):
    both = simulation.Mixture((FEW, FEW | {"upside_down": 1}), 2, None).recordings(data.train, 0)
    assert len(both) == 2 * len(data.train) + 8
    assert not torch.equal(*(torch.tensor(e["t"][:99].copy()) for e in both.events[-8::4]))


def test_other_passes_have_a_row_per_group(data, few, put):
    """Of an estimator that is right where a pip is upside down, and of one with a seed above 0."""
    tonic = np.array(["pips_train/0.npy", "pips_test/1.npy", "", ""] * 8)
    turned = few.table["upside down"].to_numpy()
    known = {few.recordings.events[number].tobytes() for number in np.flatnonzero(turned)}
    everything = few._replace(table=few.table.assign(tonic=tonic))
    put(simulation, load_pokerdvs=lambda source: data, load_pokerdvs131=lambda source: everything)
    mixtures = {
        "turned": simulation.Mixture((), 1, RightAbout(lambda self, e: e.tobytes() in known)),
        "seeds": simulation.Mixture((FEW,), 0, RightAbout(lambda self, e: self.seed > 0)),
    }
    put(simulation, TRAINED_ON=mixtures)
    rows = simulation.measure_passes(2)["rows"]
    names = [row["tested_on"] for row in rows]
    assert names == 2 * ["Tonic's 68", "its 20 test", "32 upright others", "31 upside down"]
    shares = [(row["mean"], row["lowest"], row["highest"]) for row in rows]
    of_tonic, of_its_test = turned[tonic != ""].mean(), turned[1::4].mean()
    assert [mean for mean, _, _ in shares[:4]] == [of_tonic, of_its_test, 0, 1]
    assert 0 < of_tonic != of_its_test < 1 and shares[4:] == 4 * [(0.5, 0, 1)]


def says_club_at_last(classifier, recordings):
    """Predictions of three steps of 2 ms: none, an unsure one of "club" and a sure one."""
    steps = np.log([4 * [0.25], [0.7, 0.1, 0.1, 0.1], [0.97, 0.01, 0.01, 0.01]])
    size, events = len(recordings), np.array([10, 100, 1000])
    targets = np.array(recordings.targets)
    return PredictionsOverTime(size * [steps], size * [events], targets, time_window=2000)


def test_latency_has_rows_curves_and_exits(few, asked, put):
    put(latency, TIMES_MS=(3, 4, 100), EVENTS=(10, 11, 10**6), THRESHOLDS=(0.6, 0.8, 1))
    put(latency, BY_FOLDS={"a": RightAbout(None), "b": RightAbout(None)})
    put(latency, predict_over_time=says_club_at_last)
    result = latency.measure_latency(seeds=2)
    assert (result["recordings"], result["folds"], result["seeds"]) == (32, 3, 2)
    assert [row["model"] for row in result["rows"]] == ["a", "b"]
    clubs = np.array(few.recordings.targets) == few.recordings.classes.index("club")
    interval, none = (folds.mean(each, asked) for each in (clubs, np.zeros(32)))
    row = result["rows"][0]
    assert row.items() >= interval.items() and interval["mean"] == 0.25
    assert (row["club_ms"], row["heart_ms"], row["worst_ms"]) == (4, np.inf, 4)
    assert row["never_correct"] == 2 * 24 and row["final_accuracy"] == 0.25
    assert row["accuracy_over_events"] == pytest.approx(0.25 * 1100 / 1110)
    axes = 3 * ["time (ms)"] + 3 * ["events seen"]
    ats, values = (3, 4, 100, 10, 11, 10**6), 2 * (none, interval, interval)
    assert result["curves"] == [
        {"model": name, "axis": axis, "at": at, **each}
        for name in "ab"
        for axis, at, each in zip(axes, ats, values, strict=True)
    ]
    exits = [(row["threshold"], row["ms"], row["correct"]) for row in result["exits"]]
    assert exits == 2 * [(0.6, 4, 0.25), (0.8, 6, 0.25), (1, 6, 0.25)]


def test_sparse_ends_with_a_line_of_the_setting_chosen_by_held_out_passes(put, capsys):
    short = partial(train_sparse, hidden_size=4, epochs=3)
    put(latency, train_sparse=short, held_out_passes=lambda *_: PREDICTIONS)
    put(latency, SPARSE=((0, 0), (10, 0.9)))
    command.main(["sparse", "--json", "--seeds", "1"])
    document, summary = map(json.loads, capsys.readouterr().out.splitlines())
    dense, sparse = document["result"]["rows"]
    assert [(row["penalty"], row["pruned"]) for row in (dense, sparse)] == [(0, 0), (10, 0.9)]
    assert summary == sparse  # as accurate, and fewer additions
    assert sparse["effective_acs"] < dense["effective_acs"]
    assert 0 < sparse["effective_acs_stopped"] <= sparse["effective_acs"]
    assert 0 < sparse["input_acs"] < 0.2 * dense["input_acs"]


def test_held_out_passes_are_asked_about_by_networks_without_them(few, asked, put):
    of_pass = dict(zip((e.tobytes() for e in few.recordings.events), asked, strict=True))
    passes = lambda recordings: {of_pass[events.tobytes()] for events in recordings.events}  # noqa: E731

    def train(recordings, seed, penalty, sparsity):
        assert (seed, penalty, sparsity) == (5, 3, 0.8)
        return passes(recordings)

    def predict(learned, recordings):
        assert learned | passes(recordings) == set(asked) and not learned & passes(recordings)
        return says_club_at_last(learned, recordings)

    put(latency, train_sparse=train, predict_over_time=predict)
    found = latency.held_out_passes(3, 0.8, 5)
    assert np.bincount(found.targets).tolist() == [8, 8, 8, 8]


def test_every_imperfection_is_added_and_taken_away(put, data):
    put(simulation, N_FILMED=4, IMPERFECTIONS=(("mismatch",),))
    rows = simulation.imperfections(data, range(1))
    assert [row["camera"] for row in rows] == [
        *("ideal", "all imperfections", "only mismatch", "all but mismatch"),
    ]


def test_nested_choice_never_sees_the_fold_that_it_is_tested_on(few, asked, put):
    trained = []

    class Spy:
        def fit(self, recordings, seed):
            self.learned = {events.tobytes() for events in recordings.events}
            return self

        def predict(self, recordings):
            trained.append((self.learned, {events.tobytes() for events in recordings.events}))
            return np.zeros(len(recordings), dtype=int)

    put(accuracy, TRIALS={accuracy.HYBRID: {"a": Spy()}})
    result = accuracy.measure_nested(seeds=1)
    assert len(trained) == 12  # in each fold three inner ones to choose by, then one to test
    tested = [trained[last][1] for last in (3, 7, 11)]
    assert sum(map(len, tested)) == len(set.union(*tested)) == len(few.recordings)
    for fold, outer in enumerate(tested):
        *inner, (learned, _) = trained[4 * fold : 4 * fold + 4]
        assert all(not outer & (part | held_out) for part, held_out in inner)
        assert set.union(*(held_out for _, held_out in inner)) == learned
    assert result["mean"] == 0.25 and result["club"] == 1  # always "club"


# ---- What is kept for the pages ----


@pytest.fixture
def kept(tmp_path, put):
    """A repository of its own whose code is committed, where real recordings are measured."""
    folder, everything = tmp_path / "pokersnn_helpers/measured", SimpleNamespace(source="real")
    for place in (folder.parent, tmp_path / "benchmarks"):
        place.mkdir()
        (place / "code.py").write_text("measured = True\n")
    folder.mkdir()
    put(measured, FOLDER=folder)
    put(store, FOLDER=folder, ROOT=tmp_path, setting=lambda: {"data": "real", "cores": 2})
    put(store, load_pokerdvs131=lambda: everything)
    store.git("init", "--quiet")
    store.git("add", "--all")
    who = ("-c", "user.name=a", "-c", "user.email=a@localhost")
    store.git(*who, "commit", "--quiet", "-m", "code")
    return folder


RESULT = {
    "seeds": 3,
    "rows": [
        {"model": "a", "mean": 0.123456789, "interval low": 0.1, "interval high": 0.2},
        {"model": "b", "mean": np.float64(0.5), "worst": np.inf},
    ],
    "curves": [
        {"model": "a", "at": at, "mean": at, "interval low": at, "interval high": at}
        for at in (0.25, 0.75)
    ],
}


def test_what_is_kept_says_what_it_depends_on_and_is_read_by_pages(kept):
    store.write("step", ["--seeds 3"], RESULT, "a commit")
    text = (kept / "step.json").read_text(encoding="utf-8")
    assert text.endswith("}\n") and "Infinity" not in text
    document = measured.read("step")
    assert document["command"] == "python -m benchmarks step --seeds 3"
    assert document["commit"] == "a commit"
    assert document["setting"] == {"data": "real", "cores": 2}
    first, second = document["result"]["rows"]
    assert first["mean"] == 0.123457  # six digits
    assert second == {"model": "b", "mean": 0.5, "worst": None}
    assert measured.measured("step", "curves")["at"].tolist() == [0.25, 0.75]
    for name, table, message in (
        ("none", "rows", "'none' hasn't been measured; choose from step"),
        ("step", "seeds", "no table 'seeds'; choose from rows, curves"),
    ):
        with pytest.raises(ValueError, match=message):
            measured.measured(name, table)


def test_only_committed_code_and_real_recordings_are_kept(kept, monkeypatch):
    (kept / "step.json").write_text("{}")  # another measurement is no code
    assert store.clean_commit() == store.git("rev-parse", "HEAD")[:10]
    for changed in ("pokersnn_helpers/new.py", "benchmarks/code.py"):
        (store.ROOT / changed).write_text("1 / 0\n")
        with pytest.raises(SystemExit, match=rf"(?s)commit first, .*{changed}"):
            store.clean_commit()
    store.load_pokerdvs131().source = "simulated"  # the 68 are real
    with pytest.raises(SystemExit, match="the recordings are simulated"):
        store.clean_commit()


INTERVAL = {"model": "a", "mean": 0.15, "interval low": 0.1, "interval high": 0.2}
PAIR = {"first": "a", "second": "b", "points": 2, "interval low": 1, "interval high": 3}
CHANGE = {"model": "a", "change": "x", "change, points": -2}
CHANGE |= {"change, interval low": -3, "change, interval high": -1}
SEEDS = {"line": "a", "mean": 5, "lowest": 4, "highest": 6}
agreeing = partial(dict.fromkeys, ("mean", "lowest", "highest"))
COUNTED = {"model": "b", "bins_us": 300, "effective_acs": 90}
CURVE = [{"model": "a", "at": at, **INTERVAL} for at in (0.25, 0.75)]


@pytest.mark.parametrize(
    ("row", "changed", "found"),
    [
        (INTERVAL, {"interval low": 0.16}, "('a',), mean: 0.15, now 0.16 to 0.2"),
        (INTERVAL, {"interval high": 0.12}, "('a',), mean: 0.15, now 0.1 to 0.12"),
        (INTERVAL, {"mean": 0.19}, ""),
        (CURVE[1], {"interval low": 0.18}, "('a', 0.75), mean: 0.15, now 0.18 to 0.2"),
        (PAIR, {"interval low": 2.5}, "('a', 'b'), points: 2, now 2.5 to 3"),
        (CHANGE, {"change, interval high": -2.5}, "('a', 'x'), change, points: -2, now -3 to -2.5"),
        (SEEDS, {"mean": 5.7, "lowest": 5.5}, ""),  # of three seeds, this is chance
        (SEEDS, {"mean": 5.7, "lowest": 5.6, "highest": 5.8}, "('a',), mean: 5, now 5.4 to 6"),
        (agreeing(67 / 68), agreeing(66 / 68), ""),  # one recording
        (COUNTED, {"effective_acs": 101}, "('b', 300), effective_acs: 90, now 90.9 to 111.1"),
    ],
)
def test_kept_numbers_are_compared_with_new_ones(kept, row, changed, found):
    store.write("step", [], {"rows": [CURVE[0], row]}, "")
    assert store.outside("step", {"rows": [CURVE[0], row]}) == []
    again = store.outside("step", {"rows": [CURVE[0], row | changed]})
    assert again == [f"rows, {found}"] * bool(found)


def test_numbers_and_tables_beside_the_rows_are_compared(kept):
    store.write("step", [], {"c2st_accuracy": 0.6, "ms": 3.5, "differences": [PAIR]}, "")
    other = {"first": "a", "second": "c", "points": 2, "interval low": 1, "interval high": 3}
    assert store.outside("step", {"c2st_accuracy": 0.7, "differences": [other], "ms": 9}) == [
        "c2st_accuracy, (), c2st_accuracy: 0.6, now 0.63 to 0.77",
        "differences, ('a', 'b') isn't measured any more",
        "differences, ('a', 'c'), points: nan, now 1 to 3",
    ]


def test_command_keeps_and_compares(kept, monkeypatch, capsys):
    before = store.clean_commit()

    def measure(repeats=3):
        (kept.parent / "code.py").write_text("measured = False\n")  # while it measures
        return RESULT

    monkeypatch.setattr(networks, "measure_step", measure)
    command.main(["step", "--write", "--repeats", "2"])
    assert measured.read("step")["command"] == "python -m benchmarks step --repeats 2"
    assert measured.read("step")["commit"] == before
    command.main(["step", "--compare"])
    rows = [RESULT["rows"][0] | {"interval low": 0.19}]
    monkeypatch.setattr(networks, "measure_step", lambda: RESULT | {"rows": rows})
    with pytest.raises(SystemExit, match=r"kept means outside the new interval:\nrows, \('a',\)"):
        command.main(["step", "--compare"])
    assert "0.19" in capsys.readouterr().out  # what was measured is printed all the same
    monkeypatch.setattr(store, "setting", lambda: {"data": "simulated"})
    for option in ("--write", "--compare"):
        with pytest.raises(SystemExit, match="the recordings are simulated"):
            command.main(["step", option])


def test_motions_are_named_forwards_backwards_and_without_start(put):
    quick = {"epochs": 1, "augment": None}
    asked = {
        motions.ON_DISCS[0]: motions.FirstPlace(),
        motions.ON_DISCS[1]: NetworkEstimator(LayerThenSNN, **quick),
        motions.DETECTOR: NetworkEstimator(MotionDetector, time_window=2000, **quick),
        "mean": NetworkEstimator(motions.MeanDetector, time_window=2000, **quick),
    }
    put(motions, FILMS=6, MODELS=asked)
    result = motions.measure_motions(1)
    rows = pd.DataFrame(result["rows"]).set_index(["model", "test"])["mean"]
    assert rows.between(0, 1).all()
    assert set(rows.index.levels[0]) == {*asked, "… delays off after training"}
    assert len(rows) == 5 * 6
    discs = pd.DataFrame(result["discs"])
    assert set(discs["model"]) == set(motions.ON_DISCS)
    assert set(discs["test"]) == {"lines", "lines without the first 12 ms"}


def test_rule_of_the_first_place_knows_where_discs_come_in_and_nothing_of_dots():
    rule = motions.FirstPlace()
    lines = motions.lines(film_motions(60, seed=4))
    assert (rule.predict(lines) == lines.targets).mean() > 0.85
    later = motions.without_start(lines)
    assert all(each["t"][0] >= 11_000 for each in later.events)
    dots = motions.lines(film_dots(60, seed=4))
    assert (rule.predict(dots) == dots.targets).mean() < 0.5


def test_digits_are_classified_by_the_packages_split_and_by_folds(put):
    data = load_nmnist()
    few = Split(data.train.subset(range(0, 400, 25)), data.test.subset(range(0, 200, 25)))
    quick = {"time_window": 10_000, "epochs": 1, "augment": None}
    models = {"sum": protocol.logistic_regression(summed_image)}
    models |= {nmnist.CONVOLUTION: NetworkEstimator(nmnist.ConvolutionalSNN, **quick)}
    put(nmnist, MODELS=models, load_nmnist=lambda: few, thousand=lambda: few.train)
    for measure, recordings in ((nmnist.measure_nmnist, 8), (nmnist.measure_nmnist1000, 16)):
        result = measure(2)
        assert result["recordings"] == recordings
        assert [row["model"] for row in result["rows"]] == [*models]
        assert all(0 <= row[digit] <= 1 for row in result["rows"] for digit in "6789")
        (difference,) = result["differences"]
        means = [row["mean"] for row in result["rows"]]
        assert difference["points"] == pytest.approx(100 * (means[1] - means[0]))


# ---- When a recording ends, and shortcuts ----


@pytest.fixture
def quick(asked, put):
    networks = batches.NETWORKS.items()
    quick = {name: (change, options | {"epochs": 1}) for name, (change, options) in networks}
    put(batches, NETWORKS=quick, DELAYED=batches.DELAYED | {"epochs": 1}, SETTLE_MS=(0, 10))
    put(batches, film_motions=lambda count, seed, **way: film_motions(6, seed))
    return quick


def test_answers_are_compared_in_every_way_to_ask(quick):
    table = pd.DataFrame(batches.measure_batches(1)["rows"])
    assert table.groupby("model")["asked"].nunique().tolist() == [6, 6, 6]
    assert (table["differ"] == 0).all() and (table["other answers"] == 0).all()
    tried = batches.measure_settle(1)["rows"]
    assert [(row["model"], row["amount"]) for row in tried] == [
        (name, ms) for name in quick for ms in (0, 10)
    ]
    assert all(0 <= row["mean"] <= 1 and row["loss"] > 0 for row in tried)


def test_answers_that_depend_on_their_batch_are_noticed(quick, put):
    put(Classifier, read=lambda self, voltages, _=None: self.decode(voltages))
    found = batches._of_network(batches.FILMS, 0)
    assert found["batches of 1"][1] == 0 < found["one batch"][1]
