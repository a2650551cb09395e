"""The Sphinx extensions: figures for two themes, classes of callouts, words above folded code."""

import base64
import io
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from pokersnn_helpers.figures import colours
from pokersnn_helpers.figures.colours import ACCENT, DARK, ON, PAPER, SHADE

pytest.importorskip("sphinx")

import callouts
import figures
import icons
import published
import pydata_sphinx_theme
import typography
import unpublished
from docutils import nodes
from docutils.utils import new_document
from fontTools.ttLib import TTFont


def test_figure_for_each_theme_has_its_greys_and_the_same_colours():
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
    svg = file.getvalue()
    light = figures.without_paper(svg)
    dark = figures.in_the_dark(svg)
    assert light == svg.replace(f"fill: {PAPER}", "fill: none", 1)
    assert PAPER not in light + dark
    for grey, in_the_dark in DARK.items():
        assert grey not in dark
        assert (grey in svg) == (in_the_dark in dark)
    assert dark.count(ON) == svg.count(ON) > 0


def test_one_event_of_many_shows_on_a_dark_page_as_well_and_no_event_stays_clear():
    few_and_many = np.array([-16, -1, 0, 1, 16])
    pixels = (255 * colours.EVENTS_MAP(few_and_many / 32 + 0.5)[None]).round().astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="png")
    repainted = figures.repaint(base64.b64encode(file.getvalue()).decode())
    dark = np.array(Image.open(io.BytesIO(base64.b64decode(repainted))))
    assert np.array_equal(dark[..., :3], pixels[..., :3])
    light_opacity, dark_opacity = pixels[0, :, 3] / 255, dark[0, :, 3] / 255
    assert dark_opacity[[0, 2, 4]].tolist() == [1, 0, 1]
    assert (light_opacity[[1, 3]] < 0.3).all()
    assert (dark_opacity[[1, 3]] > 0.45).all()


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
    words = [nodes.Text(""), first, nodes.Text(" And so on. ")]  # as MyST does
    document += nodes.block_quote("", nodes.paragraph("", "", *words))
    callouts.name_callouts(None, document)
    assert document[0]["classes"] == (["callout", kind] if kind else [])


@pytest.mark.parametrize(
    ("code", "prompt"),
    [
        ("# @title Solution 1", "Show the solution"),
        ("# @title A training of each", "Show a training of each"),
        ("import torch", "Show the code"),
    ],
)
def test_folded_code_is_called_by_its_title(code, prompt):
    document = new_document("")
    cell = nodes.container("", nodes.literal_block(code, code), prompt_show="")
    document += cell
    callouts.name_folded_cells(None, document)
    assert cell["prompt_show"] == prompt


# ---- What the pages need ----


def test_a_page_that_is_a_figure_asks_for_each_script_of_it_once():
    context = {"pathto": lambda address, resource: f"../{address}", "metatags": ""}
    published.fetch_figure_early(None, "book/index", "", context, None)
    assert not context["metatags"]
    published.fetch_figure_early(None, "book/teach_it_yours", "", context, None)
    static = Path(__file__).parents[1] / "book"
    asked = re.findall(r'href="\.\./(.*?)" as="script"', context["metatags"])
    assert len(asked) == len(set(asked)) == 29
    assert all((static / address).is_file() for address in asked)


@pytest.mark.parametrize("base", ["https://example.org/cards/", ""])
def test_links_to_the_published_book_lead_to_pages_of_this_build(base):
    config = SimpleNamespace(html_baseurl=base, templates_path=[])
    published.take_address_from_base_url(None, config)
    assert config.notfound_urls_prefix == ("/cards/" if base else "/")
    app = SimpleNamespace(
        config=config,
        env=SimpleNamespace(found_docs={"book/training", "book/glossary"}),
        builder=SimpleNamespace(get_relative_uri=lambda _, page: f"{Path(page).name}.html"),
    )
    places = ["training.html", "glossary.html#term-Spike", "nowhere.html"]
    given = [f"{base}book/{place}" for place in places]
    document = nodes.document("", "")
    document += [nodes.reference(refuri=uri) for uri in given]
    published.keep_links_inside(app, document, "book/plotting_events")
    links = [link["refuri"] for link in document]
    assert links == ([*places[:2], given[2]] if base else given)


def test_description_stays_inside_its_attribute():
    document = new_document("page")
    document += nodes.paragraph("", 'A "pip" is <b>drawn</b> & coloured, and coloured again.')
    context = {"meta": None, "metatags": ""}
    published.describe_page(None, "page", "", context, document)
    expected = "A &quot;pip&quot; is &lt;b&gt;drawn&lt;/b&gt; &amp; coloured"
    assert context["meta"]["og:description"].startswith(expected)
    assert expected in context["metatags"]


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


def test_figures_of_a_page_without_a_number_are_counted_from_one():
    env = SimpleNamespace(
        toc_secnumbers={"book/chapter": {"": (3,)}},
        toc_fignumbers={
            "book/page": {"figure": {"later": (3,), "earlier": (2,)}},
            "book/chapter": {"figure": {"own": (3, 1)}},
        },
    )
    published.count_figures_on_each_page(None, env)
    assert env.toc_fignumbers["book/page"]["figure"] == {"earlier": (1,), "later": (2,)}
    assert env.toc_fignumbers["book/chapter"]["figure"] == {"own": (3, 1)}


# ---- A copy that isn't published ----

NOWHERE = "https://github.com/OWNER/book"
SOMEWHERE = "https://github.com/someone/book"


@pytest.mark.parametrize("repository, shown", [(NOWHERE, False), (SOMEWHERE, True)])
def test_buttons_and_links_in_the_footer_lead_somewhere_or_are_left_out(repository, shown):
    options = {
        "repository_url": repository,
        "launch_buttons": {"colab_url": "https://colab.research.google.com"},
        "use_repository_button": True,
        "extra_footer": f'<p><a href="{repository}/blob/main/CITATION.cff">how to cite it</a></p>',
    }
    unpublished.leave_out_buttons(None, SimpleNamespace(html_theme_options=options))
    assert bool(options["launch_buttons"]) == options["use_repository_button"] == shown
    footer = options["extra_footer"]
    assert ("<a " in footer, "is not published yet" in footer) == (shown, not shown)
    assert "how to cite it</" in footer


@pytest.mark.parametrize("repository, shown", [(NOWHERE, False), (SOMEWHERE, True)])
def test_links_to_nowhere_are_text_and_code_that_would_fail_says_so(repository, shown):
    document = new_document("page")
    source = nodes.reference(text="source", refuri=f"{repository}/blob/main/snn.py")
    slug = repository.removeprefix("https://github.com/")
    colab = f"https://colab.research.google.com/github/{slug}/blob/main/a.ipynb"
    elsewhere = nodes.reference(text="Norse", refuri="https://github.com/norse/norse")
    document += nodes.paragraph("", "", source, nodes.Text(", "), elsewhere)
    document += nodes.paragraph("", "", nodes.reference(text="Open in Colab", refuri=colab))
    document += nodes.literal_block(text=f"git clone {repository}")
    unpublished.leave_out_links(None, document, "page")
    links = [link.astext() for link in document.findall(nodes.reference)]
    assert links == (["source", "Norse", "Open in Colab"] if shown else ["Norse"])
    text = document.astext()
    assert ("source, Norse" in text, "Open in Colab" in text) == (True, shown)
    assert ("is not published yet" in text) == (not shown)


# ---- Icons ----


def test_style_sheet_and_font_keep_the_icons_that_a_page_names(tmp_path):
    theme = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme" / "static"
    shutil.copytree(theme, tmp_path / "_static")
    (tmp_path / "page.html").write_text('<i class="fa-solid fa-sun"></i>')
    icons.keep_icons_shown(SimpleNamespace(outdir=tmp_path), None)
    rules = (tmp_path / "_static" / "styles" / "pydata-sphinx-theme.css").read_text()
    sun, moon = 0xF185, 0xF186
    assert (f"{sun:x}" in rules, f"{moon:x}" in rules) == (True, False)
    (solid,) = tmp_path.glob("_static/vendor/fontawesome/webfonts/fa-solid-*.woff2")
    characters = TTFont(solid).getBestCmap()
    assert (sun in characters, moon in characters) == (True, False)
