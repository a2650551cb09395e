"""What is counted of the code, and that too much of it is noticed."""

from pathlib import Path

import pages
import pytest
from sizes import javascript_size, python_size

ROOT = Path(__file__).parents[1]
PYTHON = '''"""A module."""

# a comment
def f(x):
    """Has a docstring
    of two lines."""
    return g(x, """1
2""")
'''
JAVASCRIPT = """// A comment with a { brace.
(() => {
  const text = "} // not a comment"; /* a comment
  of two lines */
  const pattern = /[/{"]/g, half = 4 / 2, word = `}${text ? `{` : ""}`;

  function outer(list) {
    for (const one of list) {
      first(one);
    }
    const inner = () => {
      second();
    };
  }
})();
"""
NO_LONG_FUNCTION = """(() => {
  if (a) {
    b();
    c();
  }
  const f = {
    g(x) {
    },
  };
})();
"""


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A repository with one module, one test, one script and one chapter."""
    for folder in ("book/_static/vendor", "pokersnn_helpers/own", "tests", "tools"):
        (tmp_path / folder).mkdir(parents=True)
    chapter = next(ROOT.glob("book/01*.ipynb"))
    (tmp_path / "book/01_a.ipynb").write_bytes(chapter.read_bytes())
    for place in ("pokersnn_helpers/a.py", "pokersnn_helpers/own/b.py", "tests/test_a.py"):
        (tmp_path / place).write_text(PYTHON)
    (tmp_path / "pokersnn_helpers/__init__.pyi").write_text('__all__ = [\n    "f",\n]\n')
    for place in ("paper.js", "data.js", "vendor/plotly.js"):
        (tmp_path / "book/_static" / place).write_text(JAVASCRIPT)
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    monkeypatch.setattr(pages, "PACKAGE", tmp_path / "pokersnn_helpers")
    return tmp_path


def test_python_is_counted_without_docstrings_and_comments(tree):
    # def and return; the call, its name and two arguments
    assert python_size(tree / "pokersnn_helpers/a.py") == (3, 6)


@pytest.mark.parametrize(
    ("script", "lines", "longest"), [(JAVASCRIPT, 12, 8), (NO_LONG_FUNCTION, 10, 2)]
)
def test_javascript_is_counted_by_line_and_by_function(tmp_path, script, lines, longest):
    path = tmp_path / "a.js"
    path.write_text(script)
    assert javascript_size(path) == (lines, longest)


def test_more_than_there_may_be_is_noticed(tree, monkeypatch, capsys):
    monkeypatch.setattr(pages, "LIMITS", pages.LIMITS | {"nodes on a line of the core": 2})
    pages.main(["--limits"])
    printed = dict(
        line.split(", at most ")[0].rsplit(maxsplit=1)
        for line in capsys.readouterr().out.splitlines()
        if ", at most " in line
    )
    assert printed["nodes of the package"] == "12"
    assert printed["nodes of the core"] == printed["nodes of the tests"] == "6"
    assert printed["nodes on a line of the core"] == "2"
    assert printed["nodes of benchmarks, tools and _ext"] == "0"
    assert printed["lines of the pages' own JavaScript"] == "12"
    assert printed["lines of its longest function"] == "8"
    assert printed["names that the package exports"] == "1"
    assert 0 < int(printed["words of a chapter"]) < 2000
    monkeypatch.setitem(pages.LIMITS, "nodes of the package", 11)
    with pytest.raises(SystemExit, match=r"more than there may be: nodes of the package$"):
        pages.main(["--limits"])
    pages.main([])
