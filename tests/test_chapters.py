"""Checks on the chapters as files; running them is pytest --nbval-lax's part."""

import ast
import importlib
import inspect
import re
import sys
import textwrap
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).parents[1]
CHAPTERS = sorted((ROOT / "book").glob("*.ipynb"))
LAST_PAGE = ROOT / "book" / "what_you_can_claim.md"
HALVES = {"two": 4, "three": 6, "four": 8, "five": 10, "six": 12, "seven": 14}
HOURS = {n: word for word, n in HALVES.items()}  # in half hours
HOURS |= {n + 1: f"{word} and a half" for word, n in HALVES.items()}
STORY = CHAPTERS[:7]  # the tutorial proper, whose form is the strictest
DRAWS = r"plot_\w+|draw_\w+|\w+_drawing|subplots|imshow\w*"
CLOSING = ["What you can now claim", "Exercises", "What comes next"]
KINDS = {
    *("Predict, then slide", "Build your own", "Break it", "Debug", "Measure", "Open-ended"),
}


def read(path):
    notebook = nbformat.read(path, as_version=4)
    notebook.path = path
    return notebook


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request):
    return read(request.param)


@pytest.fixture(params=STORY, ids=lambda path: path.stem)
def story(request):
    """A chapter of the tutorial proper, without the two that look behind it."""
    return read(request.param)


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
    parts = yaml.safe_load((ROOT / "_toc.yml").read_text())["parts"]
    listed = [entry["file"] for part in parts for entry in part["chapters"]]
    numbered = [part for part in parts if part.get("numbered") == 1]  # the text says "chapter 5"
    assert numbered == parts[: len(numbered)]
    chapters = [entry["file"] for part in numbered for entry in part["chapters"]]
    assert chapters == [f"book/{path.stem}" for path in CHAPTERS]
    others = sorted(f"book/{path.stem}" for path in (ROOT / "book").glob("*.md"))
    assert sorted([*listed[len(chapters) :], "book/index"]) == others


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


def installation(notebook):
    (install,) = [cell.source for cell in cells(notebook, "code") if "%pip" in cell.source]
    return install


def test_installs_in_colab_only_and_pins_nothing(chapter):
    install = installation(chapter)
    url = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"]
    inside = install.split('\nif "google.colab" in sys.modules:\n')[1]
    assert inside.startswith(f'    %pip install --quiet "git+{url}"\n')
    assert all(line.startswith("    ") for line in inside.splitlines())
    assert f"{url}/issues" in install and f"{url}/blob/main/tools/colab.txt" in install
    assert install == installation(read(CHAPTERS[0]))


@pytest.mark.parametrize("in_colab", [True, False])
def test_says_what_to_do_where_its_installation_fails(in_colab, monkeypatch):
    code = re.sub("%pip .*", "pass", installation(read(CHAPTERS[0])))
    exec(code, {})
    if in_colab:
        monkeypatch.setitem(sys.modules, "google.colab", None)
        exec(code, {})
    monkeypatch.setitem(sys.modules, "pokersnn_helpers.figures", None)
    if not in_colab:
        exec(code, {})
        return
    with pytest.raises(RuntimeError, match="Runtime > Disconnect and delete runtime") as raised:
        exec(code, {})
    assert isinstance(raised.value.__cause__, ModuleNotFoundError)


def test_chapter_2_draws_most():
    """So the script .ci/environments runs it with other versions of Matplotlib."""
    drawn = [sum(map(draws, read(path).cells)) for path in CHAPTERS]
    assert drawn.index(max(drawn)) == 1


# ---- The opening: a question, a picture, a slim box ----


def box_of(notebook):
    """Return the index of the cell that says what the chapter is about."""
    starts = [cell.source.startswith("> **In this chapter**") for cell in notebook.cells]
    assert sum(starts) == 1
    return starts.index(True)


LOADING = {
    'data = load_pokerdvs()\ndata if data.source == "simulated" else None',
    # Where the 131 are used, theirs is the banner, or that of either kind.
    'everything = load_pokerdvs131()\neverything if everything.source == "simulated" else None',
    "data = load_pokerdvs()\neverything = load_pokerdvs131()\n"
    "sources = {each.source: each for each in (data, everything)}\n"
    'sources.get("simulated")',
}


def draws(cell):
    """Return whether a cell shows a figure, interactive or not."""
    pattern = rf"^(?!def ).*\b({DRAWS}|interactive_\w+|animate_\w+)\("
    return cell.cell_type == "code" and re.search(pattern, cell.source, re.MULTILINE) is not None


def test_title_is_followed_by_a_short_lead(chapter):
    _, _, *lead = [part for part in chapter.cells[0].source.split("\n\n") if part.strip()]
    assert lead, "no lead below the link to Colab"
    sentences = re.findall(r"[.?!](?=\s|$)", " ".join(lead))
    assert 1 <= len(sentences) <= 4


def test_imports_are_folded_on_the_page_and_in_colab(chapter):
    imports = chapter.cells[2]
    assert imports.source.startswith("# @title Imports\n")
    assert imports.source.rstrip().endswith("use_book_style()")
    assert "hide-input" in tags(imports) and imports.metadata.cellView == "form"
    later = [cell.source for cell in cells(chapter, "code") if cell.id != imports.id]
    assert not any("plt.style" in source for source in later)


def test_opens_with_a_figure_before_the_box(chapter):
    box = box_of(chapter)
    opening = chapter.cells[3:box]
    shown = [cell for cell in opening if draws(cell)]
    assert len(shown) == 1 and "remove-input" in tags(shown[0])
    others = [cell for cell in opening if cell is not shown[0]]
    folded = [cell for cell in others if cell.metadata.get("cellView") == "form"]
    assert all("hide-input" in tags(cell) for cell in folded) and len(folded) <= 1
    assert {cell.source for cell in others if cell not in folded} <= LOADING


def test_box_is_slim(chapter):
    cell = chapter.cells[box_of(chapter)]
    found = re.fullmatch(
        r"> \*\*In this chapter\*\* (you .+)\n>\n> \*\*You need\*\* (.+)\n>\n"
        r"> \*\*Time:\*\* \d+ minutes, with the exercises about \d+",
        cell.source.strip(),
    )
    assert found, cell.source
    assert len(found[1].split()) <= 45


def test_has_no_headings_of_a_template(chapter):
    assert not {"Overview", "Prerequisites", "Imports", "Summary"} & set(headings(chapter))


def test_says_once_where_recordings_are_simulated(chapter):
    loading = [cell for cell in cells(chapter, "code") if "= load_pokerdvs" in cell.source][:1]
    if not loading:  # all its recordings are filmed on the page
        assert "CAMERA.record(" in "".join(cell.source for cell in cells(chapter, "code"))
        return
    taught = chapter.path == CHAPTERS[0]  # there the reader sees how
    shown = {"data = load_pokerdvs()\ndata"} if taught else LOADING
    assert {cell.source for cell in loading} <= shown
    assert "remove-stderr" in tags(loading[0])
    assert ("hide-input" in tags(loading[0])) is not taught


# ---- The end: claims, questions, exercises ----


def section(notebook, heading):
    """Return the cells of a section, its heading's own among them."""
    held, inside = [], False
    for cell in notebook.cells:
        found = re.findall(r"^## (.+)$", cell.source, re.MULTILINE)
        if cell.cell_type == "markdown" and found:
            inside = heading in found
        if inside:
            held.append(cell)
    return held


def test_closes_as_every_chapter_does(chapter):
    found = [name for name in headings(chapter) if name != "Questions"]
    end = found.index(CLOSING[0])
    assert found[end : end + 3] == CLOSING
    assert len(found) <= end + 4  # one appendix may follow


def test_says_what_can_be_claimed(chapter):
    text = "\n".join(cell.source for cell in section(chapter, CLOSING[0]))
    claims = re.findall(r"- \**You (?:can|can't|cannot)\b", text)
    assert 2 <= len(claims) <= 4


ANSWER = re.compile(
    r'<details class="answer"><summary>([A-C])\. (.+?)</summary>(Yes|No)\. (.+)</details>'
)


def questions(notebook):
    """Return number and answers of each question."""
    found = []
    for cell in cells(notebook, "markdown"):
        for part in re.split(r"(?m)^(?=\*\*Question \d)", cell.source):
            if head := re.match(r"\*\*Question (\d)\.\*\* .+\n\n(?=<details)", part):
                lines = part[head.end() :].strip().split("\n\n")[0].split("\n")
                found.append((int(head[1]), [ANSWER.fullmatch(line) for line in lines]))
    return found


def test_three_questions_each_with_three_explained_answers(story):
    found = questions(story)
    assert [number for number, _ in found] == [1, 2, 3]
    for number, answers in found:
        assert all(answers), f"an answer to question {number} has another form"
        assert [answer[1] for answer in answers] == list("ABC")
        marked = [answer[0] for answer in answers if re.search(r"[`*_$]|\]\(", answer[0])]
        assert not marked, "in HTML, Markdown is shown as it is; write <code>, <em>, <sub>"
        assert [answer[3] for answer in answers].count("Yes") == 1
        explanations = [answer[4] for answer in answers]
        assert len(set(explanations)) == 3
        assert min(len(explanation.split()) for explanation in explanations) >= 4


def test_the_right_answer_is_not_always_in_the_same_place():
    right = [
        [answer[1] for answer in answers if answer[3] == "Yes"]
        for path in STORY
        for _, answers in questions(read(path))
    ]
    assert len(right) == 3 * len(STORY)
    assert all([letter] in right for letter in "ABC")


EXERCISE = re.compile(r"^> \*\*Exercise (\d) · ([^*]+)\.\*\* (.+)", re.DOTALL)


def exercises(notebook):
    """Return number and kind of each exercise, and the cell after it."""
    following = [*notebook.cells[1:], None]
    return [
        (int(found[1]), found[2], after)
        for cell, after in zip(notebook.cells, following, strict=True)
        if cell.cell_type == "markdown"
        and (found := EXERCISE.search(re.sub(r"^## Exercises\s+", "", cell.source)))
    ]


def test_exercises_have_folded_solutions_that_check_themselves(chapter):
    found = exercises(chapter)
    assert len(found) >= 2
    assert [number for number, _, _ in found] == list(range(1, len(found) + 1))
    for number, kind, solution in found:
        assert kind in KINDS
        assert solution.cell_type == "code"
        assert solution.source.startswith(f"# @title Solution {number}\n")
        assert "hide-cell" in tags(solution) and solution.metadata.cellView == "form"
        assert any(isinstance(node, ast.Assert) for node in ast.parse(solution.source).body)
        assert "# Expect " in solution.source
    titles = [cell for cell in cells(chapter, "code") if "# @title Solution" in cell.source]
    assert len(titles) == len(found)


def test_exercises_are_of_several_kinds(story):
    kinds = [kind for _, kind, _ in exercises(story)]
    assert 3 <= len(kinds) <= 4
    assert len(set(kinds)) >= 3


def test_text_does_not_give_away_what_to_expect(chapter):
    text = "\n".join(cell.source for cell in cells(chapter, "markdown"))
    assert not re.search(r"\bExpect\b", text)


def test_callouts_are_few_and_short(chapter):
    quotes = [
        re.sub(r"^> ?", "", quote, flags=re.MULTILINE)
        for cell in cells(chapter, "markdown")
        for quote in re.findall(r"(?:^>.*\n?)+", cell.source, re.MULTILINE)
    ]
    known = r"\*\*(In this chapter\*\*|(Key idea|Try it|Careful|Exercise \d · .+?)\.\*\*)"
    cited = r"[A-Z]\. .+doi\.org"  # a paper, in the words that its authors ask for
    assert all(re.match(f"{known}|{cited}", quote) for quote in quotes)
    callouts = [quote for quote in quotes if re.match(r"\*\*(Key idea|Try it|Careful)", quote)]
    assert len(callouts) <= 5
    for callout in callouts:
        assert len(callout.split()) <= 50, callout


def test_checks_what_it_claims(chapter):
    checks = [cell for cell in cells(chapter, "code") if "remove-cell" in tags(cell)]
    assert any("\nassert " in cell.source for cell in checks)


def test_markdown_is_plain(chapter):
    """Colab shows MyST directives and roles as raw text."""
    for cell in cells(chapter, "markdown"):
        assert not re.search(r"^(```|:::|~~~)\{|\{[\w:+-]+\}`", cell.source, re.MULTILINE)


def test_every_figure_has_a_caption_and_an_alternative_text(chapter):
    pattern = re.compile(rf"^(?!def ).*\b({DRAWS})\(", re.MULTILINE)
    drawing = [cell for cell in cells(chapter, "code") if pattern.search(cell.source)]
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
    assert all("remove-input" in tags(cell) for cell in writing)


def assert_on_the_references_page(text):
    references = (ROOT / "book" / "references.md").read_text(encoding="utf-8")
    for doi in re.findall(r"\(https://doi\.org/([^)\s]+)\)", text):
        assert f"(https://doi.org/{doi})" in references
        assert f"[doi:{doi}]" in references


def test_papers_are_on_the_references_page(chapter):
    assert_on_the_references_page("\n".join(cell.source for cell in cells(chapter, "markdown")))


@pytest.mark.parametrize("page", ["index.md", "what_you_can_claim.md", "appendix.md"])
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
    pages = [*CHAPTERS, LAST_PAGE, ROOT / "book" / "appendix.md"]
    citing = [*pages, *(ROOT / "pokersnn_helpers").rglob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in citing)
    references = (ROOT / "book" / "references.md").read_text(encoding="utf-8")
    dois = re.findall(r"\[doi:([^\]]+)\]", references)
    assert len(dois) > 10
    assert [doi for doi in dois if doi not in text] == []


def test_links_between_chapters_lead_somewhere(chapter):
    text = "\n".join(cell.source for cell in cells(chapter, "markdown"))
    for target in re.findall(r"\]\(([\w/]+\.(?:ipynb|md))\)", text):
        assert (ROOT / "book" / target).exists()


def test_links_that_code_displays_are_full_addresses(chapter):
    """The build resolves links to files in Markdown cells alone; a displayed one would be a 404."""
    base = yaml.safe_load((ROOT / "_config.yml").read_text())["html"]["baseurl"]
    for cell in cells(chapter, "code"):
        assert not re.search(r"\.(ipynb|md)[)#]", cell.source), cell.source
        for page in re.findall(rf"{re.escape(base)}book/(\w+)\.html", cell.source):
            assert any((ROOT / "book" / f"{page}.{kind}").exists() for kind in ("ipynb", "md"))


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


# ---- Code and figures that fit ----


def test_code_is_short_and_fits_the_column(chapter):
    removed, folded = {"remove-input", "remove-cell"}, {"hide-input", "hide-cell"}
    for cell in cells(chapter, "code"):
        if not removed.intersection(tags(cell)):
            lines = cell.source.splitlines()
            assert max(len(line) for line in lines) <= 80, cell.source
            assert len(lines) <= 15 or folded.intersection(tags(cell)), cell.source


def test_prints_little_source_of_the_library(chapter):
    code = "\n".join(cell.source for cell in cells(chapter, "code"))
    if "getsource(" not in code:
        return
    names = {}
    for node in ast.walk(ast.parse(re.sub(r"^(\s*)%.*$", r"\1pass", code, flags=re.MULTILINE))):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module)
            names |= {name.asname or name.name: getattr(module, name.name) for name in node.names}
    for printed in re.findall(r"\bgetsource\(([\w.]+)\)", code):
        first, *rest = printed.split(".")
        thing = names[first]
        for name in rest:
            thing = getattr(thing, name)
        tree = ast.parse(textwrap.dedent(inspect.getsource(thing)))
        if ast.get_docstring(tree.body[0]):
            tree.body[0].body.pop(0)
        assert len(ast.unparse(tree).splitlines()) <= 15, printed


DRAWING_CODE = [
    *CHAPTERS,
    *sorted((ROOT / "pokersnn_helpers" / "figures").glob("*.py")),
    ROOT / "tools" / "overview_figure.py",
]


@pytest.fixture(params=DRAWING_CODE, ids=lambda path: path.stem)
def drawing_code(request):
    if request.param.suffix == ".py":
        return request.param.read_text(encoding="utf-8")
    return "\n".join(cell.source for cell in cells(read(request.param), "code"))


def test_figures_are_no_wider_than_a_phone_can_show(drawing_code):
    widths = re.findall(r"figsize=\(\s*([\d.]+)\s*,", drawing_code)
    assert all(float(width) <= 6.0 for width in widths), widths


def test_text_in_figures_is_no_smaller_than_a_phone_can_show(drawing_code):
    pattern = r"(?:font_?size|labelsize|\"size)\"?\s*[=:]\s*([\d.]+|\"[a-z-]+\")"
    for size in re.findall(pattern, drawing_code):
        assert size in ('"medium"', '"large"') or float(size) >= 12.5, size


def test_figures_take_their_colours_from_the_one_code(drawing_code):
    if "PAPER = " in drawing_code:
        return  # the code itself
    assert not re.search(r"[\"']#[0-9a-fA-F]{6}\b", drawing_code)
    names = r"(white|black|gr[ae]y|red|blue|green|orange|k|w|C\d|tab:\w+)"
    assert not re.search(rf"\bcolors?[\"']?\s*[=:]\s*[\"']{names}[\"']", drawing_code)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "book").glob("*.[im]*")), ids=lambda path: path.name
)
def test_links_to_a_chapter_say_its_number(path):
    text = path.read_text(encoding="utf-8")
    for number, file in re.findall(r"\[[Cc]hapter (\d+)\]\((?:https:[^)]+/)?(\d\d)_", text):
        assert int(number) == int(file), f"chapter {number} links to {file}"


def test_landing_page_lists_all_chapters_and_says_how_long_they_take():
    page = (ROOT / "book" / "index.md").read_text(encoding="utf-8")
    assert "```{chapters}" in page
    texts = [path.read_text(encoding="utf-8") for path in CHAPTERS]
    times = [re.search(r"\*\*Time:\*\* (\d+) minutes, .* about (\d+)\b", text) for text in texts]
    reading, all_in_all = (HOURS[round(sum(int(t[n]) for t in times) / 30)] for n in (1, 2))
    said = f"about {reading} hours, and {all_in_all} with the exercises"
    assert f"Reading takes {said}" in page
    closing = (ROOT / "book" / "what_you_can_claim.md").read_text(encoding="utf-8")
    assert f"Reading took you {said}" in closing
