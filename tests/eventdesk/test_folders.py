import itertools
import warnings
from pathlib import Path

import numpy as np
import pytest

from eventdesk import load_folder
from eventdesk.files.folders import find_recordings, network_size, resize, resized_parts
from pokersnn_helpers.events.recordings import make_events
from pokersnn_helpers.system.checks import check_classes, check_groups

CLASSES = ("left", "middle", "right")


def spot(number, rng, duration=15_000, count=300):
    """A spot that stands left, in the middle or right."""
    center = (12 + 20 * (number % 3), 32)
    places = rng.normal(center, 3, (count, 2)).clip(0, 63).T
    times = np.sort(rng.integers(0, duration, count))
    return make_events(times, *places, rng.integers(0, 2, count))


def save(path, events):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, events)


def save_text(path, name, x):
    """Save an event at a column in a CSV that says its class."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"# class: {name}\nt,x,y,p\n0,{x},5,0\n")


def fill(folder, persons=("anna", "ben", "carl", "dora")):
    """Save 24 recordings, eight of each class and as many of each person."""
    rng = np.random.default_rng(0)
    for number in range(24):
        person = persons[number // 3 % len(persons)]
        path = folder / CLASSES[number % 3] / person / f"{number}.npy"
        save(path, spot(number, rng))
    return folder


def point(x, y):
    return make_events([0], x, y, 0)


def test_classes_groups_and_files(folder):
    alone = spot(0, np.random.default_rng(1))
    save(folder / "left" / "alone.npy", alone)
    np.savez(folder / "left" / "alone.npz", alone)  # the same in another format
    save(folder / "left" / "anna" / "monday" / "24.npy", alone)
    with pytest.warns(UserWarning, match=r"1 files are copies: .*24\.npy holds .*alone\.npy"):
        recordings, groups, files, _ = load_folder(folder, size=(8, 8), sensor_size=(64, 64, 2))
    assert recordings.classes == CLASSES
    assert recordings.sensor_size == (8, 8, 2)
    for target, group, file in zip(recordings.targets, groups, files, strict=True):
        class_name, *below = file.relative_to(folder).parts
        assert class_name == CLASSES[target]
        assert group == (below[0] if below[1:] else "left/alone")


def test_long_recordings_are_cut_into_windows_of_one_group(tmp_path):
    rng = np.random.default_rng(0)
    for name in CLASSES[:2]:
        save(tmp_path / name / "long.npy", spot(0, rng, duration=103_000, count=2000))
    recordings, groups, files, _ = load_folder(tmp_path, window_ms=10)
    assert len(recordings) == 20
    assert len(set(groups)) == len(set(files)) == 2
    assert sum(map(len, recordings.events)) == 2 * 2000  # nothing is lost
    assert max(events["t"][-1] for events in recordings.events) < 15_000
    with pytest.raises(ValueError, match="window_ms is 0; choose a number"):
        load_folder(tmp_path, window_ms=0)


@pytest.mark.parametrize(("ms", "last_times"), [(24, [9, 24]), (26, [9, 19, 26]), (4, [4])])
def test_what_is_left_of_windows_is_a_part_of_its_own_from_half_a_window_on(ms, last_times):
    events = make_events(1000 * np.arange(ms + 1), 0, 0, 0)
    parts = resized_parts(events, (3, 3, 2), (3, 3), window_ms=10)
    assert [len(part.t) for part in parts] == np.diff([-1, *last_times]).tolist()


def test_usual_sensors_become_what_a_network_can_take():
    sensors = [(64, 48, 2), (346, 260, 2), (480, 640, 2)]
    assert [*map(network_size, sensors)] == [(64, 48), (57, 43), (48, 64)]


def test_pixels_are_summed_in_blocks_from_the_middle():
    events = make_events(range(5), [44, 45, 48, 49, 300], [1, 2, 5, 6, 257], 0)
    resized = resize(events, (346, 260, 2), (64, 64))  # 256 × 256 in the middle, from (45, 2) on
    assert resized["x"].tolist() == [0, 0, 1, 63]
    assert resized["y"].tolist() == [0, 0, 1, 63]


@pytest.mark.parametrize(
    ("sensor", "size", "reason"),
    [
        ((35, 35), (64, 64), "35 × 35 pixels, fewer than 64 × 64; choose a smaller size"),
        ((346, 260), (10.5, 10), r"width is 10\.5; choose a whole number"),
        ((346, 260), 16, "size is 16; choose a width and a height"),
    ],
)
def test_sizes_that_cannot_be(sensor, size, reason):
    with pytest.raises(ValueError, match=reason):
        resize(point(0, 0), (*sensor, 2), size)


@pytest.mark.parametrize(
    ("files", "error", "reason"),
    [
        ({}, FileNotFoundError, "no recordings in .*; put .npy, .* a folder per class"),
        ({"a.npy": point(0, 0)}, FileNotFoundError, r"as a\.npy, and no folder per class; name"),
        ({"Training/a.npy": point(0, 0), "val/a.npy": point(0, 0)}, ValueError, "Training, val"),
        (
            {"l/a.npy": point(9, 9), "r/b.npy": point(99, 0)},
            ValueError,
            r"b\.npy has events on \(100",
        ),
        ({"l/corner.npy": point(0, 0)}, ValueError, r"corner\.npy: no event lies in the middle"),
    ],
)
@pytest.mark.filterwarnings("ignore:1 files below")
def test_folders_that_cannot_be_used(files, error, reason, tmp_path):
    for name, events in files.items():
        save(tmp_path / name, events)
    with pytest.raises(error, match=reason):
        load_folder(tmp_path, sensor_size=(64, 64, 2), size=(20, 20))
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        load_folder(tmp_path / "none")


def test_files_of_different_sensors_are_refused(folder):
    (folder / "left" / "dvs.aedat").write_bytes(bytes(11) + b"\1")
    said = r"dvs\.aedat is of sensor \(128, 128, 2\), others of \(64, 64, 2\); put"
    with pytest.raises(ValueError, match=said):
        load_folder(folder, sensor_size=(64, 64, 2))
    assert load_folder(folder, size=(128, 128)).sensor_size == (128, 128, 2)


def test_a_csv_names_its_class_and_a_sensor_without_polarities(tmp_path):
    for number, (folder, name) in enumerate((("up", "up!"), ("up_2", "up?"), ("up_2", "up?"))):
        path = tmp_path / folder / f"{number}.csv"
        save_text(path, f"{name}\n# sensor_size: 35, 35, 1", number)
    loaded = load_folder(tmp_path, sensor_size=(35, 35, 2))
    assert loaded.recordings.classes == ("up!", "up?")
    assert loaded.recordings.sensor_size == loaded.sensor_size == (35, 35, 1)
    assert loaded.recordings.targets == [0, 1, 1]
    path.write_text(path.read_text().replace("up?", "down"))
    with pytest.raises(ValueError, match=r"2\.csv is of class down, others beside it of up\?"):
        load_folder(tmp_path)


@pytest.mark.parametrize("column", [6000, 140, 127])
@pytest.mark.parametrize("wild", [1, 20])
def test_a_few_wild_events_in_one_file_or_most_dont_set_the_size(wild, column, folder):
    files = sorted(folder.glob("*/*/*.npy"))
    sizes = load_folder(folder).sensor_size
    for file in files[:wild]:
        events = np.load(file)
        events["x"][7] = column
        np.save(file, events)
    said = rf"{wild} files have events far outside 64 × 43 pixels, .* has events on \({column + 1}"
    with pytest.warns(UserWarning, match=said):
        recordings, _, _, sensor_size = load_folder(folder)
    assert sensor_size == sizes
    assert sum(map(len, recordings.events)) == 24 * 300 - wild


def test_a_recording_much_longer_than_others_is_named(folder):
    path = folder / "left" / "anna" / "long.npy"
    save(path, spot(0, np.random.default_rng(0), duration=10**9))
    with pytest.warns(UserWarning, match=r"long\.npy lasts 99\d.* s, the median is 0\.01.*window"):
        load_folder(folder)
    recordings = load_folder(folder, window_ms=1000).recordings  # without a warning
    assert max(events["t"][-1] for events in recordings.events) < 1.5e6


def test_a_warning_names_the_line_that_loads(folder):
    (folder / "left" / "notes.txt").write_text("on Monday")
    with pytest.warns(UserWarning, match="left out") as caught:
        load_folder(folder)
    assert [each.filename for each in caught] == [__file__]


def test_groups_by_a_rule_in_file_names(tmp_path):
    names = itertools.product("ab", ("user1_lamp", "user12_lab", "user12_lamp"))
    for number, name in enumerate(names):
        save(tmp_path.joinpath(*name).with_suffix(".npy"), point(number, 0))
    assert {*load_folder(tmp_path, group_by=r"user(\d+)").groups} == {"1", "12"}
    assert {*load_folder(tmp_path, group_by="lamp|lab").groups} == {"lamp", "lab"}
    for pattern, reason in (
        ("lamp", "'lamp' finds no group in user12_lab"),
        ("(", "no regular"),
        (r"user(\d+_lamp)?", r"no group in user12_lab\.npy; write .* within parentheses"),
    ):
        with pytest.raises(ValueError, match=reason):
            load_folder(tmp_path, group_by=pattern)


def test_a_text_with_a_header_is_read_in_a_folder_as_alone(tmp_path):
    for name, header in (("a", "t x y p\n"), ("b", "# t x y p\n"), ("c", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.txt").write_text(f"{header}0 {ord(name)} 5 1\n")
    assert load_folder(tmp_path).recordings.classes == ("a", "b", "c")


@pytest.mark.parametrize(
    "other",
    [
        "Jose\u0301 B",
        " José B ",
        "José\u00a0B",
        "José  B",
        "Jo\u200bsé B",
        "José B\ufe0f",
        "\uff2aosé B",
    ],
)
def test_a_name_that_is_written_otherwise_is_one_class_and_one_person(other, tmp_path):
    for number, name in enumerate(("José B", other)):
        save(tmp_path / name / "1" / "a.npy", point(number, 0))
        save(tmp_path / "class" / name / f"{number}.npy", point(5 + number, 0))
    with warnings.catch_warnings(action="error"):
        recordings, groups, *_ = load_folder(tmp_path)
    assert recordings.classes == ("José B", "class")
    assert set(groups) == {"1", "José B"}
    assert check_groups(["José B", other, "third"], 3).tolist() in ([0, 0, 1], [1, 1, 0])
    with pytest.raises(ValueError, match="different names"):
        check_classes(("José B", other))


@pytest.mark.parametrize("other", ["anna", "Änna", "Αnna", "аnna", "an-na", "an na"])
def test_names_that_look_alike_are_said(other, tmp_path):
    first = "Anna" if other.isalpha() else "an_na"
    for number, name in enumerate((first, other)):
        save(tmp_path / "up" / name / "1.npy", point(number, 0))
    with pytest.warns(UserWarning, match=rf"in {tmp_path}: are they the same\?"):
        assert len({*load_folder(tmp_path).groups}) == 2


def test_a_name_of_which_nothing_is_seen_is_refused(tmp_path):
    save(tmp_path / "\u200b" / "1.npy", point(0, 0))
    with pytest.raises(ValueError, match=r"belongs to '\\u200b', of which nothing is seen; rename"):
        load_folder(tmp_path)


def test_the_folder_of_a_class_is_not_taken_for_one_of_classes_in_silence(folder, monkeypatch):
    with pytest.warns(UserWarning, match="are these people, and is left a class"):
        load_folder(folder / "left")
    with warnings.catch_warnings(action="error"):
        monkeypatch.chdir(folder)
        load_folder("left")  # could be a data set beside others


def test_gestures_may_be_called_as_splits_where_files_say_their_class(tmp_path):
    for number, name in enumerate(("test", "train")):
        save_text(tmp_path / name / "1.csv", name, number)
    assert load_folder(tmp_path).recordings.classes == ("test", "train")


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_a_sensor_has_the_most_polarities_that_a_file_says(names, tmp_path):
    for number, name in enumerate(names, 1):
        (tmp_path / name).mkdir()
        np.savez(tmp_path / name / "1.npz", point(number, 0), sensor_size=(35, 35, number))
    assert load_folder(tmp_path).sensor_size == (35, 35, 2)


def test_text_that_holds_no_events_and_empty_classes_are_left_out(folder):
    (folder / "left" / "anna" / "notes.txt").write_text("on Monday")
    (folder / "left" / "ben" / "notes.txt").write_text("2 people, 3 lamps, 4 walls, 5 tries")
    (folder / "up").mkdir()
    with pytest.warns(UserWarning, match=r"3 files below .*notes\.txt, are left out"):
        assert load_folder(folder).recordings.classes == CLASSES


def test_links_are_followed_once_and_what_is_left_out_is_said(folder, tmp_path):
    left = folder / "left"
    right = folder / "right"
    elsewhere = tmp_path.with_name(f"{tmp_path.name} elsewhere")
    right.rename(elsewhere)
    right.symlink_to(elsewhere)
    (folder / ".hidden.npy").touch()
    with warnings.catch_warnings(action="error"):
        assert load_folder(folder).recordings.classes == CLASSES
    (left / "other").symlink_to(folder / "middle")
    (left / "round").symlink_to(folder)
    (right / "eve").symlink_to(left / "anna")
    (right / "copy.npy").symlink_to(left / "anna" / "0.npy")
    (left / "gone.npy").symlink_to(folder / "nowhere.npy")
    (left / "_other.npy").touch()
    (folder / "notes.txt").touch()
    left_out = r"7 files below .*_other\.npy, are left out: .* or links to one"
    with pytest.warns(UserWarning, match=left_out):
        recordings, groups, files, _ = load_folder(folder)
    assert len(recordings) == len(set(files)) == 24
    assert not {"other", "eve"} & {*groups}


def test_classes_are_in_natural_order(tmp_path):
    for number, name in enumerate(("10", "2", "1", "left")):
        save(tmp_path / name / "anna" / "a.npy", point(number, 0))
    assert load_folder(tmp_path).recordings.classes == ("1", "2", "10", "left")


def test_an_event_twice_as_far_out_as_nearly_all_need_is_left_out(tmp_path):
    """Of 200 events, 198 lie in 100 columns."""
    columns = np.arange(200) * 100 // 198
    for farthest in (199, 200):
        columns[198:] = 99, farthest
        save(tmp_path / str(farthest) / "a" / "1.npy", make_events(range(200), columns, 0, 0))
    assert load_folder(tmp_path / "199").sensor_size == (200, 1, 2)
    with pytest.warns(UserWarning, match="far outside 100 × 1 pixels"):
        assert load_folder(tmp_path / "200").sensor_size == (100, 1, 2)


def test_a_class_and_a_person_may_share_a_name(tmp_path):
    for number, path in enumerate(("Anna/anna", "wave/Ben", "wave/anna")):
        save(tmp_path / path / "1.npy", point(number, 0))
    with warnings.catch_warnings(action="error"):
        find_recordings(tmp_path)


def test_a_folder_says_in_a_few_lines_what_it_holds(tmp_path):
    shown = repr(load_folder(fill(tmp_path)))
    assert len(shown.splitlines()) <= 10
    assert str(tmp_path) in shown and "groups: " in shown


def test_a_folder_without_access_is_no_folder_without_recordings(folder, monkeypatch):
    entries = Path.iterdir

    def refuse(path):
        if path.name == "middle":
            raise PermissionError(13, "Permission denied", str(path))
        return entries(path)

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(PermissionError, match="middle"):
        load_folder(folder)
