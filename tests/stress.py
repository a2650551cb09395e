"""Kill, race, starve, damage and forge what writes and reads files, and count what is lost.

Run it in the repository: ``python -m tests.stress --minutes 30``. It isn't part of the tests, since
it takes as long as it is given. Children are forks of this process, in which the package is
imported already, so hundreds of them can be killed per minute. Every child works in a folder of
its own or, where processes race, in one that they share.
"""

import argparse
import contextlib
import copy
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from torch.utils._pytree import tree_flatten
from tqdm import tqdm

from pokersnn_helpers import (
    Recordings,
    evaluate,
    load_checkpoint,
    load_pokerdvs,
    make_loader,
    pokerdvs,
)
from pokersnn_helpers.checkpoints import load_run
from pokersnn_helpers.commands import train as commands
from pokersnn_helpers.simulation import simulate_pokerdvs

from .archives import pack

EPOCHS = 4
TRAIN = f"train --device cpu --time-window 5000 --epochs {EPOCHS}".split()
MEMORY = 2 * 2**30  # bytes
REFUSALS = ("another run is writing", "exists and isn't overwritten")


class Lost(Exception):
    """Something is wrong after an attack: what, in words."""


def expect(condition: bool, complaint: str) -> None:
    if not condition:
        raise Lost(complaint)


def expect_nothing_beside(path: Path) -> None:
    left = [file.name for file in path.parent.iterdir() if file != path]
    expect(not left, f"left: {left}")


class Child:
    """A fork that calls a function; what it prints goes to a file."""

    def __init__(self, function, log: Path):
        self.log, self.status = log, None
        # A signal that comes at once waits: it must not unwind what the fork has of its parent.
        usual = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os._exit(self._run(function, usual))
            finally:
                os._exit(130)
        signal.pthread_sigmask(signal.SIG_SETMASK, usual)

    def _run(self, function, signals: set[int]) -> int:
        log = os.open(self.log, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(log, stream)
        sys.stdout, sys.stderr = (os.fdopen(os.dup(stream), "w") for stream in (1, 2))
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, signals)
            tqdm.set_lock(threading.RLock())  # forks share its own, and one may be killed with it
            function()
            return 0
        except SystemExit as end:
            print(end.code, file=sys.stderr, flush=True)
            return end.code if isinstance(end.code, int) else 1
        except KeyboardInterrupt:  # before the command has set its handler
            return 130
        except BaseException:
            traceback.print_exc()
            return 99

    def kill(self, number: int) -> None:
        os.kill(self.pid, number)  # it is there until it has been waited for

    def wait(self) -> int:
        if self.status is None:
            deadline = time.monotonic() + 120
            while not (found := os.waitpid(self.pid, os.WNOHANG))[0]:
                if time.monotonic() > deadline:
                    os.kill(self.pid, signal.SIGKILL)
                    os.waitpid(self.pid, 0)
                    raise Lost("a process hangs")
                time.sleep(0.001)
            self.status = os.waitstatus_to_exitcode(found[1])
        return self.status

    def expect(self, *statuses: int) -> int:
        status, printed = self.wait(), self.log.read_text(errors="replace")
        expect("Traceback" not in printed, f"traceback: {printed[-1500:]}")
        expect(status in statuses, f"status {status}, expected {statuses}: {printed[-500:]}")
        return status


class Stress:
    """The attacks. Each is called with a fresh folder and raises ``Lost``, or doesn't."""

    def __init__(self, folder: Path, seed: int):
        self.random = random.Random(seed)
        self.kills = 0
        self.published = folder / "published"
        self.published.mkdir()
        hashes = [pack(archive, self.published) for archive in pokerdvs.ARCHIVES]
        pokerdvs.REGISTRY = hashes[0] | hashes[1]
        pokerdvs.SOURCES = ()
        pokerdvs.pooch.os_cache = lambda project: folder / "cache"
        self.loaded = load_pokerdvs(self.published, "real")
        data = simulate_pokerdvs(n_train=8, n_test=4)
        commands.load_pokerdvs = lambda source: data
        self.train(folder / "first.pt")  # PyTorch imports and compiles much at its first step
        self.reference = {}
        for seed in range(3):
            path = folder / f"{seed}.pt"
            start = time.monotonic()
            train = Child(lambda s=seed, p=path: self.train(p, s), folder / "log")
            train.expect(0)
            self.duration = time.monotonic() - start
            self.reference[seed] = path.read_bytes(), content(path)
        start = time.monotonic()
        Child(lambda: load_pokerdvs(folder / "published", "real"), folder / "log").expect(0)
        self.loading_time = time.monotonic() - start

    def train(self, path: Path, seed: int = 0) -> None:
        resumed = ["--resume", str(path)] if path.exists() else ["--checkpoint", str(path)]
        commands.main([*TRAIN, "--seed", str(seed), *resumed])

    def strike(self, child: Child, folder: Path, duration: float, signals=(signal.SIGKILL,)) -> int:
        """Send a signal at any time, or else just when a file in the folder changes."""
        deadline = time.monotonic() + self.random.uniform(0, 1.2 * duration)
        before, watched = sizes(folder), self.random.random() < 0.5
        while time.monotonic() < deadline and not (watched and sizes(folder) != before):
            time.sleep(0 if watched else 0.001)
        if watched:
            time.sleep(self.random.choice((0, 0.001, 0.003)))
        number = self.random.choice(signals)
        child.kill(number)
        self.kills += 1
        return number

    def killed_training(self, folder: Path) -> None:
        """Kill a run again and again until it ends: it ends as one left alone."""
        path, done = folder / "run.pt", 0
        signals = (signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
        for attempt in range(8):
            child = Child(lambda: self.train(path), folder.parent / "log")
            if attempt == 7:
                child.expect(0)
                break
            number = self.strike(child, folder, self.duration, signals)
            child.expect(0, -number, 128 + number)
            if path.exists():
                load_checkpoint(path, "cpu")
                epochs = len(load_run(path).state.history["loss"])
                expect(epochs >= done, f"{epochs} epochs after {done}")
                done = epochs
            else:
                expect(done == 0, "the checkpoint has gone")
        expect(same(content(path), self.reference[0][1]), "another end than that of a run alone")
        expect_nothing_beside(path)

    def racing_training(self, folder: Path) -> None:
        """Start runs with one new checkpoint, kill some: who ends well has its result in a file."""
        path = folder / "run.pt"
        children = [
            Child(lambda s=seed: self.train(path, s), folder.parent / f"log{seed}")
            for seed in range(3)
        ]
        for child in children:
            if self.random.random() < 0.3:
                self.strike(child, folder, self.duration / 3)
        ended = [seed for seed, child in enumerate(children) if child.expect(0, 1, -9) == 0]
        for child in children:
            if child.status == 1:
                printed = child.log.read_text()
                others = (*REFUSALS, "so it can't go on with", "--seed")  # resumed by another seed
                expect(any(refusal in printed for refusal in others), printed)
        files = [content(file) for file in folder.glob("*.pt")]
        for seed in ended:
            expect(any(same(file, self.reference[seed][1]) for file in files), "a result has gone")

    def killed_loading(self, folder: Path) -> None:
        """Kill processes that fill one cache: the next load is whole and leaves nothing else."""
        self.offer(folder)
        for _ in range(2):
            children = [
                Child(lambda: self.load(folder), folder.parent / f"log{number}")
                for number in range(2)
            ]
            for child in children:
                self.strike(child, folder, self.loading_time)
                child.expect(0, -9)
        Child(lambda: self.load(folder), folder.parent / "log").expect(0)
        left = [path for path in folder.rglob(".*") if path.is_file()]
        expect(not left, f"left: {left}")

    def racing_loading(self, folder: Path) -> None:
        """Fill one cache by four processes at once: all get the same recordings."""
        self.offer(folder)
        children = [
            Child(lambda: self.load(folder), folder.parent / f"log{number}") for number in range(4)
        ]
        for child in children:
            child.expect(0)

    def full_disk(self, folder: Path) -> None:
        """Limit the size of files: the older checkpoint stays, and the message names the file."""
        path, before = folder / "run.pt", None
        if self.random.random() < 0.5:
            short = ["--epochs", "1", "--checkpoint", str(path)]
            Child(lambda: commands.main([*TRAIN, *short]), folder.parent / "log").expect(0)
            before = content(path)
        limit = self.random.randrange(int(1.1 * len(self.reference[0][0])))
        child = Child(lambda: limited(limit, lambda: self.train(path)), folder.parent / "log")
        if child.expect(0, 1) == 1:
            expect("run.pt" in child.log.read_text() or limit < 2000, child.log.read_text())
            expect(same(content(path), before) if before else not path.exists(), "file changed")
        else:
            expect(same(content(path), self.reference[0][1]), "another end")
        expect_nothing_beside(path)

    def full_cache(self, folder: Path) -> None:
        """Limit the size of files while a cache is filled: the recordings are loaded all the same.

        Then what is in the cache is whole.
        """
        self.offer(folder)
        limit = self.random.randrange(20_000)
        log = folder.parent / "log"
        Child(lambda: limited(limit, lambda: self.load(folder)), log).expect(0)
        Child(lambda: self.load(folder), log).expect(0)

    def damaged_checkpoint(self, folder: Path) -> None:
        """Damage a checkpoint: it is refused by name, or holds what it held."""
        path = folder / "run.pt"
        path.write_bytes(self.damaged(self.reference[0][0]))

        def read() -> None:
            try:
                found = load_checkpoint(path, "cpu"), load_run(path)
            except ValueError as error:
                expect(str(path) in str(error), f"unnamed: {error}")
            else:
                good = torch.load(path, weights_only=True)
                expect(same(good, self.reference[0][1]) and len(found) == 2, "loaded, but changed")

        Child(read, folder.parent / "log").expect(0)

    def foreign_file(self, folder: Path) -> None:
        """Put another file in the checkpoint's place between two epochs: it stays as it is.

        The run goes on under another name and ends as one left alone.
        """
        path, foreign = folder / "run.pt", b"somebody else's"
        after, save = self.random.randrange(1, EPOCHS), commands._Target.save
        moved = self.random.random() < 0.5

        def save_and_replace(target, classifier, run):
            save(target, classifier, run)
            if len(run.state.history["loss"]) == after:
                (folder / "other").write_bytes(foreign)
                if moved:
                    (folder / "other").replace(path)
                else:
                    path.write_bytes((folder / "other").read_bytes())
                    (folder / "other").unlink()

        def run() -> None:
            commands._Target.save = save_and_replace
            self.train(path)

        child = Child(run, folder.parent / "log")
        child.expect(0)
        expect(path.read_bytes() == foreign, "somebody else's file is overwritten")
        expect(same(content(folder / "run-2.pt"), self.reference[0][1]), "another end")
        left = {file.name for file in folder.iterdir()} - {"run.pt", "run-2.pt"}
        expect(not left, f"left: {left}")

    def forged_checkpoint(self, folder: Path) -> None:
        """Write whole checkpoints of other content: they are refused by name, at once and small."""
        path, forged = folder / "run.pt", copy.deepcopy(self.reference[0][1])
        weights, huge = forged["weights"], self.random.choice((0, -1, 10**6, 10**9, 10**18, "x"))
        name = self.random.choice(sorted(weights))
        kinds = {
            "size": lambda: forged["arguments"].update(
                {self.random.choice(("hidden_size", "input_size", "output_size")): huge}
            ),
            "dtype": lambda: weights.update(
                {name: weights[name].to(self.random.choice((torch.half, torch.int8, torch.double)))}
            ),
            "shape": lambda: weights.update({name: weights[name][:-1]}),
            "frozen": lambda: forged.update(frozen=["snn.none", ""]),
            "n_averaged": lambda: forged["state"].update(n_averaged=-1),
            "classes": lambda: forged.update(classes=self.random.choice((("a",), ("a",) * 4, 4))),
            "sensor": lambda: forged.update(sensor_size=(35, -35, 2)),
        }
        kinds[kind := self.random.choice(list(kinds))]()
        torch.save(forged, path)
        before = path.read_bytes()

        def read() -> None:
            bounded(MEMORY)
            try:
                commands.main([*TRAIN, "--resume", str(path)])
            except SystemExit as error:
                expect(str(path) in str(error.code), f"{kind}, unnamed: {error.code}")
            else:
                print(f"{kind}: a forged checkpoint is resumed", flush=True)
                raise SystemExit(1)

        Child(read, folder.parent / "log").expect(0)
        expect(path.read_bytes() == before, "a forged checkpoint is overwritten")

    def long_recording(self, folder: Path) -> None:
        """Ask about a recording whose last time stamp is wrong, under a limit of memory."""
        checkpoint, file = folder.parent / "first.pt", folder / "long.npy"
        events = self.loaded.test.events[0].copy()
        events["t"][-1] += self.random.choice((10**6, 10**8, 10**9, 10**12, 2**52))
        np.save(file, events)

        def ask() -> None:
            bounded(MEMORY)
            commands.main(["predict", "--checkpoint", str(checkpoint), str(file)])

        child = Child(ask, folder.parent / "log")
        if child.expect(0, 1) == 1:
            expect(str(file) in child.log.read_text(), f"unnamed: {child.log.read_text()}")

    def other_classes(self, folder: Path) -> None:
        """Ask about recordings whose classes are in another order: they are refused, or right."""
        classifier = load_checkpoint(folder.parent / "first.pt", "cpu")
        test = self.loaded.test
        order = self.random.sample(range(len(test.classes)), len(test.classes))
        classes = [test.classes[number] for number in order]
        targets = [order.index(target) for target in test.targets]
        changed = Recordings(test.events, targets, classes, test.sensor_size)
        try:
            evaluate(classifier, make_loader(changed, time_window=5000), "cpu")
        except ValueError as error:
            expect("classes" in str(error), f"unnamed: {error}")
        else:
            expect(changed.classes == test.classes, "another order is accepted")

    def damaged_archive(self, folder: Path) -> None:
        """Damage an archive or a recording: the load refuses it by name or uses sound copies."""
        self.offer(folder)
        if self.random.random() < 0.5:
            Child(lambda: self.load(folder), folder.parent / "log").expect(0)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        for path in self.random.sample(files, 2):
            path.write_bytes(self.damaged(path.read_bytes()))

        def read() -> None:
            try:
                self.load(folder)
            except FileNotFoundError as error:
                expect("md5" in str(error), str(error))

        Child(read, folder.parent / "log").expect(0)

    def damaged(self, content: bytes) -> bytes:
        """Flip bits, cut the end, repeat a part or overwrite one."""
        changed, kind = bytearray(content), self.random.randrange(4)
        place = self.random.randrange(len(content))
        if kind == 0:
            for _ in range(self.random.choice((1, 1, 8, 64))):
                changed[self.random.randrange(len(changed))] ^= 1 << self.random.randrange(8)
        elif kind == 1:
            del changed[place:]
        elif kind == 2:
            changed[place:place] = changed[place : place + self.random.randrange(1, 5000)]
        else:
            length = self.random.randrange(1, 5000)
            changed[place : place + length] = self.random.randbytes(length)
        return bytes(changed)

    def offer(self, folder: Path) -> None:
        """Lay the archives where the loader looks for them."""
        (folder / "POKERDVS").mkdir()
        for archive in pokerdvs.ARCHIVES:
            shutil.copy(self.published / archive, folder / "POKERDVS")

    def load(self, folder: Path) -> None:
        data = load_pokerdvs(folder, "real")
        for part, expected in ((data.train, self.loaded.train), (data.test, self.loaded.test)):
            equal = all(map(np.array_equal, part.events, expected.events))
            expect(equal and part.targets == expected.targets, "other recordings")


def bounded(size: int) -> None:
    """Let this process take so many bytes of memory more than it has."""
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc").exists() else 0
    limit = size + pages * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def limited(size: int, function) -> None:
    """Call a function that may not write files beyond a size in bytes, as on a full disk."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    function()


def sizes(folder: Path) -> dict[str, int]:
    """Return the size of every file in a folder but locks."""
    found = {}
    with contextlib.suppress(FileNotFoundError):  # removed meanwhile
        for path in folder.rglob("*"):
            if path.suffix != ".lock":
                found[str(path)] = path.stat().st_size
    return found


def content(path: Path):
    return torch.load(path, weights_only=True)


def same(one, two) -> bool:
    """Say whether two checkpoints hold the same, to the last bit."""
    (values, form), (others, other_form) = tree_flatten(one), tree_flatten(two)
    return form == other_form and all(
        torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
        for a, b in zip(values, others, strict=True)
    )


ATTACKS = {  # how often, relative to each other
    Stress.killed_training: 4,
    Stress.racing_training: 2,
    Stress.killed_loading: 3,
    Stress.racing_loading: 1,
    Stress.full_disk: 2,
    Stress.full_cache: 1,
    Stress.damaged_checkpoint: 6,
    Stress.damaged_archive: 3,
    Stress.foreign_file: 3,
    Stress.forged_checkpoint: 4,
    Stress.long_recording: 3,
    Stress.other_classes: 1,
}


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.stress", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="how long (30)")
    parser.add_argument("--seed", type=int, default=0, help="of what is attacked and when (0)")
    options = parser.parse_args()
    if not hasattr(os, "fork"):
        raise SystemExit("this needs os.fork, which Windows doesn't have")
    os.environ["TQDM_DISABLE"] = "1"
    warnings.simplefilter("ignore")
    os.environ["CUDA_VISIBLE_DEVICES"] = ""  # what a GPU's driver starts doesn't survive a fork
    torch.set_num_threads(1)  # nor do threads
    tried, lost = Counter(), Counter()
    deadline = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory() as name:
        stress = Stress(Path(name), options.seed)
        while time.monotonic() < deadline:
            (attack,) = stress.random.choices(list(ATTACKS), list(ATTACKS.values()))
            folder = Path(name) / "attacked"
            folder.mkdir()
            tried[attack.__name__] += 1
            try:
                attack(stress, folder)
            except Exception as error:  # Lost, or a file that can't be loaded any more
                lost[attack.__name__] += 1
                print(f"LOST in {attack.__name__} {tried.total()}: {error!r}", flush=True)
            shutil.rmtree(folder)
    print(f"{'attack':20}{'tried':>8}{'survived':>10}{'lost':>6}")
    for attack, count in [*sorted(tried.items()), ("all", tried.total())]:
        gone = lost.total() if attack == "all" else lost[attack]
        print(f"{attack:20}{count:8}{count - gone:10}{gone:6}")
    print(f"seed {options.seed}; {stress.kills} processes killed")
    raise SystemExit(lost.total() > 0)


if __name__ == "__main__":
    main()
