"""Read a checkpoint from anywhere: nothing in it is believed before it is looked at."""

from typing import Any

import torch
from torch import Tensor

from pokersnn_helpers.system.reading import read_input
from pokersnn_helpers.system.writing import StrPath
from pokersnn_helpers.training.checkpoints import check_weights, parse

NEEDED = ("network", "arguments", "classes", "sensor_size", "weights")


def read(path: StrPath) -> dict[str, Any]:
    """Return what a checkpoint holds.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, needs more memory than is free, or was written by something else.
    """
    content = parse(read_input(path), path)
    check_stored(content, path)
    missing = [name for name in NEEDED if name not in content]
    if missing:
        raise ValueError(f"{path} is damaged: it holds no {', '.join(missing)}")
    check_weights(content, path)
    return content


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
