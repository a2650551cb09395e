"""The commands ``train`` and ``predict``."""

import io
import os
import subprocess
import sys
import time
from dataclasses import replace
from functools import reduce
from operator import getitem

import numpy as np
import pandas as pd
import pytest
import torch
from same import altered, same, same_checkpoints

from eventdesk.ask.compare import compare
from eventdesk.commands import main
from eventdesk.commands import train as command
from eventdesk.commands.networks import network_to_train
from eventdesk.commands.terminal import Stopped, forget
from eventdesk.commands.train import split_groups
from eventdesk.evidence.estimators import refuse_too_long
from eventdesk.trained.runs import load_run, save_run
from pokersnn_helpers import (
    EVENT_DTYPE,
    Recordings,
    Split,
    evaluate,
    load_checkpoint,
    make_loader,
    train_classifier,
)
from pokersnn_helpers.events.recordings import make_events

TRAIN = ["train", "--time-window", "5000", "--device", "cpu"]
HEAVY = {"torch", "norse", "numba", "pandas", "tonic", "matplotlib", "scipy"}


@pytest.fixture(scope="module", autouse=True)
def load_once(data):
    """Commands in this process get the recordings that are loaded already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "load_pokerdvs", lambda source: data)
        patch.setenv("TQDM_DISABLE", "1")
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Checkpoint of a run of three epochs in one process, left alone."""
    path = tmp_path_factory.mktemp("finished") / "run.pt"
    train("--epochs", 3, "--checkpoint", path)
    return path


def run(*words):
    main.main([str(word) for word in words])


def train(*words):
    run(*TRAIN, *words)


def losses(path, name="loss"):
    return load_run(path).state.history[name]


def names_in(folder):
    return sorted(file.name for file in folder.iterdir())


def test_help_and_files_need_nothing_heavy():
    script = (
        "import contextlib, sys, eventdesk.look.inspection\n"
        "from eventdesk.commands import main\n"
        "for command in ([], *([name] for name in main.COMMANDS)):\n"
        "    with contextlib.suppress(SystemExit):\n"
        "        main.main([*command, '--help'])\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    shown = done.stdout.decode("ascii")
    *_, modules = shown.splitlines()
    assert shown.count("usage: eventdesk") == 1 + len(main.COMMANDS)
    assert not HEAVY & set(modules.split())


def test_a_reader_that_has_read_enough_is_no_error(tmp_path, data):
    np.save(tmp_path / "a.npy", data.test.events[0])
    words = ["-m", "eventdesk", "inspect", *[str(tmp_path / "a.npy")] * 3]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, *words], stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


def test_command_trains_as_the_function_does_and_reports(finished, data, capsys):
    classifier, history = train_classifier(data, seed=0, device="cpu", epochs=3, time_window=5000)
    loaded = load_checkpoint(finished, device="cpu")
    assert same(dict(loaded.state_dict()), dict(classifier.state_dict()))
    train("--resume", finished)  # which is over
    tested = evaluate(loaded, make_loader(data.test, batch_size=32, time_window=5000), "cpu")
    shown = capsys.readouterr().out
    on_the_way = round(48 * history.accuracy[-1])
    assert f"training, during the last epoch: {on_the_way} of 48 classified" in shown
    assert f"test: {tested.correct} of {tested.n_samples} classified" in shown
    assert names_in(finished.parent) == ["run.pt"]


@pytest.mark.parametrize("words", [["--seed", 1], ["--time-window", 4000], ["--augment", "none"]])
def test_seed_window_and_augmentation_are_taken(words, finished, tmp_path):
    train("--epochs", 1, "--checkpoint", tmp_path / "a.pt", *words)
    assert losses(tmp_path / "a.pt") != losses(finished)[:1]


# ---- Which recordings choose, and which test ----


def test_recipe_is_that_of_what_is_learned_from(monkeypatch, capsys):
    def lasting(ms):
        events = make_events((0, 1000 * ms), 0, 0, 0)
        return Recordings([events] * 2, [0, 1], ("a", "b"), (4, 4, 2))

    parts = Split(lasting(50), lasting(5000))
    monkeypatch.setattr(command, "load", lambda options: (parts, "4x4"))
    monkeypatch.setattr(command, "train_classifier", lambda *given, **named: exit())
    with pytest.raises(SystemExit):
        run("train", "--data", "folder")
    assert "bins of 1000 µs" in capsys.readouterr().out


def test_run_of_an_earlier_version_goes_on_choosing_the_epoch(data, tmp_path, monkeypatch):
    parts = Split(data.train[:32], data.test, validation=data.train[32:])
    monkeypatch.setattr(command, "load", lambda options: (parts, ""))
    new, old = tmp_path / "new.pt", tmp_path / "old.pt"
    train("--epochs", 1, "--network", "fast", "--checkpoint", new)

    def age(content):
        history = content["state"]["history"]
        for name in ("loss", "accuracy"):
            history[f"test_{name}"] = history.pop(f"validation_{name}")
        del history["kept_epoch"]
        history["ranges"] = [[80.0, 110.0]]

    altered(new, old, age)
    for path in (new, old):
        train("--resume", path, "--epochs", 2)
    assert losses(old, "validation_loss") == losses(new, "validation_loss")


def test_groups_that_hold_all_classes_test():
    targets = [0, 2, 1, 1, 1, 2, 1, 0, 0, 1, 1, 2]
    groups = [1, 2, 4, 0, 3, 4, 4, 3, 4, 0, 3, 3]  # the first fold has one class
    recordings = Recordings(np.zeros((12, 1), EVENT_DTYPE), targets, ("a", "b", "c"), (4, 4, 2))
    assert {*split_groups(recordings, groups).test.targets} == {0, 1, 2}


def test_a_run_knows_all_of_its_recordings_again(data):
    train = data.train[:9]
    split = Split(train, data.test, "own", data.train[9:20])
    about = train.classes, train.sensor_size
    others = [
        replace(split, train=train[::-1]),
        replace(split, train=Recordings([*train.events], [0] * 8 + [1], *about)),
        replace(split, validation=data.train[10:20]),
        replace(split, test=data.test[:19]),
    ]
    assert len({command.digest_of(recordings) for recordings in (split, *others)}) == 5


def test_a_recording_that_is_too_long_for_the_memory_is_refused_before_training(data):
    events = make_events([0, 10**15], [3, 4], [7, 7], [1, 0])
    train = data.train[::5]
    about = train.classes, train.sensor_size
    long = Recordings([*train.events, events], [*train.targets, 0], *about)
    words = r"recording 10, of club, which lasts 1,000,000,000 s, .* cut recordings by --window"
    with pytest.raises(ValueError, match=words):
        refuse_too_long(long, 1000, 8)
    with pytest.raises(ValueError, match=words):
        compare(long, range(len(long)), time_window=1000)


def test_more_hidden_neurons_than_the_memory_holds_are_refused_by_their_number():
    with pytest.raises(ValueError, match=r"1,000,000 hidden neurons need .* choose fewer"):
        network_to_train("snn", 10**6)


# ---- Runs that are stopped and resumed ----


@pytest.mark.slow
def test_run_killed_and_resumed_ends_as_one_left_alone(tmp_path):
    epochs = ["--epochs", "20"]
    killed, alone = tmp_path / "killed.pt", tmp_path / "alone.pt"
    words = ["-m", "eventdesk", *TRAIN, *epochs, "--checkpoint", str(killed)]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, *words], **silent) as process:
        while not killed.exists() and process.poll() is None:
            time.sleep(0.002)
        process.kill()  # SIGKILL
    assert process.returncode != 0, "the run ended before it was killed"
    assert 1 <= len(losses(killed)) < 20
    train("--resume", killed)
    train(*epochs, "--checkpoint", alone)
    assert same_checkpoints(killed, alone)


def test_the_history_is_a_row_per_epoch_and_goes_on_with_the_run(tmp_path, capsys):
    history = tmp_path / "history.csv"
    run = tmp_path / "run.pt"
    train("--epochs", 2, "--checkpoint", run, "--history", history)
    first = pd.read_csv(history)
    assert list(first["epoch"]) == [1, 2]
    assert "epoch 2 of 2: loss " in capsys.readouterr().err  # there is no terminal here
    train("--resume", run, "--epochs", 3, "--history", history)
    assert list(pd.read_csv(history)["loss"][:2]) == list(first["loss"])
    assert len(pd.read_csv(history)) == 3


def test_resumed_run_loads_what_it_was_trained_on(finished, data, monkeypatch):
    sources = []
    monkeypatch.setattr(command, "load_pokerdvs", lambda source: sources.append(source) or data)
    train("--resume", finished)
    assert sources == [data.source]


MOMENTS = ["optimizer", "state", 0, "exp_avg"]
BETAS = ["optimizer", "param_groups", 0, "betas"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--time-window", "0"], r"time_window is 0\.0; choose a finite number"),
        (["--lr", "0.1"], "it has no option --lr; did you mean --learning-rate?"),
        (["--device", "meta"], r"device is meta, and PyTorch finds \d+ CUDA GPUs"),
        (["--resume", "none.pt"], r"train: error: .*none\.pt"),
        (["--checkpoint", "/proc/run.pt"], r"train: error: .*/proc"),
        (["--resume", "RUN", "--seed", "7"], r"seed was 0 in .*run\.pt, which can't go on with 7"),
        (["--resume", "RUN"], r"run\.pt: .*epochs is 1, and 3 are done"),
    ],
)
def test_unusable_value_is_named(finished, words, message):
    with pytest.raises(SystemExit, match=message):
        train("--epochs", 1, *(finished if word == "RUN" else word for word in words))


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (["options", "epochs"], "many", "holds epochs 'many', which"),
        (["options", "digest"], "0", "recordings aren't those of"),
        (["options", "later"], 1, "holds later 1, which this version doesn't know; install"),
        (["recipe", "later"], 1, "doesn't fit: TypeError: .* argument 'later'"),
        (["weights"], 1.5, "is damaged: its weights are no tensors"),
        (["state"], None, "no training run to go on with"),
        (["state", "extra"], 1, "a damaged training run: .*'extra'"),
        (["state", *MOMENTS], torch.zeros(3), "moments of the optimizer have"),
        (["state", *BETAS], (0.9, None), "options of the optimizer are"),
    ],
)
def test_run_that_is_not_as_it_was_is_not_resumed(finished, tmp_path, place, value, message):
    def tamper(content):
        *outer, last = place
        part = reduce(getitem, outer, content)
        part[last] = value
        if value is None:
            del part[last]

    bad = altered(finished, tmp_path / "bad.pt", tamper)
    with pytest.raises(SystemExit, match=f"train: error: .*{message}"):
        run("train", "--device", "cpu", "--resume", bad, "--epochs", 4)
    assert names_in(tmp_path) == ["bad.pt"]


def test_other_file_is_not_overwritten(data, tmp_path, monkeypatch):
    def load(source):
        (tmp_path / "late.pt").write_bytes(b"mine")
        return data

    (tmp_path / "mine.pt").write_bytes(b"mine")
    with pytest.raises(SystemExit, match=r"mine\.pt exists and isn't overwritten"):
        train("--checkpoint", tmp_path / "mine.pt")
    monkeypatch.setattr(command, "load_pokerdvs", load)
    with pytest.raises(SystemExit, match=r"File exists: '.*late\.pt'"):
        train("--checkpoint", tmp_path / "late.pt", "--epochs", 2)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"mine"] * 2


def test_run_keeps_others_away_until_it_ends(tmp_path, monkeypatch):
    path = tmp_path / "a.pt"
    overwritten = []

    def save(trainer, target, options, overwrite, known):
        save_run(trainer, target, options, overwrite, known)
        for option in ("--checkpoint", "--resume"):
            with pytest.raises(SystemExit, match=r"another run is writing .*a\.pt"):
                train(option, path)
        overwritten.append(overwrite)

    monkeypatch.setattr(command, "save_run", save)
    train("--epochs", 2, "--checkpoint", path)
    assert overwritten == [False, True]
    assert names_in(tmp_path) == ["a.pt"]


@pytest.mark.parametrize(
    "raised",
    [KeyboardInterrupt(), SystemError("a compiled function returned with an exception set")],
    ids=["in Python", "in compiled code"],
)
@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ([], "and nothing is saved: start the run again,\n--checkpoint FILE keeps it\n"),
        (["--checkpoint", "a b.pt"], "\neventdesk train --resume 'a b.pt' --device cpu\n"),
    ],
)
def test_ctrl_c_ends_a_run_in_two_lines(tmp_path, monkeypatch, capsys, words, advice, raised):
    def stopped(*arguments, **options):
        train_classifier(*arguments, **options | {"epochs": 1})
        raise raised from KeyboardInterrupt()

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "train_classifier", stopped)
    with pytest.raises(SystemExit, match="130"):
        train("--epochs", 9, *words)
    _, _, shown = capsys.readouterr().err.partition("stopped")  # a progress bar may come first
    assert shown.endswith(advice)
    assert names_in(tmp_path) == words[1:]


# ---- What is asked, and what is printed ----


def test_recording_of_ten_minutes_is_predicted_in_sparse_frames(finished, data, tmp_path, capsys):
    np.save(tmp_path / "long.npy", make_events((0, 600_000_000), 0, 0, 0))
    run("predict", "--checkpoint", finished, tmp_path / "long.npy")
    assert "long.npy: " in capsys.readouterr().out  # SNN would refuse its dense frames


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_name_of_a_file_can_be_printed_and_never_steers(
    finished, data, tmp_path, monkeypatch, encoding
):
    path = tmp_path / "\xb5 \x1b[2J\x07 \n \U0001f0a1.npy"
    np.save(path, data.test.events[0])
    printed = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr(sys, "stdout", printed)
    run("predict", "--checkpoint", finished, path)
    assert r"\x1b[2J\x07 \n" in printed.buffer.getvalue().decode(encoding)
    path.write_bytes(b"no events")
    with pytest.raises(SystemExit, match=r"\\x1b\[2J\\x07"):
        run("predict", "--checkpoint", finished, path)


@pytest.mark.parametrize("says_how_to_go_on", [False, True])
def test_what_was_half_made_when_a_run_was_stopped_prints_nothing(monkeypatch, says_how_to_go_on):
    class Bar:
        def __init__(self):
            raise KeyboardInterrupt

        def __del__(self):
            print(self.position)  # which it hasn't yet

    printed = []
    monkeypatch.setattr(sys, "unraisablehook", printed.append)

    def run():
        try:
            Bar()
        except KeyboardInterrupt as interrupt:
            if says_how_to_go_on:
                raise Stopped from interrupt
            raise

    try:
        run()
    except KeyboardInterrupt as stopped:
        forget(stopped)
    assert not printed
    assert sys.unraisablehook == printed.append
