import http.server
import os
import sys
import threading
import warnings
from pathlib import Path

# Before PyTorch reads it: tests run on all cores, and more threads would wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import matplotlib
import pytest
from archives import pack

sys.path.insert(0, str(Path(__file__).parents[1]))  # benchmarks lie beside the package, not in it

from pokersnn_helpers import load_pokerdvs, load_pokerdvs131, pokerdvs

matplotlib.use("Agg")


@pytest.fixture(scope="session")
def data():
    """The real recordings where they can be loaded, else simulated ones."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load_pokerdvs()


@pytest.fixture(scope="session")
def simulated():
    return load_pokerdvs(source="simulated")


@pytest.fixture(scope="session")
def everything():
    """All 131, simulated."""
    return load_pokerdvs131(source="simulated")


@pytest.fixture(scope="session")
def some(everything):
    """Three recordings of each suit, each from another pass."""
    first = everything.table.drop_duplicates("pass").groupby("class", sort=False).head(3)
    return everything.recordings.subset(first.index)


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A folder with two tiny archives that the loader takes for the published ones.

    Nothing outside the test's own folder is read or written: no network, no user's cache.
    """
    folder = tmp_path / "published"
    folder.mkdir()
    hashes = [pack(archive, folder) for archive in pokerdvs.ARCHIVES]
    monkeypatch.setattr(pokerdvs, "REGISTRY", hashes[0] | hashes[1])
    monkeypatch.setattr(pokerdvs, "SOURCES", ("http://127.0.0.1:9/none/",))
    monkeypatch.setattr("pooch.os_cache", lambda project: tmp_path / "cache")
    monkeypatch.delenv("POKERSNN_DATA", raising=False)
    return folder


@pytest.fixture
def serve(monkeypatch):
    """Serve folders on the loopback address; returns a function from folder to address."""
    servers = []

    def start(folder: Path) -> str:
        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *args):
                super().__init__(*args, directory=str(folder))

            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
