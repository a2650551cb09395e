"""How events lie in space and time, and how much alike two sets of recordings are."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.comparison import c2st_accuracy
from pokersnn_helpers import EVENT_DTYPE
from pokersnn_helpers.simulation.event_statistics import event_statistics

BY_HAND = [
    # after 3 ms and after 2 ms at the same pixel
    ("interval (ms)", 2.5, [(0, 5, 5, 1), (100, 9, 9, 1), (3000, 5, 5, 0), (5000, 5, 5, 1)]),
    (
        "isolated share",
        3 / 5,
        [
            (0, 5, 5, 1),  # the first: isolated
            (900, 6, 6, 1),  # beside it, in time
            (1000, 6, 6, 1),  # the same pixel doesn't count, but the first one does
            (2001, 7, 5, 1),  # 1.001 ms after its neighbour: isolated
            (2100, 0, 34, 1),  # far away: isolated
        ],
    ),
    ("isolated share", 1, [(0, 34, 5, 1), (10, 0, 6, 1)]),  # from a row's end to the next row
    ("tied share", 0.5, [(0, 1, 1, 1), (7, 2, 2, 1), (7, 9, 9, 0), (8, 3, 3, 1)]),
    # without the outermost events
    ("extent in x", 0, [(t, x, 3, 1) for t, x in enumerate([*[10] * 98, 0, 34])]),
]


@pytest.mark.parametrize(("name", "expected", "events"), BY_HAND)
def test_statistics_of_events_by_hand(name, expected, events):
    found = event_statistics(np.array(events, dtype=EVENT_DTYPE))
    assert found[name] == pytest.approx(expected)


def table_of(add, seed, count=60):
    """Two classes and two statistics of 10 ± 1, and what is added."""
    values = np.random.default_rng(seed).normal(10 + add, 1, (count, 2))
    table = pd.DataFrame(values, columns=["events", "duration (ms)"])
    return table.assign(**{"class": np.repeat(["club", "heart"], count // 2)})


def test_classifier_tells_unlike_sets_apart_and_guesses_about_like_ones():
    real = table_of(0, seed=0)
    assert c2st_accuracy(real, table_of(5, seed=1)) > 0.95
    assert 0.3 < c2st_accuracy(real, table_of(0, seed=1)) < 0.7
