"""The Sphinx extensions: figures for two themes, classes of callouts, words above folded code."""

import base64
import io
import re
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
import measurements
import published
import typography
from docutils import nodes
from docutils.utils import new_document


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


# ---- What the pages need ----


def test_a_page_that_is_a_figure_asks_for_each_script_of_it_once():
    context = {"pathto": lambda address, resource: f"../{address}", "metatags": ""}
    published.fetch_figure_early(None, "book/index", "", context, None)
    assert not context["metatags"]
    published.fetch_figure_early(None, "book/teach_it_yours", "", context, None)
    static = Path(__file__).parents[1] / "book"
    asked = re.findall(r'href="\.\./(.*?)" as="script"', context["metatags"])
    assert len(asked) == len(set(asked)) == 27
    assert all((static / address).is_file() for address in asked)


@pytest.mark.parametrize("base", ["https://example.org/cards/", ""])
def test_links_to_the_published_book_lead_to_pages_of_this_build(base):
    config = SimpleNamespace(html_baseurl=base, templates_path=[])
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


def test_a_stored_summary_is_shown_as_a_table_of_percentages(monkeypatch):
    summary = [{"truth": "order", "sets": 19, "compare": 0.95}]
    result = {"seeds": 2, "rows": [{"seed": 1}, {"seed": 2}], "summary": summary}
    stored = {"command": "python", "date": "2026-11-30", "commit": "abc", "result": result}
    monkeypatch.setattr(measurements, "read", lambda name: stored)
    text = measurements.described("known_sets", "what", "films", "1 hour", "address")
    assert "- Seeds: 1 to 2\n" in text
    assert text.endswith("| truth | sets | compare |\n| --- | ---: | ---: |\n| order | 19 | 95% |")
    del result["summary"]
    assert "|" not in measurements.described("known_sets", "what", "films", "1 hour", "address")


def test_seeds_are_those_of_the_rows_or_counted_from_the_first_one():
    assert measurements.seeds_of("", {"rows": [{"seed": 1}, {"seed": 2}]}) == "1 to 2"
    assert measurements.seeds_of("", {"seeds": 6, "first seed": 30}) == "30 to 35"
    assert measurements.seeds_of("python -m benchmarks bits --seeds 10", {}) == "0 to 9"
    assert measurements.seeds_of("", {}) == "0"


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
            "book/index": {"figure": {"first": (1,)}},
            "book/page": {"figure": {"later": (3,), "earlier": (2,)}},
            "book/chapter": {"figure": {"own": (3, 1)}},
        },
    )
    assert published.count_figures_on_each_page(None, env) == []
    assert env.toc_fignumbers["book/page"]["figure"] == {"earlier": (1,), "later": (2,)}
    assert env.toc_fignumbers["book/index"]["figure"] == {"first": (1,)}
    assert env.toc_fignumbers["book/chapter"]["figure"] == {"own": (3, 1)}
