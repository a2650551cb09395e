"""Whether recordings need time: verdicts that are known, and what ``compare`` keeps and refuses."""

import numpy as np
import pandas as pd
import pytest
from test_protocol import Spy, assert_no_leak, numbered

from benchmarks.compare import film
from pokersnn_helpers import EVENT_DTYPE, Recordings
from pokersnn_helpers.own import compare as module
from pokersnn_helpers.own.compare import compare
from pokersnn_helpers.own.verdict import SHORTCUTS, TIMED, UNTIMED, judge
from pokersnn_helpers.simulation.motions import film_motions

MODELS = list(dict.fromkeys([*SHORTCUTS, *UNTIMED, *TIMED]))


def bars(count, edges=0):
    """A bar that drifts left or right over four columns, and comes in again at the other edge.

    Behind it, so many columns late, is its ON edge; with ``edges`` of 0, polarities say nothing.
    """
    rng = np.random.default_rng(0)
    recordings = []
    for number in range(count):
        direction = (-1, 1)[number % 2]
        speed = rng.uniform(0.4, 0.5)  # columns per ms
        events = np.zeros(300, EVENT_DTYPE)
        times = rng.integers(0, 30_000, 300)
        events["t"] = np.sort(times)
        events["p"] = rng.integers(0, 2, 300)
        moved = speed * events["t"] / 1000 - edges * events["p"]
        columns = rng.uniform(0, 4) + direction * moved
        events["x"] = np.floor(columns) % 4
        recordings.append(events)
    targets = [number % 2 for number in range(count)]
    return Recordings(recordings, targets, ("left", "right"), (4, 1, 2))


@pytest.fixture
def quick(monkeypatch):
    """Train on recordings as they are and shuffled, not with merged polarities, too."""
    monkeypatch.delitem(module.CHANGES, "polarities merged")


# ---- Films whose verdict is known ----


@pytest.mark.parametrize(
    ("kind", "epochs", "verdicts"),
    [
        ("exclusive or", 8, ["doesn't need time"]),
        ("radius", 8, ["doesn't need time"]),
        ("brightness", 8, ["doesn't need time", "nothing to be learned", "can't tell"]),
        ("count", 4, ["doesn't need time", "has a shortcut", "can't tell"]),
        ("duration", 4, ["doesn't need time", "has a shortcut", "can't tell"]),
        ("noise", 2, ["nothing to be learned"]),
        ("dots", 1, ["needs time"]),  # by its correlations, which learn from few films
    ],
)
@pytest.mark.slow
def test_verdict_on_films_of_which_it_is_known(kind, epochs, verdicts, quick):
    recordings = film(kind, 48)
    comparison = compare(recordings, range(48), folds=2, epochs=epochs, time_window=2000)
    assert comparison.verdict in verdicts, comparison


@pytest.mark.slow
def test_drifting_bars_need_time_and_have_no_shortcut(quick):
    comparison = compare(bars(40), range(40), folds=2, epochs=15)
    table = comparison.table
    assert comparison.verdict == "needs time", comparison
    assert table.loc["GRU", "as they are"] > 0.9
    assert table.loc[[*SHORTCUTS, *UNTIMED], "as they are"].max() < 0.75
    assert table.loc["the sum", "time reversed"] == table.loc["the sum", "as they are"]


@pytest.mark.slow
def test_polarities_can_make_a_frame_enough(quick):
    comparison = compare(bars(40, edges=1), range(40), folds=2, epochs=12)
    assert comparison.verdict == "a frame is enough", comparison


@pytest.mark.slow
def test_discs_that_come_in_from_outside_have_a_shortcut(quick):
    comparison = compare(film_motions(60), range(60), folds=2, epochs=8)
    assert comparison.verdict == "has a shortcut", comparison
    assert "first tenth" in comparison.sentences[-1]
    assert "check how your recordings start" in comparison.sentences[-1]


# ---- Verdicts ----


NUMBERS = np.arange(100)
GUESS = NUMBERS % 2 == 0  # of two classes that take turns
SHUFFLED = "GRU, time shuffled"
NOISE = "nothing to be learned"
CHANCE = "can't tell"


def share(percent):
    return percent > NUMBERS


@pytest.mark.parametrize(
    ("verdict", "right", "said"),
    [
        (NOISE, {}, "may be chance"),
        (NOISE, {"GRU": GUESS | share(8)}, "+4 points (-2 to"),
        ("needs time", {"GRU": share(100)}, "GRU 50% with time shuffled"),
        ("doesn't need time", {"GRU": share(100), SHUFFLED: share(100)}, "GRU with shuffled times"),
        ("needs time", {"SNN": share(100), "each frame alone": share(95)}, "alone reaches 95%"),
        ("a frame is enough", {"GRU": share(100), "each frame alone": share(96)}, "reaches 96%"),
        ("has a shortcut", {"GRU": share(100), "last tenth": share(76)}, "So check how they end."),
        ("needs time", {"GRU": share(100), "last tenth": share(75)}, "need time"),
        ("needs time", {"GRU": GUESS | share(24), "last tenth": GUESS | share(8)}, "need time"),
        ("has a shortcut", {"GRU": share(100), "count and duration": share(90)}, "equally long"),
        ("doesn't need time", {"the sum": share(90), "GRU": share(91)}, "+1 points (-2 to"),
        (CHANCE, {"MLP of the sum": share(90), "GRU": share(93)}, "+3 points (-1 to"),
        (CHANCE, {"CNN of the sum": share(95), "GRU": share(100)}, "record more groups"),
        ("doesn't need time", {"the sum": share(96), "GRU": share(100)}, "the sum is enough"),
        (CHANCE, {"the sum": share(80), "GRU": share(55)}, "need more to learn from"),
        ("doesn't need time", {"the sum": share(90), "GRU": NUMBERS >= 10}, "+0 points (-"),
        (CHANCE, {"the sum": share(90), "GRU": NUMBERS >= 9}, "+1 points (-"),
        (
            "doesn't need time",
            {"the sum": share(98), "first tenth": share(90)},
            "What the sum shows may be a shortcut. Correct by themselves: first tenth 90%. So",
        ),
    ],
)
def test_verdict_follows_from_what_each_model_gets_right(verdict, right, said):
    correct = {}
    for name in MODELS:
        correct[name] = {"as they are": right.get(name, GUESS), "time shuffled": GUESS}
    correct["GRU"]["time shuffled"] = right.get(SHUFFLED, GUESS)
    found, sentences = judge(correct, NUMBERS % 2, NUMBERS)
    assert found == verdict
    assert len(sentences) == 3
    assert said in " ".join(sentences)

    correct["last tenth"]["time shuffled"] = correct["last tenth"]["as they are"]
    _, sentences = judge(correct, NUMBERS % 2, NUMBERS)  # any tenth says it
    assert "how they end" not in " ".join(sentences)


@pytest.mark.parametrize(("accuracy", "groups"), [(0.8, 36), (0.8, 6), (0.5, 36), (0.5, 4)])
def test_equal_models_seldom_need_time_and_guesses_are_seldom_something(accuracy, groups):
    rng = np.random.default_rng(0)
    targets = np.arange(36) % 2
    verdicts = []
    for _ in range(400):
        correct = {}
        for name in MODELS:
            shuffled = rng.random(36) < 0.5  # the sum has no other rival
            correct[name] = {"as they are": rng.random(36) < accuracy, "time shuffled": shuffled}
        verdict, _ = judge(correct, targets, np.arange(36) % groups)
        verdicts.append(verdict)
    needing = ("needs time", "a frame is enough", "has a shortcut")
    assert sum(map(verdicts.count, needing)) <= 16
    assert accuracy > 0.5 or verdicts.count(NOISE) >= 388


# ---- Running it ----


def test_no_model_is_asked_about_a_group_that_it_has_learned_from(monkeypatch):
    notes = []
    spies = {name: Spy(notes) for name in MODELS}
    monkeypatch.setattr(module, "make_models", lambda *_, **__: spies)
    groups = [number // 4 for number in range(24)]
    comparison = compare(numbered(24), groups)
    assert len(notes) == 105  # 3 folds: 11 models, asked twice, 7 with time shuffled, 6 merged
    for _, learned, asked in notes:
        assert_no_leak(learned, asked, groups)
    assert (comparison.table["as they are"] == 0.5).all()  # of all 24, by who always says "a"


@pytest.mark.slow
def test_what_is_done_survives_an_interruption(monkeypatch, tmp_path):
    real = module._answers
    calls = []
    lines = []

    def answers(estimator, change, recordings, learned, held_out):
        calls.append(change)
        if len(calls) == 12:
            raise KeyboardInterrupt
        return real(estimator, change, recordings, learned, held_out)

    monkeypatch.setattr(module, "_answers", answers)
    recordings = film("radius", 12)
    options = {"folds": 2, "epochs": 1, "time_window": 5000}
    known = r"(?s)GRU, as they are: .*\nstopped before all 48"
    with pytest.raises(KeyboardInterrupt, match=known):
        compare(recordings, range(12), **options, keep=tmp_path, say=lines.append)
    assert lines[0].startswith("18 networks, 1 epochs each, bins of 5000 µs: about 1 minutes")
    resumed = compare(recordings, range(12), **options, keep=tmp_path)
    assert len(calls) == 12 + 48 - 11  # what was done isn't done again
    afresh = compare(recordings, range(12), **options)
    pd.testing.assert_frame_equal(resumed.table, afresh.table)


def test_of_many_events_and_pixels_some_are_drawn(monkeypatch):
    monkeypatch.setattr(module, "MAX_EVENTS", 50)
    recordings = film("radius", 10)
    large = Recordings(recordings.events, recordings.targets, recordings.classes, (346, 260, 2))
    small = module._smaller(large)
    assert small.sensor_size == (58, 44, 2)
    assert sum(map(len, small.events)) == pytest.approx(500, rel=0.2)
    for events, drawn in zip(large.events, small.events, strict=True):
        assert drawn["t"][0] == events["t"][0]
        assert np.ptp(drawn["t"]) == np.ptp(events["t"])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"time_window": 1e9}, "time_window is 1000000000.0; choose a number from 1 to 125000"),
        ({"processes": -5}, "processes is -5"),
        ({"augment": "turn"}, "augment is 'turn'; choose none, shift or mirror"),
        ({"folds": 13}, "folds is 13; choose from 2 to 6"),
    ],
)
def test_what_cannot_be_used_is_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        compare(film("radius", 12), range(12), **wrong)


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="are of one class"):
        compare(film_motions(6).subset([0]), [0])
