"""Every link inside the book leads to a page, a file or an anchor that is there."""

import pytest
from book_site import CONFIG, PAGES, dead_links

BASE = CONFIG["html"]["baseurl"]
DEAD = [
    "training.ipynb",  # as in Markdown that a cell displays, where nothing turns it to .html
    *("book/b.html", "b.html#nowhere", "#nowhere"),
    *(f"{BASE}book/training.html", f"{BASE}book/b.html#nowhere"),
    "/book/b.html",  # the site lies below the repository's name
    "../../outside.html",
]
ALIVE = [
    *("b.html", "b.html#here", "../book/b.html", f"{BASE}book/b.html#here", "b.html?q=1#here"),
    *(BASE, "../", "../index.html"),
    *("https://norse.github.io/norse/x.html", "mailto:a@b.c", "data:image/png;base64,AA"),
]


@pytest.mark.parametrize("name", PAGES)
def test_links_and_anchors_inside_the_book_lead_somewhere(name, built):
    assert dead_links(name) == []


@pytest.mark.parametrize("name", PAGES)
def test_no_page_shows_a_comment(name, built):
    assert "&lt;!" not in (built / name).read_text(encoding="utf-8")


def test_dead_links_are_found_also_in_what_a_cell_displayed_and_others_left_alone(tmp_path):
    links = [f'<a class="reference external" href="{each}">there</a>' for each in DEAD + ALIVE]
    image = '<img src="b.html" srcset="b.html 1x, two.png 2x">'
    (tmp_path / "book").mkdir()
    (tmp_path / "index.html").write_text("")
    (tmp_path / "book" / "b.html").write_text('<h1 id="here">b</h1>')
    output = f'<div class="cell_output docutils container"><p>{"".join(links)}{image}</p></div>'
    (tmp_path / "book" / "a.html").write_text(f"<article>{output}</article>")
    assert dead_links("book/a.html", tmp_path) == [*DEAD, "two.png"]
