"""Sphinx extension: classes for callouts, and words above folded code.

Chapters are plain Markdown, since Colab shows directives raw: there a callout is a block quote
whose first bold words say what it is.
"""

import re

from docutils import nodes
from sphinx.application import Sphinx

KINDS = {
    r"In this chapter|On this page": "overview",
    r"Key idea\.": "key-idea",
    r"Try it\.": "try-it",
    r"Careful\.": "careful",
    r"Exercise \d+ · .+": "exercise",
}


def setup(app: Sphinx) -> dict:
    """Look at every page that has been read."""
    app.connect("doctree-read", name_callouts)
    app.connect("doctree-read", name_folded_cells)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def name_callouts(app: Sphinx, doctree: nodes.document) -> None:
    """Give a callout its classes."""
    for quote in doctree.findall(nodes.block_quote):
        label = next(quote.findall(nodes.strong), nodes.strong())
        for pattern, kind in KINDS.items():
            if re.fullmatch(pattern, label.astext()) and quote.astext().startswith(label.astext()):
                quote["classes"] += ["callout", kind]
                label["classes"].append("callout-label")


def name_folded_cells(app: Sphinx, doctree: nodes.document) -> None:
    """Say above a folded cell what it holds, by the title that Colab shows too."""
    for cell in doctree.findall(nodes.container):
        if "prompt_show" in cell:
            title = re.match(r"# @title ([^\d\n]*[^\W\d])", cell.astext())
            name = title[1].lower() if title else "code"
            name = name if name.startswith("a ") else f"the {name}"
            cell["prompt_show"] = f"Show {name}"
            cell["prompt_hide"] = f"Hide {name}"
