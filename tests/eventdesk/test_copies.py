"""Copies of a recording are found, however it was changed, and others aren't taken for copies."""

import numpy as np
import pytest

from eventdesk.ask.compare import compare
from eventdesk.ask.verdict import Verdict
from eventdesk.evidence.perturbations import replaced
from eventdesk.look.copies import (
    copies_among,
    copies_in_words,
    digest,
    find_copies,
    join_copies,
    signature,
)
from eventdesk.look.overview import inspect_files
from pokersnn_helpers import Recordings, load_nmnist, load_pokerdvs131
from pokersnn_helpers.events.recordings import make_events
from pokersnn_helpers.simulation.gestures import film_gestures


def changed(events, rng, jitter=0, kept=1.0, moved=(0, 0), late=0):
    """Return some of the events from ``late`` µs on, with normal jitter, and moved by pixels."""
    some = events[(rng.random(len(events)) < kept) & (events["t"] >= events["t"][0] + late)]
    times = some["t"] + rng.normal(0, jitter, len(some)).round()
    copy = replaced(some, t=times - times.min(), x=some["x"] + moved[0], y=some["y"] + moved[1])
    return np.sort(copy, order="t")


def pairs_among(events):
    return find_copies(np.stack([signature(each) for each in events]), [*map(digest, events)])


def smaller(events, merged):
    """Return events of a sensor with so many times fewer columns and rows."""
    return replaced(events, x=events["x"] // merged, y=events["y"] // merged)


def digits(step):
    """Return a part of the digits, on a sensor that is wide enough to move them."""
    some = load_nmnist().train[:400:step]
    return Recordings(some.events, some.targets, some.classes, (40, 40, 2))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"jitter": 500, "kept": 0.95},
        {"kept": 0.5},
        {"moved": (3, 5)},
        {"jitter": 300, "kept": 0.7, "moved": (2, 1)},
        {"late": 10_000},
        {"late": 10_000, "jitter": 300, "kept": 0.8},
        {"late": 40_000, "moved": (3, 5)},
    ],
)
@pytest.mark.parametrize("merged", [1, 2])
def test_copies_are_found(change, merged):
    rng = np.random.default_rng(0)
    events = [smaller(each, merged) for each in digits(20).events]
    copies = [changed(each, rng, **change) for each in events]
    pairs = pairs_among(events + copies)
    assert set(map(tuple, pairs.tolist())) <= {(number, number + 20) for number in range(20)}
    assert len(pairs) >= 19  # half of the events of one may be too few


def test_an_event_far_from_the_others_counts_once(monkeypatch):
    counted = []

    def unusual(counts):
        counted.append(counts.sum())
        return counts

    monkeypatch.setattr("eventdesk.look.copies._unusual", unusual)
    places = np.append(np.tile(np.arange(40), 5), 250)
    signature(make_events(np.arange(201) * 100, places, places, np.zeros(201, int)))
    assert counted == [pytest.approx(201)]


def beginnings(duration):
    """Return the first µs of pips, in which those of one suit are alike."""
    pips = load_pokerdvs131().recordings[:50]
    films = [events[events["t"] < duration] for events in pips.events]
    return Recordings(films, pips.targets, pips.classes, pips.sensor_size)


def small_spots():
    """Return spots that always stand at the same few pixels."""
    rng = np.random.default_rng(0)
    films = []
    for _ in range(24):
        times = np.sort(rng.integers(0, 8000, 150))
        places = rng.normal(8, 0.8, (2, 150)).round()
        films.append(make_events(times, *places, rng.integers(0, 2, 150)))
    return Recordings(films, [0] * 24, ("a",), (16, 16, 2))


def of_a_small_sensor(films):
    """Return films of half of the columns and rows."""
    events = [smaller(each, 2) for each in films.events]
    return Recordings(events, films.targets, films.classes, (32, 32, 2))


def flickering_discs():
    """Return discs at places of their own, that flash 20 times a second for 2 ms."""
    rng = np.random.default_rng(0)
    films = []
    for _ in range(10):
        angle, share = rng.random((2, 30_000))
        x, y = rng.uniform(30, 98, 2)
        radius = 20 * np.sqrt(share)
        flash = 50_000 * rng.integers(10, size=30_000)
        times = np.sort(flash + rng.integers(2000, size=30_000))
        x = x + radius * np.cos(2 * np.pi * angle)
        y = y + radius * np.sin(2 * np.pi * angle)
        films.append(make_events(times, x, y, rng.integers(0, 2, 30_000)))
    return Recordings(films, [0] * 10, ("a",), (128, 128, 2))


@pytest.mark.parametrize(
    "others",
    [
        lambda: load_pokerdvs131().recordings[:50],  # of the pass of 49, 50 overlaps
        lambda: load_nmnist().train[:400:2],
        lambda: film_gestures(takes=2)[0],
        lambda: of_a_small_sensor(film_gestures(takes=2)[0]),
        small_spots,
        flickering_discs,
        lambda: beginnings(2000),
        lambda: beginnings(4000),
    ],
)
def test_others_are_no_copies(others):
    assert len(pairs_among(others().events)) == 0


def test_so_few_events_that_chance_makes_them_alike_are_no_copies():
    events = load_nmnist().train.events[0]
    for few in (events[:19], np.repeat(events[:1], 99)):
        assert len(pairs_among([few, few])) == 0


def small_and_short():
    """Return recordings of 16 × 16 pixels that last 2 ms, which have no signature."""
    rng = np.random.default_rng(0)
    for _ in range(4):
        t = np.sort(rng.integers(2000, size=60))
        x, y = rng.integers(16, size=(2, 60))
        yield make_events(t, x, y, rng.integers(2, size=60))


def test_exact_copies_are_found_on_any_sensor_later_and_further_on():
    events = [*small_and_short()]
    later = replaced(events[2], t=events[2]["t"] + 10_000, x=events[2]["x"] + 3)
    assert pairs_among([*events, later, events[2]]).tolist() == [[2, 4], [2, 5]]
    altered = later.copy()
    altered["y"][7] += 1
    assert len(pairs_among([*events, altered])) == 0


def one_of_two_classes():
    """Return eight digits, and a copy of the first one with the class of the last one."""
    some = digits(50)
    copy = changed(some.events[0], np.random.default_rng(0), jitter=500)
    copies = Recordings([copy], some.targets[7:8], some.classes, some.sensor_size)
    return some + copies


def test_groups_with_copies_are_one_and_a_wrong_label_is_told():
    recordings = one_of_two_classes()
    pairs = copies_among(recordings)
    assert join_copies([*range(9)], pairs) == [0, 1, 2, 3, 4, 5, 6, 7, 0]
    group, wrong_label = copies_in_words(pairs, recordings, [*range(9)])
    assert group.startswith("2 recordings are copies of others in another group, such as number 0")
    assert "in another class, such as number 0 (6) of number 8 (9)" in wrong_label
    assert "a label of each two is wrong" in wrong_label


def test_copies_within_a_group_and_a_class_harm_nobody():
    twice = digits(200).subset([0, 0])
    pairs = copies_among(twice)
    assert len(pairs) == 1
    assert copies_in_words(pairs, twice, ["anna", "anna"]) == ()


def test_inspect_names_the_file_that_is_a_copy(tmp_path, run):
    one, other = [*digits(200).events]
    for name, events in (("1", one), ("2", other), ("3", one[::2])):
        np.save(tmp_path / f"{name}.npy", events)
    (line,) = [line for line in run("inspect", tmp_path) if "shares" in line]
    assert "3.npy: it shares its events with " in line and "1.npy, perhaps" in line


@pytest.mark.slow
def test_of_copies_whose_labels_mean_nothing_no_model_tells_classes_apart():
    rng = np.random.default_rng(0)
    originals = [*digits(20).events] * 4
    events = [changed(each, rng, jitter=500, kept=0.95) for each in originals]
    targets = rng.integers(0, 2, 20).tolist() * 4
    recordings = Recordings(events, targets, ("a", "b"), (40, 40, 2))
    with pytest.warns(UserWarning, match="80 recordings are copies of others"):
        said = compare(recordings, range(80), epochs=2)
    assert said.verdict in (Verdict.NOTHING, Verdict.CANT_TELL)


def test_a_copy_in_the_folder_of_another_class_has_a_wrong_label(tmp_path):
    rng = np.random.default_rng(0)
    events = np.zeros(800, [("t", int), ("x", int), ("y", int), ("p", int)])
    events["t"] = np.sort(rng.integers(0, 60_000, 800))
    events["x"], events["y"] = rng.integers(0, 64, (2, 800))
    for class_name, take in {"left": "1", "right": "2"}.items():
        (tmp_path / class_name).mkdir()
        np.save(tmp_path / class_name / f"{take}.npy", events)
    np.save(tmp_path / "left" / "3.npy", events)
    inspections, _ = inspect_files([tmp_path])
    advice = {file.stem: " ".join(each.advice) for file, each in inspections.items()}
    assert "if folders are classes, one label is wrong" in advice["2"]
    assert "keep one of the two" in advice["3"]
