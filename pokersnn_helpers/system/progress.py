"""Progress bars, which are hidden where several of them would share a terminal."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from tqdm import tqdm

_shown = ContextVar("shown", default=True)


@contextmanager
def progress_hidden() -> Iterator[None]:
    """Let ``progress_bar`` show none."""
    token = _shown.set(False)
    try:
        yield
    finally:
        _shown.reset(token)


def progress_bar(steps: Iterable[Any], title: str | None, unit: str, **options: Any) -> Any:
    """Return a bar over steps; without a title none is shown.

    Args:
        steps: What to go through.
        title: Printed before the bar.
        unit: What a step is.
        options: Of ``tqdm``.
    """
    if not title or not _shown.get():
        options["disable"] = True  # False would overrule TQDM_DISABLE
    return tqdm(steps, title, unit=unit, **options)
