"""Every page on a phone, in both themes, in a real browser."""

import pytest
from book_site import PAGES, THEMES, UNDECODED
from sound_pages import read_in_both_themes

TEXT_SIZES = """() => [...document.querySelectorAll("article .themes > img")]
    .filter((image) => image.checkVisibility() && !image.closest(".chapter-card"))
    .map((image) => (12.5 * 96 / 72 * image.getBoundingClientRect().width) / image.naturalWidth)"""


@pytest.mark.parametrize("name", PAGES)
def test_page_is_sound_on_a_phone_in_both_themes(name, visit):
    reader = visit(width=390, theme="light")
    page = read_in_both_themes(reader, name, 390, THEMES)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.wait_for_function(f"({UNDECODED})().then((failed) => !failed.length)")
    assert all(size >= 10.99 for size in page.evaluate(TEXT_SIZES)), "words too small to read"
    assert reader.problems == []
