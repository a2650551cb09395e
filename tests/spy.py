"""A spy that sees which recordings are learned from, chosen by and tested on, whoever does it."""

import sys
from collections import Counter, defaultdict

import pytest

from benchmarks.rules import FourShifts, FrameAverage
from eventdesk.evidence.estimators import FeatureEstimator, NetworkEstimator
from eventdesk.evidence.protocol import Evidence, Trial
from pokersnn_helpers import Recordings, load_pokerdvs131

# By these names modules know what makes a model, and what else sees recordings.
TRAINING = ("train_classifier", "train_sparse")
SEEING = (
    "make_loader",
    "predict_over_time",
    "training_ranges",
    "choose_recipe",
    "to_films",
)


def print_of(events):
    """Return what a recording is known by, with other times or polarities, or turned, too."""
    return len(events), *sorted((int(events["x"].sum()), int(events["y"].sum())))


def recordings_among(given):
    """Return what all recordings among some arguments are known by, those of a split, too."""
    prints = set()
    for value in given:
        names = ("train", "test", "validation")
        for part in (value, *(getattr(value, name, None) for name in names)):
            if isinstance(part, Recordings):
                prints |= set(map(print_of, part.events))
    return prints


class Spy:
    """Fails where a recording, or one of its group, is seen before it tests, or learned from.

    Attributes:
        seen: What is known of the recordings that something saw, in order.
        groups: The groups of a recording, by what it is known by.
        learned: The groups that a model has learned from, by its id.
        offered: What is known of the recordings that a trial gave to choose by, by its id.
        answers: How many answers to a recording have been looked at, by what it is known by.
    """

    def __init__(self):
        self.seen = []
        self.groups = defaultdict(set)
        self.learned = {}
        self.offered = {}
        self.answers = Counter()

    def know(self, recordings, groups):
        """Note the group of each recording."""
        for events, group in zip(recordings.events, groups, strict=True):
            self.groups[print_of(events)].add(str(group))

    def groups_of(self, prints):
        """Return the groups of recordings."""
        return set().union(*(self.groups[known_by] for known_by in prints))

    def see(self, *given):
        """Note recordings among some arguments, and fail if the first has learned from them."""
        prints = recordings_among(given)
        self.seen.append(prints)
        _, learned = self.learned.get(id(given[0]), (None, set()))
        self.fail_for(learned & self.groups_of(prints))

    def learn(self, model, *given):
        """Note what a model, or what holds it, has learned from."""
        groups = self.groups_of(recordings_among(given))
        for learner in (model, getattr(model, "classifier", model)):
            self.learned[id(learner)] = learner, groups  # which keeps it, and so its id

    def check(self, trial, since):
        """Fail if what was seen since a trial began tests in it, or isn't what is to choose by."""
        seen = set().union(*self.seen[since:])
        tested = recordings_among([trial._test.recordings])
        self.fail_for(self.groups_of(tested) & self.groups_of(seen))
        if self.offered.get(id(trial), set()) - seen:
            pytest.fail("something is chosen by other recordings than those to choose by")
        self.answers.update(tested)

    def fail_for(self, groups):
        """Fail if there is a group."""
        if groups:
            pytest.fail(f"group {min(groups)} is learned from or chosen by, and then tests")


def watch(monkeypatch, passes=True):
    """Return a spy on every module that has been imported.

    It knows the groups that evidence is given, and the card passes, even if evidence isn't.
    """
    spy = Spy()
    began = {}
    if passes:
        cards = load_pokerdvs131()
        spy.know(cards.recordings, "pass " + cards.table["pass"].astype(str))

    def before(owner, name, trains=False):
        original = getattr(owner, name)

        def noted(*given, **options):
            if not trains:
                spy.see(*given, *options.values())
                return original(*given, **options)
            spy.seen.append(recordings_among(given))
            result = original(*given, **options)
            spy.learn(result[0] if isinstance(result, tuple) else result, *given)
            return result

        monkeypatch.setattr(owner, name, noted)

    for name, module in list(sys.modules.items()):
        if name.startswith(("benchmarks", "eventdesk.evidence", "eventdesk.commands")):
            for function in (*TRAINING, *SEEING):
                if function in vars(module):
                    before(module, function, trains=function in TRAINING)
    for estimator in (NetworkEstimator, FeatureEstimator, FrameAverage, FourShifts):
        before(estimator, "fit", trains=True)
        before(estimator, "predict")
    learn = Trial.learn.fget
    choose = Trial.choose.fget

    def begin(trial):
        began.setdefault(id(trial), (trial, len(spy.seen)))  # which keeps it, and so its id
        return learn(trial)

    def offer(trial):
        part = choose(trial)
        spy.offered[id(trial)] = recordings_among([part and part.recordings])
        return part

    def test(trial, ask, original=Trial.test):
        _, since = began.get(id(trial), (trial, 0))
        spy.check(trial, since)
        return original(trial, ask)

    def correct(trial, predict, original=Trial.correct):
        numbers, right = original(trial, predict)
        for _ in range(1, right.size // len(numbers)):
            spy.answers.update(recordings_among([trial._test.recordings]))
        return numbers, right

    def make(evidence, *given, original=Evidence.__init__, **options):
        original(evidence, *given, **options)
        spy.know(evidence.recordings, evidence.groups)

    monkeypatch.setattr(Trial, "learn", property(begin))
    monkeypatch.setattr(Trial, "choose", property(offer))
    monkeypatch.setattr(Trial, "test", test)
    monkeypatch.setattr(Trial, "correct", correct)
    monkeypatch.setattr(Evidence, "__init__", make)
    return spy
