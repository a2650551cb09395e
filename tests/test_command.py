"""The commands ``train`` and ``predict``, and training that processes share."""

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from filelock import FileLock, Timeout
from same import altered, same_checkpoints
from two_processes import CLIP_NORMS, TRAIN, train_on_uneven_batches

from pokersnn_helpers import (
    Classifier,
    FastSNN,
    evaluate,
    load_checkpoint,
    make_loader,
    save_checkpoint,
    train_classifier,
)
from pokersnn_helpers.checkpoints import load_run
from pokersnn_helpers.commands import main
from pokersnn_helpers.commands import train as command
from pokersnn_helpers.commands.terminal import forget
from pokersnn_helpers.distributed import shard_batch

TORCHRUN = ["-m", "torch.distributed.run", "--standalone"]  # what the script torchrun runs
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


def losses(path):
    return load_run(path).state.history["loss"]


def names_in(folder):
    return sorted(file.name for file in folder.iterdir())


def test_help_and_files_need_nothing_heavy():
    script = (
        "import contextlib, io, json, sys, pokersnn_helpers.own.inspection\n"
        "from pokersnn_helpers.commands import main; shown = []\n"
        "for words in ([], *([name] for name in main.COMMANDS)):\n"
        "    with contextlib.redirect_stdout(io.StringIO()) as out:\n"
        "        with contextlib.suppress(SystemExit): main.main([*words, '--help'])\n"
        "    shown.append(out.getvalue())\n"
        "print(json.dumps([shown, list(sys.modules)]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    shown, modules = json.loads(done.stdout)
    assert all(text.isascii() and "usage: python -m pokersnn_helpers" in text for text in shown)
    assert all(f"    {name} " in shown[0] for name in main.COMMANDS)
    assert not HEAVY & {*modules}


def test_a_reader_that_has_read_enough_is_no_error(tmp_path, data):
    np.save(tmp_path / "a.npy", data.test.events[0])
    words = ["-m", "pokersnn_helpers", "inspect", *[str(tmp_path / "a.npy")] * 3]
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run([sys.executable, *words], stdout=writer, stderr=subprocess.PIPE)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


def test_command_trains_as_the_function_does_and_reports(finished, data, capsys):
    classifier, _ = train_classifier(data, seed=0, device="cpu", epochs=3, time_window=5000)
    loaded, before = load_checkpoint(finished, device="cpu"), finished.read_bytes()
    assert loaded.snn.arguments["dt"] == 0.005
    assert all(map(torch.equal, loaded.state_dict().values(), classifier.state_dict().values()))
    train("--resume", finished)  # which is over
    evaluation = evaluate(loaded, make_loader(data.test, 32, 5000), "cpu")
    correct, n_samples = evaluation.correct, evaluation.n_samples
    assert f"test: {correct} of {n_samples} classified correctly" in capsys.readouterr().out
    assert finished.read_bytes() == before and names_in(finished.parent) == ["run.pt"]


def test_seed_window_and_network_are_taken(finished, tmp_path):
    changed, expected = {}, losses(finished)[0]
    for words in (["--seed", 1], ["--time-window", 4000], ["--network", "fast"]):
        train("--epochs", 1, "--checkpoint", tmp_path / f"{words[0]}.pt", *words)
        (changed[words[0]],) = losses(tmp_path / f"{words[0]}.pt")
    assert changed.pop("--network") == pytest.approx(expected, rel=0.001)
    assert len({expected, *changed.values()}) == 3


@pytest.mark.slow
def test_run_killed_and_resumed_ends_as_one_left_alone(tmp_path):
    epochs = ["--epochs", "20"]
    killed, alone = tmp_path / "killed.pt", tmp_path / "alone.pt"
    words = ["-m", "pokersnn_helpers", *TRAIN, *epochs, "--checkpoint", str(killed)]
    with subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 300
        while not killed.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        process.kill()  # SIGKILL
    assert process.returncode != 0, "the run ended before it was killed"
    assert 1 <= len(losses(killed)) < 20
    train("--resume", killed)
    train(*epochs, "--checkpoint", alone)
    assert same_checkpoints(killed, alone)


def test_longer_run_can_follow_on_a_shorter_one(finished, tmp_path):
    short = tmp_path / "short.pt"
    train("--epochs", 1, "--checkpoint", short)
    train("--resume", short, "--epochs", 3, "--checkpoint", tmp_path / "long.pt")
    assert same_checkpoints(tmp_path / "long.pt", finished)
    assert len(losses(short)) == 1


def test_resumed_run_loads_what_it_was_trained_on(finished, data, tmp_path, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(command, "load_pokerdvs", lambda source: asked.append(source) or data)
    monkeypatch.chdir(tmp_path)
    train("--epochs", 1)
    assert names_in(tmp_path) == [] and "checkpoint: none is written" in capsys.readouterr().out
    train("--resume", finished)
    assert asked == ["auto", data.source]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--time-window", "0"], r"time_window is 0\.0; choose a finite number"),
        (["--device", "meta"], r"--device is meta, and PyTorch finds \d+ CUDA GPUs"),
        (["--resume", "none.pt"], r"train: error: .*none\.pt"),
        (["--checkpoint", "/proc/run.pt"], r"train: error: .*/proc"),
        (["--resume", "RUN", "--seed", "7"], r"seed was 0 in .*run\.pt, which can't go on with 7"),
        (["--resume", "RUN"], r"run\.pt: .*epochs is 1, and 3 are done"),
    ],
)
def test_unusable_value_is_named(finished, words, message):
    with pytest.raises(SystemExit, match=message):
        train("--epochs", 1, *(finished if word == "RUN" else word for word in words))


def test_every_process_takes_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert command.choose_device("cuda") == torch.device("cuda", 1)
    assert command.choose_device("cuda:0") == torch.device("cuda", 0)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(ValueError, match=r"is cuda:2, and PyTorch finds 2 CUDA GPUs"):
        command.choose_device("cuda")


def test_run_of_an_earlier_version_goes_on(finished, tmp_path):
    def age(content):
        content["options"] |= {"delays": "0", "window_ms": 0.0, "digest": "0123abcd"}
        del content["options"]["augment"]

    old = altered(finished, tmp_path / "old.pt", age)
    train("--resume", old, "--epochs", 4)
    train("--resume", finished, "--epochs", 4, "--checkpoint", tmp_path / "new.pt")
    assert losses(old) == losses(tmp_path / "new.pt")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content["options"].update(pace=3), "doesn't know: {'pace'}"),
        (lambda content: content["options"].update(epochs="many"), "epochs is 'many'"),
        (lambda content: content.pop("state"), "no training run to go on with"),
    ],
)
def test_run_of_another_program_is_not_resumed(finished, tmp_path, change, message):
    bad = altered(finished, tmp_path / "bad.pt", change)
    before = bad.read_bytes()
    with pytest.raises(SystemExit, match=rf"(?s)bad\.pt.*{message}"):
        run("train", "--device", "cpu", "--resume", bad)
    assert names_in(tmp_path) == ["bad.pt"] and bad.read_bytes() == before


def test_other_file_is_not_overwritten(finished, data, tmp_path, monkeypatch):
    path = tmp_path / "mine.pt"
    path.write_bytes(b"mine")
    for words in ([], ["--resume", finished]):
        with pytest.raises(SystemExit, match=r"mine\.pt exists and isn't overwritten"):
            train("--checkpoint", path, *words)

    def load(source):
        (tmp_path / "late.pt").write_bytes(b"mine")
        return data

    monkeypatch.setattr(command, "load_pokerdvs", load)
    for words in (["--epochs", 2], ["--epochs", 4, "--resume", finished]):
        (tmp_path / "late.pt").unlink(missing_ok=True)
        with pytest.raises(SystemExit, match=r"File exists: '.*late\.pt'"):
            train("--checkpoint", tmp_path / "late.pt", *words)
    assert {path.read_bytes(), (tmp_path / "late.pt").read_bytes()} == {b"mine"}
    assert names_in(tmp_path) == ["late.pt", "mine.pt"]


def test_run_keeps_others_away_until_it_ends(tmp_path, monkeypatch):
    path, found = tmp_path / "a.pt", []

    def save(classifier, target, state, overwrite):
        save_checkpoint(classifier, target, state, overwrite)
        for words in (["--checkpoint", path], ["--resume", path]):
            with pytest.raises(SystemExit, match=r"another run is writing .*a\.pt\. Wait") as end:
                train(*words)
            assert "\n" not in str(end.value)
        with pytest.raises(Timeout), FileLock(tmp_path / ".a.pt.lock", timeout=0):
            pass
        found.append(overwrite)

    monkeypatch.setattr(command, "save_checkpoint", save)
    train("--epochs", 2, "--checkpoint", path)
    assert found == [False, True] and names_in(tmp_path) == ["a.pt"]


def test_error_in_the_code_keeps_its_traceback_and_leaves_no_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "load_pokerdvs", lambda source: {}["missing"])
    with pytest.raises(KeyError):
        train("--checkpoint", tmp_path / "a.pt")
    assert names_in(tmp_path) == []


@pytest.mark.parametrize(
    ("rank", "words", "advice"),
    [
        (0, [], "keeps it\n"),
        (0, ["--checkpoint", "a b.pt"], "pokersnn_helpers train --resume 'a b.pt' --device cpu\n"),
        (1, [], ""),
    ],
)
def test_ctrl_c_ends_a_run_in_two_lines(tmp_path, monkeypatch, capsys, rank, words, advice):
    def stopped(*arguments, **options):
        train_classifier(*arguments, **options | {"epochs": 1})
        raise KeyboardInterrupt  # as Python does on SIGINT

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "train_classifier", stopped)
    monkeypatch.setattr(command, "rank", lambda: rank)
    with pytest.raises(SystemExit) as end:
        train("--epochs", 9, *words)
    assert end.value.code == 130
    said = capsys.readouterr().err.partition("stopped")[2]  # a progress bar may come first
    assert said.endswith(advice) and said.count("\n") == (2 if advice else 0)
    assert names_in(tmp_path) == (["a b.pt"] if words else [])
    assert not words or len(losses(tmp_path / "a b.pt")) == 1


@pytest.fixture(scope="module")
def two_processes(finished, tmp_path_factory):
    """The folder where two processes have left what they computed, and what they printed."""
    folder = tmp_path_factory.mktemp("two")
    script = [str(Path(__file__).with_name("two_processes.py")), str(folder), str(finished)]
    return folder, run_under_torchrun(*script)


@pytest.mark.slow
def test_two_processes_with_dropout_see_each_recording_once_per_epoch(two_processes):
    """Their shards differ in size, so they draw different numbers of random numbers."""
    ranks = [torch.load(two_processes[0] / f"dropout {rank}.pt") for rank in range(2)]
    for first, second in zip(*(rank["seen"] for rank in ranks), strict=True):
        assert sorted(first + second) == list(range(9))
    masks = torch.stack([mask for rank in ranks for mask in rank["masks"]])
    assert len(masks.unique(dim=0)) == len(masks) == 12  # no two batches or processes share one


@pytest.mark.slow
def test_gradients_of_two_processes_add_up_to_those_of_one(two_processes):
    ranks = [torch.load(two_processes[0] / f"{rank}.pt", weights_only=True) for rank in range(2)]
    for clip_norm, *shared in zip(CLIP_NORMS, *ranks, strict=True):
        alone = train_on_uneven_batches(clip_norm)
        for rank, found in enumerate(shared):
            for name in ("weights", "losses"):
                error = (found[name] - alone[name]).norm() / alone[name].norm()
                assert error < 1e-10, name
            assert found["accuracy"] == alone["accuracy"]
            assert found["evaluated"] == (2 if rank == 0 else 0)
            assert found["saved"] == ([1, 2] if rank == 0 else [])


def run_under_torchrun(*program, processes=2):
    shown = {name: value for name, value in os.environ.items() if name != "TQDM_DISABLE"}
    return subprocess.run(
        [sys.executable, *TORCHRUN, f"--nproc-per-node={processes}", *program],
        capture_output=True,
        text=True,
        timeout=300,
        env=shown | {"OMP_NUM_THREADS": "1"},
    )


@pytest.mark.slow
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


@pytest.mark.slow
def test_one_of_two_processes_says_what_is_wrong(two_processes):
    first, second = (torch.load(two_processes[0] / f"refused {rank}.pt") for rank in range(2))
    assert first.startswith("python -m pokersnn_helpers train: error: ")
    assert "run.pt exists and isn't overwritten" in first
    assert second == 1  # ends without a word


@pytest.mark.skipif(not torch.cuda.is_available(), reason="NCCL needs a CUDA GPU")
def test_gpus_share_a_run_through_nccl(finished, tmp_path):
    path = tmp_path / "gpus.pt"
    gpus = torch.cuda.device_count()
    words = ["--time-window", "5000", "--device", "cuda", "--epochs", "3", "--checkpoint", path]
    result = run_under_torchrun("-m", "pokersnn_helpers", "train", *words, processes=gpus)
    assert result.returncode == 0, result.stderr
    assert f"{gpus} process" in result.stdout
    assert losses(path) == pytest.approx(losses(finished), rel=0.01)


def test_process_without_a_recording_has_gradients_of_zero(monkeypatch):
    monkeypatch.setattr(dist, "is_initialized", lambda: True)
    monkeypatch.setattr(dist, "get_world_size", lambda: 5)
    monkeypatch.setattr(dist, "get_rank", lambda: 3)  # more than there are recordings
    frames, targets = shard_batch(torch.ones(9, 2, 2, 35, 35).to_sparse(), torch.tensor([1, 2]))
    assert (frames.shape, len(targets)) == ((9, 0, 2, 35, 35), 0)
    classifier = Classifier(FastSNN())
    classifier(frames).sum().backward()
    assert all(torch.count_nonzero(p.grad) == 0 for p in classifier.parameters())


def test_predict_names_the_file_and_what_is_wrong_with_it(finished, data, tmp_path):
    events = data.test.events[0].copy()
    events["t"] = 10**9 * events["t"]
    np.save(tmp_path / "nano.npy", events)
    with pytest.raises(
        SystemExit, match=r"predict: error: .*nano\.npy.* field t is \d+ at event 1"
    ):
        run("predict", "--checkpoint", finished, tmp_path / "nano.npy")


def test_recording_of_ten_minutes_is_predicted_in_sparse_frames(finished, data, tmp_path, capsys):
    events = data.test.events[0].copy()
    events["t"][-1] = 600_000_000
    np.save(tmp_path / "long.npy", events)
    run("predict", "--checkpoint", finished, tmp_path / "long.npy")
    assert "long.npy: " in capsys.readouterr().out  # SNN would refuse its dense frames


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_name_of_a_file_can_be_printed_and_never_steers(
    finished, data, tmp_path, monkeypatch, encoding
):
    path = tmp_path / "\xb5 \x1b[2J\x07 \U0001f0a1.npy"
    np.save(path, data.test.events[0])
    printed = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr(sys, "stdout", printed)
    run("predict", "--checkpoint", finished, path)
    shown = printed.buffer.getvalue()
    assert b"\\x1b[2J\\x07" in shown and shown.decode(encoding).count(".npy: ") == 1
    path.write_bytes(b"no events")
    with pytest.raises(SystemExit, match=r"\\x1b\[2J\\x07"):
        run("predict", "--checkpoint", finished, path)


def test_what_was_half_made_when_a_run_was_stopped_prints_nothing(monkeypatch):
    class Bar:
        def __init__(self):
            raise KeyboardInterrupt

        def __del__(self):
            print(self.position)  # which it hasn't yet

    printed = []
    monkeypatch.setattr(sys, "unraisablehook", hook := printed.append)
    try:
        Bar()
    except KeyboardInterrupt as stopped:
        forget(stopped)
    assert not printed and sys.unraisablehook is hook
