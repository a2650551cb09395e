"""Every page as it is read, printed and used, on a desktop and on a phone, in both themes.

A page is opened once, and shared by the tests. They leave it as it is, up to the last one.
"""

import io
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from book_site import CHAPTERS, CONFIG, PAGES, PREFIX, SETTLED, Visit, published
from PIL import Image
from unpublished import LEADS_NOWHERE

on_each_page = pytest.mark.parametrize("page", PAGES, indirect=True)
on_each_chapter = pytest.mark.parametrize("page", [f"{c}.html" for c in CHAPTERS], indirect=True)
on_does_it_need_spikes = pytest.mark.parametrize(
    "page", ["book/does_it_need_spikes.html"], indirect=True
)
FIRST = [f"{name}.html" for name in ("book/index", *CHAPTERS[:5])]
FIRST_FIGURE = "article :is(.themes > img, .interactive-figure, .animation, figure img, canvas)"
AXE = {
    "preload": False,
    "resultTypes": ["violations"],
    "rules": {"label-content-name-mismatch": {"enabled": True}},
}
MINOR_BUT_MENDED = ("empty-table-header",)
SYMBOL = 'class="card-throw'  # a suit's symbol is no word, so its name need not contain it
UNDECODED = """async () => {
    // Those that the theme hides or a fold are fetched when they are to be shown.
    const images = [...document.images].filter((image) => image.getClientRects().length);
    const failed = await Promise.all(images.map(async (image) => {
        const { src } = image;
        image.loading = "eager"; // a lazy one far away would never be decoded
        try { await image.decode(); return image.naturalWidth ? null : src; }
        catch { return image.src === src ? src : null; } // a player has gone on to its next frame
    }));
    return failed.filter(Boolean);
}"""
WRONG_THEME = """(theme) => [...document.querySelectorAll("article .themes")]
    .filter((both) => both.closest("details:not([open]), .is-interactive > figure") === null)
    .flatMap((both) => [...both.children])
    .filter((image) => image.checkVisibility() !== image.classList.contains(`only-${theme}`))
    .map((image) => image.src)"""
ICONS_WITHOUT_CHARACTER = """() => [...document.querySelectorAll("i[class*=fa-]")]
    .filter((icon) => ["none", "normal"].includes(getComputedStyle(icon, "::before").content))
    .map((icon) => icon.className)"""
CUT_OFF = """(selector) => [...document.querySelectorAll(selector)]
    .filter((element) => element.scrollWidth > element.clientWidth)
    .map((element) => element.innerText)"""
# All that the theme makes focusable where it scrolls, by the theme's own rule.
FOCUSABLE = """() => [...document.querySelectorAll(
        "pre, .nboutput > .output_area, .cell_output > .output, .jp-RenderedHTMLCommon, "
        + ".pst-scrollable-table-container")]
    .filter((one) => one.scrollWidth > one.clientWidth || one.scrollHeight > one.clientHeight)
    .every((scrollable) => scrollable.tabIndex >= 0)"""
TEXT_SIZES = """() => [...document.querySelectorAll("article .themes > img")]
    .filter((image) => image.checkVisibility() && !image.closest(".chapter-card"))
    .map((image) => (12.5 * 96 / 72 * image.getBoundingClientRect().width) / image.naturalWidth)"""
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
# The rightmost place of each kind, but in the boxes of exercises.
EDGES = """() => {
    const rightmost = (kind) => [...document.querySelectorAll(`article ${kind}`)]
        .filter((one) => one.checkVisibility())
        .filter((one) => !one.closest("details, .exercise, .exercise + .cell"))
        .map((one) => Math.round(one.getBoundingClientRect().right));
    const kinds = ["section > p", ".overview", "div.highlight pre", "figure .themes > img"];
    return kinds.map((kind) => Math.max(...rightmost(kind)));
}"""
BROKEN_CODE = """() => [...document.querySelectorAll("article div.highlight pre")]
    .filter((code) => !code.closest(".cell_output"))
    .filter((code) => {
        const { lineHeight, paddingTop, paddingBottom } = getComputedStyle(code);
        const lines = code.textContent.trimEnd().split("\\n").length;
        const height = code.clientHeight - parseFloat(paddingTop) - parseFloat(paddingBottom);
        return height > (lines + 0.5) * parseFloat(lineHeight);
    })
    .map((code) => code.innerText.slice(0, 60))"""
SMALL_SLIDERS = """() => {
    const column = document.querySelector("article h1")?.clientWidth ?? 0;
    return [...document.querySelectorAll("article [type=range]")]
        .filter((slider) => slider.checkVisibility())
        .filter((slider) => slider.clientHeight < 24 || slider.clientWidth < column)
        .map((slider) => slider.ariaLabel || slider.parentElement.innerText);
}"""
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
        const { color, fontSize, fontWeight, opacity } = style;
        const look = [word.className, color, fontSize, fontWeight, opacity, backdrop(word)];
        if (seen.has(look.join())) again.push(word);
        seen.add(look.join());
    }
    for (const word of again) word.replaceWith(word.textContent); // a change, and styles are old
}"""


@pytest.fixture(scope="module")
def page(request, browser, address):
    """A page read to its end on a desktop in the light theme."""
    reader = Visit(browser, address)
    page = reader.read(request.param)
    reader.asked_at_first = [urlsplit(url).path for url in reader.asked]
    yield page
    reader.context.close()


def show(page, width=1280, **media):
    """Change the width, the theme or the medium."""
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(**media)  # the page follows the reader's system
    if theme := media.get("color_scheme"):
        page.wait_for_function(f"document.documentElement.dataset.theme === '{theme}'")
    page.evaluate("() => " + SETTLED)  # charts are as wide as the page in the next image only
    page.evaluate("document.getAnimations().forEach((transition) => transition.finish())")


@on_each_page
def test_page_asks_for_nothing_in_vain(page):
    assert page.reader.problems == []


# ---- Figures: on the first screen, legible, in the reader's theme ----


@pytest.mark.parametrize("page", FIRST, indirect=True)
def test_first_figure_lies_on_the_first_screen(page):
    page.evaluate("scrollTo(0, 0)")
    box = page.locator(FIRST_FIGURE).filter(visible=True).first.bounding_box()
    assert 0 < box["y"] < box["y"] + box["height"] <= 900


@on_each_chapter
def test_figures_of_the_other_theme_are_not_transferred(page):
    asked = page.reader.asked_at_first
    assert any(path.endswith("-light.svg") for path in asked)
    assert not any(path.endswith("-dark.svg") for path in asked)


@on_each_chapter
def test_solutions_open_by_a_click(page):
    folded = page.locator("details:has-text('@title Solution')")
    assert folded.count() >= 1
    code = folded.first.locator("pre").first
    for shown in (True, False):
        assert code.is_visible() is not shown
        folded.first.locator("summary").click()
        assert code.is_visible() is shown


@on_each_chapter
def test_code_fits_beside_the_side_bars(page):
    assert page.evaluate(CUT_OFF, "article .highlight pre") == []


@on_each_chapter
def test_text_code_and_figures_end_at_one_edge(page):
    edges = page.evaluate(EDGES)
    assert len(set(edges)) == 1, edges


@on_each_chapter
def test_print_keeps_the_figures(page):
    show(page, media="print")
    assert page.evaluate(WRONG_THEME, "light") == []
    assert page.evaluate(UNDECODED) == []
    figures = page.locator("article figure").filter(visible=True)
    assert figures.count() > 0
    for figure in figures.all():
        assert figure.locator("img").filter(visible=True).count() >= 1
    show(page, media="screen")


@on_each_page
def test_each_icon_has_its_character(page):
    assert page.evaluate(ICONS_WITHOUT_CHARACTER) == []


@on_each_page
def test_no_link_leads_to_a_repository_that_is_not_there(page):
    links = page.locator("a").evaluate_all("(links) => links.map((link) => link.href)")
    assert not list(filter(LEADS_NOWHERE.search, links))


@published
@on_each_chapter
def test_buttons_lead_where_they_say(page):
    name = urlsplit(page.url).path.removeprefix(PREFIX).removesuffix(".html")
    found = page.locator(".article-header-buttons a").all()
    links = {unquote(link.get_attribute("href")) for link in found}
    repository = CONFIG["repository"]["url"]
    slug = repository.removeprefix("https://github.com/")
    colab = f"https://colab.research.google.com/github/{slug}/blob/main/{name}.ipynb"
    assert {repository, f"{repository}/edit/main/{name}.ipynb", colab} <= links
    assert page.locator(f"article a[href='{colab}']").inner_text() == "Open in Colab"


@on_does_it_need_spikes
@pytest.mark.parametrize("theme, paper", [("dark", (0, 39)), ("light", (251, 255))])
def test_figures_are_as_dark_as_the_page_and_light_in_print(theme, paper, page):
    show(page, color_scheme=theme)
    page.wait_for_function(f"({UNDECODED})().then((failed) => !failed.length)")  # fetched only now
    figure = page.locator(f"article .themes > .only-{theme}").first
    image = np.array(Image.open(io.BytesIO(figure.screenshot())).convert("L"))
    assert paper[0] <= np.median(image) <= paper[1]
    assert image.min() < 60 and image.max() > 200  # and the text on it is not
    show(page, media="print")
    page.wait_for_function("document.documentElement.dataset.theme === 'light'")
    page.wait_for_function(f"({UNDECODED})().then((failed) => !failed.length)")
    assert page.evaluate(WRONG_THEME, "light") == []
    show(page, media="screen", color_scheme=theme)


# ---- In every width and theme ----


@on_each_page
def test_page_is_sound_on_a_desktop_and_on_a_phone_in_both_themes(page):
    for width, theme in ((1280, "dark"), (1280, "light"), (390, "light"), (390, "dark")):
        show(page, width, color_scheme=theme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, theme
        scripts = (BEYOND_THE_EDGE, CUT, BROKEN_CODE, UNDECODED)
        wrong = [page.evaluate(script) for script in scripts]
        wrong += [page.evaluate(CUT_OFF, "article figure"), page.evaluate(WRONG_THEME, theme)]
        assert not any(wrong), (width, theme)
    assert page.evaluate(SMALL_SLIDERS) == [], "too small for a finger"
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.wait_for_function(f"({UNDECODED})().then((failed) => !failed.length)")
    assert all(size >= 10.99 for size in page.evaluate(TEXT_SIZES)), "words too small to read"
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = false; })")
    page.wait_for_function(FOCUSABLE)  # the theme sees to it a while after the width has changed
    assert grave_violations(page, ["color-contrast", "scrollable-region-focusable"]) == []
    show(page, color_scheme="light")
    page.wait_for_function(FOCUSABLE)
    assert grave_violations(page) == []
    assert page.reader.problems == []


def grave_violations(page, rules=None):
    """Return what axe-core calls serious or critical, with the elements concerned."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.evaluate(ONE_OF_EACH_LOOK)
    options = AXE | ({"runOnly": rules} if rules else {})
    return [
        f"{violation['id']}: {node['html'][:200]} {node['failureSummary']}"
        for violation in axe.run(page, options=options).response["violations"]
        if violation["impact"] in ("serious", "critical") or violation["id"] in MINOR_BUT_MENDED
        for node in violation["nodes"]
        if SYMBOL not in node["html"]
    ]
