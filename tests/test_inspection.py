"""What ``inspect`` finds odd, and from where on."""

import numpy as np
import pytest

from pokersnn_helpers import EVENT_DTYPE
from pokersnn_helpers.own.inspection import inspect_file


def events(t, x=0, on=None):
    """Events at some times and columns, so many of which are ON; default: half of them."""
    made = np.zeros(len(t), EVENT_DTYPE)
    made["t"], made["x"], made["p"] = t, x, np.arange(len(t)) < (on or len(t) / 2)
    return made


def crowd(count):
    """A pixel with so many events beside four with two each."""
    x = [0] * count + [1, 2, 3, 4] * 2
    return events(10_000 * np.arange(len(x)), x)


def gap(longest, duration):
    return events([*range(longest, duration, 1000), 0, duration][::-1])


@pytest.mark.parametrize(
    ("said", "usual", "odd"),
    [
        ("hot pixels, 1 in all, such as (0, 0)", crowd(40), crowd(41)),
        ("nothing for", gap(10_000, 60_000), gap(10_001, 60_000)),
        ("nothing for", gap(20_000, 200_000), gap(20_001, 200_000)),
        ("% are ON", events(range(10), on=9), events(range(11), on=10)),
        ("% are ON", events(range(10), on=1), events(range(11), on=1)),
        ("events per pixel and s", events([0, 200]), events([0, 199])),
        ("events per pixel and s", events([7, 7]), events([0, 1])),
        ("beyond any sensor", events([0, 9], 2**24 - 1), events([0, 9], 2**24)),
        ("run backwards, first at event 1 (from 9 to 5", events([9, 9]), events([9, 5])),
    ],
)
def test_advice_begins_beyond_each_threshold(said, usual, odd, tmp_path):
    for each, expected in ((usual, False), (odd, True)):
        np.save(tmp_path / "a.npy", each)
        advice = inspect_file(tmp_path / "a.npy").advice
        assert (said in " ".join(advice)) == expected, advice
