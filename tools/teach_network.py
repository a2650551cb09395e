"""Train the network that the page *Teach it yours* arrives with, as any visitor's browser would.

Usage: python tools/teach_network.py

A script draws six gestures, five strokes of each. Run it after a change of how the page learns; a
test compares what it writes with what the page's scripts make of the same strokes.
"""

import json
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

from benchmarks.teach import HANDS, opened_page

OUTPUT = Path(__file__).parents[1] / "book/_static/interactive/teach/data.js"
ARRIVAL = "() => hands.arrival(window.interactiveFigures)"


def main() -> None:
    """Write the strokes, and how far learning has moved each weight."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        page = opened_page(browser)
        page.add_script_tag(path=HANDS)
        content = json.dumps(page.evaluate(ARRIVAL), separators=(",", ":"))
        browser.close()
    text = f"window.interactiveFigures.teachData = {content};\n"
    OUTPUT.write_text(f"// Made by tools/{Path(__file__).name}.\n{text}", encoding="utf-8")
    print(f"{OUTPUT.name}: {len(text):,} bytes")


if __name__ == "__main__":
    main()
