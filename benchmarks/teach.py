"""What the page *Teach it yours* learns: gestures by a script that is never quite the same hand.

A browser trains as a visitor does, on five strokes of each gesture, of which one is left out, and
is asked about new strokes, forwards and backwards.
"""

import functools
import http.server
import shutil
import statistics
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

STATIC = Path(__file__).parents[1] / "book" / "_static"
PAGE = """<!doctype html><script src="interactive_figures.js"></script>
<div class="interactive-figure" data-kind="teach"><script type="application/json">{}</script>
<img alt="" src="data:,"></div>"""
SETS = {"three unlike gestures": 3, "six gestures in pairs": 6}
STROKES, NEW = 5, 60  # of each gesture: to learn from, and to ask about
MEASURE = """async ([several, seed, strokes, count]) => {
    const { teach, motionData, mulberry32 } = window.interactiveFigures;
    const names = several === 3 ? teach.EXAMPLES.filter((_, nth) => nth % 2 === 0) : teach.EXAMPLES;
    const hand = mulberry32(1000 + seed);
    const shown = names.flatMap((name, target) => Array.from({ length: strokes }, () =>
        ({ target, path: teach.exampleOf(name, hand) })));
    const { settings } = motionData;
    const request = { strokes: shown, outputs: names.length, seed, settings, without: [] };
    let [longest, last, weights] = [0, performance.now(), null];
    const clock = setInterval(() => {
        const now = performance.now();
        [longest, last] = [Math.max(longest, now - last), now];
    }, 5);
    const began = performance.now();
    await new Promise((done, failed) => teach.trainInWorker(request, {
        progress: (news) => { weights = news.weights ?? weights; if (news.done) done(); }, failed,
    }));
    const seconds = (performance.now() - began) / 1000;
    clearInterval(clock);
    const { spiking, sum } = teach.networks(names.length, seed);
    [spiking, sum].forEach((network, which) => network.weights.all.set(weights[which]));
    const { timeWindow, settle } = teach.NETWORK;
    const others = mulberry32(5000 + seed);
    const record = (path) => teach.toRecording(
        teach.film({ path }, settings, others), timeWindow, settle / timeWindow);
    const says = (network, recording) => teach.answerOf(network.run(recording).values)?.output;
    const found = { seconds, longest, network: 0, sum: 0, backwards: 0 };
    for (const [target, name] of names.entries()) {
        for (let number = 0; number < count; number++) {
            const path = teach.exampleOf(name, others);
            const recording = record(path);
            found.network += says(spiking, recording) === target;
            found.sum += says(sum, recording) === target;
            const back = several === 6 ? says(spiking, record(path.reverse())) : undefined;
            found.backwards += back === (target ^ 1);
        }
    }
    return found;
}"""


class _Page(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        if self.path != "/":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(PAGE.encode())


@contextmanager
def opened_page() -> Iterator[Any]:
    """Open the figure in a browser, without the book around it."""
    from playwright.sync_api import sync_playwright

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Page, directory=str(STATIC))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_address[1]}/")
        page.wait_for_selector(".is-interactive")
        yield page
        browser.close()
    server.shutdown()


def measure(seeds: int = 3) -> dict[str, Any]:
    """Train in the page, and ask about strokes that it hasn't seen."""
    rows = []
    with opened_page() as page:
        for name, several in SETS.items():
            found = [page.evaluate(MEASURE, [several, seed, STROKES, NEW]) for seed in range(seeds)]
            asked = several * NEW
            row: dict[str, Any] = {"gestures": name}
            for model in ("network", "sum", "backwards"):
                shares = [each[model] / asked for each in found]
                row |= {model: statistics.mean(shares), f"{model}, lowest": min(shares)}
            row["training, s"] = statistics.median(each["seconds"] for each in found)
            row["longest wait of the page, ms"] = max(each["longest"] for each in found)
            rows.append(row)
    return {"seeds": seeds, "films": NEW, "rows": rows}
