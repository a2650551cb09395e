"""Damage files of every format, read them, and count what happens, for tests and ``tools.stress``.

Every file is read, or refused under its name by a ``ValueError``.
"""

import random
import re
import time
from collections import Counter

import numpy as np

from eventdesk.files.event_files import read_event_file

from .camera_bytes import HEADER3, mnist_bytes, packet
from .eventdesk.test_event_files import PLAIN, by_faery, npy, some_events

EVENTS = some_events(3000)
BY_FAERY = {
    "lz4.aedat4": {"compression": ("lz4", 1)},
    "zstd.aedat4": {"compression": ("zstd", 1)},
    "one.es": {},
    "evt2.raw": {"version": "evt2"},
    "evt3.raw": {"version": "evt3"},
    "dat1.dat": {"version": "dat1"},
    "dat2.dat": {"version": "dat2"},
}


def healthy(folder):
    """Return what files of every format hold, by name."""
    samples = dict(PLAIN)
    for name, options in BY_FAERY.items():
        by_faery(folder / name, EVENTS, **options)
        samples[name] = (folder / name).read_bytes()
    t, x, y, p = (EVENTS[field] for field in "txyp")
    samples["nmnist.bin"] = mnist_bytes(t, x, y, p)
    words = np.stack([x << 17 | y << 2 | p << 1 | 1, t], axis=1)
    samples["three.aedat"] = HEADER3 + packet(1, words.ravel())
    return samples


def damaged(content, rng):
    """Change a file by one of the accidents that happen to files."""
    changed = bytearray(content)
    end = len(content)
    place = rng.randrange(min(end, rng.choice((64, 600, end))))  # headers are short
    size = rng.choice((1, 2, 4, 8))
    match rng.randrange(8):
        case 0:
            changed[place] ^= 1 << rng.randrange(8)
        case 1:
            for _ in range(4):
                changed[rng.randrange(end)] = rng.randrange(256)
        case 2:
            del changed[place:]
        case 3:
            changed[place : place + 8] = rng.choice((2**32, 2**64 - 1)).to_bytes(8, "little")
        case 4:
            del changed[place : place + size]
        case 5:
            changed[place:place] = rng.randbytes(size)
        case 6:
            changed[place:] = bytes(end - place)
        case 7:
            digits = [at for at, byte in enumerate(changed[:600]) if chr(byte) in "0123456789"]
            if digits:
                at = rng.choice(digits)
                changed[at : at + 1] = rng.choice((b"-1", b"9" * 20, b"4294967296", b"0", b"x"))
    return bytes(changed)


def with_wild_time(rng):
    events = EVENTS.copy()
    events["t"][rng.randrange(len(events)) :] += rng.choice((2**33, 2**40, 2**52))
    return npy(events)


def attack(folder, files, seed):
    """Read so many damaged files; return what happened how often, and the longest time in s.

    Raises:
        AssertionError: A file was refused without its name, or with the advice to load it unsafely.
        Exception: Whatever else reading raised: it is lost.
    """
    rng = random.Random(seed)
    happened = Counter()
    longest = 0.0
    samples = healthy(folder)
    for name, content in samples.items():  # all are well, and imported is what they need
        (folder / name).write_bytes(content)
        read_event_file(folder / name)
    for number in range(files):
        name = rng.choice(list(samples))
        content = damaged(samples[name], rng)
        if number % 20 == 0:
            name = "wild.npy"
            content = with_wild_time(rng)
        path = folder / f"{number} {name}"
        path.write_bytes(content)
        start = time.monotonic()
        try:
            read_event_file(path)
            happened["read"] += 1
        except ValueError as error:
            assert str(path) in str(error), error
            assert not re.search("pickle|unsafe", str(error)), error  # no advice to run its code
            happened["refused"] += 1
        longest = max(longest, time.monotonic() - start)
        path.unlink()
    return happened, longest
