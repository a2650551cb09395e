"""What a reader of the published pages sees, touches and can trust, in a real browser."""

import functools
import re
from urllib.parse import unquote, urljoin, urlsplit
from xml.etree import ElementTree

import pytest
import yaml
from book_site import CONFIG, HTML, PREFIX, ROOT, pages

PAGES = pages() or ["the book isn't built"]
THEMES = ("light", "dark")
DOCUMENTS = [
    entry["file"]
    for toc in [yaml.safe_load((ROOT / "_toc.yml").read_text())]
    for entry in [{"file": toc["root"]}, *(e for part in toc["parts"] for e in part["chapters"])]
]
CHAPTERS = [name for name in DOCUMENTS if (ROOT / f"{name}.ipynb").exists()]
CLOUD, NEURON = "book/02_plotting_events.html", "book/03_building_the_snn.html"
MEGABYTE = 1_000_000
UNDECODED = """async () => {
    const images = [...document.images];
    const failed = await Promise.all(images.map(async (image) => {
        try { await image.decode(); return image.naturalWidth ? null : image.src; }
        catch { return image.src; }
    }));
    return failed.filter(Boolean);
}"""
AXE = {"preload": False, "resultTypes": ["violations"]}
BEYOND_THE_EDGE = """() => [...document.querySelectorAll("article img")]
    .filter((image) => image.getBoundingClientRect().right > window.innerWidth)
    .map((image) => image.alt)"""
CUT_OFF = """(selector) => [...document.querySelectorAll(selector)]
    .filter((element) => element.scrollWidth > element.clientWidth)
    .map((element) => element.innerText)"""
on_each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, indirect=True)


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
        assert page.evaluate(UNDECODED) == [], theme
        assert grave_violations(page) == [], theme
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


@functools.cache
def soup_of(path):
    return pytest.importorskip("bs4").BeautifulSoup(path.read_text(), "html.parser")


@functools.cache
def anchors(path):
    return {tag["id"] for tag in soup_of(path).find_all(id=True)}


@pytest.mark.parametrize("name", PAGES)
def test_links_and_anchors_inside_the_book_lead_somewhere(name, built):
    dead = []
    for tag in soup_of(HTML / name).find_all(["a", "link", "img", "script"]):
        address = tag.get("href") or tag.get("src")
        if not address or urlsplit(urljoin("book:/", address)).scheme != "book":
            continue
        path, _, fragment = urljoin(PREFIX + name, address).partition("#")
        path = unquote(urlsplit(path).path)
        file = HTML / path.removeprefix(PREFIX)
        alive = path.startswith(PREFIX) and file.is_file()
        if alive and fragment and file.suffix == ".html":
            alive = unquote(fragment) in anchors(file)
        if not alive:
            dead.append(address)
    assert not dead


def test_first_address_leads_to_the_landing_page(visit):
    reader = visit()
    reader.page.goto(reader.address)
    reader.page.wait_for_url("**/book/index.html")
    assert reader.page.get_by_role("heading", name=CONFIG["title"]).is_visible()


def test_unknown_address_gets_the_book_s_own_page(visit):
    page = visit().page
    response = page.goto(visit().address + "book/no/such/page.html")
    assert response.status == 404
    assert page.get_by_role("heading", name="Page not found").is_visible()
    page.get_by_role("link", name="the first page").click()
    page.wait_for_url("**/book/index.html")


# ---- Moving pictures, folded solutions, paper ----


def test_animation_plays_and_pauses(visit):
    page = visit().read(CLOUD)
    picture = page.locator(".animation img").first
    first = picture.get_attribute("src")
    page.get_by_title("Play", exact=True).click()
    page.wait_for_function(
        "first => document.querySelector('.animation img').src !== first", arg=first, timeout=5000
    )
    page.get_by_title("Pause", exact=True).click()
    stopped = picture.get_attribute("src")
    page.wait_for_timeout(600)
    assert picture.get_attribute("src") == stopped


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
    figures = chapter.locator("figure img").count()
    chapter.emulate_media(media="print")
    shown = sum(image.is_visible() for image in chapter.locator("figure img").all())
    folded = chapter.locator("details:not([open]) figure img").count()
    assert shown == figures - folded > 0
    pdf = chapter.pdf()
    assert len(re.findall(rb"/Subtype ?/Image", pdf)) >= shown
    chapter.emulate_media(media="screen")


def test_print_is_dark_on_white_in_the_dark_theme_too(visit):
    page = visit(theme="dark").read("book/glossary.html")
    theme = "document.documentElement.dataset.theme"
    assert page.evaluate(theme) == "dark"
    page.emulate_media(media="print")
    page.wait_for_function(f"{theme} === 'light'")
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


@pytest.mark.parametrize("name", DOCUMENTS)
def test_page_describes_itself_to_search_engines_and_social_networks(name, built):
    soup = soup_of(HTML / f"{name}.html")
    meta = {tag.get("name") or tag.get("property"): tag.get("content") for tag in soup("meta")}
    assert len(meta["description"]) > 50
    assert "Open in Colab" not in meta["description"]
    assert meta["og:description"] == meta["description"]
    assert meta["og:title"] == soup.select_one("article h1").get_text().removesuffix("#")
    base = CONFIG["html"]["baseurl"]
    assert meta["og:url"] == f"{base}{name}.html"
    assert (HTML / meta["og:image"].removeprefix(base)).is_file()


def test_descriptions_differ(built):
    found = [
        re.search(
            r'<meta name="description" content="([^"]+)"', (HTML / f"{name}.html").read_text()
        )[1]
        for name in DOCUMENTS
    ]
    assert len(set(found)) == len(found)


def test_sitemap_lists_every_page_of_the_table_of_contents(built):
    locations = [
        place.text for place in ElementTree.parse(HTML / "sitemap.xml").iterfind(".//{*}loc")
    ]
    base = CONFIG["html"]["baseurl"]
    assert sorted(locations) == sorted(f"{base}{name}.html" for name in DOCUMENTS)
