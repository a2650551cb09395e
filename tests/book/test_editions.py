"""An edition: one version, a lock file, a PDF with inner links, notebooks with outputs, answers."""

import io
import re
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from test_chapters import CHAPTERS, right_answers

ROOT = Path(__file__).parents[2]
pytest.importorskip("jupyter_cache", reason="needs the extra 'book'")

import release  # noqa: E402
from jupyter_cache.base import CacheBundleIn  # noqa: E402


def text_of(place):
    return (ROOT / place).read_text(encoding="utf-8")


def test_one_version_is_everywhere():
    version = release.version(ROOT)
    citation = yaml.safe_load(text_of("CITATION.cff"))
    config = yaml.safe_load(text_of("_config.yml"))
    assert citation["version"] == version
    assert re.findall(r"(?m)^## (.+)$", text_of("CHANGELOG.md"))[0] == version
    assert re.findall(r"Edition ([\d.]+):", config["html"]["extra_footer"]) == [version]


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_lock_file_has_one_version_of_all_that_is_needed(python, system):
    there = {
        "python_version": python,
        "python_full_version": f"{python}.5",
        "sys_platform": system,
        "platform_machine": "x86_64",
    }
    locked = {}
    for line in re.findall(r"(?m)^[a-z0-9].*?(?= ?\\?$)", text_of("requirements.lock")):
        pin = Requirement(line)
        if pin.marker is None or pin.marker.evaluate(there):
            assert pin.name not in locked, f"{pin.name} is there twice"
            locked[pin.name] = str(pin.specifier).removeprefix("==")
    listed = dict(re.findall(r"(?ms)^(\w+) = \[(.*?)\]$", text_of("pyproject.toml")))
    for extra in ("dependencies", "book", "test", "site"):
        for need in map(Requirement, re.findall(r'"([^"]+)"', listed[extra])):
            assert need.specifier.contains(locked[need.name]), need


def test_lock_file_names_no_host():
    assert not re.search(r"https?:|--(extra-)?index|--find-links", text_of("requirements.lock"))


# ---- A release ----


def printed(*addresses):
    """Make a PDF of one page with these links."""
    pypdf = pytest.importorskip("pypdf", reason="needs the extra 'site'")
    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    for address in addresses:
        writer.add_uri(0, address, (0, 0, 9, 9))
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def test_links_between_pages_stay_inside_the_pdf():
    pypdf = pytest.importorskip("pypdf")
    base = "https://two.github.io/fork/book/"
    outside = "https://github.com/two/fork"
    first = printed(f"{base}b.html#here", outside)
    pages = {
        f"{base}a.html": ("A", first),
        f"{base}b.html": ("B", printed()),
    }
    pdf = pypdf.PdfReader(io.BytesIO(release.bind(pages)))
    assert [address for _, address in release.links(pdf)] == [outside]


def test_notebooks_have_the_outputs_of_the_build(tmp_path):
    (tmp_path / "book").mkdir()
    cell = nbformat.v4.new_code_cell("6 * 7", execution_count=1)
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbformat.write(notebook, tmp_path / "book" / "a.ipynb")
    cache = release.get_cache(tmp_path / "_build" / ".jupyter_cache")
    with pytest.raises(ValueError, match="has no outputs"):
        release.write_notebooks(tmp_path, tmp_path)
    cell.outputs = [nbformat.v4.new_output("stream", text="42")]
    cache.cache_notebook_bundle(CacheBundleIn(notebook, "a.ipynb"), overwrite=True)
    release.write_notebooks(tmp_path, tmp_path)
    executed = nbformat.read(tmp_path / "a.ipynb", as_version=4)
    assert executed.cells[0].outputs[0].text == "42"


# ---- For teachers ----


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.path.stem)
def test_teachers_have_the_right_answers(chapter):
    right = [f"{number} {letter}" for number, letter in right_answers(chapter)]
    title = chapter.cells[0].source.splitlines()[0].removeprefix("# ")
    line = f"**{title}**: {', '.join(right)}."
    assert not right or line in text_of("book/for_teachers.md"), f"write {line}"
