"""Warnings that point at the line that caused them: the reader's own."""

import sys
import warnings

PASSED_THROUGH = ("pokersnn_helpers", "eventdesk", "contextlib", "torch")  # on the way to a warning


def warn(message: str) -> None:
    """Warn of the first line that is in neither package, nor in a library that called one."""
    frame = sys._getframe(1)
    stacklevel = 2  # whoever called this function
    while frame.f_back and top_module(frame.f_globals) in PASSED_THROUGH:
        frame = frame.f_back
        stacklevel += 1
    warnings.warn(message, stacklevel=stacklevel)


def top_module(global_names: dict[str, object]) -> str:
    """Return the package that a frame's code belongs to, by its global names."""
    return str(global_names.get("__name__", "")).partition(".")[0]
