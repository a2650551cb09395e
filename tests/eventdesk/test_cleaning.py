"""Copies of recordings without hot pixels and noise."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from test_event_files import hdf5
from test_folders import save, save_text
from test_inspection import scene
from tonic.transforms import Denoise, RefractoryPeriod

from eventdesk import load_folder
from eventdesk.files.event_files import read_event_file
from eventdesk.look.cleaning import clean_files, remaining
from pokersnn_helpers.events.recordings import make_events

TABLE = "t,x,y,p\n7,0,0,1\n"


@pytest.mark.parametrize(
    ("options", "transform"),
    [({"refractory": 2000}, RefractoryPeriod(2000)), ({"noise": 100}, Denoise(100))],
)
def test_filters_are_those_of_tonic_and_spare_the_first_event(options, transform):
    events = scene((60, 60, 500))
    assert np.array_equal(events[remaining(events)], scene())
    late = scene()
    late["t"] += 10_000
    expected = transform(late)
    expected["t"] -= 10_000
    assert np.array_equal(events[remaining(events, **options)], expected)


def test_a_folder_keeps_its_structure_and_files_their_sensor(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    (old / "left" / "anna").mkdir(parents=True)
    np.savez(old / "left/anna/1.npz", scene((60, 60, 500)), sensor_size=(64, 64))
    (old / "3.csv").write_text(TABLE)
    _, line = clean_files(old, new)
    assert line.endswith("1.npz: 60,000 of 60,500 events are left")
    assert read_event_file(new / "left/anna/1.npz").sensor_size == (64, 64, 2)
    assert read_event_file(new / "3.npz").sensor_size is None
    with pytest.raises(FileExistsError, match="new exists; name a new folder"):
        list(clean_files(str(old), str(new)))


def test_files_of_one_name_in_several_formats_become_as_many(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    save(old / "1.npy", scene())
    for name in ("1.csv", "1.npy.csv"):
        (old / name).write_text(TABLE)
    assert len([*clean_files(old, new)]) == 3
    lengths = {path.name: len(np.load(path)["t"]) for path in new.iterdir()}
    assert lengths == {"1.npz": 1, "1.npy.npz": 60_000, "1.npy.csv.npz": 1}


WRITERS = {
    "a.csv": lambda table, path: pd.DataFrame(table).to_csv(path, index=False),
    "a.npy": lambda table, path: np.save(path, pd.DataFrame(table).to_records(index=False)),
    "a.npz": lambda table, path: np.savez(path, **table),
    "a.h5": lambda table, path: path.write_bytes(hdf5("events/", **table)),
}


@pytest.mark.parametrize("name", WRITERS)
def test_times_since_1970_and_labels_of_events_stay(name, tmp_path):
    hot = scene((60, 60, 500))
    table = {field: hot[field] for field in "txyp"} | {"label": hot["x"] + 100}
    table["t"] += 1_700_000_000_000_000
    WRITERS[name](table, tmp_path / name)
    list(clean_files(tmp_path / name, tmp_path / "new"))
    cleaned = np.load(tmp_path / "new" / "a.npz")
    remaining = hot["x"] + 64 * hot["y"] != 60 + 64 * 60
    for column, values in table.items():
        assert np.array_equal(cleaned[column], values[remaining])


@pytest.mark.filterwarnings("ignore:.* lasts 1 s, the median is 0 s")
def test_classes_persons_and_labels_stay_and_what_is_left_out_is_named(tmp_path):
    old = tmp_path / "old"
    for number, (name, arrow) in enumerate((("gesture", "→"), ("again", "→"), ("gesture_2", "←"))):
        save_text(old / name / "1.csv", arrow, number)
    (old / "gesture" / "2.txt").write_text("# class: →\nt x y p\n0 7 5 0\n")
    np.savez(old / "gesture" / "3.npz", scene(), label=3, person="anna", **{"class": "→"})
    (old / "gesture" / "notes.txt").write_text("on Monday")
    with pytest.warns(UserWarning, match=r"1 files below .*notes\.txt, are left out"):
        list(clean_files(old, tmp_path / "new"))
    recordings = load_folder(tmp_path / "new").recordings
    assert recordings.classes == ("←", "→")
    assert recordings.targets == [1, 1, 1, 1, 0]
    cleaned = np.load(tmp_path / "new" / "gesture" / "3.npz")
    assert (cleaned["label"], cleaned["person"]) == (3, "anna")


@pytest.mark.parametrize("out", ["old/cleaned", "old/left/../cleaned", "old"])
def test_what_is_cleaned_doesnt_come_to_lie_in_what_it_is_made_of(out, tmp_path):
    (tmp_path / "old" / "left").mkdir(parents=True)
    (tmp_path / "old" / "left" / "1.csv").write_text(TABLE)
    with pytest.raises((ValueError, FileExistsError), match=r"name a (new )?folder"):
        list(clean_files(tmp_path / "old", tmp_path / out))
    assert len([*tmp_path.rglob("*")]) == 3


@pytest.mark.parametrize(
    ("content", "reason"), [("t,x\n", "it holds t, x, not y, p"), (TABLE, "no event is left")]
)
def test_what_fails_leaves_nothing(content, reason, tmp_path):
    old = tmp_path / "old"
    save(old / "1.npy", scene())
    (old / "2.csv").write_text(content)
    with pytest.raises(ValueError, match=rf"2\.csv: {reason}"):
        list(clean_files(old, tmp_path / "new", noise=10))
    assert list(tmp_path.iterdir()) == [old]


@pytest.mark.slow
def test_a_pipe_that_is_closed_does_not_end_a_command_in_silence(tmp_path):
    for number in range(40):
        np.save(tmp_path / f"{number}.npy", make_events([0, 1], [3, 4], [7, 7], [1, 0]))
    new = tmp_path / "../new"
    words = [sys.executable, "-u", "-m", "eventdesk", "clean", tmp_path, "--out", new]
    program = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    program.stdout.readline()
    program.stdout.close()
    assert "stopped before its end" in program.stderr.read()
    assert program.wait() == 1
    assert not new.exists()
