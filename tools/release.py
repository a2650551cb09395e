"""Make an edition of the book: its pages, its notebooks with their outputs, and a PDF.

Usage: python tools/release.py [--repository YOU/NAME] [--output dist]

The last commit is built in a folder of its own, where every link to the repository leads to
YOU/NAME; by default they stay as they are. It needs the extras "book" and "site", Chromium or
Google Chrome, and the real recordings.
"""

import argparse
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import nbformat
import yaml
from jupyter_cache import get_cache
from publish import ADDRESS, current_address, set_repository

ROOT = Path(__file__).resolve().parents[1]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
MARGIN = "16mm"
WIDTH = 672  # CSS pixels between the margins of A4
FOOTER = (
    '<div style="font: 8px sans-serif; width: 100%; text-align: center; color: #59636e">'
    '{title}, edition {version} · <span class="title"></span> · <span class="pageNumber"></span>'
    "</div>"
)
FOLDED = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
IMAGES = """async () => {
    for (const image of document.images) image.loading = "eager";
    await Promise.all([...document.images].filter((image) => image.getClientRects().length)
        .map((image) => image.decode().catch(() => {})));
    await document.fonts.ready;
}"""
CUT = """(width) => [...document.querySelectorAll("article :is(img, table, pre, svg, canvas)")]
    .filter((one) => one.checkVisibility() && one.getBoundingClientRect().width > 0)
    .filter((one) => one.getBoundingClientRect().right > width + 1 || one.matches("pre")
        && one.scrollWidth > one.clientWidth + 1)
    .map((one) => one.alt || one.innerText.slice(0, 80))"""


def version(root: Path) -> str:
    """Return the version that pyproject.toml has."""
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    return re.search(r'^version = "(.+)"$', text, re.MULTILINE)[1]


def build(folder: Path, address: str) -> None:
    """Build the last commit in an empty folder, with links to the repository at an address."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
    set_repository(folder, address)
    environment = os.environ | {"PYTHONPATH": str(folder)}
    book = ["jupyter-book", "build", ".", "-W", "-n", "--keep-going", "--all"]
    subprocess.run(book, cwd=folder, env=environment, check=True)
    check = [sys.executable, "tools/check_real.py", "_build/html"]
    subprocess.run(check, cwd=folder, env=environment, check=True)


def write_notebooks(root: Path, folder: Path) -> None:
    """Write the chapters with the outputs that the build has cached into a folder."""
    cache = get_cache(root / "_build" / ".jupyter_cache")
    for path in sorted((root / "book").glob("*.ipynb")):
        try:
            _, notebook = cache.merge_match_into_notebook(nbformat.read(path, as_version=4))
        except KeyError as error:
            raise ValueError(f"{path.name} has no outputs: the build hasn't run it") from error
        nbformat.write(notebook, folder / path.name)


def pages(root: Path) -> list[str]:
    """Name the pages in the order of the table of contents."""
    return re.findall(r"(?:root|file): (\S+)", (root / "_toc.yml").read_text(encoding="utf-8"))


def find_browser() -> str:
    """Return the path of the first browser that is installed."""
    for path in filter(None, map(shutil.which, BROWSERS)):
        return path
    raise FileNotFoundError(f"no browser is on the path: none of {', '.join(BROWSERS)}")


def print_pages(root: Path) -> dict[str, tuple[str, bytes]]:
    """Print each page of a built book; return title and PDF by the page's address.

    The browser is given the pages at the address at which they will be published, so that links
    between them, and to the repository, are those of the published book.
    """
    from playwright.sync_api import sync_playwright

    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    base = config["html"]["baseurl"]
    html = root / "_build" / "html"
    browser_path = find_browser()

    def answer(route) -> None:
        url = route.request.url  # in which the browser has written the host in small letters
        file = html / unquote(re.split("[?#]", url[len(base) :])[0])
        if url.lower().startswith(base.lower()) and file.is_file():
            route.fulfill(path=file)
        else:
            route.abort()

    footer = FOOTER.format(title=config["title"], version=version(root))
    layout = {
        "format": "A4",
        "margin": {"top": MARGIN, "bottom": MARGIN, "left": MARGIN, "right": MARGIN},
        "print_background": True,
        "outline": True,
        "tagged": True,
        "display_header_footer": True,
        "header_template": "<span></span>",
        "footer_template": footer,
    }
    printed = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 1000})
        page.set_default_timeout(0)
        page.route("**/*", answer)
        for name in pages(root):
            page.goto(f"{base}{name}.html")
            page.evaluate(FOLDED)
            page.emulate_media(media="print")
            page.evaluate(IMAGES)
            cut = page.evaluate(CUT, WIDTH)
            if cut:
                raise ValueError(f"{name}: wider than the paper: {cut}")
            title = page.locator("article h1").first.text_content().rstrip("#")
            page.evaluate("(title) => { document.title = title; }", title)
            printed[page.url.lower()] = title, page.pdf(**layout)
        browser.close()
    return printed


def bind(printed: dict[str, tuple[str, bytes]]) -> bytes:
    """Join the PDFs of pages, and let links from one to another stay inside."""
    from pypdf import PdfReader, PdfWriter
    from pypdf.generic import ArrayObject, DictionaryObject, NameObject

    writer = PdfWriter()
    first_pages = {}
    for address, (title, content) in printed.items():
        first_pages[address] = len(writer.pages)
        writer.append(PdfReader(io.BytesIO(content)), outline_item=title)
    for link, address in links(writer):
        number = first_pages.get(address.partition("#")[0].lower())
        if number is not None:
            page = writer.pages[number].indirect_reference
            goal = ArrayObject([page, NameObject("/Fit")])
            action = {NameObject("/S"): NameObject("/GoTo"), NameObject("/D"): goal}
            link[NameObject("/A")] = DictionaryObject(action)
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def links(pdf) -> Iterator[tuple[dict, str]]:
    """Yield each link of a PDF that leads out of it, and its address."""
    for page in pdf.pages:
        for annotation in page.annotations or ():
            link = annotation.get_object()
            address = link.get("/A", {}).get("/URI")
            if address:
                yield link, str(address)


def slug(root: Path) -> str:
    """Return YOU/NAME of the repository that a book links to."""
    return "/".join(ADDRESS.fullmatch(current_address(root)).groups())


def make_edition(root: Path, output: Path) -> None:
    """Write the files of an edition into a folder, of a book that has been built."""
    pdf = bind(print_pages(root))  # first, since it refuses what doesn't fit the paper
    output.mkdir(parents=True, exist_ok=True)
    edition = output / f"{slug(root).partition('/')[2]}-{version(root)}"
    Path(f"{edition}.pdf").write_bytes(pdf)
    shutil.make_archive(f"{edition}-site", "zip", root / "_build" / "html")
    with tempfile.TemporaryDirectory() as folder:
        write_notebooks(root, Path(folder))
        shutil.make_archive(f"{edition}-notebooks", "zip", folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repository", default=slug(ROOT), help="YOU/NAME of all links")
    parser.add_argument("--output", type=Path, default=Path("dist"), help="folder for the files")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "book"
        try:
            build(root, f"https://github.com/{options.repository}")
            make_edition(root, options.output)
        except (ValueError, FileNotFoundError) as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
