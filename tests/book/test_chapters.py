"""Checks on the chapters as files; running them is pytest --nbval-lax's part."""

import ast
import re
from collections import Counter
from pathlib import Path

import nbformat
import pages
import pytest
import yaml

from pokersnn_helpers.page.expects import page_expects

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "book"
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
URL = CONFIG["repository"]["url"]
REFERENCES = (BOOK / "references.md").read_text(encoding="utf-8")


class Chapter:
    """A notebook by its cells."""

    def __init__(self, path):
        self.path = path
        self.cells = nbformat.read(path, as_version=4).cells
        self.code = [cell for cell in self.cells if cell.cell_type == "code"]
        self.source = "\n\n".join(cell.source for cell in self.code)
        self.prose = "\n\n".join(c.source for c in self.cells if c.cell_type == "markdown")


NOTEBOOKS = [Chapter(path) for path in sorted(BOOK.glob("*.ipynb"))]
NUMBERED = [Path(name).name for name in pages.numbered_chapters()]
CHAPTERS = [notebook for notebook in NOTEBOOKS if notebook.path.stem in NUMBERED]
on_each_notebook = pytest.mark.parametrize(
    "notebook", NOTEBOOKS, ids=lambda notebook: notebook.path.stem
)


# ---- In Colab ----

NOT_IN_COLAB = {  # what it is: where, its pattern, an example of it
    "another host's picture": ("prose", r"!\[[^\]]*\]\(https?:|<img", "![a](https://b.c/d)"),
    "MyST, shown raw": ("prose", r"(?m)^(```|:::|~~~)\{|\{[\w:+-]+\}`", "{term}`spike`"),
    "a file of the repository": ("source", r"sys\.path|\.\./|images/", "open('../a')"),
    "a link to a source file": ("source", r"\.(ipynb|md)[)#]", "[a](a.md)"),
}


@pytest.mark.parametrize("kind", NOT_IN_COLAB)
def test_chapters_have_nothing_that_colab_cannot_show(kind):
    where, pattern, example = NOT_IN_COLAB[kind]
    assert re.search(pattern, example)
    for notebook in NOTEBOOKS:
        match = re.search(pattern, getattr(notebook, where))
        assert not match, f"{notebook.path.name}: {match[0]}"


@on_each_notebook
def test_link_to_colab_opens_this_chapter_which_installs_the_package(notebook):
    colab = URL.replace("https://github.com", "https://colab.research.google.com/github")
    address = f"{colab}/blob/main/book/{notebook.path.name}"
    assert f"[Open in Colab]({address})" in notebook.cells[0].source
    first = notebook.code[0].source
    assert f'    %pip install --quiet "git+{URL}"\n' in first
    assert first == CHAPTERS[0].code[0].source, "chapters have different first cells"


# ---- Questions and figures ----

QUESTION = r"(?m)^\*\*Question (\d)\.\*\* .+\n\n(<details.+(?:\n.+)*)"
ANSWER = r'<details class="answer"><summary>([A-C])\. (.+?)</summary>(Yes|No)\. (.+)</details>'


def right_answers(chapter):
    """Return number and letter of each right answer."""
    right = []
    for number, lines in re.findall(QUESTION, chapter.prose):
        for line in lines.split("\n"):
            letter, _, verdict, _ = re.fullmatch(ANSWER, line).groups()
            if verdict == "Yes":
                right.append((int(number), letter))
    return right


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.path.stem)
def test_each_question_has_one_right_answer(chapter):
    numbers = [number for number, _ in right_answers(chapter)]
    assert numbers == [*range(1, chapter.prose.count("**Question ") + 1)]
    # In HTML, Markdown is shown as it is: write <code>, <em>, <sub>.
    assert not re.search(r"<details.*([`*_$]|\]\()", chapter.prose)


@on_each_notebook
def test_figures_are_described_to_those_who_cannot_see_them(notebook):
    for cell in notebook.code:
        if re.search(r"(?m)^(?!def ).*\b(plot_\w+|show_drawing|subplots|imshow\w*)\(", cell.source):
            assert cell.metadata.mystnb.image.alt, cell.source


# ---- What chapters have together ----


def test_the_table_of_contents_lists_every_page_once():
    text = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    listed = re.findall(r"(?:root|file): (\S+)", text)
    paths = [*BOOK.rglob("*.md"), *BOOK.glob("*.ipynb")]
    pages = [path.relative_to(ROOT).with_suffix("").as_posix() for path in paths]
    assert sorted(listed) == sorted(pages)


# ---- Names of chapters ----

NUMBER = r"\d|(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven)\b"
BY_PLACE = re.compile(
    rf"(?i)\bchapters?(?:'s)?[\s#/*>]+(?:{NUMBER})|\b(?:next|previous)\s+chapter\b"
)
SUFFIXES = {".ipynb", ".js", ".md", ".py", ".pyi", ".svg", ".txt", ".yml"}
FOLDERS = ("_ext", "benchmarks", "book", "eventdesk", "pokersnn_helpers", "tools")


def with_prose():
    """Yield the files whose prose, comments or messages somebody reads."""
    for folder in FOLDERS:
        yield from (path for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES)
    yield from (path for path in ROOT.iterdir() if path.suffix in SUFFIXES)
    yield from (ROOT / ".ci" / name for name in ("environments", "run"))


@on_each_notebook
def test_a_notebook_s_name_has_no_number(notebook):
    assert not notebook.path.name[0].isdigit()


def test_no_page_and_no_message_names_a_chapter_by_its_number_or_place():
    for place in (
        "chapter 3's",
        "Chapters 6 and 7",
        "chapter\n// 10",
        "chapter two",
        "next chapter",
    ):
        assert BY_PLACE.search(f"as in {place} network")
    assert not BY_PLACE.search("In this chapter, 3 networks are trained; ten chapters train one.")
    for path in with_prose():
        found = BY_PLACE.search(path.read_text(encoding="utf-8"))
        assert not found, f"{path.relative_to(ROOT)}: {found[0]}; link or write the chapter's title"


def test_every_old_address_leads_to_a_page_of_the_book():
    listed = re.findall(r"(?:root|file): (\S+)", (ROOT / "_toc.yml").read_text(encoding="utf-8"))
    moved = CONFIG["sphinx"]["config"]["redirects"]
    assert len(moved) >= 11
    for old, new in moved.items():
        assert f"{Path(old).parent}/{new.removesuffix('.html')}" in listed
        assert old not in listed


def test_no_comment_ends_before_its_end():
    """Two hyphens within a comment would show the rest of it on the page."""
    for page in [*BOOK.rglob("*.md"), *BOOK.glob("*.ipynb")]:
        text = page.read_text(encoding="utf-8")
        assert [each for each in re.findall(r"(?s)<!--(.*?)-->", text) if "--" in each] == [], page


def test_every_cited_paper_is_on_the_references_page():
    listed = set(re.findall(r"\[doi:([^\]]+)\]\(https://doi\.org/\1\)", REFERENCES))
    assert listed
    for path in BOOK.glob("*.[im]*"):
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r"\(https://doi\.org/([^)\s]+)\)", text)) <= listed, path


# ---- How long the course is ----

COURSE = {path.stem: pages.size(path) for path in pages.course()}


def test_the_course_takes_what_the_landing_page_says_and_9_700_words():
    assert len(COURSE) == 11
    assert 170 <= sum(page["stated"] for page in COURSE.values()) <= 185
    assert sum(page["words"] for page in COURSE.values()) <= 9_700
    assert COURSE["when_time_decides"]["words"] <= 1_000
    assert COURSE["does_it_need_spikes"]["words"] <= 800
    assert COURSE["on_one_page"]["stated"] + COURSE["teach_it_yours"]["stated"] <= 30
    landing = (BOOK / "index.md").read_text(encoding="utf-8")
    assert "**After half an hour**" in landing and "**After three hours**" in landing


@pytest.mark.parametrize("page", COURSE)
def test_a_page_says_how_long_it_takes(page):
    assert 0 <= COURSE[page]["stated"] - COURSE[page]["minutes"] <= 1


def test_three_quarters_of_the_course_s_code_are_shown():
    lines = sum(COURSE.values(), Counter())
    shown = lines[pages.SHOWN]
    assert shown >= 0.75 * (shown + lines[pages.FOLDED] + lines[pages.REMOVED])


# ---- What a notebook hides and what it checks ----


@on_each_notebook
def test_what_a_page_hides_is_folded_in_jupyterlab_and_solutions_and_checks_in_colab(notebook):
    titled = []
    for cell in notebook.code:
        tags = {*cell.metadata.get("tags", [])}
        if "exercise" in tags:
            continue
        hidden = bool(tags & {"remove-input", "remove-cell", "hide-input", "hide-cell"})
        assert cell.metadata.get("jupyter", {}).get("source_hidden", False) == hidden, cell.source
        form = cell.metadata.get("cellView") == "form"
        assert form == cell.source.startswith("# @title "), cell.source
        titled += [cell.source.split("\n")[0]] if form else []
    assert titled[0].startswith("# @title Install")
    kinds = "\n".join(titled)
    assert kinds.count("# @title Solution") >= notebook.prose.count("**Exercise")
    assert kinds.count("# @title A check of what this ") == 1


@on_each_notebook
def test_under_each_exercise_is_an_open_cell_to_type_in(notebook):
    exercises = re.findall(r"> \*\*Exercise (\d+) · ", notebook.prose)
    cells = [cell for cell in notebook.code if "exercise" in cell.metadata.get("tags", [])]
    assert [cell.source for cell in cells] == [f"# Exercise {n}: your code" for n in exercises]
    for cell in cells:
        assert "remove-cell" in cell.metadata.tags and "jupyter" not in cell.metadata


@on_each_notebook
def test_a_solution_s_output_is_folded_with_it_in_jupyterlab(notebook):
    for cell in notebook.code:
        is_solution = cell.source.startswith("# @title Solution")
        assert cell.metadata.get("jupyter", {}).get("outputs_hidden", False) == is_solution


@on_each_notebook
def test_every_assertion_says_what_the_page_expects(notebook):
    for cell in notebook.code:
        checked = []
        tree = ast.parse(re.sub(r"(?m)^( *)%.+$", r"\1pass", cell.source))
        for node in ast.walk(tree):
            if isinstance(node, ast.With) and ast.unparse(node.items[0]) == "page_expects()":
                checked += [*ast.walk(node)]
            elif isinstance(node, ast.Assert):
                assert node in checked and node.msg, ast.unparse(node)


def test_with_changed_code_a_page_says_what_it_expects_and_goes_on(monkeypatch, capsys):
    def compare(correct):
        with page_expects():
            assert correct >= 18, f"18 of 20 or more, and yours has {correct}"

    compare(18)
    with pytest.raises(AssertionError, match=r"^18 of 20 or more, and yours has 16"):
        compare(16)
    monkeypatch.delenv("POKERSNN_STRICT")
    compare(16)
    with page_expects():
        [].pop()
    said = capsys.readouterr().out
    assert said.startswith("This page expects 18 of 20 or more, and yours has 16")
    assert "This page expects other results: with yours, a check ends in IndexError('pop" in said
    assert said.count("go on.") == 2


@on_each_notebook
def test_a_curious_reader_finds_what_to_change(notebook):
    lists = re.split(r"(?m)^# ", (ROOT / "tools/curious.txt").read_text(encoding="utf-8"))[1:]
    (mine,) = (each for each in lists if each.split()[0] == notebook.path.stem)
    _, *changes = mine.splitlines()
    assert len(changes) >= 10
    for change in changes:
        old = change.split(" → ")[0].strip().replace("\\n", "\n")
        assert old in notebook.source, old
