"""The commands for a reader's own recordings."""

import itertools
import json
import shutil
import subprocess
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from filelock import FileLock
from same import altered, same, same_checkpoints
from test_folders import CLASSES, fill

from eventdesk import live as playing
from eventdesk import load_folder, read_events
from eventdesk.ask import compare as asking
from eventdesk.ask.candidates import CANDIDATES
from eventdesk.ask.compare import Comparison
from eventdesk.ask.verdict import judge
from eventdesk.commands.answers import in_words
from eventdesk.commands.main import main
from eventdesk.commands.terminal import Stopped
from eventdesk.evidence.perturbations import replaced
from eventdesk.look import overview
from eventdesk.trained import familiar
from pokersnn_helpers import load_checkpoint, predict
from pokersnn_helpers.events.recordings import make_events
from pokersnn_helpers.fast import FastSNN

FIRST = "left/anna/0.npy"


def quickly(place):
    """Return what lets a network learn from a folder for an epoch."""
    return ["--data", place, "--sensor", "64x64", "--network", "fast", "--epochs", 1]


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory):
    """A folder, and a network that was trained on it from the command line."""
    folder = fill(tmp_path_factory.mktemp("own"))
    checkpoint = tmp_path_factory.mktemp("trained") / "run.pt"
    words = [*quickly(folder), "--epochs", 15, "--checkpoint", checkpoint]
    main(["train", *map(str, words)])
    return folder, checkpoint


@pytest.fixture
def trained(trained_once, tmp_path):
    """The folder, and a checkpoint of the test's own, which it may train further."""
    folder, checkpoint = trained_once
    return folder, shutil.copy(checkpoint, tmp_path / "run.pt")


def test_train_predict_and_resume(trained, run):
    folder, checkpoint = trained
    files = [folder / FIRST, folder / "middle" / "anna" / "1.npy"]
    lines = run("predict", "--checkpoint", checkpoint, *files)
    classifier = load_checkpoint(checkpoint, "cpu", FastSNN)
    answers = [predict(classifier, read_events(file), "cpu") for file in files]
    assert [answer.class_name for answer in answers] == ["left", "middle"]
    assert lines == [f"{file}: {in_words(said)}" for file, said in zip(files, answers, strict=True)]
    first, *_, last = run("train", "--resume", checkpoint, "--epochs", 16)
    assert first == "own recordings: 18 to train on, 6 to test on"
    assert last.startswith("test: 6 of 6")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("train --data=", "--data names nothing; write its value, or leave it out"),
        ("train --sensor=8x8", "--sensor says nothing without data or resume; leave it out"),
        ("compare . --size=0x64", "--size is '0x64'; write WIDTHxHEIGHT"),
    ],
)
def test_options_without_a_meaning_are_refused(words, reason, run):
    with pytest.raises(SystemExit, match=f": error: .*{reason}"):
        run(*words.split())


def test_few_groups_are_split_and_a_single_one_is_refused(folder, run):
    for path in [*folder.glob("*/carl"), *folder.glob("*/dora")]:
        shutil.rmtree(path)
    options = quickly(folder)
    lines = run("train", *options)
    assert lines[0].endswith("6 to train on, 6 to test on")
    shutil.rmtree(folder / "left" / "ben")
    with pytest.raises(SystemExit, match="a class has a single group, so none can test"):
        run("train", *options)


@pytest.mark.filterwarnings("ignore:1 files below")
def test_the_sensor_and_the_window_of_training_are_known(folder, tmp_path, run):
    cut = ["--size", "16x16", "--window-ms", 8]
    checkpoint = tmp_path / "run.pt"
    file = folder / FIRST
    run("train", *quickly(folder), *cut, "--checkpoint", checkpoint)
    lines = run("predict", "--checkpoint", checkpoint, file)
    classifier = load_checkpoint(checkpoint, "cpu", FastSNN)
    parts = load_folder(folder, sensor_size=(64, 64, 2), size=(16, 16), window_ms=8).recordings
    one, two = (in_words(predict(classifier, part, "cpu")) for part in parts.events[:2])
    assert lines == [f"{file}, part 1 of 2: {one}", f"{file}, part 2 of 2: {two}"]


@pytest.mark.parametrize("command", ["predict", "live"])
def test_contradictions_about_the_sensor_are_refused(command, trained, tmp_path, run):
    folder, checkpoint = trained
    words = [command, "--checkpoint", checkpoint]
    with pytest.raises(SystemExit, match="--sensor says 128x128, training says 64x64 pixels"):
        run(*words, folder / FIRST, "--sensor", "128x128")
    np.savez(tmp_path / "other.npz", np.load(folder / FIRST), sensor_size=(128, 128))
    with pytest.raises(SystemExit, match="the recording says 128x128, training says 64x64 pixels"):
        run(*words, tmp_path / "other.npz")


def test_predict_of_a_folder_prints_a_confusion_matrix(trained, tmp_path, run):
    folder, checkpoint = trained
    wrong = shutil.copytree(folder, tmp_path / "wrong")
    shutil.copy(folder / FIRST, wrong / "right" / "0.npy")
    (wrong / "middle").rename(wrong / "Middle")
    first, others, *lines = run("predict", "--checkpoint", checkpoint, wrong)
    assert first == "16 of 17 correct, 94.1%"
    assert others == "no class of the network is called Middle; it has left, middle, right"
    rows = [line.split() for line in lines]
    assert ["Middle", "0", "8", "0", "0.0"] in rows
    assert ["right", "1", "0", "8", "88.9"] in rows
    again = run("predict", "--checkpoint", checkpoint, wrong, "--each")
    assert sum(".npy: " in line for line in again) == 25


def test_files_that_are_groups_by_themselves_are_told_and_grouped_by_a_rule(folder, run):
    for path in folder.glob("*/*/*.npy"):
        path.rename(path.parents[1] / f"{path.parent.name}_{path.name}")
        if not any(path.parent.iterdir()):
            path.parent.rmdir()
    options = ["train", *quickly(folder)]
    with pytest.warns(UserWarning, match="each file is taken for a group of its own, .*--group-by"):
        run(*options)
    with warnings.catch_warnings(action="error"):
        lines = run(*options, "--group-by", "^[a-z]+")
    assert lines[0].startswith("own recordings: 18 to train on")


@pytest.mark.filterwarnings("ignore:. files below")  # those that predict is asked about
def test_train_keeps_what_is_usual_and_predict_and_live_say_what_is_not(
    folder,
    tmp_path,
    monkeypatch,
    run,
):
    monkeypatch.setattr(familiar, "MIN_RECORDINGS", 18)
    monkeypatch.setattr(playing.time, "sleep", lambda seconds: None)
    checkpoint = tmp_path / "run.pt"
    usual = folder / "left" / "dora" / "9.npy"
    odd = tmp_path / "odd.npy"
    np.save(odd, np.load(usual)[:9])
    run("train", *quickly(folder), "--checkpoint", checkpoint)
    lines = run("predict", "--checkpoint", checkpoint, usual, odd)
    assert ["; unlike training: " in line for line in lines] == [False, True]
    for command in ("predict", "live"):
        *_, last = run(command, "--checkpoint", checkpoint, odd, "--refuse")
        assert "unlike training (9 events (" in last
    shutil.copy(odd, usual)
    lines = run("predict", "--checkpoint", checkpoint, folder)
    assert "1 of 24 are unlike all of training, such as" in lines


def test_a_link_is_locked_as_what_it_leads_to(trained, tmp_path, run):
    _, checkpoint = trained
    link = tmp_path / "link.pt"
    link.symlink_to(checkpoint)
    with FileLock(tmp_path / ".run.pt.lock"), pytest.raises(SystemExit, match="another run is"):
        run("train", "--resume", link, "--epochs", 16)


def test_persons_who_lack_classes_test_all_of_them_or_it_is_said(folder, run):
    for place in ("left/anna", "left/ben", "right/anna", "middle/dora"):
        shutil.rmtree(folder / place)
    options = quickly(folder)
    lines = run("train", *options)
    assert not any(line.startswith("none of") for line in lines)
    for name in CLASSES[1:]:
        shutil.rmtree(folder / name)
    with pytest.raises(SystemExit, match="holds one class; add a folder for each of the others"):
        run("train", *options)


def test_ctrl_c_while_files_are_read_is_a_line_and_warnings_steer_no_terminal(
    folder,
    monkeypatch,
    capsys,
    run,
):
    shown = []

    def stopped(*given):
        shown.append(warnings.formatwarning("\x1b[31m", UserWarning, "a.py", 1))
        raise KeyboardInterrupt

    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    monkeypatch.setattr(overview, "inspect_file", stopped)
    with pytest.raises(SystemExit, match="130"):
        run("inspect", folder)
    assert "inspect: stopped\n" in capsys.readouterr().err
    assert shown == ["warning: \\x1b[31m\n"]


def test_a_warning_names_no_line_of_the_package(folder):
    each_file = "--group-by", "([0-9]+).npy", "--folds", "1"  # which is refused soon
    done = subprocess.run(
        [sys.executable, "-m", "eventdesk", "compare", folder, *each_file],
        capture_output=True,
        text=True,
    )
    (line,) = (line for line in done.stderr.splitlines() if "group of its own" in line)
    assert line.startswith("warning: each file is taken for")
    assert "warn(" not in done.stderr
    assert ".py" not in done.stderr


def test_a_stopped_run_is_left_with_its_own_words(folder, monkeypatch, capsys, run):
    def stopped(*given):
        raise Stopped("stopped; go on with it:\nagain") from KeyboardInterrupt()

    monkeypatch.setattr(overview, "inspect_file", stopped)
    with pytest.raises(SystemExit, match="130"):
        run("inspect", folder)
    assert capsys.readouterr().err.endswith("stopped; go on with it:\nagain\n")


def test_inspect_prints_numbers_a_rate_and_advice(tmp_path, run, monkeypatch):
    events = make_events(range(0, 60_000, 20), 0, 0, 0)
    events["t"][2990:] += 60_000
    monkeypatch.chdir(tmp_path)
    np.save("odd.npy", events)
    lines = run("inspect", ".")
    assert "events                    3,000" in lines
    assert any("rate over time" in line and line.endswith("  ▁|") for line in lines)
    assert any(line.startswith("- nothing for 60") for line in lines)
    run("inspect", "odd.npy", "--plot", "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    for name, reason in (("a.pdf", "exists"), ("a.doc", "'doc' is not supported")):
        with pytest.raises(SystemExit, match=reason):
            run("inspect", "odd.npy", "--plot", name)


def test_a_folder_is_inspected_in_few_lines_and_cleaned(folder, tmp_path_factory, run, capsys):
    bad = folder / "left" / "anna" / "9.csv"
    bad.write_text("t,x\n")
    with pytest.raises(SystemExit, match=rf"1 of 25 files can't be read: {bad}: it holds t, x"):
        run("inspect", folder)
    summary, _, _, *table, sensor, last = capsys.readouterr().out.splitlines()
    assert summary == "25 files"
    assert [row.split()[:2] for row in table] == [[name, "8"] for name in CLASSES]
    assert sensor.startswith("- 24 files in 3 of 3 folders, such as ")
    assert last.startswith(f"- 1 files in 1 of 3 folders, such as {bad}: it holds")
    with pytest.raises(SystemExit, match="1 of 25 files"):
        run("inspect", folder, "--json")
    content = json.loads(capsys.readouterr().out)
    assert content.pop(str(bad))["error"].startswith("it holds t, x, not y, p")
    assert len(content) == 24
    bad.unlink()
    new = tmp_path_factory.mktemp("cleaned") / "new"
    lines = run("clean", folder, "--out", new, "--refractory", 10)
    assert len(lines) == len([*new.glob("*/*/*.npz")]) == 24


@pytest.mark.slow
def test_compare_prints_a_table_and_a_verdict_and_writes_a_report(
    folder,
    tmp_path_factory,
    run,
):
    out = tmp_path_factory.mktemp("out") / "report"
    words = ["compare", folder, "--sensor", "64x64", "--processes", 1, "--epochs", 2]
    lines = run(*words, "--out", out, "--folds", 2, "--seed", 3, "--augment", "none")
    assert lines[0].startswith("Groups: ")  # before anything is trained
    (row,) = (line for line in lines if line.startswith("b  regression on the image"))
    assert row.split()[5] == "100"
    recipe = json.loads((out / "compare.json").read_text())["recipe"]
    assert (recipe["epochs"], recipe["folds"], recipe["seed"]) == (2, 2, 3)
    assert recipe["augment"] == "none"
    with pytest.raises(SystemExit, match="report holds something; name a new folder"):
        run(*words, "--out", out)
    assert f"{out}/winner." in lines[-1] and lines[-1].endswith("asks it")
    assert run("predict", "--checkpoint", out, folder)[0] == "24 of 24 correct, 100.0%"
    lines = run("train", "--data", folder, "--like", out, "--epochs", 1)
    assert "bins of 500 µs, augmentation none, 1 epochs" in lines[2]
    assert lines[2].endswith("seed 3, on cpu")
    with pytest.raises(SystemExit, match="is no folder that compare --out wrote"):
        run("train", "--data", folder, "--like", folder)


def test_compare_writes_how_recordings_were_read(folder, tmp_path_factory, run, monkeypatch):
    half_right = dict.fromkeys(CANDIDATES, np.arange(24) % 2 == 0)

    def known(recordings, groups, copies, **options):
        judgement = judge(half_right, recordings.targets, np.arange(24))
        return Comparison(judgement, {"seed": 5, **options}, copies)

    monkeypatch.setattr(asking, "compare", known)
    out = tmp_path_factory.mktemp("out")
    run("compare", folder, "--out", out, "--folds", 2, "--time-window", 500)
    recipe = {"seed": 5, "processes": 1, "folds": 2, "time_window": 500}
    written = json.loads((out / "compare.json").read_text())["recipe"]
    assert written == recipe | {"sensor": "64x43", "group_by": None}


def test_live_plays_a_file_and_says_when_it_cannot_keep_up(trained, run, monkeypatch):
    folder, checkpoint = trained
    waited = []
    monkeypatch.setattr(playing.time, "sleep", waited.append)
    words = ["live", "--checkpoint", checkpoint, folder / "right" / "anna" / "2.npy"]
    *lines, last = run(*words)
    assert last.startswith("right (") and ", since " in last
    assert not any("behind" in line for line in lines)
    assert len(waited) == 2  # 15 ms in portions of 10
    clock = itertools.count(0, 5)  # each look at it is five seconds later
    monkeypatch.setattr(playing.time, "monotonic", lambda: next(clock))
    assert any("s behind: choose wider bins" in line for line in run(*words))


class Camera(list):
    def dimensions(self):
        return (64, 64)


def test_live_listens_to_a_camera(trained, run, monkeypatch):
    folder, checkpoint = trained
    events = np.load(folder / "middle" / "anna" / "1.npy")
    packet = events.astype([("t", "<u8"), ("x", "<u2"), ("y", "<u2"), (("p", "on"), "?")])
    later = replaced(packet, t=packet["t"] + 10**6)  # the same gesture again
    portions = Camera([packet[:0], packet[:90], packet[90:], later])
    faery = SimpleNamespace(events_stream_from_camera=lambda: portions)
    monkeypatch.setitem(sys.modules, "faery", faery)
    monkeypatch.setattr(playing, "SILENCE", 10)  # on a busy machine, what is slow isn't silent
    lines = run("live", "--checkpoint", checkpoint, "--camera")
    first, second = (line for line in lines if not line.startswith(" "))
    assert first.startswith("middle (") and first == second


def no_camera():
    raise ValueError("No Event Camera found:")


@pytest.mark.parametrize(
    ("faery", "words", "reason"),
    [
        (None, ["--camera"], "--camera needs faery: pip install faery"),
        (SimpleNamespace(events_stream_from_camera=no_camera), ["--camera"], "found: .*; plug it"),
        (None, [FIRST, "--pause", "0"], r"pause_ms is 0\.0; choose"),
        (None, [FIRST, "--camera"], "name one FILE, or --camera"),
    ],
)
def test_what_live_refuses(faery, words, reason, trained, monkeypatch, run):
    folder, checkpoint = trained
    monkeypatch.chdir(folder)
    monkeypatch.setitem(sys.modules, "faery", faery)
    with pytest.raises(SystemExit, match=reason):
        run("live", "--checkpoint", checkpoint, *words)


def test_events_of_polarities_that_a_network_doesnt_know_are_refused(trained, run):
    folder, checkpoint = trained

    def tamper(content):  # as if it had been trained on one
        content["sensor_size"] = (*content["sensor_size"][:2], 1)

    altered(checkpoint, checkpoint, tamper)
    with pytest.raises(SystemExit, match=r"0\.npy: .* field p is 1"):
        run("predict", "--checkpoint", checkpoint, folder / FIRST)


def test_the_best_epoch_is_kept_and_the_run_goes_on_from_the_last(tmp_path, run, monkeypatch):
    monkeypatch.chdir(tmp_path)
    people = fill(tmp_path / "own", persons="abcdefgh")
    two, three, resumed = "two.pt", "three.pt", "resumed.pt"
    options = ["--data", people, "--network", "fast"]
    # As if the first were.
    monkeypatch.setattr("pokersnn_helpers.training.fit.best_epoch", lambda *history: 1)
    first, classes, second, *_ = run("train", *options, "--checkpoint", two, "--epochs", 2)
    assert classes == "12 recordings of 64 × 43 pixels: left, middle, right"
    assert first.endswith("12 to train on, 6 to choose the epoch, 6 to test on")
    assert "bins of 500 µs, augmentation shift, 2 epochs" in second
    shown = run("train", *options, "--checkpoint", three, "--epochs", 3)
    assert "kept: epoch 1 of 3, chosen by other recordings" in shown
    again = run("train", "--resume", two, "--epochs", 3, "--checkpoint", resumed)
    assert again[-3:] == shown[-3:]
    assert same_checkpoints(resumed, three)
    first, last = (load_checkpoint(path, "cpu", FastSNN).state_dict() for path in (two, three))
    assert same(first, last)
