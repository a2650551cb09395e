"""Benchmarks measure all that is stored of them. How long anything takes is no matter of tests."""

import inspect
import json

import numpy as np
import pytest
import torch
from spy import watch

from benchmarks import __main__ as command
from benchmarks import folds, learned, motions, panel, store, timing, wall
from benchmarks.libraries import LIBRARIES, installed_version
from eventdesk.evidence.protocol import Evidence
from pokersnn_helpers import load_pokerdvs131
from pokersnn_helpers.page.measured import measured, names, read

SMALLEST = {"seeds": 1, "epochs": 1, "repeats": 1, "recordings": 8, "digits": 8}
# To each test recording: one for each model or change that is reported, and those of inner folds.
ANSWERS = {
    "accuracy": 6,
    "bits": 2,
    "changes": 4,
    "curve": 2 * 31 + 3 * 2 * 30,
    "dealt": 5,
    "elsewhere": 1,
    "latency": 5,
    "lines": 8,
    "motions": 18,
    "nested": 13,
    "operations": 9,
    "passes": 4,
    "simulation": 1,
    "sparse": 7,
    "unknown": 3,
    "variety": 8,
    "wall": 17,
}
# A card pass is in both parts of it, and the 48 recordings are divided as if each were alone.
SPLIT_OF_TONIC = {"elsewhere", "lines", "operations", "passes", "variety"}
NOT_SMALL = {
    "always_on",
    "compare",
    "digits",
    "known_sets",
    "learned",
    "panel",
    "teach",
    "winners",
}  # minutes, and a browser


@pytest.mark.slow
@pytest.mark.parametrize("name", LIBRARIES)
def test_a_network_of_another_library_trains(name):
    if not installed_version(name):
        pytest.skip(f"{name} isn't installed")
    step = LIBRARIES[name](torch.ones(20, 3, 2, 5, 5), torch.tensor([0, 1, 3]), hidden=7, dt=0.001)
    for _ in range(2):
        step()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(command.BENCHMARKS.keys() - NOT_SMALL))
def test_a_benchmark_of_the_smallest_size_leaks_nothing_and_has_every_row_that_is_stored(
    name, monkeypatch
):
    monkeypatch.setattr(folds, "PROCESSES", 1)  # in which the spy sees what happens
    monkeypatch.setattr(store, "resumed", lambda function: function)
    measure = command.function_of(name)
    spy = watch(monkeypatch, passes=name not in SPLIT_OF_TONIC)
    parameters = inspect.signature(measure).parameters
    smallest = {option: size for option, size in SMALLEST.items() if option in parameters}
    if name == "sparse":
        smallest["epochs"] = 3  # one before it prunes, two after
    assert smallest
    try:
        result = measure(**smallest)
    except (FileNotFoundError, SystemExit) as absent:  # recordings that can't be passed on
        pytest.skip(str(absent))
    assert json.dumps(timing.finite(result))
    most = max(spy.answers.values(), default=0)
    assert most == ANSWERS.get(name, 0)
    if name in names():
        stored = read(name)["result"]
        assert result.keys() >= stored.keys()
        # Simulators that aren't installed have one row, without a version.
        of_simulators = result["rows"] if name == "elsewhere" else []
        missing = [row["simulator"] for row in of_simulators if row["version"] is None]
        for table, rows in stored.items():
            if isinstance(rows, list) and "seed" not in rows[0]:
                assert result[table][0].keys() >= rows[0].keys()
                differences = store.outside({table: rows}, {table: result[table]})
                lost = [line for line in differences if "any more" in line]
                assert all(any(simulator in line for simulator in missing) for line in lost), lost


@pytest.mark.slow
def test_the_panel_learns_nothing_of_what_it_is_asked(monkeypatch):
    spy = watch(monkeypatch)
    answers = panel.ask(panel.Task(panel.cards, early=(4,)), 0)
    assert answers.correct.shape == (11, 2, len(answers.groups))
    assert max(spy.answers.values()) == 11 * 2
    best = answers.correct[:, 1].mean(axis=1).max()
    assert 0.6 < best < 1


class Teller:
    """Answers with the classes that it is told."""

    def fit(self, recordings, seed):
        return self

    def predict(self, recordings):
        return recordings.targets


def test_no_member_of_the_panel_is_told_the_classes_that_are_tested(simulated, monkeypatch):
    task = panel.Task(lambda seed: (range(48), Evidence(simulated.train).folds(3, seed)))
    monkeypatch.setattr(panel, "members", lambda task: {"teller": Teller()})
    monkeypatch.setattr(panel, "work_of", lambda model, recordings: 0)
    answers = panel.ask(task, 0)
    assert answers.correct.mean() == 0.25  # it is told the first class of each


def test_walls_of_digits_test_digits_that_nothing_has_learned_from():
    parts = [[digit.tobytes() for digit in wall.digits(3, part)] for part in ("train", "test")]
    assert list(map(len, parts)) == [64, 32] and not set(parts[0]) & set(parts[1])


def test_the_panel_that_is_stored_has_every_member_of_every_task():
    rows = measured("panel")
    for name, task in panel.TASKS.items():
        of_task = rows[rows["task"] == name]
        times = [*(f"{ms} ms" for ms in task.early), panel.END]
        expected = {(model, time) for model in panel.members(task) for time in times}
        assert set(zip(of_task["model"], of_task["time"], strict=True)) == expected


def test_every_stored_measurement_has_its_benchmark():
    assert set(names()) <= set(command.BENCHMARKS)


# ---- The command ----


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("everything", "there is no benchmark everything; choose from step, accuracy"),
        ("step --seeds 2", "step takes no --seeds"),
        ("step --repeats 0", "argument --repeats: invalid positive value: '0'"),
        ("fit --compare", "fit hasn't been kept; --write keeps it"),
    ],
)
def test_unusable_word_is_named(words, message, capsys):
    with pytest.raises(SystemExit):
        command.main(words.split())
    assert message in capsys.readouterr().err


def test_names_are_listed(capsys):
    command.main([])
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == list(command.BENCHMARKS)


@pytest.mark.slow
def test_the_command_prints_numbers_and_compares_them_with_those_stored(capsys):
    command.main(["readers", "--recordings", "1", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["name"] == "readers"
    assert document["setting"]["data"] == timing.recordings().source
    assert document["result"]["rows"][0]["files"] == 1
    if load_pokerdvs131().source == "real":
        with pytest.raises(SystemExit, match="kept means outside the new interval"):
            command.main(["lines", "--seeds", "1", "--epochs", "1", "--compare"])


# ---- What is kept for the pages ----

INTERVAL = {"model": "a", "mean": 0.123456789, "interval low": 0.1, "interval high": 0.2}

CHANGE = {"change": "x", "change, points": -2}
CHANGE |= {"change, interval low": -3, "change, interval high": -1}
SEEDS = {"line": "a", "mean": 5, "lowest": 4, "highest": 6}
COUNTED = {"model": "b", "bins_us": 300, "effective_acs": 90}
AT = {"at": 0.75, "mean": 0.15, "interval low": 0.1, "interval high": 0.2}


@pytest.mark.parametrize(
    ("row", "changed", "difference"),
    [
        (AT, {"interval low": 0.16}, "(0.75,), mean: 0.15, now 0.16 to 0.2"),
        (AT, {"mean": 0.19}, None),
        (CHANGE, {"change, interval high": -2.5}, "('x',), change, points: -2, now -3 to -2.5"),
        (SEEDS, {"mean": 5.7, "lowest": 5.5}, None),  # of three seeds, this is chance
        (SEEDS, {"mean": 5.7, "lowest": 5.6, "highest": 5.8}, "('a',), mean: 5, now 5.4 to 6"),
        (COUNTED, {"effective_acs": 101}, "('b', 300), effective_acs: 90, now 90.9 to 111.1"),
    ],
)
def test_stored_numbers_are_compared_with_new_ones(row, changed, difference):
    stored = {"rows": [INTERVAL, row]}
    expected = [] if difference is None else [f"rows, {difference}"]
    assert store.outside(stored, {"rows": [INTERVAL, row | changed]}) == expected


def test_constants_are_chosen_by_groups_that_nothing_chosen_among_has_learned_from(monkeypatch):
    films = motions.Films(torch.arange(12.0).reshape(1, 12, 1, 1, 1), torch.zeros(12).long())
    parts = []

    def see(films):
        parts.append(set(films.frames.flatten().int().tolist()))
        return 0.0

    monkeypatch.setattr(learned, "run", lambda setting, given, task, seed: see(given))
    monkeypatch.setattr(motions, "share", lambda network, given: see(given))

    def answer(rule, given, asked, task, seed):
        see(given)
        see(asked)
        return asked.targets + (rule != "shift correlation")

    monkeypatch.setattr(learned, "answers_of_rule", answer)
    settings = [learned.Setting(), learned.Setting(rate=1)]
    asked = films, np.arange(12) // 3, learned.TASKS["rhythm"], 0
    learned.choose(settings, *asked)
    assert learned.choose_rule(*asked) == "shift correlation"
    groups = [{number // 3 for number in part} for part in parts]
    assert [*map(len, groups)] == (2 + len(learned.RULES)) * [3, 1]
    assert not any(first & second for first, second in zip(groups[::2], groups[1::2], strict=True))
