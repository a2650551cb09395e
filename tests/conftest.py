"""What the tests share.

The package is imported where it is needed: the process that only hands tests to others needs none.
"""

import http.server
import os
import pickle
import shutil
import sys
import threading
import warnings
from functools import partial
from pathlib import Path

# Before PyTorch reads it: tests run on all cores, and more threads would wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.pop("TQDM_DISABLE", None)  # before tqdm reads it: a test looks for bars

import pytest
from filelock import FileLock
from hypothesis.internal.conjecture import providers

# Hypothesis would also draw numbers that stand in the modules loaded so far: after other tests, or
# in another order of them, it would try other examples.
providers._get_local_constants = providers.Constants

# What lies beside the package.
sys.path[:0] = [str(Path(__file__).parents[1] / place) for place in (".", "tools", "_ext")]


def pytest_runtest_setup():
    """Begin each test with the same random numbers, whichever have run before it."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)


@pytest.fixture(scope="session", autouse=True)
def figures_without_windows():
    import matplotlib

    matplotlib.use("Agg")


@pytest.fixture(scope="session")
def data():
    """The real recordings where they can be loaded, else simulated ones."""
    from pokersnn_helpers import load_pokerdvs

    with warnings.catch_warnings(action="ignore"):
        return load_pokerdvs()


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """Return a function that makes something once for all processes that tests run in."""

    def make_once(name, make):
        if "PYTEST_XDIST_WORKER" not in os.environ:
            return make()
        path = tmp_path_factory.getbasetemp().parent / f"{name}.pickle"  # shared by the processes
        with FileLock(f"{path}.lock"):
            if not path.exists():
                path.write_bytes(pickle.dumps(make()))
            return pickle.loads(path.read_bytes())

    return make_once


@pytest.fixture(scope="session")
def simulated(made_once):
    from pokersnn_helpers import load_pokerdvs

    return made_once("simulated", lambda: load_pokerdvs(source="simulated"))


@pytest.fixture(scope="session")
def everything(made_once):
    """All 131, simulated."""
    from pokersnn_helpers import load_pokerdvs131

    return made_once("everything", lambda: load_pokerdvs131(source="simulated"))


@pytest.fixture(scope="session")
def some(everything):
    """Three recordings of each suit, each from another pass."""
    first = everything.table.drop_duplicates("pass").groupby("class", sort=False).head(3)
    return everything.recordings.subset(first.index)


@pytest.fixture(scope="session")
def packed(tmp_path_factory):
    """Two tiny archives in the form of the published ones, what is in them, and the hashes."""
    from archives import pack

    from pokersnn_helpers.data import pokerdvs_archives as archives

    folder = tmp_path_factory.mktemp("packed")
    first, second = (pack(archive, folder) for archive in archives.ARCHIVES)
    return folder, first | second


@pytest.fixture
def published(packed, tmp_path, monkeypatch):
    """A folder with two tiny archives that the loader takes for the published ones.

    Nothing outside the test's own folder is read or written: no network, no user's cache.
    """
    from pokersnn_helpers.data import pokerdvs_archives as archives

    folder, hashes = tmp_path / "published", packed[1]
    shutil.copytree(packed[0], folder)
    monkeypatch.setattr(archives, "REGISTRY", archives.REGISTRY | hashes)
    nowhere = dict.fromkeys(archives.SOURCES, ("http://127.0.0.1:9/none/",))
    monkeypatch.setattr(archives, "SOURCES", nowhere)
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache")
    monkeypatch.delenv("POKERSNN_DATA", raising=False)
    return folder


@pytest.fixture
def run_server():
    """Return a function that lets a server run until the test is over; it returns its address."""
    servers = []

    def run(server):
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/"

    yield run
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def serve(run_server):
    """Serve folders on the loopback address; returns a function from folder to address."""

    def start(folder):
        handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
        return run_server(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))

    return start
