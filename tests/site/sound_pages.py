"""What makes a page sound, on a phone as on a desktop, in both themes."""

import pytest
from book_site import CUT_OFF, UNDECODED, WRONG_THEME

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
# Thousands of words of code look alike, and axe-core would look at each: it gets one of each look,
# and of the entries of the reference the first twenty.
ONE_OF_EACH_LOOK = """() => {
    for (const entry of [...document.querySelectorAll("dl.py")].slice(20)) entry.remove();
    const seen = new Set();
    const again = [];
    const backdrop = (element) => {
        const colour = element && getComputedStyle(element).backgroundColor;
        return colour === "rgba(0, 0, 0, 0)" ? backdrop(element.parentElement) : colour;
    };
    const words = document.querySelectorAll("article :is(pre, code, .sig) span");
    for (const word of [...words].reverse()) { // what is inside comes first
        const classes = word.getAttributeNames().every((name) => name === "class");
        if (!classes || word.children.length || !word.checkVisibility()) continue;
        const style = getComputedStyle(word);
        if (style.display !== "inline") continue;
        const look = [style.color, style.fontSize, style.fontWeight, style.opacity, backdrop(word)];
        if (seen.has(look.join())) again.push(word);
        seen.add(look.join());
    }
    for (const word of again) word.replaceWith(word.textContent); // a change, and styles are old
}"""


def read_in_both_themes(reader, name, width, themes):
    """Check a page of this width in one theme, then in the other; return it, still open."""
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
    assert grave_violations(page) == []  # in the second theme
    assert reader.problems == []
    return page


def grave_violations(page):
    """Return what axe-core calls serious or critical, with the elements concerned."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.evaluate(ONE_OF_EACH_LOOK)
    return [
        f"{violation['id']}: {node['html'][:200]} {node['failureSummary']}"
        for violation in axe.run(page, options=AXE).response["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
