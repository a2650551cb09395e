"""N-MNIST's digits in the package are those that the tool makes."""

import os
from pathlib import Path

import make_nmnist
import numpy as np
import pytest

from pokersnn_helpers import load_nmnist
from pokersnn_helpers.data import nmnist

ARCHIVE = Path(os.environ.get("POKERSNN_DATA", ""), "nmnist_6789.tar.gz")


@pytest.mark.parametrize("saccade", nmnist.FILES)
def test_digits_are_balanced_and_last_for_one_saccade(saccade):
    data = load_nmnist(saccade)
    begin, end = make_nmnist.SACCADES[saccade]
    counts = (make_nmnist.TRAIN[saccade], make_nmnist.TEST[saccade])
    for recordings, count in zip((data.train, data.test), counts, strict=True):
        assert recordings.classes == ("6", "7", "8", "9")
        assert np.bincount(recordings.targets).tolist() == 4 * [count]
        assert all(60_000 < events["t"][-1] < end - begin for events in recordings.events)


def test_a_digit_moves_as_the_authors_say():
    """Compare with the shifts by which their code takes the movement out: x and y in pixels."""
    for saccade, shift in {1: 3.5 + 7j, 2: 3.5 - 7j, 3: -7 + 0j}.items():
        slopes = [
            np.polyfit(events["t"], events["x"] + 1j * events["y"], 1)[0]
            for events in load_nmnist(saccade).test.events
        ]
        assert abs(np.angle(np.mean(slopes) / shift, deg=True)) < 15


def test_a_saccade_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match="saccade is 4; choose 1, 2 or 3"):
        load_nmnist(4)


@pytest.mark.slow
@pytest.mark.skipif(not ARCHIVE.is_file(), reason=f"needs {ARCHIVE}")
@pytest.mark.parametrize("saccade", nmnist.FILES)
def test_tool_makes_the_files_again(saccade):
    columns = make_nmnist.columns_of(ARCHIVE, saccade)
    with np.load(nmnist.FILES[saccade]) as packaged:
        assert {*columns} == {*packaged}
        for name in columns:
            assert np.array_equal(columns[name], packaged[name])
