"""Benchmarks measure what they say. How long anything takes is no matter of tests."""

import importlib
import inspect
import io
import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from pokersnn_helpers import (
    Classifier,
    FastSNN,
    augment,
    build_network,
    fit,
    load_pokerdvs131,
    train_classifier,
)
from pokersnn_helpers.study.latency import PredictionsOverTime, train_sparse
from pokersnn_helpers.study.models import HybridSNN, global_features, summed_image
from pokersnn_helpers.study.protocol import (
    MODELS,
    NetworkEstimator,
    PerturbedEstimator,
    logistic_regression,
)

ROOT = str(Path(__file__).parents[1])
if ROOT not in sys.path:  # the folder lies beside the package, not in it
    sys.path.insert(0, ROOT)

from benchmarks import __main__ as command  # noqa: E402
from benchmarks import (  # noqa: E402
    accuracy,
    latency,
    lines,
    loading,
    networks,
    operations,
    recipe,
    scaling,
    simulation,
    timing,
)

HOW = ("tested", "trained and tested")


@pytest.fixture(autouse=True)
def loaded(data, monkeypatch):
    for module in (lines, loading, networks, operations, recipe, scaling, timing):
        monkeypatch.setattr(module, "recordings", lambda: data, raising=False)


@pytest.mark.parametrize("name", command.BENCHMARKS)
def test_every_name_has_its_measurement(name):
    module = importlib.import_module(f"benchmarks.{command.BENCHMARKS[name][0]}")
    measure = getattr(module, f"measure_{name}", None) or module.measure
    options = inspect.signature(measure).parameters
    assert all(option.default is not inspect.Parameter.empty for option in options.values())


def test_command_without_a_name_lists_all(capsys):
    command.main([])
    printed = capsys.readouterr().out
    assert [line.split()[0] for line in printed.splitlines()] == list(command.BENCHMARKS)


@pytest.mark.parametrize("encoding", ["ascii", "cp932", "gbk"])
def test_any_terminal_can_print(encoding, monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding))
    monkeypatch.setattr(networks, "measure_epoch", lambda: {"library": "\U0001f0a1"})
    command.main([])
    command.main(["epoch"])
    sys.stdout.flush()
    printed = sys.stdout.buffer.getvalue()
    assert printed.isascii() and b"\\U0001f0a1" in printed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["everything"], "there is no benchmark everything; choose from step, epoch"),
        (["step", "--seeds", "2"], "step takes no --seeds"),
        (["step", "--repeats", "0"], "0 is not a whole number greater than 0"),
        (["step", "--repeats", "-1"], "-1 is not a whole number greater than 0"),
        (["recipe", "--seeds", "0"], "0 is not a whole number greater than 0"),
    ],
)
def test_unusable_word_is_named(words, message, capsys):
    with pytest.raises(SystemExit):
        command.main(words)
    assert message in capsys.readouterr().err


def test_json_holds_the_setting_and_the_numbers_of_the_text(data, monkeypatch, capsys):
    monkeypatch.setattr(networks, "measure_epoch", lambda: {"rows": [{"network": "a", "ms": 1.5}]})
    command.main(["epoch", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["name"] == "epoch"
    assert document["setting"]["data"] == data.source
    assert torch.__version__.startswith(document["setting"]["torch"])  # without "+cu128"
    assert document["result"]["rows"] == [{"network": "a", "ms": 1.5}]
    command.main(["epoch"])
    assert "a 1.5" in " ".join(capsys.readouterr().out.split())


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(networks, "BIN_WIDTHS", (5000,))
    monkeypatch.setattr(networks, "installed_version", lambda package: None)
    return networks.measure_step(repeats=1, batch=4, hidden=5)


def test_missing_library_is_named(small):
    missing = {row["network"] for row in small["rows"] if row["median_ms"] is None}
    assert missing == {"snntorch", "sinabs", "rockpool", "jax"}
    assert "pip install 'pokersnn-helpers[bench]'" in timing.report(small)


def test_times_are_compared_with_the_fast_network(small):
    times = {row["network"]: row["median_ms"] for row in small["rows"]}
    for row in small["rows"]:
        if time := row["median_ms"]:
            assert row["relative_to_FastSNN"] == pytest.approx(time / times[networks.FAST])


def test_batch_is_as_large_as_asked_for():
    frames, targets = networks.example_batch(5000, batch=4)
    assert frames.shape[1] == len(targets) == 4


def test_floor_has_the_multiply_adds_of_a_training_step():
    """Counted by PyTorch: two operations per multiply-add."""
    torch.manual_seed(0)
    steps, batch, inputs, hidden, outputs = 6, 4, 50, 10, 4
    frames = (torch.rand(steps, batch, inputs) < 0.1).float()
    events = int(frames.sum())
    expected = 2 * events * hidden + 3 * steps * batch * hidden * (hidden + outputs)
    for step in networks.floor_steps(frames, hidden).values():
        with FlopCounterMode(display=False) as counter:
            step()
        assert counter.get_total_flops() / 2 == pytest.approx(expected, rel=0.1)


def test_median_ignores_the_first_run_and_steps_take_turns():
    runs = []
    steps = {"a": lambda: runs.append("a"), "b": lambda: runs.append("b")}
    assert timing.median_times(steps, 3).keys() == {"a", "b"}
    assert runs == ["a", "b"] * 4


def test_memory_is_that_of_a_process_of_its_own():
    held = torch.ones(2**28)  # 1 GiB in this process
    found = timing.in_own_process(timing.peak_memory)
    assert found is None or 0.1 < found < held.nbytes / 1e9


def test_bins_say_how_many_steps_they_make(data):
    result = scaling.time_and_memory(1000, repeats=1)
    frames, _ = networks.example_batch(1000)
    assert result["time_steps"] == len(frames)
    assert result["us_per_time_step"] == pytest.approx(1000 * result["median_ms"] / len(frames))


def test_hidden_neurons_are_timed_alone_and_on_busy_cores(monkeypatch):
    monkeypatch.setattr(scaling, "HIDDEN_SIZES", (4, 8))
    rows = scaling.measure_hidden(repeats=1)["rows"]
    assert [row["hidden"] for row in rows] == [4, 8]
    assert rows[0]["ratio"] == rows[0]["busy_ratio"] == 1
    for ratio, time in (("ratio", "FastSNN_ms"), ("busy_ratio", "busy_ms")):
        assert rows[1][ratio] == pytest.approx(rows[1][time] / rows[0][time])


def test_cores_are_busy_inside_the_block_only(monkeypatch):
    started = []

    class Started(subprocess.Popen):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Started)
    with pytest.raises(KeyboardInterrupt), timing.busy_cores():
        assert len(started) == timing.usable_cores()
        assert all(process.poll() is None for process in started)
        raise KeyboardInterrupt
    assert all(process.poll() is not None for process in started)


def test_recipe_counts_by_seed_and_compares_the_runs_of_seed_0(data, monkeypatch):
    def train(data, seed, device, network):
        torch.manual_seed(len(calls))
        calls.append(seed)
        return Classifier(network(hidden_size=5)), None

    calls = []
    monkeypatch.setattr(recipe, "train_classifier", train)
    result = recipe.measure(seeds=2)
    assert calls == [0, 1, 0]
    assert len(result["correct"]) == 2 and result["lowest"] == min(result["correct"])
    assert result["bit_identical"] is False


def test_lines_count_the_held_out_recordings_of_all_folds(data):
    result = lines.measure(seeds=1, epochs=1)
    assert [row["line"] for row in result["rows"]] == list(lines.LINES)
    assert result["recordings"] == len(data.train)
    for row in result["rows"]:
        assert 0 <= row["lowest"] == row["mean"] == row["highest"] <= len(data.train)
        assert row["loss"] > 0


def test_each_line_adds_to_those_before_and_the_last_is_the_recipe():
    recipe_line = {
        name: parameter.default
        for function in (train_classifier, fit)
        for name, parameter in inspect.signature(function).parameters.items()
    } | {"network": FastSNN, "augment": augment}
    last = lines.LINES["and EMA"]
    assert last == {name: recipe_line[name] for name in last} and len(last) == 6
    torch.manual_seed(0)
    larger = lines.larger_weights().lif0.input_weights
    torch.manual_seed(0)
    assert larger.norm() > 4 * build_network(FastSNN).lif0.input_weights.norm()


def test_convolution_fits_any_sensor_and_any_bins(data):
    network = build_network(
        accuracy.ConvolutionalSNN, sensor_size=(20, 30, 1), output_size=3, time_window=500
    )
    assert network(torch.ones(5, 2, 1, 30, 20)).shape == (5, 2, 3)
    assert network.snn.dt == network.dt == 0.0005
    estimator = NetworkEstimator(partial(accuracy.ConvolutionalSNN, channels=4), epochs=1)
    assert estimator.fit(data.test, 0).predict(data.test).shape == (len(data.test),)
    assert estimator.network.convolution.out_channels == 4


def settings(estimator):
    """What an estimator changes in the recipe, by name."""
    network, recipe = estimator.make, estimator.recipe
    fixed = network.keywords if isinstance(network, partial) else {}
    return getattr(network, "func", network), fixed | recipe


def test_settings_of_the_models_are_among_those_tried():
    for name, trials in accuracy.TRIALS.items():
        chosen = accuracy.ALL_MODELS[name]
        if isinstance(chosen, PerturbedEstimator):
            tried = [each for each in trials.values() if isinstance(each, PerturbedEstimator)]
            assert {each.perturb for each in tried} == {chosen.perturb}
            chosen, trials = chosen.estimator, {n: each.estimator for n, each in enumerate(tried)}
        if isinstance(chosen, NetworkEstimator):
            assert settings(chosen) in [settings(each) for each in trials.values()]
        else:
            assert repr(chosen.model) in [repr(each.model) for each in trials.values()]


@pytest.fixture
def quick(monkeypatch):
    """Models that train in no time, on simulated recordings."""
    everything = load_pokerdvs131(source="simulated")
    chance = MODELS["most frequent suit"]
    quick = {"chance": chance, "CNN": logistic_regression(global_features)}
    monkeypatch.setattr(accuracy, "all_recordings", lambda: everything)
    fewer = dict(list(accuracy.CHANGES.items())[1:3])
    monkeypatch.setattr(accuracy, "CHANGES", fewer)
    monkeypatch.setattr(accuracy, "DIRECTION", {"sum": logistic_regression(summed_image)})
    return quick


def test_accuracy_has_a_row_per_model_change_and_direction(quick):
    result = accuracy.measure_accuracy(seeds=2, processes=1, models=quick)
    rows = {row["model"]: row for row in result["rows"]}
    changes = [f"CNN; {how} with {name}" for name in accuracy.CHANGES for how in HOW]
    assert sorted(rows) == sorted([*quick, *changes, "sum; forwards or backwards?"])
    assert rows["sum; forwards or backwards?"]["mean"] == 0.5
    chance = rows["chance"]
    assert chance["diamond"] == 1 and chance["club"] == chance["heart"] == chance["spade"] == 0
    for row in rows.values():
        assert 0 <= row["lowest"] <= row["mean"] <= row["highest"] <= 1
        assert row["interval low"] <= row["mean"] <= row["interval high"]


def test_trials_have_a_row_per_setting_and_as_many_for_each_model(quick):
    assert {len(settings) for settings in accuracy.TRIALS.values()} == {6}
    result = accuracy.measure_trials(seeds=1, processes=1, trials={"a": quick})
    assert [row["setting"] for row in result["rows"]] == list(quick)


def test_operations_have_a_row_per_model_and_bin_width(data):
    models = [
        ("logistic regression", logistic_regression(summed_image)),
        ("SNN behind a layer", NetworkEstimator(HybridSNN, epochs=1)),
        ("SNN", NetworkEstimator(epochs=1, time_window=5000)),
    ]
    result = operations.measure_operations(repeats=1, models=models)
    regression, behind, snn = result["rows"]
    assert [row["bins_us"] for row in result["rows"]] == ["sum", 1000, 5000]
    assert regression["dense_macs"] == 4 * 2450 and regression["membrane_updates"] == 0
    assert behind["dense_macs"] == pytest.approx(behind["steps"] * (2450 * 100 + 100 * 204))
    assert snn["dense_macs"] == pytest.approx(snn["steps"] * (2450 * 100 + 100 * 104))
    for row in result["rows"]:
        assert 0 < row["effective_macs"] < row["dense_macs"]
        assert 0 < row["effective_uJ"] < row["dense_uJ"] < row["dense_with_memory_uJ"]


PREDICTIONS = PredictionsOverTime(
    [np.log([[0.9, 0.1]])], [np.ones(1)], targets=np.array([0]), time_window=1000
)
FEW = {"n_train": 4}
BOTH = simulation.Mixture((FEW, FEW | {"upside_down": 1}), 2, NetworkEstimator(epochs=1))


def test_mixtures_have_the_real_recordings_as_often_as_they_say(data):
    only_real = simulation.Mixture((), 1, NetworkEstimator(epochs=1))
    assert len(only_real.recordings(data.train, 0)) == len(data.train)
    both = BOTH.recordings(data.train, 0)
    assert len(both) == 2 * len(data.train) + 8
    assert not torch.equal(*(torch.tensor(e["t"][:99].copy()) for e in both.events[-8::4]))


def test_other_passes_have_a_row_per_group(data):
    if data.source != "real":
        pytest.skip("the real recordings are not at hand")
    rows = simulation.measure_passes(2, processes=1, mixtures={"both": BOTH})["rows"]
    names = [row["tested_on"] for row in rows]
    assert names == ["Tonic's 68", "its 20 test", "32 upright others", "31 upside down"]
    for row in rows:
        assert 0 <= row["lowest"] <= row["mean"] <= row["highest"] <= 1


@pytest.fixture
def latency_printed(data, monkeypatch, capsys):
    """What ``benchmarks latency --json`` prints of two networks that have hardly learned."""
    trained = {
        "first": NetworkEstimator(epochs=1),
        "last": NetworkEstimator(epochs=1, time_window=2000, learning_rate=1e-9),
    }
    short = partial(train_sparse, hidden_size=4, epochs=3)
    monkeypatch.setattr(latency, "train_sparse", short)
    monkeypatch.setattr(latency, "held_out_predictions", lambda penalty, share, seed: PREDICTIONS)
    measure = partial(
        latency.measure_latency, processes=1, trained=trained, by_folds=["first"],
        sparse=((0, 0), (10, 0.9)),
    )  # fmt: skip
    monkeypatch.setattr(latency, "measure_latency", measure)
    command.main(["latency", "--json", "--seeds", "1"])
    return capsys.readouterr().out


def test_latency_ends_with_a_line_of_its_own(latency_printed):
    document, summary = map(json.loads, latency_printed.splitlines())
    rows, sparse = document["result"]["rows"], document["result"]["sparse"]
    assert [row["model"] for row in rows] == ["first", "last", "first"]
    assert [(row["penalty"], row["pruned"]) for row in sparse] == [(0, 0), (10, 0.9)]
    assert set(summary) == {
        *("accuracy_over_events", "final_accuracy", "median_ms", "worst_ms"),
        *("penalty", "pruned", "spike_share", "effective_acs", "effective_acs_stopped"),
        *("sparse_accuracy", "stopped_accuracy"),
    }
    assert summary["accuracy_over_events"] == rows[1]["accuracy_over_events"]
    assert summary["spike_share"] == sparse[1]["spike_share"]  # as accurate, and fewer additions
    assert sparse[1]["effective_acs"] < sparse[0]["effective_acs"]
    assert 0 < sparse[1]["effective_acs_stopped"] <= sparse[1]["effective_acs"]


def test_times_that_never_come_are_null(latency_printed):
    """Half of the recordings are still wrong at their end: no median, and JSON has no infinity."""
    assert "Infinity" not in latency_printed and "NaN" not in latency_printed
    row = json.loads(latency_printed.splitlines()[0])["result"]["rows"][1]
    assert row["median_ms"] is None and row["never_correct"] > 0


def test_numbers_that_json_does_not_know_become_null(monkeypatch, capsys):
    result = {"rows": [{"a": np.float64("nan"), "b": [-np.inf, 1.5]}], "summary": {"c": np.inf}}
    monkeypatch.setattr(networks, "measure_epoch", lambda: result)
    command.main(["epoch", "--json"])
    document, summary = map(json.loads, capsys.readouterr().out.splitlines())
    assert document["result"]["rows"] == [{"a": None, "b": [None, 1.5]}]
    assert summary == {"c": None}


@pytest.fixture
def fewer(monkeypatch):
    """Film fewer cards, and leave out one imperfection only."""
    monkeypatch.setattr(simulation, "N_FILMED", 4)
    monkeypatch.setattr(simulation, "IMPERFECTIONS", (("mismatch",),))


def test_every_imperfection_is_added_and_taken_away(fewer, data):
    rows = simulation.imperfections(data, range(1))
    assert [row["camera"] for row in rows] == [
        *("ideal", "all imperfections", "only mismatch", "all but mismatch"),
    ]


def test_nested_choice_never_sees_the_fold_that_it_is_tested_on(quick):
    trained = []

    class Spy:
        def fit(self, recordings, seed):
            self.learned = {events.tobytes() for events in recordings.events}
            return self

        def predict(self, recordings):
            trained.append((self.learned, {events.tobytes() for events in recordings.events}))
            return np.zeros(len(recordings), dtype=int)

    result = accuracy.measure_nested(seeds=1, processes=1, settings={"a": Spy()})
    assert len(trained) == 12  # in each fold three inner ones to choose by, then one to test
    tested = [trained[last][1] for last in (3, 7, 11)]
    assert sum(map(len, tested)) == len(set.union(*tested)) == 131
    for fold, outer in enumerate(tested):
        *inner, (learned, _) = trained[4 * fold : 4 * fold + 4]
        assert all(not outer & (part | held_out) for part, held_out in inner)
        assert set.union(*(held_out for _, held_out in inner)) == learned
    assert result["mean"] == pytest.approx(30 / 131) and result["club"] == 1  # always "club"


def test_loading_names_missing_archives(tmp_path, monkeypatch):
    monkeypatch.setenv("POKERSNN_DATA", str(tmp_path))
    with pytest.raises(SystemExit, match=r"pips_train\.tar\.gz and pips_test\.tar\.gz, which aren"):
        loading.measure(repeats=1)
