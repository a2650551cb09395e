"""The stored drawings: as wide as every figure, legible, in the one colour code."""

import re

import pytest

from pokersnn_helpers import SNN
from pokersnn_helpers.figures import colours
from pokersnn_helpers.figures.drawings import DRAWINGS, show_drawing

CODE = {
    colours.ON,
    colours.OFF,
    colours.ACCENT,
    *colours.CLASS_COLOURS.values(),
    *colours.DARK,
    colours.PAPER,
}
TWELVE_AND_A_HALF_POINTS = "0.125"  # glyphs have a hundred units


@pytest.mark.parametrize("name", sorted(path.stem for path in DRAWINGS.iterdir()))
def test_drawing_is_as_wide_as_every_figure_and_in_its_font_and_colours(name):
    svg = show_drawing(name)._repr_svg_()
    width, height = re.search(r'<svg[^>]* width="([\d.]+)pt" height="([\d.]+)pt"', svg).groups()
    assert float(width) == 6 * 72
    assert float(height) < 5 * 72
    used = set(re.findall("#[0-9a-f]{6}", svg))
    assert {colours.ACCENT, colours.TEXT} <= used <= CODE
    sizes = re.findall(r"scale\(([\d.]+) -", svg)
    assert set(sizes) == {TWELVE_AND_A_HALF_POINTS}


def test_drawing_of_the_network_has_its_sizes():
    sizes = SNN().arguments
    comments = re.findall("<!-- (.*?) -->", show_drawing("network").svg)
    words = "\n".join(comments)
    assert f"{sizes['input_size']:,} counts" in words
    assert f"{sizes['hidden_size']} LIF neurons" in words
    assert f"{sizes['output_size']} × {sizes['hidden_size']}" in words
