"""Make the recordings of ``load_nmnist``: python tools/make_nmnist.py nmnist_6789.tar.gz.

The archive holds N-MNIST's training files as they were published, in a folder per digit, such as
"6/30821.bin". Of each digit the first 100 by name are to train on, and the next 50 to test on.

A recording is of three saccades of the camera (Orchard et al. 2015), of about 105 ms each. Between
two of them events are rarest, in these files from 85 to 105 ms. As with ``first_saccade_only`` of
Tonic, what is kept is all before 100 ms.
"""

import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

from pokersnn_helpers.own import nmnist
from pokersnn_helpers.own.camera_files import read_bin

ENDS = 100_000  # µs
TRAIN = 100  # recordings of each digit
TEST = 50


def first_saccades(archive: str | Path, ends: int = ENDS) -> dict[str, list[np.ndarray]]:
    """Return the events of each file until some µs, by digit and in the order of the names."""
    recordings: dict[str, list[np.ndarray]] = {digit: [] for digit in nmnist.CLASSES}
    with tarfile.open(archive) as tar:
        for name in sorted(tar.getnames()):
            if name.endswith(".bin"):
                events, _ = read_bin(tar.extractfile(name).read())  # type: ignore[union-attr]
                digit = name.split("/")[-2]
                recordings[digit].append(events[events["t"] < ends])
    return recordings


def columns_of(recordings: dict[str, list[np.ndarray]]) -> dict[str, np.ndarray]:
    """Return what the file holds."""
    chosen = []
    for part in (slice(TRAIN), slice(TRAIN, TRAIN + TEST)):
        for digit in nmnist.CLASSES:
            chosen += recordings[digit][part]
    since = [np.diff(events["t"], prepend=events["t"][0]) for events in chosen]
    columns = {"t": np.concatenate(since).astype(np.uint16)}
    for field in "xyp":
        values = [events[field] for events in chosen]
        columns[field] = np.concatenate(values).astype(np.uint8)
    columns["ends"] = np.cumsum([len(events) for events in chosen], dtype=np.uint32)
    digits = np.arange(len(nmnist.CLASSES), dtype=np.uint8)
    columns["targets"] = np.concatenate([digits.repeat(TRAIN), digits.repeat(TEST)])
    return columns


def main(archive: str) -> None:
    """Write the file."""
    columns: dict[str, Any] = columns_of(first_saccades(archive))
    np.savez_compressed(nmnist.FILE, **columns)
    print(f"{nmnist.FILE}: {nmnist.FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
