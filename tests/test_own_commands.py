"""The commands for a reader's own recordings."""

import json
import shutil
import sys
import types

import numpy as np
import pytest
from same import altered, same, same_checkpoints
from test_folders import CLASSES, fill, folder, save, spot  # noqa: F401 - a fixture

from pokersnn_helpers import EVENT_DTYPE, load_checkpoint, load_folder, predict, read_events
from pokersnn_helpers.checkpoints import load_run
from pokersnn_helpers.commands import train as training
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


@pytest.mark.slow
def test_a_layer_with_delays_is_trained_resumed_asked_and_streamed(folder, capsys):  # noqa: F811
    checkpoint, file = folder / "run.pt", folder / "left" / "anna" / "0.npy"
    options = ["--data", folder, "--sensor", "64x64", "--checkpoint", checkpoint]
    run("train", *options, "--network", "layer", "--delays", "0,4", "--epochs", 39)
    assert ", copies 0,4 ms late, seed 0" in capsys.readouterr().out
    run("train", "--resume", checkpoint, "--epochs", 40)
    assert "test: 6 of 6" in capsys.readouterr().out
    run("predict", "--checkpoint", checkpoint, file)
    run("live", "--checkpoint", checkpoint, file)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(lines[-1].partition(", since")[0]) and ": left (" in lines[0]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--data", "none", "--delays", "0,4", "--network", "fast"], "or choose --network layer"),
        (["--delays", "0;4"], "--delays is 0;4; write milliseconds"),
        (["--time-window", "nan"], "time_window is nan"),
        (["--data", "none", "--window-ms", 0], r"window_ms is 0\.0; choose a number"),
        (["--data", ""], "--data names nothing; write its value, or leave it out"),
        (["--data", "none", "--checkpoint", ""], "--checkpoint names nothing"),
        (["--sensor", "64x64"], "--sensor says nothing without data or resume; leave it out"),
        (["--window-ms", 10], "--window-ms says nothing without data or resume"),
    ],
)
def test_options_without_a_meaning_are_refused(words, reason):
    layer = ["--network", "layer"] if "--delays" in words and "fast" not in words else []
    with pytest.raises(SystemExit, match=f"train: error: .*{reason}"):
        run("train", *words, *layer)


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


def test_the_sensor_and_the_window_of_training_are_known(folder, tmp_path, capsys):  # noqa: F811
    options = ["--sensor", "64x64", "--size", "16x16", "--window-ms", 8, "--network", "fast"]
    checkpoint, file = tmp_path / "run.pt", folder / "left" / "anna" / "0.npy"
    run("train", "--data", folder, *options, "--epochs", 1, "--checkpoint", checkpoint)
    capsys.readouterr()
    run("predict", "--checkpoint", checkpoint, file)
    lines = capsys.readouterr().out.splitlines()
    classifier = load_checkpoint(checkpoint, "cpu", FastSNN)
    parts = load_folder(folder, sensor_size=(64, 64, 2), size=(16, 16), window_ms=8).recordings
    assert len(lines) == 2
    for number, line in enumerate(lines):
        answer = predict(classifier, parts.events[number], "cpu")
        shares = ", ".join(f"{name} {p:.1%}" for name, p in answer.probabilities.items())
        found = f"{answer.class_name or 'no answer'} ({shares})"
        assert line == f"{file}, part {number + 1} of 2: {found}"
    run("live", "--checkpoint", checkpoint, file)
    last = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert len(last) == 2 and last[0].partition(", since")[0] == lines[0].partition(": ")[2]


def test_contradictions_about_the_sensor_are_refused(trained, tmp_path):
    folder, checkpoint = trained  # noqa: F811
    events = np.load(folder / "left" / "anna" / "0.npy")[:50]
    header = b"% evt 2.0\n% geometry 128x128\n% end\n"
    (tmp_path / "other.raw").write_bytes(header + np.array([0x80000000, 0], "<u4").tobytes())
    np.save(tmp_path / "none.npy", events)
    both = "{} says 128x128, training says 64x64 pixels"
    for command in ("predict", "live"):
        for words, reason in (
            ([tmp_path / "other.raw"], both.format("the recording")),
            ([tmp_path / "none.npy", "--sensor", "128x128"], both.format("--sensor")),
        ):
            with pytest.raises(SystemExit, match=reason):
                run(command, "--checkpoint", checkpoint, *words)


def test_predict_of_a_folder_prints_a_confusion_matrix(trained, tmp_path, capsys):
    folder, checkpoint = trained  # noqa: F811
    wrong = shutil.copytree(folder, tmp_path / "wrong")
    shutil.copy(folder / "left" / "anna" / "0.npy", wrong / "right" / "0.npy")
    run("predict", "--checkpoint", checkpoint, wrong)
    lines = capsys.readouterr().out.splitlines()
    assert sum(".npy: " in line for line in lines) == 25
    table = {line.split()[0]: line.split()[1:] for line in lines[25:] if line}
    assert table["left"] == ["8", "0", "0", "100.0"] and table["right"] == ["1", "0", "8", "88.9"]
    assert lines[-1] == "24 of 25 correct, 96.0%"


def test_inspect_prints_numbers_a_rate_and_advice(tmp_path, capsys):
    events = np.zeros(3000, EVENT_DTYPE)
    events["t"] = np.arange(3000) * 20
    events["t"][2990:] += 60_000
    np.save(tmp_path / "odd.npy", events)
    for name, start in (("a.png", b"\x89PNG"), ("a.pdf", b"%PDF"), ("a.svg", b"<?xml")):
        run("inspect", tmp_path / "odd.npy", "--plot", tmp_path / name)
        assert (tmp_path / name).read_bytes().startswith(start)
    lines = capsys.readouterr().out.splitlines()
    assert "events                    3000" in lines
    rate = next(line for line in lines if "rate over time" in line)
    assert rate.endswith("|") and rate.count("█") > 20 and "  ▁|" in rate
    assert any(line.startswith("- nothing for 60") for line in lines)
    for name, reason in (("a.png", "exists"), ("a.doc", "'doc' is not supported"), ("a", "''")):
        with pytest.raises(SystemExit, match=reason):
            run("inspect", tmp_path / "odd.npy", "--plot", tmp_path / name)


def test_a_folder_is_inspected_in_few_lines_and_cleaned(folder, capsys):  # noqa: F811
    bad = folder / "left" / "anna" / "9.csv"
    bad.write_text("t,x\n")
    run("inspect", folder)
    summary, *table, sensor, last = capsys.readouterr().out.splitlines()
    assert (summary, len(table)) == ("25 files", 5)
    assert [line.split()[:2] for line in table[2:]] == [
        [name, "8"] for name in ("left", "middle", "right")
    ]
    assert sensor.startswith("- 24 files, such as ") and "doesn't say its sensor" in sensor
    assert last.startswith(f"- 1 files, such as {bad}: it holds")
    run("inspect", folder, "--json")
    content = json.loads(capsys.readouterr().out)
    assert len(content) == 25 and all(each["advice"] for each in content.values())
    bad.unlink()
    run("clean", folder, "--out", folder / "clean", "--refractory", 10)
    assert len(capsys.readouterr().out.splitlines()) == len([*folder.glob("clean/*/*/*.npz")])


@pytest.mark.slow
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
    assert sum(" ms  " in line for line in shown.splitlines()) + 1 == len(shown.splitlines())
    clock = iter(range(0, 10**6, 5))  # each look at it is five seconds later
    monkeypatch.setattr(playing.time, "monotonic", lambda: next(clock))
    run(*words)
    assert "s behind: choose wider bins" in capsys.readouterr().out


def test_live_listens_to_a_camera(trained, capsys, monkeypatch):
    folder, checkpoint = trained  # noqa: F811
    events = np.load(folder / "middle" / "anna" / "1.npy")
    packets = np.zeros(len(events), [("t", "<u8"), ("x", "<u2"), ("y", "<u2"), (("p", "on"), "?")])
    packets["t"], packets["p"] = events["t"] + 10**9, events["p"]
    packets["x"], packets["y"] = events["x"], events["y"]
    later = packets.copy()
    later["t"] += 10**6  # the same gesture again

    class Camera(list):
        def dimensions(self):
            return (64, 64)

    camera = Camera([packets[:0], *np.array_split(packets, 12), *np.array_split(later, 3)])
    fake = types.SimpleNamespace(events_stream_from_camera=lambda: camera)
    monkeypatch.setitem(sys.modules, "faery", fake)
    run("live", "--checkpoint", checkpoint, "--camera")
    said = [line for line in capsys.readouterr().out.splitlines() if line[0] != " "]
    assert len(said) == 2 and said[0].startswith("middle (") and said[0] == said[1]


def test_live_without_a_camera(trained, monkeypatch):
    folder, checkpoint = trained  # noqa: F811

    def none():
        raise ValueError("No Event Camera found:")

    for faery, words, reason in (
        (None, ["--camera"], "--camera needs faery: pip install faery"),
        (types.SimpleNamespace(events_stream_from_camera=none), ["--camera"], "found: .*; plug it"),
        (None, [], "name one FILE, or --camera"),
        (None, ["--camera", "--sensor", "64x64"], "--sensor says nothing without file"),
        (None, [folder / "left" / "anna" / "0.npy", "--pause", "0"], r"pause_ms is 0\.0; choose"),
        (None, [folder / "left" / "anna" / "0.npy", "--camera"], "name one FILE, or --camera"),
    ):
        monkeypatch.setitem(sys.modules, "faery", faery)
        with pytest.raises(SystemExit, match=reason):
            run("live", "--checkpoint", checkpoint, *words)


def swap(folder):  # noqa: F811
    """Swap two classes."""
    for old, new in (("left", "aside"), ("right", "left"), ("aside", "right")):
        (folder / old).rename(folder / new)


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
        (lambda: swap(more), lambda: swap(more)),
    ):
        change()
        with pytest.raises(SystemExit, match=r"recordings aren't those of .*run\.pt any more; put"):
            run("train", "--resume", checkpoint, "--epochs", 16)
        undo()


def test_the_best_epoch_is_kept_and_the_run_goes_on_from_the_last(tmp_path, capsys, monkeypatch):
    rng, people = np.random.default_rng(0), tmp_path / "own"
    for number in range(24):  # eight persons
        save(people / CLASSES[number % 3] / str(number // 3) / "a.npy", spot(number, rng))
    paths = {name: tmp_path / f"{name}.pt" for name in ("one", "three", "resumed", "last")}
    options = ["--data", people, "--network", "fast", "--checkpoint"]
    monkeypatch.setenv("TQDM_DISABLE", "1")
    run("train", *options, paths["last"], "--epochs", 3)
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.endswith("12 to train on, 6 to choose the epoch, 6 to test on")
    assert "fast, bins of 500 µs, augmentation shift, 3 epochs" in second
    monkeypatch.setattr(training, "best_epoch", lambda *history: 0)  # as if the first were
    run("train", *options, paths["one"], "--epochs", 1)
    run("train", *options, paths["three"], "--epochs", 3)
    assert "kept: epoch 1 of 3, chosen by other recordings" in (shown := capsys.readouterr().out)
    run("train", "--resume", paths["one"], "--epochs", 3, "--checkpoint", paths["resumed"])
    assert capsys.readouterr().out.splitlines()[-3:] == shown.splitlines()[-3:]
    assert same_checkpoints(paths["resumed"], paths["three"])
    kept = [load_checkpoint(paths[name], "cpu", FastSNN).state_dict() for name in ("one", "three")]
    assert same(*kept)
    assert same(*(dict(load_run(paths[name]).state.ema) for name in ("three", "last")))


@pytest.mark.parametrize(
    ("accuracies", "recordings", "best"),
    [([0.9, 0.86, 0.8], 100, 1), ([0.9, 0.88, 0.8], 10_000, 0), ([0.9, 1, 1, 0.99], 100, 2)],
)
def test_of_epochs_that_are_about_as_good_the_last_is_kept(accuracies, recordings, best):
    assert training.best_epoch({"test_accuracy": accuracies}, recordings) == best
