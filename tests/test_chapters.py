"""Checks on the chapters as files; running them is pytest --nbval-lax's part.

What no page may have is a table of patterns; the form of a chapter is a list of checks.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
URL = CONFIG["repository"]["url"]
BASE = CONFIG["html"]["baseurl"]
REFERENCES = (BOOK / "references.md").read_text(encoding="utf-8")
GLOSSARY = (BOOK / "glossary.md").read_text(encoding="utf-8")
TERMS = {  # by the anchors that Sphinx gives them
    "term-" + re.sub(r"[^\w-]+", "-", term).strip("-"): term
    for term in re.findall(r"(?m)^(\S.*)\n  \S", GLOSSARY.split("```")[1])
}
DRAWS = r"plot_\w+|draw_\w+|\w+_drawing|subplots|imshow\w*"


class Chapter:
    """A notebook by its cells."""

    def __init__(self, path):
        self.path = path
        self.notebook = nbformat.read(path, as_version=4)
        self.cells = self.notebook.cells
        self.code = [cell for cell in self.cells if cell.cell_type == "code"]
        self.source = "\n\n".join(cell.source for cell in self.code)
        self.prose = "\n\n".join(c.source for c in self.cells if c.cell_type == "markdown")


NOTEBOOKS = [Chapter(path) for path in sorted(BOOK.glob("*.ipynb"))]
CHAPTERS = [each for each in NOTEBOOKS if each.path.name[0].isdigit()]
STORY = [chapter.path for chapter in CHAPTERS[:7]]  # the tutorial proper, of the strictest form


def tags(cell):
    return set(cell.metadata.get("tags", []))


def draws(cell, pattern=rf"{DRAWS}|interactive_\w+|animate_\w+"):
    """Say whether a cell shows a figure, interactive or not."""
    return re.search(rf"(?m)^(?!def ).*\b({pattern})\(", cell.source) is not None


# ---- What no page has ----

TEXTS = {
    "prose": {page.path.name: page.prose for page in NOTEBOOKS},
    "code": {page.path.name: page.source for page in NOTEBOOKS},
}
FIGURES = [*(ROOT / "pokersnn_helpers" / "figures").glob("*.py"), ROOT / "tools/overview_figure.py"]
TEXTS["figures"] = TEXTS["code"] | {
    path.name: path.read_text(encoding="utf-8") for path in FIGURES if path.stem != "colours"
}
TEXT_SIZE = r"(?:font_?size|labelsize|\"size\")\"?\s*[=:]\s*"
LEGIBLE = r"12\.[5-9]|1[3-9]|[2-9]\d|\"(medium|large)\""
NAMED = r"[\"'](white|black|gr[ae]y|red|blue|green|orange|k|w|C\d|tab:\w+)[\"']"
NOWHERE = [  # what isn't there, where, its pattern, and an example of it
    ("another host's picture", "prose", r"!\[[^\]]*\]\(https?:|<img", "![a](https://b.c/d)"),
    ("MyST, raw in Colab", "prose", r"(?m)^(```|:::|~~~)\{|\{[\w:+-]+\}`", "{term}`spike`"),
    ("a path, which Colab hasn't", "code", r"sys\.path|\.\./|images/", "open('../a')"),
    ("a link of Markdown", "code", r"\.(ipynb|md)[)#]", "[a](a.md)"),  # which nothing resolves
    ("another style", "code", r"plt\.style", "plt.style.use('dark_background')"),
    ("too wide for a phone", "figures", r"figsize=\(\s*(6\.0*[1-9]|[7-9]|\d\d)", "figsize=(6.4"),
    ("too small on a phone", "figures", rf"{TEXT_SIZE}(?!{LEGIBLE})[\d\"]", 'fontsize="small"'),
    ("a colour beside the one code", "figures", r"[\"']#[0-9a-fA-F]{6}\b", '"#ff0000"'),
    ("a colour without a twin", "figures", rf"\bcolors?[\"']?\s*[=:]\s*{NAMED}", 'color="k"'),
]  # fmt: skip


@pytest.mark.parametrize("what, where, pattern, example", NOWHERE, ids=[row[0] for row in NOWHERE])
def test_no_page_has(what, where, pattern, example):
    assert re.search(pattern, example)
    for name, text in TEXTS[where].items():
        found = re.search(pattern, text)
        assert not found, f"{name}: {found[0]}"


# ---- The form of a chapter: a question, a picture, a slim box; claims, questions, exercises ----

LOADING = {
    'data = load_pokerdvs()\ndata if data.source == "simulated" else None',
    # Where the 131 are used, theirs is the banner, or that of either kind.
    'everything = load_pokerdvs131()\neverything if everything.source == "simulated" else None',
    "data = load_pokerdvs()\neverything = load_pokerdvs131()\n"
    "sources = {each.source: each for each in (data, everything)}\n"
    'sources.get("simulated")',
}
BOX = (
    r"> \*\*In this chapter\*\* (you .+)\n>\n> \*\*You need\*\* (.+)\n>\n"
    r"> \*\*Time:\*\* \d+ minutes, with the exercises about \d+"
)
CLOSING = ["What you can now claim", "Exercises", "What comes next"]
KINDS = {"Predict, then slide", "Build your own", "Break it", "Debug", "Measure", "Open-ended"}
QUESTION = r"(?m)^\*\*Question (\d)\.\*\* .+\n\n(<details.+(?:\n.+)*)"
ANSWER = r'<details class="answer"><summary>([A-C])\. (.+?)</summary>(Yes|No)\. (.+)</details>'
CALLOUT = r"\*\*(Key idea|Try it|Careful)\.\*\*"
GLOSSARY_LINK = rf"\[([^\]]+)\]\({re.escape(BASE)}book/glossary\.html#([\w-]+)\)"


def check_file(chapter):
    nbformat.validate(chapter.notebook)
    assert chapter.notebook.nbformat_minor >= 5
    for cell in chapter.code:
        assert cell.outputs == []
        assert cell.execution_count is None
    assert chapter.notebook.metadata.accelerator == "GPU"  # which Colab then gives
    colab = URL.replace("https://github.com", "https://colab.research.google.com/github")
    link = f"[Open in Colab]({colab}/blob/main/book/{chapter.path.name})"
    title, linked, *lead = chapter.cells[0].source.split("\n\n")
    assert title.startswith("# ")
    assert linked.startswith(link)
    assert 1 <= len(re.findall(r"[.?!](?=\s|$)", " ".join(lead))) <= 4


def check_installation(chapter):
    install = chapter.code[0].source
    inside = install.split('\nif "google.colab" in sys.modules:\n')[1]
    assert inside.startswith(f'    %pip install --quiet "git+{URL}"\n')  # which pins nothing
    assert all(line.startswith("    ") for line in inside.splitlines())
    assert f"{URL}/issues" in install
    assert f"{URL}/blob/main/tools/colab.txt" in install
    assert install == CHAPTERS[0].code[0].source, "chapters have different first cells"


def check_opening(chapter):
    imports = chapter.cells[2]
    assert imports.source.startswith("# @title Imports\n")
    assert imports.source.rstrip().endswith("use_book_style()")
    assert "hide-input" in tags(imports)
    assert imports.metadata.cellView == "form"
    starts = [cell.source.startswith("> **In this chapter**") for cell in chapter.cells]
    assert sum(starts) == 1
    box = chapter.cells[starts.index(True)]
    opening = chapter.cells[3 : starts.index(True)]
    promise = re.fullmatch(BOX, box.source.strip())[1]
    assert len(promise.split()) <= 45
    (shown,) = [cell for cell in opening if cell.cell_type == "code" and draws(cell)]
    assert "remove-input" in tags(shown)
    others = [cell for cell in opening if cell is not shown]
    folded = 0
    for cell in others:
        if cell.metadata.get("cellView") == "form":
            folded += 1
            assert "hide-input" in tags(cell)
        else:
            assert cell.source in LOADING
    assert folded <= 1


def check_that_it_says_once_where_recordings_are_simulated(chapter):
    loads = [cell for cell in chapter.code if re.match(r"(data|every\w+) = load_", cell.source)]
    loading = next(iter(loads), None)
    if loading is None:  # its recordings come with the book, or are filmed on the page
        assert "CAMERA.record(" in chapter.source or "= load_nmnist()" in chapter.source
        return
    taught = chapter.path == STORY[0]  # there the reader sees how
    assert loading.source in ({"data = load_pokerdvs()\ndata"} if taught else LOADING)
    assert "remove-stderr" in tags(loading)
    assert ("hide-input" in tags(loading)) is not taught


def check_closing(chapter):
    headings = re.findall(r"(?m)^## (?!Questions$)(.+)$", chapter.prose)
    end = headings.index(CLOSING[0])
    assert headings[end : end + 3] == CLOSING
    assert len(headings) <= end + 4  # one appendix may follow
    _, _, after = chapter.prose.partition(f"## {CLOSING[0]}\n")
    claims, _, _ = after.partition("\n## ")
    assert 2 <= len(re.findall(r"(?m)^- ", claims)) <= 4


def questions(chapter):
    """Return number and answers of each question."""
    numbered = []
    for number, lines in re.findall(QUESTION, chapter.prose):
        answers = [re.fullmatch(ANSWER, line) for line in lines.split("\n")]
        numbered.append((int(number), answers))
    return numbered


def right_answers(chapter):
    """Return number and letter of each right answer."""
    right = []
    for number, answers in questions(chapter):
        for answer in answers:
            if answer[3] == "Yes":
                right.append((number, answer[1]))
    return right


def check_quiz(chapter):
    numbered = questions(chapter)
    assert len(numbered) == chapter.prose.count("**Question ")
    assert [number for number, _ in numbered] == [1, 2, 3][: len(numbered)]
    assert len(numbered) == 3 or chapter.path not in STORY
    for number, answers in numbered:
        assert all(answers), f"an answer to question {number} has another form"
        parts = [answer.groups() for answer in answers]
        letters, texts, verdicts, reasons = zip(*parts, strict=True)
        assert letters == ("A", "B", "C")
        assert sorted(verdicts) == ["No", "No", "Yes"]
        assert len(set(reasons)) == 3
        assert all(len(reason.split()) >= 4 for reason in reasons)
        # In HTML, Markdown is shown as it is: write <code>, <em>, <sub>.
        assert not re.search(r"[`*_$]|\]\(", " ".join([*texts, *reasons]))


def check_exercises(chapter):
    kinds = []
    for cell, after in zip(chapter.cells, chapter.cells[1:], strict=False):
        exercise = re.search(r"^> \*\*Exercise (\d) · ([^*]+)\.\*\* ", cell.source, re.MULTILINE)
        if exercise:
            kinds.append(exercise[2])
            assert int(exercise[1]) == len(kinds)
            check_solution(after, len(kinds))
    assert len(kinds) >= 2
    assert chapter.source.count("# @title Solution") == len(kinds)
    assert set(kinds) <= KINDS
    if chapter.path in STORY:
        assert 3 <= len(kinds) <= 4
        assert len(set(kinds)) >= 3


def check_solution(cell, number):
    assert cell.source.startswith(f"# @title Solution {number}\n")
    assert "hide-cell" in tags(cell)
    assert cell.metadata.cellView == "form"
    assert re.search(r"(?m)^assert ", cell.source)
    assert "# Expect " in cell.source


def check_boxes(chapter):
    quotes = re.findall(r"(?m)(?:^>.*\n?)+", chapter.prose)
    quotes = [re.sub(r"(?m)^> ?", "", quote) for quote in quotes]
    known = rf"{CALLOUT}|\*\*(In this chapter\*\*|Exercise \d · .+?\.\*\*)"
    cited = r"[A-Z]\. .+doi\.org"  # a paper, in the words that its authors ask for
    callouts = 0
    for quote in quotes:
        assert re.match(f"{known}|{cited}", quote), quote
        if re.match(CALLOUT, quote):
            callouts += 1
            assert len(quote.split()) <= 50
    assert callouts <= 5


def check_figures(chapter):
    drawing = [cell for cell in chapter.code if draws(cell, DRAWS)]
    assert drawing
    for cell in drawing:
        shown = cell.metadata.mystnb
        assert len(shown.image.alt) > 60, cell.source
        assert shown.figure.caption
        assert shown.figure.name.startswith("fig-")
    for cell in chapter.code:
        if re.search(r"(?m)^interactive_\w+\(", cell.source):  # brings its own alternative text
            shown = cell.metadata.mystnb.figure
            assert shown.caption
            assert shown.name.startswith("fig-interactive-")


def check_code(chapter):
    hidden = [cell for cell in chapter.code if "remove-cell" in tags(cell)]
    assert any("\nassert " in cell.source for cell in hidden), "nothing checks what is claimed"
    for cell in chapter.code:
        if "    Markdown(" in cell.source:  # a sentence with what was measured on the page
            assert "remove-input" in tags(cell)
        if not {"remove-input", "remove-cell"} & tags(cell):
            lines = cell.source.splitlines()
            assert max(len(line) for line in lines) <= 80, cell.source
            folded = {"hide-input", "hide-cell"} & tags(cell)
            assert folded or len(lines) <= 16, cell.source


def check_glossary_links(chapter):
    links = re.findall(GLOSSARY_LINK, chapter.prose)
    anchors = [anchor for _, anchor in links]
    assert set(anchors) <= set(TERMS)
    assert len(anchors) == len(set(anchors))
    body = re.sub(r"(?m)`[^`]*`|^(#|\||>).*$", "", chapter.prose)
    for text, anchor in links:  # each stands where the term is first used
        before, _, _ = body.partition(f"#{anchor})")
        before, _, _ = before.rpartition("[")
        before = re.sub(r"\[[^\]]*\]\([^)]*\)", "", before)  # other terms and their links
        used = re.search(rf"(?<![\w#/-]){re.escape(text)}(?![\w-])", before)
        assert text.startswith("`") or not used, text


CHECKS = (
    check_file,
    check_installation,
    check_opening,
    check_that_it_says_once_where_recordings_are_simulated,
    check_closing,
    check_quiz,
    check_exercises,
    check_boxes,
    check_figures,
    check_code,
    check_glossary_links,
)
OF_ANY_NOTEBOOK = (check_file, check_installation, check_boxes, check_code, check_glossary_links)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.path.stem)
def test_chapter_has_the_form(chapter, check):
    check(chapter)


@pytest.mark.parametrize("check", OF_ANY_NOTEBOOK, ids=lambda check: check.__name__)
def test_other_notebooks_have_the_form(check):
    for page in NOTEBOOKS:
        if page not in CHAPTERS:
            check(page)


# ---- What chapters have together ----


def test_the_table_of_contents_lists_all_in_order():
    text = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    first, *parts = yaml.safe_load(text)["parts"]
    assert first["chapters"] == [{"file": "book/teach_it_yours"}]
    numbered = [part for part in parts if part.get("numbered") == 1]  # the text says "chapter 4"
    assert numbered == parts[: len(numbered)]
    chapters = [entry["file"] for part in numbered for entry in part["chapters"]]
    assert chapters == [f"book/{chapter.path.stem}" for chapter in CHAPTERS]
    listed = re.findall(r"(?:root|file): (\S+)", text)
    pages = []
    for path in [*BOOK.rglob("*.md"), *BOOK.glob("*.ipynb")]:
        pages.append(str(path.relative_to(ROOT).with_suffix("")))
    assert sorted(listed) == sorted(pages)


def test_first_cell_says_what_to_do_where_its_installation_fails(monkeypatch):
    """By the comment above the line that fails, which a notebook's traceback shows."""
    code = re.sub("%pip .*", "pass", CHAPTERS[0].code[0].source)
    exec(code, {})
    monkeypatch.setitem(sys.modules, "google.colab", None)
    exec(code, {})
    monkeypatch.setitem(sys.modules, "pokersnn_helpers.figures", None)
    with pytest.raises(ModuleNotFoundError) as raised:
        exec(code, {})
    failed = raised.traceback[-1].lineno
    assert "Runtime > Disconnect and delete runtime" in code.splitlines()[failed - 1]


def test_the_right_answer_is_not_always_in_the_same_place():
    letters = set()
    for chapter in CHAPTERS:
        letters |= {letter for _, letter in right_answers(chapter)}
    assert letters == set("ABC")


def test_links_to_a_chapter_say_its_number():
    for path in BOOK.glob("*.[im]*"):
        text = path.read_text(encoding="utf-8")
        found = re.findall(r"\[[Cc]hapter (\d+)\]\((?:https:[^)]+/)?(\d\d)_", text)
        for number, file in found:
            assert int(number) == int(file), path


def test_every_paper_is_on_the_references_page_and_cited():
    """By a chapter, by another page, or by the function of the package that follows it."""
    pages = [BOOK / name for name in ("index.md", "what_you_can_claim.md", "appendix.md")]
    pages += [page.path for page in NOTEBOOKS]
    text = texts_of(pages)
    listed = set(re.findall(r"\[doi:([^\]]+)\]\(https://doi\.org/\1\)", REFERENCES))
    assert len(listed) == REFERENCES.count("](https://doi.org/") > 10
    assert set(re.findall(r"\(https://doi\.org/([^)\s]+)\)", text)) <= listed
    text += texts_of((ROOT / "pokersnn_helpers").rglob("*.py"))
    assert {doi for doi in listed if doi not in text} == set()


def texts_of(paths):
    return "\n".join(path.read_text(encoding="utf-8") for path in paths)


def test_every_term_of_the_glossary_is_linked():
    linked = set()
    for chapter in CHAPTERS:
        linked |= {anchor for _, anchor in re.findall(GLOSSARY_LINK, chapter.prose)}
    assert linked == set(TERMS)


@pytest.mark.parametrize("page", ["index.md", "what_you_can_claim.md"])
def test_time_that_all_chapters_take_is_the_sum(page):
    text = (BOOK / page).read_text(encoding="utf-8")
    reading = 0  # minutes
    exercises = 0
    for chapter in CHAPTERS:
        times = re.search(r"\*\*Time:\*\* (\d+) .* about (\d+)\b", chapter.prose)
        reading += int(times[1])
        exercises += int(times[2])
    words = ["two", "two and a half", "three", "three and a half", "four", "four and a half"]
    words.append("five")
    shorter = words[round(reading / 30) - 4]
    longer = words[round(exercises / 30) - 4]
    assert f"about {shorter} hours, and {longer} with the exercises" in text


def test_imports_of_the_chapters_warn_of_nothing():
    for chapter in NOTEBOOKS:  # a warning of Norse's is hidden by the package
        before_norse = chapter.source.partition("from norse")[0]
        assert "from pokersnn_helpers" in before_norse
    cells = [
        re.sub(r"(?m)^( *)%.*", r"\1pass", cell.source) for nb in NOTEBOOKS for cell in nb.code
    ]
    statements = ast.parse("\n".join(cells)).body
    imports = [node for node in statements if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert len(imports) > 100
    lines = ast.unparse(ast.Module(imports, []))
    subprocess.run([sys.executable, "-W", "error", "-c", lines], check=True)
