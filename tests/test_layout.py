"""Imports go down: each part of a package imports what its docstring lists above it, no more."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import eventdesk
import pokersnn_helpers

ROOT = Path(__file__).parents[1]
PACKAGES = {package.__name__: package for package in (pokersnn_helpers, eventdesk)}
LAYERS = {
    name: re.findall(r"(?m)^(\w+)/? {2,}\S", package.__doc__) for name, package in PACKAGES.items()
}


def imports_of(path):
    """Yield what a module imports, at its top or within a function: the whole name of each."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    folders = path.relative_to(ROOT).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = folders[: len(folders) + 1 - node.level] if node.level else ()
            module = ".".join([*base, node.module or ""])
            yield from [module] if node.module else [module + name.name for name in node.names]
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def part_of(module):
    return module.split(".")[1]


@pytest.mark.parametrize(
    ("package", "layer"), [(name, layer) for name in LAYERS for layer in LAYERS[name]]
)
def test_imports_go_down(package, layer):
    folder = ROOT / package / layer
    paths = folder.rglob("*.py") if folder.is_dir() else [folder.with_suffix(".py")]
    allowed = LAYERS[package][: LAYERS[package].index(layer) + 1]
    for path in paths:
        imported = [each for each in imports_of(path) if each.startswith(f"{package}.")]
        assert {part_of(each) for each in imported} <= {*allowed}, path


TOOLS = {"tools", *(path.stem for path in (ROOT / "tools").glob("*.py"))}


@pytest.mark.parametrize(
    ("folder", "others"), [("pokersnn_helpers", {"eventdesk"}), ("benchmarks", TOOLS)]
)
def test_the_helpers_import_nothing_of_the_desk_and_benchmarks_no_tools(folder, others):
    for path in (ROOT / folder).rglob("*.py"):
        assert others.isdisjoint(each.split(".")[0] for each in imports_of(path)), path


@pytest.mark.parametrize("package", PACKAGES)
def test_no_two_modules_of_a_package_have_one_name(package):
    names = [path.stem for path in (ROOT / package).rglob("[!_]*.py")]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_and_folder_is_listed_and_installed(package):
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    paths = [path.relative_to(ROOT / package) for path in (ROOT / package).rglob("*.py")]
    parts = {path.parts[0].removesuffix(".py") for path in paths}
    assert {part for part in parts if not part.startswith("__")} == {*LAYERS[package]}
    folders = {".".join([package, *path.parent.parts]) for path in paths}
    assert all(f'  "{folder}",' in project for folder in folders)


@pytest.mark.parametrize("package", PACKAGES)
def test_folders_are_flat_and_hold_three_modules(package):
    folders = {path.parent for path in (ROOT / package).rglob("*.py")} - {ROOT / package}
    for folder in folders:
        assert folder.parent == ROOT / package, folder
        assert len([*folder.glob("[!_]*.py")]) >= 3, folder


@pytest.mark.parametrize("package", PACKAGES)
def test_a_folder_names_its_modules(package):
    for init in (ROOT / package).rglob("*/__init__.py"):
        said = ast.get_docstring(ast.parse(init.read_text(encoding="utf-8")))
        modules = {path.stem for path in init.parent.glob("[!_]*.py")}
        named = set(re.findall(r"``(\w+)(?:\.py)?``", said))
        assert modules <= named, init


def test_what_breaks_beneath_an_import_is_what_a_reader_sees(tmp_path):
    (tmp_path / "numpy.py").write_text("import os\nos.is_gone\n", encoding="utf-8")
    path = f"import sys; sys.path.insert(0, {str(tmp_path)!r})"
    code = f"{path}; from pokersnn_helpers import Recordings"
    fresh = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    assert "AttributeError: module 'os' has no attribute 'is_gone'" in fresh.stderr.splitlines()
    assert "cannot import name" not in fresh.stderr


def test_a_name_that_the_package_lacks_is_named():
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        from pokersnn_helpers import nothing  # noqa: F401
    assert not hasattr(pokersnn_helpers, "nothing")
