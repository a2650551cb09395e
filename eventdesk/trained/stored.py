"""Read a checkpoint from anywhere: nothing in it is believed before it is looked at."""

import io
import zipfile
from typing import Any

import torch
from torch import Tensor

from pokersnn_helpers.system.reading import check_memory, read_input
from pokersnn_helpers.system.writing import StrPath
from pokersnn_helpers.training.checkpoints import check_weights, parse

NEEDED = ("network", "arguments", "classes", "sensor_size", "weights")


def read(path: StrPath) -> dict[str, Any]:
    """Return what a checkpoint holds.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, needs more memory than is free, or was written by something else.
    """
    data = read_input(path)
    check_archive(data, path)
    content = parse(data, path)
    check_stored(content, path)
    missing = [name for name in NEEDED if name not in content]
    if missing:
        raise ValueError(f"{path} is damaged: it holds no {', '.join(missing)}")
    check_weights(content, path)
    return content


def check_archive(data: bytes, path: StrPath) -> None:
    """Refuse what isn't the archive that ``torch.save`` writes, or is larger than the memory."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            check_memory(sum(member.file_size for member in file.infolist()), "its contents")
            damaged = file.testzip()  # torch.load doesn't look at the checksums
        if damaged:
            raise ValueError(f"the checksum of {damaged} is wrong")
    except Exception as error:  # damaged bytes can raise anything
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path} is not a readable PyTorch checkpoint: {reason}") from error


def check_stored(content: Any, path: StrPath) -> None:
    """Refuse tensors that say to be larger than what is stored of them, at any depth."""
    if isinstance(content, Tensor):
        is_plain = content.layout is torch.strided and not content.is_meta
        if not is_plain or content.nbytes > content.untyped_storage().nbytes():
            raise ValueError(
                f"{path} is damaged: a tensor of shape {tuple(content.shape)} isn't stored in full"
            )
    elif isinstance(content, dict | list | tuple):
        for each in content.values() if isinstance(content, dict) else content:
            check_stored(each, path)
