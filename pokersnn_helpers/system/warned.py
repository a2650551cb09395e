"""Warnings that point at the reader's own line."""

import sys
import warnings

PACKAGES = ("pokersnn_helpers", "eventdesk")


def warn(message: str) -> None:
    """Warn with the first line outside both packages, which is the reader's."""
    level = 2
    frame = sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in PACKAGES:
        frame = frame.f_back
        level += 1
    warnings.warn(message, stacklevel=level)
