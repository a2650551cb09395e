"""Sphinx extension: the reference, made from docstrings, says everything, and nothing twice."""

import re
from enum import Enum
from inspect import Signature

from sphinx.application import Sphinx
from sphinx.util.inspect import signature as signature_of
from sphinx.util.inspect import stringify_signature


def setup(app: Sphinx) -> dict:
    """Look at each name that autodoc finds."""
    app.connect("autodoc-skip-member", skip_fields)
    app.connect("autodoc-process-signature", show_arguments)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def skip_fields(app: Sphinx, what: str, name: str, obj: object, skip, options) -> bool | None:
    """Leave out "Alias for field number 0": a class describes its fields itself."""
    return (obj.__doc__ or "").startswith("Alias for field number") or None


def show_arguments(app: Sphinx, what: str, name: str, obj: type, options, signature, returns):
    """Show what can be passed, in a form that Sphinx can read and link.

    Of a network these are the arguments of ``__init__``: autodoc looks at ``__new__``, which takes
    any. Defaults that are classes or functions are named, and not shown as objects in memory.
    Nobody calls an enumeration.
    """
    if what == "class" and issubclass(obj, Enum):
        return "", None
    if what == "class" and "*args" in (signature or ""):
        found = signature_of(obj.__init__, bound_method=True)
        found = found.replace(return_annotation=Signature.empty)
        short = app.config.autodoc_typehints_format == "short"
        signature = stringify_signature(found, unqualified_typehints=short)
        signature = None if "*args" in signature else signature
    if signature:
        signature = re.sub(r"<(?:class|function) '?(?:\w+\.)*(\w+)[^>]*>", r"\1", signature)
        signature = signature.replace("<factory>", "...")  # of a dataclass
    return signature, returns
