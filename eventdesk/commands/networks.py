"""The network that a command line names: one of ``models.named``, or a class in a file."""

from collections.abc import Callable
from runpy import run_path

from torch import nn

from ..models.named import OPTIONS


def network_named(words: str) -> Callable[..., nn.Module]:
    """Return the network that is called snn, fast or layer, or FILE.py:Class, whose file is run.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: There is no such name in it.
    """
    if words in OPTIONS:
        return OPTIONS[words]
    file, colon, name = words.rpartition(":")
    if not colon or not file.endswith(".py"):
        raise ValueError(f"--network is {words}; choose {', '.join(OPTIONS)} or FILE.py:Class")
    names = run_path(file)
    if not callable(names.get(name)):
        classes = [each for each, kind in names.items() if isinstance(kind, type)]
        raise ValueError(f"--network is {words}; {file} has {', '.join(classes) or 'no classes'}")
    return names[name]
