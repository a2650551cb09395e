"""Sphinx extension: a number stays on the line of its unit, and every apostrophe is curly."""

import re

from docutils import nodes
from sphinx.application import Sphinx

UNITS = "ms|µs|ns|s|min|minutes?|hours?|pixels?|events?|MB|GB|kB|mm|Hz|kHz|pJ|µJ|nJ|points?|cores?"
TIED = re.compile(rf"(?<=\d) (?=(?:{UNITS})\b|×)|(?<=×) (?=\d)|(?<=\babout) (?=\d)")
APOSTROPHE = re.compile(r"(?<=[a-z])'(?=[a-z])")
CODE = (nodes.literal, nodes.math, nodes.FixedTextElement)


def setup(app: Sphinx) -> dict:
    """Look at every page before it is written."""
    app.connect("doctree-resolved", set_spaces)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def set_spaces(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Put no-break spaces between numbers and units, and curly apostrophes into answers in HTML."""
    for parent in doctree.findall(nodes.TextElement):
        for place, text in enumerate(parent.children):
            if isinstance(parent, nodes.raw) and "<details" in text:
                parent[place] = nodes.Text(APOSTROPHE.sub("’", text))
            elif isinstance(text, nodes.Text) and not isinstance(parent, CODE):
                parent[place] = nodes.Text(TIED.sub("\u00a0", text))
