import os
import subprocess
import sys
import time

import pytest
import torch
import torch.distributed as dist
from torch.optim.optimizer import register_optimizer_step_pre_hook

from pokersnn_helpers import (
    SNN,
    Classifier,
    augment,
    evaluate,
    fit,
    load_checkpoint,
    make_loaders,
    save_checkpoint,
    train_classifier,
    train_command,
)
from pokersnn_helpers.__main__ import main
from pokersnn_helpers.checkpoints import load_run
from pokersnn_helpers.standin import write_standin
from pokersnn_helpers.train_command import choose_device

COMMAND = ["-m", "pokersnn_helpers", "train", "--time-window", "5000"]
TORCHRUN = ["-m", "torch.distributed.run", "--standalone"]  # what the script torchrun runs
LIMIT = 1.3  # of the gradient's norm; some are longer, some aren't
BATCHES = (5, 2, 1)  # of two processes' shares: 3 and 2, 1 and 1, 1 and none


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data folder of simulated recordings: nothing is looked for elsewhere."""
    folder = tmp_path_factory.mktemp("data")
    write_standin(folder)
    return folder


@pytest.fixture(autouse=True)
def data_folder(folder, monkeypatch):
    monkeypatch.setenv("POKERSNN_DATA", str(folder))
    monkeypatch.setenv("TQDM_DISABLE", "1")


@pytest.fixture(scope="module")
def finished(folder, tmp_path_factory):
    """Checkpoint of a run of three epochs in one process, left alone."""
    path = tmp_path_factory.mktemp("finished") / "run.pt"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POKERSNN_DATA", str(folder))
        train("--epochs", 3, "--checkpoint", path)
    return path


def train(*arguments):
    main([*COMMAND[2:], "--device", "cpu", *map(str, arguments)])


def everything_in(path):
    """All that a checkpoint holds, as (name, value)."""

    def walk(name, value):
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from walk(f"{name}/{key}", inner)
        else:
            yield name, value

    return list(walk("", torch.load(path, weights_only=True)))


def assert_same_to_the_last_bit(one, two):
    for (name, value), (other_name, other) in zip(
        everything_in(one), everything_in(two), strict=True
    ):
        assert name == other_name
        same = torch.equal(value, other) if isinstance(value, torch.Tensor) else value == other
        assert same, name


def test_command_trains_as_the_function_does_and_reports(finished, tmp_path, standin, capsys):
    classifier, history = train_classifier(
        standin, seed=0, device="cpu", epochs=3, time_window=5000
    )
    train("--epochs", 3, "--checkpoint", tmp_path / "run.pt")
    loaded = load_checkpoint(tmp_path / "run.pt", device="cpu")
    assert loaded.snn.arguments["dt"] == 0.005
    assert all(map(torch.equal, loaded.state_dict().values(), classifier.state_dict().values()))
    right = round(history.test_accuracy[-1] * 20)
    printed = capsys.readouterr().out
    assert f"test: {right} of 20 recordings named right" in printed
    evaluation = evaluate(loaded, make_loaders(standin, 32, 5000)[1], "cpu")
    assert f"{evaluation.accuracy * 20:.0f} of 20" in printed


def test_seed_and_time_window_change_the_run(finished, tmp_path):
    train("--epochs", 3, "--checkpoint", tmp_path / "seed.pt", "--seed", 1)
    train("--epochs", 3, "--checkpoint", tmp_path / "window.pt", "--time-window", 4000)
    losses = {
        tuple(load_run(path)["state"]["history"]["loss"])
        for path in (finished, tmp_path / "seed.pt", tmp_path / "window.pt")
    }
    assert len(losses) == 3


def test_nothing_is_written_unless_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    train("--epochs", 1)
    assert list(tmp_path.iterdir()) == []
    assert "checkpoint: none is written" in capsys.readouterr().out


def test_run_killed_and_resumed_ends_as_one_left_alone(tmp_path):
    epochs = ["--epochs", "30"]
    killed, alone = tmp_path / "killed.pt", tmp_path / "alone.pt"
    arguments = [*COMMAND, "--device", "cpu", *epochs, "--checkpoint", str(killed)]
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not killed.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
    finally:
        process.kill()  # SIGKILL
        process.wait()
    assert process.returncode != 0, "the run ended before it was killed"
    assert 1 <= len(load_run(killed)["state"]["history"]["loss"]) < 30
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
    assert "of 20 recordings named right" in capsys.readouterr().out
    assert finished.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], r"--epochs is 0; choose 1 or more"),
        (["--time-window", "-5"], r"--time-window is -5\.0 µs; choose a number greater than 0"),
        (["--time-window", "nan"], r"--time-window is nan µs"),
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
    monkeypatch.setattr(train_command, "launched_by_torchrun", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert choose_device("cuda") == torch.device("cuda", 1)
    with pytest.raises(ValueError, match=r"'cuda:0', but under torchrun each process takes a GPU"):
        choose_device("cuda:0")
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(ValueError, match=r"needs GPU 2, .* finds 2 CUDA GPUs here; start fewer"):
        choose_device("cuda")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seed", "7"], r"run\.pt was trained with --seed 0, so it can't go on with --seed 7"),
        (["--time-window", "2000"], r"trained with --time-window 5000\.0, .*--time-window 2000"),
        (["--engine", "fast"], r"trained with --engine snn, so it can't go on with --engine fast"),
        (["--epochs", "2"], r"--epochs is 2, but the run in .*run\.pt has 3 behind it"),
    ],
)
def test_run_made_with_other_options_is_not_resumed(finished, arguments, message):
    with pytest.raises(SystemExit, match=message):
        train("--resume", finished, *arguments)


def test_run_on_other_recordings_is_not_resumed(finished, tmp_path):
    other = torch.load(finished, weights_only=True)
    other["run"]["options"]["data"] = "standin"
    torch.save(other, tmp_path / "other.pt")
    with pytest.raises(SystemExit, match=r"trained on the standin recordings, but .* real ones"):
        train("--resume", tmp_path / "other.pt")


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


def train_on_uneven_batches():
    """Train in float64, long gradients shortened; return each step's gradient and the outcome."""
    torch.manual_seed(0)
    classifier = Classifier(SNN(hidden_size=20)).double()
    frames = [torch.poisson(torch.full((9, size, 2, 35, 35), 0.05)).double() for size in BATCHES]
    batches = [(batch, torch.arange(batch.shape[1]) % 4) for batch in frames]
    gradients, states = [], []

    def watch(optimizer, args, kwargs):
        gradients.append(torch.cat([p.grad.flatten() for p in classifier.parameters()]))

    handle = register_optimizer_step_pre_hook(watch)
    history = fit(
        classifier,
        batches,
        batches,
        epochs=2,
        max_gradient_norm=LIMIT,
        average_decay=0.5,
        augment=augment,
        device="cpu",
        after_epoch=lambda average, state: states.append(len(state["history"]["loss"])),
    )
    handle.remove()
    return {
        "gradients": torch.stack(gradients),
        "weights": torch.cat([p.detach().flatten() for p in classifier.parameters()]),
        "losses": torch.tensor(history.loss, dtype=torch.float64),
        "accuracy": history.accuracy,
        "evaluated": len(history.test_loss),
        "saved": states,
    }


def train_in_one_of_two(rank, folder):
    dist.init_process_group("gloo", f"file://{folder}/meeting", rank=rank, world_size=2)
    torch.save(train_on_uneven_batches(), folder / f"{rank}.pt")
    dist.destroy_process_group()


def test_gradients_of_two_processes_add_up_to_those_of_one(tmp_path):
    torch.multiprocessing.spawn(train_in_one_of_two, (tmp_path,), nprocs=2)
    alone = train_on_uneven_batches()
    norms = alone["gradients"].norm(dim=1)
    assert len(norms) == 2 * len(BATCHES)
    assert norms.min() < 0.99 * LIMIT < 0.999 * LIMIT < norms.max() <= LIMIT
    for rank in range(2):
        shared = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        for name in ("gradients", "weights", "losses"):
            error = (shared[name] - alone[name]).norm() / alone[name].norm()
            assert error < 1e-10, name
        assert shared["accuracy"] == alone["accuracy"]
        assert shared["evaluated"] == (2 if rank == 0 else 0)
        assert shared["saved"] == ([1, 2] if rank == 0 else [])


def run_under_torchrun(*arguments, processes=2):
    shown = {name: value for name, value in os.environ.items() if name != "TQDM_DISABLE"}
    return subprocess.run(
        [sys.executable, *TORCHRUN, f"--nproc-per-node={processes}", *COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env=shown | {"OMP_NUM_THREADS": "1"},
    )


def test_two_processes_end_with_the_weights_of_one(finished, tmp_path):
    path = tmp_path / "two.pt"
    arguments = ["--epochs", "3", "--checkpoint", str(path), "--device", "cpu"]
    result = run_under_torchrun(*arguments)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("2 processes on cpu") == 1
    assert result.stdout.count("of 20 recordings named right") == 1
    assert result.stderr.count("?epoch/s]") == 1  # what a progress bar shows first, and only once
    one, two = load_checkpoint(finished, "cpu"), load_checkpoint(path, "cpu")
    for name, weight in one.state_dict().items():
        assert torch.allclose(weight, two.state_dict()[name], rtol=1e-4, atol=1e-5), name
    assert (
        load_run(path)["state"]["history"]["accuracy"]
        == (load_run(finished)["state"]["history"]["accuracy"])
    )
    train("--resume", path)  # one process can go on where two stopped


@pytest.mark.skipif(not torch.cuda.is_available(), reason="NCCL needs a CUDA GPU")
def test_gpus_share_a_run_through_nccl(finished, tmp_path):
    path = tmp_path / "gpus.pt"
    gpus = torch.cuda.device_count()
    result = run_under_torchrun(
        "--epochs", "3", "--checkpoint", str(path), "--device", "cuda", processes=gpus
    )
    assert result.returncode == 0, result.stderr
    assert f"{gpus} process" in result.stdout
    losses = [load_run(p)["state"]["history"]["loss"] for p in (finished, path)]
    assert losses[0] == pytest.approx(losses[1], rel=0.01)


def test_fast_engine_trains_to_the_same_network(finished, tmp_path):
    fast = pytest.importorskip("pokersnn_helpers.fast", reason="the fast engine isn't there")
    path = tmp_path / "fast.pt"
    train("--epochs", 3, "--checkpoint", path, "--engine", "fast")
    losses = [load_run(p)["state"]["history"]["loss"] for p in (finished, path)]
    assert losses[0] == pytest.approx(losses[1], rel=0.001)
    empty_share = torch.zeros(9, 0, 2, 35, 35)
    for frames in (empty_share, empty_share.to_sparse()):
        classifier = Classifier(fast.FastSNN())
        classifier(frames).sum().backward()
        assert all(torch.count_nonzero(p.grad) == 0 for p in classifier.parameters())
