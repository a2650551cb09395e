"""How much code there is to understand: of Python in nodes, of JavaScript in lines.

A node is a statement or an expression of Python, as its syntax tree has them, without docstrings.
How many of them stand on a line says how dense the code is. Lines are lines of code: without
docstrings, comments and blank ones.
"""

import ast
import io
import re
import tokenize
from pathlib import Path
from typing import NamedTuple

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
SILENT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
COMMENT = r"/\*.*?\*/|//[^\n]*"
STRING = r'"(?:\\.|[^"\\\n])*"' + r"|'(?:\\.|[^'\\\n])*'"
TEMPLATE = r"`(?:\\.|\$\{(?:[^{}`]|`[^`]*`|\{[^{}]*\})*\}|[^`\\])*`"  # with one inside another
# A division has a space behind it, as formatted code has.
PATTERN = r"(?<=[\s(,=:!?\[])/(?![/*\s])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/[a-z]*"
TOKEN = re.compile(f"(?P<comment>{COMMENT})|{STRING}|{TEMPLATE}|{PATTERN}", re.DOTALL)
STATEMENT = re.compile(r"\b(?:if|for|while|switch|catch)\s*$")


class Size(NamedTuple):
    """Of one module of Python or of several."""

    lines: int
    nodes: int

    @property
    def density(self) -> float:
        """Return the nodes on a line."""
        return self.nodes / max(self.lines, 1)


def python_size(path: Path) -> Size:
    """Count the lines of code and the nodes of a module."""
    source = path.read_text(encoding="utf-8")
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in SILENT:
            lines.update(range(token.start[0], token.end[0] + 1))
    nodes = list(ast.walk(ast.parse(source)))
    for node in nodes:
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            lines.difference_update(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    code = [node for node in nodes if isinstance(node, ast.stmt | ast.expr)]
    return Size(len(lines), sum(node.lineno in lines for node in code))


def total_size(sizes: list[Size]) -> Size:
    """Add up the sizes of modules."""
    return Size(sum(size.lines for size in sizes), sum(size.nodes for size in sizes))


def javascript_size(path: Path) -> tuple[int, int]:
    """Count the lines of code of a script and of its longest function, with those inside it.

    The function that a whole script is wrapped in isn't one of them.
    """
    source = path.read_text(encoding="utf-8")
    without_comments = TOKEN.sub(lambda token: silenced(token, keep_strings=True), source)
    lines = [bool(line.strip()) for line in without_comments.splitlines()]
    code = TOKEN.sub(lambda token: silenced(token, keep_strings=False), source)
    longest = 0
    opened: list[int] = []
    for brace in re.finditer("[{}]", code):
        if brace[0] == "{":
            opened.append(brace.start())
            continue
        start = opened.pop()
        wrapper = not opened and code[:start].endswith("=> ")
        if is_function(code, start) and not wrapper:
            first = code.count("\n", 0, start)
            last = code.count("\n", 0, brace.start())
            longest = max(longest, sum(lines[first : last + 1]))
    return sum(lines), longest


def silenced(token: re.Match[str], *, keep_strings: bool) -> str:
    """Return what is left of a comment or a string: its line ends, so that lines keep numbers."""
    if keep_strings and not token["comment"]:
        return token[0]
    return "\n" * token[0].count("\n")


def is_function(code: str, brace: int) -> bool:
    """Say whether the body of a function begins here, and not a loop, a class or an object."""
    before = code[:brace].rstrip()
    if before.endswith("=>"):
        return True
    if not before.endswith(")"):
        return False
    depth = 0
    for place in range(len(before) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(before[place], 0)
        if depth == 0:
            return not STATEMENT.search(before[:place])
    return False
