"""Copies of recordings without hot pixels and noise."""

import errno
from unittest.mock import Mock

import numpy as np
import pytest
from test_inspection import scene
from tonic.transforms import Denoise, RefractoryPeriod

from pokersnn_helpers import EVENT_DTYPE
from pokersnn_helpers.own import cleaning
from pokersnn_helpers.own.cleaning import clean_files, filter_events
from pokersnn_helpers.own.event_files import read_event_file


def test_filters_are_those_of_tonic_and_spare_the_first_event():
    made = scene((60, 60, 500))
    assert filter_events(made).tolist() == scene().tolist()
    late = scene()
    late["t"] += 10_000
    for words, transform in (
        ({"refractory": 2000}, RefractoryPeriod(2000)),
        ({"noise": 100}, Denoise(100)),
    ):
        expected = transform(late)
        expected["t"] -= 10_000
        assert filter_events(made, **words).tolist() == expected.tolist()


def test_a_folder_keeps_its_structure_and_files_their_sensor(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    made = scene((60, 60, 500))
    arrays = {field: made[field] for field in "txyp"}
    (old / "left" / "anna").mkdir(parents=True)
    np.savez(old / "left/anna/1.npz", **arrays, sensor_size=(64, 64))
    (old / "3.csv").write_text("t,x,y,p\n7,0,0,1\n")
    lines = list(clean_files(old, new))
    assert lines[1].endswith("1.npz: 60000 of 60500 events are left")
    assert read_event_file(new / "left/anna/1.npz").sensor_size == (64, 64, 2)
    assert read_event_file(new / "3.npz").sensor_size is None
    with pytest.raises(FileExistsError, match="new exists; name a new folder"):
        list(clean_files(old, new))


def test_what_fails_leaves_nothing(tmp_path, monkeypatch):
    (tmp_path / "old").mkdir()
    file = tmp_path / "old" / "a.csv"
    file.write_text("t,x,y,p\n7,0,0,1\n")
    full = Mock(side_effect=OSError(errno.ENOSPC, "No space left on device"))
    other = Mock(return_value=(np.zeros(1, EVENT_DTYPE), None))
    for place, name, replaced, reason in (
        (cleaning, "read_numpy", other, "isn't what is read back"),
        (np, "savez_compressed", full, "No space left"),
    ):
        monkeypatch.setattr(place, name, replaced)
        with pytest.raises(OSError, match=reason):
            list(clean_files(file, tmp_path / "new"))
    assert [each.name for each in tmp_path.iterdir()] == ["old"]
