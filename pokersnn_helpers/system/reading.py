"""One way to open a file of any kind: a regular one, whose size is known and fits into the memory.

A pipe or a device may have no end, a size that a file states may be any number, and a part of an
HDF5 file may lie in another one. Nothing is read before that is known.
"""

import os
import re
from pathlib import Path
from typing import Any, BinaryIO

from .writing import StrPath


def open_input(path: StrPath) -> BinaryIO:
    """Open a file to read it, if it is a regular one.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is a folder, a pipe or a device.
        OSError: It can't be read.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"there is no file {path}; name one that exists")
    if not Path(path).is_file():  # opening it could do something, such as wait
        raise ValueError(f"{path} is no regular file; name one")
    return Path(path).open("rb")


def read_input(path: StrPath) -> bytes:
    """Return what a regular file holds; it raises what ``open_input`` and ``check_memory`` do."""
    with open_input(path) as file:
        size = os.fstat(file.fileno()).st_size
        needed = 2 * size  # as they are, and as numbers
        check_memory(needed, f"{path}: its contents", "name another file, or end other programs")
        return file.read(size)


def check_hdf5(file: Any) -> int:
    """Return how many bytes the arrays of an open HDF5 file take.

    Raises:
        ValueError: A part of it lies elsewhere, where it may be anything, or a pipe.
    """
    import h5py  # which NIR needs, and no other file does

    links: dict[str, Any] = {}
    file.visititems_links(links.__setitem__)
    size = 0
    for name, link in links.items():
        if not isinstance(link, h5py.HardLink):
            raise ValueError(f"{name} is a link; copy what it leads to into the file")
        content = file[name]
        if isinstance(content, h5py.Dataset):
            if content.is_virtual or content.external:
                raise ValueError(
                    f"the numbers of {name} are in other files; copy them into this one"
                )
            size += content.nbytes
    return size


def check_memory(
    needed: float, what: str = "its events", remedy: str = "cut the recording into parts"
) -> None:
    """Refuse what takes more bytes of memory than are free, where the system says it."""
    meminfo = Path("/proc/meminfo")
    if not meminfo.exists():  # not on Linux
        return
    available = re.search(r"MemAvailable: *(\d+)", meminfo.read_text())
    free = 1024 * int(available[1]) if available else needed
    if needed > free:
        raise ValueError(
            f"{what} need about {needed / 1e9:.4g} GB of memory, and {free / 1e9:.4g} are free; "
            f"{remedy}"
        )
