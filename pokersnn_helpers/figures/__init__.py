"""Figures: plots, drawings, animations and interactive figures, for any sensor and any classes.

``colours`` holds the one colour code, and ``labels`` what stands beside lines. ``events``,
``dynamics`` and ``results`` draw what they are called after, ``costs`` accuracy and operations,
``memories`` small pictures of networks. ``stored_drawings`` shows pictures of concepts that are
kept; ``animations`` makes players; ``interactive`` makes figures that a reader of the published
page can rotate or control.
``plot_*`` makes and returns a figure, ``draw_*`` draws into axes that you made.
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.font_manager import fontManager

for _font in sorted(Path(__file__).with_name("fonts").glob("*.ttf")):
    fontManager.addfont(_font)


def use_book_style() -> None:
    """Give all figures from now on the book's font and colours, and show them as SVG in a notebook.

    Example:
        >>> use_book_style()
    """
    plt.style.use("pokersnn_helpers.figures.book")
    if "ipykernel" in sys.modules:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        # The whole figure and not its "tight" part, so that text has one size in all of them.
        set_matplotlib_formats("svg", bbox_inches=None, metadata={"Date": None})
