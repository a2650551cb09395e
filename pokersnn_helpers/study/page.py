"""What a page says of its results, checked: tests and builds fail, a reader is told and goes on."""

import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

from ..system.checks import advice_on

PACKAGES = ("pokersnn_helpers", "eventdesk")


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
        advice = advice_on(error) or nearest_name(error, shell.user_ns)
        if advice and advice not in str(error):
            error.args = (f"{error}; {advice}",)
        if advice not in str(error):  # NumPy's MemoryError has words of its own
            error.add_note(advice)
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)

    if get_ipython():
        get_ipython().set_custom_exc((Exception,), explain)


def nearest_name(error: BaseException, in_notebook: Iterable[str] = ()) -> str:
    """Return what may be meant where a name isn't found: of a variable, or in the packages.

    Args:
        error: What was raised.
        in_notebook: The names of variables that there are.
    """
    from torch.nn import Module  # which takes seconds to import

    loaded = [package for package in PACKAGES if package in sys.modules]
    functions = {name: package for package in loaded for name in sys.modules[package].__all__}
    wanted = getattr(error, "name", None)
    owner = getattr(error, "obj", None)
    package, _, _ = type(owner).__module__.partition(".")
    known = [name for name in dir(owner) if name[0] != "_"]
    otherwise = ""
    match error:
        case NameError():
            known = list(in_notebook)
            otherwise = "run the cells above first, or write self. before it"
        case ImportError() if wanted in PACKAGES:
            said = re.match(r"cannot import name '(\w+)'", str(error))
            wanted = said and said[1]  # ``name_from`` is of Python 3.12
        case AttributeError() if package in (*PACKAGES, "norse") or isinstance(owner, Module):
            own = sorted({*known} - {*dir(Module), *dir(tuple)})
            otherwise = f"it has {', '.join(own)}"
        case _:
            return ""
    known += functions
    near = [name for name in known if name.startswith(str(wanted))]
    near += get_close_matches(str(wanted), known, 1)
    if not near:
        return otherwise
    of_package = f", a function of {functions[near[0]]}" if near[0] in functions else ""
    return f"did you mean {near[0]}{of_package}?"
