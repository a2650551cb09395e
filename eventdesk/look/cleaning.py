"""Write copies of recordings without hot pixels and noise."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
from numpy import ndarray

from pokersnn_helpers.system.checks import check_events, check_range, errors_in
from pokersnn_helpers.system.writing import StrPath, errors_name

from ..files.event_files import ANY_SENSOR, check_file, read_unchecked
from ..files.folders import find_files
from .inspection import event_image, find_hot_pixels


def remaining(events: ndarray, refractory: int = 0, noise: int = 0) -> ndarray:
    """Return the numbers of the events that are left without hot pixels and noise.

    Tonic's filters remove the noise.

    Args:
        events: Structured array with fields t (µs), x, y and p, sorted by time.
        refractory: Time in µs. An event is removed if its pixel sent another one at most this long
            before, as by ``tonic.transforms.RefractoryPeriod``. 0: no events are removed.
        noise: Time in µs. An event is removed if none of the four next pixels sent one within this
            time before, as by ``tonic.transforms.Denoise``. 0: no events are removed.

    Raises:
        ValueError: A time is less than 0, no event is left, or ``find_hot_pixels`` refuses them.

    Example:
        >>> from pokersnn_helpers import EVENT_DTYPE
        >>> events = np.zeros(99, EVENT_DTYPE)
        >>> events["t"], events["x"] = 1000 * np.arange(99), 4
        >>> events["x"][:9] = range(9)
        >>> remaining(events)
        array([0, 1, 2, 3, 5, 6, 7, 8])
    """
    from tonic.transforms import Denoise, RefractoryPeriod  # which take a second to import

    check_range(0, 2**40, refractory=refractory, noise=noise)
    left = check_events(events, ANY_SENSOR)
    x, y = find_hot_pixels(left).T
    is_hot = np.zeros(event_image(left).shape[1:], bool)
    is_hot[y, x] = True
    left["p"] = np.arange(len(left))  # the filters don't look at it
    left["t"] += 1 + noise  # they begin at 0 as if each pixel had just fired
    left = left[~is_hot[left["y"], left["x"]]]
    if refractory and len(left):
        left = RefractoryPeriod(refractory)(left)
    if noise and len(left):
        left = Denoise(noise)(left)
    if len(left) == 0:
        raise ValueError("no event is left; choose shorter times")
    return left["p"]


def clean_files(path: StrPath, out: StrPath, **filters: int) -> Iterator[str]:
    r"""Write copies of a file, or of all files below a folder, with the ``remaining`` events.

    Each file becomes a ``.npz`` file with the same times, which also holds what else the file says
    of its events, of its sensor and of itself, such as its class. The new folder appears once all
    files are written. If a folder holds both 1.csv and 1.npy, they become 1.npz and 1.npy.npz. The
    function yields a line for each file, which says how many events are left.

    Args:
        path: The file or folder.
        out: The new folder, elsewhere.
        filters: The arguments ``refractory`` and ``noise`` of ``remaining``.

    Raises:
        FileExistsError: Something has the name of the new folder already.
        FileNotFoundError: There is no such file, or there are no recordings in the folder.
        ValueError: The new folder would be in the old one, or a file can't be read, or none of its
            events is left. The message names it.
        OSError: A new file can't be written, such as to a full disk. Nothing is left of the folder.

    Warns:
        UserWarning: Some files are left out, since they aren't recordings.

    Example:
        >>> _ = Path("one.csv").write_text("t,x,y,p\n0,0,0,1\n")
        >>> list(clean_files("one.csv", "clean"))
        ['one.csv: 1 of 1 events are left']
    """
    path, out = Path(path), Path(out)
    if out.exists():
        raise FileExistsError(f"{out} exists; name a new folder")
    if path.resolve() in out.resolve().parents:
        raise ValueError(f"{out} would be a part of {path}; name a folder elsewhere")
    root = path if path.is_dir() else path.parent
    files = find_files(path)
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".", suffix=".tmp", dir=out.parent) as scratch:
        folder = Path(scratch, out.name)
        for file in files:
            new = (folder / file.relative_to(root)).with_suffix(".npz")
            if new.exists():  # where 1.csv stands beside 1.npy
                new = new.with_name(f"{file.name}.npz")
            with errors_name(out / new.relative_to(folder), new):
                new.parent.mkdir(parents=True, exist_ok=True)
                yield _clean_file(file, new, **filters)
        folder.rename(out)


def _clean_file(path: Path, new: Path, **filters: int) -> str:
    """Write the events of a file that are left, and say how many these are."""
    recorded = read_unchecked(path)
    events, sensor_size, _ = check_file(recorded, path)
    with errors_in(path):
        numbers = remaining(events, **filters)
    left = recorded.events[numbers]
    arrays = {name: left[name] for name in left.dtype.names} | recorded.about
    if sensor_size:
        arrays["sensor_size"] = sensor_size
    with ZipFile(new, "w", ZIP_DEFLATED) as archive:  # np.savez can't have an array called "file"
        for name, value in arrays.items():
            array = np.asarray(value)
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                text = array.astype(str) if array.dtype == object else array
                np.save(member, text, allow_pickle=False)
    return f"{path}: {len(numbers):,} of {len(events):,} events are left"
