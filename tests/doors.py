"""Knock at every door with what has once come in wrongly, and see that it is refused in words.

Run ``python -m tests.doors`` in the repository. Each case has the name of what it protects, gets an
empty folder, and raises an error where something hangs, is executed, is lost, or is wrong without a
word. ``tests/eventdesk/test_doors.py`` runs those that are quick. What a test of a reader, of a
folder or of inspection holds isn't tried again: wild events, names, clocks and rounded times.
"""

import argparse
import contextlib
import io
import json
import math
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from eventdesk import read_events
from eventdesk.commands import main
from eventdesk.files.event_files import FORMATS
from pokersnn_helpers import SNN, Classifier, FastSNN, load_checkpoint, save_checkpoint
from pokersnn_helpers.elsewhere import load_nir, save_nir

from .damaged import EVENTS
from .eventdesk.test_event_files import by_faery, hdf5, some_events

ROOT = Path(__file__).parents[1]
PAGE = b"<!DOCTYPE html>\n<html><head><title>404</title></head><body>Not found</body></html>\n"
SECONDS = 20  # that a refusal may take where other programs are at work


def refusal(function: Callable[..., Any], *arguments: Any) -> str:
    """Return the words in which something is refused, soon."""

    def too_late(*_: Any) -> None:
        raise AssertionError(f"{arguments} hangs")

    before = signal.signal(signal.SIGALRM, too_late)
    signal.alarm(SECONDS)
    try:
        function(*arguments)
    except (ValueError, OSError) as error:
        return str(error)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    raise AssertionError(f"{arguments} is accepted")


def said_by(*words: str) -> tuple[int, str, str]:
    """Run a command here; return its exit status, what it printed, and its error."""
    printed, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(errors):
        try:
            main.main([*words])
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
            return status, printed.getvalue(), errors.getvalue() + str(end.code)
    return 0, printed.getvalue(), errors.getvalue()


def save(path: Path, events: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, events)
    return path


def what_is_no_regular_file_is_refused(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    targets = [folder / "pipe", folder / "folder", Path("/dev/zero"), Path("/dev/stdin")]
    for target in targets:
        for suffix in FORMATS:
            link = folder / f"link{suffix}"
            link.unlink(missing_ok=True)
            link.symlink_to(target)
            assert "is no regular file" in refusal(read_events, link), link
        for load in (load_nir, load_checkpoint):
            assert "is no regular file" in refusal(load, target), load


def nothing_outside_an_hdf5_file_is_read(folder: Path) -> None:
    """Of a network, and of events."""
    save_nir(Classifier(SNN(hidden_size=5)), folder / "a.nir")
    (folder / "a.h5").write_bytes(hdf5(t=[0], x=[1], y=[1], p=[1]))
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    doors = {
        "a.nir": ("node/nodes/recurrent_weights/weight", load_nir),
        "a.h5": ("events/t", read_events),
    }
    for (name, (place, load)), kind in product(doors.items(), ("external", "soft", "storage")):
        path = folder / f"{kind} {name}"
        path.write_bytes((folder / name).read_bytes())
        with h5py.File(path, "a") as file:
            shape = file[place].shape
            del file[place]
            if kind == "external":
                file[place] = h5py.ExternalLink(str(pipe), "t")
            elif kind == "soft":
                file[place] = h5py.SoftLink("/elsewhere")
            else:
                file.create_dataset(place, shape, external=[(str(pipe), 0, 8 * math.prod(shape))])
        assert re.search("is a link|are in other files", refusal(load, path))


def a_size_that_a_file_states_is_not_allocated(folder: Path) -> None:
    for name in ("a.raw", "a.npy", "a.aedat", "a.csv", "a.h5"):
        with (folder / name).open("wb") as file:
            file.write(FORMATS[Path(name).suffix].start or b"#")
            file.truncate(2 * 10**11)
        assert "GB of memory" in refusal(read_events, folder / name), name
    for load in (load_checkpoint, load_nir):
        with (folder / "a.pt").open("wb") as file:
            file.truncate(2 * 10**11)
        assert "need about 400 GB of memory" in refusal(load, folder / "a.pt")
    with h5py.File(folder / "vast.h5", "w") as file:
        file.create_dataset("events/t", (10**13,), "i8", chunks=True)
    assert "GB of memory" in refusal(read_events, folder / "vast.h5")
    (folder / "vast.h5").rename(folder / "vast.nir")
    assert "GB of memory" in refusal(load_nir, folder / "vast.nir")


def a_tensor_that_is_not_stored_in_full_is_refused(folder: Path) -> None:
    path = folder / "a.pt"
    classifier = Classifier(FastSNN(hidden_size=5))
    save_checkpoint(classifier, path)
    content = torch.load(path)
    vast = [
        torch.zeros(1).expand(10**7, 10**7),
        torch.zeros(1, device="meta").expand(3, 3),
        torch.sparse_coo_tensor(torch.zeros(1, 1, dtype=torch.int64), torch.ones(1), (10**14,)),
    ]
    for tensor in vast:
        for change in (
            {"weights": content["weights"] | {"linear.weight": tensor}},
            {"x": [tensor]},
        ):
            torch.save(content | change, path)
            assert "isn't stored in full" in refusal(load_checkpoint, path)


def a_tampered_checkpoint_is_refused_in_words(folder: Path) -> None:
    """Whatever stands in place of anything, and whoever reads it: no error but in words."""
    fill_classes(folder / "data")
    path = folder / "a.pt"
    few = ["--epochs", "1", "--time-window", "20000", "--network", "fast", "--device", "cpu"]
    status, _, error = said_by(
        "train", "--data", str(folder / "data"), "--checkpoint", str(path), *few
    )
    assert status == 0, error
    content = torch.load(path)
    values = [None, 0, 1e300, "other", [], {"a": 1}]
    changes = [{name: value} for name in content for value in values]
    for part in ("arguments", "options", "state", "recipe"):
        for name in content[part]:
            changes += [{part: content[part] | {name: value}} for value in values]
    for name, numbers in content["state"]["history"].items():
        for value in ([], numbers * 2, [None]):
            history = content["state"]["history"] | {name: value}
            changes.append({"state": content["state"] | {"history": history}})
    file = str(next((folder / "data").glob("*/*.npy")))
    raw = []
    for change in changes:
        torch.save(content | change, path)
        for words in (
            ("predict", "--checkpoint", str(path), file),
            ("train", "--resume", str(path)),
        ):
            if words[0] == "train" and change.keys().isdisjoint({"options", "state"}):
                continue
            try:
                said_by(*words)
            except Exception as error:  # any but those that commands say in words
                raw.append((words[0], change, repr(error)))
    assert not raw, (len(raw), raw[0])


def fill_classes(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(12):
        events = some_events(200)
        events["x"] = rng.integers(0, 20, 200) + 20 * (number % 2)
        save(folder / "ab"[number % 2] / f"{number}.npy", events)


def a_fork_while_a_thread_reads_by_faery_does_not_hang(folder: Path) -> None:
    path = folder / "a.es"
    by_faery(path, some_events(100_000))
    stopped = threading.Event()

    def read_on() -> None:
        while not stopped.is_set():
            read_events(path)

    thread = threading.Thread(target=read_on)
    thread.start()
    try:
        for _ in range(12):
            time.sleep(0.05)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a fork beside threads
                child = get_context("fork").Process(target=read_events, args=(path,))
                child.start()
            child.join(SECONDS)
            assert child.exitcode == 0, child.exitcode
    finally:
        stopped.set()
        thread.join()


def a_command_says_what_failed(folder: Path) -> None:
    good = str(save(folder / "good.npy", EVENTS))
    missing = str(folder / "missing.npy")
    for words in ([good, missing], [missing, good]):
        status, printed, error = said_by("inspect", *words)
        assert status == 1
        assert "2 files" in printed
        assert "1 of 2 files can't be read" in error and "missing.npy" in error
        status, printed, error = said_by("inspect", "--json", *words)
        assert status == 1
        content = json.loads(printed)
        assert [*content[missing]] == ["error"] and "no file" in content[missing]["error"]
        assert content[good]["numbers"]["events"] == len(EVENTS)


def sizes_are_bounded(folder: Path) -> None:
    fill_classes(folder / "data")
    for words, said in (
        (["--sensor", "999999x999999"], "--sensor is '999999x999999'; write WIDTHxHEIGHT"),
        (["--size", "99999x9"], "--size is '99999x9'; write WIDTHxHEIGHT"),
        (["--time-window", "1e20"], "time_window is 1e+20; choose a number from 1 to"),
        (["--window-ms", "1e20"], "window_ms is 1e+20; choose a number from"),
    ):
        status, _, error = said_by("train", "--data", str(folder / "data"), *words)
        assert status == 1 and said in error, error


def a_command_runs_outside_the_main_thread(folder: Path) -> None:
    file = str(save(folder / "good.npy", EVENTS))
    statuses = []
    with contextlib.redirect_stdout(io.StringIO()):
        thread = threading.Thread(target=lambda: statuses.append(main.main(["inspect", file])))
        thread.start()
        thread.join()
    assert statuses == [None]


def what_ends_clean_leaves_nothing(folder: Path) -> None:
    save(folder / "old" / "0.npy", some_events(200_000))
    for number in range(1, 400):  # more than are done before the signal comes
        (folder / "old" / f"{number}.npy").hardlink_to(folder / "old" / "0.npy")
    command = [sys.executable, "-m", "eventdesk", "clean", "old", "--out", "new"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Who runs this by nohup, or behind a script's &, ignores one, and so would the child.
            preexec_fn=lambda number=number: signal.signal(number, signal.SIG_DFL),
        )
        child.stdout.readline()  # a file is done, and others are to come
        child.send_signal(number)
        _, errors = child.communicate()
        assert child.returncode == 128 + number, child.returncode
        assert errors.decode().splitlines() == ["eventdesk clean: stopped"]
        assert [path.name for path in folder.iterdir()] == ["old"]


def a_full_disk_in_clean_names_the_file(folder: Path) -> None:
    events = some_events(20_000)
    rng = np.random.default_rng(0)
    events["t"] = np.sort(rng.integers(0, 10**9, len(events)))
    events["x"] = rng.integers(0, 64, len(events))
    save(folder / "old" / "1.npy", events)
    words = ["clean", str(folder / "old"), "--out", str(folder / "new")]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    import tonic.transforms  # noqa: F401 (which may write caches)

    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))
    try:
        status, _, error = said_by(*words)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert status == 1
    assert str(folder / "new" / "1.npz") in error, error
    assert [path.name for path in folder.iterdir()] == ["old"]


def what_may_write_to_the_repository_is_pinned(folder: Path) -> None:
    import yaml

    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["jobs"]
    for job in jobs.values():
        if job.get("permissions", {}).get("contents") != "write":
            continue
        for step in job["steps"]:
            assert re.search("@[0-9a-f]{40}$", step.get("uses", "@" + 40 * "0")), step
            assert "pip install" not in step.get("run", ""), step


SLOW = [
    sizes_are_bounded,
    what_is_no_regular_file_is_refused,
    a_tampered_checkpoint_is_refused_in_words,
    a_fork_while_a_thread_reads_by_faery_does_not_hang,
    what_ends_clean_leaves_nothing,
]
QUICK = [
    nothing_outside_an_hdf5_file_is_read,
    a_size_that_a_file_states_is_not_allocated,
    a_tensor_that_is_not_stored_in_full_is_refused,
    a_command_says_what_failed,
    a_command_runs_outside_the_main_thread,
    a_full_disk_in_clean_names_the_file,
    what_may_write_to_the_repository_is_pinned,
]


def run() -> None:
    parser = argparse.ArgumentParser("python -m tests.doors", description=__doc__)
    parser.add_argument("names", nargs="*", help="cases, or parts of their names (all)")
    names = parser.parse_args().names
    warnings.simplefilter("ignore")
    open_doors = 0
    for case in [*QUICK, *SLOW]:
        if names and not any(name in case.__name__ for name in names):
            continue
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            try:
                case(Path(folder))
                what = "ok"
            except Exception as error:  # whatever it is, this door is open
                open_doors += 1
                what = f"OPEN {error!r}"
        words = case.__name__.replace("_", " ")
        print(f"{time.monotonic() - start:6.1f} s  {words}: {what}", flush=True)
    print(f"{open_doors} doors are open")
    raise SystemExit(open_doors > 0)


if __name__ == "__main__":
    run()
