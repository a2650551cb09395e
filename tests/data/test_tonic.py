"""Data sets of Tonic's become Recordings, from files laid out as theirs are; none is downloaded."""

import h5py
import numpy as np
import pytest
from camera_bytes import mnist_bytes
from tonic.datasets import NCALTECH101, NMNIST, SHD, DVSGesture

from pokersnn_helpers import Recordings, stratified_folds, train_classifier


@pytest.fixture(autouse=True)
def complete(monkeypatch):
    """Let the few files pass for all of them."""
    for dataset in (DVSGesture, NCALTECH101, NMNIST, SHD):
        monkeypatch.setattr(dataset, "_check_exists", lambda self: True)


def test_dvs_gesture(tmp_path):
    for user in (1, 2):
        folder = tmp_path / f"DVSGesture/ibmGestureTrain/user{user:02}_led"
        folder.mkdir(parents=True)
        for target in range(11):
            # Columns x, y, p and t in ms.
            events = np.array([[3, 120, 1, 0], [127, target, 0, 40], [0, 0, 1, 90 + user]])
            np.save(folder / f"{target}.npy", events)
    dataset = DVSGesture(save_to=tmp_path, train=True)
    recordings = Recordings.from_tonic(dataset)
    assert (recordings.classes[0], len(recordings)) == ("Hand clapping", 22)
    assert recordings.sensor_size == (128, 128, 2)
    assert recordings.targets == dataset.targets
    events, target = recordings[4]
    assert events["t"].tolist() == [0, 40_000, 90_000 + 1000 * dataset.users[4]]
    assert events[1].tolist() == (40_000, 127, target, 0)
    assert len(stratified_folds(recordings, folds=2, groups=dataset.users)) == 2


def test_ncaltech101_whose_sensor_and_classes_are_given(tmp_path):
    for number, name in enumerate(["ant", "crab"]):
        folder = tmp_path / "NCALTECH101/Caltech101" / name
        folder.mkdir(parents=True)
        file = mnist_bytes([5, 900], [30 + number, 50], [60, 80], [1, 0])
        (folder / "image_0001.bin").write_bytes(file)
    dataset = NCALTECH101(save_to=tmp_path)
    with pytest.raises(ValueError, match="NCALTECH101 doesn't say its classes; give classes="):
        Recordings.from_tonic(dataset)
    classes = ("ant", "crab")
    with pytest.raises(ValueError, match="doesn't say its sensor_size; give sensor_size="):
        Recordings.from_tonic(dataset, classes)
    recordings = Recordings.from_tonic(dataset, classes, sensor_size=(240, 180, 2))
    assert [recordings.classes[target] for _, target in recordings] == ["ant", "crab"]
    assert recordings[1][0]["x"].tolist() == [0, 19]


def test_shd_whose_events_have_a_channel_and_no_row(tmp_path):
    (tmp_path / "SHD").mkdir()
    with h5py.File(tmp_path / "SHD/shd_train.h5", "w") as file:
        file["labels"] = np.array([1, 0, 1, 0], np.uint16)
        file["extra/keys"] = np.array([b"zero", b"one"])
        file["extra/speaker"] = np.array([0, 0, 1, 1])
        times = file.create_dataset("spikes/times", (4,), h5py.vlen_dtype(np.float16))
        units = file.create_dataset("spikes/units", (4,), h5py.vlen_dtype(np.uint16))
        for number in range(4):
            times[number] = [0.25, 0.5, 0.75]
            units[number] = [0, 699, 40 * number]
    recordings = Recordings.from_tonic(SHD(save_to=tmp_path, train=True))
    assert (recordings.classes, recordings.sensor_size) == (("zero", "one"), (700, 1, 1))
    assert recordings.targets == [1, 0, 1, 0]
    expected = [(250_000, 0, 0, 0), (500_000, 699, 0, 0), (750_000, 120, 0, 0)]
    assert recordings.events[3].tolist() == expected
    train_classifier(recordings, epochs=1, time_window=10_000)


def test_what_is_no_data_set_of_events_is_refused():
    pairs = [(np.zeros((20, 2, 34, 34)), 0)]  # of transform=ToFrame(...)
    with pytest.raises(TypeError, match="recording 0 is of type ndarray without numeric field t"):
        Recordings.from_tonic(pairs, ["a"], (34, 34, 2))
    seconds = np.zeros(2, [("t", float), ("x", int), ("p", int)])
    seconds["t"] = [0.1, 0.2]
    with pytest.raises(ValueError, match=r"field t is 0.1 .*µs: multiply seconds by 1e6"):
        Recordings.from_tonic([(seconds, 0)], ["a"], (64, 1, 1))
