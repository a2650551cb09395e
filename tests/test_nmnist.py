"""N-MNIST's digits in the package are those that the tool makes, and a changed file is refused."""

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
        assert recordings.targets == [digit for digit in range(4) for _ in range(count)]
        assert (recordings.classes, recordings.sensor_size) == (("6", "7", "8", "9"), (34, 34, 2))
        last = [events["t"][-1] for events, _ in recordings]
        assert all(events["t"][0] == 0 for events, _ in recordings)
        assert min(last) > 60_000 and max(last) < make_nmnist.ENDS
    assert nmnist.FILE.stat().st_size < 4e6


@pytest.mark.skipif(not ARCHIVE.is_file(), reason=f"needs {ARCHIVE}")
def test_tool_makes_the_file_again():
    made = make_nmnist.columns_of(make_nmnist.first_saccades(ARCHIVE))
    with np.load(nmnist.FILE) as kept:
        assert {*made} == {*kept}
        assert all(np.array_equal(made[name], kept[name]) for name in made)


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, FileNotFoundError, "nmnist.npz is missing; install the package again"),
        (b"PK", ValueError, "nmnist.npz is damaged, or another file: its SHA-256 is .*, not "),
    ],
)
def test_missing_or_changed_file_is_refused(content, error, message, tmp_path, monkeypatch):
    monkeypatch.setattr(nmnist, "FILE", tmp_path / "nmnist.npz")
    if content:
        nmnist.FILE.write_bytes(content)
    with pytest.raises(error, match=message):
        load_nmnist()
