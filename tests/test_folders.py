import warnings

import numpy as np
import pytest
import torch

from pokersnn_helpers import (
    EVENT_DTYPE,
    FastSNN,
    Recordings,
    build_network,
    load_folder,
    stratified_folds,
    train_classifier,
)
from pokersnn_helpers.fast import LayerThenSNN
from pokersnn_helpers.own.folders import network_size, resize

CLASSES = ("left", "middle", "right")


def spot(number, rng, duration=15_000, count=300):
    """A spot that stands left, in the middle or right."""
    events = np.zeros(count, EVENT_DTYPE)
    events["t"] = np.sort(rng.integers(0, duration, count))
    middle = (12 + 20 * (number % 3), 32)
    events["x"], events["y"] = rng.normal(middle, 3, (count, 2)).clip(0, 63).astype(int).T
    events["p"] = rng.integers(0, 2, count)
    return events


def save(path, events):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, events)


def fill(folder):
    """Save 24 recordings, eight of each class and six of each person."""
    rng = np.random.default_rng(0)
    for number in range(24):
        who = ("anna", "ben", "carl", "dora")[number // 3 % 4]
        save(folder / CLASSES[number % 3] / who / f"{number}.npy", spot(number, rng))
    return folder


@pytest.fixture
def folder(tmp_path):
    return fill(tmp_path)


def test_classes_groups_and_files(folder):
    alone = spot(0, np.random.default_rng(1))
    save(folder / "left" / "alone.npy", alone)
    np.savez(folder / "left" / "alone.npz", alone)  # the same in another format
    save(folder / "left" / "anna" / "monday" / "24.npy", alone)
    with pytest.warns(UserWarning, match=r"1 files are copies: .*24\.npy holds .*alone\.npy"):
        recordings, groups, files, _ = load_folder(folder, sensor_size=(64, 64, 2))
    assert recordings.classes == CLASSES and recordings.sensor_size == (64, 64, 2)
    assert load_folder(folder, size=(8, 8), sensor_size=(64, 64, 2)).sensor_size == (64, 64, 2)
    assert len(recordings) == len(groups) == len(files) == 27
    assert {*groups} == {"anna", "ben", "carl", "dora", "left/alone"}
    assert groups.count("left/alone") == 2 and groups.count("anna") == 7
    for target, group, file in zip(recordings.targets, groups, files, strict=True):
        name, *below = file.relative_to(folder).parts
        assert name == CLASSES[target] and group in (below[0], "left/alone")


def test_sensor_is_the_smallest_that_holds_all_events(folder):
    recordings, _, files, _ = load_folder(folder)
    saved = [np.load(file) for file in files]
    for field, side in zip("xy", recordings.sensor_size, strict=False):
        assert side == 1 + max(events[field].max() for events in saved)
        for events, others in zip(recordings.events, saved, strict=True):
            assert np.array_equal(events[field], others[field])


def test_long_recordings_are_cut_into_windows_of_one_group(tmp_path):
    rng = np.random.default_rng(0)
    for name in CLASSES[:2]:
        save(tmp_path / name / "long.npy", long := spot(0, rng, duration=103_000, count=2000))
    recordings, groups, files, _ = load_folder(tmp_path, window_ms=10)
    assert len(recordings) == 20 and len(set(groups)) == 2 and len(set(files)) == 2
    assert sum(map(len, recordings.events)) == 2 * len(long)  # nothing is lost
    assert all(events["t"][0] == 0 for events in recordings.events)
    assert all(events["t"][-1] < 15_000 for events in recordings.events)


@pytest.mark.parametrize(
    ("sensor", "expected"),
    [((128, 128), (128, 128)), ((346, 260), (115, 86)), ((480, 640), (96, 128))],
)
def test_usual_sensors_become_what_a_network_can_take(sensor, expected):
    assert network_size(sensor) == expected
    events = np.zeros(4, EVENT_DTYPE)
    events["x"], events["y"] = [2, 9, sensor[0] // 2, sensor[0] - 2], [2, 9, 30, sensor[1] - 3]
    resized = resize(events, (*sensor, 2), expected)
    assert len(resized) == 4
    assert np.array_equal(resize(resized, (*expected, 2), expected), resized)


def test_pixels_are_summed_in_blocks_from_the_middle():
    events = np.zeros(5, EVENT_DTYPE)
    events["x"], events["y"] = [44, 45, 48, 49, 300], [1, 2, 5, 6, 257]
    resized = resize(events, (346, 260, 2), (64, 64))  # 256 × 256 in the middle, from (45, 2) on
    assert resized["x"].tolist() == [0, 0, 1, 63] and resized["y"].tolist() == [0, 0, 1, 63]
    for sensor, size, reason in (
        ((35, 35), (64, 64), "35 × 35 pixels, fewer than 64 × 64; choose a smaller size"),
        ((346, 260), (10.5, 10), r"width is 10\.5; choose a whole number"),
        ((250, 260), (10, 10), r"field x is 300 at event 4; sensor_size \(250, 260, 2\) allows"),
    ):
        with pytest.raises(ValueError, match=reason):
            resize(events, (*sensor, 2), size)


@pytest.mark.parametrize(
    ("files", "error", "reason"),
    [
        ({"a.npy": (0, 0)}, FileNotFoundError, "no recordings in .*; put .npy, .* a folder per cl"),
        ({"train/a.npy": (0, 0), "test/a.npy": (0, 0)}, ValueError, "are test, train, not classes"),
        (
            {f"{name}/a.npy": (0, 0) for name in ("Training", "val", "x")},
            ValueError,
            "Training, val",
        ),
        ({"l/a.npy": (9, 9), "r/b.npy": (99, 0)}, ValueError, r"b\.npy: .* field x is 99"),
        ({"l/corner.npy": (0, 0)}, ValueError, r"corner\.npy: no event lies in the middle"),
    ],
)
def test_folders_that_cannot_be_used(files, error, reason, tmp_path):
    for name, pixel in files.items():
        save(tmp_path / name, np.array([(0, *pixel, 0)], EVENT_DTYPE))
    with warnings.catch_warnings(), pytest.raises(error, match=reason):
        warnings.simplefilter("ignore")
        load_folder(tmp_path, sensor_size=(64, 64, 2), size=(20, 20))
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        load_folder(tmp_path / "none")


def test_files_of_different_sensors_are_refused(folder):
    (folder / "left" / "dvs.aedat").write_bytes(bytes(11) + b"\1")
    said = r"\(128, 128, 2\) by .*dvs\.aedat, \(64, 64, 2\) by sensor_size; put"
    with pytest.raises(ValueError, match=said):
        load_folder(folder, sensor_size=(64, 64, 2))
    assert load_folder(folder).recordings.sensor_size == (128, 128, 2)


@pytest.mark.parametrize(("network", "side"), [(FastSNN, 128), (LayerThenSNN, 64)])
def test_training_starts_well_where_events_are_rare(network, side):
    """Seven events per ms among 32,768 and 8,192 inputs; drawn for more, no neuron would spike."""
    rng = np.random.default_rng(0)
    recordings = [spot(number, rng, count=100) for number in range(24)]
    for events in recordings:
        events["x"], events["y"] = events["x"] * (side // 64), events["y"] * (side // 64)
    targets = [number % 3 for number in range(24)]
    own = Recordings(recordings, targets, CLASSES, (side, side, 2))
    data = stratified_folds(own, 4)[0]
    _, history = train_classifier(data, network=network, epochs=20, augment=None, device="cpu")
    assert history.test_accuracy[-1] == 1


def test_weights_for_cards_are_drawn_as_ever(data):
    classifier, _ = train_classifier(data, epochs=1, learning_rate=1e-12, ema_decay=0)
    torch.manual_seed(0)
    weights = build_network().lif0.input_weights
    assert torch.allclose(classifier.snn.lif0.input_weights.cpu(), weights, atol=1e-6)


def test_links_are_followed_once_and_what_is_left_out_is_said(folder, tmp_path):
    elsewhere = tmp_path.with_name(f"{tmp_path.name} elsewhere")
    (folder / "right").rename(elsewhere)
    (folder / "right").symlink_to(elsewhere)
    (folder / ".hidden.npy").write_bytes(b"")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_folder(folder).recordings.classes == CLASSES
    for name, other in zip(CLASSES, (*CLASSES[1:], CLASSES[0]), strict=True):
        (folder / name / "other").symlink_to(folder / other)
    (folder / "left" / "round").symlink_to(folder)
    (folder / "right" / "eve").symlink_to(folder / "left" / "anna")
    (folder / "right" / "copy.npy").symlink_to(folder / "left" / "anna" / "0.npy")
    (folder / "left" / "gone.npy").symlink_to(folder / "nowhere.npy")
    (folder / "left" / "_other.npy").write_bytes(b"")
    (folder / "notes.txt").write_text("on Monday")
    left_out = r"9 files below .*_other\.npy, are no recordings of a class, or links to one"
    with pytest.warns(UserWarning, match=left_out):
        found = load_folder(folder)
    assert len(found.recordings) == len(set(found.files)) == 24
    assert found.recordings.targets == sorted(found.recordings.targets)
    assert not {"other", "eve"} & {*found.groups}


def test_classes_in_natural_order_and_names_that_are_nearly_the_same(tmp_path):
    for number, name in enumerate(("10", "2", "1", "Left", "left")):
        events = spot(number, np.random.default_rng(number))
        save(tmp_path / name / ("Anna" if number else "anna") / "a.npy", events)
    with pytest.warns(UserWarning) as found:
        assert load_folder(tmp_path).recordings.classes == ("1", "2", "10", "Left", "left")
    said = " ".join(str(each.message) for each in found)
    assert "Left and left in" in said and "Anna and anna in" in said
