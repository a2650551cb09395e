"""Benchmarks measure what they say. How long anything takes is no matter of tests."""

import inspect
import json
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
    saccades,
    simulation,
    store,
    stream,
    timing,
)
from benchmarks.early import train_sparse
from benchmarks.perturbations import one_polarity
from pokersnn_helpers import Classifier, FastSNN, Split, build_network, load_nmnist
from pokersnn_helpers.fast import LayerThenSNN
from pokersnn_helpers.networks import WHOLE
from pokersnn_helpers.recordings import POKERDVS_CLASSES
from pokersnn_helpers.simulation.motions import film_motions
from pokersnn_helpers.study import measured, protocol
from pokersnn_helpers.study.latency import PredictionsOverTime
from pokersnn_helpers.study.models import CNN, summed_image
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


# ---- The command ----


@pytest.mark.parametrize("name", command.BENCHMARKS)
def test_every_name_has_a_measurement_that_needs_no_option(name):
    inspect.signature(command.function_of(name)).bind()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("everything", "there is no benchmark everything; choose from step, widths"),
        ("step --seeds 2", "step takes no --seeds"),
        ("step --repeats 0", "argument --repeats: invalid positive value: '0'"),
        ("step --compare", "step hasn't been kept; --write keeps it"),
    ],
)
def test_unusable_word_is_named(words, message, monkeypatch, capsys):
    monkeypatch.setattr(networks, "measure_step", lambda repeats=1: pytest.fail("measures"))
    with pytest.raises(SystemExit):
        command.main(words.split())
    assert message in capsys.readouterr().err


def test_names_are_listed(capsys):
    command.main([])
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == list(command.BENCHMARKS)


def test_result_is_printed_as_text_and_as_json(data, monkeypatch, capsys):
    row = {"a": np.nan, "b": 1.5, "c": None}
    result = {"correct": [19, 20], "rows": [row]}
    monkeypatch.setattr(networks, "measure_step", lambda: result)
    command.main(["step"])
    text = capsys.readouterr().out
    assert "correct [19, 20]" in text
    assert "nan 1.5 MISSING" in text
    assert "pip install 'pokersnn-helpers[bench]'" in text
    command.main(["step", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["name"] == "step"
    assert document["setting"]["data"] == data.source
    assert document["result"]["rows"] == [{"a": None, "b": 1.5, "c": None}]


# ---- Training steps, the recipe and models ----


def test_steps_are_compared_with_the_fast_network_and_a_missing_library_is_named(put):
    put(networks, BIN_WIDTHS=(5000,), BATCH=4, HIDDEN=5, installed_version=lambda name: None)
    rows = networks.measure_step(repeats=1)["rows"]
    times = {row["network"]: row["median_ms"] for row in rows}
    missing = {name for name, time in times.items() if time is None}
    assert missing == set(libraries.LIBRARIES)
    for row in rows:
        if row["network"] not in missing:
            expected = row["median_ms"] / times[networks.FAST]
            assert row["relative_to_FastSNN"] == pytest.approx(expected)


def test_steps_take_turns_after_a_round_that_is_not_timed():
    runs = []
    steps = {name: partial(runs.append, name) for name in "ab"}
    timing.median_times(steps, 3)
    assert runs == ["a", "b"] * 4


def test_lines_count_the_held_out_recordings_of_all_folds(data, put):
    few = data.train.subset(range(0, 48, 3))
    put(lines, recordings=lambda: Split(few, few))
    once = {
        "a": lines.PLAIN | {"epochs": 1},
        "b": {"network": FastSNN, "epochs": 1},
    }
    result = lines.measure_lines(seeds=1, lines=once)
    assert result["recordings"] == 16
    assert [row["line"] for row in result["rows"]] == ["a", "b"]
    for row in result["rows"]:
        assert 0 <= row["lowest"] == row["mean"] == row["highest"] <= 16
        assert row["loss"] > 0


def test_last_line_is_the_recipe():
    last = lines.LINES["and EMA"]
    usual = inspect.signature(helpers.fit).parameters
    for name in ("epochs", "learning_rate", "clip_norm", "ema_decay"):
        assert last[name] == usual[name].default
    torch.manual_seed(0)
    larger = lines.larger_weights().lif0.input_weights
    torch.manual_seed(0)
    assert larger.norm() > 4 * build_network(FastSNN).lif0.input_weights.norm()


def settings(model):
    """What a model is, and what it changes in the recipe, by name."""
    if isinstance(model, PerturbedEstimator):
        return model.perturb, settings(model.estimator)
    if not isinstance(model, NetworkEstimator):
        return repr(model.model)
    network = model.make
    fixed = network.keywords if isinstance(network, partial) else {}
    return getattr(network, "func", network), {"learning_rate": 0.001} | fixed | model.recipe


@pytest.mark.parametrize("name", models.TRIALS)
def test_settings_of_a_model_are_among_those_tried(name):
    tried = [settings(model) for model in models.TRIALS[name].values()]
    assert len(tried) == 6
    assert settings(models.MODELS[name]) in tried


# ---- Benchmarks of all 131, on few recordings ----


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
        self.learned = recordings
        self.seed = seed
        return self

    def predict(self, recordings):
        known = [self.known(self, events) for events in recordings.events]
        return np.where(known, recordings.targets, -1)


def all_of_them(self, events):
    return True


def these(events):
    """Return an estimator that is right about recordings with these events."""
    known = {recording.tobytes() for recording in events}
    return RightAbout(lambda self, recording: recording.tobytes() in known)


def test_accuracy_has_models_by_orientation_and_their_differences(few, asked, put):
    events = few.recordings.events
    upright = np.flatnonzero(~few.table["upside down"])
    known = {
        "all": RightAbout(all_of_them),
        "upright": these([events[number] for number in upright]),
        "clubs": these(events[:8]),
    }
    put(accuracy, MODELS=known, COMPARED=(("all", "upright"), ("all", "clubs")))
    result = accuracy.measure_accuracy(seeds=2)
    rows = pd.DataFrame(result["rows"]).set_index("model")
    orientations = rows[["mean", "upright", "upside down"]]
    assert orientations.loc["all"].tolist() == [1, 1, 1]
    assert orientations.loc["upright"].tolist() == [0.5, 1, 0]
    clubs = rows.loc["clubs"]
    assert clubs[[*POKERDVS_CLASSES]].tolist() == [1, 0, 0, 0]
    assert 0 < clubs["interval low"] < clubs["mean"] < clubs["interval high"] < 1
    of_upright, of_clubs = result["differences"]
    assert of_upright["first"] == "all"
    assert of_upright["second"] == "upright"
    assert of_upright["points"] == 50
    assert of_clubs["points"] == 75
    assert 0 < of_clubs["interval low"] < 75 < of_clubs["interval high"]


def test_layers_compares_networks_with_a_layer_and_without(few, asked, put):
    known = {"GRU": RightAbout(all_of_them), "bare": these(few.recordings.events[:8])}
    put(accuracy, WITH_AND_WITHOUT=known, LAYERS=(("GRU", "bare"),))
    result = accuracy.measure_layers(seeds=1)
    assert [row["mean"] for row in result["rows"]] == [1, 0.25]
    assert result["differences"][0]["points"] == 75


def test_a_bare_gru_sees_the_frames_themselves():
    network = models.BareGRU()
    frames = torch.poisson(torch.full((6, 2, 2, 35, 35), 0.3))
    states, _ = network.units(frames.flatten(2))
    assert torch.equal(network(frames.to_sparse()), network.readout(states))
    assert not any("inputs" in name for name, _ in network.named_parameters())


def test_changes_are_tested_with_and_without_training_on_them(few, asked, put):
    def as_learned(self, events):
        return set(events["p"]) == set(self.learned.events[0]["p"])

    def disturb(recordings, amount):
        assert amount == 2
        return one_polarity(recordings)

    put(accuracy, NETWORKS=("a",), DISTURBED=("a",))
    put(accuracy, MODELS={"a": RightAbout(as_learned)})
    put(accuracy, CHANGES={"ON only": one_polarity})
    put(accuracy, DISTURBANCES={"ON": (disturb, (0, 2))})
    result = accuracy.measure_changes(seeds=2)
    unchanged, tested, trained, _ = result["rows"]
    assert unchanged.items() >= {"how": "as recorded", "mean": 1}.items()
    assert tested.items() >= {"how": "tested", "change, points": -100}.items()
    assert trained.items() >= {"how": "trained and tested", "change, points": 0}.items()
    undisturbed, disturbed = result["disturbances"]
    assert undisturbed.items() >= {"amount": 0, "mean": 1}.items()
    assert disturbed.items() >= {"amount": 2, "mean": 0}.items()


def test_direction_is_chance_for_a_sum_and_reversals_stay_in_the_fold(asked, put):
    def its_reversal_is_new(self, events):
        learned = reversed_time(self.learned).events
        return events.tobytes() not in {recording.tobytes() for recording in learned}

    of_the_sum = protocol.logistic_regression(summed_image)
    put(accuracy, DIRECTION={"sum": of_the_sum, "new": RightAbout(its_reversal_is_new)})
    rows = accuracy.measure_direction(seeds=1)["rows"]
    of_sum, new = rows
    assert of_sum["mean"] == 0.5
    assert new["mean"] == 1


def test_trials_have_a_row_per_setting(asked, put):
    put(accuracy, TRIALS={"a": {"all": RightAbout(all_of_them), "none": these([])}})
    rows = accuracy.measure_trials(seeds=1)["rows"]
    assert {row["setting"]: row["mean"] for row in rows} == {"all": 1, "none": 0}


def test_nested_choice_never_sees_the_fold_that_it_is_tested_on(few, asked, put):
    trained = []

    class Spy(RightAbout):
        def predict(self, recordings):
            held_out = {events.tobytes() for events in recordings.events}
            learned = {events.tobytes() for events in self.learned.events}
            trained.append((learned, held_out))
            return np.zeros(len(recordings), dtype=int)

    put(accuracy, TRIALS={accuracy.HYBRID: {"a": Spy(None)}})
    result = accuracy.measure_nested(seeds=1)
    assert result["mean"] == 0.25  # always "club"
    assert result["club"] == 1
    assert len(trained) == 12  # in each fold three inner ones to choose by, then one to test
    tested = set()
    for first in (0, 4, 8):
        *inner, (learned, outer) = trained[first : first + 4]
        assert not outer & tested
        tested |= outer
        assert all(not outer & (part | held_out) for part, held_out in inner)
        assert set.union(*(held_out for _, held_out in inner)) == learned
    assert len(tested) == len(few.recordings)


def says_club_at_last(classifier, recordings):
    """Predictions of three steps of 2 ms: none, an unsure one of "club" and a sure one."""
    probabilities = [
        [0.25, 0.25, 0.25, 0.25],
        [0.7, 0.1, 0.1, 0.1],
        [0.97, 0.01, 0.01, 0.01],
    ]
    steps = np.log(probabilities)
    events = np.array([10, 100, 1000])
    size = len(recordings)
    targets = np.array(recordings.targets)
    return PredictionsOverTime(size * [steps], size * [events], targets, time_window=2000)


def test_latency_has_rows_curves_and_exits(asked, put):
    put(latency, TIMES_MS=(3, 4, 100), EVENTS=(10, 11, 10**6))
    put(latency, THRESHOLDS=(0.6, 0.8, 1))
    put(latency, BY_FOLDS={"a": RightAbout(None)}, predict_over_time=says_club_at_last)
    result = latency.measure_latency(seeds=2)
    (row,) = result["rows"]
    assert row["mean"] == 0.25
    assert row["club_ms"] == 4
    assert row["heart_ms"] == np.inf
    assert row["worst_ms"] == 4
    assert row["never_correct"] == 2 * 24
    assert row["final_accuracy"] == 0.25
    assert row["accuracy_over_events"] == pytest.approx(0.25 * 1100 / 1110)
    curves = pd.DataFrame(result["curves"])
    assert curves["at"].tolist() == [3, 4, 100, 10, 11, 10**6]
    assert curves["mean"].tolist() == 2 * [0, 0.25, 0.25]
    exits = pd.DataFrame(result["exits"])
    assert exits["threshold"].tolist() == [0.6, 0.8, 1]
    assert exits["ms"].tolist() == [4, 6, 6]
    assert (exits["correct"] == 0.25).all()


def test_sparse_ends_with_the_setting_chosen_by_held_out_passes(put):
    log_probabilities = np.log([[0.9, 0.1]])
    about_one = PredictionsOverTime([log_probabilities], [np.ones(1)], np.array([0]), 1000)
    put(latency, train_sparse=partial(train_sparse, hidden_size=4, epochs=3))
    put(latency, held_out_passes=lambda *_: about_one, SPARSE=((0, 0), (10, 0.9)))
    result = latency.measure_sparse(seeds=1)
    dense, sparse = result["rows"]
    assert (sparse["penalty"], sparse["pruned"]) == (10, 0.9)
    assert result["summary"] == sparse  # as accurate, and fewer additions
    assert sparse["effective_acs"] < dense["effective_acs"]
    assert 0 < sparse["effective_acs_stopped"] <= sparse["effective_acs"]
    assert 0 < sparse["input_acs"] < 0.2 * dense["input_acs"]


def test_held_out_passes_are_asked_about_by_networks_without_them(few, asked, put):
    of_pass = {}
    for events, card_pass in zip(few.recordings.events, asked, strict=True):
        of_pass[events.tobytes()] = card_pass

    def passes(recordings, *_, **about):
        assert not about or about == {"seed": 5, "penalty": 3, "sparsity": 0.8}
        return {of_pass[events.tobytes()] for events in recordings.events}

    def predict(learned, recordings):
        assert learned ^ passes(recordings) == set(asked)
        return says_club_at_last(learned, recordings)

    put(latency, train_sparse=passes, predict_over_time=predict)
    predictions = latency.held_out_passes(3, 0.8, 5)
    assert np.bincount(predictions.targets).tolist() == [8, 8, 8, 8]


@pytest.fixture
def quick(asked, put):
    quick = {}
    for name, (change, options) in batches.NETWORKS.items():
        quick[name] = (change, options | {"epochs": 1})
    put(batches, NETWORKS=quick, DELAYED=batches.DELAYED | {"epochs": 1})
    put(batches, SETTLE_MS=(10,), FOLDS=3)
    put(batches, film_motions=lambda count, seed, **way: film_motions(6, seed))
    return quick


def test_answers_are_compared_in_every_way_to_ask(quick):
    table = pd.DataFrame(batches.measure_batches(1)["rows"])
    assert table.groupby("model")["asked"].nunique().tolist() == [6, 6, 6]
    assert (table["differ"] == 0).all()
    assert (table["other answers"] == 0).all()


def test_durations_of_silence_are_compared(quick):
    rows = pd.DataFrame(batches.measure_settle(1)["rows"])
    assert rows["model"].tolist() == [*quick]
    assert (rows["amount"] == 10).all()
    assert rows["mean"].between(0, 1).all()
    assert (rows["loss"] > 0).all()


def test_decodes_are_compared(quick):
    table = pd.DataFrame(batches.measure_decodes(1)["rows"])
    assert table["decode"].tolist() == 2 * ["maximum", "last", "mean"]
    assert table.loc[[0, 3], "mean"].between(0, 1).all()
    assert table["highest at the end"].between(0, 1).all()


@pytest.mark.parametrize(
    ("readout", "at_the_end", "others"),
    [([[0, 0], [1, 2]], 1, 0), ([[3, 0], [1, 0]], 0, 0), ([[3, 0], [1, 2]], 0, 1)],
)
def test_highest_voltages_and_another_leader_at_the_end_are_counted(
    readout, at_the_end, others, put
):
    put(batches, predict=lambda *_: SimpleNamespace(readout=torch.tensor(readout)))
    recordings = SimpleNamespace(events=[None])
    assert batches._peaks(None, recordings) == (at_the_end, others)


def test_answers_that_depend_on_their_batch_are_noticed(quick, put):
    put(Classifier, read=lambda self, voltages, _=None: self.decode(voltages))
    by_way = batches._of_network(batches.FILMS, 0)
    assert by_way["batches of 1"]["differ"] == 0 < by_way["one batch"]["differ"]


# ---- Benchmarks of other recordings ----


def test_operations_have_a_row_per_model_and_bin_width(put):
    counted = [
        ("logistic regression", protocol.logistic_regression(summed_image)),
        ("SNN behind a layer", NetworkEstimator(LayerThenSNN, epochs=1)),
        ("SNN", NetworkEstimator(epochs=1, time_window=5000)),
    ]
    put(operations, COUNTED=counted)
    rows = operations.measure_operations(repeats=1)["rows"]
    assert [row["bins_us"] for row in rows] == ["sum", 1000, 5000]
    assert rows[0]["dense_macs"] == 4 * 2450
    assert rows[0]["membrane_updates"] == 0
    for row in rows:
        assert 0 < row["effective_macs"] < row["dense_macs"]
        assert 0 < row["effective_uJ"] < row["dense_uJ"] < row["dense_with_memory_uJ"]


def test_streams_are_timed_and_compared_with_whole_recordings(data, put):
    some = Split(data.train.subset([0, 20]), data.test.subset([0, 10]))
    put(stream, NETWORKS={"FastSNN": FastSNN}, STEPS=20, EVENTS=2000, TURNS=2)
    put(stream, recordings=lambda: some)
    (row,) = stream.measure(repeats=1)["rows"]
    assert row["differing"] == 0
    assert row["streams"] == 4 * 4
    assert 0 < row["ten_events_us_lowest"] <= row["ten_events_us"] <= row["ten_events_us_highest"]
    assert 0 < row["million_events_per_s_lowest"] <= row["million_events_per_s"]
    put(stream, predict=lambda *about: helpers.predict(*about)._replace(class_name="none"))
    assert stream.measure(repeats=1)["rows"][0]["differing"] == 4 * 4


def test_other_passes_have_a_row_per_group(data, few, put):
    turned = few.table["upside down"].to_numpy()
    upside_down = [few.recordings.events[number] for number in np.flatnonzero(turned)]
    tonic = np.array(["pips_train/0.npy", "pips_test/1.npy", "", ""] * 8)
    everything = few._replace(table=few.table.assign(tonic=tonic))
    put(simulation, load_pokerdvs=lambda source: data, load_pokerdvs131=lambda source: everything)
    mixtures = {
        "turned": simulation.Mixture((), 1, these(upside_down)),
        "seeds": simulation.Mixture(({"n_train": 4},), 0, RightAbout(lambda it, _: it.seed > 0)),
    }
    put(simulation, TRAINED_ON=mixtures)
    rows = pd.DataFrame(simulation.measure_passes(2)["rows"]).set_index("trained_on")
    by_group = rows.loc["turned"].set_index("tested_on")["mean"]
    assert by_group["31 upside down"] == 1
    assert by_group["32 upright others"] == 0
    assert by_group["Tonic's 68"] == turned[tonic != ""].mean()
    assert by_group["its 20 test"] == turned[1::4].mean()
    by_seed = rows.loc["seeds"]
    assert (by_seed["lowest"] == 0).all()
    assert (by_seed["highest"] == 1).all()


def test_motions_are_named_forwards_backwards_and_without_start(put):
    once = {"epochs": 1, "augment": "none"}
    asked = {
        motions.ON_DISCS[0]: motions.FirstPlace(),
        motions.ON_DISCS[1]: NetworkEstimator(LayerThenSNN, **once),
        motions.DETECTOR: motions.detecting(motions.MotionDetector, 1, 0.01),
        "mean": motions.detecting(partial(motions.LeakyDetector, mean=True), 1, 0.01),
    }
    put(motions, FILMS=6, MODELS=asked, FEWER_SEEDS={"mean": 1}, ON_SIXTY=["mean"])
    result = motions.measure_motions(2)
    rows = pd.DataFrame(result["rows"])
    assert rows["mean"].between(0, 1).all()
    assert set(rows["model"]) == {*asked, "… delays off after training"}
    assert (rows.groupby("model")["test"].nunique() == 5).all()
    seeds = rows.groupby("model")["seeds"].unique().map(list)
    assert seeds["mean"] == [1]
    assert seeds[motions.DETECTOR] == [2]
    assert set(pd.DataFrame(result["sixty"])["model"]) == {"mean"}
    discs = pd.DataFrame(result["discs"])
    assert set(discs["model"]) == set(motions.ON_DISCS)
    assert set(discs["test"]) == {"lines", "lines without the first 12 ms"}


def test_a_rate_is_tried_on_films_that_nothing_is_measured_on(put):
    network = motions.detecting(motions.MotionDetector, 9, 0.01)
    put(motions, FILMS=6, MODELS={"mean": network}, CONTROLS=["mean"], RATES=[0.01, 0.02])
    tried = partial(motions.rate_of, epochs=2)
    put(motions, rate_of=tried)
    rows = pd.DataFrame(motions.measure_rates()["rows"])
    assert rows["rate"].tolist() == [0.01, 0.02]
    assert rows["epochs"].isin([1, 2]).all()
    assert inspect.signature(tried).parameters["seed"].default >= 100


def test_saccades_are_asked_about_both_ways_and_a_sum_can_only_toss_a_coin(put):
    models = {
        motions.DETECTOR: motions.detecting(motions.MotionDetector, 1, 0.01),
        "sum": motions.trained(CNN, 1, 0.01, time_window=WHOLE),
    }
    few = {number: load_nmnist(number).test.subset([0, 9, 20]) for number in (1, 2, 3)}
    put(saccades, FILMS=8, MODELS=models, recordings_of=few.get)
    result = saccades.measure_saccades(1)
    assert result["recordings"] == 3
    assert len(result["rows"]) == 3 * 3 * 2
    shares = pd.DataFrame(result["all"]).set_index(["model", "time"])
    assert shares.loc[("sum", "both"), "right"] == 0.5
    for direction in result["directions"]:
        assert abs(direction["authors"] - direction["measured"]) < 30


@pytest.mark.parametrize("measure", [nmnist.measure_nmnist, nmnist.measure_nmnist1000])
def test_digits_are_classified_by_the_packages_split_and_by_folds(measure, put):
    data = load_nmnist()
    train = data.train.subset(range(0, 400, 25))
    test = data.test.subset(range(0, 200, 25))
    few = Split(train, test)
    once = {"time_window": 10_000, "epochs": 1, "augment": "none"}
    models = {
        "sum": protocol.logistic_regression(summed_image),
        nmnist.CONVOLUTION: NetworkEstimator(nmnist.ConvolutionalSNN, **once),
    }
    put(nmnist, MODELS=models, load_nmnist=lambda: few, thousand=lambda: few.train)
    result = measure(2)
    assert result["recordings"] == (8 if measure is nmnist.measure_nmnist else 16)
    of_sum, of_convolution = result["rows"]
    assert all(0 <= of_sum[digit] <= 1 for digit in "6789")
    (difference,) = result["differences"]
    expected = 100 * (of_convolution["mean"] - of_sum["mean"])
    assert difference["points"] == pytest.approx(expected)


# ---- What is kept for the pages ----


@pytest.fixture
def kept(tmp_path, put):
    """A repository of its own whose code is committed, where real recordings are measured."""
    folder = tmp_path / "pokersnn_helpers/measured"
    folder.mkdir(parents=True)
    for place in ("pokersnn_helpers/code.py", "benchmarks/code.py"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_text("measured = True\n")
    everything = SimpleNamespace(source="real")
    put(measured, FOLDER=folder)
    put(store, FOLDER=folder, ROOT=tmp_path, setting=lambda: {"data": "real", "cores": 2})
    put(store, load_pokerdvs131=lambda: everything)
    store.git("init", "--quiet")
    store.git("add", "--all")
    who = ("-c", "user.name=a", "-c", "user.email=a@localhost")
    store.git(*who, "commit", "--quiet", "-m", "code")
    return folder


INTERVAL = {"model": "a", "mean": 0.123456789, "interval low": 0.1, "interval high": 0.2}


def test_what_is_kept_says_what_it_depends_on_and_is_read_by_pages(kept):
    unlimited = {"model": "b", "mean": np.float64(0.5), "worst": np.inf}
    store.write("step", ["--seeds 3"], {"seeds": 3, "rows": [INTERVAL, unlimited]}, "a commit")
    text = (kept / "step.json").read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert "Infinity" not in text
    document = measured.read("step")
    assert document["command"] == "python -m benchmarks step --seeds 3"
    assert document["commit"] == "a commit"
    assert document["setting"] == {"data": "real", "cores": 2}
    first, second = document["result"]["rows"]
    assert first["mean"] == 0.123457  # six digits
    assert second == {"model": "b", "mean": 0.5, "worst": None}
    assert measured.measured("step")["mean"].tolist() == [0.123457, 0.5]


@pytest.mark.parametrize("changed", ["pokersnn_helpers/new.py", "benchmarks/code.py"])
def test_only_committed_code_is_kept(kept, changed):
    (kept / "step.json").write_text("{}")  # another measurement is no code
    assert store.clean_commit() == store.git("rev-parse", "HEAD")[:10]
    (store.ROOT / changed).write_text("1 / 0\n")
    with pytest.raises(SystemExit, match=rf"(?s)commit first, .*{changed}"):
        store.clean_commit()


@pytest.mark.parametrize("option", ["--write", "--compare"])
def test_only_real_recordings_are_kept_and_compared(kept, monkeypatch, option):
    store.write("step", [], {"rows": [INTERVAL]}, "")
    store.load_pokerdvs131().source = "simulated"  # the 68 are real
    with pytest.raises(SystemExit, match="the recordings are simulated"):
        command.main(["step", option])


PAIR = {"first": "a", "second": "b", "points": 2, "interval low": 1, "interval high": 3}
CHANGE = {"change": "x", "change, points": -2}
CHANGE |= {"change, interval low": -3, "change, interval high": -1}
SEEDS = {"line": "a", "mean": 5, "lowest": 4, "highest": 6}
COUNTED = {"model": "b", "bins_us": 300, "effective_acs": 90}
AT = {"at": 0.75, "mean": 0.15, "interval low": 0.1, "interval high": 0.2}


@pytest.mark.parametrize(
    ("row", "changed", "difference"),
    [
        (AT, {"interval low": 0.16}, "(0.75,), mean: 0.15, now 0.16 to 0.2"),
        (AT, {"interval high": 0.12}, "(0.75,), mean: 0.15, now 0.1 to 0.12"),
        (AT, {"mean": 0.19}, None),
        (PAIR, {"interval low": 2.5}, "('a', 'b'), points: 2, now 2.5 to 3"),
        (CHANGE, {"change, interval high": -2.5}, "('x',), change, points: -2, now -3 to -2.5"),
        (SEEDS, {"mean": 5.7, "lowest": 5.5}, None),  # of three seeds, this is chance
        (SEEDS, {"mean": 5.7, "lowest": 5.6, "highest": 5.8}, "('a',), mean: 5, now 5.4 to 6"),
        (COUNTED, {"effective_acs": 101}, "('b', 300), effective_acs: 90, now 90.9 to 111.1"),
    ],
)
def test_kept_numbers_are_compared_with_new_ones(kept, row, changed, difference):
    store.write("step", [], {"rows": [INTERVAL, row]}, "")
    expected = [] if difference is None else [f"rows, {difference}"]
    assert store.outside("step", {"rows": [INTERVAL, row | changed]}) == expected


def test_numbers_and_tables_beside_the_rows_are_compared(kept):
    store.write("step", [], {"c2st_accuracy": 0.6, "ms": 3.5, "differences": [PAIR]}, "")
    other = PAIR | {"second": "c"}
    assert store.outside("step", {"c2st_accuracy": 0.7, "differences": [other], "ms": 9}) == [
        "c2st_accuracy, (), c2st_accuracy: 0.6, now 0.63 to 0.77",
        "differences, ('a', 'b') isn't measured any more",
        "differences, ('a', 'c'), points: nan, now 1 to 3",
    ]


def test_command_keeps_and_compares(kept, monkeypatch, capsys):
    before = store.clean_commit()

    def measure(repeats=3):
        (kept.parent / "code.py").write_text("measured = False\n")  # while it measures
        return {"rows": [INTERVAL]}

    monkeypatch.setattr(networks, "measure_step", measure)
    command.main(["step", "--write", "--repeats", "2"])
    assert measured.read("step")["command"] == "python -m benchmarks step --repeats 2"
    assert measured.read("step")["commit"] == before
    command.main(["step", "--compare"])
    higher = {"rows": [INTERVAL | {"interval low": 0.19}]}
    monkeypatch.setattr(networks, "measure_step", lambda: higher)
    with pytest.raises(SystemExit, match=r"kept means outside the new interval:\nrows, \('a',\)"):
        command.main(["step", "--compare"])
    assert "0.19" in capsys.readouterr().out  # what was measured is printed all the same
