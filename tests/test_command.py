"""The commands ``train`` and ``predict``, and training that processes share."""

import argparse
import io
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from tqdm import trange
from two_processes import BATCHES, CLIP_NORM, TRAIN, train_on_uneven_batches

from pokersnn_helpers import (
    SNN,
    Classifier,
    FastSNN,
    evaluate,
    load_checkpoint,
    make_loader,
    predict,
    save_checkpoint,
    train_classifier,
)
from pokersnn_helpers.checkpoints import load_run
from pokersnn_helpers.commands import train as commands
from pokersnn_helpers.files import locked, shard_batch
from pokersnn_helpers.own.stored import store_recordings

TORCHRUN = ["-m", "torch.distributed.run", "--standalone"]  # what the script torchrun runs


@pytest.fixture(autouse=True)
def load_once(data, monkeypatch):
    """Commands in this process get the recordings that are loaded already."""
    monkeypatch.setattr(commands, "load_pokerdvs", lambda source: data)
    monkeypatch.setenv("TQDM_DISABLE", "1")


@pytest.fixture(autouse=True)
def python_s_own_signal_handlers():
    """A shell starts what runs in its background with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """Checkpoint of a run of three epochs in one process, left alone."""
    path = tmp_path_factory.mktemp("finished") / "run.pt"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commands, "load_pokerdvs", lambda source: data)
        patch.setenv("TQDM_DISABLE", "1")
        train("--epochs", 3, "--checkpoint", path)
    return path


def train(*arguments):
    commands.main([*TRAIN, *map(str, arguments)])


def losses(path):
    return load_run(path).state.history["loss"]


def walk(name, value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from walk(f"{name}/{key}", inner)
    else:
        yield name, value


def everything_in(path):
    """All that a checkpoint holds, as (name, value)."""

    return list(walk("", torch.load(path, weights_only=True)))


def assert_same_to_the_last_bit(one, two):
    for (name, value), (other_name, other) in zip(
        everything_in(one), everything_in(two), strict=True
    ):
        assert name == other_name
        same = torch.equal(value, other) if isinstance(value, torch.Tensor) else value == other
        assert same, name


def test_command_trains_as_the_function_does_and_reports(tmp_path, data, capsys):
    classifier, _ = train_classifier(data, seed=0, device="cpu", epochs=3, time_window=5000)
    train("--epochs", 3, "--checkpoint", tmp_path / "run.pt")
    loaded = load_checkpoint(tmp_path / "run.pt", device="cpu")
    assert loaded.snn.arguments["dt"] == 0.005
    assert all(map(torch.equal, loaded.state_dict().values(), classifier.state_dict().values()))
    evaluation = evaluate(loaded, make_loader(data.test, 32, 5000), "cpu")
    correct, n_samples = evaluation.correct, evaluation.n_samples
    assert f"test: {correct} of {n_samples} classified correctly" in capsys.readouterr().out


def test_seed_and_time_window_change_the_run(finished, tmp_path):
    train("--epochs", 3, "--checkpoint", tmp_path / "seed.pt", "--seed", 1)
    train("--epochs", 3, "--checkpoint", tmp_path / "window.pt", "--time-window", 4000)
    paths = finished, tmp_path / "seed.pt", tmp_path / "window.pt"
    assert len({tuple(losses(path)) for path in paths}) == 3


def test_nothing_is_written_unless_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    train("--epochs", 1)
    assert list(tmp_path.iterdir()) == []
    assert "checkpoint: none is written" in capsys.readouterr().out


def test_run_killed_and_resumed_ends_as_one_left_alone(tmp_path):
    epochs = ["--epochs", "30"]
    killed, alone = tmp_path / "killed.pt", tmp_path / "alone.pt"
    command = ["-m", "pokersnn_helpers", *TRAIN, *epochs, "--checkpoint", str(killed)]
    with subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 300
        while not killed.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        process.kill()  # SIGKILL
    assert process.returncode != 0, "the run ended before it was killed"
    assert 1 <= len(losses(killed)) < 30
    train("--resume", killed)
    train(*epochs, "--checkpoint", alone)
    assert_same_to_the_last_bit(killed, alone)


def test_longer_run_can_follow_on_a_shorter_one(finished, tmp_path):
    short = tmp_path / "short.pt"
    train("--epochs", 1, "--checkpoint", short)
    before = short.read_bytes()
    train("--resume", short, "--epochs", 3, "--checkpoint", tmp_path / "long.pt")
    assert_same_to_the_last_bit(tmp_path / "long.pt", finished)
    assert short.read_bytes() == before


def test_resuming_a_finished_run_reports_and_changes_nothing(finished, capsys):
    before = finished.read_bytes()
    train("--resume", finished)
    assert "classified correctly" in capsys.readouterr().out
    assert finished.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], r"--epochs is 0; choose 1 or more"),
        (
            ["--time-window", "-5"],
            r"--time-window is -5\.0 microseconds; choose a number",
        ),
        (
            ["--time-window", "0.9"],
            r"--time-window is 0\.9 microseconds; choose a number from 1 on",
        ),
        (["--time-window", "30000"], r"dt is 0\.03 s, .*choose at most 0\.01 s"),
        (["--time-window", "nan"], r"--time-window is nan microseconds"),
        (["--seed", "-1"], r"--seed is -1; choose a whole number from 0"),
        (["--device", "tpu9"], r"--device is 'tpu9'; choose cpu, cuda or cuda:NUMBER"),
        (["--device", "meta"], r"--device is 'meta'; choose cpu"),
        (["--device", "cuda:99"], r"needs GPU 99, counted from 0, but PyTorch finds \d+ CUDA GPUs"),
        (["--resume", "none.pt"], r"none\.pt"),
    ],
)
def test_unusable_value_is_named(arguments, message):
    with pytest.raises(SystemExit, match=message):
        train(*arguments)


def test_every_process_takes_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(commands, "launched_by_torchrun", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert commands.choose_device("cuda") == torch.device("cuda", 1)
    with pytest.raises(
        ValueError, match=r"'cuda:0', but under torchrun each process takes one GPU"
    ):
        commands.choose_device("cuda:0")
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(ValueError, match=r"needs GPU 2, .* finds 2 CUDA GPUs here; start fewer"):
        commands.choose_device("cuda")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seed", "7"], r"run\.pt was trained with --seed 0, so it can't go on with --seed 7"),
        (["--time-window", "2000"], r"trained with --time-window 5000\.0, .*--time-window 2000"),
        (["--network", "fast"], r"trained with --network snn, so it can't .* --network fast"),
        (["--epochs", "2"], r"--epochs is 2, but the run in .*run\.pt has 3 behind it"),
    ],
)
def test_run_made_with_other_options_is_not_resumed(finished, arguments, message):
    with pytest.raises(SystemExit, match=message):
        train("--resume", finished, *arguments)


def test_resumed_run_loads_the_recordings_that_it_was_trained_on(finished, data, monkeypatch):
    asked = []
    monkeypatch.setattr(commands, "load_pokerdvs", lambda source: asked.append(source) or data)
    train("--epochs", 1)
    train("--resume", finished)
    assert asked == ["auto", data.source]


def test_damaged_file_is_not_resumed(finished, tmp_path):
    content = finished.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes(255 - byte for byte in content[middle:][:8])
    for damaged in (b"", content[:middle], flipped + content[middle + 8 :]):
        (tmp_path / "bad.pt").write_bytes(damaged)
        with pytest.raises(SystemExit, match=r"bad\.pt is not a readable PyTorch checkpoint"):
            train("--resume", tmp_path / "bad.pt")
        assert (tmp_path / "bad.pt").read_bytes() == damaged


def test_classifier_without_a_run_is_not_resumed(tmp_path):
    save_checkpoint(Classifier(SNN()), tmp_path / "only.pt")
    with pytest.raises(SystemExit, match=r"only\.pt holds a classifier, but no training run"):
        train("--resume", tmp_path / "only.pt")


def test_other_file_is_not_overwritten(finished, tmp_path):
    path = tmp_path / "mine.pt"
    path.write_bytes(b"mine")
    for arguments in ([], ["--resume", finished]):
        with pytest.raises(SystemExit, match=r"mine\.pt, which exists and isn't overwritten"):
            train("--checkpoint", path, *arguments)
    assert path.read_bytes() == b"mine"


def test_run_keeps_others_away_from_its_checkpoint(data, tmp_path, monkeypatch):
    tried = []

    def try_another(source):
        for arguments in (["--checkpoint", path], ["--resume", path]):
            path.touch()
            with pytest.raises(SystemExit, match=r"another run is writing .*a\.pt\. Wait") as end:
                train(*arguments)
            path.unlink()
            assert "\n" not in str(end.value)
        tried.append(source)
        return data

    path = tmp_path / "a.pt"
    monkeypatch.setattr(commands, "load_pokerdvs", try_another)
    train("--epochs", 1, "--checkpoint", path)
    assert tried and [file.name for file in tmp_path.iterdir()] == ["a.pt"]


def test_lock_lasts_to_the_end_and_is_that_of_process_0(tmp_path, monkeypatch):
    path, found = tmp_path / "a.pt", []

    def save(classifier, target, run, overwrite):
        with pytest.raises(TimeoutError), locked(path):
            pass
        found.append(overwrite)
        save_checkpoint(classifier, target, run, overwrite)

    monkeypatch.setattr(commands, "save_checkpoint", save)
    train("--epochs", 2, "--checkpoint", path)
    assert found == [False, True]
    monkeypatch.setattr(commands, "broadcast", lambda make: pytest.fail("called"))
    monkeypatch.setattr(commands, "locked", lambda path: pytest.fail("locked"))
    with pytest.raises(pytest.fail.Exception, match="called"):
        train("--epochs", 2, "--resume", path)


def test_file_that_appears_meanwhile_is_not_overwritten(data, tmp_path, monkeypatch, capsys):
    def load(source):
        (tmp_path / "run.pt").write_bytes(b"mine")
        (tmp_path / "run-2.pt").write_bytes(b"mine, too")
        return data

    monkeypatch.setattr(commands, "load_pokerdvs", load)
    train("--epochs", 2, "--checkpoint", tmp_path / "run.pt")
    assert (tmp_path / "run.pt").read_bytes() == b"mine"
    assert (tmp_path / "run-2.pt").read_bytes() == b"mine, too"
    assert len(losses(tmp_path / "run-3.pt")) == 2
    assert len(list(tmp_path.iterdir())) == 3
    said = r"run.pt has appeared meanwhile and isn't overwritten; checkpoint: "
    assert f"{said}{tmp_path / 'run-3.pt'}" in capsys.readouterr().out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("kept", [True, False])
def test_signal_ends_training_in_two_lines(tmp_path, monkeypatch, capsys, number, kept):
    def stop(target, classifier, run):
        save(target, classifier, run)
        if len(run.state.history["loss"]) == 2:
            signal.raise_signal(number)

    save = commands._Target.save
    monkeypatch.setattr(commands._Target, "save", stop)
    monkeypatch.setattr("pokersnn_helpers.training.trange", partial(trange, disable=False))
    path = tmp_path / "a b.pt"
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as end:
        train("--epochs", 9, *(["--checkpoint", path] if kept else []))
    assert end.value.code == 128 + number
    assert signal.getsignal(number) is before
    *_, bar, first, second, end = capsys.readouterr().err.split("\n")
    assert end == ""
    assert "epoch/s" in bar and first.startswith(f"stopped by {number.name}. ")
    if kept:
        assert first.endswith("a b.pt holds every finished epoch. Go on with it:")
        assert second == f"python -m pokersnn_helpers train --resume '{path}' --device cpu"
        assert [file.name for file in tmp_path.iterdir()] == ["a b.pt"]
        assert len(losses(path)) == 2
    else:
        assert first.endswith("Nothing is saved;") and second.startswith("--checkpoint FILE keeps")


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["--checkpoint", "new.pt"], "No epoch was complete,\nso nothing is saved; start"),
        (["--resume", "old.pt"], "old.pt holds every finished epoch. Go on with it:\n"),
        (
            ["--resume", "old.pt", "--checkpoint", "new.pt"],
            "old.pt is as it was. Go on with it:\n"
            "python -m pokersnn_helpers train --resume old.pt --checkpoint new.pt --device cpu",
        ),
    ],
)
def test_signal_before_the_first_epoch_tells_what_is_left(
    finished, tmp_path, monkeypatch, capsys, arguments, advice
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.pt").write_bytes(finished.read_bytes())
    monkeypatch.setattr(
        commands, "load_pokerdvs", lambda source: signal.raise_signal(signal.SIGTERM)
    )
    with pytest.raises(SystemExit) as end:
        train(*arguments)
    assert end.value.code == 143
    assert f"stopped by SIGTERM. {advice}" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["old.pt"]


def test_signal_inside_a_destructor_is_not_lost(monkeypatch, capsys):
    """An exception in ``__del__`` is printed and forgotten."""

    class Interrupted:
        def __del__(self):
            signal.raise_signal(signal.SIGINT)

    swallowed = [Interrupted()]
    monkeypatch.setattr(commands._Target, "save", lambda *_: swallowed.clear())
    with pytest.raises(SystemExit) as end:
        train("--epochs", 100)
    assert end.value.code == 130
    assert "\nstopped by SIGINT. " in "\n" + capsys.readouterr().err.replace("\r", "\n")


@pytest.mark.parametrize("rank", [0, 1])
def test_of_several_processes_the_first_says_how_to_go_on(tmp_path, monkeypatch, capsys, rank):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(commands, "rank", lambda: rank)
    monkeypatch.setattr(commands, "launched_by_torchrun", lambda: True)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    target = commands._Target(Path("a.pt"), None, None)
    target.written = True
    with (
        pytest.raises(SystemExit) as end,
        commands._stop_in_two_lines(target, argparse.Namespace(device=None, checkpoint="a.pt")),
    ):
        signal.raise_signal(signal.SIGTERM)
    assert end.value.code == 143
    command = "torchrun --nproc-per-node=3 -m pokersnn_helpers train --resume a.pt"
    lines = f"stopped by SIGTERM. a.pt holds every finished epoch. Go on with it:\n{command}\n"
    assert capsys.readouterr().err == ("" if rank else lines)


def test_signals_that_the_shell_ignores_stay_ignored(data, monkeypatch):
    """As after nohup, or in a script's background."""
    monkeypatch.setattr(
        commands, "load_pokerdvs", lambda source: signal.raise_signal(signal.SIGINT) or data
    )
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        train("--epochs", 1)
    finally:
        signal.signal(signal.SIGINT, before)


def test_full_disk_ends_the_run_in_one_line_that_names_the_file(finished, tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    path.write_bytes(finished.read_bytes())

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SystemExit, match=r"error: .*No space left on device: '.*run\.pt'"):
        train("--resume", path, "--epochs", 4)
    assert path.read_bytes() == finished.read_bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]


def test_folder_that_cannot_be_written_to_is_named_before_training(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "run.pt", "/proc/run.pt"):
        with pytest.raises(SystemExit, match=rf"--checkpoint is {path}, and .*name a file in ano"):
            train("--checkpoint", path)


def test_resumed_link_stays_a_link(finished, tmp_path):
    (tmp_path / "run.pt").write_bytes(finished.read_bytes())
    (tmp_path / "link.pt").symlink_to("run.pt")
    train("--resume", tmp_path / "link.pt", "--epochs", 4)
    assert (tmp_path / "link.pt").is_symlink()
    assert len(losses(tmp_path / "run.pt")) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["options"].update(epochs="many"), "epochs is 'many'; expected type int"),
        (lambda c: c["options"].update(time_window=None), "time_window is None; expected"),
        (lambda c: c["options"].update(network="cnn"), "network is 'cnn'; choose from snn, fast"),
        (lambda c: c["options"].update(pace=3), "pace"),
        (lambda c: c["options"].update(seed=-3), "--seed is -3"),
        (lambda c: c["state"].update(rng=torch.zeros(3)), "RNG"),
        (lambda c: c["state"].update(n_averaged="x"), "Error"),
        (lambda c: c["state"].update(optimizer={}), "KeyError"),
        (lambda c: c["state"]["optimizer"]["param_groups"].clear(), "parameter group"),
        (lambda c: c["state"]["optimizer"]["param_groups"][0].pop("betas"), "betas"),
        (lambda c: c["state"]["optimizer"]["state"][0].update(exp_avg=torch.ones(2)), "size"),
        (lambda c: c["state"]["weights"].popitem(), "Missing key"),
        (lambda c: c["state"]["history"].update(loss=[1.0]), "length"),
        (lambda c: c["state"]["history"].update(loss="abc"), "Error"),
        (lambda c: c["state"]["history"]["loss"].__setitem__(0, float("nan")), "finite numbers"),
        (lambda c: c["state"]["history"].pop("loss"), "Error"),
    ],
)
def test_damaged_run_is_not_resumed(finished, tmp_path, change, message):
    content = torch.load(finished, weights_only=True)
    change(content)
    torch.save(content, tmp_path / "bad.pt")
    expected = rf"(?s)bad\.pt (is|holds) (a )?damaged.*{message}|bad\.pt is damaged\..*{message}"
    with pytest.raises(SystemExit, match=expected):
        train("--resume", tmp_path / "bad.pt", "--epochs", 9)


def test_trying_a_run_leaves_it_as_it_was(finished):
    run, again = load_run(finished), load_run(finished)
    torch.manual_seed(7)
    before = torch.get_rng_state()
    commands._check_run(run, finished)
    assert torch.equal(torch.get_rng_state(), before)
    for (_, value), (_, other) in zip(
        walk("", vars(run.state)), walk("", vars(again.state)), strict=True
    ):
        assert torch.equal(value, other) if isinstance(value, torch.Tensor) else value == other


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["predict", "--help"]])
def test_help_is_plain_ascii(words, capsys):
    with pytest.raises(SystemExit):
        commands.main(words)
    assert capsys.readouterr().out.isascii()


@pytest.mark.parametrize("encoding", ["ascii", "cp932", "cp866", "koi8-r", "gbk"])
def test_terminal_of_any_encoding_can_print(finished, data, tmp_path, monkeypatch, encoding):
    path = tmp_path / "\xb5 \u2660 \U0001f0a1.npy"
    np.save(path, data.test.events[0])
    printed = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr(sys, "stdout", printed)
    commands.main(["predict", "--checkpoint", str(finished), str(path)])
    assert b"\\U0001f0a1.npy: " in printed.buffer.getvalue()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_output_that_cannot_be_written_ends_in_one_line():
    command = [sys.executable, "-m", "pokersnn_helpers", *TRAIN, "--epochs", "1"]
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert result.returncode == 1
    error = "python -m pokersnn_helpers train: error: [Errno 28] No space left on device: "
    assert result.stderr.splitlines()[-1] == f"{error}'standard output'"
    assert "Traceback" not in result.stderr and "ignored" not in result.stderr


def test_error_in_the_code_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr(commands, "load_pokerdvs", lambda source: {}["missing"])
    with pytest.raises(KeyError):
        train()


@pytest.fixture(scope="module")
def two_processes(finished, data, tmp_path_factory):
    """The folder where two processes have left what they computed, and what they printed."""
    folder = tmp_path_factory.mktemp("two")
    some = data.test.subset(range(7))
    store_recordings(folder / "cards.h5", some, some.classes, some.sensor_size)
    script = [str(Path(__file__).with_name("two_processes.py")), str(folder), str(finished)]
    return folder, run_under_torchrun(*script)


def test_two_processes_with_dropout_see_each_recording_once_per_epoch(two_processes):
    """Their shards differ in size, so they draw different numbers of random numbers."""
    ranks = [torch.load(two_processes[0] / f"dropout {rank}.pt") for rank in range(2)]
    for first, second in zip(*(rank["seen"] for rank in ranks), strict=True):
        assert sorted(first + second) == list(range(9))
    masks = torch.stack([mask for rank in ranks for mask in rank["masks"]])
    assert len(masks.unique(dim=0)) == len(masks) == 12  # no two batches or processes share one


def test_two_processes_see_each_recording_of_a_file_once(two_processes, data):
    ranks = [torch.load(two_processes[0] / f"stored {rank}.pt") for rank in range(2)]
    assert [len(seen) for seen in ranks] == [4, 3]
    assert sorted(ranks[0] + ranks[1]) == sorted(map(len, data.test.events[:7]))


def test_gradients_of_two_processes_add_up_to_those_of_one(two_processes):
    folder, alone = two_processes[0], train_on_uneven_batches()
    norms = alone["gradients"].norm(dim=1)
    assert len(norms) == 2 * len(BATCHES)
    assert norms.min() < 0.99 * CLIP_NORM < 0.999 * CLIP_NORM < norms.max() <= CLIP_NORM
    for rank in range(2):
        shared = torch.load(folder / f"{rank}.pt", weights_only=True)
        for name in ("gradients", "weights", "losses"):
            error = (shared[name] - alone[name]).norm() / alone[name].norm()
            assert error < 1e-10, name
        assert shared["accuracy"] == alone["accuracy"]
        assert shared["evaluated"] == (2 if rank == 0 else 0)
        assert shared["saved"] == ([1, 2] if rank == 0 else [])


def run_under_torchrun(*program, processes=2):
    shown = {name: value for name, value in os.environ.items() if name != "TQDM_DISABLE"}
    return subprocess.run(
        [sys.executable, *TORCHRUN, f"--nproc-per-node={processes}", *program],
        capture_output=True,
        text=True,
        timeout=300,
        env=shown | {"OMP_NUM_THREADS": "1"},
    )


def test_two_processes_end_with_the_weights_of_one(finished, two_processes):
    folder, result = two_processes
    path = folder / "two.pt"
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("2 processes on cpu") == 1
    assert result.stdout.count("test: ") == 1
    # What a progress bar shows first, and only once.
    assert result.stderr.count("| 0/3 [00:00<?, ?epoch/s]") == 1
    one, two = load_checkpoint(finished, "cpu"), load_checkpoint(path, "cpu")
    for name, weight in one.state_dict().items():
        assert torch.allclose(weight, two.state_dict()[name], rtol=1e-4, atol=1e-5), name
    histories = [load_run(file).state.history["accuracy"] for file in (path, finished)]
    assert histories[0] == histories[1]
    train("--resume", path)  # one process can go on where two stopped


def test_one_of_two_processes_says_what_is_wrong(two_processes):
    first, second = (torch.load(two_processes[0] / f"refused {rank}.pt") for rank in range(2))
    assert first.startswith("python -m pokersnn_helpers train: error: ")
    assert "run.pt, which exists and isn't overwritten" in first
    assert second == 1  # ends without a word


@pytest.mark.skipif(not torch.cuda.is_available(), reason="NCCL needs a CUDA GPU")
def test_gpus_share_a_run_through_nccl(finished, tmp_path):
    path = tmp_path / "gpus.pt"
    gpus = torch.cuda.device_count()
    program = ["-m", "pokersnn_helpers", "train", "--time-window", "5000", "--device", "cuda"]
    result = run_under_torchrun(
        *program, "--epochs", "3", "--checkpoint", str(path), processes=gpus
    )
    assert result.returncode == 0, result.stderr
    assert f"{gpus} process" in result.stdout
    assert losses(path) == pytest.approx(losses(finished), rel=0.01)


def test_fast_network_trains_to_the_same_weights(finished, tmp_path):
    path = tmp_path / "fast.pt"
    train("--epochs", 3, "--checkpoint", path, "--network", "fast")
    assert losses(path) == pytest.approx(losses(finished), rel=0.001)


@pytest.mark.parametrize("sparse", [False, True])
def test_process_without_a_recording_has_gradients_of_zero(sparse, monkeypatch):
    monkeypatch.setattr("pokersnn_helpers.training._connected", lambda: True)
    monkeypatch.setattr(dist, "get_world_size", lambda: 5)
    monkeypatch.setattr(dist, "get_rank", lambda: 3)  # more than there are recordings
    frames = torch.ones(9, 2, 2, 35, 35)
    frames, targets = shard_batch(frames.to_sparse() if sparse else frames, torch.tensor([1, 2]))
    assert (frames.shape, len(targets)) == ((9, 0, 2, 35, 35), 0)
    classifier = Classifier(FastSNN())
    classifier(frames).sum().backward()
    assert all(torch.count_nonzero(p.grad) == 0 for p in classifier.parameters())


def test_predict_prints_what_the_function_returns(finished, data, tmp_path, capsys):
    files = [tmp_path / "structured.npy", tmp_path / "columns.npy"]
    np.save(files[0], data.test.events[0])
    np.save(files[1], np.stack([data.test.events[5][field] for field in "txyp"], axis=1))
    commands.main(["predict", "--checkpoint", str(finished), *map(str, files)])
    lines = capsys.readouterr().out.splitlines()
    classifier = load_checkpoint(finished, "cpu")
    for line, file, number in zip(lines, files, (0, 5), strict=True):
        answer = predict(classifier, data.test.events[number], "cpu")
        assert line.startswith(f"{file}: {answer.class_name} (")
        assert f"{answer.class_name} {max(answer.probabilities.values()):.1%}" in line


def test_predict_names_the_file_and_what_is_wrong_with_it(finished, data, tmp_path):
    events = data.test.events[0].copy()
    events["x"][3] = 64
    np.save(tmp_path / "wide.npy", events)
    np.save(tmp_path / "flat.npy", np.zeros(4))
    for name, message in (
        ("wide.npy", r"wide\.npy: .*field x is 64 at event 3; sensor_size \(35, 35, 2\)"),
        ("flat.npy", r"flat\.npy has shape \(4,\); expected \(events, 4\)"),
        ("none.npy", r"predict: error: .*none\.npy"),
    ):
        with pytest.raises(SystemExit, match=message):
            commands.main(["predict", "--checkpoint", str(finished), str(tmp_path / name)])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")
def test_file_without_an_end_is_named(finished, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(SystemExit, match=rf"predict: error: {path} is not a regular file"):
            commands.main(["predict", "--checkpoint", str(finished), str(path)])
        with pytest.raises(SystemExit, match=rf"{path} is not a regular file"):
            commands.main(["predict", "--checkpoint", str(path), "a.npy"])
        with pytest.raises(SystemExit, match=rf"{path} is not a regular file"):
            train("--resume", path)


def test_file_put_in_the_checkpoint_s_place_is_kept(tmp_path, monkeypatch):
    """Somebody else's file, put there after the first epoch, isn't overwritten by the second."""
    path = tmp_path / "run.pt"

    def replace(frames):
        if path.exists() and path.read_bytes() != b"somebody else's":
            path.unlink()
            path.write_bytes(b"somebody else's")
        return frames

    monkeypatch.setattr(commands, "augment", replace)
    train("--epochs", 2, "--checkpoint", path)
    assert path.read_bytes() == b"somebody else's"
    assert len(losses(tmp_path / "run-2.pt")) == 2


def test_recording_that_lasts_ten_minutes_is_predicted_in_sparse_frames(finished, data, tmp_path):
    events = data.test.events[0].copy()
    events["t"][-1] = 600_000_000
    np.save(tmp_path / "long.npy", events)
    resource = pytest.importorskip("resource", reason="Windows has no such module")
    usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    commands.main(["predict", "--checkpoint", str(finished), str(tmp_path / "long.npy")])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - usage < 2**20  # kB


def test_time_stamps_in_nanoseconds_are_named_with_the_file(finished, data, tmp_path):
    events = data.test.events[0].copy()
    events["t"] = 10**9 * events["t"]
    np.save(tmp_path / "nano.npy", events)
    with pytest.raises(SystemExit, match=r"nano\.npy: the recording has .* are its times in µs"):
        commands.main(["predict", "--checkpoint", str(finished), str(tmp_path / "nano.npy")])


def test_checkpoint_whose_sensor_does_not_fit_is_named(finished, data, tmp_path):
    checkpoint = torch.load(finished, weights_only=True)
    checkpoint["sensor_size"] = (35, 34, 2)
    torch.save(checkpoint, tmp_path / "odd.pt")
    np.save(tmp_path / "a.npy", data.test.events[0])
    with pytest.raises(SystemExit, match=r"odd\.pt holds a network of 2450 inputs for the sensor"):
        commands.main(
            ["predict", "--checkpoint", str(tmp_path / "odd.pt"), str(tmp_path / "a.npy")]
        )


def test_name_of_a_file_never_steers_the_terminal(finished, data, tmp_path, capsys):
    file = tmp_path / "a\x1b[2J\x07.npy"
    np.save(file, data.test.events[0])
    commands.main(["predict", "--checkpoint", str(finished), str(file)])
    assert "a\\x1b[2J\\x07.npy: " in capsys.readouterr().out
    file.write_bytes(b"no events")
    with pytest.raises(SystemExit, match=r"a\\x1b\[2J\\x07\.npy"):
        commands.main(["predict", "--checkpoint", str(finished), str(file)])


@pytest.mark.parametrize("words", [["train", "--checkpoint", ""], ["train", "--resume", ""]])
def test_empty_name_of_a_file_is_refused(words, capsys):
    with pytest.raises(SystemExit):
        commands.main(words)
    assert f"{words[1]}: the name is empty; name a file" in capsys.readouterr().err


def test_path_that_is_too_long_ends_in_one_line():
    with pytest.raises(SystemExit, match=r"train: error: .*name a file in another folder"):
        commands.main(["train", "--checkpoint", "a/" * 2000 + "run.pt"])


def test_checkpoint_of_another_sensor_is_named_with_the_recording(finished, data, tmp_path):
    content = torch.load(finished, weights_only=True)
    torch.save(content | {"sensor_size": (1225, 1, 2)}, tmp_path / "other.pt")
    np.save(tmp_path / "a.npy", data.test.events[0])
    with pytest.raises(SystemExit, match=r"a\.npy: .*sensor_size .*checkpoint: .*other\.pt"):
        commands.main(
            ["predict", "--checkpoint", str(tmp_path / "other.pt"), str(tmp_path / "a.npy")]
        )
