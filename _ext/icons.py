"""Sphinx extension: of the theme's icons, those that a page shows.

The theme brings all of Font Awesome, 1,900 rules and fonts of 300 KB, for some fifteen icons.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from fontTools import subset
from sphinx.application import Sphinx

FONTS = "vendor/fontawesome/webfonts/*.woff2"
NAME = re.compile(r"\bfa-[\w-]+")
# A rule that gives an icon its character, with all its names; and a character in any rule.
RULE = re.compile(r'(?:\.fa-[\w-]+:before,?)+\{content:"[^"]*"\}')
CHARACTER = re.compile(r'content:"\\([0-9a-f]{3,4})"')


def setup(app: Sphinx) -> dict:
    """Connect the function below to the end of a build."""
    app.connect("build-finished", keep_icons_shown)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def keep_icons_shown(app: Sphinx, exception: Exception | None) -> None:
    """Take out of the theme's style sheet and fonts what no page and no script names."""
    static = Path(app.outdir) / "_static"
    if exception or not list(static.glob(FONTS)):
        return
    texts = [*Path(app.outdir).rglob("*.html"), *static.glob("*.js"), *static.glob("scripts/*.js")]
    shown = {name for path in texts for name in NAME.findall(path.read_text(encoding="utf-8"))}
    characters = set()
    for sheet in static.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        kept = RULE.sub(lambda rule: rule[0] if shown & {*NAME.findall(rule[0])} else "", text)
        characters |= {int(code, 16) for code in CHARACTER.findall(kept)}
        if kept != text:
            sheet.write_text(kept, encoding="utf-8")
    for path in static.glob(FONTS):
        keep_characters(path, characters)


def keep_characters(path: Path, characters: Iterable[int]) -> None:
    """Write a font anew with these characters alone."""
    options = subset.Options(flavor="woff2")
    font = subset.load_font(path, options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters)
    subsetter.subset(font)
    subset.save_font(font, path, options)
