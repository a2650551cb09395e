"""The repository as a project: its address, sources, commands, workflows, and what Colab has."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import nullcontext
from importlib import metadata
from pathlib import Path
from unittest import mock

import nbval.kernel
import pytest
import yaml
from nbformat import v4
from packaging.requirements import Requirement

from pokersnn_helpers.commands import main as commands
from pokersnn_helpers.data import nmnist, pokerdvs
from pokersnn_helpers.simulation import simulate_pokerdvs

ROOT = Path(__file__).parents[1]

import check_real  # noqa: E402
import colab  # noqa: E402
from check_sources import dead_sources  # noqa: E402
from publish import current_address, set_repository  # noqa: E402

from benchmarks.__main__ import BENCHMARKS  # noqa: E402


def text_of(place):
    return (ROOT / place).read_text(encoding="utf-8")


# ---- The repository's address ----

PLACES = [
    *("_config.yml", "CITATION.cff", "CONTRIBUTING.md", "README.md", "pyproject.toml"),
    *("book/index.md", "book/for_teachers.md"),
    *(f"book/{path.name}" for path in sorted((ROOT / "book").glob("*.ipynb"))),
]
OTHERS = ("neuromorphs/tonic", "cargonriv/dvs", "astral-sh/", "kynan/", "codespell-project/")


def named_in(root):
    """Return the repositories that each place names, by GitHub, Colab or Pages."""
    named = {}
    for place in PLACES:
        text = (root / place).read_text(encoding="utf-8")
        slugs = re.findall(r"github(?:\.com)?/([\w.-]+/[\w.-]+?)(?=[\s\"')/>]|\.git\b|$)", text)
        pages = re.findall(r"://((?!norse)[\w-]+)\.github\.io/([\w.-]+)/", text)
        slugs += map("/".join, pages)
        named[place] = {slug for slug in slugs if not slug.startswith(OTHERS)}
    return named


def publish(folder, *arguments):
    command = [sys.executable, "tools/publish.py", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return re.findall("(?m)^changed (.+)$", done.stdout)


@pytest.fixture
def fork(tmp_path):
    """Return a repository with all files of this one."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    subprocess.run("git init -q && git add --force .", shell=True, cwd=tmp_path, check=True)
    return tmp_path


def test_one_command_makes_a_fork_that_can_be_published(fork):
    old = current_address(ROOT).removeprefix("https://github.com/")
    assert named_in(ROOT) == {place: {old} for place in PLACES}
    remote = ["git", "remote", "add", "origin", "git@github.com:someone/some.book.git"]
    subprocess.run(remote, cwd=fork, check=True)
    changed = publish(fork)
    assert set(PLACES) < set(changed)
    assert changed[-1] == "_config.yml"  # so after a failure the command can be run again
    assert named_in(fork) == {place: {"someone/some.book"} for place in PLACES}
    owner = old.split("/")[0]
    places = subprocess.run(["git", "grep", "-lw", owner], cwd=fork, capture_output=True)
    assert not places.stdout
    assert publish(fork) == []


def test_doi_is_cited_once(fork):
    publish(fork, "--doi", "10.5281/zenodo.1", "https://github.com/someone/book")
    assert publish(fork, "--doi", "10.5281/zenodo.2", "https://github.com/someone/book")
    citation = yaml.safe_load((fork / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["doi"] == "10.5281/zenodo.2"
    readme = (fork / "README.md").read_text(encoding="utf-8")
    assert readme.count("zenodo.2") == 2
    assert "zenodo.1" not in readme


@pytest.mark.parametrize("address", ["https://example.org/a/b", "https://github.com/a/..git"])
def test_malformed_address_is_refused(address):
    with pytest.raises(ValueError, match=r"not of the form https://github.com/YOU/NAME"):
        set_repository(ROOT, address)


# ---- The build ----


def test_jupyter_book_knows_every_key_of_the_configuration():
    """Jupyter Book accepts unknown keys in silence, so a typing error would go unseen."""
    jupyter_book = pytest.importorskip("jupyter_book", reason="needs the extra 'book'")
    package = Path(jupyter_book.__file__).parent
    schema = json.loads((package / "config_schema.json").read_text())["properties"]
    defaults = yaml.safe_load((package / "default_config.yml").read_text())
    config = yaml.safe_load(text_of("_config.yml"))
    assert config.keys() <= schema.keys() | defaults.keys()
    for key, value in config.items():
        if key != "sphinx" and isinstance(value, dict):
            of_schema = schema.get(key, {}).get("properties", {})
            of_defaults = defaults.get(key) or {}
            assert value.keys() <= of_schema.keys() | of_defaults.keys(), key
    assert config["only_build_toc_files"] is True
    assert config["execute"]["allow_errors"] is False
    assert config["sphinx"]["config"]["nb_execution_raise_on_error"] is True


@pytest.mark.parametrize("deaths", [1, 2, 3])
def test_a_kernel_that_dies_as_it_starts_is_started_again(monkeypatch, deaths):
    manager = mock.Mock()
    ready = manager.return_value.client.return_value.wait_for_ready
    ready.side_effect = [*[RuntimeError("died")] * deaths, None]
    monkeypatch.setattr(nbval.kernel, "KernelManager", manager)
    with pytest.raises(RuntimeError, match="died") if deaths == 3 else nullcontext():
        nbval.kernel.start_new_kernel()
    assert manager.call_count == min(deaths + 1, 3)


# ---- The recordings: sources that deliver, pages that show real ones ----


def test_sources_that_do_not_deliver_are_named(published, tmp_path, serve):
    (tmp_path / "other").mkdir()
    train, test = pokerdvs.ARCHIVES
    (tmp_path / "other" / test).write_bytes(b"something else")
    alive = serve(published)
    other = serve(tmp_path / "other")
    places = [(source + name, name) for source in (alive, other) for name in (train, test)]
    missing, wrong = dead_sources(places)
    assert missing.startswith(other + train)
    assert "404" in missing
    assert wrong.startswith(other + test)
    assert "does not match the known hash" in wrong


LOADERS = dict.fromkeys(("load_pokerdvs", "load_pokerdvs131"), mock.DEFAULT)


@pytest.fixture
def loaders():
    """What loads recordings, without doing it."""
    with mock.patch.multiple(check_real, **LOADERS) as made:
        yield made


@pytest.mark.parametrize("missing", LOADERS)
def test_sources_that_are_not_all_real_are_refused(missing, loaders):
    loaders[missing].side_effect = FileNotFoundError("get them")
    with pytest.raises(SystemExit, match="get them"):
        check_real.main([])
    loaders[missing].assert_called_with(source="real")


def test_pages_made_with_simulated_recordings_are_named(tmp_path, loaders):
    simulated = simulate_pokerdvs(n_train=4, n_test=4)
    (tmp_path / "book").mkdir()
    one, other = [tmp_path / "book" / f"{name}.html" for name in ("a", "b")]
    one.write_text("<p>no recordings</p>")
    with pytest.raises(SystemExit, match=r"no page in .* says that its recordings are real"):
        check_real.main([str(tmp_path)])
    one.write_text(simulated._replace(source="real")._repr_html_())
    check_real.main([str(tmp_path)])
    other.write_text(simulated._repr_html_())
    with pytest.raises(SystemExit, match=r"^b\.html was made with simulated recordings$"):
        check_real.main([str(tmp_path)])


def test_no_recording_is_tracked_but_those_that_may_be_passed_on():
    command = ["git", "ls-files", "*.npy", "*.npz", "*.tar.gz", "*.aedat"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    of_nmnist = [f"pokersnn_helpers/data/{path.name}" for path in nmnist.FILES.values()]
    assert listed.stdout.split() in ([], of_nmnist)
    assert "Orchard" in (terms := text_of("pokersnn_helpers/data/nmnist.txt"))
    assert "licenses/by-sa/4.0" in terms
    assert "nmnist.txt" in text_of("pyproject.toml")


# ---- What Colab has ----

COLAB = text_of("tools/colab.txt")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
NEWEST = json.dumps([{"sha": COMMIT, "commit": {"committer": {"date": "2026-08-19T19:33:29Z"}}}])
FREEZE = """# Do not modify this file directly
Pillow==11.3.0
jupyter_kernel_gateway @ git+https://github.com/googlecolab/kernel_gateway@b134e9945df2
google-colab @ file:///colabtools/dist/google_colab-1.0.0.tar.gz
nvidia-nccl-cu13==2.31.2
torch @ https://download.pytorch.org/whl/cpu/torch-2.11.0%2Bcpu-cp313-cp313-linux_x86_64.whl
"""


def test_list_of_colab_is_made_of_what_is_published(tmp_path, serve):
    (tmp_path / COMMIT).mkdir()
    (tmp_path / "commits").write_text(NEWEST)
    (tmp_path / COMMIT / "os-info.txt").write_text("Ubuntu\nPython 3.13.15\n")
    (tmp_path / COMMIT / "pip-freeze.txt").write_text(FREEZE)
    address = serve(tmp_path)
    made = colab.colab_list(address, address).splitlines()
    assert made[0].startswith("# What Google Colab had on 2026-08-19: Python 3.13.15")
    assert COMMIT in made[1]
    assert COMMIT in made[3]
    assert made[5:] == ["pillow==11.3.0", "torch==2.11.0"]
    packages = COLAB.splitlines()[5:]
    assert packages == colab.pins("\n".join(packages))


def test_colab_has_no_package_that_the_first_cell_would_replace():
    """Because it is too old, or newer than an upper pin: Colab would ask for a restart."""
    has = dict(line.split("==") for line in COLAB.splitlines() if "==" in line)
    needed = [Requirement(line) for line in metadata.requires("pokersnn-helpers")]
    shared = [need for need in needed if need.marker is None and need.name in has]
    assert {"numpy", "matplotlib", "torch"} <= {need.name for need in shared}
    for need in shared:
        assert has[need.name] in need.specifier, f"{need}, and Colab has {has[need.name]}"
        if need.name in ("torch", "numpy"):
            assert {each.operator for each in need.specifier} == {">="}


@pytest.mark.slow
def test_chapters_outside_fail_on_an_error_and_on_a_warning(tmp_path, monkeypatch, capsys):
    pytest.importorskip("nbclient", reason="needs the extra 'book'")
    import chapters_outside

    fine = """import warnings
def load_pokerdvs():
    warnings.warn("the real POKER-DVS recordings could not be loaded, so these are simulated. "
        "FileNotFoundError: tried\\n  1. here\\n  2. there", stacklevel=2)
data = load_pokerdvs()
import tqdm
print(*tqdm.tqdm([1, 2]))
"""
    wrong = "import warnings\nwarnings.warn('look here')\n1 / 0"
    for name, code in {"01_fine": fine, "02_wrong": wrong}.items():
        notebook = v4.new_notebook(cells=[v4.new_code_cell(code)])
        (tmp_path / f"{name}.ipynb").write_text(json.dumps(notebook))
    monkeypatch.setattr(chapters_outside, "BOOK", tmp_path)
    assert chapters_outside.main([]) == 1
    fine, wrong = re.split(r"^0\d_", capsys.readouterr().out, flags=re.M)[1:]
    assert re.fullmatch(r"fine.ipynb: \d+ s\n", fine)
    assert "ZeroDivisionError" in wrong
    assert "look here" in wrong
    with pytest.raises(SystemExit, match="no chapter has the number 7"):
        chapters_outside.main(["7"])


# ---- Commands and places that the documents name ----

README = text_of("README.md")
INSTALL = "pip install uv && uv pip install -r requirements.txt"
TESTS = "pytest -n 2 --dist loadfile --nbval-lax book tests"


def test_ci_runs_the_commands_of_the_readmes_first_screen_without_a_compiler():
    run = text_of(".ci/run")
    (readme,) = re.findall(r"(?ms)^readme\(\) \{.+?^\}", run)
    calls = re.findall(r'(?m)^(.*)bash -c "\$\((readme .+?)\)', run)
    assert [before for before, _ in calls] == ["CC=false ", ""]
    commands = []
    for _, call in calls:
        script = ["bash", "-c", f"{readme}; {call}"]
        commands.append(subprocess.check_output(script, text=True, cwd=ROOT))
    assert commands == [f"{INSTALL} && jupyter-book build .\n", f"{INSTALL} && {TESTS}\n"]
    screen = "\n".join(README.splitlines()[:22])
    assert all(f"\n{command}" in screen for command in commands)
    assert "](book/images/teach.gif)" in screen


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_documented_commands_and_their_options_exist(document, capsys):
    text = text_of(document)
    for line in re.findall(r"python -m ((?:pokersnn_helpers|benchmarks)\b[^`\n&]*)", text):
        module, *words = shlex.split(line, comments=True)
        words = [word for word in words if word not in ("NAME", "[--json]")]
        if module == "benchmarks":
            assert {word for word in words if not word.startswith("--")} <= set(BENCHMARKS)
            continue
        with pytest.raises(SystemExit):
            commands.main([*words[:1], "--help"])
        shown = capsys.readouterr().out
        assert all(word in shown for word in words if word.startswith("--")), line


def test_places_in_the_readme_exist():
    (layout,) = re.findall(r"(?ms)^```text\n(.*?)^```$", README)
    for line in layout.splitlines():
        folder = ROOT / "pokersnn_helpers" if line.startswith("  ") else ROOT
        places = line[:30].strip().removesuffix(", ...").split(", ")
        assert all((folder / place).exists() for place in places), line


def test_the_page_of_measurements_lists_every_benchmark_and_no_other():
    line = r"(?m)^(\w+)(?: \| [^|\n]+){2} \| \d+ (?:minutes?|hours?)$"
    assert sorted(re.findall(line, text_of("book/measurements.md"))) == sorted(BENCHMARKS)


# ---- Workflows ----

WORKFLOWS = {path.stem: path for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))}
PUBLISHING = [  # pages that link to the repository they are of, and show real recordings alone
    'python tools/publish.py "$GITHUB_SERVER_URL/$GITHUB_REPOSITORY"',
    "python tools/check_real.py",
    "jupyter-book build . -W -n --keep-going",
    "python tools/check_real.py _build/html",
]


def jobs(workflow):
    return yaml.safe_load(WORKFLOWS[workflow].read_text(encoding="utf-8"))["jobs"]


def commands_of(workflow):
    """Return the commands of all jobs, one after the other."""
    return [step.get("run", "") for job in jobs(workflow).values() for step in job["steps"]]


def test_pages_are_published_with_real_recordings_alone():
    commands = commands_of("book")
    first = commands.index(PUBLISHING[0])
    assert commands[first : first + 4] == PUBLISHING


def test_workflow_installs_and_tests_as_the_readme_says():
    commands = commands_of("tests")
    installed = INSTALL.replace("install -r", "install --system --torch-backend=cpu -r")
    assert commands[commands.index(installed) + 1] == TESTS
    container = json.loads(text_of(".devcontainer/devcontainer.json"))
    assert container["postCreateCommand"].startswith(installed)


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_actions_are_pinned_to_a_commit_and_may_only_read(workflow):
    text = WORKFLOWS[workflow].read_text(encoding="utf-8")
    uses = re.findall(r"uses: (.+)", text)
    assert uses
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", use) for use in uses), uses
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}


# ---- What uv leaves out ----


@pytest.mark.slow
def test_importing_says_nothing_and_needs_nothing_that_uv_leaves_out():
    """Tonic requires expelliarmus and never imports it."""
    override = r"(?m)^override-dependencies = \[\"(\w+) ; python_version < '3'\"\]$"
    (left_out,) = re.findall(override, text_of("pyproject.toml"))
    code = (
        f"import sys; sys.modules['{left_out}'] = None; import pokersnn_helpers.snn; "
        "import tonic; tonic.datasets.POKERDVS"
    )
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert found.stdout + found.stderr == ""
