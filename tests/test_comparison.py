import numpy as np
import pandas as pd
import pytest

from benchmarks.comparison import all_statistics, c2st_accuracy, compare_statistics, count_close
from pokersnn_helpers import EVENT_DTYPE, recording_statistics
from pokersnn_helpers.study.comparison import event_statistics


def statistics(*events):
    return event_statistics(np.array(list(events), dtype=EVENT_DTYPE))


def test_interval_is_that_of_the_same_pixel():
    found = statistics((0, 5, 5, 1), (100, 9, 9, 1), (3000, 5, 5, 0), (5000, 5, 5, 1))
    assert found["interval (ms)"] == pytest.approx(2.5)  # 3 ms and 2 ms


def test_without_two_events_of_a_pixel_there_is_no_interval():
    found = statistics((0, 5, 5, 1), (100, 9, 9, 1))
    assert np.isnan([found["interval (ms)"], found["interval 5% (ms)"]]).all()


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
    assert statistics((0, 34, 5, 1), (10, 0, 6, 1))["isolated share"] == 1


def test_tied_events_share_a_time_stamp():
    found = statistics((0, 1, 1, 1), (7, 2, 2, 1), (7, 9, 9, 0), (8, 3, 3, 1))
    assert found["tied share"] == pytest.approx(0.5)


def test_extent_leaves_out_the_outermost_events():
    x = [10] * 98 + [0, 34]
    found = statistics(*[(time, column, 3, 1) for time, column in enumerate(x)])
    assert found["extent in x"] == 0


def test_all_statistics_go_on_from_those_of_the_recordings(simulated):
    table = all_statistics(simulated)
    assert len(table) == 68
    assert table[recording_statistics(simulated).columns].equals(recording_statistics(simulated))
    # Each row belongs to its own recording, in both parts.
    last = event_statistics(simulated.test.events[-1])
    assert table.iloc[-1][list(last)].to_dict() == last
    alone = all_statistics(simulated.test)
    assert alone.equals(table[48:].drop(columns="set").reset_index(drop=True))


def tables(shift, count=60):
    """Two sets of two classes and two statistics of 10 ± 1; the second is shifted."""
    rng = np.random.default_rng(0)
    for add in (0, shift):
        values = rng.normal(10, 1, (count, 2)) + add
        table = pd.DataFrame(values, columns=["events", "duration (ms)"])
        yield table.assign(set="train", **{"class": np.repeat(["club", "heart"], count // 2)})


def test_comparison_finds_like_and_unlike_sets():
    alike, unlike = compare_statistics(*tables(0)), compare_statistics(*tables(5))
    assert alike["ratio"].between(0.9, 1.1).all() and (alike["overlap"] > 0.7).all()
    assert unlike["ratio"].between(1.4, 1.6).all() and (unlike["overlap"] < 0.1).all()
    same = next(tables(0))
    assert compare_statistics(same, same)["overlap"].eq(1).all()


def test_comparison_has_a_row_per_class_and_statistic():
    real, simulated = tables(0)
    found = compare_statistics(real, simulated).loc[("heart", "duration (ms)")]
    hearts = [table[table["class"] == "heart"]["duration (ms)"] for table in (real, simulated)]
    assert found[["real", "simulated"]].tolist() == [column.median() for column in hearts]
    (low, high), (other_low, other_high) = (column.quantile([0.05, 0.95]) for column in hearts)
    common = min(high, other_high) - max(low, other_low)
    length = (high - low + other_high - other_low) / 2
    assert found["overlap"] == pytest.approx(common / length)


def test_close_means_medians_within_15_percent_and_spreads_that_overlap_by_70():
    table = pd.DataFrame(
        {"ratio": [0.86, 1.14, 0.84, 1.16, np.nan], "overlap": [0.7, 0.69, 1, 0, 0]}
    )
    assert count_close(table) == {"medians": 2, "spreads": 2, "n": 5}


def test_classifier_tells_unlike_sets_apart_and_guesses_about_like_ones():
    assert c2st_accuracy(*tables(5)) > 0.95
    assert 0.3 < c2st_accuracy(*tables(0)) < 0.7
