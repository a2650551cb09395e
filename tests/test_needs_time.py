import numpy as np
import pytest

from pokersnn_helpers import EVENT_DTYPE, Recordings
from pokersnn_helpers.own import compare as needs_time
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
    monkeypatch.delitem(needs_time.CHANGES, "polarities merged")


def test_drifting_bars_need_time_and_have_no_shortcut(quick):
    found = compare(bars(40, np.random.default_rng(0)), range(40), folds=2, epochs=30)
    assert found.verdict == "needs time", found
    assert found.table.loc["GRU", "as they are"] > 0.9
    assert found.table.loc[[*SHORTCUTS, *UNTIMED], "as they are"].max() < 0.75
    assert found.table.loc["the sum", "time reversed"] == found.table.loc["the sum", "as they are"]


def test_polarities_can_make_a_frame_enough(quick):
    found = compare(bars(40, np.random.default_rng(0), edges=1), range(40), folds=2, epochs=30)
    assert found.verdict == "a frame is enough", found


def test_discs_that_come_in_from_outside_have_a_shortcut(quick):
    found = compare(film_motions(60), range(60), epochs=3)
    assert found.verdict == "has a shortcut", found
    assert "first tenth" in found.sentences[-1]
    assert "check how your recordings start" in found.sentences[-1]


def test_where_something_is_needs_no_time(quick):
    recordings = spots(40, np.random.default_rng(0), [(4, 8), (11, 8)])
    found = compare(recordings, range(40), epochs=15)
    assert found.verdict == "doesn't need time", found
    assert "shortcut" not in found.sentences[-1]  # the first tenth is right, but so is any other
    assert found.table.loc[["the sum", "first tenth"], "as they are"].min() == 1


def test_a_class_of_more_events_is_named(quick):
    recordings = spots(40, np.random.default_rng(0), [(8, 8)])
    recordings.events[::2] = [events[::3] for events in recordings.events[::2]]
    found = compare(recordings, range(40), epochs=15)
    assert "count and duration 100%" in found.sentences[-1], found


def test_the_sum_is_the_best_of_its_models(quick):
    """Two spots on the same side, or not: an exclusive or, which isn't linear."""
    rng = np.random.default_rng(0)
    above = spots(64, rng, [(4, 4), (4, 4), (11, 4), (11, 4)])
    below = spots(64, rng, [(4, 11), (11, 11), (11, 11), (4, 11)])
    both = map(np.concatenate, zip(above.events, below.events, strict=True))
    events = [np.sort(each, order="t") for each in both]
    recordings = Recordings(events, above.targets, above.classes, above.sensor_size)
    found = compare(recordings, range(64), folds=2, epochs=20)
    assert found.verdict == "doesn't need time", found
    assert found.table.loc["the sum", "high"] < 0.8


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_to_be_learned_from_noise(seed, quick):
    recordings = spots(20, np.random.default_rng(seed), [(8, 8)])
    found = compare(recordings, range(20), epochs=10)
    assert found.verdict == "nothing to be learned", found


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="are of one class"):
        compare(film_motions(1), [0])
