"""Make the recordings of ``load_nmnist``: python tools/make_nmnist.py nmnist_6789.tar.gz.

The archive holds N-MNIST's training files as they were published, in a folder per digit, such as
"6/30821.bin". Of each digit the first 100 by name are to train on, and the next 50 to test on.

A recording is of three saccades of the camera (Orchard et al. 2015), of about 105 ms each. Between
two of them events are rarest, in these files from 85 to 105 ms. As with ``first_saccade_only`` of
Tonic, what is kept is all before 100 ms.
"""

import hashlib
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

from pokersnn_helpers.own import nmnist
from pokersnn_helpers.own.camera_files import read_bin

ENDS = 100_000  # µs
TRAIN, TEST = 100, 50  # recordings of each digit


def first_saccades(archive: str | Path, ends: int = ENDS) -> dict[str, list[np.ndarray]]:
    """Return the events of each file until some µs, by digit and in the order of the names."""
    found: dict[str, list[np.ndarray]] = {digit: [] for digit in nmnist.CLASSES}
    with tarfile.open(archive) as tar:
        for name in sorted(name for name in tar.getnames() if name.endswith(".bin")):
            events, _ = read_bin(tar.extractfile(name).read())  # type: ignore[union-attr]
            found[name.split("/")[-2]].append(events[events["t"] < ends])
    return found


def columns_of(events: dict[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
    """Return what the file holds."""
    train = [each for digit in nmnist.CLASSES for each in events[digit][:TRAIN]]
    test = [each for digit in nmnist.CLASSES for each in events[digit][TRAIN:][:TEST]]
    chosen = train + test
    since = [np.diff(each["t"], prepend=each["t"][0]) for each in chosen]
    columns = {"t": np.concatenate(since).astype(np.uint16)}
    for field in "xyp":
        columns[field] = np.concatenate([each[field] for each in chosen]).astype(np.uint8)
    columns["ends"] = np.cumsum([len(each) for each in chosen], dtype=np.uint32)
    digits = np.arange(len(nmnist.CLASSES), dtype=np.uint8)
    columns["targets"] = np.concatenate([digits.repeat(TRAIN), digits.repeat(TEST)])
    return columns


def main(archive: str) -> None:
    """Write the file, and print the hash that ``nmnist.SHA256`` has to be."""
    columns: dict[str, Any] = columns_of(first_saccades(archive))
    np.savez_compressed(nmnist.FILE, **columns)
    content = nmnist.FILE.read_bytes()
    print(f"{nmnist.FILE}: {len(content)} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
