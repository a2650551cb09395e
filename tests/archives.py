"""Archives in the form of the published ones, with tiny recordings."""

import hashlib
import tarfile
from pathlib import Path

import numpy as np

from pokersnn_helpers import pokerdvs


def pack(archive: str, folder: Path, seed: int = 0) -> dict[str, str]:
    """Write an archive of tiny recordings in the form of a published one; return their hashes."""
    rng = np.random.default_rng(seed)
    part = archive.removesuffix(".tar.gz")
    paths = {archive: folder / archive}
    for name in pokerdvs.REGISTRY:
        if name.startswith(f"{part}/"):
            paths[name] = folder / "tree" / name
            paths[name].parent.mkdir(parents=True, exist_ok=True)
            columns = rng.integers(0, [5000, 35, 35, 2], (40, 4), np.uint64)  # t, x, y and p
            columns[0, 0] = 0
            columns[:, 0].sort()
            np.save(paths[name], columns)
    with tarfile.open(folder / archive, "w:gz") as tar:
        tar.add(folder / "tree" / part, part)
    return {name: hashlib.md5(path.read_bytes()).hexdigest() for name, path in paths.items()}
