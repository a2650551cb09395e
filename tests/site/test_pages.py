"""Every page on a phone and on a desktop, in both themes, in a real browser."""

import pytest
from book_site import CUT_OFF, PAGES, THEMES, UNDECODED, WRONG_THEME

MEGABYTE = 1_000_000
AXE = {"preload": False, "resultTypes": ["violations"]}
BEYOND_THE_EDGE = """() => [...document.querySelectorAll("article img")]
    .filter((image) => image.getBoundingClientRect().right > window.innerWidth)
    .map((image) => image.alt)"""
CUT = """() => [...document.querySelectorAll("article :is(table, mjx-container[display])")]
    .filter((wide) => {
        for (let box = wide.parentElement; box; box = box.parentElement) {
            const edges = [wide, box].map((one) => one.getBoundingClientRect().right);
            if (edges[0] <= edges[1] + 1) continue;
            if (["auto", "scroll"].includes(getComputedStyle(box).overflowX)) return false;
            if (getComputedStyle(box).overflowX !== "visible") return true;
        }
        return false;
    })
    .map((wide) => wide.innerText.slice(0, 60))"""
TEXT_SIZES = """() => [...document.querySelectorAll("article .themes > img")]
    .filter((image) => image.checkVisibility() && !image.closest(".chapter-card"))
    .map((image) => (12.5 * 96 / 72 * image.getBoundingClientRect().width) / image.naturalWidth)"""


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("width", "themes"), [(390, THEMES), (1280, THEMES[::-1])])
def test_page_is_sound_on_phone_and_desktop_in_both_themes(name, width, themes, visit):
    reader = visit(width=width, theme=themes[0])
    page = reader.read(name)
    assert 0.1 * MEGABYTE < reader.transferred < 3 * MEGABYTE
    for theme in themes:
        page.emulate_media(color_scheme=theme)  # the page follows the reader's system
        page.wait_for_function(f"document.documentElement.dataset.theme === '{theme}'")
        page.evaluate("document.getAnimations().forEach((transition) => transition.finish())")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, theme
        assert page.evaluate(CUT_OFF, "article figure") == [], theme
        assert page.evaluate(BEYOND_THE_EDGE) == [], theme
        assert page.evaluate(CUT) == [], theme
        assert page.evaluate(WRONG_THEME, theme) == [], theme
        assert page.evaluate(UNDECODED) == [], theme
    # In the theme of the second look: dark on the phone and light on the desktop.
    assert grave_violations(page) == []
    if width == 390:
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        page.wait_for_function(f"({UNDECODED})().then((failed) => !failed.length)")
        assert all(size >= 10.99 for size in page.evaluate(TEXT_SIZES)), "words too small to read"
    assert reader.problems == []


def grave_violations(page):
    """Return what axe-core calls serious or critical, with the elements concerned."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    return [
        f"{violation['id']}: {node['html'][:200]} {node['failureSummary']}"
        for violation in axe.run(page, options=AXE).response["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
