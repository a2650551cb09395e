import numpy as np
import pytest

from pokersnn_helpers import EVENT_DTYPE, Recordings
from pokersnn_helpers.simulation.motions import film_motions
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


@pytest.mark.parametrize("change", [lambda films: films, merge_polarities])
def test_motions_need_time(change):
    films = film_motions(48, seed=1)
    left_and_right = films.subset(np.flatnonzero(np.array(films.targets) < 2))
    two = Recordings(
        left_and_right.events, left_and_right.targets, ("left", "right"), films.sensor_size
    )
    found = compare(change(two), range(len(two)), epochs=25)
    assert found.verdict == "needs time", found
    assert len(found.sentences) == 3
    assert found.table.loc["SNN", "as they are"] > 0.8 > found.table.loc["the sum", "high"]
    assert found.table.loc["the sum", "time reversed"] == found.table.loc["the sum", "as they are"]


def test_where_something_is_needs_no_time():
    recordings = spots(40, np.random.default_rng(0), [(4, 8), (11, 8)])
    found = compare(recordings, range(40), epochs=15)
    assert found.verdict == "doesn't need time", found
    assert found.table.loc["the sum", "as they are"] == 1


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_to_be_learned_from_noise(seed):
    recordings = spots(20, np.random.default_rng(seed), [(8, 8)])
    found = compare(recordings, range(20), epochs=10)
    assert found.verdict == "nothing to be learned", found


def test_one_class_is_refused():
    films = film_motions(6)
    with pytest.raises(ValueError, match="are of one class"):
        compare(films.subset([0]), [0])
