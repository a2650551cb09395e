"""By how much a model is ahead of another, and how certain that is with recordings in groups."""

import math
from functools import partial

import numpy as np
import pytest

from eventdesk.evidence.differences import paired_difference


def test_groups_that_agree_are_no_certainty():
    _, low, high = paired_difference([1, 1] * 8, [1, 0] * 8, np.arange(16) // 2)
    assert low < 0.3 < 0.7 < high


@pytest.mark.parametrize(
    "sizes", [[200, *[2] * 11], [20] * 6, [100, 60, *[5] * 8], [50, 30, 20, 10, 5, 5], [3] * 12]
)
def test_paired_difference_holds_its_level_for_groups_of_any_size(sizes):
    groups = np.repeat(range(len(sizes)), sizes)
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(400):
        of_groups = rng.normal(0.7, 0.15, (2, len(sizes)))[:, groups]
        first, second = rng.random(of_groups.shape) < of_groups
        _, low, high = paired_difference(first, second, groups)
        wrong += low > 0 or high < 0
    assert wrong <= 32  # 5 % of 400, and what chance adds in one of a hundred runs


def test_paired_difference_by_hand():
    """Eight groups of one size: Student's t of their means; within them, recordings vary alone."""
    difference = np.tile([1, 0, 0, 1, 1, 0, -1, 0], 3)
    error = 2.364624 * difference[:8].std(ddof=1) / np.sqrt(8)  # t of 7 degrees
    interval = paired_difference(difference > 0, difference < 0, np.arange(24) % 8)
    assert interval == pytest.approx((0.25, 0.25 - error, 0.25 + error))
    first = np.array([1, 1, 1, 0] * 25)  # in two groups
    second = np.zeros(100)
    by_hand = 1.984467 * np.sqrt(0.75 * 0.25 / 98)  # t of 98 degrees
    mean, _, high = paired_difference(first, second, np.arange(100) // 52, within=True)
    assert high - mean == pytest.approx(by_hand, rel=0.01)
    assert paired_difference(first, second, np.zeros(100, int)) == (0.75, -0.25, 1)  # one group


def test_interval_of_the_best_of_several_is_wider():
    alike = np.ones(100)
    for models in (1, 5):
        _, low, high = paired_difference(alike, alike, np.arange(100), models)
        assert (1 - high) ** 100 == pytest.approx(0.025 / models)
        assert low == -high


@pytest.mark.parametrize("within", [False, True])
def test_what_is_all_right_has_no_wider_interval_than_what_is_right_but_once(within):
    for sizes in ([9] * 5, [25] * 4, [1] * 20, [40, 3, 2]):
        groups = np.repeat(range(len(sizes)), sizes)
        right = np.ones(len(groups))
        ahead = partial(paired_difference, right, 0 * right, groups, within=within)
        low = ahead().low
        for exception in range(len(groups)):
            right[exception] = 0
            assert ahead().low < low
            right[exception] = 1


def test_of_few_recordings_a_single_exception_leaves_the_exact_interval():
    _, low, high = paired_difference(np.arange(10) < 1, np.zeros(10), np.arange(10))
    assert high - 0.1 == 0.1 - low == pytest.approx(1 - 0.025 ** (1 / 10))  # Student's t: 0.21


def test_where_all_recordings_agree_the_error_is_that_of_a_single_exception():
    """Three groups of ten; the exact interval of 30 recordings reaches 0.116, this one further."""
    right, wrong = np.ones(30), np.zeros(30)
    difference = paired_difference(right, wrong, np.arange(30) // 10)
    with_exception = np.arange(30) > 0
    error = math.sqrt(with_exception.var() / 30)
    assert difference.mean - difference.low == pytest.approx(4.302653 * error)  # t of 2 degrees


def test_where_groups_agree_the_error_is_that_of_independent_recordings():
    """Ten groups of ten, half of each right: their means say that nothing varies."""
    right, wrong = np.arange(100) % 2, np.zeros(100)
    difference = paired_difference(right, wrong, np.arange(100) // 10)
    error = math.sqrt(0.5 * 0.5 / 100)
    assert difference.mean - difference.low == pytest.approx(2.262157 * error)  # t of 9 degrees
