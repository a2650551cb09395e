"""Kill training at random moments, and count what is lost.

Run it in the repository: ``python -m tests.stress --minutes 30``. It isn't part of the tests, since
it takes as long as it is given. Children are forks of this process, in which the package is
imported already, so hundreds of them can be killed per minute.
"""

import argparse
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import torch
from tqdm import tqdm

from pokersnn_helpers.checkpoints import load_run
from pokersnn_helpers.commands import main, train
from pokersnn_helpers.simulation import simulate_pokerdvs

from .same import same_checkpoints

TRAIN = ["train", "--device", "cpu", "--time-window", "5000", "--epochs", "4"]


class Child(multiprocessing.get_context("fork").Process):
    """A fork that trains, or goes on with a run; what it prints goes to a file."""

    def __init__(self, path: Path):
        super().__init__()
        self.path = path
        self.log = path.with_suffix(".log")
        self.start()

    def run(self) -> None:
        log = os.open(self.log, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.stdout = os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", closefd=False)
        tqdm.set_lock(threading.RLock())  # forks share its own, and one may be killed with it
        signal.alarm(120)  # ends one that hangs
        option = "--resume" if self.path.exists() else "--checkpoint"
        try:
            main.main([*TRAIN, option, str(self.path)])
        except KeyboardInterrupt:  # before the command handles it
            raise SystemExit(130) from None

    def expect(self, *statuses: int) -> None:
        """Wait for its end, in one of some ways and without a traceback."""
        self.join()
        printed = self.log.read_text(errors="replace")
        assert "Traceback" not in printed, printed[-1500:]
        assert self.exitcode in statuses, f"{self.exitcode}, not {statuses}: {printed[-500:]}"


def attack(path: Path, reference: Path, duration: float) -> None:
    """Kill a run again and again until it ends: it ends as one left alone."""
    done = 0
    for _ in range(7):
        child = Child(path)
        time.sleep(random.uniform(0.05, 1.2 * duration))
        number = random.choice([signal.SIGKILL, signal.SIGINT])
        os.kill(child.pid, number)  # it is there until it has been waited for
        child.expect(0, -number, 128 + number)
        epochs = len(load_run(path).state.history["loss"]) if path.exists() else 0
        assert epochs >= done, f"{epochs} epochs after {done}"
        done = epochs
    Child(path).expect(0)
    assert same_checkpoints(path, reference), "another end than that of a run alone"


def run() -> None:
    parser = argparse.ArgumentParser("python -m tests.stress", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="how long (30)")
    parser.add_argument("--seed", type=int, default=0, help="of when and how (0)")
    options = parser.parse_args()
    random.seed(options.seed)
    warnings.simplefilter("ignore")
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # what a GPU's driver starts doesn't survive a fork
    torch.set_num_threads(1)  # nor do threads
    data = simulate_pokerdvs(n_train=8, n_test=4)
    train.load_pokerdvs = lambda source: data
    tried = 0
    lost = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        main.main([*TRAIN, "--checkpoint", str(folder / "first.pt")])  # which compiles much
        start = time.monotonic()
        reference = folder / "alone.pt"
        Child(reference).expect(0)
        duration = time.monotonic() - start
        while time.monotonic() < start + 60 * options.minutes:
            tried += 1
            try:
                attack(folder / f"{tried}.pt", reference, duration)
            except Exception as error:  # also a file that can't be loaded any more
                lost += 1
                print(f"LOST in run {tried}: {error!r}", flush=True)
    print(f"{tried} runs killed up to seven times: {lost} lost, seed {options.seed}")
    raise SystemExit(lost > 0)


if __name__ == "__main__":
    run()
