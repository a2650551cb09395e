"""Networks are compared on recordings of one's own by the commands that compare them on cards."""

import h5py
import numpy as np
import pytest

from benchmarks import __main__ as command
from benchmarks import curve

WORDS = """
from pokersnn_helpers import Recordings
from tonic.datasets import SHD

SHD._check_exists = lambda self: True  # the few words pass for all of them

def words():
    spoken = SHD(save_to={folder!r}, train=True)
    return Recordings.from_tonic(spoken), spoken.speaker
"""


@pytest.fixture
def source(tmp_path):
    """Name words of a file like Tonic's: two by each of twelve speakers, of 40 ms."""
    (tmp_path / "SHD").mkdir()
    with h5py.File(tmp_path / "SHD/shd_train.h5", "w") as file:
        file["labels"] = np.arange(24) // 2 % 2
        file["extra/keys"] = np.array([b"zero", b"one"])
        file["extra/speaker"] = np.arange(24) // 2
        times = file.create_dataset("spikes/times", (24,), h5py.vlen_dtype(np.float16))
        units = file.create_dataset("spikes/units", (24,), h5py.vlen_dtype(np.uint16))
        for number in range(24):
            times[number] = [0.01, 0.02, 0.05]
            units[number] = [number, 699, 400 * (number // 2 % 2)]
    path = tmp_path / "sets.py"
    path.write_text(WORDS.format(folder=str(tmp_path)))
    return f"{path}:words"


@pytest.mark.slow
def test_the_curve_is_drawn_of_recordings_of_ones_own(source, monkeypatch):
    monkeypatch.setattr(curve, "RATES", (0.001, 0.004))
    rows = curve.measure_curve(seeds=1, epochs=1, source=source, sizes=(4,))["rows"]
    assert {(row["model"], row["folds"]) for row in rows} == {
        (model, division)
        for model in [*curve.KINDS, curve.REGRESSION]
        for division in curve.DIVISIONS
    }
    assert all(row["operations"] > 0 for row in rows)


@pytest.mark.slow
def test_recordings_of_ones_own_are_dealt_out_with_their_groups(source):
    passes = curve.measure_dealt(seeds=1, epochs=1, source=source)["passes"]
    assert [row["recordings"] for row in passes] == 12 * [2]


def test_what_pages_show_is_measured_on_cards_alone(source, capsys):
    with pytest.raises(SystemExit):
        command.main(["dealt", "--write", "--source", source])
    assert "omit --source" in capsys.readouterr().err
