"""Draw pictures of the page *Teach it yours* from the page itself: the README's, which moves, and
the one that stands in the figure's place.

Usage: jupyter-book build . && python tools/teach_animation.py

By the network that the page arrives with: a hand draws a zed, the page plays it backwards, and the
hand draws a wave that was never taught. Time passes as the script lets it, so that the picture
doesn't depend on how busy the computer is. The other picture shows the strokes of its lesson.
"""

import io
import shutil
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "_build" / "html" / "book" / "teach_it_yours.html"
PICTURE = ROOT / "book" / "images" / "teach.gif"
STROKES = PICTURE.with_suffix(".png")
ONLY_STROKES = ".teach-gesture > [type=radio], .teach-row-buttons { display: none }"
FIGURE = "[data-kind=teach] .interactive-drawing"
FRAME_MS = 100
WIDTH = 760  # pixels
COLOURS = 128
ZED = [[-9, -9], [9, -9], [-9, 9], [9, 9]]  # pixels from the middle of the pad
WAVE = [[x, 7 * np.sin(x / 2)] for x in np.linspace(-12, 12, 40)]


class Film:
    """Frames of a figure, one for each time that passes."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.frames: list[Image.Image] = []

    def wait(self, ms: int) -> None:
        """Let time pass in the page, and keep what it shows in the meantime."""
        for _ in range(ms // FRAME_MS):
            self.page.clock.run_for(FRAME_MS)
            picture = Image.open(io.BytesIO(self.page.locator(FIGURE).screenshot()))
            height = round(WIDTH * picture.height / picture.width)
            self.frames.append(picture.convert("RGB").resize((WIDTH, height)))

    def draw(self, corners: list[list[float]], ms: int) -> None:
        """Draw a line through places of the pad in so many ms."""
        box = self.page.locator(".teach-pad").bounding_box()
        assert box is not None
        lengths = np.hypot(*np.diff(corners, axis=0).T)
        along = np.concatenate([[0], np.cumsum(lengths)])
        at = np.linspace(0, along[-1], 4 * ms // FRAME_MS)
        line = [np.interp(at, along, axis) for axis in np.transpose(corners)]
        pixels = (np.transpose(line) + 17.5) / 35 * box["width"] + [box["x"], box["y"]]
        self.page.mouse.move(*pixels[0])
        self.page.mouse.down()
        for number, place in enumerate(pixels):
            self.page.mouse.move(*place)
            if number % 4:
                self.page.clock.run_for(FRAME_MS // 4)
            else:
                self.wait(FRAME_MS)
        self.page.mouse.up()

    def save(self) -> None:
        """Write the frames as one GIF, all of them with the same colours."""
        samples = np.concatenate([np.asarray(frame) for frame in self.frames[::12]])
        palette = Image.fromarray(samples).quantize(COLOURS, Image.Quantize.MAXCOVERAGE)
        frames = [
            frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in self.frames
        ]
        frames[0].save(PICTURE, save_all=True, append_images=frames[1:], duration=FRAME_MS, loop=0)
        print(
            f"{PICTURE.relative_to(ROOT)}: {len(frames)} frames, {PICTURE.stat().st_size:,} bytes"
        )


def open_page(browser: Browser, scale: float = 1) -> Page:
    """Open the page, and let what it shows by itself come to its end."""
    page = browser.new_page(viewport={"width": 1280, "height": 900}, device_scale_factor=scale)
    page.clock.install(time=0)
    page.goto(PAGE.as_uri())
    page.clock.pause_at(600_000)
    page.locator("[data-kind=teach]").scroll_into_view_if_needed()
    page.wait_for_selector("[data-kind=teach].is-interactive")
    page.clock.run_for(3000)
    return page


def save_strokes(page: Page) -> None:
    """Write a picture of the strokes that the page's network has learnt."""
    page.add_style_tag(content=ONLY_STROKES)
    page.get_by_role("button", name="see what it was taught").click()
    page.clock.run_for(100)
    picture = Image.open(io.BytesIO(page.locator(".teach-rows").screenshot()))
    picture.convert("RGB").quantize(COLOURS).save(STROKES, optimize=True)


def main() -> None:
    """Draw in the page, and write what was seen."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        save_strokes(open_page(browser, scale=2))
        page = open_page(browser)
        film = Film(page)
        film.wait(300)
        film.draw(ZED, 1500)
        film.wait(1500)
        page.get_by_role("button", name="play it backwards (B)").click()
        film.wait(3300)
        film.draw(WAVE, 1500)
        film.wait(1500)
        film.save()


if __name__ == "__main__":
    main()
