"""What a reader of the published pages finds, moves and prints, in a real browser."""

import io
import re
from urllib.parse import unquote, urljoin, urlsplit
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from book_site import CONFIG, CUT_OFF, HTML, PAGES, PREFIX, ROOT, UNDECODED, WRONG_THEME, soup_of
from PIL import Image

TOC = yaml.safe_load((ROOT / "_toc.yml").read_text())
DOCUMENTS = [each["file"] for part in TOC["parts"] for each in part["chapters"]]
DOCUMENTS.insert(0, TOC["root"])
CHAPTERS = [name for name in DOCUMENTS if (ROOT / f"{name}.ipynb").exists()]
on_each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, indirect=True)


def test_first_address_leads_to_the_landing_page(visit):
    reader = visit()
    reader.page.goto(reader.address)
    reader.page.wait_for_url("**/book/index.html")
    assert reader.page.get_by_role("heading", name=CONFIG["title"]).is_visible()


def test_unknown_address_gets_the_book_s_own_page(visit):
    reader = visit()
    page = reader.page
    response = page.goto(reader.address + "book/no/such/page.html")
    assert response.status == 404
    assert page.get_by_role("heading", name="Page not found").is_visible()
    page.get_by_role("link", name="the first page").click()
    page.wait_for_url("**/book/index.html")


# ---- Figures: on the first screen, legible, in the reader's theme ----

FIRST_FIGURE = "article :is(.themes > img, .interactive-figure, .animation, figure img, canvas)"


@pytest.mark.parametrize("name", [f"{name}.html" for name in (DOCUMENTS[0], *CHAPTERS[:5])])
def test_first_figure_lies_on_the_first_screen(name, visit):
    reader = visit()
    page = reader.page
    page.goto(reader.address + name)
    if page.locator(".interactive-figure").count():
        page.wait_for_timeout(500)
    box = page.locator(FIRST_FIGURE).filter(visible=True).first.bounding_box()
    assert page.evaluate("window.scrollY") == 0
    assert 0 < box["y"] < box["y"] + box["height"] <= 900


@on_each_chapter
def test_figures_of_the_other_theme_are_not_transferred(chapter):
    asked = [urlsplit(url).path for url in chapter.reader.asked]
    assert any(path.endswith("-light.svg") for path in asked)
    assert not any(path.endswith("-dark.svg") for path in asked)


@pytest.mark.parametrize("theme, paper", [("light", (251, 255)), ("dark", (0, 39))])
def test_figures_are_as_dark_as_the_page(theme, paper, visit):
    page = visit(theme=theme).read(f"{CHAPTERS[3]}.html")
    figure = page.locator(f"article .themes > .only-{theme}").first
    assert figure.is_visible()
    image = np.array(Image.open(io.BytesIO(figure.screenshot())).convert("L"))
    assert paper[0] <= np.median(image) <= paper[1]
    assert image.min() < 60 and image.max() > 200  # and the text on it is not


@on_each_chapter
def test_printed_source_is_short(chapter):
    for text in chapter.locator("article .cell_output pre").all_inner_texts():
        if re.search(r"^\s*(def|class) ", text, re.MULTILINE):
            assert len(text.splitlines()) <= 15 and '"""' not in text, text


# ---- Moving pictures, folded solutions, paper ----


def page_with_a_player():
    return next(name for name in PAGES if '<div class="animation"' in (HTML / name).read_text())


def player(visit, **settings):
    """Return the first player of the book, its page, image, button, slider and time."""
    reader = visit(**settings)
    reader.page.goto(reader.address + page_with_a_player())
    held = reader.page.locator(".animation").first
    reader.page.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    held.scroll_into_view_if_needed()
    return reader.page, held, *(held.locator(name) for name in ("img", "button", "input", "output"))


@pytest.mark.parametrize("text", ["", '{"frames": [', "null", '{"frames": [1], "step": "x"}'])
def test_player_whose_frames_were_cut_is_an_image(text, visit):
    """Its script follows its JSON at once, so the page is changed on its way."""
    reader, begins = visit(), '<script type="application/json">'

    def cut(route):
        page = route.fetch()
        before, _, after = page.text().partition(begins + '{"frames"')
        rest = after.partition("</script>")[2]
        route.fulfill(response=page, body=f"{before}{begins}{text}</script>{rest}")

    reader.page.route(f"**/{page_with_a_player()}", cut)
    reader.page.goto(reader.address + page_with_a_player())
    held = reader.page.locator(".animation").first
    assert held.locator("img").count() == 1
    assert held.locator(".animation-controls").count() == 0 and "NaN" not in held.inner_text()
    assert reader.problems == []


def test_player_is_moved_by_its_button_its_slider_and_by_keyboard(visit):
    page, held, image, button, slider, time = player(visit, reduced_motion="reduce")
    page.wait_for_timeout(300)
    first = image.get_attribute("src")
    assert slider.get_attribute("aria-valuetext") is None  # it hasn't started by itself
    button.click()
    assert button.get_attribute("aria-label") == "Pause"
    page.wait_for_function(
        "first => document.querySelector('.animation img').src !== first", arg=first, timeout=5000
    )
    button.click()
    stopped = image.get_attribute("src")
    page.wait_for_timeout(500)
    assert image.get_attribute("src") == stopped
    assert held.evaluate("held => held.outerHTML.length") < 60_000
    slider.fill("2")
    assert time.inner_text() == "2 to 3 ms"
    second = image.get_attribute("src")
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert time.inner_text() == slider.get_attribute("aria-valuetext") == "3 to 4 ms"
    assert image.get_attribute("src") != second
    page.keyboard.press("Home")
    assert time.inner_text() == "0 to 1 ms"
    page.keyboard.press("Space")
    assert button.get_attribute("aria-label") == "Pause"
    for key in ("Tab", "Shift+Tab", "Shift+Tab", "Enter"):
        page.keyboard.press(key)
    assert button.get_attribute("aria-label") == "Play"
    page.emulate_media(media="print")
    assert image.is_visible() and time.is_visible()
    assert button.is_hidden() and slider.is_hidden()


def test_player_runs_once_when_it_comes_into_sight(visit):
    page, _, _, _, slider, _ = player(visit)
    page.wait_for_function("document.querySelector('.animation button').ariaLabel === 'Pause'")
    slider.evaluate("slider => { slider.value = slider.max - 1; }")
    page.wait_for_function("document.querySelector('.animation button').ariaLabel === 'Play'")
    assert slider.input_value() == slider.get_attribute("max")


@on_each_chapter
def test_solutions_open_by_a_click(chapter):
    folded = chapter.locator("details:has-text('@title Solution')")
    assert folded.count() >= 2
    code = folded.first.locator("pre").first
    assert not code.is_visible()
    folded.first.locator("summary").click()
    assert code.is_visible()
    folded.first.locator("summary").click()


@on_each_chapter
def test_code_fits_beside_the_side_bars(chapter):
    assert chapter.evaluate(CUT_OFF, "article .highlight pre") == []


@on_each_chapter
def test_print_keeps_the_figures(chapter):
    chapter.emulate_media(media="print")
    assert chapter.evaluate(WRONG_THEME, "light") == []
    assert chapter.evaluate(UNDECODED) == []
    figures = chapter.locator("article figure").filter(visible=True)
    assert figures.count() > 0
    for figure in figures.all():
        assert figure.locator("img").filter(visible=True).count() >= 1
    chapter.emulate_media(media="screen")


def test_print_is_dark_on_white_in_the_dark_theme_too(visit):
    page = visit(theme="dark").read(f"{CHAPTERS[3]}.html")
    theme = "document.documentElement.dataset.theme"
    assert page.evaluate(theme) == "dark"
    page.emulate_media(media="print")
    page.wait_for_function(f"{theme} === 'light'")
    page.wait_for_function(f"({UNDECODED})().then((failed) => !failed.length)")
    assert page.evaluate(WRONG_THEME, "light") == []
    page.emulate_media(media="screen")
    page.wait_for_function(f"{theme} === 'dark'")


# ---- Finding the way in and out ----


def test_search_finds_a_phrase(visit):
    page = visit().read("search.html?q=surrogate+gradient")
    page.wait_for_selector("#search-results li a")
    found = [link.get_attribute("href") for link in page.locator("#search-results li a").all()]
    assert any("03_building_the_snn.html" in address for address in found)
    assert any("glossary.html" in address for address in found)


@on_each_chapter
def test_buttons_lead_where_they_say(chapter):
    name = urlsplit(chapter.url).path.removeprefix(PREFIX).removesuffix(".html")
    links = {
        unquote(link.get_attribute("href"))
        for link in chapter.locator(".article-header-buttons a").all()
    }
    repository = CONFIG["repository"]["url"]
    slug = repository.removeprefix("https://github.com/")
    colab = f"https://colab.research.google.com/github/{slug}/blob/main/{name}.ipynb"
    assert {repository, f"{repository}/edit/main/{name}.ipynb", colab} <= links
    assert any(link.startswith(f"{repository}/issues/new?title=") for link in links)
    assert chapter.locator(f"article a[href='{colab}']").inner_text() == "Open in Colab"
    download = next(link for link in links if link.endswith("_sources/" + name + ".ipynb"))
    response = chapter.request.get(urljoin(chapter.url, download))
    assert response.ok and response.json()["nbformat"] == 4


def test_pages_describe_themselves_to_search_engines_and_social_networks(built):
    base, descriptions = CONFIG["html"]["baseurl"], set()
    for name in DOCUMENTS:
        soup = soup_of(HTML / f"{name}.html")
        meta = {tag.get("name") or tag.get("property"): tag.get("content") for tag in soup("meta")}
        descriptions.add(meta["description"])
        assert meta["og:description"] == meta["description"]
        assert meta["og:title"] == soup.select_one("article h1").get_text().removesuffix("#")
        assert meta["og:url"] == f"{base}{name}.html"
        assert (HTML / meta["og:image"].removeprefix(base)).is_file()
    assert len(descriptions) == len(DOCUMENTS) and min(map(len, descriptions)) > 50
    assert not re.search("Open in Colab|<!--", "".join(descriptions))


def test_sitemap_lists_every_page_of_the_table_of_contents(built):
    places = ElementTree.parse(HTML / "sitemap.xml").iterfind(".//{*}loc")
    pages = sorted(f"{CONFIG['html']['baseurl']}{name}.html" for name in DOCUMENTS)
    assert sorted(place.text for place in places) == pages


def test_signatures_of_the_reference_are_complete_and_name_no_objects_in_memory(built):
    signatures = [
        " ".join(tag.get_text().split())
        for tag in soup_of(HTML / "book/reference.html").select("dt.sig")
    ]
    assert len(signatures) > 100
    assert [each for each in signatures if re.search(r"[~<]|\*args", each)] == []
    assert any("snn.SNN(" in each and "(input_size: int = 2450," in each for each in signatures)
