"""What is unlike training: noise and others of the same kind; and a class of everything else.

Ranges are learned without each of four folds in turn, and asked about it. Chapter 8's gestures are
then trained with hands that move up and down as a class of their own, without each person.
"""

from functools import cache

import numpy as np
from numpy import ndarray

from eventdesk.detector import detector
from eventdesk.files.folders import resize
from pokersnn_helpers import Recordings, evaluate, load_nmnist, make_loader, train_classifier
from pokersnn_helpers.out_of_distribution import training_ranges, what_is_outside
from pokersnn_helpers.recipe import choose_recipe
from pokersnn_helpers.recordings import PackedRecording
from pokersnn_helpers.simulation.gestures import GESTURES, film_gestures
from pokersnn_helpers.study.perturbations import replaced
from pokersnn_helpers.study.protocol import Evidence

from . import Row, folds

PEOPLE = ("anna", "ben", "chris", "dora")
EPOCHS = 20


@cache
def sets() -> dict[str, Evidence]:
    """Return recordings, and the group of each."""
    digits = load_nmnist()
    both = digits.train + digits.test
    films, people = film_gestures(takes=10)
    return {
        "cards": folds.cards(),
        "digits": Evidence(both, range(len(both))),
        "gestures": Evidence(films, people),
    }


def is_outside(ranges: list[list[float]], events: ndarray, sensor: tuple[int, int, int]) -> bool:
    """Say whether ``predict`` would call a recording unlike training."""
    packed = PackedRecording.pack(events, sensor)
    return bool(what_is_outside(ranges, packed.image(), packed.t[-1]))


def noise(events: ndarray, sensor_size: tuple[int, int, int], rng: np.random.Generator) -> ndarray:
    """Return as many events at the same times, anywhere."""
    width, height, _ = sensor_size
    x = rng.integers(0, width, len(events))
    y = rng.integers(0, height, len(events))
    return replaced(events, x=x, y=y, p=rng.integers(0, 2, len(events)))


def flagged() -> list[Row]:
    """Return which share of each set, and of noise, lies outside the ranges of its other folds."""
    rng = np.random.default_rng(0)
    rows = []
    for name, evidence in sets().items():
        sensor = evidence.recordings.sensor_size
        same_kind = []
        of_noise = []
        for trial in evidence.folds(4):
            ranges = training_ranges(trial.learn.recordings)
            for events in trial.test(lambda tested: tested.recordings.events):
                same_kind.append(is_outside(ranges, events, sensor))
                of_noise.append(is_outside(ranges, noise(events, sensor, rng), sensor))
        for kind, outside in (("of the same kind", same_kind), ("noise", of_noise)):
            rows.append(
                {"trained on": name, "asked about": kind, "outside": float(np.mean(outside))}
            )
    return rows


def taught(person: str, epochs: int) -> Row:
    """Train gestures and everything else as ``train --data`` does, without one person."""
    evidence = sets()["gestures"]
    films = evidence.recordings
    gestures = [resize(events, films.sensor_size, (16, 16)) for events in films.events]
    upright = [replaced(events, x=events["y"], y=events["x"]) for events in gestures]
    targets = [*films.targets, *[len(GESTURES)] * len(upright)]
    recordings = Recordings([*gestures, *upright], targets, (*GESTURES, "none"), (16, 16, 2))
    trial = Evidence(recordings, [*evidence.groups, *evidence.groups]).without(person)
    train = trial.learn.recordings
    width = choose_recipe(train).time_window
    classifier, _ = train_classifier(train, 0, "cpu", network=detector(width), epochs=epochs)
    test = trial.test(lambda tested: make_loader(tested.recordings, 64, width, sparse=True))
    evaluation = evaluate(classifier, test, "cpu")
    correct = (evaluation.predicted == evaluation.targets).numpy()
    is_none = (evaluation.targets == len(GESTURES)).numpy()
    return {
        "without": person,
        "gestures, correct": float(correct[~is_none].mean()),
        "others, called none": float(correct[is_none].mean()),
    }


def measure(epochs: int = EPOCHS) -> Row:
    """Return what is called unlike training, and how a class of everything else is learned.

    Args:
        epochs: To train for.
    """
    rows = folds.in_parallel(taught, [(person, epochs) for person in PEOPLE])
    return {"rows": flagged(), "taught": rows}
