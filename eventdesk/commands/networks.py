"""The networks that a command line can name: the book's, or a class in a file of your own."""

from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from torch import nn

from pokersnn_helpers.fast import FastSNN, LayerThenSNN
from pokersnn_helpers.snn import SNN

NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "snn": SNN,
    "fast": FastSNN,
    "layer": LayerThenSNN,
}


def network_named(words: str) -> Callable[..., nn.Module]:
    """Return the network that is called snn, fast or layer, or FILE.py:Class, whose file is run.

    Raises:
        ValueError: There is no such file, or no such name in it.
    """
    if words in NETWORKS:
        return NETWORKS[words]
    file, colon, name = words.rpartition(":")
    path = Path(file)
    if not colon or path.suffix != ".py":
        raise ValueError(f"--network is {words}; choose snn, fast, layer or FILE.py:Class")
    if not path.is_file():
        raise ValueError(f"--network is {words}, and there is no file {file}")
    spec = spec_from_file_location(path.stem, path)
    assert spec and spec.loader  # since it ends in .py
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    if not callable(getattr(module, name, None)):
        classes = [each for each, kind in vars(module).items() if isinstance(kind, type)]
        raise ValueError(f"--network is {words}; {file} has {', '.join(classes) or 'no classes'}")
    return getattr(module, name)
