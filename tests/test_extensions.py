"""The Sphinx extensions: figures for two themes, classes of callouts, words above folded code."""

import base64
import io
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from pokersnn_helpers import SNN, FrameNetwork, decode
from pokersnn_helpers.figures.colours import (
    ACCENT,
    DARK,
    EVENTS_MAP,
    GREY,
    OFF,
    ON,
    PAPER,
    SHADE,
    TEXT,
)

pytest.importorskip("sphinx")
sys.path.insert(0, str(Path(__file__).parents[1] / "_ext"))

import callouts
import chapter_cards
import figures
import parallel
import published
import reference
import typography
from docutils import nodes
from docutils.utils import new_document
from jupyter_cache import get_cache


@pytest.fixture
def svg():
    """A figure with text, a grey, a suit of colours, and pixels, in the book's style."""
    with plt.style.context("pokersnn_helpers.figures.book"):
        fig, (left, right) = plt.subplots(1, 2, figsize=(6.0, 3.0))
        left.plot([0, 1], [0, 1], color=ACCENT)
        left.plot([0, 1], [1, 0], color=ON)
        left.axvspan(0, 1, color=SHADE)
        left.set_title("a title")
        right.imshow([[-1.0, 0, 1]], cmap=EVENTS_MAP)
        file = io.StringIO()
        fig.savefig(file, format="svg")
        plt.close(fig)
    return file.getvalue()


def test_light_figure_differs_by_its_paper_only(svg):
    light = figures.without_paper(svg)
    assert PAPER in svg and PAPER not in light
    assert light.replace("fill: none", "") == svg.replace(f"fill: {PAPER}", "fill: none").replace(
        "fill: none", ""
    )


def test_dark_figure_has_the_dark_greys_and_accent_and_the_same_colours(svg):
    dark = figures.in_the_dark(svg)
    for before, after in DARK.items():
        assert before not in dark
        assert (after in dark) == (before in svg)
    assert PAPER not in dark
    assert ACCENT in svg
    assert dark.count(ON) == svg.count(ON) > 0


def repainted(rows):
    file = io.BytesIO()
    Image.fromarray(np.array(rows, np.uint8)).save(file, format="png")
    encoded = figures.repaint(base64.b64encode(file.getvalue()).decode())
    return np.array(Image.open(io.BytesIO(base64.b64decode(encoded))))


def test_pixels_of_a_dark_figure_follow_its_lines():
    rgba = {c: [*figures.from_hex(c), 255] for c in (TEXT, GREY, SHADE, ON, OFF, ACCENT)}
    clear = [255, 255, 255, 0]
    pixels = repainted([[*rgba.values(), clear]])[0]
    for pixel, colour in zip(pixels, rgba, strict=False):
        expected = figures.from_hex(DARK.get(colour, colour))
        assert pixel[:3] == pytest.approx(expected, abs=1), colour
        assert pixel[3] == 255
    assert pixels[-1][3] == 0


def test_greys_between_two_stay_between_them():
    ramp = [[[level, level, level, 255] for level in range(0, 256, 5)]]
    pixels = repainted(ramp)
    assert (np.diff(pixels[0, :, :3].astype(int).mean(axis=-1)) <= 0).all()  # light becomes dark
    assert to_hex(pixels[0, -1, :3] / 255) == figures.PAPER_AT_NIGHT


def test_size_of_a_figure_is_told_in_pixels(svg):
    assert figures.size_of(svg) == (576, 288)
    assert figures.size_of('<svg viewBox="0 0 40 30">') == (40, 30)


def quote(*first):
    """Make a document with one block quote, as MyST does: with an empty text at its start."""
    document = nodes.document(None, None)
    document += nodes.block_quote("", nodes.paragraph("", "", nodes.Text(""), *first))
    callouts.name_callouts(None, document)
    return document[0]


@pytest.mark.parametrize(
    ("label", "kind"),
    [
        *(("Key idea.", "key-idea"), ("Try it.", "try-it"), ("Careful.", "careful")),
        *(("In this chapter", "overview"), ("Exercise 2 · Break it.", "exercise")),
    ],
)
def test_callouts_get_a_class(label, kind):
    strong = nodes.strong("", label)
    assert quote(strong, nodes.Text(" And so on."))["classes"] == ["callout", kind]
    assert strong["classes"] == ["callout-label"]


@pytest.mark.parametrize(
    "first",
    [nodes.strong("", "Careful"), nodes.Text("Key idea."), nodes.emphasis("", "Key idea.")],
)
def test_other_block_quotes_are_left_alone(first):
    assert quote(first)["classes"] == []


@pytest.mark.parametrize(
    ("source", "prompt"),
    [
        ("# @title Solution 3\nx = 1", "Show the solution"),
        ("# @title Stored measurements\nx = 1", "Show the stored measurements"),
        ("data = load_pokerdvs()\ndata", "Show the code"),
    ],
)
def test_folded_code_says_what_it_is(source, prompt):
    document = nodes.document(None, None)
    code = nodes.literal_block(source, source)
    document += nodes.container("", code, prompt_show="x", prompt_hide="x")
    callouts.name_folded_cells(None, document)
    assert document[0]["prompt_show"] == prompt
    assert document[0]["prompt_hide"] == prompt.replace("Show", "Hide")


# ---- Cards of the landing page ----


def chapter(overview, *images, tags=()):
    """A chapter's pages as Sphinx holds them: its box, and a cell for each image."""
    document = nodes.document("", "")
    quote = nodes.block_quote()
    for part in overview.split("\n\n"):
        quote += nodes.paragraph("", part)
    document += quote
    for number, uri in enumerate(images):
        cell = nodes.container(cell_metadata={"tags": list(tags) if number == 1 else []})
        cell += nodes.image(uri=uri)
        document += cell
    return document


BOX = "In this chapter you draw\na pip. You then colour it.\n\nYou need a pen.\n\nTime: 25 minutes"


def test_card_says_what_the_chapter_promises_and_how_long_it_takes():
    assert chapter_cards.overview_of(chapter(BOX)) == ("Draw a pip. You then colour it.", 25)


@pytest.mark.parametrize("box", ["", BOX.replace("In this", "This"), BOX.replace("Time", "Length")])
def test_chapter_without_its_box_stops_the_build(box):
    with pytest.raises(ValueError, match="no box"):
        chapter_cards.overview_of(chapter(box))


def test_thumbnail_is_the_first_drawing_or_the_tagged_one():
    images = ("a.png", "b.svg", "c.svg")
    assert chapter_cards.thumbnail_of(chapter(BOX, *images)) == "b.svg"
    assert chapter_cards.thumbnail_of(chapter(BOX, "a.svg", *images[1:], tags=["thumbnail"])) == (
        "b.svg"
    )
    assert chapter_cards.thumbnail_of(chapter(BOX, "a.png")) is None


def test_links_to_the_published_book_lead_to_pages_of_this_build():
    base, document = "https://example.org/cards/", nodes.document("", "")
    pages = ("book/05_training.html", "book/glossary.html#term-Spike", "book/nowhere.html")
    document += [nodes.reference(refuri=base + page) for page in pages]
    app = SimpleNamespace(
        config=SimpleNamespace(html_baseurl=base),
        env=SimpleNamespace(found_docs={"book/05_training", "book/glossary"}),
        builder=SimpleNamespace(get_relative_uri=lambda _, page: f"{Path(page).name}.html"),
    )
    published.keep_links_inside(app, document, "book/02_plotting_events")
    found = [link["refuri"] for link in document]
    assert found == ["05_training.html", "glossary.html#term-Spike", base + pages[2]]


def test_description_stays_inside_its_attribute():
    document = new_document("page")
    document += nodes.paragraph(
        "", 'A "pip" is <b>drawn</b> & coloured, and coloured again & again.'
    )
    context = {"meta": None, "metatags": ""}
    published.describe_page(None, "page", "", context, document)
    expected = "A &quot;pip&quot; is &lt;b&gt;drawn&lt;/b&gt; &amp; coloured"
    assert context["meta"]["og:description"].startswith(expected)
    assert expected in context["metatags"]


def test_book_without_an_address_keeps_its_links():
    config = SimpleNamespace(html_baseurl="")
    published.take_address_from_base_url(None, config)
    assert config.notfound_urls_prefix == "/"
    document = new_document("page")
    document += nodes.reference(refuri="other.html")
    app = SimpleNamespace(config=config, env=SimpleNamespace(found_docs={"other"}), builder=None)
    published.keep_links_inside(app, document, "page")
    assert document[0]["refuri"] == "other.html"


def test_changed_chapters_are_executed_once_and_failed_ones_are_left(tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    folder = tmp_path / "book"
    folder.mkdir()
    threads = "import os; print(os.environ['OMP_NUM_THREADS'])"  # one each: they run side by side
    slow = "import time; time.sleep(15)"
    sources = {"good": threads, "bad": "1 / 0", "alone": "1", "slow": slow}
    for name, source in sources.items():
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        notebook.metadata["executed_alone"] = name == "alone"
        nbformat.write(notebook, folder / f"{name}.ipynb")
    path = str(tmp_path / "cache")
    get_cache(path).add_nb_to_project(str(folder / "alone.ipynb"))  # as MyST-NB does
    config = SimpleNamespace(execution_mode="cache", execution_cache_path=path, execution_timeout=5)
    app = SimpleNamespace(env=SimpleNamespace(mystnb_config=config), srcdir=tmp_path)
    parallel.execute_chapters(app)
    (record,) = get_cache(path).list_cache_records()  # the others are left to MyST-NB
    assert record.uri.endswith("good.ipynb")
    cached = get_cache(path).get_cache_bundle(record.pk).nb
    assert cached.cells[0].outputs[0].text == "1\n"
    assert "OMP_NUM_THREADS" not in os.environ
    for name in ("bad", "slow"):
        (folder / f"{name}.ipynb").unlink()
    parallel.execute_chapters(app)
    (again,) = get_cache(path).list_cache_records()
    assert again.created == record.created


def test_reference_leaves_out_fields_of_named_tuples_only():
    class Pair(NamedTuple):
        """Two."""

        first: int

        def swapped(self):
            """Turn it round."""

    skipped = [
        reference.skip_fields(None, "class", name, getattr(Pair, name), False, None)
        for name in ("first", "swapped")
    ]
    assert skipped == [True, None]


def test_reference_shows_what_a_network_is_made_with_and_names_defaults():
    class Given(FrameNetwork):
        def __init__(self, hidden_size: int = 100, *, tau: float = 0.01):
            """Be small."""

    def shown(network, signature):
        return reference.show_arguments(app, "class", "", network, None, signature, "")

    app = SimpleNamespace(config=SimpleNamespace(autodoc_typehints_format="short"))
    given = "(hidden_size: int = 100, *, tau: float = 0.01)"
    assert shown(Given, "(*args, **kwargs)") == (given, "")
    assert shown(FrameNetwork, "(*args, **kwargs)") == (None, "")
    objects = f"(decode={decode}, network={SNN!r}, f=<function decode>, steps=<factory>, n=3)"
    named = "(decode=decode, network=SNN, f=decode, steps=..., n=3)"
    assert shown(Given, objects) == (named, "")
    assert shown(Given, None) == (None, "")


def test_numbers_stay_with_their_units_but_not_in_code():
    document = new_document("")
    document += nodes.paragraph("", "In 10 ms, 35 × 35 pixels of about 30 send 2 spikes.")
    document += nodes.doctest_block("", ">>> 10 ms")
    document += nodes.raw("", "<details><summary>It doesn't.</summary>")
    document += nodes.raw("", "<script>'a'</script>")
    typography.set_spaces(None, document, "page")
    assert [each.astext() for each in document.children] == [
        "In 10\u00a0ms, 35\u00a0×\u00a035\u00a0pixels of about\u00a030 send 2 spikes.",
        ">>> 10 ms",
        "<details><summary>It doesn’t.</summary>",
        "<script>'a'</script>",
    ]


def test_a_second_build_lists_pages_that_have_not_changed(tmp_path):
    """In a process of its own: what the sitemap forks would keep the pipes of a browser open."""
    settings = "html_baseurl, sitemap_url_scheme = 'https://example.org/', '{link}'"
    (tmp_path / "conf.py").write_text(f"extensions = ['sphinx_sitemap', 'published']\n{settings}\n")
    index = "index\n=====\n\n.. toctree::\n\n   other\n"
    (tmp_path / "index.rst").write_text(index)
    (tmp_path / "other.rst").write_text("other\n=====\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", ".", "html"]
    for _ in range(2):
        environment = os.environ | {"PYTHONPATH": str(Path(published.__file__).parent)}
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=120)
        assert "other.html" in (tmp_path / "html" / "sitemap.xml").read_text()
        (tmp_path / "index.rst").write_text(index + "\nMore.\n")
