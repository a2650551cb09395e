"""Set the address of this repository wherever it occurs.

Usage: python tools/set_repository.py https://github.com/NEW_OWNER/NEW_NAME
"""

import re
import subprocess
import sys
from pathlib import Path

from pokersnn_helpers.files import atomic_write

NAME = r"(?!\.+(?:git)?/?$)([\w.-]+?)"  # not "..", which is a folder
ADDRESS = re.compile(rf"https://github\.com/([A-Za-z\d-]+)/{NAME}(?:\.git)?/?", re.ASCII)


def tracked_files(root: Path) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True
    )
    paths = [root / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def current_address(root: Path) -> str:
    return re.search(r"^  url: (\S+)$", (root / "_config.yml").read_text(), re.MULTILINE)[1]


def set_repository(root: Path, address: str) -> list[Path]:
    """Replace the old address and its forms (Colab, Pages) by the new; return the changed files.

    Where one can't be written, none is changed.
    """
    if not (new := ADDRESS.fullmatch(address)):
        raise ValueError(f"{address!r} is not of the form https://github.com/OWNER/NAME")
    old = ADDRESS.fullmatch(current_address(root))
    forms = {
        f"{old[1]}/{old[2]}": f"{new[1]}/{new[2]}",
        f"{old[1]}.github.io/{old[2]}": f"{new[1]}.github.io/{new[2]}",
    }
    changed: dict[Path, tuple[bytes, bytes]] = {}
    for path in tracked_files(root):
        before = path.read_bytes()
        after = before
        for find, replace in forms.items():
            after = after.replace(find.encode(), replace.encode())
        if after != before:
            changed[path] = before, after
    written: list[Path] = []
    try:
        for path, (_, after) in changed.items():
            replace_content(path, after)
            written.append(path)
    except OSError:
        for path in written:
            replace_content(path, changed[path][0])
        raise
    return written


def replace_content(path: Path, content: bytes) -> None:
    with atomic_write(path) as file:
        file.write(content)


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
