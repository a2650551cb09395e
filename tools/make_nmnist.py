"""Make the recordings of ``load_nmnist``: python tools/make_nmnist.py nmnist_6789.tar.gz.

The archive holds N-MNIST's training files as they were published, in a folder per digit, such as
"6/30821.bin". Of each digit the first by name are to train on, and the next half as many to test
on: 150 of the first saccade, and 24 of the others.

A recording is of three saccades of the camera (Orchard et al. 2015), of about 105 ms each. Between
two of them events are rarest, in these files from 85 to 105 ms. As with ``first_saccade_only`` of
Tonic, what is kept of the first is all before 100 ms.
"""

import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

from eventdesk.files.camera_files import read_bin
from pokersnn_helpers.data import nmnist

SACCADES = {1: (0, 100_000), 2: (105_000, 210_000), 3: (210_000, 315_000)}  # µs
TRAIN = {1: 100, 2: 16, 3: 16}  # recordings of each digit
TEST = {1: 50, 2: 8, 3: 8}


def read_digits(archive: str | Path, begin: int, end: int) -> dict[str, list[Any]]:
    """Return the events of each file in some time in µs, by digit and in the order of the names."""
    recordings: dict[str, list[Any]] = {digit: [] for digit in nmnist.CLASSES}
    with tarfile.open(archive) as tar:
        for name in sorted(tar.getnames()):
            if name.endswith(".bin"):
                events, _ = read_bin(tar.extractfile(name).read())
                first, after = np.searchsorted(events["t"], [begin, end])
                recordings[name.split("/")[-2]].append(events[first:after])
    return recordings


def columns_of(archive: str | Path, saccade: int) -> dict[str, np.ndarray]:
    """Return what the file of a saccade holds."""
    recordings = read_digits(archive, *SACCADES[saccade])
    train = TRAIN[saccade]
    test = TEST[saccade]
    chosen = []
    for part in (slice(train), slice(train, train + test)):
        for digit in nmnist.CLASSES:
            chosen += recordings[digit][part]
    since = [np.diff(events["t"], prepend=events["t"][0]) for events in chosen]
    columns = {"t": np.concatenate(since).astype(np.uint16)}
    for field in "xyp":
        values = [events[field] for events in chosen]
        columns[field] = np.concatenate(values).astype(np.uint8)
    columns["ends"] = np.cumsum([len(events) for events in chosen], dtype=np.uint32)
    digits = np.arange(len(nmnist.CLASSES), dtype=np.uint8)
    columns["targets"] = np.concatenate([digits.repeat(train), digits.repeat(test)])
    return columns


def main(archive: str) -> None:
    """Write the files."""
    for saccade, path in nmnist.FILES.items():
        columns: dict[str, Any] = columns_of(archive, saccade)
        np.savez_compressed(path, **columns)
        print(f"{path}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
