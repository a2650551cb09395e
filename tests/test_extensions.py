"""The Sphinx extensions: figures for two themes, classes of callouts, words above folded code."""

import base64
import io
import os
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from pokersnn_helpers.figures import colours
from pokersnn_helpers.figures.colours import ACCENT, DARK, ON, PAPER, SHADE

pytest.importorskip("sphinx")

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
        right.imshow([[-1.0, 0, 1]], cmap=colours.EVENTS_MAP)
        file = io.StringIO()
        fig.savefig(file, format="svg")
        plt.close(fig)
    return file.getvalue()


def test_figure_for_each_theme_has_its_greys_and_the_same_colours(svg):
    light = figures.without_paper(svg)
    dark = figures.in_the_dark(svg)
    assert light == svg.replace(f"fill: {PAPER}", "fill: none", 1)
    assert PAPER not in light + dark
    for grey, in_the_dark in DARK.items():
        assert grey not in dark
        assert (grey in svg) == (in_the_dark in dark)
    assert dark.count(ON) == svg.count(ON) > 0


def repainted(pixels):
    """Return a row of pixels, red, green, blue and opacity, as it is in the dark."""
    file = io.BytesIO()
    Image.fromarray(np.array([pixels], np.uint8)).save(file, format="png")
    encoded = base64.b64encode(file.getvalue()).decode()
    png = base64.b64decode(figures.repaint(encoded))
    return np.array(Image.open(io.BytesIO(png)))[0].astype(int)


def test_pixels_of_a_dark_figure_follow_its_lines():
    names = [colours.TEXT, colours.GREY, SHADE, ON, colours.OFF, ACCENT]
    opaque = [[*figures.from_hex(name), 255] for name in names]
    pixels = repainted([*opaque, [255, 255, 255, 0]])
    expected = [figures.from_hex(DARK.get(name, name)) for name in names]
    assert np.abs(pixels[:-1, :3] - expected).max() <= 1
    assert pixels[:, 3].tolist() == [255] * len(names) + [0]


def test_greys_between_two_stay_between_them():
    pixels = repainted([[level, level, level, 255] for level in range(0, 256, 5)])
    brightness = pixels[:, :3].mean(axis=-1)
    assert (np.diff(brightness) <= 0).all()  # light becomes dark
    assert to_hex(pixels[-1, :3] / 255) == figures.PAPER_AT_NIGHT


def test_size_of_a_figure_is_told_in_pixels(svg):
    assert figures.size_of(svg) == (576, 288)
    assert figures.size_of('<svg viewBox="0 0 40 30">') == (40, 30)


def strong(text):
    return nodes.strong("", text)


@pytest.mark.parametrize(
    ("first", "kind"),
    [
        (strong("Key idea."), "key-idea"),
        (strong("In this chapter"), "overview"),
        (strong("Exercise 2 · Break it."), "exercise"),
        (strong("Careful"), None),
        (nodes.emphasis("", "Key idea."), None),
    ],
)
def test_callouts_get_a_class_and_other_quotes_none(first, kind):
    document = nodes.document(None, None)
    words = [nodes.Text(""), first, nodes.Text(" And so on. "), strong("Careful.")]  # as MyST does
    document += nodes.block_quote("", nodes.paragraph("", "", *words))
    callouts.name_callouts(None, document)
    assert document[0]["classes"] == (["callout", kind] if kind else [])
    assert first.get("classes", []) == (["callout-label"] if kind else [])


def test_folded_code_says_what_it_is():
    document = nodes.document(None, None)
    for title in ("# @title Solution 3\n", "# @title Stored measurements\n", ""):
        code = nodes.literal_block("", f"{title}x = 1")
        document += nodes.container("", code, prompt_show="x", prompt_hide="x")
    callouts.name_folded_cells(None, document)
    prompts = [(cell["prompt_show"], cell["prompt_hide"]) for cell in document]
    assert prompts == [
        ("Show the solution", "Hide the solution"),
        ("Show the stored measurements", "Hide the stored measurements"),
        ("Show the code", "Hide the code"),
    ]


# ---- Cards of the landing page ----


BOX = "In this chapter you draw\na pip. You then colour it.\n\nYou need a pen.\n\nTime: 25 minutes"


def chapter(box, *images, tagged=None):
    """A chapter's pages as Sphinx holds them: its box, and a cell for each image."""
    document = nodes.document("", "")
    paragraphs = [nodes.paragraph("", text) for text in box.split("\n\n")]
    document += nodes.block_quote("", *paragraphs)
    for uri in images:
        tags = ["thumbnail"] if uri == tagged else []
        document += nodes.container("", nodes.image(uri=uri), cell_metadata={"tags": tags})
    return document


def test_card_says_what_the_chapter_promises_and_how_long_it_takes():
    assert chapter_cards.overview_of(chapter(BOX)) == ("Draw a pip. You then colour it.", 25)


@pytest.mark.parametrize("box", ["", BOX.replace("In this", "This"), BOX.replace("Time", "Length")])
def test_chapter_without_its_box_stops_the_build(box):
    with pytest.raises(ValueError, match="no box"):
        chapter_cards.overview_of(chapter(box))


def test_thumbnail_is_the_first_drawing_or_the_tagged_one():
    images = ("a.png", "b.svg", "c.svg")
    for tagged, expected in ((None, "b.svg"), ("c.svg", "c.svg"), ("a.png", "b.svg")):
        assert chapter_cards.thumbnail_of(chapter(BOX, *images, tagged=tagged)) == expected
    assert chapter_cards.thumbnail_of(chapter(BOX, "a.png")) is None


# ---- What the pages need ----


@pytest.mark.parametrize("base", ["https://example.org/cards/", ""])
def test_links_to_the_published_book_lead_to_pages_of_this_build(base):
    config = SimpleNamespace(html_baseurl=base)
    published.take_address_from_base_url(None, config)
    assert config.notfound_urls_prefix == ("/cards/" if base else "/")
    app = SimpleNamespace(
        config=config,
        env=SimpleNamespace(found_docs={"book/04_training", "book/glossary"}),
        builder=SimpleNamespace(get_relative_uri=lambda _, page: f"{Path(page).name}.html"),
    )
    inside = ["04_training.html", "glossary.html#term-Spike"]
    given = [f"{base}book/{place}" for place in (*inside, "nowhere.html")]
    document = nodes.document("", "")
    document += [nodes.reference(refuri=uri) for uri in given]
    published.keep_links_inside(app, document, "book/02_plotting_events")
    links = [link["refuri"] for link in document]
    assert links == ([*inside, given[2]] if base else given)


def test_description_stays_inside_its_attribute():
    document = new_document("page")
    document += nodes.paragraph("", 'A "pip" is <b>drawn</b> & coloured, and coloured again.')
    context = {"meta": None, "metatags": ""}
    published.describe_page(None, "page", "", context, document)
    expected = "A &quot;pip&quot; is &lt;b&gt;drawn&lt;/b&gt; &amp; coloured"
    assert context["meta"]["og:description"].startswith(expected)
    assert expected in context["metatags"]


@pytest.mark.parametrize("formula, loaded", [("math", True), ("math_block", True), ("Text", False)])
def test_mathjax_is_loaded_with_formulas_only_by_any_version_of_sphinx(formula, loaded):
    page = new_document("page")
    page += nodes.paragraph("", "", getattr(nodes, formula)("x^2"))
    script = SimpleNamespace(filename="mathjax/tex-chtml.js", attributes={})
    context = {"script_files": [script]}
    published.leave_out_scripts(None, "page", "page.html", context, page)
    assert context["script_files"] == [script] * loaded


@pytest.mark.slow
def test_changed_chapters_are_executed_once_and_failed_ones_are_left(tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    folder = tmp_path / "book"
    folder.mkdir()
    sources = {
        "good": "import os; print(os.environ['OMP_NUM_THREADS'])",  # 1: they run side by side
        "slow": "import time; time.sleep(15)",
        "alone": "1",
    }
    for name, source in sources.items():
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
        notebook.metadata["executed_alone"] = name == "alone"
        nbformat.write(notebook, folder / f"{name}.ipynb")
    path = str(tmp_path / "cache")
    cache = get_cache(path)
    cache.add_nb_to_project(str(folder / "alone.ipynb"))  # as MyST-NB does
    config = SimpleNamespace(execution_mode="cache", execution_cache_path=path, execution_timeout=5)
    app = SimpleNamespace(env=SimpleNamespace(mystnb_config=config), srcdir=tmp_path)
    parallel.execute_chapters(app)
    (record,) = cache.list_cache_records()  # the others are left to MyST-NB
    assert record.uri.endswith("good.ipynb")
    notebook = cache.get_cache_bundle(record.pk).nb
    assert notebook.cells[0].outputs[0].text == "1\n"
    assert "OMP_NUM_THREADS" not in os.environ
    (folder / "slow.ipynb").unlink()
    parallel.execute_chapters(app)
    (again,) = cache.list_cache_records()
    assert again.created == record.created


Pair = namedtuple("Pair", "first")


def test_reference_leaves_out_fields_of_named_tuples_only():
    def skipped(member):
        return reference.skip_fields(None, "class", "", member, False, None)

    assert skipped(Pair.first) is True
    assert skipped(nbformat.NotebookNode.update) is None


def test_numbers_stay_with_their_units_but_not_in_code():
    document = new_document("")
    document += nodes.paragraph("", "In 10 ms, 35 × 35 pixels of about 30 send 2 spikes.")
    document += nodes.doctest_block("", ">>> 10 ms")
    document += nodes.raw("", "<details><summary>It doesn't.</summary>")
    document += nodes.raw("", "<script>'a'</script>")
    typography.set_spaces(None, document, "page")
    assert [part.astext() for part in document.children] == [
        "In 10\u00a0ms, 35\u00a0×\u00a035\u00a0pixels of about\u00a030 send 2 spikes.",
        ">>> 10 ms",
        "<details><summary>It doesn’t.</summary>",
        "<script>'a'</script>",
    ]


BUILD_TWICE = """
from pathlib import Path
from sphinx.cmd.build import main
for text in ("", "More."):
    Path("index.rst").write_text(f"index\\n=====\\n\\n.. toctree::\\n\\n   other\\n\\n{text}\\n")
    assert main(["-q", "-b", "html", ".", "html"]) == 0
    assert "other.html" in Path("html/sitemap.xml").read_text()
"""


@pytest.mark.slow
def test_a_second_build_lists_pages_that_have_not_changed(tmp_path):
    """In a process of its own: what the sitemap forks would keep the pipes of a browser open."""
    settings = "html_baseurl, sitemap_url_scheme = 'https://example.org/', '{link}'"
    (tmp_path / "conf.py").write_text(f"extensions = ['sphinx_sitemap', 'published']\n{settings}\n")
    (tmp_path / "other.rst").write_text("other\n=====\n")
    environment = os.environ | {"PYTHONPATH": str(Path(published.__file__).parent)}
    command = [sys.executable, "-c", BUILD_TWICE]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=120)
