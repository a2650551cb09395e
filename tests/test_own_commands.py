"""The commands for a reader's own recordings."""

import json
import shutil
import sys
import types

import numpy as np
import pytest
import torch
from test_folders import fill, folder  # noqa: F401 - a fixture

from pokersnn_helpers import EVENT_DTYPE, load_checkpoint, predict, read_events
from pokersnn_helpers.commands import train as commands
from pokersnn_helpers.fast import FastSNN
from pokersnn_helpers.own import compare as needs_time
from pokersnn_helpers.own import live as playing


def run(*words):
    commands.main([str(word) for word in words])


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory):
    """A folder, and a network that was trained on it from the command line."""
    folder = fill(tmp_path_factory.mktemp("own"))  # noqa: F811
    checkpoint = tmp_path_factory.mktemp("trained") / "run.pt"
    options = ["--sensor", "64x64", "--network", "fast", "--epochs", 15]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TQDM_DISABLE", "1")
        run("train", "--data", folder, *options, "--checkpoint", checkpoint)
    return folder, checkpoint


@pytest.fixture
def trained(trained_once, tmp_path):
    """The folder, and a checkpoint of the test's own, which it may train further."""
    folder, checkpoint = trained_once  # noqa: F811
    return folder, shutil.copy(checkpoint, tmp_path / "run.pt")


def test_train_predict_and_resume(trained, capsys):
    folder, checkpoint = trained  # noqa: F811
    file = folder / "left" / "anna" / "0.npy"
    run("predict", "--checkpoint", checkpoint, "--json", file, file)
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    expected = predict(load_checkpoint(checkpoint, "cpu", FastSNN), read_events(file), "cpu")
    assert len(found) == 2 and found[0]["class"] == expected.class_name == "left"
    assert found[0]["probabilities"] == expected.probabilities
    run("train", "--resume", checkpoint, "--epochs", 16)
    shown = capsys.readouterr().out
    assert "own recordings: 18 to train on, 6 to test on" in shown and "test: 6 of 6" in shown


def test_a_layer_with_delays_is_trained_resumed_asked_and_streamed(folder, capsys):  # noqa: F811
    checkpoint, file = folder / "run.pt", folder / "left" / "anna" / "0.npy"
    options = ["--data", folder, "--sensor", "64x64", "--checkpoint", checkpoint]
    run("train", *options, "--network", "layer", "--delays", "0,4", "--epochs", 14)
    assert "network layer with copies 0,4 ms late, time bins" in capsys.readouterr().out
    run("train", "--resume", checkpoint, "--epochs", 15)
    assert "test: 6 of 6" in capsys.readouterr().out
    run("predict", "--checkpoint", checkpoint, file)
    run("live", "--checkpoint", checkpoint, file, "--speed", 1000)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(lines[-1].partition(", since")[0]) and ": left (" in lines[0]
    for words, reason in (
        (["--delays", "0,4"], "leave it out, or choose --network layer"),
        (["--network", "layer", "--delays", "now"], "--delays is 'now'; write numbers, as 0,4,8"),
        (
            ["--network", "layer", "--delays", "-1"],
            r"delays\[0\] is -0.001; choose a number from 0",
        ),
    ):
        with pytest.raises(SystemExit, match=reason):
            run("train", *options[:4], *words)


def test_few_groups_are_split_and_a_single_one_is_refused(folder, capsys):  # noqa: F811
    for who in ("carl", "dora"):
        for file in folder.glob(f"*/{who}/*"):
            file.unlink()
    options = ["--data", folder, "--sensor", "64x64", "--network", "fast", "--epochs", 1]
    run("train", *options)
    assert "6 to train on, 6 to test on" in capsys.readouterr().out
    for file in folder.glob("left/ben/*"):
        file.unlink()
    with pytest.raises(SystemExit, match="recordings of a single group, so none is left to test"):
        run("train", *options)


def test_a_larger_sensor_is_brought_to_the_size_of_the_network(trained, tmp_path, capsys):
    folder, checkpoint = trained  # noqa: F811
    events = np.load(folder / "left" / "anna" / "0.npy")
    events["x"], events["y"] = 2 * events["x"], 2 * events["y"]
    np.save(tmp_path / "large.npy", events)
    run("predict", "--checkpoint", checkpoint, "--sensor", "128x128", tmp_path / "large.npy")
    assert "large.npy: left" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"large\.npy: .*sensor_size .* allows 0 to 63"):
        run("predict", "--checkpoint", checkpoint, tmp_path / "large.npy")


def test_inspect_says_what_is_odd_and_what_to_do(tmp_path, capsys):
    events = np.zeros(3000, EVENT_DTYPE)
    events["t"] = np.arange(3000) * 20
    events["t"][1500:] += 90_000
    events["x"], events["y"] = np.arange(3000) % 40, np.arange(3000) // 75 % 40
    events["x"][::3], events["y"][::3], events["p"] = 7, 9, 1
    events["t"][100] = 5
    np.save(tmp_path / "odd.npy", events)
    picture = tmp_path / "odd.png"
    run("inspect", tmp_path / "odd.npy", "--plot", picture)
    shown = capsys.readouterr().out
    for words in (
        "1 times run backwards, first at event 100 (from 1980 to 5 µs); sort",
        "hot pixels, 1 in all, such as (7, 9), have 33% of the events; leave them out",
        "nothing for 90.02 ms from 29.98 ms on; cut",
        "100% are ON; look",
        "doesn't say its sensor; give load_folder sensor_size, train --sensor",
    ):
        assert words in shown, words
    assert picture.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(SystemExit, match="exists"):
        run("inspect", tmp_path / "odd.npy", "--plot", picture)
    capsys.readouterr()
    run("inspect", "--json", tmp_path / "odd.npy")
    found = json.loads(capsys.readouterr().out)
    assert (found["events"], found["hot pixels"], len(found["rate"])) == (3000, 1, 50)
    assert len(found["advice"]) == 5


def test_inspect_names_a_coordinate_beyond_any_sensor(tmp_path, capsys):
    events = np.zeros(30, EVENT_DTYPE)
    events["x"][3], events["y"][4] = 30_000, 900
    np.save(tmp_path / "wild.npy", events)
    run("inspect", tmp_path / "wild.npy", "--plot", tmp_path / "wild.png")
    assert "as far away as x = 30000 and y = 900, beyond" in capsys.readouterr().out
    assert (tmp_path / "wild.png").read_bytes().startswith(b"\x89PNG")


def test_inspect_finds_nothing_odd(tmp_path, capsys):
    (tmp_path / "a.aedat").write_bytes(b"#!AER-DAT2.0\r\n" + bytes(8) + b"\0\0\2\3\0\0\0\5")
    run("inspect", "--json", tmp_path / "a.aedat")
    assert json.loads(capsys.readouterr().out)["advice"] == []


def test_compare_prints_a_table_and_a_verdict(folder, monkeypatch, capsys):  # noqa: F811
    real = needs_time.compare
    monkeypatch.setattr(needs_time, "compare", lambda *a, **b: real(*a, **b, epochs=2))
    monkeypatch.setenv("TQDM_DISABLE", "1")
    run("compare", folder, "--sensor", "64x64", "--processes", 1, "--json")
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "doesn't need time" and found["sentences"][-1].endswith(".")
    assert found["table"]["the sum"]["as they are"] == 1
    with pytest.raises(SystemExit, match=r"window_ms is 0\.0"):
        run("compare", folder, "--window-ms", "0")
    with pytest.raises(SystemExit, match="--size is '64'; write WIDTHxHEIGHT"):
        run("compare", folder, "--size", "64")


def test_live_plays_a_file_and_shows_the_answer(trained, capsys, monkeypatch):
    folder, checkpoint = trained  # noqa: F811
    waited = []
    monkeypatch.setattr(playing.time, "sleep", waited.append)
    file = folder / "right" / "anna" / "2.npy"
    run("live", "--checkpoint", checkpoint, file)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("right (") and ", since " in lines[-1]
    assert len(waited) == 2  # 15 ms in portions of 10


@pytest.mark.parametrize("late", [False, True])
def test_live_listens_to_a_camera(trained, capsys, monkeypatch, late):
    folder, checkpoint = trained  # noqa: F811
    events = np.load(folder / "middle" / "anna" / "1.npy")
    kind = np.dtype([("t", "<u8"), ("x", "<u2"), ("y", "<u2"), (("p", "on"), "?")])
    packets = []
    for portion in np.array_split(events, 12):
        packet = np.zeros(len(portion), kind)
        packet["t"], packet["p"] = portion["t"] + 10**9, portion["p"]
        packet["x"], packet["y"] = 2 * portion["x"], 2 * portion["y"]
        packets.append(packet)
    packets.insert(3, packets[0][:0])
    if late:
        packets.append(packets[0])

    class Camera(list):
        def dimensions(self):
            return (128, 128)

    fake = types.SimpleNamespace(events_stream_from_camera=lambda: Camera(packets))
    monkeypatch.setitem(sys.modules, "faery", fake)
    if late:
        with pytest.raises(SystemExit, match=r"event 0 is of .* are computed; wait longer"):
            run("live", "--checkpoint", checkpoint, "--camera")
        return
    run("live", "--checkpoint", checkpoint, "--camera")
    assert capsys.readouterr().out.splitlines()[-1].startswith("middle (")


def test_live_without_a_camera(trained, monkeypatch):
    folder, checkpoint = trained  # noqa: F811
    monkeypatch.setitem(sys.modules, "faery", None)
    with pytest.raises(SystemExit, match="--camera needs faery: pip install faery"):
        run("live", "--checkpoint", checkpoint, "--camera")

    def none():
        raise ValueError("No Event Camera found:")

    monkeypatch.setitem(sys.modules, "faery", types.SimpleNamespace(events_stream_from_camera=none))
    with pytest.raises(SystemExit, match=r"no camera was found: .*; plug it in"):
        run("live", "--checkpoint", checkpoint, "--camera")
    with pytest.raises(SystemExit, match="name one FILE, or --camera"):
        run("live", "--checkpoint", checkpoint)
    with pytest.raises(SystemExit, match=r"--speed is 0\.0"):
        run("live", "--checkpoint", checkpoint, folder / "left" / "anna" / "0.npy", "--speed", 0)


def test_a_reader_that_cannot_keep_up_is_told(trained, capsys, monkeypatch):
    folder, checkpoint = trained  # noqa: F811
    clock = iter(range(0, 10**6, 5))  # each look at it is five seconds later
    monkeypatch.setattr(playing.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(playing.time, "sleep", lambda _: None)
    run("live", "--checkpoint", checkpoint, folder / "right" / "anna" / "2.npy")
    assert "s behind: choose wider bins" in capsys.readouterr().out


def test_a_run_goes_on_with_the_recordings_that_it_began_with(trained, tmp_path):
    folder, checkpoint = trained  # noqa: F811
    more = shutil.copytree(folder, tmp_path / "more")
    saved = torch.load(checkpoint, weights_only=True)
    saved["options"]["data"] = str(more)
    torch.save(saved, checkpoint)
    shutil.copy(more / "left" / "anna" / "0.npy", more / "left" / "anna" / "9.npy")
    with pytest.raises(SystemExit, match=r"the recordings in .*more aren't those .* Put them back"):
        run("train", "--resume", checkpoint, "--epochs", 16)
    (more / "left" / "anna" / "9.npy").unlink()
    (more / "left").rename(more / "zenith")
    with pytest.raises(SystemExit, match=r"aren't those"):
        run("train", "--resume", checkpoint, "--epochs", 16)
    (more / "zenith").rename(more / "left")
    run("train", "--resume", checkpoint, "--epochs", 16)


def test_live_refuses_events_outside_the_sensor(trained, tmp_path):
    _, checkpoint = trained
    events = np.zeros(2, EVENT_DTYPE)
    events["x"] = 3, 90
    np.save(tmp_path / "wide.npy", events)
    with pytest.raises(SystemExit, match=r"field x is 90 at event 1; sensor_size \(64, 64, 2\)"):
        run("live", "--checkpoint", checkpoint, tmp_path / "wide.npy")
