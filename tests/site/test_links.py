"""Every link inside the book leads to a page, a file or an anchor that is there."""

import pytest
from book_site import CONFIG, PAGES, dead_links

BASE = CONFIG["html"]["baseurl"]


@pytest.mark.parametrize("name", PAGES)
def test_links_and_anchors_inside_the_book_lead_somewhere(name, built):
    assert dead_links(name) == []


@pytest.mark.parametrize(
    "address",
    [
        "05_training.ipynb",  # as in Markdown that a cell displays, where nothing turns it to .html
        "book/b.html",
        "b.html#nowhere",
        "#nowhere",
        f"{BASE}book/05_training.html",
        f"{BASE}book/b.html#nowhere",
        "/book/b.html",  # the site lies below the repository's name
        "../../outside.html",
    ],
)
def test_dead_link_is_found_also_in_what_a_cell_displayed(address, tmp_path):
    dead = page(tmp_path, f'<a class="reference external" href="{address}">there</a>')
    assert dead == [address]


def test_dead_image_is_found(tmp_path):
    assert page(tmp_path, '<img src="b.html" srcset="b.html 1x, two.png 2x">') == ["two.png"]


@pytest.mark.parametrize(
    "address",
    [
        *("b.html", "b.html#here", "../book/b.html", f"{BASE}book/b.html#here", "b.html?q=1#here"),
        *(BASE, "../", "../index.html"),
        *("https://norse.github.io/norse/x.html", "mailto:a@b.c", "data:image/png;base64,AA"),
    ],
)
def test_other_links_are_left_alone(address, tmp_path):
    assert page(tmp_path, f'<a href="{address}">there</a>') == []


def page(folder, content):
    """Return the dead links of a page with this output of a cell, beside another page."""
    (folder / "book").mkdir()
    (folder / "index.html").write_text("")
    (folder / "book" / "b.html").write_text('<h1 id="here">b</h1>')
    output = (
        f'<article><div class="cell_output docutils container"><p>{content}</p></div></article>'
    )
    (folder / "book" / "a.html").write_text(output)
    return dead_links("book/a.html", folder)
