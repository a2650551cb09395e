"""A spy that sees which recordings are learned from, chosen by and tested on, whoever does it."""

import sys
from collections import defaultdict

import pytest

from pokersnn_helpers import Recordings
from pokersnn_helpers.study.estimators import FeatureEstimator, NetworkEstimator
from pokersnn_helpers.study.protocol import Evidence, Trial

# By these names modules know what shows recordings to a model.
SHOWING = (
    "make_loader",
    "train_classifier",
    "training_ranges",
    "train_sparse",
    "predict_over_time",
)


def print_of(events):
    """Return what a recording is known by, after a change of its times and polarities, too."""
    return len(events), int(events["x"].sum()), int(events["y"].sum())


class Spy:
    """Fails where a recording, or one of its group, is shown to a model before it tests it.

    Attributes:
        tested: How many trials have been tested.
    """

    def __init__(self):
        self.shown = []
        self.groups = defaultdict(set)
        self.tested = 0

    def show(self, *given):
        """Note all recordings among some arguments."""
        for value in given:
            for part in (value, getattr(value, "train", None), getattr(value, "test", None)):
                if isinstance(part, Recordings):
                    self.shown.append(set(map(print_of, part.events)))

    def know(self, evidence):
        """Note the group of each recording."""
        for events, group in zip(evidence.recordings.events, evidence.groups, strict=True):
            self.groups[print_of(events)].add(str(group))

    def check(self, trial, since):
        """Fail if something that was shown since a trial began tests in it."""
        tested = set(map(str, trial._test.groups))
        for shown in self.shown[since:]:
            for known_by in shown:
                groups = self.groups[known_by]
                if groups & tested:
                    group = min(groups & tested)
                    pytest.fail(f"group {group} is learned from or chosen by, and then tests")
        self.tested += 1


def watch(monkeypatch):
    """Return a spy on every module that has been imported."""
    spy = Spy()
    began = {}

    def before(owner, name, note):
        original = getattr(owner, name)

        def noted(*given, **options):
            note(*given, *options.values())
            return original(*given, **options)

        monkeypatch.setattr(owner, name, noted)

    for name, module in list(sys.modules.items()):
        if name.startswith(("benchmarks", "pokersnn_helpers.study", "pokersnn_helpers.commands")):
            for function in SHOWING:
                if function in vars(module):
                    before(module, function, spy.show)
    for estimator in (NetworkEstimator, FeatureEstimator):
        before(estimator, "fit", spy.show)
        before(estimator, "predict", spy.show)
    learn = Trial.learn.fget

    def begin(trial):
        began.setdefault(id(trial), (trial, len(spy.shown)))  # which keeps it, and so its id
        return learn(trial)

    def test(trial, ask, original=Trial.test):
        _, since = began.get(id(trial), (trial, 0))
        spy.check(trial, since)
        return original(trial, ask)

    def make(evidence, *given, original=Evidence.__init__, **options):
        original(evidence, *given, **options)
        spy.know(evidence)

    monkeypatch.setattr(Trial, "learn", property(begin))
    monkeypatch.setattr(Trial, "test", test)
    monkeypatch.setattr(Evidence, "__init__", make)
    return spy
