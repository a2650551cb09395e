"""What is unlike all that a network was trained on, in numbers of its events."""

import numpy as np
import pytest
import torch
from test_folders import CLASSES, spot

from eventdesk import Stream
from pokersnn_helpers import Classifier, FastSNN, Recordings
from pokersnn_helpers.out_of_distribution import training_ranges, what_is_outside

SENSOR = (64, 64, 2)


def spots(count, seed):
    rng = np.random.default_rng(seed)
    events = [spot(number, rng, count=rng.integers(250, 350)) for number in range(count)]
    return Recordings(events, [number % 3 for number in range(count)], CLASSES, SENSOR)


@pytest.fixture(scope="module")
def ranges():
    return training_ranges(spots(60, seed=0))


def unlike(ranges, events):
    (packed,) = Recordings([events], [0], CLASSES, SENSOR).events.packed
    return what_is_outside(ranges, packed.image(), packed.t[-1])


def scattered(events):
    rng = np.random.default_rng(0)
    events["x"] = rng.integers(0, 64, len(events))
    events["y"] = rng.integers(0, 64, len(events))
    return events


def slow(events):
    events["t"] *= 3
    return events


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (lambda events: events[:100], ["events", "pixels with events"]),
        (slow, ["ms", "events per ms"]),
        (scattered, ["pixels of spread across", "pixels of spread down", "pixels with events"]),
    ],
)
def test_what_is_unlike_training_is_named(change, names, ranges):
    events, _ = spots(1, seed=1)[0]
    words = unlike(ranges, change(events))
    assert set(names) <= {sentence.partition(" (")[0].partition(" ")[2] for sentence in words}


def test_others_of_the_same_kind_are_inside_and_few_say_nothing(ranges):
    others = spots(200, seed=2)
    assert sum(bool(unlike(ranges, events)) for events, _ in others) <= 4
    assert training_ranges(others.subset(range(19))) == []


def test_a_stream_says_it_of_each_recording(ranges):
    torch.manual_seed(0)
    classifier = Classifier(
        FastSNN(2 * 64 * 64, output_size=3), classes=CLASSES, sensor_size=SENSOR
    )
    classifier.ranges = ranges
    usual, _ = spots(1, seed=1)[0]
    odd = scattered(usual.copy())
    odd["t"] += 10**6
    said = []
    stream = Stream(
        classifier, pause_ms=200, on_answer=lambda stream: said.append(stream.outside())
    )
    for portion in np.array_split(np.concatenate([usual, odd]), 7):
        stream.push(portion)
    stream.end()
    assert said == [unlike(ranges, usual), unlike(ranges, odd)]
    assert said[1] and not said[0]
