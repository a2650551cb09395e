"""Which code of this project's packages a chapter reaches: what it imports, and what that imports.

In doubt a module is reached: one that only a function imports, and one that a text names, since
``import_module`` takes a text. What a package imports when a name is asked for stands in its
``__init__.pyi``.
"""

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Set
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("pokersnn_helpers", "eventdesk")
MAGIC = re.compile(r"(?m)^(\s*)[%!](.*)$")  # a line for IPython or for the shell
SHOWS = re.compile(r"\b(?:help|getdoc|getsource)\((\w+)")  # what something says of itself


def folder_of(package: str) -> Path:
    """Return where a package lies."""
    return Path(find_spec(package).origin).parent


def code_reached(source: str) -> list[str]:
    """Return the code of each module that a chapter's code reaches, in the order of their names.

    Comments and docstrings are left out, unless the chapter or the module shows some. A chapter
    that Python can't read reaches everything.
    """
    modules = _modules()
    code = MAGIC.sub(_as_texts, source)
    try:
        _parsed(code)
    except SyntaxError:
        return [*modules.values()]
    reached = [modules[name] for name in _modules_reached(code, modules)]
    own = {node.name for node in ast.walk(_parsed(code)) if isinstance(node, ast.FunctionDef)}
    if _shows_texts(source, own):
        return reached
    return [text if _shows_texts(text) else _dumped(text) for text in reached]


def _as_texts(magic: re.Match) -> str:
    """Return a line of Python in which each word of the line is a text."""
    return f"{magic[1]}{magic[2].split()}"


def _shows_texts(source: str, own: Set[str] = frozenset()) -> bool:
    """Say whether code shows docstrings or a source, but those of its own functions."""
    return "__doc__" in source or not own.issuperset(SHOWS.findall(source))


class _WithoutTexts(ast.NodeTransformer):
    """Takes docstrings out, and other texts that nothing is done with."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        return None if isinstance(node.value, ast.Constant) else node


@functools.cache
def _parsed(source: str) -> ast.Module:
    return _WithoutTexts().visit(ast.parse(source))


@functools.cache
def _dumped(source: str) -> str:
    return ast.dump(_parsed(source))


def _modules() -> dict[str, str]:
    """Return what each module holds, by its whole name, which is its folder's for ``__init__``."""
    found = {}
    for package in PACKAGES:
        for path in sorted(folder_of(package).rglob("*.py")):
            parts = path.relative_to(folder_of(package)).with_suffix("").parts
            name = ".".join([package, *parts])
            found[name.removesuffix(".__init__")] = path.read_text(encoding="utf-8")
    return found


def _modules_reached(code: str, modules: dict[str, str]) -> list[str]:
    """Return the whole names of the modules that a chapter reaches."""
    places = _places_of_lazy_names()
    seen = set()
    names = [*_names_in(code, folder="")]
    while names:
        name = names.pop()
        if name in seen or name.split(".")[0] not in PACKAGES:
            continue
        seen.add(name)
        folder = name.rpartition(".")[0]
        names += [folder, *places[name]]
        if name in modules:
            is_folder = any(other.startswith(f"{name}.") for other in modules)
            names.append(f"{name}.__main__")  # which python -m runs
            names += _names_in(modules[name], name if is_folder else folder)
    return sorted(seen & modules.keys())


def _places_of_lazy_names() -> dict[str, list[str]]:
    """Return where the names are that packages import when they are asked for, and ``*``, all."""
    places = defaultdict(list)
    for package in PACKAGES:
        for stub in folder_of(package).glob("__init__.pyi"):
            for place in _names_in(stub.read_text(encoding="utf-8"), package):
                name = place.rpartition(".")[2]
                places[f"{package}.{name}"].append(place)
                places[f"{package}.*"].append(place)
    return places


@functools.cache
def _names_in(code: str, folder: str) -> list[str]:
    """Return the whole name of all that a module in this folder imports, or may import."""
    names = []
    for node in ast.walk(_parsed(code)):
        match node:
            case ast.Import(imported):
                names += [f"{each.name}.*" if each.asname else each.name for each in imported]
            case ast.ImportFrom(module, imported, level):
                parts = folder.split(".")
                above = parts[: len(parts) + 1 - level] if level else []
                place = ".".join([*above, *([module] if module else [])])
                names += [f"{place}.{each.name}" for each in imported]
            case ast.Attribute(ast.Name(package), name):
                names.append(f"{package}.{name}")
            case ast.Constant(str(text)):
                name = text.replace(":", ".")
                names.append(f"{folder}.{name}")
                if "." in name or not folder:  # alone, a package's name is also a word
                    names.append(name)
    return names
