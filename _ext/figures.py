"""Sphinx extension: every SVG figure for the light and for the dark theme.

Matplotlib draws a figure once, on white paper. This makes two of it: one without the paper, and one
whose greys and accent are those of the dark theme. The theme's own classes show one of them.
"""

import base64
import io
import os
import re
from pathlib import Path

import numpy as np
from docutils import nodes
from PIL import Image
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from pokersnn_helpers.figures.colours import ACCENT, DARK, OFF, ON, PAPER

PAPER_AT_NIGHT = "#121212"  # the dark theme's background
PIXELS_PER_POINT = 96 / 72
PATCH = re.compile(r'(<g id="patch_1">\s*<path [^>]*?style="[^"]*?fill: )' + PAPER, re.DOTALL)
CHANGED = re.compile("|".join([PAPER, *DARK]), re.IGNORECASE)
RASTER = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)")


def setup(app: Sphinx) -> dict:
    """Connect what is below to a build of HTML pages."""
    app.add_node(ThemedImage, html=(write_image, lambda writer, node: None))
    app.add_post_transform(ThemeFigures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class ThemedImage(nodes.image):
    """A figure for one theme."""


class ThemeFigures(SphinxPostTransform):
    """Replace each SVG image by one for the light and one for the dark theme."""

    default_priority = 100  # after MyST-NB has chosen among an output's formats
    formats = ("html",)

    def run(self, **kwargs) -> None:
        """Make the files, and tell Sphinx of them."""
        folder = Path(self.app.doctreedir) / "figures"
        folder.mkdir(exist_ok=True)
        images = list(self.document.findall(nodes.image))
        for image in images:
            source = Path(self.app.srcdir, image["uri"])
            if source.suffix != ".svg" or not source.is_file():
                continue
            svg = source.read_text(encoding="utf-8")
            first = image is images[0]
            # Not the image itself: the theme would hide a caption that follows an image.
            both = nodes.inline(classes=["themes", *image["classes"]])
            for theme, draw in (("light", without_paper), ("dark", in_the_dark)):
                file = folder / f"{source.stem}-{theme}.svg"
                file.write_text(draw(svg), encoding="utf-8")
                uri = os.path.relpath(file, self.app.srcdir)
                self.env.images.add_file(self.env.docname, uri)
                both += ThemedImage(
                    uri=uri,
                    candidates={"*": uri},
                    alt=image.get("alt", ""),
                    theme=theme,
                    size=size_of(svg),
                    wait=not first or theme == "dark",
                )
            image.replace_self(both)


def without_paper(svg: str) -> str:
    """Let the page show through."""
    return PATCH.sub(r"\1none", svg, count=1)


def in_the_dark(svg: str) -> str:
    """Also give lines, text and the pixels of embedded images the colours of the dark theme."""
    colours = {**DARK, PAPER: PAPER_AT_NIGHT}
    svg = CHANGED.sub(lambda match: colours[match[0].lower()], without_paper(svg))
    return RASTER.sub(lambda match: "data:image/png;base64," + repaint(match[1]), svg)


def repaint(encoded: str) -> str:
    """Map a PNG's accent and greys as the lines' are, and make its fainter events more opaque.

    Greys in between are mapped in proportion.
    """
    image = Image.open(io.BytesIO(base64.b64decode(encoded))).convert("RGBA")
    pixels = np.array(image)
    rgb = pixels[..., :3].astype(float)
    is_grey = np.ptp(rgb, axis=-1) < 24
    is_accent, is_on, is_off = (
        np.abs(rgb - from_hex(colour)).max(axis=-1) < 12 for colour in (ACCENT, ON, OFF)
    )
    is_event = is_on | is_off
    opacity = pixels[..., 3][is_event] / 255
    # What is pale on white, as one event of sixteen, would be nearly black on a dark page.
    pixels[..., 3][is_event] = np.round(255 * np.sqrt(opacity))
    pixels[..., :3][is_accent] = from_hex(DARK[ACCENT])
    greys = {**DARK, PAPER: PAPER_AT_NIGHT}
    del greys[ACCENT]
    by_brightness = sorted((brightness(light), from_hex(dark)) for light, dark in greys.items())
    places, colours = zip(*by_brightness, strict=True)
    for channel, values in enumerate(zip(*colours, strict=True)):
        greyness = rgb[is_grey].mean(axis=-1)
        pixels[..., channel][is_grey] = np.interp(greyness, places, values)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="png", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def from_hex(colour: str) -> tuple[int, ...]:
    """Split "#rrggbb" into three numbers."""
    return tuple(bytes.fromhex(colour[1:]))


def brightness(colour: str) -> float:
    """Average red, green and blue, from 0 to 255."""
    return sum(from_hex(colour)) / 3


def size_of(svg: str) -> tuple[int, int]:
    """Return width and height in pixels, so that a page leaves room before a figure is there."""
    view = re.search(r'<svg[^>]* viewBox="\S+ \S+ (\S+) (\S+)"', svg)
    if not view:
        return 576, 307
    in_points = re.search(r'<svg[^>]* width="[\d.]+pt"', svg)
    scale = PIXELS_PER_POINT if in_points else 1
    return round(float(view[1]) * scale), round(float(view[2]) * scale)


def write_image(writer, node: ThemedImage) -> None:
    """Write an image that the browser fetches once it is to be shown; no id, so none twice."""
    width, height = node["size"]
    attributes = {"alt": node["alt"], "width": str(width), "height": str(height)}
    if node["wait"]:
        attributes["loading"] = "lazy"
    attributes["src"] = f"{writer.builder.imgpath}/{writer.builder.images[node['uri']]}"
    attributes["class"] = f"only-{node['theme']}"
    writer.body.append(writer.emptytag(node, "img", "", **attributes))
