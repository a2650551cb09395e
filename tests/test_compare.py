import warnings

import numpy as np
import pandas as pd
import pytest

from benchmarks.compare import film
from pokersnn_helpers import EVENT_DTYPE, Recordings
from pokersnn_helpers.own import compare as module
from pokersnn_helpers.own.compare import SHORTCUTS, UNTIMED, compare
from pokersnn_helpers.simulation.motions import film_motions


def spots(count, rng, places):
    """Twenty milliseconds of events around a place of each recording's own."""
    recordings = []
    for number in range(count):
        events = np.zeros(200, EVENT_DTYPE)
        events["t"] = np.sort(rng.integers(0, 20_000, 200))
        middle = places[number % len(places)]
        events["x"], events["y"] = rng.normal(middle, 2, (200, 2)).clip(0, 15).astype(int).T
        events["p"] = rng.integers(0, 2, 200)
        recordings.append(events)
    classes = ("a", "b")
    return Recordings(recordings, [n % 2 for n in range(count)], classes, (16, 16, 2))


def bars(count, rng, edges=0):
    """A bar that drifts left or right over four columns, and comes in again at the other edge.

    Behind it, so many columns late, is its ON edge; with ``edges`` of 0, polarities say nothing.
    """
    recordings = []
    for number in range(count):
        direction, speed = (-1, 1)[number % 2], rng.uniform(0.4, 0.5)  # columns per ms
        events = np.zeros(300, EVENT_DTYPE)
        events["t"] = np.sort(rng.integers(0, 30_000, 300))
        events["p"] = rng.integers(0, 2, 300)
        at = rng.uniform(0, 4) + direction * (speed * events["t"] / 1000 - edges * events["p"])
        events["x"] = np.floor(at) % 4
        recordings.append(events)
    return Recordings(recordings, [n % 2 for n in range(count)], ("left", "right"), (4, 1, 2))


@pytest.fixture
def quick(monkeypatch):
    """Train on recordings as they are and shuffled, not with merged polarities, too."""
    monkeypatch.delitem(module.CHANGES, "polarities merged")


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
    found = compare(recordings, range(48), folds=2, epochs=epochs, time_window=2000)
    assert found.verdict in verdicts, found


@pytest.mark.slow
def test_drifting_bars_need_time_and_have_no_shortcut(quick):
    found = compare(bars(40, np.random.default_rng(0)), range(40), folds=2, epochs=15)
    assert found.verdict == "needs time", found
    assert found.table.loc["GRU", "as they are"] > 0.9
    assert found.table.loc[[*SHORTCUTS, *UNTIMED], "as they are"].max() < 0.75
    assert found.table.loc["the sum", "time reversed"] == found.table.loc["the sum", "as they are"]


@pytest.mark.slow
def test_polarities_can_make_a_frame_enough(quick):
    found = compare(bars(40, np.random.default_rng(0), edges=1), range(40), folds=2, epochs=12)
    assert found.verdict == "a frame is enough", found


@pytest.mark.slow
def test_discs_that_come_in_from_outside_have_a_shortcut(quick):
    found = compare(film_motions(60), range(60), folds=2, epochs=8)
    assert found.verdict == "has a shortcut", found
    assert "first tenth" in found.sentences[-1]
    assert "check how your recordings start" in found.sentences[-1]


@pytest.mark.slow
def test_a_class_of_more_events_is_named(quick):
    recordings = spots(40, np.random.default_rng(0), [(8, 8)])
    for number in range(0, len(recordings), 2):
        recordings.events[number] = recordings.events[number][::3]
    found = compare(recordings, range(40), folds=2, epochs=1)
    assert "count and duration 100%" in found.sentences[-1], found


numbers = np.arange(100)
GUESS = numbers % 2 == 0  # of two classes that take turns
SHUFFLED = "GRU, time shuffled"
NOISE, CHANCE = "nothing to be learned", "can't tell"


def share(percent):
    return numbers < percent


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
        ("doesn't need time", {"the sum": share(90), "GRU": numbers >= 10}, "+0 points (-"),
        (CHANCE, {"the sum": share(90), "GRU": numbers >= 9}, "+1 points (-"),
        (
            "doesn't need time",
            {"the sum": share(98), "first tenth": share(90)},
            "What the sum shows may be a shortcut. Correct by themselves: first tenth 90%. So",
        ),
    ],
)
def test_verdict_follows_from_what_each_model_gets_right(verdict, right, said):
    correct = {
        name: {"as they are": right.get(name, GUESS), "time shuffled": GUESS}
        for name in module._models(1, 1000, 1000)
    }
    correct["GRU"]["time shuffled"] = right.get(SHUFFLED, GUESS)
    found, sentences = module._judge(correct, numbers % 2, numbers)
    assert found == verdict and said in " ".join(sentences) and len(sentences) == 3
    correct["last tenth"]["time shuffled"] = correct["last tenth"]["as they are"]
    again = module._judge(correct, numbers % 2, numbers)[1]  # any tenth says it
    assert "how they end" not in " ".join(again)


@pytest.mark.parametrize(("accuracy", "groups"), [(0.8, 36), (0.8, 6), (0.5, 36), (0.5, 4)])
def test_equal_models_seldom_need_time_and_guesses_are_seldom_something(accuracy, groups):
    rng, count, verdicts = np.random.default_rng(0), 36, []
    names = [*module.SHORTCUTS, *UNTIMED, *module.TIMED]
    for _ in range(400):
        right = rng.random((len(names), count)) < accuracy
        noise = {"time shuffled": rng.random(count) < 0.5}  # the sum has no other rival
        rows = zip(names, right, strict=True)
        correct = {name: {"as they are": row} | noise for name, row in rows}
        verdicts.append(module._judge(correct, np.arange(count) % 2, np.arange(count) % groups)[0])
    needing = {"needs time", "a frame is enough", "has a shortcut"}
    assert sum(verdict in needing for verdict in verdicts) <= 16
    assert accuracy > 0.5 or verdicts.count(NOISE) >= 388


@pytest.mark.slow
def test_what_is_done_survives_an_interruption(monkeypatch, tmp_path):
    real, calls, lines = module._answers, [], []

    def answers(model, change, recordings, learned, held_out, seed):
        calls.append(change)
        if len(calls) == stop:
            raise KeyboardInterrupt
        return real(model, change, recordings, learned, held_out, seed)

    monkeypatch.setattr(module, "_answers", answers)
    recordings = film("radius", 12)
    how = {"folds": 2, "epochs": 1, "time_window": 5000, "keep": tmp_path, "say": lines.append}
    stop = 12
    with pytest.raises(
        KeyboardInterrupt, match=r"(?s)count and duration, as they are: .*\nstopped before all 48"
    ):
        compare(recordings, range(12), **how)
    stop = 0
    found = compare(recordings, range(12), **how)
    assert len(calls) == 12 + 48 - 11  # what was done isn't done again
    afresh = compare(recordings, range(12), **how | {"keep": None})
    pd.testing.assert_frame_equal(found.table, afresh.table)
    assert lines[0].startswith("18 networks, 1 epochs each, bins of 5000 µs: about 1 minutes")


def test_of_many_events_and_pixels_some_are_drawn(monkeypatch):
    monkeypatch.setattr(module, "EVENTS", 50)
    recordings = film("radius", 10)
    large = Recordings(recordings.events, recordings.targets, recordings.classes, (346, 260, 2))
    small = module._smaller(large)
    assert small.sensor_size == (58, 44, 2)
    assert sum(map(len, small.events)) == pytest.approx(500, rel=0.2)
    for events, some in zip(large.events, small.events, strict=True):
        assert (some["t"][[0, -1]] == events["t"][[0, -1]]).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"time_window": 1e9}, "time_window is 1000000000.0; choose a number from 1 to 125000"),
        ({"processes": -5}, "processes is -5"),
        ({"augment": "turn"}, "augment is 'turn'; choose none, shift or mirror"),
    ],
)
def test_what_cannot_be_used_is_named(wrong, message):
    with pytest.raises(ValueError, match=message):
        compare(film("radius", 12), range(12), **wrong)


@pytest.mark.parametrize(("time_window", "slowest"), [(1000, 0.005), (20_000, 0.02)])
def test_a_readout_is_never_faster_than_a_time_step(time_window, slowest):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network = module._models(1, time_window, 1000)["SNN"].make(dt=time_window / 1e6)
    assert float(network.snn.readout.p.tau_syn_inv) == pytest.approx(1 / slowest)


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="are of one class"):
        compare(film_motions(1), [0])
