"""What a page says of its results, checked: tests and builds fail, a reader is told and goes on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..system.checks import advice_on


@contextmanager
def page_expects() -> Iterator[None]:
    """Check what a page says, by assertions whose messages say what it expects.

    Whoever changes the code of a page gets other results. The first assertion that fails is then
    printed, and nothing is raised. Tests and builds of the book set ``POKERSNN_STRICT``, which lets
    it fail.

    Example:
        >>> correct = 19
        >>> with page_expects():
        ...     assert correct >= 18, f"18 of 20 or more, and yours has {correct}"
    """
    try:
        yield
    except Exception as error:
        if "POKERSNN_STRICT" in os.environ:
            raise
        found = str(error)
        if not isinstance(error, AssertionError):
            found = f"other results: with yours, a check ends in {error!r}"
        print(f"This page expects {found}. If you have changed something, that is why: go on.")


def explain_errors() -> None:
    """Let the notebook add advice to errors of PyTorch's and Python's that newcomers meet.

    Example:
        >>> explain_errors()  # outside of a notebook, it does nothing
    """
    from IPython import get_ipython

    def explain(shell: Any, kind: Any, error: Any, trace: Any, tb_offset: Any = None) -> None:
        advice = advice_on(error)
        if advice:
            error.args = (f"{error}; {advice}",)
        if advice not in str(error):  # NumPy's MemoryError has words of its own
            error.add_note(advice)
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)

    if get_ipython():
        get_ipython().set_custom_exc((Exception,), explain)
