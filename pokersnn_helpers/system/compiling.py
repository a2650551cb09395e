"""Loops that Numba compiles."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numba
from numba.core.event import Listener, install_listener
from tqdm import tqdm


def compiled(function: Callable[..., Any], contract: bool = True) -> Any:
    """Compile at the first call, and keep the machine code on disk where that is possible.

    With ``contract``, a product and a sum may be rounded once instead of twice.
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    options["fastmath"] = {"contract"} if contract else False
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder for it can be written to
        return numba.njit(**options)(function)


class CompilingNotice(Listener):
    """Says once that loops are being compiled, since meanwhile nothing else can be seen."""

    def __init__(self) -> None:
        self.said = False

    def on_start(self, event: Any) -> None:
        """Say so at the first loop that isn't on disk."""
        if not self.said:
            self.said = True
            tqdm.write("compiling loops, once on this computer: up to a minute", file=sys.stderr)

    def on_end(self, event: Any) -> None:
        """Say nothing more."""


@contextmanager
def compiling_said() -> Iterator[None]:
    """Let the first loop that has to be compiled say so."""
    with install_listener("numba:compile", CompilingNotice()):
        yield
