"""The repository as a project: its address, sources, commands and workflows."""

import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from eventdesk.commands import main as commands
from pokersnn_helpers.data import nmnist
from pokersnn_helpers.simulation import simulate_pokerdvs

ROOT = Path(__file__).parents[1]

import check_real  # noqa: E402
from publish import current_address, set_repository  # noqa: E402

from benchmarks.__main__ import BENCHMARKS  # noqa: E402


def text_of(place):
    return (ROOT / place).read_text(encoding="utf-8")


def git(folder, *arguments):
    command = ["git", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout


# ---- The repository's address ----


def publish(folder, *arguments):
    command = [sys.executable, "tools/publish.py", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return re.findall("(?m)^changed (.+)$", done.stdout)


def test_one_command_leaves_no_old_address_in_a_fork(tmp_path):
    fork = tmp_path
    for name in git(ROOT, "ls-files").splitlines():
        (fork / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, fork / name)
    git(fork, "init", "-q")
    git(fork, "add", "--force", ".")
    git(fork, "remote", "add", "origin", "git@github.com:someone/some.book.git")
    changed = publish(fork)
    assert changed[-1] == "_config.yml"  # so after a failure the command can be run again
    owner = current_address(ROOT).split("/")[-2]
    known_by_it = ("_ext/unpublished.py", "tests/test_extensions.py")
    assert git(fork, "grep", "-lw", owner).splitlines() == [*known_by_it]
    assert "https://someone.github.io/some.book/" in (fork / "README.md").read_text("utf-8")
    assert publish(fork) == []


@pytest.mark.parametrize("address", ["https://example.org/a/b", "https://github.com/a/..git"])
def test_malformed_address_is_refused(address):
    with pytest.raises(ValueError, match=r"not of the form https://github.com/YOU/NAME"):
        set_repository(ROOT, address)


# ---- The recordings ----


def test_pages_made_with_simulated_recordings_are_not_published(tmp_path, monkeypatch):
    for loader in ("load_pokerdvs", "load_pokerdvs131"):
        monkeypatch.setattr(check_real, loader, lambda source: None)
    simulated = simulate_pokerdvs(n_train=4, n_test=4)
    page = tmp_path / "book" / "a.html"
    page.parent.mkdir()
    for html, message in (
        ("<p>no recordings</p>", r"no page in .* says that its recordings are real"),
        (simulated._repr_html_(), r"^a\.html was made with simulated recordings"),
    ):
        page.write_text(html)
        with pytest.raises(SystemExit, match=message):
            check_real.main([str(tmp_path)])
    page.write_text(replace(simulated, source="real")._repr_html_())
    check_real.main([str(tmp_path)])


def test_no_recording_is_tracked_but_those_that_may_be_passed_on():
    tracked = git(ROOT, "ls-files", "*.npy", "*.npz", "*.tar.gz", "*.aedat").split()
    assert {ROOT / name for name in tracked} <= set(nmnist.FILES.values())
    assert "licenses/by-sa/4.0" in text_of("pokersnn_helpers/data/nmnist.txt")
    assert "nmnist.txt" in text_of("pyproject.toml")


# ---- Commands and places that the documents name ----

README = text_of("README.md")


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_documented_commands_and_their_options_exist(document, capsys):
    text = text_of(document)
    for line in re.findall(r"(?m)(?:^|`|python -m )((?:eventdesk|benchmarks) [^`\n&]*)", text):
        module, *words = shlex.split(line, comments=True)
        options = {word for word in words if word.startswith("--")}
        if module == "benchmarks":
            assert {*words} - options <= {*BENCHMARKS, "NAME", "[--json]"}
            continue
        with pytest.raises(SystemExit):
            commands.main([*words[:1], "--help"])
        shown = capsys.readouterr().out
        assert all(option in shown for option in options), line


def test_places_in_the_readme_exist():
    (layout,) = re.findall(r"(?ms)^```text\n(.*?)^```$", README)
    for line in layout.splitlines():
        places = line[:30].strip().removesuffix(", ...").split(", ")
        if not line.startswith("  "):
            first, inside = places[0], ROOT
        else:
            inside = ROOT / first
        assert all((inside / place).exists() for place in places), line


def test_the_readme_is_short_and_its_first_python_stands_below_the_two_commands():
    assert len(README.split()) <= 1500
    lines = README.splitlines()
    commands = [n for n, line in enumerate(lines) if line.startswith("pip install uv && ")]
    assert len(commands) == 2
    assert lines.index("```python") - commands[-1] <= 15


def test_the_page_of_measurements_lists_every_benchmark_and_no_other():
    line = r"(?m)^(\w+)(?: \| [^|\n]+){2} \| \d+ (?:minutes?|hours?)$"
    assert sorted(re.findall(line, text_of("book/measurements.md"))) == sorted(BENCHMARKS)


# ---- Workflows ----

WORKFLOWS = {path.stem: path for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))}


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
    (left_out,) = re.findall(r"\"(\w+) ; python_version < '3'\"", text_of("pyproject.toml"))
    code = (
        f"import sys; sys.modules['{left_out}'] = None; import pokersnn_helpers.networks.snn; "
        "import tonic; tonic.datasets.POKERDVS"
    )
    command = [sys.executable, "-W", "error:`torch.jit.script`", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout + done.stderr == ""
