"""Imports go down only: a module can be read with those above it in this list, and no others."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORDER = [
    *("files", "compiled", "checks", "camera_files", "event_files", "inspection", "recordings"),
    *("stored", "folders", "frames", "snn"),
    *("distributed", "training", "checkpoints", "nir_files", "streaming", "live", "terminal"),
    *("fast.types", "fast.cpu", "fast.cuda", "fast.linear", "fast.network", "fast"),
    *("simulation.pips", "simulation.camera", "simulation.cards", "simulation.dataset"),
    "simulation.motions",
    "simulation.gestures",
    "simulation",
    *("pokerdvs", "pokerdvs131", "recipe"),
    *("study.losses", "study.models", "study.perturbations", "study.protocol"),
    *("study.needs_time", "study.latency"),
    *("study.operations", "study.comparison", "study.measured", "study"),
    *("figures.colours", "figures.labels", "figures.recordings", "figures.networks"),
    *("figures.results", "figures.drawings", "figures.animations"),
    *("figures.interactive", "figures.interactive_pixel", "figures.interactive_neuron"),
    "figures.interactive_detector",
    "figures",
    *("", "commands", "__main__"),  # the package's own __init__.py is the name ""
]


def name_of(path):
    parts = path.relative_to(ROOT / "pokersnn_helpers").with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


FILES = {name_of(path): path for path in (ROOT / "pokersnn_helpers").rglob("*.py")}


def imported_by(name):
    """Names of the package's modules that a module imports, by relative or by full names."""
    path = FILES[name]
    folder = list(path.parent.relative_to(ROOT / "pokersnn_helpers").parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = folder[: len(folder) - node.level + 1] + (node.module or "").split(".")
        elif isinstance(node, ast.ImportFrom) and node.module.startswith("pokersnn_helpers"):
            base = node.module.split(".")[1:]
        elif isinstance(node, ast.Import):
            assert not any(found.name.startswith("pokersnn_helpers") for found in node.names)
            continue
        else:
            continue
        module = ".".join(filter(None, base))
        inner = [".".join(filter(None, [module, found.name])) for found in node.names]
        yield from [found if found in FILES else module for found in inner]


def test_every_module_has_its_place():
    assert sorted(FILES) == sorted(ORDER)


@pytest.mark.parametrize("name", ORDER)
def test_module_imports_only_what_stands_before_it(name):
    above = set(imported_by(name)) - set(ORDER[: ORDER.index(name)])
    assert not above, f"{name or '__init__'} imports {sorted(above)}"


def test_imports_are_found():
    assert {"event_files", "files", "recordings", "simulation"} == set(imported_by("pokerdvs"))
    assert "fast.types" in set(imported_by("fast.cpu"))
    assert "fast.network" in set(imported_by("fast"))


def test_package_does_not_import_the_benchmarks():
    for path in FILES.values():
        assert "import benchmarks" not in (text := path.read_text(encoding="utf-8"))
        assert "from benchmarks" not in text


def test_every_folder_of_the_package_is_installed():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for folder in {path.parent.relative_to(ROOT) for path in FILES.values()}:
        assert f'"{".".join(folder.parts)}",' in project
