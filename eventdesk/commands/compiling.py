"""A line that says what takes long when a command runs for the first time."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba.core.event import Listener, install_listener
from tqdm import tqdm


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
