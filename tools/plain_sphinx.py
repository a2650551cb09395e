"""Build the book without Jupyter Book, on the newest Sphinx, and compare its pages.

    jupyter-book build . && python tools/plain_sphinx.py

The second build takes the executed chapters from the cache of the first, in an environment of its
own that has no Jupyter Book. Text, figures and scripts of every page must be the same; those of the
reference aren't compared, since Sphinx writes their signatures. Arguments are passed on to ``uv pip
install``: ``--prerelease allow`` tries what comes next.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from bs4 import BeautifulSoup

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "_build"
PACKAGES = [
    "sphinx",
    "sphinx-book-theme",
    "myst-nb",
    "sphinx-external-toc",
    "sphinx-multitoc-numbering",
    "sphinx-copybutton",
    "sphinx-togglebutton",
    "sphinx-design",
    "linkify-it-py",
    "sphinx-codeautolink",
    "sphinx-mathjax-offline",
    "sphinx-notfound-page",
    "sphinx-sitemap",
    "sphinxext-opengraph",
    "ipykernel",
    "ipywidgets",
]
# What conf.py has of Jupyter Book itself, and of extensions that need it and do nothing here.
EXTENSIONS = "'(jupyter_book|sphinx_thebe|sphinx_comments|sphinx_jupyterbook_latex)',? ?"
THEBE = "requestKernel|kernelName"  # in the scripts of sphinx-thebe, which is off
SETTINGS = "(?m)^(comments_config|use_jupyterbook_latex) = .*\n"


def build(folder: Path, options: list[str]) -> Path:
    """Build a copy of the last commit with plain Sphinx, and return the folder of its pages."""
    book = folder / "book"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(book)], check=True)
    subprocess.run(["jupyter-book", "config", "sphinx", str(book)], check=True)
    configuration = (book / "conf.py").read_text()
    configuration = re.sub(EXTENSIONS, "", configuration)
    configuration = re.sub(SETTINGS, "", configuration)
    cache = BUILD / ".jupyter_cache"
    configuration += f"nb_execution_cache_path = {str(cache)!r}\n"
    configuration += "import sys; sys.path.insert(0, '_ext')\n"
    (book / "conf.py").write_text(configuration)

    subprocess.run(["uv", "venv", "--quiet", str(folder / "venv")], check=True)
    python = str(folder / "venv" / "bin" / "python")
    install = ["uv", "pip", "install", "--quiet", "--python", python, *options]
    subprocess.run([*install, "-e", str(book), *PACKAGES], cwd=book, check=True)
    pages = folder / "html"
    sphinx = [python, "-m", "sphinx", "-W", "-n", "--keep-going", "-q", ".", str(pages)]
    subprocess.run(sphinx, cwd=book, check=True)
    subprocess.run([python, "-m", "sphinx", "--version"], check=True)
    return pages


def parts_of(page: Path) -> dict[str, list]:
    """Return a page's text, and the contents of its figures, and its scripts."""
    article = BeautifulSoup(page.read_text(), "html.parser").select_one("article")
    figures = []
    for image in article.select("img"):
        source = image["src"]
        if not source.startswith("data:"):
            source = (page.parent / source).read_bytes()
        figures.append(source)
    scripts = []
    for script in article.select("script"):
        content = script.get("src", script.get_text())
        if not re.search(THEBE, content):
            scripts.append(content)
    return {"text": article.get_text().split(), "figures": figures, "scripts": scripts}


def main() -> None:
    """Build, compare every page, and print what differs."""
    differences = []
    with tempfile.TemporaryDirectory() as folder:
        plain = build(Path(folder), sys.argv[1:])
        pages = sorted(BUILD.glob("html/book/*.html"))
        for page in pages:
            name = page.relative_to(BUILD / "html")
            other = plain / name
            if not other.is_file():
                differences.append(f"{name} is missing")
                continue
            theirs = parts_of(other)
            for part, contents in parts_of(page).items():
                if contents != theirs[part]:
                    differing = set(contents) ^ set(theirs[part])
                    sample = sorted(str(content)[:80] for content in differing)[:5]
                    differences.append(f"{name}: {part} differ: {sample}")
    print("\n".join(differences) or f"{len(pages)} pages have the same text, figures and scripts")
    sys.exit(bool(differences))


if __name__ == "__main__":
    main()
