"""Write copies of recordings without hot pixels and noise."""

import errno
from collections.abc import Iterator
from pathlib import Path
from pkgutil import resolve_name
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from ..checks import check_range
from ..files import atomic_write
from .event_files import read_event_file, read_numpy
from .folders import recording_files
from .inspection import find_hot_pixels


def filter_events(
    events: np.ndarray, refractory_period: int = 0, filter_time: int = 0
) -> tuple[np.ndarray, dict[str, int]]:
    """Remove the events of hot pixels, and those that Tonic's filters take for noise.

    Args:
        events: Structured array with fields t (µs), x, y and p, sorted by time.
        refractory_period: In µs: an event is removed when the one before it at its pixel is no
            older, as ``tonic.transforms.RefractoryPeriod`` does. 0: none is.
        filter_time: In µs: an event is removed when none of the four next pixels had one so
            recently, as ``tonic.transforms.Denoise`` does. 0: none is.

    Raises:
        ValueError: A time is less than 0.

    Returns:
        A copy, and how many events were removed as what.

    Example:
        >>> from pokersnn_helpers import EVENT_DTYPE
        >>> events = np.zeros(99, EVENT_DTYPE)
        >>> events["t"], events["x"] = 1000 * np.arange(99), 4
        >>> events["x"][:9] = range(9)
        >>> kept, removed = filter_events(events)
        >>> len(kept), removed
        (8, {'1 hot pixels': 91})
    """
    check_range(0, 2**40, refractory_period=refractory_period, filter_time=filter_time)
    hot = find_hot_pixels(events)
    kept = events[~np.isin(events["y"] << 32 | events["x"], hot[:, 1] << 32 | hot[:, 0])]
    removed = {f"{len(hot)} hot pixels": len(events) - len(kept)}
    for name, time in (("RefractoryPeriod", refractory_period), ("Denoise", filter_time)):
        if time and len(kept):
            before, transform = len(kept), resolve_name(f"tonic.transforms:{name}")(time)
            kept["t"] += time + 1  # they take times near 0 otherwise
            kept = transform(kept)
            kept["t"] -= time + 1
            removed[name] = before - len(kept)
    return kept, removed


def clean_files(
    path: Path, out: Path, refractory_period: int = 0, filter_time: int = 0
) -> Iterator[str]:
    r"""Write a file, or all files below a folder, as ``filter_events`` leaves them.

    They become ``.npz``, which also says the sensor where the file does. A new folder is there when
    all are written. Yields what was removed of each file.

    Raises:
        FileExistsError: There is something of the new name.
        FileNotFoundError: There is no such file, or there are no recordings in the folder.
        ValueError: A file can't be read, or nothing of it is left; the message names it.

    Example:
        >>> _ = Path("one.csv").write_text("t,x,y,p\n0,0,0,1\n")
        >>> list(clean_files(Path("one.csv"), Path("clean.npz")))
        ['one.csv: 1 of 1 events are left, without 0 of 0 hot pixels']
    """
    if out.exists():
        raise FileExistsError(f"{out} exists; name a new place")
    if not path.is_dir():
        yield _clean(path, out, refractory_period, filter_time)
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".", suffix=".tmp", dir=out.parent) as scratch:
        for file in recording_files(path):
            new = Path(scratch, "all", file.relative_to(path)).with_suffix(".npz")
            yield _clean(file, new, refractory_period, filter_time)
        Path(scratch, "all").rename(out)


def _clean(path: Path, out: Path, refractory_period: int, filter_time: int) -> str:
    if out.suffix != ".npz":
        raise ValueError(f"{out} will hold arrays of NumPy; let it end in .npz")
    found = read_event_file(path)
    kept, removed = filter_events(found.events, refractory_period, filter_time)
    if not len(kept):
        raise ValueError(f"{path}: no event is left; choose shorter times")
    arrays: dict[str, Any] = {field: kept[field] for field in "txyp"}
    arrays |= {"sensor_size": found.sensor_size} if found.sensor_size else {}
    with atomic_write(out, overwrite=False) as file:
        np.savez_compressed(file, **arrays)
        file.flush()
        if not np.array_equal(kept, read_numpy(Path(file.name))[0]):
            raise OSError(errno.EIO, "what was written isn't what is read back", str(out))
    without = ", ".join(f"{number} of {kind}" for kind, number in removed.items())
    return f"{path}: {len(kept)} of {len(found.events)} events are left, without {without}"
