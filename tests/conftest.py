import hashlib
import http.server
import tarfile
import threading
import warnings
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from pokersnn_helpers import load_pokerdvs, pokerdvs

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


def pack(archive: str, folder: Path, seed: int = 0) -> dict[str, str]:
    """Write an archive of tiny recordings in the form of a published one; return their hashes."""
    rng = np.random.default_rng(seed)
    part = archive.removesuffix(".tar.gz")
    names = [name for name in pokerdvs.REGISTRY if name.startswith(f"{part}/")]
    for name in names:
        path = folder / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        times = np.sort(rng.integers(0, 5000, 40))
        times[0] = 0
        columns = [times, rng.integers(0, 35, 40), rng.integers(0, 35, 40), rng.integers(0, 2, 40)]
        np.save(path, np.stack(columns, axis=1).astype(np.uint64))
    with tarfile.open(folder / archive, "w:gz") as tar:
        tar.add(folder / "tree" / part, part)
    paths = {archive: folder / archive} | {name: folder / "tree" / name for name in names}
    return {name: hashlib.md5(path.read_bytes()).hexdigest() for name, path in paths.items()}


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
