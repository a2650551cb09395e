import ast
import json
import re
import shlex
import subprocess
import sys
from functools import partial
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import nbval.kernel
import pytest
import yaml
from nbformat import v4
from packaging.requirements import Requirement

from pokersnn_helpers import pokerdvs
from pokersnn_helpers.commands import main as commands
from pokersnn_helpers.recordings import banner

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools"), str(ROOT / "_ext")]

import check_real  # noqa: E402
import colab  # noqa: E402
import set_repository as set_address  # noqa: E402
from check_sources import all_addresses, dead_sources  # noqa: E402
from set_repository import current_address, set_repository  # noqa: E402
from test_layout import FILES, imported_by  # noqa: E402

from benchmarks.__main__ import BENCHMARKS  # noqa: E402

PLACES = [
    "_config.yml",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "README.md",
    "pyproject.toml",
    "book/index.md",
    "book/for_teachers.md",
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


@pytest.fixture
def small_repository(tmp_path):
    """Two files that name the address, and a link to one that lies outside."""
    root = tmp_path / "repository"
    root.mkdir()
    (tmp_path / "outside").write_text("https://github.com/one/book")
    (root / "_config.yml").write_text("repository:\n  url: https://github.com/one/book\n")
    (root / "run").write_text("#!/bin/sh\n# one/book\n")
    (root / "run").chmod(0o755)
    (root / "link").symlink_to(tmp_path / "outside")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    subprocess.run(["git", "add", "."], cwd=root, check=True)
    return root


@pytest.mark.parametrize(
    "address",
    [
        *("github.com/a/b", "https://example.org/a/b", "https://github.com/a"),
        *("https://github.com/a/..", "https://github.com/../b", "https://github.com/a/."),
        "https://github.com/a/..git",
    ],
)
def test_malformed_address_is_refused(address, small_repository):
    with pytest.raises(ValueError, match=r"not of the form https://github.com/OWNER/NAME"):
        set_repository(small_repository, address)


def test_address_is_set_in_files_of_the_repository_only(small_repository):
    changed = set_repository(small_repository, "https://github.com/two/book")
    assert {path.name for path in changed} == {"_config.yml", "run"}
    assert (small_repository / "run").stat().st_mode & 0o777 == 0o755
    assert "one" in (small_repository / "link").read_text()


def test_address_is_set_everywhere_or_nowhere(small_repository, monkeypatch):
    write = set_address.replace_content

    def fail(path, content):
        if path.name == "run":
            raise OSError("full")
        write(path, content)

    monkeypatch.setattr(set_address, "replace_content", fail)
    with pytest.raises(OSError, match="full"):
        set_repository(small_repository, "https://github.com/two/book")
    assert current_address(small_repository) == "https://github.com/one/book"


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


@pytest.mark.parametrize("formula, loaded", [("math", True), ("math_block", True), ("Text", False)])
def test_mathjax_is_loaded_with_formulas_only_by_any_version_of_sphinx(formula, loaded):
    pytest.importorskip("sphinx", reason="needs the extra 'book'")
    from docutils import nodes, utils
    from published import leave_out_scripts

    page = utils.new_document("page")
    page += nodes.paragraph("", "", getattr(nodes, formula)("x^2"))
    script = SimpleNamespace(filename="mathjax/tex-chtml.js", attributes={})
    context = {"script_files": [script]}
    leave_out_scripts(None, "page", "page.html", context, page)
    assert context["script_files"] == [script] * loaded


def test_a_missing_source_is_named(published, tmp_path, serve):
    (tmp_path / "empty").mkdir()
    alive, dead = serve(published), serve(tmp_path / "empty")
    both = [(source + name, name) for source in (alive, dead) for name in pokerdvs.ARCHIVES]
    lines = dead_sources(both)
    assert len(lines) == 2
    assert all(line.startswith(dead) and "404" in line for line in lines)


def test_every_archive_has_two_sources():
    archives = [archive for _, archive in all_addresses()]
    assert sorted(archives) == sorted([*pokerdvs.ARCHIVES, pokerdvs.ARCHIVE_131] * 2)


def test_a_source_with_another_archive_is_named(published, tmp_path, serve):
    (tmp_path / "other").mkdir()
    for archive in pokerdvs.ARCHIVES:
        (tmp_path / "other" / archive).write_bytes((published / archive).read_bytes())
    (tmp_path / "other" / "pips_test.tar.gz").write_bytes(b"something else")
    other = serve(tmp_path / "other")
    (line,) = dead_sources([(other + name, name) for name in pokerdvs.ARCHIVES])
    assert "pips_test.tar.gz" in line and "does not match the known hash" in line


def test_torch_and_numpy_have_no_upper_pin():
    """An upper pin would make Colab replace its own and ask for a restart."""
    for requirement in metadata.requires("pokersnn-helpers"):
        if re.match(r"(torch|numpy)\b", requirement):
            assert "<" not in requirement and "==" not in requirement


COLAB = (ROOT / "tools" / "colab.txt").read_text(encoding="utf-8")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
NEWEST = json.dumps([{"sha": COMMIT, "commit": {"committer": {"date": "2026-08-19T19:33:29Z"}}}])
FREEZE = """# Do not modify this file directly
Pillow==11.3.0
jupyter_kernel_gateway @ git+https://github.com/googlecolab/kernel_gateway@b134e9945df2
google-colab @ file:///colabtools/dist/google_colab-1.0.0.tar.gz
nvidia-nccl-cu13==2.31.2
torch @ https://download.pytorch.org/whl/cpu/torch-2.11.0%2Bcpu-cp313-cp313-linux_x86_64.whl
"""


def colab_publishes(folder, newest=NEWEST, os_info="Ubuntu\nPython 3.13.15\n", freeze=FREEZE):
    (folder / COMMIT).mkdir()
    (folder / "commits").write_text(newest)
    (folder / COMMIT / "os-info.txt").write_text(os_info)
    if freeze is not None:
        (folder / COMMIT / "pip-freeze.txt").write_text(freeze)


def test_list_of_colab_is_made_of_what_is_published(tmp_path, serve):
    colab_publishes(tmp_path)
    address = serve(tmp_path)
    *header, pillow, torch = colab.colab_list(address, address).splitlines()
    assert (pillow, torch) == ("pillow==11.3.0", "torch==2.11.0")
    assert header[0].startswith("# What Google Colab had on 2026-08-19: Python 3.13.15")
    published = "https://raw.githubusercontent.com/googlecolab/backend-info"
    assert header[1] == f"# {published}/{COMMIT}/pip-freeze.txt"
    assert all(line.startswith("# ") for line in header)


@pytest.mark.parametrize(
    "published, message",
    [
        ({"newest": "[]"}, "names no commit"),
        ({"newest": "<html>"}, "names no commit"),
        ({"newest": NEWEST.replace(COMMIT, "../..")}, "names no commit"),
        ({"os_info": "Ubuntu"}, "os-info.txt names no version of Python"),
        ({"freeze": None}, f"{COMMIT}/pip-freeze.txt doesn't deliver: .*404"),
        ({"freeze": "# nothing"}, "pip-freeze.txt lists no package"),
        ({"freeze": "numpy"}, "pip-freeze.txt: 'numpy' pins no version"),
        ({"freeze": "<html>"}, "pip-freeze.txt: '<html>' pins no version"),
    ],
)
def test_what_is_wrong_with_colabs_list_is_named(published, message, tmp_path, serve):
    colab_publishes(tmp_path, **published)
    address = serve(tmp_path)
    with pytest.raises(ValueError, match=message):
        colab.colab_list(address, address)


def test_list_of_colab_has_the_form_that_the_command_writes():
    first, freeze, _, os_info, _, *packages = COLAB.splitlines()
    assert re.fullmatch(r"# What .* on \d{4}-\d\d-\d\d: Python 3\.\d+\.\d+ and .*", first)
    commits = [re.search("/([0-9a-f]{40})/", line)[1] for line in (freeze, os_info)]
    assert commits[0] == commits[1]
    assert packages == colab.pins("\n".join(packages))


def test_colab_has_no_package_that_is_too_old():
    """Or the first cell of a chapter would replace it, and Colab would ask for a restart."""
    has = dict(line.split("==") for line in COLAB.splitlines() if "==" in line)
    needed = [Requirement(line) for line in metadata.requires("pokersnn-helpers")]
    shared = [need for need in needed if need.marker is None and need.name in has]
    assert {"numpy", "matplotlib", "torch"} <= {need.name for need in shared}
    for need in shared:
        assert has[need.name] in need.specifier, f"{need}, and Colab has {has[need.name]}"


def test_chapters_outside_fail_on_an_error_and_on_a_warning(tmp_path, monkeypatch, capsys):
    pytest.importorskip("nbclient", reason="needs the extra 'book'")
    import chapters_outside

    codes = {
        "01_fine": "import tqdm\nlist(tqdm.tqdm([1, 2]))\nprint('said')",
        "02_raises": "1 / 0",
        "03_warns": "import warnings\nwarnings.warn('look here')",
        "04_simulated": """import warnings
def load_pokerdvs():
    warnings.warn("the real POKER-DVS recordings could not be loaded, so these are simulated. "
        "FileNotFoundError: tried\\n  1. here\\n  2. there", stacklevel=2)
data = load_pokerdvs()
""",
    }
    for name, code in codes.items():
        v4_notebook = v4.new_notebook(cells=[v4.new_code_cell(code)])
        (tmp_path / f"{name}.ipynb").write_text(json.dumps(v4_notebook))
    monkeypatch.setattr(chapters_outside, "BOOK", tmp_path)
    assert chapters_outside.main([]) == 2
    fine, raises, warns, simulated = re.split(r"^0\d_", capsys.readouterr().out, flags=re.M)[1:]
    assert re.fullmatch(r"fine.ipynb: \d+ s\n", fine)
    assert "ZeroDivisionError" in raises and "look here" in warns
    assert re.fullmatch(r"simulated.ipynb: \d+ s\n", simulated)
    with pytest.raises(SystemExit, match="no chapter has the number 7"):
        chapters_outside.main(["7"])


def test_no_recording_is_tracked():
    listed = subprocess.run(
        ["git", "ls-files", "*.npy", "*.npz", "*.tar.gz", "*.aedat"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert listed.stdout == ""


README = (ROOT / "README.md").read_text(encoding="utf-8")
TEST_COMMAND = "pytest -n 2 --dist loadfile --nbval-lax book tests"
WORKFLOWS = {path.stem: path for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))}


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_readme_commands_stand_on_the_first_screen():
    screen = "\n".join(README.splitlines()[:22])
    assert "pip install -r requirements.txt && jupyter-book build ." in screen
    assert f"pip install -r requirements.txt && {TEST_COMMAND}" in screen
    assert "](book/images/overview.png)" in screen


def test_names_that_the_readme_imports_exist():
    codes = blocks(README, "python")
    assert len(codes) >= 2
    for code in codes:
        imports = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom)]
        for node in imports:
            module = __import__(node.module, fromlist=["*"])
            assert all(hasattr(module, found.name) for found in node.names), node.module


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_documented_commands_and_their_options_exist(document, capsys):
    text = (ROOT / document).read_text(encoding="utf-8")
    for line in re.findall(r"python -m ((?:pokersnn_helpers|benchmarks)\b[^`\n&]*)", text):
        module, *words = shlex.split(line, comments=True)
        words = [word for word in words if word not in ("NAME", "[--json]")]
        if module == "benchmarks":
            names = [word for word in words if not word.startswith("--")]
            assert set(names) <= set(BENCHMARKS)
            continue
        with pytest.raises(SystemExit):
            commands.main([*words[:1], "--help"])
        shown = capsys.readouterr().out
        for option in (word for word in words if word.startswith("--")):
            assert option in shown, line


def test_places_in_the_readme_exist():
    (layout,) = blocks(README, "text")
    found = 0
    for line in layout.splitlines():
        folder = ROOT / "pokersnn_helpers" if line.startswith("  ") else ROOT
        for place in line.strip().split("  ")[0].split(", "):
            assert (folder / place).exists(), place
            found += 1
    assert found > 10


def test_the_table_of_modules_tells_their_imports():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z0-9_]+)(?:\.py|/)` \| [^|]+ \| ([^|]*)\|$", text, re.MULTILINE)
    documented = {module: set(re.findall(r"`(\w+)`", imports)) for module, imports in rows}
    documented.pop("__main__")
    actual = {module: set() for module in documented}
    for name in filter(None, set(FILES) - {"__main__"}):
        module = name.split(".")[0]
        actual[module] |= {found.split(".")[0] for found in imported_by(name)} - {module}
    assert documented == actual
    order = list(documented)
    assert all(
        order.index(name) < order.index(module) for module in order for name in actual[module]
    )


def steps(workflow):
    jobs = yaml.safe_load(WORKFLOWS[workflow].read_text(encoding="utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def test_ci_runs_the_test_command_of_the_readme():
    assert TEST_COMMAND in [step.get("run", "") for step in steps("tests")]
    assert f"\n{TEST_COMMAND} " in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_coverage_has_a_lower_bound_once_a_week():
    weekly = [step.get("run", "") for step in steps("weekly")]
    number = next(n for n, run in enumerate(weekly) if "--cov " in run)
    assert weekly[number + 1].startswith("coverage report --fail-under=95 --include=")
    core = ("recordings", "pokerdvs", "frames", "snn", "training", "recipe", "checkpoints")
    assert all(f" {name}" in weekly[number + 1] for name in core)


def test_what_pages_quote_is_measured_again_once_a_week():
    """Each stored measurement in a job of its own, which GitHub stops after six hours."""
    jobs = yaml.safe_load(WORKFLOWS["weekly"].read_text(encoding="utf-8"))["jobs"]
    job = jobs["measured-again"]
    assert job["strategy"]["matrix"] == {"name": "${{ fromJSON(needs.stored.outputs.names) }}"}
    assert job["strategy"]["fail-fast"] is False and job["timeout-minutes"] < 360
    assert job["steps"][-1]["run"].endswith("/${{ matrix.name }}.json) --compare")


def test_nothing_is_published_unless_all_recordings_are_real():
    runs = [step.get("run", "") for step in steps("book")]
    built = next(n for n, run in enumerate(runs) if run.startswith("jupyter-book build"))
    assert runs[built - 1] == "python tools/check_real.py"
    assert runs[built + 1] == "python tools/check_real.py _build/html"


@pytest.mark.parametrize("simulated", ["load_pokerdvs", "load_pokerdvs131"])
def test_sources_that_are_not_all_real_are_refused(simulated, monkeypatch):
    def load(name, source):
        assert source == "real"
        if name == simulated:
            raise FileNotFoundError("get them")

    for name in ("load_pokerdvs", "load_pokerdvs131"):
        monkeypatch.setattr(check_real, name, partial(load, name))
    with pytest.raises(SystemExit, match="get them"):
        check_real.main([])


def test_pages_made_with_simulated_recordings_are_named(tmp_path, monkeypatch):
    for name in ("load_pokerdvs", "load_pokerdvs131"):
        monkeypatch.setattr(check_real, name, lambda source: None)
    (tmp_path / "book").mkdir()
    pages = [tmp_path / "book" / f"{name}.html" for name in ("a", "b")]
    for page in pages:
        page.write_text("<p>no recordings</p>")
    with pytest.raises(SystemExit, match=r"no page in .* says that its recordings are real"):
        check_real.main([str(tmp_path)])
    pages[0].write_text(banner("real recordings: 3", "real"))
    check_real.main([str(tmp_path)])
    pages[1].write_text(banner("simulated recordings: 3", "simulated"))
    with pytest.raises(SystemExit, match=r"^b\.html was made with simulated recordings$"):
        check_real.main([str(tmp_path)])


def test_banners_are_those_that_publishing_looks_for(simulated):
    assert check_real.SIMULATED in simulated._repr_html_()
    real = simulated._replace(source="real")._repr_html_()
    assert check_real.REAL in real and check_real.SIMULATED not in real


def test_other_versions_are_tried_by_ci_and_the_workflows():
    run = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = [step.get("run", "") for step in steps("tests")]
    for versions in ("lowest", "colab"):
        assert f"with_versions {versions} &" in run
        assert any(f".ci/environments {versions}" in command for command in commands)
    weekly = [step.get("run", "") for step in steps("weekly")]
    renewal = next(n for n, command in enumerate(weekly) if "python tools/colab.py" in command)
    assert weekly[renewal + 1] == ".ci/environments colab all"


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_actions_are_pinned_to_a_commit_and_may_only_read(workflow):
    text = WORKFLOWS[workflow].read_text(encoding="utf-8")
    uses = re.findall(r"uses: (.+)", text)
    assert uses
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", use) for use in uses), uses
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}


def test_uv_needs_no_compiler():
    """Tonic requires expelliarmus and never imports it; where it has no wheel, it is compiled."""
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 can't read TOML")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (override,) = project["tool"]["uv"]["override-dependencies"]
    assert override.startswith("expelliarmus ; python_version < '3'")


def test_importing_says_nothing_and_needs_nothing_that_uv_leaves_out():
    """Norse makes PyTorch 2.14 and later warn of torch.jit, which a reader can do nothing about."""
    code = (
        "import sys; sys.modules['expelliarmus'] = None; import pokersnn_helpers, norse.torch; "
        "import tonic; tonic.datasets.POKERDVS"
    )
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert found.stdout + found.stderr == ""


@pytest.mark.parametrize("deaths", [1, 2, 3])
def test_a_kernel_that_dies_as_it_starts_is_started_again(monkeypatch, deaths):
    class Kernel:
        started = 0

        def __init__(self, **_):
            Kernel.started += 1

        def client(self):
            return self

        def wait_for_ready(self, timeout):
            if Kernel.started <= deaths:
                raise RuntimeError("Kernel died before replying to kernel_info")

        def do_nothing(self):
            pass

        start_kernel = start_channels = stop_channels = shutdown_kernel = do_nothing

    monkeypatch.setattr(nbval.kernel, "KernelManager", Kernel)
    if deaths == 3:
        with pytest.raises(RuntimeError, match="died"):
            nbval.kernel.start_new_kernel()
    else:
        nbval.kernel.start_new_kernel()
        assert Kernel.started == deaths + 1


def test_the_appendix_lists_every_benchmark_and_no_other():
    text = (ROOT / "book" / "appendix.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`.+?`) \|.+\| \d+ (?:minutes?|hours?) \|$", text, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(BENCHMARKS)
