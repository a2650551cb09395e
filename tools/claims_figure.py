"""Draw the claims of *What you can now claim* from stored measurements.

Usage: python tools/claims_figure.py

Each claim has the model that it is about, the cheapest that does as well, and what does worse. The
page shows the SVG, of which the build makes a dark variant. Its description holds the numbers, and
a test compares them with the measurements.
"""

from itertools import chain
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory
from pandas import Series

from pokersnn_helpers.figures import use_book_style
from pokersnn_helpers.figures.colours import ACCENT, GREY, TEXT
from pokersnn_helpers.page.measured import measured

OUTPUT = Path(__file__).parents[1] / "book" / "images" / "claims.svg"
RANGE = ["mean", "lowest", "highest"]
INTERVAL = ["mean", "interval low", "interval high"]
ROW = 0.27  # inches
GAP = 1.7  # rows between two claims
ROLES = {ACCENT: "claimed", TEXT: "the cheapest that does as well", GREY: "others"}


class Model(NamedTuple):
    """A row of the figure: percentages, and the colour of its role."""

    name: str
    mean: float
    low: float
    high: float
    colour: str


def model(name: str, row: Series, columns: list[str], colour: str, per_cent: float = 100) -> Model:
    """Return a model with its numbers from a row of a measurement."""
    mean, low, high = (per_cent * float(row[column]) for column in columns)
    return Model(name, mean, low, high, colour)


def per_answer(name: str, operations: float) -> str:
    """Return a name with what an answer takes."""
    return f"{name}, {round(operations, -3):,.0f} operations"


def claims() -> dict[str, list[Model]]:
    """Return the models of each claim."""
    lines = measured("lines").set_index("line")
    cards = measured("accuracy").set_index("model")
    sizes = measured("curve").query("folds == 'balanced'").set_index(["model", "units"])
    dots = measured("motions").query("test == 'new films'").set_index("model")
    panel = measured("panel").query("time == 'the end'").set_index(["task", "model"])
    gestures = measured("compare", "models").query("set == 'gestures'").set_index("model")
    passes = measured("passes").set_index(["trained_on", "tested_on"])
    variety = measured("variety").set_index(["trained_on", "model", "tested_on"])
    ends = ["correct", "low", "high"]
    of_48 = 100 / 48
    upright = "32 upright others"
    rule = "four shifts, untrained"
    small_snn, small_gru = sizes.loc[("SNN", 8)], sizes.loc[("GRU", 8)]
    regression = sizes.loc["logistic regression"].iloc[0]
    return {
        "1 · Cards of Tonic's training set: the recipe": [
            model("recipe", lines.loc["and EMA"], RANGE, ACCENT, of_48),
            model(
                "loop, trained longer", lines.loc["60 epochs at 0.001 alone"], RANGE, GREY, of_48
            ),
            model("plain loop", lines.loc["plain loop"], RANGE, GREY, of_48),
        ],
        "2 · Cards of unseen passes: spikes behind a layer": [
            model("SNN behind a layer", cards.loc["SNN behind a layer"], INTERVAL, ACCENT),
            model("MLP on each frame", cards.loc["MLP on each frame"], INTERVAL, TEXT),
            model("GRU", cards.loc["GRU"], INTERVAL, GREY),
        ],
        "3 · The same cards: what an answer costs": [
            model(per_answer("SNN", small_snn["operations"]), small_snn, INTERVAL, ACCENT),
            model(per_answer("GRU", small_gru["operations"]), small_gru, INTERVAL, GREY),
            model(per_answer("LR", regression["operations"]), regression, INTERVAL, TEXT),
        ],
        "4 · Drifting dots, played both ways: order": [
            model(
                "network with a leaky trace", dots.loc["leaky trace, mean over time"], RANGE, ACCENT
            ),
            model("rule, untrained", panel.loc[("films of dots", rule)], INTERVAL, TEXT),
            model("network of single frames", dots.loc["single frames"], RANGE, GREY),
        ],
        "5 · Gestures of unseen people: a memory": [
            model("SNN of train", gestures.loc["SNN of train"], ends, ACCENT),
            model(
                "shift correlation", panel.loc[("gestures", "shift correlation")], INTERVAL, TEXT
            ),
            model("MLP on single frames", gestures.loc["MLP on single frames"], ends, GREY),
        ],
        "6 · Real cards, learned from simulated ones": [
            model("SNN, upright", passes.loc[("simulated", upright)], RANGE, ACCENT),
            model("LR, upright", variety.loc[("simulated", "LR on the sum", upright)], RANGE, TEXT),
            model("SNN, upside down", passes.loc[("simulated", "31 upside down")], RANGE, GREY),
        ],
    }


def draw(groups: dict[str, list[Model]]) -> Figure:
    """Draw a dot and an interval for each model, claim by claim."""
    rows = sum(len(models) + GAP for models in groups.values())
    fig, ax = plt.subplots(figsize=(6.0, 1.1 + ROW * rows), layout="none")
    fig.subplots_adjust(left=0.43, right=0.92, top=0.95, bottom=0.07)
    beside = ax.get_yaxis_transform()
    in_figure = blended_transform_factory(fig.transFigure, ax.transData)
    y, ticks = 0.0, {}
    for claim, models in groups.items():
        y += GAP - 1
        ax.text(0.01, y, claim, weight="bold", va="center", transform=in_figure)
        for each in models:
            y += 1
            ticks[y] = each.name
            ax.hlines(y, each.low, each.high, color=each.colour, linewidth=2, alpha=0.55)
            ax.plot(each.mean, y, "o", color=each.colour, markersize=6, clip_on=False)
            ax.text(1.03, y, f"{each.mean:.0f}", color=each.colour, va="center", transform=beside)
        y += 1
    ax.set(xlim=(0, 100), ylim=(y, -0.5), xlabel="correct (%)")
    ax.set_yticks(list(ticks), list(ticks.values()))
    ax.tick_params(axis="y", length=0)
    ax.grid(False, axis="y")
    ax.spines["left"].set_visible(False)
    for colour, role in ROLES.items():
        ax.plot([], "o", color=colour, markersize=6, label=role)
    fig.legend(loc="upper left", ncols=3, handletextpad=0, columnspacing=0.8)
    return fig


def described(groups: dict[str, list[Model]]) -> str:
    """Write down the numbers that are drawn."""
    numbers = []
    for each in chain.from_iterable(groups.values()):
        numbers.append(f"{each.name} {each.mean:.1f} ({each.low:.1f} to {each.high:.1f})")
    return "; ".join(numbers)


def main() -> None:
    use_book_style()
    groups = claims()
    draw(groups).savefig(OUTPUT, metadata={"Date": None, "Description": described(groups)})


if __name__ == "__main__":
    main()
