"""N-MNIST's digits in the package are those that the tool makes."""

import os
from pathlib import Path

import make_nmnist
import numpy as np
import pytest

from pokersnn_helpers import load_nmnist
from pokersnn_helpers.own import nmnist

ARCHIVE = Path(os.environ.get("POKERSNN_DATA", ""), "nmnist_6789.tar.gz")


def test_digits_are_balanced_and_last_for_one_saccade():
    data = load_nmnist()
    for recordings, count in ((data.train, 100), (data.test, 50)):
        assert recordings.classes == ("6", "7", "8", "9")
        assert recordings.sensor_size == (34, 34, 2)
        assert np.bincount(recordings.targets).tolist() == 4 * [count]
        for events in recordings.events:
            assert events["t"][0] == 0
            assert 60_000 < events["t"][-1] < make_nmnist.ENDS


@pytest.mark.skipif(not ARCHIVE.is_file(), reason=f"needs {ARCHIVE}")
def test_tool_makes_the_file_again():
    columns = make_nmnist.columns_of(make_nmnist.first_saccades(ARCHIVE))
    with np.load(nmnist.FILE) as packaged:
        assert {*columns} == {*packaged}
        for name in columns:
            assert np.array_equal(columns[name], packaged[name])
