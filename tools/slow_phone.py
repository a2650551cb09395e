"""Open *Teach it yours* as on a slow phone, draw a zed, and print how long everything took.

Usage: jupyter-book build . && python -m tools.slow_phone

Chromium slows itself down: 3G as WebPageTest has it (1.6 Mbit/s, 300 ms there and back), and a
processor four times slower than this one. Pages come compressed, as GitHub Pages sends them.
"""

import json
import shutil

from playwright.sync_api import sync_playwright

from tests.site.book_site import on_the_page, served

PAGE = "book/teach_it_yours.html"
NETWORK = {
    "offline": False,
    "latency": 300,  # ms
    "downloadThroughput": 1.6e6 / 8,  # bytes a second
    "uploadThroughput": 0.768e6 / 8,
}
SLOWER = 4
ANSWERED = """() => { const { figure } = document.querySelector(".interactive-drawing");
  return figure.trials.answers.forwards && !figure.trials.work; }"""
ZED = [(-9, -9), (9, -9), (-9, 9), (9, 9)]  # pixels from the middle of the pad
SENT = "performance.getEntriesByType('resource').map(({ name, encodedBodySize, responseEnd }) =>"
SENT += " ({ name, bytes: encodedBodySize, end: responseEnd }))"


def tasks(trace):
    """List how long the processor worked on each task of the page's main thread, in ms.

    What other programs keep this computer busy with doesn't count.
    """
    events = json.loads(trace)["traceEvents"]
    threads = {
        (one["pid"], one["tid"])
        for one in events
        if one["name"] == "thread_name" and one["args"]["name"] == "CrRendererMain"
    }
    return [
        one.get("tdur", 0) / 1000
        for one in events
        if one["name"].endswith("RunTask") and (one["pid"], one["tid"]) in threads
    ]


def draw(page):
    """Draw a zed on the pad with a finger's pace."""
    first, *others = on_the_page(page, ".teach-pad", ZED)
    page.mouse.move(*first)
    page.mouse.down()
    for place in others:
        page.mouse.move(*place, steps=12)
    page.mouse.up()


def main():
    """Print what a visitor waits for."""
    with served() as address, sync_playwright() as playwright:
        found = shutil.which("chromium-headless-shell") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 390, "height": 844})
        browser.start_tracing(page=page, categories=["toplevel"])
        slow = page.context.new_cdp_session(page)
        slow.send("Network.enable")
        slow.send("Network.emulateNetworkConditions", NETWORK)
        slow.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
        page.goto(address + PAGE, wait_until="commit")
        page.wait_for_function(
            "document.querySelector('.interactive-drawing')?.figure?.phase === 'ready'",
            timeout=120_000,
        )
        ready = page.evaluate("performance.now()")
        draw(page)
        released = page.evaluate("performance.now()")
        page.wait_for_function(ANSWERED, timeout=60_000)
        answered = page.evaluate("performance.now()")
        sent = page.evaluate(SENT)
        print(
            f"ready to be drawn on after {ready / 1000:.1f} s, answered after "
            f"{answered / 1000:.1f} s, {(answered - released) / 1000:.2f} s after the stroke"
        )
        print(f"longest task: {max(tasks(browser.stop_tracing())):.0f} ms of the processor")
        print(f"{len(sent)} files, {sum(one['bytes'] for one in sent) / 1e3:.0f} kB")
        browser.close()


if __name__ == "__main__":
    main()
