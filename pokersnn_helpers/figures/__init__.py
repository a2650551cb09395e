"""Figures: plots, films and figures that a reader can move, for any classes and any sensor.

Nothing else in the package needs this wing. ``plots`` draws recordings, frames, networks and how
training went; ``animations`` makes films; ``interactive`` makes figures with sliders for the
published page. ``plot_*`` makes and returns a figure, ``draw_*`` draws into axes that you made.

The look of the book is a style of Matplotlib's, which names the file ``book.mplstyle``::

    plt.style.use("pokersnn_helpers.figures.book")
"""
