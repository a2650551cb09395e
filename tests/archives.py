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
