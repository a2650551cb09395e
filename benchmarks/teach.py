"""What the page *Teach it yours* learns: gestures by a script that is never quite the same hand.

A browser trains as a visitor does, on five strokes of each gesture, of which one is left out, and
is asked about new strokes, forwards and backwards.
"""

import functools
import http.server
import json
import queue
import statistics
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pokersnn_helpers import EVENT_DTYPE, Recordings
from pokersnn_helpers.study.models import count_and_duration, summed_image
from pokersnn_helpers.study.perturbations import apply, first_tenth, merge_polarities
from pokersnn_helpers.study.protocol import PerturbedEstimator, logistic_regression

STATIC = Path(__file__).parents[1] / "book" / "_static"
PAGE = """<!doctype html><script src="interactive_figures.js"></script>
<div class="interactive-figure" data-kind="teach"><script type="application/json">{}</script>
<img alt="" src="data:,"></div><script type="module">
while (!document.querySelector(".is-interactive")) await new Promise(requestAnimationFrame);
for (;;) {
    const script = await (await fetch("script")).text();
    const found = await (async () => eval(script))().catch((error) => ({ error: `${error}` }));
    await fetch("found", { method: "POST", body: JSON.stringify(found) });
}
</script>"""
BROWSERS = {
    "chromium": ["chromium", "--headless", "--no-sandbox", "--user-data-dir=PROFILE"],
    "firefox": ["firefox", "--headless", "--no-remote", "--profile", "PROFILE"],
}
STROKES, NEW = 5, 60  # of each gesture: to learn from, and to ask about
SETS = {  # the gestures, and a script that makes strokes of one of them
    "three unlike strokes": "teach.EXAMPLES.filter((_, number) => number % 2 === 0)",
    "six strokes in pairs": "teach.EXAMPLES",
    "three gestures before a webcam": "['left', 'right', 'circle']",
}
# A hand, dark or bright, before a textured wall, 30 pictures per second with noise and flicker.
WAVE = """(name, random) => {
    const normal = shared.normalFrom(random), gestures = [];
    const within = (low, high) => low + (high - low) * random();
    const wall = Float32Array.from({ length: 35 ** 2 }, () => -0.9 + 0.25 * normal());
    const [hand, size, row] = [random() < 0.5 ? -2 : -0.1, within(4.5, 7), within(13, 21)];
    const [width, height] = [within(9, 12), within(7, 10)];
    const watch = new teach.MotionWatch({
        slow: 30, began() {}, moved() {}, seen() {}, ended: (gesture) => gestures.push(gesture),
    });
    let time = 0;
    const look = ([x, y]) => watch.watch(wall.map((light, place) => {
        const away = Math.hypot(place % 35 - x, Math.floor(place / 35) - y);
        return (away < size ? hand : light) + 0.02 * normal() + 0.05 * Math.sin(time / 23);
    }), time += 33);
    const pictures = Math.round(within(18, 36));
    const places = Array.from({ length: pictures }, (_, picture) => {
        const share = picture / (pictures - 1);
        const angle = 2 * Math.PI * share;
        const round = [-width * Math.cos(angle), -height * Math.sin(angle)];
        const along = [(name === 'right' ? 1 : -1) * width * (2 * share - 1), 0];
        const [x, y] = name === 'circle' ? round : along;
        return [17 + x, row + y];
    }).map(([x, y]) => [x + 0.4 * normal(), y + 0.4 * normal()]);
    const [before, after] = [Array(30).fill(places[0]), Array(20).fill(places.at(-1))];
    [...before, ...places, ...after].forEach(look);
    return gestures.find(Boolean);
}"""
MEASURE = """async ([names, wave, seed, strokes, count]) => {
    const { teach, shared, motionData, mulberry32 } = window.interactiveFigures;
    const { settings } = motionData;
    const filmed = eval(wave);
    const gestures = eval(names);
    const paired = gestures.length === 6;
    const draw = (name, random) => teach.EXAMPLES.includes(name)
        ? { path: teach.exampleOf(name, random) } : filmed(name, random);
    const hand = mulberry32(1000 + seed);
    const shown = gestures.flatMap((name, target) => Array.from({ length: strokes }, () =>
        ({ target, ...draw(name, hand) })));
    const request = { strokes: shown, outputs: gestures.length, seed, settings, without: [] };
    let [longest, last, weights] = [0, performance.now(), null];
    const clock = setInterval(() => {
        const now = performance.now();
        [longest, last] = [Math.max(longest, now - last), now];
    }, 5);
    const began = performance.now();
    await new Promise((done, failed) => teach.trainInWorker(request, {
        progress: (news) => { weights = news.weights ?? weights; }, done, failed,
    }));
    const seconds = (performance.now() - began) / 1000;
    clearInterval(clock);
    const { spiking, sum } = teach.networks(gestures.length, seed);
    [spiking, sum].forEach((network, which) => network.weights.all.set(weights[which]));
    const { timeWindow, settle } = teach.NETWORK;
    const others = mulberry32(5000 + seed);
    const record = (stroke) => teach.toRecording(
        teach.film(stroke, settings, others), timeWindow, settle / timeWindow);
    const says = (network, recording) => teach.answerOf(network.run(recording).values)?.output;
    const found = { seconds, longest, network: 0, sum: 0, backwards: 0 };
    for (const [target, name] of gestures.entries()) {
        for (let number = 0; number < count; number++) {
            const stroke = draw(name, others);
            if (!stroke) continue; // a gesture that was not seen is not right
            const recording = record(stroke);
            found.network += says(spiking, recording) === target;
            found.sum += says(sum, recording) === target;
            const back = paired ? says(spiking, record({ path: stroke.path.reverse() })) : null;
            found.backwards += back === (target ^ 1);
        }
    }
    return { ...found, asked: gestures.length * count };
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


class Page(http.server.SimpleHTTPRequestHandler):
    """Serves the figure without the book around it, and hands scripts and their results over."""

    def __init__(self, scripts: queue.Queue[str], results: queue.Queue[Any], *request: Any) -> None:
        self.scripts = scripts
        self.results = results
        super().__init__(*request, directory=str(STATIC))

    def log_message(self, *arguments: Any) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        """Send the page, the next script for it, or a file of the figure."""
        if self.path not in ("/", "/script"):
            return super().do_GET()
        answer = PAGE if self.path == "/" else self.scripts.get()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(answer.encode())

    def do_POST(self) -> None:
        """Take what a script has returned."""
        self.results.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()


@contextmanager
def opened_page(browser: str) -> Iterator[Callable[[str, list[Any]], Any]]:
    """Open the figure in a browser. Yields what calls a JavaScript function there."""
    scripts: queue.Queue[str] = queue.Queue()
    results: queue.Queue[Any] = queue.Queue()
    page = functools.partial(Page, scripts, results)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), page)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def call(function: str, arguments: list[Any]) -> Any:
        scripts.put(f"({function})({json.dumps(arguments)})")
        result = results.get(timeout=600)
        if "error" in result:
            raise RuntimeError(result["error"])
        return result

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [word.replace("PROFILE", profile) for word in BROWSERS[browser]]
        address = f"http://127.0.0.1:{server.server_address[1]}/"
        silent = subprocess.DEVNULL
        with subprocess.Popen([*command, address], stdout=silent, stderr=silent) as process:
            try:
                yield call
            finally:
                process.terminate()
    server.shutdown()


def measure(seeds: int = 3, browser: str = "chromium") -> dict[str, Any]:
    """Train in the page, and ask about strokes that it hasn't seen."""
    rows = []
    with opened_page(browser) as call:
        for name, gestures in SETS.items():
            runs = [call(MEASURE, [gestures, WAVE, seed, STROKES, NEW]) for seed in range(seeds)]
            row: dict[str, Any] = {"gestures": name}
            for model in ("network", "sum", "backwards"):
                shares = [run[model] / run["asked"] for run in runs]
                row[model] = statistics.mean(shares)
                row[f"{model}, lowest"] = min(shares)
            row["training, s"] = statistics.median(run["seconds"] for run in runs)
            row["longest wait of the page, ms"] = max(run["longest"] for run in runs)
            rows.append(row)
        films = call(FILM, [SETS["six strokes in pairs"], NEW])
    return {"seeds": seeds, "films": NEW, "rows": rows, "shortcuts": shortcuts(films)}


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
