"""The built book, served as GitHub Pages does it, and visits to it."""

import contextlib
import functools
import gzip
import http.server
import re
import threading
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote, urljoin, urlsplit

import pytest
import yaml
from unpublished import LEADS_NOWHERE

from tools.pages import numbered_chapters

ROOT = Path(__file__).parents[2]
HTML = ROOT / "_build" / "html"
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text())
PREFIX = urlsplit(CONFIG["html"]["baseurl"]).path  # a project's pages lie below its name
MOVED = CONFIG["sphinx"]["config"]["redirects"]
published = pytest.mark.skipif(
    bool(LEADS_NOWHERE.search(CONFIG["repository"]["url"])),
    reason="no address is set",
)


def pages():
    """List every page but those that only lead on: the first address, and old ones."""
    found = {str(path.relative_to(HTML)) for path in HTML.rglob("*.html")}
    found -= {"index.html", *(f"{name}.html" for name in MOVED)}
    return sorted(name for name in found if not name.startswith("_static/"))


PAGES = pages() or ["the book isn't built"]
DOCUMENTS = re.findall(r"(?:root|file): (\S+)", (ROOT / "_toc.yml").read_text())
CHAPTERS = numbered_chapters()


@functools.cache
def soup_of(path):
    return pytest.importorskip("bs4").BeautifulSoup(path.read_text(), "html.parser")


@functools.cache
def anchors(path):
    return {tag["id"] for tag in soup_of(path).find_all(id=True)}


def dead_links(name, html=HTML):
    """List what a page refers to inside the book that isn't there, files and anchors.

    Whatever part of the page it stands in: a Markdown text, or what a cell has displayed.
    """
    base, dead = CONFIG["html"]["baseurl"], []
    for tag in soup_of(html / name).find_all(True):
        given = [tag.get(key) for key in ("href", "src", "poster", "data-src")]
        given += [each.split()[0] for each in tag.get("srcset", "").split(",") if each.strip()]
        for address in filter(None, given):
            path, _, fragment = urljoin(base + name, address).partition("#")
            if not path.startswith(("http:", "https:")):
                continue  # mailto:, data:
            if urlsplit(path).netloc != urlsplit(base).netloc:
                continue
            file = html / (unquote(urlsplit(path).path).removeprefix(PREFIX) or "index.html")
            alive = path.startswith(base) and file.is_file()
            if alive and fragment and file.suffix == ".html":
                alive = unquote(fragment) in anchors(file)
            if not alive:
                dead.append(address)
    return dead


def page_with(kind):
    """Name the last page with an interactive figure of a kind: of a card, the landing page."""
    mark = f'data-kind="{kind}"'
    found = [name for name in pages() if mark in (HTML / name).read_text(encoding="utf-8")]
    assert found or not pages(), f"no page has an interactive figure of the kind {kind}"
    return found[-1] if found else "index.html"


SETTLED = (  # after two images, or after 10 s: without any, a test fails and doesn't hang
    "new Promise((done) => { setTimeout(done, 10_000); requestAnimationFrame("
    "() => requestAnimationFrame(() => setTimeout(done))); })"
)
SCENE = ":is([data-kind=card], [data-kind=motion])"
FIGURE = f"document.querySelector('{SCENE} .interactive-drawing').figure"


def state(page):
    """Return the state of the figure that moves, and of the card or the stroke that it shows."""
    found = page.evaluate(
        f"() => {{ const {{ table, stroke, direction, pad }} = {FIGURE};"
        " const { ticking } = (table ?? pad).loop, shown = table ? table.show : stroke;"
        " const { time, stage, suit } = shown ?? {};"
        " return { direction, moving: pad?.busy, ticking, time, stage, suit }; }"
    )
    return SimpleNamespace(**found)


def said(page):
    return page.locator("[aria-live].interactive-said").text_content()


def touch(page, places, wait):
    """Put a finger down, move it from place to place, and lift it."""
    devtools = page.context.new_cdp_session(page)
    points = [[{"x": x, "y": y}] for x, y in places]
    kinds = ["touchStart", *["touchMove"] * (len(points) - 1), "touchEnd"]
    for kind, at in zip(kinds, [*points, []], strict=True):
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})
        wait(16)


def on_the_page(page, pad, places):
    """Return where places on a pad of 35 × 35 pixels are, which are given from its middle."""
    box = page.locator(pad).bounding_box()
    return [
        (box["x"] + (x + 17.5) / 35 * box["width"], box["y"] + (y + 17.5) / 35 * box["height"])
        for x, y in places
    ]


def assert_nothing_runs(page):
    """Let the page's time pass, in which the figure asks for no image and doesn't go on."""
    page.clock.run_for(50)
    before = state(page)
    assert not before.ticking
    page.clock.run_for(1000)
    assert state(page) == before


def run_until(condition, page):
    """Let the page's time pass until a condition holds."""
    for _ in range(100):
        if condition():
            return
        page.clock.run_for(100)
    raise AssertionError("it doesn't come about in 10 s of the page's time")


class GitHubPages(http.server.SimpleHTTPRequestHandler):
    """Files below the prefix, texts compressed, and 404.html for what isn't there."""

    def log_message(self, *args):
        pass

    def do_GET(self):
        path = unquote(urlsplit(self.path).path)
        file = HTML / (path.removeprefix(PREFIX) or "index.html")
        found = path.startswith(PREFIX) and file.is_file()
        file = file if found else HTML / "404.html"
        content = file.read_bytes()
        self.send_response(200 if found else 404)
        if file.suffix in (".html", ".css", ".js", ".svg", ".json"):
            content = gzip.compress(content)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", self.guess_type(file))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # the reader has left
            self.wfile.write(content)


@contextlib.contextmanager
def served():
    """Serve the book, and yield its address, with a slash at its end."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), GitHubPages)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
    server.shutdown()
    server.server_close()


TEACHING = """Object.defineProperty(window, "teaching", {
    get: () => document.querySelector("[data-kind=teach] .interactive-drawing").figure });"""


class Visit:
    """A page open in the browser, and what went wrong or was transferred on the way there."""

    def __init__(self, browser, address, width=1280, theme="light", **settings):
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, **settings
        )
        self.context.set_default_timeout(90_000)  # a busy computer is no defect
        self.context.add_init_script(TEACHING)
        self.address = address
        self.page = self.context.new_page()
        self.page.reader = self
        self.problems = []
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.problems.append(f"uncaught: {error}"))
        self.awaited = set()
        self.asked = []
        self.page.on("request", self._see)
        self.page.on("requestfinished", lambda request: self.awaited.discard(request))
        self.page.on("requestfailed", self._miss)

    def _hear(self, message):
        if message.type == "error":
            self.problems.append(f"console: {message.text}")

    def _miss(self, request):
        self.awaited.discard(request)
        self.problems.append(f"no {request.url}")

    def _see(self, request):
        self.awaited.add(request)
        self.asked.append(request.url)
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.problems.append(f"asks another host: {request.url}")

    def read(self, name):
        """Open a page and scroll to its end, so that everything on it is loaded and drawn."""
        self.page.goto(self.address + name)
        assert self.page.evaluate("scrollY") == 0
        self.scroll_through()
        self.page.wait_for_function(
            "!document.querySelector('.interactive-figure:not(.is-interactive)')"
        )
        self.wait_for_answers()
        return self.page

    def show(self, kind):
        """Open the page of an interactive figure, and wait until the figure is there."""
        self.page.goto(self.address + page_with(kind))
        self.page.locator(f"[data-kind={kind}]").scroll_into_view_if_needed()
        self.page.wait_for_selector(f"[data-kind={kind}].is-interactive")
        return self.page

    def show_in_its_own_time(self, kind):
        """Open a figure whose time passes only as a test runs the page's clock.

        So what a hand does, and how far the figure has come, doesn't depend on a busy computer.
        """
        self.page.clock.install(time=0)
        self.page.clock.pause_at(600_000)
        page = self.show(kind)
        page.wait_for_function(f"{FIGURE}.table?.show ?? {FIGURE}.started")
        return page

    def wait_for_answers(self):
        """Wait until every request has been answered; "networkidle" would always wait 0.5 s."""
        for _ in range(3000):
            if not self.awaited:
                return
            self.page.wait_for_timeout(20)
        self.problems += [f"no answer in 60 s: {request.url}" for request in self.awaited]

    def scroll_through(self):
        self.page.evaluate(
            """async () => {
                // What comes near is loaded, so not every screen needs to be seen.
                for (let y = 0; y < document.body.scrollHeight; y += 1600) {
                    window.scrollTo(0, y);
                    // Until the image is shown: only then is told who watches what comes near.
                    await new Promise((done) => {
                        setTimeout(done, 10_000);  // without images, a test fails and doesn't hang
                        requestAnimationFrame(() => setTimeout(done));
                    });
                }
            }"""
        )
