"""Set the address of this repository wherever it occurs.

Usage: python tools/set_repository.py https://github.com/NEW_OWNER/NEW_NAME
"""

import os
import re
import subprocess
import sys
from pathlib import Path

NAME = r"(?!\.+(?:git)?/?$)([\w.-]+?)"  # not "..", which is a folder
ADDRESS = re.compile(rf"https://github\.com/([A-Za-z\d-]+)/{NAME}(?:\.git)?/?", re.ASCII)


def current_address(root: Path) -> str:
    return re.search(r"^  url: (\S+)$", (root / "_config.yml").read_text(), re.MULTILINE)[1]


def set_repository(root: Path, address: str) -> list[Path]:
    """Replace the old address and its forms (Colab, Pages) by the new; return the changed files.

    Where one can't be written, run it again: the file that says what the old one is comes last.
    """
    new = ADDRESS.fullmatch(address)
    if not new:
        raise ValueError(f"{address!r} is not of the form https://github.com/OWNER/NAME")
    old = ADDRESS.fullmatch(current_address(root))
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


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    repository = Path(__file__).resolve().parents[1]
    try:
        changed = set_repository(repository, sys.argv[1])
    except (ValueError, OSError) as error:
        sys.exit(str(error))
    for path in changed:
        print("changed", path.relative_to(repository))
