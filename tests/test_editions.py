"""An edition: one version, a lock file, files whose links lead to one repository, answers."""

import io
import re
import sys
import zipfile
from itertools import product
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version
from test_chapters import CHAPTERS, questions

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

pytest.importorskip("jupyter_cache", reason="needs the extra 'book'")

import release  # noqa: E402
from jupyter_cache.base import CacheBundleIn  # noqa: E402

VERSION = release.version(ROOT)
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
OLD, NEW = "one/book", "two/fork"


def test_one_version_is_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    footer = yaml.safe_load((ROOT / "_config.yml").read_text())["html"]["extra_footer"]
    changes = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert citation["version"] == VERSION == changes[0]
    assert re.findall(r"Edition ([\d.]+):", footer) == [VERSION]


# ---- The lock file ----


def pins():
    """Return name, version and marker of each package in the lock file."""
    lines = [line.removesuffix(" \\") for line in LOCK.splitlines() if line[:1].isalnum()]
    return [Requirement(line) for line in lines]


def needed():
    """Return what the package, its book, its tests and its site need."""
    listed = dict(re.findall(r"(?ms)^(\w+) = \[(.*?)\]$", PROJECT))
    wanted = "".join(listed[each] for each in ("dependencies", "book", "test", "site"))
    return [Requirement(each) for each in re.findall(r'"([^"]+)"', wanted)]


def test_lock_file_has_one_version_of_all_that_is_needed():
    for python, system in product(("3.10", "3.11", "3.12", "3.13"), ("linux", "darwin", "win32")):
        there = {"python_version": python, "python_full_version": f"{python}.5"}
        there |= {"sys_platform": system, "platform_machine": "x86_64"}
        locked = {}
        for pin in pins():
            if pin.marker is None or pin.marker.evaluate(there):
                assert pin.name not in locked, f"{pin.name} is there twice"
                (locked[pin.name],) = (Version(each.version) for each in pin.specifier)
        for need in needed():
            assert need.specifier.contains(locked[need.name]), f"{need} on {python}, {system}"


def test_lock_file_has_a_hash_for_each_package_and_names_no_host():
    packages = re.split(r"\n(?=[a-z0-9])", LOCK)[1:]
    assert len(packages) == len(pins()) > 100
    assert all("--hash=sha256:" in package for package in packages)
    assert not re.search(r"https?:|--(extra-)?index|--find-links", LOCK)


# ---- A release, and whose it is ----


FORMS = ["https://ONE.github.io/book/", "github/one/book/x", "?at=one%2Fbook", r"a.com\/one\/book"]


def zipped(text):
    return release.pack({"a.html": text.encode(), "b.html": f"https://github.com/{NEW}".encode()})


@pytest.mark.parametrize("address", FORMS)
def test_other_repository_is_found_in_every_form(address):
    (found,) = release.other_addresses("site.zip", zipped(address), OLD, NEW)
    assert found.startswith("site.zip: a.html names one")


def test_right_addresses_are_left_alone_and_missing_ones_missed():
    fork = zipped(f"https://two.github.io/fork/ https://github.com/{NEW}")
    assert release.other_addresses("site.zip", fork, OLD, NEW) == []
    assert release.other_addresses("site.zip", fork, NEW, NEW) == []
    nothing = release.pack({"a.html": b"nothing"})
    assert release.other_addresses("a.zip", nothing, OLD, NEW) == [f"a.zip never names {NEW}"]


def printed(*addresses):
    """Make a PDF of one page with these links."""
    pypdf = pytest.importorskip("pypdf", reason="needs the extra 'site'")
    from pypdf.annotations import Link

    writer = pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    for address in addresses:
        writer.add_annotation(0, Link(rect=(0, 0, 9, 9), url=address))
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def test_links_between_pages_stay_inside_the_pdf_and_others_are_looked_at():
    base = "https://two.github.io/fork/book/"
    pages = {
        f"{base}a.html": ("A", printed(f"{base}b.html#here", f"https://github.com/{NEW}")),
        f"{base}b.html": ("B", printed("https://github.com/one/book")),
    }
    pdf = release.bind(pages)
    assert release.uris(pdf) == [f"https://github.com/{NEW}", "https://github.com/one/book"]
    (found,) = release.other_addresses("book.pdf", pdf, OLD, NEW)
    assert found == "book.pdf names one/book"


def test_same_files_make_the_same_archive(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_text("a")
    once, again = (release.pack(release.read_folder(tmp_path)) for _ in range(2))
    assert once == again
    assert zipfile.ZipFile(io.BytesIO(once)).read("sub/a.txt") == b"a"


def test_notebooks_have_the_outputs_of_the_build(tmp_path):
    (tmp_path / "book").mkdir()
    cell = nbformat.v4.new_code_cell("6 * 7", execution_count=1)
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbformat.write(notebook, tmp_path / "book" / "a.ipynb")
    cache = release.get_cache(tmp_path / "_build" / ".jupyter_cache")
    with pytest.raises(ValueError, match="has no outputs"):
        release.executed_notebooks(tmp_path)
    cell.outputs = [nbformat.v4.new_output("stream", text="42")]
    cache.cache_notebook_bundle(CacheBundleIn(notebook, "a.ipynb"), overwrite=True)
    found = nbformat.reads(release.executed_notebooks(tmp_path)["a.ipynb"].decode(), 4)
    assert found.cells[0].outputs[0].text == "42"


# ---- For teachers ----


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.path.stem)
def test_teachers_have_the_right_answers(chapter):
    page = (ROOT / "book" / "for_teachers.md").read_text(encoding="utf-8")
    right = [
        f"{number} {answer[1]}"
        for number, answers in questions(chapter)
        for answer in answers
        if answer[3] == "Yes"
    ]
    title = chapter.cells[0].source.splitlines()[0].removeprefix("# ")
    assert not right or f"**{title}**: {', '.join(right)}." in page, f"write {right}"
