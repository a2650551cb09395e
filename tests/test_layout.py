"""The core imports system alone; a folder imports the core, system and at most one folder."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pokersnn_helpers

PACKAGE = Path(__file__).parents[1] / "pokersnn_helpers"
CORE = (
    "checks",
    "recordings",
    "pokerdvs",
    "frames",
    "recipe",
    "networks",
    "snn",
    "classifier",
    "training",
    "checkpoints",
)
FOLDERS = {  # and the one folder that each may import, besides system
    "system": None,
    "figures": "simulation",
    "simulation": None,
    "study": "fast",
    "own": "study",
    "fast": None,
    "elsewhere": "fast",
}


def imports_of(path):
    """Names of the flat modules and folders that a module imports when it is imported."""
    tree, depth = ast.parse(path.read_text(encoding="utf-8")), len(path.relative_to(PACKAGE).parts)
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            yield from [node.module.split(".")[0]] if node.module else [n.name for n in node.names]


def test_the_core_is_flat_and_imports_nothing_of_the_rest():
    flat = {path.stem: path for path in PACKAGE.glob("*.py")}
    assert set(flat) == {*CORE, "__init__", "__main__"}
    for name in CORE:
        assert {*imports_of(flat[name])} <= {"system", *CORE[: CORE.index(name)]}, name


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_imports_the_core_and_at_most_one_folder(folder):
    for path in (PACKAGE / folder).rglob("*.py"):
        assert {*imports_of(path)} <= {*CORE, "system", FOLDERS[folder]}, path


def test_norse_is_imported_in_one_module():
    importing = [path for path in PACKAGE.rglob("*.py") if imports_norse(path)]
    assert importing == [PACKAGE / "system" / "norse_cells.py"]


def imports_norse(path):
    return re.search(r"(?m)^ *(from|import) norse\b", path.read_text(encoding="utf-8"))


def test_every_folder_is_known_and_installed():
    project = (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    folders = {path.parent.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("*.py")}
    assert {each.parts[1] for each in folders if len(each.parts) > 1} == {*FOLDERS, "commands"}
    assert all(f'"{".".join(folder.parts)}",' in project for folder in folders)


def test_what_breaks_beneath_an_import_is_what_a_reader_sees(tmp_path):
    (tmp_path / "norse.py").write_text("import os\nos.is_gone\n", encoding="utf-8")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from pokersnn_helpers import SNN"
    fresh = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    assert "AttributeError: module 'os' has no attribute 'is_gone'" in fresh.stderr.splitlines()
    assert "cannot import name" not in fresh.stderr


def test_a_name_that_the_package_lacks_is_named():
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        from pokersnn_helpers import nothing  # noqa: F401
    assert not hasattr(pokersnn_helpers, "nothing")
