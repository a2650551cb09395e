"""Make this copy of the book one that you can publish.

    python tools/publish.py [https://github.com/YOU/NAME]

Every link, badge and install cell gets the address of your repository; without one, that of git's
remote ``origin``. It prints what is left to do in a browser. To run it again changes nothing.
"""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

NAME = r"(?!\.+(?:git)?/?$)([\w.-]+?)"  # not "..", which is a folder
ADDRESS = re.compile(rf"https://github\.com/([A-Za-z\d-]+)/{NAME}(?:\.git)?/?", re.ASCII)
LEFT_TO_DO = """
Commit and push what has changed. Then, once:
- {address}/settings/pages: choose "GitHub Actions" as the source. Each push to main publishes
  https://{owner}.github.io/{name}/
- https://zenodo.org/account/settings/github/: switch {owner}/{name} on. Each release gets a DOI, by
  what .zenodo.json says. Name the first one in CITATION.cff (doi: 10.5281/zenodo...).
"""


def current_address(root: Path) -> str:
    return re.search(r"^  url: (\S+)$", (root / "_config.yml").read_text(), re.MULTILINE)[1]


def origin(root: Path) -> str:
    """Return the address of git's remote, by which you have cloned, as a page's."""
    command = ["git", "remote", "get-url", "origin"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise ValueError("git has no remote 'origin'; name the address of your repository")
    return done.stdout.strip().replace("git@github.com:", "https://github.com/")


def set_repository(root: Path, address: str) -> list[Path]:
    """Replace the old address and its forms (Colab, Pages) by the new; return the changed files.

    Where one can't be written, run it again: the file that says what the old one is comes last.
    """
    new = ADDRESS.fullmatch(address)
    if not new:
        raise ValueError(f"{address!r} is not of the form https://github.com/YOU/NAME")
    old = ADDRESS.fullmatch(current_address(root))
    if new.groups() == old.groups():
        return []
    forms = {f"{old[1]}{dots}/{old[2]}": f"{new[1]}{dots}/{new[2]}" for dots in ("", ".github.io")}
    command = ["git", "grep", "-lzF", "--no-color"]
    for form in forms:
        command += ["-e", form]
    listed = subprocess.run(command, cwd=root, capture_output=True, check=True).stdout
    paths = [root / os.fsdecode(name) for name in listed.split(b"\0") if name]
    paths.sort(key=lambda path: path.name == "_config.yml")
    for path in paths:
        content = path.read_bytes()
        for before, after in forms.items():
            content = content.replace(before.encode(), after.encode())
        path.write_bytes(content)
    return paths


def main() -> None:
    """Set what is given, and print what has changed and what is left."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address", nargs="?", help="of your repository; default: git's 'origin'")
    given = parser.parse_args()
    root = Path(__file__).resolve().parents[1]
    try:
        changed = set_repository(root, given.address or origin(root))
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    for path in changed:
        print("changed", path.relative_to(root))
    address = current_address(root)
    owner, name = ADDRESS.fullmatch(address).groups()
    print(LEFT_TO_DO.format(address=address, owner=owner, name=name))


if __name__ == "__main__":
    main()
