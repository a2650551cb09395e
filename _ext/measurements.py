"""Sphinx extension: the directive ``measurements``, a section for each stored measurement.

Its lines say "NAME | what it measures | of which recordings | how long it takes". The rest is read
from the file that ``python -m benchmarks NAME --write`` has made. The machine that most files name
is described once, before all sections, and another one in its own section. A last section lists
the benchmarks whose results aren't stored.
"""

import re
from collections import Counter
from datetime import date

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from pokersnn_helpers.page.measured import MEASUREMENTS, names, read

HEAD = "| NAME | What it measures | Recordings | Takes about |\n| --- | --- | --- | --- |"
SUMMARY = """\
*sets* counts those of at least 100 recordings, once per seed; the other columns say which share of
them a method is right about, or `compare` can't tell. The last two methods only say whether time
matters, so they never name a shortcut."""
VERSIONS = {"python": "Python", "torch": "PyTorch", "norse": "Norse", "numpy": "NumPy"}


def setup(app: Sphinx) -> dict:
    """Let pages use the directive."""
    app.add_directive("measurements", Measurements)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class Measurements(SphinxDirective):
    """Put the sections here."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Make a section for each line whose name is stored, and a table of the others."""
        stored = names()
        machines = Counter(machine(name) for name in stored)
        usual, _ = machines.most_common(1)[0]
        sections = [nodes.paragraph("", f"Unless a section names another machine, it was {usual}.")]
        others = HEAD
        for line in filter(None, self.content):
            name, *about = (part.strip() for part in line.split("|"))
            if name in stored:
                repository = self.config.html_theme_options["repository_url"]
                text = described(name, *about, repository)
                if machine(name) != usual:
                    text += f"\n- Machine: {machine(name)}"
                sections.append(self.section(name, name, text))
                self.env.note_dependency(str(MEASUREMENTS / f"{name}.json"))
            else:
                others += f"\n| `{name}` | {' | '.join(about)} |"
        sections.append(self.section("not-stored", "Benchmarks that store nothing", others))
        return sections

    def section(self, name: str, title: str, markdown: str) -> nodes.section:
        """Make a section, to which other pages can link by its name."""
        section = nodes.section("", nodes.title("", title), ids=[name], names=[name])
        self.state.nested_parse(StringList(markdown.splitlines(), name), 0, section)
        slugs = self.env.metadata[self.env.docname].setdefault("myst_slugs", {})
        slugs[name] = (self.lineno, name, title)
        return section


def machine(name: str) -> str:
    """Say what a stored measurement ran on, and with which versions."""
    setting = read(name)["setting"]
    versions = ", ".join(f"{label} {setting[package]}" for package, label in VERSIONS.items())
    threads = "1 thread" if setting["threads"] == 1 else f"{setting['threads']} threads"
    gpu = "no GPU" if setting["gpu"] == "none" else setting["gpu"]
    return f"{setting['processor']} with {setting['cores']} cores, {threads} and {gpu}; {versions}"


def described(name: str, what: str, recordings: str, minutes: str, repository: str) -> str:
    """Say in Markdown what a stored measurement depends on."""
    document = read(name)
    command = document["command"]
    result = document["result"]
    day = date.fromisoformat(document["date"])
    address = f"{repository}/blob/main/{MEASUREMENTS.relative_to(MEASUREMENTS.parents[2])}"
    text = f"""{what[0].upper()}{what[1:]}.

- Command: `{command}`, about {minutes}
- Measured on: {day.day} {day:%B %Y}, at commit {document["commit"]}
- Recordings: {recordings}
- Seeds: {seeds_of(command, result)}
- File: [`{name}.json`]({address}/{name}.json)"""
    if isinstance(result.get("summary"), list):
        text += f"\n\n{SUMMARY}\n\n{table(result['summary'])}"
    return text


def seeds_of(command: str, result: dict) -> str:
    """Return the first and the last seed."""
    seeds = result.get("seeds")
    if seeds is None:
        named = re.search(r"--seeds (\d+)", command)
        seeds = int(named[1]) if named else 1
    start = result.get("first seed", 0)
    of_rows = {row["seed"] for row in result.get("rows", ()) if "seed" in row}
    numbers = of_rows or range(start, start + seeds)
    first, last = min(numbers), max(numbers)
    return f"{first} to {last}" if first < last else f"{first}"


def table(rows: list[dict]) -> str:
    """Write rows as a table in Markdown, and shares in percent."""
    lines = [list(rows[0]), ["---"] + ["---:"] * (len(rows[0]) - 1)]
    for row in rows:
        cells = [f"{value:.0%}" if isinstance(value, float) else value for value in row.values()]
        lines.append(cells)
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)
