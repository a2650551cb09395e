import numpy as np
import pandas as pd
import pytest

from pokersnn_helpers import describe
from pokersnn_helpers.comparison import compare, details, summarise, tell_apart

FIELDS = np.dtype([("t", "<i8"), ("x", "<i8"), ("y", "<i8"), ("p", "<i8")])


def recording(*events):
    return np.array(list(events), dtype=FIELDS)


def test_interval_is_that_of_the_same_pixel():
    found = details(recording((0, 5, 5, 1), (100, 9, 9, 1), (3000, 5, 5, 0), (5000, 5, 5, 1)))
    assert found["interval (ms)"] == pytest.approx(2.5)  # 3 ms and 2 ms


def test_isolated_events_have_no_neighbour_in_the_millisecond_before():
    found = details(
        recording(
            (0, 5, 5, 1),  # the first: isolated
            (900, 6, 6, 1),  # beside it, in time
            (1000, 6, 6, 1),  # the same pixel doesn't count, but the first one does
            (2001, 7, 5, 1),  # 1.001 ms after its neighbour: isolated
            (2100, 0, 34, 1),  # far away: isolated
        )
    )
    assert found["isolated share"] == pytest.approx(3 / 5)


def test_the_end_of_a_row_is_no_neighbour_of_the_next_row():
    assert details(recording((0, 34, 5, 1), (10, 0, 6, 1)))["isolated share"] == 1


def test_tied_events_share_a_time_stamp():
    found = details(recording((0, 1, 1, 1), (7, 2, 2, 1), (7, 9, 9, 0), (8, 3, 3, 1)))
    assert found["tied share"] == pytest.approx(0.5)


def test_extent_leaves_out_the_outermost_events():
    x = [10] * 98 + [0, 34]
    found = details(recording(*[(i, column, 3, 1) for i, column in enumerate(x)]))
    assert found["extent in x"] == 0


def test_summary_goes_on_from_the_description(standin):
    table = summarise(standin)
    assert len(table) == 68
    assert table[describe(standin).columns].equals(describe(standin))
    assert not table.isna().any(axis=None)


def sets(shift, count=60):
    rng = np.random.default_rng(0)
    frames = []
    for add in (0, shift):
        suits = np.repeat(["club", "heart"], count // 2)
        values = rng.normal(10, 1, (count, 2)) + add
        frame = pd.DataFrame(values, columns=["events", "duration (ms)"])
        frames.append(frame.assign(set="train", suit=suits))
    return frames


def test_comparison_finds_like_and_unlike_sets():
    alike, unlike = compare(*sets(0)), compare(*sets(5))
    assert alike["ratio"].between(0.9, 1.1).all() and (alike["overlap"] > 0.7).all()
    assert unlike["ratio"].between(1.4, 1.6).all() and (unlike["overlap"] < 0.1).all()
    assert compare(sets(0)[0], sets(0)[0])["overlap"].eq(1).all()


def test_classifier_tells_unlike_sets_apart_and_guesses_about_like_ones():
    assert tell_apart(*sets(5)) > 0.95
    assert 0.3 < tell_apart(*sets(0)) < 0.7
