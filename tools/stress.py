"""Kill, race and starve what writes files, damage what is read, and count what is lost.

Run it in the repository: ``python -m tools.stress --minutes 30``. It isn't part of the tests, since
it takes as long as it is given. Children are forks of this process, in which the package is
imported already, so hundreds of them can be killed per minute.
"""

import argparse
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from pathlib import Path

import torch
from tqdm import tqdm

from eventdesk.commands import main, train
from eventdesk.trained.runs import load_run
from pokersnn_helpers.simulation import simulate_pokerdvs
from tests import damaged
from tests.same import same_checkpoints

TRAIN = ["train", "--device", "cpu", "--time-window", "5000", "--epochs", "4"]
REFUSALS = ("another run is writing", "exists and isn't overwritten", "can't go on with")


class Child(multiprocessing.get_context("fork").Process):
    """A fork that calls a function; what it prints goes to a file."""

    def __init__(self, log, function, *arguments):
        super().__init__(target=function, args=arguments)
        self.log = log
        self.start()

    def run(self):
        log = self.log.open("w")
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
        sys.stdout = os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", closefd=False)
        tqdm.set_lock(threading.RLock())  # forks share its own, and one may be killed with it
        signal.alarm(120)  # ends one that hangs
        try:
            super().run()
        except KeyboardInterrupt:  # before the command handles it
            raise SystemExit(130) from None

    def expect(self, *statuses):
        """Wait for its end, and return how it ended: in one of some ways, without a traceback."""
        self.join()
        printed = self.log.read_text(errors="replace")
        assert "Traceback" not in printed, printed[-1500:]
        assert self.exitcode in statuses, f"{self.exitcode}, not {statuses}: {printed[-500:]}"
        return self.exitcode


class Stress:
    """The attacks. Each gets a fresh folder, and raises an error where something is lost."""

    def __init__(self, folder, seed):
        self.random = random.Random(seed)
        self.kills = 0
        self.log = folder / "log"
        data = simulate_pokerdvs(n_train=8, n_test=4)
        train.load_pokerdvs = lambda source: data
        self.train(folder / "first.pt")  # PyTorch imports and compiles much at its first step
        start = time.monotonic()
        self.references = [folder / f"{seed}.pt" for seed in range(3)]
        for seed, path in enumerate(self.references):
            Child(self.log, self.train, path, seed).expect(0)
        self.duration = (time.monotonic() - start) / 3

    def train(self, path, seed=0):
        option = "--resume" if path.exists() else "--checkpoint"
        main.main([*TRAIN, "--seed", str(seed), option, str(path)])

    def strike(self, child, duration, *signals):
        """Send one of the signals at any time."""
        time.sleep(self.random.uniform(0.05, 1.2 * duration))
        number = self.random.choice(signals)
        os.kill(child.pid, number)  # it is there until it has been waited for
        self.kills += 1
        return number

    def killed_training(self, folder):
        """Kill a run again and again until it ends: it ends as one left alone."""
        path = folder / "run.pt"
        done = 0
        for _ in range(7):
            child = Child(self.log, self.train, path)
            number = self.strike(child, self.duration, signal.SIGKILL, signal.SIGINT)
            child.expect(0, -number, 128 + number)
            epochs = len(load_run(path).state.history["loss"]) if path.exists() else 0
            assert epochs >= done, f"{epochs} epochs after {done}"
            done = epochs
        Child(self.log, self.train, path).expect(0)
        assert same_checkpoints(path, self.references[0]), "another end than that of a run alone"

    def racing_training(self, folder):
        """Start runs with one new checkpoint, kill some: the file is that of who ends well."""
        path = folder / "run.pt"
        children = [
            Child(self.log.with_suffix(f".{seed}"), self.train, path, seed) for seed in range(3)
        ]
        for child in children:
            if self.random.random() < 0.3:
                self.strike(child, self.duration / 3, signal.SIGKILL)
        for reference, child in zip(self.references, children, strict=True):
            status = child.expect(0, 1, -9)
            if status == 0:
                assert same_checkpoints(path, reference), "a result has gone"
            if status == 1:
                printed = child.log.read_text()
                assert any(refusal in printed for refusal in REFUSALS), printed

    def full_disk(self, folder):
        """Limit the size of files: the older checkpoint stays, and nothing else."""
        path = Path(shutil.copy(self.references[0], folder / "run.pt"))
        limit = self.random.randrange(path.stat().st_size)

        def limited():
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            main.main(["train", "--resume", str(path), "--epochs", "9"])

        Child(self.log, limited).expect(1)
        assert "run.pt" in self.log.read_text(), self.log.read_text()
        assert path.read_bytes() == self.references[0].read_bytes(), "file changed"
        assert [*folder.iterdir()] == [path], "something is left beside it"

    def damaged_files(self, folder):
        """Read damaged files and wild times: no process dies, and each error names its file."""
        seed = self.random.randrange(2**32)
        Child(self.log, damaged.attack, folder, 100, seed).expect(0)


ATTACKS = [
    *[Stress.killed_training] * 2,
    Stress.racing_training,
    Stress.full_disk,
    Stress.damaged_files,
]


def run():
    parser = argparse.ArgumentParser("python -m tools.stress", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="how long (30)")
    parser.add_argument("--seed", type=int, default=0, help="of what is attacked and when (0)")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # what a GPU's driver starts doesn't survive a fork
    torch.set_num_threads(1)  # nor do threads
    tried = Counter()
    lost = 0
    deadline = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory() as name:
        stress = Stress(Path(name), options.seed)
        while time.monotonic() < deadline:
            attack = stress.random.choice(ATTACKS)
            tried[attack.__name__] += 1
            folder = Path(name) / "attacked"
            folder.mkdir()
            try:
                attack(stress, folder)
            except Exception as error:  # also a file that can't be loaded any more
                lost += 1
                print(f"LOST in {attack.__name__} {tried.total()}: {error!r}", flush=True)
            shutil.rmtree(folder)
    print(f"{dict(tried)}: {lost} lost, seed {options.seed}, {stress.kills} processes killed")
    raise SystemExit(lost > 0)


if __name__ == "__main__":
    run()
