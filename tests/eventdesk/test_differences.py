"""Intervals of differences between two models, by hand where recordings or groups agree."""

import math

import numpy as np
import pytest

from eventdesk.ask.differences import paired_difference


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
