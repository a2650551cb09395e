"""Sphinx extension: links of a copy that isn't published yet.

Until ``tools/publish.py`` sets its address, a copy names a repository of OWNER, which isn't there.
What would lead to it becomes text or is left out; the build and every page's footer say so.
"""

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util import logging

LEADS_NOWHERE = re.compile(r"/OWNER(/|\.github\.io)")
ANCHOR = re.compile(rf'<a href="[^"]*{LEADS_NOWHERE.pattern}[^"]*">(.*?)</a>')
IN_FOOTER = (
    "This copy is not published yet, so links to Colab and to its repository are left out; "
    "<code>python tools/publish.py</code> sets its address."
)
BELOW_CODE = "This copy is not published yet: nothing is at this address. In its folder, "


def setup(app: Sphinx) -> dict:
    """Connect the functions below to the steps of a build."""
    app.connect("config-inited", leave_out_buttons)
    app.connect("doctree-resolved", leave_out_links, priority=900)  # after those to pages
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def leave_out_buttons(app: Sphinx, config: Config) -> None:
    """Drop the theme's buttons and the footer's links, and say so once."""
    options = config.html_theme_options
    if not LEADS_NOWHERE.search(options["repository_url"]):
        return
    logging.getLogger(__name__).info(re.sub("<.*?>", "", IN_FOOTER))
    options["launch_buttons"] = {}
    for button in ("repository", "issues", "edit_page"):
        options[f"use_{button}_button"] = False
    options["extra_footer"] = ANCHOR.sub(r"\2", options["extra_footer"]) + f"<p>{IN_FOOTER}</p>"


def leave_out_links(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Replace links by their text, drop those to Colab, and say below code that it fails."""
    for link in list(doctree.findall(nodes.reference)):
        address = link.get("refuri", "")
        if LEADS_NOWHERE.search(address):
            text = [] if "//colab." in address else link.children
            link.parent.replace(link, text)
    for code in list(doctree.findall(nodes.literal_block)):
        if LEADS_NOWHERE.search(code.astext()):
            command = nodes.literal(text="pip install .")
            note = nodes.paragraph("", BELOW_CODE, command, nodes.Text(" installs the package."))
            code.parent.insert(code.parent.index(code) + 1, note)
