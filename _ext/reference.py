"""Sphinx extension: the reference, made from docstrings, says nothing twice."""

from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict:
    """Look at each name that autodoc finds."""
    app.connect("autodoc-skip-member", skip_fields)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def skip_fields(
    app: Sphinx, what: str, name: str, obj: object, skip: bool, options: object
) -> bool | None:
    """Leave out "Alias for field number 0": a class describes its fields itself."""
    fields = (getattr(obj, "__doc__", None) or "").startswith("Alias for field number")
    return True if fields else None
