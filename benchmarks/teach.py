"""What the page *Teach it yours* learns: gestures by a script that is never quite the same hand.

A browser trains as a visitor does, on five strokes of each gesture, of which one is left out, and
is asked about new strokes: as they are, backwards, elsewhere, looser, and of shapes that it was
never taught; before a webcam also with somebody behind. What is right is counted before anything is
refused.
"""

import shutil
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from pokersnn_helpers import EVENT_DTYPE, Recordings
from pokersnn_helpers.study.models import count_and_duration, summed_image
from pokersnn_helpers.study.perturbations import apply, first_tenth, merge_polarities
from pokersnn_helpers.study.protocol import PerturbedEstimator, logistic_regression

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

STATIC = Path(__file__).parents[1] / "book" / "_static"
PAGE = """<!doctype html><script src="interactive_figures.js"></script>
<div class="interactive-figure" data-kind="teach"><script type="application/json">{}</script>
<img alt="" src="data:,"></div>"""
STROKES, NEW = 5, 60  # of each gesture: to learn from, and to ask about
SETS = {  # the gestures, and a script that makes strokes of one of them
    "three unlike strokes": "teach.EXAMPLES.filter((_, number) => number % 2 === 0)",
    "six strokes in pairs": "teach.EXAMPLES",
    "three gestures before a webcam": "['left', 'right', 'circle']",
}
# Shapes that no network here is taught: of corners, or of a formula at shares of the way.
NEVER = """(() => {
    const along = (place) => Array.from({ length: 41 }, (_, number) => place(number / 40));
    const sin = (turns) => Math.sin(2 * Math.PI * turns);
    const cos = (turns) => Math.cos(2 * Math.PI * turns);
    return {
        right: [[-10, 0], [10, 0]], left: [[10, 0], [-10, 0]], up: [[0, 10], [0, -10]],
        down: [[0, -10], [0, 10]], diagonal: [[-8, 8], [8, -8]], L: [[-7, -9], [-7, 8], [8, 8]],
        M: [[-9, 9], [-7, -9], [0, 4], [7, -9], [9, 9]], N: [[-8, 9], [-8, -9], [8, 9], [8, -9]],
        square: [[-9, -9], [9, -9], [9, 9], [-9, 9], [-9, -9]],
        triangle: [[0, -9], [9, 8], [-9, 8], [0, -9]],
        U: along((share) => [-8 * cos(share / 2), -8 + 16 * sin(share / 2)]),
        S: along((share) => [-7 * sin(share), -9 + 18 * share]),
        wave: along((share) => [-10 + 20 * share, 6 * sin(2 * share)]),
        eight: along((share) => [7 * sin(2 * share), -9 * cos(share)]),
        spiral: along((share) => [10 * share * cos(2.5 * share), 10 * share * sin(2.5 * share)]),
        twice: along((share) => [9 * sin(2 * share), -9 * cos(2 * share)]),
    };
})()"""
# A textured wall, 30 pictures per second with noise and flicker; before it a hand, dark or bright,
# and behind the hand perhaps somebody, who sways or passes. Returns the gestures that are seen.
SCENE = """(random, somebody) => {
    const normal = shared.normalFrom(random);
    const within = (low, high) => low + (high - low) * random();
    const share = (inside) => Math.min(Math.max(inside + 0.5, 0), 1);
    const wall = Float32Array.from({ length: 35 ** 2 }, () => -0.9 + 0.25 * normal());
    const cloth = Float32Array.from({ length: 35 ** 2 }, () => 0.08 * normal());
    const [light, half, head] = [within(-1.9, -0.3), within(3.5, 6), within(4, 9)];
    const [middle, sways, speed] = [within(8, 26), within(3, 7), within(3, 8)];
    const passes = within(3000, 4500);
    const where = {
        sways: (time) => middle + sways * Math.sin((speed / sways) * time / 1000),
        passes: (time) => {
            const [turn, gone] = [Math.floor(time / (passes + 1500)), time % (passes + 1500)];
            const along = 50 * Math.min(gone / passes, 1);
            return turn % 2 ? 42 - along : -8 + along;
        },
    }[somebody];
    const behind = (x, y, at) => Math.max(
        Math.min(share(y - head - 5), share(half - Math.abs(x - at))),
        share(0.62 * half - Math.hypot(x - at, y - head)));
    return ({ name, rest = 30, seconds = 0, all = false }) => {
        const gestures = [];
        const watch = new teach.MotionWatch({
            slow: 30, began() {}, moved() {}, seen() {}, ended: (gesture) => gestures.push(gesture),
        });
        watch.all = all;
        const [hand, size, row] = [random() < 0.5 ? -2 : -0.1, within(4.5, 7), within(13, 21)];
        const [width, height] = [within(9, 12), within(7, 10)];
        let time = 0;
        const look = (held) => watch.watch(wall.map((value, place) => {
            const [x, y] = [place % 35, Math.floor(place / 35)];
            const away = held ? Math.hypot(x - held[0], y - held[1]) : Infinity;
            const hidden = where ? behind(x, y, where(time)) : 0;
            const seen = value + hidden * (light + cloth[place] - value);
            return (away < size ? hand : seen) + 0.02 * normal() + 0.05 * Math.sin(time / 23);
        }), time += 33);
        const pictures = name ? Math.round(within(18, 36)) : 0;
        const places = Array.from({ length: pictures }, (_, picture) => {
            const part = picture / (pictures - 1);
            const angle = 2 * Math.PI * part;
            const round = [-width * Math.cos(angle), -height * Math.sin(angle)];
            const along = [(name === 'right' ? 1 : -1) * width * (2 * part - 1), 0];
            const [x, y] = name === 'circle' ? round : along;
            return [17 + x + 0.4 * normal(), row + y + 0.4 * normal()];
        });
        for (let picture = 0; picture < (name ? rest : 30 * seconds); picture++) look(places[0]);
        places.forEach(look);
        for (let picture = 0; picture < 20; picture++) look(places.at(-1));
        watch.cut();
        return gestures.filter(Boolean);
    };
}"""
TRAIN = """async (shown, outputs, unwanted, seed) => {
    const without = [], knobs = teach.AS_IT_IS;
    const strokes = shown.map(({ target, path, pictures, intervals }) =>
        ({ target, path, pictures, intervals }));
    let [longest, last, weights] = [0, performance.now(), null];
    const clock = setInterval(() => {
        const now = performance.now();
        [longest, last] = [Math.max(longest, now - last), now];
    }, 5);
    const began = performance.now();
    await new Promise((done, failed) => teach.trainInWorker(
        { strokes, outputs, seed, settings, without, knobs },
        { progress: (news) => { weights = news.weights ?? weights; }, done, failed },
    ));
    clearInterval(clock);
    const seconds = (performance.now() - began) / 1000;
    const courses = shown.map(({ target, events }) =>
        ({ target, course: teach.courseOf(events) }));
    const classes = Array.from({ length: outputs }, (_, output) => `${output}`);
    const lesson = { classes, unwanted, courses, weights, seed, without, knobs };
    return { seconds, longest, trained: teach.trainedBy(lesson) };
}"""
MEASURE = """async ([names, never, scene, train, seed, strokes, count]) => {
    const { teach, shared, motionData, mulberry32 } = window.interactiveFigures;
    const { settings } = motionData;
    const [gestures, shapes] = [eval(names), eval(never)];
    const [sceneOf, trainOn] = [eval(scene), eval(train)];
    const six = gestures.length === 6, drawn = teach.EXAMPLES.includes(gestures[0]);
    const seen = (stroke) => {
        const kept = stroke && teach.toStroke(teach.toKeep(stroke));
        return kept && { ...kept, events: teach.eventsOf(kept, settings) };
    };
    const draw = (name, random, more) => seen(drawn
        ? { path: teach.exampleOf(name, random, more) }
        : sceneOf(random, more)({ name, rest: 45 }).at(-1));
    const hand = mulberry32(1000 + seed);
    const shown = gestures.flatMap((name, target) =>
        Array.from({ length: strokes }, () => ({ target, ...draw(name, hand) })));
    const { seconds, longest, trained } = await trainOn(shown, gestures.length, -1, seed);
    const { timeWindow, settle } = teach.NETWORK;
    const kinds = {};
    const ask = (kind, target, stroke, network = trained) => {
        const tally = (kinds[kind] ??= { asked: 0, right: 0, sum: 0, refused: 0 });
        tally.asked += 1;
        if (!stroke) return; // a gesture that wasn't seen isn't right
        const recording = teach.toRecording(stroke.events, timeWindow, settle / timeWindow);
        const [output, sum] = [network.spiking, network.sum].map((model) =>
            teach.answerOf(model.run(recording).values)?.output);
        tally.right += output === target;
        tally.sum += sum === target;
        tally.refused += !network.knows(teach.courseOf(stroke.events), output);
    };
    const others = mulberry32(5000 + seed);
    const moved = ({ path }, right, down) =>
        seen({ path: path.map(([x, y]) => [x + right, y + down]) });
    const away = () => others() < 0.5 ? -10 : 10;
    for (const [target, name] of gestures.entries()) {
        for (let number = 0; number < count; number++) {
            const stroke = draw(name, others);
            ask('new', target, stroke);
            if (!drawn) ask('somebody moves behind', target, draw(name, others, 'sways'));
            if (!six) continue;
            ask('backwards', target ^ 1, seen(teach.reversed(stroke)));
            ask('10 pixels beside', target, moved(stroke, away(), 0));
            ask('in a corner', target, moved(stroke, away(), away()));
            ask('three times the jitter', target, draw(name, others, { jitter: 3 }));
        }
    }
    if (six) for (const name of Object.keys(shapes))
        for (let number = 0; number < count / 4; number++)
            ask('never taught', null, draw(name, others, { shapes }));
    if (!drawn) {
        const passing = sceneOf(others, 'passes');
        const nothing = passing({ seconds: 10, all: true }).map(seen);
        const pieces = nothing.filter(({ events }) => events.length >= teach.MIN_EVENTS);
        const all = [...shown, ...pieces.map((piece) => ({ ...piece, target: gestures.length }))];
        const classes = gestures.length + (pieces.length > 0);
        const more = await trainOn(all, classes, gestures.length, seed);
        const minute = (kind, somebody) => {
            kinds[kind] = { asked: 0, right: 0, sum: 0, refused: 0 };
            for (const stroke of somebody({ seconds: 60 }).map(seen))
                if (stroke.events.length >= teach.MIN_EVENTS) ask(kind, null, stroke, more.trained);
        };
        minute('somebody passes for a minute', passing);
        minute('nobody for a minute', sceneOf(others));
    }
    return { seconds, longest, kinds };
}"""

FILM = """([names, count]) => {
    const { teach, motionData, mulberry32 } = window.interactiveFigures;
    const random = mulberry32(9000);
    return Array.from({ length: count }, () => eval(names).map((name) =>
        teach.film({ path: teach.exampleOf(name, random) }, motionData.settings, random)));
}"""
SUM = logistic_regression(summed_image, C=10)
SHORTCUTS: dict[str, Any] = {  # what an ordinary model sees of the six strokes in pairs
    "count and duration": logistic_regression(count_and_duration),
    "first tenth": PerturbedEstimator(SUM, first_tenth),
    "one frame in the middle": PerturbedEstimator(SUM, lambda strokes: apply(_middle, strokes)),
    "the sum": SUM,
}


def _middle(events: np.ndarray) -> np.ndarray:
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


def measure(seeds: int = 3, browser: str = "chromium") -> dict[str, Any]:
    """Train in the page, and ask about strokes that it hasn't seen.

    Args:
        seeds: Networks to train of each set of gestures.
        browser: The system's Chromium, or the Firefox of ``playwright install firefox``.
    """
    from playwright.sync_api import sync_playwright

    rows = []
    hands = []
    with sync_playwright() as playwright:
        system = shutil.which("chromium") if browser == "chromium" else None
        page = opened_page(getattr(playwright, browser).launch(executable_path=system))
        for name, gestures in SETS.items():
            scripts = [gestures, NEVER, SCENE, TRAIN]
            runs = [page.evaluate(MEASURE, [*scripts, seed, STROKES, NEW]) for seed in range(seeds)]
            new = [run["kinds"].pop("new") for run in runs]
            row: dict[str, Any] = {"gestures": name}
            for column, counted in (("network", "right"), ("sum", "sum"), ("refused", "refused")):
                shares = [tally[counted] / tally["asked"] for tally in new]
                row[column] = statistics.mean(shares)
                row[f"{column}, lowest"] = min(shares)
            row["training, s"] = statistics.median(run["seconds"] for run in runs)
            row["longest wait of the page, ms"] = max(run["longest"] for run in runs)
            rows.append(row)
            for kind in runs[0]["kinds"]:
                total = _total([run["kinds"][kind] for run in runs])
                hands.append({"gestures": name, "strokes": kind} | total)
        films = page.evaluate(FILM, [SETS["six strokes in pairs"], NEW])
    return {
        "seeds": seeds,
        "films": NEW,
        "rows": rows,
        "hands": hands,
        "shortcuts": shortcuts(films),
    }


def _total(tallies: list[dict[str, int]]) -> dict[str, float]:
    """Add up what was asked with each seed.

    Returns:
        How many strokes were seen, the shares of them that are right and that are refused, and how
        many were answered with each seed.
    """
    asked = sum(tally["asked"] for tally in tallies)
    refused = sum(tally["refused"] for tally in tallies)
    right = sum(tally["right"] for tally in tallies)
    return {
        "asked": asked,
        "right": right / max(asked, 1),
        "refused": refused / max(asked, 1),
        "answers of a seed": (asked - refused) / len(tallies),
    }


def shortcuts(films: list[list[Any]]) -> list[dict[str, Any]]:
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
