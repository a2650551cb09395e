"""Draw the figure of the landing page and the README: python tools/overview_figure.py.

The landing page shows the SVG, of which the build makes a dark variant. The README and the social
card show the PNG.
"""

from pathlib import Path

from pokersnn_helpers import first_of_each_class, load_pokerdvs, train_classifier
from pokersnn_helpers.figures import use_book_style
from pokersnn_helpers.figures.dynamics import plot_answer

OUTPUT = Path(__file__).parents[1] / "book" / "images" / "overview"


def main() -> None:
    use_book_style()
    data = load_pokerdvs(source="real")
    classifier, _ = train_classifier(data, seed=0, device="cpu")
    events, _ = first_of_each_class(data.test)[3]
    fig = plot_answer(classifier, events)
    OUTPUT.parent.mkdir(exist_ok=True)
    fig.savefig(OUTPUT.with_suffix(".svg"), metadata={"Date": None})
    fig.savefig(OUTPUT.with_suffix(".png"), dpi=200)


if __name__ == "__main__":
    main()
