"""Copies of recordings without hot pixels and noise."""

import errno

import numpy as np
import pytest
from test_inspection import scene
from tonic.transforms import Denoise, RefractoryPeriod

from pokersnn_helpers import EVENT_DTYPE
from pokersnn_helpers.own import cleaning
from pokersnn_helpers.own.cleaning import clean_files, filter_events
from pokersnn_helpers.own.event_files import read_event_file


def test_filters_are_those_of_tonic_and_spare_the_first_event():
    made = scene(_60_60=500)
    kept, removed = filter_events(made)
    assert removed == {"1 hot pixels": 500} and kept.tolist() == scene().tolist()
    for options, transform in (
        ({"refractory_period": 2000}, RefractoryPeriod(2000)),
        ({"filter_time": 100}, Denoise(100)),
    ):
        late = scene()
        late["t"] += 10_000
        filtered, removed = filter_events(made, **options)
        late = transform(late)
        late["t"] -= 10_000
        assert filtered.tolist() == late.tolist()
        assert [*removed.values()] == [500, len(kept) - len(filtered)]


def test_a_folder_keeps_its_structure_and_files_their_sensor(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    made = scene(_60_60=500)
    for place in ("left/anna/1.npz", "right/ben/2.npz"):
        (old / place).parent.mkdir(parents=True)
        np.savez(old / place, **{field: made[field] for field in "txyp"}, sensor_size=(64, 64))
    (old / "left/anna/3.csv").write_text("t,x,y,p\n7,0,0,1\n")
    lines = list(clean_files(old, new))
    assert lines[2].endswith("2.npz: 60000 of 60500 events are left, without 500 of 1 hot pixels")
    names = sorted(str(file.relative_to(new)) for file in new.rglob("*.*"))
    assert names == ["left/anna/1.npz", "left/anna/3.npz", "right/ben/2.npz"]
    assert read_event_file(new / names[0]).sensor_size == (64, 64, 2)
    assert read_event_file(new / names[1]).sensor_size is None
    with pytest.raises(FileExistsError, match="new exists; name a new place"):
        list(clean_files(old, new))


def test_what_fails_leaves_nothing(tmp_path, monkeypatch):
    (tmp_path / "old").mkdir()
    file = tmp_path / "old" / "a.csv"
    file.write_text("t,x,y,p\n7,0,0,1\n")
    for out, reason in (("b.csv", "let it end in .npz"), ("b.npz", "isn't what is read back")):
        monkeypatch.setattr(cleaning, "read_numpy", lambda path: (np.zeros(1, EVENT_DTYPE), None))
        with pytest.raises((ValueError, OSError), match=reason):
            list(clean_files(file, tmp_path / out))

    def full(*arrays, **named):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space left"):
        list(clean_files(file.parent, tmp_path / "new"))
    assert [each.name for each in tmp_path.iterdir()] == ["old"]
