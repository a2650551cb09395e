"""Each door that was once open: what has come in wrongly is refused in words.

What a test of a reader, of a folder or of inspection holds isn't tried again: wild events, names,
clocks and rounded times.
"""

import contextlib
import math
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from itertools import product
from multiprocessing import get_context
from multiprocessing.pool import ThreadPool
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
import yaml
from test_event_files import by_faery, hdf5, some_events
from test_folders import save

from eventdesk import load_trained, read_events
from eventdesk.files import event_files
from eventdesk.files.event_files import FORMATS
from eventdesk.trained.nir_files import load_nir, save_nir
from pokersnn_helpers import SNN, Classifier, FastSNN, load_checkpoint, save_checkpoint

pytest.importorskip("faery")
pytestmark = pytest.mark.filterwarnings("ignore")
ROOT = Path(__file__).parents[2]


def refused(words):
    return pytest.raises((ValueError, OSError), match=words)


def test_a_pipe_is_no_winner(tmp_path):
    os.mkfifo(tmp_path / "winner.skops")
    with refused("no regular file"):
        load_trained(tmp_path / "winner.skops")


def test_a_table_that_is_replaced_while_it_is_read_is_read_as_it_was_opened(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    other = tmp_path / "b.csv"
    path.write_text("t,x,y,p\n0,3,5,1\n9,3,5,0\n")
    other.write_text("t,y,x,p\n0,5,3,1\n9,5,3,0\n")
    opened = event_files.open_input

    def open_and_replace(path):
        file = opened(path)
        if other.exists():
            other.replace(path)
        return file

    monkeypatch.setattr(event_files, "open_input", open_and_replace)
    events = event_files.read_event_file(path).events
    assert set(events["x"]) == {3}
    assert set(events["y"]) == {5}


def test_nothing_outside_an_hdf5_file_is_read(tmp_path):
    """Of a network, and of events."""
    save_nir(Classifier(SNN(hidden_size=5)), tmp_path / "a.nir")
    (tmp_path / "a.h5").write_bytes(hdf5("events/", t=[0], x=[1], y=[1], p=[1]))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    doors = {
        "a.nir": ("node/nodes/recurrent_weights/weight", load_nir),
        "a.h5": ("events/t", read_events),
    }
    for (name, (place, load)), kind in product(doors.items(), ("external", "soft", "storage")):
        path = tmp_path / f"{kind} {name}"
        path.write_bytes((tmp_path / name).read_bytes())
        with h5py.File(path, "a") as file:
            shape = file[place].shape
            del file[place]
            if kind == "external":
                file[place] = h5py.ExternalLink(str(pipe), "t")
            elif kind == "soft":
                file[place] = h5py.SoftLink("/elsewhere")
            else:
                file.create_dataset(place, shape, external=[(str(pipe), 0, 8 * math.prod(shape))])
        with refused("is a link|are in other files"):
            load(path)


def test_a_size_that_a_file_states_is_not_allocated(tmp_path):
    with h5py.File(tmp_path / "vast.h5", "w") as file:
        file.create_dataset("events/t", (10**13,), "i8", chunks=True)
    for suffix in (".raw", ".npy", ".aedat", ".csv", ".h5"):
        with (tmp_path / f"a{suffix}").open("wb") as file:
            file.write(FORMATS[suffix].start or b"#")
            file.truncate(2 * 10**11)
    for path in tmp_path.iterdir():
        with refused("GB of memory"):
            read_events(path)
    for load, name in ((load_nir, "a.raw"), (load_checkpoint, "a.raw"), (load_nir, "vast.h5")):
        with refused("GB of memory"):
            load(tmp_path / name)


def test_a_tensor_that_is_not_stored_in_full_is_refused(tmp_path):
    path = tmp_path / "a.pt"
    classifier = Classifier(FastSNN(hidden_size=5))
    save_checkpoint(classifier, path)
    content = torch.load(path)
    vast = [
        torch.zeros(1).expand(10**7, 10**7),
        torch.zeros(1, device="meta").expand(3, 3),
        torch.sparse_coo_tensor(torch.zeros(1, 1, dtype=torch.int64), torch.ones(1), (10**14,)),
    ]
    for tensor in vast:
        torch.save(content | {"x": [tensor]}, path)
        with refused("isn't stored in full"):
            load_trained(path)


@pytest.mark.slow
def test_a_tampered_checkpoint_is_refused_in_words(folder, tmp_path_factory, run):
    """Whatever stands in place of anything, and whoever reads it: no error but in words."""
    path = tmp_path_factory.mktemp("trained") / "a.pt"
    few = ["--epochs", 1, "--time-window", 20000, "--network", "fast", "--device", "cpu"]
    run("train", "--data", folder, "--checkpoint", path, *few)
    content = torch.load(path)
    state = content["state"]
    values = [None, 0, 1e300, "other", [], {"a": 1}]
    changes = [{name: value} for name, value in product(content, values)]
    for part in ("arguments", "options", "state", "recipe"):
        places = product(content[part], values)
        changes += [{part: content[part] | {name: value}} for name, value in places]
    for name, numbers in state["history"].items():
        for value in ([], numbers * 2, [None]):
            history = state["history"] | {name: value}
            changes.append({"state": state | {"history": history}})
    predict = "predict", "--checkpoint", path, next(folder.glob("*/*/*.npy"))
    resume = "train", "--resume", path
    readers = {"state": [resume], "options": [predict, resume]}
    for change in changes:
        torch.save(content | change, path)
        (changed,) = change
        for words in readers.get(changed, [predict]):
            with contextlib.suppress(SystemExit):  # and nothing else
                run(*words)


@pytest.mark.slow
def test_a_fork_while_a_thread_reads_by_faery_does_not_hang(tmp_path):
    path = tmp_path / "a.es"
    by_faery(path, some_events(100_000))
    stopped = threading.Event()

    def read_on():
        while not stopped.is_set():
            read_events(path)

    thread = threading.Thread(target=read_on)
    thread.start()
    try:
        for _ in range(12):
            time.sleep(0.05)
            child = get_context("fork").Process(target=read_events, args=(path,))
            child.start()  # with a warning of a fork beside threads
            child.join(20)
            assert child.exitcode == 0, child.exitcode
    finally:
        stopped.set()
        thread.join()


def test_a_command_runs_outside_the_main_thread(tmp_path, run):
    np.save(tmp_path / "good.npy", some_events(3000))
    with ThreadPool(1) as pool:
        assert pool.apply(run, ("inspect", tmp_path))


@pytest.mark.slow
def test_what_ends_clean_leaves_nothing(tmp_path):
    save(tmp_path / "old" / "0.npy", some_events(200_000))
    for number in range(1, 400):  # more than are done before the signal comes
        (tmp_path / "old" / f"{number}.npy").hardlink_to(tmp_path / "old" / "0.npy")
    command = [sys.executable, "-m", "eventdesk", "clean", "old", "--out", "new"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
        child = subprocess.Popen(
            command,
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Who runs this by nohup, or behind a script's &, ignores one, and so would the child.
            preexec_fn=lambda number=number: signal.signal(number, signal.SIG_DFL),
        )
        child.stdout.readline()  # a file is done, and others are to come
        child.send_signal(number)
        _, errors = child.communicate()
        assert child.returncode == 130, child.returncode
        assert errors.decode().splitlines() == ["eventdesk clean: stopped"]
        assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_a_full_disk_in_clean_names_the_file(tmp_path, run):
    save(tmp_path / "old" / "1.npy", some_events(200_000))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    import tonic.transforms  # noqa: F401 (which may write caches)

    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))
    try:
        with pytest.raises(SystemExit, match=str(tmp_path / "new" / "1.npz")):
            run("clean", tmp_path / "old", "--out", tmp_path / "new")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_what_may_write_to_the_repository_installs_nothing():
    jobs = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text())["jobs"]
    for job in jobs.values():
        if job.get("permissions", {}).get("contents") != "write":
            continue
        for step in job["steps"]:
            assert "pip install" not in step.get("run", ""), step
