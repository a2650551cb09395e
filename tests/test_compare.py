"""Whether recordings need time: verdicts that are known, and what ``compare`` keeps and refuses."""

import numpy as np
import pytest
from test_protocol import Spy, assert_no_leak, numbered

from benchmarks.compare import verdict_by_chance
from benchmarks.known_sets import KNOWN_SETS, make_set
from pokersnn_helpers import EVENT_DTYPE, Recordings
from pokersnn_helpers.own.ask import compare as module
from pokersnn_helpers.own.ask.compare import compare, hot_pixel_image
from pokersnn_helpers.own.ask.verdict import (
    ANYWHERE,
    CANNOT_TELL,
    FRAME,
    FRAME_ENOUGH,
    HAS_SHORTCUT,
    NEEDS_BOTH,
    NEEDS_ORDER,
    NOTHING,
    RATE,
    RATE_ENOUGH,
    SHORTCUTS,
    SUM_ENOUGH,
    SUMS,
    TIMED,
    decidable,
    judge,
    lead_interval,
)
from pokersnn_helpers.simulation.motions import film_motions

MODELS = [*SHORTCUTS, *set(ANYWHERE.values()), *SUMS, *TIMED]


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


# ---- Films whose verdict is known ----


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("place", 60),
        ("gap", 60),
        ("pairs", 120),
        ("shape and order", 120),
        ("hot pixel", 120),
        ("noise", 60),
    ],
)
@pytest.mark.slow
def test_verdict_on_films_of_which_it_is_known(name, count):
    recordings, _ = make_set(name, seed=3)
    some = recordings.subset(range(count))
    comparison = compare(some, range(count), folds=2, epochs=4)
    assert comparison.verdict in KNOWN_SETS[name][2], comparison


@pytest.mark.filterwarnings("ignore:the loss has climbed")
@pytest.mark.slow
def test_drifting_bars_need_the_order_and_have_no_shortcut():
    comparison = compare(bars(40), range(40), folds=2, epochs=15)
    table = comparison.table
    assert comparison.verdict == NEEDS_ORDER, comparison
    assert table.loc["GRU", "as they are"] > 0.9
    assert table.loc[[*SHORTCUTS, *SUMS], "as they are"].max() < 0.75
    assert table.loc["the sum", "time reversed"] == table.loc["the sum", "as they are"]


@pytest.mark.filterwarnings("ignore:the loss has climbed")
@pytest.mark.slow
def test_polarities_can_make_a_frame_enough():
    comparison = compare(bars(40, edges=1), range(40), folds=2, epochs=12)
    assert comparison.verdict == FRAME_ENOUGH, comparison


@pytest.mark.slow
def test_discs_that_come_in_from_outside_have_a_shortcut():
    comparison = compare(film_motions(60), range(60), folds=2, epochs=8)
    assert comparison.verdict == HAS_SHORTCUT, comparison
    assert "first tenth" in comparison.sentences[-1]
    assert "check how your recordings start" in comparison.sentences[-1]


def test_hot_pixels_alone_stay():
    recordings, _ = make_set("hot pixel")
    images = hot_pixel_image(recordings.subset([0, 1])).reshape(2, 24, 24)
    assert not images[0].any()
    assert np.argwhere(images[1]).tolist() == [[20, 3]]


# ---- Verdicts ----


NUMBERS = np.arange(100)
GUESS = NUMBERS % 2 == 0  # of two classes that take turns


def share(percent):
    return percent > NUMBERS


@pytest.mark.parametrize(
    ("verdict", "right", "said"),
    [
        (NOTHING, {}, "see whether the classes differ"),
        (NOTHING, {"GRU": GUESS | share(8)}, "Look at GRU, the best"),
        (SUM_ENOUGH, {"the sum": share(96), "GRU": share(100)}, "within 5 points of the best"),
        (SUM_ENOUGH, {"the sum": share(90), "GRU": share(55)}, "the sum, reaches 90%"),
        (CANNOT_TELL, {"the sum": share(93), "GRU": share(100)}, "points can't be told"),
        (CANNOT_TELL, {"the sum": share(80), "GRU": ~share(20)}, "may be chance"),
        (RATE_ENOUGH, {RATE: share(96), "GRU": share(100), FRAME: share(96)}, "In bins of 2 ms"),
        (FRAME_ENOUGH, {RATE: share(80), "GRU": share(100), FRAME: share(96)}, "alone 96%"),
        (CANNOT_TELL, {"GRU": share(100), FRAME: share(94)}, "each frame alone 94%"),
        (NEEDS_ORDER, {"GRU": share(100), FRAME: share(88)}, "so a memory is needed"),
        (NEEDS_ORDER, {"SNN in finer bins": share(100)}, "In bins of 0.4 ms"),
        (SUM_ENOUGH, {"GRU": share(100), "GRU, times drawn anew": share(100)}, "GRU, times drawn"),
        (NEEDS_BOTH, {"GRU": share(100), "GRU, time shuffled": share(97)}, "tells some recordings"),
        (NEEDS_BOTH, {"the sum": GUESS | share(50), "GRU": share(100)}, "the time others"),
        (
            NEEDS_ORDER,
            {"the sum": GUESS | share(50), "GRU": share(100), "regions over time": share(97)},
            "a memory is needed",
        ),
        (NEEDS_BOTH, {"the sum": share(85), "GRU": share(85), "GRU, time reversed": share(5)}, ""),
        (SUM_ENOUGH, {"the sum": share(95), "GRU": share(95), "GRU, time reversed": share(5)}, ""),
        (HAS_SHORTCUT, {"GRU": share(100), "last tenth": share(76)}, "So check how they end."),
        (HAS_SHORTCUT, {"GRU": share(100), "last tenth": share(76)}, "so a memory is needed"),
        (NEEDS_ORDER, {"GRU": share(100), "last tenth": share(75)}, "memory is needed."),
        (HAS_SHORTCUT, {"last tenth": share(100)}, "the sum, reaches 50%"),
        (RATE_ENOUGH, {RATE: share(100), "first tenth": share(80)}, "needn't be told apart."),
        (HAS_SHORTCUT, {RATE: share(100), "first tenth": share(99)}, "how your recordings start"),
        (HAS_SHORTCUT, {RATE: share(100), "count and duration": share(90)}, "equally long"),
        (SUM_ENOUGH, {"the sum": share(99), "count and duration": share(99)}, "equally long"),
        (HAS_SHORTCUT, {"the sum": share(99), "hot pixels": share(99)}, "command clean leaves out"),
        (SUM_ENOUGH, {"the sum": share(98), "first tenth": share(97)}, "how your recordings start"),
    ],
)
def test_verdict_follows_from_what_each_model_gets_right(verdict, right, said):
    correct = {name: {"as they are": GUESS} for name in MODELS}
    for words, answers in right.items():
        name, _, change = words.partition(", ")
        correct.setdefault(name, {})[change or "as they are"] = answers
    told, sentences = judge(correct, NUMBERS % 2, NUMBERS, 2000)
    assert told == verdict
    assert len(sentences) == 3
    assert said in " ".join(sentences)

    for percent in (75, 98):  # each part shows the class, if less well
        correct["any tenth"]["as they are"] = share(percent)
        _, sentences = judge(correct, NUMBERS % 2, NUMBERS, 2000)
        assert "how they end" not in " ".join(sentences)
        assert "how your recordings start" not in " ".join(sentences)


@pytest.mark.parametrize("count", [6, 8, 12])
def test_of_few_recordings_that_are_nearly_all_right_nothing_can_be_told(count):
    right = np.ones(count, bool)
    correct = {name: {"as they are": right} for name in MODELS}
    verdict, sentences = judge(correct, np.arange(count) % 2, range(count), 2000)
    assert verdict == CANNOT_TELL
    assert f"Groups: {count}, so differences below " in sentences[-1]


@pytest.mark.parametrize(
    "groups", [range(120), np.repeat(range(12), [200, *[2] * 11]), np.arange(120) // 20]
)
def test_equal_models_are_seldom_told_apart(groups):
    verdicts = [verdict_by_chance(0.8, groups, seed) for seed in range(100)]
    harmless = (SUM_ENOUGH, CANNOT_TELL, NOTHING)
    assert sum(map(verdicts.count, harmless)) >= 95


def test_guesses_are_seldom_something():
    verdicts = [verdict_by_chance(0.5, range(120), seed) for seed in range(100)]
    assert verdicts.count(NOTHING) >= 97


@pytest.mark.parametrize(
    "sizes", [[200, *[2] * 11], [20] * 6, [100, 60, *[5] * 8], [50, 30, 20, 10, 5, 5], [3] * 12]
)
def test_interval_holds_for_groups_of_any_size(sizes):
    groups = np.repeat(range(len(sizes)), sizes)
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(400):
        of_groups = rng.normal(0.7, 0.15, (2, len(sizes)))[:, groups]
        first, second = rng.random(of_groups.shape) < of_groups
        _, low, high = lead_interval(first, second, groups)
        wrong += low > 0 or high < 0
    assert wrong <= 32  # 5 % of 400, and what chance adds in one of a hundred runs


def test_groups_of_one_size_have_as_many_degrees_of_freedom_as_student_says():
    difference = np.tile([1, 0, 0, 1, 1, 0, -1, 0], 3)
    groups = np.arange(24) % 8
    means = difference.reshape(3, 8).mean(0)
    error = means.std(ddof=1) / np.sqrt(8)
    more, low, high = lead_interval(difference > 0, difference < 0, groups)
    assert high - more == pytest.approx(2.364624 * error)  # t of 7 degrees
    assert more - low == pytest.approx(high - more)


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        (["anna", "ben", "carl", "dora"] * 30, "Groups: 4, so differences below 51 points can't"),
        (range(120), "Groups: 120, so differences below 12 points can't be told."),
        ([0] * 200 + [*range(1, 12)] * 2, "Groups: 12, so differences can't be told."),
        (["anna"] * 9, "Groups: 1, so differences can't be told."),
    ],
)
def test_what_groups_can_decide_is_known_before(groups, said):
    assert said in decidable(groups)


# ---- Running it ----


def test_no_model_is_asked_about_a_group_that_it_has_learned_from(monkeypatch):
    notes = []
    spies = {name: Spy(notes) for name in MODELS}
    monkeypatch.setattr(module, "make_models", lambda *_, **__: spies)
    groups = [number // 4 for number in range(24)]
    comparison = compare(numbered(24), groups)
    assert len(notes) == 108  # 3 folds: 17 models and finer bins, forwards and backwards
    for _, learned, asked in notes:
        assert_no_leak(learned, asked, groups)
    assert (comparison.table["as they are"] == 0.5).all()  # of all 24, by who always says "a"


def test_of_many_events_and_pixels_some_are_drawn(monkeypatch):
    monkeypatch.setattr(module, "MAX_EVENTS", 50)
    recordings = make_set("radius")[0].subset(range(10))
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
        compare(make_set("radius")[0].subset(range(12)), range(12), **wrong)


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="are of one class"):
        compare(film_motions(6).subset([0]), [0])


def test_a_class_of_one_group_is_refused_in_words():
    with pytest.raises(ValueError, match="all recordings of b are of one group; record another"):
        compare(numbered(6), [0, 9, 1, 9, 2, 9])
