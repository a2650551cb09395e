"""What a reader of the published pages finds, moves and prints, in a real browser."""

import re
from xml.etree import ElementTree

from book_site import CONFIG, DOCUMENTS, HTML, MOVED, PAGES, soup_of

BASE = CONFIG["html"]["baseurl"]


def test_first_address_leads_to_the_landing_page(visit):
    reader = visit()
    reader.page.goto(reader.address)
    reader.page.wait_for_url("**/book/index.html")
    assert reader.page.get_by_role("heading", name=CONFIG["title"]).is_visible()


def test_old_address_leads_to_the_page_and_the_place_on_it(visit):
    reader = visit()
    for old, new in MOVED.items():
        reader.page.goto(f"{reader.address}{old}.html#place")
        reader.page.wait_for_url(f"**/book/{new}#place")


def test_unknown_address_gets_the_book_s_own_page(visit):
    reader = visit()
    page = reader.page
    response = page.goto(reader.address + "book/no/such/page.html")
    assert response.status == 404
    assert page.get_by_role("heading", name="Page not found").is_visible()
    page.get_by_role("link", name="the first page").click()
    page.wait_for_url("**/book/index.html")


# ---- Moving pictures ----


def page_with_a_player():
    return next(name for name in PAGES if '<div class="animation"' in (HTML / name).read_text())


def player(visit, **settings):
    """Return the page of the book's first player, and its image, button, slider and time."""
    reader = visit(**settings)
    reader.page.goto(reader.address + page_with_a_player())
    held = reader.page.locator(".animation").first
    reader.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    held.scroll_into_view_if_needed()
    parts = [held.locator(name) for name in ("img", "button", "input", "output")]
    return reader.page, *parts


def test_player_is_moved_by_its_button_its_slider_and_by_keyboard(visit):
    page, image, button, slider, time = player(visit, reduced_motion="reduce")
    page.wait_for_timeout(300)
    first = image.get_attribute("src")
    assert slider.get_attribute("aria-valuetext") is None  # it hasn't started by itself
    button.click()
    assert button.get_attribute("aria-label") == "Pause"
    moved = "first => document.querySelector('.animation img').src !== first"
    page.wait_for_function(moved, arg=first)
    button.click()
    stopped = image.get_attribute("src")
    page.wait_for_timeout(500)
    assert image.get_attribute("src") == stopped
    slider.fill("2")
    slider.press("ArrowRight")
    assert time.inner_text() == slider.get_attribute("aria-valuetext") == "3 to 4 ms"
    slider.press("Space")
    assert button.get_attribute("aria-label") == "Pause"
    page.emulate_media(media="print")
    assert image.is_visible() and time.is_visible()
    assert button.is_hidden() and slider.is_hidden()


def test_player_runs_once_when_it_comes_into_sight(visit):
    page, _, _, slider, _ = player(visit)
    page.wait_for_function("document.querySelector('.animation button').ariaLabel === 'Pause'")
    slider.evaluate("slider => { slider.value = slider.max - 1; }")
    page.wait_for_function("document.querySelector('.animation button').ariaLabel === 'Play'")
    assert slider.input_value() == slider.get_attribute("max")


# ---- Paper ----

PUBLISH = """document.head.append(
    Object.assign(document.createElement("link"), { rel: "canonical", href: location.href }))"""
FADING_IN = """() => [...document.querySelectorAll("article details > *:not(summary)")]
    .filter((folded) => getComputedStyle(folded).animationName !== "none")
    .map((folded) => folded.innerText)"""
FILLED = """() => [...document.querySelectorAll(".landing-buttons a")]
    .filter((button) => getComputedStyle(button).backgroundColor !== "rgba(0, 0, 0, 0)")
    .map((button) => button.innerText)"""


def test_paper_shows_what_is_folded_and_says_where_a_figure_moves(visit):
    page = visit().show("pixel")
    page.evaluate(PUBLISH)
    assert page.locator("article details[open]").count() == 0
    page.emulate_media(media="print")
    note = page.locator("[data-kind=pixel] .paper-note")
    note.wait_for()
    assert page.evaluate(FADING_IN) == []
    assert "#what-makes-a-pixel-send-an-event" in note.locator("a").get_attribute("href")
    page.emulate_media(media="screen")
    note.wait_for(state="detached")
    assert page.locator("article details[open]").count() == 0


def test_buttons_on_paper_have_no_fill_that_a_browser_leaves_out(visit):
    page = visit().show("card")
    assert page.evaluate(FILLED) == ["The whole thing on one page"]
    page.emulate_media(media="print")
    assert page.evaluate(FILLED) == []


# ---- Finding the way in and out ----


FOCUS = """() => {
    const focused = document.activeElement;
    const { outlineStyle, boxShadow } = getComputedStyle(focused);
    return {
        name: (focused.ariaLabel || focused.textContent).trim(),
        isShown: outlineStyle !== "none" || boxShadow !== "none",
        isInFigure: focused.closest(".interactive-figure") !== null,
    };
}"""


def tab_to_the_figure(page):
    """Press Tab until the focus is in a figure, and list where it was."""
    places = []
    while not (places and places[-1]["isInFigure"]):
        assert len(places) < 60, places
        page.keyboard.press("Tab")
        places.append(page.evaluate(FOCUS))
    return places


def test_keys_show_where_they_are_and_the_skip_link_leads_near_the_figure(visit):
    page = visit().show("card")
    page.evaluate("scrollTo(0, 0)")
    places = tab_to_the_figure(page)
    assert [each["name"] for each in places if not each["isShown"]] == []
    assert {"Skip to the text", "Color mode"} <= {each["name"] for each in places}
    page.locator(".skip-link a").focus()
    page.keyboard.press("Enter")
    assert len(tab_to_the_figure(page)) <= 12


def test_search_finds_a_phrase(visit):
    page = visit().read("search.html?q=surrogate+gradient")
    for name in ("building_the_snn.html", "glossary.html"):
        page.wait_for_selector(f"#search-results a[href*='{name}']")


def test_pages_describe_themselves_to_search_engines_and_social_networks(built):
    descriptions = set()
    for name in DOCUMENTS:
        soup = soup_of(HTML / f"{name}.html")
        meta = {tag.get("name") or tag.get("property"): tag.get("content") for tag in soup("meta")}
        descriptions.add(meta["description"])
        assert meta["og:description"] == meta["description"]
        assert meta["og:title"] == soup.select_one("article h1").get_text().removesuffix("#")
        assert meta["og:url"] == f"{BASE}{name}.html"
        assert (HTML / meta["og:image"].removeprefix(BASE)).is_file()
    assert len(descriptions) == len(DOCUMENTS)
    assert not re.search("Open in Colab|<!--", "".join(descriptions))


def test_sitemap_lists_every_page_of_the_table_of_contents(built):
    places = ElementTree.parse(HTML / "sitemap.xml").iterfind(".//{*}loc")
    pages = [f"{BASE}{name}.html" for name in DOCUMENTS]
    assert sorted(place.text for place in places) == sorted(pages)


def test_signatures_of_the_reference_are_complete_and_name_no_objects_in_memory(built):
    signatures = [
        " ".join(tag.get_text().split())
        for page in (HTML / "book/reference").glob("*.html")
        for tag in soup_of(page).select("dt.sig")
    ]
    assert signatures
    for signature in signatures:
        assert not re.search(r"[~<]|\*args|^class .*→", signature)
    assert "snn.SNN(input_size: int = 2450," in "\n".join(signatures)
