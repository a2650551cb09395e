"""Figures: plots, animations and interactive figures, for any sensor and any classes.

Nothing else in the package needs this wing. ``plots`` draws recordings, frames, networks and the
training history; ``animations`` makes players; ``interactive`` makes figures for the published page
that a reader can rotate or control. ``plot_*`` makes and returns a figure, ``draw_*`` draws into
axes that you made.

The book's style for Matplotlib is the file ``book.mplstyle``::

    plt.style.use("pokersnn_helpers.figures.book")
"""
