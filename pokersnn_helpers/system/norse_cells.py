"""What the package takes from Norse, which is imported as if there were no TorchScript.

Norse 1.1 decorates functions with ``torch.jit.script`` and ``torch.jit.ignore``, which PyTorch
warns of and may take out. The package calls none of the functions that are compiled so, and results
have the same bits without. Once a release of Norse has no ``torch.jit``, all this can go, and
the package import from Norse.
"""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import torch


@contextmanager
def torchscript_stand_ins() -> Iterator[None]:
    """While a block runs, let ``torch.jit`` have the decorators of Norse that it lacks."""
    removed = not hasattr(torch, "jit")
    if removed:
        torch.jit = sys.modules["torch.jit"] = ModuleType("torch.jit")
    missing = [name for name in ("script", "ignore") if not hasattr(torch.jit, name)]
    for name in missing:
        setattr(torch.jit, name, lambda function: function)
    try:
        yield
    finally:
        for name in missing:
            delattr(torch.jit, name)
        if removed:
            del torch.jit, sys.modules["torch.jit"]


with warnings.catch_warnings(), torchscript_stand_ins():
    warnings.filterwarnings("ignore", r"`torch\.jit\.")
    from norse.torch import LICell, LIFRecurrentCell
    from norse.torch.functional.leaky_integrator import LIParameters, LIState
    from norse.torch.functional.lif import (
        LIFFeedForwardState,
        LIFParameters,
        LIFState,
        lif_feed_forward_step,
        lif_step,
    )

LIFParameters.__module__ = lif_feed_forward_step.__module__  # where it can be pickled from

__all__ = [
    "LICell",
    "LIFFeedForwardState",
    "LIFParameters",
    "LIFRecurrentCell",
    "LIFState",
    "LIParameters",
    "LIState",
    "lif_feed_forward_step",
    "lif_step",
]
