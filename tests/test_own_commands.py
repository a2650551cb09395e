"""The commands for a reader's own recordings."""

import shutil
import sys
import types

import numpy as np
import pytest
from same import altered
from test_folders import fill, folder  # noqa: F401 - a fixture

from pokersnn_helpers import EVENT_DTYPE, load_checkpoint, predict, read_events
from pokersnn_helpers.commands.main import main
from pokersnn_helpers.fast import FastSNN
from pokersnn_helpers.own import compare as needs_time
from pokersnn_helpers.own import live as playing


def run(*words):
    main([str(word) for word in words])


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
    files = [folder / "left" / "anna" / "0.npy", folder / "middle" / "anna" / "1.npy"]
    run("predict", "--checkpoint", checkpoint, *files)
    classifier = load_checkpoint(checkpoint, "cpu", FastSNN)
    for file, line in zip(files, capsys.readouterr().out.splitlines(), strict=True):
        answer = predict(classifier, read_events(file), "cpu")
        shares = ", ".join(f"{name} {p:.1%}" for name, p in answer.probabilities.items())
        assert line == f"{file}: {file.parts[-3]} ({shares})"
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
    run("live", "--checkpoint", checkpoint, file)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(lines[-1].partition(", since")[0]) and ": left (" in lines[0]
    for words, reason in (
        (["--delays", "0,4"], "leave it out, or choose --network layer"),
        (["--network", "layer", "--delays", "now"], "--delays is now; write numbers, as 0,4,8"),
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
    with pytest.raises(SystemExit, match="a class has a single group, so none can test"):
        run("train", *options)


def test_a_larger_sensor_is_brought_to_the_size_of_the_network(trained, tmp_path, capsys):
    folder, checkpoint = trained  # noqa: F811
    events = np.load(folder / "left" / "anna" / "0.npy")
    events["x"], events["y"] = 2 * events["x"], 2 * events["y"]
    np.save(tmp_path / "large.npy", events)
    run("predict", "--checkpoint", checkpoint, "--sensor", "128x128", tmp_path / "large.npy")
    assert "large.npy: left" in capsys.readouterr().out


def test_inspect_prints_numbers_a_rate_and_advice(tmp_path, capsys):
    events = np.zeros(3000, EVENT_DTYPE)
    events["t"] = np.arange(3000) * 20
    events["t"][2990:] += 60_000
    files, picture = [tmp_path / "odd.npy", tmp_path / "again.npy"], tmp_path / "odd.png"
    for file in files:
        np.save(file, events)
    run("inspect", *files, "--plot", picture)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.endswith(".npy")] == [*map(str, files)]
    assert "  events                    3000" in lines
    rate = next(line for line in lines if "rate over time" in line)
    assert rate.endswith("|") and rate.count("█") > 20 and "  ▁|" in rate
    assert any(line.startswith("  - nothing for 60") for line in lines)
    assert picture.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(SystemExit, match="exists"):
        run("inspect", files[0], "--plot", picture)


def test_compare_prints_a_table_and_a_verdict(folder, tmp_path, monkeypatch, capsys):  # noqa: F811
    real = needs_time.compare
    monkeypatch.setattr(needs_time, "compare", lambda *a, **b: real(*a, **b, epochs=2))
    monkeypatch.setenv("TQDM_DISABLE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    run("compare", folder, "--sensor", "64x64", "--processes", 1)
    table, _, verdict = capsys.readouterr().out.partition("\n\n")
    cost, heading, *rows = table.splitlines()
    assert "networks, 2 epochs each" in cost and heading == "Correct, in %:"
    assert verdict.startswith("doesn't need time. ")
    assert next(line for line in rows if "the sum " in line).split()[2] == "100.0"
    with pytest.raises(SystemExit, match=r"window_ms is 0\.0"):
        run("compare", folder, "--window-ms", "0")
    for option, wrong in (("--processes", "-5"), ("--time-window", "1e9")):
        with pytest.raises(SystemExit, match=f"{option} is .*; choose a number from 1 to"):
            run("compare", folder, option, wrong)
    for size in ("64", "64x", "0x64", "64x64x2"):
        with pytest.raises(SystemExit, match=f"--size is '{size}'; write WIDTHxHEIGHT"):
            run("compare", folder, "--size", size)

    def stopped(*given, **options):
        raise KeyboardInterrupt("stopped before all 78 models were trained")

    monkeypatch.setattr(needs_time, "compare", stopped)
    with pytest.raises(SystemExit, match="78 models were trained; the same command goes on"):
        run("compare", folder, "--sensor", "64x64")


def test_live_plays_a_file_and_says_when_it_cannot_keep_up(trained, capsys, monkeypatch):
    folder, checkpoint = trained  # noqa: F811
    waited = []
    monkeypatch.setattr(playing.time, "sleep", waited.append)
    words = ["live", "--checkpoint", checkpoint, folder / "right" / "anna" / "2.npy"]
    run(*words)
    shown = capsys.readouterr().out
    assert shown.splitlines()[-1].startswith("right (") and ", since " in shown.splitlines()[-1]
    assert len(waited) == 2 and "behind" not in shown  # 15 ms in portions of 10
    clock = iter(range(0, 10**6, 5))  # each look at it is five seconds later
    monkeypatch.setattr(playing.time, "monotonic", lambda: next(clock))
    run(*words)
    assert "s behind: choose wider bins" in capsys.readouterr().out


def test_live_listens_to_a_camera(trained, capsys, monkeypatch):
    folder, checkpoint = trained  # noqa: F811
    events = np.load(folder / "middle" / "anna" / "1.npy")
    packets = np.zeros(len(events), [("t", "<u8"), ("x", "<u2"), ("y", "<u2"), (("p", "on"), "?")])
    packets["t"], packets["p"] = events["t"] + 10**9, events["p"]
    packets["x"], packets["y"] = 2 * events["x"], 2 * events["y"]

    class Camera(list):
        def dimensions(self):
            return (128, 128)

    camera = Camera([packets[:0], *np.array_split(packets, 12)])
    fake = types.SimpleNamespace(events_stream_from_camera=lambda: camera)
    monkeypatch.setitem(sys.modules, "faery", fake)
    run("live", "--checkpoint", checkpoint, "--camera")
    assert capsys.readouterr().out.splitlines()[-1].startswith("middle (")


def test_live_without_a_camera(trained, monkeypatch):
    folder, checkpoint = trained  # noqa: F811

    def none():
        raise ValueError("No Event Camera found:")

    for faery, words, reason in (
        (None, ["--camera"], "--camera needs faery: pip install faery"),
        (types.SimpleNamespace(events_stream_from_camera=none), ["--camera"], "found: .*; plug it"),
        (None, [], "name one FILE, or --camera"),
        (None, [folder / "left" / "anna" / "0.npy", "--camera"], "name one FILE, or --camera"),
    ):
        monkeypatch.setitem(sys.modules, "faery", faery)
        with pytest.raises(SystemExit, match=reason):
            run("live", "--checkpoint", checkpoint, *words)


def test_a_run_goes_on_with_the_recordings_that_it_began_with(trained, tmp_path):
    folder, checkpoint = trained  # noqa: F811
    more = shutil.copytree(folder, tmp_path / "more")
    altered(checkpoint, checkpoint, lambda content: content["options"].update(data=str(more)))
    file = more / "left" / "anna" / "0.npy"
    events = np.load(file)
    flipped = events.copy()
    flipped["y"] = 63 - events["y"]  # as many, and at the same times
    for change, undo in (
        (lambda: np.save(file.with_name("99.npy"), events), file.with_name("99.npy").unlink),
        (lambda: (more / "left").rename(more / "up"), lambda: (more / "up").rename(more / "left")),
        (lambda: np.save(file, flipped), lambda: np.save(file, events)),
    ):
        change()
        with pytest.raises(SystemExit, match=r"recordings aren't those of .*run\.pt any more; put"):
            run("train", "--resume", checkpoint, "--epochs", 16)
        undo()
    # An earlier version's digest says how many there are.
    altered(checkpoint, checkpoint, lambda content: content["options"].update(digest="0123abcd"))
    run("train", "--resume", checkpoint, "--epochs", 16)
