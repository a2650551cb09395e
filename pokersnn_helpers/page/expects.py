"""What a page says of its results, checked: tests and builds fail, a reader is told and goes on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


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
