"""What the page *Teach it yours* learns: gestures by scripts that are never quite the same hand.

A browser trains as a visitor does, on five strokes of each gesture, of which one is left out, and
is asked about new strokes: as they are, backwards, elsewhere, turned, of other sizes, faster,
looser, after a wait and before a rest, by keyboard, by other scripted hands, and of shapes that it
was never taught; then again after 60 strokes of each. Before a webcam it is asked in another room,
and with somebody behind. Settings of the page were chosen by one set of hands, shapes, rooms and
seeds; the others are held back. Scripts and sets are in ``teach_hands.js``.
"""

import shutil
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
from numpy import ndarray

from eventdesk.evidence.estimators import PerturbedEstimator, logistic_regression
from eventdesk.evidence.perturbations import apply, merge_polarities
from eventdesk.evidence.portions import first_tenth
from eventdesk.models.ordinary import summed_image
from pokersnn_helpers import EVENT_DTYPE, Recordings

from . import Row

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

STATIC = Path(__file__).parents[1] / "book" / "_static"
HANDS = Path(__file__).with_name("teach_hands.js")
PAGE = """<!doctype html><script src="interactive_figures.js"></script>
<div class="interactive-figure" data-kind="teach"><script type="application/json">{}</script>
<img alt="" src="data:,"></div>"""
SETS = {  # gestures, and how many new strokes of each are asked about
    "three unlike strokes": 6,
    "six strokes in pairs": 4,
    "letters": 3,
    "digits": 3,
    "eight shapes": 3,
    "three gestures before a webcam": 4,
}
FILMS = 60  # of each gesture, for the shortcuts
FIRST_SEED = 120  # settings of the page were chosen with those before
BEGIN = """([set, seed, count]) => {
    window.found = null;
    const told = hands.measure(set, seed, count, window.interactiveFigures);
    told.then((found) => { window.found = found; }, (error) => { window.found = { error }; });
}"""
FILM = """(count) => {
    const { teach, motionData: { settings }, mulberry32 } = window.interactiveFigures;
    const random = mulberry32(9000);
    const film = (corners) => teach.film({ path: hands.draw(corners, random) }, settings, random);
    return Array.from({ length: count }, () =>
        Object.values(hands.sets["six strokes in pairs"]).map(film));
}"""
SUM = logistic_regression(summed_image, C=10)
SHORTCUTS: Row = {  # what an ordinary model sees of the six strokes in pairs
    "first tenth": PerturbedEstimator(SUM, first_tenth),
    "one frame in the middle": PerturbedEstimator(SUM, lambda strokes: apply(_middle, strokes)),
}


def _middle(events: ndarray) -> ndarray:
    return events[np.abs(events["t"] - np.median(events["t"])) <= 500]  # µs


def opened_page(browser: "Browser") -> "Page":
    """Open the figure without the book around it."""

    def send(route: "Route") -> None:
        path = urlsplit(route.request.url).path[1:]
        if path:
            route.fulfill(path=STATIC / path)
        else:
            route.fulfill(body=PAGE, content_type="text/html; charset=utf-8")

    page = browser.new_page()
    page.route("http://localhost/**", send)
    page.goto("http://localhost/")
    page.wait_for_selector(".is-interactive")
    return page


def measure(seeds: int = 3) -> Row:
    """Train in the page, and ask about strokes that it hasn't seen.

    Args:
        seeds: Networks to train of each set of gestures.
    """
    from playwright.sync_api import sync_playwright

    rows = []
    hands: list[Row] = []
    people: list[Row] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        pages = [opened_page(browser) for _ in range(seeds)]
        arrived = pages[0].evaluate("performance.now()")
        for page in pages:
            page.add_script_tag(path=HANDS)
        for name, count in SETS.items():
            for seed, page in enumerate(pages, FIRST_SEED):  # all at once
                page.evaluate(BEGIN, [name, seed, count])
            runs = [page.wait_for_function("found", timeout=0).json_value() for page in pages]
            new = [run["kinds"].pop("new") for run in runs]
            row: Row = {"gestures": name}
            for column, counted in (("network", "right"), ("sum", "sum")):
                row[column] = statistics.mean(tally[counted] / tally["asked"] for tally in new)
            row["training, s"] = statistics.median(run["seconds"] for run in runs)
            row["longest wait of the page, ms"] = max(run["longest"] for run in runs)
            rows.append(row)
            hands += _totals(name, "strokes", [run["kinds"] for run in runs])
            people += _totals(name, "person", [run["people"] for run in runs])
        films = pages[0].evaluate(FILM, FILMS)
    return {
        "seeds": seeds,
        "first seed": FIRST_SEED,
        "films": FILMS,
        "ms until it answers": arrived,
        "rows": rows,
        "hands": hands,
        "people": people,
        "shortcuts": shortcuts(films),
    }


def _totals(gestures: str, column: str, runs: list[Row]) -> list[Row]:
    """Add up what was asked with each seed.

    Returns:
        For each kind of stroke how many were asked about, and the shares of them that are right
        before anything is refused, by the network and by the nearest example; that are refused, and
        that are shown rightly and wrongly, as a visitor sees it; that the page asks about ("zed?");
        and the largest share that the network gave a wrong answer that was shown.
    """
    rows = []
    for kind in runs[0]:
        tallies = [run[kind] for run in runs]
        total = {count: sum(tally[count] for tally in tallies) for count in tallies[0]}
        share = {count: number / total["asked"] for count, number in total.items()}
        rows.append(
            {
                "gestures": gestures,
                column: kind,
                "asked": total["asked"],
                "right": share["right"],
                "nearest": share["nearest"],
                "refused": 1 - share["shown"],
                "shown right": share["shownRight"],
                "shown wrong": share["shown"] - share["shownRight"],
                "doubted": share["doubted"],
                "doubted right": share["doubtedRight"],
                "surest wrong": max(tally["sure"] for tally in tallies),
            }
        )
    return rows


def shortcuts(films: list[list[Any]]) -> list[Row]:
    """Tell what ordinary models get right that see little of a stroke.

    Args:
        films: Events of one stroke of each gesture, as often as there are strokes of each.
    """
    gestures = range(len(films[0]))
    events = [np.array([*map(tuple, film)], EVENT_DTYPE) for turn in films for film in turn]
    targets = [*gestures] * len(films)
    strokes = Recordings(events, targets, [*map(str, gestures)], (35, 35, 2))
    strokes = merge_polarities(strokes)
    half = len(events) // 2
    shown = strokes.subset(range(half))
    asked = strokes.subset(range(half, len(events)))
    rows = []
    for name, model in SHORTCUTS.items():
        predicted = model.fit(shown).predict(asked)
        rows.append({"seen": name, "right": float(np.mean(predicted == asked.targets))})
    return rows
