"""Sphinx extension: the directive ``measurements``, a section for each stored measurement.

Its lines say "NAME | what it measures | of which recordings | how long it takes". The rest is read
from the file that ``python -m benchmarks NAME --write`` has made. A last section lists the
benchmarks whose results aren't stored.
"""

from datetime import date

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from pokersnn_helpers.study.measured import FOLDER, names, read

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
        lines = [[part.strip() for part in line.split("|")] for line in self.content if line]
        stored, sections = names(), []
        address = f"{self.config.html_theme_options['repository_url']}/blob/main/"
        address += FOLDER.relative_to(FOLDER.parents[2]).as_posix()
        for name, *rest in (line for line in lines if line[0] in stored):
            self.env.note_dependency(str(FOLDER / f"{name}.json"))
            said = described(read(name), *rest)
            file = f"- File: [`{name}.json`]({address}/{name}.json)"
            sections.append(self.section(name, nodes.literal("", name), f"{said}\n{file}"))
        head = "| NAME | What it measures | Recordings | Takes about |\n| --- | --- | --- | --- |"
        rows = ["| `{}` | {} | {} | {} |".format(*line) for line in lines if line[0] not in stored]
        title = nodes.Text("Benchmarks that store nothing")
        return [*sections, self.section("not-stored", title, "\n".join([head, *rows]))]

    def section(self, name: str, title: nodes.Node, markdown: str) -> nodes.section:
        """Make a section, to which other pages can link by its name."""
        section = nodes.section("", nodes.title("", "", title), ids=[name], names=[name])
        self.state.nested_parse(StringList(markdown.splitlines(), name), 0, section)
        slugs = self.env.metadata[self.env.docname].setdefault("myst_slugs", {})
        slugs[name] = (self.lineno, name, title.astext())
        return section


def described(document: dict, what: str, recordings: str, minutes: str) -> str:
    """Say in Markdown what a stored measurement depends on."""
    setting, seeds = document["setting"], document["result"].get("seeds", 1)
    day = date.fromisoformat(document["date"])
    cores, threads = (f"{n} {word}{'s' * (n > 1)}" for n, word in (
        (setting["cores"], "core"), (setting["threads"], "thread")
    ))  # fmt: skip
    versions = ", ".join(f"{label} {setting[name]}" for name, label in VERSIONS.items())
    return "\n".join([
        f"{what[0].upper()}{what[1:]}.\n",
        f"- Command: `{document['command']}`, about {minutes}",
        f"- Measured on: {day.day} {day:%B %Y}, at commit {document['commit']}",
        f"- Recordings: {recordings}",
        f"- Seeds: {f'0 to {seeds - 1}' if seeds > 1 else '0'}",
        f"- Machine: {setting['processor']}, {cores}, {threads}, GPU: {setting['gpu']}; {versions}",
    ])  # fmt: skip
