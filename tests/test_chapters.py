"""Checks on the chapters as files; running them is pytest --nbval-lax's part."""

import re
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))
LAST_PAGE = ROOT / "book" / "what_you_can_claim.md"
SECTIONS = ["Overview", "Prerequisites", "Imports", "Summary", "Exercises", "What comes next"]


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request):
    notebook = nbformat.read(request.param, as_version=4)
    notebook.path = request.param
    return notebook


def cells(notebook, kind):
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def tags(cell):
    return cell.metadata.get("tags", [])


def headings(notebook):
    return [
        match[1]
        for cell in cells(notebook, "markdown")
        for match in re.finditer(r"^## (.+)$", cell.source, re.MULTILINE)
    ]


def test_the_table_of_contents_lists_all_in_order():
    chapters, end, reference = yaml.safe_load((ROOT / "_toc.yml").read_text())["parts"]
    listed = [entry["file"] for entry in chapters["chapters"]]
    assert listed == [f"book/{path.stem}" for path in CHAPTERS]
    assert chapters["numbered"] == 1  # the text says "chapter 5"
    assert end["chapters"] == [{"file": "book/what_you_can_claim"}]
    pages = [*end["chapters"], *reference["chapters"]]
    assert all((ROOT / f"{entry['file']}.md").exists() for entry in pages)


def test_is_a_valid_notebook(chapter):
    nbformat.validate(nbformat.read(chapter.path, as_version=4))
    assert chapter.nbformat_minor >= 5


def test_stores_no_outputs(chapter):
    for cell in cells(chapter, "code"):
        assert cell.outputs == [] and cell.execution_count is None


def test_first_cell_has_the_title_and_a_link_that_opens_this_file_in_colab(chapter):
    first = chapter.cells[0].source
    url = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"]
    colab = url.replace("https://github.com", "https://colab.research.google.com/github")
    assert first.startswith("# ")
    assert f"\n[Open in Colab]({colab}/blob/main/book/{chapter.path.name})" in first


def test_shows_no_picture_from_another_host(chapter):
    for cell in cells(chapter, "markdown"):
        assert not re.search(r"!\[[^\]]*\]\(https?:|<img", cell.source)


def test_asks_colab_for_a_gpu(chapter):
    assert chapter.metadata.accelerator == "GPU"


def test_installs_in_colab_only_and_pins_nothing(chapter):
    installs = [cell.source for cell in cells(chapter, "code") if "%pip" in cell.source]
    url = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"]
    assert installs == [
        f'import sys\n\nif "google.colab" in sys.modules:\n    %pip install --quiet "git+{url}"'
    ]


def test_has_the_sections_of_every_chapter_in_order(chapter):
    found = [heading for heading in headings(chapter) if heading in SECTIONS]
    assert found == SECTIONS
    assert "**Time to learn**: " in "".join(cell.source for cell in chapter.cells)


def test_shows_the_data_and_with_it_the_banner(chapter):
    loading = [cell for cell in cells(chapter, "code") if "= load_pokerdvs()" in cell.source]
    assert [cell.source for cell in loading] == ["data = load_pokerdvs()\ndata"]
    assert "remove-stderr" in tags(loading[0])


def test_exercises_have_folded_solutions_that_check_themselves(chapter):
    last = [cell.source for cell in cells(chapter, "markdown")]
    exercises = re.findall(r"^\*\*(\d)\.\*\* ", "\n".join(last), re.MULTILINE)
    solutions = [cell for cell in cells(chapter, "code") if "# @title Solution" in cell.source]
    assert len(exercises) >= 2
    assert [cell.source.split("\n")[0] for cell in solutions] == [
        f"# @title Solution {number}" for number in exercises
    ]
    for cell in solutions:
        assert "hide-cell" in tags(cell) and cell.metadata.cellView == "form"
        assert "\nassert " in cell.source


def test_every_exercise_says_what_to_expect(chapter):
    for cell in cells(chapter, "markdown"):
        for exercise in re.findall(r"^\*\*\d\.\*\* .+$", cell.source, re.MULTILINE):
            assert "*Expect" in exercise


def test_checks_what_it_claims(chapter):
    checks = [cell for cell in cells(chapter, "code") if "remove-cell" in tags(cell)]
    assert any("\nassert " in cell.source for cell in checks)


def test_markdown_is_plain(chapter):
    """Colab shows MyST directives and roles as raw text."""
    for cell in cells(chapter, "markdown"):
        assert not re.search(r"^(```|:::|~~~)\{|\{[\w:+-]+\}`", cell.source, re.MULTILINE)


def test_every_figure_has_a_caption_and_an_alternative_text(chapter):
    draws = re.compile(r"^(?!def ).*\b(plot_\w+|draw_\w+|subplots|imshow\w*)\(", re.MULTILINE)
    drawing = [cell for cell in cells(chapter, "code") if draws.search(cell.source)]
    assert drawing
    for cell in drawing:
        figure = cell.metadata.mystnb
        assert len(figure.image.alt) > 60, cell.source
        assert figure.figure.caption and figure.figure.name.startswith("fig-")


def test_every_interactive_figure_has_a_caption(chapter):
    """It brings its own alternative text."""
    for cell in cells(chapter, "code"):
        if re.search(r"^interactive_\w+\(", cell.source, re.MULTILINE):
            assert cell.metadata.mystnb.figure.caption
            assert cell.metadata.mystnb.figure.name.startswith("fig-interactive-")


def test_figure_names_are_unique():
    names = [
        cell.metadata.mystnb.figure.name
        for path in CHAPTERS
        for cell in nbformat.read(path, as_version=4).cells
        if "figure" in cell.metadata.get("mystnb", {})
    ]
    assert len(names) == len(set(names))


def test_measured_sentences_hide_the_code_that_writes_them(chapter):
    writing = [cell for cell in cells(chapter, "code") if "    Markdown(" in cell.source]
    assert writing
    assert all("remove-input" in tags(cell) for cell in writing)


def assert_on_the_references_page(text):
    references = (ROOT / "book" / "references.md").read_text(encoding="utf-8")
    for doi in re.findall(r"\(https://doi\.org/([^)\s]+)\)", text):
        assert f"(https://doi.org/{doi})" in references
        assert f"[doi:{doi}]" in references


def test_papers_are_on_the_references_page(chapter):
    assert_on_the_references_page("\n".join(cell.source for cell in cells(chapter, "markdown")))


@pytest.mark.parametrize("page", ["index.md", "what_you_can_claim.md"])
def test_papers_of_the_other_pages_are_on_the_references_page(page):
    assert_on_the_references_page((ROOT / "book" / page).read_text(encoding="utf-8"))


def test_papers_on_the_references_page_are_in_alphabetical_order():
    text = (ROOT / "book" / "references.md").read_text(encoding="utf-8")
    for section in text.split("\n## ")[1:]:
        authors = re.findall(r"^- (.+?)(?:,| and | et al)", section, re.MULTILINE)
        names = [re.sub(r"^(?:[A-Z][.-]+ ?)+", "", author) for author in authors]
        assert len(names) > 2
        assert names == sorted(names)


def test_every_paper_on_the_references_page_is_cited():
    """By a chapter, by the last page, or by the function of the package that follows it."""
    citing = [*CHAPTERS, LAST_PAGE, *(ROOT / "pokersnn_helpers").rglob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in citing)
    references = (ROOT / "book" / "references.md").read_text(encoding="utf-8")
    dois = re.findall(r"\[doi:([^\]]+)\]", references)
    assert len(dois) > 10
    assert [doi for doi in dois if doi not in text] == []


def test_links_between_chapters_lead_somewhere(chapter):
    text = "\n".join(cell.source for cell in cells(chapter, "markdown"))
    for target in re.findall(r"\]\(([\w/]+\.(?:ipynb|md))\)", text):
        assert (ROOT / "book" / target).exists()


def test_no_chapter_stands_on_a_path_of_its_own_folder(chapter):
    """Colab has the notebook and the installed package, and nothing else."""
    code = "\n".join(cell.source for cell in cells(chapter, "code"))
    assert not re.search(r"sys\.path|\.\./|images/", code)


def glossary_terms():
    """Return the terms, and the anchors that Sphinx gives them on the glossary's page."""
    text = (ROOT / "book" / "glossary.md").read_text()
    terms = re.findall(r"^(\S.*)\n  \S", text.split("```")[1], re.MULTILINE)
    return {"term-" + re.sub(r"[^\w-]+", "-", term).strip("-"): term for term in terms}


def glossary_links(notebook):
    """Return text and anchor of each link to the glossary in a chapter's prose, in order."""
    base = yaml.safe_load((ROOT / "_config.yml").read_text())["html"]["baseurl"]
    link = re.compile(rf"\[([^\]]+)\]\({re.escape(base)}book/glossary\.html#([\w-]+)\)")
    return [match for cell in cells(notebook, "markdown") for match in link.findall(cell.source)]


def test_links_to_the_glossary_name_its_terms_once_per_chapter(chapter):
    anchors = [anchor for _, anchor in glossary_links(chapter)]
    assert set(anchors) <= set(glossary_terms())
    assert len(anchors) == len(set(anchors))


def test_links_to_the_glossary_stand_at_first_uses(chapter):
    body = "\n".join(
        re.sub(r"`[^`]*`|^(#|\||>).*$", "", cell.source, flags=re.MULTILINE)
        for cell in cells(chapter, "markdown")
        if not re.match(r"## (Overview|Prerequisites)", cell.source)
    )
    for text, anchor in glossary_links(chapter):
        if not text.startswith("`"):
            before = body.partition(f"#{anchor})")[0].rpartition("[")[0]
            before = re.sub(r"\[[^\]]*\]\([^)]*\)", "", before)  # other terms and their links
            assert not re.search(rf"(?<![\w#/-]){re.escape(text)}(?![\w-])", before), text


def test_every_term_of_the_glossary_is_linked():
    linked = {
        anchor
        for path in CHAPTERS
        for _, anchor in glossary_links(nbformat.read(path, as_version=4))
    }
    assert linked == set(glossary_terms())


def test_glossary_is_in_alphabetical_order():
    terms = list(glossary_terms().values())
    assert len(terms) > 15
    assert terms == sorted(terms, key=str.lower)


def test_visible_code_fits_the_page(chapter):
    hidden = {"remove-input", "remove-cell"}
    for cell in cells(chapter, "code"):
        if not hidden.intersection(tags(cell)):
            assert max(len(line) for line in cell.source.splitlines()) <= 88
