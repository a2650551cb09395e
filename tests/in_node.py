"""Scripts of the pages, run by Node.js: what they compute, without a page around them."""

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def find_node():
    """Return the path of Node.js, or else of the one that Playwright brings; None without both."""
    if found := shutil.which("node"):
        return found
    playwright = importlib.util.find_spec("playwright")
    return playwright and shutil.which("node", path=Path(playwright.origin).parent / "driver")


NODE = find_node()
needs_node = pytest.mark.skipif(NODE is None, reason="Node.js isn't installed")
# What every script expects of a browser.
BROWSER = """
globalThis.window = globalThis;
globalThis.module = globalThis.exports = undefined; // fflate is a script here
globalThis.document = { currentScript: { src: "http://localhost/" }, addEventListener() {} };
"""


def read_scripts(*names):
    """Return the texts of scripts below ``book/_static``, by names without their ending."""
    return [(ROOT / f"book/_static/{name}.js").read_text(encoding="utf-8") for name in names]


def run(scripts, body, **values):
    """Return what a JavaScript function body returns, with values by name, after some scripts."""
    given = "".join(f"const {name} = {json.dumps(value)};" for name, value in values.items())
    program = (
        BROWSER
        + "\n".join(f"(0, eval)({json.dumps(script)});" for script in scripts)
        + given
        + f"(async () => {{ {body} }})().then((found) => {{"
        "  process.stdout.write(JSON.stringify(found ?? null), () => process.exit(0)); });"
    )
    done = subprocess.run([NODE, "-"], input=program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
