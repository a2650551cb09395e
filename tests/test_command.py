"""The commands ``train`` and ``predict``, and training that processes share."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch.optim.optimizer import register_optimizer_step_pre_hook

from pokersnn_helpers import (
    SNN,
    Classifier,
    FastSNN,
    augment,
    evaluate,
    fit,
    load_checkpoint,
    make_loader,
    predict,
    save_checkpoint,
    train_classifier,
)
from pokersnn_helpers import __main__ as commands
from pokersnn_helpers.checkpoints import load_run
from pokersnn_helpers.distributed import shard_batch

TRAIN = ["train", "--time-window", "5000", "--device", "cpu"]
TORCHRUN = ["-m", "torch.distributed.run", "--standalone"]  # what the script torchrun runs
CLIP_NORM = 1.3  # of the gradient; some are longer, some aren't
BATCHES = (5, 2, 1)  # of two processes' shards: 3 and 2, 1 and 1, 1 and none


@pytest.fixture(autouse=True)
def load_once(data, monkeypatch):
    """Commands in this process get the recordings that are loaded already."""
    monkeypatch.setattr(commands, "load_pokerdvs", lambda source: data)
    monkeypatch.setenv("TQDM_DISABLE", "1")


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
    arguments = ["-m", "pokersnn_helpers", *TRAIN, *epochs, "--checkpoint", str(killed)]
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not killed.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
    finally:
        process.kill()  # SIGKILL
        process.wait()
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
    with pytest.raises(ValueError, match=r"'cuda:0', but under torchrun each process takes a GPU"):
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


def train_on_uneven_batches():
    """Train in float64, long gradients clipped; return each step's gradient and the outcome."""
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
        clip_norm=CLIP_NORM,
        ema_decay=0.5,
        augment=augment,
        device="cpu",
        on_epoch_end=lambda average, state: states.append(len(state.history["loss"])),
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
    assert norms.min() < 0.99 * CLIP_NORM < 0.999 * CLIP_NORM < norms.max() <= CLIP_NORM
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
        [
            *(sys.executable, *TORCHRUN, f"--nproc-per-node={processes}"),
            *("-m", "pokersnn_helpers", "train", "--time-window", "5000", *arguments),
        ],
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
    assert result.stdout.count("test: ") == 1
    assert result.stderr.count("?epoch/s]") == 1  # what a progress bar shows first, and only once
    one, two = load_checkpoint(finished, "cpu"), load_checkpoint(path, "cpu")
    for name, weight in one.state_dict().items():
        assert torch.allclose(weight, two.state_dict()[name], rtol=1e-4, atol=1e-5), name
    histories = [load_run(file).state.history["accuracy"] for file in (path, finished)]
    assert histories[0] == histories[1]
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
    assert losses(path) == pytest.approx(losses(finished), rel=0.01)


def test_fast_network_trains_to_the_same_weights(finished, tmp_path):
    path = tmp_path / "fast.pt"
    train("--epochs", 3, "--checkpoint", path, "--network", "fast")
    assert losses(path) == pytest.approx(losses(finished), rel=0.001)


@pytest.mark.parametrize("sparse", [False, True])
def test_process_without_a_recording_has_gradients_of_zero(sparse, monkeypatch):
    monkeypatch.setattr("pokersnn_helpers.distributed._connected", lambda: True)
    monkeypatch.setattr(dist, "get_world_size", lambda: 3)
    monkeypatch.setattr(dist, "get_rank", lambda: 2)
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
