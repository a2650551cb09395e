"""What is unlike training: others of the same kind, noise, other sensors, other sizes and rates.

Ranges are learned without each of four folds in turn, and asked about it. Chapter 9's gestures are
then trained with a class of everything else, hands that move up and down, without each person.
"""

from collections.abc import Callable

import numpy as np

from pokersnn_helpers import Recordings, Split, evaluate, load_nmnist, make_loader, train_classifier
from pokersnn_helpers.fast.detector import detector
from pokersnn_helpers.files.folders import resize
from pokersnn_helpers.out_of_distribution import image_of, training_ranges, what_is_outside
from pokersnn_helpers.recipe import choose_recipe
from pokersnn_helpers.recordings import PackedRecording, fold_indices
from pokersnn_helpers.simulation.gestures import GESTURES, film_gestures

from . import Row, folds

Change = Callable[[np.ndarray, tuple[int, int, int], np.random.Generator], np.ndarray]


def noise(
    events: np.ndarray, sensor_size: tuple[int, int, int], rng: np.random.Generator
) -> np.ndarray:
    """Return as many events at the same times, anywhere."""
    for field, size in zip("xyp", sensor_size, strict=True):
        events[field] = rng.integers(0, size, len(events))
    return events


def half_as_large(
    events: np.ndarray, sensor_size: tuple[int, int, int], rng: np.random.Generator
) -> np.ndarray:
    """Return events half as far from the middle."""
    for field, size in zip("xy", sensor_size, strict=False):
        events[field] = (events[field] + size // 2) // 2
    return events


def three_times_slower(
    events: np.ndarray, sensor_size: tuple[int, int, int], rng: np.random.Generator
) -> np.ndarray:
    """Return events at a third of the rate, and for three times as long."""
    events["t"] *= 3
    return events


def a_tenth(
    events: np.ndarray, sensor_size: tuple[int, int, int], rng: np.random.Generator
) -> np.ndarray:
    """Return one event of ten."""
    return events[::10]


CHANGES: tuple[Change, ...] = (noise, half_as_large, three_times_slower, a_tenth)


def sets() -> dict[str, tuple[Recordings, list[str]]]:
    """Return recordings, and the group of each."""
    cards, passes = folds.cards()
    digits = load_nmnist()
    both = digits.train + digits.test
    films, people = film_gestures(takes=10)
    return {
        "cards": (cards, [str(number) for number in passes]),
        "digits": (both, [str(number) for number in range(len(both))]),
        "gestures": (films, people),
    }


def is_outside(ranges: list[list[float]], events: np.ndarray, sensor: tuple[int, int, int]) -> bool:
    """Say whether ``predict`` would call a recording unlike training."""
    packed = PackedRecording.pack(events, sensor)
    return bool(what_is_outside(ranges, image_of(packed), packed.t[-1]))


def on_sensor(recordings: Recordings, sensor_size: tuple[int, int, int]) -> list[np.ndarray]:
    """Return recordings of another sensor, as far as they lie on this one."""
    width, height, _ = sensor_size
    inside = []
    for events in recordings.events:
        inside.append(events[(events["x"] < width) & (events["y"] < height)])
    return inside


def flagged() -> list[Row]:
    """Return which share of each kind of recordings lies outside the ranges, a row per kind."""
    rng = np.random.default_rng(0)
    everything = sets()
    rows = []
    for name, (recordings, groups) in everything.items():
        sensor = recordings.sensor_size
        answers_of: dict[str, list[bool]] = {}
        for train, test in fold_indices(recordings, 4, groups):
            ranges = training_ranges(recordings.subset(train))
            tested = recordings.subset(test)
            kinds = {"of the same kind": list(tested.events)}
            for change in CHANGES:
                changed = [change(events.copy(), sensor, rng) for events in tested.events]
                kinds[change.__name__.replace("_", " ")] = changed
            for other, (others, _) in everything.items():
                if other != name:
                    kinds[other] = on_sensor(others, sensor)
            for kind, clips in kinds.items():
                answers_of.setdefault(kind, []).extend(
                    is_outside(ranges, clip, sensor) for clip in clips
                )
        for kind, answers in answers_of.items():
            share = float(np.mean(answers))
            rows.append({"trained on": name, "asked about": kind, "outside": share})
    return rows


def upright(recordings: Recordings) -> list[np.ndarray]:
    """Return hands that move up and down."""
    turned = []
    for events in recordings.events:
        hands = events.copy()
        hands["x"] = events["y"]
        hands["y"] = events["x"]
        turned.append(hands)
    return turned


def taught(person: str) -> Row:
    """Train gestures and everything else as ``train --data`` does, without one person."""
    films, people = film_gestures(takes=10)
    small = [resize(events, films.sensor_size, (16, 16)) for events in films.events]
    gestures = Recordings(small, films.targets, GESTURES, (16, 16, 2))
    others = upright(gestures)
    targets = [*gestures.targets, *[3] * len(others)]
    classes = (*GESTURES, "none")
    recordings = Recordings([*gestures.events, *others], targets, classes, (16, 16, 2))
    is_tested = np.array([*people, *people]) == person
    data = Split(
        recordings.subset(np.flatnonzero(~is_tested)), recordings.subset(is_tested.nonzero()[0])
    )
    width = choose_recipe(data.train).time_window
    classifier, _ = train_classifier(data, 0, "cpu", network=detector(width), epochs=20)
    evaluation = evaluate(classifier, make_loader(data.test, 64, width, sparse=True), "cpu")
    correct = (evaluation.predicted == evaluation.targets).numpy()
    is_none = (evaluation.targets == 3).numpy()
    return {
        "without": person,
        "gestures, correct": float(correct[~is_none].mean()),
        "others, called none": float(correct[is_none].mean()),
    }


def measure() -> Row:
    """Return what is called unlike training, and how a class of everything else is learned."""
    people = ("anna", "ben", "chris", "dora")
    rows = folds.in_parallel(taught, [(person,) for person in people])
    return {"rows": flagged(), "taught": rows}
