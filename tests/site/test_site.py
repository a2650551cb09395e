"""What a reader of the published pages sees, touches and can trust, in a real browser."""

import functools
import json
import re
from urllib.parse import unquote, urljoin, urlsplit
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from book_site import CONFIG, HTML, PREFIX, ROOT, pages

from pokersnn_helpers.figures.interactive import NEURON_SLIDERS, run_neuron

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


# ---- Interactive figures ----


def move_sliders(page, values):
    for name, value in values.items():
        page.locator(f".interactive-controls input[name={name}]").evaluate(
            "(input, value) => { input.value = value; input.dispatchEvent(new Event('input')); }",
            value,
        )
    page.evaluate("() => new Promise(requestAnimationFrame)")
    page.evaluate("() => new Promise(requestAnimationFrame)")


def drawn(page):
    """Return times, currents, voltages, thresholds and spikes, as the charts hold them."""
    current, voltage, spikes = page.locator("[data-kind=neuron] .interactive-drawing").evaluate(
        "(drawing) => drawing.charts.map((chart) => chart.data)"
    )
    return current[0], current[1], voltage[1], voltage[2], [spike or 0 for spike in spikes[1]]


def test_neuron_with_sliders_agrees_with_norse(visit):
    page = visit().read(NEURON)
    arrivals = page.evaluate(
        "JSON.parse(document.querySelector('[data-kind=neuron] script').textContent).arrivals"
    )
    start = {name: slider[-1] for name, slider in NEURON_SLIDERS.items()}
    ends = [{name: slider[end] for name, slider in NEURON_SLIDERS.items()} for end in (2, 3)]
    changes = [{"tau_mem": 31}, {"tau_syn": 3}, {"v_th": 0.75}, {"rate": 1850}]
    for values in [start, *ends, *({**start, **change} for change in changes)]:
        move_sliders(page, values)
        times, current, voltage, threshold, spikes = drawn(page)
        norse = run_neuron(np.array(arrivals), **values)
        assert np.abs(np.array([spikes, voltage, current]) - norse).max() < 1e-4, values
        assert set(threshold) == {values["v_th"]}
        assert times[-1] == pytest.approx(100)
        count = f"{int(sum(spikes))} spike"
        assert page.locator(".interactive-summary").inner_text().startswith(count)


def test_neuron_is_redrawn_as_a_slider_moves_by_keyboard(visit):
    page = visit().read(NEURON)
    chart = page.locator("[data-kind=neuron] canvas").nth(1)
    chart.scroll_into_view_if_needed()
    before = chart.evaluate("canvas => canvas.toDataURL()")
    slider = page.get_by_role("slider", name="threshold")
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.evaluate("() => new Promise((done) => setTimeout(done, 100))")
    assert slider.input_value() == "0.35"
    assert chart.evaluate("canvas => canvas.toDataURL()") != before


def test_cloud_shows_the_recording_chosen_and_can_be_turned(visit, simulated):
    page = visit().read(CLOUD)
    drawing = page.locator("[data-kind=event-cloud] .interactive-drawing")
    for name, number in (("spade", 1), ("heart", 3)):
        page.get_by_label("Class").select_option(name)
        page.get_by_label("Recording").select_option(str(number))
        target = simulated.classes.index(name)
        events = [events for events, label in simulated.test if label == target][number - 1]
        traces = drawing.evaluate(
            "d => d.data.map(({x, y, z, marker}) => ({x, y, z, colour: marker.color}))"
        )
        for trace, polarity in zip(traces, (1, 0), strict=True):
            some = events[events["p"] == polarity]
            np.testing.assert_allclose(trace["x"], some["t"] / 1000)
            np.testing.assert_array_equal(trace["y"], some["x"])
            np.testing.assert_array_equal(trace["z"], some["y"])
        assert traces[0]["colour"] != traces[1]["colour"]
    drawing.scroll_into_view_if_needed()
    camera = "d => JSON.stringify(d._fullLayout.scene._scene.getCamera().eye)"
    before, picture = drawing.evaluate(camera), drawing.screenshot()
    box = drawing.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 3, steps=5)
    page.mouse.up()
    page.wait_for_timeout(500)
    assert drawing.evaluate(camera) != before
    assert drawing.screenshot() != picture


@pytest.mark.parametrize("name", [CLOUD, NEURON])
def test_picture_stands_in_on_paper(name, visit):
    page = visit().read(name)
    picture = page.locator(".interactive-figure > img")
    assert picture.is_hidden()
    page.emulate_media(media="print")
    assert picture.is_visible()
    assert page.locator(".interactive-drawing").is_hidden()


def test_picture_stands_in_without_webgl(visit):
    reader = visit()
    reader.page.add_init_script(
        "const get = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...more) {"
        "  return kind.includes('webgl') ? null : get.call(this, kind, ...more); };"
    )
    reader.page.goto(reader.address + CLOUD)
    reader.page.locator(".interactive-figure").scroll_into_view_if_needed()
    reader.page.wait_for_selector(".interactive-controls", state="attached")
    reader.wait_for_answers()
    assert reader.page.locator(".interactive-figure > img").is_visible()
    assert reader.page.locator(".interactive-drawing").count() == 0
    assert reader.problems == []


SHORT = {"t": "", "x": "AAA=", "y": "AAA="}  # places of an event without its time


@pytest.mark.parametrize("name", [CLOUD, NEURON])
@pytest.mark.parametrize("body", [None, "<h1>Blocked</h1>", "/* nothing */"])
def test_picture_stands_in_without_the_library(name, body, visit):
    reader = visit()
    answer = (lambda route: route.fulfill(body=body)) if body else (lambda route: route.abort())
    reader.page.route(re.compile(r"plotly-gl3d\.min\.js|uPlot\.iife\.min\.js"), answer)
    expect_only_the_picture(reader, name)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (CLOUD, {}),
        (CLOUD, {"recordings": {"club": [{"ON": {"t": "?"}, "OFF": {}}]}}),
        (CLOUD, {"recordings": {"club": [{"ON": SHORT, "OFF": SHORT}]}}),
        (NEURON, {}),
        (NEURON, {"steps": 5e7}),
        (NEURON, {"dt": 0}),
        (NEURON, {"arrivals": None}),
    ],
)
def test_picture_stands_in_for_damaged_data(name, change, visit):
    reader = visit()
    reader.page.add_init_script(
        "document.addEventListener('DOMContentLoaded', () => {"
        "  const script = document.querySelector('.interactive-figure script');"
        f"  const change = {json.dumps(change)}, empty = !Object.keys(change).length;"
        "  const content = empty ? {} : { ...JSON.parse(script.textContent), ...change };"
        "  script.textContent = JSON.stringify(content); }, { capture: true });"
    )
    expect_only_the_picture(reader, name)


def expect_only_the_picture(reader, name):
    with reader.page.expect_console_message(lambda message: message.type == "warning"):
        reader.page.goto(reader.address + name)
        reader.page.locator(".interactive-figure").scroll_into_view_if_needed()
    assert reader.page.locator(".interactive-figure > img").is_visible()
    assert reader.page.locator(".interactive-drawing").count() == 0
    assert reader.page.locator(".interactive-controls > *").count() == 0
    uncaught = [problem for problem in reader.problems if problem.startswith("uncaught")]
    assert set(uncaught) <= {"uncaught: Unexpected token '<'"}  # of a page in a library's place


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
