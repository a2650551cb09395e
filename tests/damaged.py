"""Damage files of every format, read them, and count what happens.

Run it in the repository: ``python -m tests.damaged 2000 --seed 7``. Every file is read, or refused
under its name by a ``ValueError``, quickly and in little memory. ``tests.stress`` uses it, too.
"""

import argparse
import random
import resource
import struct
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from pokersnn_helpers.own.event_files import FAERY_CHILDREN, read_event_file

from .test_event_files import PLAIN, by_faery, csv, npy, some_events

EVENTS = some_events(3000)
HEADER3 = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n"
WRITTEN = ("lz4.aedat4", "zstd.aedat4", "one.es", "evt2.raw", "evt3.raw", "dat1.dat", "dat2.dat")
LONGEST, LARGEST = 2.0, 500  # s and MB, where nothing else runs


def healthy(folder: Path) -> dict[str, bytes]:
    """Return what files of every format hold, by name."""
    found = dict(PLAIN)
    for name in WRITTEN:
        kind = name.partition(".")[0]
        options = {"compression": (kind, 1)} if name.endswith("aedat4") else {"version": kind}
        by_faery(folder / name, EVENTS, **({} if kind == "one" else options))
        found[name] = (folder / name).read_bytes()
    t, x, y, p = (EVENTS[name] for name in "txyp")
    columns = [x, y, p << 7 | t >> 16, t >> 8 & 255, t & 255]
    found["nmnist.bin"] = np.stack(columns, 1).astype(np.uint8).tobytes()
    words = np.stack([x << 17 | y << 2 | p << 1 | 1, t], 1).astype("<u4")
    about = struct.pack("<HHIIIIII", 1, 1, 8, 4, 0, *[len(words)] * 3)
    found["three.aedat"] = HEADER3 + about + words.tobytes()
    return found


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Change a file by one of the accidents that happen to files."""
    changed, end = bytearray(content), len(content)
    place = rng.randrange(min(end, rng.choice((64, 600, end))))  # headers are short
    size = rng.choice((1, 2, 4, 8))
    match rng.randrange(9):
        case 0:
            changed[place] ^= 1 << rng.randrange(8)
        case 1:
            for _ in range(4):
                changed[rng.randrange(end)] = rng.randrange(256)
        case 2:
            del changed[place:]
        case 3:
            changed[place : place + size] = b"\xff" * size
        case 4:
            changed[place : place + 8] = (2**32).to_bytes(8, "little")
        case 5:
            del changed[place : place + size]
        case 6:
            changed[place:place] = rng.randbytes(size)
        case 7:
            changed[place:] = bytes(end - place)
        case 8:
            digits = [at for at in range(min(end, 600)) if changed[at : at + 1].isdigit()]
            at = rng.choice(digits or [0])
            changed[at : at + 1] = rng.choice((b"-1", b"9" * 20, b"4294967296", b"0", b"x"))
    return bytes(changed)


def wild(rng: random.Random) -> dict[str, bytes]:
    """Return files in which one time stamp is wrong."""
    events = EVENTS.copy()
    events["t"][rng.randrange(len(events)) :] += rng.choice((2**33, 2**40, 2**52))
    return {"wild.npy": npy(events), "wild.csv": csv(events)}


def attack(folder: Path, files: int, seed: int) -> tuple[Counter, float]:
    """Read so many damaged files; return what happened how often, and the longest time in s.

    Raises:
        AssertionError: A file was refused without its name, or took too long.
        Exception: Whatever else reading raised: it is lost.
    """
    rng, happened, longest = random.Random(seed), Counter(), 0.0
    samples = healthy(folder)
    for name, content in samples.items():  # all are well, and imported is what they need
        (folder / name).write_bytes(content)
        read_event_file(folder / name)
    for number in range(files):
        name, content = rng.choice([*(samples if number % 20 else wild(rng)).items()])
        content = damaged(content, rng) if name in samples else content
        path = folder / f"{number} {name}"
        path.write_bytes(content)
        start = time.monotonic()
        try:
            read_event_file(path)
            happened["read"] += 1
        except ValueError as error:
            assert str(path) in str(error), error
            happened["refused"] += 1
        longest = max(longest, time.monotonic() - start)
        path.unlink()
    return happened, longest


def peak() -> float:
    """Return the most memory that this process or a child of it took, in MB."""
    for child in FAERY_CHILDREN.values():
        child.communicate()
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1000


def run() -> None:
    parser = argparse.ArgumentParser("python -m tests.damaged", description=__doc__)
    parser.add_argument("files", type=int, nargs="?", default=2000, help="how many (2000)")
    parser.add_argument("--seed", type=int, default=0, help="of what is damaged and how (0)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        happened, longest = attack(Path(name), options.files, options.seed)
    memory = peak()
    limits = f"at most {longest:.2f} s and {memory:.0f} MB"
    print(f"{dict(happened)}: 0 lost, seed {options.seed}, {limits}")
    raise SystemExit(longest > LONGEST or memory > LARGEST)


if __name__ == "__main__":
    run()
