import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import yaml

from pokersnn_helpers import archives

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from check_sources import dead_sources  # noqa: E402
from set_repository import current_address, set_repository  # noqa: E402

PLACES = [
    "_config.yml",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "README.md",
    "pyproject.toml",
    "book/index.md",
    *(f"book/{path.name}" for path in sorted((ROOT / "book").glob("*.ipynb"))),
]
OTHERS = ("neuromorphs/tonic", "cargonriv/dvs", "astral-sh/", "kynan/", "codespell-project/")


def addresses(text):
    """Own repository in every form that it takes: GitHub, Colab, Pages."""
    found = re.findall(r"github(?:\.com)?/([\w.-]+/[\w.-]+?)(?=[\s\"')/>]|\.git\b|$)", text)
    pages = re.findall(r"https://([\w-]+)\.github\.io/([\w.-]+)/", text)
    found += [f"{owner}/{name}" for owner, name in pages if owner != "norse"]
    return [slug for slug in found if not slug.startswith(OTHERS)]


def assert_one_address(root, url):
    slug = url.removeprefix("https://github.com/")
    for place in PLACES:
        found = addresses((root / place).read_text(encoding="utf-8"))
        assert found, f"{place} doesn't name the repository"
        assert set(found) == {slug}, f"{place} names {set(found)}, not {slug}"


def test_all_places_name_the_same_repository():
    assert_one_address(ROOT, current_address(ROOT))


def test_one_command_sets_the_address_everywhere(tmp_path):
    for place in PLACES:
        (tmp_path / place).parent.mkdir(exist_ok=True)
        (tmp_path / place).write_bytes((ROOT / place).read_bytes())
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    old = current_address(tmp_path).removeprefix("https://github.com/")
    changed = set_repository(tmp_path, "https://github.com/someone/some.book")
    assert {str(path.relative_to(tmp_path)) for path in changed} == set(PLACES)
    assert_one_address(tmp_path, "https://github.com/someone/some.book")
    assert not any(old in (tmp_path / place).read_text(encoding="utf-8") for place in PLACES)


@pytest.mark.parametrize(
    "address", ["github.com/a/b", "https://example.org/a/b", "https://github.com/a"]
)
def test_malformed_address_is_refused(address):
    with pytest.raises(ValueError, match=r"not of the form https://github.com/OWNER/NAME"):
        set_repository(ROOT, address)


def test_jupyter_book_knows_every_key_of_the_configuration():
    """Jupyter Book accepts unknown keys in silence, so a typing error would go unseen."""
    jupyter_book = pytest.importorskip("jupyter_book", reason="needs the extra 'book'")
    package = Path(jupyter_book.__file__).parent
    schema = json.loads((package / "config_schema.json").read_text())["properties"]
    defaults = yaml.safe_load((package / "default_config.yml").read_text())
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    for key, value in config.items():
        assert key in schema or key in defaults, key
        if key != "sphinx" and isinstance(value, dict):
            known = set(schema.get(key, {}).get("properties", {})) | set(defaults.get(key) or {})
            assert set(value) <= known, key
    assert config["only_build_toc_files"] is True
    assert config["execute"]["allow_errors"] is False
    assert config["sphinx"]["config"]["nb_execution_raise_on_error"] is True


def test_a_missing_source_is_named(published, tmp_path, serve):
    (tmp_path / "empty").mkdir()
    alive, dead = serve(published), serve(tmp_path / "empty")
    lines = dead_sources((alive, dead))
    assert len(lines) == 2
    assert all(line.startswith(dead) and "404" in line for line in lines)


def test_published_hashes_are_tonics():
    from tonic.datasets import POKERDVS

    md5s = [archive.md5 for archive in archives.ARCHIVES]
    assert md5s == [POKERDVS.train_md5, POKERDVS.test_md5]


def test_torch_and_numpy_have_no_upper_pin():
    """An upper pin would make Colab replace its own and ask for a restart."""
    for requirement in metadata.requires("pokersnn-helpers"):
        if re.match(r"(torch|numpy)\b", requirement):
            assert "<" not in requirement and "==" not in requirement


def test_no_recording_is_tracked():
    listed = subprocess.run(
        ["git", "ls-files", "*.npy", "*.npz", "*.tar.gz", "*.aedat"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert listed.stdout == ""


def test_readme_commands_stand_on_the_first_screen():
    readme = (ROOT / "README.md").read_text()
    screen = "\n".join(readme.splitlines()[:22])
    assert "pip install -r requirements.txt && jupyter-book build ." in screen
    assert "pip install -r requirements.txt && pytest --nbval-lax book tests" in screen
    assert "](book/images/overview.png)" in screen
