import numpy as np
import pytest

from pokersnn_helpers import EVENT_DTYPE, Recordings
from pokersnn_helpers.simulation.motions import film_motions, film_path, random_path
from pokersnn_helpers.study import needs_time
from pokersnn_helpers.study.needs_time import compare
from pokersnn_helpers.study.perturbations import merge_polarities


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


@pytest.fixture(scope="module")
def left_and_right():
    """A disc that goes left or right, 24 times."""
    rng, motions = np.random.default_rng(3), 12 * ("left", "right")
    films = [film_path(random_path(name, rng), rng.uniform(3, 6), rng) for name in motions]
    return Recordings(films, 12 * [0, 1], ("left", "right"), (35, 35, 2))


@pytest.fixture
def only_as_they_are(monkeypatch):
    """Leave out changes of the recordings, each of which has models of its own to train."""
    monkeypatch.setattr(needs_time, "CHANGES", {"as they are": None})


@pytest.mark.parametrize("merged", [False, True])
def test_motions_need_time(merged, left_and_right, monkeypatch):
    if merged:
        left_and_right = merge_polarities(left_and_right)
        monkeypatch.delitem(needs_time.CHANGES, "polarities merged")  # nothing is left to merge
    found = compare(left_and_right, range(24), folds=2, epochs=25)
    assert found.verdict == "needs time", found
    assert len(found.sentences) == 3
    assert found.table.loc["SNN", "as they are"] > 0.8 > found.table.loc["the sum", "high"]
    assert found.table.loc["the sum", "time reversed"] == found.table.loc["the sum", "as they are"]


def test_where_something_is_needs_no_time(only_as_they_are):
    recordings = spots(40, np.random.default_rng(0), [(4, 8), (11, 8)])
    found = compare(recordings, range(40), epochs=15)
    assert found.verdict == "doesn't need time", found
    assert found.table.loc["the sum", "as they are"] == 1


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_to_be_learned_from_noise(seed, only_as_they_are):
    recordings = spots(20, np.random.default_rng(seed), [(8, 8)])
    found = compare(recordings, range(20), epochs=10)
    assert found.verdict == "nothing to be learned", found


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="are of one class"):
        compare(film_motions(1), [0])
