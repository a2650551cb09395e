"""Sphinx extension: what the pages need that no other extension gives them."""

import html
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlparse

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment

EMPTY_HEADER = re.compile(r"<th([^>]*)>(?:<p></p>)?</th>")
COMMENT = re.compile(r"<!--.*?-->")  # beside a number: where it comes from
TEMPLATES = Path(__file__).with_name("templates")
FIGURES = Path(__file__).parents[1] / "book" / "_static" / "interactive"
FIRST = {"book/teach_it_yours": "teach"}  # pages that are one interactive figure, and its kind
PART = re.compile(r'(?<=[" ])(?:\.\./)?\w+/[\w-]+(?=[" ])')  # names in a string of loadParts


def setup(app: Sphinx) -> dict:
    """Connect the functions below to the steps of a build."""
    app.connect("config-inited", take_address_from_base_url)
    app.connect("env-updated", write_every_page)
    app.connect("env-get-updated", count_figures_on_each_page, priority=900)  # after Sphinx
    app.connect("doctree-resolved", keep_links_inside)
    app.connect("html-page-context", leave_out_scripts, priority=900)  # after all were added
    app.connect("html-page-context", describe_page, priority=400)  # before sphinxext.opengraph
    app.connect("html-page-context", fetch_font_early)
    app.connect("html-page-context", fetch_figure_early)
    app.connect("html-page-context", name_what_is_seen)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def take_address_from_base_url(app: Sphinx, config: Config) -> None:
    """Let one setting, ``html_baseurl``, say where the book is published; find templates."""
    config.ogp_site_url = config.html_baseurl
    config.notfound_urls_prefix = urlparse(config.html_baseurl).path or "/"
    config.templates_path.append(str(TEMPLATES))


def write_every_page(app: Sphinx, env: BuildEnvironment) -> Iterable[str]:
    """Write what hasn't changed since the last build, too: else the sitemap would lack it."""
    return env.found_docs


def count_figures_on_each_page(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Begin with Fig. 1 on each page without a number; Sphinx counts on from page to page."""
    for page, kinds in env.toc_fignumbers.items():
        if not env.toc_secnumbers.get(page, {}).get(""):
            for numbers in kinds.values():
                in_order = sorted(numbers, key=numbers.get)
                numbers.update({name: (place,) for place, name in enumerate(in_order, start=1)})
    return []


def keep_links_inside(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Point links to the published book at this build's own pages.

    Chapters link to the glossary by its full address, which works in Colab too.
    """
    base = app.config.html_baseurl
    for link in doctree.findall(nodes.reference):
        address = link.get("refuri", "")
        page, _, rest = address.removeprefix(base).partition(".html")
        if base and address.startswith(base) and page in app.env.found_docs:
            link["refuri"] = app.builder.get_relative_uri(docname, page) + rest
            link["internal"] = True


def leave_out_scripts(app: Sphinx, page: str, template: str, context: dict, doctree) -> None:
    """Drop MathJax (1.2 MB) from pages without formulas, and the unused sphinx-thebe.

    The latter's scripts are added twice, which makes the second fail.
    """
    # Sphinx 7 would load MathJax for the pages listed below this one, too.
    kinds = (nodes.math, nodes.math_block)
    formulas = doctree and any(isinstance(node, kinds) for node in doctree.findall())
    unwanted = "thebe" if formulas else "thebe|mathjax"
    context["script_files"] = [
        script
        for script in context["script_files"]
        if not re.search(unwanted, f"{script.filename} {script.attributes}".lower())
    ]


def describe_page(app: Sphinx, page: str, template: str, context: dict, doctree) -> None:
    """Describe a page by its first paragraph, leaving out a paragraph that is only a link."""
    for paragraph in doctree.findall(nodes.paragraph) if doctree else ():
        text = COMMENT.sub("", paragraph.astext())
        if len(text) > 40:
            description = html.escape(text.replace("\n", " "), quote=False).replace('"', "&quot;")
            context["meta"] = (context["meta"] or {}) | {"og:description": description}
            context["metatags"] += f'<meta name="description" content="{description}" />\n'
            return


def fetch_font_early(app: Sphinx, page: str, template: str, context: dict, doctree) -> None:
    """Ask for the font with the page, and not only once the style sheet has been read."""
    address = context["pathto"]("_static/fonts/Inter.woff2", resource=True)
    context["metatags"] = context.get("metatags", "") + (
        f'<link rel="preload" href="{address}" as="font" type="font/woff2" crossorigin />\n'
    )


def fetch_figure_early(app: Sphinx, page: str, template: str, context: dict, doctree) -> None:
    """Ask for all scripts of a page's figure with the page, and not one after the other."""
    if page not in FIRST:
        return
    script = FIGURES / f"{FIRST[page]}.js"
    for part in (script.stem, *PART.findall(script.read_text(encoding="utf-8"))):
        name = (FIGURES / f"{part}.js").resolve().relative_to(FIGURES.parent)
        address = context["pathto"](f"_static/{name.as_posix()}", resource=True)
        context["metatags"] += f'<link rel="preload" href="{address}" as="script" />\n'


def name_what_is_seen(app: Sphinx, page: str, template: str, context: dict, doctree) -> None:
    """Call what opens a cell as it is labelled, and an empty corner of a table no header.

    Links in HTML, which ``keep_links_inside`` doesn't see, are pointed inside, too.
    """
    body = context.get("body", "")
    if app.config.html_baseurl:
        body = body.replace(f'href="{app.config.html_baseurl}', f'href="{"../" * page.count("/")}')
    body = body.replace('<summary aria-label="Toggle hidden content">', "<summary>")
    context["body"] = EMPTY_HEADER.sub(r"<td\1></td>", body)
