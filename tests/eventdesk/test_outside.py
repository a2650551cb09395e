"""What is unlike all that a network was trained on, in numbers of its events."""

import numpy as np
import pytest
from test_folders import CLASSES, spot

from eventdesk import Stream
from eventdesk.evidence.perturbations import replaced
from eventdesk.trained.familiar import (
    Clusters,
    Familiar,
    Known,
    Subspace,
    training_ranges,
    what_is_outside,
)
from eventdesk.trained.winners import load_trained
from pokersnn_helpers import (
    Classifier,
    FastSNN,
    Recordings,
    save_checkpoint,
    train_classifier,
)

SENSOR = (64, 64, 2)


def spots(count, seed):
    rng = np.random.default_rng(seed)
    events = [spot(number, rng, count=rng.integers(250, 350)) for number in range(count)]
    return Recordings(events, [number % 3 for number in range(count)], CLASSES, SENSOR)


@pytest.fixture(scope="module")
def ranges():
    return training_ranges(spots(60, seed=0))


def outside(ranges, events):
    (packed,) = Recordings([events], [0], CLASSES, SENSOR).events.packed
    return what_is_outside(ranges, packed.image(), packed.t[-1])


def scattered(events):
    x, y = np.random.default_rng(0).integers(0, 64, (2, len(events)))
    return replaced(events, x=x, y=y)


def slow(events):
    return replaced(events, t=3 * events["t"])


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
    words = outside(ranges, change(events))
    assert set(names) <= {sentence.partition(" (")[0].partition(" ")[2] for sentence in words}


def test_others_of_the_same_kind_are_inside_and_few_say_nothing(ranges):
    others = spots(200, seed=2)
    assert sum(bool(outside(ranges, events)) for events, _ in others) <= 4
    assert training_ranges(others[:19]) == []


def test_a_stream_says_it_of_each_recording(ranges):
    classifier = Classifier(
        FastSNN(2 * 64 * 64, output_size=3), classes=CLASSES, sensor_size=SENSOR
    )
    usual, _ = spots(1, seed=1)[0]
    odd = replaced(scattered(usual), t=usual["t"] + 10**6)
    said = []
    stream = Stream(
        classifier,
        pause_ms=200,
        on_answer=lambda stream: said.append(stream.unlike()),
        known=Known(ranges),
    )
    for portion in np.array_split(np.concatenate([usual, odd]), 7):
        stream.push(portion)
    stream.end()
    assert said == [outside(ranges, usual), outside(ranges, odd)]
    assert said[1] and not said[0]


# ---- What is unfamiliar ----


def test_an_image_is_as_far_away_as_what_the_components_leave_of_it():
    """Images along a line, in a plane; another beside it."""
    line = np.outer(np.linspace(-1, 1, 30), [3.0, 4.0, 0.0])
    subspace = Subspace.fit(line + 1, np.zeros(30))
    beside = np.array([[1 + 3, 1 + 4, 1 + 2.0], [1 - 4, 1 + 3, 1.0]])
    assert np.exp(subspace.distance(beside)) == pytest.approx([4, 25])


def test_activity_is_as_far_away_as_the_nearest_class_in_its_own_spread():
    rng = np.random.default_rng(0)
    targets = np.arange(4000) % 2
    spread = rng.normal(size=(4000, 2)) * [1, 10]
    clusters = Clusters.fit(spread + 100 * targets[:, None], targets)
    distances = np.exp(clusters.distance(np.array([[0, 30.0], [103, 100.0]])))
    assert distances == pytest.approx([9, 9], rel=0.2)


@pytest.fixture(scope="module")
def trained():
    """A network that knows two of three places, what it has learned from, and what it has not.

    The last two are its test recordings and those of the third place.
    """
    films = spots(150, seed=0)
    is_third = np.array(films.targets) == 2
    known = films.subset(~is_third)
    known = Recordings(known.events, known.targets, CLASSES[:2], SENSOR)
    classifier, _ = train_classifier(
        known[:60], network=FastSNN, epochs=3, device="cpu", time_window=500
    )
    return classifier, Known.of(known[:60], classifier), known[60:], films.subset(is_third)


def share_unlike(classifier, known, recordings):
    each_alone = (recordings[number : number + 1] for number in range(len(recordings)))
    return np.mean([bool(known.unlike(classifier, alone)) for alone in each_alone])


def test_a_class_that_was_never_taught_is_unlike_training(trained):
    classifier, known, others, third = trained
    assert share_unlike(classifier, known, others) <= 0.1
    assert share_unlike(classifier, known, third) > 0.9
    words = known.unlike(classifier, third[:1])
    assert "unfamiliar image" in words


def test_a_checkpoint_knows_as_much(trained, tmp_path):
    classifier, known, others, third = trained
    save_checkpoint(classifier, tmp_path / "a.pt", further=known.to_content())
    loaded = load_trained(tmp_path / "a.pt", "cpu")
    assert loaded.known.ranges == known.ranges
    for recordings in (others, third):
        before = known.familiar.beyond(recordings, classifier)
        after = loaded.known.familiar.beyond(recordings, loaded.classifier)
        assert [*before] == [*after] == ["image", "hidden spikes", "image and hidden spikes"]
        for kind, distances in before.items():
            np.testing.assert_allclose(distances, after[kind], atol=1e-2)


@pytest.mark.parametrize("ranges", [[[1.0, 2.0]], [["low", "high"]] * 6])
def test_a_checkpoint_with_damaged_ranges_is_refused_when_it_is_loaded(ranges, tmp_path):
    path = tmp_path / "a.pt"
    save_checkpoint(Classifier(FastSNN(hidden_size=5)), path, further={"ranges": ranges})
    with pytest.raises(ValueError, match=r"a\.pt is damaged: it doesn't say what it has learned"):
        load_trained(path, "cpu")


def test_persons_are_left_out_whole():
    """Each person's recordings lie at a place of their own: a new person is further away."""
    films = spots(60, seed=0)
    persons = np.arange(60) // 10
    moved = [
        replaced(events, y=(events["y"] + 9 * person) % 64)
        for events, person in zip(films.events, persons, strict=True)
    ]
    known = Recordings(moved, films.targets, CLASSES, SENSOR)
    alone = Familiar.fit(known).limits[0].mean
    assert Familiar.fit(known, groups=persons).limits[0].mean > alone + 0.3
    assert Familiar.fit(known[:19]) is None
    assert Familiar.fit(known, groups=[0] * 60) is None
