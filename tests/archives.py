"""Archives in the form of the published ones, with tiny recordings."""

import hashlib
import tarfile

import numpy as np

from pokersnn_helpers.data import pokerdvs_archives as archives


def pack(archive, folder):
    """Write an archive of tiny recordings in the form of a published one; return their hashes."""
    rng = np.random.default_rng(0)
    part = archive.removesuffix(".tar.gz")
    tree = folder / "tree"
    hashes = {}
    for name in archives.REGISTRY:
        if name.startswith(f"{part}/"):
            path = tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            columns = rng.integers(0, [5000, 35, 35, 2], (40, 4), np.uint64)  # t, x, y and p
            columns[0, 0] = 0
            columns[:, 0].sort()
            np.save(path, columns)
            hashes[name] = md5(path)
    with tarfile.open(folder / archive, "w:gz") as tar:
        tar.add(tree / part, part)
    return hashes | {archive: md5(folder / archive)}


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()
