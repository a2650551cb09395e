"""Whether recordings need time: what follows from what, verdicts that are known, and reports."""

import json
import re
from functools import cache, partial
from shutil import copytree

import numpy as np
import pytest
from test_protocol import Says, Spy, numbered, numbers_of

from benchmarks.compare import WAYS, known_row, summary
from benchmarks.known_sets import KNOWN_SETS, make_set
from eventdesk.ask import candidates, report, verdict
from eventdesk.ask import compare as module
from eventdesk.ask.candidates import CANDIDATES, choose_settings, hot_pixel_image
from eventdesk.ask.compare import Comparison, compare
from eventdesk.ask.sentences import decidable, in_words
from eventdesk.ask.verdict import (
    Answer,
    Candidate,
    Sees,
    Verdict,
    judge,
    non_inferior,
    tell_apart,
)
from eventdesk.evidence.differences import Difference
from eventdesk.evidence.perturbations import replaced
from eventdesk.models import features
from eventdesk.trained.winners import load_trained, write_winner
from pokersnn_helpers import Recordings
from pokersnn_helpers.events.recordings import make_events

GIVEN = ("epochs", "time_window", "augment")
BY_NAME = {model.name: model for model in CANDIDATES}


# ---- Films whose verdict is known ----


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("place", 80),
        ("gap", 80),
        ("shape and order", 120),
        ("hot pixel", 120),
        ("noise", 60),
    ],
)
@pytest.mark.slow
def test_verdict_on_films_of_which_it_is_known(name, count):
    recordings, _ = make_set(name, seed=3)
    some = recordings[:count]
    comparison = compare(some, range(count), folds=2, epochs=4)
    assert comparison.verdict in KNOWN_SETS[name].verdicts, report.printed(comparison)


@pytest.mark.slow
def test_other_ways_are_asked_beside_compare():
    row = known_row("on then off", seed=1, epochs=1, recordings=8)
    assert row["recordings"] == 8
    assert row["verdict"] == "can't tell"
    assert {type(row[way]) for way in WAYS} == {bool}


def test_shares_that_are_right_are_those_of_large_sets_by_what_is_true():
    large = dict.fromkeys(WAYS, True) | {"recordings": 120, "truth": Verdict.ORDER.value}
    rows = [
        large | {"verdict": Verdict.ORDER.value, "right": True},
        large | {"verdict": "can't tell", "right": False},
        large | {"verdict": "can't tell", "right": False, "recordings": 12},
    ]
    (order,) = summary(rows)
    assert (order["sets"], order["compare"], order["compare can't tell"]) == (2, 0.5, 0.5)


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


def judged(right, groups=NUMBERS, targets=NUMBERS % 2):
    """Judge models that guess, but for some: by name, which are right, or how many percent."""
    known = {name: share(one) if isinstance(one, int) else one for name, one in right.items()}
    correct = {model: known.get(model.name, GUESS) for model in CANDIDATES}
    return judge(correct, targets, groups)


IMAGE, RATE, FRAMES, BOTH = (
    "CNN on the image",
    "trees on the rate",
    "MLP on single frames",
    "trees on image and rate",
)


@pytest.mark.parametrize(
    ("follows", "right"),
    [
        (Verdict.NOTHING, {}),
        (Verdict.NOTHING, {"GRU": GUESS | share(8)}),
        (Verdict.CANT_TELL, {"GRU": GUESS | share(36), IMAGE: 60}),
        (Verdict.IMAGE, {IMAGE: 98, RATE: 98, "GRU": 100}),
        (Verdict.IMAGE, {IMAGE: 90}),
        (Verdict.RATE, {RATE: 98, "GRU": 100, FRAMES: 98}),
        (Verdict.FRAMES, {FRAMES: 98, RATE: 80, "GRU": 100}),
        (Verdict.IMAGE_AND_RATE, {BOTH: 98, IMAGE: 75, "GRU": 100}),
        (Verdict.CANT_TELL, {"hot pixels": 66}),  # no better than chance for certain
        (Verdict.CANT_TELL, {IMAGE: 92, "GRU": 100}),  # 8 points, 0 to 16
        (Verdict.CANT_TELL, {FRAMES: 92, "GRU": 100}),
        (Verdict.ORDER, {IMAGE: 80, "GRU": 100}),
        (Verdict.ORDER, {"all features": 100}),
        (Verdict.SHORTCUT, {"first tenth": 98, IMAGE: 100}),
        (Verdict.SHORTCUT, {"count and duration": 100, "GRU": 80}),
        (Verdict.ORDER, {"last tenth": 80, "GRU": 100}),
        # Any other tenth tells as much, or half as much, or less than half as much.
        (Verdict.IMAGE, {"first tenth": 98, "any tenth": 98, IMAGE: 100}),
        (Verdict.IMAGE, {"first tenth": 98, "any tenth": 76, IMAGE: 100}),
        (Verdict.SHORTCUT, {"first tenth": 98, "any tenth": 72, IMAGE: 100}),
        # 10 points less, more than half as much, but it may be chance.
        (Verdict.CANT_TELL, {"first tenth": 68, "any tenth": share(78) & ~share(20)}),
    ],
)
def test_verdict_follows_from_what_each_model_gets_right(follows, right):
    judgement = judged(right)
    assert judgement.verdict is follows, in_words(judgement)


@pytest.mark.parametrize(
    ("claim", "right"),
    [
        ("the event-count image is enough: ", {IMAGE: 98}),
        (
            "nothing tried is better than the event-count image by more than 10 points, and 10% st",
            {IMAGE: 90},
        ),
        (
            "nothing tried is better than a shortcut by more than 10 points, and 8% stay wrong",
            {"hot pixels": 92},
        ),
        ("the order of events is needed, unless a shortcut is enough", {"last tenth": 92}),
        ("the order of events is needed: ", {"last tenth": 80}),
        ("can't tell: ", {IMAGE: 92, "last tenth": 92}),
    ],
)
def test_the_headline_claims_no_more_than_is_known(claim, right):
    known = {"GRU": 100} if "order" in claim or "can't" in claim else {}
    assert in_words(judged(right | known))[0].startswith(claim)


def test_what_is_best_without_the_order_may_be_something_trivial():
    assert (
        "without it, last tenth 80% at best" in in_words(judged({"last tenth": 80, "GRU": 100}))[0]
    )


def test_what_tells_classes_apart_is_not_called_chance_where_they_are_told_apart():
    differ, _, _, _ = in_words(judged({IMAGE: 92, "GRU": 100}))
    assert "the classes differ" in differ and "chance" not in differ
    assert "may be chance" in in_words(judged({"hot pixels": 66}))[0]


def test_the_headline_says_whether_the_best_model_needs_spikes():
    without = judged({"GRU": 100, "SNN of train": 97})
    assert in_words(without)[0].endswith("GRU, needs no spikes; with them, SNN of train 97%.")
    best = judged({"GRU": 97, "SNN of train": 100})
    assert in_words(best)[0].endswith("SNN of train, is a spiking network.")
    assert "spikes" not in in_words(judged({}))[0]


def test_the_best_model_is_no_part_from_anywhere_and_of_equals_not_a_trivial_one():
    judgement = judged({"any tenth": 100, "hot pixels": 90, IMAGE: 90})
    assert judgement.best.model.name == IMAGE
    assert judgement.rivals == len(CANDIDATES) - 2


def test_the_best_of_each_kind_answers():
    judgement = judged({IMAGE: 99, "GRU": 100, "SNN of train": 70})
    assert judgement.seeing(Sees.IMAGE)[0].model.name == IMAGE
    as_good = {row.model.name: row.as_good for row in judgement.rows}
    assert as_good[IMAGE] is Answer.YES
    assert as_good["trees on the image"] is Answer.NO
    assert as_good[judgement.best.model.name] is as_good["GRU"] is Answer.NOT_ASKED


@pytest.mark.parametrize("count", [6, 8, 12])
@pytest.mark.parametrize("of_a_group", [1, 4])
def test_of_few_recordings_that_are_all_right_nothing_can_be_told(of_a_group, count):
    numbers = np.arange(count)
    correct = dict.fromkeys(CANDIDATES, numbers >= 0)
    judgement = judge(correct, numbers % 2, numbers // of_a_group)
    assert judgement.verdict is Verdict.CANT_TELL
    assert not judgement.within


def test_groups_of_one_class_count_once_within_them_too():
    """Six people of each class: who is taken for one of his class is right all the time."""
    people = np.arange(120) // 10
    right = np.isin(people, [0, 1, 2, 3, 6, 7, 8, 9, 10])  # of 12, by chance
    correct = {model: np.arange(120) % 2 == 0 for model in CANDIDATES} | {BY_NAME["GRU"]: right}
    judgement = judge(correct, people // 6, people)
    assert judgement.verdict in (Verdict.NOTHING, Verdict.CANT_TELL)


def test_copies_count_once():
    """Forty originals four times, of which a model has 70 % right by chance."""
    originals = np.arange(160) // 4
    right = originals % 10 < 7
    correct = dict.fromkeys(CANDIDATES, originals % 2 == 0) | {BY_NAME["GRU"]: right}
    for groups in (originals, np.arange(160) // 16):
        judgement = judge(correct, originals % 2, groups, originals=originals)
        assert judgement.verdict in (Verdict.NOTHING, Verdict.CANT_TELL)
        assert judgement.sizes.sum() == 40


def test_a_share_has_the_interval_of_its_groups():
    """Of ten people, five are always right."""
    of_recordings, of_people = (
        judged({"GRU": 50}, groups).seeing(Sees.MEMORY)[0].share
        for groups in (NUMBERS, NUMBERS // 10)
    )
    assert of_people.low < 0.2 < 0.35 < of_recordings.low


def test_of_few_people_what_holds_within_them_is_said_apart():
    """Three people, of whom one is told apart less well."""
    numbers = np.arange(120)
    rng = np.random.default_rng(0)
    good = rng.random(120) < np.repeat([1.0, 0.98, 0.8], 40)
    correct = {model: rng.random(120) < 0.5 for model in CANDIDATES} | {BY_NAME["GRU"]: good}
    people, alone = (judge(correct, numbers % 2, groups) for groups in (numbers // 40, numbers))
    assert people.within and not alone.within
    assert people.verdict is alone.verdict is Verdict.ORDER
    assert in_words(people)[0].startswith("within these groups, which are too few")


def test_of_a_rare_class_guessing_the_frequent_one_is_no_shortcut():
    """Trivial models are right about half of a class of one in ten, and all of the other."""
    number = np.arange(480)
    rare = number % 10 == 0
    half = ~rare | (number % 20 == 0)
    trivial = (Sees.TRIVIAL, Sees.CONTROL)
    correct = {model: half if model.sees in trivial else number >= 0 for model in CANDIDATES}
    judgement = judge(correct, rare.astype(int), number)
    assert judgement.verdict is Verdict.IMAGE
    assert judgement.margin == pytest.approx(0.02)


def test_the_table_keeps_its_own_rules():
    """Of 45 recordings of five people."""
    numbers = np.arange(45)
    known = {"GRU": numbers >= 0, IMAGE: numbers > 0, "SNN of train": numbers < 0}
    correct = {model: known.get(model.name, numbers % 2 == 0) for model in CANDIDATES}
    silent = {BY_NAME["SNN of train"]}
    judgement = judge(correct, numbers % 2, numbers // 9, silent)
    rows = {row.model.name: row for row in judgement.rows}
    assert rows["GRU"].share.low > rows[IMAGE].share.low > 0.88  # all are right, or all but one
    assert rows["GRU"].behind == (0, 0, 0)
    assert all(row.behind.low > 0 for row in judgement.rows if row.as_good is Answer.NO)
    lines = report.printed(Comparison(judgement, {})).splitlines()
    assert any(" GRU " in line and line.endswith("the best") for line in lines)
    assert any("SNN of train silent" in " ".join(line.split()) for line in lines)


@pytest.mark.parametrize("within", [False, True])
def test_intervals_are_those_that_a_pocket_calculator_gives(within):
    groups = np.repeat(range(5), [12, 9, 9, 9, 6])
    right = np.arange(45) % 7 > 0
    least = np.sqrt(1 - 1 / 45) / 45
    sizes = np.bincount(groups)
    if within:
        deviations = right - (np.bincount(groups, right) / sizes)[groups]
        squares = deviations**2 * (sizes / (sizes - 1))[groups]
    else:
        deviations = right - right.mean()
        squares = np.bincount(groups, deviations) ** 2 / (1 - sizes / 45)
        least = max(least, np.sqrt((deviations**2).sum()) / 45)
    error = max(np.sqrt(squares.sum()) / 45, least)
    correct = {model: right if model.name == IMAGE else ~right for model in CANDIDATES}
    judgement = verdict.judge_groups(correct, np.arange(45) % 2, groups, within=within)
    words = report.by_hand(judgement)
    times, exact = re.search(
        r"reaches ([\d.]+) errors to each side, or ([\d.]+) if", words
    ).groups()
    low = max(0, right.mean() - max(float(exact), float(times) * error))
    assert judgement.seeing(Sees.IMAGE)[0].share.low == pytest.approx(low, abs=0.002)


# ---- The three answers ----


@pytest.mark.parametrize(
    ("difference", "answer"),
    [
        ((0.0, -0.10, 0.10), Answer.YES),
        ((0.0, -0.11, 0.11), Answer.CANT_TELL),
        ((0.08, 0.01, 0.15), Answer.CANT_TELL),
        ((0.20, -0.01, 0.41), Answer.CANT_TELL),
        ((0.20, 0.01, 0.39), Answer.NO),
        ((-0.3, -0.5, -0.1), Answer.YES),
    ],
)
def test_as_good_is_within_the_margin_for_certain(difference, answer):
    assert non_inferior(Difference(*difference), margin=0.1) is answer


@pytest.mark.parametrize(
    ("correct", "models", "answer"),
    [
        (60, 1, Answer.NO),  # of 100, counted as 36 of 60
        (65, 1, Answer.CANT_TELL),  # 39 of 60, p = 0.0137, up to 77 %
        (67, 1, Answer.YES),  # 40 of 60, 0.0067
        (67, 2, Answer.CANT_TELL),
        (74, 20, Answer.YES),  # 44 of 60, 0.0002
        (73, 20, Answer.CANT_TELL),
    ],
)
def test_telling_apart_is_an_exact_test_for_the_best_of_all_models(correct, models, answer):
    others = [share(0)] * (models - 1)
    assert tell_apart([share(correct), *others], NUMBERS % 2, NUMBERS)[0] is answer


def test_folds_that_share_recordings_rarely_tell_noise_apart():
    targets = NUMBERS % 2
    folds = NUMBERS // 2 % 3
    rng = np.random.default_rng(0)
    false = 0
    for _ in range(60):
        right = np.empty((20, len(NUMBERS)), bool)  # by each of 20 models
        values = rng.normal(size=(20, len(NUMBERS), 20))  # which say nothing of the class
        for fold in range(3):
            learned = folds != fold
            means = [values[:, learned & (targets == target)].mean(1) for target in range(2)]
            across = values - np.mean(means, 0)[:, None]
            said = np.einsum("mrv,mv->mr", across, means[1] - means[0]) > 0
            right[:, ~learned] = (said == targets)[:, ~learned]
        false += tell_apart(right, targets, NUMBERS)[0] is Answer.YES
    assert false == 0  # 2 where as many answers as recordings are counted


ALL = np.ones(80, bool)
HALVES = np.repeat([0, 1], 40)


ELEVEN = np.arange(101) // 10  # groups, one of which has a single recording


@pytest.mark.parametrize(
    ("right", "targets", "groups", "is_told"),
    [
        (ALL, HALVES, np.arange(80), True),
        (ALL, HALVES, np.arange(80) % 20, True),
        (ALL, HALVES, np.arange(80) // 20, False),  # each group has one class
        (share(80), NUMBERS % 2, NUMBERS // 10, True),  # each has both
        (np.append(share(80), True), np.arange(101) % 2, ELEVEN, True),
        (NUMBERS % 10 > 0, np.sign(NUMBERS % 10), NUMBERS, False),  # it says the frequent class
    ],
)
def test_only_groups_of_one_class_count_once(right, targets, groups, is_told):
    assert (tell_apart([right], targets, groups)[0] is Answer.YES) == is_told


UNEVEN = np.repeat(range(12), [200, *[2] * 11])


def verdict_by_chance(accuracy, groups, seed):
    """Judge models of which each is right about a recording with the same probability.

    Those that see something trivial guess. Groups differ: in some of them each of the others is
    better than in others, so that what holds within these groups alone isn't counted.
    """
    rng = np.random.default_rng(seed)
    count = len(groups)
    correct = {}
    for model in CANDIDATES:
        guesses = model.sees in (Sees.TRIVIAL, Sees.CONTROL)
        share = 0.5 if guesses else accuracy
        of_groups = rng.normal(share, 0.1 * (accuracy > 0.5), max(groups) + 1)[groups]
        correct[model] = rng.random(count) < of_groups
    judged = judge(correct, np.arange(count) % 2, groups)
    return Verdict.CANT_TELL if judged.within else judged.verdict


@pytest.mark.parametrize(
    ("accuracy", "groups", "harmless"),
    [
        (0.5, np.arange(120), {Verdict.NOTHING}),
        (0.8, UNEVEN, {Verdict.IMAGE, Verdict.CANT_TELL, Verdict.NOTHING}),
    ],
)
@pytest.mark.slow
def test_chance_tells_no_equal_models_apart(accuracy, groups, harmless):
    assert {verdict_by_chance(accuracy, groups, seed) for seed in range(25)} <= harmless


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        (["anna", "ben", "carl", "dora"] * 30, "4, so of new ones differences below 51 points"),
        (range(120), "120, so of new ones differences below 12 points"),
        (UNEVEN, "12, so of new ones differences can't"),
        (["anna"] * 9, "1, so of new ones differences can't"),
    ],
)
def test_what_groups_can_decide_is_known_before(groups, said):
    assert said in decidable(groups)


# ---- Running it ----


def test_each_model_learns_by_settings_that_its_own_part_chose(monkeypatch):
    """The trials of ``evidence.protocol`` see to it that no group is in two parts."""
    notes = []
    spies = [Candidate(model.name, model.sees, lambda _: Spy(notes)) for model in CANDIDATES]
    monkeypatch.setattr(module, "CANDIDATES", spies)
    chosen_by = []

    def choose(recordings, given):
        chosen_by.append(numbers_of(recordings))
        return choose_settings(recordings, given)

    monkeypatch.setattr(module, "choose_settings", choose)
    comparison = compare(numbered(24), [number // 4 for number in range(24)], seed=5)
    assert len(notes) == 63  # 3 folds: 20 models, and a network in finer bins
    assert {seed for seed, _, _ in notes} == {5}
    assert chosen_by == [notes[0][1], *(learned for _, learned, _ in notes)]
    assert (comparison.table["correct"] == 0.5).all()  # of all 24, by who always says "a"


@pytest.mark.parametrize("of_image", [40, 74])  # of 80: not as good; can't tell
def test_where_the_image_is_not_enough_a_network_learns_from_new_times(of_image, monkeypatch):
    right = dict.fromkeys(BY_NAME, 40) | {"GRU": 80, "CNN on the image": of_image}

    def says(name, films):
        numbers = np.array(numbers_of(films))
        return numbers % 2 ^ (numbers >= right[name])

    known = [
        Candidate(model.name, model.sees, lambda _, name=model.name: Says(partial(says, name)))
        for model in CANDIDATES
    ]
    monkeypatch.setattr(module, "CANDIDATES", known)
    judgement = compare(numbered(80), range(80)).judgement
    assert judgement.seeing(Sees.IMAGE)[0].model.name == "GRU, new times"
    assert judgement.verdict is Verdict.IMAGE  # as good as with its times
    assert len(judgement.rows) == len(CANDIDATES) + 1  # all are right, so no bins are finer


def test_finer_bins_and_the_epochs_of_train():
    settings = choose_settings(make_set("radius")[0], dict.fromkeys(GIVEN))
    finer = candidates.in_finer_bins(BY_NAME["GRU"]).make(settings)
    assert finer.recipe["time_window"] == settings["time_window"] / 5
    names = "GRU", "SNN of train", IMAGE
    epochs = [BY_NAME[name].make(settings).recipe["epochs"] for name in names]
    assert epochs == [20, 60, 40]  # 300 steps of 8; as train; twice as many


def test_delays_reach_as_far_in_bins_of_another_width_than_the_usual_one():
    given = {"epochs": None, "time_window": 500, "augment": None}
    settings = choose_settings(make_set("radius")[0], given)
    assert (settings["time_window"], settings["usual_time_window"]) == (500, 2000)
    network = BY_NAME["SNN of train"].make(settings).make(dt=0.0005)
    assert network.steps == [0, 8, 16, 32]


# ---- What features see ----


def features_of(feature, *recordings):
    """Return the features of recordings, each given by its times in ms and its rows."""
    films = [make_events(1000 * np.array(ms), 0, y, 0) for ms, y in recordings]
    return feature(Recordings(films, [0] * len(films), ("a",), (9, 3, 2)), 1000)


def test_a_lag_longer_than_all_that_are_looked_at_comes_round_as_no_other():
    (of_far,) = features_of(features.rate_over_time, ([0, 2999], 0))
    assert of_far[20] < 0  # a lag of one bin: fewer pairs than at a constant rate


def test_the_order_of_a_short_and_a_long_interval_changes_the_sign():
    """Three events, far from the first and the last; the order is in the last 66 features."""
    short_long = [0, 3000, 3010, 3050, 6050]
    long_short = [0, 3000, 3040, 3050, 6050]
    first, other = features_of(features.rate_over_time, (short_long, 0), (long_short, 0))
    order = first[-66:]
    assert order.sum() > 0.03
    assert other[-66:] == pytest.approx(-order, abs=1e-9)


def test_rows_of_regions_are_those_of_the_height():
    down, up = features_of(features.regions_over_time, ([0, 20], [0, 2]), ([0, 20], [2, 0]))
    assert np.abs(down - up)[:9].max() > 0.5  # of the regions


def test_of_many_events_and_pixels_some_are_drawn(monkeypatch):
    monkeypatch.setattr(module, "MAX_EVENTS", 50)
    recordings = make_set("radius")[0][:10]
    middle = [replaced(each, x=each["x"] + 2, y=each["y"] + 1) for each in recordings.events]
    large = Recordings(middle, recordings.targets, recordings.classes, (346, 260, 2))
    small, share = module.make_smaller(large)
    assert small.sensor_size == (57, 43, 2)
    assert share == pytest.approx(500 / sum(map(len, large.events)))
    assert sum(map(len, small.events)) == pytest.approx(500, rel=0.2)
    for events, drawn in zip(large.events, small.events, strict=True):
        assert np.isin(drawn["x"], (events["x"] - 2) // 6).all()
        assert np.array_equal(drawn["t"][[0, -1]], events["t"][[0, -1]])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"time_window": 1e9}, "time_window is 1000000000.0; choose a number from 1 to 125000"),
        ({"processes": -5}, "processes is -5"),
        ({"augment": "turn"}, "augment is 'turn'; choose none, shift or mirror"),
        ({"folds": 13}, "folds is 13; choose from 2 to 6"),
        ({"folds": 0}, "folds is 0; choose from 2 to 6"),
        ({"recordings": numbered(1), "groups": [0]}, "are of one class"),
        ({"groups": [0, 9, 1, 9, 2, 9] * 2}, r"recordings of b are of one group.*directly into"),
    ],
)
def test_what_cannot_be_used_is_named(wrong, message):
    usual = {"recordings": numbered(12), "groups": range(12)}
    with pytest.raises(ValueError, match=message):
        compare(**usual | wrong)


# ---- The winner ----


def winner(right):
    return Comparison(judged(right), {}).winner


def test_the_winner_is_the_best_model_that_can_be_handed_over():
    best = {"hot pixels": 100, "GRU": 90, "all features": 95}
    assert winner(best).model.name == "all features"
    assert winner({}) is None  # nothing is told apart for certain
    without = candidates.without_times(BY_NAME["GRU"])
    assert not without.deployable
    assert candidates.in_finer_bins(BY_NAME["GRU"]).deployable


def test_the_winner_learns_with_the_seed_of_the_comparison():
    notes = []
    model = Candidate("spy", Sees.MEMORY, lambda recipe: Spy(notes))
    recordings = numbered(4)
    for seed in (3, 7):
        comparison = Comparison(judged({}), {"seed": seed})
        module.train_winner(comparison, recordings, model).predict(recordings)
    assert [seed for seed, _, _ in notes] == [3, 7]


@pytest.fixture(scope="module")
def films():
    """Twenty-four recordings that are twice as wide as the models see them."""
    films = make_set("place", seed=3)[0][:24]
    wide = [replaced(each, x=5 * each["x"], y=5 * each["y"]) for each in films.events]
    return Recordings(wide, films.targets, films.classes, (120, 120, 2))


def won_by(name, films):
    """Return a comparison of which this model is the winner."""
    settings = choose_settings(module.make_smaller(films)[0], dict.fromkeys(GIVEN) | {"epochs": 2})
    recipe = settings | {
        "detector_epochs": 2,
        "seed": 0,
        "size": "60x60",
        "share": 1.0,
        "sensor": "120x120",
    }
    return Comparison(judged({name: 100}), recipe)


@pytest.fixture(scope="module")
def written(films, tmp_path_factory):
    """A function that writes the winner of such a name, once."""

    @cache
    def write(name):
        folder = tmp_path_factory.mktemp("winner")
        write_winner(won_by(name, films), films, range(24), folder)
        return folder

    return write


@pytest.mark.parametrize("name", ["regression on the image", "trees on image and rate", "GRU"])
@pytest.mark.filterwarnings("ignore:the loss has climbed")
def test_what_is_written_answers_as_what_was_trained(name, films, written):
    comparison = won_by(name, films)
    trained = module.train_winner(comparison, films, comparison.winner.model)
    loaded = load_trained(written(name), "cpu")
    answers = trained.predict(module.make_smaller(films)[0])
    for events, answer in zip(films.events, answers, strict=True):
        (part,) = loaded.parts(events, (120, 120, 2))
        assert loaded.predict(part).class_name == films.classes[answer]
    noise = films.events[0].copy()
    noise["x"] = np.random.default_rng(0).integers(0, 120, len(noise))
    assert loaded.unlike(loaded.parts(noise, (120, 120, 2))[0])
    with pytest.raises(FileExistsError):
        write_winner(comparison, films, range(24), written(name))


def test_trees_that_lead_nowhere_are_refused(written, tmp_path):
    from skops import io

    path = copytree(written("trees on image and rate"), tmp_path / "winner") / "winner.skops"
    content = io.load(path, trusted=["sklearn.tree._tree.Tree"])
    content["model"].estimators_[7].tree_.children_right[0] = 10**6
    path.write_bytes(io.dumps(content))
    with pytest.raises(ValueError, match="winner that compare wrote: ValueError: a tree is dam"):
        load_trained(path)
    path.write_bytes(b"none")
    with pytest.raises(ValueError, match="is no winner that compare wrote"):
        load_trained(path)


def forest_in_a_pipeline(content):
    from sklearn.pipeline import make_pipeline

    content["model"].estimators_[7].tree_.children_left[0] = 0
    content["model"] = make_pipeline(content["model"])


def single_tree(content):
    tree = content["model"].estimators_[7]
    tree.tree_.feature[0] = 10**9
    content["model"] = tree


def leaf_before_the_first(content):
    content["model"].estimators_[7].tree_.children_left[0] = -2


def value_of_nan(content):
    content["model"].estimators_[7].tree_.value[0] = np.nan


@pytest.mark.parametrize(
    "tamper",
    [
        forest_in_a_pipeline,
        single_tree,
        leaf_before_the_first,
        value_of_nan,
        lambda content: content.update(classes=["left"]),
        lambda content: content.update(arguments={"foo": 1}),
        lambda content: content["reading"].update(share=-1),
        lambda content: content["reading"].update(share=np.nan),
    ],
)
def test_a_tampered_winner_is_refused(tamper, written, tmp_path):
    from skops import io

    path = copytree(written("trees on image and rate"), tmp_path / "winner") / "winner.skops"
    content = io.load(path, trusted=["sklearn.tree._tree.Tree"])
    tamper(content)
    path.write_bytes(io.dumps(content))
    with pytest.raises(ValueError, match="is no winner that compare wrote"):
        load_trained(path)


# ---- Reports ----


@pytest.fixture(scope="module")
def comparison():
    right = {"last tenth": 99, "SNN of train": 100, IMAGE: 70}
    return Comparison(judged(right), {"epochs": 3, "folds": 3, "seed": 0})


def test_table_fits_a_terminal_and_decides_the_verdict(comparison):
    lines = report.printed(comparison).splitlines()
    assert max(map(len, lines)) < 80
    (row,) = (line for line in lines if "CNN on the image" in line)
    assert " ".join(row.split()) == "b CNN on the image 70 (61 to 79) +30 (+16 to +44) no"
    assert any(line.startswith("a shortcut is enough: last tenth 99%") for line in lines)


def test_what_starts_and_ends_are_held_against_stands_in_the_file_and_not_in_the_output(comparison):
    named = {row["model"] for row in report.content(comparison)["models"]}
    assert {"any events", "any tenth"} <= named
    assert "any events" not in report.printed(comparison)
    assert "any tenth" not in report.printed(comparison)


def test_report_is_written_whole_and_never_over_a_file_that_is_there(comparison, tmp_path):
    report.write(comparison, tmp_path)
    (path,) = tmp_path.iterdir()
    written = path.read_text()
    content = json.loads(written)
    assert content["verdict"] == "a shortcut is enough"
    assert content["recipe"]["seed"] == 0
    assert len(content["models"]) == len(CANDIDATES)
    with pytest.raises(FileExistsError, match=r"compare\.json"):
        report.write(Comparison(comparison.judgement, {}), tmp_path)
    assert path.read_text() == written
