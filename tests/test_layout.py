"""Imports go down: each part of the package imports what its docstring lists above it, no more."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pokersnn_helpers

PACKAGE = Path(__file__).parents[1] / "pokersnn_helpers"
LAYERS = re.findall(r"(?m)^(\w+)/? {2,}\S", pokersnn_helpers.__doc__)


def imports_of(path):
    """Names of the parts that a module imports, at its top or within a function."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    depth = len(path.relative_to(PACKAGE).parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            yield from [node.module.split(".")[0]] if node.module else [n.name for n in node.names]


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_go_down(layer):
    folder = PACKAGE / layer
    paths = folder.rglob("*.py") if folder.is_dir() else [PACKAGE / f"{layer}.py"]
    lower = set(LAYERS[: LAYERS.index(layer)])
    for path in paths:
        assert {*imports_of(path)} <= lower, path


def test_no_two_modules_have_one_name():
    names = [path.stem for path in PACKAGE.rglob("*.py") if not path.stem.startswith("__")]
    assert sorted(set(names)) == sorted(names)


def test_every_module_and_folder_is_listed_and_installed():
    project = (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    folders = {path.parent.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("*.py")}
    modules = {path.stem for path in PACKAGE.glob("*.py") if not path.stem.startswith("__")}
    assert modules | {folder.parts[1] for folder in folders if len(folder.parts) > 1} == {*LAYERS}
    assert all(f'"{".".join(folder.parts)}",' in project for folder in folders)


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
