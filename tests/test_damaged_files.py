"""Files of every format, damaged by the accidents that happen to files.

``EXAMPLES=2000 pytest tests/test_damaged_files.py`` damages as many.
"""

import os
import random
import time
from pathlib import Path

import numpy as np
from test_camera_files import HEADER3, packet
from test_event_files import PLAIN, by_faery, needs_faery, some_events

from pokersnn_helpers.own.event_files import read_event_file

EXAMPLES = int(os.environ.get("EXAMPLES", 100))
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


def healthy(folder: Path) -> dict[str, bytes]:
    """Return what files of every format hold, by name."""
    samples = dict(PLAIN)
    for name, options in BY_FAERY.items():
        by_faery(folder / name, EVENTS, **options)
        samples[name] = (folder / name).read_bytes()
    t, x, y, p = (EVENTS[field] for field in "txyp")
    columns = [x, y, p << 7 | t >> 16, t >> 8 & 255, t & 255]
    samples["nmnist.bin"] = np.stack(columns, axis=1).astype(np.uint8).tobytes()
    words = np.stack([x << 17 | y << 2 | p << 1 | 1, t], axis=1)
    samples["three.aedat"] = HEADER3 + packet(1, words.ravel())
    return samples


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Change a file by one of the accidents that happen to files."""
    end = len(content)
    place = rng.randrange(min(end, rng.choice((64, 600, end))))  # headers are short
    before = content[:place]
    size = rng.choice((1, 2, 4, 8))
    match rng.randrange(6):
        case 0:
            return before + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :]
        case 1:
            return before
        case 2:
            highest = rng.choice((2**32, 2**64 - 1)).to_bytes(8, "little")
            return before + highest + content[place + 8 :]
        case 3:
            return before + content[place + size :]
        case 4:
            return before + rng.randbytes(size) + content[place:]
        case _:
            return before + bytes(end - place)


@needs_faery
def test_damaged_files_are_read_or_refused_under_their_names_and_quickly(tmp_path):
    """Whatever else reading raises, or does to this process, ends the test."""
    rng = random.Random(0)
    refused = 0
    samples = healthy(tmp_path)
    for name, content in samples.items():  # all are well, and imported is what they need
        (tmp_path / name).write_bytes(content)
        read_event_file(tmp_path / name)
    for number in range(EXAMPLES):
        name = rng.choice(list(samples))
        path = tmp_path / f"{number} {name}"
        content = damaged(samples[name], rng)
        path.write_bytes(content)
        start = time.monotonic()
        try:
            read_event_file(path)
        except ValueError as error:
            assert str(path) in str(error)
            refused += 1
        assert time.monotonic() - start < 10  # s, on a busy machine
        path.unlink()
    assert refused > EXAMPLES / 2
