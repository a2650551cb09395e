"""How events lie in space and time, and how much alike two sets of recordings are."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.comparison import all_statistics, c2st_accuracy
from pokersnn_helpers import EVENT_DTYPE, recording_statistics
from pokersnn_helpers.study.event_statistics import event_statistics


def statistics(*events):
    events = np.array(list(events), dtype=EVENT_DTYPE)
    return event_statistics(events)


def test_interval_is_that_of_the_same_pixel():
    found = statistics(
        (0, 5, 5, 1),
        (100, 9, 9, 1),
        (3000, 5, 5, 0),  # after 3 ms
        (5000, 5, 5, 1),  # after 2 ms
    )
    assert found["interval (ms)"] == pytest.approx(2.5)


def test_isolated_events_have_no_neighbour_in_the_millisecond_before():
    found = statistics(
        (0, 5, 5, 1),  # the first: isolated
        (900, 6, 6, 1),  # beside it, in time
        (1000, 6, 6, 1),  # the same pixel doesn't count, but the first one does
        (2001, 7, 5, 1),  # 1.001 ms after its neighbour: isolated
        (2100, 0, 34, 1),  # far away: isolated
    )
    assert found["isolated share"] == pytest.approx(3 / 5)


def test_the_end_of_a_row_is_no_neighbour_of_the_next_row():
    found = statistics((0, 34, 5, 1), (10, 0, 6, 1))
    assert found["isolated share"] == 1


def test_tied_events_share_a_time_stamp():
    found = statistics(
        (0, 1, 1, 1),
        (7, 2, 2, 1),
        (7, 9, 9, 0),  # tied
        (8, 3, 3, 1),
    )
    assert found["tied share"] == pytest.approx(0.5)


def test_extent_leaves_out_the_outermost_events():
    columns = [10] * 98 + [0, 34]
    events = [(time, column, 3, 1) for time, column in enumerate(columns)]
    found = statistics(*events)
    assert found["extent in x"] == 0


def test_all_statistics_go_on_from_those_of_the_recordings(simulated):
    table = all_statistics(simulated)
    of_recordings = recording_statistics(simulated)
    assert table[of_recordings.columns].equals(of_recordings)
    # Each row belongs to its own recording, in both parts.
    last = event_statistics(simulated.test.events[-1])
    assert table.iloc[-1][list(last)].to_dict() == last


def table_of(add, seed, count=60):
    """Two classes and two statistics of 10 ± 1, and what is added."""
    rng = np.random.default_rng(seed)
    values = rng.normal(10, 1, (count, 2)) + add
    table = pd.DataFrame(values, columns=["events", "duration (ms)"])
    table["class"] = np.repeat(["club", "heart"], count // 2)
    return table


def test_classifier_tells_unlike_sets_apart_and_guesses_about_like_ones():
    real = table_of(0, seed=0)
    assert c2st_accuracy(real, table_of(5, seed=1)) > 0.95
    assert 0.3 < c2st_accuracy(real, table_of(0, seed=1)) < 0.7
