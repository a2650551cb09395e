"""Sphinx extension: the directive ``chapters``, a card for each chapter of the table of contents.

The cards stand below the captions of the parts that the table of contents has, with the minutes of
all pages together; a part without a caption goes on with the one above it. A card says what the
page itself says: its number and title, what its box "In this chapter" or "On this page" promises,
the time it takes, and its first figure, or the one of the cell tagged ``thumbnail``. So nothing on
the landing page has to follow when chapters come, go or change places.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective

TAG = "thumbnail"


def setup(app: Sphinx) -> dict:
    """Connect what is below to a build."""
    app.add_node(ChapterCards)
    app.add_directive("chapters", Chapters)
    app.add_post_transform(FillCards)
    app.connect("env-get-outdated", lambda app, env, *changes: pages_with_cards(env))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class ChapterCards(nodes.General, nodes.Element):
    """Stands where the cards will be, until all chapters have been read."""


class Chapters(SphinxDirective):
    """Put the cards here."""

    def run(self) -> list[nodes.Node]:
        """Hold their place."""
        self.env.metadata[self.env.docname]["chapter_cards"] = True
        return [ChapterCards()]


class FillCards(SphinxPostTransform):
    """Make the cards."""

    default_priority = 50  # before figures.py, which makes two of each image

    def run(self, **kwargs) -> None:
        """Look at every chapter of the book."""
        for place in list(self.document.findall(ChapterCards)):
            shown: list[nodes.Node] = []
            for caption, chapters in parts_of(self.env):
                minutes = sum(chapters.values())
                text = f"{caption}: {minutes} minutes"
                shown.append(nodes.paragraph("", text, classes=["chapter-part"]))
                cards = nodes.container(classes=["chapter-cards"])
                cards += [self.card(docname) for docname in chapters]
                shown.append(cards)
            place.replace_self(shown)

    def card(self, docname: str) -> nodes.container:
        """Make the card of one chapter."""
        chapter = self.env.get_doctree(docname)
        number = self.env.toc_secnumbers.get(docname, {}).get("")
        title = self.env.titles[docname].astext()
        text = ". ".join([*(str(part) for part in number or ()), title]) if number else title
        address = self.app.builder.get_relative_uri(self.env.docname, docname)
        link = nodes.reference("", text, refuri=address, internal=True)
        card = nodes.container(classes=["chapter-card"])
        if figure := thumbnail_of(chapter):
            card += nodes.image(uri=figure, alt="", candidates={"*": figure})
        card += nodes.paragraph("", "", link, classes=["chapter-card-title"])
        promise, minutes = overview_of(chapter) or ("", 0)
        card += nodes.paragraph("", promise)
        card += nodes.paragraph("", f"{minutes} minutes", classes=["chapter-card-time"])
        return card


def pages_with_cards(env: BuildEnvironment) -> list[str]:
    """Name the pages to be written anew in every build, since any chapter may have changed."""
    return [name for name, known in env.metadata.items() if known.get("chapter_cards")]


def parts_of(env: BuildEnvironment) -> list[tuple[str, dict[str, int]]]:
    """List the parts whose pages have a box: the caption, and by page in order its minutes."""
    parts: list[tuple[str, dict[str, int]]] = []
    for part in env.get_doctree(env.config.root_doc).findall(addnodes.toctree):
        if part["caption"]:
            parts.append((part["caption"], {}))
        for page in part["includefiles"]:
            if overview := overview_of(env.get_doctree(page)):
                parts[-1][1][page] = overview[1]
            elif env.toc_secnumbers.get(page, {}).get(""):
                raise ValueError(f'{page} has no box "In this chapter" with a "Time"')
    return [(caption, pages) for caption, pages in parts if pages]


def overview_of(page: nodes.document) -> tuple[str, int] | None:
    """Return what a page's box promises, and how many minutes it says the page takes."""
    for quote in page.findall(nodes.block_quote):
        text = quote.astext()
        found = re.search(r"(?:In this chapter|On this page)\s+you (.+?\.)\n\n", text, re.DOTALL)
        time = re.search(r"Time:\s+(\d+) minutes", text)
        if found and time:
            promise = re.sub(r"\s+", " ", found[1])
            return promise[0].upper() + promise[1:], int(time[1])
    return None


def thumbnail_of(chapter: nodes.document) -> str | None:
    """Return the first figure of the cell tagged ``thumbnail``, or else the first SVG, or any."""
    tagged = [
        cell
        for cell in chapter.findall(nodes.container)
        if TAG in cell.get("cell_metadata", {}).get("tags", [])
    ]
    images = [image["uri"] for part in (*tagged, chapter) for image in part.findall(nodes.image)]
    drawn = [uri for uri in images if Path(uri).suffix == ".svg"]
    return next(iter(drawn + images), None)
