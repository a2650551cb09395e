"""Commands are timed on a folder as large as is asked for."""

import math

import pytest

from benchmarks import scale
from pokersnn_helpers.simulation.motions import MOTIONS


@pytest.mark.slow
def test_a_folder_of_films_is_inspected(tmp_path):
    scale.film(tmp_path, seed=3)
    files = sorted(tmp_path.rglob("*.npy"))
    assert {file.parent.name for file in files} == {*MOTIONS}
    assert sorted(int(file.stem) for file in files) == list(range(300, 400))
    row = scale.run(["inspect", str(tmp_path)])
    assert row["command"] == "inspect"
    assert row["says"].startswith("- 100 files in 6 of 6 folders")
    assert 0 < row["minutes"] < math.inf and row["GB"] > 0
